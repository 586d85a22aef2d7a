# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts over the real orchestrator, whose agents are played by the test: what runs when, what a failure makes of the rest, and that
an orchestrator which is killed again and again loses no host and gives none two jobs."""
import contextlib
import http.client
import random
import sqlite3
import threading
from datetime import datetime, timedelta, timezone

import pytest

from netlab import PATIENCE, until
from orch_lab import Agent, Orch, host, image, make_id, site
from test_web import Web

SITES = ["abj", "los"]


def name(n):
    return f"edge{n:02d}"


def fleet(hosts):
    """Every other one at the other site."""
    def one(n):
        at = n % 2
        return host(n, site=SITES[at], nics=[{"mac": f"52:54:00:77:00:{n:02x}", "ip": f"10.{77 + at}.0.{n + 10}"}])
    return {"sites": [site(s, subnets=[{"prefix": f"10.{77 + i}.0.0/24", "gateway": f"10.{77 + i}.0.1", "lease_s": 3600}])
                      for i, s in enumerate(SITES)],
            "images": [image(), image("live", "live"), image("rescue", "rescue")], "hosts": [one(n) for n in range(1, hosts + 1)]}


class Site(Agent):
    """An agent that carries out what it is given, each job once, and has every gate pass; whatever the orchestrator does."""

    def __init__(self, orch, which, number):
        super().__init__(orch, which, number)
        self.says = {"takes": ["window"]} if number % 2 else {}  # of this release, and of an earlier one
        self.begun, self.bad, self.closed = [], {}, threading.Event()
        self.hold = set()  # hosts whose jobs do not come to an end
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.closed.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                for order in self.poll(wait_s=1).json["orders"]:
                    self.take(order)
                if self.spool:
                    self.report()
            self.closed.wait(0.01)

    def take(self, order):
        if order["t"] == "call":
            self.report(calls=[{"id": order["id"], "power": "unknown", "code": "", "reason": "", "data": {"checks": []}}])
        if order["t"] != "job" or order["bundle"]["job"] in [b["job"] for b in self.begun]:
            return
        b = order["bundle"]
        who = b["host"]["name"]
        self.begun.append(b)
        self.spool += [self.event("job.accepted", b["job"], who), self.event("job.attempt", b["job"], who, attempt=1)]
        if who not in self.hold:
            self.finish(b)

    def finish(self, b):
        who = b["host"]["name"]
        code = self.bad.get(who)
        self.spool.append(self.event("job.failed", b["job"], who, code=code, text="it did not come back", next="look at it") if code
                          else self.event("job.done", b["job"], who))

    def close(self):
        self.closed.set()
        self.thread.join(PATIENCE)


@pytest.fixture
def lab(tmp_path):
    yield from a_lab(Orch(tmp_path, config="approval: {hosts: 2}\n"))


@pytest.fixture
def web_lab(tmp_path):
    """One that tokens come to, too."""
    yield from a_lab(Web(tmp_path, more="approval: {hosts: 2}\n"))


def a_lab(o):
    assert o.apply(fleet(12)).status == 200
    sites = [Site(o, s, i + 1) for i, s in enumerate(SITES)]
    until(lambda: all(not a["absent"] for a in o.get("/agents").json["items"]), "the agents")
    yield o, sites
    for s in sites:
        s.close()
    o.stop()


def order(o, hosts="all", **more):
    answer = o.post("/rollouts", {"kind": "reboot", "hosts": hosts, "reason": "INC-1", "yes": True, **more})
    assert answer.status == 202, answer.json
    return answer.json["id"]


def state(o, ident):
    r = o.get(f"/rollouts/{ident}").json
    return r["state"] + (f":{r['why']['code']}" if r["why"] else "") + (" ended" if r["ended"] else "")


def hosts_of(o, ident):
    return {h["host"]: h for h in o.get(f"/rollouts/{ident}/hosts?limit=1000").json["items"]}


def ends(o, ident, how):
    until(lambda: state(o, ident) == how, f"{how}: {o.get(f'/rollouts/{ident}').json}")


def test_it_goes_on_bit_by_bit(lab):
    o, _ = lab
    r = order(o, policy={"canary": 1, "batch": "25%", "max_in_flight": 2, "gates": ["icmp"]}, window_s=3600)
    ends(o, r, "done ended")
    got = o.get(f"/rollouts/{r}").json
    assert got["counts"] == {"total": 12, "waiting": 0, "in_flight": 0, "ok": 12, "failed": 0, "skipped": 0, "deferred": 0, "lost": 0}
    assert got["batch"] == {"n": 5, "of": 5} and got["policy"]["batch"] == "25%"
    # Nothing of a batch began before all of the one before was well, and never more than the caps allow.
    begun, over, batch = [], set(), {h["host"]: h["batch"] for h in hosts_of(o, r).values()}
    for e in o.events("&kind=job.queued,rollout.host"):
        if e["kind"] == "rollout.host":
            over.add(e["host"])
            continue
        begun.append(e["host"])
        assert all(h in over for h in batch if batch[h] < batch[e["host"]]), (e, over)
        flying = [h for h in begun if h not in over]
        assert len(flying) <= (1 if batch[e["host"]] == 1 else 2), flying
        assert len({int(h[4:]) % 2 for h in flying}) == len(flying), flying  # one a site
    kinds = [e["kind"] for e in o.events("&kind=rollout.*") if e["kind"] != "rollout.host"]
    assert kinds == ["rollout.planned", "rollout.begin"] + 5 * ["rollout.batch"] + ["rollout.done"]
    job = o.job(hosts_of(o, r)["edge01"]["job"])
    assert job["rollout"] == r and job["not_after"] == got["closes"]


def test_killed_again_and_again(lab):
    """At any instant: each host has one job, and every one is accounted for."""
    o, sites = lab
    dice = random.Random(7)
    r = order(o, policy={"canary": 1, "batch": 4, "max_in_flight": 4, "per_site": 2, "gates": ["icmp"]}, window_s=3600)
    kills = 0
    while kills < 12 or state(o, r) != "done ended":
        if kills < 12:
            # After so many more events, or in the middle of a few requests.
            at = int(o.events()[-1]["seq"]) + dice.randrange(1, 14)
            for _ in range(dice.randrange(1, 40)):
                if int((o.get(f"/events?after={at}&limit=1").json["items"] or [{"seq": 0}])[0]["seq"]):
                    break
            o.kill()
            o.start()
            kills += 1
        else:
            ends(o, r, "done ended")
    jobs = [j for j in o.get("/jobs?limit=1000").json["items"] if j["rollout"] == r]
    assert sorted(j["host"] for j in jobs) == [name(n) for n in range(1, 13)]
    assert all(j["state"] == "done" for j in jobs)
    begun = [b["host"]["name"] for s in sites for b in s.begun]
    assert sorted(begun) == [name(n) for n in range(1, 13)]
    assert {h["state"] for h in hosts_of(o, r).values()} == {"ok"}
    finals = [e["host"] for e in o.events("&kind=rollout.host")]
    assert sorted(finals) == sorted(begun)


def test_a_failure_halts_and_a_repair_lets_it_go_on(lab):
    o, sites = lab
    for s in sites:
        s.bad = {"edge03": "no-answer"}
    r = order(o, "edge[01-05]", policy={"max_in_flight": 1})
    ends(o, r, "halted:budget-spent ended")
    got = hosts_of(o, r)
    assert got["edge03"]["why"] == {"code": "no-answer", "text": "it did not come back", "next": "look at it"}
    assert {h["why"]["code"] for h in got.values() if h["state"] == "deferred"} == {"budget-spent"}
    n = o.get(f"/rollouts/{r}").json["counts"]
    assert n["ok"] + n["failed"] + n["deferred"] == 5 and n["failed"] == 1 and n["deferred"] >= 1
    assert o.post(f"/rollouts/{r}/pause", {"reason": "x"}).code == "rollout-state"
    assert o.post(f"/rollouts/{r}/resume", {}).code == "reason-missing"
    for s in sites:
        s.bad = {}
    assert o.post(f"/rollouts/{r}/resume", {"reason": "repaired"}).status == 200
    ends(o, r, "done ended")
    assert {h["state"] for k, h in hosts_of(o, r).items() if k != "edge03"} == {"ok"}
    assert o.post(f"/rollouts/{r}/retry-failed", {"reason": "again"}).json["counts"]["failed"] == 0
    ends(o, r, "done ended")
    assert {h["state"] for h in hosts_of(o, r).values()} == {"ok"}
    assert o.post(f"/rollouts/{r}/retry-failed", {"reason": "again"}).code == "nothing-failed"
    assert [x["id"] for x in o.get("/rollouts?state=done").json["items"]] == [r]


def test_paused_and_aborted(lab):
    o, sites = lab
    for s in sites:
        s.hold = {name(n) for n in range(1, 13)}
    r = order(o, policy={"max_in_flight": 1})
    until(lambda: any(s.begun for s in sites), "a job")
    b = [b for s in sites for b in s.begun][0]
    assert o.post(f"/rollouts/{r}/pause", {"reason": "wait"}).json["why"]["text"].endswith("wait")
    next(s for s in sites if b in s.begun).finish(b)
    until(lambda: hosts_of(o, r)[b["host"]["name"]]["state"] == "ok", "the end of what ran")
    o.kill()
    o.start()
    assert state(o, r) == "paused:paused" and sum(len(s.begun) for s in sites) == 1
    assert o.post(f"/rollouts/{r}/abort", {"reason": "enough"}).status == 200
    ends(o, r, "aborted:aborted ended")
    assert o.get(f"/rollouts/{r}").json["counts"]["deferred"] == 11
    assert o.post(f"/rollouts/{r}/resume", {"reason": "x"}).code == "rollout-state"


def test_a_site_that_is_not_heard_waits(lab):
    """Its hosts wait and others go on; when it is back they have their turn."""
    o, sites = lab
    sites[0].close()
    o.stop()
    with contextlib.closing(sqlite3.connect(o.database, timeout=60)) as db:
        db.execute("update agent set last_seen = last_seen - 3600000000 where site = 'abj'")
        db.commit()
    o.start()
    r = order(o, policy={"max_in_flight": 3, "per_site": 3})
    until(lambda: o.get(f"/rollouts/{r}").json["counts"]["ok"] == 6, "those of the other site")
    held = [h for h in hosts_of(o, r).values() if h["site"] == "abj"]
    assert {(h["state"], h["why"]["code"]) for h in held} == {("waiting", "agent-absent")}
    assert state(o, r) == "running"
    sites[0] = Site(o, "abj", 1)
    ends(o, r, "done ended")


def test_several_jobs_at_once_are_a_rollout_too(lab):
    o, sites = lab
    answer = o.order("edge[01-03]", kind="reboot", yes=True)
    r = answer.json["rollout"]
    assert {j["rollout"] for j in answer.json["jobs"]} == {r} and o.order("edge04", kind="reboot").json["jobs"][0]["rollout"] is None
    ends(o, r, "done ended")
    assert {h["state"] for h in hosts_of(o, r).values()} == {"ok"} and o.get(f"/rollouts/{r}").json["policy"] == {}
    until(lambda: sum(len(s.begun) for s in sites) == 4, "that of the fourth host")


def test_what_failed_of_several_jobs_at_once_is_tried_again(lab):
    o, sites = lab
    for s in sites:
        s.bad = {"edge02": "no-answer"}
    r = o.order("edge[01-03]", kind="reinstall", yes=True).json["rollout"]
    until(lambda: {h["state"] for h in hosts_of(o, r).values()} == {"ok", "failed"}, "the end of each")
    for s in sites:
        s.bad = {}
    assert o.post(f"/rollouts/{r}/retry-failed", {"reason": "again", "yes": True}).status == 200
    until(lambda: {h["state"] for h in hosts_of(o, r).values()} == {"ok"}, "edge02")


def test_destructive_work_needs_a_second_person(lab):
    o, _ = lab
    what = {"kind": "reinstall", "hosts": "edge[01-03]", "reason": "INC-1", "yes": True}
    plan = o.post("/rollouts", {**what, "dry_run": True}).json["plan"]
    assert [w["code"] for w in plan["warnings"]] == ["approval-needed"]
    r = order(o, **{**what, "hosts": "edge[01-02]"})
    ends(o, r, "done ended")
    r = order(o, **what)
    assert state(o, r) == "waiting-approval"
    assert o.post(f"/rollouts/{r}/approve", {"reason": "x"}).code == "same-person"
    with contextlib.closing(sqlite3.connect(o.database, timeout=60)) as db:  # as if somebody else had ordered it
        db.execute("update rollout set by_whom = 'eve' where id = ?", [r])
        db.commit()
    assert o.post(f"/rollouts/{r}/approve", {"reason": "looked at"}).json["approved"]["by"]
    ends(o, r, "done ended")


def test_a_token_lets_no_more_hosts_begin_than_it_may_order(web_lab):
    """Whoever ordered the rollout."""
    o, sites = web_lab
    few, enough = o.token("few", role="operator", max_hosts=2), o.token("enough", role="operator", max_hosts=3)

    def say(token, r, verb, **more):
        return o.ask("POST", f"/api/v1/rollouts/{r}/{verb}", {"reason": "INC-1", **more}, token=token)

    r = order(o, kind="reinstall", hosts="edge[01-03]", policy={"max_in_flight": 3, "per_site": 3, "max_fail": 1})
    assert state(o, r) == "waiting-approval"
    answer = say(few, r, "approve")
    assert (answer.status, answer.json["code"]) == (409, "over-cap") and "token:few" in answer.json["detail"]
    assert state(o, r) == "waiting-approval"
    for s in sites:
        s.bad.update({f"edge0{n}": "bmc-timeout" for n in range(1, 4)})
    assert say(enough, r, "approve").status == 200
    until(lambda: state(o, r) == "halted:budget-spent ended", state(o, r))
    assert say(few, r, "retry-failed").json["code"] == "over-cap"
    assert {h["state"] for h in hosts_of(o, r).values()} == {"failed"}
    assert say(few, r, "abort").status == 200  # to hold others' work is nobody's order
    r = order(o, hosts="edge[04-06]", at=(datetime.now(timezone.utc) + timedelta(hours=1)).isoformat())
    assert say(few, r, "pause").status == 200 and say(few, r, "resume").json["code"] == "over-cap"
    assert state(o, r).startswith("paused") and say(enough, r, "resume").status == 200


def test_a_host_that_is_removed_meanwhile_is_no_failure(lab):
    o, _ = lab
    assert o.post("/sites/abj/freeze", {"reason": "x"}).status == 200
    r = order(o, hosts="edge[02,04,06]", policy={"canary": 1, "gates": ["icmp"]}, window_s=3600)
    assert o.delete("/hosts/edge02?reason=sold").status == 204
    assert o.post("/sites/abj/unfreeze", {"reason": "x"}).status == 200
    ends(o, r, "done ended")
    got = hosts_of(o, r)
    assert (got["edge02"]["state"], got["edge02"]["why"]["code"]) == ("skipped", "host-unknown"), got["edge02"]
    assert got["edge04"]["state"] == got["edge06"]["state"] == "ok"


def test_the_plan(lab):
    o, _ = lab
    o.post("/hosts/edge02/lock", {"reason": "RMA"})
    what = {"kind": "reboot", "hosts": "all", "reason": "INC-1", "dry_run": True, "window_s": 60, "policy": {"canary": 1, "batch": 6}}
    plan = o.post("/rollouts", what).json["plan"]
    assert [(b["n"], b["canary"], len(b["hosts"])) for b in plan["batches"]] == [(1, True, 1), (2, False, 6), (3, False, 5)]
    hosts = {h["host"]: h for b in plan["batches"] for h in b["hosts"]}
    assert hosts["edge02"]["why"]["code"] == "host-locked" and hosts["edge01"]["why"] is None
    assert hosts["edge01"]["zone"] == "Africa/Johannesburg" and hosts["edge01"]["gets"] == "reboot"
    assert {w["code"] for w in plan["warnings"]} == {"window-short", "refused"}
    assert o.get("/rollouts").json["items"] == [] and o.get("/jobs").json["items"] == []


@pytest.mark.parametrize("body,code,words", [
    ({"kind": "dance"}, "bad-value", "kind"),
    ({"hosts": "no-such"}, "host-unknown", "no-such"),
    ({"hosts": "@role=none"}, "host-unknown", "no host matches"),
    ({"reason": ""}, "reason-missing", "reason"),
    ({"yes": False}, "confirmation-needed", "12 hosts"),
    ({"limit": 3}, "too-many-hosts", "the limit is 3"),
    ({"policy": {"canari": 1}}, "bad-value", "policy: canari"),
    ({"policy": {"batch": "0%"}}, "bad-value", "policy: batch"),
    ({"policy": {"gates": ["tcp:ssh"]}}, "bad-gate", "policy: gates[0]"),
    ({"window_s": -1}, "bad-value", "window_s"),
    ({"at": "2001-01-01T00:00:00Z"}, "bad-value", "at: that time has passed"),
    ({"at": "soon"}, "bad-value", "at: no date"),
    ({"skip_if_younger_s": -1}, "bad-value", "skip_if_younger_s"),
    ({"action": 7}, "bad-value", "action"),
])
def test_bad_requests(lab, body, code, words):
    o, _ = lab
    got = o.post("/rollouts", {"kind": "reboot", "hosts": "all", "reason": "r", "yes": True, **body})
    assert got.status in (400, 404, 409) and (got.code == code or code in got.codes), got.json
    assert words in str(got.json)
    assert o.get("/rollouts").json["items"] == []


def test_what_there_is_not(lab):
    o, _ = lab
    for method, path in (("GET", ""), ("GET", "/hosts"), ("POST", "/pause")):
        got = o.call(method, f"/rollouts/{make_id(9)}{path}", {"reason": "r"} if method == "POST" else None)
        assert (got.status, got.code) == (404, "rollout-unknown")
    assert o.get("/rollouts?state=odd").code == "bad-value"


def test_the_same_order_twice(lab):
    """Its answer was lost."""
    o, _ = lab
    body = {"kind": "reboot", "hosts": "edge01,edge02", "reason": "r", "yes": True}
    first = o.post("/rollouts", body, Idempotency_Key="k1")
    o.kill()
    o.start()
    assert o.post("/rollouts", body, Idempotency_Key="k1").json["id"] == first.json["id"]
    ends(o, first.json["id"], "done ended")
    assert len(o.get("/rollouts").json["items"]) == 1 and len(o.get("/jobs").json["items"]) == 2
