# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop of everything, frozen sites, and locks: what has not begun does not begin, what has begun is finished."""
import signal
import time
from datetime import datetime, timezone

import pytest

import netlab
from netlab import until
from old_agent import OldAgent
from orch_lab import host, site
from whole_lab import Site


@pytest.fixture
def agent(site_agent):
    site_agent.says = {"takes": ["window", "unbegun"]}
    return site_agent


def at(seconds):
    return datetime.fromtimestamp(time.time() + seconds, timezone.utc).isoformat()


def ordered(o, name, **more):
    answer = o.order(name, **more)
    assert answer.status == 202, answer.json
    return answer.json["jobs"][0]["id"]


def stop(o, reason="INC-9", **to):
    answer = o.post("/stop", {"reason": reason})
    assert answer.status == 200, answer.json
    return answer.json


def refused(answer, code):
    assert answer.status == 409 and answer.json["code"] == code, answer.json
    return answer.json


def test_nothing_is_ordered_while_everything_is_stopped(orch, agent):
    """Dry runs are refused as well: what they would show could not be done."""
    job = ordered(orch, "edge01")
    agent.poll()
    agent.report(agent.event("job.refused", job, code="host-busy", text="no", next=""))
    shown = stop(orch)
    assert shown["stopped"] and shown["reason"] == "INC-9" and shown["at"] and not shown["sites"]
    assert {k: v for k, v in orch.get("/stop").json.items()} == {k: v for k, v in shown.items() if k != "jobs"}
    said = refused(orch.order("edge01"), "world-stopped")
    assert "INC-9" in said["detail"] and shown["by"] in said["detail"] and "resume-the-world" in said["next"]
    refused(orch.order("edge01", dry_run=True), "world-stopped")
    refused(orch.order("edge[01-02]", yes=True, at=at(600)), "world-stopped")
    refused(orch.post(f"/jobs/{job}/retry", {"reason": "r"}), "world-stopped")
    # Once more is no mistake, and who it was stays.
    assert stop(orch, "again")["reason"] == "INC-9"
    assert orch.post("/stop", {}).json["code"] == "reason-missing"
    assert orch.post("/stop/end", {}).json["code"] == "reason-missing"
    assert orch.get("/stop").json["stopped"]
    assert not orch.post("/stop/end", {"reason": "over"}).json["stopped"]
    assert orch.post("/stop/end", {"reason": "over"}).json["code"] == "not-stopped"
    ordered(orch, "edge01")
    kinds = [(e["kind"], e["detail"]["scope"]) for e in orch.events() if e["kind"].startswith("hold.")]
    assert kinds == [("hold.begin", "world"), ("hold.end", "world")]


def test_a_frozen_site_and_the_others(orch, agent):
    assert orch.apply({"sites": [site("abj", subnets=[])], "hosts": [host(9, site="abj", nics=[])]}).status == 200
    other = OldAgent(orch, site="abj")
    other.poll()
    shown = orch.post("/sites/local/freeze", {"reason": "power works"}).json
    assert shown["frozen"]["reason"] == "power works" and shown["jobs"]["cancelled"] == 0
    assert orch.get("/sites/local").json["frozen"] == shown["frozen"] and orch.get("/sites/abj").json["frozen"] is None
    assert orch.get("/stop").json["sites"][0]["site"] == "local" and not orch.get("/stop").json["stopped"]
    both = orch.order("edge01,edge09", kind="reboot", yes=True)
    assert refused(both, "site-frozen")["errors"][0]["host"] == "edge01"
    ordered(orch, "edge09", kind="reboot")
    # It is no part of what a site is: a change of it leaves it as it is.
    assert orch.patch("/sites/local", {"timezone": "Africa/Lagos"}).json["frozen"] == shown["frozen"]
    assert "frozen" not in str(orch.get("/export").json)
    assert orch.post("/sites/abj/unfreeze", {"reason": "r"}).json["code"] == "not-frozen"
    assert orch.post("/sites/nowhere/freeze", {"reason": "r"}).status == 404
    assert orch.post("/sites/local/unfreeze", {"reason": "r"}).json["frozen"] is None
    ordered(orch, "edge01")


def cancels(answer):
    return {o["job"]: o for o in answer.json["orders"] if o["t"] == "cancel"}


def test_what_has_not_begun_is_cancelled(orch, agent):
    agent.poll()
    runs, handed = ordered(orch, "edge01"), ordered(orch, "edge02", at=at(3600))
    assert len([o for o in agent.poll(wait_s=5).json["orders"] if o["t"] == "job"]) == 2
    agent.report(agent.event("job.accepted", runs), agent.event("job.attempt", runs, attempt=1),
                 agent.event("job.handed", handed, host="edge02"))
    unsent = ordered(orch, "edge03", kind="reboot")
    jobs = stop(orch)["jobs"]
    assert jobs == {"cancelled": 1, "told": 1, "running": 1, "unheard": []}
    ended = orch.job(unsent)
    assert ended["state"] == "cancelled" and ended["verdict"]["code"] == "world-stopped" and "INC-9" in ended["verdict"]["text"]
    told = cancels(agent.poll())
    assert list(told) == [handed] and told[handed]["unbegun"] is True
    assert orch.job(handed)["cancel"]["code"] == "world-stopped" and orch.job(runs)["cancel"] is None
    agent.report(agent.event("job.cancelled", handed, host="edge02", by="ann"))
    assert orch.job(handed)["verdict"]["code"] == "world-stopped"
    why = orch.get(f"/why?of={handed}").json
    assert why["verdict"]["code"] == "world-stopped" and why["verdict"]["certain"]
    agent.report(agent.event("job.done", runs))
    assert orch.job(runs)["state"] == "done"
    rows = [r for r in orch.get("/audit?limit=1000").json["items"] if r["what"] in ("job.cancel", "stop.begin")]
    assert sorted((r["what"], r["object"], r["reason"]) for r in rows) == [
        ("job.cancel", "edge02", "INC-9"), ("job.cancel", "edge03", "INC-9"), ("stop.begin", "world", "INC-9")]


def test_what_had_begun_meanwhile_is_finished(orch, agent):
    """The agent was away, began what it was handed in its window, and hears of the stop while it is at it."""
    agent.poll()
    job = ordered(orch, "edge01", at=at(3600))
    agent.poll(wait_s=5)
    agent.report(agent.event("job.handed", job))
    stop(orch)
    assert list(cancels(agent.poll())) == [job]
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1))
    assert orch.job(job)["state"] == "running" and orch.job(job)["cancel"]["code"] == "world-stopped"
    assert not agent.poll().json["orders"]
    # Who wants it to end says so.
    assert orch.post(f"/jobs/{job}/cancel", {"reason": "really"}).json["cancel"]["code"] is None
    assert "unbegun" not in cancels(agent.poll(wait_s=5))[job]
    agent.report(agent.event("job.cancelled", job, code="left-off", text="t", next=""))
    assert orch.job(job)["verdict"]["code"] == "left-off"


def test_an_older_agent_is_not_told_of_what_it_may_have_begun(orch, agent):
    """It would end it in its middle: first all that it did is to be here."""
    agent.says = {"pending": 3}
    agent.poll()
    job = ordered(orch, "edge01")
    agent.poll(wait_s=5)
    stop(orch)
    assert not cancels(agent.poll())
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1))
    agent.says = {"pending": 0}
    assert not cancels(agent.poll())
    assert orch.job(job)["state"] == "running"


def test_a_lock_keeps_jobs_from_beginning(orch, agent):
    agent.poll()
    handed, unsent = ordered(orch, "edge01", at=at(3600)), ordered(orch, "edge02")
    assert orch.post("/hosts/edge02/lock", {"reason": "disk"}).status == 200
    assert orch.job(unsent)["verdict"]["code"] == "host-locked" and orch.job(unsent)["state"] == "cancelled"
    agent.poll(wait_s=5)
    agent.report(agent.event("job.handed", handed))
    assert orch.post("/hosts/edge01/lock", {"reason": "disk"}).status == 200
    assert cancels(agent.poll(wait_s=5))[handed]["unbegun"]
    agent.report(agent.event("job.cancelled", handed))
    assert orch.job(handed)["verdict"]["code"] == "host-locked" and "disk" in orch.job(handed)["verdict"]["text"]


def test_questions_that_change_something_wait_for_nobody(orch, agent):
    stop(orch)
    lines = orch.call("POST", "/bmc/bmc-reset", {"hosts": "edge01", "reason": "r"}).text
    assert "world-stopped" in lines, lines
    assert not [o for o in agent.poll(table=0).json["orders"] if o["t"] == "call"]
