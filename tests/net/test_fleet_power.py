# SPDX-License-Identifier: GPL-3.0-or-later
"""Power orders for a fleet: jobs, of which the agent takes some at a time, each accounted for exactly once whatever
becomes of it."""
import json
import re
import signal
import subprocess

import pytest

import netlab
import test_fleet
import whole_lab
from netlab import PATIENCE, until

N, AT_ONCE = 320, 60
DEAD, REFUSING = (11, 170, 303), (21, 222)
WHY = ("--reason", "INC-9", "--yes", "--limit", "1000")


class Fleet(test_fleet.Fleet):
    def __init__(self, lan):
        super().__init__(lan, hosts=N)
        self.write("wrong", b"not this\n")
        for i in REFUSING:
            self.hosts[i - 1]["bmc"]["password_file"] = self.path("wrong")
        self.write("agent.yaml", json.dumps({**self.agent_config({"preflight": 8}), "max_jobs": AT_ONCE}).encode())

    def most_at_once(self):
        """How many jobs the agent ever had, by when it accepted and ended each."""
        at = {"job.accepted": 1, "job.done": -1, "job.failed": -1}
        n = most = 0
        for kind, in self.select("orch/o.db", "select kind from event order by at, seq"):
            n += at.get(kind, 0)
            most = max(most, n)
        return most


@pytest.fixture(scope="module")
def fleet():
    lan = netlab.Lan()
    f = Fleet(lan)
    try:
        f.start()
        for i in DEAD:
            f.fault(i, dead=1)
        yield f
    finally:
        f.close()
        lan.close()


def folded(fleet, left_out):
    return {fleet.name(i) for i in range(1, N + 1) if i not in left_out}


def test_every_host_once(fleet):
    fleet.bmc("power all on")
    r = fleet.ctl("power", "off", "all", "--wait", *WHY, timeout=PATIENCE)
    assert r.returncode == 3, r.stderr[-1000:]  # what failed had not been touched
    ids, results = r.stdout.splitlines()[:N], r.stdout.splitlines()[N:]
    assert all(re.fullmatch(r"[0-9a-z]{16}", i) for i in ids) and len(results) == N
    said = dict(line.split(": ", 1) for line in results)
    assert set(said) == fleet.all_names()
    done = {h for h, text in said.items() if text.startswith("done in ")}
    assert done == folded(fleet, DEAD + REFUSING), set(said.items()) - done
    for i in DEAD:
        assert said[fleet.name(i)].startswith("FAILED at preflight: bmc-unreachable: ")
    for i in REFUSING:
        assert said[fleet.name(i)].startswith("FAILED at preflight: bmc-auth: ")
    assert all(fleet.show(i)["power"] == ("on" if i in DEAD + REFUSING else "off") for i in range(1, N + 1))
    assert AT_ONCE // 2 < fleet.most_at_once() <= AT_ONCE
    audit = fleet.select("orch/o.db", "select object, result from audit where what = 'job.power'")
    assert sorted(audit) == sorted((h, "ok") for h in fleet.all_names())


def test_collated(fleet):
    r = fleet.ctl("power", "on", "all", "--wait", "--collate", *WHY, timeout=PATIENCE)
    assert r.returncode == 3, r.stderr[-1000:]
    groups = dict(line.split(": ", 1) for line in r.stdout.splitlines())
    assert groups.pop("h[0011,0170,0303].los") == "FAILED at preflight: bmc-unreachable"
    assert groups.pop("h[0021,0222].los") == "FAILED at preflight: bmc-auth"
    assert list(groups.values()) == ["on"], groups
    r = fleet.ctl("power", "cycle", "h[0001-0003].los", "--wait", "--collate", *WHY)
    assert r.returncode == 0 and set(re.findall(r": (.*)", r.stdout)) <= {
        "cycle accepted; power off", "cycle accepted; power on"}, (r.stdout, r.stderr)
    for words, next_step in ((["-o", "json", "power", "off", "all", "--wait", "--collate"], "leave out one"),
                             (["-o", "ndjson", "power", "status", "all", "--collate"], "leave out one"),
                             (["power", "off", "all", "--collate"], "add --wait")):
        r = fleet.ctl(*words, *(WHY if "off" in words else ()))
        assert (r.returncode, next_step in r.stderr, r.stdout) == (1, True, ""), r


def test_nothing_is_started_when_one_is_refused(fleet):
    before = fleet.select("orch/o.db", "select count(*) from job")
    assert fleet.ctl("host", "lock", "h0100.los", "--reason", "mine").returncode == 0
    try:
        r = fleet.ctl("power", "off", "all", "--wait", *WHY)
        assert r.returncode == 3 and "h0100.los: host-locked: " in r.stderr and r.stdout == "", r
        r = fleet.ctl("power", "off", "all", "--yes", "--reason", "x", "--limit", "319")
        assert r.returncode == 3 and "too-many-hosts" in r.stderr
    finally:
        fleet.ctl("host", "unlock", "h0100.los")
    assert fleet.select("orch/o.db", "select count(*) from job") == before


def popen(fleet, *words):
    return fleet.ns.popen(whole_lab.program("netboot-ctl"), "--server", f"unix:{fleet.socket}", *words,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def open_jobs(fleet):
    return fleet.select("orch/o.db", "select count(*) from job where ended is null")[0][0]


# The rest goes on, and can be cancelled where no agent has it: that ends at once.
def test_interrupted_then_cancelled(fleet):
    fleet.fault("all", dead=1)
    try:
        p = popen(fleet, "power", "off", "all", "--wait", *WHY)
        ids = [p.stdout.readline() for _ in range(N)]
        assert p.stderr.readline().startswith("all of them: rollout ")
        assert "preflight" in p.stderr.readline() and open_jobs(fleet) == N and len(set(ids)) == N
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=PATIENCE)
        assert p.returncode == -signal.SIGINT, (p.returncode, err[-500:])
        said = dict(line.split(": ", 1) for line in out.splitlines())
        assert set(said) == fleet.all_names() and len(out.splitlines()) == N
        assert re.search(rf"\d+ of {N} jobs go on, \d+ of them not taken by an agent yet: ", err), err[-500:]
        rows = fleet.select("orch/o.db", "select id, host from job where ended is null and sent is null order by id")
        assert rows
        shown = fleet.json("status", rows[-1][1])["items"]
        assert "max_jobs" in shown[0].get("reason", ""), shown
        r = fleet.ctl("job", "cancel", rows[-1][0], "--reason", "no")
        assert r.returncode == 0, r.stderr
    finally:
        fleet.fault("all", dead=0)
        for i in DEAD:
            fleet.fault(i, dead=1)
    until(lambda: open_jobs(fleet) == 0, "their ends")


# The server goes and comes back: the wait goes on, and nobody is lost or told of twice.
def test_the_server_comes_back(fleet):
    live = "h[0001-0010].los,h[0023-0160].los"
    fleet.bmc("power all on")
    p = popen(fleet, "power", "off", live, "--wait", *WHY)
    # It has heard that they were made; without the answer it would not know what to wait for.
    ids = [p.stdout.readline() for _ in range(148)]
    assert len(set(ids)) == 148
    fleet.end("orchestrator", signal.SIGKILL)
    fleet.start_orchestrator()
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0, (out[-500:], err[-500:])
    lines = out.splitlines()
    assert len(lines) == 148 and len({line.split(": ")[0] for line in lines}) == 148
    assert all(": done in " in line for line in lines)
