# SPDX-License-Identifier: GPL-3.0-or-later
"""A site joins an orchestrator far away, and works for it: netboot-agent enroll, jobs over mutual TLS, by IPv4 and IPv6, by
a proxy, with another certificate, and without any any more."""
import contextlib
import glob
import os
import signal
import sqlite3
import sys
import time

import pytest

from far_lab import PORT, FarSite
from join_lab import HOST, forge, openssl
from netlab import PATIENCE, until
from skew import Skew
from whole_lab import program

DAY = 86400
PROXY = "http://10.99.0.1:3128"


@pytest.fixture
def far(netns):
    made = []

    def make(**kw):
        made.append(FarSite(netns, **kw))
        return made[-1]
    yield make
    for f in made:
        f.close()


def serial(f):
    return openssl("x509", "-in", f.path("agent/agent-tls/cert.pem"), "-noout", "-serial").strip().split("=")[1].lower()


@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_a_job_over_the_line(far, v6):
    f = far(v6=v6).start()
    for name in ("key.pem", "cert.pem", "authority.pem", "orders.pub", "seal.key"):
        assert os.stat(f.path("agent/agent-tls", name)).st_mode & 0o777 == 0o600, name
    f.stocked()
    done = f.reinstall("edge01")
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    until(lambda: f.job(job)["stage"] == "firmware-dhcp", "the machine to be switched on")
    m = f.machine()
    assert m.load() and m.report("up") == m.report("installed") == "204"
    until(lambda: f.job(job)["state"] in ("done", "failed"), "the job's end")
    assert f.job(job)["state"] == "done", f.job(job)
    (agent,) = f.json("agent", "list")["items"]
    assert "CERTIFICATE" in f.ctl("agent", "list").stdout and "valid to 20" in f.ctl("agent", "list").stdout
    assert agent["certificate"]["serial"] == serial(f) and agent["certificate"]["state"] == "valid"
    shown = f.ctl("agent", "show", "local").stdout
    assert serial(f) in shown and "used" in shown and (f.line.far_ip6 if v6 else f.line.far_ip) in shown
    # It only dials out: nobody can connect to it. (Its sockets by UDP are those it asks BMCs by.)
    listening = f.lan.server.run("ss", "-Hlntp").stdout
    assert "netboot-bootd" in listening and f"pid={f.procs['agent'].pid}," not in listening, listening


def test_what_joining_says_is_wrong(far):
    f = far()
    f.start_orchestrator()
    f.apply()
    good = f.secret()
    fingerprint = good.split(".")[1]

    def says(done, code, *words):
        assert done.returncode == 1 and f"netboot-agent: {code}: " in done.stderr, done.stderr
        for w in words:
            assert w in done.stderr, done.stderr
        assert good not in done.stdout + done.stderr
        assert not glob.glob(f.path("agent/agent-tls/*.pem"))
    says(f.try_enroll("nonsense"), "secret-file", "netboot-ctl agent enroll")
    says(f.try_enroll("nbj_" + "x" * 43 + "." + fingerprint), "join-secret-unknown")
    says(f.try_enroll(good[:-64] + "0" * 64), "wrong-authority", "was not told to it")
    says(f.try_enroll(good, url="http://10.99.0.1:8017"), "bad-server", "https://HOST:PORT")
    says(f.try_enroll(good, url=f"https://{f.line.near_ip}:9"), "server-unreachable")
    f.configure(site="other")
    says(f.try_enroll(good), "join-secret-site", "agent.yaml")
    f.configure()
    os.chmod(f.write("secret", good.encode()), 0o644)
    done = f.lan.server.run(program("netboot-agent"), "enroll", "-c", f.path("agent.yaml"), "--secret-file",
                            f.path("secret"), f.url, check=False)
    says(done, "secret-file", "only its owner")
    assert f.try_enroll(good, stdin=True).returncode == 0, "nothing of that used the secret up"
    again = f.try_enroll(good)
    assert again.returncode == 1 and "join-secret-used" in again.stderr and "agent revoke" in again.stderr
    # An agent that has not joined does not start, and says why.
    f.configure(state_dir=f.path("empty"))
    f.start_agent()
    assert f.procs.pop("agent").wait(PATIENCE) == 1
    assert "has not joined" in f.read("agent.log") and "netboot-agent enroll" in f.read("agent.log")
    f.configure(state_dir=f.path("agent"), site="other")
    f.start_agent()
    assert f.procs.pop("agent").wait(PATIENCE) == 1 and "is of site local" in f.read("agent.log")


def test_revoked_and_joined_again(far):
    """What is revoked is shut out at once; the agent says so once, works on, and is back with another certificate, and with the
    orders key that the orchestrator has by then."""
    f = far().start()
    before = serial(f)
    done = f.ctl("agent", "revoke", "local", "--reason", "stolen")
    assert done.returncode == 0 and "certificates revoked: 1" in done.stderr
    until(lambda: "this agent is shut out: the certificate of site local's agent was revoked" in f.read("agent.log"), "the log")
    assert f.procs["agent"].poll() is None and "agent-revoked" in f.ctl("audit", "list").stdout
    f.end("orchestrator")
    os.unlink(f.path("orders.key"))
    f.start_orchestrator()
    f.enroll()
    assert serial(f) != before
    until(lambda: "another certificate is there" in f.read("agent.log"), "the agent to see it", timeout=3 * PATIENCE)
    until(lambda: f.read("agent.log").count("works again") >= 1, "the line")
    done = f.ctl("power", "on", "edge01", "--reason", "x", "--wait")
    assert done.returncode == 0, done.stderr


def test_by_a_proxy(far):
    """Where there is no other way out: joining, polls and reports go by CONNECT, and the proxy sees TLS."""
    f = far(proxy=PROXY)
    with proxy_of(f):
        f.configure(proxy=PROXY)
        f.start()
        assert f.read("proxy.log").count(f"CONNECT 10.99.1.1:{PORT}") >= 3


def test_by_a_proxy_with_a_password(far):
    f = far(proxy=PROXY)
    login = {"proxy": PROXY, "proxy_user": "los", "proxy_password_file": f.path("proxy.password")}
    f.write("proxy.password", b"0pen:Sesame\n")
    os.chmod(f.path("proxy.password"), 0o600)
    with proxy_of(f, "los:0pen:Sesame"):
        f.start_bmcs()
        f.start_orchestrator()
        f.apply()
        secret = f.secret("--reason", "x")
        f.configure(proxy=PROXY)
        done = f.try_enroll(secret)
        assert done.returncode == 1 and "proxy-login: " in done.stderr and "wants a user and a password" in done.stderr
        assert "set proxy_user and proxy_password_file" in done.stderr
        f.write("wrong.password", b"guess\n")
        os.chmod(f.path("wrong.password"), 0o600)
        f.configure(**{**login, "proxy_password_file": f.path("wrong.password")})
        done = f.try_enroll(secret)
        assert done.returncode == 1 and "does not take the user and password" in done.stderr and "guess" not in done.stderr
        assert "CONNECT" not in f.read("proxy.log")
        f.configure(**login)
        os.chmod(f.path("proxy.password"), 0o640)
        done = f.try_enroll(secret)
        assert done.returncode == 1 and "proxy_password_file" in done.stderr and "CONNECT" not in f.read("proxy.log")
        os.chmod(f.path("proxy.password"), 0o600)
        assert f.try_enroll(secret).returncode == 0
        f.start_agent()
        f.ready()
        with open(f"/proc/{f.procs['agent'].pid}/cmdline") as line:
            assert "Sesame" not in line.read()
        # The password is changed at the proxy: the agent's log says what to do.
        f.end("agent")
        f.configure(**{**login, "proxy_password_file": f.path("wrong.password")})
        f.start_agent()
        until(lambda: "correct proxy_user and proxy_password_file" in f.read("agent.log"), "the refusal to be told")
        for said in (f.read("agent.log"), f.read("orchestrator.log")):
            assert "Sesame" not in said and "guess" not in said


@contextlib.contextmanager
def proxy_of(f, *login):
    with open(f.path("proxy.log"), "ab") as log:
        proxy = f.near.popen(sys.executable, os.path.join(os.path.dirname(__file__), "connect_proxy.py"), f.line.near_ip,
                             "3128", *login, stdout=log, stderr=log)
    try:
        until(lambda: "ready" in f.read("proxy.log"), "the proxy")
        # What does not go by the proxy does not get through.
        f.near.run("ip", "addr", "add", "10.99.1.1/32", "dev", "lo")
        f.write("orchestrator.yaml", f.read("orchestrator.yaml").replace(f"{f.line.near_ip}:{PORT}", f"10.99.1.1:{PORT}").encode())
        f.url = f"https://10.99.1.1:{PORT}"
        yield
    finally:
        proxy.kill()
        proxy.wait(PATIENCE)

def test_renewed_by_itself(far):
    """Two thirds of its time are over: another one, of another key, and the old one is used no more."""
    f = far().start()
    f.end("agent")
    key, cert = forge(f.path("o.key"), f.dir, "local", -70, 20)
    for name, path in (("key.pem", key), ("cert.pem", cert)):
        f.write(f"agent/agent-tls/{name}", f.octets(path))
    old = serial(f)
    f.start_agent()
    until(lambda: "the certificate was renewed" in f.read("agent.log"), "the renewal")
    assert serial(f) != old and f.octets("agent/agent-tls/key.pem") != f.octets(key)
    certs = f.json("agent", "show", "local")["certificates"]
    (new,) = [c for c in certs if c["serial"] == serial(f)]
    assert new["renews"] == old and new["by"] == "renewal"
    until(lambda: [c for c in f.json("agent", "show", "local")["certificates"] if c["serial"] == serial(f)][0]["last_seen"],
          "the new one in use")
    done = f.ctl("agent", "revoke", "local", "--serial", old, "--reason", "old")
    assert done.returncode == 0
    assert not any(x["level"] == "fail" for x in f.findings("certificate"))
    # A crash between the two files: what has both holds.
    f.end("agent")
    both = f.octets("agent/agent-tls/key.pem") + f.octets("agent/agent-tls/cert.pem")
    f.write("agent/agent-tls/next.pem", both)
    f.write("agent/agent-tls/key.pem", f.octets(key))
    f.start_agent()
    until(lambda: f.read("agent.log").count("jobs to go on with") >= 3, "the start")
    assert f.procs["agent"].poll() is None


def shown(f):
    """Serial and end of the certificate that the orchestrator shows to agents now."""
    done = f.lan.server.run("openssl", "s_client", "-connect", f"{f.line.near_ip}:{PORT}", "-servername", HOST, check=False)
    return openssl("x509", "-noout", "-serial", "-enddate", stdin=done.stdout.encode())


def connections(f):
    """The agent's ends of its connections to the orchestrator."""
    out = f.lan.server.run("ss", "-tnH", "state", "established", "dst", f.line.near_ip).stdout
    return {line.split()[2] for line in out.splitlines()}


def test_the_servers_own_certificate_is_renewed(far):
    """In a running orchestrator, when two thirds of its time are over: who is connected goes on, who comes then is shown the new
    one, and that is good when the first one has ended long ago. Both sides' clocks are moved."""
    f = far()
    clock = Skew(f.path("clock"))
    f.agent_by = f.orchestrator_by = clock.argv
    f.start()
    pid, first, agents = f.procs["orchestrator"].pid, shown(f), connections(f)

    def look():
        before = f.read("orchestrator.log").count("were read again")
        f.procs["orchestrator"].send_signal(signal.SIGHUP)
        until(lambda: f.read("orchestrator.log").count("were read again") > before, "the look")
        return shown(f)
    clock.set(59 * DAY)
    assert look() == first and "agents are shown" not in f.read("orchestrator.log")
    clock.set(61 * DAY)
    second = look()
    assert second != first and f.read("orchestrator.log").count("agents are shown a new certificate") == 1
    # By the connection of before: an order comes, and its answer goes back.
    assert agents and f.ctl("power", "status", "edge01").returncode == 0
    assert agents & connections(f) and look() == second
    f.end("agent")
    f.start_agent()
    until(lambda: "the certificate was renewed" in f.read("agent.log"), "the agent's own")
    f.end("agent")
    clock.set(100 * DAY)  # the first one's end was after 90
    f.start_agent()
    until(lambda: connections(f), "the agent to be there")
    until(lambda: f.ctl("power", "status", "edge01").returncode == 0, "its answer")
    assert "tls-failed" not in f.read("agent.log") and "has expired" not in f.read("agent.log")
    assert f.procs["orchestrator"].pid == pid and f.procs["orchestrator"].poll() is None


def heard_from(f, address):
    (agent,) = f.json("agent", "list")["items"]
    used = [c["from"] for c in f.json("agent", "show", "local")["certificates"]]
    return used == [address] and not agent["absent"]


def test_another_address_in_a_job(far):
    """The site has another address while a machine boots, and nobody is told: the job goes on, and nothing of it is lost."""
    f = far().start()
    f.stocked()
    job = f.reinstall("edge01").stdout.strip()
    until(lambda: f.job(job)["stage"] == "firmware-dhcp", "the machine to be switched on")
    m = f.machine()
    m.firmware()
    m.loader()
    f.line.move("10.99.0.3")
    m.ipxe()
    m.script()
    assert m.payloads() and m.report("up") == m.report("installed") == "204"
    until(lambda: not f.select("agent/agent.db", "select 1 from job where ended is null"), "its end at the site")
    until(lambda: f.job(job)["ended"], "its end here")
    assert f.job(job)["state"] == "done"
    stages = [e["detail"]["stage"] for e in f.events("--job", job) if e["kind"] == "job.stage" and e["detail"]["state"] == "confirmed"]
    assert stages == ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd",
                      "os-up", "installed"]
    until(lambda: heard_from(f, "10.99.0.3"), "the new address")
    assert "10.99.0.3" in f.ctl("agent", "show", "local").stdout


def test_another_address_while_nothing_happens(far):
    """The agent is back by itself, and orders come to it; what it saw meanwhile is told."""
    f = far().start()
    f.stocked()
    f.line.move("10.99.0.3")
    f.machine().firmware()
    until(lambda: heard_from(f, "10.99.0.3"), "the new address")
    # A question that goes out by the connection of before, while the agent has only told something by a new one, is lost.
    until(lambda: f.ctl("power", "status", "edge01").returncode == 0, "an answer")
    until(lambda: [e for e in f.events() if e["kind"] == "dhcp4.discover"], "what was seen")
    assert f.procs["agent"].poll() is None and "10.99.0.3" in f.ctl("agent", "show", "local").stdout


def test_doctor_tells_of_certificates(far):
    f = far()
    f.start_orchestrator()
    f.apply()
    f.enroll()
    assert [x["level"] for x in f.findings("certificate")] == ["ok"]
    f.ctl("agent", "revoke", "local", "--reason", "stolen")
    (found,) = f.findings("certificate")
    assert found["level"] == "fail" and "was revoked" in found["text"] and "agent enroll" in found["next"]
    for begins, ends, level, word in ((-85, 5, "warn", "ends at"), (-100, -10, "fail", "ended at")):
        _, cert = forge(f.path("o.key"), f.dir, "local", begins, ends)
        info = openssl("x509", "-in", cert, "-noout", "-serial", "-enddate")
        db = sqlite3.connect(f.path("orch/o.db"), timeout=PATIENCE)
        with db:
            db.execute("delete from agent_cert")
            db.execute("insert into agent_cert (serial, site, issued, ends, issued_by) values (?, 'local', ?, ?, 'x')",
                       (info[7:20], int((time.time() + begins * 86400) * 1e6), int((time.time() + ends * 86400) * 1e6)))
        db.close()
        (found,) = f.findings("certificate")
        assert found["level"] == level and word in found["text"], found
