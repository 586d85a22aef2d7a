# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders, their refusals, and a stand-in agent that accepts, runs and reports them."""
import json
import os
import sqlite3
import threading
import time

import pytest

from netlab import PATIENCE, has_open, until
from orch_lab import Agent, document, host, image, site


@pytest.fixture
def agent(site_agent):
    return site_agent


def ordered(orch, hosts="edge01", **more):
    answer = orch.order(hosts, **more)
    assert answer.status == 202, answer.json
    return answer.json["jobs"][0]["id"]


def orders(answer):
    assert answer.status == 200, answer.json
    return answer.json["orders"]


def test_a_reinstall_from_order_to_done(orch, agent):
    job = ordered(orch, key="k1")
    assert orch.job(job)["state"] == "queued"
    order = orders(agent.poll())[0]
    assert order["t"] == "job" and order["bundle"]["job"] == job
    assert order["bundle"]["bmc"]["password"] == "secret-1"
    assert order["bundle"]["image"]["kernel"]["sha256"] and order["bundle"]["graceful_us"] == 60000000
    agent.report(agent.event("job.accepted", job))
    assert orch.job(job)["state"] == "accepted"
    boot = "01k9xyz0a0abcdef"
    agent.report(agent.event("job.attempt", job, attempt=1),
                 agent.stage(job, "preflight", deadline_us=30000000),
                 agent.stage(job, "preflight", "confirmed", evidence="all files are there"),
                 agent.event("boot.begin", job, boot=boot, planned=True, attempt=1, trigger="reinstall"),
                 agent.stage(job, "override", boot=boot))
    running = orch.job(job)
    assert (running["state"], running["stage"], running["attempt"], running["boot"]) == ("running", "override", 1, boot)
    status = orch.get("/status?hosts=edge01").json["items"][0]
    assert status["state"] == "busy" and status["stage"] == "override" and status["job"] == job
    agent.report(agent.event("dhcp4.discover", boot=boot, arch="x64-uefi"),
                 agent.event("http.end", job, boot=boot, file="vmlinuz", bytes=6, total=6),
                 agent.stage(job, "rootfs", "skipped", boot=boot),
                 agent.event("power.state", power="on"),
                 agent.event("boot.end", job, boot=boot, outcome="ok", text="came up from disk"),
                 agent.event("job.done", job))
    done = orch.job(job)
    assert done["state"] == "done" and done["stage"] == "done" and done["ended"] and done["verdict"] is None
    by_stage = {s["stage"]: s for s in done["stages"]}
    assert by_stage["preflight"]["state"] == "confirmed" and by_stage["preflight"]["entered"]
    assert by_stage["preflight"]["evidence"] == "all files are there" and by_stage["rootfs"]["state"] == "skipped"
    assert by_stage["preflight"]["deadline_us"] == 30000000
    record = orch.get(f"/boots/{boot}").json
    assert record["outcome"] == "ok" and record["planned"] and record["arch"] == "x64-uefi"
    assert record["image"] == "debian" and record["job"] == job and record["ended"]
    assert [t["file"] for t in record["transfers"]] == ["vmlinuz"]
    assert [s["stage"] for s in record["stages"]] == ["preflight", "override", "rootfs"]
    assert [b["id"] for b in orch.get("/boots?host=edge01").json["items"]] == [boot]
    status = orch.get("/status?hosts=edge01").json["items"][0]
    assert status["state"] == "idle" and status["power"] == "on" and status["last_seen"]
    assert orders(agent.poll()) == []


def test_refusals_start_nothing(orch, agent):
    orch.apply({"images": [image("live2", "live")], "hosts": [host(4, image=""), host(5, bmc=None), host(6, nics=[])]})
    orch.post("/hosts/edge02/lock", {"reason": "maintenance"})
    ordered(orch, "edge03")
    agent.poll()
    before = len(orch.get("/jobs").json["items"])
    for hosts, more, code in (
            ("edge09", {}, "host-unknown"), ("edge02", {}, "host-locked"), ("edge03", {}, "host-busy"),
            ("edge04", {}, "image-unknown"), ("edge05", {}, "no-bmc"), ("edge06", {}, "no-boot-mac"),
            ("edge01", {"image": "nope"}, "image-unknown"), ("edge01", {"image": "live"}, "image-kind"),
            ("edge01", {"kind": "live"}, "image-unknown"), ("edge01", {"kind": "boot"}, "image-unknown"),
            ("edge01,edge04", {}, "confirmation-needed"), ("all", {"limit": 2, "yes": True}, "too-many-hosts"),
            ("edge01,edge02", {"yes": True}, "host-locked"), ("@role=absent", {}, "host-unknown"),
            ("edge02,edge05", {"yes": True}, "refused"),
            ("edge01", {"reason": "  "}, "reason-missing"), ("edge01", {"kind": "wipe"}, "bad-value"),
            ("edge01", {"kind": "power", "action": "explode"}, "bad-value"), ("", {}, "bad-value"),
            ("edge01", {"kind": "reboot", "image": "debian"}, "bad-value")):
        answer = orch.order(hosts, **more)
        assert answer.status in (400, 409), (hosts, more)
        assert answer.code == code, (hosts, more, answer.json)
        assert answer.json["detail"]
    assert len(orch.get("/jobs").json["items"]) == before
    assert orch.order("edge[1-").status == 400


def test_doubtful_names(orch, agent):
    orch.apply({"hosts": [host(7, name="web.los"), host(8, name="web.fra")]})
    refused = orch.order("web")
    assert refused.codes == ["host-ambiguous"] and "web.fra, web.los" in refused.json["errors"][0]["text"]
    assert orch.order("EDGE01").codes == ["host-unknown"]


def test_image_files_are_looked_at(orch, agent):
    orch.put_file("images/deb/initrd.gz", b"longer than before")
    assert orch.order("edge01").code == "image-altered"
    orch.put_file("images/deb/initrd.gz", b"initrd")
    assert orch.order("edge01", dry_run=True).status == 200
    os.unlink(orch.path("images/deb/vmlinuz"))
    assert orch.order("edge01").code == "image-missing"


def test_reasons_have_a_size_and_are_kept_whole(orch, agent):
    """A reason of two octets a character that would be cut in two: refused when a person gives it, and cut before
    the character when an agent does."""
    fits, long = "x" + "\u00e9" * 127, "x" + "\u00e9" * 128
    assert orch.post("/hosts/edge02/lock", {"reason": long}).code == "bad-value"
    assert orch.post("/hosts/edge02/lock", {"reason": " "}).code == "reason-missing"
    assert orch.post("/hosts/edge02/lock", {"reason": fits}).json["locked"]["reason"] == fits
    assert orch.post("/hosts/edge02/unlock", {"reason": long}).code == "bad-value"
    assert orch.order("edge02").json["errors"][0]["text"].endswith(fits)
    assert orch.post("/apply", {"document": {}, "reason": long}).code == "bad-value"
    job = ordered(orch)
    assert orch.post(f"/jobs/{job}/cancel", {"reason": long}).code == "bad-value"
    agent.poll()
    agent.report(agent.event("job.accepted", job),
                 agent.event("job.failed", job, code="os-silent", text="x" + "\u00e9" * 900, next="\u00e9" * 900))
    verdict = orch.job(job)["verdict"]
    assert set(verdict["text"]) == {"x", "\u00e9"} and set(verdict["next"]) == {"\u00e9"}
    assert orch.post(f"/jobs/{job}/retry", {"reason": long}).code == "bad-value"
    again = orch.post(f"/jobs/{job}/retry", {"reason": "  "})
    assert again.status == 202 and again.json["reason"] == "INC-1"


def test_dry_run(orch, agent):
    answer = orch.order("all", dry_run=True)
    assert answer.status == 200 and answer.json["dry_run"] and len(answer.json["jobs"]) == 3
    assert [j["id"] for j in answer.json["jobs"]] == [None] * 3  # there are no such jobs
    assert orch.get("/jobs").json["items"] == [] and orders(agent.poll()) == []


def test_idempotency(orch, agent):
    first = orch.order("edge01", key="abc")
    again = orch.order("edge01", key="abc")
    assert first.status == again.status == 202 and first.json == again.json
    assert orch.order("edge02", key="abc").code == "idempotency-mismatch"
    assert orch.order("edge01", key="other").code == "host-busy"
    orch.kill()
    orch.start()
    assert orch.order("edge01", key="abc").json == first.json
    assert len(orch.get("/jobs").json["items"]) == 1
    refused = orch.order("edge09", key="r")
    assert refused.status == 409 and orch.order("edge09", key="r").status == 409  # a refusal makes nothing to repeat


def test_without_an_agent_nothing_is_ordered(orch):
    orch.apply(document())
    assert orch.order("edge01").code == "agent-absent"
    assert orch.get("/agents").json["items"][0]["last_seen"] is None
    findings = orch.get("/doctor").json["findings"]
    assert [f for f in findings if f["check"] == "agent"][0]["level"] == "fail"


def test_orders_are_repeated_until_their_effect(orch, agent):
    job = ordered(orch)
    began = time.monotonic()
    assert orders(agent.poll())[0]["bundle"]["job"] == job
    # Its report may be on its way: not again for two seconds.
    assert orders(agent.poll()) == [] or time.monotonic() - began > 1.9
    assert orders(agent.poll(wait_s=20))[0]["bundle"]["job"] == job
    orch.kill()
    orch.start()
    assert orders(agent.poll())[0]["bundle"]["job"] == job
    agent.report(agent.event("job.accepted", job))
    assert orders(agent.poll()) == []


def test_a_held_poll_is_answered_by_an_order(orch, agent):
    got = []
    t = threading.Thread(target=lambda: got.append(agent.poll(wait_s=30)))
    t.start()
    job = ordered(orch)
    t.join(PATIENCE)
    assert got and got[0].json["orders"][0]["bundle"]["job"] == job
    assert got[0].json["table"] is None
    t = threading.Thread(target=lambda: got.append(agent.poll(wait_s=30)))
    t.start()
    orch.patch("/hosts/edge02", {"idle": "menu"})
    t.join(PATIENCE)
    assert [h["idle"] for h in got[1].json["table"]["hosts"]] == ["local", "menu", "local"]


def test_a_newer_poll_replaces_the_older(orch, agent):
    got = []
    t = threading.Thread(target=lambda: got.append(agent.poll(wait_s=30)))
    t.start()
    until(lambda: agent.poll() and got, "the end of the older poll")
    t.join(PATIENCE)
    assert got[0].json["orders"] == []


def test_the_end_with_everything_open(orch, agent):
    """SIGTERM while polls are held, calls wait and events are followed; the fixture looks at the exit status."""
    def attempt(f):
        def run():
            try:
                f()
            except Exception:  # the server ends: any answer will do
                pass
        return threading.Thread(target=run)
    with open(orch.path("images/big"), "wb") as f:
        f.truncate(1 << 42)  # hours, if it were read to its end
    threads = [attempt(lambda: orch.post("/power", {"hosts": "all"})), attempt(lambda: agent.poll(wait_s=30)),
               attempt(lambda: orch.post("/images", image("big", "live", kernel={"path": "big"}))),
               attempt(lambda: orch.post("/images/debian/verify")), attempt(lambda: orch.get("/doctor")),
               attempt(lambda: Agent(orch, number=1).poll(wait_s=30))]
    [t.start() for t in threads]
    f = orch.follow("&after=0")
    until(lambda: has_open(orch.proc.pid, orch.path("images/big")), "the file to be read")
    orch.stop()
    f.close()
    [t.join(PATIENCE) for t in threads]


def test_polls_of_strangers(orch, agent):
    assert Agent(orch, "mars").poll().code == "site-unknown"
    other = Agent(orch, number=2).poll()
    assert other.status == 409 and other.code == "agent-duplicate"
    assert orch.call("POST", "/agent/v1/poll", {"v": 2, "site": "local", "agent": agent.id}).status == 400
    assert orch.call("POST", "/agent/v1/poll", {"v": 1, "site": "local", "agent": "x"}).status == 400
    assert orch.call("POST", "/agent/v1/report", "[]").status == 400


def test_verdicts_and_refusals(orch, agent):
    job = ordered(orch)
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=2),
                 agent.stage(job, "kernel", attempt=2),
                 agent.stage(job, "kernel", "missed", attempt=2, evidence="3 of 9 MB"),
                 agent.event("job.failed", job, code="kernel-stalled", text="the kernel stalled", next="look at the link",
                             stage="kernel"),
                 agent.event("job.done", job))  # too late: an end is final
    failed = orch.job(job)
    assert failed["state"] == "failed" and failed["stage"] == "kernel" and failed["attempt"] == 2
    assert failed["verdict"] == {"code": "kernel-stalled", "text": "the kernel stalled", "next": "look at the link"}
    status = orch.get("/status?hosts=edge01&stuck=1").json["items"]
    assert status[0]["state"] == "failed" and status[0]["reason"] == "kernel-stalled: The kernel's transfer stalled"
    refused = ordered(orch, "edge02")
    agent.poll()
    agent.report(agent.event("job.refused", refused, host="edge02", code="spool-full", text="no room", next="free some"))
    assert orch.job(refused)["verdict"]["code"] == "spool-full"
    retried = orch.post(f"/jobs/{job}/retry", {"reason": "again"}, Idempotency_Key="r1")
    assert retried.status == 202 and retried.json["retry_of"] == job and retried.json["reason"] == "again"
    assert orch.post(f"/jobs/{job}/retry", {"reason": "again"}, Idempotency_Key="r1").json == retried.json
    assert orch.post(f"/jobs/{retried.json['id']}/retry", {}).code == "host-busy"


def test_cancel(orch, agent):
    unsent = ordered(orch)
    gone = orch.post(f"/jobs/{unsent}/cancel", {"reason": "mistake"}).json
    assert gone["state"] == "cancelled" and gone["cancel"]["reason"] == "mistake"
    assert orders(agent.poll()) == []
    sent = ordered(orch)
    assert orders(agent.poll())[0]["bundle"]["job"] == sent
    assert orch.post(f"/jobs/{sent}/cancel", {"reason": "x"}).json["state"] == "queued"
    assert orders(agent.poll()) == [{"t": "cancel", "job": sent, "by": "root"}]
    assert orders(agent.poll(wait_s=20)) == [{"t": "cancel", "job": sent, "by": "root"}]
    agent.report(agent.event("job.cancelled", sent, by="root", code="left-off", text="it is left off",
                             next="netboot-ctl power on HOST, if it is to run"))
    assert orch.job(sent)["state"] == "cancelled" and orders(agent.poll()) == []
    # A line to type, wherever it is read.
    line = "netboot-ctl power on edge01, if it is to run"
    assert orch.job(sent)["verdict"]["next"] == orch.get(f"/why?of={sent}").json["verdict"]["next"] == line
    assert [e["detail"]["next"] for e in orch.events("&kind=job.cancelled") if e["job"] == sent] == [line]
    assert orch.post(f"/jobs/{sent}/cancel", {}).status == 200
    done = ordered(orch)
    agent.poll()
    agent.report(agent.event("job.accepted", done), agent.event("job.done", done))
    assert orch.post(f"/jobs/{done}/cancel", {}).code == "job-ended"
    assert orch.post("/jobs/nonesuch/cancel", {}).status == 404


def test_a_job_that_an_agent_has_is_not_ended_here(orch, agent):
    """After a restore of the database the agent may report a job that was, for all this database knows, never
    handed out: a cancel waits for the agent."""
    job = ordered(orch)
    agent.report(agent.event("job.accepted", job))
    answer = orch.post(f"/jobs/{job}/cancel", {"reason": "stop"}).json
    assert answer["state"] == "accepted" and answer["cancel"]["reason"] == "stop"
    assert orders(agent.poll()) == [{"t": "cancel", "job": job, "by": "root"}]


def test_lists_of_jobs(orch, agent):
    ids = [ordered(orch, f"edge0{n}", kind="live" if n == 2 else "reinstall") for n in (1, 2, 3)]
    agent.poll()
    agent.report(agent.event("job.done", ids[0]))
    listed = [j["id"] for j in orch.get("/jobs").json["items"]]
    assert listed == sorted(ids, reverse=True)
    assert [j["id"] for j in orch.get("/jobs?state=open").json["items"]] == sorted(ids[1:], reverse=True)
    assert [j["id"] for j in orch.get("/jobs?state=ended").json["items"]] == [ids[0]]
    assert [j["id"] for j in orch.get("/jobs?kind=live").json["items"]] == [ids[1]]
    assert [j["id"] for j in orch.get("/jobs?hosts=edge01,edge03&limit=1").json["items"]] == [max(ids[0], ids[2])]
    assert orch.get("/jobs?state=odd").status == 400
    assert orch.get("/jobs/nonesuch").status == 404


def test_a_list_of_the_jobs_of_many_hosts(orch, agent):
    """The list is cut on the way, at more than sixteen pages."""
    assert orch.apply(document(60)).status == 200
    ids = [j["id"] for j in orch.order("all", yes=True, limit=100).json["jobs"]]
    assert len(ids) == 60
    page = orch.get("/jobs?hosts=all&limit=1").json
    assert [j["id"] for j in page["items"]] == [max(ids)] and page["next"] == max(ids)
    page = orch.get(f"/jobs?hosts=all&limit=2&cursor={max(ids)}").json
    assert [j["id"] for j in page["items"]] == sorted(ids, reverse=True)[1:3]
    assert [j["id"] for j in orch.get("/jobs?hosts=all").json["items"]] == sorted(ids, reverse=True)


def test_power_is_asked_and_never_guessed(orch, agent):
    orch.apply({"hosts": [host(5, bmc=None)]})
    got = []
    t = threading.Thread(target=lambda: got.append(orch.post("/power", {"hosts": "edge01,edge02,edge05"})))
    t.start()
    calls = []
    while len(calls) < 2:
        calls += orders(agent.poll(wait_s=20, table=0))
    assert {c["t"] for c in calls} == {"call"} and calls[0]["bmc"]["password"] == "secret-1"
    agent.report(calls=[{"id": calls[0]["id"], "power": "on", "reason": ""},
                        {"id": calls[1]["id"], "power": "unknown", "code": "bmc-auth",
                         "reason": "bmc-auth: wrong: host set HOST --bmc-user U, site set SITE"},
                        {"id": calls[1]["id"], "power": "on", "reason": "twice"}])
    t.join(PATIENCE)
    items = {i["host"]: i for i in got[0].json["items"]}
    assert items["edge01"] == {"host": "edge01", "power": "on", "why": ""}
    assert items["edge02"] == {"host": "edge02", "power": "unknown", "why": "bmc-auth: wrong: host set edge02 --bmc-user U, site set local"}
    assert items["edge05"]["power"] == "unknown" and "no-bmc" in items["edge05"]["why"]


def test_what_was_found_at_a_bmc_names_its_host(orch, agent):
    got = []
    t = threading.Thread(target=lambda: got.append(orch.post("/bmc/bmc-audit", {"hosts": "edge01"})))
    t.start()
    calls = []
    while not calls:
        calls = orders(agent.poll(wait_s=20, table=0))
    call = calls[0]
    finding = {"code": "administrator", "level": "info", "text": "HOST stays", "next": "host set HOST --bmc-privilege operator"}
    agent.report(calls=[{"id": call["id"], "power": "unknown", "reason": "", "data": {"findings": [finding]}}])
    t.join(PATIENCE)
    line = [json.loads(row) for row in got[0].text.splitlines() if "host\"" in row][0]
    assert line["data"]["findings"] == [{**finding, "next": "host set edge01 --bmc-privilege operator"}], line


def test_two_orders_for_one_host_at_once(orch, agent):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(orch.order("edge01"))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(a.status for a in answers) == [202] + [409] * 7
    assert {a.code for a in answers if a.status == 409} == {"host-busy"}


def test_doctor_names_what_is_wrong(orch, agent):
    orch.put_file("images/deb/vmlinuz", b"altered kernel")
    agent.report(agent.event("dhcp4.foreign", host="", server="10.77.0.254", reason="an offer of another server"),
                 agent.event("ra.foreign", host="", source="fe80::99", reason="router fe80::99 advertises itself"),
                 agent.event("bootd.down", host="", reason="port 67 is in use"))
    findings = orch.get("/doctor").json["findings"]
    by_check = {}
    for f in findings:
        assert f["level"] in ("ok", "warn", "fail") and f["text"]
        by_check.setdefault(f["check"], []).append(f)
    assert by_check["database"][0]["level"] == "ok"
    assert "image-altered" in by_check["image"][0]["text"] and by_check["image"][0]["level"] == "fail"
    for who in ("10.77.0.254", "fe80::99"):
        assert [f["level"] for f in by_check["dhcp"] if who in f["text"]] == ["warn"], who
    assert "port 67" in by_check["bootd"][0]["text"]
    assert by_check["agent"][0]["level"] == "ok"
    agent.report(agent.event("bootd.up", host=""))
    assert not [f for f in orch.get("/doctor").json["findings"] if f["check"] == "bootd" and f["level"] == "fail"]


def test_doctor_tells_of_roots_that_are_not_exported(orch, agent):
    def roots():
        return [f for f in orch.get("/doctor").json["findings"] if f["check"] == "nfs"]

    assert roots() == []
    agent.report(agent.event("nfs.missing", path="grml", reason="the NFS server at 10.77.0.1 does not export /x/grml",
                             code="nfs-export", next="load its configuration"))
    found, = roots()
    assert (found["level"], found["next"]) == ("fail", "load its configuration")
    assert found["text"] == "site local: the NFS server at 10.77.0.1 does not export /x/grml"
    agent.report(agent.event("nfs.seen", path="other"))
    assert len(roots()) == 1  # says nothing of this one
    agent.report(agent.event("nfs.seen", path="grml"))
    assert roots() == []


def test_doctor_tells_of_hosts_that_lost_their_subnet(orch, agent):
    def addresses():
        return [f for f in orch.get("/doctor").json["findings"] if f["check"] == "address"]

    assert [f["level"] for f in addresses()] == ["ok"]
    assert orch.apply({"sites": [site(subnets=[{"prefix": "10.99.0.0/24"}])]}).status == 200
    found = addresses()
    assert found and all(f["level"] == "warn" and f["next"] for f in found)
    assert "host edge01: nics[0]: ip: 10.77.0.11 lies in no subnet of site local" in [f["text"] for f in found]
    assert orch.apply({"hosts": [host(1, serial="S1")]}).status == 200  # hinders no other change
    assert orch.apply({"hosts": [host(9)]}).code == "bad-value"


def test_orders_and_refusals_are_audited(orch, agent):
    job = ordered(orch, reason="INC-7")
    orch.order("edge01", reason="INC-8")
    orch.post(f"/jobs/{job}/cancel", {"reason": "no"})
    rows = sqlite3.connect(f"file:{orch.database}?mode=ro", uri=True).execute(
        "SELECT what, object, reason, result FROM audit WHERE what LIKE 'job.%' ORDER BY seq").fetchall()
    assert rows == [("job.reinstall", "edge01", "INC-7", "ok"), ("job.reinstall", "edge01", "INC-8", "host-busy"),
                    ("job.cancel", "edge01", "no", "ok")]


def test_a_lost_key_is_told(orch, agent):
    job = ordered(orch)
    orch.stop()
    os.unlink(orch.path("o.key"))
    orch.start()
    assert orders(agent.poll()) == []  # never with an empty password
    assert "does not open with the present key" in orch.log
    told = orch.get(f"/jobs/{job}").json
    assert (told["state"], told["verdict"]["code"]) == ("failed", "bmc-password-sealed")
    refused = orch.order("edge02")
    assert (refused.status, refused.code) == (409, "bmc-password-sealed")


def test_orders_come_with_the_table_or_after_it(orch, agent):
    job = ordered(orch)
    answer = agent.poll(table=0).json
    assert answer["table"]["version"] == agent.table and answer["orders"][0]["bundle"]["job"] == job
    orch.patch("/hosts/edge02", {"serial": "S1"})
    answer = agent.poll().json
    assert [h["serial"] for h in answer["table"]["hosts"] if h["name"] == "edge02"] == ["S1"]
    assert answer["table"]["version"] > agent.table


def test_a_site_that_changes_all_the_time_reaches_its_agent(orch, agent):
    ended = threading.Event()

    def change():
        n = 0
        while not ended.is_set():
            n += 1
            orch.patch("/hosts/edge02", {"serial": f"S{n}"})
    t = threading.Thread(target=change)
    t.start()
    try:
        for _ in range(10):
            table = agent.poll(wait_s=20).json["table"]
            assert table["version"] > agent.table
            agent.table = table["version"]
    finally:
        ended.set()
        t.join()


def test_many_orders_reach_the_agent(orch, agent):
    many = [host(1, name=f"n{n:04d}", nics=[{"mac": f"52:54:02:00:{n >> 8:02x}:{n & 255:02x}"}],
                 bmc={"address": f"10.8.{n >> 8}.{n & 255}"}) for n in range(500)]
    assert orch.apply({"hosts": many}).status == 200
    agent.table = agent.poll().json["table"]["version"]
    made = {j["id"] for j in orch.order("@role=cdn,-edge[01-03]", yes=True, limit=1000).json["jobs"]}
    assert len(made) == 500
    told = set()
    while told != made:
        new = [o["bundle"]["job"] for o in orders(agent.poll(wait_s=20))]
        agent.report(*[agent.event("job.accepted", job, host="") for job in new if job not in told])
        told |= set(new)
    assert orders(agent.poll()) == []


def test_jobs_are_dispatched_to_their_own_site(orch, agent):
    orch.apply({"sites": [site("fra")], "hosts": [host(9, site="fra")]})
    fra = Agent(orch, "fra", number=7)
    fra.poll()
    job = ordered(orch, "edge09")
    assert orders(agent.poll(table=0)) == []
    assert orders(fra.poll())[0]["bundle"]["job"] == job
