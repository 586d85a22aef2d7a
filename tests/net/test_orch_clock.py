# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of agents whose clocks are off: recorded as they were here, with what the agent said."""
import base64
import time

import pytest

import orch_lab
from console_rec import frame, frames
from test_image_place import fetch

HOUR = 3600


def text(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def seconds(text_of):
    head, ms = text_of.rstrip("Z").split(".")
    return time.mktime(time.strptime(head, "%Y-%m-%dT%H:%M:%S")) - time.timezone + int(ms) / 1000


@pytest.fixture
def lab(orch):
    assert orch.apply(orch_lab.document(1)).status == 200
    return orch, orch_lab.Agent(orch)


def say(agent, ahead, stepped=0, restarts=0, within=0.15):
    agent.says["now"] = int((time.time() + ahead) * 1e6)
    agent.says["clock"] = {"ahead": int(ahead * 1e6), "within": int(within * 1e6), "stepped": int(stepped * 1e6),
                           "restarts": restarts, "seq": 0}
    assert agent.poll().status == 200


def event(agent, kind, at, **detail):
    return dict(agent.event(kind, **detail), at=text(at))


def taken(orch, kind):
    return [e for e in orch.events() if e["kind"] == kind]


def test_an_event_has_the_time_that_it_was_here(lab):
    orch, agent = lab
    say(agent, 2 * HOUR)
    now = time.time()
    agent.report(*(event(agent, "dhcp4.ack", now + 2 * HOUR + i) for i in range(3)))
    seen = taken(orch, "dhcp4.ack")
    assert [e["at"] for e in seen] == [text(now + i) for i in range(3)]
    assert [e["said_at"] for e in seen] == [text(now + 2 * HOUR + i) for i in range(3)]
    found = [f for f in orch.get("/doctor").json["findings"] if f["check"] == "clock"]
    assert len(found) == 1 and "2h" in found[0]["text"] and "ahead of" in found[0]["text"] and "NTP" in found[0]["next"]
    # What was measured outlives a restart of the orchestrator; what the agent says of said_at does not count.
    orch.kill()
    orch.start()
    agent.report(dict(event(agent, "dhcp4.nak", now + 2 * HOUR + 9), said_at=text(1)))
    assert [(e["at"], e["said_at"]) for e in taken(orch, "dhcp4.nak")] == [(text(now + 9), text(now + 2 * HOUR + 9))]


def test_a_clock_that_is_as_good_as_right(lab):
    orch, agent = lab
    say(agent, 1.0, within=0.2)
    now = time.time()
    agent.report(event(agent, "dhcp4.ack", now))
    assert [(e["at"], "said_at" in e) for e in taken(orch, "dhcp4.ack")] == [(text(now), False)]
    assert not [f for f in orch.get("/doctor").json["findings"] if f["check"] == "clock"]


def test_steps_while_the_line_was_down(lab):
    """Before, between and after two steps each time is corrected by the clock of then."""
    orch, agent = lab
    say(agent, 2 * HOUR)  # measured before the line went down
    now = time.time() - 600
    say(agent, -HOUR, stepped=-3 * HOUR)  # and now, after two steps that are still in the journal
    agent.report(event(agent, "dhcp4.ack", now + 2 * HOUR),
                 event(agent, "clock.step", now + 10, step_us=int(-2 * HOUR * 1e6)),
                 event(agent, "dhcp4.ack", now + 20),
                 event(agent, "clock.step", now + 30 - HOUR, step_us=int(-HOUR * 1e6)),
                 event(agent, "dhcp4.ack", now + 40 - HOUR))
    assert [e["at"] for e in taken(orch, "dhcp4.ack")] == [text(now), text(now + 20), text(now + 40)]
    times = [seconds(e["at"]) for e in orch.events() if e["kind"] in ("dhcp4.ack", "clock.step")]
    assert times == sorted(times)


def test_a_machine_that_came_up_with_another_clock(lab):
    orch, agent = lab
    say(agent, 2 * HOUR)
    now = time.time() - 600
    say(agent, -5 * HOUR, restarts=1)
    agent.report(event(agent, "dhcp4.ack", now + 2 * HOUR), event(agent, "clock.restart", now + 10 - 5 * HOUR),
                 event(agent, "dhcp4.ack", now + 20 - 5 * HOUR))
    assert [e["at"] for e in taken(orch, "dhcp4.ack")] == [text(now), text(now + 20)]


def test_a_claim_that_its_messages_do_not_bear_out(lab):
    orch, agent = lab
    agent.says["now"] = int(time.time() * 1e6)
    agent.says["clock"] = {"ahead": int(2 * HOUR * 1e6), "within": 1000}
    assert agent.poll().status == 200
    now = time.time()
    agent.report(event(agent, "dhcp4.ack", now))
    assert [e["at"] for e in taken(orch, "dhcp4.ack")] == [text(now)]


@pytest.mark.parametrize("clock", [{"ahead": 2 ** 62, "within": 0}, {"ahead": 0, "within": -1}, {"ahead": 0}, {"ahead": 0, "within": 0, "restarts": -1}])
def test_a_clock_that_cannot_be(lab, clock):
    _, agent = lab
    agent.says["clock"] = clock
    assert agent.poll().status == 400


def test_deadlines_are_judged_by_corrected_times(lab):
    orch, agent = lab
    say(agent, -600)
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    now = time.time()
    stage = dict(agent.stage(job, "os-up", deadline_us=300_000_000), at=text(now - 600))
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1), stage)
    row = orch.get("/status").json["items"][0]
    assert row["in_stage_us"] < 60_000_000 and "reason" not in row


def test_consoles_and_the_stop_of_a_site_have_the_time_that_it_was_here(lab):
    orch, agent = lab
    say(agent, 2 * HOUR)
    now = time.time()
    boot, idle = orch_lab.make_id(801), orch_lab.make_id(802)
    agent.report(event(agent, "boot.begin", now - 600 + 2 * HOUR, boot=boot, planned=False))

    def bring(rec, offset=0, times=(0, 1, 2), always=False):
        when = [int((now + t) * 1e6) for t in times]
        data = (frame("B", int(always), when[0], b"nbcon1\0edge01\0%s\0" % rec.encode()) + frame("D", 0, when[1], b"hello")
                + frame("M", 8, when[2], b"over"))
        piece = {"v": 1, "site": "local", "agent": agent.id, "boot": rec, "offset": offset, "data": base64.b64encode(data).decode()}
        assert orch.call("POST", "/agent/v1/console", piece).json == {"v": 1, "held": len(data)}
        return data

    def kept(path):
        return [f[2] / 1e6 for f in frames(fetch(orch, f"/api/v1{path}")[1])]
    at = [2 * HOUR - 500, 2 * HOUR - 499, 2 * HOUR - 498]
    data = bring(boot, times=at)
    assert kept(f"/boots/{boot}/console") == pytest.approx([now - 500, now - 499, now - 498], abs=0.01)
    # What is brought again, or goes on, finds as many octets as it had.
    assert orch.call("POST", "/agent/v1/console", {"v": 1, "site": "local", "agent": agent.id, "boot": boot, "offset": 0,
                                                   "data": base64.b64encode(data).decode()}).json["held"] == len(data)
    bring(idle, times=[2 * HOUR - 50, 2 * HOUR - 49, 2 * HOUR - 48], always=True)
    rows = orch.get("/hosts/edge01/consoles").json["items"]
    assert sorted(seconds(r["began"]) for r in rows) == pytest.approx([now - 500, now - 50], abs=0.01)
    # A recording of before the clock was set comes afterwards: it is of the clock of then.
    later = orch_lab.make_id(803)
    agent.report(event(agent, "boot.begin", now + 2 * HOUR, boot=later, planned=False))
    say(agent, 0, stepped=-2 * HOUR)
    bring(later, times=[2 * HOUR + 1, 2 * HOUR + 2, 2 * HOUR + 3])
    assert kept(f"/boots/{later}/console") == pytest.approx([now + 1, now + 2, now + 3], abs=0.01)
    agent.says["bmc_stop"] = {"since": int((now - 60) * 1e6), "refused": 6, "heard": 9}
    say(agent, 0, stepped=-2 * HOUR)
    assert seconds(orch.get("/agents").json["items"][0]["bmc_stop"]["since"]) == pytest.approx(now - 60, abs=0.01)
    agent.says["bmc_stop"] = {"since": int((now + HOUR - 60) * 1e6), "refused": 6, "heard": 9}
    say(agent, HOUR, stepped=-HOUR)
    assert seconds(orch.get("/agents").json["items"][0]["bmc_stop"]["since"]) == pytest.approx(now - 60, abs=0.01)
