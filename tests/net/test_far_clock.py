# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents whose machine has a wrong clock, as they are: netboot-agent and its netboot-bootd with another time of day than the
orchestrator. The record has the times that it was here, in order, and what the agent said; a clock that is so wrong that no
certificate holds is called that."""
import json
import re
import time

import pytest

from far_lab import FarSite
from join_lab import openssl
from netlab import until
from skew import Skew
from test_orch_clock import seconds

MINUTE, HOUR, DAY = 60, 3600, 86400
SLACK = 2  # seconds: measured over a line without delay, on a loaded machine


@pytest.fixture
def far(netns):
    made = []

    def make(ahead):
        s = FarSite(netns)
        made.append(s)
        s.clock = Skew(s.path("clock"), ahead)
        s.agent_by = s.clock.argv
        return s
    yield make
    for s in made:
        s.close()


def begin(s):
    """A job at its host, the machine switched on: (its id, the machine, when it was ordered)."""
    s.stocked()
    began = time.time()
    done = s.reinstall("edge01")
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    until(lambda: s.job(job)["stage"] == "firmware-dhcp", "the machine to be switched on")
    return job, s.machine(), began


def end(s, job, state="done"):
    until(lambda: s.job(job)["ended"], "the job's end")
    assert s.job(job)["state"] == state, s.job(job)


def of_agent(s, job):
    """What the agent told of the job, as it is recorded: rows (kind, when it was, what the agent said), by number."""
    rows = s.select("orch/o.db", f"select kind, at, said_at from event where agent is not null and job = '{job}' order by agent_seq")
    return [(kind, at / 1e6, said / 1e6 if said else None) for kind, at, said in rows]


def in_order(rows, began):
    times = [at for _, at, _ in rows]
    # A boot's sign has the moment that it was seen at, a little before the agent wrote it down.
    assert all(later > earlier - SLACK for earlier, later in zip(times, times[1:])), rows
    assert all(began - SLACK < at < time.time() + SLACK for at in times), (began, rows)


@pytest.mark.parametrize("ahead", [HOUR, -20 * MINUTE], ids=["ahead", "behind"])
def test_a_job_of_an_agent_with_a_wrong_clock(far, ahead):
    s = far(ahead).start()
    job, m, began = begin(s)
    assert m.load() and m.report("up") == m.report("installed") == "204"
    end(s, job)
    rows = of_agent(s, job)
    assert len(rows) > 15
    in_order(rows, began)
    # What the agent said is what its clock showed then.
    assert all(abs(said - at - ahead) < SLACK for _, at, said in rows), rows
    shown = [e for e in s.events("--job", job) if "said_at" in e]
    assert len(shown) == len(rows) and all(abs(seconds(e["said_at"]) - seconds(e["at"]) - ahead) < SLACK for e in shown)
    # How far it is off, for machines and for people.
    (agent,) = s.json("agent", "list")["items"]
    assert abs(agent["clock"]["ahead_us"] / 1e6 - ahead) < SLACK and agent["clock"]["within_us"] < SLACK * 1e6
    (found,) = s.findings("clock")
    # To the second above or below, as it was measured.
    words = r"(59m5\ds|1h(00m)?) ahead" if ahead > 0 else r"(19m5\ds|20m(0\ds)?) behind"
    assert found["level"] == "warn" and re.search(words, found["text"]) and "NTP" in found["next"], found
    assert re.search(words, s.ctl("doctor").stdout)
    assert re.search(words, s.ctl("agent", "list").stdout)
    # A stage has not lasted an hour, and its host was heard just now.
    assert not s.json("status")["items"][0].get("reason")


def test_a_clock_is_set_right_in_a_job_while_the_line_is_down(far):
    """What was seen before and after is each corrected by what the clock was like then."""
    s = far(HOUR).start()
    job, m, began = begin(s)
    s.line.cut()
    m.firmware()
    m.loader()
    until(lambda: stage(s) == "ipxe-dhcp", "the loader to be seen")
    s.clock.set(0)
    m.ipxe()
    m.script()
    assert m.payloads() and m.report("up") == m.report("installed") == "204"
    until(lambda: not s.select("agent/agent.db", "select 1 from job where ended is null"), "its end at the site")
    s.line.heal()
    end(s, job)
    rows = of_agent(s, job)
    in_order(rows, began)
    (step,) = s.select("orch/o.db", "select detail from event where kind = 'clock.step'")
    assert abs(json.loads(step[0])["step_us"] / 1e6 + HOUR) < SLACK
    wrong = [said is not None for _, _, said in rows]
    assert {True, False} == set(wrong) and wrong == sorted(wrong, reverse=True), "first those of the wrong clock, then the others"
    until(lambda: not s.findings("clock"), "the clock to be right")


def ended_there(s, job):
    (row,) = s.select("agent/agent.db", f"select ended from job where id = '{job}'") or [(None,)]
    return row[0]


def test_a_site_with_a_wrong_clock_works_alone(far):
    """A window opens when it is time at the orchestrator, which is not there; an order of the site's own is in the record with its time."""
    s = far(2 * HOUR).start()
    until(lambda: "can work alone with 1 hosts" in s.read("agent.log"), "the list")
    opens = time.time() + 6
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens))
    done = s.ctl("power", "off", "edge01", "--reason", "INC-7", "--at", at, "--window", "10m", "--yes")
    assert done.returncode == 0, done.stderr
    later = done.stdout.strip()
    until(lambda: [e for e in s.events("--job", later) if e["kind"] == "job.handed"], "job.handed")
    s.end("orchestrator")
    s.end("agent")  # who is started while nobody tells it the time knows it all the same
    s.start_agent()
    until(lambda: ended_there(s, later), "its end")
    assert opens - SLACK < time.time() < opens + MINUTE
    began = time.time()
    theirs, s.socket = s.socket, s.path("agent", "agent.sock")
    done = s.ctl("power", "on", "edge01", "--reason", "dark", "--yes")
    s.socket = theirs
    assert done.returncode == 0, done.stderr
    own = done.stdout.split()[0]
    until(lambda: ended_there(s, own), "the end of the site's own")
    s.start_orchestrator()
    for job, since in ((later, opens - 1), (own, began)):
        until(lambda job=job: s.ctl("job", "show", job).returncode == 0 and s.job(job)["ended"], f"the end of {job}")
        assert s.job(job)["state"] == "done", s.job(job)
        rows = of_agent(s, job)
        in_order([r for r in rows if r[0] != "job.handed"], since)
    shown = s.job(own)
    assert shown["origin"] == "local" and abs(seconds(shown["created"]) - began) < SLACK + 1, shown
    audit = [r for r in s.json("audit", "list")["items"] if r["what"] == "job.local"]
    assert [(r["object"], r["result"]) for r in audit] == [("edge01", "ok")], audit
    # In order of time with those that were ordered here.
    after = s.ctl("power", "off", "edge01", "--reason", "INC-8", "--yes").stdout.strip()
    assert sorted([after, own, later]) == [later, own, after]


def stage(s):
    rows = s.select("agent/agent.db", "select run from job where ended is null")
    return json.loads(rows[0][0])["stage"] if rows else None


def test_joining_with_a_clock_of_another_time(far):
    """Before and after the time in which the authority is good: said as that, and the secret stays good for when it is set right."""
    s = far(-3 * DAY)
    s.start_orchestrator()
    s.apply()
    secret = s.secret()
    authority = openssl("x509", "-in", s.path("authority.pem"), "-noout", "-dates", "-dateopt", "iso_8601")
    begins, ends = (x.split("=")[1][:10] for x in authority.splitlines())
    for ahead in (-3 * DAY, 21 * 365 * DAY):
        s.clock.set(ahead)
        done = s.try_enroll(secret)
        assert done.returncode == 1 and "netboot-agent: clock-wrong: " in done.stderr, done.stderr
        shown = time.strftime("%Y-%m-%d", time.gmtime(s.clock.now()))
        for word in (f"by the clock here it is {shown}", f"is good from {begins}", f"until {ends}", "set the clock of this machine"):
            assert word in done.stderr, done.stderr
    # The authority is good then, what the server shows is not any more.
    s.clock.set(200 * DAY)
    done = s.try_enroll(secret)
    assert done.returncode == 1 and "certificate has expired: look at the clocks of this machine and" in done.stderr, done.stderr
    s.clock.set(0)
    assert s.try_enroll(secret).returncode == 0
