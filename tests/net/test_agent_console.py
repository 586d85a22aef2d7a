# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles recorded while a job runs: netboot-agent against bmcsim's Serial over LAN."""
import os
import signal
import socket

import console_rec
from agent_lab import BMC_PORT
from netlab import PATIENCE, until

WHO = f"127.0.0.1:{BMC_PORT}"


class Line:
    """The serial line of the machine."""

    def __init__(self, site, who=WHO):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(site.path("bmcsim.sock"))
        self.sock.sendall(f"serial {who} attach\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.sock.recv(1)
        assert answer == b"ok\n", answer

    def say(self, text):
        self.sock.sendall(text.encode("latin1"))


def recording(s, boot):
    try:
        with open(s.path("agent", "agent-console", f"{boot}.rec"), "rb") as f:
            return f.read()
    except FileNotFoundError:  # it has ended, and is held
        return s.orch.recordings.get(boot, b"")


def wait_story(s, boot, text):
    return until(lambda: text in console_rec.story(recording(s, boot)) and console_rec.story(recording(s, boot)),
                 f"{text} in the recording", PATIENCE)


def begin(s, **changes):
    job = s.order(s.bundle(bmc=s.bmc(**changes)))
    s.wait_stage("power", job=job)
    return job


def boot_of(s, job):
    return s.wait_event("boot.begin", job=job)["boot"]


def test_a_job_is_recorded_and_its_lines_are_told(site):
    s = site()
    line = Line(s)
    job = begin(s)
    boot = boot_of(s, job)
    ev = s.wait_event("sol.connected")
    assert (ev["host"], ev["job"], ev["boot"]) == ("edge01", job, boot)
    line.say("\x1b[2J>>Start PXE over IPv4.\r\nPXE-E18: Server response timeout.\r\n")
    ev = s.wait_event("sol.line", **{"class": "firmware-pxe"})
    assert ev["detail"]["line"] == "PXE-E18: Server response timeout." and ev["boot"] == boot
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    line.say("Debian GNU/Linux 12 edge01 ttyS0\r\n\r\nedge01 login: ")
    s.wait_event("sol.line", **{"class": "login"})
    data = recording(s, boot)
    assert console_rec.begin(data) == ("edge01", boot)
    assert console_rec.octets(data).startswith(b"\x1b[2J>>Start PXE") and console_rec.marks(data)[0] == "connected"
    until(lambda: console_rec.marks(recording(s, boot))[-1] == "end", "the end some seconds after the job")
    until(lambda: s.bmc_show()["slots"] == 0, "the session to be closed")


def test_a_lost_console_is_a_marked_gap(site):
    s = site()
    line = Line(s)
    boot = boot_of(s, begin(s))
    s.wait_event("sol.connected")
    line.say("before\r\n")
    wait_story(s, boot, b"before\r\n")
    s.bmc_ask(f"fault {WHO} sol_drop_after 1")
    s.bmc_ask(f"fault {WHO} sol_drop 1")
    line.say("x")
    s.wait_event("sol.stolen")  # so it is called: the BMC has told it of the end
    s.bmc_ask(f"fault {WHO} none")
    s.wait_event("sol.resumed")
    line.say("after\r\n")
    story = wait_story(s, boot, b"after\r\n")
    assert b"<stolen>" in story and b"<gap><connected>" in story[story.index(b"<stolen>"):]
    assert story.index(b"before") < story.index(b"<stolen>") < story.index(b"<gap>") < story.index(b"after")


def test_a_silent_console_is_noticed(site):
    """No packet of the console is answered any more: seen by the empty ones that are sent now and then."""
    s = site()
    boot = boot_of(s, begin(s))
    s.wait_event("sol.connected")
    s.bmc_ask(f"fault {WHO} sol_stall 1")
    s.wait_event("sol.lost", timeout=2 * PATIENCE)
    s.bmc_ask(f"fault {WHO} none")
    s.wait_event("sol.resumed", timeout=2 * PATIENCE)
    assert "gap" in console_rec.marks(recording(s, boot))


def test_the_console_of_somebody_else_is_left_alone(site):
    s = site()
    other = s.server.popen("ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", BMC_PORT, "-U", "admin", "-P", "secret17",
                           "-C", "17", "sol", "activate", stdin=-1, stdout=-1, stderr=-1)
    try:
        until(lambda: s.bmc_show()["sol"], "the other console")
        job = begin(s)
        ev = s.wait_event("sol.refused")
        assert "SOL in use" in ev["reason"]
        s.machine().boot_all()
        assert s.wait_end(job)["kind"] == "job.done"
        assert s.bmc_show()["sol_opens"] == 1 and other.poll() is None
    finally:
        other.kill()
        other.communicate()


def test_no_sol_and_off_are_no_trouble(site):
    s = site()
    s.bmc_ask(f"fault {WHO} sol_refuse 129")
    job = begin(s)
    s.wait_event("sol.refused")
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    s.bmc_ask(f"fault {WHO} none")
    before = s.bmc_show()["sol_opens"]
    job = begin(s, console="off")
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert s.bmc_show()["sol_opens"] == before


def test_the_job_comes_first_where_sessions_are_few(site):
    s = site()
    s.bmc_ask(f"fault {WHO} slots 1")
    s.bmc_ask(f"fault {WHO} session_ms 20000")  # how long the BMC keeps a session that was still being opened when it had to yield
    job = begin(s)
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"


def test_a_killed_agent_goes_on_with_the_recording(site):
    s = site()
    s.bmc_ask(f"fault {WHO} session_ms 20000")  # how long the BMC keeps what the dead agent left behind
    line = Line(s)
    job = begin(s)
    boot = boot_of(s, job)
    s.wait_event("sol.connected")
    line.say("one\r\n")
    wait_story(s, boot, b"one\r\n")
    s.kill_agent(signal.SIGKILL)
    with open(s.path("agent", "agent-console", f"{boot}.rec"), "ab") as f:
        f.write(b"D\0\0\x10torn")
    s.start_agent()
    n = len(s.events)
    s.wait_event("sol.resumed", timeout=3 * PATIENCE)
    line.say("two\r\n")
    story = wait_story(s, boot, b"two\r\n")
    assert story.index(b"one") < story.index(b"<gap>") < story.index(b"two") and n
    assert os.path.exists(s.path("agent", "agent-console", f"{boot}.rec"))
