# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCPv6 clients that solicit and show what they were advertised: for netboot-bootd, and for other people's servers
with the configurations of `site config`.

c = Clients6(lan, macs)  machines with these MAC addresses, each in a namespace of its own: dnsmasq looks into the
                         kernel's neighbour cache for the MAC address, the others into the DUID
c.ask_all({key: (mac, duid, options)}, fence) -> {key: Advertised}: what was not answered is not in it
duid_ll(mac), duid_uuid(uuid, "raw" | "rfc")"""
import contextlib
import random
import select
import socket
import struct
import time
import uuid as uuid_module

from dhcp4_wire import inside
from dhcp6_wire import GROUP, option
from netlab import until

SOLICIT, ADVERTISE = 1, 2
CLIENT_PORT, SERVER_PORT = 546, 547
FENCE_PATIENCE = 5


def duid_ll(mac):
    return struct.pack(">HH", 3, 1) + bytes.fromhex(mac.replace(":", ""))


def duid_uuid(text, order):
    """RFC 6355; firmware sends SMBIOS' own order of octets (boot.md 1.6)."""
    u = uuid_module.UUID(text)
    return struct.pack(">H", 4) + (u.bytes_le if order == "raw" else u.bytes)


def options(data):
    out = {}
    while len(data) >= 4:
        code, length = struct.unpack(">HH", data[:4])
        out[code], data = data[4:4 + length], data[4 + length:]
    return out


class Advertised:
    def __init__(self, data):
        self.options = options(data[4:])
        ia = options(self.options.get(3, b"")[12:])
        self.address = socket.inet_ntop(socket.AF_INET6, ia[5][:16]) if 5 in ia else None
        self.lifetimes = struct.unpack(">II", ia[5][16:24]) if 5 in ia else None

    def text(self, code):
        return self.options[code].decode() if code in self.options else None

    def hex(self, code):
        return self.options[code].hex() if code in self.options else None


def wait_link_local(ns):
    """Until duplicate address detection is over nothing can be sent from a link-local address."""
    until(lambda: "scope link" in (a := ns.run("ip", "-6", "addr", "show", "dev", ns.ifname).stdout)
          and "tentative" not in a, "a link-local address")


class Clients6:
    def __init__(self, lan, macs):
        namespaces = {mac: lan.add_client(mac=mac) for mac in macs}
        self.socks = {}
        for mac, ns in namespaces.items():
            wait_link_local(ns)
            with inside(ns.name):
                s = self.socks[mac] = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
                s.bind(("::", CLIENT_PORT))
                s.setblocking(False)

    def close(self):
        for s in self.socks.values():
            s.close()

    def solicit(self, mac, duid, extra, xid):
        body = bytes([SOLICIT]) + xid + option(1, duid) + option(8, b"\0\0")
        body += option(3, struct.pack(">III", 1, 0, 0)) + extra
        self.socks[mac].sendto(body, (GROUP, SERVER_PORT))

    def receive(self, timeout):
        """Every datagram that is there, or comes within that time; of whichever machine."""
        ready, _, _ = select.select(list(self.socks.values()), [], [], timeout)
        for s in ready:
            with contextlib.suppress(BlockingIOError):
                while True:
                    yield s.recv(4096)

    def ask_all(self, asked, fence):
        """What gets no answer is known by the answer to what was asked after it, which is `fence`: (mac, duid, options)
        of a machine that is always answered. All that was not answered is asked once more, since a datagram may be
        lost."""
        xids = {key: random.getrandbits(24).to_bytes(3, "big") for key in asked}
        replies = {}
        for _ in range(2):
            for who in dict.fromkeys(mac for mac, _, _ in asked.values()):
                for key, what in asked.items():
                    if what[0] == who and xids[key] not in replies:
                        self.solicit(*what, xids[key])
                last = random.getrandbits(24).to_bytes(3, "big")
                self.solicit(*fence, last)
                deadline = time.monotonic() + FENCE_PATIENCE
                while last not in replies and (left := deadline - time.monotonic()) > 0:
                    for data in self.receive(left):
                        if data[0] == ADVERTISE:
                            replies[data[1:4]] = Advertised(data)
                assert last in replies, "the fence was not answered"
        return {key: replies[xid] for key, xid in xids.items() if xid in replies}
