# SPDX-License-Identifier: GPL-3.0-or-later
"""Real firmware, a real BMC protocol, a real kernel: the main job, live and rescue, and BIOS."""
import json

import pytest

from lab import wait_for

WATCHED = ["firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd"]


def order(lab, verb, host, *more, code=0):
    """Gives the order, waits for its end, and returns the job."""
    done = lab.ctl(verb, host, "--reason", "INC-1", "--yes", "--wait=10m", *more, code=code)
    items = json.loads(lab.ctl("-o", "json", "job", "list", "--host", host).stdout)["items"]
    return lab.job(items[0]["id"]), done


def confirmed(job):
    return [s["stage"] for s in job["stages"] if s["state"] == "confirmed"]


@pytest.mark.parametrize("bmc", ["bmcsim", "ipmi_sim"])
def test_uefi_reinstall_then_live_then_rescue(make_lab, bmc):
    lab = make_lab()
    m = lab.add_machine("edge01", bmc=bmc)
    lab.start()

    job, done = order(lab, "reinstall", "edge01")
    assert job["state"] == "done"
    assert done.stdout.strip().splitlines()[-1].startswith("edge01: done")
    expected = ["preflight", "armed", "override", "power", *WATCHED, "rootfs", "os-up", "installed", "local-boot"]
    assert [s for s in confirmed(job) if s != "queued"] == expected
    assert all(s["evidence"] for s in job["stages"] if s["state"] == "confirmed")
    assert m.starts() == ["net", "disk"]
    assert m.installations() == 1
    wait_for(lambda: m.console().count("lab: ready (disk)") == 1, "the installed system")

    # A graceful restart: the system switches itself off, and comes back from its disk.
    job, _ = order(lab, "reboot", "edge01")
    assert job["state"] == "done"
    assert m.console().count("lab: power button") == 1
    assert m.starts() == ["net", "disk", "disk"]
    wait_for(lambda: m.console().count("lab: ready (disk)") == 2, "the installed system again")

    job, _ = order(lab, "live", "edge01")
    assert job["state"] == "done"
    assert m.starts()[3:] == ["net"]
    notes = [e["detail"]["note"] for e in lab.events(job=job["id"]) if e["kind"] == "report.up"]
    assert notes == ["live: lab live system"]

    job, _ = order(lab, "rescue", "edge01")
    assert job["state"] == "done"
    assert m.installations() == 1

    boots = json.loads(lab.ctl("-o", "json", "history", "edge01").stdout)["items"]
    assert len(boots) >= 3 and all(b["planned"] for b in boots if b["job"])


@pytest.mark.parametrize("bmc", ["bmcsim", "ipmi_sim"])
def test_bios_live(make_lab, bmc):
    lab = make_lab()
    m = lab.add_machine("old01", firmware="bios", bmc=bmc)
    lab.start()
    job, _ = order(lab, "live", "old01")
    assert job["state"] == "done"
    wait_for(lambda: "lab: ready (live)" in m.console(), "the live system")
    # SeaBIOS runs QEMU's iPXE ROM, which is iPXE from the start: no loader is fetched.
    assert {"script", "kernel"} <= set(confirmed(job))
    assert [s["state"] for s in job["stages"] if s["stage"] == "loader"][-1] == "skipped"


def test_network_first_machine_falls_to_its_disk(make_lab):
    """A machine whose own order is network first must not be reinstalled by its later boots."""
    lab = make_lab()
    m = lab.add_machine("net01", net_first=True)
    lab.start()
    job, _ = order(lab, "reinstall", "net01")
    assert job["state"] == "done"
    assert m.starts() == ["net", "net"]
    assert m.installations() == 1
