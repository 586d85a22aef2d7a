# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-agent where bootd is a proxy beside somebody else's DHCP server: a job is confirmed stage by stage as
ever, and one whose firmware never takes the two offers together ends with its own verdict."""
from dhcp4_wire import REQUEST, Wire, address, option, pxe

PROXY = {"services": {"dhcp4": "proxy", "tftp": True, "http": True}}
OTHER = "10.77.0.67"


def test_a_job_behind_a_proxy(site):
    s = site(boot_services=PROXY)
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    # The other server's address: the REQUEST is all that the proxy hears of it.
    wire = Wire(m.ns)
    wire.send(wire.bootp(option(53, bytes([REQUEST])) + option(54, address(OTHER)) +
                         option(50, address("10.77.0.11")) + pxe(), flags=0x8000))
    wire.close()
    s.wait_event("dhcp4.request", mode="proxy")
    m.boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    seen = s.stages(job)
    assert [x for x in seen if x in ("firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd")] == \
        ["firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd"]
    s.check_ticket_rule(job)
    dhcp = [e for e in s.events if e["kind"].startswith("dhcp4.")]
    assert all(e["detail"]["mode"] == "proxy" for e in dhcp) and not any(e["kind"] == "dhcp4.ack" for e in dhcp)


def test_firmware_that_takes_neither_offer(site):
    s = site(boot_services=PROXY, deadlines={"loader": "3s"})
    m = s.machine()
    job = s.order(s.bundle())
    for attempt in (1, 2, 3):
        s.wait_stage("power", attempt=attempt)
        for _ in range(3):
            m.firmware()
    end = s.wait_end(job)
    assert end["detail"]["code"] == "proxy-offer-not-taken", end
    assert "services.dhcp4: true" in end["detail"]["next"]
    assert s.wait_event("dhcp4.alone")["host"] == "edge01"
