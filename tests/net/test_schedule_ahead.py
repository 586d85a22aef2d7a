# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is planned ahead, for a second person to approve of, is still its schedule's next one: who pauses or removes the schedule, or
skips its next run, means that one, and who changes the schedule is told of it."""
import contextlib
import sqlite3
from datetime import datetime, timedelta, timezone

import pytest

from netlab import until
from orch_lab import Orch, document


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path, config="approval: {hosts: 1, lead_h: 24}\n")
    try:
        assert o.apply(document()).status == 200
        yield o
    finally:
        o.stop()


@pytest.fixture
def planned(orch):
    at = (datetime.now(timezone.utc) + timedelta(hours=2)).replace(second=0, microsecond=0)
    answer = orch.post("/schedules", {"name": "weekly", "kind": "reinstall", "hosts": "edge[01-02]", "reason": "INC-1", "tz": "UTC",
                                      "cron": f"{at.minute} {at.hour} * * {at.strftime('%a').upper()}", "window_s": 3600})
    assert answer.status == 201, answer.json
    return until(lambda: (lambda r: r and r[0])(rollouts(orch)), "the run that is planned")


def rollouts(o):
    return o.get("/rollouts?schedule=weekly").json["items"]


@pytest.mark.parametrize("approved", (False, True))
@pytest.mark.parametrize("verb", ("pause", "skip-next", "remove"))
def test_who_holds_the_schedule_holds_what_is_planned(orch, planned, verb, approved):
    assert planned["state"] == "waiting-approval"
    if approved:  # by hand: there is nobody else here
        orch.kill()
        with contextlib.closing(sqlite3.connect(orch.database)) as db, db:
            db.execute("update rollout set state = 'planned', approved_at = 1, approved_by = 'ben'")
        orch.start()
    next_before = orch.get("/schedules/weekly").json["next"]
    if verb == "remove":
        assert orch.delete("/schedules/weekly?reason=INC-2").status == 204
    else:
        assert orch.post(f"/schedules/weekly/{verb}", {"reason": "INC-2"}).status == 200
    (r,) = rollouts(orch)
    assert r["state"] == "aborted" and "INC-2" in r["why"]["text"], r
    until(lambda: rollouts(orch)[0]["counts"]["deferred"] == 2, "its hosts to be left")
    if verb == "skip-next":
        # That was the next one: the one after it is not skipped as well.
        assert orch.get("/schedules/weekly").json["next"] == next_before
        (item,) = orch.get("/schedules/next?name=weekly&n=1").json["items"]
        assert item["left_out"] is None
    rows = [x["what"] for x in orch.get("/audit").json["items"]]
    assert "rollout.abort" in rows


def test_who_changes_the_schedule_is_told(orch, planned):
    answer = orch.patch("/schedules/weekly", {"hosts": "edge03"})
    assert answer.status == 409 and answer.json["code"] == "schedule-planned" and planned["id"] in answer.json["detail"], answer.json
    # Nor by a document, of which nothing is written then.
    (old,) = orch.get("/export").json["schedules"]
    answer = orch.apply({"schedules": [{**old, "hosts": "edge03"}, {**old, "name": "other"}]})
    assert answer.status == 409 and answer.json["code"] == "schedule-planned" and planned["id"] in answer.json["detail"], answer.json
    assert orch.get("/schedules/other").status == 404 and orch.apply({"schedules": [old]}).status == 200
    assert orch.post(f"/rollouts/{planned['id']}/abort", {"reason": "INC-2"}).status == 200
    assert orch.patch("/schedules/weekly", {"hosts": "edge03"}).status == 200
