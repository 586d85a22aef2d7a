# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles as the orchestrator has them: which are recorded always, and what it keeps of recordings. No agent runs."""
import base64
import os

import console_rec
import pytest
from orch_lab import Agent, Orch, document, host, make_id


@pytest.fixture
def make_orch(tmp_path):
    made = []

    def make(**kw):
        made.append(Orch(tmp_path, **kw))
        return made[-1]

    yield make
    for orch in made:
        orch.stop()


@pytest.fixture
def orch(make_orch):
    return make_orch()


def ask(agent, **kw):
    return agent.orch.call("POST", "/agent/v1/consoles", {"v": 1, "site": agent.site, "agent": agent.id, **kw})


def bring(agent, ident, data, offset=0):
    return agent.orch.call("POST", "/agent/v1/console", {
        "v": 1, "site": agent.site, "agent": agent.id, "boot": ident, "offset": offset, "data": base64.b64encode(data).decode()})


def bring_all(agent, ident, data):
    """In pieces of whole frames."""
    held, frames = 0, []
    for kind, mark, when, payload in console_rec.frames(data):
        frames.append(console_rec.frame(kind, mark, when, payload))
    while frames:
        piece = b""
        while frames and len(piece) + len(frames[0]) <= 64 * 1024:
            piece += frames.pop(0)
        answer = bring(agent, ident, piece, held)
        assert answer.status == 200, answer.json
        held = answer.json["held"]
    assert held == len(data)


def test_hosts_that_are_always_recorded(orch):
    doc = document()
    doc["sites"][0]["console"] = "always"
    doc["hosts"] = [host(n, bmc={"address": f"10.9.0.{n}", "user": "u", "password": f"secret{n}",
                                 **({"console": "job"} if n == 7 else {})}) for n in range(1, 121)]
    assert orch.apply(doc).status == 200
    agent = Agent(orch)
    assert ask(agent).status == 409  # it has not polled: it is not in charge
    agent.poll()
    got, after, versions = [], "", set()
    while True:
        answer = ask(agent, after=after)
        assert answer.status == 200, answer.json
        got += answer.json["hosts"]
        versions.add(answer.json["version"])
        after = answer.json.get("after", "")
        if not after:
            break
    assert [h["host"] for h in got] == sorted(h["name"] for h in doc["hosts"] if h["name"] != host(7)["name"])
    assert {h["bmc"]["password"] for h in got} == {f"secret{n}" for n in range(1, 121) if n != 7} and len(versions) == 1
    assert ask(Agent(orch, number=2)).status == 409
    assert orch.call("POST", "/agent/v1/consoles", {"v": 1, "site": "local", "agent": "x"}).status == 400
    # The site's word goes, the host's stays; and the agent's table is another one, by which it knows.
    table = agent.poll().json["table"]["version"]
    agent.table = table
    assert orch.patch("/sites/local", {"console": "off"}).status == 200
    assert agent.poll().json["table"]["version"] != table
    assert ask(agent).json["hosts"] == []
    assert orch.patch(f"/hosts/{host(7)['name']}", {"bmc": {"console": "always"}}).status == 200
    assert [h["host"] for h in ask(agent).json["hosts"]] == [host(7)["name"]]
    assert orch.patch(f"/hosts/{host(7)['name']}", {"bmc": {"console": "sometimes"}}).status == 400


def test_recordings_are_listed_and_bounded_for_each_host(make_orch):
    orch = make_orch(config="console_host_mb: 1\n")
    orch.apply(document())
    agent = Agent(orch)
    agent.poll()
    ids = [make_id(100 + n) for n in range(6)]
    said = os.urandom(400_000)
    for n, ident in enumerate(ids):
        name, always = ("edge01", n != 1) if n < 5 else ("edge02", True)
        bring_all(agent, ident, console_rec.recording(name, ident, said, when=1_795_000_000_000_000 + n * 10**9, always=always))
    held = orch.get("/hosts/edge01/consoles").json["items"]
    # When one begins, no more than a megabyte of those between jobs stays. The boot's is no part of it, nor what another host says.
    assert [(r["id"], r["of"]) for r in held] == [(ids[4], "between-jobs"), (ids[3], "between-jobs"), (ids[2], "between-jobs"),
                                                  (ids[1], "boot")]
    assert all(r["octets"] == len(said) and r["ended"] for r in held)
    assert [r["id"] for r in orch.get("/hosts/edge02/consoles").json["items"]] == [ids[5]]
    first = orch.get("/hosts/edge01/consoles?limit=1").json
    assert [r["id"] for r in first["items"]] == [ids[4]] and first["next"]
    assert orch.get(f"/hosts/edge01/consoles?limit=1&cursor={first['next']}").json["items"][0]["id"] == ids[3]
    assert orch.get("/hosts/no-such/consoles").json["items"] == []


def test_pieces_that_are_none(orch):
    orch.apply(document())
    agent = Agent(orch)
    agent.poll()
    ident, other = make_id(1), make_id(2)
    data = console_rec.recording("edge01", ident, b"hello")
    assert bring(agent, other, data).status == 400  # another one's
    assert bring(agent, ident, data[:-1]).status == 400  # not whole
    assert bring(agent, ident, data[:40] + b"x" + data[41:]).status == 400
    assert bring(agent, ident, data, offset=-1).status == 400
    assert bring(agent, ident, data, offset=1 << 60).status == 400
    assert bring(agent, "../../x", data).status == 400
    assert bring(agent, ident, b"", offset=17).json["held"] == 0
    assert bring(agent, ident, data).json["held"] == len(data)
    assert bring(agent, ident, data).json["held"] == len(data)  # once more
    assert orch.call("POST", "/agent/v1/console", {"v": 1, "site": "local", "agent": agent.id, "boot": ident, "offset": 0,
                                                   "data": "!"}).status == 400
