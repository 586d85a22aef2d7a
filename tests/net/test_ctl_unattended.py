# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl's rollouts and schedules against the real netboot-orchestrator, with a stand-in for the site's agent."""
import json
import os
import subprocess

import pytest

from ctl_fake import CTL
from netlab import PATIENCE, until
from orch_lab import Agent, Orch, document

HOSTS = 4


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path)
    o.clients = []
    assert o.apply(document(HOSTS)).status == 200
    yield o
    for p in o.clients:
        p.kill()
        p.wait()
    o.stop()


@pytest.fixture
def agent(orch):
    a = Agent(orch)
    a.table = a.poll().json["table"]["version"]
    return a


def env(orch):
    return dict(os.environ, NETBOOT_SERVER=f"unix:{orch.socket}")


def run(orch, *argv):
    r = subprocess.run([CTL, *argv], stdin=subprocess.DEVNULL, env=env(orch), text=True, check=False, timeout=2 * PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
    return r


def good(orch, *argv):
    r = run(orch, *argv)
    assert r.returncode == 0, (argv, r.stdout, r.stderr)
    return r


def popen(orch, *argv):
    p = subprocess.Popen([CTL, *argv], env=env(orch), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    orch.clients.append(p)
    return p


def show(orch, rollout):
    return json.loads(good(orch, "rollout", "show", rollout, "-o", "json").stdout)


def next_job(orch, agent):
    """The next one that the agent is given, as (id, host)."""
    order = until(lambda: agent.poll().json["orders"], what="an order")[0]
    job = order["bundle"]["job"]
    host = orch.get(f"/jobs/{job}").json["host"]
    agent.report(agent.event("job.accepted", job, host=host), agent.event("job.attempt", job, host=host, attempt=1))
    return job, host


def end(agent, job, host, fails=False):
    if fails:
        agent.report(agent.event("job.failed", job, host=host, code="os-silent", text="the probe did not answer", next="look at its console",
                                 stage="local-boot"))
    else:
        agent.report(agent.event("job.done", job, host=host))


def test_the_plan_is_shown_and_nothing_is_begun(orch, agent):
    r = good(orch, "reboot", "edge[01-04]", "--canary", "1", "--batch", "2", "--dry-run")
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["BATCH", "LOCAL", "TIME", "HOST", "GETS"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "2", "3"] and "canary" in lines[1]
    assert [h for line in lines[1:] for h in line.split() if h.startswith("edge")] == ["edge01", "edge02", "edge03", "edge04"]
    assert all("reboot" in line for line in lines[1:]) and max(map(len, lines)) <= 80
    assert good(orch, "rollout", "list", "--no-headers").stdout == "" and orch.get("/jobs").json["items"] == []


def test_a_rollout_to_its_end(orch, agent):
    p = popen(orch, "reboot", "edge[01-04]", "--canary", "1", "--batch", "2", "--per-site", "2", "--reason", "kernels", "--wait")
    rollout = p.stdout.readline().strip()
    for _ in range(HOSTS):
        end(agent, *next_job(orch, agent))
    out, err = p.communicate(timeout=PATIENCE)
    assert (p.returncode, out) == (0, f"rollout {rollout}: done: 4 hosts: 4 ok\n"), err
    assert err.count(": ok\n") == HOSTS and err.splitlines()[-1] == "rollout done"
    doc = show(orch, rollout)
    assert (doc["state"], doc["counts"]["ok"], doc["reason"]) == ("done", 4, "kernels")
    # Its jobs say whose they are, and parts of its id are enough.
    job = orch.get("/jobs").json["items"][0]["id"]
    assert f"rollout:  {rollout}\n" in good(orch, "job", "show", job).stdout
    assert good(orch, "rollout", "show", rollout[-6:]).stdout.startswith(f"rollout:  {rollout}: done\n")
    assert good(orch, "rollout", "list", "--no-headers").stdout.split()[:2] == [rollout, "done"]


def test_it_halts_and_is_resumed(orch, agent):
    rollout = good(orch, "reboot", "edge[01-04]", "--canary", "1", "--batch", "2", "--reason", "kernels").stdout.strip()
    job, host = next_job(orch, agent)
    end(agent, job, host, fails=True)
    r = run(orch, "rollout", "watch", rollout)
    assert r.returncode == 2
    assert f"{host}: failed: os-silent" in r.stdout and f"rollout {rollout}: HALTED: 4 hosts: 1 failed, 3 deferred: canary-failed" in r.stdout
    text = good(orch, "rollout", "show", rollout).stdout
    assert text.startswith(f"rollout:  {rollout}: halted\nwhy:      canary-failed: ")
    assert f"\nfailed:\n  {host}: failed since " in text and f"job {job}\n" in text and "\ndeferred:\n  edge[02-04] (3)\n" in text
    assert max(map(len, text.splitlines()[:1])) <= 80
    assert [line.split()[0] for line in good(orch, "rollout", "hosts", rollout, "--state", "deferred", "--no-headers").stdout.splitlines()] == [
        "edge02", "edge03", "edge04"]
    # The repaired one first, then those that were left.
    r = good(orch, "rollout", "retry-failed", rollout, "--reason", "its disk was replaced")
    assert r.stderr == f"{rollout}: running: 4 hosts: 4 waiting\n"
    for _ in range(HOSTS):
        end(agent, *next_job(orch, agent))
    r = run(orch, "rollout", "watch", rollout)
    assert (r.returncode, r.stdout.splitlines()[-1]) == (0, f"rollout {rollout}: done: 4 hosts: 4 ok")


def test_pause_resume_and_abort(orch, agent):
    rollout = good(orch, "reboot", "edge[01-04]", "--max-in-flight", "1").stdout.strip()
    first = next_job(orch, agent)
    r = good(orch, "rollout", "pause", rollout, "--reason", "wait a moment")
    assert "paused" in r.stderr
    end(agent, *first)
    until(lambda: show(orch, rollout)["counts"]["ok"] == 1, "the first host")
    assert show(orch, rollout)["counts"]["in_flight"] == 0
    text = good(orch, "rollout", "show", rollout).stdout
    assert "wait a moment" in text and "netboot-ctl rollout resume" in text
    good(orch, "rollout", "resume", rollout, "--reason", "go on")
    second = next_job(orch, agent)
    good(orch, "rollout", "abort", rollout, "--reason", "not today")
    end(agent, *second)
    r = run(orch, "rollout", "watch", rollout)
    assert (r.returncode, "aborted" in r.stdout.splitlines()[-1]) == (2, True)
    r = run(orch, "rollout", "resume", rollout, "--reason", "after all")
    assert r.returncode == 3 and r.stderr.startswith(f"{rollout}: ") and r.stderr.count(": ") >= 2


def test_what_the_server_refuses_is_told_in_its_words(orch, agent):
    r = run(orch, "reboot", "edge99", "--canary", "1")
    assert (r.returncode, "host-unknown" in r.stderr) == (1, True)
    r = run(orch, "reboot", "@role=nothing", "--canary", "1")
    assert r.returncode in (1, 3) and r.stderr.count(": ") >= 2
    r = run(orch, "reboot", "edge[01-04]", "--canary", "1", "--limit", "2")
    assert (r.returncode, "too-many-hosts" in r.stderr) == (3, True)
    r = run(orch, "rollout", "show", "01k9xyz0a0rabcde")
    assert r.returncode == 1 and r.stderr.startswith("01k9xyz0a0rabcde: ")
    assert good(orch, "rollout", "list", "--no-headers").stdout == ""


def test_a_rollout_says_what_its_hosts_get(orch, agent):
    rollout = good(orch, "power", "off", "edge[01-02]", "--max-in-flight", "1", "--yes", "--reason", "the room is too hot").stdout.strip()
    assert "what:     power off\n" in good(orch, "rollout", "show", rollout).stdout
    job, host = next_job(orch, agent)
    end(agent, job, host, fails=True)
    assert run(orch, "rollout", "watch", rollout).returncode == 2
    # As careful as the order was.
    r = run(orch, "rollout", "retry-failed", rollout, "--reason", "x")
    assert (r.returncode, "confirmation-needed" in r.stderr) == (3, True)
    r = good(orch, "reboot", "edge[03-04]", "--canary", "1", "--hard", "--yes", "--reason", "hung")
    assert "what:     reboot --hard\n" in good(orch, "rollout", "show", r.stdout.strip()).stdout


# ---- schedules


def weekly(orch, *more):
    return good(orch, "schedule", "add", "weekly", "--do", "reboot", "--hosts", "edge[01-04]", "--cron", "0 3 * * SUN", "--window", "4h",
                "--canary", "1", "--batch", "50%", "--gate", "tcp:22", "--reason", "kernels", *more)


def test_a_schedule_from_adding_to_removing(orch, agent):
    r = weekly(orch, "--blackout", "2036-12-24/2037-01-02", "--jitter", "10m", "--skip-if-younger", "6d", "--missed", "run-once", "--tz", "site")
    assert r.stderr.splitlines()[-1].startswith("weekly: added; next run 20")
    doc = json.loads(good(orch, "schedule", "show", "weekly", "-o", "json").stdout)
    assert (doc["cron"], doc["window_s"], doc["jitter_s"], doc["skip_if_younger_s"], doc["missed"], doc["tz"], doc["policy"]["gates"]) == (
        "0 3 * * SUN", 14400, 600, 518400, "run-once", "site", ["tcp:22"])
    text = good(orch, "schedule", "show", "weekly").stdout
    assert "schedule: weekly\nstate:    active\ndoes:     reboot\nhosts:    edge[01-04]\nreason:   kernels\nwhen:     0 3 * * SUN\n" in text
    # Its coming runs, by zone and by host, at three by the clock of the site.
    lines = good(orch, "schedule", "next").stdout.splitlines()
    assert len(lines) == 2 and " 03:0" in lines[1] and "+02:00" in lines[1] and "Africa/Johannesburg" in lines[1] and max(map(len, lines)) <= 80
    lines = good(orch, "schedule", "next", "weekly", "--hosts", "-n", "2", "--no-headers").stdout.splitlines()
    assert [line.split()[1] for line in lines] == [f"edge{n:02d}" for n in range(1, HOSTS + 1)] * 2
    assert all(line.split()[4].startswith("03:0") and line.split()[4].endswith("+02:00") for line in lines)
    # Changed, paused, skipped, gone on with.
    good(orch, "schedule", "set", "weekly", "--rrule", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=4", "--from", "2026-12-06", "--no-blackouts")
    doc = json.loads(good(orch, "schedule", "show", "weekly", "-o", "json").stdout)
    assert (doc.get("cron"), doc["from"], doc["blackout"], doc["policy"]["canary"]) == (None, "2026-12-06", [], 1)
    good(orch, "schedule", "set", "weekly", "--cron", "0 3 * * SUN")
    assert good(orch, "schedule", "pause", "weekly", "--reason", "the line is worked on").stderr.startswith("weekly: paused")
    assert "left out: paused" in good(orch, "schedule", "next").stdout
    assert "paused:   by root: the line is worked on\n" in good(orch, "schedule", "show", "weekly").stdout
    good(orch, "schedule", "resume", "weekly", "--reason", "it is done")
    good(orch, "schedule", "skip-next", "weekly", "--reason", "a holiday")
    lines = good(orch, "schedule", "next", "weekly", "-n", "2", "--no-headers").stdout.splitlines()
    assert [("left out: skip-next" in line) for line in lines] == [True, False]
    assert good(orch, "schedule", "list", "--no-headers").stdout.split()[0] == "weekly"
    assert good(orch, "schedule", "rm", "weekly", "--reason", "no longer").stderr == "weekly: removed\n"
    assert good(orch, "schedule", "list", "--no-headers").stdout == ""
    assert run(orch, "schedule", "show", "weekly").returncode == 1


def test_a_schedule_is_run_now(orch, agent):
    good(orch, "schedule", "add", "weekly", "--do", "reboot", "--hosts", "edge[01-02]", "--cron", "0 3 * * SUN", "--reason", "kernels")
    rollout = good(orch, "schedule", "run-now", "weekly", "--reason", "not before sunday").stdout.strip()
    for _ in range(2):
        end(agent, *next_job(orch, agent))
    r = run(orch, "rollout", "watch", rollout)
    assert (r.returncode, r.stdout.splitlines()[-1]) == (0, f"rollout {rollout}: done: 2 hosts: 2 ok")
    assert "schedule: weekly" in good(orch, "rollout", "show", rollout).stdout
    assert good(orch, "rollout", "list", "--schedule", "weekly", "--no-headers").stdout.split()[0] == rollout
    assert rollout in good(orch, "schedule", "runs", "weekly").stdout


def test_what_a_schedule_cannot_be(orch, agent):
    add = ["schedule", "add", "weekly", "--do", "reboot", "--reason", "x"]
    for words, said in ((["--hosts", "all", "--cron", "0 3 * * SUN", "--tz", "Africa/Lagoss"], "Africa/Lagoss"),
                        (["--hosts", "all", "--cron", "0 * * * *"], "tz"), (["--hosts", "edge[01-", "--cron", "@daily"], "edge[01-")):
        r = run(orch, *add, *words)
        assert (r.returncode, said in r.stderr, r.stderr.count(": ") >= 2) == (1, True, True), r.stderr
    r = run(orch, "schedule", "set", "weekly", "--window", "2h")
    assert (r.returncode, r.stderr.startswith("weekly: ")) == (1, True)
    # A window in which nobody would come back is warned of.
    r = weekly(orch)
    r = run(orch, "schedule", "set", "weekly", "--window", "30s")
    assert r.returncode == 0 and r.stderr.startswith("warning: "), r.stderr
