# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents from afar that are not who they say: each is refused, that is in the audit, and nothing has changed. All on
loopback; no root is needed."""
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from join_lab import HOST, Far, FarWeb, openssl
from netlab import BUILD, PATIENCE, until
from orch_lab import make_id
from test_web import Pki, free_port

SITES = ("kla", "nbo")


@pytest.fixture
def web(tmp_path):
    w = FarWeb(tmp_path)
    for site in SITES:
        assert w.post("/sites", {"name": site, "timezone": "UTC"}).status == 201
    yield w
    w.stop()


def rows(web, what, result):
    return [r for r in web.get("/audit?limit=1000").json["items"] if r["what"] == what and r["result"] == result]


def inventory(web):
    return [web.get(p).json for p in ("/sites", "/hosts", "/jobs", "/events?limit=1000", "/agents")]


def refused(web, answer, status, code, what="agent.access", n=1):
    assert (answer.status, answer.code) == (status, code), answer.json
    assert answer.json["next"]
    assert len(rows(web, what, code)) == n, web.get("/audit").json


def test_join_poll_renew(web):
    f = web.far("kla")
    answer = f.poll()
    assert answer.status == 200 and answer.json["table"]["name"] == "kla"
    shown = web.get("/agents/kla").json
    assert [c["state"] for c in shown["certificates"]] == ["valid"]
    assert shown["certificates"][0]["from"] == "127.0.0.1" and shown["secrets"][0]["state"] == "used"
    before = f.credentials
    assert f.renew().status == 200 and f.credentials != before
    assert f.poll().status == 200
    renewed = web.get("/agents/kla").json["certificates"]
    assert {c["renews"] for c in renewed} == {None, renewed[-1]["serial"]}
    assert len(rows(web, "agent.join", "ok")) == 1 and len(rows(web, "agent.renew", "ok")) == 1
    text = openssl("x509", "-in", f.credentials[1], "-noout", "-text")
    assert "URI:netboot://site/kla" in text and "TLS Web Client Authentication" in text and "CA:FALSE" in text


def test_secrets(web):
    """A secret works once, for its site, in its time."""
    one, f = web.secret("kla"), Far(web, "kla")
    assert Far(web, "nbo").join(one).code == "join-secret-site"
    assert f.join(one).status == 200
    refused(web, Far(web, "kla").join(one), 403, "join-secret-used", "agent.join")
    refused(web, Far(web, "kla").join("nbj_" + "x" * 43 + one[-65:]), 403, "join-secret-unknown", "agent.join")
    other = web.secret("kla", expires_s=60)
    assert web.post("/agents/kla/revoke", {"reason": "r"}).status == 200
    refused(web, Far(web, "kla").join(other), 403, "join-secret-withdrawn", "agent.join")
    assert one not in open(web.database, "rb").read().decode("latin-1")
    assert [c["state"] for c in web.get("/agents/kla").json["certificates"]] == ["revoked"]


def test_an_answer_that_was_lost(web):
    """The same request is answered again until the agent is seen; the certificate that nobody had is worth nothing."""
    secret, f = web.secret("kla"), Far(web, "kla")
    base, csr = f.csr()
    wish = {"v": 1, "site": "kla", "secret": secret, "csr": csr}
    lost = f.post("/agent/v1/enroll", wish)
    assert lost.status == 200
    refused(web, Far(web, "kla").join(secret), 403, "join-secret-used", "agent.join")  # another key
    assert f.take(base, f.post("/agent/v1/enroll", wish)).status == 200
    assert f.poll().status == 200
    assert sorted(c["state"] for c in web.get("/agents/kla").json["certificates"]) == ["revoked", "valid"]
    refused(web, f.post("/agent/v1/enroll", wish), 403, "join-secret-used", "agent.join")
    f.take(base, lost)
    refused(web, f.poll(), 403, "agent-revoked")


def test_no_certificate(web):
    before = inventory(web)
    f = Far(web, "kla")
    refused(web, f.poll(), 401, "agent-certificate-missing")
    assert f.request("GET", "/agent/v1/authority").status == 200
    assert inventory(web) == before


def test_another_authority(web, tmp_path):
    (tmp_path / "other").mkdir()
    other = Pki(tmp_path / "other")
    f, before = Far(web, "kla"), inventory(web)
    f.credentials = web.forge("kla", ca=other.ca, key=other.path("ca.key"))
    refused(web, f.poll(), 401, "agent-certificate-invalid")
    assert inventory(web) == before


def test_the_servers_own_certificate_is_no_agents(web):
    f, before = Far(web, "kla"), inventory(web)
    f.credentials = web.forge("kla", usage="serverAuth")
    refused(web, f.poll(), 401, "agent-certificate-invalid")
    assert inventory(web) == before


def test_expired(web):
    f, before = Far(web, "kla"), inventory(web)
    f.credentials = web.forge("kla", days=-1)
    refused(web, f.poll(), 401, "agent-certificate-expired")
    refused(web, f.renew(), 401, "agent-certificate-expired", n=1)
    assert inventory(web) == before and web.get("/agents/kla").json["certificates"] == []


def test_revoked_at_once(web):
    f = web.far("kla")
    assert f.poll().status == 200
    waiting = f.connection()
    waiting.request("POST", "/agent/v1/poll", json.dumps({"v": 1, "site": "kla", "agent": f.id, "wait_s": 25, "table":
                    web.get("/sites/kla").json.get("version", 1)}), {"Host": HOST})
    idle = f.connection()
    assert f.poll(conn=idle).status == 200
    answer = web.post("/agents/kla/revoke", {"reason": "stolen"})
    assert answer.status == 200 and len(answer.json["revoked"]) == 1
    for c in (waiting, idle):
        with pytest.raises((OSError, Exception)):
            if c is idle:
                c.request("POST", "/agent/v1/poll", "{}", {"Host": HOST})
            r = c.getresponse()
            assert r.status == 200 and json.loads(r.read())["orders"] is None  # an answer of before is none
    refused(web, f.poll(), 403, "agent-revoked")
    refused(web, f.renew(), 403, "agent-revoked")
    assert web.post("/agents/kla/revoke", {"reason": "again"}).code == "certificate-unknown"
    assert web.far("kla").poll().status == 200, "with a new secret it joins again"


def test_another_site(web):
    """A certificate is for its site, whatever a message names; and an agent's id is its own."""
    kla, nbo = web.far("kla"), web.far("nbo")
    assert kla.poll().status == nbo.poll().status == 200
    before = inventory(web)
    refused(web, kla.poll(site="nbo"), 403, "agent-other-site")
    event = {"kind": "job.done", "at": "2026-01-01T00:00:00Z", "site": "nbo", "host": "edge01"}
    for path, body in (("/agent/v1/report", {"v": 1, "site": "nbo", "agent": kla.id, "first": 1, "events": [event], "calls": []}),
                       ("/agent/v1/report", {"v": 1, "site": "kla", "agent": nbo.id, "first": 1, "events": [event], "calls": []}),
                       ("/agent/v1/console", {"v": 1, "site": "nbo", "boot": make_id(7), "offset": 0, "data": ""}),
                       ("/agent/v1/consoles", {"v": 1, "site": "nbo", "agent": kla.id}),
                       ("/agent/v1/poll", {"v": 1, "site": 7, "agent": kla.id, "table": 0, "wait_s": 0})):
        answer = kla.post(path, body)
        assert (answer.status, answer.code) == (403, "agent-other-site"), (path, answer.json)
    for a, b in zip(inventory(web)[:4], before[:4]):
        assert a == b
    assert rows(web, "agent.access", "agent-other-site")[0]["who"] == "agent:kla"


def test_certificate_that_the_database_lost(web):
    """Its database was put back from a copy of before: what its authority has signed is taken, and recorded."""
    f = Far(web, "kla")
    f.credentials = web.forge("kla")
    assert f.poll().status == 200
    assert len(rows(web, "agent.known", "ok")) == 1
    g = Far(web, "lost")
    g.credentials = web.forge("lost")
    refused(web, g.poll(site="lost"), 403, "site-unknown")


def test_a_site_that_is_removed_shuts_its_agent_out(web):
    f = web.far("kla")
    assert f.poll().status == 200 and web.delete("/sites/kla").status == 204
    assert f.poll().code == "agent-revoked"
    assert web.post("/sites", {"name": "kla", "timezone": "UTC"}).status == 201
    assert f.poll().code == "agent-revoked", "a site of the same name is another one"


def test_only_under_the_own_name(web):
    """What is for agents is not there for browsers, and what a browser was sent to by name is not there for it."""
    f = web.far("kla")
    page = ssl.create_default_context(cafile=web.pki.ca)
    page.load_cert_chain(f.credentials[1], f.credentials[0])
    answer = f.request("POST", "/agent/v1/poll", {}, context=page, name="netboot.test", host=f"127.0.0.1:{web.port}")
    assert (answer.status, answer.code) == (404, "not-found")
    assert f.request("GET", "/agent/v1/authority", host="127.0.0.1").code == "wrong-host"
    assert f.request("GET", "/api/v1/version").status == 401, "a certificate is no token"
    token = web.token("viewer")
    assert web.ask("GET", "/api/v1/version", token=token).status == 200


@pytest.mark.parametrize("name", [HOST, "netboot.test"])
def test_only_tls_1_3(web, name):
    def s_client(*args):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{web.port}", "-servername", name, *args],
                              input=b"", capture_output=True, timeout=PATIENCE)
    for old in ("-tls1_2", "-tls1_1"):
        assert b"Cipher is (NONE)" in s_client(old, "-cipher", "ALL:@SECLEVEL=0").stdout
    good = s_client("-tls1_3").stdout.decode()
    assert "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384" in good and "Server Temp Key: X25519" in good
    assert "Compression: NONE" in good and "Renegotiation" not in good.replace("Secure Renegotiation IS NOT", "")
    for cipher in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        assert b"Cipher is (NONE)" in s_client("-tls1_3", "-ciphersuites", cipher).stdout
    if name == HOST:
        assert "Acceptable client certificate CA names" in good and "CN = netboot authority" in good
        assert "subject=CN = orchestrator.netboot.internal" in good
    else:
        assert "No client certificate CA names sent" in good


def test_old_tls_by_program(web):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", web.port), PATIENCE) as s:
        c.wrap_socket(s, server_hostname=HOST)


def test_files_are_the_owners_alone(web):
    for name in ("authority.key", "authority.pem", "orders.key"):
        assert os.stat(web.path(name)).st_mode & 0o777 == 0o600, name


def test_authority_stays_over_a_restart(web):
    f, before = web.far("kla"), open(web.authority).read()
    web.kill()
    web.start()
    assert open(web.authority).read() == before and f.poll().status == 200
    os.unlink(web.authority)
    web.kill()
    web.start()
    assert open(web.authority).read() != before
    assert f.poll(context=_pinned(f, before)).status == 200, "made anew of the same key, it is the same authority"
    os.unlink(web.path("authority.key"))
    web.kill()
    proc = web.spawn()
    assert proc.wait(PATIENCE) == 1 and "authority.key is not there" in web.log
    web.proc = None


def _pinned(f, authority):
    path = f.web.path("pinned.pem")
    with open(path, "w") as out:
        out.write(authority)
    c = ssl.create_default_context(cafile=path)
    c.load_cert_chain(f.credentials[1], f.credentials[0])
    return c


def test_many_connections_of_one_site(web):
    """The oldest goes, however many certificates it has; strangers' limits are not an agent's. Whose was revoked takes no place
    of it."""
    f, old = web.far("kla"), Far(web, "kla")
    old.credentials = f.credentials
    assert f.poll().status == 200 and f.renew().status == 200
    conns = []
    for n in range(80):
        who = old if n % 2 else f
        conns.append(who.connection())
        assert who.poll(conn=conns[-1]).status == 200
    until(lambda: _is_closed(conns[0]), "the oldest to be closed")
    assert not _is_closed(conns[-1]) and not _is_closed(conns[20])
    serial = openssl("x509", "-in", old.credentials[1], "-noout", "-serial").strip().split("=")[1].lower()
    assert web.post("/agents/kla/revoke", {"reason": "r", "serial": serial}).status == 200
    again = [old.connection() for _ in range(80)]
    assert old.poll(conn=again[-1]).code == "agent-revoked"
    assert not _is_closed(conns[-2]) and f.poll(conn=conns[-2]).status == 200


def _is_closed(c):
    c.sock.settimeout(0.05)
    try:
        return c.sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        c.sock.settimeout(PATIENCE)


def test_what_testssl_says(web):
    """Of both names: TLS 1.3 alone, and none of the old ciphers."""
    for name in (HOST, "netboot.test"):
        out = web.path(f"testssl-{name}.json")
        subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "-p", "-s", "--ip", "127.0.0.1", "--jsonfile", out,
                        f"{name}:{web.port}"], stdin=subprocess.DEVNULL, capture_output=True, timeout=4 * PATIENCE, check=False)
        found = {f["id"]: f for f in json.load(open(out))}
        assert found["TLS1_3"]["finding"].startswith("offered"), found
        for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"):
            assert "not offered" in found[old]["finding"], found[old]
        for weak in ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW", "cipherlist_3DES_IDEA"):
            assert found[weak]["finding"] == "not offered", found[weak]


def test_without_a_certificate_of_ones_own(tmp_path):
    """Where web.tls_cert names none, agents are served as ever, and people by the own authority's certificate."""
    port = free_port()
    w = FarWeb(tmp_path, own=True, listen=f'"0.0.0.0:{port}"', more='  names: [netboot.test, "127.0.0.1"]\n')
    w.port = port
    try:
        assert w.post("/sites", {"name": "kla", "timezone": "UTC"}).status == 201
        f = w.far("kla")
        assert f.poll().status == 200
        token = w.token("viewer")
        assert w.ask("GET", "/api/v1/sites", token=token).status == 200
        for name in ("netboot.test", "localhost", "127.0.0.1"):
            with socket.create_connection(("127.0.0.1", port)) as s, w.context().wrap_socket(s, server_hostname=name) as t:
                assert t.version() == "TLSv1.3"
        # Of no other name, and of nobody who trusts the usual authorities alone; never in clear.
        for context, name in ((w.context(), "other.test"), (ssl.create_default_context(), "netboot.test")):
            with socket.create_connection(("127.0.0.1", port)) as s, pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(s, server_hostname=name)
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(PATIENCE)
            s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not s.recv(100).startswith(b"HTTP/")
        # An agent's certificate is no server's.
        assert "TLS Web Server Authentication" not in openssl("x509", "-in", f.credentials[1], "-noout", "-ext", "extendedKeyUsage")
        (tmp_path / "t").write_text(token)
        (tmp_path / "t").chmod(0o600)
        ctl = [os.path.join(BUILD, "netboot-ctl"), "--server", f"https://127.0.0.1:{port}", "--token-file", str(tmp_path / "t")]
        assert subprocess.run([*ctl, "--ca-file", w.authority, "status"], check=False, timeout=PATIENCE).returncode == 0
        done = subprocess.run([*ctl, "status"], capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 5 and "--ca-file" in done.stderr
        found = [x for x in w.get("/doctor").json["findings"] if x["check"] == "web"]
        assert [x["level"] for x in found] == ["warn"] and "no browser trusts" in found[0]["text"] and "authority.pem" in found[0]["next"]
        w.proc.send_signal(signal.SIGHUP)
        assert w.ask("GET", "/api/v1/sites", token=token).status == 200
    finally:
        w.stop()
