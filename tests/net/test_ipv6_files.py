# SPDX-License-Identifier: GPL-3.0-or-later
"""TFTP and HTTP over IPv6: global and link-local addresses, other people's clients, the ticket rule."""
import json
import random

import pytest

from netlab import PATIENCE, until
from test_http_ticket import MAC, TICKET
from test_tftp_wire import CLIENT as TFTP

SERVER = "fd77::1"


def data(size, seed=1):
    return random.Random(seed).randbytes(size)


def link_local(ns):
    """The link-local address of its interface, once duplicate address detection is done."""
    def usable():
        for link in json.loads(ns.run("ip", "-j", "-6", "addr", "show", "dev", ns.ifname).stdout):
            for a in link.get("addr_info", []):
                if a.get("scope") == "link" and not a.get("tentative"):
                    return a["local"]
        return None
    return until(usable, what=f"the link-local address of {ns.ifname}")


def add_client(netns, address="fd77::50", mac=None):
    """A client without any IPv4 address."""
    c = netns.add_client(mac=mac)
    c.ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    return c


@pytest.fixture
def server(bootd):
    return bootd({"services": {"dhcp4": False}})


@pytest.fixture
def client(netns, tmp_path):
    c = add_client(netns)
    c.tmp = tmp_path
    return c


def ended(server, file, result="complete", source="tftp"):
    return server.wait(lambda ev: ev["kind"] in (f"{source}.end", f"{source}.error") and ev.get("file") == file
                       and ev["detail"].get("result") == result)


@pytest.mark.parametrize("size", [0, 1, 512, 100_000])
def test_tftp_hpa(server, client, size):
    server.put("loaders", "x64/a.efi", data(size))
    done = client.run("tftp", "-6", "-m", "binary", SERVER, "-c", "get", "x64/a.efi", client.tmp / "out")
    assert (client.tmp / "out").read_bytes() == data(size), done.stdout
    ev = ended(server, "x64/a.efi")
    assert ev["ip"] == "fd77::50" and ev["bytes"] == ev["total"] == size


def test_curl_and_the_largest_block_of_the_path(server, client):
    server.put("loaders", "a.efi", data(300_000))
    client.run("curl", "-sS", "--tftp-blksize", "65464", "-o", client.tmp / "out", f"tftp://[{SERVER}]/a.efi")
    assert (client.tmp / "out").read_bytes() == data(300_000)
    # boot.md 1.8: the path's 1500 octets less 52 of headers.
    assert ended(server, "a.efi")["detail"]["blksize"] == 1448


def test_tftp_answers_from_the_address_that_was_asked(server, client, netns):
    netns.server.ip("addr", "add", "fd77::99/64", "dev", "br0", "nodad")
    server.put("loaders", "a.efi", bytes(range(256)) * 4)
    client.python(TFTP.replace("AF_INET", "AF_INET6") + r"""
for server in ("fd77::99", "fd77::1"):
    c = Client(server=server)
    c.ask(rrq(b"a.efi", b"octet"))
    got = c.data(1)
    assert got == bytes(range(256)) * 2, got
    assert c.peer[0] == server, c.peer
    c.ack(1)
    c.data(2); c.ack(2)
    c.data(3); c.ack(3)
# Nothing is sent to a group, as nothing is to a broadcast address.
import socket
c = Client(server="ff02::1%eth0")
c.ask(rrq(b"a.efi", b"octet"))
assert c.silent()
""")
    assert server.wait(lambda ev: "multicast" in ev.get("reason", ""))["kind"] == "tftp.error"


def test_link_local(server, client, netns):
    theirs, ours = link_local(client), link_local(netns.server)
    server.put("loaders", "a.efi", data(50_000))
    client.run("curl", "-sS", "-o", client.tmp / "tftp", f"tftp://[{ours}%25eth0]/a.efi")
    client.run("curl", "-sS", "-o", client.tmp / "http", f"http://[{ours}%25eth0]/loaders/a.efi")
    assert (client.tmp / "tftp").read_bytes() == (client.tmp / "http").read_bytes() == data(50_000)
    assert ended(server, "a.efi")["ip"] == theirs
    assert ended(server, "loaders/a.efi", source="http")["ip"] == theirs


def test_http_clients(server, client):
    server.put("loaders", "a.efi", data(20_000_000))
    url = f"http://[{SERVER}]/loaders/a.efi"
    client.run("curl", "-sS", "-o", client.tmp / "curl", url)
    client.run("wget", "-q", "-O", client.tmp / "wget", url)
    assert (client.tmp / "curl").read_bytes() == (client.tmp / "wget").read_bytes() == data(20_000_000)
    ev = ended(server, "loaders/a.efi", source="http")
    # Acknowledged, as TCP_INFO says, not only sent.
    assert ev["ip"] == "fd77::50" and ev["bytes"] == ev["total"] == 20_000_000
    head = client.run("curl", "-sSI", url).stdout
    assert "Content-Length: 20000000" in head


def test_a_machine_is_known_by_the_address_it_made_of_its_mac(bootd, client):
    # As iPXE and firmware have it: the host table knows the MAC address only.
    server = bootd({"services": {"dhcp4": False}, "hosts": [{"name": "edge01", "macs": [client.mac]}]})
    client.ip("addr", "add", "fd77::5054:ff:fe77:1/64", "dev", "eth0", "nodad")
    server.put("loaders", "a.efi", b"x")
    client.run("curl", "-sS", "--interface", "fd77::5054:ff:fe77:1", "-o", client.tmp / "out",
               f"http://[{SERVER}]/loaders/a.efi")
    ev = ended(server, "loaders/a.efi", source="http")
    assert ev["host"] == "edge01" and ev["mac"] == MAC


def test_ticket_over_ipv6(bootd, client):
    """The last chunk is held back until the ticket is consumed, and nothing is served again."""
    server = bootd({"services": {"dhcp4": False}}, wait_ready=None)
    server.put("images", "d/vmlinuz", b"K" * 1_000_000)
    server.put("images", "d/initrd0", b"I" * 3_000_000)
    server.config["hosts"] = [{"name": "edge01", "nics": [{"mac": MAC, "ip6": "fd77::50"}],
                               "boot": {"kernel": "d/vmlinuz", "initrds": ["d/initrd0"]}}]
    server.config["subnets"] = [{"prefix": "fd77::/64"}]
    server.start()
    code = TICKET.replace("AF_INET", "AF_INET6").replace("10.77.0.1", SERVER).replace(f"Host: {SERVER}",
                                                                                       f"Host: [{SERVER}]")
    client.python(code + r"""
kernel, initrd = paths()
assert fetch(kernel) == (200, b"K" * 1000000)
assert fetch(initrd) == (200, b"I" * 3000000)
for path in (kernel, initrd):
    assert fetch(path)[0] == 404
assert "kernel" not in script()
""")
    server.wait(lambda ev: ev["kind"] == "bootd.consumed")
    assert len(server.find("bootd.consumed")) == 1
    ev = ended(server, "initrd0", source="http")
    assert ev["host"] == "edge01" and ev["ip"] == "fd77::50"


MANY = f"PATIENCE = {PATIENCE}\n" + r"""
import socket, subprocess, sys
held, refused = [], 0
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(PATIENCE)
    s.bind((f"fd77::1:{i:x}", 0))
    try:
        s.connect(("fd77::1", 80))
        # Under way, so that it is not idle and makes no room.
        s.sendall(b"GET /loaders/a.efi HTTP/1.1\r\nHost: [fd77::1]\r\n")
        s.settimeout(0.3)
        if s.recv(1) == b"":
            raise ConnectionResetError
    except TimeoutError:
        held.append(s)
    except ConnectionError:
        refused += 1
print(len(held), refused, flush=True)
sys.stdin.readline()
"""


def test_one_network_takes_half_of_the_room_at_most(bootd, client, netns):
    """2^64 addresses of one machine do not keep out a host of the table."""
    server = bootd({"services": {"dhcp4": False}, "subnets": [{"prefix": "fd77::/64"}],
                    "hosts": [{"name": "edge02", "nics": [{"mac": "52:54:00:77:00:02", "ip6": "fd77::51"}]}],
                    "limits": {"http_connections": 8}})
    server.put("loaders", "a.efi", b"x")
    for i in range(6):
        client.ip("addr", "add", f"fd77::1:{i:x}/64", "dev", "eth0", "nodad")
    other = add_client(netns, "fd77::51")
    many = client.popen("/usr/bin/python3", "-c", MANY, 6, stdin=-1, stdout=-1, text=True)
    assert many.stdout.readline().split() == ["4", "2"]
    assert "half of all" in server.wait(lambda ev: ev["kind"] == "http.error")["reason"]
    other.run("curl", "-sS", "-f", "-o", client.tmp / "out", f"http://[{SERVER}]/loaders/a.efi")
    many.stdin.close()
    many.wait(timeout=PATIENCE)
