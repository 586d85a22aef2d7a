# SPDX-License-Identifier: GPL-3.0-or-later
"""The ticket rule under attack, with real firmware: whatever is killed and whenever, there is never a
second installation and never a lost job."""
import signal

import pytest

STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "script", "kernel", "initrd",
          "os-up", "installed", "local-boot"]


def bootd_pid(lab):
    out = lab.run("pgrep", "-P", str(lab.procs["agent"].pid), "-f", "netboot-bootd").stdout.split()
    # ip netns exec replaces itself, so the agent is our child and bootd is its child.
    return int(out[0]) if out else None


def kill_and_restart(lab, victim):
    if victim == "bootd":
        pid = bootd_pid(lab)
        if pid:
            lab.run("kill", "-KILL", str(pid))
        return
    lab.end(victim, signal.SIGKILL)
    if victim == "orchestrator":
        lab.start_orchestrator()
    else:
        lab.start_agent()


@pytest.mark.parametrize("victim", ["bootd", "agent", "orchestrator"])
def test_killed_at_stages(make_lab, victim):
    """One reinstall; the daemon is killed as each stage is entered. The job ends done, or failed with a
    reason; the disk is written at most once. A ticket may be used up by a transfer that the kill cuts off: nothing can deliver
    it any more, which is known when the stage's time is over."""
    lab = make_lab(deadlines={"initrd": "2m"})
    m = lab.add_machine("edge01")
    lab.start()
    lab.ctl("reinstall", "edge01", "--reason", "INC-3", "--yes")
    job = lab.ctl("-q", "job", "list", "--no-headers").stdout.split()[0]
    for stage in STAGES:
        seen = lab.wait_stage(job, stage)
        if seen["state"] in ("done", "failed"):
            break
        kill_and_restart(lab, victim)
    end = lab.wait_job(job)
    assert end["state"] in ("done", "failed")
    if end["state"] == "failed":
        assert end["verdict"]["code"] and end["verdict"]["text"] and end["verdict"]["next"]
    assert m.installations() <= 1
    consumed = [e for e in lab.events(job=job) if e["kind"] == "job.ticket" and e["detail"]["state"] == "consumed"]
    assert len(consumed) <= 1
    # The host is free again and netboots nothing.
    assert m.installations() <= len(consumed)


def test_netboot_after_consumption_and_power_cycle_mid_download(make_lab):
    lab = make_lab(deadlines={"os-up": "40s", "installed": "60s", "local-boot": "60s"})
    m = lab.add_machine("edge01", net_first=True)
    lab.start()
    lab.ctl("reinstall", "edge01", "--reason", "INC-3", "--yes")
    job = lab.ctl("-q", "job", "list", "--no-headers").stdout.split()[0]
    # Cut the power while the kernel is under way: nothing is consumed, the machine may fetch again.
    lab.wait_stage(job, "kernel")
    m.command("power 0")
    m.command("power 1")
    # Cut it again after consumption: the ticket is gone, the machine must not get the installer again.
    lab.wait_stage(job, "os-up")
    m.command("reset 1")
    end = lab.wait_job(job)
    assert end["state"] == "failed"
    assert end["verdict"]["code"] in ("os-silent", "installer-silent", "ticket-consumed-undelivered",
                                      "booted-again-after-install", "ticket-consumed-no-report")
    assert m.installations() <= 1
    consumed = [e for e in lab.events(job=job) if e["kind"] == "job.ticket" and e["detail"]["state"] == "consumed"]
    assert len(consumed) == 1
