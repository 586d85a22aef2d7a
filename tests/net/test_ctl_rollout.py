# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl's rollouts against a stand-in server: orders with a policy, what is shown, following, exit codes."""
import json
import signal

import pytest

import ctl_fake
from ctl_fake import Terminal
from netlab import PATIENCE

ID = "01k9xyz0a0rabcde"
OTHER = "01k9xyz0b0rabcdf"


def why(code, text="what happened", next_step="do that"):
    return {"code": code, "text": text, "next": next_step}


def counts(**of):
    return dict({"total": sum(of.values()), "waiting": 0, "in_flight": 0, "ok": 0, "failed": 0, "skipped": 0, "deferred": 0,
                 "lost": 0}, **of)


def rollout(ident=ID, state="running", of=None, **more):
    return dict({"id": ident, "schedule": None, "nominal": None, "kind": "reboot", "image": "", "hosts": "edge[01-40].los",
                 "policy": {"canary": 1}, "reason": "weekly", "by": "ann", "created": "2026-01-31T02:00:00.000Z", "state": state,
                 "why": None, "changed": "2026-01-31T02:00:00.000Z", "changed_by": None,
                 "opens": "2026-01-31T02:00:00.000Z", "closes": None, "started": None, "ended": None, "approved": None,
                 "counts": of or counts(waiting=40), "batch": {"n": 1, "of": 5}}, **more)


def host(name, state, reason=None, **more):
    return dict({"host": name, "site": "los", "batch": 1, "opens": "2026-01-31T02:00:00.000Z", "closes": None, "state": state,
                 "job": None, "since": "2026-01-31T02:10:00.000Z", "why": reason}, **more)


PLAN = {"plan": {"batches": [
    {"n": 1, "canary": True, "hosts": [
        {"host": "edge01.los", "site": "los", "zone": "Africa/Lagos", "opens": "2026-01-31T02:00:00.000Z",
         "local": "2026-01-31 03:00", "gets": "reboot", "why": None}]},
    {"n": 2, "canary": False, "hosts": [
        {"host": "edge02.los", "site": "los", "zone": "Africa/Lagos", "opens": "2026-01-31T02:04:00.000Z",
         "local": "2026-01-31 03:04", "gets": "reboot", "why": None},
        {"host": "edge03.los", "site": "los", "zone": "Africa/Lagos", "opens": "2026-01-31T02:04:00.000Z",
         "local": "2026-01-31 03:04", "gets": "reboot", "why": why("host-locked", "locked by ann", "unlock it")}]}],
    "warnings": [why("window-short", "usual reboots take 9m", "write a longer one")]}}


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    f.on("POST", "/api/v1/rollouts", lambda rq: (200, PLAN) if rq.body["dry_run"] else (202, rollout()))
    yield f
    f.close()


def hosts_of(fake, *rows):
    def answer(rq):
        return {"items": [h for h in rows if rq.query.get("state") in (None, h["state"])], "next": None}
    fake.on("GET", f"/api/v1/rollouts/{ID}/hosts", answer)


# ---- orders


def test_a_policy_makes_an_order_a_rollout(fake):
    r = fake.run("reboot", "@role=edge", "--reason", "weekly", "--canary", "1", "--batch", "10%", "--max-in-flight", "5",
                 "--per-site", "2", "--per-label", "rack=1", "--per-label", "row=3", "--max-fail", "2", "--gate", "tcp:22",
                 "--gate", "http://${ip}:8080/healthz=200", "--gate-timeout", "2m", "--soak", "10m", "--skip-if-younger", "6d",
                 "--window", "4h", "--limit", "500")
    assert (r.returncode, r.stdout, r.stderr) == (0, ID + "\n", "")
    rq = fake.find("POST", "/api/v1/rollouts")[0]
    assert rq.body == {"kind": "reboot", "hosts": "@role=edge", "reason": "weekly", "window_s": 14400, "limit": 500, "yes": True,
                       "dry_run": False, "skip_if_younger_s": 518400, "policy": {
                           "canary": 1, "batch": "10%", "max_in_flight": 5, "per_site": 2, "per_label": {"rack": 1, "row": 3},
                           "max_fail": 2, "gates": ["tcp:22", "http://${ip}:8080/healthz=200"], "gate_timeout_s": 120,
                           "soak_s": 600}}
    assert len(rq.headers["Idempotency-Key"]) == 16
    assert fake.find("POST", "/api/v1/jobs") == []


@pytest.mark.parametrize("option", [["--canary", "0"], ["--batch", "5"], ["--max-in-flight", "9"], ["--per-site", "1"],
                                    ["--per-label", "rack=1"], ["--max-fail", "1"], ["--gate", "icmp"], ["--soak", "0"],
                                    ["--skip-if-younger", "1h"], ["--window", "1h"]])
def test_each_option_of_a_policy_does(fake, option):
    for words in (["reboot", "a,b"], ["power", "on", "a,b"], ["live", "a,b", "--reason", "x", "--yes"],
                  ["boot", "a", "--image", "tool", "--reason", "x", "--yes"]):
        r = fake.run(*words, *option)
        assert (r.returncode, r.stdout) == (0, ID + "\n"), r.stderr
    kinds = [(q.body["kind"], q.body.get("action")) for q in fake.find("POST", "/api/v1/rollouts")]
    assert kinds == [("reboot", None), ("power", "on"), ("live", None), ("boot", None)]


def test_an_order_for_later_without_a_policy_is_jobs_as_ever(fake):
    fake.on("POST", "/api/v1/jobs", {"jobs": [], "dry_run": False}, status=202)
    r = fake.run("reboot", "a", "--at", "2026-01-31T03:00:00+01:00", "--window", "2h")
    assert r.returncode == 0
    assert fake.find("POST", "/api/v1/rollouts") == []


@pytest.mark.parametrize("words", [
    ["--canary", "x"], ["--canary", "-1"], ["--batch", "0"], ["--batch", "0%"], ["--batch", "101%"], ["--batch", "%"],
    ["--batch", "1.5"], ["--max-in-flight", "0"], ["--per-site", "0"], ["--per-label", "rack"], ["--per-label", "rack=0"],
    ["--per-label", "=1"], ["--max-fail", "0"], ["--gate", "ping"], ["--gate", "tcp:0"], ["--gate", "exec:../x"],
    ["--gate-timeout", "1m"], ["--gate", "icmp", "--gate-timeout", "0"], ["--soak", "soon"], ["--skip-if-younger", "-6d"],
    ["--window", "0"], ["--window", "long"], ["--canary", "1", "--at", "sunday"], ["--canary", ""]])
def test_faulty_options_are_refused_in_words_before_anything_is_sent(fake, words):
    r = fake.run("reboot", "edge01", *words)
    assert (r.returncode, r.stdout) == (1, "")
    assert r.stderr.count("\n") == 1 and words[-2].lstrip("-") in r.stderr
    assert fake.requests == []


def test_what_cannot_be_together(fake):
    for words in (["live", "a", "--reason", "x", "--yes", "--when-ready", "--canary", "1"],
                  ["power", "on", "a", "--canary", "1", "--wait", "--collate"]):
        r = fake.run(*words)
        assert (r.returncode, r.stderr.split(": ")[1]) == (1, "usage")
    assert fake.requests == []


def test_dry_run_shows_the_plan_batch_by_batch(fake):
    r = fake.run("reboot", "edge[01-03].los", "--canary", "1", "--dry-run")
    assert r.returncode == 0
    assert r.stdout.splitlines() == [
        "BATCH     LOCAL TIME        HOST        GETS",
        "1 canary  2026-01-31 03:00  edge01.los  reboot",
        "2         2026-01-31 03:04  edge02.los  reboot",
        "2         2026-01-31 03:04  edge03.los  reboot, but: host-locked: locked by ann"]
    assert max(map(len, r.stdout.splitlines())) <= 80
    assert r.stderr == "warning: window-short: usual reboots take 9m: write a longer one\n"
    assert [q.body["dry_run"] for q in fake.find("POST", "/api/v1/rollouts")] == [True]
    r = fake.run("reboot", "edge[01-03].los", "--canary", "1", "--dry-run", "-o", "json", "-q")
    assert (json.loads(r.stdout), r.stderr) == (PLAN, "")


def test_destructive_rollouts_need_yes_or_a_terminal(fake):
    r = fake.run("reinstall", "edge[01-03].los", "--reason", "x", "--canary", "1")
    assert (r.returncode, "confirmation-needed" in r.stderr) == (3, True)
    assert fake.requests == []
    r = fake.run("reinstall", "edge[01-03].los", "--reason", "x", "--canary", "1", "--yes")
    assert r.returncode == 0


def type_in(fake, answer, *argv):
    """On a terminal: the exit code and all that it showed."""
    t = Terminal(fake, *argv)
    t.read_until(" to go on: ")
    t.type(answer + "\n")
    return t.end(), t.text


def test_what_was_shown_on_the_terminal_is_what_is_ordered(fake):
    words = ["reinstall", "@role=edge", "--reason", "x", "--canary", "1"]
    code, seen = type_in(fake, "3", *words)
    assert code == 0, seen
    assert "About to reinstall on 3 hosts, in 2 batches: edge01.los,edge02.los,edge03.los" in seen
    asked, sent = fake.find("POST", "/api/v1/rollouts")
    assert (asked.body["hosts"], asked.body["dry_run"]) == ("@role=edge", True)
    assert (sent.body["hosts"], sent.body["dry_run"]) == ("edge01.los,edge02.los,edge03.los", False)
    code, seen = type_in(fake, "2", *words)
    assert (code, "nothing was started" in seen) == (3, True)
    assert len(fake.find("POST", "/api/v1/rollouts")) == 3


def test_a_lost_answer_begins_no_second_rollout(fake):
    fake.lose_answers = 1
    r = fake.run("reboot", "a,b", "--canary", "1")
    assert (r.returncode, r.stdout) == (0, ID + "\n")
    keys = [q.headers["Idempotency-Key"] for q in fake.find("POST", "/api/v1/rollouts")]
    assert len(keys) == 2 and keys[0] == keys[1]


def test_one_that_needs_a_second_person_says_so(fake):
    fake.on("POST", "/api/v1/rollouts", rollout(state="waiting-approval"), status=202)
    r = fake.run("reinstall", "all", "--reason", "x", "--canary", "1", "--yes")
    assert (r.returncode, r.stdout) == (0, ID + "\n")
    assert f"netboot-ctl rollout approve {ID} --reason" in r.stderr


# ---- following


def test_wait_ends_with_the_rollout(fake):
    states = [rollout(of=counts(waiting=3, in_flight=1)),
              rollout(of=counts(waiting=2, in_flight=1, ok=1), batch={"n": 2, "of": 5}),
              rollout(state="done", of=counts(ok=4), batch={"n": 5, "of": 5})]
    fake.on("GET", f"/api/v1/rollouts/{ID}", lambda rq: states.pop(0) if len(states) > 1 else states[0])
    hosts_of(fake, host("edge01", "ok"), host("edge02", "ok"), host("edge03", "ok"), host("edge04", "ok"))
    r = fake.run("reboot", "edge[01-04]", "--canary", "1", "--wait")
    assert r.returncode == 0
    assert r.stdout == f"{ID}\nrollout {ID}: done: 4 hosts: 4 ok\n"
    assert r.stderr.splitlines()[0] == "rollout running"
    assert "batch 2 of 5; 4 hosts: 1 ok, 1 under way, 2 waiting" in r.stderr
    assert "edge01: ok\n" in r.stderr and r.stderr.count("edge01: ok") == 1
    assert r.stderr.splitlines()[-1] == "rollout done"


def halted(of):
    return rollout(state="halted", of=of, why=why("budget-spent", "2 of at most 2 failed", f"netboot-ctl rollout show {ID}"))


def test_wait_that_halts_ends_with_2_once_what_runs_is_finished(fake):
    states = [halted(counts(failed=2, in_flight=1, deferred=1)), halted(counts(failed=2, ok=1, deferred=1))]
    fake.on("GET", f"/api/v1/rollouts/{ID}", lambda rq: states.pop(0) if len(states) > 1 else states[0])
    hosts_of(fake, host("edge01", "failed", why("os-not-up", "no probe answered", "look at its console")),
             host("edge02", "failed", why("gate-failed")), host("edge03", "ok"), host("edge04", "deferred", why("budget-spent")))
    r = fake.run("reboot", "edge[01-04]", "--canary", "1", "--wait", "-q")
    assert (r.returncode, r.stderr) == (2, "")
    assert r.stdout.splitlines()[-1] == (f"rollout {ID}: HALTED: 4 hosts: 1 ok, 2 failed, 1 deferred: budget-spent: "
                                         f"2 of at most 2 failed: netboot-ctl rollout show {ID}")
    states = [halted(counts(failed=2, ok=1, deferred=1))]
    r = fake.run("rollout", "watch", ID)
    assert r.returncode == 2
    assert "edge01: failed: os-not-up: no probe answered: look at its console\n" in r.stdout
    assert "edge03" not in r.stdout  # it was well before anybody looked


def test_wait_with_a_failed_host_ends_with_2_and_json_is_the_document(fake):
    done = rollout(state="done", of=counts(ok=3, failed=1))
    fake.on("GET", f"/api/v1/rollouts/{ID}", done)
    r = fake.run("reboot", "edge[01-04]", "--max-fail", "2", "--wait", "-o", "json")
    assert (r.returncode, json.loads(r.stdout), r.stderr) == (2, done, f"rollout {ID}\n")


def test_wait_that_runs_out(fake):
    fake.on("GET", f"/api/v1/rollouts/{ID}", rollout())
    r = fake.run("reboot", "edge[01-04]", "--canary", "1", "--wait=1s")
    assert r.returncode == 4
    assert r.stdout.splitlines()[-1] == f"rollout {ID}: still running: 40 hosts: 40 waiting"
    assert f"netboot-ctl rollout watch {ID}" in r.stderr


def test_watching_outlives_a_restarted_server(fake):
    state = [rollout()]
    fake.on("GET", f"/api/v1/rollouts/{ID}", lambda rq: state[0])
    p = fake.popen("rollout", "watch", ID)
    assert p.stdout.readline() == "rollout running\n"
    assert p.stdout.readline() == "batch 1 of 5; 40 hosts: 40 waiting\n"
    fake.stop()
    assert "does not answer" in p.stdout.readline()
    state[0] = rollout(state="done", of=counts(skipped=40), batch={"n": 5, "of": 5})
    hosts_of(fake)
    fake.start()
    out, _ = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0
    assert out == f"the server answers again\nrollout done\nrollout {ID}: done: 40 hosts: 40 skipped\n"


def test_an_interrupted_wait_leaves_the_rollout_alone(fake):
    fake.on("GET", f"/api/v1/rollouts/{ID}", rollout())
    p = fake.popen("rollout", "watch", ID)
    p.stdout.readline()
    p.stdout.readline()
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == -signal.SIGINT
    assert err == f"the rollout goes on: netboot-ctl rollout watch {ID}\n"


def test_on_a_terminal_the_counts_are_drawn_again(fake):
    states = [rollout(of=counts(waiting=3, in_flight=1)), rollout(of=counts(waiting=2, in_flight=1, failed=1), batch={"n": 2, "of": 5}),
              halted(counts(failed=1, ok=1, deferred=2))]
    fake.on("GET", f"/api/v1/rollouts/{ID}", lambda rq: states.pop(0) if len(states) > 1 else states[0])
    hosts_of(fake, host("edge01", "failed", why("os-not-up")), host("edge02", "ok"))
    t = Terminal(fake, "rollout", "watch", ID)
    t.read_until(r"running  batch 1 of 5  4 hosts: 1 under way, 3 waiting")
    t.read_until(r"\r\x1b\[Kedge01: failed: os-not-up: what happened: do that\r\n")
    assert t.end() == 2
    assert t.text.splitlines()[-1].endswith(f"netboot-ctl rollout show {ID}") and "HALTED" in t.text.splitlines()[-1]


# ---- looking


def test_list_fits_a_terminal(fake):
    rows = [rollout(state="waiting-approval", of=counts(waiting=40), kind="reinstall"),
            rollout(OTHER, "halted", counts(ok=12, failed=2, deferred=26), schedule="weekly-edges",
                    why=why("budget-spent"))]
    fake.on("GET", "/api/v1/rollouts", {"items": rows, "next": None})
    r = fake.run("rollout", "list", "--state", "halted", "--schedule", "weekly-edges")
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["ROLLOUT", "STATE", "WHAT", "OF", "OK", "FAILED", "WHY"]
    assert lines[2].split() == [OTHER, "halted", "reboot", "weekly-edges", "12/40", "2", "budget-spent"]
    assert fake.find("GET", "/api/v1/rollouts")[0].query == {"limit": "50", "state": "halted", "schedule": "weekly-edges"}
    assert json.loads(fake.run("rollout", "list", "-o", "json").stdout) == {"items": rows}
    fake.on("GET", "/api/v1/rollouts", {"items": [rollout(state="running")], "next": None})
    assert max(map(len, fake.run("rollout", "list").stdout.splitlines())) <= 80


def test_show_tells_what_one_must_know_at_night(fake):
    doc = rollout(state="halted", of=counts(ok=12, failed=1, in_flight=1, waiting=2, deferred=24), schedule="weekly",
                  nominal="2026-01-31 03:00", batch={"n": 2, "of": 5}, why=why(
                      "budget-spent", "1 of at most 1 hosts failed", f"netboot-ctl rollout resume {ID} --reason ..."))
    fake.on("GET", f"/api/v1/rollouts/{ID}", doc)
    hosts_of(fake, host("edge13.los", "failed", why("os-not-up", "no probe answered in 15m after the boot from the disk " * 2,
                                                    "netboot-ctl console edge13.los"), job="01k9xyz0a0abcdef"),
             host("edge14.los", "job", job="01k9xyz0a0abcdeg"),
             host("edge15.jhb", "waiting", why("agent-absent", "the agent of jhb is not heard", "look at the site's line")),
             host("edge16.jhb", "waiting", why("agent-absent", "the agent of jhb is not heard", "look at the site's line")),
             *[host(f"edge{n}.los", "deferred", why("budget-spent", "halted before its turn", "")) for n in range(17, 41)])
    r = fake.run("rollout", "show", "rabcde")  # the end of its id
    assert r.returncode == 1  # no list to look it up in
    fake.on("GET", "/api/v1/rollouts", {"items": [doc], "next": None})
    r = fake.run("rollout", "show", "rabcde")
    assert r.returncode == 0, r.stderr
    assert r.stdout.splitlines()[:9] == [
        f"rollout:  {ID}: halted",
        "why:      budget-spent: 1 of at most 1 hosts failed",
        f"next:     netboot-ctl rollout resume {ID} --reason ...",
        "what:     reboot",
        "hosts:    edge[01-40].los",
        "policy:   canary 1",
        "reason:   weekly",
        "by:       ann",
        "schedule: weekly, its run of 2026-01-31 03:00"]
    assert "counts:   40 hosts: 12 ok, 1 failed, 1 under way, 2 waiting, 24 deferred" in r.stdout
    assert "\nbatch:    2 of 5\n" in r.stdout
    assert "\nfailed:\n  edge13.los: failed since " in r.stdout and "job 01k9xyz0a0abcdef" in r.stdout
    assert "\nunder way:\n  edge14.los: job since " in r.stdout
    assert ("\nwaiting, and what for:\n  edge[15-16].jhb (2)\n    agent-absent: the agent of jhb is not heard: look at the site's "
            "line\n") in r.stdout
    assert "\ndeferred:\n  edge[17-40].los (24)\n    budget-spent: halted before its turn\n" in r.stdout
    assert max(map(len, r.stdout.splitlines())) <= 80
    assert json.loads(fake.run("rollout", "show", ID, "-o", "json").stdout) == doc


def test_hosts_are_read_page_by_page(fake):
    """The cursor is a place in the order, a number."""
    pages = {None: {"items": [host("edge01.los", "failed", why("x"))], "next": 0}, "0": {"items": [host("edge02.los", "failed", why("y"))],
                                                                                           "next": None}}
    fake.on("GET", f"/api/v1/rollouts/{ID}/hosts", lambda rq: pages[rq.query.get("cursor")])
    fake.on("GET", f"/api/v1/rollouts/{ID}", rollout(state="done", of=counts(failed=2)))
    assert [line.split()[0] for line in fake.run("rollout", "hosts", ID, "--no-headers").stdout.splitlines()] == ["edge01.los", "edge02.los"]
    r = fake.run("rollout", "watch", ID)
    assert (r.returncode, "edge01.los: failed" in r.stdout, "edge02.los: failed" in r.stdout) == (2, True, True)


def test_hosts(fake):
    hosts_of(fake, host("edge01.los", "ok"), host("edge02.los", "failed", why("os-not-up", "no probe answered")))
    r = fake.run("rollout", "hosts", ID)
    assert [line.split()[:3] for line in r.stdout.splitlines()] == [
        ["HOST", "BATCH", "STATE"], ["edge01.los", "1", "ok"], ["edge02.los", "1", "failed"]]
    assert "2026-01-31 03:10:00+01:00" in r.stdout  # the site's clock
    assert r.stdout.splitlines()[2].endswith("os-not-up: no probe answered")
    r = fake.run("rollout", "hosts", ID, "--state", "failed", "--no-headers")
    assert r.stdout.split()[0] == "edge02.los"
    assert fake.run("rollout", "hosts", ID, "--state", "broken").returncode == 1


# ---- what is done to one


@pytest.mark.parametrize("verb", ["pause", "resume", "abort", "retry-failed", "approve"])
def test_actions(fake, verb):
    fake.on("GET", f"/api/v1/rollouts/{ID}", rollout(of=counts(ok=38, failed=2)))
    fake.on("POST", f"/api/v1/rollouts/{ID}/{verb}", rollout(state="running", of=counts(ok=38, failed=2)))
    more = ["--window", "2h"] if verb in ("resume", "retry-failed") else []
    r = fake.run("rollout", verb, ID, "--reason", "mended", *more)
    assert (r.returncode, r.stdout) == (0, "")
    assert r.stderr == f"{ID}: running: 40 hosts: 38 ok, 2 failed\n"
    rq = fake.find("POST", f"/api/v1/rollouts/{ID}/{verb}")[0]
    assert rq.body == dict({"reason": "mended"}, **({"window_s": 7200} if more else {}))
    assert len(rq.headers["Idempotency-Key"]) == 16
    fake.on("POST", f"/api/v1/rollouts/{ID}/{verb}", fake.problem(409, "not-allowed", "it is over", "begin another"))
    r = fake.run("rollout", verb, ID, "--reason", "mended")
    assert (r.returncode, r.stderr) == (3, f"{ID}: not-allowed: it is over: begin another\n")


def test_what_failed_is_not_reinstalled_again_without_a_yes(fake):
    fake.on("GET", f"/api/v1/rollouts/{ID}", rollout(kind="reinstall", image="debian", of=counts(ok=38, failed=1, lost=1)))
    fake.on("POST", f"/api/v1/rollouts/{ID}/retry-failed", rollout())
    r = fake.run("rollout", "retry-failed", ID, "--reason", "x")
    assert (r.returncode, "confirmation-needed" in r.stderr) == (3, True)
    assert fake.find("POST", f"/api/v1/rollouts/{ID}/retry-failed") == []
    code, seen = type_in(fake, "2", "rollout", "retry-failed", ID, "--reason", "x")
    assert (code, "About to reinstall with debian again on the 2 hosts where it failed" in seen) == (0, True)
    assert fake.run("rollout", "retry-failed", ID, "--reason", "x", "--yes").returncode == 0


def test_completions_know_the_words(fake):
    words = fake.run("__complete", "rollout").stdout.split()
    assert {"list", "show", "hosts", "watch", "pause", "resume", "abort", "retry-failed", "approve"} <= set(words)
    assert "--canary=" in fake.run("__complete", "reboot").stdout.split()
    assert "run-once" in fake.run("__complete", "schedule", "add", "--missed").stdout.split()
