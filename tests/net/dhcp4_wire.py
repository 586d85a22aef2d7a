# SPDX-License-Identifier: GPL-3.0-or-later
"""A DHCPv4 client made of scapy packets and a packet socket inside a namespace, for what real
clients never send. Replies are parsed octet by octet, so that order and padding can be tested."""
import contextlib
import ctypes
import logging
import os
import random
import socket
import struct
import time

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.layers.dhcp import BOOTP  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402

from netlab import PATIENCE  # noqa: E402

COOKIE = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
SERVER = "10.77.0.1"
UUID = bytes.fromhex("00443322116655887799aabbccddeeff00")
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33


@contextlib.contextmanager
def inside(namespace):
    """The calling thread is in the namespace; sockets opened there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{namespace}") as there:
        assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(here.fileno(), CLONE_NEWNET) == 0


def option(code, value=b""):
    """One option; longer values in parts of 255 (RFC 3396)."""
    parts = [value[i:i + 255] for i in range(0, len(value), 255)] or [b""]
    return b"".join(bytes([code, len(p)]) + p for p in parts)


def address(text):
    return socket.inet_aton(text)


def pxe(arch=7, uuid=UUID):
    """What OVMF sends: options 57, 60, 93, 94, 97 and a list of wants with garbage in it."""
    out = option(57, struct.pack(">H", 1472)) + option(55, b"\x01\x03\x00\xeb\x42\x43\xff")
    out += option(60, b"PXEClient:Arch:%05d:UNDI:003000" % arch)
    out += option(93, struct.pack(">H", arch)) + option(94, b"\x01\x03\x00")
    return out + (option(97, uuid) if uuid else b"")


def http(arch=16):
    return option(60, b"HTTPClient:Arch:%05d:UNDI:003000" % arch) + option(93, struct.pack(">H", arch))


def ipxe(features=b"\x13\x01\x01\x18\x01\x01", user_class=b"iPXE"):
    out = pxe() + option(175, b"\xb1\x05\x01\x1a\xf4\x10\x00\xeb\x03\x01\x00\x00" + features)
    return out + (option(77, user_class) if user_class else b"")


class Reply:
    """A BOOTP reply with its Ethernet, IP and UDP headers."""

    def __init__(self, frame):
        self.eth = Ether(frame)
        self.ip, self.udp = self.eth[IP], self.eth[UDP]
        self.raw = bytes(self.udp.payload)[:self.udp.len - 8]
        (self.op, self.htype, self.hlen, self.hops, self.xid, self.secs, self.flags) = \
            struct.unpack(">BBBBIHH", self.raw[:12])
        self.ciaddr, self.yiaddr, self.siaddr, self.giaddr = (
            socket.inet_ntoa(self.raw[at:at + 4]) for at in (12, 16, 20, 24))
        self.chaddr = self.raw[28:44]
        self.file = self.raw[108:236].split(b"\0")[0]
        assert self.raw[236:240] == COOKIE
        self.order, self.options, at = [], {}, 240
        while self.raw[at] != 255:
            if self.raw[at] == 0:
                at += 1
                continue
            code, length = self.raw[at], self.raw[at + 1]
            self.order.append(code)
            self.options[code] = self.options.get(code, b"") + self.raw[at + 2:at + 2 + length]
            at += 2 + length
        self.type = self.options[53][0]

    def text(self, code):
        return self.options[code].rstrip(b"\0").decode()

    def address(self, code):
        return socket.inet_ntoa(self.options[code])


class Wire:
    """Sends and receives on one interface of a namespace."""

    def __init__(self, ns, ifname=None):
        self.mac = ns.mac
        with inside(ns.name):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)  # for the floods
            self.sock.bind((ifname or ns.ifname, 0x0800))

    def close(self):
        self.sock.close()

    def bootp(self, options, mac=None, xid=None, **fields):
        """The UDP payload of a client's message; `fields` are scapy's BOOTP fields."""
        mac = bytes.fromhex((mac or self.mac).replace(":", ""))
        fields.setdefault("chaddr", mac + bytes(10))
        header = BOOTP(op=fields.pop("op", 1), xid=xid if xid is not None else random.getrandbits(32),
                       **fields)
        return bytes(header)[:236] + COOKIE + options + b"\xff"

    def frame(self, payload, src="0.0.0.0", dst="255.255.255.255", sport=68, dport=67, mac=None,
              dst_mac="ff:ff:ff:ff:ff:ff"):
        return bytes(Ether(src=mac or self.mac, dst=dst_mac) / IP(src=src, dst=dst) /
                     UDP(sport=sport, dport=dport) / payload)

    def send(self, payload, **where):
        self.sock.send(self.frame(payload, **where))

    def receive(self, xid=None, timeout=PATIENCE, sports=(67, 4011)):
        """The next reply (with that xid), or None."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                frame, info = self.sock.recvfrom(4096)
            except socket.timeout:
                return None
            if info[2] == socket.PACKET_OUTGOING or frame[23] != 17 or frame[14] != 0x45:
                continue
            if struct.unpack(">H", frame[34:36])[0] not in sports or len(frame) < 282 or \
                    frame[42] != 2:
                continue
            if xid is None or frame[46:50] == struct.pack(">I", xid):
                return Reply(frame)
        return None

    def ask(self, kind, options=b"", timeout=None, where=None, **fields):
        """Sends a message of that type and waits for the answer to it; without a timeout it is repeated, as
        every client does: UDP may lose it on a busy machine."""
        xid = fields.setdefault("xid", random.getrandbits(32))
        packet = self.bootp(option(53, bytes([kind])) + options, **fields)
        for limit in [timeout] if timeout else [10] * (PATIENCE // 10):
            self.send(packet, **(where or {}))
            reply = self.receive(xid, limit)
            if reply:
                break
        return reply

    def select(self, offer, options=b"", **fields):
        """The REQUEST that takes an offer."""
        return self.ask(REQUEST, option(54, offer.options[54]) + option(50, address(offer.yiaddr)) +
                        options, **fields)

    def lease(self, options=b"", **fields):
        """DISCOVER to ACK; the ACK."""
        offer = self.ask(DISCOVER, options, **fields)
        assert offer is not None and offer.type == OFFER
        ack = self.select(offer, options, **fields)
        assert ack is not None and ack.type == ACK and ack.yiaddr == offer.yiaddr
        return ack
