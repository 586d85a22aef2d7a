# SPDX-License-Identifier: GPL-3.0-or-later
"""Serial over LAN of bmcsim with other people's clients: ipmiconsole without workarounds and ipmitool,
both cipher suites, each back end of the serial port, and each fault."""
import contextlib
import os
import random
import socket

import pytest

import bmclab
from bmclab import PASSWORD, PORT, USER
from netlab import until

WHO = f"127.77.0.1:{PORT}"
# ipmiconsole sends a character that nobody acknowledges many times before it acts, every half second and slower: 40 s, if it
# is not told otherwise.
SOON = ("--retransmission-timeout=100",)
LINE = f"{WHO} {USER} {PASSWORD} administrator power=on"


@pytest.fixture
def make():
    with contextlib.ExitStack() as stack:
        def start(config=LINE, **kw):
            b = bmclab.Bmcs(config + "\n", **kw)
            stack.callback(b.close)
            return b
        yield start


@pytest.fixture
def consoles():
    """(function that keeps a terminal to be closed)"""
    with contextlib.ExitStack() as stack:
        def keep(terminal):
            stack.callback(terminal.close)
            return terminal
        yield keep


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, data
        data += more
    return data


def lines(n, seed=1):
    rng = random.Random(seed)
    return "".join(f"{i:05d} " + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=60)) + "\r\n" for i in range(n))


def start_ipmiconsole(b, *argv, **conf):
    t = b.ipmiconsole(*argv, **conf)
    t.wait("[SOL established]")
    return t


def start_ipmitool(b, *argv, **kw):
    t = b.ipmitool_sol(*argv, **kw)
    t.wait("SOL Session operational")
    t.wait("\n")
    return t


@pytest.mark.parametrize("suite", [17, 3])
@pytest.mark.parametrize("client,leave", [(start_ipmiconsole, "&."), (start_ipmitool, "\r~.")])
def test_both_ways(make, consoles, suite, client, leave):
    b = make()
    line = b.attach()
    t = consoles(client(b, suite=suite))
    line.sendall(b"edge01 login: ")
    t.wait("edge01 login: ")
    t.type("root\r")
    assert receive(line, 5) == b"root\r"
    text = lines(300)
    line.sendall(text.encode() + b"<end>")
    assert text in t.wait("<end>")
    t.type(leave)
    t.end()
    until(lambda: b.show()["slots"] == 0, "the end of the session")
    s = b.show()
    assert (s["sol_opens"], s["sol_ends"], s["sol"], s["sol_lost"]) == (1, 1, False, 0)


def test_break(make, consoles):
    b = make()
    t = consoles(start_ipmitool(b))
    t.type("\r~B")
    until(lambda: b.show()["sol_breaks"] == 1, "the break")
    t2 = consoles(start_ipmiconsole(b))  # takes it over
    t2.type("&B")
    until(lambda: b.show()["sol_breaks"] == 2, "the break")


def test_second_console_is_refused_or_takes_over(make, consoles):
    b = make()
    first = consoles(start_ipmiconsole(b))
    second = consoles(b.ipmiconsole("--dont-steal"))
    assert "SOL in use" in second.end()
    out = b.ipmitool_run("sol", "activate")
    assert "SOL payload already active on another session" in out.stdout + out.stderr
    assert b.show()["sol_refused"] == 1
    third = consoles(start_ipmiconsole(b))
    assert "closing the connection" in first.end() or "SOL" in first.text
    line = b.attach()
    line.sendall(b"still here")
    third.wait("still here")
    assert "deactivated" in b.ipmitool_run("sol", "deactivate").stderr.lower() or b.show()["sol"] is False
    third.end()


def test_user_without_sol_is_refused(make):
    b = make()
    b.ipmitool("sol", "payload", "disable", "1", "2")
    r = b.ipmitool_run("sol", "activate")
    assert r.returncode != 0 and "disabled" in r.stdout + r.stderr
    b.ipmitool("sol", "payload", "enable", "1", "2")
    assert "enabled" in b.ipmitool("sol", "payload", "status", "1", "2")


def test_sol_parameters(make):
    b = make()
    b.ipmitool("sol", "set", "retry-count", "3", "1")
    b.ipmitool("sol", "set", "character-send-threshold", "32", "1")
    info = b.ipmitool("sol", "info", "1")
    assert "Retry Count                     : 3" in info and "Character Send Threshold        : 32" in info
    assert f"Payload Port                    : {PORT}" in info
    out = b.freeipmi("ipmi-config", "-h", WHO, "--category=core", "-S", "SOL_Conf", "--checkout", privilege="ADMIN")
    assert "SOL_Retry_Count                               3" in out
    b.ipmitool("sol", "set", "enabled", "false", "1")
    assert "disabled" in (lambda r: r.stdout + r.stderr)(b.ipmitool_run("sol", "activate"))


# ---- back ends ----

def test_unix_socket(make, consoles, tmp_path):
    b = make(f"127.77.0.1+2:{PORT} {USER} {PASSWORD} administrator power=on serial=unix:{tmp_path}/serial-%n")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(f"{tmp_path}/serial-2")
        t = consoles(start_ipmiconsole(b, host="127.77.0.2"))
        s.sendall(b"from two")
        t.wait("from two")
        t.type("x")
        assert s.recv(10) == b"x"
        with socket.socket(socket.AF_UNIX) as late:  # one cable only
            late.settimeout(60)
            late.connect(f"{tmp_path}/serial-2")
            assert late.recv(1) == b""
    t.type("nobody")
    typed = []
    until(lambda: (typed.append(b.ask(f"serial 127.77.0.2:{PORT} typed")[3:]), "".join(typed) == "nobody")[1], "what was typed")
    b.ask("serial all at none")
    assert not os.path.exists(f"{tmp_path}/serial-1")


def test_tcp_socket(make, consoles):
    b = make(f"127.77.0.1+2:{PORT} {USER} {PASSWORD} administrator power=on serial=tcp:127.77.9.9:7001")
    t = consoles(start_ipmitool(b, host="127.77.0.2"))
    b.ns.python("import socket,sys; s=socket.create_connection(('127.77.9.9', 7002)); s.sendall(b'over tcp')")
    t.wait("over tcp")


def test_pseudo_terminal(make, consoles, tmp_path):
    b = make(LINE + f" serial=pty:{tmp_path}/tty")
    t = consoles(start_ipmiconsole(b))
    for i in range(2):  # it stays when who had it open goes
        with open(tmp_path / "tty", "r+b", buffering=0) as tty:
            tty.write(b"round %d \x00\xff" % i)
            t.wait(f"round {i} \x00\xff")
            t.type("in\r")
            assert tty.read(3) == b"in\r"
    b.ask("serial all at none")
    assert not os.path.lexists(tmp_path / "tty")


def test_text_played_at_each_start(make, consoles, tmp_path):
    (tmp_path / "boot").write_text("BIOS\\x21\n\\w300.PXE-E18\\s\\e[0m\n")
    b = make(f"127.77.0.1:{PORT} {USER} {PASSWORD} administrator serial=play:{tmp_path}/boot")
    t = consoles(start_ipmiconsole(b))
    for _ in range(2):
        b.ipmitool("chassis", "power", "on")
        assert t.wait("\x1b[0m").endswith("BIOS!\r\nPXE-E18 ")
        b.ipmitool("chassis", "power", "off")
    b.ask(f"serial {WHO} at text:loop\\s\\w20.\\L")
    b.ipmitool("chassis", "power", "on")
    t.wait("loop loop loop")
    b.ask(f"serial {WHO} play now\\r\\n this")
    t.wait("now\r\n this")


def test_what_comes_before_the_console_is_gone(make, consoles):
    b = make()
    line = b.attach()
    line.sendall(b"early")
    until(lambda: "error BUSY" in b.ask_any(f"serial {WHO} attach"), "the line")
    t = consoles(start_ipmiconsole(b))
    line.sendall(b"late")
    assert "early" not in t.wait("late")


def test_many_consoles_at_once(make, consoles):
    n = 40
    b = make(f"127.77.0.1+{n}:{PORT} {USER} {PASSWORD} operator power=on")
    all_of_them = [consoles(b.ipmiconsole(host=f"127.77.0.{i}")) for i in range(1, n + 1)]
    for t in all_of_them:
        t.wait("[SOL established]")
    for i in range(1, n + 1):
        b.ask(f"serial 127.77.0.{i}:{PORT} play I\\sam\\s{i}\\r\\n")
    for i, t in enumerate(all_of_them, 1):
        t.wait(f"I am {i}\r\n")
    b.ask("serial all play \\w100.bye.")
    for t in all_of_them:
        t.wait("bye.")
    assert b.sum()["sol_opens"] == n


# ---- faults ----

@pytest.mark.parametrize("client", [start_ipmiconsole, start_ipmitool])
def test_nothing_is_lost_on_a_bad_road(make, consoles, client):
    b = make()
    line = b.attach()
    t = consoles(client(b))
    b.fault(drop=15, duplicate=20, reorder=10)
    text = lines(40)
    line.sendall(text.encode() + b"<end>")
    assert text in t.wait("<end>")
    t.type("abc")
    assert receive(line, 3) == b"abc"
    assert b.show()["sol_resent"] > 0
    b.ask("clear all")


def test_console_dropped_by_the_bmc(make, consoles):
    b = make()
    t = consoles(start_ipmiconsole(b))
    b.fault(sol_drop=1)
    assert "closing the connection" in t.end() or "SOL" in t.text
    s = b.show()
    assert s["sol_ends"] == 1 and not s["sol"]


def test_console_dropped_after_some_text(make, consoles):
    b = make()
    line = b.attach()
    t = consoles(start_ipmiconsole(b))
    b.fault(sol_drop_after=1000)
    line.sendall(lines(100).encode())
    t.end()
    assert 1000 <= b.show()["sol_sent"] < 1300


@pytest.mark.parametrize("client", [start_ipmiconsole, start_ipmitool])
def test_small_steps(make, consoles, client):
    b = make()
    line = b.attach()
    t = consoles(client(b))
    b.fault(sol_partial=2, sol_chunk=3)
    line.sendall(b"0123456789<end>")
    assert t.wait("<end>").endswith("0123456789")
    t.type("abcdefg")
    assert receive(line, 7) == b"abcdefg"


def test_refused_characters_are_tried_again(make, consoles):
    b = make()
    line = b.attach()
    t = consoles(start_ipmiconsole(b))
    b.fault(sol_nack=1)
    t.type("z")
    line.sendall(b"still sending")
    t.wait("still sending")
    assert b.show()["sol_received"] == 0
    t.type("&.")
    t.end()


def test_stuck_packet_number(make, consoles):
    b = make()
    line = b.attach()
    t = consoles(start_ipmiconsole(b, "-W", "solpacketseq", *SOON))
    b.fault(sol_stuck=1)
    t.type("un")
    t.type("stuck")
    assert receive(line, 7) == b"unstuck"
    assert '"sol_stuck"' not in b.ask("faults " + WHO)


def test_malformed_packets(make, consoles):
    b = make()
    line = b.attach()
    t = consoles(start_ipmitool(b))
    b.fault(malformed=50)
    until(lambda: (line.sendall(b"text"), b.show()["mangled"] > 20 or t.proc.poll() is not None)[1], "malformed packets")
    b.fault(malformed=0)
    assert b.ipmitool_works("mc", "info")


@pytest.mark.parametrize("wrong", [1, 2])
def test_wrong_acknowledgements(make, consoles, wrong):
    b = make()
    line = b.attach()
    t = consoles(start_ipmitool(b))
    b.fault(sol_wrong_ack=wrong)
    t.type("q")
    assert receive(line, 1) == b"q"
    line.sendall(b"text goes on")
    t.wait("text goes on")


# What needs a workaround of ipmiconsole's without it, and works with it.
@pytest.mark.parametrize("fault,flag", [
    ({"sol_payload_size": 0xFFFF}, "solpayloadsize"), ({"sol_port": 12345}, "solport"), ({"sol_no_status": 1}, "solstatus"),
    ({"sol_no_support": 1}, "solchannelsupport"), ({"sol_alerts": 1}, "serialalertsdeferred")])
def test_workarounds_of_ipmiconsole(make, consoles, fault, flag):
    b = make(LINE.replace(str(PORT), "623"))  # it looks at other ports only if it was told of none
    b.fault(**fault)
    t = consoles(b.ipmiconsole("--session-timeout=21000", port=623))
    assert "established" not in t.end()
    t = consoles(start_ipmiconsole(b, "-W", flag, port=623))
    b.ask("serial all play hello")
    t.wait("hello")


@pytest.mark.parametrize("code", [0x81, 0x82])
def test_refused_activation(make, consoles, code):
    b = make()
    b.fault(sol_refuse=code)
    assert "established" not in consoles(b.ipmiconsole()).end()
    assert b.ipmitool_run("sol", "activate").returncode != 0
    assert b.show()["sol_refused"] >= 2 and b.show()["sol_opens"] == 0


# Together, because ipmiconsole takes its time to believe it.
def test_silence_is_noticed_by_the_client(make, consoles):
    b = make(f"127.77.0.1+3:{PORT} {USER} {PASSWORD} operator power=on reboot_ms=100")
    who = [f"127.77.0.{i}:{PORT}" for i in (1, 2, 3)]
    dropped, stalled, rebooted = [consoles(start_ipmiconsole(b, *SOON, host=w.split(":")[0])) for w in who]
    b.fault(who[0], sol_drop=2)
    b.fault(who[1], sol_stall=1)
    b.fault(who[2], reboot=1)
    for t in (dropped, stalled, rebooted):
        t.type("x")
    for w in who:
        b.ask(f"serial {w} play held back")
    for t in (dropped, stalled, rebooted):
        assert "held back" not in t.end()
    shown = [b.show(w) for w in who]
    assert [s["sol_received"] for s in shown] == [0, 0, 0]
    assert [s["sol_ends"] for s in shown[::2]] == [1, 1] and shown[2]["reboots"] == 1
    t = consoles(start_ipmiconsole(b, host="127.77.0.3"))
    b.ask(f"serial {who[2]} play again")
    t.wait("again")
