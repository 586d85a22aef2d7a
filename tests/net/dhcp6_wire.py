# SPDX-License-Identifier: GPL-3.0-or-later
"""A DHCPv6 client and relay made of scapy's messages and a UDP socket inside a namespace, for what real clients
never send. Replies are read by scapy, which knows nothing of our code; `raw` holds their octets."""
import logging
import random
import socket
import struct
import time

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Reply, DHCP6_Request, DHCP6_Solicit,  # noqa: E402
                                DHCP6OptClientId, DHCP6OptIA_NA, DHCP6OptIAAddress, DHCP6OptServerId, DUID_LL,
                                DUID_UUID)

from dhcp4_wire import inside  # noqa: E402
from netlab import PATIENCE  # noqa: E402

GROUP, SITE_GROUP = "ff02::1:2", "ff05::1:3"
# The article's UUID as OVMF has it in its DUID, and as iPXE has it (boot.md 1.6).
UUID = "11223344-5566-7788-99aa-bbccddeeff00"
RAW_UUID = "44332211-6655-8877-99aa-bbccddeeff00"


def option(code, value=b""):
    return struct.pack(">HH", code, len(value)) + value


def vendor(text):
    return option(16, struct.pack(">IH", 343, len(text)) + text)


def firmware(client, arch):
    return option(8, b"\0\0") + option(6, struct.pack(">HHHH", 59, 60, 23, 16)) + option(62, b"\x01\x03\x00") + \
        option(61, struct.pack(">H", arch)) + vendor(b"%s:Arch:%05d:UNDI:003000" % (client, arch))


def pxe(arch=7):
    """What EDK2 sends besides its DUID and IA."""
    return firmware(b"PXEClient", arch)


def http(arch=16):
    return firmware(b"HTTPClient", arch)


def ipxe(user=b"\x00\x04iPXE", arch=7):
    """In the order of its dhcpv6.c. DHCPv4's option 175 it has not got there."""
    return option(6, struct.pack(">HHHH", 23, 24, 59, 60)) + option(15, user) + \
        vendor(b"PXEClient:Arch:%05d:UNDI:003010" % arch) + option(61, struct.pack(">H", arch)) + \
        option(62, b"\x01\x03\x10") + option(8, b"\0\0")


class Reply:
    """A message as scapy reads it; for relays `levels` are the Relay-replies, the outermost first."""

    def __init__(self, data, source):
        self.raw, self.source, self.levels = data, source, []
        while data[0] == 13:
            at, options = 34, {}
            while at < len(data):
                code, length = struct.unpack(">HH", data[at:at + 4])
                options[code] = data[at + 4:at + 4 + length]
                at += 4 + length
            self.levels.append({"hops": data[1], "link": socket.inet_ntop(socket.AF_INET6, data[2:18]),
                                "peer": socket.inet_ntop(socket.AF_INET6, data[18:34]), "options": options})
            data = options[9]
        self.type, self.xid = data[0], int.from_bytes(data[1:4], "big")
        self.order, self.options, at = [], {}, 4
        while at < len(data):
            code, length = struct.unpack(">HH", data[at:at + 4])
            self.order.append(code)
            self.options.setdefault(code, data[at + 4:at + 4 + length])
            at += 4 + length
        assert at == len(data)
        self.message = {2: DHCP6_Advertise, 7: DHCP6_Reply}[self.type](data)

    @property
    def ia(self):
        return self.message[DHCP6OptIA_NA]

    @property
    def addresses(self):
        """{address: valid lifetime} of the first IA."""
        found, layer = {}, DHCP6OptIAAddress
        for sub in self.ia.ianaopts:
            if isinstance(sub, layer):
                found[sub.addr] = sub.validlft
        return found

    @property
    def ip(self):
        given = [a for a, left in self.addresses.items() if left]
        return given[0] if given else None

    def status(self, where=None):
        """Of the message, or of the first IA ("ia"); None when there is none."""
        if where is None:
            return int.from_bytes(self.options[13][:2], "big") if 13 in self.options else None
        found = [s.statuscode for s in self.ia.ianaopts if s.optcode == 13]
        return found[0] if found else None

    @property
    def url(self):
        """Option 59, which is never the last one: EDK2 reads on (boot.md 1.6)."""
        if 59 not in self.options:
            return None
        assert self.order[-1] != 59
        return self.options[59].decode()


class Wire:
    """Port 546 (or another) of a namespace, or of one of its link-local addresses."""

    def __init__(self, ns, port=546, address="::"):
        with inside(ns.name):
            self.ifindex = socket.if_nametoindex(ns.ifname)
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ns.ifname.encode())
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.ifindex)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 8)
            self.sock.bind((address, port, 0, self.ifindex))
        self.duid = DUID_LL(lladdr=ns.mac)
        self.server = None

    def close(self):
        self.sock.close()

    def send(self, data, dst=GROUP, port=547):
        self.sock.sendto(bytes(data), (dst, port, 0, self.ifindex))

    def receive(self, xid=None, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                data, source = self.sock.recvfrom(4096)
            except socket.timeout:
                return None
            reply = Reply(data, source)
            if xid is None or reply.xid == xid:
                return reply
        return None

    def message(self, kind, extra=b"", ia=True, iaid=1, address=None, duid=None, server=False, xid=None):
        """A client's message: `kind` is one of scapy's classes, `extra` are octets of further options."""
        packet = kind(trid=random.getrandbits(24) if xid is None else xid)
        if duid is not False:
            packet /= DHCP6OptClientId(duid=duid or self.duid)
        if server:
            packet /= DHCP6OptServerId(duid=self.server if server is True else server)
        if ia:
            inner = [DHCP6OptIAAddress(addr=address)] if address else []
            packet /= DHCP6OptIA_NA(iaid=iaid, ianaopts=inner)
        return bytes(packet) + extra

    def exchange(self, data, timeout=None, wrap=None, **where):
        """Sends it and waits for the answer; without a timeout it is repeated, as every client does."""
        xid = int.from_bytes(data[1:4], "big")
        packet = wrap(data) if wrap else data
        reply = None
        for limit in [timeout] if timeout else [10] * (PATIENCE // 10):
            self.send(packet, **where)
            reply = self.receive(xid, limit)
            if reply:
                break
        return reply

    def ask(self, kind, extra=b"", timeout=None, wrap=None, where=None, **fields):
        reply = self.exchange(self.message(kind, extra, **fields), timeout, wrap, **(where or {}))
        if reply and 2 in reply.options:
            self.server = reply.message[DHCP6OptServerId].duid
        return reply

    def lease(self, extra=b"", **fields):
        """SOLICIT to REPLY; the REPLY."""
        offer = self.ask(DHCP6_Solicit, extra, **fields)
        assert offer is not None and offer.type == 2
        reply = self.ask(DHCP6_Request, extra, server=True, address=offer.ip, **fields)
        assert reply is not None and reply.type == 7
        return reply


def eui64(mac):
    """The link-local address that OVMF and iPXE make of it (RFC 4291 2.5.1)."""
    b = bytes.fromhex(mac.replace(":", ""))
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:])


def relay(link, peer, interface_id=b"", mac=None, hops=0, further=b""):
    """A function that wraps a message as a relay agent does."""
    def wrap(data):
        out = bytes([12, hops]) + socket.inet_pton(socket.AF_INET6, link) + \
            socket.inet_pton(socket.AF_INET6, peer)
        if interface_id:
            out += option(18, interface_id)
        if mac:
            out += option(79, b"\x00\x01" + bytes.fromhex(mac.replace(":", "")))
        return out + further + option(9, data)
    return wrap


__all__ = ["DUID_LL", "DUID_UUID", "GROUP", "RAW_UUID", "Reply", "SITE_GROUP", "UUID", "Wire", "eui64", "http", "ipxe",
           "option", "pxe", "relay", "vendor"]
