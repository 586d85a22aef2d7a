# SPDX-License-Identifier: GPL-3.0-or-later
"""Several IPv6 links behind other people's relay agents, each a router in a namespace of its own, and one server. isc-dhcp-relay
says by option 18 which of its interfaces it speaks of; dnsmasq says the client's MAC address (option 79), and serves a link with two
subnets, which only `relay` of the subnet can tell."""
import shutil

import pytest

from dhcp6_wire import DUID_UUID, UUID, Wire, pxe
from netlab import Namespace, until
from test_dhcp6_wire import LOCAL, NOT_ON_LINK, SITE, SUCCESS, skip_dad, wait_address
from scapy.layers.dhcp6 import DHCP6_Confirm, DHCP6_Rebind, DHCP6_Release, DHCP6_Renew

pytestmark = pytest.mark.skipif(not shutil.which("dhcrelay"), reason="isc-dhcp-relay is not there")

EDGE3, EDGE4, OTHER = "52:54:00:77:00:03", "52:54:00:77:00:04", "52:54:00:99:00:01"
SERVER = "fd77::1"
SUBNETS = [LOCAL,
           {"prefix": "fd88::/64", "pool": ["fd88::100", "fd88::1ff"], "lease": "2h"},
           {"prefix": "fd89::/64", "pool": ["fd89::100", "fd89::1ff"], "lease": "2h"},
           {"prefix": "fd90::/64", "relay": "fd89:0:0:0::1", "lease": "3h"}]
FAR = [{"name": "edge03.lab", "nics": [{"mac": EDGE3, "ip6": "fd88::13"}]},
       # In the second subnet of the second link.
       {"name": "edge04.lab", "nics": [{"mac": EDGE4, "ip6": "fd90::14"}]}]


class Remote:
    """A router at fd77::NUMBER with a relay agent, and the link fdNUMBER::/64 behind it."""

    def __init__(self, netns, number):
        r = self.router = netns.add_client(mac=f"02:00:00:00:{number:02x}:01")
        skip_dad(r)
        r.ip("addr", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
        r.ip("link", "add", "br1", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        r.run("sysctl", "-qw", "net.ipv6.conf.br1.dad_transmits=0")
        r.ip("addr", "add", f"fd{number}::1/64", "dev", "br1", "nodad")
        r.ip("link", "set", "br1", "up")
        r.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        netns.server.ip("route", "add", f"fd{number}::/64", "via", f"fd77::{number}")
        self.number, self.clients = number, []

    def start(self, *agent):
        self.router.popen(*agent)
        until(lambda: ":547" in self.router.run("ss", "-lunH").stdout, what=agent[0])

    def wire(self, mac, anonymous=False):
        """A client there; `anonymous`: its link-local address says nothing of its MAC address."""
        ns = Namespace(f"s{self.number}-{len(self.clients)}")
        port = f"p{len(self.clients)}"
        self.router.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", ns.name)
        self.router.ip("link", "set", port, "master", "br1", "up")
        ns.ifname, ns.mac = "eth0", mac
        skip_dad(ns)
        if anonymous:
            ns.ip("link", "set", "eth0", "addrgenmode", "none")
        ns.ip("link", "set", "eth0", "up")
        if anonymous:
            ns.ip("addr", "add", "fe80::1234/64", "dev", "eth0", "nodad")
        wait_address(ns)
        w = Wire(ns)
        self.clients.append((ns, w))
        return w

    def close(self):
        for ns, w in self.clients:
            w.close()
            ns.close()


@pytest.fixture
def remotes(netns):
    made = []
    skip_dad(netns.server)
    try:
        for number in 88, 89:
            made.append(Remote(netns, number))
        one, two = made
        for r in made:
            r.router.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0")
            until(lambda r=r: "tentative" not in r.router.run("ip", "-6", "addr").stdout, what="the routers' addresses")
        one.start("dhcrelay", "-6", "-d", "--no-pid", "-I", "-l", "br1", "-u", f"{SERVER}%eth0")
        two.start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", f"--dhcp-relay=fd89::1,{SERVER}")
        yield made
    finally:
        for r in made:
            r.close()


@pytest.fixture
def lab(bootd, remotes):
    return bootd({"hosts": FAR, "site": SITE, "subnets": SUBNETS})


def test_each_link_has_its_own_subnet(lab, remotes):
    one, two = remotes
    w = one.wire(EDGE3)
    reply = w.lease(pxe())
    assert reply.addresses == {"fd88::13": 7200} and reply.url == f"tftp://[{SERVER}]/local-boot.efi"
    ev = lab.wait(lambda e: e["kind"] == "dhcp6.reply" and e.get("host") == "edge03.lab")
    assert ev["mac"] == EDGE3 and ev["detail"]["link_address"] == "fd88::1" and ev["detail"]["interface_id"]
    # The same unknown machine on each of the links: that one's pool.
    for remote, prefix in (one, "fd88::1"), (two, "fd89::1"):
        assert remote.wire(OTHER).lease().ip.startswith(prefix)


def test_two_subnets_behind_one_link_address(lab, remotes):
    """The host's fixed address says which; an unknown machine gets the pool."""
    two = remotes[1]
    reply = two.wire(EDGE4).lease(pxe())
    assert reply.addresses == {"fd90::14": 10800}
    ev = lab.wait(lambda e: e["kind"] == "dhcp6.reply" and e.get("host") == "edge04.lab")
    assert ev["detail"]["link_address"] == "fd89::1"
    assert two.wire(OTHER).lease().ip.startswith("fd89::1")


def test_a_client_that_only_the_relay_knows(lab, remotes):
    """Neither its link-local address nor its DUID, which is another board's UUID, says who it is: option 79 does."""
    w = remotes[1].wire(EDGE4, anonymous=True)
    assert w.lease(pxe(), duid=DUID_UUID(uuid=UUID)).ip == "fd90::14"
    assert lab.wait(lambda e: e["kind"] == "dhcp6.reply")["host"] == "edge04.lab"


def test_the_life_of_a_lease_behind_a_relay(lab, remotes):
    for remote in remotes:
        w = remote.wire(OTHER)
        ip = w.lease().ip
        assert w.ask(DHCP6_Renew, address=ip, server=True).addresses == {ip: 7200}
        assert w.ask(DHCP6_Rebind, address=ip).addresses == {ip: 7200}
        assert w.ask(DHCP6_Confirm, address=ip).status() == SUCCESS
        assert w.ask(DHCP6_Confirm, address="fd77::5").status() == NOT_ON_LINK
        assert w.ask(DHCP6_Release, address=ip, server=True).status() == SUCCESS
