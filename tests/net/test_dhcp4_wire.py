# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCPv4 packet by packet against netboot-bootd: the rules of boot.md 0.1 that concern it, relays,
malformed packets, other servers. Unknown machines get pool addresses here; edge01 has an armed ticket
and a fixed address, edge02 neither ticket nor address."""
import os
import random
import signal
import socket
import struct
import time
import zlib

import pytest

from dhcp4_wire import (ACK, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST, SERVER, UUID,
                        Wire, address, http, inside, ipxe, option, pxe)
from netlab import PATIENCE, fill, small_disk, until

EDGE1, EDGE2, OTHER = "52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:99:00:01"
HOSTS = [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11"}],
          "boot": {"order": "test", "kernel": "vmlinuz", "initrds": ["initrd.img"], "args": ""}},
         {"name": "edge02.lab", "nics": [{"mac": EDGE2}]}]
SITE = {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}
LOCAL = {"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "dns": ["10.77.0.1"],
         "pool": ["10.77.0.100", "10.77.0.199"], "lease": "1h"}
REMOTE = {"prefix": "10.88.0.0/24", "gateway": "10.88.0.1", "pool": ["10.88.0.10", "10.88.0.99"],
          "lease": "2h"}
RELAY_MAC = "02:00:00:00:88:01"
SERVER_PORT = {"src": "10.77.0.11", "dst": SERVER, "sport": 4011, "dport": 4011}


@pytest.fixture
def lab(bootd):
    b = bootd({"hosts": HOSTS, "site": SITE, "subnets": [LOCAL, REMOTE]}, wait_ready=None)
    b.put("images", "vmlinuz", "kernel")
    b.put("images", "initrd.img", "initrd")
    return b.start()


@pytest.fixture
def wire(lab, netns):
    w = Wire(netns.add_client(mac=EDGE1))
    yield w
    w.close()


def server_mac(netns):
    return netns.server.run("cat", "/sys/class/net/br0/address").stdout.strip()


# --- the rules ---

def test_rule_1_port_4011_is_answered_at_the_source(lab, wire, netns):
    netns.clients[0].ip("addr", "add", "10.77.0.11/24", "dev", "eth0")  # so that ARP works
    where = dict(SERVER_PORT, dst_mac=server_mac(netns))
    ack = wire.ask(REQUEST, pxe(), ciaddr="10.77.0.11", where=where)
    assert ack.type == ACK and ack.udp.sport == 4011 and ack.udp.dport == 4011
    assert ack.ip.src == SERVER and ack.ip.dst == "10.77.0.11"
    assert ack.yiaddr == "0.0.0.0" and ack.siaddr == SERVER and ack.file == b"snponly.efi"
    assert ack.options[60] == b"PXEClient" and ack.options[43] == b"\x06\x01\x08\xff"
    assert ack.options[97] == UUID and ack.address(54) == SERVER and 51 not in ack.options
    # iPXE and BIOS ROMs ask from port 68.
    ack = wire.ask(REQUEST, ipxe() + option(54, address(SERVER)), ciaddr="10.77.0.11",
                   where=dict(where, sport=68))
    assert ack.udp.dport == 68 and ack.text(67).startswith("http://10.77.0.1/")


def test_rule_2_kind_a(wire):
    offer = wire.ask(DISCOVER, pxe(), flags=0x8000)
    ack = wire.select(offer, pxe(), flags=0x8000)
    for reply in offer, ack:
        assert reply.yiaddr == "10.77.0.11" and reply.siaddr == SERVER
        assert reply.file == b"snponly.efi" and reply.text(67) == "snponly.efi"
        assert reply.text(66) == SERVER
        assert 60 not in reply.options and 43 not in reply.options and 52 not in reply.options
        assert reply.options[97] == UUID
    assert ack.type == ACK and ack.options[51] == struct.pack(">I", 3600)


@pytest.mark.parametrize("arch, name", [(0, b"undionly.kpxe"), (7, b"snponly.efi"), (9, b"snponly.efi")])
def test_architectures_get_their_loader(wire, arch, name):
    assert wire.ask(DISCOVER, pxe(arch)).file == name


@pytest.mark.parametrize("options, name", [(pxe(0x25), "arch-37"), (pxe(0x1b), "riscv64-uefi"), (http(0x12), "arm32-uefi-http")])
def test_architecture_without_a_loader(lab, wire, options, name):
    """An address, nothing to boot, and the reason with what to do."""
    offer = wire.ask(DISCOVER, options)
    assert offer.yiaddr == "10.77.0.11" and not offer.file and not {43, 60, 66, 67} & set(offer.options)
    ev = lab.wait(lambda ev: ev["kind"] == "dhcp4.offer")
    assert ev["reason"] == f"ticket armed, but there is no loader for architecture {name}: add one to 'loaders'"


def test_rule_3_http_boot(wire):
    offer = wire.ask(DISCOVER, http())
    assert offer.options[60] == b"HTTPClient"
    assert offer.text(67).startswith("http://10.77.0.1/") and offer.text(67).endswith(".efi")
    assert offer.file == offer.text(67).encode()
    assert offer.siaddr == "0.0.0.0" and 43 not in offer.options and 66 not in offer.options


def test_rule_7_no_pxedhcp_to_ipxe_however_it_says_its_name(lab, wire):
    kinds = [ipxe(), ipxe(user_class=b"\x04iPXE"), ipxe(user_class=None)]
    for options in kinds:
        offer = wire.ask(DISCOVER, options)
        assert offer.options[175] == b"\xb0\x01\x01"
        assert offer.text(67) == "http://10.77.0.1/script.ipxe-" + EDGE1
        assert offer.file == offer.text(67).encode() and 60 not in offer.options
    lab.wait(lambda _: [ev["detail"]["class"] for ev in lab.find("dhcp4.discover")] == ["ipxe"] * 3)


def test_rule_16_strings_end_in_nul_and_67_is_not_last(wire):
    for options in pxe(), http(), ipxe(), pxe(uuid=None):
        offer = wire.ask(DISCOVER, options)
        assert offer.options[67].endswith(b"\0")
        assert offer.order[-1] != 67
        if 66 in offer.options:
            assert offer.options[66].endswith(b"\0")


def test_rule_18_sizes(wire):
    for options in b"", option(57, b"\xff\x00"), option(57, b"\x00\x01"), option(57, b"\x02\x40"):
        offer = wire.ask(DISCOVER, options)
        assert 300 <= len(offer.raw) <= 1472
    relay_info = option(82, b"\x01\xc8" + bytes(200))
    limit = wire.ask(DISCOVER, pxe() + option(57, b"\x02\x40") + relay_info)
    assert len(limit.raw) <= 576


def test_rule_19_fields_are_copied(wire):
    chaddr = bytes.fromhex(EDGE1.replace(":", "")) + bytes(10)
    for flags in 0, 0x8000:
        offer = wire.ask(DISCOVER, pxe(), flags=flags, hops=3, secs=1024)
        assert (offer.op, offer.htype, offer.hlen, offer.hops, offer.secs) == (2, 1, 6, 0, 0)
        assert offer.flags == flags and offer.chaddr == chaddr
        assert offer.ip.dst == "255.255.255.255" and offer.udp.dport == 68
        assert offer.ip.src == SERVER


def test_rule_20_local_boot_is_an_answer(wire):
    offer = wire.ask(DISCOVER, pxe(), mac=EDGE2)
    assert offer.options[60] == b"PXEClient"
    assert offer.options[43] == (b"\x06\x01\x03\x08\x07\x00\x00\x01" + address(SERVER) +
                                 b"\x09\x08\x00\x00\x05Local\x0a\x06\x00Local\xff")
    assert offer.file == b"" and 67 not in offer.options and offer.siaddr == "0.0.0.0"
    offer = wire.ask(DISCOVER, http(), mac=EDGE2)
    assert offer.options[60] == b"HTTPClient" and offer.text(67).startswith("http://10.77.0.1/")
    offer = wire.ask(DISCOVER, b"", mac=EDGE2)
    assert 60 not in offer.options and 67 not in offer.options


def test_order_of_options(wire):
    relay_info = option(82, b"\x01\x02ge")
    offer = wire.ask(DISCOVER, pxe() + option(61, b"\x01abcdef") + relay_info)
    assert offer.order == [53, 54, 51, 58, 59, 1, 3, 6, 12, 28, 97, 66, 67, 150, 61, 82]
    assert offer.options[61] == b"\x01abcdef" and offer.options[82] == b"\x01\x02ge"


def test_firmware_and_ipxe_get_the_same_address(wire):
    """Firmware sends no client id, iPXE one: the lease belongs to the hardware address."""
    first = wire.lease(pxe(), mac=OTHER)
    second = wire.lease(ipxe() + option(61, b"\x01" + bytes.fromhex(OTHER.replace(":", ""))),
                        mac=OTHER)
    assert first.yiaddr == second.yiaddr


def test_same_xid_for_ever(wire):
    """iPXE under SNP uses one xid over several boots."""
    for options in pxe(), ipxe():
        assert wire.lease(options, xid=0x1b760c0f).yiaddr == "10.77.0.11"


def test_events_tell_what_the_job_runner_needs(lab, wire):
    wire.lease(pxe())
    wire.lease(ipxe())
    lab.wait(lambda e: e["kind"] == "dhcp4.ack" and e["detail"]["class"] == "ipxe")
    kinds = [(ev["kind"], ev["detail"]["class"]) for ev in lab.events if ev["kind"].startswith("dhcp4.")]
    assert kinds == [("dhcp4." + k, c) for c in ("pxe", "ipxe")
                     for k in ("discover", "offer", "request", "ack")]
    ev = lab.find("dhcp4.discover")[0]
    assert ev["host"] == "edge01.lab" and ev["mac"] == EDGE1 and ev["arch"] == "x64-uefi"
    assert ev["detail"]["vendor_class"] == "PXEClient:Arch:00007:UNDI:003000"
    assert ev["detail"]["uuid"] == "11223344-5566-7788-99aa-bbccddeeff00"
    assert lab.find("dhcp4.ack")[0]["ip"] == "10.77.0.11"
    assert lab.find("dhcp4.ack")[0]["file"] == "snponly.efi"


# --- REQUEST and the rest of RFC 2131 ---

def test_init_reboot(wire):
    ip = wire.lease(mac=OTHER).yiaddr
    ack = wire.ask(REQUEST, option(50, address(ip)), mac=OTHER)
    assert ack.type == ACK and ack.yiaddr == ip
    nak = wire.ask(REQUEST, option(50, address("10.77.0.250")), mac=OTHER)
    assert nak.type == NAK and nak.yiaddr == "0.0.0.0" and nak.ip.dst == "255.255.255.255"
    nak = wire.ask(REQUEST, option(50, address("192.168.9.9")), mac=OTHER)
    assert nak.type == NAK and 56 in nak.options and 51 not in nak.options


def test_renew_by_unicast_and_rebind_by_broadcast(wire, netns):
    ip = wire.lease(mac=EDGE1).yiaddr
    netns.clients[0].ip("addr", "add", f"{ip}/24", "dev", "eth0")
    ack = wire.ask(REQUEST, ciaddr=ip, where={"src": ip, "dst": SERVER, "dst_mac": server_mac(netns)})
    assert ack.type == ACK and ack.ip.dst == ip and ack.ciaddr == ip and ack.yiaddr == ip
    ack = wire.ask(REQUEST, ciaddr=ip, where={"src": ip})
    assert ack.type == ACK and ack.ip.dst == ip


def test_release_then_the_same_address_again(lab, wire):
    ip = wire.lease(mac=OTHER).yiaddr
    wire.send(wire.bootp(option(53, bytes([RELEASE])) + option(54, address(SERVER)), mac=OTHER, ciaddr=ip))
    lab.wait(lambda ev: ev["kind"] == "dhcp4.release" and ev["mac"] == OTHER)
    assert wire.lease(mac=OTHER).yiaddr == ip


def test_decline_rests_the_address(lab, wire):
    ip = wire.lease(mac=OTHER).yiaddr
    wire.send(wire.bootp(option(53, bytes([DECLINE])) + option(54, address(SERVER)) +
                         option(50, address(ip)), mac=OTHER))
    lab.wait(lambda ev: ev["kind"] == "dhcp4.decline" and ev["mac"] == OTHER)
    assert wire.lease(mac=OTHER).yiaddr != ip
    other = wire.ask(DISCOVER, option(50, address(ip)), mac="52:54:00:99:00:02")
    assert other.yiaddr != ip


def test_inform(wire, netns):
    netns.clients[0].ip("addr", "add", "10.77.0.60/24", "dev", "eth0")
    ack = wire.ask(INFORM, ciaddr="10.77.0.60", mac=EDGE1, where={"src": "10.77.0.60"})
    assert ack.type == ACK and ack.yiaddr == "0.0.0.0" and ack.ip.dst == "10.77.0.60"
    assert 51 not in ack.options and 1 in ack.options


def test_options_in_file_and_sname_and_in_parts(lab, wire):
    """RFC 2132 9.3 and RFC 3396 in a client's packet."""
    vendor = option(60, b"PXEClient:Arch:00007:UNDI:003000")
    offer = wire.ask(DISCOVER, option(52, b"\x03") + option(77, b"iP"), sname=option(77, b"XE") + b"\xff",
                     file=vendor + option(93, b"\x00\x07") + b"\xff")
    assert offer.options[175] == b"\xb0\x01\x01"
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.discover")
    assert ev["detail"]["user_class"] == "iPXE" and ev["arch"] == "x64-uefi"


# --- relays ---

@pytest.fixture
def relay(netns, lab):
    """A relay at 10.88.0.1: the server has a route to it through the link."""
    ns = netns.add_client(mac=RELAY_MAC)
    ns.ip("addr", "add", "10.77.0.2/24", "dev", "eth0")
    ns.ip("addr", "add", "10.88.0.1/32", "dev", "lo")
    netns.server.ip("route", "add", "10.88.0.0/24", "via", "10.77.0.2")
    w = Wire(ns)
    w.where = {"src": "10.88.0.1", "dst": SERVER, "sport": 67, "dst_mac": server_mac(netns)}
    yield w
    w.close()


def test_relayed_exchange(lab, relay):
    info = b"\x01\x04ge-1\x02\x06switch"
    offer = relay.ask(DISCOVER, option(82, info), mac=OTHER, giaddr="10.88.0.1", flags=0x8000, hops=1,
                      where=relay.where)
    assert offer.ip.dst == "10.88.0.1" and offer.udp.dport == 67
    assert offer.giaddr == "10.88.0.1" and offer.flags == 0x8000 and offer.hops == 0
    assert offer.yiaddr.startswith("10.88.0.") and offer.order[-1] == 82 and offer.options[82] == info
    ack = relay.select(offer, option(82, info), mac=OTHER, giaddr="10.88.0.1", where=relay.where)
    assert ack.type == ACK and ack.options[82] == info and ack.address(3) == "10.88.0.1"
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.ack")
    assert ev["detail"]["relay"] == "10.88.0.1" and ev["detail"]["circuit_id"] == "ge-1"


def test_relayed_nak_has_option_82_and_the_broadcast_bit(relay):
    info = b"\x01\x04ge-1"
    nak = relay.ask(REQUEST, option(50, address("10.1.1.1")) + option(82, info), mac=OTHER,
                    giaddr="10.88.0.1", where=relay.where)
    assert nak.type == NAK and nak.ip.dst == "10.88.0.1" and nak.udp.dport == 67
    assert nak.options[82] == info and nak.order[-1] == 82 and nak.flags == 0x8000


def test_link_selection_and_server_override(relay, netns):
    netns.server.ip("route", "add", "10.50.0.1/32", "via", "10.77.0.2")
    relay_ns = netns.clients[-1]
    relay_ns.ip("addr", "add", "10.50.0.1/32", "dev", "lo")
    info = b"\x05\x04" + address("10.88.0.0") + b"\x0b\x04" + address("10.50.0.1")
    where = dict(relay.where, src="10.50.0.1")
    offer = relay.ask(DISCOVER, option(82, info), mac=OTHER, giaddr="10.50.0.1", where=where)
    assert offer.yiaddr.startswith("10.88.0.") and offer.address(54) == "10.50.0.1"
    assert offer.ip.dst == "10.50.0.1"
    ack = relay.select(offer, option(82, info), mac=OTHER, giaddr="10.50.0.1", where=where)
    assert ack.type == ACK


def test_option_82_of_a_client_on_the_link_moves_nothing(wire):
    info = b"\x05\x04" + address("10.88.0.0")
    offer = wire.ask(DISCOVER, option(82, info), mac=OTHER)
    assert offer.yiaddr.startswith("10.77.0.") and offer.options[82] == info


def test_relay_of_nowhere(lab, relay):
    relay.send(relay.bootp(option(53, b"\x01"), mac=OTHER, giaddr="172.16.0.1"), **relay.where)
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ignored" and "relay" in ev["reason"])


# --- hostile and broken ---

MALFORMED = [
    ("shorter", lambda w, good: good[:100]),
    ("cookie", lambda w, good: good[:236] + b"\0" * 64),
    ("past the end", lambda w, good: good[:-1] + b"\x0c\xff"),
    ("neither", lambda w, good: b"\x07" + good[1:]),
    ("relays", lambda w, good: good[:3] + b"\x11" + good[4:]),
    ("longer than its field", lambda w, good: good[:2] + b"\x20" + good[3:]),
    ("all zero", lambda w, good: w.bootp(option(53, b"\x01"), mac="00:00:00:00:00:00")),
    ("group", lambda w, good: w.bootp(option(53, b"\x01"), mac="ff:ff:ff:ff:ff:ff")),
    ("server's message type", lambda w, good: w.bootp(option(53, b"\x02"))),
    ("no DHCP message type", lambda w, good: w.bootp(option(53, b"\x01\x01"))),
    ("names no address", lambda w, good: w.bootp(option(53, bytes([REQUEST])))),
]


@pytest.mark.parametrize("reason, make", MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed_packets_are_dropped_with_a_reason(lab, wire, reason, make):
    wire.send(make(wire, wire.bootp(option(53, b"\x01"))))
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ignored" and reason in ev["reason"])
    assert wire.lease(xid=5).yiaddr == "10.77.0.11"


def test_random_packets_do_no_harm(lab, wire):
    rng = random.Random(20261122)
    for _ in range(2000):
        packet = bytearray(wire.bootp(pxe() + ipxe(), mac="52:54:00:99:%02x:%02x" %
                                      (rng.randrange(256), rng.randrange(256))))
        for _ in range(rng.randrange(1, 12)):
            packet[rng.randrange(len(packet))] = rng.randrange(256)
        wire.send(bytes(packet[:rng.randrange(1, len(packet) + 1)]))
    assert wire.lease(xid=77).yiaddr == "10.77.0.11"


def test_discover_flood_starves_nobody_and_stays_quiet(lab, wire):
    began = time.monotonic()
    for n in range(3000):
        mac = "02:00:00:00:%02x:%02x" % (n >> 8, n & 255)
        wire.send(wire.bootp(option(53, b"\x01"), mac=mac))
    assert wire.lease(xid=78).yiaddr == "10.77.0.11"
    assert wire.lease(mac=OTHER, xid=79).yiaddr.startswith("10.77.0.")
    # A burst of 300 about strangers, 50 a second after it (dhcp4_limit.h), and the two that were let through.
    assert len(lab.events) < 400 + 50 * (time.monotonic() - began)


def test_nak_flood_leaks_nothing(lab, wire):
    """Each NAK to a stranger that no event tells of any more must leave nothing behind (LeakSanitizer
    looks at the end)."""
    for n in range(3000):
        wire.send(wire.bootp(option(53, bytes([REQUEST])) + option(50, address("192.168.1.1")),
                             mac="02:00:00:01:%02x:%02x" % (n >> 8, n & 255)))
    assert wire.lease(xid=80).yiaddr == "10.77.0.11"
    assert lab.stop() == 0


def test_one_looping_machine_is_held_to_a_rate(lab, wire):
    frame = wire.frame(wire.bootp(option(53, b"\x01")))  # once: it is to be fast
    for _ in range(200):
        wire.sock.send(frame)
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ignored" and "packets a second" in ev["reason"])
    assert len(lab.find("dhcp4.offer")) < 60


# --- other servers ---

def test_foreign_server_chosen_by_a_client(lab, wire):
    wire.ask(DISCOVER, mac=OTHER)
    wire.send(wire.bootp(option(53, bytes([REQUEST])) + option(54, address("10.77.0.66")) +
                         option(50, address("10.77.0.150")), mac=OTHER))
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.foreign")
    assert ev["detail"]["server"] == "10.77.0.66" and ev["mac"] == OTHER


def test_foreign_offer_overheard(lab, wire, netns):
    rogue = Wire(netns.add_client(mac="02:00:00:00:00:66"))
    offer = rogue.bootp(option(53, bytes([OFFER])) + option(54, address("10.77.0.66")), mac=EDGE1, op=2,
                        yiaddr="10.77.0.99")
    rogue.send(offer, src="10.77.0.66", sport=67, dport=68)
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.foreign")
    assert ev["detail"]["server"] == "10.77.0.66" and ev["detail"]["offered"] == "10.77.0.99"
    assert ev["mac"] == EDGE1 and ev["host"] == "edge01.lab"
    rogue.close()


def test_real_foreign_server(lab, netns):
    """dnsmasq on the same link: heard at its first OFFER."""
    ns = netns.add_client(mac="02:00:00:00:00:67", address="10.77.0.67/24")
    ns.popen("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0",
             "--bind-interfaces", "--dhcp-range=10.77.0.210,10.77.0.220", "--leasefile-ro")
    until(lambda: ":67" in ns.run("ss", "-lunH").stdout, what="dnsmasq")
    client = Wire(netns.add_client(mac=OTHER))
    # With the broadcast bit, else the switch shows the OFFER to the client only.
    client.send(client.bootp(option(53, b"\x01"), mac=OTHER, flags=0x8000))
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.foreign")
    assert ev["detail"]["server"] == "10.77.0.67"
    client.close()


# --- durability ---

@pytest.fixture
def tiny_disk(bootd):
    """bootd with its journal on a file system of 64 KiB."""
    hosts = [{"name": f"h{n}.lab", "macs": ["52:54:00:99:01:%02x" % n]} for n in range(64)]
    b = bootd({"hosts": hosts, "site": SITE}, wait_ready=None)
    with small_disk(b.state, "64k"):
        yield b.start()
        b.stop()


def test_full_disk_gives_no_ack_and_an_event(tiny_disk, netns):
    """OFFERs, but no ACK and an event with the reason; with room again, an ACK."""
    wire = Wire(netns.add_client(mac=OTHER))
    ballast = fill(os.path.join(tiny_disk.state, "ballast"))
    def refusals(mac):
        return [e for e in tiny_disk.find("dhcp4.ignored", mac=mac) if "journal" in e["reason"]]

    used = []
    for n in range(64):  # what is left of the journal's last page
        mac = "52:54:00:99:01:%02x" % n
        offer = wire.ask(DISCOVER, mac=mac, xid=n + 1)
        assert offer.type == OFFER
        ack = wire.select(offer, mac=mac, xid=1000 + n, timeout=0.1) or until(
            lambda: refusals(mac) or wire.receive(1000 + n, timeout=0.1), "an ACK or the reason why not")
        if refusals(mac):
            break
        used.append(ack.yiaddr)
    ev = refusals(mac)[0]
    assert wire.receive(1000 + n, timeout=0.1) is None
    assert "No space left" in ev["reason"] and ev["mac"] == mac and ev["detail"]["reply"] == "dhcp4.ack"
    for n in range(3):  # the log says it once, however many ask
        assert wire.select(offer, mac=mac, xid=1500 + n, timeout=0.3) is None
    assert tiny_disk.stderr.count("cannot be written") == 1
    os.unlink(ballast)
    ack = wire.select(offer, mac=mac, xid=2000)
    assert ack.type == ACK and ack.yiaddr not in used
    assert "is written again" in tiny_disk.stderr
    tiny_disk.restart()
    assert wire.ask(REQUEST, option(50, address(ack.yiaddr)), mac=mac, xid=3000).type == ACK
    wire.close()


def journal_line(n, mac, end):
    body = f"10.77.0.{n} 10.77.0.0 01-{mac.replace(':', '')} B -- {end} 3600000000"
    return f"{zlib.crc32(body.encode()):08x} {body}\n"


def test_large_journal_is_made_compact_while_serving(bootd, netns):
    """The sandbox allows what the rewrite needs, live records stay, dead and damaged ones go."""
    hosts = [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11"}]}]
    lab = bootd({"hosts": hosts, "site": SITE}, wait_ready=None)
    now = int(time.time() * 1000000)
    journal = os.path.join(lab.state, "leases4")
    with open(journal, "w") as f:
        f.write("netboot-leases 1\n")
        for n in range(15000):
            f.write(journal_line(100 + n % 50, "52:54:00:99:%02x:%02x" % (n >> 8 & 255, n & 255), now - n))
        f.write("00000000 10.77.0.190 damaged\n")
        f.write(journal_line(177, OTHER, now + 3600 * 1000000))
    lab.start()
    wire = Wire(netns.add_client(mac=EDGE1))
    assert wire.lease().yiaddr == "10.77.0.11"
    until(lambda: os.path.getsize(journal) < 10000, what="a compact journal")
    lab.restart()
    assert lab.stderr.count("damaged lines") == 1  # at the first start only
    assert wire.lease(mac=OTHER, xid=7).yiaddr == "10.77.0.177"
    assert wire.lease(xid=8).yiaddr == "10.77.0.11"
    wire.close()


def test_ack_only_after_the_record_is_in_the_journal(lab, wire):
    for n in range(20):
        mac = "52:54:00:99:01:%02x" % n
        ip = wire.lease(mac=mac, xid=5000 + n).yiaddr
        with open(os.path.join(lab.state, "leases4")) as f:
            assert any(f" {ip} " in line and mac.replace(":", "") in line for line in f)


def test_kill_at_any_moment_gives_no_address_twice(lab, wire):
    """SIGKILL in the middle of bursts of REQUESTs: whoever saw an ACK keeps its address."""
    owner = {}
    for burst in range(4):
        asked = {}
        for n in range(8):
            mac = "52:54:00:99:%02x:%02x" % (burst + 2, n)
            offer = wire.ask(DISCOVER, mac=mac, xid=burst * 1000 + n)
            asked[burst * 1000 + 500 + n] = wire.bootp(
                option(53, bytes([REQUEST])) + option(54, offer.options[54]) +
                option(50, address(offer.yiaddr)), mac=mac, xid=burst * 1000 + 500 + n)
        for payload in asked.values():
            wire.send(payload)
        for _ in range(burst):
            reply = wire.receive()
            owner[reply.chaddr] = reply.yiaddr
        lab.stop(signal.SIGKILL)
        while (reply := wire.receive(timeout=0.2)) is not None:
            if reply.type == ACK:
                owner[reply.chaddr] = reply.yiaddr
        lab.start()
    assert len(owner) >= 6 and len(set(owner.values())) == len(owner)
    for n, (chaddr, ip) in enumerate(owner.items()):
        assert wire.lease(mac=chaddr[:6].hex(":"), xid=9000 + n).yiaddr == ip


def test_address_that_comes_later_is_noticed(bootd, netns):
    """The interface has no address at first (and the sandbox allows looking again)."""
    netns.server.ip("addr", "del", "10.77.0.1/24", "dev", "br0")
    lab = bootd({"hosts": [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11"}]}]})
    wire = Wire(netns.add_client(mac=EDGE1))
    assert wire.ask(DISCOVER, timeout=0.3) is None
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ignored" and "no IPv4 address" in ev["reason"])
    netns.server.ip("addr", "add", "10.77.0.1/24", "dev", "br0")
    offer = until(lambda: wire.ask(DISCOVER, timeout=1), "an offer")
    assert offer.yiaddr == "10.77.0.11"
    wire.close()


def test_two_subnets_on_one_link(bootd, netns):
    """Each host in its own; the server speaks from the address of that subnet (rule 1, rule 8)."""
    netns.server.ip("addr", "add", "10.78.0.1/24", "dev", "br0")
    hosts = [{"name": "edge01.lab", "nics": [{"mac": EDGE1, "ip": "10.77.0.11"}]},
             {"name": "edge02.lab", "nics": [{"mac": EDGE2, "ip": "10.78.0.12"}]}]
    bootd({"hosts": hosts, "subnets": [{"prefix": "10.77.0.0/24", "lease": "1h"},
                                       {"prefix": "10.78.0.0/24", "gateway": "10.78.0.254", "lease": "1h"}]})
    wire = Wire(netns.add_client(mac=EDGE1))
    assert wire.lease(pxe()).address(54) == "10.77.0.1"
    ack = wire.lease(pxe(), mac=EDGE2)
    assert ack.yiaddr == "10.78.0.12" and ack.address(54) == "10.78.0.1" and ack.ip.src == "10.78.0.1"
    assert ack.address(3) == "10.78.0.254"
    wire.close()


def test_port_in_use_is_a_clear_error(bootd, netns):
    with inside(netns.server.name):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", 67))
    b = bootd(wait_ready=False)
    assert b.proc.wait(timeout=PATIENCE) == 1
    assert "67" in b.stderr and "in use" in b.stderr and "ss -lunp" in b.stderr
    s.close()


def test_missing_interface_is_a_clear_error(bootd):
    b = bootd({"interfaces": ["nosuch0"]}, wait_ready=False)
    assert b.proc.wait(timeout=PATIENCE) == 1
    assert "nosuch0" in b.stderr and "interfaces" in b.stderr
