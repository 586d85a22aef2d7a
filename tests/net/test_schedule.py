# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules by REST, with the real orchestrator: what is refused and what is warned of, what GET /schedules/next shows beside zoneinfo, and
runs at their times by clocks that are set and with processes that are killed."""
import contextlib
import datetime
import random
import sqlite3
import time
import zoneinfo

import pytest

from netlab import PATIENCE, until
from orch_lab import Orch, document, host, site
from skew import Skew

UTC = datetime.timezone.utc
ZONES = {"los": "Africa/Lagos", "jnb": "Africa/Johannesburg", "cas": "Africa/Casablanca", "prg": "Europe/Prague",
         "yyt": "America/St_Johns", "ktm": "Asia/Kathmandu"}


class At(Orch):
    """With a clock that shows what one wants."""

    def __init__(self, folder, at, **kw):
        self.clock = Skew(str(folder / "clock"))
        self.set(at)
        super().__init__(folder, clock=self.clock, **kw)

    def set(self, at):
        self.clock.set(datetime.datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() - time.time())

    def again(self, at):
        """Not there until then."""
        self.kill()
        self.set(at)
        self.start()

    def rollouts(self, name="weekly"):
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as db:
            return db.execute("select id, nominal, by_whom, (select count(*) from rollout_host h where h.rollout = r.id), opens, closes"
                              " from rollout r where schedule = ? order by id", (name,)).fetchall()

    def runs(self, name="weekly"):
        return [(r["nominal"], r["outcome"]) for r in self.get(f"/schedules/{name}/runs").json["items"]]

    def over(self, name="weekly"):
        """As if its rollouts had ended."""
        self.kill()
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as db:
            db.execute("update rollout set ended = changed, state = 'done' where schedule = ?", (name,))
            db.execute("update rollout_host set state = 'ok'")
            db.commit()


def fleet():
    return {"sites": [site(n, timezone=z, subnets=[]) for n, z in ZONES.items()],
            "images": document()["images"],
            "hosts": [host(i, name=f"edge01.{n}", site=n, labels={"role": "edge"}, nics=[]) for i, n in enumerate(ZONES, 1)]}


@pytest.fixture
def orch(tmp_path):
    o = At(tmp_path, "2026-11-27T12:00:00")
    assert o.apply(fleet()).status == 200
    yield o
    o.stop()


def doc(**more):
    d = {"name": "weekly", "kind": "reboot", "hosts": "@role=edge", "reason": "patches", "cron": "0 3 * * SUN", **more}
    return {k: v for k, v in d.items() if v is not None}


def warnings(answer):
    return {w["code"]: w["text"] for w in answer.json["warnings"]}


BAD = [({"cron": "0 25 * * *"}, "bad-cron"), ({"cron": "0 3 31 2 *"}, "bad-cron"), ({"cron": "0 3 * *"}, "bad-cron"),
       ({"cron": None}, "bad-value"), ({"rrule": "FREQ=DAILY"}, "bad-value"), ({"cron": None, "rrule": "daily"}, "bad-rrule"),
       ({"cron": None, "at": "soon"}, "bad-time"), ({"cron": None, "at": "2026-11-01 03:00"}, "bad-value"),
       ({"tz": "Mars/Base"}, "bad-value"), ({"cron": "@hourly"}, "bad-value"), ({"hosts": ""}, "bad-value"),
       ({"hosts": "edge01.mars"}, "host-unknown"), ({"hosts": "edge01"}, "host-ambiguous"), ({"hosts": "@@"}, None),
       ({"hosts": "all,-@role=db"}, "host-unknown"), ({"window_s": 0}, "bad-value"), ({"window_s": 604801}, "bad-value"),
       ({"window_s": 60, "jitter_s": 60}, "bad-value"), ({"blackout": ["Xmas"]}, "bad-value"), ({"missed": "twice"}, "bad-value"),
       ({"limit": 5}, "too-many-hosts"), ({"reason": None}, "reason-missing"), ({"kind": "dance"}, "bad-value"),
       ({"policy": {"canary": -1}}, None), ({"policy": {"gates": ["tcp:0"]}}, None), ({"window": 3}, "key-unknown"),
       ({"name": "next"}, "bad-value"), ({"kind": "boot"}, "image-unknown")]


def test_what_cannot_be_is_refused_with_words(orch):
    for change, code in BAD:
        answer = orch.post("/schedules", doc(**change))
        assert 400 <= answer.status < 500 and (code is None or answer.code == code), (change, answer.json)
        assert answer.json["detail"], change
    assert orch.get("/schedules").json == {"items": [], "next": None}


def test_what_is_odd_is_told(orch):
    orch.apply({"hosts": [host(9, name="probed.prg", site="prg", probe="tcp:22", nics=[])]})
    assert warnings(orch.post("/schedules", doc(hosts="probed.prg"))) == {}
    told = warnings(orch.post("/schedules", doc(name="odd", cron="30 2 * * *", window_s=300)))
    assert set(told) == {"no-probe", "window-short", "time-skipped", "time-twice"}
    assert "6 hosts" in told["no-probe"] and "10m" in told["window-short"]
    told = warnings(orch.post("/schedules", doc(name="prg", hosts="probed.prg", cron="30 2 * * SUN")))
    assert "Europe/Prague is put forward over 2027-03-28 02:30" in told["time-skipped"]
    told = warnings(orch.post("/schedules", doc(name="none", hosts="@role=none", kind="live", image="gone")))
    assert set(told) == {"no-hosts-now", "image-unknown"}
    # A drill leaves disks alone; what is to boot is of the kind of the work.
    told = warnings(orch.post("/schedules", doc(name="wipes", kind="drill", image="debian")))
    assert "debian is of kind reinstall" in told["drill-image"]
    told = warnings(orch.post("/schedules", doc(name="lives", kind="live", image="debian")))
    assert "debian is of kind reinstall, not live" in told["image-kind"]
    # One host at a time that has to stay well for longer than the window: the others never have their turn.
    told = warnings(orch.post("/schedules", doc(name="soaks", window_s=3600, policy={"soak_s": 3600})))
    assert "1h00m" in told["soak-long"]
    assert "soak-long" not in warnings(orch.post("/schedules", doc(name="one", hosts="probed.prg", window_s=3600, policy={"soak_s": 3600})))
    told = warnings(orch.post("/schedules", doc(name="racks", policy={"per_label": {"rck": 1, "role": 1}})))
    assert told["label-unknown"] == "no host has the label rck: per_label holds none of them back"
    # A next run that no site opens for, by a blackout, is said to open nowhere.
    shut = orch.post("/schedules", doc(name="shut", blackout=["2026-11-29"])).json["next"]
    assert (shut["nominal"], shut["opens"]) == ("2026-11-29T03:00", None)
    # A host that was named goes.
    assert orch.delete("/hosts/probed.prg").status == 204
    assert "host-unknown" in warnings(orch.get("/schedules/prg"))


def test_made_changed_and_removed(orch):
    made = orch.post("/schedules", doc(policy={"canary": 1}), Idempotency_Key="k1")
    assert made.status == 201 and made.json["state"] == "active" and made.json["policy"]["canary"] == 1
    assert made.json["next"]["nominal"] == "2026-11-29T03:00" and made.json["next"]["opens"] == "2026-11-28T21:15:00.000Z"
    assert made.json["last"] is None and made.json["paused"] is None and made.json["tz"] == "site"
    assert orch.post("/schedules", doc(policy={"canary": 1}), Idempotency_Key="k1").json == made.json
    assert orch.post("/schedules", doc()).code == "schedule-exists"
    etag = orch.get("/schedules/weekly").etag
    changed = orch.patch("/schedules/weekly", {"at": "2026-12-01 04:00", "policy": {"max_fail": 2}}, If_Match=etag)
    assert changed.json["at"] == "2026-12-01 04:00" and "cron" not in changed.json
    assert changed.json["policy"]["canary"] == 1 and changed.json["policy"]["max_fail"] == 2
    assert changed.json["next"]["nominal"] == "2026-12-01T04:00"
    assert orch.patch("/schedules/weekly", {"limit": 9}, If_Match=etag).status == 412
    assert orch.patch("/schedules/weekly", {"name": "other"}).code == "bad-value"
    assert orch.patch("/schedules/weekly", {"cron": "bad"}).code == "bad-cron"
    [row] = [r for r in orch.get("/audit?what=schedule.change").json["items"] if r["result"] == "ok"]
    assert set(row["before"]) == {"cron", "policy"} and set(row["after"]) == {"at", "policy"}
    paused = orch.post("/schedules/weekly/pause", {"reason": "holidays"}).json
    assert paused["state"] == "paused" and paused["paused"]["reason"] == "holidays"
    skipped = orch.post("/schedules/weekly/skip-next", {"reason": "r"}).json
    assert skipped["next"]["skipped"]
    assert orch.get("/schedules/next").json["items"][0]["left_out"] == "skip-next"
    resumed = orch.post("/schedules/weekly/resume").json
    assert resumed["state"] == "active" and not resumed["next"]["skipped"]
    assert [s["name"] for s in orch.get("/schedules").json["items"]] == ["weekly"]
    assert orch.delete("/schedules/weekly?reason=r").status == 204
    assert orch.get("/schedules/weekly").code == "schedule-unknown"


def shown(nominal, zone):
    """When a clock shows it first, or is put forward over it."""
    tz = zoneinfo.ZoneInfo(zone)
    at = nominal.replace(tzinfo=tz).astimezone(UTC)
    while at.astimezone(tz).replace(tzinfo=None, fold=0) > nominal:
        at -= datetime.timedelta(minutes=15)
    while at.astimezone(tz).replace(tzinfo=None, fold=0) < nominal:
        at += datetime.timedelta(minutes=1)
    return at


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 3 * * SUN"])
def test_coming_runs_are_at_the_local_time_of_each_place(orch, cron):
    """A year of them: both changes of each clock are among them."""
    assert orch.post("/schedules", doc(cron=cron, blackout=["2026-12-25"])).status == 201
    seen, changes = 0, 0
    for start in ("2026-11-27", "2027-02-01", "2027-03-10", "2027-10-20"):
        orch.again(f"{start}T12:00:00")
        orch.post("/schedules/weekly/pause", {"reason": "only looked at"})
        for run in orch.get("/schedules/next?name=weekly&n=30&hosts=1").json["items"]:
            nominal = datetime.datetime.fromisoformat(run["nominal"])
            if run["left_out"] == "blackout":
                assert nominal.date() == datetime.date(2026, 12, 25)
                continue
            assert run["left_out"] == "paused" and {z["zone"] for z in run["zones"]} == set(ZONES.values())
            for z in run["zones"]:
                want = shown(nominal, z["zone"])
                assert instant(z["opens"]) == want, (run["nominal"], z)
                assert instant(z["local"]).replace(tzinfo=None) == want.astimezone(zoneinfo.ZoneInfo(z["zone"])).replace(tzinfo=None)
                assert all(instant(h["opens"]) == want for h in z["hosts"]) and len(z["hosts"]) == 1
                changes += instant(z["local"]).replace(tzinfo=None) != nominal
                seen += 1
    assert seen > 500 and (changes > 0) == (cron == "30 2 * * *")


def test_a_run_is_begun_once_however_often_it_is_killed(orch):
    """Around the moment when it is due: before, while it is begun, and behind."""
    rng = random.Random(3)
    assert orch.post("/schedules", doc(hosts="edge01.jnb", window_s=7200)).status == 201
    for _ in range(8):
        orch.again("2026-11-29T00:59:59")
        time_to_die = time.monotonic() + rng.random() * 2
        until(lambda: time.monotonic() > time_to_die or orch.rollouts(), "its end")
    orch.again("2026-11-29T01:10:00")
    until(orch.rollouts, "the run")
    assert orch.runs() == [("2026-11-29T03:00", "ran")]
    [(_, nominal, by, hosts, opens, closes)] = orch.rollouts()
    assert nominal == int(datetime.datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp() * 1e6)
    assert hosts == 1 and closes - opens == 7200 * 10**6 and by == orch.get("/schedules/weekly").json["changed_by"]
    [event] = [e for e in orch.events("&kind=schedule.run")]
    assert event["detail"]["code"] == "ran" and event["detail"]["schedule"] == "weekly"
    # The clock is set back, while it runs and while it does not.
    orch.over()
    orch.set("2026-11-29T00:00:00")
    orch.start()
    orch.set("2026-11-28T12:00:00")
    orch.post("/schedules/weekly/resume")
    orch.set("2026-11-29T01:30:00")
    orch.post("/schedules/weekly/resume")
    until(lambda: orch.get("/schedules/weekly").json["next"]["nominal"] == "2026-12-06T03:00", "the next")
    assert len(orch.rollouts()) == 1


def test_what_was_missed_is_told_or_made_up_for(orch):
    orch.post("/schedules", doc())
    orch.post("/schedules", doc(name="once", missed="run-once"))
    orch.again("2026-12-16T12:00:00")
    until(lambda: orch.runs("once") and orch.runs(), "the outcomes")
    assert orch.runs() == [("2026-12-13T03:00", "missed")] and orch.runs("once") == [("2026-12-13T03:00", "ran")]
    assert orch.get("/schedules/weekly").json["last"]["text"] == "3 runs were missed"
    [(_, _, _, _, opens, closes)] = orch.rollouts("once")
    assert closes - opens == 4 * 3600 * 10**6
    # Within its window it is begun with what remains of it.
    orch.over("once")
    orch.set("2026-12-20T03:30:00")
    orch.start()
    until(orch.rollouts, "the run")
    assert orch.runs()[0] == ("2026-12-20T03:00", "ran")


def test_run_now(orch):
    orch.post("/schedules", doc(window_s=3600))
    answer = orch.post("/schedules/weekly/run-now", {"reason": "tonight"}, Idempotency_Key="k2")
    assert answer.status == 202 and answer.json["schedule"] == "weekly"
    assert orch.post("/schedules/weekly/run-now", {"reason": "tonight"}, Idempotency_Key="k2").json["id"] == answer.json["id"]
    again = orch.post("/schedules/weekly/run-now", {"reason": "again"})
    assert again.code == "schedule-busy"
    [row] = orch.get("/schedules/weekly/runs").json["items"]
    assert row["nominal"] is None and row["by"] and row["rollout"] == answer.json["id"]
    # The next one at its time is left out while that one is not over.
    orch.again("2026-11-28T21:30:00")
    until(lambda: len(orch.runs()) == 2, "the run")
    assert orch.runs()[0] == ("2026-11-29T03:00", "busy")
    orch.over()
    orch.start()
    assert orch.post("/schedules/weekly/run-now").status == 202


def test_many_runs_have_pages(orch):
    orch.post("/schedules", doc(cron="0 3 * * *", hosts="@role=none", tz="UTC"))
    for day in range(1, 6):
        orch.again(f"2026-12-{day:02d}T04:00:00")
        until(lambda n=day: orch.runs() and orch.runs()[0] == (f"2026-12-{n:02d}T03:00:00.000Z", "empty"), "the run")
    first = orch.get("/schedules/weekly/runs?limit=3").json
    second = orch.get(f"/schedules/weekly/runs?limit=3&cursor={first['next']}").json
    assert [r["outcome"] for r in first["items"] + second["items"]].count("empty") == 5
    assert second["next"] is None and PATIENCE


def changes(answer):
    assert answer.status == 200, answer.json
    return {c["name"]: (c["action"], set(c["fields"])) for c in answer.json["changes"] if c["object"] == "schedule"}


def test_schedules_of_a_document(orch):
    two = [doc(), doc(name="rule", cron=None, rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=SU")]
    assert {a for a, _ in changes(orch.apply({"schedules": two}, dry_run=True)).values()} == {"add"}
    assert orch.get("/schedules").json["items"] == []
    assert {a for a, _ in changes(orch.apply({"schedules": two})).values()} == {"add"}
    # A week later the same file is the same, and what is exported is, too.
    orch.again("2026-12-04T12:00:00")
    assert {a for a, _ in changes(orch.apply({"schedules": two})).values()} == {"same"}
    exported = orch.get("/export").json
    assert {a for a, _ in changes(orch.apply({"schedules": exported["schedules"]})).values()} == {"same"}
    assert changes(orch.apply({"schedules": [doc(window_s=60)]})) == {"weekly": ("change", {"window_s"})}
    # With hosts that the same document brings; one mistake anywhere, and nothing is written.
    new = {"hosts": [host(20, name="new.ktm", site="ktm", nics=[])], "schedules": [doc(name="new", hosts="new.ktm")]}
    for bad in (doc(name="bad", cron="0 25 * * *"), doc(name="bad", hosts="nobody.ktm"), doc(name="new"), doc(name="bad", limit=1)):
        refused = orch.apply({**new, "schedules": [*new["schedules"], bad]})
        assert refused.status >= 400, bad
        assert orch.get("/hosts/new.ktm").status == 404 and orch.get("/schedules/new").status == 404
    assert changes(orch.apply(new)) == {"new": ("add", set(doc(name="new")) | set(exported["schedules"][1]))}
    assert orch.get("/schedules/new").json["next"]["opens"] == "2026-12-05T21:15:00.000Z"
    assert [r["object"] for r in orch.get("/audit?what=schedule.add").json["items"] if r["result"] == "ok"] == ["new", "rule", "weekly"]
