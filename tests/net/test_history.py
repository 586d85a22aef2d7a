# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of every boot: planned ones with all that went over the wire, and those that nobody ordered.

First all programs as an operator runs them, with other people's clients (isc-dhclient, curl) and dnsmasq as a second DHCP
server; then the orchestrator alone, with an agent played by the test, where it is about crashes and repetition."""
import hashlib
import json
import os
import sqlite3
import subprocess

import pytest

import netlab
import whole_lab
from agent_lab import Machine
from netlab import PATIENCE, until
from orch_lab import Agent, Connection

MAC = "52:54:00:77:00:01"
BMC = f"127.0.0.1:{whole_lab.BMC_PORT}"
DHCLIENT = """option arch code 93 = unsigned integer 16;
send vendor-class-identifier "PXEClient:Arch:00007:UNDI:003016";
send arch 7;
"""


class Site(whole_lab.Site):
    def start(self):
        super().start()
        self.client = self.lan.add_client(mac=MAC, address="10.77.0.11/24")
        self.kernel, self.initrd = self.octets("images/d/vmlinuz"), self.octets("images/d/initrd")
        self.machine = Machine(self, self.client, MAC)
        self.bmc(f"power {BMC} on")
        return self

    def octets(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def firmware_gets_an_address(self):
        self.write("dhclient.conf", DHCLIENT.encode())
        leases = self.path("dhclient.leases")
        p = self.client.popen("dhclient", "-4", "-d", "-sf", "/bin/true", "-lf", leases, "-pf", self.path("dhclient.pid"),
                              "-cf", self.path("dhclient.conf"), "eth0")
        try:
            until(lambda: "fixed-address 10.77.0.11;" in self.read("dhclient.leases"), "the address")
        finally:
            p.kill()
            p.wait()

    def history(self):
        return self.json("history", "edge01")["items"]

    def boot(self, what, pick):
        """The newest boot for which pick(boot) is true, in full."""
        found = until(lambda: [b for b in self.history() if pick(b)], what)[0]
        return self.rest("/boots/" + found["id"])

    def rest(self, path):
        c = Connection(self.socket, PATIENCE)
        try:
            c.request("GET", "/api/v1" + path)
            return json.loads(c.getresponse().read())
        finally:
            c.close()

    def order(self, verb, *more):
        done = self.ctl(verb, *more, "--reason", "INC-7", "--yes")
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    def ends(self, job, state="done"):
        until(lambda: self.job(job)["state"] == state, f"job {job} {state}")

    def is_seen(self, power):
        assert self.json("power", "status", "edge01")["items"][0]["power"] == power

    def set_power(self, power):
        """By somebody else: neither a job nor an order."""
        self.bmc(f"power {BMC} {power}")


@pytest.fixture
def site():
    lan = netlab.Lan()
    s = Site(lan)
    try:
        yield s.start()
    finally:
        s.close()
        lan.close()


def test_a_planned_boot_with_all_that_it_took(site):
    job = site.order("rescue", "edge01")
    until(lambda: site.job(job)["stage"] == "firmware-dhcp", "the machine's power")
    site.firmware_gets_an_address()
    site.machine.loader()
    site.machine.ipxe()
    site.machine.script()
    assert site.machine.payloads()
    assert site.machine.report("up") == "204"
    site.ends(job)
    boot = site.boot("the boot's end", lambda b: b["outcome"])
    assert (boot["job"], boot["kind"], boot["reason"], boot["flags"], boot["outcome"]) == (job, "rescue", "INC-7", [], "ok")
    assert (boot["mac"], boot["ip"], boot["arch"], boot["loader"]) == (MAC, "10.77.0.11", "x64-uefi", "snponly.efi")
    assert boot["vendor_class"] == "PXEClient:Arch:00007:UNDI:003016"
    assert boot["files"] == [
        {"role": role, "name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for role, name, data in (("kernel", "vmlinuz", site.kernel), ("initrd", "initrd", site.initrd))]
    whole = {t["class"]: t for t in boot["transfers"] if (t["result"] or "").startswith("complete")}
    sizes = {"loader": len(site.octets("loaders/snponly.efi")), "kernel": len(site.kernel), "initrd": len(site.initrd)}
    for part, size in sizes.items():
        t = whole[part]
        assert (t["bytes"], t["total"], t["ip"]) == (size, size, "10.77.0.11"), t
        assert t["began"] <= t["ended"] == t["at"] and t["kind"] == f"{t['protocol']}.end"
        assert t["protocol"] == ("tftp" if part == "loader" else "http")
    assert boot["octets"] == sum(t["bytes"] for t in boot["transfers"]) >= sum(sizes.values())
    # Each transfer is one row, whatever it was told of: its beginning, progress and end.
    assert len([t for t in boot["transfers"] if t["class"] == "kernel"]) == 1
    line = site.ctl("history", "edge01", "--no-headers").stdout
    assert " rescue " in line and " INC-7 " in line and line.rstrip().endswith(" ok")


def test_a_netboot_that_nobody_ordered(site):
    site.machine.firmware()
    boot = site.boot("the boot", lambda b: not b["planned"])
    assert (boot["flags"], boot["trigger"], boot["job"], boot["kind"]) == (["unordered"], "netboot", None, None)
    assert boot["mac"] == MAC and boot["arch"] == "x64-uefi"
    assert " unordered " in site.ctl("history", "edge01", "--no-headers").stdout


def test_what_an_order_starts_is_not_unordered(site):
    site.ends(site.order("power", "cycle", "edge01"))
    site.machine.firmware()
    boot = site.boot("the boot", lambda b: not b["planned"])
    assert (boot["flags"], boot["trigger"]) == ([], "netboot")


def test_a_second_dhcp_server_that_answers_an_unordered_boot(site):
    other = site.lan.add_client(address="10.77.0.66/24")
    dnsmasq = other.popen(
        "dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces", "--no-ping", "--user=root",
        "--dhcp-range=10.77.0.200,10.77.0.210,120", "--dhcp-boot=evil.efi", f"--dhcp-leasefile={site.path('other.leases')}",
        f"--log-facility={site.path('other.log')}", "--log-dhcp")
    try:
        until(lambda: "DHCP, IP range" in site.read("other.log"), "dnsmasq")

        def answered():
            site.machine.firmware()
            return "DHCPOFFER" in site.read("other.log")
        until(answered, "its offer")
        boot = site.boot("the flag", lambda b: "other-dhcp" in b["flags"])
    finally:
        dnsmasq.kill()
        dnsmasq.wait()
    assert boot["flags"] == ["unordered", "other-dhcp"] and not boot["planned"]
    line = site.ctl("history", "edge01", "--no-headers").stdout
    assert " unordered,other-dhcp " in line


def test_a_host_that_somebody_switched_off(site):
    site.is_seen("on")
    site.set_power("off")
    site.is_seen("off")
    site.is_seen("off")
    boot = site.boot("the record", lambda b: b["trigger"] == "power-off")
    assert (boot["flags"], boot["outcome"], boot["ended"]) == (["power-off-seen"], None, None)
    assert len(site.history()) == 1 and " powered-off " in site.ctl("history", "edge01").stdout
    site.end("orchestrator", 9)
    site.start_orchestrator()
    site.is_seen("off")
    assert len(site.history()) == 1
    site.set_power("on")
    site.is_seen("on")
    assert site.history()[0]["outcome"] == "unknown" and site.history()[0]["ended"]
    kinds = [e["kind"] for e in site.events("--host", "edge01") if e.get("boot") == boot["id"]]
    assert kinds == ["boot.begin", "boot.flag", "boot.end"]


def test_a_job_finds_the_host_off(site):
    site.is_seen("on")
    site.set_power("off")
    job = site.order("reboot", "edge01", "--hard")
    site.ends(job)
    rows = site.history()
    assert [(b["trigger"], b["flags"], b["outcome"]) for b in rows] == [
        ("reboot", [], "ok"), ("power-off", ["power-off-seen"], "unknown")]
    assert rows[1]["text"] in ("a job took the host over", "the machine is on again")
    # The reboot's own off and on are nobody else's.
    site.is_seen("on")
    assert len(site.history()) == 2


@pytest.mark.parametrize("action", ["off", "soft"])
def test_off_by_our_order_is_not_flagged(site, action):
    site.is_seen("on")
    site.ends(site.order("power", action, "edge01"))
    until(lambda: site.json("power", "status", "edge01")["items"][0]["power"] == "off", "power off")
    assert site.history() == []
    # Somebody switches it on, and off again: that is not the order's doing any more.
    site.set_power("on")
    site.is_seen("on")
    site.set_power("off")
    site.is_seen("off")
    assert [b["flags"] for b in site.history()] == [["power-off-seen"]]


# ---- the orchestrator alone


@pytest.fixture
def agent(site_agent):
    return site_agent


BOOT = "01k9xyz0a0abcdef"


def life(agent, job):
    wire = {"boot": BOOT, "ip": "10.77.0.11"}
    return [
        agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1),
        agent.event("power.state", job, power="on", look="preflight"), agent.stage(job, "override"),
        agent.event("power.state", job, power="off"),
        agent.event("boot.begin", job, boot=BOOT, planned=True, attempt=1, trigger="reinstall"),
        agent.event("power.state", job, power="on"),
        agent.event("dhcp4.discover", job, **{"boot": BOOT, "class": "pxe", "vendor_class": "PXEClient"}),
        agent.event("dhcp4.foreign", job, boot=BOOT, server="10.77.0.66"),
        agent.event("tftp.begin", job, file="a.efi", total=900, **wire),
        agent.event("tftp.end", job, file="a.efi", bytes=900, total=900, result="complete", took_us=10, **wire),
        agent.event("http.begin", job, file="t/vmlinuz", **{"class": "kernel"}, **wire),
        agent.event("http.progress", job, file="t/vmlinuz", bytes=2, **{"class": "kernel"}, **wire),
        agent.event("http.end", job, file="t/vmlinuz", bytes=6, total=6, result="complete", took_us=10, **{"class": "kernel"}, **wire),
        agent.event("job.ticket", job, boot=BOOT, state="consumed", ticket="t"),
        agent.event("boot.end", job, boot=BOOT, outcome="failed", text="silence", code="os-silent", next="look"),
        agent.event("job.failed", job, code="os-silent", text="silence", next="look", stage="os-up")]


def check_life(orch, job):
    boot = orch.get(f"/boots/{BOOT}").json
    assert (boot["job"], boot["outcome"], boot["flags"], boot["octets"]) == (job, "failed", ["other-dhcp"], 906)
    # That of its job, which the events say more of than the agent did.
    ended = orch.get(f"/jobs/{job}").json
    assert boot["verdict"] == ended["verdict"] and ended["agent_code"] == "os-silent"
    assert boot["verdict"]["code"] == "ticket-consumed-no-report"
    assert [(t["file"], t["bytes"], t["result"]) for t in boot["transfers"]] == [
        ("a.efi", 900, "complete"), ("t/vmlinuz", 6, "complete")]
    assert [f["name"] for f in boot["files"]] == ["vmlinuz", "initrd.gz"] and len(boot["files"][0]["sha256"]) == 64
    return boot


def test_the_replay_of_a_report_changes_nothing(orch, agent):
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    log = life(agent, job)
    agent.send(1, log)
    first = check_life(orch, job)
    agent.send(1, log)
    agent.send(5, log[4:])
    assert check_life(orch, job) == first
    # Nor does it when the same things are told once more under other numbers, of what only counts once.
    agent.send(len(log) + 1, [log[5], log[7], log[14], log[15]])
    again = check_life(orch, job)
    assert again == first


def test_every_prefix_of_a_life_survives_a_kill(orch, agent):
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    log = life(agent, job)
    for n in range(3, len(log) + 1, 4):
        agent.send(1, log[:n])
        orch.kill()
        orch.start()
    agent.send(1, log)
    check_life(orch, job)
    assert len(orch.get("/boots?host=edge01").json["items"]) == 1


def test_a_host_found_off_by_a_job_is_recorded_once(orch, agent):
    look = {"look": "preflight"}
    job = orch.order("edge01", kind="power", action="on").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("power.state", job, power="on", **look),
                 agent.event("job.done", job))
    job = orch.order("edge01", kind="power", action="on").json["jobs"][0]["id"]
    agent.poll()
    log = [agent.event("job.accepted", job), agent.event("power.state", job, power="off", **look)]
    agent.report(*log)
    orch.kill()
    orch.start()
    off = orch.get("/boots?host=edge01").json["items"]
    assert [(b["trigger"], b["flags"], b["ended"]) for b in off] == [("power-off", ["power-off-seen"], None)]
    agent.report(agent.event("power.state", job, power="off", **look), agent.stage(job, "power"),
                 agent.event("power.state", job, power="on", look="control"), agent.event("job.done", job))
    off = orch.get("/boots?host=edge01").json["items"]
    assert len(off) == 1 and off[0]["outcome"] == "unknown" and off[0]["text"] == "the machine is on again"


def test_what_a_job_of_a_replaced_agent_has_started_is_its_doing(orch, agent):
    job, other = orch.order("edge01").json["jobs"][0]["id"], "01k9xyz0a0abcdeh"
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1), agent.stage(job, "power"),
                 agent.event("boot.begin", job, boot=BOOT, planned=True, attempt=1, trigger="reinstall"))
    orch.stop()
    with sqlite3.connect(orch.database) as db:
        db.execute("UPDATE agent SET last_seen = last_seen - 61000000")
    db.close()
    orch.start()
    new = Agent(orch, number=2)
    new.poll()
    assert orch.get(f"/boots/{BOOT}").json["outcome"] == "unknown"
    ends = [e for e in orch.events(f"&boot={BOOT}") if e["kind"] == "boot.end"]
    assert [(e["job"], e["detail"]["outcome"], e["detail"]["code"]) for e in ends] == [(job, "unknown", "agent-replaced")]
    new.report(new.event("boot.begin", boot=other, planned=False, trigger="netboot"))
    assert orch.get(f"/boots/{other}").json["flags"] == []


def test_a_page_of_boots_is_bounded_and_leads_on(orch, agent):
    ids = [f"01k9xyz0a0{n:06d}" for n in range(205)]
    for at in range(0, len(ids), 100):
        agent.report(*[agent.event("boot.begin", boot=b, planned=False, trigger="netboot") for b in ids[at:at + 100]])
    page = orch.get("/boots?limit=1000").json
    assert len(page["items"]) == 200 and page["next"]
    more = orch.get(f"/boots?limit=1000&cursor={page['next']}").json
    assert [b["id"] for b in page["items"] + more["items"]] == ids[::-1] and more["next"] is None
    assert orch.get("/boots?cursor=01k9xyz0a0zzzzzz").code == "cursor-unknown"
    assert [b["ended"] for b in page["items"]].count(None) == 1  # one machine boots once at a time


def test_an_unordered_boot_names_the_recording_between_jobs(orch, agent):
    agent.report(agent.event("boot.begin", boot=BOOT, planned=False, trigger="netboot"))
    assert orch.get(f"/boots/{BOOT}").json["console"] is None
    began = orch.get(f"/boots/{BOOT}").json["began"]
    orch.stop()
    row = "01k9xyz0a0always"
    with sqlite3.connect(orch.database) as db:
        db.execute("INSERT INTO console SELECT ?, host, site, began - 9000000, began + 9000000, 5, 5, 0, 0, 0, 1, 1"
                   " FROM boot WHERE id = ?", (row, BOOT))
        db.execute("INSERT INTO console SELECT ?, host, site, began - 9000000, began - 8000000, 5, 5, 0, 0, 1, 1, 1"
                   " FROM boot WHERE id = ?", ("01k9xyz0a0alwayt", BOOT))
    db.close()
    orch.start()
    boot = orch.get(f"/boots/{BOOT}").json
    assert boot["began"] == began
    assert (boot["console"]["id"], boot["console"]["of"]) == (row, "between-jobs")
    trace = subprocess.run([os.path.join(netlab.BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", "trace", BOOT],
                           capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert f"netboot-ctl console edge01 --replay {row}" in trace.stdout
    # A planned boot has its own or none.
    agent = Agent(orch)
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.first = 2
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("boot.begin", job, boot="01k9xyz0a0abcdeg", planned=True,
                                                               attempt=1, trigger="reinstall"))
    assert orch.get("/boots/01k9xyz0a0abcdeg").json["console"] is None
    assert json.dumps(orch.get(f"/boots/{BOOT}").json["flags"]) == '["unordered"]'
