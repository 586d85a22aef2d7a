# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of far_line.py is as long, thin and unreliable as it says."""
import re

import pytest

from far_line import FarLine
from netlab import Namespace, until

# argv: address, octets. Sends so many, waits for the other's word that they came, prints how long it took.
SEND = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 5001))
began = time.monotonic()
s.sendall(bytes(int(sys.argv[2])))
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b"k"
print(time.monotonic() - began)
"""
TAKE = """
import socket
s = socket.create_server(("::", 5001), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    while c.recv(65536):
        pass
    c.sendall(b"k")
    c.close()
"""


@pytest.fixture
def ends():
    both = [Namespace("near"), Namespace("far")]
    yield both
    for ns in both:
        ns.close()


def taker(ns):
    p = ns.popen("/usr/bin/python3", "-c", TAKE, stdout=-1)
    assert p.stdout.readline() == b"ready\n"


def ping(ns, to, count=20):
    """(percent lost, milliseconds on average or None)"""
    text = ns.run("ping", "-n", "-q", "-i", "0.02", "-c", count, "-W", "2", to, check=False).stdout
    rtt = re.search(r"= [\d.]+/([\d.]+)/", text)
    return float(re.search(r"([\d.]+)% packet loss", text).group(1)), float(rtt.group(1)) if rtt else None


def test_delay_loss_and_cuts(ends):
    near, far = ends
    line = FarLine(near, far, loss=0)
    try:
        for to in (line.far_ip, line.far_ip6):
            lost, rtt = ping(near, to)
            assert lost == 0 and rtt >= 300, (to, lost, rtt)
        line.set(delay_ms=1, loss=20)
        lost, _ = ping(near, line.far_ip, 300)
        assert 20 < lost < 55, lost  # a way there and a way back: 36 %
        line.set(loss=0)
        with line.down():
            assert ping(near, line.far_ip, 3)[0] == 100
        assert ping(near, line.far_ip, 3)[0] == 0
    finally:
        line.close()


def test_rate_and_a_connection_that_outlives_a_cut(ends):
    near, far = ends
    line = FarLine(near, far, delay_ms=5, rate_kbit=20000, loss=0)
    try:
        taker(far)
        size = 2000000
        took = float(near.run("/usr/bin/python3", "-c", SEND, line.far_ip, size).stdout)
        assert took > size * 8 / 20000 / 1000 * 0.85, took
        before = line.octets()[0]
        p = near.popen("/usr/bin/python3", "-c", SEND, line.far_ip, size, stdout=-1)
        until(lambda: line.octets()[0] > before + 100000, "the transfer to be under way")
        with line.down():
            assert p.poll() is None
        assert p.wait(60) == 0
    finally:
        line.close()
