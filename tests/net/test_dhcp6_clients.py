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
    assert "serving dhcp4 dhcp6 tftp http" in lab.stderr
