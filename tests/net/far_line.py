# SPDX-License-Identifier: GPL-3.0-or-later
"""A long, thin and unreliable line between two network namespaces, that can be cut and healed at will.

    line = FarLine(near, far)                 150 ms each way, 10 Mbit/s, 2 % loss; near and far are Namespaces of netlab.py
    line = FarLine(near, far, delay_ms=0, rate_kbit=0, loss=0)      as good as a wire; 0 kbit/s: no limit
    line.near_ip, line.far_ip, line.near_ip6, line.far_ip6
    line.cut(); line.heal()                   silence, as of a cable at the bottom of the sea: nobody is told of it
    with line.down(): …
    line.set(delay_ms=20, loss=10)            from now on
    line.octets()                             that arrived: (at the far end, at the near end)
    line.close()

Interface `far0` in either namespace. Where the kernel has tc netem, it is a veth pair with it at both ends; else two tun
devices with a tbf for the rate and, between them, a process (this file, run as a script) that holds each packet up for the
delay and loses some: by a seeded generator, so that a run can be repeated. NETBOOT_FAR_LINE=relay takes the latter
anyway. By hand, between two namespaces that are there:

    far_line.py NEAR FAR [DELAY_MS [RATE_KBIT [LOSS]]]       then lines "cut", "heal", "set DELAY_MS LOSS", "octets"; ends with its input"""
import collections
import contextlib
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
NEAR, FAR = "10.99.0.1", "10.99.0.2"
NEAR6, FAR6 = "fd99::1", "fd99::2"
MTU = 1500
BUFFER_MS = 300  # what waits before the thin place, as a router's queue does


def ip(ns, *args):
    subprocess.run(["ip", "-n", ns, *args], check=True, stdin=subprocess.DEVNULL)


def has_netem(ns):
    if os.environ.get("NETBOOT_FAR_LINE") == "relay":
        return False
    done = subprocess.run(["tc", "-n", ns, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"], check=False,
                          stderr=subprocess.DEVNULL)
    subprocess.run(["tc", "-n", ns, "qdisc", "del", "dev", "lo", "root"], check=False, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def address(ns, ip4, ip6):
    ip(ns, "address", "add", f"{ip4}/29", "dev", "far0")
    ip(ns, "-6", "address", "add", f"{ip6}/64", "dev", "far0", "nodad")
    ip(ns, "link", "set", "far0", "mtu", str(MTU), "up")


class FarLine:
    def __init__(self, near, far, delay_ms=150, rate_kbit=10000, loss=2, seed=1):
        self.names = [getattr(ns, "name", ns) for ns in (near, far)]
        self.near_ip, self.far_ip, self.near_ip6, self.far_ip6 = NEAR, FAR, NEAR6, FAR6
        self.delay_ms, self.rate_kbit, self.loss = delay_ms, rate_kbit, loss
        self.proc = None
        self.is_cut = False
        self.netem = has_netem(self.names[0])
        try:
            if self.netem:
                ip(self.names[0], "link", "add", "far0", "type", "veth", "peer", "name", "far0", "netns", self.names[1])
            else:
                self._relay(seed)
            address(self.names[0], NEAR, NEAR6)
            address(self.names[1], FAR, FAR6)
            self._shape()
        except BaseException:
            self.close()
            raise

    def _relay(self, seed):
        self.proc = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--relay", *self.names, str(self.delay_ms), str(self.loss), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.proc.stdout.readline() == "ready\n", "the line's relay does not start"

    def _ask(self, order):
        self.proc.stdin.write(order + "\n")
        self.proc.stdin.flush()
        return self.proc.stdout.readline().split()

    def _shape(self):
        """Both ends anew."""
        if not self.netem:
            self._ask(f"set {self.delay_ms} {self.loss} {int(self.is_cut)}")
        for name in self.names:
            tc = ["tc", "-n", name, "qdisc", "replace", "dev", "far0", "root"]
            if self.netem:
                loss = 100 if self.is_cut else self.loss
                rate = ["rate", f"{self.rate_kbit}kbit"] if self.rate_kbit else []
                queue = (self.rate_kbit or 1000000) * (self.delay_ms + BUFFER_MS) // 8 // MTU + 50
                tc += ["netem", "delay", f"{self.delay_ms}ms", "loss", f"{loss}%", *rate, "limit", str(queue)]
            elif self.rate_kbit:
                tc += ["tbf", "rate", f"{self.rate_kbit}kbit", "burst", "16000", "latency", f"{BUFFER_MS}ms"]
            else:
                tc += ["pfifo", "limit", "1000"]
            subprocess.run(tc, check=True, stdin=subprocess.DEVNULL)

    def set(self, **changes):
        for key, value in changes.items():
            assert key in ("delay_ms", "rate_kbit", "loss"), key
            setattr(self, key, value)
        self._shape()

    def cut(self):
        """What is under way is lost, too."""
        self.is_cut = True
        self._shape()

    def heal(self):
        self.is_cut = False
        self._shape()

    def move(self, ip4):
        """The far end has another address of IPv4, 10.99.0.3 to .6, and the one of before no more: nobody is told of it."""
        ip(self.names[1], "address", "del", f"{self.far_ip}/29", "dev", "far0")
        ip(self.names[1], "address", "add", f"{ip4}/29", "dev", "far0")
        self.far_ip = ip4

    @contextlib.contextmanager
    def down(self):
        self.cut()
        try:
            yield
        finally:
            self.heal()

    def octets(self):
        """That came out at the far end and at the near end since the start, headers of IP included."""
        return tuple(int(subprocess.run(["ip", "netns", "exec", name, "cat", "/sys/class/net/far0/statistics/rx_bytes"],
                                        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
                     for name in reversed(self.names))

    def close(self):
        if self.proc:
            self.proc.stdin.close()  # it ends, and its devices with it
            self.proc.wait()
            self.proc.stdout.close()
            self.proc = None
        elif self.netem:
            subprocess.run(["ip", "-n", self.names[0], "link", "del", "far0"], check=False, stderr=subprocess.DEVNULL)


# The relay: a process of its own, so that a test that computes holds no packet up.

class Way:
    """One direction: packets that wait for their time."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.late = collections.deque()

    def take(self, now, shape, rng):
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                packet = os.read(self.source, 65536)
                if not shape["cut"] and rng.random() * 100 >= shape["loss"]:
                    self.late.append((now + shape["delay"], packet))

    def give(self, now):
        while self.late and self.late[0][0] <= now:
            with contextlib.suppress(OSError):  # its end is down, or full
                os.write(self.target, self.late.popleft()[1])


def tun(ns, serial):
    """A tun device far0 in that namespace; it lives as long as what is returned is open."""
    name = f"nbf{os.getpid() % 1000000}{serial}"
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "netns", ns, "name", "far0"], check=True, stdin=subprocess.DEVNULL)
    return fd


def obey(line, shape, ways):
    words = line.split()
    assert words[0] == "set", line
    shape.update(delay=float(words[1]) / 1000, loss=float(words[2]), cut=words[3] == "1")
    if shape["cut"]:
        for way in ways:
            way.late.clear()
    print("ok", flush=True)


def relay(near, far, delay_ms, loss, seed):
    ends = [tun(near, "a"), tun(far, "b")]
    ways = [Way(ends[0], ends[1]), Way(ends[1], ends[0])]
    shape = {"delay": float(delay_ms) / 1000, "loss": float(loss), "cut": False}
    rng = random.Random(int(seed))
    orders = sys.stdin.fileno()
    poll = select.poll()
    for fd in (*ends, orders):
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while True:
        due = [way.late[0][0] for way in ways if way.late]
        wait = None if not due else max(0, min(due) - time.monotonic()) * 1000
        ready = {fd for fd, _ in poll.poll(wait)}
        now = time.monotonic()
        if orders in ready:
            text = os.read(orders, 4096).decode()
            if not text:
                return
            for line in text.splitlines():
                obey(line, shape, ways)
        for way in ways:
            if way.source in ready:
                way.take(now, shape, rng)
            way.give(now)


def by_hand(near, far, delay_ms="150", rate_kbit="10000", loss="2"):
    line = FarLine(near, far, float(delay_ms), int(rate_kbit), float(loss))
    try:
        print("ready", flush=True)
        for text in sys.stdin:
            words = text.split()
            if words == ["cut"]:
                line.cut()
            elif words == ["heal"]:
                line.heal()
            elif words and words[0] == "set" and len(words) == 3:
                line.set(delay_ms=float(words[1]), loss=float(words[2]))
            elif words == ["octets"]:
                print(*line.octets(), flush=True)
                continue
            else:
                print("cut | heal | set DELAY_MS LOSS | octets", flush=True)
                continue
            print("ok", flush=True)
    finally:
        line.close()


if __name__ == "__main__":
    if sys.argv[1] == "--relay":
        relay(*sys.argv[2:])
    else:
        by_hand(*sys.argv[1:])
