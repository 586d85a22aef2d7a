# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /gates/check at the orchestrator: what an agent is told, and what is made of its answers. The agent is played by the test."""
import http.client
import json
import os
import subprocess
import threading

import pytest

from netlab import BUILD, PATIENCE, until
from orch_lab import make_id

CHECKS = ["tcp:22", "http:http://${ip}:8080/healthz=2xx", "exec:check-edge  --warm"]
WRITTEN = ["tcp:22", "http://${ip}:8080/healthz=2xx", "exec:check-edge --warm"]


class Trial:
    """A request in a thread of its own; .lines when it has ended."""

    def __init__(self, orch, hosts="edge01", checks=CHECKS, **more):
        self.got = []
        self.thread = threading.Thread(target=self.ask, args=(orch, {"hosts": hosts, "checks": checks, **more}))
        self.thread.start()

    def ask(self, orch, body):
        try:
            self.got.append(orch.post("/gates/check", body))
        except http.client.IncompleteRead:
            pass  # the orchestrator has ended

    @property
    def lines(self):
        self.thread.join(PATIENCE)
        assert self.got[0].status == 200, self.got[0].json
        return [json.loads(line) for line in self.got[0].text.splitlines()]


def calls(agent, n=1):
    found = []
    while len(found) < n:
        found += [o for o in agent.poll(wait_s=20).json["orders"] if o["t"] == "call"]
    return found


def answer(agent, call, code="", reason="", **data):
    agent.report(calls=[{"id": call["id"], "power": "unknown", "code": code, "reason": reason, "data": data}])


def test_an_agent_is_told_what_to_ask(filled, site_agent):
    t = Trial(filled, timeout_s=45)
    c, = calls(site_agent)
    # Of the host's BMC it is told nothing.
    assert c == {"t": "call", "id": c["id"], "verb": "gate", "bmc": None,
                 "args": {"host": "edge01", "ip": "10.77.0.11", "checks": WRITTEN, "timeout_s": 45}}
    answer(site_agent, c, checks=[{"check": "tcp:22", "ok": True, "why": ""}])
    assert t.lines == [{"hosts": ["edge01"]},
                       {"host": "edge01", "code": "", "why": "", "data": {"checks": [{"check": "tcp:22", "ok": True, "why": ""}]}},
                       {"done": {"hosts": 1, "ok": 1, "failed": 0}}]
    row = filled.get("/audit?limit=1").json["items"][0]
    assert (row["what"], row["object"], row["result"]) == ("gate.check", "edge01", "ok")
    assert row["detail"] == {"checks": WRITTEN, "hosts": 1, "timeout_s": 45}
    assert 'netboot_gates_total{code="ok"} 1' in filled.get("/metrics").text


def test_every_host_has_a_line_of_its_own(filled, site_agent):
    t = Trial(filled, "edge[01-03]")
    for c in calls(site_agent, 3):
        bad = c["args"]["host"] == "edge02"
        answer(site_agent, c, "gate-failed" if bad else "", "gate-failed: tcp:22: no connection" if bad else "")
    hosts, *lines, done = t.lines
    assert hosts == {"hosts": ["edge01", "edge02", "edge03"]} and done == {"done": {"hosts": 3, "ok": 2, "failed": 1}}
    assert {(x["host"], x["code"]) for x in lines} == {("edge01", ""), ("edge02", "gate-failed"), ("edge03", "")}


def test_the_last_address_of_a_host_without_one(filled, site_agent):
    assert filled.patch("/hosts/edge01", {"nics": [{"mac": "52:54:00:77:00:01"}]}).status == 200
    t = Trial(filled)
    c, = calls(site_agent)
    assert "ip" not in c["args"]
    answer(site_agent, c, "no-address", "no-address: x")
    assert t.lines[1]["code"] == "no-address"
    boot = make_id(5)
    site_agent.report(site_agent.event("boot.begin", boot=boot, planned=False),
                      site_agent.event("dhcp4.ack", boot=boot, ip="10.77.0.99"))
    until(lambda: filled.get(f"/boots/{boot}").status == 200, "the boot")
    t = Trial(filled)
    c, = calls(site_agent)
    assert c["args"]["ip"] == "10.77.0.99"
    answer(site_agent, c)
    assert t.lines[1]["code"] == ""


def test_an_agent_without_gates(filled, site_agent):
    t = Trial(filled)
    c, = calls(site_agent)
    answer(site_agent, c, "call-unknown", "call-unknown: this agent does not know the call: install the same release of netboot-agent "
                                          "and netboot-orchestrator")
    line = t.lines[1]
    assert line["code"] == "agent-too-old" and "the site's agent does not know gates: install the same release" in line["why"]


def test_nobody_there(filled):
    line = Trial(filled).lines[1]
    assert (line["host"], line["code"]) == ("edge01", "agent-absent")


@pytest.mark.parametrize("body,code,words", [
    ({"checks": ["tcp:22"]}, "bad-value", "hosts"),
    ({"hosts": "edge01"}, "bad-gate", "none is given"),
    ({"hosts": "edge01", "checks": []}, "bad-gate", "none is given"),
    ({"hosts": "edge01", "checks": "tcp:22"}, "bad-value", "checks"),
    ({"hosts": "edge01", "checks": ["tcp:ssh"]}, "bad-gate", "checks[0]: the check \"tcp:ssh\" has a port"),
    ({"hosts": "edge01", "checks": ["icmp", "exec:/bin/sh"]}, "bad-gate", "checks[1]"),
    ({"hosts": "edge01", "checks": ["http://a/?id=200"]}, "bad-gate", "a parameter or a status"),
    ({"hosts": "edge01", "checks": ["icmp"] * 17}, "bad-gate", "at most 16"),
    ({"hosts": "edge01", "checks": ["icmp"], "timeout_s": 0}, "bad-value", "timeout_s"),
    ({"hosts": "edge01", "checks": ["icmp"], "timeout_s": 3601}, "bad-value", "timeout_s"),
    ({"hosts": "no-such", "checks": ["icmp"]}, "host-unknown", "no-such"),
])
def test_bad_requests(filled, body, code, words):
    got = filled.post("/gates/check", body)
    assert got.status in (400, 404, 409) and (got.code == code or code in got.codes), got.json
    assert words in json.dumps(got.json, ensure_ascii=False).replace('\\"', '"')


def test_too_many_hosts(filled):
    assert filled.apply({"hosts": [{"name": f"n{i:04d}", "site": "local", "nics": [], "image": "debian"} for i in range(1001)]}).status == 200
    got = filled.post("/gates/check", {"hosts": "all", "checks": ["icmp"]})
    assert got.code == "too-many-hosts" and "1004 hosts match" in got.json["detail"]


def ctl(orch, *argv):
    return subprocess.Popen([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *argv], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_by_netboot_ctl(filled, site_agent):
    checks = [w for c in CHECKS for w in ("--gate", c)]
    p = ctl(filled, "gate", "check", "edge[01-02]", *checks, "--gate-timeout", "1m", "--reason", "INC-1")
    for c in calls(site_agent, 2):
        assert (c["args"]["checks"], c["args"]["timeout_s"]) == (WRITTEN, 60)
        bad = c["args"]["host"] == "edge02"
        answer(site_agent, c, "gate-failed" if bad else "", "gate-failed: tcp:22: Connection refused: try again" if bad else "", checks=[
            {"check": "tcp:22", "ok": not bad, "why": "Connection refused" if bad else ""},
            {"check": "exec:check-edge --warm", "ok": True, "why": "cache is warm \x1b[31m"}])
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 2, (out, err)
    assert sorted(out.splitlines()) == ["edge01: ok exec:check-edge --warm: cache is warm \\x1b[31m", "edge01: ok tcp:22", "edge02: NO tcp:22: Connection refused",
                                        "edge02: ok exec:check-edge --warm: cache is warm \\x1b[31m"]
    assert err == "edge02: gate-failed: tcp:22: Connection refused: try again\n"
    p = ctl(filled, "-o", "ndjson", "gate", "check", "edge01", "--gate", "icmp")
    c, = calls(site_agent)
    assert c["args"]["timeout_s"] == 30
    answer(site_agent, c)
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0 and json.loads(out) == {"host": "edge01", "code": "", "why": "", "data": {}}


@pytest.mark.parametrize("argv,words", [
    (["edge01"], "no check is given: add --gate tcp:22"),
    (["edge01", "--gate", "tcp:ssh"], '--gate: the check "tcp:ssh" has a port that is none of 1-65535: write tcp:PORT, icmp'),
    (["edge01", "--gate", "icmp", "--gate-timeout", "2h"], "--gate-timeout: '2h' is no duration from 1s to 3600s"),
    (["no-such", "--gate", "icmp"], "no-such"),
    (["@role=none", "--gate", "icmp"], "@role=none: host-unknown: no host matches it: netboot-ctl host list shows them"),
])
def test_bad_command_lines(filled, argv, words):
    p = ctl(filled, "gate", "check", *argv)
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode not in (0, 2) and words in err and not out, (p.returncode, err)


def test_the_orchestrator_ends_meanwhile(filled, site_agent):
    t = Trial(filled, "edge[01-02]")
    calls(site_agent, 2)
    filled.stop()
    t.thread.join(PATIENCE)
    filled.start()
    t = Trial(filled)
    c, = calls(site_agent)
    answer(site_agent, c)
    assert t.lines[1]["code"] == ""
