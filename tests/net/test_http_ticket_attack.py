# SPDX-License-Identifier: GPL-3.0-or-later
"""The ticket rule against clients that try everything at random: ranges around the held chunk, HEAD,
pipelines, paths written in other ways, small windows, resets in the middle, three machines at once.

What must hold is counted at the clients, octet by octet: until the agent says yes there is a kernel or
initrd of which nobody has one octet of the last 64 KiB, and afterwards one connection at most has any."""
import json
import os
import random
import subprocess
import time

import pytest

from test_bootd_agent import MAC, TOKEN, host

HOLD = 65536
REFUSALS = 12  # before the agent says yes

ATTACKER = r"""
import json, random, socket, struct, sys, time
seed, token, sizes, HOLD = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), 65536
rnd, seen = random.Random(seed), []

def path(name):
    plain = f"/b/{token}/{name}"
    return rnd.choice([plain, plain, f"//b//{token}/./{name}", f"/%62/{token}/{name}", f"/b/{token}%2f{name}",
                       "http://10.77.0.1" + plain, plain + "?x=1"])

def span(size):
    first = rnd.choice([0, max(0, size - HOLD - 1), max(0, size - HOLD), max(0, size - 10), rnd.randrange(size)])
    last = min(size - 1, first + rnd.choice([0, 1, HOLD, HOLD + 1, rnd.randrange(size)]))
    return "Range: bytes=" + rnd.choice([f"{first}-", f"{first}-{last}", "-1", f"-{HOLD}", f"-{HOLD + 1}"]) + "\r\n"

class Connection:
    def __init__(self, number):
        self.number, self.buf, self.plan, text = seed * 1000 + number, b"", [], ""
        self.s = socket.socket()
        self.s.settimeout(0.3)
        if rnd.random() < 0.3:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.s.connect(("10.77.0.1", 80))
        for i in range(rnd.randrange(1, 4)):
            method, name = rnd.choice(["GET"] * 6 + ["HEAD"]), rnd.choice(list(sizes))
            text += (f"{method} {path(name)} HTTP/1.{int(rnd.random() < 0.9)}\r\nHost: x\r\nConnection: keep-alive\r\n"
                     + (span(sizes[name]) if rnd.random() < 0.5 else "") + "\r\n")
            self.plan.append((method, name))
        self.s.sendall(text.encode())
        self.leaves = rnd.random() < 0.5

    def more(self):
        data = self.s.recv(rnd.choice([100, 5000, 65536]))
        if not data:
            raise EOFError
        self.buf += data

    def answer(self, method, name):
        while b"\r\n\r\n" not in self.buf:
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        file = head.split()[1] in (b"200", b"206")
        at = int(fields["Content-Range"].split()[1].split("-")[0]) if head.split()[1] == b"206" else 0
        end = at + (int(fields.get("Content-Length", 0)) if method != "HEAD" else 0)
        while at < end:
            if not self.buf:
                self.more()
            take = min(len(self.buf), end - at)
            at, self.buf = at + take, self.buf[take:]
            if file and at > sizes[name] - HOLD:
                seen.append((time.monotonic(), self.number, name))
            if self.leaves and rnd.random() < 0.02:
                self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", rnd.randrange(2), 0))
                raise EOFError

for number in range(120):
    try:
        c = Connection(number)
        for method, name in c.plan:
            c.answer(method, name)
    except (OSError, EOFError):
        pass
    c.s.close()
json.dump(seen, sys.stdout)
"""


def make_ticket(sizes):
    return {"ticket": "0tkt000000000001", "token": TOKEN, "job": "0jb0000000000001", "boot": "0bt0000000000001",
            "state": "armed", "script": f"script.ipxe-{MAC}",
            "payloads": [{"name": n, "path": f"d/{n}", "size": size, "kind": "kernel" if n == "k" else "initrd"}
                         for n, size in sizes.items()]}


def answer(server, ticket, refused):
    """Answers the questions; refuses the first ones. The time of the yes, as soon as it was given."""
    asked = [m for m in server.frames if m["t"] == "consume"]
    said = None
    for m in asked[len(refused):]:
        if len(refused) == REFUSALS:
            said = time.monotonic()
            server.send(t="consume_ok", req=m["req"])
        else:
            if len(refused) % 3 == 0:
                server.send_host(host(), ticket)  # the same again changes nothing
            server.send(t="consume_no", req=m["req"], reason="not yet")
        refused.append(m["req"])
    return said


def under_way(attackers):
    for p in attackers:
        try:
            p.wait(timeout=0.005)
        except subprocess.TimeoutExpired:
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_attack(agent, netns, tmp_path, seed):
    rnd = random.Random(seed)
    sizes = {n: rnd.choice([1, 100, HOLD - 1, HOLD, HOLD + 1, 200_000, 600_000])
             for n in ["k", "i0", "i1"][:1 + seed % 3]}
    server = agent({"limits": {"http_per_client": 64}}, wait_ready=None)
    for name, size in sizes.items():
        server.put("images", f"d/{name}", os.urandom(size))
    server.start()
    ticket = make_ticket(sizes)
    server.send_table([{"host": host(), "boot": ticket}])
    attackers = []
    for i in range(3):
        client = netns.add_client(address=f"10.77.0.{50 + i}/24")
        with open(tmp_path / str(i), "w") as out:
            attackers.append(client.popen("/usr/bin/python3", "-c", ATTACKER, str(seed * 10 + i), TOKEN,
                                          json.dumps(sizes), stdout=out))
    refused, yes = [], None
    while under_way(attackers):
        yes = answer(server, ticket, refused) or yes
    assert [p.returncode for p in attackers] == [0, 0, 0]
    seen = [entry for i in range(3) for entry in json.loads((tmp_path / str(i)).read_text())]
    assert yes is not None, "the agent was never asked often enough"
    incomplete = set(sizes) - {name for at, _, name in seen if at < yes}
    assert incomplete, "all of the ticket was out before the agent's yes"
    for name in incomplete:
        assert len({c for _, c, n in seen if n == name}) <= 1, name
    assert server.stop() == 0
