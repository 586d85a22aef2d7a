# SPDX-License-Identifier: GPL-3.0-or-later
"""Two remote subnets behind other people's relay agents, each a router in a namespace of its own, with other
people's clients. isc-dhcp-relay appends option 82 (circuit and agent id, link selection); dnsmasq does not, and serves a link with
two subnets, which only `relay` of the subnet can tell."""
import shutil

import pytest

from dhcp4_wire import DISCOVER, OFFER, SERVER, Wire, option, pxe
from netlab import Namespace, until
from test_dhcp4_clients import UDHCPC, environment, script, start_dhclient

pytestmark = pytest.mark.skipif(not shutil.which("dhcrelay"), reason="isc-dhcp-relay is not there")

EDGE1, EDGE2, EDGE3 = ("52:54:00:77:00:%02x" % n for n in (1, 2, 3))
HOSTS = [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.88.0.11"}],
          "boot": {"order": "test", "kernel": "vmlinuz", "initrds": ["initrd.img"], "args": ""}},
         {"name": "edge02.lab", "nics": [{"mac": EDGE2}]},
         # In the second subnet of the second link.
         {"name": "edge03.lab", "nics": [{"mac": EDGE3, "ip": "10.90.0.13"}]}]
SUBNETS = [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "lease": "1h"},
           {"prefix": "10.88.0.0/24", "gateway": "10.88.0.1", "pool": ["10.88.0.100", "10.88.0.120"], "lease": "1h"},
           {"prefix": "10.89.0.0/24", "gateway": "10.89.0.1", "pool": ["10.89.0.100", "10.89.0.120"], "lease": "1h"},
           {"prefix": "10.90.0.0/24", "gateway": "10.90.0.1", "relay": "10.89.0.1", "lease": "1h"}]


class Remote:
    """A router with a relay agent, and the link behind it with a namespace for each client."""

    def __init__(self, netns, number):
        self.router = netns.add_client(mac=f"02:00:00:00:{number:02x}:01", address=f"10.77.0.{number}/24")
        r = self.router
        r.ip("link", "add", "br1", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        r.ip("addr", "add", f"10.{number}.0.1/24", "dev", "br1")
        r.ip("link", "set", "br1", "up")
        r.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        netns.server.ip("route", "add", f"10.{number}.0.0/24", "via", f"10.77.0.{number}")
        self.number, self.clients = number, []

    def start(self, *agent):
        self.router.popen(*agent)
        until(lambda: ":67" in self.router.run("ss", "-lunH").stdout, what=agent[0])
        return self

    def isc(self, upstream="-iu"):
        return self.start("dhcrelay", "-4", "-d", "--no-pid", "-a", "-id", "br1", upstream, "eth0", SERVER)

    def dnsmasq(self):
        return self.start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0",
                          f"--dhcp-relay=10.{self.number}.0.1,{SERVER}")

    def add_client(self, mac, address=None):
        ns = Namespace(f"r{self.number}-{len(self.clients)}")
        port = f"p{len(self.clients)}"
        self.clients.append(ns)
        self.router.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", ns.name)
        self.router.ip("link", "set", port, "master", "br1", "up")
        ns.ip("link", "set", "eth0", "up")
        if address:
            ns.ip("addr", "add", f"{address}/24", "dev", "eth0")
            ns.ip("route", "add", "default", "via", f"10.{self.number}.0.1")
        ns.ifname, ns.mac = "eth0", mac
        until(lambda: ns.run("cat", "/sys/class/net/eth0/carrier").stdout.strip() == "1", what="carrier")
        return ns

    def close(self):
        for ns in self.clients:
            ns.close()


def booting(bootd, **overrides):
    b = bootd({"hosts": HOSTS, "subnets": SUBNETS,
               "site": {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}, **overrides},
              wait_ready=None)
    b.put("images", "vmlinuz", "kernel")
    b.put("images", "initrd.img", "initrd")
    return b.start()


@pytest.fixture
def remotes(netns):
    """isc-dhcp-relay before 10.88.0.0/24; before 10.89.0.0/24, which shares its link with 10.90.0.0/24, dnsmasq."""
    made = []
    try:
        for number in 88, 89:
            made.append(Remote(netns, number))
        netns.server.ip("route", "add", "10.90.0.0/24", "via", "10.77.0.89")
        made[1].router.ip("addr", "add", "10.90.0.1/24", "dev", "br1")
        made[1].dnsmasq()
        yield made
    finally:
        for r in made:
            r.close()


def lease_of(remote, mac, tmp_path):
    """What busybox udhcpc gets there."""
    out = tmp_path / mac.replace(":", "")
    ns = remote.add_client(mac)
    ns.run("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s", script(tmp_path, UDHCPC),
           env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OUT": str(out)})
    return environment(f"{out}.bound")


def test_two_remote_subnets(bootd, remotes, tmp_path):
    lab = booting(bootd)
    one, two = remotes
    one.isc()
    fixed = lease_of(one, EDGE1, tmp_path)
    assert fixed["ip"] == "10.88.0.11" and fixed["router"] == "10.88.0.1" and fixed["serverid"] == SERVER
    ack = lab.wait(lambda e: e["kind"] == "dhcp4.ack" and e.get("host") == "edge01.lab")
    assert ack["detail"]["relay"] == "10.88.0.1" and ack["detail"]["circuit_id"] == "br1"
    pool = lease_of(one, EDGE2, tmp_path)
    assert pool["ip"].startswith("10.88.0.1") and pool["subnet"] == "255.255.255.0"
    # The same machine on the other link: that one's pool.
    assert lease_of(two, EDGE2, tmp_path)["ip"].startswith("10.89.0.1")
    # Two subnets behind one giaddr: the host's fixed address says which.
    other = lease_of(two, EDGE3, tmp_path)
    assert other["ip"] == "10.90.0.13" and other["router"] == "10.90.0.1"
    ack = lab.wait(lambda e: e["kind"] == "dhcp4.ack" and e.get("host") == "edge03.lab")
    assert ack["detail"]["relay"] == "10.89.0.1" and "circuit_id" not in ack["detail"]
    assert not lab.find("dhcp4.nak")


def test_the_reply_on_the_remote_link(bootd, remotes):
    """What firmware sees behind the relay: its option 82 taken off again, the broadcast bit kept, nothing too short."""
    booting(bootd)
    remotes[0].isc()
    wire = Wire(remotes[0].add_client(EDGE1))
    for flags in 0x8000, 0:
        offer = wire.ask(DISCOVER, pxe(), flags=flags)
        assert offer.type == OFFER and offer.yiaddr == "10.88.0.11" and offer.giaddr == "10.88.0.1"
        assert offer.flags == flags and len(offer.raw) >= 300 and 82 not in offer.options
        assert offer.file == b"snponly.efi" and offer.siaddr == SERVER
        assert offer.ip.dst == ("255.255.255.255" if flags else "10.88.0.11")
    wire.close()


def test_renewal_goes_past_the_relay(bootd, remotes, tmp_path):
    lab = booting(bootd)
    remotes[0].isc()
    ns = remotes[0].add_client(EDGE1, "10.88.0.11")
    conf = "supersede dhcp-renewal-time 1;\nsupersede dhcp-rebinding-time 300;\n"
    p, lease = start_dhclient(lab, ns, tmp_path, until, conf)
    assert "fixed-address 10.88.0.11;" in lease
    ack = lab.wait(lambda e: e["kind"] == "dhcp4.ack" and "relay" not in e["detail"])
    assert ack["ip"] == "10.88.0.11" and ack["host"] == "edge01.lab"
    assert not lab.find("dhcp4.nak")
    p.kill()
    p.wait()


def test_link_selection(bootd, remotes, tmp_path):
    """The relay is known by its address on our side, and option 82.5 says which link it speaks of (RFC 3527)."""
    lab = booting(bootd)
    remotes[0].isc("-U")
    pool = lease_of(remotes[0], EDGE2, tmp_path)
    assert pool["ip"].startswith("10.88.0.1") and pool["router"] == "10.88.0.1"
    ack = lab.wait(lambda e: e["kind"] == "dhcp4.ack" and e.get("host") == "edge02.lab")
    assert ack["detail"]["relay"] == "10.77.0.88"


def test_a_proxy_behind_the_relays(bootd, remotes):
    lab = booting(bootd, services={"dhcp4": "proxy", "tftp": True, "http": True}, subnets=[])
    remotes[0].isc()
    for remote in remotes:
        wire = Wire(remote.add_client(EDGE1))
        offer = wire.ask(DISCOVER, pxe() + option(61, b"\x01abcdef"), flags=0x8000)
        assert offer.type == OFFER and offer.yiaddr == "0.0.0.0" and offer.siaddr == offer.address(54) == SERVER
        assert offer.file == b"snponly.efi" and offer.giaddr == f"10.{remote.number}.0.1"
        wire.close()
    lab.wait(lambda _: {e["detail"].get("relay") for e in lab.find("dhcp4.offer")} == {"10.88.0.1", "10.89.0.1"})
