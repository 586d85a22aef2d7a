# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent can tell only of what is its own site's, and whatever it sends is survived: claims of other sites' hosts, jobs, boots,
calls and consoles, words of the orchestrator, messages that are malformed or come again."""
import base64
import threading
import time

import pytest
from console_rec import recording
from foreign_agent import agents, state
from netlab import PATIENCE, until
from orch_lab import Agent, host, make_id

BOOT = make_id(77001)


def kinds(orch, kind):
    return [e for e in orch.events() if e["kind"] == kind]


def test_claims_of_another_sites_things_change_nothing(orch):
    evil, honest = agents(orch)
    job = orch.order("edge01").json["jobs"][0]["id"]
    honest.poll()
    honest.report(honest.event("job.accepted", job),
                  honest.event("boot.begin", job, boot=BOOT, planned=True, attempt=1, trigger="job"))
    before = state(orch)
    claims = [evil.event("job.done", job, host="edge01"), evil.event("job.failed", job, host="far01", code="x", text="y"),
              evil.event("job.cancelled", job, host=""), evil.event("power.state", host="edge01", power="off"),
              evil.event("boot.end", host="edge01", boot=BOOT, outcome="failed"), evil.event("boot.end", host="far01", boot=BOOT, outcome="ok"),
              evil.event("boot.begin", host="edge02", boot=make_id(77002)), evil.event("dhcp4.ack", host="edge03", ip="10.77.0.99"),
              {**evil.event("dhcp4.ack", host=""), "site": "local"}, {**evil.event("dhcp4.discover", host=""), "site": "local", "mac": "52:54:00:aa:aa:aa"},
              evil.event("audit.head", host="", row=9, hash="f" * 64), evil.event("agent.absent", host=""),
              evil.event("job.verdict", job, host="edge01", code="x"), evil.event("report.installed", job, host="edge01")]
    own = evil.event("power.state", host="far01", power="on", why="order")
    answer = evil.report(*claims, own)
    assert answer.json["acked"] == len(claims) + 1
    found = kinds(orch, "agent.foreign")
    assert [e["detail"]["said_kind"] for e in found] == [c["kind"] for c in claims]
    for e, c in zip(found, claims):
        assert e["site"] == "nyc" and not e.get("host") and not e.get("job") and not e.get("boot") and not e.get("mac")
        assert e["detail"].get("said_host", "") == c["host"] and e["detail"].get("said_job", "") == c.get("job", "")
    after = state(orch)
    after["host_state"] = [r for r in after["host_state"] if r[0] != "far01"]
    after["host_power"] = [r for r in after.get("host_power", []) if r[0] != "far01"]
    before["host_power"] = before.get("host_power", [])
    assert after == before
    assert orch.get("/status?hosts=far01").json["items"][0]["power"] == "on"
    # Nor do they count as what they say they are.
    text = orch.get("/metrics").text
    assert 'kind="agent.foreign"' in text and 'kind="audit.head"' not in text and 'kind="job.done"' not in text
    rows = [r for r in orch.get("/audit?what=agent.events").json["items"]]
    assert len(rows) == 1 and rows[0]["object"] == "nyc" and rows[0]["result"] == "agent-foreign"
    assert rows[0]["detail"]["count"] == len(claims) and rows[0]["detail"]["agent"] == evil.id and rows[0]["who"] == "agent:nyc"
    assert evil.report(*claims).json["acked"] == 2 * len(claims) + 1
    assert len(orch.get("/audit?what=agent.events").json["items"]) == 1, "a row a minute"
    assert any("agent.foreign" in f["next"] for f in orch.get("/doctor").json["findings"])
    honest.report(honest.event("job.done", job))
    assert orch.job(job)["state"] == "done"


def test_a_report_that_comes_again_or_out_of_order_is_taken_once(orch):
    evil, _ = agents(orch)
    events = [evil.event("dhcp4.ack", host="far01"), evil.event("dhcp4.ack", host="edge01"), evil.event("dhcp4.ack", host="far02")]
    for _ in range(3):
        assert evil.send(1, events).json["acked"] == 3
    assert evil.send(2, events).json["acked"] == 4
    assert [e["kind"] for e in orch.events()] == ["dhcp4.ack", "agent.foreign", "dhcp4.ack", "dhcp4.ack"]


def test_hosts_that_moved_or_left_are_no_offence(orch):
    evil, _ = agents(orch)
    seen = evil.event("power.state", host="far01", power="on")
    job = orch.order("far02", kind="reboot").json["jobs"][0]["id"]
    evil.poll()
    evil.report(evil.event("job.accepted", job, host="far02"))
    assert orch.patch("/hosts/far01", {"site": "local", "nics": [{"mac": "52:54:00:78:00:01", "ip": "10.77.0.200"}]}).status == 200
    later = {**evil.event("dhcp4.ack", host="far01"), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))}
    evil.report(seen, later, evil.event("dhcp4.ack", host="nobody01"), evil.event("job.done", job, host="far02"))
    assert [e["detail"]["code"] for e in kinds(orch, "agent.outdated")] == ["host-left", "host-unknown"]
    assert not kinds(orch, "agent.foreign") and not orch.get("/audit?what=agent.events").json["items"]
    assert [e["host"] for e in kinds(orch, "power.state")] == ["far01"] and orch.job(job)["state"] == "done"


def test_answers_to_another_sites_questions_are_dropped(orch):
    evil, honest = agents(orch)
    answers = []
    asker = threading.Thread(target=lambda: answers.append(orch.post("/power", {"hosts": "edge01"})))
    asker.start()
    call = until(lambda: [o for o in honest.poll(wait_s=1).json["orders"] if o["t"] == "call"], "the call")[0]
    lie = {"id": call["id"], "power": "off", "code": "", "reason": ""}
    assert evil.send(evil.first, [], [lie]).status == 200
    honest.report(calls=[{**lie, "power": "on"}])
    asker.join(PATIENCE)
    assert '"on"' in str(answers[0].json).replace("'", '"') and '"off"' not in str(answers[0].json).replace("'", '"')
    row = orch.get("/audit?what=agent.events").json["items"][0]
    assert row["detail"]["code"] == "call-of-another-site" and row["detail"]["count"] == 1


def test_consoles_of_another_site_are_refused(orch):
    evil, honest = agents(orch)
    data = base64.b64encode(recording("edge01", BOOT, b"lies")).decode()

    def upload(agent):
        return orch.call("POST", "/agent/v1/console", {"v": 1, "site": agent.site, "agent": agent.id, "boot": BOOT, "offset": 0, "data": data})
    assert upload(evil).status == 400
    assert not orch.get("/hosts/edge01/consoles").json["items"]
    assert upload(honest).status == 200 and len(orch.get("/hosts/edge01/consoles").json["items"]) == 1
    assert orch.get("/audit?what=agent.events").json["items"][0]["detail"]["code"] == "console-of-another-site"
    # What it records always is its own: the list of another site is for that one's agent.
    assert orch.call("POST", "/agent/v1/consoles", {"v": 1, "site": "local", "agent": evil.id}).status == 409
    got = orch.call("POST", "/agent/v1/consoles", {"v": 1, "site": "nyc", "agent": evil.id}).json
    assert all(h["host"].startswith("far") for h in got["hosts"])


DEEP = 1000
NOW = "2026-11-26T10:00:00Z"


@pytest.mark.parametrize("event", [
    {"at": NOW, "kind": "dhcp4.ack", "host": "x" * 300}, {"at": NOW, "kind": "DHCP"}, {"at": NOW, "kind": ""}, {"at": 7, "kind": "dhcp4.ack"},
    {"at": "9999-01-01T00:00:00Z", "kind": "dhcp4.ack"}, {"at": "1901-01-01T00:00:00Z", "kind": "dhcp4.ack"},
    {"at": NOW, "kind": "dhcp4.ack", "bytes": "1"}, {"at": NOW, "kind": "dhcp4.ack", "bytes": 1e300}, {"at": NOW, "kind": "dhcp4.ack", "host": ["edge01"]},
    {"at": NOW, "kind": "dhcp4.ack", "detail": []}, {"at": NOW, "kind": "dhcp4.ack", "detail": {"x": "y" * 600000}}, [], None, "x", 7,
    {"at": NOW, "kind": "dhcp4.ack", "job": "x" * 40}, {"at": NOW, "kind": "job.stage", "detail": {"v": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}])
def test_what_cannot_be_read_is_recorded_as_that(orch, event):
    evil, _ = agents(orch)
    assert evil.send(1, [evil.event("dhcp4.ack", host="far01"), event, evil.event("dhcp4.ack", host="far01")]).json["acked"] == 3
    assert [e["kind"] for e in orch.events()] == ["dhcp4.ack", "agent.unreadable", "dhcp4.ack"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"\0", b'{"v":1}', b'{"v":2,"site":"nyc","agent":"%s","first":1,"events":[]}', b'{"v":1,"v":1}',
    b'{"v":1,"site":"nyc","agent":"../../etc","first":1}', b'{"v":1,"site":"n y c","agent":"01k9xyz0a0abcdef","first":1}',
    b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":-1}', b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":9223372036854775807}',
    b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":99999999999999999999}', b'{"v":1,"site":"ny\\u0000c","agent":"01k9xyz0a0abcdef"}',
    b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":1,"events":{}}', b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":1,"calls":[7]}',
    b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","first":1,"events":[' + b"{}," * 5000 + b"{}]}",
    b"[" * 5000 + b"]" * 5000, b'{"v":1,"site":"nyc","agent":"01k9xyz0a0abcdef","x":' + b'{"x":' * DEEP + b"1" + b"}" * DEEP + b"}", b"\xff\xfe{}"])
@pytest.mark.parametrize("path", ["poll", "report", "console", "consoles", "console/output", "console/input"])
def test_malformed_messages_are_refused(orch, path, body):
    answer = orch.call("POST", f"/agent/v1/{path}", body)
    assert 400 <= answer.status < 500 or (answer.status == 200 and b'"x":' in body), answer.json
    assert not orch.events() and orch.get("/status").status == 200


def test_times_far_off_do_not_decide_what_is_shown(orch):
    evil, _ = agents(orch)
    for year in (1970, 2099):
        evil.report({**evil.event("dhcp4.ack", host="far01"), "at": f"{year}-06-01T00:00:00Z"})
    evil.report(evil.event("power.state", host="far01", power="on"), {**evil.event("power.state", host="far01", power="off"), "at": "1970-01-02T00:00:00Z"})
    assert orch.get("/status?hosts=far01").status == 200
    assert orch.apply({"hosts": [host(4)]}).status == 200 and Agent(orch, "local").poll().status == 200
