# SPDX-License-Identifier: GPL-3.0-or-later
"""A console on its whole way: recorded by the agent, held by the orchestrator, played by netboot-ctl."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import termios
import time

import pytest

import console_rec
import whole_lab
from netlab import PATIENCE, until
from whole_lab import BMC_PORT, program


@pytest.fixture
def whole(netns):
    with contextlib.ExitStack() as stack:
        def make(**kw):
            s = whole_lab.Site(netns, **kw)
            stack.callback(s.close)
            return s.start()
        yield make


class Line:
    """The serial line of a machine."""

    def __init__(self, s, n=1):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(s.path("bmcsim.sock"))
        self.sock.sendall(f"serial 127.0.0.1:{BMC_PORT + n - 1} attach\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.sock.recv(1)
        assert answer == b"ok\n", answer

    def say(self, octets):
        self.sock.sendall(octets)


def ctl_octets(s, *argv):
    return subprocess.run([program("netboot-ctl"), "--server", f"unix:{s.socket}", *argv], check=False,
                          capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)


def begin(s):
    assert s.reinstall("edge01").returncode == 0
    ev = until(lambda: [e for e in s.events() if e["kind"] == "sol.connected"], "the console")[0]
    return ev["boot"]


def held(s, boot):
    """What the orchestrator has of a boot; the boot itself may come after the console."""
    done = s.ctl("-o", "json", "trace", boot)
    console = json.loads(done.stdout)["boot"]["console"] if done.returncode == 0 else None
    return console or {"octets": 0, "ended": False, "gaps": 0}


def wait_held(s, boot, octets):
    try:
        until(lambda: held(s, boot)["octets"] == octets, f"{octets} octets at the orchestrator")
    except AssertionError as e:
        bmc = {k: v for k, v in json.loads(s.bmc(f"show 127.0.0.1:{BMC_PORT}").removeprefix("ok ")).items() if k.startswith("sol")}
        told = [(x["at"], x["kind"], x.get("reason")) for x in s.events("--limit", "1000") if x["kind"].startswith("sol.")]
        files = {name: os.path.getsize(s.path("agent/agent-console", name)) for name in os.listdir(s.path("agent/agent-console"))}
        raise AssertionError(f"{e}; held {held(s, boot)}, the agent has {files}, the BMC {bmc}, events {told}") from e


def test_recorded_held_and_played(whole):
    s = whole()
    line = Line(s)
    boot = begin(s)
    text = bytes(range(256)) * 300 + b"\x1b[1mHello\x1b[0m \xc3\xa9\r\nedge01 login: "
    # A machine's console is 115,200 baud at most; what comes all at once and is not read in time is lost, and said to be.
    for at in range(0, len(text), 16384):
        line.say(text[at:at + 16384])
        wait_held(s, boot, min(at + 16384, len(text)))
    done = ctl_octets(s, "console", "edge01", "--replay", boot, "--speed", "max")
    assert done.returncode == 0 and done.stdout == text
    assert b"-- connected: cipher suite 17 --" in done.stderr
    assert any(e["kind"] == "sol.line" and e["detail"]["class"] == "login" for e in s.events("--host", "edge01"))
    s.end("orchestrator", signal.SIGKILL)
    line.say(b"while the orchestrator is away\r\n")
    s.start_orchestrator()
    wait_held(s, boot, len(text) + 32)
    job = s.json("job", "list")["items"][0]["id"]
    assert s.ctl("job", "cancel", job).returncode == 0
    until(lambda: held(s, boot)["ended"], "the end of the recording")
    until(lambda: not os.listdir(s.path("agent/agent-console")), "the agent's copy to go")
    done = s.ctl("console", "edge01", "--text")
    assert done.returncode == 0, done.stderr
    assert "Hello é\n" in done.stdout and "while the orchestrator is away\n" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith("-- end: the job has ended --")


# As both have it when nothing is configured: /var/lib/netboot.
def test_agent_and_orchestrator_keep_their_state_in_one_folder(netns):
    s = whole_lab.Site(netns)
    try:
        s.write("agent.yaml", json.dumps(dict(s.agent_config({}), state_dir=s.path("orch"))).encode())
        s.start()
        line = Line(s)
        boot = begin(s)
        text = b""
        for n in range(5):
            line.say(b"line %d\r\n" % n)
            text += b"line %d\r\n" % n
            until(lambda: held(s, boot)["octets"] == len(text), "the recording at the orchestrator")
        assert s.ctl("job", "cancel", s.json("job", "list")["items"][0]["id"]).returncode == 0
        until(lambda: held(s, boot)["ended"], "the end of the recording")
        until(lambda: not os.listdir(s.path("orch/agent-console")), "the agent's copy to go")
        assert ctl_octets(s, "console", "edge01", "--replay", boot, "--speed", "max").stdout == text
    finally:
        s.close()


def test_a_replay_takes_the_time_that_it_took(whole):
    s = whole()
    line = Line(s)
    boot = begin(s)
    line.say(b"one\r\n")
    wait_held(s, boot, 5)
    line.say(b"two\r\n")
    wait_held(s, boot, 10)
    with open(s.path(f"orch/console/{boot}.rec"), "rb") as f:
        times = [x[2] for x in console_rec.frames(f.read())]
    took = (times[-1] - times[0]) / 1e6
    for speed in (1, 4):
        before = time.monotonic()
        assert ctl_octets(s, "console", "edge01", "--replay", "newest", "--speed", str(speed)).stdout == b"one\r\ntwo\r\n"
        assert time.monotonic() - before >= took / speed


def test_what_is_not_there_and_what_is_damaged(whole):
    s = whole(hosts=2)
    line = Line(s)
    s.refused(s.ctl("console", "edge01", "--replay", "newest"), 1, "edge01", "console-unknown", "events --host edge01")
    s.refused(s.ctl("console", "edge01", "--speed", "2"), 1, "edge01", "usage", "--replay")
    s.refused(s.ctl("console", "edge01", "--text", "--steal"), 1, "edge01", "usage")
    s.refused(s.ctl("console", "edge01", "--replay", "newest", "--read-only"), 1, "edge01", "usage")
    boot = begin(s)
    line.say(b"x" * 100)
    wait_held(s, boot, 100)
    s.refused(s.ctl("console", "edge02", "--replay", boot), 1, "edge02", "console-other-host")
    assert s.ctl("console", "edge01", "--replay", boot, "--speed", "0").returncode == 1
    with open(s.path(f"orch/console/{boot}.rec"), "r+b") as f:
        f.seek(-6, os.SEEK_END)
        f.write(b"y")
    s.refused(s.ctl("console", "edge01", "--replay", boot, "--speed", "max"), 2, "edge01", "console-damaged")


def test_a_file_that_is_lost_is_asked_for_again(whole):
    s = whole()
    line = Line(s)
    boot = begin(s)
    line.say(b"before\r\n")
    wait_held(s, boot, 8)
    os.truncate(s.path(f"orch/console/{boot}.rec"), 0)
    line.say(b"after\r\n")
    wait_held(s, boot, 15)
    assert ctl_octets(s, "console", "edge01", "--replay", boot, "--speed", "max").stdout == b"before\r\nafter\r\n"


class Live:
    """netboot-ctl console in a terminal."""

    def __init__(self, s, *argv):
        self.master, self.slave = os.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.proc = subprocess.Popen([program("netboot-ctl"), "--server", f"unix:{s.socket}", "console", *argv],
                                     stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True)
        os.set_blocking(self.master, False)

    def read(self):
        try:
            while True:
                more = os.read(self.master, 65536)
                if not more:
                    break
                self.text += more.decode("latin1")
        except (BlockingIOError, OSError):
            pass
        return self.text

    def wait(self, text):
        until(lambda: text in self.read(), f"{text!r} in {self.text!r}")
        self.text = self.text.partition(text)[2]

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def type(self, text):
        os.write(self.master, text.encode("latin1"))

    def end(self):
        until(lambda: (self.read(), self.proc.poll() is not None)[1], "the end")
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        os.close(self.slave)
        os.close(self.master)
        assert not any(sign in self.text for sign in whole_lab.SANITIZERS), self.text
        return self.proc.returncode


def receive(line, text):
    data = b""
    while not data.endswith(text):
        more = line.sock.recv(4096)
        assert more, data
        data += more
    return data


def test_live_both_ways_with_watchers(whole):
    s = whole()
    s.bmc(f"power 127.0.0.1:{BMC_PORT} on")
    line = Line(s)
    first = Live(s, "edge01")
    first.wait("connected")
    line.say(b"edge01 login: ")
    first.wait("edge01 login: ")
    first.type("root\r")
    receive(line, b"root\r")
    second = Live(s, "edge01")
    second.wait("connected")
    second.wait("another one types")
    line.say(b"both see this\r\n")
    first.wait("both see this")
    second.wait("both see this")
    second.type("x")
    second.wait("you only watch")
    first.type("~B")
    until(lambda: '"sol_breaks": 1' in s.bmc(f"show 127.0.0.1:{BMC_PORT}").replace('":1', '": 1'), "the break")
    third = Live(s, "edge01", "--steal")
    third.wait("connected")
    first.wait("another one types now")
    third.type("~?")
    third.wait("send a break")
    third.type("\r~~ok\r")
    receive(line, b"~ok\r")
    for live in (first, second, third):
        live.type("\r~.")
        assert live.end() == 0
    until(lambda: '"sol": false' in s.bmc(f"show 127.0.0.1:{BMC_PORT}").replace('":f', '": f'), "the console to be let go")
    # Who might type, and who only watched.
    reader = Live(s, "edge01", "--read-only")
    reader.wait("connected")
    reader.type("x")
    reader.wait("you only watch: --read-only")
    reader.type("\r~.")
    assert reader.end() == 0
    audit = s.select("orch/o.db", "select what, json_extract(detail, '$.write') from audit where what like 'console.%'")
    assert audit == [("console.open", 1), ("console.open", 1), ("console.steal", 1), ("console.open", 0)]


def is_raw(live):
    return not termios.tcgetattr(live.master)[3] & (termios.ECHO | termios.ICANON)


def state_of(proc):
    with open(f"/proc/{proc.pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_terminal_is_put_back(whole, sig):
    s = whole()
    live = Live(s, "edge01")
    live.wait("connected")
    assert is_raw(live)
    live.proc.send_signal(signal.SIGTSTP)
    until(lambda: state_of(live.proc) == "T", "the client to stop")
    assert not is_raw(live)
    live.proc.send_signal(signal.SIGCONT)
    until(lambda: is_raw(live), "the terminal to be raw again")
    line = Line(s)
    live.type("still here\r")
    receive(line, b"still here\r")
    live.proc.send_signal(sig)
    until(lambda: live.proc.poll() is not None, "the end")
    assert not is_raw(live)
    assert live.end() == 0


# More than is held to be sent: the keyboard must not be dead for it, nor any of it come out later.
def test_typed_while_the_server_is_away(whole):
    s = whole()
    live = Live(s, "edge01")
    live.wait("connected")
    s.end("orchestrator", signal.SIGKILL)
    live.wait("trying again")
    for _ in range(4):
        live.type("x" * 400)
    s.start_orchestrator()
    live.wait("connected")
    line = Line(s)
    live.type("y\r")
    assert receive(line, b"y\r") == b"y\r"
    s.end("orchestrator", signal.SIGKILL)
    live.wait("trying again")
    live.type("x" * 400)
    live.type("x" * 400 + "\r~.")
    assert live.end() == 0


# A closed pipe is the end of it.
def test_nobody_reads_what_it_says(whole):
    s = whole()
    line = Line(s)
    boot = begin(s)
    live = subprocess.Popen([program("netboot-ctl"), "--server", f"unix:{s.socket}", "console", "edge01"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert any(b"connected" in told for told in live.stderr)
    line.say(b"one\r\n")
    assert live.stdout.read(3) == b"one"
    live.stdout.close()
    line.say(b"two\r\n")
    assert live.wait(PATIENCE) == 2
    live.stderr.close()
    until(lambda: held(s, boot)["octets"] == 10, "the recording")
    replay = subprocess.Popen([program("netboot-ctl"), "--server", f"unix:{s.socket}", "console", "edge01", "--replay", boot,
                               "--speed", "0.01"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    replay.stdout.close()
    assert replay.wait(PATIENCE) == 2


def test_the_terminal_is_put_back_whatever_ends_it(whole):
    s = whole()
    for how in ("escape", signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, "agent", "orchestrator"):
        live = Live(s, "edge01")
        live.wait("connected")
        assert live.is_raw()
        if how == "escape":
            live.type("~.")
        elif how == "agent":
            s.end("agent", signal.SIGKILL)  # it is not heard any more, after a while
        elif how == "orchestrator":
            s.end("orchestrator", signal.SIGKILL)  # it does not answer
        else:
            live.proc.send_signal(how)
        assert live.end() == {"agent": 2, "orchestrator": 5}.get(how, 0)
        if how == "agent":
            s.start_agent()


def test_what_is_read_only_does_not_type(whole):
    s = whole()
    line = Line(s)
    watch, write = Live(s, "edge01", "--read-only"), Live(s, "edge01")
    watch.wait("connected")
    write.wait("connected")
    watch.type("not this")
    watch.wait("you only watch")
    write.type("but this\r")
    assert receive(line, b"\r") == b"but this\r"
    for live in (watch, write):
        live.type("\r~.")
        assert live.end() == 0
    # Without a terminal: watched, and nothing of standard input goes to the machine.
    piped = subprocess.Popen([program("netboot-ctl"), "--server", f"unix:{s.socket}", "console", "edge01"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    piped.stdin.write(b"nor this\r")
    piped.stdin.flush()
    until(lambda: bmc_shows(s, "sol"), "the console")
    line.say(b"only what it says\r\n")
    assert piped.stdout.readline() == b"only what it says\r\n"
    piped.send_signal(signal.SIGTERM)
    assert piped.wait(PATIENCE) == 0
    piped.stdin.close()
    piped.stdout.close()
    line.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        line.sock.recv(10)


def test_live_and_recorded_at_once_and_stolen_from_others(whole):
    s = whole()
    line = Line(s)
    boot = begin(s)
    live = Live(s, "edge01")
    live.wait("connected")
    line.say(b"for both\r\n")
    live.wait("for both")
    wait_held(s, boot, 10)
    live.type("~.")
    assert live.end() == 0
    line.say(b"recorded still\r\n")
    wait_held(s, boot, 26)
    assert held(s, boot)["gaps"] == 0


def test_live_at_a_host_whose_agent_is_away(whole):
    s = whole()
    s.refused(s.ctl("console", "edge09", "--replay", "newest"), 1, "edge09", "console-unknown")
    s.refused(s.ctl("-q", "console", "edge09"), 1, "edge09", "host-unknown")
    s.end("agent", signal.SIGKILL)
    live = Live(s, "edge01")
    live.wait("edge01: agent-absent: ")
    assert live.end() == 2


def test_live_while_the_agent_is_restarted(whole):
    s = whole()
    live = Live(s, "edge01")
    live.wait("connected")
    s.end("agent", signal.SIGKILL)
    s.start_agent()
    live.wait("edge01: agent-silent: ")
    assert live.end() == 2
    assert "trying again" not in live.text, live.text
    again = Live(s, "edge01")
    again.wait("connected")
    again.type("~.")
    assert again.end() == 0


# Why it cannot be had is told at once, in the words of who knows.
def test_live_without_a_password_that_opens(whole):
    s = whole(hosts=2)
    s.fault(2, "wrong_password", 1)
    s.refused(s.ctl("-q", "console", "edge02"), 2, "edge02", "console-refused")
    assert s.ctl("console", "edge02").stderr.count("connecting") == 1
    assert s.ctl("host", "add", "bare", "--site", "local").returncode == 0
    s.refused(s.ctl("console", "bare"), 3, "bare", "no-bmc")
    s.end("orchestrator")
    os.unlink(s.path("o.key"))
    s.start_orchestrator()
    until(lambda: s.ctl("bmc", "show", "edge01").stderr.count("bmc-password-sealed"), "the agent")
    before = time.monotonic()
    s.refused(s.ctl("-q", "console", "edge01"), 2, "edge01", "bmc-password-sealed", "netboot-ctl host set")
    assert time.monotonic() - before < 20


# Always recorded, job or none.

def bmc_shows(s, key, n=1):
    return json.loads(s.bmc(f"show 127.0.0.1:{BMC_PORT + n - 1}").removeprefix("ok "))[key]


def recordings(s, host="edge01"):
    return s.json("console", host, "--list")["items"]


def test_always_recorded(whole):
    s = whole()
    assert s.ctl("site", "set", "local", "--console", "always").returncode == 0
    until(lambda: bmc_shows(s, "sol"), "the console without any job")
    assert recordings(s) == []
    line = Line(s)
    line.say(b"Kernel panic - not syncing: nobody looks\r\n")
    first = until(lambda: [r for r in recordings(s) if r["octets"] == 42], "the recording between jobs")[0]
    assert first["of"] == "between-jobs" and not first["ended"]
    event = until(lambda: [e for e in s.events() if e["kind"] == "sol.line"], "the panic")[0]
    assert event["host"] == "edge01" and event["detail"]["class"] == "panic" and not event.get("boot") and not event.get("job")
    assert b"nobody looks" in ctl_octets(s, "console", "edge01", "--replay", "newest", "--speed", "max").stdout
    # A job has its own, and the console stays open from one to the other.
    assert s.reinstall("edge01").returncode == 0
    until(lambda: [r for r in recordings(s) if r["id"] == first["id"] and r["ended"]], "the end of the first")
    job = s.json("job", "list")["items"][0]["id"]
    boot = until(lambda: s.json("history", "edge01")["items"], "the boot")[0]["id"]
    line.say(b"during the job\r\n")
    wait_held(s, boot, 16)
    assert s.ctl("job", "cancel", job).returncode == 0
    until(lambda: held(s, boot)["ended"], "the end of the boot's recording")
    line.say(b"after the job\r\n")
    until(lambda: [(r["of"], r["octets"]) for r in recordings(s)] == [("between-jobs", 15), ("boot", 16), ("between-jobs", 42)],
          "the third")
    assert bmc_shows(s, "sol_opens") == 1
    done = s.ctl("console", "edge01", "--list")
    assert done.returncode == 0 and done.stdout.count("between jobs") == 2
    # The agent knows it by itself, without the orchestrator, and the password is not to be read in its spool.
    s.end("orchestrator", signal.SIGKILL)
    s.end("agent")
    until(lambda: not bmc_shows(s, "sol"), "the console to be let go")
    assert not any(whole_lab.PASSWORD in str(row) for row in s.select("agent/agent.db", "select * from meta"))
    s.start_agent()
    until(lambda: bmc_shows(s, "sol"), "the console again")
    line.say(b"while nobody orchestrates\r\n")
    s.start_orchestrator()
    until(lambda: recordings(s)[0]["octets"] == 27, "the fourth")
    # The host's own word goes before the site's.
    assert s.ctl("host", "set", "edge01", "--bmc-console", "job").returncode == 0
    until(lambda: not bmc_shows(s, "sol"), "the end of it")
    assert s.json("host", "show", "edge01")["bmc"]["console"] == "job"
    assert s.ctl("host", "set", "edge01", "--bmc-console", "").returncode == 0
    until(lambda: bmc_shows(s, "sol"), "it again")
    assert "console" not in s.json("host", "show", "edge01")["bmc"]


def test_a_call_goes_before_the_only_session(whole):
    s = whole()
    s.bmc(f"fault 127.0.0.1:{BMC_PORT} slots 1")
    assert s.ctl("host", "set", "edge01", "--bmc-console", "always", "--bmc-manners", "session_limit=1").returncode == 0
    until(lambda: bmc_shows(s, "sol"), "the console")
    before = time.monotonic()
    done = s.ctl("power", "status", "edge01")
    assert done.returncode == 0 and done.stdout == "edge01: off\n", done.stderr
    assert time.monotonic() - before < 15
    until(lambda: [e for e in s.events() if e["kind"] == "sol.yielded"], "why the console was given up")
    until(lambda: bmc_shows(s, "sol"), "the console again")


def test_no_password_goes_outside_of_the_sites_networks(whole):
    s = whole()
    assert s.ctl("site", "set", "local", "--bmc-prefix", "10.9.0.0/24", "--console", "always").returncode == 0
    event = until(lambda: [e for e in s.events() if e["kind"] == "sol.refused"], "the refusal")[0]
    assert "127.0.0.1" in event["reason"] and "none of the site's networks" in event["reason"]
    live = Live(s, "edge01")
    live.wait("none of the site's networks")
    assert live.end() == 2
    assert bmc_shows(s, "opens") == 0 and bmc_shows(s, "sol_opens") == 0


def test_a_wrong_password_is_tried_once_and_not_everywhere(whole):
    s = whole(hosts=40)
    s.write("wrong", b"not it at all\n")
    for host in s.hosts:
        host["bmc"]["password_file"] = s.path("wrong")
        host["bmc"]["console"] = "always"
    s.apply()
    until(lambda: [e for e in s.events() if e["kind"] == "ipmi.lockout"], "the stop")
    until(lambda: len({e["host"] for e in s.events("--limit", "1000") if e["kind"] == "sol.refused"}) == 40, "each to be told")
    tried = [bmc_shows(s, "rakp1", n + 1) for n in range(40)]
    assert max(tried) == 1 and 5 < sum(tried) < 30
