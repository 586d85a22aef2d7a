# SPDX-License-Identifier: GPL-3.0-or-later
"""A site at the far end of a line of 300 ms, 10 Mbit/s and 2 % loss: the line is cut at every stage of a job in turn, and each job
ends as it would have, with the same history; and what was seen in weeks without a line comes over it in order, each once."""
import json
import signal
import sqlite3

import pytest

from far_lab import FarSite
from netlab import PATIENCE, until

STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd", "os-up",
          "installed", "local-boot"]
WEEKS = 50000
BACK = 5 * PATIENCE  # over that line, with its cuts
TOLD = ("job.accepted", "job.attempt", "job.stage", "job.ticket", "job.done", "job.failed")


class Far(FarSite):
    """Whose image tells of the disk's first start, too: a job has every stage that a machine can be told to pass."""

    def document(self):
        doc = super().document()
        doc["images"][0]["reports"] = ["up", "installed", "booted"]
        return doc


@pytest.fixture
def far(netns):
    s = Far(netns, delay_ms=150, rate_kbit=10000, loss=2)
    try:
        yield s.start()
        s.line.heal()
    finally:
        s.close()


def entered(s, stage):
    """The agent's open job is at the stage, as its own spool says."""
    return any(json.loads(r[0])["stage"] == stage for r in s.select("agent/agent.db", "select run from job where ended is null"))


def over(s):
    return not s.select("agent/agent.db", "select 1 from job where ended is null")


def settled(s):
    """All that the agent has seen is recorded."""
    last = int(s.select("agent/agent.db", "select value from meta where key = 'last_seq'")[0][0])
    return (not s.select("agent/agent.db", "select 1 from event limit 1")
            and s.select("orch/o.db", "select max(last_seq) from agent")[0][0] >= last)


def history(s, job):
    rows = s.select("orch/o.db", "select kind, detail, agent_seq, at from event where agent is not null "
                    f"and job = '{job}' order by seq")
    numbers, times = [r[2] for r in rows], [r[3] for r in rows]
    assert numbers == sorted(set(numbers)), "each once, in order"
    # The fraction of a boot's sign is that of the moment it was seen at, a little before the agent wrote it down.
    assert all(later > earlier - 2_000_000 for earlier, later in zip(times, times[1:])), "and in order of time"
    told = [(r[0], json.loads(r[1] or "{}")) for r in rows if r[0] in TOLD]
    return [(kind, d.get("stage"), d.get("state"), d.get("attempt")) for kind, d in told]


def run(s, cut_at=None):
    """A reinstall; the line is cut as it comes to that stage, and healed when it has ended at the site. Its history."""
    # Its store tells what it holds after the first poll; until then the image is not known to be there.
    s.stocked()
    done = s.ctl("-o", "json", "reinstall", "edge01", "--reason", "INC-123", "--yes")
    assert done.returncode == 0, done.stderr
    job = s.select("orch/o.db", "select id from job where ended is null")[0][0]
    m = s.machine()
    steps = {"firmware-dhcp": m.firmware, "loader": m.loader, "ipxe-dhcp": m.ipxe, "script": m.script,
             "kernel": lambda: m.whole(m.kernel_url, len(s.kernel)), "initrd": lambda: m.whole(m.initrd_urls[0], len(s.initrd)),
             "os-up": lambda: m.report("up") == "204", "installed": lambda: m.report("installed") == "204", "local-boot": lambda: m.report("booted") == "204"}
    until(lambda: s.select("agent/agent.db", f"select 1 from job where id = '{job}'"), "the order at the agent", BACK)
    for stage in STAGES:
        if stage in steps:
            until(lambda: entered(s, stage), f"stage {stage} at the agent", BACK)
        elif stage == cut_at:
            # The first stages go by in moments: the cut is where they are by then.
            until(lambda: entered(s, stage) or entered(s, "firmware-dhcp"), f"stage {stage}", BACK)
        if stage == cut_at:
            s.line.cut()
        if stage in steps:
            assert steps[stage]() is not False, stage
    until(lambda: over(s), "the job's end at its site", BACK)
    s.line.heal()
    until(lambda: s.job(job)["ended"], "its end here", BACK)
    until(lambda: settled(s), "all that was seen to be recorded", BACK)
    return s.job(job)["state"], history(s, job)


def test_the_line_is_cut_at_every_stage(far, record_property):
    state, uncut = run(far)
    assert state == "done"
    assert [h[1] for h in uncut if h[0] == "job.stage" and h[2] == "confirmed"] == STAGES
    for stage in STAGES:
        assert run(far, stage) == ("done", uncut), f"cut at {stage}"
    record_property("figure", f"a job whose line is cut: {len(STAGES)} cuts, one at every stage, each ends as without, history the same")


def fill(s):
    """As after weeks: events of all that time in the spool of an agent that does not run."""
    db = sqlite3.connect(s.path("agent/agent.db"), timeout=PATIENCE)
    last = int(db.execute("select value from meta where key = 'last_seq'").fetchone()[0])
    db.executemany("insert into event (seq, doc) values (?, ?)", (
        (last + 1 + i, json.dumps({"at": f"2026-10-{1 + i * 28 // WEEKS:02d}T{i * 28 * 24 // WEEKS % 24:02d}:00:{i % 60:02d}.000Z",
                                   "kind": "dhcp4.discover", "site": "local", "host": "edge01", "mac": "52:54:00:77:00:01",
                                   "reason": f"number {i}"})) for i in range(WEEKS)))
    db.execute("update meta set value = ? where key = 'last_seq'", (str(last + WEEKS),))
    db.commit()
    db.close()


def recorded(s):
    return s.select("orch/o.db", "select count(*) from event where reason like 'number %'")[0][0]


def test_weeks_without_a_line_are_told_once_and_in_order(far, record_property):
    s = far
    s.end("agent")
    fill(s)
    s.start_agent()
    reach = iter(WEEKS * n // 8 for n in range(1, 8))

    def some():
        until(lambda n=next(reach): recorded(s) >= n, "more of it", BACK)
    some()
    with s.line.down():
        s.end("agent", signal.SIGKILL)
        s.start_agent()
    some()
    s.end("orchestrator", signal.SIGKILL)
    s.start_orchestrator()
    some()
    s.line.cut()
    s.end("orchestrator", signal.SIGKILL)
    s.line.heal()
    s.start_orchestrator()
    some()
    s.end("agent", signal.SIGKILL)
    s.start_agent()
    until(lambda: settled(s), "all of it", 2 * BACK)
    rows = s.select("orch/o.db", "select reason from event where reason like 'number %' order by seq")
    assert [r[0] for r in rows] == [f"number {i}" for i in range(WEEKS)]
    assert not s.select("orch/o.db", "select 1 from event where kind in ('agent.gap', 'agent.unreadable')")
    record_property("figure", f"{WEEKS:,} events of weeks over 300 ms, 10 Mbit/s, 2 % loss, with cuts and kills: each once, in order")
