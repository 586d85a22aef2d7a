# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop of everything, frozen sites, locks, and caps: what has not begun does not begin, what has begun is finished."""
import contextlib
import signal
import sqlite3
import time
from datetime import datetime, timezone

import pytest

from netlab import until
from old_agent import OldAgent
from orch_lab import Agent, Orch, document, host, site
from test_ctl_real import run
from test_web import Web
from whole_lab import whole_site


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


CAPS = "caps: {reinstall: 2, power: 1}\ncaps_in_flight: {reboot: 2}\n"


@pytest.fixture
def capped(tmp_path):
    o = Orch(tmp_path, config=CAPS)
    try:
        o.apply(document())
        a = Agent(o)
        a.poll()
        yield o
    finally:
        o.stop()


def test_caps_of_the_server(capped):
    o = capped
    said = refused(o.order("edge[01-03]", yes=True, limit=1000), "over-cap")
    assert "caps.reinstall" in said["detail"] and "2" in said["detail"] and "orchestrator.yaml" in said["next"]
    refused(o.order("edge[01-03]", yes=True, dry_run=True), "over-cap")
    refused(o.order("edge[01-03]", kind="boot", image="debian", yes=True), "over-cap")
    refused(o.order("edge[01-02]", kind="power", action="off", yes=True), "over-cap")
    assert o.order("edge[01-03]", kind="power", action="on", dry_run=True).status == 200
    assert o.order("edge[01-03]", kind="reboot", dry_run=True).json["code"] == "over-cap"
    ordered(o, "edge01", kind="reboot")
    said = refused(o.order("edge[02-03]", kind="reboot", yes=True), "over-cap")
    assert "caps_in_flight.reboot" in said["detail"] and "room for 1" in said["detail"]
    ordered(o, "edge02", kind="reboot")
    refused(o.order("edge03", kind="reboot", at=at(600)), "over-cap")
    ordered(o, "edge03")


def test_caps_of_a_token(tmp_path):
    o = Web(tmp_path)
    try:
        o.apply(document())
        a = Agent(o)
        a.poll()
        token = o.token("ci", role="operator", max_hosts=2)
        row = [t for t in o.get("/tokens").json["items"] if t["name"] == "ci"][0]
        assert row["max_hosts"] == 2
        body = {"kind": "reboot", "hosts": "edge[01-03]", "reason": "r", "yes": True, "limit": 100}
        said = refused(o.ask("POST", "/api/v1/jobs", body, token=token), "over-cap")
        assert "token:ci" in said["detail"] and "max_hosts" in said["detail"] and "--max-hosts" in said["next"]
        refused(o.ask("POST", "/api/v1/bmc/bmc-reset", {"hosts": "edge[01-03]", "reason": "r", "yes": True}, token=token), "over-cap")
        # A session of the page is by the same token.
        refused(o.ask("POST", "/api/v1/jobs", body, session=o.login(token)), "over-cap")
        assert o.ask("POST", "/api/v1/jobs", {**body, "hosts": "edge[01-02]"}, token=token).status == 202
        # What others ordered it lets go on for no more of them either: a schedule that is paused, a rollout that is.
        nightly = {"name": "nightly", "kind": "reboot", "hosts": "edge[01-02]", "cron": "0 3 * * *", "tz": "UTC", "reason": "r"}
        assert o.post("/schedules", {**nightly, "limit": 3}).status == 201
        assert o.post("/schedules/nightly/pause", {"reason": "r"}).status == 200
        refused(o.ask("POST", "/api/v1/schedules/nightly/resume", {"reason": "r"}, token=token), "over-cap")
        assert o.get("/schedules/nightly").json["state"] == "paused"
        assert o.patch("/schedules/nightly", {"limit": 2}).status == 200
        assert o.ask("POST", "/api/v1/schedules/nightly/resume", {"reason": "r"}, token=token).status == 200
        # It cannot be given away as more.
        admin = o.token("boss", role="admin", max_hosts=5)
        more = {"name": "more", "role": "operator", "reason": "r"}
        assert o.ask("POST", "/api/v1/tokens", more, token=admin).json["code"] == "over-cap"
        assert o.ask("POST", "/api/v1/tokens", {**more, "max_hosts": 6}, token=admin).json["code"] == "over-cap"
        assert o.ask("POST", "/api/v1/tokens", {**more, "max_hosts": 5}, token=admin).status == 201
        assert o.post("/tokens", {**more, "name": "bad", "max_hosts": -1}).json["code"] == "bad-value"
    finally:
        o.stop()


def test_the_commands_and_who_is_told(orch, agent):
    agent.poll()
    job = ordered(orch, "edge01", at=at(3600))
    agent.poll(wait_s=5)
    agent.report(agent.event("job.handed", job))
    assert run(orch, "stop-the-world").returncode == 1
    done = run(orch, "stop-the-world", "--reason", "INC-9")
    assert done.returncode == 0 and "0 cancelled, 1 more when their agents say so" in done.stderr, done.stderr
    assert "everything is stopped" in run(orch, "status").stderr
    done = run(orch, "reboot", "edge02", "--reason", "x", "--yes")
    assert done.returncode == 3 and "world-stopped" in done.stderr and "resume-the-world" in done.stderr
    assert "begun anywhere: stopped since" in run(orch, "doctor").stdout
    assert run(orch, "site", "freeze", "local", "--reason", "power works").returncode == 0
    assert "power works" in run(orch, "site", "list").stdout and "power works" in run(orch, "site", "show", "local").stdout
    assert run(orch, "resume-the-world", "--reason", "over").returncode == 0
    assert "frozen" in run(orch, "why", "edge01").stderr and "power works" in run(orch, "doctor").stdout
    assert run(orch, "site", "unfreeze", "local", "--reason", "over").returncode == 0
    assert "frozen" not in run(orch, "status").stderr and "FROZEN" not in run(orch, "site", "list").stdout
    agent.report(agent.event("job.cancelled", job, by="root"))
    shown = run(orch, "why", job).stdout
    assert "world-stopped" in shown and "INC-9" in shown, shown


def test_a_site_that_is_away_is_named(tmp_path):
    """Its agent may begin what it has: doctor says so until it is heard, also after the stop."""
    o = Orch(tmp_path)
    try:
        o.apply(document())
        a = Agent(o)
        a.says = {"takes": ["window", "unbegun"]}
        a.poll()
        job = ordered(o, "edge01", at=at(3600))
        a.poll(wait_s=5)
        a.report(a.event("job.handed", job))
        o.kill()
        with contextlib.closing(sqlite3.connect(o.database)) as db, db:
            db.execute("update agent set last_seen = last_seen - 3600000000")
        o.start()
        assert stop(o)["jobs"] == {"cancelled": 0, "told": 1, "running": 0, "unheard": ["local"]}
        found = [f for f in o.get("/doctor").json["findings"] if f["check"] == "hold"]
        assert [f["level"] for f in found] == ["warn", "fail"] and "not heard" in found[1]["text"]
        assert list(cancels(a.poll())) == [job]
        a.report(a.event("job.cancelled", job))
        assert [f["level"] for f in o.get("/doctor").json["findings"] if f["check"] == "hold"] == ["warn"]
    finally:
        o.stop()


@pytest.fixture
def whole():
    with whole_site(hosts=2) as s:
        yield s


def test_a_real_agent_cancels_what_waits_and_finishes_what_it_began(whole):
    s = whole
    # Nothing answers a machine without firmware: it is at it for as long as the deadlines are.
    runs = s.ctl("reinstall", "edge01", "--reason", "INC-7", "--yes").stdout.strip()
    until(lambda: s.job(runs)["state"] == "running", "the job to begin")
    waits = s.ctl("power", "off", "edge02", "--reason", "INC-7", "--yes", "--at", at(3600)).stdout.strip()
    until(lambda: any(e["kind"] == "job.handed" for e in s.events("--job", waits)), "job.handed")
    before = s.powers()["off"]
    done = s.ctl("stop-the-world", "--reason", "INC-9")
    assert done.returncode == 0, done.stderr
    ended = until(lambda: s.job(waits)["ended"] and s.job(waits), "the end of what waits")
    assert ended["state"] == "cancelled" and ended["verdict"]["code"] == "world-stopped"
    assert s.job(runs)["state"] == "running" and s.job(runs)["cancel"] is None
    s.refused(s.ctl("reboot", "edge02", "--reason", "x", "--yes"), 3, "edge02", "world-stopped", "stopped since")
    # At the site itself it is possible, and the agent forgets nothing of the stop when it is killed.
    s.end("agent", signal.SIGKILL)
    s.start_agent()
    assert s.job(waits)["state"] == "cancelled" and s.powers()["off"] == before
    s.ctl("job", "cancel", runs, "--reason", "enough")
    until(lambda: s.job(runs)["ended"], "the end of what ran")


def test_an_order_on_several_hosts_begins_nothing_again_by_itself(orch, agent):
    """What was cancelled, or refused by its agent, stays so: who ordered it orders it again, or retries the rollout."""
    answer = orch.order("edge[01-02]", kind="reboot", yes=True)
    jobs = {j["host"]: j["id"] for j in answer.json["jobs"]}
    agent.poll()
    stop(orch)
    assert set(cancels(agent.poll())) == set(jobs.values())
    agent.report(agent.event("job.cancelled", jobs["edge01"]), agent.event("job.cancelled", jobs["edge02"], host="edge02"))
    orch.post("/stop/end", {"reason": "over"})
    states = "select count(*) from rollout_host where rollout = ? and state = 'deferred' and code = 'world-stopped'"

    def deferred():
        with contextlib.closing(sqlite3.connect(orch.database)) as db:
            return db.execute(states, (answer.json["rollout"],)).fetchone()[0]
    until(lambda: deferred() == 2, "both hosts to be left")
    assert len(orch.get("/jobs").json["items"]) == 2
