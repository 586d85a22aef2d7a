# SPDX-License-Identifier: GPL-3.0-or-later
"""Health gates at the site's agent: real servers, echoes and programs, those that hang, flood and fork among them. The orchestrator is
played by the test."""
import glob
import json
import os
import signal
import subprocess
import sys

import pytest

import netlab
import whole_lab
from agent_lab import AgentSite, make_id
from join_lab import openssl
from netlab import PATIENCE, until

HOST = os.path.join(os.path.dirname(__file__), "gate_host.py")
HERE = "10.77.0.11"  # edge01, where something answers; edge02 is nobody


class GateSite(AgentSite):
    """edge01 is a namespace with services; self.ask(…) is a call of the orchestrator."""

    def __init__(self, lan, user="nobody", **kw):
        self.user, self.asked = user, 0
        super().__init__(lan, hosts=2, bmc=False, **kw)
        os.mkdir(self.path("gates"))
        self.machine(1)
        self.edge = self.clients[1]
        self.edge.ip("addr", "add", "fd77::11/64", "dev", "eth0", "nodad")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=another.name", "-days", "2",
                "-keyout", self.path("key.pem"), "-out", self.path("cert.pem"))
        with open(self.path("both.pem"), "w") as f:
            f.write(open(self.path("key.pem")).read() + open(self.path("cert.pem")).read())

    def config(self):
        return super().config() | {"gates_root": self.path("gates"), "gates_user": self.user}

    def serve(self, port, address="0.0.0.0"):
        p = self.edge.popen(sys.executable, HOST, address, str(port), self.path("both.pem"), stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        return p

    def program(self, name, text, mode=0o755):
        path = self.path("gates", name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def begin(self, *checks, host="edge01", timeout=5, ip=None, **more):
        self.asked += 1
        call = make_id(900000 + self.asked)
        args = {"host": host, "checks": list(checks), "timeout_s": timeout, **({"ip": ip} if ip else {}), **more}
        with self.orch.cond:
            self.orch.calls[call] = {"t": "call", "id": call, "verb": "gate", "bmc": None, "args": args}
            self.orch.cond.notify_all()
        return call

    def answer(self, call):
        return {"code": "", **until(lambda: self.orch.results.get(call), what="the answer", timeout=2 * PATIENCE)}

    def ask(self, *checks, **kw):
        return self.answer(self.begin(*checks, **kw))

    def well(self, *checks, **kw):
        got = self.ask(*checks, **kw)
        assert got["code"] == "" and all(c["ok"] for c in got["data"]["checks"]), got
        return got["data"]

    def children(self, name):
        """Processes that run that program of gates, whoever's children they are by now."""
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                if f"NETBOOT_MARK={name}".encode() in open(path, "rb").read() or name.encode() in open(path[:-7] + "cmdline", "rb").read().split(b"\0"):
                    found.append(int(path.split("/")[2]))
            except OSError:
                pass
        return found


@pytest.fixture(scope="module")
def gates():
    lan = netlab.Lan()
    s = GateSite(lan)
    try:
        s.serve(8080)
        s.serve(8090, "fd77::11")
        s.start_agent()
        yield s
        assert "Sanitizer" not in s.stderr and "runtime error" not in s.stderr, s.stderr
    finally:
        s.close()
        lan.close()


# ---- connections, echoes, requests ----

@pytest.mark.parametrize("check", ["tcp:8080", "icmp", "http://${ip}:8080/ok", "http:http://${ip}:8080/ok=2xx", "https://${ip}:8081/ok",
                                   "http://${ip}:8080/status/503=503", "http://${ip}:8080/status/404=4xx", "http://${ip}:8080/moved=302",
                                   "http://${ip}:8080/flood", "http://10.77.0.11:8080/ok?of=${host}"])
def test_what_holds(gates, check):
    data = gates.well(check)
    assert data["rounds"] == 1 and data["checks"][0]["why"] == "" and data["checks"][0]["took_ms"] < 5000


@pytest.mark.parametrize("check", ["tcp:8090", "icmp", "http://${ip}:8090/ok", "https://${ip}:8091/ok", "http://[fd77::11]:8090/ok"])
def test_what_holds_by_ipv6(gates, check):
    gates.well(check, ip="fd77::11")


@pytest.mark.parametrize("check,host,code,why", [
    ("tcp:9", "edge01", "gate-failed", "Connection refused"),
    ("tcp:9", "edge02", "gate-timeout", "No route to host|no answer"),
    ("icmp", "edge02", "gate-timeout", "no answer"),
    ("http://${ip}:9/", "edge01", "gate-failed", "Connection refused"),
    ("http://${ip}:8080/status/503", "edge01", "gate-failed", "status 503, not 200"),
    ("http://${ip}:8080/status/503=2xx", "edge01", "gate-failed", "status 503, not 2xx"),
    ("http://${ip}:8080/moved", "edge01", "gate-failed", "status 302, not 200"),
    ("http://${ip}:8081/ok", "edge01", "gate-timeout", "the server: "),
    ("http://${ip}:8080/silent", "edge01", "gate-timeout", "no answer in time"),
    ("http://${ip}/", "edge02", "gate-timeout", "No route to host|no answer in time"),
])
def test_what_does_not_hold(gates, check, host, code, why):
    got = gates.ask(check, host=host, timeout=4)
    line = got["data"]["checks"][0]
    assert got["code"] == code and not line["ok"] and any(w in line["why"] for w in why.split("|")), got
    assert got["reason"].startswith(f"{code}: {check}: {line['why']}"[:200])
    assert 3500 <= got["data"]["waited_ms"]


def test_all_of_them_at_once(gates):
    got = gates.ask("tcp:8080", "tcp:9", "http://${ip}:8080/ok", "icmp", timeout=5)
    assert got["code"] == "gate-failed" and [c["ok"] for c in got["data"]["checks"]] == [True, False, True, True]
    assert got["data"]["rounds"] == 2 and "tcp:8080" not in got["reason"]


def test_until_it_comes_up(gates):
    before = gates.edge.refused()
    call = gates.begin("tcp:8070", "http://${ip}:8070/ok", timeout=PATIENCE)
    until(lambda: gates.edge.refused() > before, what="a connection to be refused")
    assert call not in gates.orch.results
    gates.serve(8070)
    got = gates.answer(call)
    assert got["code"] == "" and got["data"]["rounds"] >= 2


# ---- programs ----

def test_a_program_and_its_surroundings(gates):
    gates.program("look", """#!/usr/bin/python3
import json, os, signal, stat, sys
import resource
fds = sorted(int(f) for f in os.listdir("/proc/self/fd"))
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "uid": os.getresuid(), "gid": os.getresgid(), "groups": os.getgroups(),
    "fds": [os.readlink(f"/proc/self/fd/{f}") for f in fds if os.path.exists(f"/proc/self/fd/{f}")], "cwd": os.getcwd(),
    "session": os.getsid(0) == os.getpid(), "umask": os.umask(0), "core": resource.getrlimit(resource.RLIMIT_CORE),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "status": [l.split()[1] for l in open("/proc/self/status") if l.startswith(("NoNewPrivs", "CapEff", "CapPrm"))]}), file=open("%s", "w"))
print("warming up")
print("cache is warm")
print()
""" % gates.path("seen"))
    with open(gates.path("seen"), "w") as f:
        os.fchmod(f.fileno(), 0o666)
    data = gates.well("exec:look --warm ${ip} name=${host} $HOME")
    assert data["checks"][0] == {**data["checks"][0], "check": "exec:look --warm ${ip} name=${host} $HOME", "why": "cache is warm"}
    seen = json.load(open(gates.path("seen")))
    assert seen["argv"] == ["--warm", HERE, "name=edge01", "$HOME"]
    assert {k: v for k, v in seen["env"].items() if k not in ("LC_CTYPE", "PATH")} == {
        "HOME": "/", "LANG": "C.UTF-8", "NETBOOT_HOST": "edge01", "NETBOOT_IP": HERE, "NETBOOT_SITE": "local"}
    assert set(seen["uid"]) == set(seen["gid"]) == {65534} and seen["groups"] == []
    # Nothing of the agent's: input, output, and its own text.
    assert seen["fds"][0] == "/dev/null" and all(f.startswith(("pipe:", "/proc/", gates.path("gates", "look"))) or f in ("/dev/null", gates.path("seen"))
                                                 for f in seen["fds"]), seen["fds"]
    assert len({f for f in seen["fds"] if f.startswith("pipe:")}) == 1
    assert seen["cwd"] == "/" and seen["session"] and seen["umask"] == 0o77 and seen["core"] == [0, 0] and seen["blocked"] == []
    assert sorted(seen["status"]) == ["0000000000000000", "0000000000000000", "1"]


def test_a_binary(gates):
    path = gates.path("gates", "true")
    subprocess.run(["cp", "/bin/true", path], check=True)
    assert gates.well("exec:true")["checks"][0]["why"] == ""


@pytest.mark.parametrize("text,code,why", [
    ("#!/bin/sh\necho one\necho 'disk sda is failing' >&2\nexit 1\n", "gate-failed", "disk sda is failing"),
    ("#!/bin/sh\nexit 7\n", "gate-failed", "it ended with 7 and said nothing"),
    ("#!/bin/sh\nprintf 'no line feed'; exit 1\n", "gate-failed", "no line feed"),
    ("#!/bin/sh\nprintf 'bad \\033[31m\\001 \\377'; exit 1\n", "gate-failed", "bad \\x1b[31m\\x01 \\xff"),
    ("#!/bin/sh\necho going; kill -11 $$\n", "gate-failed", "it was ended by signal 11; it said: going"),
    ("#!/bin/sh\necho waiting; exec sleep 1000\n", "gate-timeout", "it has not ended after 3 s; it said: waiting"),
    ("#!/no/such/interpreter\n", "gate-failed", "it cannot be run: No such file or directory"),
    ("echo no interpreter is named\n", "gate-failed", "it cannot be run: Exec format error"),
])
def test_how_a_program_ends(gates, text, code, why):
    gates.program("ends", text)
    got = gates.ask("exec:ends", timeout=4)
    assert (got["code"], got["data"]["checks"][0]["why"]) == (code, why), got


def test_programs_that_may_not_be_run(gates):
    gates.program("loose", "#!/bin/sh\n", mode=0o775)
    gates.program("world", "#!/bin/sh\n", mode=0o757)
    gates.program("plain", "#!/bin/sh\n", mode=0o644)
    os.chown(gates.program("nobodys", "#!/bin/sh\n"), 65534, 65534)
    os.makedirs(gates.path("gates", "folder"), exist_ok=True)
    os.symlink("/bin/true", gates.path("gates", "out"))
    os.symlink("../agent.yaml", gates.path("gates", "up"))
    os.mkfifo(gates.path("gates", "fifo"), 0o755)
    for name, why in (("loose", "can be written by others than its owner"), ("world", "can be written by others"), ("plain", "is not executable"),
                      ("nobodys", "is not root's"), ("folder", "is no file"), ("fifo", "is no file"), ("out", "cannot be opened"),
                      ("up", "cannot be opened"), ("missing", "is not there")):
        got = gates.ask(f"exec:{name}", "tcp:9", timeout=PATIENCE)  # told at once
        assert got["code"] == "gate-program" and f"exec:{name}: {gates.path('gates', name)} {why}" in got["reason"], got
        assert got["data"]["rounds"] == 1
    # Root alone may read it: whoever runs it may not.
    gates.program("closed", "#!/bin/sh\n", mode=0o700)
    assert "Permission denied" in gates.ask("exec:closed", timeout=1)["reason"]


def test_a_folder_that_others_can_write_to(gates):
    gates.program("fine", "#!/bin/sh\n")
    gates.well("exec:fine")
    try:
        os.chmod(gates.path("gates"), 0o775)
        got = gates.ask("exec:fine")
        assert got["code"] == "gate-program" and f"{gates.path('gates')} can be written by others" in got["reason"], got
    finally:
        os.chmod(gates.path("gates"), 0o755)
    gates.well("exec:fine")


def test_no_privileges_by_files(gates):
    """A program cannot become somebody by a set-user-ID file."""
    subprocess.run(["cp", "/usr/bin/id", gates.path("id")], check=True)
    os.chmod(gates.path("id"), 0o4755)
    gates.program("become", f"#!/bin/sh\n{gates.path('id')} -u\n")
    assert gates.well("exec:become")["checks"][0]["why"] == "65534"


def test_children_end_with_their_time(gates):
    gates.program("forks", "#!/bin/sh\nexport NETBOOT_MARK=forks\nsleep 7777 & (sleep 7777 & sleep 7777) & wait\n")
    call = gates.begin("exec:forks", timeout=3)
    until(lambda: len(gates.children("7777")) >= 3, "its children")
    got = gates.answer(call)
    assert got["code"] == "gate-timeout" and "it has not ended after 2 s" in got["reason"]
    until(lambda: not gates.children("7777"), "their end")


def test_children_end_with_the_program(gates):
    gates.program("leaves", "#!/bin/sh\nsleep 6666 &\necho left one\n")
    assert gates.well("exec:leaves")["checks"][0]["why"] == "left one"
    until(lambda: not gates.children("6666"), "its end")


def test_output_without_an_end(gates):
    gates.program("prints", "#!/bin/sh\nhead -c 900000 /dev/zero | tr '\\0' x; echo; echo all of it\n")
    assert gates.well("exec:prints")["checks"][0]["why"] == "all of it"
    gates.program("floods", "#!/bin/sh\nexec yes 'still here'\n")
    got = gates.ask("exec:floods", timeout=2)
    assert got["code"] == "gate-failed" and "it printed more than 1048576 octets" in got["reason"]
    until(lambda: not gates.children("still here"), "its end")


def test_many_at_once(gates):
    gates.program("counts", f"""#!/bin/sh
exec 9<{gates.path("gates")}; me={gates.path("run")}/$$
: > $me; ls {gates.path("run")} | wc -l >> {gates.path("most")}
sleep 0.2; rm $me
""")
    os.mkdir(gates.path("run"))
    os.chmod(gates.path("run"), 0o777)
    with open(gates.path("most"), "w") as f:
        os.fchmod(f.fileno(), 0o666)
    calls = [gates.begin("exec:counts", timeout=2 * PATIENCE) for _ in range(100)]
    for call in calls:
        assert gates.answer(call)["code"] == ""
    most = [int(n) for n in open(gates.path("most"))]
    assert len(most) == 100 and max(most) <= 8


def test_programs_that_wait_for_others_say_nothing_of_their_hosts(gates):
    gates.program("occupies", "#!/bin/sh\necho at work; exec sleep 4444\n")
    gates.program("fine", "#!/bin/sh\n")
    # One after the other: eight occupy all places until their end.
    calls = [gates.begin("exec:occupies", timeout=6) for _ in range(8)]
    until(lambda: len(gates.children("4444")) == 8, "eight of them")
    got = gates.ask("exec:fine", "tcp:8080", timeout=2)
    assert got["code"] == "gate-busy" and "exec:fine: not asked in time" in got["reason"] and "tcp:8080" not in got["reason"], got
    got = gates.ask("exec:fine", "tcp:9", timeout=1)
    assert got["code"] == "gate-failed" and "tcp:9: Connection refused" in got["reason"], got
    for call in calls:
        assert gates.answer(call)["code"] == "gate-timeout"
    gates.well("exec:fine")


def test_bad_calls(gates):
    for args, code, why in (({"checks": []}, "bad-gate", "none is given"), ({"checks": ["tcp:ssh"]}, "bad-gate", "checks[0]"),
                            ({"checks": "tcp:22"}, "bad-gate", "not a list"), ({"timeout_s": 0}, "bad-value", "timeout_s"),
                            ({"timeout_s": 99999}, "bad-value", "timeout_s"), ({"host": "../x"}, "bad-value", "host"),
                            ({"host": 7}, "bad-value", "host")):
        got = gates.ask("tcp:22", **args)
        assert got["code"] == code and why in got["reason"] and "data" not in got, got
    got = gates.ask("tcp:22", host="nobody.knows")
    assert got["code"] == "no-address" and "address is not known" in got["reason"]
    gates.program("anywhere", "#!/bin/sh\necho \"at <$NETBOOT_IP>\"\n")
    assert gates.well("exec:anywhere", host="nobody.knows")["checks"][0]["why"] == "at <>"


def test_a_call_is_answered_once(gates):
    gates.program("slow", "#!/bin/sh\nsleep 0.5\necho x >> %s\n" % gates.path("times"))
    with open(gates.path("times"), "w") as f:
        os.fchmod(f.fileno(), 0o666)
    call = gates.begin("exec:slow")
    with gates.orch.cond:
        again = {"t": "call", "id": call, "verb": "gate", "bmc": None, "args": {"host": "edge01", "checks": ["exec:slow"]}}
        gates.orch.calls[call] = again
        gates.orch.cond.notify_all()
    assert gates.answer(call)["code"] == ""
    gates.well("tcp:8080")
    assert open(gates.path("times")).read() == "x\n"


# ---- agents of their own ----

@pytest.mark.parametrize("user,why", [("root", 'gates_user "root" is root'), ("no-such-user", 'there is no user "no-such-user"')])
def test_programs_are_not_run_as_root(netns, user, why):
    s = GateSite(netns, user=user)
    try:
        s.start_agent()
        s.program("fine", "#!/bin/sh\n")
        got = s.ask("exec:fine", timeout=PATIENCE)
        assert got["code"] == "gate-program" and why in got["reason"], got
        s.serve(8080)
        s.well("tcp:8080")
    finally:
        s.close()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_programs_end_with_the_agent(netns, sig):
    s = GateSite(netns)
    try:
        s.start_agent()
        s.program("hangs", "#!/bin/sh\nexec sleep 5555\n")
        for _ in range(3):
            s.begin("exec:hangs", timeout=PATIENCE)
        until(lambda: len(s.children("5555")) == 3, "the programs")
        s.kill_agent(sig)
        until(lambda: not s.children("5555"), "their end")
        assert "Sanitizer" not in s.stderr
        # What was asked is lost; the next one is answered.
        s.start_agent()
        s.serve(8080)
        s.well("tcp:8080")
    finally:
        s.close()


def test_nobody_made_the_folder(netns):
    s = GateSite(netns)
    try:
        os.rmdir(s.path("gates"))
        s.start_agent()
        got = s.ask("exec:fine", timeout=PATIENCE)
        assert got["code"] == "gate-program" and f"{s.path('gates')} No such file" in got["reason"], got
    finally:
        s.close()


def test_all_programs(netns):
    """From netboot-ctl to the host and back, with nobody played."""
    s = whole_lab.Site(netns, hosts=2)
    config = json.loads(s.read("agent.yaml")) | {"gates_root": s.path("gates")}
    s.write("agent.yaml", json.dumps(config).encode())
    os.mkdir(s.path("gates"))
    with open(s.path("gates/check-edge"), "w") as f:
        f.write('#!/bin/sh\necho "$NETBOOT_HOST at $NETBOOT_IP of $NETBOOT_SITE"\n')
        os.fchmod(f.fileno(), 0o755)
    try:
        s.start()
        netns.add_client(mac="52:54:00:77:00:01", address=HERE + "/24")
        done = s.ctl("gate", "check", "edge[01-02]", "--gate", "icmp", "--gate", "exec:check-edge", "--gate-timeout", "4s")
        assert done.returncode == 2, done.stderr
        assert sorted(done.stdout.splitlines()) == ["edge01: ok exec:check-edge: edge01 at 10.77.0.11 of local", "edge01: ok icmp", "edge02: NO icmp: no answer",
                                                    "edge02: ok exec:check-edge: edge02 at 10.77.0.12 of local"]
        assert done.stderr == "edge02: gate-timeout: icmp: no answer\n"
    finally:
        s.close()
