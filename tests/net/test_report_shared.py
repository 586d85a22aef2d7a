# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of many agents share a transaction: one that the database does not take costs nobody else anything, and is told to
its agent, which keeps its events and comes again. And bodies that are made smaller, with zstd, by who means no good."""
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess

import pytest

import orch_lab
from netlab import PATIENCE
from orch_lab import Agent, Connection

SITES = ("abj", "kla", "los", "nbo")
BODY_MAX = 16 << 20  # lib/rest_server.h: REST_BODY_MAX


@pytest.fixture
def agents(orch):
    assert orch.apply({"sites": [orch_lab.site(s, subnets=[]) for s in SITES]}).status == 200
    made = {s: Agent(orch, s, number=n + 1) for n, s in enumerate(SITES)}
    for a in made.values():
        assert a.poll().status == 200
    return made


def at_once(orch, bodies):
    """All of them are there when the orchestrator looks: {site: (status, answer)}."""
    conns = {}
    with contextlib.ExitStack() as all_of_them:
        orch.proc.send_signal(signal.SIGSTOP)
        try:
            for s, body in bodies.items():
                c = conns[s] = all_of_them.enter_context(contextlib.closing(Connection(orch.socket, PATIENCE)))
                c.request("POST", "/agent/v1/report", json.dumps(body))
        finally:
            orch.proc.send_signal(signal.SIGCONT)
        answers = {s: c.getresponse() for s, c in conns.items()}
        return {s: (r.status, json.loads(r.read())) for s, r in answers.items()}


def body_of(agent, n, first=1):
    return {"v": 1, "site": agent.site, "agent": agent.id, "first": first,
            "events": [agent.event("dhcp4.discover", host="", reason=f"{agent.site} {first + i}") for i in range(n)], "calls": []}


def told(orch, site):
    return [e["reason"] for e in orch.events("&kind=dhcp4.discover") if e["site"] == site]


@contextlib.contextmanager
def poisoned(orch, how, site):
    """The database takes nothing of that site's agent, as where its row is damaged."""
    with contextlib.closing(sqlite3.connect(orch.database, timeout=PATIENCE, isolation_level=None)) as db:
        db.execute(f"create trigger poison before update on agent when new.site = '{site}' and new.last_seq <> old.last_seq "
                   f"begin select raise({how}, 'poisoned by the test'); end")
        try:
            yield
        finally:
            db.execute("drop trigger poison")


# The statement alone is undone, or nothing of it, or the engine itself undoes all that was in the transaction.
@pytest.mark.parametrize("bad,how", [("abj", "abort"), ("kla", "fail"), ("abj", "rollback"), ("kla", "rollback"), ("nbo", "rollback")])
def test_one_that_fails_takes_no_other_with_it(orch, agents, bad, how):
    with poisoned(orch, how, bad):
        got = at_once(orch, {s: body_of(a, 20) for s, a in agents.items()})
        for s in SITES:
            status, answer = got[s]
            if s != bad:
                assert status == 200 and answer["acked"] == 20, (s, answer)
                assert told(orch, s) == [f"{s} {i + 1}" for i in range(20)]
        status, answer = got[bad]
        assert status >= 500 and "poisoned by the test" in answer["detail"] and answer["code"] and answer["next"], answer
        assert told(orch, bad) == [] and "poisoned by the test" in orch.log
        # It comes again, and nothing is different; nor for the others, who have more to tell.
        again = at_once(orch, {s: body_of(a, 20) if s == bad else body_of(a, 5, first=21) for s, a in agents.items()})
        assert again[bad][0] >= 500 and all(again[s][1].get("acked") == 25 for s in SITES if s != bad), again
    assert at_once(orch, {bad: body_of(agents[bad], 20)})[bad] == (200, {"v": 1, "acked": 20})
    assert told(orch, bad) == [f"{bad} {i + 1}" for i in range(20)]
    for s in SITES:
        if s != bad:
            assert told(orch, s) == [f"{s} {i + 1}" for i in range(25)]


# ---- bodies made smaller ----

def zstd(data, *args):
    done = subprocess.run(["zstd", "-q", "-c", *args], input=data, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def packed(text, *args):
    """One frame that says how long its content is, as agents send it."""
    return zstd(text, f"--stream-size={len(text)}", *args)


def send(orch, body, encoding="zstd", path="/agent/v1/report"):
    return orch.call("POST", path, body, Content_Encoding=encoding)


def refused(orch, body, words, encoding="zstd"):
    answer = send(orch, body, encoding)
    assert answer.status == 400 and answer.code == "bad-encoding" and words in answer.json["detail"], (answer.status, answer.json)
    assert "Content-Encoding" in answer.json["next"]


def high_water(orch):
    with open(f"/proc/{orch.proc.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) << 10


def test_bodies_that_were_made_smaller(orch, agents):
    text = json.dumps(body_of(agents["kla"], 50)).encode()
    small = packed(text)
    assert len(small) * 4 < len(text)
    # Cut anywhere, followed by something, of another kind, changed, twice, or in pieces.
    for cut in (0, 1, 3, 4, 5, 9, len(small) // 2, len(small) - 1):
        answer = send(orch, small[:cut])
        assert answer.status == 400 and answer.json["next"], (cut, answer.json)
    for body, words in ((small + b"\0", "damaged"), (small + text, "damaged"), (text, "not a frame"), (zstd(text), "not a frame"),
                        (os.urandom(3000), "not a frame"), (small[:-1] + bytes([small[-1] ^ 1]), "damaged"),
                        (small + small, "damaged"), (packed(text[:900]) + packed(text[900:]), "damaged")):
        refused(orch, body, words)
    answer = send(orch, packed(small))
    assert answer.status == 400 and answer.code != "bad-encoding", "what comes out is no JSON"
    for encoding in ("zstd, zstd", "gzip", "br", "identity, zstd", "x" * 1000):
        refused(orch, packed(small) if "," in encoding else small, "Content-Encoding", encoding)
    assert told(orch, "kla") == []
    # Any number of changes in a frame: refused, or what it says is what it is.
    rng = random.Random(17)
    for _ in range(300):
        bad = bytearray(small)
        for _ in range(rng.randint(1, 4)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        assert send(orch, bytes(bad)).status in (200, 400)
    # RFC 9110 8.4.1: content codings are compared without regard to case.
    assert send(orch, small, "ZSTD").json["acked"] == 50
    assert told(orch, "kla") == [f"kla {i + 1}" for i in range(50)]


def test_one_that_is_far_larger_than_it_looks(orch, agents):
    """Refused by what it says of its size, before room is made for it; one that lies gets no more than it said."""
    before = high_water(orch)
    bomb = packed(bytes(1 << 30))
    assert len(bomb) < 1 << 18
    for _ in range(5):
        refused(orch, bomb, "larger than is taken")
    refused(orch, packed(b" " * (BODY_MAX + 1)), "larger than is taken")
    size = (70000).to_bytes(4, "little")
    for lie in (1000, 69999, 70001, 1 << 23):
        lies = packed(b" " * 70000).replace(size, lie.to_bytes(4, "little"), 1)
        refused(orch, lies, "damaged")
    assert high_water(orch) - before < 6 * BODY_MAX, "of a gigabyte and of all these nothing but what a body may be"
    assert send(orch, packed(json.dumps(body_of(agents["nbo"], 1)).encode())).json["acked"] == 1
