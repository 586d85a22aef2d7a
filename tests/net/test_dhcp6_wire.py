# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCPv6 packet by packet against netboot-bootd, read by scapy: rules 4, 5 and 20 of boot.md 0.1, the messages of
RFC 8415, relays (scapy's and a real one), other servers, crashes. edge01 has an armed ticket and a fixed
address; edge02 neither, but a UUID; unknown machines get pool addresses."""
import shutil
import signal
import socket
import struct
import uuid as uuid_module

import pytest
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Confirm, DHCP6_Decline, DHCP6_InfoRequest, DHCP6_Rebind,
                                DHCP6_Release, DHCP6_Renew, DHCP6_Request, DHCP6_Solicit, DHCP6OptClientId,
                                DHCP6OptServerId, DUID_EN, DUID_LLT)

import netlab
from dhcp4_wire import inside
from dhcp6_wire import (DUID_LL, DUID_UUID, RAW_UUID, SITE_GROUP, UUID, Wire, eui64, http, ipxe, option, pxe,
                        relay)
from netlab import fill, small_disk, until

EDGE1, EDGE2, OTHER = "52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:99:00:01"
HOSTS = [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip6": "fd77::11"}],
          "boot": {"order": "test", "kernel": "vmlinuz", "initrds": ["initrd.img"], "args": ""}},
         {"name": "edge02.lab", "nics": [{"mac": EDGE2}], "uuid": UUID}]
SITE = {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}
LOCAL = {"prefix": "fd77::/64", "dns": ["fd77::53"], "domain": "lab.example", "lease": "1h",
         "pool": ["fd77::100", "fd77::1ff"]}
REMOTE = {"prefix": "fd88::/64", "pool": ["fd88::10", "fd88::ff"], "lease": "2h"}
SUCCESS, NO_ADDRS, NO_BINDING, NOT_ON_LINK, USE_MULTICAST = 0, 2, 3, 4, 5


@pytest.fixture
def lab(bootd):
    b = bootd({"hosts": HOSTS, "site": SITE, "subnets": [LOCAL, REMOTE]}, wait_ready=None)
    b.put("images", "vmlinuz", "kernel")
    b.put("images", "initrd.img", "initrd")
    return b.start()


def wait_address(ns, scope="link"):
    def ready():
        text = ns.run("ip", "-6", "addr", "show", "dev", ns.ifname, "scope", scope).stdout
        return "inet6" in text and "tentative" not in text
    until(ready, "an address that was checked")


def link_local(ns):
    words = ns.run("ip", "-6", "-o", "addr", "show", "dev", ns.ifname, "scope", "link").stdout.split()
    return words[words.index("inet6") + 1].split("/")[0]


def skip_dad(ns):
    """Nobody has these addresses twice: no second of waiting for each."""
    ns.run("sysctl", "-qw", f"net.ipv6.conf.{ns.ifname}.dad_transmits=0")


def make_client(netns, mac):
    skip_dad(netns.server)
    ns = netns.add_client(mac=mac)
    skip_dad(ns)
    ns.ip("link", "set", "eth0", "down")
    ns.ip("link", "set", "eth0", "up")
    wait_address(ns)
    wait_address(netns.server)  # until then replies come from its other address
    return ns


def make_wire(netns, mac, port=546):
    return Wire(make_client(netns, mac), port)


def make_anonymous_wire(netns, mac):
    """Its link-local address says nothing of its MAC address, as systems choose theirs."""
    ns = make_client(netns, mac)
    # Nor is a router asked for: its answer would have made the address known.
    ns.run("sysctl", "-qw", "net.ipv6.conf.eth0.router_solicitations=0")
    ns.ip("link", "set", "eth0", "addrgenmode", "none")
    ns.ip("addr", "flush", "dev", "eth0")
    ns.ip("addr", "add", "fe80::1234/64", "dev", "eth0", "nodad")
    return Wire(ns)


@pytest.fixture
def wire(lab, netns):
    w = make_wire(netns, EDGE1)
    yield w
    w.close()


@pytest.fixture
def other(lab, netns):
    w = make_wire(netns, OTHER)
    yield w
    w.close()


# --- what is booted ---

def test_rule_4_pxe_by_tftp(lab, wire):
    for reply in wire.ask(DHCP6_Solicit, pxe()), wire.lease(pxe()):
        assert reply.url == "tftp://[fd77::1]/snponly.efi" and reply.ip == "fd77::11"
        assert 16 not in reply.options and 60 not in reply.options
    assert reply.addresses == {"fd77::11": 3600} and (reply.ia.T1, reply.ia.T2) == (1800, 2880)
    assert reply.source[0].startswith("fe80::") and reply.source[1] == 547
    request = lab.wait(lambda ev: ev["kind"] == "dhcp6.request")
    assert request["host"] == "edge01.lab" and request["arch"] == "x64-uefi" and request["mac"] == EDGE1
    assert request["detail"]["class"] == "pxe"


def test_rule_5_http_boot(wire):
    offer = wire.ask(DHCP6_Solicit, http())
    assert offer.options[16] == struct.pack(">IH", 343, 10) + b"HTTPClient"
    assert offer.url == "http://[fd77::1]/loaders/snponly.efi" and 60 not in offer.options
    assert offer.options[7] == b"\xff"


@pytest.mark.parametrize("user", [b"\x00\x04iPXE", b"iPXE"])
def test_ipxe_gets_its_script(wire, user):
    reply = wire.lease(ipxe(user))
    assert reply.url == f"http://[fd77::1]/script.ipxe-{EDGE1}" and 16 not in reply.options
    assert reply.options[23] == socket.inet_pton(socket.AF_INET6, "fd77::53")
    assert reply.options[24] == b"\x03lab\x07example\x00"


def test_rule_20_local_boot_is_an_answer(lab, netns):
    wire = make_wire(netns, EDGE2)
    assert wire.ask(DHCP6_Solicit, pxe()).url == "tftp://[fd77::1]/local-boot.efi"
    assert wire.ask(DHCP6_Solicit, http()).url == "http://[fd77::1]/local-boot.efi"
    assert wire.ask(DHCP6_Solicit, ipxe()).url == f"http://[fd77::1]/script.ipxe-{EDGE2}"
    assert wire.ask(DHCP6_Solicit).url is None
    wire.close()


def test_stateless(wire):
    """iPXE where the router says O and not M: no lease, the same script, time to ask again."""
    for reply in wire.ask(DHCP6_InfoRequest, ipxe(), ia=False), \
            wire.ask(DHCP6_InfoRequest, ipxe(), ia=False, duid=False):
        assert reply.type == 7 and 3 not in reply.options
        assert reply.url == f"http://[fd77::1]/script.ipxe-{EDGE1}"
        assert reply.options[32] == struct.pack(">I", 3600)
    assert 1 not in reply.options
    assert wire.ask(DHCP6_InfoRequest, ia=True, timeout=0.3) is None


# --- the architecture table of boot.md 1.4, row by row ---

TFTP_ROWS = {0x00: ("x86-bios", "undionly.kpxe"), 0x06: ("x86-uefi", "snponly-i386.efi"), 0x07: ("x64-uefi", "snponly.efi"),
             0x09: ("x64-uefi", "snponly.efi"), 0x0b: ("arm64-uefi", "snponly-arm64.efi")}
HTTP_ROWS = {0x0f: ("x86-uefi-http", "snponly-i386.efi"), 0x10: ("x64-uefi-http", "snponly.efi"),
             0x13: ("arm64-uefi-http", "snponly-arm64.efi"), 0x14: ("x86-bios-http", "undionly.kpxe")}
# Nobody has a loader for these, and some are not in our table of names.
NO_LOADER = {pxe: [0x01, 0x02, 0x08, 0x0a, 0x0c, 0x0d, 0x0e, 0x15, 0x16, 0x19, 0x1b, 0x1d, 0x1f, 0x20, 0x21, 0x22, 0x23,
                   0x24, 0x25, 0x27, 0x29, 0xfffe],
             http: [0x11, 0x12, 0x17, 0x18, 0x1a, 0x1c, 0x1e, 0x26, 0x28]}
NAMES = {0x0a: "arm32-uefi", 0x12: "arm32-uefi-http", 0x15: "arm32-uboot", 0x16: "arm64-uboot", 0x17: "arm32-uboot-http",
         0x18: "arm64-uboot-http", 0x19: "riscv32-uefi", 0x1a: "riscv32-uefi-http", 0x1b: "riscv64-uefi",
         0x1c: "riscv64-uefi-http", 0x27: "loong64-uefi", 0x28: "loong64-uefi-http", 0x29: "arm-rpiboot"}
IPXE_CLASSES = {"list": b"\0\4iPXE", "raw": b"iPXE", "second of two": b"\0\3abc\0\4iPXE"}
IPXE_ROWS = [(f"arch {arch}", ipxe(arch=arch)) for arch in (0, 6, 7, 0x0b, 0x25)] + \
    [(f"user class {name}", ipxe(user)) for name, user in IPXE_CLASSES.items()] + [
        ("15 alone, as in 2013", option(6, struct.pack(">HHHH", 23, 24, 59, 60)) + option(15, b"\0\4iPXE")),
        ("HTTPClient", http() + option(15, b"\0\4iPXE"))]
MACHINES = 64


class Machines:
    """Hosts with an armed ticket each, so that no row meets another's limit; the rows share one bootd."""

    def __init__(self, lan):
        macs = [f"52:54:00:66:00:{n:02x}" for n in range(MACHINES)]
        self.uuids = {mac: f"11223344-5566-7788-99aa-{mac.replace(':', '')}" for mac in macs}
        hosts = [dict(HOSTS[0], name=f"row{n}.lab", nics=[{"mac": mac}], uuid=self.uuids[mac]) for n, mac in enumerate(macs)]
        self.bootd = netlab.Bootd(lan.server, {"hosts": hosts, "site": SITE, "subnets": [LOCAL]}, wait_ready=None)
        self.bootd.put("images", "vmlinuz", "kernel")
        self.bootd.put("images", "initrd.img", "initrd")
        for file in {file for _, file in [*TFTP_ROWS.values(), *HTTP_ROWS.values()]}:
            self.bootd.put("loaders", file, f"this is {file}")
        self.bootd.start()
        self.left = iter(macs)
        self.ns = make_client(lan, OTHER)
        self.ns.ip("addr", "add", "fd77::99/64", "dev", "eth0", "nodad")

    def lease(self, extra, raw):
        """A new machine, by the link-local address of its MAC and its UUID in firmware's (raw) or iPXE's order."""
        mac = next(self.left)
        self.ns.ip("addr", "add", eui64(mac) + "/64", "dev", "eth0", "nodad")
        wire = Wire(self.ns, address=eui64(mac))
        uuid = uuid_module.UUID(self.uuids[mac])
        duid = DUID_UUID(uuid=str(uuid_module.UUID(bytes=uuid.bytes_le) if raw else uuid))
        offer = wire.ask(DHCP6_Solicit, extra, duid=duid)
        reply = wire.ask(DHCP6_Request, extra, server=True, address=offer.ip, duid=duid)
        wire.close()
        assert reply.ip and offer.ip == reply.ip and offer.url == reply.url
        assert offer.options.get(16) == reply.options.get(16)
        return mac, reply

    def event(self, kind, mac):
        return self.bootd.wait(lambda ev: ev["kind"] == kind and ev.get("mac") == mac)

    def fetch(self, url):
        return self.ns.run("curl", "-sSf", "-g", url).stdout


@pytest.fixture(scope="module")
def machines():
    lan = netlab.Lan()
    try:
        m = Machines(lan)
        try:
            yield m
        finally:
            m.bootd.close()
    finally:
        lan.close()


@pytest.mark.parametrize("arch", TFTP_ROWS)
def test_architecture_over_tftp(machines, arch):
    """URL of the row's loader, neither 16 nor 60 (rule 4), and what is there is that loader."""
    name, file = TFTP_ROWS[arch]
    mac, reply = machines.lease(pxe(arch), raw=True)
    assert reply.url == f"tftp://[fd77::1]/{file}" and not {16, 60} & set(reply.options)
    assert machines.fetch(reply.url) == f"this is {file}"
    ev = machines.event("dhcp6.reply", mac)
    assert (ev["arch"], ev["file"], ev["reason"]) == (name, file, f"ticket armed: loader for {name}")
    assert ev["host"].startswith("row") and machines.event("dhcp6.request", mac)["detail"]["class"] == "pxe"


@pytest.mark.parametrize("arch", HTTP_ROWS)
def test_architecture_over_http(machines, arch):
    """URL of the row's loader and option 16 with HTTPClient (rule 5), and what is there is that loader."""
    name, file = HTTP_ROWS[arch]
    mac, reply = machines.lease(http(arch), raw=True)
    assert reply.url == f"http://[fd77::1]/loaders/{file}" and 60 not in reply.options
    assert reply.options[16] == struct.pack(">IH", 343, 10) + b"HTTPClient"
    assert machines.fetch(reply.url) == f"this is {file}"
    ev = machines.event("dhcp6.reply", mac)
    assert (ev["arch"], ev["file"], ev["reason"]) == (name, reply.url, f"ticket armed: loader for {name} by URL")
    assert machines.event("dhcp6.request", mac)["detail"]["class"] == "http"


@pytest.mark.parametrize("client, arch", [(client, arch) for client, arches in NO_LOADER.items() for arch in arches])
def test_architecture_without_a_loader(machines, client, arch):
    """An address, nothing to boot, and the reason with what to do."""
    mac, reply = machines.lease(client(arch), raw=True)
    assert not {16, 59, 60} & set(reply.options)
    name = NAMES.get(arch, f"arch-{arch}")
    for kind in "dhcp6.advertise", "dhcp6.reply":
        ev = machines.event(kind, mac)
        assert ev["reason"] == f"ticket armed, but there is no loader for architecture {name}: add one to 'loaders'"
        assert ev["arch"] == name and "file" not in ev
    assert machines.event("dhcp6.solicit", mac)["arch"] == name


@pytest.mark.parametrize("extra", [extra for _, extra in IPXE_ROWS], ids=[name for name, _ in IPXE_ROWS])
def test_ipxe_of_every_architecture(machines, extra):
    """By its user class, whatever else it says; the script is the ticket's."""
    mac, reply = machines.lease(extra, raw=False)
    assert reply.url == f"http://[fd77::1]/script.ipxe-{mac}" and not {16, 60} & set(reply.options)
    assert "\nkernel " in machines.fetch(reply.url)
    assert machines.event("dhcp6.reply", mac)["reason"] == "ticket armed: script for iPXE"


def test_dhcpv4s_option_175_says_nothing(machines):
    """In DHCPv6 the number is nobody's, and no iPXE sends it there: firmware that did would need its loader."""
    _, reply = machines.lease(pxe() + option(175, b"\xeb\x03\x01\x15\x01"), raw=True)
    assert reply.url == "tftp://[fd77::1]/snponly.efi"


# --- which machine ---

def test_uuid_in_both_byte_orders(lab, netns):
    """The client's link-local address says nothing: found by its board."""
    wire = make_anonymous_wire(netns, OTHER)
    addresses = set()
    for uuid in UUID, RAW_UUID:
        addresses.add(wire.lease(pxe(), duid=DUID_UUID(uuid=uuid), iaid=len(addresses)).ip)
    assert len(addresses) == 1
    assert {ev["host"] for ev in lab.find("dhcp6.request")} == {"edge02.lab"}
    assert {ev["mac"] for ev in lab.find("dhcp6.reply")} == {EDGE2}
    wire.close()


ANONYMOUS = DUID_EN(enterprisenum=343, id=b"\x07\x07\x07\x07")


def test_neighbour_cache(lab, netns):
    """Nothing in its message says who it is, but the two spoke before."""
    lab.config["site"] = dict(SITE, unknown="ignore")
    lab.restart()
    wire = make_anonymous_wire(netns, EDGE1)
    assert wire.ask(DHCP6_Solicit, pxe(), duid=ANONYMOUS, timeout=0.3) is None
    netns.server.run("ping", "-6", "-c1", "-W10", f"fe80::1234%{netns.server.ifname}")
    reply = wire.lease(pxe(), duid=ANONYMOUS)
    assert reply.ip == "fd77::11" and reply.url == "tftp://[fd77::1]/snponly.efi"
    request = lab.wait(lambda ev: ev["kind"] == "dhcp6.request")
    assert request["host"] == "edge01.lab" and request["mac"] == EDGE1
    # What the kernel forgets is learned.
    netns.server.ip("neigh", "flush", "dev", netns.server.ifname)
    assert wire.ask(DHCP6_Renew, address="fd77::11", server=True, duid=ANONYMOUS).addresses == {"fd77::11": 3600}
    assert "neighbour cache" not in lab.stderr
    wire.close()


# As RestrictAddressFamilies= of systemd does it: no socket of AF_NETLINK.
WITHOUT_NETLINK = r"""#!/usr/bin/python3
import ctypes, os, platform, struct, sys
call = {"x86_64": 41, "aarch64": 198}[platform.machine()]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x15, 0, 3, call), (0x20, 0, 0, 16), (0x15, 0, 1, 16),
    (0x06, 0, 0, 0x00050000 | 97), (0x06, 0, 0, 0x7fff0000))))
program = ctypes.create_string_buffer(struct.pack("@HP", 6, ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv("%s", ["netboot-bootd"] + sys.argv[1:])
"""


def test_without_netlink(lab, netns, tmp_path, monkeypatch):
    """The log says so once, and machines are found by what remains."""
    script = tmp_path / "bootd"
    script.write_text(WITHOUT_NETLINK % netlab.BOOTD)
    script.chmod(0o755)
    monkeypatch.setattr(netlab, "BOOTD", str(script))
    lab.restart()
    wire = make_anonymous_wire(netns, OTHER)
    assert wire.lease(pxe(), duid=DUID_UUID(uuid=UUID)).ip
    assert lab.wait(lambda ev: ev["kind"] == "dhcp6.reply")["host"] == "edge02.lab"
    assert lab.stderr.count("neighbour cache cannot be asked (Address family not supported by protocol)") == 1
    wire.close()


def test_the_answer_makes_the_neighbour_known(lab, netns):
    """Where unknown machines are answered the ADVERTISE has the kernel ask for the address.

    What became of the first ADVERTISE only its event tells: when it was lost while the kernel asked, the client
    has sent SOLICIT again and been known by then."""
    wire = make_anonymous_wire(netns, EDGE1)
    offer = wire.ask(DHCP6_Solicit, pxe(), duid=ANONYMOUS)
    first = lab.wait(lambda ev: ev["kind"] == "dhcp6.advertise")
    assert "host" not in first and first["ip"] != "fd77::11"
    assert wire.ask(DHCP6_Request, pxe(), server=True, address=offer.ip, duid=ANONYMOUS).ip == "fd77::11"
    wire.close()


def test_two_iaids_have_one_address_and_one_release_does_not_free_it(lab, other):
    """As OVMF does it: auto-configuration and PXE each ask, the first releases after the second's REPLY."""
    first = other.lease(iaid=7)
    second = other.lease(pxe(), iaid=8)
    assert first.ip == second.ip
    lab.restart()
    released = other.ask(DHCP6_Release, iaid=7, address=first.ip, server=True)
    assert released.status() == SUCCESS and 3 not in released.options
    taken = other.ask(DHCP6_Request, server=True, address=first.ip, duid=DUID_LL(lladdr=EDGE2), iaid=9)
    assert taken.ip.startswith("fd77::1") and taken.ip != first.ip
    again = other.ask(DHCP6_Release, iaid=7, address=first.ip, server=True)
    assert again.status("ia") == NO_BINDING
    assert other.ask(DHCP6_Release, iaid=8, address=first.ip, server=True).status() == SUCCESS


# --- messages ---

def test_renew_rebind_confirm_decline(lab, other):
    ip = other.lease().ip
    reply = other.ask(DHCP6_Renew, address=ip, server=True)
    assert reply.addresses == {ip: 3600}
    reply = other.ask(DHCP6_Renew, address="fd77::9999", server=True)
    assert reply.addresses == {ip: 3600, "fd77::9999": 0}
    assert other.ask(DHCP6_Rebind, address=ip).addresses == {ip: 3600}
    assert other.ask(DHCP6_Confirm, address=ip).status() == SUCCESS
    assert other.ask(DHCP6_Confirm, address="2001:db8::1").status() == NOT_ON_LINK
    assert other.ask(DHCP6_Request, address="2001:db8::1", server=True).status("ia") == NOT_ON_LINK
    assert other.ask(DHCP6_Decline, address=ip, server=True).status() == SUCCESS
    assert other.lease().ip != ip
    lab.wait(lambda ev: ev["kind"] == "dhcp6.decline" and ev["ip"] == ip)


def test_rapid_commit(lab, wire):
    assert wire.ask(DHCP6_Solicit, option(14)).type == 2
    lab.config["dhcp6_rapid_commit"] = True
    lab.restart()
    reply = wire.ask(DHCP6_Solicit, option(14))
    assert reply.type == 7 and reply.options[14] == b"" and reply.ip == "fd77::11"
    assert wire.ask(DHCP6_Solicit).type == 2


def test_what_must_be_discarded(lab, wire, netns):
    wire.lease()
    ours = link_local(netns.server)
    foreign = DUID_LL(lladdr="02:00:00:00:00:66")
    bad = [wire.message(DHCP6_Solicit, duid=False), wire.message(DHCP6_Solicit, server=True),
           wire.message(DHCP6_Request), wire.message(DHCP6_Rebind, server=True),
           wire.message(DHCP6_Confirm, ia=False), wire.message(DHCP6_Request, server=foreign),
           wire.message(DHCP6_Solicit)[:-3], b"\x01", b"\x0d" + bytes(40),
           wire.message(DHCP6_Solicit, option(1, bytes(131)), duid=False)]
    for data in bad:
        wire.send(data)
    wire.send(wire.message(DHCP6_Solicit), dst=ours)
    reasons = ["must name its client", "must not name a server", "must name its server", "names no address",
               "past the end", "shorter than", "not a DUID", "by unicast"]
    for reason in reasons:
        lab.wait(lambda ev, r=reason: ev["kind"] == "dhcp6.ignored" and r in ev["reason"])
    assert lab.wait(lambda ev: ev["kind"] == "dhcp6.foreign")["detail"]["server"].endswith("020000000066")
    assert wire.ask(DHCP6_Renew, server=True, where={"dst": ours}).status() == USE_MULTICAST


def test_unknown_machines_are_ignored_where_the_site_says_so(lab, other):
    lab.config["site"] = dict(SITE, unknown="ignore")
    lab.restart()
    assert other.ask(DHCP6_Solicit, pxe(), timeout=0.3) is None
    assert "unknown machine" in lab.wait(lambda ev: ev["kind"] == "dhcp6.ignored" and ev["mac"] == OTHER)["reason"]


def test_another_server_is_noticed(lab, wire, netns):
    """ADVERTISE and REPLY go from one machine to another; here the switch floods one to us."""
    rogue = make_wire(netns, "52:54:00:66:00:01", port=547)
    rogue.send(bytes(DHCP6_Advertise(trid=7) / DHCP6OptClientId(duid=wire.duid) /
                     DHCP6OptServerId(duid=rogue.duid)), dst="ff02::1", port=546)
    ev = lab.wait(lambda e: e["kind"] == "dhcp6.foreign")
    assert ev["detail"]["server"].endswith("525400660001") and ev["detail"]["source"].startswith("fe80::")
    assert ev["detail"]["type"] == "advertise" and ev["host"] == "edge01.lab"
    rogue.close()


# --- relays ---

@pytest.fixture
def relay_wire(lab, netns):
    """A relay agent at fd77::88 which serves fd88::/64."""
    ns = make_client(netns, "02:00:00:00:88:01")
    ns.ip("addr", "add", "fd77::88/64", "dev", "eth0", "nodad")
    w = Wire(ns, port=547)
    yield w
    w.close()


def test_relayed_exchange(lab, relay_wire):
    wrap = relay("fd88::1", "fe80::1234", b"eth7", mac=OTHER, hops=0, further=option(37, b"\0\0\0\1port7"))
    for where in {"dst": "fd77::1"}, {"dst": SITE_GROUP}:
        reply = relay_wire.ask(DHCP6_Solicit, pxe(), wrap=wrap, where=where, duid=DUID_LLT(lladdr=EDGE2))
        assert reply.type == 2 and reply.ip.startswith("fd88::") and reply.addresses[reply.ip] == 7200
        (level,) = reply.levels
        assert (level["link"], level["peer"]) == ("fd88::1", "fe80::1234")
        assert level["options"][18] == b"eth7" and set(level["options"]) == {9, 18}
    ev = lab.wait(lambda e: e["kind"] == "dhcp6.solicit")
    assert ev["mac"] == OTHER, "option 79 goes before the DUID"
    assert ev["detail"]["link_address"] == "fd88::1" and ev["detail"]["interface_id"] == "eth7"
    assert "port7" in ev["detail"]["remote_id"]


def test_nested_relays(lab, relay_wire):
    inner = relay("::", "fe80::5054:ff:fe77:1", b"inner")
    outer = relay("fd88::1", "fd88::2", b"outer", hops=1)
    reply = relay_wire.ask(DHCP6_Solicit, wrap=lambda data: outer(inner(data)), where={"dst": "fd77::1"})
    assert [lv["options"][18] for lv in reply.levels] == [b"outer", b"inner"]
    assert [lv["hops"] for lv in reply.levels] == [1, 0]
    assert reply.ip.startswith("fd88::")

    def nine(data):
        for _ in range(9):
            data = outer(data)
        return data
    assert relay_wire.ask(DHCP6_Solicit, wrap=nine, where={"dst": "fd77::1"}, timeout=0.3) is None
    lab.wait(lambda e: e["kind"] == "dhcp6.ignored" and "more than 8 relays" in e["reason"])


@pytest.mark.skipif(not shutil.which("dhcrelay"), reason="this release has no isc-dhcp-relay")
def test_through_a_real_relay(lab, netns, tmp_path):
    """isc-dhcp-relay with a leg on each side; the client is on a link that bootd never sees."""
    agent = make_client(netns, "02:00:00:00:88:02")
    agent.ip("addr", "add", "fd77::88/64", "dev", "eth0", "nodad")
    far = netns._namespace("far")
    agent.ip("link", "add", "down0", "type", "veth", "peer", "name", "eth0", "address", OTHER, "netns", far.name)
    agent.ip("addr", "add", "fd88::1/64", "dev", "down0", "nodad")
    agent.ip("link", "set", "down0", "up")
    far.ip("link", "set", "eth0", "up")
    far.ifname, far.mac = "eth0", OTHER
    wait_address(far)
    wait_address(agent)
    agent.popen("dhcrelay", "-6", "-d", "-pf", tmp_path / "relay.pid", "-l", "down0", "-u", "fd77::1%eth0")
    until(lambda: ":547" in agent.run("ss", "-lun").stdout, "the relay")
    wire = Wire(far)
    reply = wire.lease(pxe())
    assert reply.ip.startswith("fd88::") and reply.url == "tftp://[fd77::1]/local-boot.efi"
    assert lab.wait(lambda e: e["kind"] == "dhcp6.reply")["mac"] == OTHER
    wire.close()


# --- leases outlive everything ---

def test_leases_survive_kill(lab, other):
    ip = other.lease().ip
    for sig in signal.SIGKILL, signal.SIGTERM:
        lab.restart(sig)
        taken = other.ask(DHCP6_Request, server=True, address=ip, duid=DUID_LL(lladdr=EDGE2), iaid=3)
        assert taken.ip.startswith("fd77::1") and taken.ip != ip
        assert other.lease().ip == ip
    assert "lease journal replayed" in lab.stderr


def test_the_servers_identity_stays(lab, wire):
    wire.lease()
    before = bytes(wire.server)
    assert before[:2] == b"\0\4" and len(before) == 18
    lab.restart()
    wire.lease()
    assert bytes(wire.server) == before


def test_full_disk_gives_no_lease(lab, other):
    """Advertised, but not given, with the reason; with room again it is."""
    lab.stop()

    def refused():
        return [e for e in lab.find("dhcp6.ignored") if "lease journal cannot be written" in e["reason"]]

    with small_disk(lab.state, "256k"):
        lab.ns.run("chown", "nobody", lab.state)
        lab.start()
        ballast = fill(f"{lab.state}/ballast")
        for n in range(64):  # what is left of the journal's last page
            duid = DUID_LL(lladdr=f"52:54:00:99:01:{n:02x}")
            offer = other.ask(DHCP6_Solicit, duid=duid)
            request = other.message(DHCP6_Request, server=True, address=offer.ip, duid=duid, xid=n + 1)
            other.send(request)
            until(lambda x=n + 1: refused() or other.receive(x, 0.1), "a REPLY or the reason why not")
            if refused():
                break
        assert refused()[0]["detail"]["reply"] == "dhcp6.reply"
        assert lab.stderr.count("dhcp6: the lease journal cannot be written") == 1
        lab.ns.run("rm", ballast)
        assert other.exchange(request).ip == offer.ip
        lab.stop()


def test_an_interface_without_ipv6(bootd, netns):
    """The others run, and so does this one once it has IPv6."""
    netns.server.run("sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1")
    b = bootd({"subnets": [LOCAL], "site": SITE})
    until(lambda: "br0 has no IPv6" in b.stderr and "serving dhcp4 dhcp6 ra tftp http" in b.stderr, "what the log says")
    netns.server.run("sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=0")
    netns.server.ip("addr", "add", "fd77::1/64", "dev", "br0", "nodad")
    until(lambda: "br0 has IPv6 now" in b.stderr, "the next look at the interface")
    # Nothing can be sent from an address that is still being checked.
    until(lambda: "tentative" not in netns.server.run("ip", "-6", "addr", "show", "dev", "br0").stdout,
          "an address that was checked")
    wire = make_wire(netns, OTHER)
    assert wire.lease().ip.startswith("fd77::1")
    wire.close()


def test_port_in_use(bootd, netns):
    with inside(netns.server.name):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::", 547))
    b = bootd({}, wait_ready=False)
    assert b.proc.wait(timeout=60) == 1
    assert "UDP port 547 (IPv6) on br0" in b.stderr and "ss -lunp" in b.stderr
    s.close()
