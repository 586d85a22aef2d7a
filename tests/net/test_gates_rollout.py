# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates of rollouts: asked before a host's job and after it, by its site's agent, whom the test plays. What is not heard says nothing of
the host; what does not hold halts."""
import pytest

from netlab import PATIENCE, until
from orch_lab import Agent, Orch, document
from skew import Skew

GATES = ["tcp:22", "exec:check-edge"]


class Player(Agent):
    """Does what it is told: jobs at once; gates as .gate(host, when) says, a code or "". .told is all of it, in order."""

    def __init__(self, orch):
        super().__init__(orch)
        self.table = self.poll().json["table"]["version"]
        self.gate = lambda host, n: ""
        self.told, self.begun = [], set()
        self.asked = {}

    def turn(self):
        for o in self.poll(wait_s=1).json["orders"]:
            if o["t"] == "call" and o["verb"] == "gate":
                host = o["args"]["host"]
                self.asked[host] = self.asked.get(host, 0) + 1
                code = self.gate(host, self.asked[host])
                self.told.append(("gate", host, o["args"]["checks"], o["args"]["timeout_s"]))
                if code is None:
                    continue  # it is ended by a restart, and never answers
                self.report(calls=[{"id": o["id"], "power": "unknown", "code": code, "reason": f"{code}: tcp:22: Connection refused" if code else "",
                                    "data": {"checks": []}}])
            elif o["t"] == "job" and o["bundle"]["job"] not in self.begun:
                job, host = o["bundle"]["job"], o["bundle"]["host"]["name"]
                self.begun.add(job)
                self.told.append(("job", host))
                self.report(self.event("job.accepted", job, host=host), self.event("job.attempt", job, host=host, attempt=1),
                            self.event("job.done", job, host=host))

    def order_of(self, host):
        return [t[0] for t in self.told if t[1] == host]


@pytest.fixture
def player(filled):
    return Player(filled)


def begin(orch, hosts="edge[01-02]", **policy):
    got = orch.post("/rollouts", {"kind": "reboot", "hosts": hosts, "reason": "INC-1", "yes": True,
                                  "policy": {"gates": GATES, "gate_timeout_s": 7, "per_site": 2, **policy}})
    assert got.status == 202, got.json
    return got.json["id"]


def play(orch, player, rollout, *states):
    def ended():
        player.turn()
        got = orch.get(f"/rollouts/{rollout}").json
        return got if got["state"] in states and got["counts"]["in_flight"] == 0 else None
    return until(ended, f"the rollout to be {states}", timeout=2 * PATIENCE)


def hosts_of(orch, rollout):
    return {h["host"]: h for h in orch.get(f"/rollouts/{rollout}/hosts").json["items"]}


def test_before_and_after(filled, player):
    rollout = begin(filled)
    got = play(filled, player, rollout, "done")
    assert got["counts"]["ok"] == 2 and got["policy"]["gates"] == GATES
    for host in ("edge01", "edge02"):
        assert player.order_of(host) == ["gate", "job", "gate"]
    assert {(tuple(t[2]), t[3]) for t in player.told if t[0] == "gate"} == {(tuple(GATES), 7)}


def test_a_host_that_is_not_well_before_is_not_touched(filled, player):
    player.gate = lambda host, n: "gate-failed" if host == "edge01" else ""
    rollout = begin(filled, canary=1, per_site=1)
    got = play(filled, player, rollout, "halted")
    assert got["why"]["code"] == "canary-failed"
    hosts = hosts_of(filled, rollout)
    assert hosts["edge01"]["state"] == "failed" and hosts["edge01"]["job"] is None
    why = hosts["edge01"]["why"]
    assert why["code"] == "gate-failed" and why["text"] == "before it was touched: tcp:22: Connection refused" and "gate check" in why["next"]
    assert hosts["edge02"]["state"] == "deferred" and player.told == [("gate", "edge01", GATES, 7)]


def test_a_host_that_is_not_well_afterwards_halts(filled, player):
    player.gate = lambda host, n: "gate-timeout" if (host, n) == ("edge01", 2) else ""
    rollout = begin(filled, canary=1, per_site=1)
    got = play(filled, player, rollout, "halted")
    hosts = hosts_of(filled, rollout)
    assert (hosts["edge01"]["state"], hosts["edge01"]["why"]["code"]) == ("failed", "gate-timeout")
    assert hosts["edge01"]["why"]["text"].startswith("after its job: ") and player.order_of("edge01") == ["gate", "job", "gate"]
    assert hosts["edge02"]["state"] == "deferred" and not player.order_of("edge02")
    # Repaired: it is asked, and done, once more; then the other one.
    player.gate = lambda host, n: ""
    assert filled.post(f"/rollouts/{rollout}/resume", {"reason": "repaired"}).status == 200
    assert filled.post(f"/rollouts/{rollout}/retry-failed", {"reason": "repaired"}).status == 200
    got = play(filled, player, rollout, "done")
    assert got["counts"]["ok"] == 2


def test_what_nobody_asked_is_asked_again(tmp_path):
    """A minute later. The job is not given again."""
    orch = Orch(tmp_path, clock=Skew(str(tmp_path / "clock")))
    try:
        assert orch.apply(document()).status == 200
        player = Player(orch)
        player.gate = lambda host, n: "gate-busy" if (host, n) == ("edge01", 2) else ""
        rollout = begin(orch, hosts="edge01")
        until(lambda: (player.turn(), player.asked.get("edge01") == 2)[1], "the question that nobody asks")
        # By other work the orchestrator looks at the time: it is too early, and then it is not.
        play(orch, player, begin(orch, hosts="edge02"), "done")
        assert player.order_of("edge01") == ["gate", "job", "gate"]
        orch.clock.set(61)
        play(orch, player, begin(orch, hosts="edge02"), "done")
        got = play(orch, player, rollout, "done")
        assert got["counts"]["ok"] == 1 and player.order_of("edge01") == ["gate", "job", "gate", "gate"]
    finally:
        orch.stop()


def test_an_agent_without_gates(filled, player):
    """Nothing is done to hosts that cannot be looked at."""
    player.gate = lambda host, n: "call-unknown"
    rollout = begin(filled, hosts="edge01")
    play(filled, player, rollout, "halted")
    why = hosts_of(filled, rollout)["edge01"]["why"]
    assert why["code"] == "agent-too-old" and not [t for t in player.told if t[0] == "job"]


@pytest.mark.parametrize("when", [1, 2])
def test_a_restart_while_they_are_asked(filled, player, when):
    """Asked again by the next process, and the job is not given twice."""
    player.gate = lambda host, n: None if n == when else ""
    rollout = begin(filled, hosts="edge01")
    until(lambda: (player.turn(), player.asked.get("edge01") == when)[1], "the question")
    filled.kill()
    filled.start()
    got = play(filled, player, rollout, "done")
    assert got["counts"]["ok"] == 1 and player.order_of("edge01").count("job") == 1
    assert player.order_of("edge01").count("gate") == 3


def test_bad_gates_are_refused_early(filled, player):
    for gates, words in ((["tcp:ssh"], "tcp:ssh"), (["exec:/bin/sh"], "no folders"), ("tcp:22", "gates")):
        got = filled.post("/rollouts", {"kind": "reboot", "hosts": "edge01", "reason": "r", "yes": True, "policy": {"gates": gates}})
        assert got.status == 400 and words in str(got.json), got.json
    assert not filled.get("/rollouts").json["items"]
