# SPDX-License-Identifier: GPL-3.0-or-later
"""What the console recorder of netboot-agent makes of BMCs whose Serial over LAN misbehaves: recorded all the
same, or refused with a reason, and never to the harm of the job. Endings in the middle are in
test_agent_console.py."""
import pytest

import console_rec
from test_agent_console import WHO, Line, begin, boot_of, recording, wait_story

TEXT = "PXE-E18: Server response timeout.\r\n"


@pytest.mark.parametrize("fault,value", [
    ("sol_wrong_ack", 1), ("sol_wrong_ack", 2), ("sol_nack", 1), ("sol_partial", 3), ("sol_chunk", 4), ("sol_stuck", 1)])
def test_recorded_all_the_same(site, fault, value):
    s = site()
    line = Line(s)
    s.bmc_ask(f"fault {WHO} {fault} {value}")
    job = begin(s)
    boot = boot_of(s, job)
    s.wait_event("sol.connected")
    line.say(TEXT)
    s.wait_event("sol.line", **{"class": "firmware-pxe"})
    wait_story(s, boot, TEXT.encode())
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert console_rec.octets(recording(s, boot)).count(b"PXE-E18") == 1  # not once more for each resend


# Each needs a workaround of FreeIPMI's, which must be asked for.
@pytest.mark.parametrize("fault,value", [
    ("sol_payload_size", 4), ("sol_port", 999), ("sol_no_status", 1), ("sol_no_support", 1), ("sol_alerts", 1)])
def test_refused_with_a_reason(site, fault, value):
    s = site()
    s.bmc_ask(f"fault {WHO} {fault} {value}")
    job = begin(s)
    assert s.wait_event("sol.refused")["reason"]
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert s.bmc_show()["sol_sent"] == 0
