# SPDX-License-Identifier: GPL-3.0-or-later
"""The ticket rule and the jobs when programs are killed, reports get lost and machines misbehave: never a
second installation, never a lost job, always a truthful end."""
import threading
import time

import pytest

from netlab import until


def finish(m):
    for stage in ("up", "installed", "booted"):
        until(lambda: m.report(stage) == "204", f"report {stage} to be taken")


STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "kernel", "os-up", "installed", "local-boot"]


@pytest.mark.parametrize("victim", ["agent", "bootd"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_every_stage(site, stage, victim):
    s = site()
    job = s.order(s.bundle())
    m = s.machine()

    def strike():
        if victim == "agent":
            s.kill_agent()
            s.start_agent()
        else:
            s.kill_bootd()

    if stage in STAGES[:4]:
        s.wait_stage(stage, "entered")
        strike()
        s.wait_stage("power")
        assert m.try_to_boot()
        finish(m)
    elif stage == "firmware-dhcp":
        s.wait_stage("power")
        m.firmware()
        s.wait_stage(stage)
        strike()
        assert m.try_to_boot(rounds=60)
        finish(m)
    elif stage == "kernel":
        s.wait_stage("power")
        m.firmware()
        m.loader()
        m.ipxe()
        m.script()
        assert m.whole(m.kernel_url, len(s.kernel))
        old = m.initrd_urls[0]
        strike()
        # A kernel from before and an initrd from after the crash must not make a set.
        until(lambda: m.curl(old, check=False)[:3] == "404", "the old ticket to be closed")
        assert m.try_to_boot(rounds=60)
        finish(m)
    else:
        s.wait_stage("power")
        assert m.load()
        for report in ("up", "installed", "booted"):
            if {"up": "os-up", "installed": "installed", "booted": "local-boot"}[report] == stage:
                strike()
            until(lambda: m.report(report) == "204", f"report {report} to be taken")
    assert s.wait_end(job)["kind"] == "job.done"
    assert len(s.tickets(job, "consumed")) == 1
    s.check_ticket_rule(job)
    # Whatever asks now goes to its disk.
    until(lambda: "exit" in m.script() and m.kernel_url is None, "the idle script")


def test_killed_between_consumption_and_delivery(site):
    """The last chunk is held back while the agent decides: here it never answers, for it is killed again
    and again; either the ticket stays usable, or it is used up and that is said."""
    s = site(deadlines={"kernel": "15s", "initrd": "15s", "firmware-dhcp": "15s"})
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    whole = []
    stop = threading.Event()

    def boot():
        while not stop.is_set() and not whole:
            try:
                m.script()
                if m.kernel_url and m.payloads():
                    whole.append(m.report_url())
            except AssertionError:
                pass

    m.firmware()
    t = threading.Thread(target=boot)
    t.start()
    for _ in range(4):
        time.sleep(0.15)  # an arbitrary instant, not a condition waited for
        s.kill_agent()
        s.start_agent()
    try:
        until(lambda: whole or [e for e in s.events if e["kind"] == "job.failed"], "an end")
    finally:
        stop.set()
        t.join()
    if whole:
        finish(m)
    end = s.wait_end(job)
    if whole:
        assert end["kind"] == "job.done", end
    else:
        assert end["detail"]["code"] == "ticket-consumed-undelivered", end
    s.check_ticket_rule(job)


def test_two_clients_fetch_everything_at_once(site):
    """Only one complete set leaves, however many fetch it."""
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    first = s.machine()
    first.firmware()
    first.script()
    whole = []

    def fetch():
        if first.whole(first.kernel_url, len(s.kernel)) and first.whole(first.initrd_urls[0], len(s.initrd)):
            whole.append(1)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(whole) == 1
    finish(first)
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)


def test_power_lost_in_the_middle_of_the_initrd(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.loader()
    m.ipxe()
    m.script()
    assert m.whole(m.kernel_url, len(s.kernel))
    m.curl(m.initrd_urls[0], "-r", "0-99999", check=False)  # and then the plug is pulled
    assert not s.tickets(job, "consumed")
    assert m.try_to_boot()
    finish(m)
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)


def test_second_netboot_after_consumption(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    assert m.load()
    kernel, initrd = m.kernel_url, m.initrd_urls[0]
    url = m.report_url()
    s.wait_stage("initrd")
    m.firmware()
    assert "exit" in m.script() and m.kernel_url is None
    assert m.curl(kernel, check=False)[:3] == "404" and m.curl(initrd, check=False)[:3] == "404"
    note = s.wait_event("job.note", job=job)
    assert note["detail"]["code"] == "booted-again-after-install"
    for stage in ("up", "installed", "booted"):
        assert m.report(stage, url=url) == "204"
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)


def test_orchestrator_away_and_reports_lost(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    s.orch.down = True
    m = s.machine()
    m.boot_all()
    s.orch.lose_reports = 3
    s.orch.down = False
    assert s.wait_end(job)["kind"] == "job.done"
    until(lambda: s.orch.duplicates > 0, what="a report to be repeated")
    ends = [e for e in s.events if e["kind"] == "job.done"]
    assert len(ends) == 1
    assert s.stages(job)[-1] == "local-boot"


def test_machine_that_dies_while_the_last_chunk_is_held(site):
    """Consumed but never delivered: no retry, and the verdict says so."""
    s = site(deadlines={"initrd": "5s"})
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.script()
    assert m.whole(m.kernel_url, len(s.kernel))
    # A client that takes everything but never reads: the last octets are released into the void.
    code = ("import socket,sys\n"
            "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,4096)\n"
            "s.connect(('10.77.0.1',80)); p=sys.argv[1]\n"
            "s.sendall(('GET '+p+' HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n').encode()); n=0\n"
            "while n<int(sys.argv[2])-50000:\n"
            "    d=s.recv(4096)\n"
            "    if not d: break\n"
            "    n+=len(d)\n"
            "import signal\n"
            "signal.pause()\n")
    p = m.ns.popen("/usr/bin/python3", "-c", code, m.initrd_urls[0].split("10.77.0.1")[1], str(len(s.initrd)))
    end = s.wait_end(job)
    p.kill()
    assert s.tickets(job, "consumed")
    assert end["detail"]["code"] == "ticket-consumed-undelivered"
    assert s.stages(job).count("override") == 1
    s.check_ticket_rule(job)
