# SPDX-License-Identifier: GPL-3.0-or-later
"""`site config`: each configuration passes its server's own check; the real servers with it decide as
netboot-bootd does for hosts with a ticket, row by row of the architecture table; nothing in an inventory can
become a line of a configuration."""
import json
import os
import random
import subprocess

import pytest

from dhcp4_wire import DISCOVER, OFFER, Wire, http, ipxe, option, pxe
from netlab import BUILD, PATIENCE
from orch_lab import Orch
from site_servers import Servers, generate
from site_wire6 import Client6, duid_ll, duid_uuid

EDGE1, EDGE2, EDGE2B = "52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:77:00:0a"
EDGE3, EDGE3B, OTHER = "52:54:00:77:00:03", "52:54:00:77:00:0b", "52:54:00:99:00:01"
POOL = ["10.77.0.100", "10.77.0.199"]
HOSTS = [
    {"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11", "ip6": "fd77::11"}],
     "uuid": "11223344-5566-7788-99aa-bbccddeeff00"},
    {"name": "edge02.lab", "nics": [{"mac": EDGE2, "boot": True}, {"mac": EDGE2B}],
     "loaders": {"x64-uefi": "shimx64.efi", "x86-bios": "ipxe.pxe"}},
    {"name": "edge03.lab", "nics": [{"mac": EDGE3, "boot": True}, {"mac": EDGE3B}], "idle": "silent"},
]
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


# --- the same decisions ---

BIOS_OLD = option(60, b"PXEClient")  # a ROM from before option 93
ROWS = [("pxe %d" % arch, pxe(arch)) for arch in (0, 6, 7, 9, 11, 0x25)] + \
    [("http %d" % arch, http(arch)) for arch in (15, 16, 19)] + [
        ("pxe without 93", BIOS_OLD),
        ("pxe, 93 only in the text", option(60, b"PXEClient:Arch:00007:UNDI:003000")),
        ("ipxe by user class", ipxe()),
        ("ipxe by RFC 3004 user class", ipxe(user_class=b"\x04iPXE")),
        ("ipxe by 175", ipxe(user_class=None)),
        ("an operating system", option(55, b"\x01\x03\x06\x0f\x0c")),
        ("an operating system's own class", option(60, b"MSFT 5.0")),
]
WEAK = ("ipxe without HTTP", ipxe(features=b"\x15\x01\x01"))
MACS = {"edge01": EDGE1, "edge02": EDGE2, "edge02, a NIC that may not boot": EDGE2B,
        "edge03, a NIC that may not boot": EDGE3B, "unknown": OTHER}


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


def bootd_decisions(agent, wire, doc, rows):
    """What netboot-bootd decides for the same inventory, with every host's ticket armed."""
    site = doc["site"]
    a = agent(wait_ready=None)
    for name in FILES:
        a.put("loaders", name, "loader")
    a.start()
    a.gen += 1
    a.send(t="table_begin", gen=a.gen, site="lab", timezone="UTC", loaders=site["loaders"],
           answer_unknown=site["answer_unknown"], idle=site["idle"])
    for subnet in site["subnets"]:
        a.send(t="subnet", subnet=subnet)
    for n, host in enumerate(site["hosts"]):
        a.send(t="host", gen=a.gen, host=host, boot=ticket(n + 1, host))
    a.send(t="table_end", gen=a.gen)
    a.wait_ack(a.gen)
    found = ask_all(wire, rows)
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
POLICIES = [(False, "local"), (True, "local"), (True, "silent")]
SERVERS = {"isc-dhcp": Servers.dhcpd, "kea": Servers.kea, "dnsmasq": Servers.dnsmasq}


@pytest.mark.parametrize("unknown, idle", POLICIES)
def test_dhcp_servers_decide_as_bootd_does(servers, netns, agent, unknown, idle):
    doc = document([SUBNET], answer_unknown=unknown, idle=idle)
    rows = ROWS + [WEAK]
    wire = Wire(netns.add_client(mac="52:54:00:77:00:fe"))
    ours = bootd_decisions(agent, wire, doc, rows)
    assert ours["edge01", "pxe 7"]["file"] == "snponly.efi" and ours["edge02", "pxe 7"]["file"] == "shimx64.efi"
    assert (ours["unknown", "an operating system"] is None) == (not unknown)
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


# --- the orchestrator and its client ---

@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path)
    yield o
    o.stop()


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

UUID6 = "11223344-5566-7788-99aa-bbccddeeff00"


def expected6(mac, vendor, arch, ipxe_class):
    """boot.md 1.6 for hosts of this inventory: {59, 16} of an ADVERTISE."""
    files = {6: "snponly-i386.efi", 7: "snponly.efi", 9: "snponly.efi", 11: "arm/our.efi",
             15: "snponly-i386.efi", 16: "snponly.efi", 19: "arm/our.efi"}
    if mac == EDGE2:
        files.update({7: "shimx64.efi", 9: "shimx64.efi", 16: "shimx64.efi"})
    if ipxe_class:
        return {"59": f"http://[fd77::1]/script.ipxe-{mac}", "16": None}
    if vendor == "HTTPClient":
        return {"59": f"http://[fd77::1]/loaders/{files[arch]}", "16": "00000157000a" + b"HTTPClient".hex()}
    if vendor == "PXEClient":
        return {"59": f"tftp://[fd77::1]/{files[arch]}", "16": None}
    return {"59": None, "16": None}


CLIENTS6 = [("PXEClient", 6, False), ("PXEClient", 7, False), ("PXEClient", 9, False), ("PXEClient", 11, False),
            ("HTTPClient", 15, False), ("HTTPClient", 16, False), ("HTTPClient", 19, False),
            ("PXEClient", 7, True), (None, None, False)]
SERVERS6 = {"isc-dhcp6": Servers.dhcpd6, "kea6": Servers.kea6, "dnsmasq": Servers.dnsmasq}


@pytest.mark.parametrize("name", SERVERS6)
def test_dhcpv6_servers_decide_as_bootd_does(servers, netns, name):
    """The fixed address, the URL in its form, option 16 or its absence; nothing for unknown machines; a host by the
    MAC in its DUID-LL, and by its UUID in both orders."""
    clients = {mac: Client6(netns.add_client(mac=mac)) for mac in (EDGE1, EDGE2, OTHER)}
    proc = SERVERS6[name](servers, generate(name, document([SUBNET, SUBNET6])))
    problems = []
    for mac in EDGE1, EDGE2:
        for row in CLIENTS6:
            reply = clients[mac].solicit(duid_ll(mac), *row)
            url = reply and reply.text(59) and reply.text(59).replace("${netX/mac}", mac)
            got = reply and {"59": url, "16": reply.hex(16)}
            if name == "dnsmasq" and got and got["16"]:  # it cannot give the enterprise's number
                got["16"] = "00000157" + got["16"][8:]
            if expected6(mac, *row) != got:
                problems.append(f"{mac} {row}: {got} instead of {expected6(mac, *row)}")
            if reply and (reply.address == "fd77::11") != (mac == EDGE1):
                problems.append(f"{mac} {row}: address {reply.address}")
    for order in "raw", "rfc":
        reply = clients[EDGE1].solicit(duid_uuid(UUID6, order), "PXEClient", 7)
        if not reply or reply.address != "fd77::11" or reply.text(59) != "tftp://[fd77::1]/snponly.efi":
            problems.append(f"DUID-UUID, {order}: {reply and (reply.address, reply.text(59))}")
    stranger = clients[OTHER].solicit(duid_ll(OTHER), "PXEClient", 7, tries=1)
    if stranger and (stranger.address or stranger.text(59)):
        problems.append(f"unknown machine: {stranger.address} {stranger.text(59)}")
    log = proc.log()
    servers.stop(proc)
    for client in clients.values():
        client.close()
    assert not problems, "\n".join(problems + log.splitlines()[-20:])
