# SPDX-License-Identifier: GPL-3.0-or-later
"""Real firmware beside somebody else's DHCP server: a dnsmasq in a namespace of its own on the lab's bridge gives
the addresses, bootd is a proxy and gives none."""
import json
import subprocess

from lab import wait_for
from test_reinstall import WATCHED, confirmed, order

ADDRESSES = "10.77.0.67"
PROXY = {"services": {"dhcp4": "proxy", "tftp": True, "http": True}}


class Dnsmasq:
    def __init__(self, lab):
        self.lab, self.ns = lab, f"{lab.ns}-dhcp"
        lab.ip("netns", "add", self.ns)
        lab.ip("-n", lab.ns, "link", "add", "dhcp0", "type", "veth", "peer", "name", "eth0", "netns", self.ns)
        lab.ip("-n", lab.ns, "link", "set", "dhcp0", "master", "br0", "up")
        for args in (["addr", "add", f"{ADDRESSES}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            lab.ip("-n", self.ns, *args)
        with open(lab.path("dnsmasq.log"), "ab") as log:
            self.proc = subprocess.Popen(
                ["ip", "netns", "exec", self.ns, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0",
                 "--interface=eth0", "--bind-interfaces", "--dhcp-range=10.77.0.210,10.77.0.220", "--leasefile-ro",
                 "--dhcp-authoritative", "--log-dhcp", "--no-ping", "--dhcp-option=3,10.77.0.1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lab.procs["dnsmasq"] = self.proc
        wait_for(lambda: "DHCP, IP range" in lab.log("dnsmasq"), "dnsmasq")

    def close(self):
        self.lab.end("dnsmasq")
        subprocess.run(["ip", "netns", "del", self.ns], capture_output=True)


def test_uefi_beside_dnsmasq(make_lab):
    """A whole live job; then a start without a ticket, which must be on its way to the disk at once."""
    lab = make_lab()
    lab.boot_services = PROXY
    m = lab.add_machine("edge01", net_first=True)
    m.ip = None
    dnsmasq = Dnsmasq(lab)
    try:
        lab.start()
        job, _ = order(lab, "live", "edge01")
        assert job["state"] == "done", job
        assert [s for s in confirmed(job) if s in WATCHED] == WATCHED
        events = lab.events(host="edge01")
        assert not any(e["kind"] == "dhcp4.nak" for e in events)
        offered = [e for e in events if e["kind"] == "dhcp4.offer"]
        assert {e["detail"]["class"] for e in offered} >= {"pxe", "ipxe"} and not any(e.get("ip") for e in offered)
        assert all(e["detail"]["mode"] == "proxy" for e in events if e["kind"].startswith("dhcp4."))
        assert "DHCPACK" in lab.log("dnsmasq")
        found = [f for f in json.loads(lab.ctl("-o", "json", "doctor", code=None).stdout)["items"]
                 if f["check"] == "dhcp"]
        assert [f["level"] for f in found] == ["ok"] and ADDRESSES in found[0]["text"], found
        # Started again without a ticket: the menu whose only entry is the disk, at once.
        assert "PXE-E21" not in m.console()
        m.command("reset")
        wait_for(lambda: "PXE-E21" in m.console(), "the firmware to leave for its disk")
    finally:
        dnsmasq.close()
