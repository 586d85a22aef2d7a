# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl's orders against a stand-in server: confirmation, waiting, exit codes."""
import fcntl
import json
import os
import shutil
import struct
import subprocess
import termios

import pytest

import ctl_fake
from ctl_fake import Terminal
from netlab import PATIENCE

JOB = "01k9xyz0a0abcdef"
JOB2 = "01k9xyz0a0abcdeg"


def job(ident=JOB, host="edge01", state="queued", **more):
    return dict({"id": ident, "kind": "reinstall", "host": host, "site": "los", "image": "debian",
                 "state": state, "stage": "queued", "attempt": 1, "reason": "INC-1", "by": "root",
                 "created": "2026-01-31T09:29:29.000Z", "ended": None, "verdict": None}, **more)


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    yield f
    f.close()


@pytest.fixture
def one_job(fake):
    fake.on("POST", "/api/v1/jobs", {"jobs": [job()], "dry_run": False}, status=202)
    fake.on("GET", f"/api/v1/jobs/{JOB}", job(state="running"))
    return fake


def order(fake, *more, **kw):
    return fake.run("reinstall", "edge01", "--reason", "INC-1", *more, **kw)


def test_order_prints_the_id_at_once_and_sends_what_was_asked(one_job):
    r = order(one_job, "--yes", "--image", "debian", "--limit", "3")
    assert (r.returncode, r.stdout, r.stderr) == (0, JOB + "\n", "")
    rq = one_job.find("POST", "/api/v1/jobs")[0]
    assert rq.body == {"kind": "reinstall", "hosts": "edge01", "image": "debian",
                       "reason": "INC-1", "dry_run": False, "yes": True, "limit": 3}
    assert len(rq.headers["Idempotency-Key"]) == 16


def test_without_a_terminal_a_destructive_order_needs_yes(one_job):
    for words in (["reinstall"], ["boot", "--image", "x"], ["rescue"], ["live"]):
        r = one_job.run(words[0], "edge01", *words[1:], "--reason", "x")
        assert r.returncode == 3
        assert r.stderr.startswith("edge01: confirmation-needed: ")
    for words in (["reboot", "edge01", "--hard"], ["power", "off", "edge01"],
                  ["power", "cycle", "edge01"], ["power", "reset", "edge01"]):
        r = one_job.run(*words)
        assert (r.returncode, "confirmation-needed" in r.stderr) == (3, True)
    assert one_job.find("POST", "/api/v1/jobs") == []


def test_an_exclusion_stands_behind_a_comma(one_job):
    r = one_job.run("reinstall", "all", "-edge02", "--reason", "x", "--yes")
    assert (r.returncode, r.stderr) == (1, "netboot-ctl: usage: reinstall: unknown option '-e': to leave a host out, "
                                           "write it behind a comma: edge[01-10],-edge03\n")
    assert one_job.find("POST", "/api/v1/jobs") == []


def test_every_usage_error_has_a_next_step(fake):
    for words in (["job", "list", "--state", "x"], ["job", "list", "--limit", "0"], ["reinstall", "a", "--reason"],
                  ["status", "-o", "xml"], ["status", "--stuck=1"], ["nonsense"], ["job"], ["boot", "a", "--reason", "x"]):
        r = fake.run(*words)
        assert (r.returncode, r.stderr.count(": ") >= 3) == (1, True), r.stderr


def test_harmless_orders_need_no_yes(one_job):
    for words in (["reboot", "edge01"], ["power", "on", "edge01"], ["power", "soft", "edge01"]):
        assert one_job.run(*words).returncode == 0
    kinds = [(r.body["kind"], r.body.get("action")) for r in one_job.find("POST", "/api/v1/jobs")]
    assert kinds == [("reboot", None), ("power", "on"), ("power", "soft")]


def test_an_empty_value_is_not_the_default(one_job):
    """--image "$IMAGE" with the variable unset must not install what the host has by itself."""
    for words in (["reinstall", "edge01", "--reason", "x", "--yes", "--image", ""],
                  ["reinstall", "edge01", "--reason", "x", "--yes", "--image="],
                  ["--server", "", "reinstall", "edge01", "--reason", "x", "--yes"],
                  ["job", "list", "--host", ""], ["host", "list", "--site", ""], ["events", "--job", ""]):
        r = one_job.run(*words)
        assert (r.returncode, r.stdout) == (1, ""), words
        assert "is empty: give a value or leave it out" in r.stderr, words
    assert one_job.requests == []


def test_reason_is_demanded(one_job):
    for verb in ("reinstall", "rescue", "live"):
        r = one_job.run(verb, "edge01", "--yes")
        assert (r.returncode, r.stderr.split(": ")[1]) == (1, "reason-missing")


def test_dry_run_starts_nothing(one_job):
    r = order(one_job, "--dry-run")
    assert r.returncode == 0
    assert r.stdout.splitlines()[0].split() == ["HOST", "KIND", "IMAGE", "SITE", "REASON"]
    assert r.stdout.splitlines()[1].split() == ["edge01", "reinstall", "debian", "los", "INC-1"]
    assert [q.body["dry_run"] for q in one_job.find("POST", "/api/v1/jobs")] == [True]


def test_reboot_options(one_job):
    assert one_job.run("reboot", "a,b", "c", "--graceful-timeout", "5m").returncode == 0
    body = one_job.find("POST", "/api/v1/jobs")[0].body
    assert (body["hosts"], body["graceful_s"]) == ("a,b,c", 300)


@pytest.mark.parametrize("code,status,exit_code", [
    ("host-locked", 409, 3), ("host-busy", 409, 3), ("too-many-hosts", 409, 3),
    ("image-missing", 409, 3), ("host-unknown", 409, 1), ("image-unknown", 409, 1),
    ("bad-request", 400, 1), ("not-allowed", 403, 3), ("internal", 500, 5)])
def test_refusals(fake, code, status, exit_code):
    fake.on("POST", "/api/v1/jobs", fake.problem(status, code, "what happened", "do that"))
    r = order(fake, "--yes")
    assert (r.returncode, r.stdout) == (exit_code, "")
    assert r.stderr == f"edge01: {code}: what happened: do that\n"


def test_each_refused_host_has_its_line(fake):
    fake.on("POST", "/api/v1/jobs", fake.problem(409, "refused", "2 hosts", "", [
        {"host": "edge01", "code": "host-locked", "text": "locked by ann", "next": "unlock it"},
        {"host": "edge02", "code": "host-busy", "text": "job 1", "next": "wait"}]))
    r = order(fake, "--yes")
    assert r.returncode == 3
    assert r.stderr == ("edge01: host-locked: locked by ann: unlock it\n"
                        "edge02: host-busy: job 1: wait\n")


def test_unreachable_server(fake):
    d, path = ctl_fake.unused_socket()
    try:
        r = order(fake, "--yes", NETBOOT_SERVER=f"unix:{path}")
        assert r.returncode == 5
        assert ": server-unreachable: " in r.stderr
    finally:
        shutil.rmtree(d)


def test_a_lost_answer_is_asked_for_under_the_same_key(one_job):
    one_job.lose_answers = 1
    r = order(one_job, "--yes")
    assert (r.returncode, r.stdout) == (0, JOB + "\n")
    keys = [q.headers["Idempotency-Key"] for q in one_job.find("POST", "/api/v1/jobs")]
    assert len(keys) == 2 and keys[0] == keys[1]
    one_job.lose_answers = 1
    assert one_job.run("doctor").returncode == 5


# ---- --wait


def test_wait_until_done_in_plain_lines(one_job):
    one_job.stage(JOB, "preflight", "entered", "2026-01-31T09:29:30.000Z", deadline_us=30000000)
    one_job.stage(JOB, "preflight", "confirmed", "2026-01-31T09:29:31.500Z", evidence="2 files")
    one_job.stage(JOB, "initrd", "skipped", "2026-01-31T09:29:32.000Z")
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    r = order(one_job, "--yes", "--wait")
    assert r.returncode == 0
    assert r.stdout == f"{JOB}\nedge01: done in 2m31s\n"
    lines = r.stderr.splitlines()
    assert lines[0] == "edge01: preflight: begun, may take 30s"
    assert lines[1].startswith("edge01: preflight: confirmed after 1.5s: 2 files")
    assert lines[2] == "edge01: initrd: skipped"


def test_wait_failed_names_stage_code_and_next_step(one_job):
    one_job.stage(JOB, "kernel", "entered", "2026-01-31T09:29:30.000Z")
    one_job.add_event("job.failed", JOB, "2026-01-31T09:32:00.000Z", detail={
        "code": "kernel-stalled", "text": "no octet in 60 s", "next": "look at the link",
        "stage": "kernel"})
    r = order(one_job, "--yes", "--wait", "-q")
    assert r.returncode == 2
    assert r.stdout.splitlines()[-1] == \
        "edge01: FAILED at kernel: kernel-stalled: no octet in 60 s: look at the link"
    assert r.stderr == ""


def test_wait_failed_at_preflight_is_refused(one_job):
    one_job.add_event("job.failed", JOB, detail={"code": "image-altered", "text": "x", "next": "y",
                                                 "stage": "preflight"})
    assert order(one_job, "--yes", "--wait").returncode == 3


def test_wait_that_runs_out(one_job):
    r = order(one_job, "--yes", "--wait=1s")
    assert r.returncode == 4
    assert r.stdout.splitlines()[-1] == "edge01: still at queued"
    assert f"netboot-ctl watch {JOB}" in r.stderr


def test_wait_is_ended_by_the_record_when_the_event_is_lost(one_job):
    one_job.on("GET", f"/api/v1/jobs/{JOB}", job(
        state="failed", stage="power", ended="2026-01-31T09:30:00.000Z",
        verdict={"code": "power-not-off", "text": "still on", "next": "look"},
        stages=[{"stage": "power", "state": "missed", "attempt": 1,
                 "entered": 1769851800000000, "confirmed": None}]))
    r = order(one_job, "--yes", "--wait")
    assert r.returncode == 2
    assert "FAILED at power: power-not-off" in r.stdout


def test_wait_outlives_a_restarted_server(one_job):
    one_job.stage(JOB, "preflight", "entered", "2026-01-31T09:29:30.000Z")
    p = one_job.popen("reinstall", "edge01", "--reason", "x", "--yes", "--wait=5m")
    assert p.stdout.readline() == JOB + "\n"
    assert p.stderr.readline().startswith("edge01: preflight: begun")
    one_job.stop()
    assert "does not answer" in p.stderr.readline()
    one_job.start()
    one_job.add_event("job.done", JOB, "2026-01-31T09:31:00.000Z")
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0
    assert out.endswith("edge01: done in 1m31s\n")
    # The stream went on where it had been: the first stage is not told twice.
    assert "preflight" not in err
    afters = [r.query["after"] for r in one_job.requests if "follow" in r.query]
    assert afters[0] == "0" and afters[-1] == "1"


def test_wait_for_several_ends_with_the_worst(fake):
    fake.on("POST", "/api/v1/jobs", {"jobs": [job(), job(JOB2, "edge02")]}, status=202)
    fake.on("GET", f"/api/v1/jobs/{JOB}", job(state="done", ended="2026-01-31T09:30:29.000Z"))
    fake.on("GET", f"/api/v1/jobs/{JOB2}", job(JOB2, "edge02", state="cancelled",
                                               ended="2026-01-31T09:30:29.000Z"))
    r = fake.run("reinstall", "edge[01-02]", "--reason", "x", "--yes", "--wait")
    assert r.returncode == 2
    assert sorted(r.stdout.splitlines()) == sorted([
        JOB, JOB2, "edge01: done in 1m00s", "edge02: cancelled after 1m00s"])


def test_json_is_one_document_with_and_without_wait(one_job):
    r = order(one_job, "--yes", "-o", "json")
    assert json.loads(r.stdout) == {"items": [job()]}
    one_job.add_event("job.done", JOB)
    r = order(one_job, "--yes", "-o", "json", "--wait")
    assert json.loads(r.stdout)["items"][0]["id"] == JOB
    r = order(one_job, "--yes", "-o", "ndjson", "--wait")
    assert [json.loads(line)["id"] for line in r.stdout.splitlines()] == [JOB, JOB]


# ---- on a terminal


def test_on_a_terminal_the_name_is_asked_for(one_job):
    t = Terminal(one_job, "reinstall", "@role=cdn", "--reason", "x")
    t.read_until(r"name \(edge01\) to go on: ")
    assert "About to reinstall with debian." in t.text
    t.type("edge01\n")
    assert t.end() == 0
    first, second = one_job.find("POST", "/api/v1/jobs")
    assert (first.body["dry_run"], first.body["hosts"]) == (True, "@role=cdn")
    assert (second.body["dry_run"], second.body["hosts"]) == (False, "edge01")


def test_a_wrong_answer_starts_nothing(one_job):
    for answer in ("edge02\n", "y\n", "\n", "\x04"):
        t = Terminal(one_job, "reinstall", "edge01", "--reason", "x")
        t.read_until("to go on: ")
        t.type(answer)
        assert t.end() == 3
        assert "confirmation-needed" in t.text
    assert all(r.body["dry_run"] for r in one_job.find("POST", "/api/v1/jobs"))


def test_several_hosts_are_confirmed_by_their_number(fake):
    fake.on("POST", "/api/v1/jobs", {"jobs": [job(), job(JOB2, "edge02")]}, status=202)
    t = Terminal(fake, "power", "off", "edge[01-02]")
    t.read_until(r"edge01,edge02\r\nType their number \(2\) to go on: ")
    t.type("2\n")
    assert t.end() == 0
    assert fake.find("POST", "/api/v1/jobs")[1].body["hosts"] == "edge01,edge02"


def test_live_progress_is_redrawn(one_job):
    one_job.stage(JOB, "kernel", "entered", "2026-01-31T09:29:30.000Z", deadline_us=600000000)
    one_job.add_event("http.progress", JOB, "2026-01-31T09:29:31.000Z", file="vmlinuz",
                      bytes=1000000, total=14000000)
    one_job.add_event("http.progress", JOB, "2026-01-31T09:29:32.000Z", file="vmlinuz",
                      bytes=3000000, total=14000000)
    t = Terminal(one_job, "reinstall", "edge01", "--reason", "x", "--yes", "--wait")
    t.read_until(r"\x1b\[\d+A")
    t.read_until(r"kernel.*\(at most 10m00s\).*3\.0 MB of 14\.0 MB.*2\.0 MB/s")
    one_job.stage(JOB, "kernel", "confirmed", "2026-01-31T09:29:40.000Z", evidence="14 MB acked")
    t.read_until("\x1b\\[32m  ok  kernel .*10s.*14 MB acked")
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    assert t.end() == 0
    assert t.text.endswith("edge01: done in 2m31s\r\n")


def test_what_is_usual_stands_beside_what_is_under_way(one_job):
    """Asked for as a stage begins, since the server tells it of those that have begun."""
    usual = [{"stage": "kernel", "state": "entered", "this_us": 1, "usual_us": 4100000}]
    one_job.on("GET", "/api/v1/why", lambda rq: {"stages": usual})
    one_job.stage(JOB, "kernel", "entered", "2026-01-31T09:29:30.000Z", deadline_us=600000000)
    t = Terminal(one_job, "reinstall", "edge01", "--reason", "x", "--yes", "--wait")
    t.read_until(r"kernel.*\(usually 4\.1s, at most 10m00s\)")
    usual.append({"stage": "os-up", "state": "entered", "this_us": 1, "usual_us": 95000000})
    one_job.stage(JOB, "kernel", "confirmed", "2026-01-31T09:29:40.000Z")
    one_job.stage(JOB, "os-up", "entered", "2026-01-31T09:29:41.000Z")
    t.read_until(r"os-up.*\(usually 1m35s\)")
    assert {q.query["of"] for q in one_job.find("GET", "/api/v1/why")} == {JOB}
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    assert t.end() == 0


def test_a_low_terminal_shows_the_latest_stages(one_job):
    for n, name in enumerate(("preflight", "armed", "override", "power", "loader", "script")):
        one_job.stage(JOB, name, "confirmed", f"2026-01-31T09:29:3{n}.000Z")
    t = Terminal(one_job, "reinstall", "edge01", "--reason", "x", "--yes", "--wait")
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 80, 0, 0))
    t.read_until(r"\x1b\[4A\r\x1b\[J\x1b\[32m  ok  override")
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    assert t.end() == 0


def test_no_color(one_job):
    one_job.stage(JOB, "kernel", "confirmed", "2026-01-31T09:29:40.000Z")
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    os.environ["NO_COLOR"] = "1"
    try:
        t = Terminal(one_job, "reinstall", "edge01", "--reason", "x", "--yes", "--wait")
        assert t.end() == 0
    finally:
        del os.environ["NO_COLOR"]
    assert "\x1b[3" not in t.text and "done in" in t.text


def test_interrupt_leaves_the_job_alone(one_job):
    t = Terminal(one_job, "reinstall", "edge01", "--reason", "x", "--yes", "--wait")
    t.read_until("reinstall  debian")
    t.type("\x03")
    assert t.end() == -2
    assert f"netboot-ctl watch {JOB}" in t.text


def test_watch_host_and_job(one_job):
    one_job.on("GET", "/api/v1/jobs", {"items": [job(state="running")], "next": None})
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    one_job.on("GET", "/api/v1/hosts/edge01", {"name": "edge01"})
    for what in ("edge01", JOB, JOB[:6], JOB[-4:]):
        r = one_job.run("watch", what)
        assert (r.returncode, r.stdout) == (0, "edge01: done in 2m31s\n"), (what, r)
    assert one_job.find("GET", "/api/v1/jobs")[0].query == {
        "state": "open", "hosts": "edge01", "limit": "1000"}
    one_job.on("GET", "/api/v1/jobs", {"items": [], "next": None})
    r = one_job.run("watch", "edge01")
    assert (r.returncode, r.stderr.split(": ")[1]) == (1, "no-open-job")


def test_watch_takes_ids_as_job_show_does(one_job):
    one_job.on("GET", "/api/v1/jobs", {"items": [job(), job(JOB2)], "next": None})
    for words in (["watch", "01k9"], ["job", "show", "01k9"]):
        r = one_job.run(*words)
        assert (r.returncode, r.stderr.split(": ")[:2]) == (1, ["01k9", "id-ambiguous"])

    def by_hosts(rq):
        if "hosts" not in rq.query:
            return {"items": [job()], "next": None}
        return one_job.problem(400, "host-unknown", "x", errors=[
            {"host": rq.query["hosts"], "code": "host-unknown", "text": "no host edge1; there is edge1.los"}])
    one_job.on("GET", "/api/v1/jobs", by_hosts)
    r = one_job.run("watch", "edge1")
    assert (r.returncode, r.stderr) == (1, (
        "edge1: no job has an id that begins or ends so\n"
        "edge1: host-unknown: no host edge1; there is edge1.los: correct it, then repeat\n"))


def test_a_host_that_looks_like_an_id_is_watched(one_job):
    one_job.on("GET", f"/api/v1/hosts/{JOB2}", {"name": JOB2})
    one_job.on("GET", "/api/v1/jobs", {"items": [job(host=JOB2, state="running")], "next": None})
    one_job.add_event("job.done", JOB, "2026-01-31T09:32:00.000Z")
    r = one_job.run("watch", JOB2)
    assert (r.returncode, r.stdout) == (0, f"{JOB2}: done in 2m31s\n")
    assert one_job.find("GET", f"/api/v1/jobs/{JOB2}") == []


def test_watching_an_ended_job_shows_its_result(fake):
    fake.on("GET", f"/api/v1/jobs/{JOB}", job(state="done", ended="2026-01-31T09:30:29.000Z"))
    r = fake.run("watch", JOB)
    assert (r.returncode, r.stdout) == (0, "edge01: done in 1m00s\n")


def test_retry_asks_and_follows(one_job):
    one_job.on("POST", f"/api/v1/jobs/{JOB}/retry", job(JOB2))
    assert one_job.run("job", "retry", JOB, "--reason", "again").returncode == 3
    t = Terminal(one_job, "job", "retry", JOB, "--reason", "again")
    t.read_until(r"reinstall debian\. Type the host's name \(edge01\) to go on: ")
    t.type("edge02\n")
    assert t.end() == 3
    assert one_job.find("POST", f"/api/v1/jobs/{JOB}/retry") == []
    r = one_job.run("job", "retry", JOB, "--reason", "again", "--yes")
    assert (r.returncode, r.stdout) == (0, JOB2 + "\n")


def test_broken_pipe_is_no_success(one_job):
    with open("/dev/full", "w", encoding="utf-8") as full:
        p = subprocess.run([ctl_fake.CTL, "site", "list"], stdout=full, stderr=subprocess.PIPE,
                           env=one_job.env(), check=False)
    assert p.returncode == 2
