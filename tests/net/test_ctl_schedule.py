# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl's schedules against a stand-in server."""
import json

import pytest

import ctl_fake
from ctl_fake import Terminal

ROLLOUT = "01k9xyz0a0rabcde"
WEEKLY = {"name": "weekly", "kind": "reboot", "reason": "kernels", "hosts": "@role=edge", "cron": "0 3 * * SUN", "tz": "site",
          "window_s": 14400, "blackout": ["2026-12-24/2027-01-02"], "jitter_s": 600, "skip_if_younger_s": 518400, "missed": "skip",
          "policy": {"canary": 1, "batch": "10%", "gates": ["tcp:22"]}, "limit": 200, "state": "active",
          "created": "2026-01-01T00:00:00.000Z", "by": "ann", "changed": "2026-01-01T00:00:00.000Z",
          "next": {"nominal": "2026-02-01 03:00", "opens": "2026-02-01T01:00:00.000Z"}, "paused": None,
          "last": {"nominal": "2026-01-25 03:00", "outcome": "ran", "rollout": ROLLOUT, "text": None}, "warnings": []}
TONIGHT = [{"schedule": "weekly", "nominal": "2026-02-01 03:00", "opens": "2026-02-01T01:00:00.000Z",
            "closes": "2026-02-01T06:00:00.000Z", "left_out": None, "zones": [
                {"zone": "Africa/Johannesburg", "opens": "2026-02-01T01:00:00.000Z", "closes": "2026-02-01T05:00:00.000Z",
                 "local": "2026-02-01 03:00", "sites": ["jhb", "cpt"], "hosts": 12},
                {"zone": "Africa/Lagos", "opens": "2026-02-01T02:00:00.000Z", "closes": "2026-02-01T06:00:00.000Z",
                 "local": "2026-02-01 03:00", "sites": ["los"], "hosts": 4}]},
           {"schedule": "monthly", "nominal": "2026-02-07 02:00", "opens": "2026-02-07T02:00:00.000Z",
            "closes": "2026-02-07T06:00:00.000Z", "left_out": "paused", "zones": [
                {"zone": "Africa/Lagos", "opens": "2026-02-07T02:00:00.000Z", "closes": "2026-02-07T06:00:00.000Z",
                 "local": "2026-02-07 03:00", "sites": ["los"], "hosts": 4}]}]


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    f.on("POST", "/api/v1/schedules", lambda rq: dict(WEEKLY, **rq.body), status=201)
    f.on("GET", "/api/v1/schedules", {"items": [WEEKLY], "next": None})
    f.on("GET", "/api/v1/schedules/weekly", WEEKLY, etag='"7"')
    f.on("PATCH", "/api/v1/schedules/weekly", lambda rq: dict(WEEKLY, **rq.body))
    yield f
    f.close()


def add(fake, *more, do="reboot", when=("--cron", "0 3 * * SUN"), **kw):
    return fake.run("schedule", "add", "weekly", "--do", do, "--hosts", "@role=edge", *when, *more, **kw)


def test_add_sends_what_was_asked(fake):
    r = add(fake, "--tz", "site", "--window", "4h", "--blackout", "2026-12-24/2027-01-02", "--blackout", "2026-04-03", "--jitter",
            "10m", "--skip-if-younger", "6d", "--missed", "run-once", "--reason", "kernels", "--limit", "200", "--force",
            "after-timeout", "--graceful-timeout", "5m", "--hook", "systemctl stop cdn", "--canary", "1", "--batch", "10%",
            "--per-site", "1", "--gate", "tcp:22", "--gate-timeout", "3m")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "weekly: added; next run 2026-02-01 03:00\n")
    assert fake.find("POST", "/api/v1/schedules")[0].body == {
        "name": "weekly", "kind": "reboot", "hosts": "@role=edge", "cron": "0 3 * * SUN", "tz": "site", "window_s": 14400,
        "blackout": ["2026-12-24/2027-01-02", "2026-04-03"], "jitter_s": 600, "skip_if_younger_s": 518400, "missed": "run-once",
        "reason": "kernels", "limit": 200, "force": "after-timeout", "graceful_s": 300, "hook": "systemctl stop cdn",
        "policy": {"canary": 1, "batch": "10%", "per_site": 1, "gates": ["tcp:22"], "gate_timeout_s": 180}}
    assert len(fake.find("POST", "/api/v1/schedules")[0].headers["Idempotency-Key"]) == 16


def test_every_kind_of_work_and_of_time(fake):
    for do, kind, action in (("power-off", "power", "off"), ("power-soft", "power", "soft"), ("drill", "drill", None),
                             ("reinstall", "reinstall", None), ("live", "live", None)):
        assert add(fake, "--reason", "x", "--yes", do=do).returncode == 0
        body = fake.find("POST", "/api/v1/schedules")[-1].body
        assert (body["kind"], body.get("action")) == (kind, action)
    for when in (("--rrule", "FREQ=MONTHLY;BYDAY=2SU;BYHOUR=3"), ("--at", "2026-12-01 03:00"), ("--cron", "@weekly"),
                 ("--at", "2026-12-01T03:00:00+01:00")):
        assert add(fake, when=when).returncode == 0
        assert fake.find("POST", "/api/v1/schedules")[-1].body[when[0].lstrip("-")] == when[1]
    assert add(fake, "--from", "2026-12-06", when=("--rrule", "FREQ=WEEKLY;INTERVAL=2;BYHOUR=3")).returncode == 0
    assert fake.find("POST", "/api/v1/schedules")[-1].body["from"] == "2026-12-06"


@pytest.mark.parametrize("words", [
    ["--cron", "0 3 * *"], ["--cron", "0 25 * * *"], ["--cron", "0 0 31 2 *"], ["--rrule", "FREQ=SECONDLY"], ["--at", "sunday"],
    ["--at", "2026-02-30 03:00"], ["--cron", "0 3 * * *", "--at", "2026-12-01 03:00"],
    ["--cron", "0 3 * * *", "--rrule", "FREQ=DAILY"], [],
    ["--cron", "0 3 * * *", "--from", "2026-12-06"], ["--rrule", "FREQ=DAILY", "--from", "soon"],
    ["--cron", "0 3 * * *", "--blackout", "christmas"], ["--cron", "0 3 * * *", "--blackout", "2026-02-29"],
    ["--cron", "0 3 * * *", "--blackout", "2027-01-02/2026-12-24"],
    ["--cron", "0 3 * * *", "--blackout", "2026-12-24", "--no-blackouts"],
    ["--cron", "0 3 * * *", "--window", "4x"], ["--cron", "0 3 * * *", "--window", "0s"],
    ["--cron", "0 3 * * *", "--window", "1h", "--jitter", "1h"], ["--cron", "0 3 * * *", "--skip-if-younger", "-1"],
    ["--cron", "0 3 * * *", "--batch", "110%"], ["--cron", "0 3 * * *", "--missed", "maybe"], ["--cron", ""],
    ["--cron", "0 3 * * *", "--limit", "0"]])
def test_faulty_times_are_refused_in_words_before_anything_is_sent(fake, words):
    r = add(fake, when=words)
    assert (r.returncode, r.stdout, fake.requests) == (1, "", [])
    assert r.stderr.count("\n") == 1 and r.stderr.count(": ") >= 3, r.stderr


def test_what_is_missing_is_named(fake):
    for words, said in ((["--hosts", "a", "--cron", "@daily"], "--do"), (["--do", "reboot", "--cron", "@daily"], "--hosts"),
                        (["--do", "reboot", "--hosts", "a"], "--cron"),
                        (["--do", "boot", "--hosts", "a", "--cron", "@daily", "--reason", "x"], "--image"),
                        (["--do", "live", "--hosts", "a", "--cron", "@daily"], "--reason")):
        r = fake.run("schedule", "add", "x", *words)
        assert (r.returncode, said in r.stderr, fake.requests) == (1, True, []), r.stderr


def test_the_servers_warnings_are_told(fake):
    warning = {"code": "window-short", "text": "edge01's usual reboot takes 9m", "next": "write a longer --window"}
    fake.on("POST", "/api/v1/schedules", dict(WEEKLY, warnings=[warning]), status=201)
    r = add(fake, "--window", "5m")
    assert (r.returncode, r.stderr.splitlines()[0]) == (
        0, "warning: window-short: edge01's usual reboot takes 9m: write a longer --window")
    fake.on("GET", "/api/v1/schedules/weekly", dict(WEEKLY, warnings=[warning]))
    assert "warning: window-short" in fake.run("schedule", "show", "weekly").stderr


def test_nobody_is_asked_at_night_so_it_is_asked_for_now(fake):
    r = add(fake, "--reason", "x", "--image", "debian", do="reinstall")
    assert (r.returncode, "confirmation-needed" in r.stderr, fake.requests) == (3, True, [])
    t = Terminal(fake, "schedule", "add", "weekly", "--do", "reinstall", "--image", "debian", "--hosts", "@role=edge", "--cron",
                 "0 3 * * SUN", "--reason", "x")
    t.read_until(r"About to reinstall with debian on schedule on @role=edge, without asking again. Type the schedule's name "
                 r"\(weekly\) to go on: ")
    t.type("weekly\n")
    assert t.end() == 0
    # A change that would make it so, too; and one of what is so already.
    r = fake.run("schedule", "set", "weekly", "--do", "reinstall")
    assert (r.returncode, fake.find("PATCH", "/api/v1/schedules/weekly")) == (3, [])
    fake.on("GET", "/api/v1/schedules/weekly", dict(WEEKLY, kind="reinstall", image="debian"))
    assert fake.run("schedule", "set", "weekly", "--hosts", "all").returncode == 3
    assert fake.run("schedule", "run-now", "weekly", "--reason", "x").returncode == 3
    assert fake.run("schedule", "set", "weekly", "--hosts", "all", "--yes").returncode == 0


def test_set_changes_what_is_named_under_the_etag(fake):
    r = fake.run("schedule", "set", "weekly", "--window", "6h", "--canary", "2", "--no-blackouts")
    assert (r.returncode, r.stderr) == (0, "weekly: changed; next run 2026-02-01 03:00\n")
    rq = fake.find("PATCH", "/api/v1/schedules/weekly")[0]
    assert rq.body == {"window_s": 21600, "policy": {"canary": 2}, "blackout": []}
    assert rq.headers["If-Match"] == '"7"'
    fake.run("schedule", "set", "weekly", "--at", "2026-12-01 03:00")
    assert fake.find("PATCH", "/api/v1/schedules/weekly")[1].body == {
        "at": "2026-12-01 03:00", "cron": None, "rrule": None, "from": None}
    r = fake.run("schedule", "set", "weekly")
    assert (r.returncode, "nothing to change" in r.stderr) == (1, True)
    # A check's time alone: it may have checks.
    assert fake.run("schedule", "set", "weekly", "--gate-timeout", "5m").returncode == 0


def test_list_and_show(fake):
    r = fake.run("schedule", "list")
    assert [line.split() for line in r.stdout.splitlines()] == [
        ["SCHEDULE", "DOES", "WHEN", "STATE", "NEXT", "LAST"],
        ["weekly", "reboot", "0", "3", "*", "*", "SUN", "active", "2026-02-01", "03:00", "ran"]]
    assert max(map(len, r.stdout.splitlines())) <= 80
    assert json.loads(fake.run("schedule", "list", "-o", "json").stdout) == {"items": [WEEKLY]}
    fake.on("GET", "/api/v1/schedules/weekly", dict(WEEKLY, state="paused", paused={
        "at": "2026-01-30T10:00:00.000Z", "by": "bob", "reason": "the line is worked on"}))
    r = fake.run("schedule", "show", "weekly")
    for line in ("schedule: weekly", "state:    paused", "paused:   by bob: the line is worked on", "does:     reboot",
                 "hosts:    @role=edge", "when:     0 3 * * SUN", "zone:     site", "window:   4h00m", "jitter:   10m00s",
                 "blackout: 2026-12-24/2027-01-02", "policy:   canary 1, batch 10%, gate tcp:22",
                 "next:     2026-02-01 03:00", f"last:     2026-01-25 03:00: ran, rollout {ROLLOUT}"):
        assert line + "\n" in r.stdout, (line, r.stdout)
    assert json.loads(fake.run("schedule", "show", "weekly", "-o", "json").stdout)["state"] == "paused"


def test_what_is_left_out_is_said(fake):
    """Who pauses or skips at night must not read that the run is due."""
    fake.on("POST", "/api/v1/schedules/weekly/pause", dict(WEEKLY, state="paused", paused={
        "at": "2026-01-30T10:00:00.000Z", "by": "bob", "reason": ""}))
    assert fake.run("schedule", "pause", "weekly").stderr == (
        "weekly: paused; its runs are left out, the next would be 2026-02-01 03:00, until netboot-ctl schedule resume weekly\n")
    skipped = dict(WEEKLY, next={"nominal": "2026-02-01 03:00", "skipped": True})
    fake.on("POST", "/api/v1/schedules/weekly/skip-next", skipped)
    assert fake.run("schedule", "skip-next", "weekly").stderr == (
        "weekly: active; the run 2026-02-01 03:00 is left out, the one after it is not\n")
    fake.on("GET", "/api/v1/schedules/weekly", dict(skipped, force="after-timeout", graceful_s=300, paused={
        "at": "2026-01-30T10:00:00.000Z", "by": "bob", "reason": ""}, last={
        "nominal": None, "outcome": "ran", "rollout": ROLLOUT, "text": None, "at": "2026-01-30T10:00:00.000Z", "by": "bob"}))
    shown = fake.run("schedule", "show", "weekly").stdout
    for line in ("next:     2026-02-01 03:00, which is left out", "paused:   by bob", "limit:    200", "force:    after-timeout",
                 "stopping: 5m00s", f"last:     by hand, 2026-01-30 10:00:00+00:00: ran, rollout {ROLLOUT}"):
        assert line + "\n" in shown, (line, shown)


def test_a_next_run_on_a_blackout_date_is_no_promise(fake):
    fake.on("POST", "/api/v1/schedules", dict(WEEKLY, next={"nominal": "2026-12-27 03:00", "skipped": False, "opens": None}), status=201)
    assert add(fake).stderr == "weekly: added; next run 2026-12-27 03:00, which opens nowhere: netboot-ctl schedule next weekly says why\n"


def test_runs_that_open_nowhere_have_their_names(fake):
    shut = dict(TONIGHT[0], opens=None, closes=None, left_out="blackout",
                zones=[dict(TONIGHT[0]["zones"][0], opens=None, closes=None, local=None)])
    nobody = dict(TONIGHT[0], opens=None, closes=None, zones=[], nominal="2026-02-08 03:00")
    fake.on("GET", "/api/v1/schedules/next", {"items": [shut, nobody]})
    lines = fake.run("schedule", "next", "weekly").stdout.splitlines()
    assert lines[1].split() == ["weekly", "2026-02-01", "03:00", "Africa/Johannesburg", "12", "left", "out:", "blackout"]
    assert lines[2].split() == ["weekly", "2026-02-08", "03:00", "-", "0", "no", "host", "matches", "now"]
    assert "2026-02-08 03:00" in fake.run("schedule", "next", "weekly", "--hosts").stdout


def test_next_is_by_zone_and_by_host(fake):
    fake.on("GET", "/api/v1/schedules/next", {"items": TONIGHT})
    r = fake.run("schedule", "next")
    assert fake.find("GET", "/api/v1/schedules/next")[0].query == {"n": "1"}
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["SCHEDULE", "LOCAL", "TIME", "ZONE", "HOSTS", "NOTE"]
    assert lines[1].split() == ["weekly", "2026-02-01", "03:00:00+02:00", "Africa/Johannesburg", "12", "-"]
    assert lines[2].split() == ["weekly", "2026-02-01", "03:00:00+01:00", "Africa/Lagos", "4", "-"]
    assert lines[3].endswith("left out: paused")
    assert json.loads(fake.run("schedule", "next", "-o", "json").stdout) == {"items": TONIGHT}
    zone = dict(TONIGHT[0]["zones"][0], hosts=[
        {"host": "edge01.jhb", "site": "jhb", "opens": "2026-02-01T01:00:00.000Z", "closes": "2026-02-01T05:00:00.000Z"},
        {"host": "edge02.jhb", "site": "jhb", "opens": "2026-02-01T01:07:12.000Z", "closes": "2026-02-01T05:00:00.000Z"}])
    fake.on("GET", "/api/v1/schedules/next", {"items": [dict(TONIGHT[0], zones=[zone])]})
    r = fake.run("schedule", "next", "weekly", "--hosts", "-n", "3")
    assert fake.find("GET", "/api/v1/schedules/next")[-1].query == {"n": "3", "name": "weekly", "hosts": "1"}
    assert [line.split()[:5] for line in r.stdout.splitlines()[1:]] == [
        ["weekly", "edge01.jhb", "jhb", "2026-02-01", "03:00:00+02:00"],
        ["weekly", "edge02.jhb", "jhb", "2026-02-01", "03:07:12+02:00"]]
    assert fake.run("schedule", "next", "-n", "0").returncode == 1


def test_runs(fake):
    runs = [{"nominal": "2026-01-25 03:00", "at": "2026-01-25T01:00:00.000Z", "outcome": "ran", "rollout": ROLLOUT, "text": None},
            {"nominal": "2026-01-18 03:00", "at": "2026-01-18T01:00:00.000Z", "outcome": "busy", "rollout": None,
             "text": "the run before it had not ended"},
            {"nominal": None, "at": "2026-01-17T01:00:00.000Z", "outcome": "ran", "rollout": ROLLOUT, "text": None, "by": "ann"}]
    fake.on("GET", "/api/v1/schedules/weekly/runs", {"items": runs, "next": None})
    r = fake.run("schedule", "runs", "weekly")
    assert r.stdout.splitlines()[1].split() == ["2026-01-25", "03:00", "ran", ROLLOUT, "-"]
    assert r.stdout.splitlines()[2].endswith("-                 the run before it had not ended")
    assert r.stdout.splitlines()[3].startswith("by hand, 2026-01-17 01:00:00+00:00  ran ")
    assert max(map(len, r.stdout.splitlines())) <= 100


@pytest.mark.parametrize("verb", ["pause", "resume", "skip-next"])
def test_actions(fake, verb):
    fake.on("POST", f"/api/v1/schedules/weekly/{verb}", WEEKLY)
    r = fake.run("schedule", verb, "weekly", "--reason", "the line is worked on")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "weekly: active; next run 2026-02-01 03:00\n")
    rq = fake.find("POST", f"/api/v1/schedules/weekly/{verb}")[0]
    assert rq.body == {"reason": "the line is worked on"}


def test_run_now_and_rm(fake):
    fake.on("POST", "/api/v1/schedules/weekly/run-now", {"id": ROLLOUT, "state": "planned"}, status=202)
    r = fake.run("schedule", "run-now", "weekly", "--reason", "x")
    assert (r.returncode, r.stdout, r.stderr) == (0, ROLLOUT + "\n", "")
    fake.on("DELETE", "/api/v1/schedules/weekly", {})
    r = fake.run("schedule", "rm", "weekly", "--reason", "no longer")
    assert (r.returncode, r.stderr) == (0, "weekly: removed\n")
    assert fake.find("DELETE", "/api/v1/schedules/weekly")[0].query == {"reason": "no longer"}
    r = fake.run("schedule", "show", "nothing")
    assert (r.returncode, r.stderr.split(": ")[:2]) == (1, ["nothing", "not-found"])
