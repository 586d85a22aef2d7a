# SPDX-License-Identifier: GPL-3.0-or-later
"""Many agents in one process (tests/fake/agentsim.c) and the inventory that they are of.

fill(o, sites, hosts)      sites "s0000"… with hosts "h00.s0000"… each, applied as an operator would
s = AgentSim(o, agents)    by the unix socket; with server="https://…" as remote ones, join(o, agents) before its further arguments
s.order("rate 100") · s.stats() · s.stop()"""
import ctypes
import json
import os
import signal
import subprocess

from netlab import BUILD, until

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
HOSTS_A_DOCUMENT = 5000


def site(i):
    return {"name": f"s{i:04d}", "timezone": "UTC",
            "subnets": [{"prefix": f"10.{i // 250}.{i % 250}.0/24", "gateway": f"10.{i // 250}.{i % 250}.1", "lease_s": 3600}]}


def host(i, n, **more):
    return {"name": f"h{n:02d}.s{i:04d}", "site": f"s{i:04d}",
            "nics": [{"mac": f"52:54:{i >> 8:02x}:{i & 255:02x}:00:{n:02x}", "ip": f"10.{i // 250}.{i % 250}.{n + 10}"}],
            "bmc": {"address": f"10.200.0.{n + 1}", "user": "admin", "password": "a password"},
            "labels": {"role": "cdn", "rack": f"r{n % 10}"}, **more}


def fill(o, sites, hosts):
    step = max(1, HOSTS_A_DOCUMENT // hosts)
    for first in range(0, sites, step):
        some = range(first, min(first + step, sites))
        answer = o.apply({"sites": [site(i) for i in some], "hosts": [host(i, n) for i in some for n in range(hosts)]})
        assert answer.status == 200, answer.json


def join(o, agents):
    """Secrets for that many sites of a FarWeb (join_lab.py); the arguments by which they join."""
    with open(os.open(o.path("secrets"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        for i in range(agents):
            f.write(o.secret(f"s{i:04d}") + "\n")
    return ["--watch", f"unix:{o.socket}", "--authority", o.authority, "--secrets", o.path("secrets")]


class AgentSim:
    def __init__(self, orch, agents, *args, server=None):
        def limit():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        self.agents = agents
        self.proc = subprocess.Popen([os.path.join(BUILD, "tests/fake/agentsim"), "--server", server or f"unix:{orch.socket}",
                                      "--agents", str(agents), *args],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=limit)

    def order(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()
        answer = json.loads(self.proc.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def stats(self):
        return self.order("stats")

    def until(self, what, condition):
        """Waits for that to be true of the statistics; returns them."""
        last = {}

        def look():
            last.update(self.stats())
            return condition(last)
        until(look, f"{what}: {last}")
        return last

    def stop(self):
        if self.proc.poll() is None:
            self.proc.stdin.write("quit\n")
            self.proc.stdin.flush()
        assert self.proc.wait(60) == 0
        self.proc.stdin.close()
        self.proc.stdout.close()
