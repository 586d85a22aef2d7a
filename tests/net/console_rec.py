# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads recordings of consoles (docs/protocol.md, "Console recordings"), independently of lib/console_record.c."""
import struct
import zlib

MARKS = {1: "connected", 2: "gap", 3: "lost", 4: "stolen", 5: "refused", 6: "yielded", 7: "truncated", 8: "end"}


def frames(data):
    """(type, mark, time, payload) of each whole frame."""
    at, out = 0, []
    while len(data) - at >= 16:
        kind, mark, n, when = struct.unpack_from(">cBHQ", data, at)
        end = at + 12 + n
        if len(data) < end + 4:
            break
        assert struct.unpack_from(">I", data, end)[0] == zlib.crc32(data[at:end]), f"damaged at {at}"
        out.append((kind.decode(), mark, when, data[at + 12:end]))
        at = end + 4
    return out


def begin(data):
    kind, _, _, payload = frames(data)[0]
    magic, host, ident, rest = payload.split(b"\0")
    assert (kind, magic, rest) == ("B", b"nbcon1", b"")
    return host.decode(), ident.decode()


def octets(data):
    return b"".join(f[3] for f in frames(data) if f[0] == "D")


def marks(data):
    return [MARKS[f[1]] for f in frames(data) if f[0] == "M"]


def story(data):
    """Octets, with each mark in its place as <mark>."""
    return b"".join(f[3] if f[0] == "D" else b"<%s>" % MARKS[f[1]].encode() for f in frames(data) if f[0] in "DM")


def frame(kind, mark, when, payload):
    head = struct.pack(">cBHQ", kind.encode(), mark, len(payload), when) + payload
    return head + struct.pack(">I", zlib.crc32(head))


def recording(host, ident, data, when=1_795_000_000_000_000, always=False):
    """A whole one: begun, said, ended."""
    return (frame("B", int(always), when, b"nbcon1\0%s\0%s\0" % (host.encode(), ident.encode()))
            + frame("M", 1, when, b"cipher suite 17")
            + b"".join(frame("D", 0, when + 1 + i, data[i:i + 4096]) for i in range(0, len(data), 4096))
            + frame("M", 8, when + len(data) + 1, b"over"))
