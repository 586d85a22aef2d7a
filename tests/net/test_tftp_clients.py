# SPDX-License-Identifier: GPL-3.0-or-later
"""TFTP with other people's clients: tftp-hpa, curl, busybox."""
import hashlib
import os
import random

import pytest

from netlab import PATIENCE


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


def ended(server, file, result):
    """The event that closes the transfer of `file`."""
    return server.wait(lambda ev: ev["kind"] in ("tftp.end", "tftp.error") and ev["file"] == file
                       and ev["detail"]["result"] == result)


def get_hpa(client, name, mode="binary", check=True):
    out = client.tmp / "out"
    done = client.run("tftp", "-4", "-m", mode, "10.77.0.1", "-c", "get", name,
                      str(out), check=check)
    # tftp-hpa reports errors on its output only, and exits with 0.
    return out.read_bytes() if out.exists() else b"", done.stdout + done.stderr


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 1428 * 7, 100_000, 3_000_001])
def test_tftp_hpa_any_size(server, client, size):
    content = data(size)
    server.put("loaders", "x64/a.efi", content)
    got, _ = get_hpa(client, "x64/a.efi")
    assert got == content
    ev = ended(server, "x64/a.efi", "complete")
    assert ev["bytes"] == ev["total"] == size
    assert ev["ip"] == "10.77.0.50"
    begin = server.find("tftp.begin", file="x64/a.efi")
    assert len(begin) == 1 and begin[0]["total"] == size


def test_tftp_hpa_netascii(server, client):
    server.put("loaders", "a.txt", b"one\ntwo\rthree\n")
    got, _ = get_hpa(client, "a.txt", mode="netascii")
    assert got == b"one\ntwo\rthree\n"


def test_block_number_rolls_over(server, client):
    # 512 octets a block: the number wraps at 32 MB.
    content = data(34 * 1024 * 1024)
    server.put("loaders", "big", content)
    got, _ = get_hpa(client, "big")
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
    assert ended(server, "big", "complete")["bytes"] == len(content)


def test_not_found_and_write_refused(server, client):
    got, said = get_hpa(client, "absent.efi", check=False)
    assert got == b"" and "not found" in said.lower()
    ended(server, "absent.efi", "not-found")
    up = client.tmp / "up"
    up.write_bytes(b"x")
    done = client.run("tftp", "-4", "-m", "binary", "10.77.0.1", "-c", "put", str(up), "up",
                      check=False)
    assert "read-only" in done.stdout + done.stderr
    server.wait(lambda ev: ev["kind"] == "tftp.error" and "write" in ev.get("reason", ""))
    assert not os.path.exists(os.path.join(server.loaders, "up"))


def test_autoexec_is_made_where_there_is_none(server, client):
    got, _ = get_hpa(client, "x64/AutoExec.ipxe")
    assert got.startswith(b"#!ipxe\n") and b"http://10.77.0.1/script.ipxe-${netX/mac}" in got
    ended(server, "x64/AutoExec.ipxe", "complete")
    assert not os.path.exists(os.path.join(server.loaders, "x64"))
    server.put("loaders", "x64/autoexec.ipxe", "the operator's own")
    assert get_hpa(client, "x64/autoexec.ipxe")[0] == b"the operator's own"


def test_absent_autoexec_is_said_to_be_benign(bootd, client):
    server = bootd({"services": {"dhcp4": False, "http": False}})
    get_hpa(client, "x64/autoexec.ipxe", check=False)
    assert "changes nothing" in ended(server, "x64/autoexec.ipxe", "not-found")["reason"]


@pytest.mark.parametrize("blksize", [None, 8, 1468, 65464])
def test_curl(server, client, blksize):
    content = data(40_000)
    server.put("loaders", "a.efi", content)
    options = ["--tftp-blksize", str(blksize)] if blksize else []
    client.run("curl", "-sS", *options, "-o", client.tmp / "out", "tftp://10.77.0.1/a.efi")
    assert (client.tmp / "out").read_bytes() == content
    ended(server, "a.efi", "complete")


def test_curl_without_options(server, client):
    content = data(5000)
    server.put("loaders", "a.efi", content)
    client.run("curl", "-sS", "--tftp-no-options", "-o", client.tmp / "out",
               "tftp://10.77.0.1/a.efi")
    assert (client.tmp / "out").read_bytes() == content
    assert ended(server, "a.efi", "complete")["detail"]["blksize"] == 512


def test_busybox_asks_for_more_than_the_path_carries(server, client):
    content = data(300_000)
    server.put("loaders", "a", content)
    # live-boot's fetch=tftp:// (boot.md 1.8): the server must offer less.
    client.run("busybox", "tftp", "-g", "-b", "65464", "-l", client.tmp / "out", "-r", "a",
               "10.77.0.1")
    assert (client.tmp / "out").read_bytes() == content
    assert ended(server, "a", "complete")["detail"]["blksize"] <= 1468


def test_many_at_once(server, client):
    names = [f"f{i}" for i in range(12)]
    for i, name in enumerate(names):
        server.put("loaders", name, data(200_000 + i, i))
    gets = [client.popen("curl", "-sS", "--retry", "5", "--retry-all-errors",
                         "-o", client.tmp / n, f"tftp://10.77.0.1/{n}") for n in names]
    for p in gets:
        assert p.wait(timeout=PATIENCE) == 0
    for i, name in enumerate(names):
        assert (client.tmp / name).read_bytes() == data(200_000 + i, i)


@pytest.mark.parametrize("name", ["../secret", "..", "/../secret", "a/../../secret",
                                  "..\\secret", "/etc/passwd", "link", "dir", "fifo"])
def test_nothing_outside_the_root(server, client, name):
    with open(os.path.join(server.dir, "secret"), "w") as f:
        f.write("secret")
    os.symlink(os.path.join(server.dir, "secret"), os.path.join(server.loaders, "link"))
    os.mkdir(os.path.join(server.loaders, "dir"))
    os.mkfifo(os.path.join(server.loaders, "fifo"))
    got, _ = get_hpa(client, name, check=False)
    assert got == b""
    server.wait(lambda ev: ev["kind"] == "tftp.error"
                and ev["detail"]["result"] in ("not-found", "refused"))
    assert not server.find("tftp.begin")


def test_images_are_not_served(server, client):
    server.put("images", "debian/vmlinuz", b"kernel")
    for name in ("debian/vmlinuz", "images/debian/vmlinuz", "../images/debian/vmlinuz"):
        got, _ = get_hpa(client, name, check=False)
        assert got == b""
    assert not server.find("tftp.begin")
