# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP octet by octet: pipelining, slow and rude clients, limits, acknowledged bytes."""
import os
import subprocess

import pytest

from netlab import PATIENCE

CLIENT = f"PATIENCE = {PATIENCE}\n" + r"""
import socket, struct, time
def connect(timeout=PATIENCE, rcvbuf=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(timeout)
    s.connect(("10.77.0.1", 80))
    return s
def get(path, *fields, method="GET", version="1.1"):
    return ("\r\n".join([f"{method} {path} HTTP/{version}", "Host: 10.77.0.1", *fields])
            + "\r\n\r\n").encode()
class Reader:
    def __init__(self, s):
        self.s, self.buf = s, bytearray()
    def head(self):
        while b"\r\n\r\n" not in self.buf:
            more = self.s.recv(65536)
            if not more:
                raise EOFError(self.buf)
            self.buf += more
        text, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = text.decode().split("\r\n")
        fields = [l.split(": ", 1) for l in lines[1:]]
        return int(lines[0].split()[1]), {k.lower(): v for k, v in fields}
    def body(self, n):
        while len(self.buf) < n:
            more = self.s.recv(65536)
            if not more:
                raise EOFError(len(self.buf))
            self.buf += more
        got = bytes(self.buf[:n])
        del self.buf[:n]
        return got
    def answer(self, head_only=False):
        status, fields = self.head()
        return status, fields, b"" if head_only else self.body(int(fields.get("content-length", 0)))
    def rest(self):
        while more := self.s.recv(65536):
            self.buf += more
        return self.buf
def rst(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
"""


@pytest.fixture
def make(bootd):
    def f(**limits):
        b = bootd({"services": {"dhcp4": False}, "limits": limits})
        b.put("loaders", "small", b"0123456789")
        b.put("loaders", "big", bytes(range(256)) * 4096 * 16)  # 16 MiB
        return b
    return f


@pytest.fixture
def client(netns):
    return netns.add_client(address="10.77.0.50/24")


def run(client, code):
    return client.python(CLIENT + code)


def ended(server, file, result, **more):
    return server.wait(lambda ev: ev["kind"] in ("http.end", "http.error")
                       and ev.get("file") == file and ev["detail"].get("result") == result)


def test_pipelining_answers_in_order(make, client):
    server = make()
    run(client, r"""
s = connect()
r = Reader(s)
s.sendall(get("/loaders/small") + get("/loaders/none") + get("/loaders/small", method="HEAD")
          + get("/loaders/small", "Range: bytes=2-3") + get("/loaders/big")
          + get("/loaders/small", "Connection: close") + get("/loaders/never"))
assert r.answer()[0::2] == (200, b"0123456789")
assert r.answer()[0] == 404
status, fields, _ = r.answer(head_only=True)
assert status == 200 and fields["content-length"] == "10"
assert r.answer()[0::2] == (206, b"23")
assert len(r.answer()[2]) == 1 << 24
status, fields, body = r.answer()
assert body == b"0123456789" and fields["connection"] == "close"
assert r.rest() == b"", "an answer after Connection: close"
""")
    ended(server, "loaders/big", "complete")


def test_a_hundred_requests_on_one_connection(make, client):
    make()
    run(client, r"""
s = connect()
r = Reader(s)
s.sendall(get("/loaders/small") * 60)
for i in range(60):
    assert r.answer()[2] == b"0123456789"
took = []
for i in range(60):
    start = time.monotonic()
    s.sendall(get("/loaders/small"))
    assert r.answer()[2] == b"0123456789"
    took.append(time.monotonic() - start)
# Nagle against delayed ACK would cost 40 ms each (boot.md 4.4); a busy machine delays some of them only.
assert sorted(took)[15] < 0.035, took
""")


def test_request_in_single_octets(make, client):
    make()
    run(client, r"""
s = connect()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for b in get("/loaders/small"):
    s.sendall(bytes([b]))
assert Reader(s).answer()[2] == b"0123456789"
""")


def test_bare_lf_empty_lines_and_absolute_form(make, client):
    make()
    run(client, r"""
s = connect()
s.sendall(b"\r\n\nGET http://10.77.0.1/loaders/small HTTP/1.1\nHost: x\n\n")
assert Reader(s).answer()[2] == b"0123456789"
""")


def test_rule_15_reset_after_the_last_octet_is_complete(make, client):
    server = make()
    run(client, r"""
for i in range(5):
    s = connect()
    r = Reader(s)
    s.sendall(get("/loaders/small", method="HEAD") + get("/loaders/big"))
    r.answer(head_only=True)
    assert len(r.answer()[2]) == 1 << 24
    rst(s)
""")
    server.wait(lambda ev: len(server.find("http.end", file="loaders/big")) == 5)
    for ev in server.find("http.end", file="loaders/big"):
        assert ev["detail"]["result"] == "complete" and ev["bytes"] == 1 << 24
    assert not server.find("http.error")


def test_bytes_are_those_acknowledged(make, client):
    server = make()
    run(client, r"""
s = connect(rcvbuf=65536)
r = Reader(s)
s.sendall(get("/loaders/big"))
r.head()
r.body(1000000)
rst(s)
""")
    ev = ended(server, "loaders/big", "aborted")
    assert ev["kind"] == "http.error"
    assert 1_000_000 <= ev["bytes"] < 2_000_000 and ev["total"] == 1 << 24


def test_whose_doing_the_end_of_a_transfer_was(make, client):
    """The client's reset, and then bootd's own stop: by a member, not by the words of a sentence."""
    server = make()
    run(client, r"""
s = connect(rcvbuf=4096)
s.sendall(get("/loaders/big"))
Reader(s).head()
rst(s)
""")
    assert "ended_by" not in ended(server, "loaders/big", "aborted")["detail"]
    client.popen("python3", "-c", CLIENT + r"""
import signal
s = connect(rcvbuf=4096)
s.sendall(get("/loaders/big"))
Reader(s).head()
signal.pause()  # until the namespace ends it
""")
    server.wait(lambda ev: len(server.find("http.begin", file="loaders/big")) == 2)
    assert server.stop() == 0
    last = server.find("http.error", file="loaders/big")[-1]
    assert (last["detail"]["result"], last["detail"]["ended_by"]) == ("aborted", "server"), last


def test_aborted_then_resumed_is_complete(make, client):
    server = make()
    run(client, r"""
s = connect(rcvbuf=65536)
r = Reader(s)
s.sendall(get("/loaders/big"))
_, fields = r.head()
r.body(3000000)
rst(s)
s = connect()
r = Reader(s)
# As EDK2 resumes (boot.md 1.9).
s.sendall(get("/loaders/big", "Range: bytes=3000000-", "If-Match: " + fields["etag"]))
status, fields, body = r.answer()
assert status == 206 and fields["content-range"] == "bytes 3000000-16777215/16777216"
assert len(body) == (1 << 24) - 3000000
""")
    ev = ended(server, "loaders/big", "complete")
    assert ev["bytes"] == ev["total"] == 1 << 24


def test_progress_events(make, client):
    server = make()
    done = run(client, r"""
start = time.monotonic()
s = connect(rcvbuf=65536)
r = Reader(s)
s.sendall(get("/loaders/big"))
r.head()
for i in range(64):
    r.body(1 << 18)
    while time.monotonic() - start < (i + 1) * 0.05:
        time.sleep(0.005)
print(time.monotonic() - start)
""")
    ended(server, "loaders/big", "complete")
    steps = server.find("http.progress", file="loaders/big")
    assert 2 <= len(steps) <= float(done.stdout) + 1, "more than one a second"
    assert [ev["bytes"] for ev in steps] == sorted(ev["bytes"] for ev in steps)
    assert all(0 < ev["bytes"] < ev["total"] == 1 << 24 for ev in steps)


def test_half_closed_client_still_gets_its_answer(make, client):
    server = make()
    run(client, r"""
s = connect()
s.sendall(get("/loaders/big"))
s.shutdown(socket.SHUT_WR)
r = Reader(s)
assert len(r.answer()[2]) == 1 << 24
assert r.rest() == b""
""")
    ended(server, "loaders/big", "complete")


def test_bad_requests(make, client):
    make()
    run(client, r"""
cases = [
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET /\r\n\r\n"),
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n"),
    (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
    (501, b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n"),
    (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (400, b"GET /loaders/small HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
    (414, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 9000 + b"\r\n\r\n"),
    (413, b"POST /report/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
]
for want, text in cases:
    s = connect()
    s.sendall(text)
    status, fields, body = Reader(s).answer()
    assert status == want or (want == 413 and status == 404), (want, status, text[:60])
    assert "content-length" in fields
""")


def test_slowloris_is_cut_off_and_hurts_nobody(make, client):
    server = make(http_header_timeout="2s", http_per_client=64)
    run(client, r"""
start = time.monotonic()
slow = [connect() for i in range(40)]
for s in slow:
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
fast = connect()
fast.sendall(get("/loaders/small"))
assert Reader(fast).answer()[2] == b"0123456789"
answers = 0
for s in slow:
    try:
        s.sendall(b"X: y\r\n")
    except OSError:
        pass
# On a machine so busy that these lines came too late, they were met by a reset, which takes the 408 along.
late = time.monotonic() - start > 1.5
for s in slow:
    try:
        status, fields, _ = Reader(s).answer()
        assert status == 408 and fields["connection"] == "close"
        answers += 1
    except (OSError, EOFError):
        assert late
assert time.monotonic() - start > 1.9
assert answers == 40 or late, answers
""")
    server.wait(lambda ev: ev["kind"] == "http.error" and ev["detail"]["result"] == "timeout")


def test_idle_connection_is_closed(make, client):
    make(http_header_timeout="1s", http_idle_timeout="1s")
    run(client, r"""
silent, used = connect(), connect()
used.sendall(get("/loaders/small"))
r = Reader(used)
assert r.answer()[0] == 200
assert r.rest() == b""
assert silent.recv(10) == b""
""")


def test_stalled_reader_is_reset(make, client):
    server = make(http_stall_timeout="1s")
    run(client, r"""
s = connect(rcvbuf=4096)
s.sendall(get("/loaders/big"))
other = connect()
other.sendall(get("/loaders/small"))
assert Reader(other).answer()[0] == 200
# Wait, without reading, until the server has given up.
import select
p = select.poll()
p.register(s, select.POLLERR | select.POLLHUP)
assert p.poll(PATIENCE * 1000), "never reset"
""")
    ev = ended(server, "loaders/big", "timeout")
    assert ev["bytes"] < 1 << 24 and "stopped reading" in ev["reason"]


# Takes 2 KiB at a time, for ever or until it is reset.
TRICKLE = r"""
import select
def trickle(path):
    s = connect(rcvbuf=4096)
    s.sendall(get(path))
    reset = select.poll()
    reset.register(s, select.POLLERR | select.POLLHUP)
    while not reset.poll(100):
        try:
            s.recv(2048)
        except ConnectionResetError:
            return
"""


def test_reader_that_only_trickles_is_reset(make, client):
    """One that takes an octet now and then is never stalled, and would stay for ever."""
    server = make(http_min_rate=65535, http_slow_timeout="1s", http_stall_timeout="60s")
    run(client, TRICKLE + 'trickle("/loaders/big")')
    ev = ended(server, "loaders/big", "timeout")
    assert ev["bytes"] < 1 << 24 and "less than 65535 octets a second for 1 s" in ev["reason"]


def limit_files(pid, n):
    """As the process's own user: root itself may lack CAP_SYS_RESOURCE, as in a container."""
    status = os.stat(f"/proc/{pid}")
    subprocess.run(["setpriv", f"--reuid={status.st_uid}", f"--regid={status.st_gid}", "--clear-groups",
                    "prlimit", f"--pid={pid}", f"--nofile={n}:"], check=True)


def test_file_that_cannot_be_opened_now_is_not_missing(make, client):
    """Out of descriptors: 503, to be tried again, and the event has the reason."""
    server = make()
    used = None
    # One that was open for a moment alone would leave room for the file.
    while used != (now := {int(n) for n in os.listdir(f"/proc/{server.proc.pid}/fd")}):
        used = now
        free = [n for n in range(max(used) + 3) if n not in used]
        limit_files(server.proc.pid, free[1])  # the first is for the connection
    run(client, r"""
s = connect()
s.sendall(get("/loaders/small"))
status, fields, body = Reader(s).answer()
assert status == 503 and int(fields["retry-after"]) > 0, (status, fields)
""")
    ev = server.wait(lambda ev: ev["kind"] == "http.error" and ev.get("file") == "loaders/small")
    assert ev["detail"]["status"] == 503 and ev["detail"]["result"] == "refused"
    assert "Too many open files" in ev["reason"]
    limit_files(server.proc.pid, max(used) + 9)
    run(client, r"""
s = connect()
s.sendall(get("/loaders/small"))
assert Reader(s).answer()[0] == 200
""")


def test_limits_of_connections(make, client):
    server = make(http_per_client=4)
    run(client, r"""
busy = []
for i in range(4):
    s = connect(rcvbuf=4096)
    s.sendall(get("/loaders/big"))
    Reader(s).head()
    busy.append(s)
def fetch():
    try:
        s = connect()
        s.sendall(get("/loaders/small"))
        return Reader(s).answer()[0], s
    except (ConnectionResetError, EOFError, BrokenPipeError):
        return None, None
assert fetch() == (None, None), "a fifth connection was served"
rst(busy.pop())
# The server hears of it in its own time; then idle connections make room for new ones.
kept = []
while len(kept) < 3:
    status, s = fetch()
    if s:
        assert status == 200
        kept.append(s)
""")
    server.wait(lambda ev: ev["kind"] == "http.error" and "too many" in ev.get("reason", ""))


def test_many_connections(make, netns, client):
    make(http_per_client=600, http_connections=600)
    run(client, r"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
conns = [connect() for i in range(500)]
for s in conns:
    s.sendall(get("/loaders/small"))
for s in conns:
    assert Reader(s).answer()[2] == b"0123456789"
for s in conns:
    s.sendall(get("/loaders/small", "Connection: close"))
for s in conns:
    assert Reader(s).answer()[2] == b"0123456789"
""")


def test_file_replaced_during_transfer_keeps_its_old_content(make, client):
    server = make()
    go = client.popen("/usr/bin/python3", "-c", CLIENT + r"""
s = connect(rcvbuf=65536)
r = Reader(s)
s.sendall(get("/loaders/big"))
r.head()
r.body(100)
print("begun", flush=True)
input()
assert r.body((1 << 24) - 100)[-256:] == bytes(range(256))
""", stdin=-1, stdout=-1)
    assert go.stdout.readline() == b"begun\n"
    server.put("loaders", "big", b"other")
    go.communicate(b"\n", timeout=PATIENCE)
    assert go.returncode == 0
    ended(server, "loaders/big", "complete")


# A client that is only packets: it acknowledges all but the last `spare` octets of the answer, then is gone.
VANISH = r"""
import socket, sys
from scapy.all import ARP, Ether, IP, TCP, conf, getmacbyip
ME, SERVER, MAC, spare = "10.77.0.77", "10.77.0.1", "02:00:00:00:00:77", int(sys.argv[1])
REQUEST = b"GET /loaders/file HTTP/1.1\r\nHost: 10.77.0.1\r\n\r\n"
ether = Ether(src=MAC, dst=getmacbyip(SERVER))
link = conf.L2socket(iface="eth0")
link.ins.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE: a loss would hold the rest back
seq, ack, answer = 1000, 0, b""
def send(flags, data=b"", **more):
    link.send(ether / IP(src=ME, dst=SERVER)
              / TCP(sport=4077, dport=80, seq=seq, ack=ack, flags=flags, window=65535, **more) / data)
def missing():
    head, end, body = answer.partition(b"\r\n\r\n")
    return int(head.lower().split(b"content-length: ")[1].split()[0]) - len(body) if end else spare + 1
send("S", options=[("MSS", 1460), ("WScale", 4)])
while missing() > spare:
    p = link.recv()
    if p is not None and ARP in p and p[ARP].pdst == ME:
        link.send(Ether(src=MAC, dst=p.src)
                  / ARP(op=2, hwsrc=MAC, psrc=ME, hwdst=p[ARP].hwsrc, pdst=p[ARP].psrc))
    if p is None or TCP not in p or p[TCP].dport != 4077:
        continue
    if "S" in p[TCP].flags:
        seq, ack = seq + 1, p[TCP].seq + 1
        send("PA", REQUEST)
        seq += len(REQUEST)
        continue
    data = bytes(p[TCP].payload)[:p[IP].len - 4 * p[IP].ihl - 4 * p[TCP].dataofs]
    if p[TCP].seq == ack:
        ack += len(data)
        answer += data
        if missing() > spare:
            send("A")
"""


@pytest.mark.parametrize("spare,stall,result", [(190000, "60s", "complete-unacked"), (400000, "4s", "timeout")])
def test_client_that_keeps_a_window_of_acknowledgements(make, client, spare, stall, result):
    """iPXE leaves for the kernel with up to its whole receive window unacknowledged (seen: 172,664 octets); more
    than such a window cannot have arrived."""
    server = make(http_stall_timeout=stall)
    # Reno, not Cubic: it does not take a slow client for a full line, so that all of the rest is sent.
    server.ns.run("sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
    server.put("loaders", "file", bytes(1000000))
    client.python(VANISH, str(spare))
    ev = ended(server, "loaders/file", result)
    assert ev["total"] - spare - 65536 <= ev["bytes"] <= ev["total"] - spare + 65536


def test_rude_crowd(make, client):
    """Clients that break off, dribble, pipeline and stall, by a fixed seed; afterwards all is well."""
    server = make(http_per_client=200, http_stall_timeout="2s", http_header_timeout="2s")
    run(client, r"""
import random, select
rng = random.Random(7)
paths = ["/loaders/small", "/loaders/big", "/loaders/none", "//loaders//big", "/report/x/up"]
def request():
    fields = []
    if rng.random() < 0.3:
        a = rng.randrange(1 << 24)
        fields.append("Range: bytes=%d-%d" % (a, a + rng.randrange(1 << 22)))
    if rng.random() < 0.1:
        fields.append("Connection: close")
    return get(rng.choice(paths), *fields, method=rng.choice(["GET"] * 8 + ["HEAD", "POST", "PUT"]),
               version=rng.choice(["1.1", "1.1", "1.0"]))
crowd, deadline = [], time.monotonic() + 8
done = 0
while time.monotonic() < deadline or crowd:
    if time.monotonic() < deadline and len(crowd) < 60:
        s = connect(rcvbuf=rng.choice([None, None, 8192, 65536]))
        s.setblocking(False)
        crowd.append(s)
    for s in list(crowd):
        x = rng.random()
        try:
            if x < 0.35:
                data = b"".join(request() for i in range(rng.randrange(1, 6)))
                s.send(data[:rng.randrange(1, len(data) + 1)] if x < 0.05 else data)
            elif x < 0.85:
                s.recv(rng.choice([1, 1000, 1 << 20]))
            elif x < 0.87:
                s.shutdown(socket.SHUT_WR)
            elif x < 0.90 or time.monotonic() > deadline:
                rst(s) if x < 0.89 else s.close()
                crowd.remove(s)
                done += 1
        except BlockingIOError:
            pass
        except OSError:
            s.close()
            crowd.remove(s)
            done += 1
assert done > 100, done
s = connect()
s.sendall(get("/loaders/big"))
assert len(Reader(s).answer()[2]) == 1 << 24
""")
    assert server.proc.poll() is None
    assert "[warn]" not in server.stderr, server.stderr
