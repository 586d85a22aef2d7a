# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling upgrades: an agent a release older or newer than its orchestrator, and the other way round, with the real program at one end
and messages of tests/compat/messages at the other."""
import base64
import sqlite3
import threading
import time
from datetime import datetime, timezone

import pytest

from console_rec import recording
from join_lab import FarWeb
from netlab import PATIENCE, until
from old_agent import LATER, OldAgent, OldOrchestrator, message, paths
from orch_lab import document, host, make_id
from test_orch_console import Watcher, ask, call

STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd", "os-up",
          "installed", "local-boot"]
BOOT = make_id(77)


@pytest.fixture
def old(filled):
    agent = OldAgent(filled)
    agent.says["now"] = int(time.time() * 1e6)
    agent.poll()
    return agent


def jobs_of(answer):
    return [o for o in answer.json["orders"] if o["t"] == "job"]


# ---- an older agent, today's orchestrator ----

def test_an_older_agent_has_a_whole_job(filled, old):
    job = filled.order("edge01").json["jobs"][0]["id"]
    order = jobs_of(old.poll(wait_s=5))[0]
    assert order["bundle"]["job"] == job and order["bundle"]["bmc"]["password"] == "secret-1"
    assert paths(order) <= paths(message("orders", "previous")["orders"][0]), order
    old.report(old.event("job.accepted", job), old.event("job.attempt", job, attempt=1))
    assert not jobs_of(old.poll())
    old.report(old.event("boot.begin", job, boot=BOOT, planned=True, attempt=1))
    for stage in STAGES:
        if stage == "kernel":
            old.report(old.event("job.ticket", job, state="armed", ticket="t"))
        old.report(old.stage(job, stage, deadline_us=60_000_000), old.stage(job, stage, "confirmed", evidence="seen"))
    assert filled.job(job)["state"] == "running" and filled.job(job)["stage"] == STAGES[-1]
    old.report(old.event("job.ticket", job, state="consumed", ticket="t"), old.event("boot.end", job, boot=BOOT, outcome="ok"),
               old.event("job.done", job))
    assert filled.job(job)["state"] == "done" and filled.job(job)["verdict"] is None
    told = [e for e in filled.events(f"&job={job}") if e["kind"].startswith("job.stage")]
    assert [e["detail"]["stage"] for e in told if e["detail"]["state"] == "confirmed"] == STAGES
    # Nothing is made up of a clock that was not measured, or of a store that does not tell.
    assert not any("said_at" in e for e in filled.events())
    assert not filled.get("/agents").json["items"][0].get("clock")
    assert filled.order("edge01").status == 202


def test_an_older_agent_gets_whole_tables(filled, old):
    version = old.table
    assert filled.apply({"hosts": [host(1, labels={"role": "other"}), host(9)]}).status == 200
    table = old.poll(wait_s=5).json["table"]
    assert [h["name"] for h in table["hosts"]] == ["edge01", "edge02", "edge03", "edge09"] and old.table != version
    assert paths(table) <= paths(message("orders", "previous")["table"]), table
    assert old.poll().json["table"] is None


def test_an_older_agent_is_cancelled_and_called(filled, old):
    job = filled.order("edge01").json["jobs"][0]["id"]
    assert jobs_of(old.poll(wait_s=5))
    old.report(old.event("job.accepted", job))
    assert filled.post(f"/jobs/{job}/cancel", {"reason": "x"}).status in (200, 202)
    assert old.poll(wait_s=5).json["orders"][0] == {"t": "cancel", "job": job, "by": filled.job(job)["cancel"]["by"]}
    old.report(old.event("job.cancelled", job, by="ann"))
    assert filled.job(job)["state"] == "cancelled"
    got = []
    t = threading.Thread(target=lambda: got.append(filled.post("/power", {"hosts": "edge02"})))
    t.start()
    order = call(old)
    assert order["verb"] == "power-status" and order["bmc"]["password"] == "secret-2"
    old.report(calls=[{"id": order["id"], "power": "on", "reason": ""}])
    t.join(PATIENCE)
    assert got[0].json["items"][0]["power"] == "on"


def test_an_older_agent_knows_no_gates(filled, old):
    got = []
    t = threading.Thread(target=lambda: got.append(filled.post("/gates/check", {"hosts": "edge02", "checks": ["tcp:22"]})))
    t.start()
    order = call(old)
    assert set(order) <= {"t", "id", "verb", "bmc", "args"} and order["verb"] == "gate" and order["bmc"] is None
    # Its word for a verb that it does not know.
    old.report(calls=[{"id": order["id"], "power": "unknown", "code": "call-unknown", "reason": "call-unknown: this agent does not know the "
                       "call: install the same release of netboot-agent and netboot-orchestrator"}])
    t.join(PATIENCE)
    assert '"code": "agent-too-old"' in got[0].text or '"code":"agent-too-old"' in got[0].text


def test_consoles_of_an_older_agent(filled, old):
    assert filled.patch("/hosts/edge01", {"bmc": {"console": "always"}}).status == 200
    who = {"v": 1, "site": "local", "agent": old.id}
    page = filled.call("POST", "/agent/v1/consoles", who).json
    assert page["hosts"][0]["bmc"]["password"] == "secret-1"
    assert paths(page) <= paths(message("consoles-answer", "previous")), page
    data = recording("edge01", BOOT, b"hello", always=True)
    piece = {**message("console", "previous"), **who, "boot": BOOT, "data": base64.b64encode(data).decode()}
    assert filled.call("POST", "/agent/v1/console", piece).json == {"v": 1, "held": len(data)}
    # It does not say which site it is when somebody watches.
    w = Watcher(filled)
    c = call(old)
    said = message("console-output", "previous")
    assert ask(filled, "output", c["id"], **{k: said[k] for k in ("data", "state", "text", "lost")}).json == {"v": 1}
    until(lambda: [t for t in w.told if t["t"] == "data"], "what the machine says")
    assert w.state()[0] == "up"
    assert filled.post("/hosts/edge01/console", {"watcher": w.id(), "data": base64.b64encode(b"ls\n").decode()}).status == 200
    typed = ask(filled, "input", c["id"], typed=0, breaks=0).json
    assert base64.b64decode(typed["data"]) == b"ls\n"
    w.close()


def at(seconds):
    return datetime.fromtimestamp(time.time() + seconds, timezone.utc).isoformat()


def test_an_older_agent_begins_nothing_before_its_window(filled, old):
    """It knows no windows, and would begin at once what it is told."""
    job = filled.order("edge01", at=at(3)).json["jobs"][0]["id"]
    opens = datetime.fromisoformat(filled.job(job)["not_before"].replace("Z", "+00:00")).timestamp()
    assert not old.poll().json["orders"]
    answer = old.poll(wait_s=20)
    order = jobs_of(answer)[0]["bundle"]
    # As young as it must be for an agent that refuses what was ordered long ago.
    assert order["job"] == job and time.time() >= opens and order["created"] >= int(opens * 1e6)
    old.report(old.event("job.accepted", job), old.event("job.attempt", job, attempt=1), old.event("job.done", job))
    assert filled.job(job)["state"] == "done"
    # One that knows them is told at once.
    later = filled.order("edge02", at=at(3600)).json["jobs"][0]["id"]
    assert not old.poll().json["orders"]
    assert newer(old) == [later]


def test_an_older_agent_is_told_when_the_host_is_free(filled, old):
    busy = filled.order("edge01").json["jobs"][0]["id"]
    assert jobs_of(old.poll(wait_s=5))
    old.report(old.event("job.accepted", busy), old.event("job.attempt", busy, attempt=1))
    job = filled.order("edge01", at=at(1)).json["jobs"][0]["id"]
    until(lambda: datetime.fromisoformat(filled.job(job)["not_before"].replace("Z", "+00:00")).timestamp() < time.time(), "the window")
    assert not jobs_of(old.poll())
    old.report(old.event("job.done", busy))
    assert jobs_of(old.poll(wait_s=10))[0]["bundle"]["job"] == job


def test_a_window_that_an_older_agent_misses(filled, old):
    job = filled.order("edge01", at=at(1), window_s=1).json["jobs"][0]["id"]
    over = datetime.fromisoformat(filled.job(job)["not_after"].replace("Z", "+00:00")).timestamp()
    until(lambda: time.time() > over, "the end of the window")
    assert not old.poll().json["orders"]
    assert filled.job(job)["state"] == "failed" and filled.job(job)["verdict"]["code"] == "window-missed"


def newer(old):
    """The same agent as it was before it went back a release: it polls, and is told of what waits."""
    doc = {**message("poll", "newer"), "site": "local", "agent": old.id, "table": old.table, "wait_s": 0}
    for gone in ("nonce", "trouble", "bmc_stop", "clock"):
        del doc[gone]
    return [o["bundle"]["job"] for o in old.orch.call("POST", "/agent/v1/poll", doc).json["orders"]]


@pytest.mark.parametrize("handed", [False, True])
def test_an_agent_that_went_back_a_release_is_told_again_in_the_window(filled, old, handed):
    job = filled.order("edge01", at=at(4)).json["jobs"][0]["id"]
    opens = datetime.fromisoformat(filled.job(job)["not_before"].replace("Z", "+00:00")).timestamp()
    assert newer(old) == [job]
    if handed:
        old.report(old.event("job.handed", job))
        assert filled.job(job)["state"] == "accepted"
    assert not old.poll().json["orders"]
    order = jobs_of(old.poll(wait_s=20))[0]["bundle"]
    assert order["job"] == job and time.time() >= opens and order["created"] >= int(opens * 1e6)
    old.report(old.event("job.accepted", job))
    assert not jobs_of(old.poll(wait_s=3)), "it has it"
    old.report(old.event("job.attempt", job, attempt=1), old.event("job.done", job))
    assert filled.job(job)["state"] == "done"


@pytest.mark.parametrize("handed", [False, True])
def test_an_agent_that_went_back_a_release_misses_a_window(filled, old, handed):
    job = filled.order("edge01", at=at(1), window_s=1).json["jobs"][0]["id"]
    assert newer(old) == [job]
    if handed:
        old.report(old.event("job.handed", job))
    over = datetime.fromisoformat(filled.job(job)["not_after"].replace("Z", "+00:00")).timestamp()
    until(lambda: time.time() > over, "the end of the window")
    until(lambda: not jobs_of(old.poll(wait_s=5)) and filled.job(job)["state"] == "failed", "the job's end")
    assert filled.job(job)["verdict"]["code"] == "window-missed"


# ---- an agent of any age, today's orchestrator ----

@pytest.mark.parametrize("name,age", [
    *((name, age) for name in ("poll", "report", "consoles", "console", "console-output", "console-input")
      for age in ("previous", "this", "newer")),
    *((name, age) for name in ("store", "local") for age in ("this", "newer"))])
def test_each_message_is_understood(filled, old, name, age):
    doc = message(name, age)
    w = Watcher(filled) if name.startswith("console-") else None
    if w:
        doc["id"] = call(old)["id"]
    for key, value in (("site", "local"), ("agent", old.id), ("wait_s", 0), ("first", 1), ("after", "")):
        if key in doc:
            doc[key] = value
    if name == "console-input":
        watcher = w.id()
        ask(filled, "output", doc["id"], state="up", data="", text="", lost=False)
        assert filled.post("/hosts/edge01/console", {"watcher": watcher, "data": "bHMK"}).status == 200
    answer = filled.call("POST", "/agent/v1/" + name.replace("console-", "console/"), doc)
    assert answer.status == 200, answer.json
    if name == "report":
        assert answer.json == {"v": 1, "acked": len(doc["events"])}
    if name == "poll" and age != "previous":
        assert answer.json["takes"]["encoding"] == "zstd"
    if w:
        w.close()


@pytest.mark.parametrize("age", ["this", "newer"])
def test_joining(tmp_path, age):
    web = FarWeb(tmp_path)
    try:
        assert web.apply(document()).status == 200
        far = web.far("local")
        for name in ("enroll", "renew"):
            said = message(name, age)
            _, csr = far.csr()
            doc = {**said, "csr": csr, **({"site": "local", "secret": web.secret("local")} if name == "enroll" else {})}
            assert set(doc) == set(said)
            answer = far.post(f"/agent/v1/{name}", doc)
            assert answer.status == 200 and set(answer.json) == set(message(f"{name}-answer", "this")), answer.json
    finally:
        web.stop()


# ---- today's agent, an older or newer orchestrator ----

def test_words_of_a_newer_table(site):
    """All of the table is taken but the words that are not known; a program of another build asks for it again."""
    s = site(hosts=2, start=False)
    like = message("orders", "newer")["table"]["hosts"][1]
    strange = {k: like[k] for k in ("firmware", "idle", "local_boot", "probe", "loaders")}
    table = s.orch.table
    s.orch.table = {**table, "idle": "hold", "hosts": [table["hosts"][0], {**table["hosts"][1], **strange}]}
    s.orch.asked = []
    s.start_agent()
    until(lambda: "of a later release" in s.stderr, "the words to be told")
    s.orch.events.clear()
    # The other host has its job as ever, and a job of the strange one is refused.
    job = s.order(s.bundle())
    s.wait_event("job.accepted", job=job)
    bad = s.bundle(2)
    bad["host"]["firmware"] = strange["firmware"]
    assert s.wait_event("job.refused", job=s.order(bad))["detail"]["code"] == "bad-value"
    # A machine of it that netboots leaves to its disk.
    assert "exit" in s.machine(2).script()
    s.cancel(job)
    s.wait_end(job)

    def tables_after_start():
        s.orch.asked.clear()
        s.start_agent()
        until(lambda: [d for p, _, d in list(s.orch.asked) if p == "/agent/v1/poll"], "a poll")
        return [d["table"] for p, _, d in list(s.orch.asked) if p == "/agent/v1/poll"][0]

    s.kill_agent()
    assert tables_after_start() == table["version"]
    s.kill_agent()
    spool = sqlite3.connect(s.path("agent", "agent.db"))
    assert spool.execute("UPDATE meta SET value = 'another' WHERE key = 'table-build'").rowcount == 1
    spool.commit()
    spool.close()
    assert tables_after_start() == 0
    assert "AddressSanitizer" not in s.stderr


@pytest.mark.parametrize("age", ["previous", "newer"])
def test_todays_agent_runs_a_job_for_an_orchestrator_of_another_age(site, age):
    s = site(start=False)
    orch = OldOrchestrator.before(s, age)
    s.start_agent()
    job = s.order(s.bundle())
    s.wait_stage("power")
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)
    call_id = make_id(5)
    with s.orch.cond:
        s.orch.calls[call_id] = {"t": "call", "id": call_id, "verb": "power-status", "bmc": s.bmc(), "args": {}, **LATER}
        s.orch.cond.notify_all()
    until(lambda: call_id in s.orch.results, "the answer to a call")
    assert s.orch.results[call_id]["power"] == "on"
    cut = s.order(s.bundle())
    s.wait_event("job.accepted", job=cut)
    s.cancel(cut)
    assert s.wait_end(cut)["kind"] == "job.cancelled"

    polls, reports = orch.of("/agent/v1/poll"), orch.of("/agent/v1/report")
    assert polls and reports
    for name, asked in (("poll", polls), ("report", reports)):
        needs = set(message(name, "previous")) - {"trouble", "own_servers", "bmc_stop"}
        for headers, doc in asked:
            assert "Content-Encoding" not in headers
            assert needs <= set(doc) <= set(message(name, "this")), doc
    # A nonce would have its orders signed, which none can do whose key is not pinned; nothing is known of a clock that nobody measured.
    assert not any("nonce" in doc or "clock" in doc for _, doc in polls + reports)
    assert max(len(doc["events"]) for _, doc in reports) <= 200
    # What it does not know is asked for once, and no more for a while.
    paths_asked = [p for p, _, _ in orch.asked]
    assert "/agent/v1/store" not in paths_asked
    assert set(paths_asked) <= {f"/agent/v1/{p}" for p in ("poll", "report", "consoles", "local", "console")}
    assert paths_asked.count("/agent/v1/local") <= 2 + sum(doc["table"] == 0 for _, doc in polls)
    assert "AddressSanitizer" not in s.stderr

