# SPDX-License-Identifier: GPL-3.0-or-later
"""`site config`: each configuration passes its server's own check; the real servers with it decide as
netboot-bootd does for hosts with a ticket, row by row of the architecture table; nothing in an inventory can
become a line of a configuration."""
import json
import os
import random
import re
import struct
import subprocess

import pytest

from dhcp4_wire import ACK, DISCOVER, Wire, http, ipxe, option, pxe
from dhcp6_wire import http as http6, ipxe as ipxe6, option as option6, pxe as pxe6, vendor as vendor6
from netlab import BUILD, PATIENCE, until
from site_servers import Refused, Servers, generate
from site_wire6 import Clients6, duid_ll, duid_uuid, wait_link_local

EDGE1, EDGE2, EDGE2B = "52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:77:00:0a"
EDGE3, EDGE3B, OTHER = "52:54:00:77:00:03", "52:54:00:77:00:0b", "52:54:00:99:00:01"
EDGE4, EDGE5 = "52:54:00:77:00:04", "52:54:00:77:00:05"
POOL = ["10.77.0.100", "10.77.0.199"]
HOSTS = [
    {"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11", "ip6": "fd77::11"}],
     "uuid": "11223344-5566-7788-99aa-bbccddeeff00"},
    {"name": "edge02.lab", "nics": [{"mac": EDGE2, "boot": True}, {"mac": EDGE2B}],
     "loaders": {"x64-uefi": "shimx64.efi", "x86-bios": "ipxe.pxe"}},
    {"name": "edge03.lab", "nics": [{"mac": EDGE3, "boot": True}, {"mac": EDGE3B}], "idle": "silent"},
]
MENU_HOSTS = [{"name": "edge04.lab", "nics": [{"mac": EDGE4, "ip6": "fd77::14"}], "idle": "menu"},
              {"name": "edge05.lab", "nics": [{"mac": EDGE5}], "idle": "menu", "loaders": {"x64-uefi": "shimx64.efi"}}]
SUBNET = {"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "dns": ["10.77.0.1"], "pool": POOL, "lease_s": 3600,
          "domain": "lab.example"}
SUBNET6 = {"prefix": "fd77::/64", "dns": ["fd77::1"], "pool": ["fd77::1000", "fd77::1fff"], "lease_s": 3600,
           "domain": "lab.example", "ra": "managed", "mtu": 1400}
REMOTE = {"prefix": "10.88.0.0/24", "pool": ["10.88.0.10", "10.88.0.99"], "lease_s": 7200, "relay": "10.88.0.1"}
SECOND = {"prefix": "10.89.0.0/24", "lease_s": 7200, "relay": "10.88.0.1"}
LOADERS = {"arm64-uefi": "arm/our.efi"}
FILES = ["undionly.kpxe", "snponly.efi", "snponly-i386.efi", "snponly-arm64.efi", "arm/our.efi", "shimx64.efi",
         "ipxe.pxe"]
IMAGE = {"name": "grml", "kind": "live", "kernel": {"name": "vmlinuz", "path": "grml/vmlinuz", "sha256": "0" * 64,
                                                    "size": 6},
         "initrds": [{"name": "initrd.img", "path": "grml/initrd.img", "sha256": "0" * 64, "size": 6}],
         "args": "", "nfs_root": "grml/root"}
NAMES = ["isc-dhcp", "isc-dhcp6", "kea", "kea6", "dnsmasq", "radvd", "tftpd-hpa", "nginx", "nfs", "ganesha"]


def document(subnets=(SUBNET, SUBNET6), hosts=HOSTS, images=(IMAGE,), **more):
    site = {"name": "lab", "timezone": "UTC", "url": "http://10.77.0.1", "answer_unknown": False, "idle": "local",
            "loaders": LOADERS, "subnets": list(subnets), "hosts": hosts, "version": 1}
    site.update(more)
    return {"site": site, "images": list(images)}


@pytest.fixture
def servers(netns, tmp_path):
    return Servers(netns.server, tmp_path)


# --- the servers' own checks ---

@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("idle", ["local", "menu", "silent"])
def test_every_configuration_passes_its_servers_check(servers, netns, unknown, idle):
    doc = document([SUBNET, REMOTE, SECOND, SUBNET6], answer_unknown=unknown, idle=idle)
    checks = {
        "isc-dhcp": ["dhcpd", "-4", "-t", "-cf"],
        "isc-dhcp6": ["dhcpd", "-6", "-t", "-cf"],
        "kea": ["kea-dhcp4", "-t"],
        "kea6": ["kea-dhcp6", "-t"],
        "dnsmasq": ["dnsmasq", "--test", "-C"],
        "radvd": ["radvd", "-c", "-C"],
    }
    for name, check in checks.items():
        conf = servers.write(name + ".conf", generate(name, doc))
        netns.server.run(*check, conf)


# With a table of exports and files of its own, so that nothing of the machine's is read or changed.
EXPORTFS = """set -e
mount -t tmpfs none /var/lib/nfs
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount --bind "$0" /etc/exports
exportfs -ra
cat /var/lib/nfs/etab"""


def test_exportfs_reads_the_exports(servers, netns):
    """The kernel's server, as far as its own tool: what is exported, to whom, and how."""
    os.makedirs(servers.path("grml", "root"))
    text = generate("nfs", document([SUBNET, REMOTE, SUBNET6]), images_root=servers.path())
    conf = servers.write("exports", text)
    table = netns.server.run("unshare", "-m", "sh", "-c", EXPORTFS, conf).stdout.splitlines()
    assert [line.split("(")[0].split("\t") for line in table] == [
        [servers.path("grml", "root"), net] for net in sorted((SUBNET["prefix"], REMOTE["prefix"], SUBNET6["prefix"]))]
    for line in table:
        assert {"ro", "no_root_squash", "insecure", "no_subtree_check"} <= set(line.split("(")[1].rstrip(")").split(","))
    bad = servers.write("bad", text.replace("no_subtree_check", "no_tree_check"))
    assert netns.server.run("unshare", "-m", "sh", "-c", EXPORTFS, bad, check=False).returncode != 0


# --- the same decisions ---

BIOS_OLD = option(60, b"PXEClient")  # a ROM from before option 93
ROWS = [("pxe %d" % arch, pxe(arch)) for arch in (0, 6, 7, 9, 11, 0x25)] + \
    [("http %d" % arch, http(arch)) for arch in (15, 16, 19, 0x25)] + [
        ("pxe without 93", BIOS_OLD),
        ("pxe, 93 only in the text", option(60, b"PXEClient:Arch:00007:UNDI:003000")),
        ("ipxe by user class", ipxe()),
        ("ipxe by RFC 3004 user class", ipxe(user_class=b"\x04iPXE")),
        ("ipxe by 175", ipxe(user_class=None)),
        ("ipxe that says HTTPClient", http(16) + option(77, b"iPXE")),
        ("an operating system", option(55, b"\x01\x03\x06\x0f\x0c")),
        ("an operating system's own class", option(60, b"MSFT 5.0")),
]
WEAK = ("ipxe without HTTP", ipxe(features=b"\x15\x01\x01"))
MACS = {"edge01": EDGE1, "edge02": EDGE2, "edge02, a NIC that may not boot": EDGE2B,
        "edge03, a NIC that may not boot": EDGE3B, "edge04, menu": EDGE4, "edge05, menu": EDGE5, "unknown": OTHER}


def decision(reply, mac):
    """What a reply tells the client to do: the same for two servers whose replies mean the same. Address options
    are compared where there are any: other servers send what was asked for."""
    if reply is None:
        return None

    def text(value):
        return value.rstrip(b"\0").decode().replace("${netX/mac}", mac)
    file, name = text(reply.file), text(reply.options.get(67, b""))
    first = int(reply.yiaddr.split(".")[3])
    return {"type": reply.type, "address": reply.yiaddr if first < 100 else "of the pool",
            "siaddr": reply.siaddr if file else "0.0.0.0", "file": file, "67": name,
            "66": text(reply.options.get(66, b"")) if not file.startswith("http") else "",
            "60": text(reply.options.get(60, b"")), "43": reply.options.get(43),
            "175": reply.options.get(175, b"").rstrip(b"\xff"), "mask": reply.options.get(1), "router": reply.options.get(3),
            "dns": reply.options.get(6), "lease": reply.options.get(51)}


def ask_all(wire, rows):
    """{(who, row): decision}. What gets no answer is known by the answer to what was asked after it; all that was
    not answered is asked once more, since a datagram may be lost."""
    asked = {(who, row): (mac, random.getrandbits(32), options) for who, mac in MACS.items() for row, options in rows}
    replies = {}
    for _ in range(2):
        for who in MACS:
            for key, (mac, xid, options) in asked.items():
                if key[0] == who and xid not in replies:
                    wire.send(wire.bootp(option(53, bytes([DISCOVER])) + options, mac=mac, xid=xid), mac=mac)
            fence = random.getrandbits(32)
            wire.send(wire.bootp(option(53, bytes([DISCOVER])) + pxe(), mac=EDGE1, xid=fence), mac=EDGE1)
            while (reply := wire.receive(timeout=5)) is not None and reply.xid != fence:
                replies[reply.xid] = reply
    return {key: decision(replies.get(xid), mac) for key, (mac, xid, _) in asked.items()}


def ticket(n, host):
    return {"ticket": f"0tkt00000000000{n}", "token": f"{n}" * 26, "job": f"0jb000000000000{n}",
            "boot": f"0bt000000000000{n}", "state": "armed", "script": "script.ipxe-" + host["nics"][0]["mac"],
            "payloads": []}


def bootd_decisions(agent, wire, doc, rows, ask=ask_all):
    """What netboot-bootd decides for the same inventory, with every host's ticket armed, but of those with a menu."""
    site = doc["site"]
    a = agent(wait_ready=None)
    for name in FILES:
        a.put("loaders", name, "loader")
    a.start()
    a.gen += 1
    a.send(t="table_begin", gen=a.gen, site="lab", timezone="UTC", loaders=site["loaders"],
           answer_unknown=site["answer_unknown"], idle=site["idle"])
    a.send(t="menu", menu={})
    for subnet in site["subnets"]:
        a.send(t="subnet", subnet=subnet)
    for n, host in enumerate(site["hosts"]):
        menu = host.get("idle") == "menu"
        a.send(t="host", gen=a.gen, host=host, boot=None if menu else ticket(n + 1, host))
    a.send(t="table_end", gen=a.gen)
    a.wait_ack(a.gen)
    found = ask(wire, rows)
    a.stop()
    return found


def differences(ours, theirs):
    out = []
    for key, want in ours.items():
        got = theirs[key]
        if want is None or got is None:
            if want is not got:
                out.append(f"{key}: bootd {want}, the other {got}")
            continue
        out += [f"{key}: {name}: bootd {want[name]!r}, the other {got[name]!r}" for name in want
                if want[name] != got[name] and not (name in ("mask", "router", "dns") and got[name] is None)]
    return out


# answer_unknown, the site's idle policy
POLICIES = [(False, "local"), (True, "local"), (True, "silent"), (True, "menu")]
SERVERS = {"isc-dhcp": Servers.dhcpd, "kea": Servers.kea, "dnsmasq": Servers.dnsmasq}


@pytest.mark.parametrize("unknown, idle", POLICIES)
def test_dhcp_servers_decide_as_bootd_does(servers, netns, agent, unknown, idle):
    doc = document([SUBNET], answer_unknown=unknown, idle=idle, hosts=HOSTS + MENU_HOSTS)
    rows = ROWS + [WEAK]
    wire = Wire(netns.add_client(mac="52:54:00:77:00:fe"))
    ours = bootd_decisions(agent, wire, doc, rows)
    assert ours["edge01", "pxe 7"]["file"] == "snponly.efi" and ours["edge02", "pxe 7"]["file"] == "shimx64.efi"
    assert (ours["unknown", "an operating system"] is None) == (not unknown)
    assert ours["edge04, menu", "ipxe by 175"]["file"] == "http://10.77.0.1/script.ipxe"
    assert ours["edge01", "ipxe by 175"]["file"] == "http://10.77.0.1/script.ipxe-" + EDGE1
    problems = {}
    for name, start in SERVERS.items():
        proc = start(servers, generate(name, doc))
        theirs = ask_all(wire, rows)
        log = proc.log()
        servers.stop(proc)
        ours_here = dict(ours)
        if name == "dnsmasq":  # it cannot look into option 175, as its file says, and always fills in siaddr
            ours_here = {k: v and dict(v, siaddr="10.77.0.1" if v["file"] else v["siaddr"])
                         for k, v in ours.items() if k[1] != WEAK[0]}
        if found := differences(ours_here, theirs):
            problems[name] = found + log.splitlines()[-5:]
    wire.close()
    assert not problems, json.dumps(problems, indent=1, default=repr)


RELAYED = [{"name": "edge05", "nics": [{"mac": "52:54:00:77:00:05", "ip": "10.89.0.5"}]},
           {"name": "edge06", "nics": [{"mac": "52:54:00:77:00:06"}]}]


def ask_relayed(wire, mac, server_mac):
    """DISCOVER to ACK through a relay at 10.88.0.1; the ACK's decision and address."""
    where = {"src": "10.88.0.1", "dst": "10.77.0.1", "sport": 67, "dst_mac": server_mac}
    fields = {"mac": mac, "giaddr": "10.88.0.1", "hops": 1, "where": where}
    offer = wire.ask(DISCOVER, pxe(), **fields)
    ack = wire.select(offer, pxe(), **fields)
    assert ack.type == ACK and ack.yiaddr == offer.yiaddr, (offer.yiaddr, ack.type)
    return dict(decision(ack, mac), address=ack.yiaddr.rsplit(".", 1)[0] if ack.yiaddr != "10.89.0.5" else ack.yiaddr)


def test_two_subnets_behind_one_relay(servers, netns, agent):
    """A host's fixed address is in the other subnet of the relay's link; a host without one gets the pool's."""
    client = netns.add_client(mac="52:54:00:77:00:fe", address="10.88.0.1/24")
    netns.server.ip("route", "add", "10.88.0.0/24", "dev", "br0")
    server_mac = netns.server.run("cat", "/sys/class/net/br0/address").stdout.strip()
    wire = Wire(client)
    doc = document([SUBNET, REMOTE, SECOND], hosts=RELAYED)
    macs = [h["nics"][0]["mac"] for h in RELAYED]

    def ask_both(_, __):
        return {mac: ask_relayed(wire, mac, server_mac) for mac in macs}
    ours = bootd_decisions(agent, wire, doc, None, ask_both)
    assert [d["address"] for d in ours.values()] == ["10.89.0.5", "10.88.0"]
    for name, start in SERVERS.items():
        proc = start(servers, generate(name, doc))
        theirs = ask_both(None, None)
        log = proc.log()
        servers.stop(proc)
        assert not differences(ours, theirs), name + log
    wire.close()


# --- the orchestrator and its client ---

def ctl(orch, *args):
    return subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *args],
                          capture_output=True, text=True, check=False, timeout=PATIENCE)


def without_ipv6(value):
    """Of an inventory: what databases kept before there was IPv6."""
    return {k: v for k, v in value.items() if k not in ("ip6", "loaders")}


def test_ctl_prints_what_the_inventory_makes(orch):
    hosts = [dict(without_ipv6(h), nics=[without_ipv6(n) for n in h["nics"]]) for h in HOSTS]
    doc = document([SUBNET], hosts=hosts, images=[], answer_unknown=True, loaders={}, timezone="Africa/Lagos")
    site = {k: doc["site"][k] for k in ("name", "timezone", "url", "answer_unknown", "idle", "subnets")}
    orch.apply({"sites": [site], "hosts": [dict(h, site="lab") for h in hosts]})
    for name in "isc-dhcp", "kea", "dnsmasq", "tftpd-hpa", "nginx":
        done = ctl(orch, "site", "config", "lab", "--for", name, "--interface", "br0", "--loaders-root", "/srv/x")
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert done.stdout == generate(name, doc, server=None, loaders_root="/srv/x",
                                       images_root=orch.path("images"))
    answer = orch.get("/sites/lab/config?for=dnsmasq&interface=br0&server=10.77.0.9")
    assert answer.status == 200 and ",10.77.0.9\n" in answer.text and "10.77.0.1\n" not in answer.text.split("Unknown")[1]


def test_ctl_prints_what_an_inventory_with_ipv6_makes(orch):
    doc = document(images=[])
    site = {k: v for k, v in doc["site"].items() if k not in ("hosts", "version")}
    orch.put_file("images/grml/vmlinuz", b"kernel")
    orch.put_file("images/grml/initrd.img", b"initrd")
    image = {"name": "grml", "kind": "live", "kernel": {"path": "grml/vmlinuz"}, "initrds": [{"path": "grml/initrd.img"}],
             "nfs_root": "grml/root"}
    answer = orch.apply({"sites": [site], "images": [image], "hosts": [dict(h, site="lab") for h in HOSTS]})
    assert answer.status == 200, answer.json
    for name in "isc-dhcp", "isc-dhcp6", "kea6", "dnsmasq", "radvd":
        done = ctl(orch, "site", "config", "lab", "--for", name, "--interface", "br0", "--address", "fd77::1",
                   "--address", "10.77.0.1")
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert done.stdout == generate(name, doc)
    exports = ctl(orch, "site", "config", "lab", "--for", "nfs").stdout
    assert f'"{orch.path("images")}/grml/root" 10.77.0.0/24(ro,' in exports and " fd77::/64(ro," in exports


@pytest.mark.parametrize("args, status, words", [
    (["lab"], 1, ["which server"]),
    (["nowhere", "--for", "nginx"], 1, ["site-unknown", "nowhere"]),
    (["lab", "--for", "bind9"], 1, ["bind9", "isc-dhcp"]),
    (["lab", "--for", "kea"], 1, ["config-incomplete", "--interface"]),
    (["lab", "--for", "isc-dhcp6"], 1, ["config-incomplete", "IPv6 subnet"]),
    (["lab", "--for", "nfs"], 1, ["config-incomplete", "nfs_root"]),
    (["named", "--for", "isc-dhcp"], 1, ["config-incomplete", "--address"]),
    (["lab", "--for", "isc-dhcp", "--address", "10.0.0.300"], 1, ["bad-value", "address"]),
    (["lab", "--for", "isc-dhcp", "--address", "10.0.0.1", "--address", "10.0.0.2"], 1, ["two addresses"]),
    (["lab", "--for", "kea", "--interface", "eth0;"], 1, ["bad-value", "interface"]),
    (["lab", "--for", "nginx", "--scripts-root", "relative"], 1, ["bad-value", "scripts_root"]),
    (["lab", "--for", "nginx", "--loaders-root", '/a"; include /etc/passwd; "'], 1, ["bad-value", "loaders_root"]),
])
def test_what_cannot_be_made_is_said(orch, args, status, words):
    site = {"name": "lab", "timezone": "UTC", "url": "http://10.77.0.1", "subnets": [SUBNET]}
    orch.apply({"sites": [site, dict(site, name="named", url="http://boot.example")]})
    done = ctl(orch, "site", "config", *args)
    assert done.returncode == status and not done.stdout, done.stdout
    for word in words:
        assert word in done.stderr


# --- DHCPv6 ---

UUID6 = HOSTS[0]["uuid"]
FENCE = "52:54:00:77:00:f0"
HOSTS6 = HOSTS + MENU_HOSTS + [{"name": "fence.lab", "nics": [{"mac": FENCE}]}]
SILENT_NIC = "edge03, a NIC that may not boot"
RAW_IPXE = "ipxe with a raw user class"
ORO6 = option6(6, struct.pack(">5H", 59, 60, 23, 24, 16))
ROWS6 = [("pxe %d" % arch, pxe6(arch)) for arch in (0, 6, 7, 9, 11, 0x25)] + \
    [("http %d" % arch, http6(arch)) for arch in (15, 16, 19, 0x25)] + [
        ("pxe without 61", ORO6 + vendor6(b"PXEClient")),
        ("pxe, 61 only in the text", ORO6 + vendor6(b"PXEClient:Arch:00011:UNDI:003000")),
        ("http, 61 only in the text", ORO6 + vendor6(b"HTTPClient:Arch:00016:UNDI:003000")),
        ("61 without a vendor class", ORO6 + option6(61, b"\0\7")),
        ("ipxe", ipxe6()),
        ("ipxe 0", ipxe6(arch=0)),
        ("ipxe of 2013", ORO6 + option6(15, b"\0\4iPXE")),  # neither 16 nor 61
        (RAW_IPXE, ipxe6(b"iPXE")),
        ("ipxe that says HTTPClient", http6(16) + option6(15, b"\0\4iPXE")),
        ("an operating system", ORO6),
        ("an operating system's own class", ORO6 + option6(16, struct.pack(">IH", 311, 8) + b"MSFT 5.0")),
]
# Firmware and iPXE name a machine by its UUID, in different orders of octets (boot.md 1.6). Each machine's rows are
# fewer than its burst (DHCP4_LIMIT_BURST).
ASKED6 = {(who, row): (mac, duid_ll(mac), extra) for who, mac in MACS.items() for row, extra in ROWS6}
ASKED6.update({(f"edge01 by its UUID, {order}", row): (EDGE1, duid_uuid(UUID6, order), extra)
               for order, row, extra in (("raw", "pxe 7", pxe6()), ("raw", "http 16", http6()), ("rfc", "ipxe", ipxe6()))})
SERVERS6 = {"isc-dhcp": (Servers.dhcpd6, "isc-dhcp6"), "kea": (Servers.kea6, "kea6"),
            "dnsmasq": (Servers.dnsmasq, "dnsmasq")}


def decision6(reply, mac):
    """As decision(). An ADVERTISE with neither address nor URL is one that clients pass over (RFC 8415 18.2.9)."""
    if reply is None or not (reply.address or reply.text(59)):
        return None
    return {"address": "of the pool" if (reply.address or "").startswith("fd77::1") and len(reply.address) == 10
            else reply.address, "lifetimes": reply.lifetimes,
            "59": reply.text(59) and reply.text(59).replace("${netX/mac}", mac), "16": reply.hex(16),
            "60": reply.hex(60), "dns": reply.hex(23), "domain": reply.hex(24)}


def ask_all6(clients, asked):
    replies = clients.ask_all(asked, (FENCE, duid_ll(FENCE), pxe6()))
    return {key: decision6(replies.get(key), mac) for key, (mac, _, _) in asked.items()}


def as_they_are(name, ours, theirs, silent):
    """What their servers cannot do. isc-dhcp-server is not silent, as its file says: an address, and nothing to boot.
    dnsmasq writes option 16 without the enterprise's number, which firmware does not look at, and does not see a raw
    user class, which no iPXE sends."""
    def one(key, got):
        if got and name == "isc-dhcp" and key[0] in silent and not got["59"] and not got["16"] and "system" not in key[1]:
            return None
        if name == "dnsmasq" and key[1] == RAW_IPXE:
            return ours[key]
        if got and name == "dnsmasq" and got["16"]:
            return dict(got, **{"16": "00000157" + got["16"][8:]})
        return got
    return {key: one(key, got) for key, got in theirs.items()}


def differences6(ours, theirs):
    out = []
    for key, want in ours.items():
        got = theirs[key]
        if want is None or got is None:
            if want is not got:
                out.append(f"{key}: bootd {want}, the other {got}")
            continue
        out += [f"{key}: {name}: bootd {want[name]!r}, the other {got[name]!r}" for name in want
                if want[name] != got[name] and not (name in ("dns", "domain") and got[name] is None)]
    return out


@pytest.mark.parametrize("unknown, idle", POLICIES)
def test_dhcpv6_servers_decide_as_bootd_does(servers, netns, agent, unknown, idle):
    """Address, URL and option 16 of ADVERTISE, by the MAC in a DUID-LL, and by the host's UUID."""
    doc = document([SUBNET, SUBNET6], answer_unknown=unknown, idle=idle, hosts=HOSTS6)
    clients = Clients6(netns, [FENCE, *MACS.values()])
    wait_link_local(netns.server)
    silent = [SILENT_NIC] + (["unknown"] if idle == "silent" else [])
    ours = bootd_decisions(agent, clients, doc, ASKED6, ask_all6)
    assert ours["edge01", "pxe 7"]["59"] == "tftp://[fd77::1]/snponly.efi"
    problems = {}
    for name, (start, config) in SERVERS6.items():
        proc = start(servers, generate(config, doc))
        theirs = ask_all6(clients, ASKED6)
        log = proc.log()
        servers.stop(proc)
        if found := differences6(ours, as_they_are(name, ours, theirs, silent)):
            problems[name] = found + log.splitlines()[-5:]
    clients.close()
    assert not problems, json.dumps(problems, indent=1, default=repr)


# --- files ---

TOKEN = "0123456789abcdefghjkmnpqrs"


def curl(ns, *args):
    """(status, body, headers) of one request, which is never redirected."""
    done = ns.run("curl", "-s", "-g", "-i", "--max-redirs", "0", *args)
    head, _, body = done.stdout.partition("\n\n")  # text: line ends are made alike
    lines = head.split("\n")
    return int(lines[0].split()[1]), body, {k.lower(): v for k, v in (x.split(": ", 1) for x in lines[1:])}


def test_nginx_serves_bootds_paths(servers, netns, tmp_path):
    roots = {n: str(tmp_path / n) for n in ("loaders", "images", "scripts")}
    files = {"loaders/arm/our.efi": "loader", "images/grml/vmlinuz": "kernel", "images/grml/initrd.img": "initrd",
             "images/secret/preseed": "secret", f"scripts/script.ipxe-{EDGE1}": "#!ipxe\nboot\n", "scripts/script.ipxe": "#!ipxe\nmenu\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "scripts" / "b" / TOKEN).mkdir(parents=True)
    (tmp_path / "scripts" / "b" / TOKEN / "linux").symlink_to(tmp_path / "images/grml/vmlinuz")
    (tmp_path / "scripts" / "b" / TOKEN / "sys").mkdir()
    (tmp_path / "scripts" / "b" / TOKEN / "sys" / "root.img").symlink_to(tmp_path / "images/grml/initrd.img")
    hosts = HOSTS + [{"name": "edge04.lab", "nics": [{"mac": "52:54:00:77:00:04"}], "local_boot": "sanboot"},
                     {"name": "edge05.lab", "nics": [{"mac": "52:54:00:77:00:05"}], "idle": "menu", "local_boot": "exit0"}]
    menu = "52:54:00:77:00:05"
    reinstall = dict(IMAGE, name="debian", kind="reinstall", nfs_root="")
    other = dict(IMAGE, name="other", nfs_root="")
    doc = document(hosts=hosts, images=[IMAGE, reinstall, other], menu={"items": ["grml", "debian", "local"]})
    text = generate("nginx", doc, **{n + "_root": path for n, path in roots.items()})
    nginx = servers.nginx(text)
    client = netns.add_client(address="10.77.0.50/24")
    for base in "http://10.77.0.1", "http://[fd77::1]":
        ns = client if base.endswith(".1") else netns.server
        for path, want in {
                "/loaders/arm/our.efi": (200, "loader"), "//loaders//arm/our.efi": (200, "loader"),
                "/loaders/arm": (404, None), "/loaders/": (404, None), "/": (404, None), "/local-boot.efi": (404, None),
                "/loaders/../images/secret/preseed": (404, None), "/loaders/%2e%2e/images/secret/preseed": (404, None),
                f"/script.ipxe-{EDGE1}": (200, "#!ipxe\nboot\n"), f"/scripts/script.ipxe-{EDGE1}": (200, "#!ipxe\nboot\n"),
                f"/script.ipxe-{EDGE2}": (200, "#!ipxe\necho netboot: no ticket, booting from disk\nexit 1\n"),
                f"/script.ipxe-{OTHER}": (404, None), "/script.ipxe-xx": (404, None),
                f"/script.ipxe-{menu}": (404, None), "/script.ipxe": (200, "#!ipxe\nmenu\n"),
                "/scripts/script.ipxe": (200, "#!ipxe\nmenu\n"), f"/local.ipxe-{OTHER.replace(':', '-')}": (404, None),
                **{f"/local.ipxe-{mac.replace(':', '-')}":
                   (200, f"#!ipxe\necho netboot: chosen in the menu, booting from disk\nexit {code}\n")
                   for mac, code in ((menu, 0), (EDGE2B, 1))},
                f"/b/{TOKEN}/sys/root.img": (200, "initrd"), f"/b/{TOKEN}/sys": (404, None), f"/b/{TOKEN}/sys/": (404, None),
                "/m/other/vmlinuz": (404, None), "/m/grml/initrd.img": (200, "initrd"),
                f"/b/{TOKEN}/linux": (200, "kernel"), f"/b/{TOKEN}": (404, None), f"/b/{TOKEN}/": (404, None),
                f"/b/{TOKEN[::-1]}/linux": (404, None), f"/b/{TOKEN}/../../script.ipxe-{EDGE1}": (200, "#!ipxe\nboot\n"),
                f"/report/{TOKEN}/up": (404, None), "/m/grml/vmlinuz": (200, "kernel"), "/m/debian/vmlinuz": (404, None),
                "/m/grml/": (404, None)}.items():
            status, body, headers = curl(ns, "--path-as-is", base + path)
            assert status == want[0] and "location" not in headers, (path, status, headers)
            assert want[1] is None or body == want[1], (path, body)
    assert "sanboot" in curl(client, "http://10.77.0.1/script.ipxe-52:54:00:77:00:04")[1]
    status, body, headers = curl(client, "-I", "http://10.77.0.1/loaders/arm/our.efi")
    assert status == 200 and headers["content-length"] == "6" and headers["content-type"] == "application/efi"
    assert curl(client, "-r", "1-2", "http://10.77.0.1/loaders/arm/our.efi")[:2] == (206, "oa")
    assert curl(client, "-d", "x", f"http://10.77.0.1/report/{TOKEN}/installed")[:2] == (204, "")
    assert curl(client, "-d", "x", f"http://10.77.0.1/report/{TOKEN}/else")[0] == 404
    (tmp_path / "scripts" / "b" / TOKEN / "linux").unlink()  # a ticket's end
    assert curl(client, f"http://10.77.0.1/b/{TOKEN}/linux")[0] == 404
    servers.stop(nginx)
    log = (tmp_path / "netboot.log").read_text().splitlines()
    report = [re.fullmatch(r'(\d+\.\d{3}) 10\.77\.0\.50 POST "(\S+)" 204 0 - OK "curl/[^"]*"', line) for line in log]
    assert [m[2] for m in report if m] == [f"/report/{TOKEN}/installed"]
    assert re.fullmatch(r'\d+\.\d{3} 10\.77\.0\.50 GET "/loaders/arm/our.efi" 200 6 6 OK "curl/[^"]*"', log[0]), log[0]


def test_tftpd_serves_the_loaders_on_both_families(servers, netns, tmp_path):
    (tmp_path / "loaders" / "arm").mkdir(parents=True)
    (tmp_path / "loaders" / "arm" / "our.efi").write_text("loader" * 1000)
    text = generate("tftpd-hpa", document(), loaders_root=str(tmp_path / "loaders"))
    # The test's folder is closed to others.
    conf = servers.write("tftpd-hpa", text.replace('TFTP_USERNAME="tftp"', 'TFTP_USERNAME="root"'))
    # As the package's init script starts it, but in the foreground.
    start = '. "$1"; exec in.tftpd --foreground --user "$TFTP_USERNAME" --address "$TFTP_ADDRESS" $TFTP_OPTIONS ' \
            '"$TFTP_DIRECTORY"'
    servers.start("tftpd", "sh", "-c", start, "sh", conf, ready=lambda _: servers.bound("udp", 69))
    for address in "10.77.0.1", "fd77::1":
        out = tmp_path / ("got-" + address)
        netns.server.run("tftp", "-m", "binary", address, "-c", "get", "arm/our.efi", str(out))
        assert out.read_text() == "loader" * 1000
        refused = netns.server.run("tftp", "-m", "binary", address, "-c", "get", "local-boot.efi", str(out), check=False)
        assert "Error code 1: File not found" in refused.stdout + refused.stderr


def test_radvd_advertises_the_subnet(servers, netns):
    conf = servers.write("radvd.conf", generate("radvd", document([dict(SUBNET6, router_s=1800)])))
    netns.server.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    client = netns.add_client()
    servers.start("radvd", "radvd", "-n", "-m", "stderr", "-C", conf, "-p", servers.path("radvd.pid"),
                  ready=lambda log: "started" in log)
    until(lambda: "default via fe80" in client.run("ip", "-6", "route").stdout, "a default route")
    assert client.run("cat", "/proc/sys/net/ipv6/conf/eth0/mtu").stdout.strip() == "1400"
    assert "fd77::/64" in client.run("ip", "-6", "route").stdout
    assert "fd77:" not in client.run("ip", "-6", "addr").stdout  # managed: no address of its own making


# --- nothing of an inventory becomes a line of a configuration ---

HOSTILE = ['x"; option routers 10.9.9.9; #', "x\ndhcp-boot=evil", "x'}", "x $(reboot)", "x{", "x#", "x;y", "x\\y", "x,y",
           "x%0a", "\u00e9", "x\ty", "x:y"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_make_no_configuration(text):
    """Wherever the codecs let a text through, each generator refuses it."""
    places = [
        document(hosts=[dict(HOSTS[0], name=text)]),
        document(hosts=[dict(HOSTS[0], loaders={"x64-uefi": text})]),
        document(loaders={"x64-uefi": text}),
        document([dict(SUBNET, domain=text), SUBNET6]),
        document([dict(SUBNET, relay=text), SUBNET6]),
        document(name=text),
        document(images=[dict(IMAGE, nfs_root=text)]),
        document(images=[dict(IMAGE, name=text)]),
        document(images=[dict(IMAGE, kernel=dict(IMAGE["kernel"], path=text))]),
    ]
    for doc in places:
        with pytest.raises(Refused) as refusal:
            generate("nginx", doc)
        assert refusal.value.code == "bad-value"


def test_what_no_configuration_has_may_be_anything():
    hosts = [dict(HOSTS[0], labels={"rack": HOSTILE[0]}, serial=HOSTILE[0])]
    for name in NAMES:
        assert generate(name, document(hosts=hosts)) == generate(name, document(hosts=HOSTS[:1]))
