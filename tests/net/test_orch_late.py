# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of jobs that are past their deadline: by whose clock that is, and what is found in their events already."""
import time

import pytest

from netlab import until


@pytest.fixture
def agent(site_agent):
    return site_agent


def begin(orch, agent, host="edge01"):
    job = orch.order(host).json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", job, host), agent.event("job.attempt", job, host, attempt=1))
    return job


def status(orch, host="edge01"):
    return orch.get(f"/status?hosts={host}").json["items"][0]


def fleet_row(orch, host="edge01"):
    doc = orch.get("/fleet").json
    return [dict(zip(doc["columns"], row)) for row in doc["rows"] if row[0] == host][0]


def test_a_panic_is_told_before_the_end(orch, agent):
    job = begin(orch, agent)
    agent.report(agent.event("job.ticket", job, state="consumed", ticket="t"), agent.event("power.state", job, power="on"),
                 agent.event("sol.line", job, **{"class": "panic", "line": "Kernel panic - not syncing: Attempted to kill init!"}),
                 agent.stage(job, "os-up", deadline_us=1))
    row = until(lambda: [r for r in (status(orch),) if "reason" in r], "the deadline")[0]
    assert row["state"] == "busy" and row["likely"] == {"code": "kernel-panic-seen", "title": "The kernel panicked"}
    assert row["reason"] == "kernel-panic-seen: probably: The kernel panicked (deadline passed)"
    assert orch.get("/status?stuck=1").json["items"][0]["likely"] == row["likely"]
    shown = fleet_row(orch)
    assert (shown["stuck"], shown["code"], shown["reason"]) == (True, "kernel-panic-seen", row["reason"])
    # Where nothing is found it is late, and no more.
    other = begin(orch, agent, "edge02")
    agent.report(agent.event("job.stage", other, "edge02", stage="os-up", state="entered", attempt=1, deadline_us=1))
    row = until(lambda: [r for r in (status(orch, "edge02"),) if "reason" in r], "the deadline")[0]
    assert row["reason"] == "deadline passed" and "likely" not in row
    assert fleet_row(orch, "edge02")["code"] == "deadline-passed"
    # It may go on all the same.
    agent.report(agent.stage(job, "os-up", "confirmed"), agent.event("job.done", job))
    assert "likely" not in status(orch) and fleet_row(orch)["state"] == "idle"


@pytest.mark.parametrize("ahead", (-600, 600))
def test_an_agents_clock(orch, agent, ahead):
    job = begin(orch, agent)
    agent.says["now"] = int((time.time() + ahead) * 1e6)
    agent.poll()
    entered = time.time() + ahead
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(entered)) + ".000Z"
    agent.report(dict(agent.stage(job, "os-up", deadline_us=300_000_000), at=at))
    row = status(orch)
    assert "reason" not in row and row["in_stage_us"] < 60_000_000
    assert not fleet_row(orch)["stuck"]
    agent.report(dict(agent.stage(job, "os-up", "confirmed"), at=at),
                 dict(agent.stage(job, "installed", deadline_us=300_000_000),
                      at=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(entered - 310)) + ".000Z"))
    row = status(orch)
    assert row["reason"] == "deadline passed" and row["in_stage_us"] > 300_000_000
    assert fleet_row(orch)["stuck"]
