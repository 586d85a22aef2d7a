# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders for later: handed to the agent at once, begun by it in their window, whether or not the orchestrator is there."""
import signal
import time
from datetime import datetime, timedelta, timezone

import pytest

from netlab import until
from whole_lab import whole_site


@pytest.fixture
def site():
    with whole_site(hosts=2) as s:
        yield s


def at(seconds):
    """So many seconds from now, as an operator in Johannesburg would write it."""
    zone = timezone(timedelta(hours=2))
    return datetime.fromtimestamp(time.time() + seconds, zone).isoformat()


def order(s, what, *more):
    done = s.ctl(*what, "--reason", "INC-7", "--yes", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def handed(s, job):
    return until(lambda: any(e["kind"] == "job.handed" for e in s.events("--job", job)), "job.handed")


def wait_end(s, job):
    return until(lambda: (lambda j: j["ended"] and j)(s.job(job)), f"the end of {job}")


def test_it_runs_in_its_window_without_the_orchestrator(site):
    s = site
    job = order(s, ["power", "on", "edge01"], "--at", at(6), "--window", "10m")
    handed(s, job)
    shown = s.job(job)
    assert shown["state"] == "accepted" and shown["not_before"] < shown["not_after"]
    # It holds nothing: the host is free for others until then, and idle to look at.
    other = order(s, ["power", "off", "edge01"])
    assert wait_end(s, other)["state"] == "done"
    row = [r for r in s.json("status")["items"] if r["host"] == "edge01"][0]
    assert row["state"] == "idle"
    before = s.powers()["on"]
    s.end("orchestrator", signal.SIGKILL)
    until(lambda: s.powers()["on"] > before, "the BMC to be told")
    s.end("agent", signal.SIGKILL)
    s.start_agent()
    s.start_orchestrator()
    ended = wait_end(s, job)
    assert ended["state"] == "done"
    kinds = [e["kind"] for e in s.events("--job", job)]
    for earlier, later in zip(("job.queued", "job.handed", "job.accepted", "job.attempt"),
                              ("job.handed", "job.accepted", "job.attempt", "job.done")):
        assert kinds.index(earlier) < kinds.index(later), kinds
    assert kinds.count("job.done") == 1
    began = [e for e in s.events("--job", job) if e["kind"] == "job.accepted"][0]
    assert began["at"] >= shown["not_before"]
    # The newest job of the host is another one, and this one is told all the same.
    assert s.ctl("why", job).returncode == 0


def test_a_window_that_is_over_ends_it(site):
    s = site
    job = order(s, ["power", "on", "edge01"], "--at", at(4), "--window", "1s")
    handed(s, job)
    s.end("agent", signal.SIGKILL)
    over = datetime.fromisoformat(s.job(job)["not_after"].replace("Z", "+00:00")).timestamp()
    until(lambda: time.time() > over, "the end of the window")
    s.start_agent()
    ended = wait_end(s, job)
    assert ended["state"] == "failed" and ended["verdict"]["code"] == "window-missed"
    assert s.powers()["on"] == 0
    assert "--at" in s.ctl("why", job).stdout


def test_it_can_be_taken_back(site):
    s = site
    one = order(s, ["power", "on", "edge01"], "--at", at(3600))
    two = order(s, ["reinstall", "edge02"], "--at", at(3600))
    handed(s, one)
    handed(s, two)
    done = s.ctl("job", "cancel", one, "--reason", "not wanted")
    assert done.returncode == 0, done.stderr
    assert wait_end(s, one)["state"] == "cancelled"
    # The host's BMC and cards stay as the agent has them, and it is not removed.
    s.refused(s.ctl("host", "set", "edge02", "--bmc", "127.0.0.9"), 3, "edge02", "host-busy", two)
    s.refused(s.ctl("host", "rm", "edge02"), 3, "edge02", "host-busy", two)
    assert s.ctl("host", "lock", "edge02", "--reason", "disk exchange").returncode == 0
    ended = wait_end(s, two)
    assert ended["state"] == "cancelled" and ended["verdict"]["code"] == "host-locked"
    assert s.powers() == {"off": 0, "on": 0, "cycle": 0, "reset": 0, "soft": 0}


def test_times_that_make_no_sense(site):
    s = site
    for more, words in ((("--at", "tomorrow"), "--at"), (("--at", at(60), "--window", "x"), "duration"),
                        (("--at", at(-60)), "passed"), (("--at", at(40 * 86400)), "31 days")):
        done = s.ctl("power", "on", "edge01", "--reason", "INC-7", "--yes", *more)
        assert done.returncode == 1 and words in done.stderr, (more, done.stderr)
    assert not s.json("job", "list")["items"]
