# SPDX-License-Identifier: GPL-3.0-or-later
"""Who comes to the agents' name and means no good: what it can fill, hold and keep. All on loopback; no root is needed."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import time

import pytest

from join_lab import HOST, Far, FarWeb, forge
from netlab import PATIENCE, until
from orch_lab import Connection, document, make_id
from test_agent_security import _is_closed, rows
from test_web import Pki, Stream

MB = 1024 * 1024


@pytest.fixture
def web(tmp_path):
    w = FarWeb(tmp_path)
    assert w.post("/sites", {"name": "kla", "timezone": "UTC"}).status == 201
    yield w
    w.stop()


def wait_in_a_poll(web, f):
    c = f.connection()
    table = f.poll().json["table"]["version"]
    c.request("POST", "/agent/v1/poll", json.dumps({"v": 1, "site": f.site, "agent": f.id, "wait_s": 300, "table": table}),
              {"Host": HOST})
    until(lambda: not _is_closed(c), "the poll to wait")
    return c


def test_however_many_certificates_a_site_has_all_are_revoked(web):
    """An agent that has renewed ten times a day for months has hundreds that are good."""
    f = web.far("kla")
    waits = wait_in_a_poll(web, f)
    now = int(time.time() * 1e6)
    with contextlib.closing(sqlite3.connect(web.database, timeout=PATIENCE)) as db, db:
        db.executemany("insert into agent_cert (serial, site, issued, ends, issued_by) values (?, 'kla', ?, ?, 'renewal')",
                       [(f"{n:032x}", now + n, now + 10 ** 12) for n in range(1, 801)])
    answer = web.post("/agents/kla/revoke", {"reason": "stolen"})
    assert answer.status == 200 and len(answer.json["revoked"]) == 801
    until(lambda: _is_closed(waits), "the waiting poll to be ended")
    assert f.poll().code == "agent-revoked"
    # One of them, wherever it stands among the others.
    g = web.far("kla")
    with contextlib.closing(sqlite3.connect(web.database, timeout=PATIENCE)) as db, db:
        db.execute("update agent_cert set issued = 1 where revoked is null")
    (serial,) = [r["after"]["certificate"] for r in rows(web, "agent.join", "ok")][:1]
    assert web.post("/agents/kla/revoke", {"reason": "stolen", "serial": serial}).json["revoked"] == [serial]
    assert g.poll().code == "agent-revoked"


def test_a_poll_does_not_outlive_its_site(web):
    """Else it would be told what another site of the same name has to do."""
    f = web.far("kla")
    waits = wait_in_a_poll(web, f)
    assert web.delete("/sites/kla").status == 204
    until(lambda: _is_closed(waits), "the waiting poll to be ended")


def test_what_was_revoked_is_not_known_again(web):
    """One that the database lost is taken, but not where the site's agents were shut out after it was given."""
    f, g = web.far("kla"), Far(web, "kla")
    g.credentials = forge(web.path("o.key"), web.dir, "kla", -20, 20)
    assert web.post("/agents/kla/revoke", {"reason": "stolen"}).status == 200
    assert f.poll().code == "agent-revoked" and g.poll().code == "agent-revoked"
    assert web.delete("/sites/kla").status == 204
    assert web.post("/sites", {"name": "kla", "timezone": "UTC"}).status == 201
    assert g.poll().code == "agent-revoked"
    assert web.far("kla").poll().status == 200


def test_a_lost_answer_is_given_again_a_few_times(web):
    """Each time is a certificate and a row of the audit."""
    f, secret = Far(web, "kla"), web.secret("kla")
    base, csr = f.csr()
    conn, answers = f.connection(), []
    for _ in range(12):
        answers.append(f.post("/agent/v1/enroll", {"v": 1, "site": "kla", "secret": secret, "csr": csr}, conn=conn))
    assert [a.status for a in answers] == [200] * 10 + [429] * 2 and answers[-1].code == "agent-renews-often"
    f.take(base, answers[9])
    assert f.poll().status == 200, "the last one that was given is good"


def test_strangers_do_not_fill_the_audit(web, tmp_path):
    """It is kept for ever: they get some rows a minute, and a count, whatever they say."""
    (tmp_path / "other").mkdir()
    other = Pki(tmp_path / "other")
    before = len(web.get("/audit?limit=1000").json["items"])
    f = Far(web, "kla")
    fingerprint = web.secret("kla")[-65:]
    base, csr = f.csr()
    conn = f.connection()
    for n in range(40):
        answer = f.post("/agent/v1/enroll", {"v": 1, "site": f"site{n}", "secret": "nbj_" + "x" * 43 + fingerprint, "csr": csr},
                        conn=conn)
        assert (answer.status, answer.code) == (403, "join-secret-unknown")
    for n in range(8):
        f.credentials = web.forge(f"site{n}", ca=other.ca, key=other.path("ca.key"))
        assert f.poll().code == "agent-certificate-invalid"
    after = web.get("/audit?limit=1000").json["items"]
    assert 1 < len(after) - before <= 7, after


def test_a_revoked_tokens_stream_ends_on_an_agents_connection_too(web):
    f, token = web.far("kla"), web.token("viewer")
    c = f.connection()
    c.request("GET", "/api/v1/events?follow=1&after=0", headers={"Host": HOST, "Authorization": f"Bearer {token}"})
    r = c.getresponse()
    assert r.status == 200
    stream = Stream(c, r)
    assert web.delete("/tokens/viewer?reason=test").status in (200, 204)
    until(lambda: stream.ended, "the stream to end")


def test_bodies_of_one_certificate_are_bounded(web):
    """However many connections it makes, what it holds of this machine's memory is little."""
    f, statuses, conns = web.far("kla"), [], []
    for _ in range(4):
        s = f.connect()
        conns.append(s)
        s.sendall(f"POST /agent/v1/report HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {15 * MB}\r\n"
                  "Expect: 100-continue\r\n\r\n".encode())
        statuses.append(int(s.recv(65536).split()[1]))
    assert statuses == [100, 100, 413, 413]
    assert f.poll().status == 200, "what is small is taken"
    for s in conns:
        s.close()
    until(lambda: f.post("/agent/v1/report", {"v": 1, "site": "kla", "agent": f.id, "first": 1, "events": [], "calls": [],
                                              "pad": "x" * 8 * MB}).status == 200, "room again")


def test_reports_that_wait_are_bounded_in_octets(web):
    """As documents they take many times what they are as text."""
    event = {"at": "2026-01-31T09:30:00Z", "kind": "http.begin", "ip": "10.0.0.7", "detail": {"pad": "x" * 1700}}

    def packed(n):
        web.put_file("report", json.dumps({"v": 1, "site": "kla", "agent": make_id(n), "first": 1, "events": [event] * 4000}).encode())
        return subprocess.run(["zstd", "-q", "-c", web.path("report")], check=True, capture_output=True).stdout

    def send(body):
        return web.call("POST", "/agent/v1/report", body, Content_Encoding="zstd").status
    bodies = [packed(n) for n in range(1, 5)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, bodies))
    assert statuses[0] == 200 and statuses[-1] == 503, statuses


def test_a_plan_that_cannot_be_read_makes_no_poll_answered_at_once(web):
    """Its agent would poll again and again, as fast as it can, for as long as the database is damaged."""
    f = web.far("kla")
    with contextlib.closing(sqlite3.connect(web.database, timeout=PATIENCE)) as db, db:
        (version,) = db.execute("select version from site where name = 'kla'").fetchone()
        db.execute("update site set caps = 'nonsense' where name = 'kla'")
    answer = f.post("/agent/v1/poll", {"v": 1, "site": "kla", "agent": f.id, "table": version, "store": 5, "wait_s": 1})
    assert answer.status == 200 and answer.json["held_us"] >= 10 ** 6 and "store" not in answer.json, answer.json


def test_uses_of_certificates_are_stored_together(web):
    """The first at once, since a lost answer to a join is repeated until then; later ones with those of all others."""
    f = web.far("kla")
    assert f.poll().status == 200

    def seen():
        with contextlib.closing(sqlite3.connect(web.database, timeout=PATIENCE)) as db:
            return db.execute("select last_seen, last_from from agent_cert").fetchone()
    assert seen()[0] > 1 and seen()[1] == "127.0.0.1"
    with contextlib.closing(sqlite3.connect(web.database, timeout=PATIENCE)) as db, db:
        db.execute("update agent_cert set last_seen = 1, last_from = 'x'")
    for _ in range(3):
        assert f.poll().status == 200
    assert seen() == (1, "x")
    web.stop()
    assert seen()[0] > 1 and seen()[1] == "127.0.0.1"


@pytest.mark.parametrize("by", ["unix", "tcp"])
def test_a_file_that_is_cut_while_it_is_given_away(web, by):
    """An operator who copies a new image over the old one ends the transfer, and nothing else."""
    data = os.urandom(MB) * 64
    sha256 = hashlib.sha256(data).hexdigest()
    web.put_file("images/deb/root.sfs", data)
    doc = document()
    doc["images"][0]["files"] = [{"path": "deb/root.sfs"}]
    assert web.apply(doc).status == 200
    c = web.far("local").connection() if by == "tcp" else Connection(web.socket, PATIENCE)
    c.request("GET", f"/agent/v1/blob/{sha256}", headers={"Host": HOST})
    r = c.getresponse()
    assert r.status == 200 and r.read(1000) == data[:1000]
    os.truncate(web.path("images/deb/root.sfs"), 1)
    got = 1000
    with contextlib.suppress(OSError, socket.timeout, Exception):
        while piece := r.read(MB):
            got += len(piece)
    assert got < len(data)
    c.close()
    assert web.get("/sites").status == 200
