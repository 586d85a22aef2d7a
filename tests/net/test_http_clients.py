# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP with other people's clients: curl, wget of busybox, and curl's many habits."""
import hashlib
import json
import os
import random

import pytest

from netlab import PATIENCE

BASE = "http://10.77.0.1"


def data(size, seed=1):
    return random.Random(seed).randbytes(size)


@pytest.fixture
def server(bootd):
    return bootd({"services": {"dhcp4": False}})


@pytest.fixture
def client(netns, tmp_path):
    c = netns.add_client(address="10.77.0.50/24")
    c.tmp = tmp_path
    return c


def curl(client, *argv, check=True):
    """Runs curl; returns (status, headers as sent, body)."""
    body, head = client.tmp / "body", client.tmp / "head"
    body.write_bytes(b"")
    done = client.run("curl", "-sS", "--path-as-is", "-o", body, "-D", head, "-w",
                      "%{http_code}", *argv, check=check)
    return int(done.stdout), head.read_text(), body.read_bytes()


def field(head, name):
    values = [line.split(":", 1)[1].strip() for line in head.splitlines()
              if line.lower().startswith(name.lower() + ":")]
    assert len(values) <= 1, f"{name} was sent {len(values)} times"
    return values[0] if values else None


def ended(server, file, result):
    return server.wait(lambda ev: ev["kind"] in ("http.end", "http.error")
                       and ev.get("file") == file and ev["detail"].get("result") == result)


@pytest.mark.parametrize("size", [0, 1, 1460, 65536, 1_000_000, 20_000_000])
def test_get_any_size(server, client, size):
    content = data(size)
    server.put("loaders", "x64/a.efi", content)
    status, head, body = curl(client, f"{BASE}/loaders/x64/a.efi")
    assert status == 200 and body == content
    assert field(head, "Content-Length") == str(size)
    assert field(head, "Content-Type") == "application/efi"
    assert field(head, "Accept-Ranges") == "bytes"
    assert field(head, "ETag").startswith('"') and field(head, "Last-Modified")
    assert field(head, "Transfer-Encoding") is None
    ev = ended(server, "loaders/x64/a.efi", "complete")
    assert ev["bytes"] == ev["total"] == size
    assert ev["detail"]["method"] == "GET" and ev["detail"]["ua"].startswith("curl/")
    assert len(server.find("http.begin")) == 1


def test_rule_11_head(server, client):
    server.put("loaders", "a.efi", data(300_000))
    status, head, body = curl(client, "-I", f"{BASE}/loaders/a.efi")
    assert status == 200 and field(head, "Content-Length") == "300000"
    ended(server, "loaders/a.efi", "head")
    assert not server.find("http.begin")
    # HEAD and GET on one connection, as EDK2 does.
    done = client.run("curl", "-sSv", "-I", f"{BASE}/loaders/a.efi", "--next", "-sS", "-o",
                      client.tmp / "b", f"{BASE}/loaders/a.efi")
    assert "Re-using existing connection" in done.stderr
    assert (client.tmp / "b").read_bytes() == data(300_000)


def test_rule_12_double_slash_is_not_redirected(server, client):
    server.put("loaders", "a.efi", b"x")
    status, _, body = curl(client, f"{BASE}//loaders///a.efi")
    assert (status, body) == (200, b"x")


def test_query_is_ignored_and_type_is_right(server, client):
    server.put("loaders", "B.EFI", b"x")
    status, head, _ = curl(client, f"{BASE}/loaders/B.EFI?mac=52:54:00:77:00:01")
    assert status == 200 and field(head, "Content-Type") == "application/efi"


def test_ranges(server, client):
    content = data(100_000)
    server.put("loaders", "a", content)
    url = f"{BASE}/loaders/a"
    status, head, body = curl(client, "-r", "100-199", url)
    assert (status, body) == (206, content[100:200])
    assert field(head, "Content-Range") == "bytes 100-199/100000"
    assert field(head, "Content-Length") == "100"
    etag, date = field(head, "ETag"), field(head, "Last-Modified")
    assert curl(client, "-r", "-5", url)[2] == content[-5:]
    assert curl(client, "-r", "99990-", url)[2] == content[99990:]
    status, head, body = curl(client, "-r", "100000-", url)
    assert status == 416 and field(head, "Content-Range") == "bytes */100000" and not body
    # Several ranges may be answered with the whole (RFC 9110 14.2).
    assert curl(client, "-r", "0-1,5-6", url)[0] == 200
    for condition in (etag, date):
        assert curl(client, "-r", "0-9", "-H", f"If-Range: {condition}", url)[0] == 206
        assert curl(client, "-r", "0-9", "-H", 'If-Range: "other"', url)[0] == 200


def test_conditions(server, client):
    path = server.put("loaders", "a", b"one")
    url = f"{BASE}/loaders/a"
    _, head, _ = curl(client, url)
    etag, date = field(head, "ETag"), field(head, "Last-Modified")
    for h in (f"If-None-Match: {etag}", "If-None-Match: *", f"If-Modified-Since: {date}"):
        status, head, body = curl(client, "-H", h, url)
        assert (status, body) == (304, b""), h
        assert field(head, "ETag") == etag
    for h in ('If-Match: "other"', "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"):
        assert curl(client, "-H", h, url)[0] == 412, h
    for h in (f"If-Match: {etag}", f"If-Unmodified-Since: {date}", 'If-None-Match: "other"'):
        assert curl(client, "-H", h, url)[0] == 200, h
    # Another content is another version, whatever the clock's grain.
    os.truncate(path, 0)
    server.put("loaders", "a", b"two")
    _, head, body = curl(client, "-H", f"If-None-Match: {etag}", url)
    assert body == b"two" and field(head, "ETag") != etag


def test_resumed_download_is_one_transfer(server, client):
    content = data(500_000)
    server.put("loaders", "a", content)
    url = f"{BASE}/loaders/a"
    assert curl(client, "-r", "0-199999", url)[0] == 206
    status, _, body = curl(client, "-r", "200000-", url)
    assert status == 206 and body == content[200000:]
    ev = ended(server, "loaders/a", "complete")
    assert ev["bytes"] == ev["total"] == 500_000
    assert len(server.find("http.begin")) == 1
    assert len(server.find("http.end")) == 1


def test_http_1_0_and_close(server, client):
    server.put("loaders", "a", b"hello")
    status, head, body = curl(client, "-0", f"{BASE}/loaders/a")
    assert body == b"hello" and field(head, "Connection") == "close"
    status, head, body = curl(client, "-H", "Connection: close", f"{BASE}/loaders/a")
    assert body == b"hello" and field(head, "Connection") == "close"
    assert field(curl(client, f"{BASE}/loaders/a")[1], "Connection") is None


def test_busybox_wget(server, client):
    content = data(400_000)
    server.put("loaders", "a.squashfs", content)
    client.run("busybox", "wget", "-q", "-O", client.tmp / "out", f"{BASE}/loaders/a.squashfs")
    assert (client.tmp / "out").read_bytes() == content
    # wget -c sends a range for the rest.
    (client.tmp / "out").write_bytes(content[:123_456])
    client.run("busybox", "wget", "-q", "-c", "-O", client.tmp / "out",
               f"{BASE}/loaders/a.squashfs")
    assert (client.tmp / "out").read_bytes() == content
    assert client.run("busybox", "wget", "-q", "-O", "-", f"{BASE}/loaders/none",
                      check=False).returncode != 0


def test_many_at_once(server, client):
    names = [f"f{i}" for i in range(12)]
    for i, name in enumerate(names):
        server.put("loaders", name, data(2_000_000, i))
    gets = [client.popen("curl", "-sS", "-o", client.tmp / n, f"{BASE}/loaders/{n}")
            for n in names]
    for p in gets:
        assert p.wait(timeout=PATIENCE) == 0
    for i, name in enumerate(names):
        assert hashlib.sha256((client.tmp / name).read_bytes()).digest() == \
            hashlib.sha256(data(2_000_000, i)).digest()
        ended(server, f"loaders/{name}", "complete")


@pytest.mark.parametrize("path,status", [
    ("/", 404), ("/loaders/", 404), ("/loaders/none", 404), ("/loaders/dir", 404),
    ("/loaders/link", 404), ("/loaders/fifo", 404),
    ("/loaders/../secret", 400), ("/loaders/%2e%2e/secret", 400), ("/../secret", 400),
    ("/loaders/..%2fsecret", 400), ("/loaders/..%5csecret", 400), ("/loaders/a%00b", 400),
    ("/loaders//etc/passwd", 404), ("/etc/passwd", 404), ("/images/debian/vmlinuz", 404),
    ("/b/0123456789abcdefghjkmnpqrs/kernel", 404), ("/b/x/../../secret", 400),
    ("/report/0123456789abcdefghjkmnpqrs/up", 404),
])
def test_nothing_else_is_served(server, client, path, status):
    with open(os.path.join(server.dir, "secret"), "w") as f:
        f.write("secret")
    server.put("images", "debian/vmlinuz", b"kernel")
    os.symlink(os.path.join(server.dir, "secret"), os.path.join(server.loaders, "link"))
    os.mkdir(os.path.join(server.loaders, "dir"))
    os.mkfifo(os.path.join(server.loaders, "fifo"))
    got, _, body = curl(client, BASE + path)
    assert got == status and b"secret" not in body and b"kernel" not in body
    server.wait(lambda ev: ev["kind"] == "http.error"
                and ev["detail"]["result"] in ("not-found", "refused"))
    # No token reaches a record.
    assert "0123456789abcdefghjkmnpqrs" not in json.dumps(server.events)


def test_methods(server, client):
    server.put("loaders", "a", b"x")
    url = f"{BASE}/loaders/a"
    status, head, _ = curl(client, "-d", "x=y", url)
    assert status == 405 and field(head, "Allow") == "GET, HEAD"
    assert curl(client, "-X", "DELETE", url)[0] == 501
    assert curl(client, "-T", "/etc/hostname", url)[0] == 501
    status, head, _ = curl(client, "-H", "Expect: tea", url)
    assert status == 417


def test_idle_script_for_a_known_machine(bootd, client):
    server = bootd({"services": {"dhcp4": False},
                    "hosts": [{"name": "edge01", "macs": ["52:54:00:77:00:01"]}]})
    status, head, body = curl(client, f"{BASE}/script.ipxe-52:54:00:77:00:01")
    assert status == 200 and body.startswith(b"#!ipxe\n") and b"exit 1" in body
    assert field(head, "Content-Type") == "text/plain"
    ev = server.wait(lambda ev: ev["kind"] == "http.end")
    assert ev["detail"]["class"] == "idle" and ev["host"] == "edge01"
    assert ev["detail"]["result"] == "complete"
    assert curl(client, f"{BASE}/script.ipxe-52:54:00:77:00:02")[0] == 404
