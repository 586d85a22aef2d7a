# SPDX-License-Identifier: GPL-3.0-or-later
"""The live console at the agent's own socket, with the line to the orchestrator down and up. All programs are real."""
import contextlib
import json
import socket

import pytest

import console_rec
from netlab import until
from test_console import Line, Live, bmc_shows, receive
from test_local import LocalSite


@pytest.fixture
def whole(netns):
    with contextlib.ExitStack() as stack:
        def make(hosts=1, **kw):
            s = LocalSite(netns, hosts=hosts, **kw)
            stack.callback(s.close)
            return s.start()
        yield make


class Near(Live):
    """netboot-ctl console at the agent's socket, in a terminal."""

    def __init__(self, s, *argv):
        theirs, s.socket = s.socket, s.agent_socket
        try:
            super().__init__(s, *argv)
        finally:
            s.socket = theirs

    def leave(self):
        self.type("\r~.")
        assert self.end() == 0


def audited(s):
    """(what, who, detail) of consoles, oldest first."""
    rows = [r for r in s.json("audit", "list", "--limit", "200")["items"] if r["what"].startswith("console.")]
    return [(r["what"], r["who"], r["detail"]) for r in reversed(rows)]


def wait_audited(s, n):
    return until(lambda: audited(s) if len(audited(s)) >= n else None, f"{n} rows of consoles in the audit")


def test_looked_and_typed_while_the_line_is_down(whole):
    s = whole()
    s.alone()
    line = Line(s)
    near = Near(s, "edge01")
    near.wait("does not hear the orchestrator")
    near.wait("connected; ~. leaves")
    assert near.is_raw()
    line.say(b"edge01 login: ")
    near.wait("edge01 login: ")
    near.type("root\r")
    receive(line, b"root\r")
    near.type("~B")
    until(lambda: bmc_shows(s, "sol_breaks") == 1, "the break")
    near.type("~?")
    near.wait("send a break")
    near.leave()
    until(lambda: not bmc_shows(s, "sol"), "the console to be let go")
    assert [e["kind"] for e in s.at_json("events", "--kind", "local.*")["items"]] == [
        "local.console", "local.typing", "local.console-end"]
    reader = Near(s, "edge01", "--read-only")
    reader.wait("connected")
    reader.type("x")
    reader.wait("you only watch: --read-only")
    reader.leave()
    s.again()
    rows = wait_audited(s, 5)
    assert [r[0] for r in rows] == ["console.open", "console.type", "console.close", "console.open", "console.close"]
    assert {r[1] for r in rows} == {"root at local"}
    assert [rows[0][2]["write"], rows[3][2]["write"]] == [True, False]
    assert (rows[2][2]["octets"], rows[2][2]["breaks"]) == (5, 1) and rows[2][2]["seconds"] >= 0
    assert rows[4][2]["octets"] == 0 and all(r[2]["site"] == "local" and r[2]["at"] for r in rows)
    assert s.json("audit", "verify")["ok"]


def test_two_watch_one_types(whole):
    s = whole()
    s.alone()
    line = Line(s)
    first = Near(s, "edge01")
    first.wait("connected")
    second = Near(s, "edge01")
    second.wait("connected")
    second.wait("another one types; you watch")
    line.say(b"both see this\r\n")
    first.wait("both see this")
    second.wait("both see this")
    second.type("x")
    second.wait("you only watch")
    third = Near(s, "edge01", "--steal")
    third.wait("connected")
    first.wait("another one types now")
    third.type("mine\r")
    receive(line, b"mine\r")
    assert bmc_shows(s, "sol_opens") == 1
    for near in (first, second, third):
        near.leave()
    s.again()
    rows = wait_audited(s, 7)
    assert sorted(r[0] for r in rows) == 3 * ["console.close"] + 2 * ["console.open"] + ["console.steal", "console.type"]


def test_beside_the_orchestrators_watchers_and_the_recorder(whole):
    """The BMC has one console to give: all share it."""
    s = whole()
    line = Line(s)
    assert s.ctl("host", "set", "edge01", "--bmc-console", "always").returncode == 0
    until(lambda: bmc_shows(s, "sol"), "the recorder")
    far, near = Live(s, "edge01"), Near(s, "edge01")
    far.wait("connected")
    near.wait("it hears")
    near.wait("connected")
    line.say(b"for all\r\n")
    far.wait("for all")
    near.wait("for all")
    near.type("near\r")
    receive(line, b"near\r")
    far.type("far\r")
    receive(line, b"far\r")
    assert bmc_shows(s, "sol_opens") == 1
    s.end("orchestrator")  # the line goes down under it
    line.say(b"still here\r\n")
    near.wait("still here")
    near.type("typed\r")
    receive(line, b"typed\r")
    near.leave()
    s.start_orchestrator()
    far.wait("connected")
    far.type("\r~.")
    assert far.end() == 0
    rows = wait_audited(s, 5)
    assert {r[1] for r in rows} == {"root", "root at local"}


def test_a_watcher_that_does_not_read_holds_up_nobody(whole):
    s = whole()
    s.alone()
    line = Line(s)
    stuck = socket.socket(socket.AF_UNIX)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(s.agent_socket)
    stuck.sendall(b"GET /api/v1/hosts/edge01/console?write=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: bmc_shows(s, "sol"), "the console")
    near = Near(s, "edge01")
    near.wait("connected")
    piece = b"0123456789abcdef" * 64 + b"\r\n"
    for n in range(4000):  # more than is kept for one
        line.say(piece)
        if n % 20 == 19:
            line.say(b"<%d>" % n)
            near.wait(f"<{n}>")
        if n % 200 == 199 and "local.console-end" in [e["kind"] for e in s.at_json("events", "--kind", "local.*")["items"]]:
            break
    else:
        raise AssertionError("it is still there")
    near.leave()
    again = Near(s, "edge01")  # the keyboard is free
    again.wait("connected")
    again.type("mine\r")
    receive(line, b"mine\r")
    again.leave()
    stuck.close()


def test_the_agent_is_restarted_under_it(whole):
    s = whole()
    s.alone()
    line = Line(s)
    near = Near(s, "edge01")
    near.wait("connected")
    s.end("agent")
    near.wait("trying again")
    s.start_agent()
    near.wait("connected")
    near.type("back\r")
    receive(line, b"back\r")
    near.leave()
    s.again()
    rows = wait_audited(s, 5)
    assert [r[0] for r in rows] == ["console.open", "console.close", "console.open", "console.type", "console.close"]


def test_what_is_refused_says_why(whole):
    s = whole(hosts=2)
    assert s.ctl("host", "add", "bare", "--site", "local").returncode == 0
    s.fault(2, "wrong_password", 1)
    until(lambda: "can work alone with 3 hosts" in s.read("agent.log"), "the third host's BMC")
    until(lambda: s.at("host", "show", "bare").returncode == 0, "the third host")
    s.alone()
    s.refused(s.at("-q", "console", "edge09"), 1, "edge09", "host-unknown")
    s.refused(s.at("-q", "console", "edge02"), 2, "edge02", "console-refused")
    s.refused(s.at("-q", "console", "bare"), 3, "bare", "no-bmc")
    # A session of somebody else has it: it is left alone until somebody says otherwise.
    other = s.ns.popen("ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", "6230", "-U", "netboot", "-P", "secret17", "-L",
                       "OPERATOR", "-C", "17", "sol", "activate", stdin=-1, stdout=-1, stderr=-1)
    try:
        until(lambda: bmc_shows(s, "sol"), "the other console")
        near = Near(s, "edge01")
        near.wait("another session has the console; --steal takes it")
        assert other.poll() is None
        thief = Near(s, "edge01", "--steal")
        thief.wait("connected")
        near.wait("connected")
        near.leave()
        thief.leave()
    finally:
        other.kill()
        other.communicate()
    # Nobody types without having looked.
    done = s.ns.run("curl", "-s", "--unix-socket", s.agent_socket, "-d", '{"watcher":"x","data":"eA=="}',
                    "http://x/api/v1/hosts/edge01/console")
    assert json.loads(done.stdout)["code"] == "console-over"
    assert s.at("console", "edge01", "--read-only", "--speed", "2").returncode == 1


def test_recordings_on_the_agents_disk(whole):
    s = whole(hosts=2)
    line = Line(s)
    assert s.ctl("host", "set", "edge01", "--bmc-console", "always").returncode == 0
    until(lambda: bmc_shows(s, "sol"), "the recorder")
    s.alone()
    line.say(b"while nobody orchestrates\r\n")
    rows = until(lambda: [r for r in s.at_json("console", "edge01", "--list")["items"] if r["octets"] == 27], "the recording")
    assert rows[0]["of"] == "between-jobs" and not rows[0]["ended"] and rows[0]["gaps"] == 0
    job = s.order_at("rescue", "edge01", "--reason", "INC-9", "--yes")
    until(lambda: s.at_json("job", "show", job)["stage"] == "firmware-dhcp", "the power-on")
    line.say(b"PXE-E18\r\n")
    rows = until(lambda: [r for r in s.at_json("console", "edge01", "--list")["items"] if r["octets"] == 9], "the boot's")
    assert rows[0]["of"] == "boot"
    for of in ("newest", rows[0]["id"]):
        done = s.at("console", "edge01", "--replay", of, "--speed", "max")
        assert done.returncode == 0 and done.stdout.splitlines() == ["PXE-E18"], done.stderr
    assert s.at("job", "cancel", job).returncode == 0
    until(lambda: any(r["of"] == "boot" and r["ended"] for r in s.at_json("console", "edge01", "--list")["items"]),
          "the end of the boot's")
    line.say(b"after it\r\n")
    listed = until(lambda: [r for r in [s.at_json("console", "edge01", "--list")["items"]] if len(r) == 3 and r[0]["octets"] == 10],
                   "the third")[0]
    assert [r["of"] for r in listed] == ["between-jobs", "boot", "between-jobs"]
    assert "after it" in s.at("console", "edge01", "--text").stdout
    s.refused(s.at("console", "edge02", "--text"), 1, "edge02", "console-unknown", "orchestrator")
    s.refused(s.at("console", "edge02", "--replay", listed[0]["id"]), 1, "edge02", "console-other-host")
    assert s.at_json("console", "edge02", "--list")["items"] == []
    # More than are read through at once; what is no recording is passed over.
    for n in range(12):
        ident = f"01m8186kgj3sd{n:03d}"
        data = console_rec.recording("edge02" if n < 11 else "edge01", ident, b"x" * n)
        s.write(f"agent/agent-console/{ident}.rec", data if n else data[:9])
    assert [r["octets"] for r in s.at_json("console", "edge02", "--list")["items"]] == list(range(10, 0, -1))
    s.refused(s.at("console", "edge09", "--text"), 1, "edge09", "host-unknown")
    s.refused(s.at("console", "edge01", "--replay", job), 1, "edge01", "console-unknown")
    s.again()
    until(lambda: len(s.json("console", "edge01", "--list")["items"]) == 4, "all of them at the orchestrator")
