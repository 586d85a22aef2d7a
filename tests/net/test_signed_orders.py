# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders signed for one agent and one poll, and BMCs' secrets sealed to its key (docs/protocol.md), judged by OpenSSL: what the
orchestrator makes, and what an agent with a pinned key takes."""
import base64
import json
import os

import pytest
from agent_lab import make_id
from netlab import PATIENCE, until
from orch_lab import Agent
from orders_key import Key, pin

def test_orders_are_signed_for_who_asks_for_it(filled, tmp_path):
    with open(filled.path("orders.key"), "rb") as f:
        key = Key(tmp_path, f.read())
    assert os.stat(filled.path("orders.key")).st_mode & 0o777 == 0o600
    agent = Agent(filled)
    agent.poll()
    job = filled.order("edge01").json["jobs"][0]["id"]
    agent.says = {"nonce": "n1", "seal_key": base64.b64encode(os.urandom(32)).decode()}
    answer = agent.poll(table=0)
    order = until(lambda: [o for o in agent.poll().json["orders"] if o["t"] == "job"], "the job")[0]
    assert set(order) == {"t", "signed", "key", "sig"} and key.verifies(order["signed"], order["sig"])
    text = json.loads(order["signed"])
    assert (text["t"], text["site"], text["agent"], text["nonce"]) == ("job", "local", agent.id, "n1")
    assert text["bundle"]["job"] == job and text["bundle"]["created"] > 0
    bmc = text["bundle"]["bmc"]
    assert bmc["sealed"].startswith("x1:") and not {"password", "kg"} & set(bmc) and "secret-1" not in order["signed"] + str(answer.json)
    assert filled.post(f"/jobs/{job}/cancel", {"reason": "x"}).status in (200, 202)
    agent.report(agent.event("job.accepted", job))
    order = until(lambda: agent.poll().json["orders"], "the cancel")[0]
    assert order["t"] == "cancel" and key.verifies(order["signed"], order["sig"]) and json.loads(order["signed"])["job"] == job
    # One that is older asks for neither.
    agent.says = {}
    order = until(lambda: agent.poll().json["orders"], "the cancel again")[0]
    assert order["job"] == job and "signed" not in order


def test_lists_of_consoles_are_sealed_too(filled):
    bmc = {"address": "10.9.0.1", "user": "admin", "password": "secret-1", "console": "always"}
    assert filled.patch("/hosts/edge01", {"bmc": bmc}).status == 200
    agent = Agent(filled)
    agent.poll()
    ask = {"v": 1, "site": "local", "agent": agent.id}
    assert filled.call("POST", "/agent/v1/consoles", ask).json["hosts"][0]["bmc"]["password"] == "secret-1"
    got = filled.call("POST", "/agent/v1/consoles", {**ask, "seal_key": base64.b64encode(os.urandom(32)).decode()}).json["hosts"][0]["bmc"]
    assert got["sealed"].startswith("x1:") and "password" not in got


@pytest.mark.parametrize("key", ["x", "AAAA", base64.b64encode(bytes(32)).decode()])
def test_a_key_that_is_none_is_refused(filled, key):
    agent = Agent(filled)
    agent.says = {"seal_key": key}
    assert agent.poll().status == 400 and agent.poll().code in ("seal-key", "bad-value")


@pytest.fixture
def pinned(site, tmp_path):
    def make():
        s = site(start=False)
        s.signing = pin(s, tmp_path)
        s.start_agent()
        until(lambda: s.signing.polls, "a poll")
        return s
    return make


def test_an_agent_with_a_pinned_key_takes_signed_orders_alone(pinned, tmp_path):
    s = pinned()
    for how, code in [("unsigned", "order-unsigned"), ("stale", "order-forged"), ("elsewhere", "order-forged"), ("altered", "order-forged")]:
        s.signing.how = how
        job = s.order(s.bundle(kind="power", power_action="on"))
        refused = s.wait_event("job.refused", job=job)
        assert refused["detail"]["code"] == code, (how, refused)
    right, s.signing.key = s.signing.key, Key(tmp_path)
    s.signing.how = "signed"
    job = s.order(s.bundle(kind="power", power_action="on"))
    assert s.wait_event("job.refused", job=job)["detail"]["code"] == "order-forged"
    assert s.bmc_show()["power"] == "off"
    s.signing.key = right
    job = s.order(s.bundle(kind="power", power_action="on"))
    s.wait_event("job.done", job=job)
    assert s.bmc_show()["power"] == "on"
    # The same again, as somebody on the way may have kept it, does nothing more.
    s.signing.how = "replayed"
    before, other = len(s.signing.polls), s.bundle(kind="power", power_action="off")
    s.orch.jobs[other["job"]] = other
    until(lambda: len(s.signing.polls) > before + 3, "the replay", PATIENCE)
    assert len([e for e in s.events if e["kind"] == "job.accepted"]) == 1 and s.bmc_show()["power"] == "on"
    s.orch.jobs.clear()
    nonces = [p["nonce"] for p in s.signing.polls]
    assert len(nonces) == len(set(nonces)) and all(p["seal_key"] for p in s.signing.polls)
    call = {"t": "call", "id": make_id(99), "verb": "power-status", "bmc": s.bmc(), "args": {}}
    s.signing.how = "unsigned"
    s.orch.calls[call["id"]] = call
    assert until(lambda: s.orch.results.get(call["id"]), "the answer")["code"] == "order-unsigned"
