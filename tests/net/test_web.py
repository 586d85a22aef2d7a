# SPDX-License-Identifier: GPL-3.0-or-later
"""The orchestrator's own address: tokens, sessions, roles, TLS, and clients that mean no good. All on loopback; no root
is needed."""
import base64
import concurrent.futures
import contextlib
import email.utils
import gzip
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

import console_rec
import openapi
from netlab import BUILD, PATIENCE, ROOT, until
from orch_lab import Agent, Answer, Orch, document, image, make_id

LEVEL = {"AUTH_NONE": 0, "AUTH_VIEWER": 1, "AUTH_OPERATOR": 2, "AUTH_ADMIN": 3}
ROLES = ["viewer", "operator", "admin"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=PATIENCE)


class Pki:
    """A CA of our own, and certificates of it."""

    def __init__(self, folder):
        self.dir = str(folder)
        self.ca = self.path("ca.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=test CA", "-keyout", self.path("ca.key"), "-out", self.ca)

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, days=90, name="127.0.0.1"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.path("new.key"), "-out", self.path("new.csr"))
        with open(self.path("ext"), "w") as f:
            f.write("subjectAltName=IP:127.0.0.1,DNS:netboot.test\n")
        openssl("x509", "-req", "-in", self.path("new.csr"), "-CA", self.ca, "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", str(days), "-extfile", self.path("ext"), "-out", self.path("new.pem"))
        os.chmod(self.path("new.key"), 0o600)
        os.replace(self.path("new.key"), self.path("key.pem"))
        os.replace(self.path("new.pem"), self.path("cert.pem"))


class Web(Orch):
    def __init__(self, folder, pki=None, more="", listen=None, **kw):
        self.port = free_port()
        self.pki = pki
        self.tokens = {}
        tls = f"  tls_cert: {pki.path('cert.pem')}\n  tls_key: {pki.path('key.pem')}\n" if pki else ""
        listen = listen or f'"127.0.0.1:{self.port}"'
        super().__init__(folder, config=f"web:\n  listen: [{listen}]\n{tls}{more}", **kw)

    def token(self, name, role=None, **more):
        answer = self.post("/tokens", {"name": name, "role": role or name, "reason": "test", **more})
        assert answer.status == 201, answer.json
        self.tokens[name] = answer.json["token"]
        return answer.json["token"]

    def context(self):
        return ssl.create_default_context(cafile=self.pki.ca)

    def connect(self, timeout=PATIENCE):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        return self.context().wrap_socket(s, server_hostname="127.0.0.1") if self.pki else s

    def connection(self, timeout=PATIENCE):
        if self.pki:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, token=None, session=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if session:
            headers["Cookie"] = session.cookie
            headers.setdefault("X-CSRF-Token", session.csrf)
        with contextlib.closing(self.connection()) as c:
            c.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body,
                      {k: v for k, v in headers.items() if v is not None})
            r = c.getresponse()
            answer = Answer(r.status, r.read(), r.headers)
            answer.headers = r.headers
        if path.startswith("/api/v1"):
            lines = answer.text if "ndjson" in (r.getheader("Content-Type") or "") else None
            openapi.check(method, path.removeprefix("/api/v1"), r.status, r.getheader("Content-Type"), lines or answer.json)
        return answer

    def login(self, token):
        answer = self.ask("POST", "/api/v1/session", {"token": token})
        assert answer.status == 201, answer.json
        return Session(answer)

    def stream(self, **headers):
        c = self.connection()
        c.request("GET", "/api/v1/events?follow=1&after=0", headers=headers)
        r = c.getresponse()
        assert r.status == 200 and r.getheader("Content-Type") == "text/event-stream"
        return Stream(c, r)

    def raw(self, data, timeout=PATIENCE):
        """All that comes back until the server closes."""
        with contextlib.closing(self.connect(timeout)) as s:
            s.sendall(data)
            got = b""
            while True:
                try:
                    piece = s.recv(65536)
                except ConnectionResetError:
                    return got
                if not piece:
                    return got
                got += piece


class Session:
    def __init__(self, answer):
        self.set_cookie = answer.headers["Set-Cookie"]
        self.cookie = self.set_cookie.split(";")[0]
        self.csrf = answer.json["csrf"]


class Stream:
    """Reads until the server ends it."""

    def __init__(self, connection, response):
        self.connection, self.response, self.lines, self.ended = connection, response, [], False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            for line in self.response:
                self.lines.append(line)
        self.ended = True


@pytest.fixture
def web(tmp_path):
    w = Web(tmp_path)
    yield w
    w.stop()


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    p = Pki(tmp_path_factory.mktemp("pki"))
    p.issue()
    return p


@pytest.fixture
def tls(tmp_path, pki):
    w = Web(tmp_path, pki, more="  names: [netboot.test]\n")
    yield w
    w.stop()


def routes():
    with open(os.path.join(ROOT, "orchestrator", "api.c")) as f:
        found = re.findall(r'\{"([A-Z]+)", V1 "([^"]+)",\s+\w+,\s+(AUTH_\w+)\}', f.read())
    assert {(m, p) for m, p, _ in found} == openapi.operations() - {("GET", "/metrics")}  # which is not below it
    return [(m, p, LEVEL[need]) for m, p, need in found]


def rows_of(web):
    """How many rows there are, and of what."""
    with contextlib.closing(sqlite3.connect(web.database, timeout=60)) as db:
        tables = [r[0] for r in db.execute("select name from sqlite_master where type = 'table'")]
        return {t: db.execute(f"select count(*) from {t}").fetchone()[0] for t in tables}, list(
            db.execute("select what, object, result from audit"))


def fill(path):
    return "/api/v1" + path.replace("{name}", "edge01").replace("{id}", "no-such").replace("{verb}", "sel-clear").replace(
        "{mac}", "52:54:00:00:00:01").replace("{seq}", "1")


def test_every_route_asks_for_its_role(web):
    assert web.apply(document()).status == 200
    tokens = {role: web.token(role) for role in ROLES}
    before = rows_of(web)
    refused = 0
    for method, path, need in routes():
        body = None if method == "GET" else {}
        if need == 0:
            continue
        nobody = web.ask(method, fill(path), body)
        assert (nobody.status, nobody.code) == (401, "login-needed"), path
        for role, level in zip(ROLES, (1, 2, 3)):
            if level >= need:
                continue
            answer = web.ask(method, fill(path), body, token=tokens[role])
            assert (answer.status, answer.code) == (403, "role-too-low"), (method, path, role)
            assert ROLES[need - 1] in answer.json["detail"]
            refused += 1
        # Whoever may: whatever else is wrong with it, it is not that. Reads and faulty bodies only.
        if method == "GET" and not path.endswith("/console"):
            assert web.ask(method, fill(path), token=tokens[ROLES[need - 1]]).status not in (401, 403), path
    assert refused > 20
    # Nothing that only looks is for operators, and nothing that changes is for viewers but a logout.
    for method, path, need in routes():
        if method != "GET":
            assert need >= 2 or path == "/session", path
    counts, audit = rows_of(web)
    # Refusals are audited, and that is all they leave.
    assert audit[:len(before[1])] == before[1] and {result for _, _, result in audit[len(before[1]):]} == {"role-too-low"}
    apart = ("audit", "event")
    assert {t: n for t, n in counts.items() if t not in apart} == {t: n for t, n in before[0].items() if t not in apart}


def test_a_viewer_does_not_take_a_console(web):
    assert web.apply(document()).status == 200
    viewer, operator = web.token("viewer"), web.token("operator")
    agent = Agent(web)
    agent.poll()

    def watch(query="", token=viewer):
        c = web.connection()
        c.request("GET", f"/api/v1/hosts/edge01/console?{query}", headers={"Authorization": f"Bearer {token}"})
        return c, c.getresponse()
    # To be the first is to make the agent log in to the BMC.
    for query in ("write=1", "steal=1", ""):
        c, r = watch(query)
        with contextlib.closing(c):
            assert (r.status, json.loads(r.read())["code"]) == (403, "role-too-low"), query
    first, r = watch(token=operator)
    with contextlib.closing(first):
        assert r.status == 200
        second, r = watch()
        with contextlib.closing(second):
            assert r.status == 200


def test_the_agents_interface_is_not_there(web):
    admin = web.token("admin")
    for path in ("/agent/v1/poll", "/agent/v1/report", "/agent/v1/consoles"):
        answer = web.ask("POST", path, {"v": 1, "site": "local"}, token=admin)
        assert (answer.status, answer.code) == (404, "not-found")


def test_orders_are_audited_with_token_and_address(web):
    assert web.apply(document()).status == 200
    Agent(web).poll()
    operator = web.token("ops", "operator")
    answer = web.ask("POST", "/api/v1/hosts/edge01/lock", {"reason": "x"}, token=operator)
    assert answer.status == 200 and answer.json["locked"]["by"] == "token:ops"
    answer = web.ask("POST", "/api/v1/hosts", {}, token=operator)
    assert answer.code == "role-too-low"
    with contextlib.closing(sqlite3.connect(web.database, timeout=60)) as db:
        assert db.execute("select who, uid < 0 from audit where what = 'host.lock'").fetchall() == [("token:ops", 1)]


def test_nobody_gets_anothers_answer_by_a_key(web):
    assert web.apply(document()).status == 200
    Agent(web).poll()
    one, two = web.token("one", "operator"), web.token("two", "operator")
    order = {"kind": "rescue", "hosts": "edge01", "reason": "r"}
    first = web.ask("POST", "/api/v1/jobs", order, token=one, Idempotency_Key="k")
    assert first.status == 202, first.json
    again = web.ask("POST", "/api/v1/jobs", order, token=one, Idempotency_Key="k")
    assert again.json == first.json
    other = web.ask("POST", "/api/v1/jobs", order, token=two, Idempotency_Key="k")
    assert other.status == 409 and other.code == "host-busy" or other.codes == ["host-busy"]
    root = web.order("edge01", "rescue", "r", key="k")
    assert root.status == 409


def test_token_by_its_life(web):
    token = web.token("alice", "admin", expires_s=3600)
    assert web.post("/tokens", {"name": "alice", "role": "viewer", "reason": "r"}).code == "token-exists"
    for body in ({"name": "x y", "role": "viewer", "reason": "r"}, {"name": "x", "role": "root", "reason": "r"},
                 {"name": "x", "role": "viewer", "reason": "r", "expires_s": 1}, {"name": "x" * 49, "role": "viewer", "reason": "r"}):
        assert web.post("/tokens", body).status == 400
    assert web.post("/tokens", {"name": "x", "role": "viewer"}).code == "reason-missing"
    assert web.ask("GET", "/api/v1/version", token=token).status == 200
    listed = web.get("/tokens").json["items"]
    assert [(t["name"], t["role"], t["by"]) for t in listed] == [("alice", "admin", listed[0]["by"])]
    assert listed[0]["last_used"] and listed[0]["expires"] and not listed[0]["revoked"] and "token" not in listed[0]
    with open(web.database, "rb") as f:
        held = f.read()
    with contextlib.suppress(FileNotFoundError), open(web.database + "-wal", "rb") as f:
        held += f.read()
    assert token.encode() not in held and token not in web.log
    assert web.delete("/tokens/alice").status == 204
    assert web.delete("/tokens/alice").code == "token-unknown"
    assert web.ask("GET", "/api/v1/version", token=token).code == "login-failed"


def test_wrong_tokens_are_all_alike_and_limited(web):
    web.token("gone", "viewer")
    web.delete("/tokens/gone")
    bodies = {web.ask("GET", "/api/v1/version", token=t).json["detail"]
              for t in (web.tokens["gone"], "nb_" + "A" * 43, "x", "nb_" + "A" * 5000)}
    assert len(bodies) == 1
    answers = [web.ask("POST", "/api/v1/session", {"token": f"nb_{n}"}) for n in range(30)]
    assert [a.status for a in answers[:16]] == [401] * 16 and answers[-1].status == 429
    assert answers[-1].headers["Retry-After"]
    # Not for those who have one.
    assert web.ask("GET", "/api/v1/version", token=web.token("good", "viewer")).status == 200
    with contextlib.closing(sqlite3.connect(web.database, timeout=60)) as db:
        rows = db.execute("select who, object from audit where result = 'login-failed'").fetchall()
    assert rows in ([("nobody", "127.0.0.1")], [("nobody", "127.0.0.1")] * 2)  # 2: across the minute


def test_session_reads_and_changes_with_its_csrf_token(web):
    assert web.apply(document()).status == 200
    s = web.login(web.token("ops", "operator"))
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in s.set_cookie
    assert s.cookie.startswith("netboot=") and "Secure" not in s.set_cookie
    who = web.ask("GET", "/api/v1/session", session=s)
    assert (who.json["name"], who.json["role"], who.json["csrf"]) == ("token:ops", "operator", s.csrf)
    lock = ("POST", "/api/v1/hosts/edge01/lock", {"reason": "x"})
    own = f"http://127.0.0.1:{web.port}"
    for headers in ({"X_CSRF_Token": None}, {"X_CSRF_Token": "x"}, {"Origin": "http://evil.example"},
                    {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
        answer = web.ask(*lock, **{"Cookie": s.cookie, "X_CSRF_Token": s.csrf, **headers})
        assert (answer.status, answer.code) == (403, "csrf"), headers
    assert web.get("/hosts/edge01").json["locked"] is None
    assert web.ask(*lock, session=s, Origin=own, Sec_Fetch_Site="same-origin").status == 200
    # Nor is anybody logged in from elsewhere.
    assert web.ask("POST", "/api/v1/session", {"token": web.tokens["ops"]}, Origin="http://evil.example").code == "csrf"
    assert web.ask("POST", "/api/v1/session", "{}").status == 400
    assert web.post("/session", {"token": web.tokens["ops"]}).status == 400  # on the unix socket everybody is known


def test_sessions_outlive_a_restart(web):
    s = web.login(web.token("viewer"))
    web.kill()
    web.start()
    assert web.ask("GET", "/api/v1/session", session=s).json["csrf"] == s.csrf


def test_logout_and_revocation_end_streams_at_once(web):
    web.token("a", "viewer")
    web.token("b", "viewer")
    s1, s2, s3 = web.login(web.tokens["a"]), web.login(web.tokens["a"]), web.login(web.tokens["b"])
    streams = [web.stream(Cookie=s.cookie) for s in (s1, s2, s3)]
    bearer = web.stream(Authorization=f"Bearer {web.tokens['a']}")
    assert web.ask("DELETE", "/api/v1/session", session=s1).status == 204
    until(lambda: streams[0].ended, "the end of the first session's stream")
    assert not any(s.ended for s in streams[1:]) and not bearer.ended
    assert web.ask("GET", "/api/v1/session", session=s1).code == "login-needed"
    assert web.delete("/tokens/a").status == 204
    until(lambda: streams[1].ended and bearer.ended, "the end of the token's streams")
    assert not streams[2].ended
    assert web.ask("GET", "/api/v1/session", session=s2).code == "login-needed"
    assert web.ask("GET", "/api/v1/session", session=s3).status == 200


def test_streams_of_a_session_are_bounded_and_have_a_heartbeat(web):
    s = web.login(web.token("viewer"))
    streams = [web.stream(Cookie=s.cookie) for _ in range(12)]
    answer = web.ask("GET", "/api/v1/events?follow=1", session=s)
    assert (answer.status, answer.code) == (503, "too-many-followers")
    # It begins with one, and others come: what a browser's script is told of, with where the stream is.
    until(lambda: streams[0].lines.count(b"event: beat\n") > 1, "a heartbeat", 30)
    at = streams[0].lines.index(b"event: beat\n")
    assert streams[0].lines[at + 1].startswith(b"id: ") and streams[0].lines[at + 2:at + 4] == [b"data:\n", b"\n"]
    # Those that go away make room.
    streams[0].connection.sock.shutdown(socket.SHUT_RDWR)
    until(lambda: web.ask("GET", "/api/v1/events?limit=1", session=s).status == 200, "an answer")
    until(lambda: streams[0].ended, "the client's end")
    web.stream(Cookie=s.cookie)


def test_other_names_are_refused(tls):
    admin = tls.token("admin")
    for name in ("evil.example", "evil.example:8017", "127.0.0.1.evil.example", ""):
        answer = tls.ask("GET", "/api/v1/version", token=admin, Host=name)
        assert (answer.status, answer.code) == (421, "wrong-host"), name
        assert tls.ask("GET", "/", Host=name).status == 421
    for name in ("localhost", "netboot.test", "NETBOOT.test:1", "[::1]:8017", "10.1.2.3"):
        assert tls.ask("GET", "/api/v1/version", token=admin, Host=name).status == 200, name


def test_page_is_there_for_everybody_and_kept_by_its_etag(web):
    page = web.ask("GET", "/")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    csp = page.headers["Content-Security-Policy"]
    assert csp == ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                   "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
    for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
                        ("Cache-Control", "no-cache")):
        assert page.headers[name] == value
    again = web.ask("GET", "/", If_None_Match=page.headers["ETag"])
    assert again.status == 304 and again.text == ""
    with contextlib.closing(web.connection()) as c:
        c.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        r = c.getresponse()
        body = r.read()
        assert (gzip.decompress(body) if r.getheader("Content-Encoding") == "gzip" else body).decode() == page.text
    for path in ("/assets/..%2fapi.c", "/assets/no-such.js", "/assets/%2e%2e/api.c", "/assets/", "/etc/passwd", "/index.html"):
        assert web.ask("GET", path).status == 404, path
    assert web.ask("POST", "/", {}).status == 405


def test_assets_from_a_folder(tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "index.html").write_text("<p>mine")
    (folder / "x.js").write_text("1")
    (folder / "secret").write_text("s")
    (folder / "out.js").symlink_to("/etc/passwd")
    w = Web(tmp_path, more=f"  assets: {folder}\n")
    try:
        assert w.ask("GET", "/").text == "<p>mine"
        assert w.ask("GET", "/assets/x.js").text == "1"
        for name in ("secret", "out.js", "..%2fo.key", "no.js"):
            assert w.ask("GET", f"/assets/{name}").status == 404
    finally:
        w.stop()


# ---- TLS ----

def test_tls_of_our_own_ca_with_curl_and_ctl(tls, pki, tmp_path):
    token = tls.token("admin")
    url = f"https://127.0.0.1:{tls.port}"
    for version in ("--tlsv1.2", "--tlsv1.3"):
        r = subprocess.run(["curl", "-sS", version, "--cacert", pki.ca, "-H", f"Authorization: Bearer {token}",
                            "-w", "%{http_code} %{http_version}", "-o", "/dev/null", f"{url}/api/v1/version"],
                           capture_output=True, text=True, timeout=PATIENCE)
        assert r.stdout == "200 1.1", r
    assert subprocess.run(["curl", "-sS", f"{url}/"], capture_output=True, timeout=PATIENCE).returncode == 60
    file = tmp_path / "token"
    file.write_text(token + "\n")
    file.chmod(0o600)
    env = {**os.environ, "NETBOOT_SERVER": url}

    def ctl(*args):
        return subprocess.run([os.path.join(BUILD, "netboot-ctl"), *args], capture_output=True, text=True,
                              timeout=PATIENCE, env=env)
    with_token = ("--token-file", str(file), "--ca-file", pki.ca)
    assert ctl(*with_token, "--server", url, "site", "list").returncode == 0
    r = ctl(*with_token, "token", "add", "web", "--role", "viewer", "--expires", "90d", "--reason", "r")
    assert r.returncode == 0 and re.fullmatch(r"nb_[\w-]{43}\n", r.stdout), r
    r = ctl(*with_token, "token", "list")
    assert r.returncode == 0 and "viewer" in r.stdout and "nb_" not in r.stdout
    assert ctl(*with_token, "token", "rm", "web", "--reason", "left us & gone").returncode == 0
    rows = json.loads(ctl(*with_token, "-o", "json", "audit", "list", "--what", "token.remove").stdout)["items"]
    assert [(row["object"], row["reason"]) for row in rows] == [("web", "left us & gone")]
    r = ctl("--token-file", str(file), "site", "list")
    assert r.returncode == 5 and ": tls-failed: " in r.stderr and "--ca-file" in r.stderr and "group" not in r.stderr, r
    r = ctl("--ca-file", pki.ca, "site", "list")
    assert r.returncode == 3 and "login-needed" in r.stderr
    file.chmod(0o640)
    r = ctl(*with_token, "site", "list")
    assert r.returncode == 1 and "token-file" in r.stderr
    file.chmod(0o600)
    for server in ("http://192.0.2.1:8017", "http://127.evil.invalid/", "http://localhost:x@evil.invalid/", "http://localhost.evil.invalid",
                   "http://[::1].evil.invalid/", "http://[2001:db8::1]/", "http://[::1", "http://127.0.0.1@evil.invalid", "http://"):
        env["NETBOOT_SERVER"] = server
        r = ctl(*with_token, "site", "list")
        assert r.returncode == 1 and "without TLS" in r.stderr, (server, r)
    for server in ("http://localhost:1", "http://127.0.0.1:1/", "http://[::1]:1"):
        env["NETBOOT_SERVER"] = server
        r = ctl(*with_token, "site", "list")
        assert r.returncode == 5 and "server-unreachable" in r.stderr and "group" not in r.stderr, (server, r)


def test_ctl_ends_when_its_token_does(web, tmp_path):
    """It does not wait for a server that will not answer it any more."""
    assert web.apply(document()).status == 200
    Agent(web).poll()
    job = web.order("edge01", "rescue").json["jobs"][0]["id"]
    file = tmp_path / "token"
    file.write_text(web.token("ops", "viewer"))
    file.chmod(0o600)
    env = {**os.environ, "NETBOOT_SERVER": f"http://127.0.0.1:{web.port}", "NETBOOT_TOKEN_FILE": str(file), "LC_ALL": "C.UTF-8"}
    ctl = os.path.join(BUILD, "netboot-ctl")
    procs = [subprocess.Popen([ctl, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
             for words in (["events", "--follow", "--kind", "job.*"], ["watch", job])]
    try:
        # Both of them: who asks for something else yet would be refused that, too.
        until(lambda: "\nnetboot_event_followers 2\n" in web.get("/metrics").text, "the streams")
        assert web.delete("/tokens/ops").status == 204
        for p in procs:
            out, err = p.communicate(timeout=PATIENCE)
            assert p.returncode == 3 and err.count(": login-failed: ") == 1, (out, err)
    finally:
        for p in procs:
            p.kill()
            p.wait()


def test_a_token_of_ctl_ends_unless_it_is_said_otherwise(web):
    env = {**os.environ, "NETBOOT_SERVER": f"unix:{web.socket}", "LC_ALL": "C.UTF-8"}

    def add(name, *words):
        return subprocess.run([os.path.join(BUILD, "netboot-ctl"), "token", "add", name, "--role", "viewer", "--reason", "r", *words], env=env,
                              capture_output=True, text=True, timeout=PATIENCE)
    for name, words, told in (("a", [], "ends at"), ("b", ["--expires", "never"], "never ends"), ("c", ["--expires", "1h"], "ends at")):
        r = add(name, *words)
        assert r.returncode == 0 and told in r.stderr and r.stdout.startswith("nb_"), r
    for words in ("0s", "0", "soon"):
        assert add("d", "--expires", words).returncode == 1
    ends = {t["name"]: t["expires"] for t in web.get("/tokens").json["items"]}
    assert set(ends) == {"a", "b", "c"} and ends["b"] is None
    days = (time.mktime(time.strptime(ends["a"][:19], "%Y-%m-%dT%H:%M:%S")) - time.mktime(time.gmtime())) / 86400
    assert 89.9 < days < 90.1, ends


def test_cookie_over_tls_is_secure(tls):
    s = tls.login(tls.token("viewer"))
    assert s.cookie.startswith("__Host-netboot=") and "Secure" in s.set_cookie
    assert tls.ask("GET", "/api/v1/session", session=s).status == 200


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(tls, option):
    r = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls.port}", option, "-cipher", "ALL:@SECLEVEL=0"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert r.returncode != 0 and "Cipher is (NONE)" in r.stdout


def test_clear_text_on_the_tls_port(tls):
    s = socket.create_connection(("127.0.0.1", tls.port), PATIENCE)
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := s.recv(4096):
            got += piece
    assert b"HTTP" not in got
    s.close()
    assert tls.ask("GET", "/").status == 200


def served_serial(web):
    with web.connect() as s:
        return s.getpeercert()["serialNumber"]


def test_certificate_is_read_anew_and_a_bad_one_is_not_taken(tmp_path):
    (tmp_path / "pki").mkdir()
    pki = Pki(tmp_path / "pki")
    pki.issue(days=10)
    w = Web(tmp_path, pki)
    try:
        w.token("viewer")
        warned = [f for f in w.get("/doctor").json["findings"] if f["check"] == "web"]
        assert warned[0]["level"] == "warn" and "certificate ends" in warned[0]["text"]
        old = served_serial(w)
        stream = w.stream(Authorization=f"Bearer {w.tokens['viewer']}")
        pki.issue(days=90)
        w.proc.send_signal(signal.SIGHUP)
        until(lambda: served_serial(w) != old, "the new certificate")
        assert not stream.ended
        assert [f["level"] for f in w.get("/doctor").json["findings"] if f["check"] == "web"] == ["ok"]
        new = served_serial(w)
        os.chmod(pki.path("key.pem"), 0o640)
        w.proc.send_signal(signal.SIGHUP)
        until(lambda: "others than its owner may read this key" in w.log, "the complaint")
        assert served_serial(w) == new
    finally:
        w.stop()


def test_the_whole_audit_is_read_a_few_times_at_once(web):
    """All that reads the database waits in one line; who does not read his export does not keep the others out for ever."""
    with contextlib.closing(sqlite3.connect(web.database, timeout=60)) as db, db:
        db.execute("insert into audit(seq, at, who, uid, what, object, reason, result, detail, hash) select 1000 + i, 1, 'x', 0, 'w', '', ?, 'ok', '', '' "
                   "from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000) select i from n)", ("r" * 2000,))
    token = web.token("viewer")
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            c = stack.enter_context(contextlib.closing(web.connection()))
            c.request("GET", "/api/v1/audit/export", headers={"Authorization": f"Bearer {token}"})
            assert c.getresponse().status == 200
        for path in ("verify", "export"):
            answer = web.ask("GET", f"/api/v1/audit/{path}", token=token)
            assert (answer.status, answer.code) == (503, "busy")
        assert web.ask("GET", "/api/v1/audit/head", token=token).status == 200
    until(lambda: web.ask("GET", "/api/v1/audit/verify", token=token).status == 200, "room")


def test_starts_that_are_refused(tmp_path, pki):
    def refused(name, listen, more="", words=""):
        folder = tmp_path / name
        folder.mkdir()
        w = Web(folder, more=more, listen=listen, start=False)
        proc = w.spawn()
        assert proc.wait(PATIENCE) == 1 and words in w.log, w.log
    refused("nothing", '"0.0.0.0"', words="write an address and a port")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        refused("taken", f'"127.0.0.1:{port}"', words=f"another program listens on 127.0.0.1:{port}")
    key = tmp_path / "open.pem"
    with open(pki.path("key.pem"), "rb") as f:
        key.write_bytes(f.read())
    key.chmod(0o644)
    refused("open", f'"127.0.0.1:{free_port()}"', f"  tls_cert: {pki.path('cert.pem')}\n  tls_key: {key}\n",
            "others than its owner may read this key")
    key.chmod(0o600)
    refused("mixed", f'"127.0.0.1:{free_port()}"', f"  tls_cert: {pki.ca}\n  tls_key: {key}\n", "not the certificate's key")


def test_a_default_address_that_is_taken_is_no_reason_not_to_start(tmp_path):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else has it
            s.bind(("127.0.0.1", 8017))
            s.listen()
        w = Orch(tmp_path, config="web: {session_hours: 1}\n")
        try:
            assert "another program listens on 127.0.0.1:8017: there is no page" in w.log
            found = [f for f in w.get("/doctor").json["findings"] if f["check"] == "web"]
            assert [f["level"] for f in found] == ["warn"] and "127.0.0.1:8017" in found[0]["text"]
            assert w.apply(document()).status == 200
        finally:
            w.stop()


def test_ipv6(tmp_path):
    port = free_port()
    w = Web(tmp_path, listen=f'"[::1]:{port}"')
    try:
        c = http.client.HTTPConnection("::1", port, timeout=PATIENCE)
        c.request("GET", "/")
        assert c.getresponse().status == 200
        c.close()
    finally:
        w.stop()


# ---- clients that mean no good ----

@pytest.mark.parametrize("head,status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    (b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    (b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, 413),
    (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    (b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
])
def test_bad_requests_are_told_so_and_closed(web, head, status):
    answer = web.raw(head)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert web.ask("GET", "/").status == 200


def test_bodies_have_the_size_of_their_client(web):
    admin = web.token("admin")
    big = json.dumps({"document": {}, "dry_run": True, "reason": "x" * 100000})
    assert web.ask("POST", "/api/v1/apply", big, token=admin).status in (200, 400)
    head = (f"POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {admin}\r\n"
            f"Content-Length: {17 * 1024 * 1024}\r\n\r\n").encode()
    assert web.raw(head).startswith(b"HTTP/1.1 413 ")
    # What is refused is parsed too, on the loop: only who may send documents may send large ones.
    for role, most in (("operator", 256 * 1024), ("viewer", 4096)):
        token = web.token(role)
        for size, status in ((most, 403), (most + 1, 413)):
            body = b'{"reason": "' + b"x" * (size - 14) + b'"}'
            head = (f"POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                    f"Connection: close\r\nContent-Length: {size}\r\n\r\n").encode()
            assert web.raw(head + body).startswith(f"HTTP/1.1 {status} ".encode()), (role, size)


def test_every_answer_says_the_server_s_time(web):
    """RFC 9110 6.6.1: a page, what has not changed, what is refused, what is not even read, a stream."""
    etag = web.ask("GET", "/").headers["ETag"].encode()
    for status, request in ((200, b"GET / HTTP/1.1"), (304, b"GET / HTTP/1.1\r\nIf-None-Match: " + etag), (401, b"GET /api/v1/version HTTP/1.1"),
                            (404, b"GET /nothing HTTP/1.1"), (505, b"GET / HTTP/9.9")):
        answer = web.raw(request + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
        said = re.findall(rb"\r\nDate: (.*)\r\n", answer)
        assert len(said) == 1 and abs(email.utils.parsedate_to_datetime(said[0].decode()).timestamp() - time.time()) < 60, answer[:400]
    stream = web.stream(Authorization=f"Bearer {web.token('viewer')}")
    assert stream.response.getheader("Date").endswith(" GMT")


def test_pipelined_and_kept_connections(web):
    one = b"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert web.raw(one * 20 + last).count(b"HTTP/1.1 401 ") == 21
    # A body comes in pieces, after "100 Continue".
    with contextlib.closing(web.connect()) as s:
        s.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for piece in (b'{"tok', b'en":"', b'x"', b'}'):
            s.sendall(piece)
            time.sleep(0)
        assert b"HTTP/1.1 401 " in s.recv(4000)
    # HEAD has no content, which would be taken for the next answer.
    both = web.raw(one.replace(b"GET", b"HEAD") + last)
    assert both.startswith(b"HTTP/1.1 405 ") and b"\r\n\r\nHTTP/1.1 401 " in both, both
    # Who has asked closes that side and waits for the answer.
    with contextlib.closing(web.connect()) as s:
        s.sendall(one)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(4096):
            got += piece
        assert got.startswith(b"HTTP/1.1 401 ") and got.endswith(b"}")
    # HTTP/1.0, as proxies speak it.
    assert web.raw(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").endswith(b"</html>\n")


def test_an_answer_over_tls_is_whole_whatever_was_sent_before(tls):
    """The head asks for "100 Continue" and the body comes without waiting: two things to send, one after the other."""
    body = b'{"token": "x"}'
    for _ in range(20):
        with contextlib.closing(tls.connect()) as s:
            s.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"
                      + f"Content-Length: {len(body)}\r\n\r\n".encode())
            s.sendall(body)
            got = b""
            while piece := s.recv(65536):
                got += piece
        assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4") and got.endswith(b"}"), got


def test_a_revoked_tokens_waiting_request_changes_nothing(web):
    token = web.token("ann", "admin")
    web.put_file("deb/initrd.gz", b"i")
    kernel = web.path("images", "deb", "vmlinuz")
    with open(kernel, "wb") as f:
        f.truncate(6 << 30)
    body = json.dumps(image()).encode()
    with contextlib.closing(web.connect()) as s:
        s.sendall(f"POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: reads_file(web, kernel), "the hashing")
        assert web.delete("/tokens/ann").status == 204
        assert closes_within(s, PATIENCE)
    os.truncate(kernel, 0)
    until(lambda: not reads_file(web, kernel), "the end of the hashing")
    assert web.get("/images").json["items"] == []
    with contextlib.closing(sqlite3.connect(web.database, timeout=60)) as db:
        assert db.execute("select what from audit order by seq desc limit 1").fetchall() == [("token.remove",)]


def reads_file(web, path):
    fds = f"/proc/{web.proc.pid}/fd"
    with contextlib.suppress(FileNotFoundError):
        return any(os.readlink(os.path.join(fds, fd)) == path for fd in os.listdir(fds))
    return False


def closes_within(s, seconds):
    s.settimeout(seconds)
    with contextlib.suppress(ConnectionResetError):
        while s.recv(4096):
            pass
    return True


@pytest.mark.parametrize("kind", ["silent", "drip", "body"])
def test_slow_clients_are_ended(web, kind):
    """However steadily it drips."""
    s = web.connect()
    began = time.monotonic()
    if kind == "body":
        s.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n")
    stop = threading.Event()

    def drip():
        with contextlib.suppress(OSError):
            if kind == "drip":
                s.sendall(b"GET / HTTP/1.1\r\nX: ")
            while kind != "silent" and not stop.wait(0.5):
                s.sendall(b"a")
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        assert closes_within(s, 40)
    finally:
        stop.set()
        thread.join()
        s.close()
    assert 10 < time.monotonic() - began < 35


def is_open(sock):
    sock.settimeout(0.001)
    try:
        return sock.recv(1) != b""
    except (TimeoutError, ssl.SSLWantReadError):
        return True
    except ConnectionResetError:
        return False


def test_a_flood_is_bounded_and_others_are_served(web):
    """Loopback may have all of the 512; the oldest that nobody has shown a token on makes room, and the unix socket is
    not held up."""
    admin = web.token("admin")
    kept = web.connection()
    kept.request("GET", "/")
    kept.getresponse().read()
    socks = []
    try:
        for _ in range(700):
            socks.append(web.connect())
        # The kernel has connections for the server that it has not seen yet.
        until(lambda: sum(map(is_open, socks)) <= 512, "the house to be no more than full")
        assert web.ask("GET", "/api/v1/version", token=admin).status == 200
        # Nor do half a body or an answer that is not read keep the others out.
        for s in socks[-400:]:
            with contextlib.suppress(OSError):
                s.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(600):
            socks.append(web.connect())
            socks[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        assert web.ask("GET", "/api/v1/version", token=admin).status == 200
        began = time.monotonic()
        assert web.get("/version").status == 200
        assert time.monotonic() - began < PATIENCE / 4
    finally:
        for s in socks:
            s.close()
    until(lambda: can_ask(web, admin), "room")


def can_ask(web, token):
    try:
        return web.ask("GET", "/api/v1/version", token=token).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_many_at_once_over_tls(tls):
    token = tls.token("viewer")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: tls.ask("GET", "/api/v1/version", token=token).status, range(100)))
    assert answers == [200] * 100


def test_a_recording_over_tls_is_whole(tls):
    """A file as an answer, and a client that goes away in the middle of it."""
    assert tls.apply(document()).status == 200
    agent = Agent(tls)
    agent.poll()
    boot = make_id(77)
    data = console_rec.recording("edge01", boot, os.urandom(20000))
    answer = tls.call("POST", "/agent/v1/console", {"v": 1, "site": "local", "agent": agent.id, "boot": boot, "offset": 0,
                                                   "data": base64.b64encode(data).decode()})
    assert answer.status == 200, answer.json
    viewer = tls.token("viewer")
    with contextlib.closing(tls.connection()) as c:
        c.request("GET", f"/api/v1/boots/{boot}/console", headers={"Authorization": f"Bearer {viewer}"})
        assert c.getresponse().read() == data
