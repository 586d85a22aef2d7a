# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-agent with the real netboot-bootd and simulated BMCs: whole jobs, kind by kind."""
import os

import pytest

from agent_lab import AgentSite, MAC
from netlab import until


@pytest.fixture
def site(netns):
    made = []

    def make(**kw):
        start = kw.pop("start", True)
        s = AgentSite(netns, **kw)
        made.append(s)
        return s.start_agent() if start else s

    yield make
    for s in made:
        s.close()


def test_reinstall_from_order_to_disk_boot(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    assert s.bmc_show()["power"] == "on"
    m = s.machine()
    m.boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert s.stages(job) == ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp",
                             "script", "kernel", "initrd", "os-up", "installed", "local-boot"]
    assert s.stages(job, "skipped") == ["rootfs"]
    assert all(e["detail"].get("evidence") for e in s.events
               if e["kind"] == "job.stage" and e["detail"]["state"] == "confirmed")
    assert "host=edge01 role=cdn" in m.args
    s.check_ticket_rule(job)
    assert not os.path.exists(s.path("scripts", f"script.ipxe-{MAC}"))
