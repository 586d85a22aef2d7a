# SPDX-License-Identifier: GPL-3.0-or-later
"""A DHCPv6 client that solicits once and shows what it was advertised: for other people's servers with the
configurations of `site config`.

w = Client6(ns); w.solicit(duid, "PXEClient", 7, ipxe=False) -> Advertised or None; w.close()
duid_ll(mac), duid_uuid(uuid, "raw" | "rfc")"""
import random
import socket
import struct
import uuid as uuid_module

from dhcp4_wire import inside
from netlab import PATIENCE, until

SOLICIT, ADVERTISE = 1, 2
CLIENT_PORT, SERVER_PORT = 546, 547
INTEL = 343


def duid_ll(mac):
    return struct.pack(">HH", 3, 1) + bytes.fromhex(mac.replace(":", ""))


def duid_uuid(text, order):
    """RFC 6355; firmware sends SMBIOS' own order of octets (boot.md 1.6)."""
    u = uuid_module.UUID(text)
    return struct.pack(">H", 4) + (u.bytes_le if order == "raw" else u.bytes)


def option(code, value):
    return struct.pack(">HH", code, len(value)) + value


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

    def text(self, code):
        return self.options[code].decode() if code in self.options else None

    def hex(self, code):
        return self.options[code].hex() if code in self.options else None


class Client6:
    def __init__(self, ns):
        # Until duplicate address detection is over nothing can be sent from the link-local address.
        until(lambda: "scope link" in (a := ns.run("ip", "-6", "addr", "show", "dev", "eth0").stdout)
              and "tentative" not in a, "a link-local address")
        with inside(ns.name):
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            self.sock.bind(("::", CLIENT_PORT))
            self.scope = socket.if_nametoindex("eth0")

    def close(self):
        self.sock.close()

    def solicit(self, duid, vendor=None, arch=None, ipxe=False, tries=PATIENCE // 5):
        xid = random.getrandbits(24).to_bytes(3, "big")
        body = bytes([SOLICIT]) + xid + option(1, duid) + option(8, b"\0\0")
        body += option(3, struct.pack(">III", 1, 0, 0)) + option(6, struct.pack(">4H", 59, 60, 23, 16))
        if vendor:
            text = f"{vendor}:Arch:{arch:05d}:UNDI:003000".encode()
            body += option(16, struct.pack(">IH", INTEL, len(text)) + text)
            body += option(61, struct.pack(">H", arch)) + option(62, b"\1\3\0")
        if ipxe:
            body += option(15, b"\0\4iPXE")
        for _ in range(tries):
            self.sock.sendto(body, ("ff02::1:2", SERVER_PORT, 0, self.scope))
            self.sock.settimeout(5 if tries > 1 else 1)
            try:
                while True:
                    data = self.sock.recv(4096)
                    if data[0] == ADVERTISE and data[1:4] == xid:
                        return Advertised(data)
            except socket.timeout:
                pass
        return None
