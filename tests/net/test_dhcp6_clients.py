# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCPv6 as other people's clients see it: isc-dhclient, dhcpcd, and perfdhcp, which counts what is wrong."""
import re

import pytest

from netlab import PATIENCE

EDGE1 = "52:54:00:77:00:01"
HOST = {"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip6": "fd77::11"}]}
SUBNET = {"prefix": "fd77::/64", "dns": ["fd77::1"], "pool": ["fd77::100", "fd77::1ff"], "lease": "1h",
          "domain": "lab.example"}
OPEN = {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}


def config(**members):
    return dict({"hosts": [HOST], "subnets": [SUBNET]}, **members)


@pytest.fixture
def lab(bootd):
    return bootd(config())


def link_local(ns, until):
    """Clients speak from a link-local address, which takes a moment to be checked."""
    def ready():
        text = ns.run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "link").stdout
        return "inet6" in text and "tentative" not in text
    until(ready, "a link-local address")


def client(netns, until, mac=EDGE1):
    ns = netns.add_client(mac=mac)
    link_local(ns, until)
    return ns


def dhclient(ns, tmp_path, until, *argv):
    lease, conf = tmp_path / "dhclient6.leases", tmp_path / "dhclient6.conf"
    conf.write_text("also request dhcp6.name-servers, dhcp6.domain-search;\n")
    p = ns.popen("dhclient", "-6", "-d", "-sf", "/bin/true", "-lf", lease, "-pf", tmp_path / "dhclient6.pid",
                 "-cf", conf, *argv, "eth0")
    return p, lease


def stop(p):
    p.kill()
    p.wait()


def test_dhclient_gets_the_fixed_address(lab, netns, tmp_path, until):
    p, lease = dhclient(client(netns, until), tmp_path, until)
    until(lambda: lease.exists() and "iaaddr" in lease.read_text(), "a lease")
    stop(p)
    text = lease.read_text()
    assert "iaaddr fd77::11 {" in text and "max-life 3600;" in text and "renew 1800;" in text
    assert "dhcp6.name-servers fd77::1;" in text and 'dhcp6.domain-search "lab.example.";' in text
    reply = lab.wait(lambda ev: ev["kind"] == "dhcp6.reply")
    assert reply["host"] == "edge01.lab" and reply["ip"] == "fd77::11" and reply["mac"] == EDGE1
    assert reply["detail"]["class"] == "os"
    assert "serving dhcp4 dhcp6 ra tftp http" in lab.stderr


def test_dhclient_keeps_and_gives_up_its_address(bootd, netns, tmp_path, until):
    """CONFIRM after its own restart, RELEASE at its end; nothing in between is refused."""
    lab = bootd(config(site=OPEN))
    ns = client(netns, until, mac="52:54:00:99:00:01")
    p, lease = dhclient(ns, tmp_path, until)
    first = lab.wait(lambda ev: ev["kind"] == "dhcp6.reply")["ip"]
    until(lambda: lease.exists() and first in lease.read_text(), "the lease file")
    stop(p)
    p, _ = dhclient(ns, tmp_path, until)
    lab.wait(lambda ev: ev["kind"] == "dhcp6.confirm")
    stop(p)
    # What -r gives up it must have: the script of these tests sets no address.
    ns.ip("addr", "add", f"{first}/128", "dev", "eth0", "nodad")
    p, _ = dhclient(ns, tmp_path, until, "-r")
    lab.wait(lambda ev: ev["kind"] == "dhcp6.release" and ev["ip"] == first)
    stop(p)
    assert re.match(r"fd77::1[0-9a-f]{2}$", first)


def test_dhclient_stateless(lab, netns, tmp_path, until):
    p, _ = dhclient(client(netns, until), tmp_path, until, "-S")
    assert lab.wait(lambda ev: ev["kind"] == "dhcp6.inform")["host"] == "edge01.lab"
    lab.wait(lambda ev: ev["kind"] == "dhcp6.reply" and ev["detail"]["type"] == "inform")
    stop(p)


def test_dhcpcd_gets_the_fixed_address(lab, netns, tmp_path, until):
    """Its DUID is made of the time (LLT) or a UUID, its address is checked (DAD) before it is used."""
    ns = client(netns, until)
    conf = tmp_path / "dhcpcd.conf"
    conf.write_text("noipv6rs\nia_na\nipv6only\nnohook resolv.conf\nnohook hostname\nslaac hwaddr\n")
    p = ns.popen("unshare", "-m", "sh", "-c", "mount -t tmpfs none /var/lib/dhcpcd && mkdir -p /run/dhcpcd &&"
                 " mount -t tmpfs none /run/dhcpcd && exec dhcpcd -6 -B -t 60 -f $0 -c /bin/true eth0", conf)
    assert lab.wait(lambda ev: ev["kind"] == "dhcp6.reply" and "ip" in ev)["ip"] == "fd77::11"
    until(lambda: "fd77::11/" in ns.run("ip", "-6", "addr", "show", "dev", "eth0").stdout, "the address")
    stop(p)


def test_perfdhcp_counts_no_error(bootd, netns, until):
    """Two hundred clients by relay: each exchange complete, every address another one."""
    lab = bootd(config(site=OPEN))
    ns = client(netns, until, mac="52:54:00:99:00:01")
    done = ns.run("perfdhcp", "-6", "-l", "eth0", "-r", "100", "-n", "200", "-R", "200", "-p", "60", "all",
                  check=False, timeout=PATIENCE)
    text = done.stdout + done.stderr
    assert "REQUEST-REPLY" in text, text
    received = re.findall(r"received packets: (\d+)", text)
    drops = re.findall(r"drops: (-?\d+)", text)
    assert len(received) == 2 and min(map(int, received)) > 100, text
    replies = [ev["ip"] for ev in lab.find("dhcp6.reply") if "ip" in ev]
    assert len(set(replies)) > 100 and drops, text
