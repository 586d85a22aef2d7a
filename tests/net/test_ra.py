# SPDX-License-Identifier: GPL-3.0-or-later
"""Router advertisements: what the link hears, and when; the kernel, rdisc6 and scapy as the other side."""
import json
import tempfile

import pytest

from netlab import PATIENCE, until
from test_ipv6_files import link_local

SUBNET = {"prefix": "fd77::/64", "router_lifetime": "30m", "mtu": 1400, "dns": ["fd77::1"], "domain": "los.example"}


@pytest.fixture
def client(netns):
    """Without addresses from advertisements, unless a test wants them."""
    c = netns.add_client()
    c.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=0")
    link_local(netns.server)
    return c


def ra_server(bootd, *subnets, **overrides):
    return bootd({"subnets": [{"prefix": "10.77.0.0/24"}, *subnets], **overrides})


def sent(server):
    return server.wait(lambda ev: ev["kind"] == "ra.sent")


# Solicits and prints the first advertisement as JSON: {"M": …, "options": {…}, "wait": seconds}.
ASK = f"PATIENCE = {PATIENCE}\n" + r"""
import json, sys, time
from scapy.all import (AsyncSniffer, Ether, IPv6, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptSrcLLAddr, sendp,
                       get_if_hwaddr)
src, hop = (sys.argv[1:] + ["", "255"])[:2]
import threading
ready = threading.Event()
sniff = AsyncSniffer(iface="eth0", count=1, timeout=float(sys.argv[3]) if len(sys.argv) > 3 else PATIENCE,
                     lfilter=lambda p: ICMPv6ND_RA in p, started_callback=ready.set)
sniff.start()
ready.wait(PATIENCE)
mac = get_if_hwaddr("eth0")
p = Ether(src=mac, dst="33:33:00:00:00:02") / IPv6(src=src or "::", dst="ff02::2", hlim=int(hop)) / ICMPv6ND_RS()
if src:
    p = p / ICMPv6NDOptSrcLLAddr(lladdr=mac)
began = time.time()
sendp(p, iface="eth0", verbose=False)
sniff.join()
if not sniff.results:
    print("{}")
    sys.exit()
p = sniff.results[0]
ra = p[ICMPv6ND_RA]
out = {"wait": float(p.time) - began, "dst": p[IPv6].dst, "src": p[IPv6].src, "hlim": p[IPv6].hlim, "M": ra.M, "O": ra.O,
       "router": ra.routerlifetime, "chlim": ra.chlim, "prefixes": []}
o = ra.payload
while o:
    name = type(o).__name__
    if name == "ICMPv6NDOptPrefixInfo":
        out["prefixes"].append([o.prefix, o.prefixlen, o.L, o.A])
    elif name == "ICMPv6NDOptMTU":
        out["mtu"] = o.mtu
    elif name == "ICMPv6NDOptRDNSS":
        out["dns"] = [o.dns, o.lifetime]
    elif name == "ICMPv6NDOptDNSSL":
        out["domains"] = [d.rstrip(".") if isinstance(d, str) else d.decode().rstrip(".") for d in o.searchlist]
    elif name == "ICMPv6NDOptSrcLLAddr":
        out["lladdr"] = o.lladdr
    o = o.payload
print(json.dumps(out))
"""


def ask(client, src="", hop=255, timeout=PATIENCE):
    return json.loads(client.python(ASK, src, hop, timeout).stdout)


def test_managed(bootd, client, netns):
    server = ra_server(bootd, SUBNET)
    ev = sent(server)
    assert ev["detail"]["prefixes"] == "fd77::/64" and ev["detail"]["flags"] == "MO"
    ra = ask(client, link_local(client))
    if ra["dst"] == "ff02::1":  # a slow machine: the three seconds were over, and begin now
        ra = ask(client, link_local(client))
    assert (ra["M"], ra["O"], ra["router"], ra["hlim"], ra["mtu"]) == (1, 1, 1800, 255, 1400)
    assert ra["src"] == link_local(netns.server)
    assert ra["prefixes"] == [["fd77::", 64, 1, 0]]
    assert ra["dns"] == [["fd77::1"], 1800] and ra["domains"] == ["los.example"]
    assert ra["lladdr"] == json.loads(netns.server.run("ip", "-j", "link", "show", "br0").stdout)[0]["address"]
    # Its first one to all was less than three seconds ago: this one is for the machine alone, at once.
    assert ra["dst"] == link_local(client)
    # A machine that has no address yet is answered too, when the three seconds are over.
    ra = ask(client)
    assert ra["dst"] == "ff02::1" and ra["wait"] < 4


def test_rdisc6_reads_it(bootd, client):
    ra_server(bootd, SUBNET, {"prefix": "fd78::/64", "ra": "stateless"})
    link_local(client)
    said = client.run("rdisc6", "-1", "-w", "5000", "eth0").stdout
    for line in ("Stateful address conf.    :          Yes", "Router lifetime           :         1800",
                 "Prefix                   : fd77::/64", "MTU                      :         1400",
                 "Recursive DNS server     : fd77::1", "DNS search list          : los.example"):
        assert line in said, said


def test_the_kernel_makes_an_address_only_where_it_is_stateless(bootd, client, netns, until):
    netns.server.ip("addr", "add", "fd78::1/64", "dev", "br0", "nodad")
    ra_server(bootd, SUBNET, {"prefix": "fd78::/64", "ra": "stateless"})
    for value in ("accept_ra=1", "accept_ra_rtr_pref=0", "disable_ipv6=1", "disable_ipv6=0"):
        client.run("sysctl", "-qw", f"net.ipv6.conf.eth0.{value}")

    def addresses():
        links = json.loads(client.run("ip", "-j", "-6", "addr", "show", "dev", "eth0").stdout)
        return [a["local"] for link in links for a in link.get("addr_info", []) if a["scope"] == "global"]
    until(addresses, what="an address")
    assert addresses() == ["fd78::5054:ff:fe77:1"]
    routes = client.run("ip", "-6", "route").stdout
    assert "fd77::/64 dev eth0 proto kernel" in routes and "default via fe80::" in routes
    assert "mtu 1400" in routes


def test_rule_6_a_link_without_ipv6_answers_too(bootd, client, netns):
    """So that iPXE does not wait 13 s at each boot; but it makes nobody's router or addresses."""
    netns.server.ip("addr", "del", "fd77::1/64", "dev", "br0")
    server = ra_server(bootd)
    ra = ask(client, link_local(client))
    assert (ra["M"], ra["O"], ra["router"], ra["prefixes"]) == (0, 0, 0, [])
    assert ra["wait"] < 1
    assert "iPXE" in sent(server)["reason"]


ADVERTISE = r"""
import sys
from scapy.all import Ether, IPv6, ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, get_if_hwaddr, sendp
flags = int(sys.argv[1])
for arg in sys.argv[2:]:
    src, hop = arg.split(",")
    p = (Ether(src=get_if_hwaddr("eth0"), dst="33:33:00:00:00:01") / IPv6(src=src, dst="ff02::1", hlim=int(hop))
         / ICMPv6ND_RA(M=flags, routerlifetime=600) / ICMPv6NDOptPrefixInfo(prefix="fd99::", prefixlen=64, L=1, A=1))
    sendp(p, iface="eth0", verbose=False)
"""


def test_another_router_is_told_of_once(bootd, client, netns):
    server = ra_server(bootd, SUBNET)
    sent(server)
    netns.server.run("sysctl", "-qw", "net.ipv6.conf.br0.accept_ra=0")
    theirs = link_local(client)
    # Through a router, not link-local: neither is valid.
    client.python(ADVERTISE, 1, "fe80::99,64", "fd77::99,255", *[f"{theirs},255"] * 3)
    ev = server.wait(lambda ev: ev["kind"] == "ra.foreign")
    assert ev["ip"] == ev["detail"]["source"] == link_local(client)
    assert ev["detail"]["prefixes"] == "fd99::/64" and ev["detail"]["router_s"] == 600
    assert ev["detail"]["flags"] == "M" and ev["detail"]["interface"] == "br0"
    ask(client, link_local(client))  # all that came before has been read
    assert len(server.find("ra.foreign")) == 1


def test_where_a_router_is_heard_nothing_is_added(bootd, client, netns):
    netns.server.ip("addr", "del", "fd77::1/64", "dev", "br0")
    netns.server.run("sysctl", "-qw", "net.ipv6.conf.br0.accept_ra=0")
    server = ra_server(bootd)
    sent(server)
    client.python(ADVERTISE, 0, f"{link_local(client)},255")
    server.wait(lambda ev: ev["kind"] == "ra.heard")
    assert ask(client, link_local(client), timeout=1.5) == {}


def test_off(bootd, client):
    server = ra_server(bootd, {**SUBNET, "ra": "off"})
    assert ask(client, link_local(client), timeout=1.5) == {}
    assert not server.find("ra.sent")


def test_service_off(bootd, client):
    ra_server(bootd, SUBNET, services={"ra": False})
    assert ask(client, link_local(client), timeout=1.5) == {}


def test_what_is_no_solicitation_is_not_answered(bootd, client):
    sent(ra_server(bootd, SUBNET))
    assert ask(client, link_local(client), hop=64, timeout=1.5) == {}
    assert ask(client, link_local(client))["M"] == 1


def test_a_router_takes_itself_back(bootd, client, netns):
    server = ra_server(bootd, SUBNET)
    sent(server)
    sniff = client.popen("/usr/bin/python3", "-c", r"""
from scapy.all import sniff, ICMPv6ND_RA
print("ready", flush=True)
p = sniff(iface="eth0", stop_filter=lambda p: ICMPv6ND_RA in p and p[ICMPv6ND_RA].routerlifetime == 0, timeout=60,
          started_callback=lambda: print("started", flush=True))
print([q[ICMPv6ND_RA].routerlifetime for q in p if ICMPv6ND_RA in q][-1], flush=True)
""", stdout=-1, text=True)
    assert sniff.stdout.readline() == "ready\n" and sniff.stdout.readline() == "started\n"
    assert server.stop() == 0
    assert sniff.stdout.readline() == "0\n"
    sniff.wait(timeout=PATIENCE)


def test_managed_without_dhcp6_is_told(bootd, client):
    """Its machines look for DHCPv6, which another server may give: told, and advertised as the subnet says."""
    server = ra_server(bootd, SUBNET, services={"dhcp6": False})
    ev = server.wait(lambda ev: ev["kind"] == "bootd.check")
    assert [p["code"] for p in ev["detail"]["problems"]] == ["dhcp6-off"]
    assert "fd77::/64 is advertised as managed" in server.stderr
    assert sent(server)["detail"]["flags"] == "MO"


def test_more_addresses_than_are_looked_at(bootd, client, netns):
    """Thousands of addresses of others hide none of ours; beyond what is read the log says so."""
    def add(iface, first, n):
        with tempfile.TemporaryFile("w+") as f:
            f.writelines(f"address add fd99:{i >> 16:x}::{i & 0xffff:x}/128 dev {iface} nodad\n"
                         for i in range(first, first + n))
            f.seek(0)
            netns.server.run("ip", "-batch", "-", stdin=f)
    netns.server.run("ip", "link", "add", "many", "type", "bridge")
    netns.server.run("ip", "link", "set", "many", "up")
    add("many", 1, 5000)
    server = ra_server(bootd, SUBNET)
    assert sent(server)["detail"]["prefixes"] == "fd77::/64"
    assert "more IPv6 addresses" not in server.stderr
    add("br0", 0x10001, 70)
    until(lambda: "br0 has more than 64 IPv6 addresses" in server.stderr)
