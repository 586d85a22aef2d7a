# SPDX-License-Identifier: GPL-3.0-or-later
"""The orchestrator is killed in the middle of a stop with thousands of open jobs: all of it holds afterwards, or none."""
import contextlib
import os
import sqlite3
import threading

import pytest

from agent_sim import fill
from netlab import until
from orch_lab import Agent, Orch

SITES, HOSTS = 12, 200


@pytest.fixture
def full(tmp_path):
    """Every host has a job that no agent was given."""
    o = Orch(tmp_path)
    try:
        fill(o, SITES, HOSTS)
        for i in range(SITES):
            Agent(o, f"s{i:04d}", number=i + 1).poll()
        answer = o.order("all", kind="reboot", yes=True, limit=10000)
        assert answer.status == 202 and len(answer.json["jobs"]) == SITES * HOSTS, answer.json
        yield o
    finally:
        o.stop()


def state(o):
    with contextlib.closing(sqlite3.connect(o.database)) as db:
        return (db.execute("select count(*) from hold").fetchone()[0],
                db.execute("select count(*) from job where ended is null").fetchone()[0],
                db.execute("select count(*) from job where cancel_code = 'world-stopped' and verdict_code = 'world-stopped'").fetchone()[0],
                db.execute("select count(*) from audit where what in ('job.cancel', 'stop.begin')").fetchone()[0],
                db.execute("select count(*) from event where kind in ('job.cancelled', 'hold.begin')").fetchone()[0])


def stop_and_forget(o):
    with contextlib.suppress(Exception):
        o.post("/stop", {"reason": "INC-9"})


NONE = (0, SITES * HOSTS, 0, 0, 0)
ALL = (1, 0, SITES * HOSTS, SITES * HOSTS + 1, SITES * HOSTS + 1)


def test_killed_in_the_middle_of_a_stop(full):
    o = full
    assert state(o) == NONE
    wal = o.database + "-wal"
    # What does not fit into the cache is written before the commit.
    before = os.path.getsize(wal)
    t = threading.Thread(target=stop_and_forget, args=(o,))
    t.start()
    until(lambda: os.path.getsize(wal) != before, "the stop to be on its way")
    o.kill()
    t.join()
    assert state(o) in (NONE, ALL)
    o.start()
    assert state(o) in (NONE, ALL)
    assert o.get("/stop").json["stopped"] == (state(o) == ALL)
    # Asked for again, as who got no answer does.
    jobs = o.post("/stop", {"reason": "INC-9"}).json["jobs"]
    assert jobs["told"] == jobs["running"] == 0
    assert state(o)[:3] == ALL[:3] and o.get("/audit/verify").json["ok"]
    assert not Agent(o, "s0000").poll().json["orders"]
