# SPDX-License-Identifier: GPL-3.0-or-later
"""TFTP packet by packet: what EDK2, iPXE and odd ROMs do (boot.md 0.1 rules 8 to 10, 1.8)."""
import pytest

from netlab import PATIENCE

# Runs in the client's namespace: a hand-driven client on one UDP socket.
CLIENT = f"PATIENCE = {PATIENCE}\n" + r"""
import socket, struct, sys
ACK, ERR = 4, 5
# With these options of a request the server's timer keeps out of what is tested.
SLOW = (b"timeout", b"15")
def rrq(name, mode=b"octet", *options):
    return struct.pack("!H", 1) + b"\0".join([name, mode, *options]) + b"\0"
class Client:
    def __init__(self, server="10.77.0.1", timeout=PATIENCE):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("", 0))
        self.s.settimeout(timeout)
        self.server, self.peer = server, None
    def ask(self, packet):
        self.s.sendto(packet, (self.server, 69))
    def recv(self):
        packet, self.peer = self.s.recvfrom(70000)
        return struct.unpack("!H", packet[:2])[0], packet[2:]
    def data(self, n):
        "DATA n. Copies of what came before, sent again by the server's timer to a busy machine, do not matter."
        while True:
            op, p = self.recv()
            assert op in (3, 6), (op, p)
            got = block(p)
            if op == 3 and got[0] == n:
                return got[1]
            assert op == 6 or got[0] < n, (got[0], n)
    def silent(self, seconds=0.4):
        self.s.settimeout(seconds)
        try:
            self.recv()
            return False
        except TimeoutError:
            return True
        finally:
            self.s.settimeout(PATIENCE)
    def ack(self, n):
        self.s.sendto(struct.pack("!HH", ACK, n & 0xffff), self.peer)
    def error(self, code, text=b""):
        self.s.sendto(struct.pack("!HH", ERR, code) + text + b"\0", self.peer)
def block(packet):
    return struct.unpack("!H", packet[:2])[0], packet[2:]
"""


@pytest.fixture
def server(bootd):
    b = bootd({"services": {"dhcp4": False}})
    b.put("loaders", "a.efi", bytes(range(256)) * 40)  # 10240 octets
    return b


@pytest.fixture
def client(netns):
    return netns.add_client(address="10.77.0.50/24")


def run(client, code):
    return client.python(CLIENT + code)


def ended(server, result, file="a.efi"):
    return server.wait(lambda ev: ev["kind"] in ("tftp.end", "tftp.error")
                       and ev.get("file") == file and ev["detail"]["result"] == result)


def test_rule_9_edk2_probe_then_transfer(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"tsize", b"0", b"blksize", b"1468", b"windowsize", b"4"))
op, p = c.recv()
assert op == 6
assert p == b"blksize\x001468\x00tsize\x0010240\x00windowsize\x004\x00", p
c.error(8, b"User aborted the transfer")
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1468", b"windowsize", b"4"))
op, p = c.recv()
assert p == b"blksize\x001468\x00windowsize\x004\x00", p
c.ack(0)
got = b""
for base in (0, 4):
    for n in range(base + 1, min(base + 4, 7) + 1):
        got += c.data(n)
    c.ack(min(base + 4, 7))
assert got == bytes(range(256)) * 40
""")
    ev = ended(server, "probe")
    assert ev["kind"] == "tftp.end"
    ev = ended(server, "complete")
    assert ev["detail"]["windowsize"] == 4 and ev["bytes"] == 10240
    assert not server.find("tftp.error")


def test_rule_10_oack_holds_nothing_unasked(server, client):
    run(client, r"""
def oack(*options):
    c = Client()
    c.ask(rrq(b"a.efi", b"octet", *options))
    op, p = c.recv()
    c.error(0)
    assert op == 6, op
    f = p.split(b"\0")[:-1]
    return dict(zip(f[::2], f[1::2]))
assert oack(b"blksize", b"512") == {b"blksize": b"512"}
assert oack(b"BLKSIZE", b"65464")[b"blksize"] == b"1468"
assert oack(b"timeout", b"3") == {b"timeout": b"3"}
assert int(oack(b"windowsize", b"65535")[b"windowsize"]) <= 64
assert oack(b"tsize", b"0", b"multicast", b"", b"x", b"y") == {b"tsize": b"10240"}
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"blksize", b"0", b"nonsense", b"1"))
op, p = c.recv()
assert op == 3 and len(p) == 2 + 512
c.error(0)
""")


def test_rule_8_answers_from_the_address_that_was_asked(server, client, netns):
    netns.server.ip("addr", "add", "10.77.0.2/24", "dev", "br0")
    run(client, r"""
for address in ("10.77.0.1", "10.77.0.2"):
    c = Client(address)
    c.s.connect((address, 69))   # a strict client: the kernel drops other sources' packets
    c.s.close()
    c = Client(address)
    c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1024"))
    op, p = c.recv()
    assert c.peer[0] == address and c.peer[1] != 69, c.peer
    assert op == 6
    c.ack(0)
    for n in range(1, 12):
        octets = c.data(n)
        c.ack(n)
    assert len(octets) < 1024
    c = Client(address)
    c.ask(rrq(b"absent"))
    op, p = c.recv()
    assert op == 5 and c.peer[0] == address
""")


def test_name_with_garbage_behind_it(server, client):
    run(client, r"""
for name in (b"a.efi\xff", b"/a.efi\xff\x80", b"//a.efi", b"\\a.efi"):
    c = Client()
    c.ask(rrq(name))
    op, p = c.recv()
    assert op == 3, (name, op, p)
    c.error(0)
""")
    ended(server, "aborted")


def test_whose_doing_the_end_of_a_transfer_was(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi"))
c.recv()
c.error(0)
""")
    assert "ended_by" not in ended(server, "aborted")["detail"]
    client.popen("python3", "-c", CLIENT + r"""
import signal
c = Client()
c.ask(rrq(b"a.efi"))
c.recv()
signal.pause()  # until the namespace ends it
""")
    server.wait(lambda ev: len(server.find("tftp.begin")) == 2)
    assert server.stop() == 0
    last = server.find("tftp.error")[-1]
    assert (last["detail"]["result"], last["detail"]["ended_by"]) == ("aborted", "server"), last


def test_rule_20_the_file_of_local_boot_is_never_found(server, client):
    """Whatever lies there under its name: a machine that is sent on to its disk must not boot it."""
    server.put("loaders", "local-boot.efi", b"somebody's loader")
    server.put("loaders", "x64/local-boot.efi", b"another name")
    run(client, r"""
for name in (b"local-boot.efi", b"/local-boot.efi", b".\\local-boot.efi", b"local-boot.efi\xff"):
    c = Client()
    c.ask(rrq(name))
    op, p = c.recv()
    assert op == ERR and p[:2] == b"\0\1", (name, op, p)
c = Client()
c.ask(rrq(b"x64/local-boot.efi"))
assert c.data(1) == b"another name"
""")
    assert "on purpose" in ended(server, "not-found", "local-boot.efi")["reason"]


def test_lost_blocks_are_sent_again(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1024", b"windowsize", b"4"))
op, p = c.recv()
c.ack(0)
for n in (1, 2, 3, 4):
    c.data(n)
# 3 and 4 were "lost": the window starts again behind 2.
c.ack(2)
for n in (3, 4, 5, 6):
    c.data(n)
# All lost, no ACK at all: the server's own timer.
for n in (3, 4, 5, 6):
    c.data(n)
c.ack(6)
for n in (7, 8, 9, 10):
    c.data(n)
c.ack(10)
assert c.data(11) == b""
c.ack(11)
""")
    assert ended(server, "complete")["detail"]["resent"] >= 4


def test_sorcerers_apprentice(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi", b"octet", *SLOW))
c.recv()
c.ack(0)
c.data(1)
for i in range(5):
    c.ack(1)
c.data(2)
c.ack(0)
c.ack(1)
assert c.silent(), "a duplicate ACK was answered"
c.error(0)
""")


def test_repeated_request_keeps_the_transfer(server, client):
    run(client, r"""
c = Client()
for i in range(3):
    c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1024", *SLOW))
op, p = c.recv()
first = c.peer
assert op == 6
assert c.silent(), "each copy of the request was answered"
c.ack(0)
c.data(1)
assert c.peer == first
c.error(0)
""")
    ended(server, "aborted")
    assert len(server.find("tftp.begin")) == 1


def test_other_ports_cannot_disturb(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi", b"octet", *SLOW))
c.recv()
c.ack(0)
c.data(1)
stranger = Client()
stranger.peer = c.peer
stranger.ack(1)
stranger.error(0)
assert c.silent(0.3)
c.ack(1)
c.data(2)
c.error(0)
""")


def test_last_block_never_acknowledged(server, client):
    run(client, r"""
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1468"))
c.recv()
c.ack(0)
for n in range(1, 8):
    c.data(n)
    if n < 7:
        c.ack(n)
""")
    ev = ended(server, "complete-unacked")
    assert ev["kind"] == "tftp.end" and ev["bytes"] == 6 * 1468
    assert ev["detail"]["took_us"] < ev["detail"]["waited_us"]


def test_malformed_packets_are_told_and_harmless(server, client):
    run(client, r"""
c = Client()
for packet in (b"", b"\0", b"\0\1", b"\0\1a", b"\0\1a\0octet", b"\0\1\0octet\0", b"\0\7a\0",
               b"\0\4\0\1", b"\0\3\0\1xx", b"\0\1" + b"a" * 300 + b"\0octet\0",
               b"\0\1a\0octet\0" + b"x" * 2000):
    c.ask(packet)
assert c.silent(0.3)
c.ask(rrq(b"a.efi", b"mail"))
op, p = c.recv()
assert op == 5 and block(p)[0] == 4
c = Client()
c.ask(rrq(b"a.efi"))
for n in range(1, 22):
    c.data(n)
    c.ack(n)
""")
    server.wait(lambda ev: ev["kind"] == "tftp.error" and "not a TFTP" in ev.get("reason", ""))
    ended(server, "complete")


def test_limit_per_client_is_silence_and_makes_room(bootd, client):
    server = bootd({"services": {"dhcp4": False}, "limits": {"tftp_per_client": 2}})
    server.put("loaders", "a.efi", bytes(range(256)) * 40)
    run(client, r"""
a, b, c = Client(), Client(), Client()
for x in (a, b):
    x.ask(rrq(b"a.efi"))
    assert x.recv()[0] == 3
c.ask(rrq(b"a.efi"))
assert c.silent(0.3), "over the limit, firmware must not get a final answer"
# a and b were power-cycled: as firmware does, ask again until there is room.
import time
c.s.settimeout(0.5)
for i in range(20):
    c.ask(rrq(b"a.efi"))
    try:
        assert c.recv()[0] == 3
        break
    except TimeoutError:
        pass
else:
    raise AssertionError("no room was ever made")
c.error(0)
""")
    ended(server, "superseded")
    server.wait(lambda ev: ev["kind"] == "tftp.error" and "not answered" in ev.get("reason", ""))


def test_requests_that_nobody_stands_behind_do_not_fill_the_server(bootd, netns, client):
    """With forged requests every transfer is taken by somebody who never answers; a real one has room soon."""
    server = bootd({"services": {"dhcp4": False}, "limits": {"tftp_transfers": 4}})
    server.put("loaders", "a.efi", bytes(range(256)) * 40)
    crowd = netns.add_client(address="10.77.0.60/24")
    crowd.python(CLIENT + r"""
a = [Client() for i in range(4)]
for x in a:
    x.ask(rrq(b"a.efi"))
    assert x.recv()[0] == 3
# Nobody is there at all, not even to say that the port is closed.
import subprocess
subprocess.run(["ip", "link", "set", "eth0", "down"], check=True)
""")
    run(client, r"""
import time
c = Client(timeout=0.5)
start = time.monotonic()
while time.monotonic() - start < PATIENCE:
    c.ask(rrq(b"a.efi"))
    try:
        assert c.recv()[0] == 3
        break
    except TimeoutError:
        pass
else:
    raise AssertionError("no room was made")
c.error(0)
""")
    server.wait(lambda ev: ev["kind"] == "tftp.error" and ev["detail"]["result"] == "timeout"
                and ev["ip"] == "10.77.0.60" and "room" in ev["reason"])


def test_text_mode_takes_bounded_memory(bootd, netns):
    """A netascii file is translated as a whole: a few at a time, the others wait unanswered."""
    server = bootd({"services": {"dhcp4": False}})
    server.put("loaders", "text", b"all is well\n" * 87000)
    crowd = netns.add_client(address="10.77.0.60/24")
    for i in range(1, 4):
        crowd.ip("addr", "add", f"10.77.0.{60 + i}/24", "dev", "eth0")
    crowd.python(CLIENT + r"""
clients, answered = [], 0
for i in range(32):
    c = Client()
    c.s.close()
    c.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.s.bind((f"10.77.0.{60 + i % 4}", 0))
    c.s.settimeout(0.2)
    c.ask(rrq(b"text", b"netascii"))
    clients.append(c)
    try:
        answered += c.recv()[0] == 3
    except TimeoutError:
        pass
assert 8 <= answered <= 16, answered
clients[0].error(0)
c = clients[-1]
for i in range(20):
    c.ask(rrq(b"text", b"netascii"))
    try:
        assert c.recv()[0] == 3
        break
    except TimeoutError:
        pass
else:
    raise AssertionError("no room after one has ended")
""")
    server.wait(lambda ev: ev["kind"] == "tftp.error" and "netascii" in ev["reason"]
                and "not answered" in ev["reason"])


def test_blocks_may_be_fragmented_on_their_way(server, client):
    """Behind a relay and a tunnel the path is narrower than our link, and those who would tell are often
    filtered: as with other TFTP servers, routers may cut what is too large."""
    run(client, r"""
tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
tap.settimeout(5)
c = Client()
c.ask(rrq(b"a.efi", b"octet", b"blksize", b"1468"))
c.recv()
c.ack(0)
assert block(c.recv()[1])[0] == 1
while True:
    packet = tap.recv(2000)
    if packet[9] == 17 and packet[12:16] == bytes([10, 77, 0, 1]) and len(packet) == 1500:
        break
assert packet[6] & 0x40 == 0, "don't fragment"
c.error(0)
""")


def test_scapy_agrees(server, client):
    """The OACK and DATA as another TFTP implementation dissects them."""
    client.python(r"""
from scapy.all import *
conf.verb = 0
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(%d)
req = TFTP() / TFTP_RRQ(filename="a.efi", mode="octet") / TFTP_Options(options=[
    TFTP_Option(oname="blksize", value="1432"), TFTP_Option(oname="tsize", value="0")])
s.sendto(bytes(req), ("10.77.0.1", 69))
p, peer = s.recvfrom(4096)
oack = TFTP(p)
assert TFTP_OACK in oack
options = {o.oname: o.value for o in oack[TFTP_Options].options}
assert options == {b"blksize": b"1432", b"tsize": b"10240"}, options
s.sendto(bytes(TFTP() / TFTP_ACK(block=0)), peer)
p, _ = s.recvfrom(4096)
assert TFTP(p)[TFTP_DATA].block == 1 and len(p) == 4 + 1432
s.sendto(bytes(TFTP() / TFTP_ERROR(errorcode=0, errormsg="enough")), peer)
""" % PATIENCE)
    ended(server, "probe")  # the size was asked for, and nothing acknowledged
