# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots with a real ssh server on the host: hooks, boot ids, and what is no reboot."""
import subprocess

import pytest

from netlab import until
from ssh_host import SshHost

HOOK = {"v": 2, "kind": "reboot", "hook": "echo going down", "graceful_us": 30_000_000}


@pytest.fixture
def place(site):
    """A site with one host that is on, is probed by its ssh port, and logged in on."""
    def make(login=True, deadlines=None, **ssh):
        s = site(start=False, deadlines=deadlines)
        s.hosts[0]["probe"] = "tcp:22"
        s.orch.table = s.table(2)
        s.bmc_ask("power all on")
        host = SshHost(s, **ssh)
        if not login:
            s.ssh = None
            s.write_config()
        s.start_agent()
        return s, host
    return make


def evidence(s, job, stage):
    return [e["detail"]["evidence"] for e in s.events if e["kind"] == "job.stage" and e.get("job") == job
            and e["detail"]["stage"] == stage and e["detail"]["state"] == "confirmed"][-1]


def orders(s):
    """What the BMC was told."""
    show = s.bmc_show()
    return {k: show[k] for k in ("soft", "off", "on", "cycle", "reset") if show[k]}


def asked_to_go(s):
    """A reboot whose machine leaves it to the test when it goes off."""
    s.bmc_ask("fault all ignore_soft 1")
    job = s.order(s.bundle(kind="reboot", graceful_us=60_000_000))
    until(lambda: s.bmc_show()["soft"], what="the soft off")
    return job


def test_a_hook_reboots_it_and_the_boot_id_proves_it(place):
    s, host = place()
    was = host.id
    job = s.order(s.bundle(**HOOK))
    hook = s.wait_event("job.hook", job=job)
    assert (hook["detail"]["command"], hook["reason"]) == ("echo going down", "going down")
    host.fall_silent()
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"
    assert orders(s) == {} and host.ran() == ["echo going down"]
    assert was in evidence(s, job, "preflight") and "the hook ended well: going down" in evidence(s, job, "power")
    assert was[:12] in evidence(s, job, "os-up") and host.id[:12] in evidence(s, job, "os-up")
    assert s.stages(job) == ["preflight", "power", "os-up"]


def test_a_machine_that_goes_off_by_its_hook_is_switched_on(place):
    s, host = place()
    job = s.order(s.bundle(**HOOK))
    s.wait_event("job.hook", job=job)
    host.fall_silent()
    s.bmc_ask("power all off")
    s.wait_stage("power", job=job)
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"
    assert orders(s) == {"on": 1} and len(host.ran()) == 1


@pytest.mark.parametrize("hook,seen", [("echo busy >&2; exit 3", "busy"), ("true", "did not go by itself")])
def test_a_hook_that_does_not_help_is_followed_by_the_power(place, hook, seen):
    s, host = place()
    job = s.order(s.bundle(**dict(HOOK, hook=hook, graceful_us=1_000_000)))
    note = s.wait_event("job.note", job=job)
    assert seen in note["reason"]
    s.wait_event("power.state", job=job, power="off")
    host.fall_silent()
    s.wait_stage("power", job=job)
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"
    assert orders(s) == {"soft": 1, "on": 1} and len(host.ran()) == 1
    assert "seen off, then on" in evidence(s, job, "os-up")


def test_an_answer_of_the_same_boot_is_no_reboot(place):
    """The BMC is another machine's."""
    s, _ = place(deadlines={"os-up": 8})
    end = s.wait_end(s.order(s.bundle(kind="reboot", hard=True)))
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "not-rebooted")
    assert "boot id" in end["detail"]["text"]


def test_an_answer_without_a_silence_is_no_reboot(place):
    s, _ = place(login=False, deadlines={"os-up": 8})
    end = s.wait_end(s.order(s.bundle(kind="reboot", hard=True)))
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "not-rebooted")
    assert "never stopped answering" in end["detail"]["text"]


def test_a_machine_that_is_back_as_soon_as_it_is_on(place):
    s, host = place(login=False, deadlines={"os-up": 8})
    job = asked_to_go(s)
    host.fall_silent()
    s.bmc_ask("power all off")
    s.wait_stage("power", job=job)
    host.boot()
    end = s.wait_end(job)
    assert end["kind"] == "job.done", end
    assert orders(s) == {"soft": 1, "on": 1} and "it fell silent" in evidence(s, job, "os-up")


def test_what_nothing_proves(place):
    """The host gives no boot id, and its power stays on: whether it restarted nobody knows."""
    s, host = place()
    host.write("no-id", "")
    job = s.order(s.bundle(**HOOK))
    s.wait_event("job.hook", job=job)
    assert "boot id not read: permission denied" in evidence(s, job, "preflight")
    host.fall_silent()
    s.wait_event("job.note", job=job)
    host.boot()
    end = s.wait_end(job)
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "reboot-not-proven")
    assert orders(s) == {}


@pytest.mark.parametrize("fault,code", [(None, None), ("no_cause", "reboot-not-proven")])
def test_its_bmc_says_what_restarted_it(place, fault, code):
    """A host whose boot id cannot be read, for instance of another system than Linux."""
    s, host = place()
    host.write("no-id", "")
    s.bmc_ask("set all restart_cause 1")
    if fault:
        s.bmc_ask(f"fault all {fault} 1")
    job = s.order(s.bundle(**HOOK))
    s.wait_event("job.hook", job=job)
    host.fall_silent()
    s.wait_event("job.note", job=job)
    s.bmc_ask("set all restart_cause 10")
    host.boot()
    end = s.wait_end(job)
    assert (end["kind"], end.get("detail", {}).get("code")) == (("job.failed", code) if code else ("job.done", None))
    assert ("last restarted by chassis control" in evidence(s, job, "preflight")) == (not code)
    if not code:
        assert "last restarted by soft reset, before by chassis control" in evidence(s, job, "os-up")
    assert orders(s) == {}


def test_a_host_that_is_not_known_is_not_logged_in_on(place):
    s, host = place(known=False)
    job = s.order(s.bundle(**dict(HOOK, force="never", graceful_us=2_000_000)))
    assert "Host key verification failed" in s.wait_event("job.hook", job=job)["reason"]
    host.fall_silent()
    s.wait_stage("power", job=job)
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"
    assert host.ran() == [] and orders(s) == {"soft": 1, "on": 1}


def test_ssh_that_hangs_holds_no_reboot_up(place, tmp_path):
    hung = tmp_path / "hung" / "ssh"
    hung.parent.mkdir(mode=0o755)
    hung.write_text("#!/bin/sh\nexec sleep 1000\n")
    hung.chmod(0o755)
    s, host = place(command=str(hung), deadlines={"preflight": 4})
    job = asked_to_go(s)
    assert "boot id not read: no time was left" in evidence(s, job, "preflight")
    host.fall_silent()
    s.bmc_ask("power all off")
    s.wait_stage("power", job=job)
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"


def test_a_slow_bmc_leaves_the_boot_id_its_time(place):
    s, host = place()
    s.bmc_ask("fault all dead 1")
    job = s.order(s.bundle(**HOOK))
    until(lambda: "Accepted publickey" in host.log(), what="a login while the BMC is silent")
    s.bmc_ask("fault all dead 0")
    assert s.wait_event("job.hook", job=job)
    assert host.id in evidence(s, job, "preflight")
    host.fall_silent()
    host.boot()
    assert s.wait_end(job)["kind"] == "job.done"


def test_a_hook_where_nobody_can_log_in(place):
    s, _ = place(login=False)
    end = s.wait_end(s.order(s.bundle(**HOOK)))
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "ssh-not-set-up")
    assert orders(s) == {}


def clients(host):
    return subprocess.run(["pgrep", "-f", f"ssh.*{host.path('key')} .*sleep"], capture_output=True, text=True,
                          check=False).stdout.split()


def test_a_cancelled_hook_is_ended(place):
    s, host = place()
    job = s.order(s.bundle(**dict(HOOK, hook="sleep 1000")))
    until(host.ran, what="the hook to run")
    assert clients(host)
    with s.orch.cond:
        s.orch.cancels.add(job)
    end = s.wait_end(job)
    assert (end["kind"], end["detail"]["code"]) == ("job.cancelled", "power-in-doubt")
    until(lambda: not clients(host), what="the client to be gone")
    assert orders(s) == {}


def test_a_hook_outlives_no_agent_and_is_not_run_twice(place):
    s, host = place()
    job = s.order(s.bundle(**dict(HOOK, hook="sleep 1000")))
    until(host.ran, what="the hook to run")
    s.kill_agent()
    until(lambda: not clients(host), what="the client to be gone with the agent")
    host.fall_silent()
    host.boot()
    s.start_agent()
    assert s.wait_end(job)["kind"] == "job.done"
    assert host.ran() == ["sleep 1000"] and orders(s) == {}
