# SPDX-License-Identifier: GPL-3.0-or-later
"""The ticket rule on the wire (docs/protocol.md): the last 64 KiB of a kernel or initrd stay here until
the ticket is durably consumed, and then go to one client only."""
import re

import pytest

from netlab import PATIENCE
from test_http_wire import CLIENT

MAC = "52:54:00:77:00:01"
HOLD = 65536

# What every client here begins with: its script, and the paths in it.
TICKET = CLIENT + r"""
import re, sys
MAC, HOLD = "52:54:00:77:00:01", 65536
def script():
    s = connect()
    s.sendall(get("/script.ipxe-" + MAC, "Connection: close"))
    return Reader(s).answer()[2].decode()
def paths():
    return re.findall(r"/b/[0-9a-z]+/[a-z0-9]+", script())
def fetch(path, *fields, **kw):
    "status and body, or what came before the reset"
    s = connect(**kw)
    r = Reader(s)
    try:
        s.sendall(get(path, *fields))
        status, f = r.head()
        n = int(f["content-length"])
        return status, r.body(n)
    except (ConnectionResetError, EOFError):
        return "reset", r.buf
"""


@pytest.fixture
def make(bootd, netns):
    def f(kernel=1_000_000, initrds=(3_000_000,)):
        b = bootd({"services": {"dhcp4": False}}, wait_ready=None)
        b.put("images", "d/vmlinuz", b"K" * kernel)
        for i, n in enumerate(initrds):
            b.put("images", f"d/initrd{i}", b"I" * n)
        b.config["hosts"] = [{"name": "edge01", "macs": [MAC], "boot": {
            "kernel": "d/vmlinuz", "initrds": [f"d/initrd{i}" for i in range(len(initrds))]}}]
        return b.start()
    return f


@pytest.fixture
def client(netns):
    return netns.add_client(address="10.77.0.50/24")


def run(client, code, *argv):
    return client.python(TICKET + code, *argv)


def check_consumed_once(server):
    server.wait(lambda ev: ev["kind"] == "bootd.consumed")  # it may still be on its way here
    assert len(server.find("bootd.consumed")) == 1


def ended(server, result, **fields):
    return server.wait(lambda ev: ev["kind"] in ("http.end", "http.error")
                       and ev["detail"].get("result") == result
                       and all(ev["detail"].get(k) == v for k, v in fields.items()))


def test_once_and_never_again(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
assert fetch(kernel) == (200, b"K" * 1000000)
assert fetch(kernel) == (200, b"K" * 1000000), "before consumption a file may be fetched again"
assert fetch(initrd) == (200, b"I" * 3000000)
for path in (kernel, initrd):
    assert fetch(path)[0] == 404
    assert fetch(path, "Range: bytes=0-10")[0] == 404
text = script()
assert "kernel" not in text and "exit 1" in text, text
""")
    check_consumed_once(server)
    ev = ended(server, "complete", **{"class": "initrd"})
    assert ev["host"] == "edge01" and ev["file"] == "initrd0" and ev["bytes"] == 3_000_000
    ev = ended(server, "not-found")
    assert "consumed" in ev["reason"]


def test_order_does_not_matter(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
assert fetch(initrd) == (200, b"I" * 3000000)
assert fetch(initrd) == (200, b"I" * 3000000)
assert fetch(kernel) == (200, b"K" * 1000000)
assert fetch(initrd)[0] == 404
""")
    check_consumed_once(server)


def test_consumption_survives_a_restart(make, client):
    server = make()
    run(client, r"""
for path in paths():
    assert fetch(path)[0] == 200
""")
    server.wait(lambda ev: ev["kind"] == "bootd.consumed")
    server.restart()
    run(client, r"""
assert paths() == [], "the order is done, whoever restarts"
""")


@pytest.mark.parametrize("kernel,initrds", [(10, (20,)), (HOLD, (HOLD,)), (HOLD + 1, (0,)),
                                            (0, (0,)), (5, ()), (100_000, (1, 2, 300_000))])
def test_small_and_empty_files(make, client, kernel, initrds):
    server = make(kernel, initrds)
    run(client, r"""
sizes = [int(n) for n in sys.argv[1:]]
all = paths()
assert len(all) == len(sizes)
for i, path in enumerate(all):
    status, body = fetch(path)
    assert (status, len(body)) == (200, sizes[i]), (path, status, len(body))
for path in all:
    assert fetch(path)[0] == 404
""", kernel, *initrds)
    check_consumed_once(server)


def test_ranges_do_not_get_around_it(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
assert fetch(kernel)[0] == 200
n = 3000000
# All but the last chunk, in pieces and again: free.
for a in (0, 100, 0):
    status, body = fetch(initrd, "Range: bytes=%d-%d" % (a, n - HOLD - 1))
    assert (status, len(body)) == (206, n - HOLD - a)
status, body = fetch(initrd, "Range: bytes=-1")
assert (status, body) == (206, b"I")
for spec in ("-1", "%d-" % (n - HOLD), "0-5", "%d-%d" % (n - 2, n - 2)):
    assert fetch(initrd, "Range: bytes=" + spec)[0] == 404, spec
""")
    check_consumed_once(server)


def test_head_and_conditions_cost_nothing(make, client):
    server = make(10, (20,))
    run(client, r"""
kernel, initrd = paths()
assert fetch(kernel)[0] == 200
s = connect()
r = Reader(s)
s.sendall(get(initrd, method="HEAD"))
status, fields = r.head()
assert status == 200 and fields["content-length"] == "20"
s.sendall(get(initrd, "If-None-Match: " + fields["etag"]))
assert r.head()[0] == 304
s.sendall(get(initrd, 'If-Match: "x"'))
assert r.answer()[0] == 412
s.sendall(get(initrd, "Range: bytes=20-"))
assert r.answer()[0] == 416
""")
    assert not server.find("bootd.consumed")
    run(client, r"""
assert fetch(paths()[1])[0] == 200
""")
    check_consumed_once(server)


def test_pipelined(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
s = connect()
r = Reader(s)
s.sendall(get(kernel) + get(initrd) + get(kernel) + get(initrd))
assert r.answer()[2] == b"K" * 1000000
assert r.answer()[2] == b"I" * 3000000
assert r.answer()[0] == 404 and r.answer()[0] == 404
""")
    check_consumed_once(server)


def test_http_1_0(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
for path, n in ((kernel, 1000000), (initrd, 3000000)):
    s = connect()
    s.sendall(get(path, version="1.0"))
    assert len(Reader(s).rest().split(b"\r\n\r\n", 1)[1]) == n
""")
    check_consumed_once(server)


def test_many_race_and_one_wins(make, client):
    """Twelve connections ask for the initrd at once; the held chunk goes to exactly one."""
    server = make(200_000, (400_000,))
    run(client, r"""
import threading
kernel, initrd = paths()
# One kernel first, so that the initrd is what is held.
assert fetch(kernel)[0] == 200
results = []
def one():
    results.append(fetch(initrd))
threads = [threading.Thread(target=one) for i in range(12)]
[t.start() for t in threads]
[t.join() for t in threads]
whole = [b for s, b in results if s == 200 and len(b) == 400000]
assert len(whole) == 1, [(s, len(b)) for s, b in results]
for status, body in results:
    assert len(body) == 400000 or len(body) <= 400000 - HOLD, "part of the last chunk leaked"
""")
    check_consumed_once(server)


def test_consumption_resets_other_machines(make, client, netns):
    """A transfer elsewhere that has not reached its last chunk ends when the ticket is spent."""
    server = make()
    other = netns.add_client(address="10.77.0.51/24")
    slow = other.popen("/usr/bin/python3", "-c", TICKET + r"""
kernel, initrd = paths()
s = connect(rcvbuf=8192)
r = Reader(s)
s.sendall(get(initrd))
r.head()
r.body(1000)
print("begun", flush=True)
input()
try:
    r.body(2999000)
except (ConnectionResetError, EOFError):
    print("reset", len(r.buf))
""", stdin=-1, stdout=-1)
    assert slow.stdout.readline() == b"begun\n"
    run(client, r"""
for path in paths():
    assert fetch(path)[0] == 200
""")
    said, _ = slow.communicate(b"\n", timeout=PATIENCE)
    assert said.startswith(b"reset "), said
    assert int(said.split()[1]) < 3_000_000 - HOLD
    assert ended(server, "superseded")["ip"] == "10.77.0.51"
    check_consumed_once(server)


def test_client_that_leaves_before_the_chunk_costs_no_ticket(make, client):
    server = make()
    run(client, r"""
kernel, initrd = paths()
assert fetch(kernel)[0] == 200
s = connect(rcvbuf=8192)
r = Reader(s)
s.sendall(get(initrd))
r.head()
r.body(1000)
rst(s)
""")
    ended(server, "aborted", **{"class": "initrd"})
    assert not server.find("bootd.consumed")
    run(client, r"""
kernel, initrd = paths()
assert fetch(initrd)[0] == 200
""")
    check_consumed_once(server)


def test_what_lies_in_buffers_costs_no_ticket(make, client):
    """The whole free part fits into our socket's buffer, but the client has hardly read any."""
    server = make(100_000, (400_000,))
    run(client, r"""
kernel, initrd = paths()
assert fetch(kernel)[0] == 200
for attempt in range(3):
    s = connect(rcvbuf=4096)
    r = Reader(s)
    s.sendall(get(initrd))
    r.head()
    r.body(1000)
    # Answers to others show that the server had its time with the first one.
    for i in range(20):
        assert fetch(kernel)[0] == 200
    rst(s)
""")
    ended(server, "aborted", **{"class": "initrd"})
    assert not server.find("bootd.consumed")
    run(client, r"""
assert fetch(paths()[1]) == (200, b"I" * 400000)
""")
    check_consumed_once(server)


def test_changed_file_is_refused(make, client):
    server = make()
    server.put("images", "d/vmlinuz", b"another kernel")
    run(client, r"""
assert fetch(paths()[0])[0] == 404
""")
    assert "changed" in ended(server, "not-found")["reason"]


@pytest.mark.parametrize("how", ["length", "chunked", "expect", "empty"])
def test_report(make, client, how):
    server = make()
    token = re.search(r"/b/([0-9a-z]+)/", run(client, "print(script())").stdout).group(1)
    note = "all is\twell\n" * 100
    head = {"length": [], "chunked": ["-H", "Transfer-Encoding: chunked"],
            "expect": ["-H", "Expect: 100-continue"], "empty": []}[how]
    done = client.run("curl", "-sS", "-w", "%{http_code}", *head, "--data-binary",
                      "" if how == "empty" else note, f"http://10.77.0.1/report/{token}/up")
    assert done.stdout == "204"
    ev = server.wait(lambda ev: ev["kind"] == "report.up")
    assert ev["host"] == "edge01"
    if how != "empty":
        assert ev["detail"]["note"].startswith("all is")


def test_report_refusals(make, client):
    make()
    token = re.search(r"/b/([0-9a-z]+)/", run(client, "print(script())").stdout).group(1)
    url = f"http://10.77.0.1/report/{token}"

    def status(*argv):
        return client.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *argv).stdout
    assert status("-d", "x", f"{url}/dance") == "404"
    assert status("-d", "x", "http://10.77.0.1/report/0123456789abcdefghjkmnpqrs/up") == "404"
    assert status(f"{url}/up") == "405"
    run(client, r"""
path = sys.argv[1]
for head, body in ((b"Content-Length: 65537\r\n", b""),
                   (b"Transfer-Encoding: chunked\r\n", b"10001\r\n" + b"x" * 65537 + b"\r\n")):
    s = connect()
    s.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + body)
    assert Reader(s).answer()[0] == 413
s = connect()
s.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n")
for i in range(64):
    s.sendall(b"y" * 1024)
assert Reader(s).answer()[0] == 204
s = connect()
s.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
assert Reader(s).answer()[0] == 400
""", f"/report/{token}/up")


@pytest.mark.parametrize("what, result", [
    ("no host", "refused"), ("bad field", "refused"), ("bad chunk", "refused"), ("too large", "refused"),
    ("get with a body", "refused"), ("unknown method", "refused"), ("other prefix", "not-found"),
    ("slow head", "timeout")])
def test_no_event_holds_a_token(make, client, what, result):
    "What is told of a request that was refused leaves the token of its path out."
    server = make()
    token = re.search(r"/b/([0-9a-z]+)/", run(client, "print(script())").stdout).group(1)
    request = {
        "no host": f"GET /b/{token}/kernel HTTP/1.1\r\n\r\n",
        "bad field": f"GET /b/{token}/kernel HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "bad chunk": f"POST /report/{token}/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "too large": f"POST /report/{token}/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "fffff\r\n" + "x" * 65537,
        "get with a body": f"GET /b/{token}/kernel HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
        "unknown method": f"PUT /report/{token}/up HTTP/1.1\r\nHost: x\r\n\r\n",
        "other prefix": f"GET /B/{token}/kernel HTTP/1.1\r\nHost: x\r\n\r\n",
        "slow head": f"GET /b/{token}/kernel HTTP/1.1\r\n",
    }[what]
    run(client, r"""
s = connect(timeout=30)
s.sendall(sys.argv[1].encode())
assert Reader(s).head()[0] in (400, 404, 408, 413, 501)
""", request)
    ev = server.wait(lambda ev: ev["kind"] == "http.error" and ev["detail"]["result"] == result)
    assert token not in str(server.events) and token not in server.stderr
    assert ev["reason"]
