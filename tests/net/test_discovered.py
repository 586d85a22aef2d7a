# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are no host's: seen on the wire by the real programs, listed, adopted, and served then; and GET /fleet, which says
what GET /status says."""
import contextlib
import json
import sqlite3

import pytest

import whole_lab
from dhcp4_wire import DISCOVER, Wire, option, pxe
from netlab import PATIENCE, until
from orch_lab import Agent, Orch, document, host

STRANGER, SECOND = "52:54:00:99:00:01", "3c:ec:ef:77:00:02"
UUID = "11223344-5566-7788-99aa-bbccddeeff00"  # what dhcp4_wire.pxe() sends, read in SMBIOS order
FAR = "52:54:00:aa:00:01"


@pytest.fixture
def orch(tmp_path):
    oui = tmp_path / "oui.txt"
    oui.write_text("3C-EC-EF   (hex)\t\tSuper Micro Computer, Inc.\n52-54-00   (hex)\t\tNobody\n")
    o = Orch(tmp_path, config=f"oui_file: {oui}\n")
    doc = document()
    doc["hosts"][0]["uuid"] = UUID
    assert o.apply(doc).status == 200
    yield o
    o.stop()


@pytest.fixture
def agent(orch):
    a = Agent(orch)
    a.poll()
    return a


def asks(agent, mac, kind="dhcp4.ignored", arch="x64-uefi", **detail):
    return dict(agent.event(kind, host="", arch=arch, **detail), mac=mac)


def audit(orch, what):
    db = sqlite3.connect(orch.database, timeout=PATIENCE)
    try:
        return db.execute("select object, reason from audit where what = ? order by seq", (what,)).fetchall()
    finally:
        db.close()


def macs(orch, query=""):
    return [i["mac"] for i in orch.get(f"/discovered{query}").json["items"]]


def test_seen_adopted_and_served(netns, tmp_path):
    s = whole_lab.Site(netns, hosts=1)
    try:
        s.hosts[0]["uuid"] = UUID
        s.start()
        client = netns.add_client(mac=STRANGER)
        udhcpc = ("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-T", "1", "-s", "/bin/true",
                  "-V", "PXEClient:Arch:00007:UNDI:003016", "-x", "0x5d:0007")
        assert client.run(*udhcpc, "-t", "2", check=False).returncode != 0
        until(lambda: s.json("discovered", "list")["items"], what="the stranger")
        found = s.json("discovered", "show", STRANGER)
        assert found["site"] == "local" and found["arch"] == "x64-uefi" and found["seen"] >= 1
        assert found["vendor_class"].startswith("PXEClient:Arch:00007") and found["interface"] == "br0"
        assert found["vendor"] is None and found["suggest"]["host"] is None
        assert STRANGER in s.ctl("discovered", "list").stdout
        done = s.ctl("discovered", "adopt", STRANGER, "new01", "--site", "local", "--reason", "INC-9",
                     "--nic", f"{STRANGER},ip=10.77.0.50", "--label", "role=new")
        assert done.returncode == 0, done.stderr
        new = s.json("host", "show", "new01")
        assert new["site"] == "local" and new["firmware"] == "uefi" and new["nics"][0]["mac"] == STRANGER
        assert s.json("discovered", "list")["items"] == []
        until(lambda: client.run(*udhcpc, "-t", "2", check=False).returncode == 0, what="an address")
        # It is known now: what it asks is the host's.
        until(lambda: s.events("--host", "new01", "--kind", "dhcp4.ack"), what="its lease")
        assert s.json("discovered", "list")["items"] == []
        # Another card of a machine that is known.
        other = netns.add_client(mac=SECOND)
        with contextlib.closing(Wire(other)) as w:
            w.send(w.bootp(option(53, bytes([DISCOVER])) + pxe()))
            until(lambda: s.json("discovered", "list")["items"], what="the second card")
        line = s.json("discovered", "show", SECOND)["suggest"]
        assert line["host"] == "edge01"
        done = s.ctl(*line["command"].split()[1:], "--reason", "INC-10")
        assert done.returncode == 0, done.stderr
        assert [n["mac"] for n in s.json("host", "show", "edge01")["nics"]] == ["52:54:00:77:00:01", SECOND]
    finally:
        s.close()


def test_all_that_is_seen_is_kept_and_shown(orch, agent):
    agent.report(asks(agent, SECOND, relay="10.1.0.1", circuit_id="Gi1/0/7", remote_id="sw1", hostname="x", interface="eth0",
                      uuid="11111111-2222-3333-4444-555555555555", vendor_class="PXEClient"),
                 asks(agent, SECOND, kind="dhcp6.ignored", duid="000100012b", interface="eth0"),
                 asks(agent, STRANGER), asks(agent, "52:54:00:77:00:01"), asks(agent, "ff:ff:ff:ff:ff:ff"))
    assert macs(orch) == [SECOND, STRANGER]
    d = orch.get(f"/discovered/{SECOND}").json
    assert d["vendor"] == "Super Micro Computer, Inc." and d["seen"] == 2 and d["circuit_id"] == "Gi1/0/7"
    assert d["duid"] == "000100012b" and d["suggest"]["why"] is None
    assert orch.get(f"/discovered/{STRANGER}").json["vendor"] is None  # locally administered
    assert macs(orch, "?limit=1") == [SECOND] and macs(orch, "?site=elsewhere") == []
    page = orch.get("/discovered?limit=1").json
    assert macs(orch, "?limit=1&cursor=" + page["next"].replace(" ", "%20")) == [STRANGER]
    assert orch.delete(f"/discovered/{STRANGER}?reason={'x' * 2000}").code == "bad-value"
    assert orch.delete(f"/discovered/{STRANGER}?reason=scrapped%20today").status == 204
    assert orch.get(f"/discovered/{STRANGER}").code == "discovered-unknown"
    assert "host edge01's" in orch.get("/discovered/52:54:00:77:00:01").json["detail"]
    assert audit(orch, "discovered.forget") == [(STRANGER, ""), (STRANGER, "scrapped today")]


def test_adopting_is_adding_a_host(orch, agent):
    agent.report(asks(agent, STRANGER, uuid="11111111-2222-3333-4444-555555555555", arch="x86-bios"),
                 asks(agent, SECOND, uuid=UUID))

    def adopt(mac, body, **headers):
        return orch.post(f"/discovered/{mac}/adopt", body, **headers)
    body = {"host": {"name": "new01", "bmc": {"address": "10.9.0.77", "user": "x", "password": "secret"}}, "reason": "INC-7"}
    assert adopt(STRANGER, {}).code == "bad-value"
    assert adopt(STRANGER, {"host": {"name": "new01", "site": "mars"}}).code == "bad-value"
    assert adopt(STRANGER, {"host": {"name": "edge02"}}).code == "host-exists"
    assert adopt(STRANGER, {"host": {"name": "new01", "bmc": {"address": "10.9.0.1", "user": "x"}}}).status == 409
    assert adopt(FAR, body).status == 404
    first = adopt(STRANGER, body, Idempotency_Key="k1")
    assert first.status == 201 and first.json["firmware"] == "bios" and "secret" not in json.dumps(first.json)
    assert first.json["uuid"] == "11111111-2222-3333-4444-555555555555"
    again = adopt(STRANGER, body, Idempotency_Key="k1")
    assert again.status == 201 and again.json["name"] == "new01"
    assert audit(orch, "host.add")[-1] == ("new01", "INC-7")
    # A UUID that is a host's is another card of that host, unless somebody says whose it is.
    refused = adopt(SECOND, {"host": {"name": "new02"}})
    assert refused.code == "uuid-known" and "--to edge01" in refused.json["next"]
    assert adopt(SECOND, {"host": {"name": "edge01", "image": "debian"}, "to": True}).code == "bad-value"
    assert adopt(SECOND, {"host": {"name": "nobody"}, "to": True}).status == 404
    orch.order("edge01")
    assert adopt(SECOND, {"host": {"name": "edge01"}, "to": True}).codes == ["host-busy"]
    assert macs(orch) == [SECOND]
    orch.post(f"/jobs/{orch.get('/jobs?hosts=edge01').json['items'][0]['id']}/cancel", {"reason": "x"})
    done = adopt(SECOND, {"host": {"name": "edge01"}, "to": True, "reason": "INC-8"})
    assert done.status == 200 and [n["mac"] for n in done.json["nics"]] == ["52:54:00:77:00:01", SECOND]
    assert not done.json["nics"][1].get("boot") and audit(orch, "host.change")[-1] == ("edge01", "INC-8")
    assert macs(orch) == []


def test_a_host_added_otherwise_is_known_too(orch, agent):
    agent.report(asks(agent, "52:54:00:77:00:09"))
    assert macs(orch) == ["52:54:00:77:00:09"]
    assert orch.post("/hosts", host(9)).status == 201
    assert macs(orch) == []
    agent.report(asks(agent, "52:54:00:77:00:09"))  # bootd has not heard of it yet
    assert macs(orch) == []


def test_a_flood_of_addresses_fills_a_list_and_no_more(orch, agent):
    for n in range(0, 1500, 250):
        agent.report(*[asks(agent, f"52:54:00:99:{i >> 8:02x}:{i & 255:02x}") for i in range(n, n + 250)])
    db = sqlite3.connect(orch.database, timeout=PATIENCE)
    assert db.execute("select count(*) from discovered").fetchone() == (1000,)
    db.close()


def fleet(orch, **headers):
    answer = orch.get("/fleet", **headers)
    if answer.status == 304:
        return answer
    rows = [dict(zip(answer.json["columns"], r)) for r in answer.json["rows"]]
    return answer, rows


def test_fleet_and_status_say_the_same(orch, agent):
    jobs = {j["host"]: j["id"] for j in orch.order("edge01,edge02", yes=True).json["jobs"]}
    agent.poll()
    agent.report(*[agent.event("job.accepted", j, host=h) for h, j in jobs.items()],
                 *[agent.event("job.attempt", j, host=h, attempt=1) for h, j in jobs.items()],
                 agent.event("boot.begin", jobs["edge01"], boot="01k9xyz0a0abcdef", planned=True, attempt=1, trigger="x"),
                 agent.stage(jobs["edge01"], "kernel", boot="01k9xyz0a0abcdef", deadline_us=10_000_000_000),
                 dict(agent.event("job.failed", jobs["edge02"], code="os-silent", text='said "no"\n', next="n"), host="edge02"),
                 dict(agent.event("power.state", power="on"), host="edge03"))
    orch.post("/hosts/edge03/lock", {"reason": "disk swap"})
    answer, rows = fleet(orch)
    assert [r["host"] for r in rows] == ["edge02", "edge01", "edge03"]  # the stuck first
    status = {i["host"]: i for i in orch.get("/status").json["items"]}
    stuck = {i["host"] for i in orch.get("/status?stuck=1").json["items"]}
    for r in rows:
        was = status[r["host"]]
        for key in ("site", "state", "kind", "stage", "attempt", "deadline_us", "reason", "power", "last_seen", "job"):
            assert r[key] == was.get(key), (r, key)
        assert r["stuck"] == (r["host"] in stuck)
    assert rows[0]["code"] == "os-silent" and rows[0]["reason"] == "os-silent: The loaded system gave no sign of life"
    assert rows[1]["boot"] == "01k9xyz0a0abcdef" and rows[1]["flags"] == [] and rows[1]["since"]
    assert answer.json["seq"] == orch.events()[-1]["seq"]
    assert fleet(orch, If_None_Match=answer.etag).status == 304
    orch.post("/hosts/edge03/unlock", {})
    assert fleet(orch, If_None_Match=answer.etag)[0].status == 200


def test_fleet_of_nobody(tmp_path):
    o = Orch(tmp_path)
    answer, rows = fleet(o)
    assert answer.status == 200 and rows == [] and answer.json["seq"] == 0
    o.stop()


def test_retention_with_a_kill_in_the_middle(tmp_path):
    """Marks as a program that ran for weeks has made them: what is older than its days goes, also after SIGKILL."""
    o = Orch(tmp_path, config="retention: {events_days: 10, progress_days: 5}\n")
    assert o.apply(document()).status == 200
    a = Agent(o)
    a.poll()
    for _ in range(4):
        a.report(*[a.event("http.progress" if n % 2 else "http.end", reason=str(n)) for n in range(1000)])
    o.kill()
    db = sqlite3.connect(o.database)
    now = db.execute("select max(at) from event").fetchone()[0]
    for days in range(1, 13):
        db.execute("insert into retention_mark values (?, ?, 0)", (now - days * 86400_000_000, 3000 if days > 9 else 4000))
    db.commit()
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("delete from event where seq = 1")
    db.close()

    def left():
        db = sqlite3.connect(o.database, timeout=PATIENCE)
        try:
            return dict(db.execute("select kind, count(*) from event where kind like 'http.%' group by kind"))
        finally:
            db.close()
    total = sum(left().values())
    o.start()
    until(lambda: sum(left().values()) < total, "the first to go")
    o.kill()
    o.start()
    # Numbers 1 to 3000 by their ten days, and progress up to 4000 by its five; the newest event stays, which may be another.
    until(lambda: left()["http.end"] == 500 and left().get("http.progress", 0) <= 1, "all of them gone")
    until(lambda: "event loop" not in o.log and "events, " in o.log, "the end of the round")
    assert left()["http.end"] == 500 and left().get("http.progress", 0) <= 1, left()
    assert o.post("/hosts/edge01/lock", {"reason": "x"}).status == 200
    a.report(a.event("http.end"))
    moved = audit(o, "retention.move")
    assert {m[0] for m in moved} == {"events", "http.progress"} and len(moved) == 2
    o.stop()
