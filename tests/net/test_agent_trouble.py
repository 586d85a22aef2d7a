# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-agent when its surroundings fail: a full disk, a taken port, many hosts of which some are dead,
another DHCP server, a second agent, bad configuration."""
import json
import os
import signal
import threading

import pytest

import netlab
from agent_lab import AGENT, dhcp_discover
from dhcp4_wire import DISCOVER, Wire, option, pxe
from netlab import fill, has_open, until


@pytest.fixture
def small_disk(site):
    """A site whose agent keeps its state on a disk of 6 MB."""
    s = site(start=False)
    with netlab.small_disk(s.path("agent"), "6m"):
        yield s
        if s.agent and s.agent.poll() is None:
            s.kill_agent(signal.SIGTERM)


def test_full_disk_refuses_new_jobs_and_ends_old_ones(small_disk):
    s = small_disk
    s.start_agent()
    old = s.order(s.bundle())
    s.wait_stage("power", job=old)
    filler = s.path("agent", "filler")
    fill(filler)
    m = s.machine()
    m.boot_all()  # from the reserve
    assert s.wait_end(old)["kind"] == "job.done"
    s.check_ticket_rule(old)
    fill(filler)
    try:
        os.unlink(s.path("agent", "agent.db.reserve"))
    except FileNotFoundError:
        pass
    fill(s.path("agent", "filler2"))
    new = s.order(s.bundle())
    until(lambda: "spool-full" in s.stderr or s.orch.wait(
        lambda e: e.get("job") == new and e["kind"] == "job.refused", 0.1), "the refusal")
    assert not s.tickets(new, "armed")
    os.unlink(filler)
    os.unlink(s.path("agent", "filler2"))
    end = s.wait_end(new)
    assert end["kind"] == "job.refused" and end["detail"]["code"] == "spool-full", end
    third = s.order(s.bundle(kind="power", power_action="off"))
    assert s.wait_end(third)["kind"] == "job.done"


def test_port_in_use_is_told_and_healed(site):
    s = site(start=False)
    other = s.server.hold_port("tcp", 80)
    s.start_agent()
    down = s.wait_event("bootd.down")
    assert "80" in down["reason"] and down["detail"]["code"] != "bootd-ended", down
    job = s.order(s.bundle(image=s.image(deadlines={"armed": 1})))
    end = s.wait_end(job)
    assert end["detail"]["code"] == "boot-services-down"
    assert s.bmc_show()["power"] == "off"
    other.kill()
    other.wait()
    s.wait_event("bootd.up")
    job = s.order(s.bundle())
    s.wait_stage("power", job=job)
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"


def test_the_dead_do_not_delay_the_living(site):
    s = site(hosts=5)  # with the deadlines of the design for the living
    silent = s.order(s.bundle(5, image=s.image(deadlines={"firmware-dhcp": 3})))
    dead = s.order(s.bundle(3, bmc=s.bmc(3, port=9), image=s.image(deadlines={"preflight": 6})))
    wrong = s.order(s.bundle(4, bmc=s.bmc(4, password="nonsense")))
    good = [s.order(s.bundle(n)) for n in (1, 2)]
    machines = [s.machine(n) for n in (1, 2)]

    def run(job, m):
        s.wait_stage("power", job=job)
        m.boot_all()

    threads = [threading.Thread(target=run, args=pair) for pair in zip(good, machines)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for job in good:
        assert s.wait_end(job)["kind"] == "job.done"
    codes = [s.wait_end(job)["detail"]["code"] for job in (dead, wrong, silent)]
    assert codes == ["bmc-unreachable", "bmc-auth", "no-dhcp-after-power-on"]


def test_many_jobs_at_once(site):
    s = site(hosts=40)
    jobs = [s.order(s.bundle(n + 1, kind="reboot", hard=True)) for n in range(40)]
    for job in jobs:
        assert s.wait_end(job)["kind"] == "job.done"
    assert len({e["job"] for e in s.events if e["kind"] == "job.done"}) == 40


def test_more_jobs_than_allowed(site):
    s = site(hosts=2, max_jobs=1)
    first = s.order(s.bundle(1))
    s.wait_stage("power")
    second = s.order(s.bundle(2))
    end = s.wait_end(second)
    assert end["kind"] == "job.refused" and end["detail"]["code"] == "agent-busy"
    s.cancel(first)
    s.wait_end(first)


def test_bundle_that_cannot_be_read(site):
    s = site()
    bundle = s.bundle()
    bundle["kind"] = "exorcise"
    job = s.order(bundle)
    end = s.wait_end(job)
    assert end["kind"] == "job.refused" and end["detail"]["text"]


def test_table_changes_while_a_job_runs(site):
    s = site(hosts=2)
    job = s.order(s.bundle(1))
    s.wait_stage("power")
    m = s.machine(1)
    m.firmware()
    m.script()
    assert m.whole(m.kernel_url, len(s.kernel))
    s.hosts.append(s.host(3))
    with s.orch.cond:
        s.orch.table = s.table(2)
        s.orch.cond.notify_all()
    until(lambda: "with 3 hosts in force" in s.stderr, what="the new table")
    # The ticket and what was released of it stay as they are.
    assert m.whole(m.initrd_urls[0], len(s.initrd))
    for stage in ("up", "installed", "booted"):
        assert m.report(stage) == "204"
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)


def test_table_that_knows_the_machine_under_another_name(site):
    """An inventory from a backup, while the machine loads: its job goes on, and then the table's word holds."""
    s = site(hosts=2)
    job = s.order(s.bundle(1))
    s.wait_stage("power")
    m = s.machine(1)
    m.firmware()
    m.script()
    assert m.whole(m.kernel_url, len(s.kernel))
    s.hosts[0] = dict(s.hosts[0], name="aa-old-name")
    with s.orch.cond:
        s.orch.table = s.table(2)
        s.orch.cond.notify_all()
    # Neither this table nor one for a new process takes the ticket's entry away.
    until(lambda: s.stderr.count("hosts in force") == 2, what="the new table")
    s.kill_bootd()
    until(lambda: s.stderr.count("hosts in force") == 3, what="bootd to run again")
    assert m.try_to_boot()
    for stage in ("up", "installed", "booted"):
        assert m.report(stage) == "204"
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)
    since = len(s.events)

    def known():
        m.firmware()
        return [e for e in s.events[since:] if e.get("host") == "aa-old-name" and e["kind"].startswith("dhcp4.")]
    until(known, what="the machine to be known by its name in the table")
    assert not [e for e in s.events if e["kind"] == "bootd.refused"]


def test_a_second_agent_on_the_same_spool(site):
    s = site()
    s.wait_event("bootd.up")
    done = s.server.run(AGENT, "-c", s.path("agent.yaml"), check=False)
    assert done.returncode == 1 and "agent.db" in done.stderr


def test_spool_of_a_newer_program(site):
    s = site(start=False)
    s.start_agent()
    s.wait_event("bootd.up")
    s.kill_agent(signal.SIGTERM)
    code = ("import sqlite3,sys\n"
            "d=sqlite3.connect(sys.argv[1])\n"
            "t=[r[0] for r in d.execute(\"select name from sqlite_master where type='table'\")]\n"
            "n=[x for x in t if 'migration' in x or 'schema' in x][0]\n"
            "c=[r[1] for r in d.execute('pragma table_info('+n+')')]\n"
            "row=list(d.execute('select * from '+n).fetchone()); row[c.index('version')]=99\n"
            "d.execute('insert into '+n+' values ('+','.join('?'*len(row))+')',row); d.commit()\n")
    s.server.run("/usr/bin/python3", "-c", code, s.path("agent", "agent.db"))
    done = s.server.run(AGENT, "-c", s.path("agent.yaml"), check=False)
    assert done.returncode == 1 and "99" in done.stderr


def test_configuration_check(site):
    s = site(start=False)
    assert s.server.run(AGENT, "-n", "-c", s.path("agent.yaml")).returncode == 0
    with open(s.path("bad.yaml"), "w") as f:
        f.write("site: los\nboot_services: {user: nobody}\ndeadlines:\n  kernel: soon\n")
    done = s.server.run(AGENT, "-n", "-c", s.path("bad.yaml"), check=False)
    assert done.returncode == 1
    assert "bad.yaml:4" in done.stderr and "deadlines.kernel" in done.stderr
    assert s.server.run(AGENT, "-x", check=False).returncode == 1


def test_agent_ends_and_bootd_with_it(site):
    s = site()
    s.wait_event("bootd.up")
    bootd = s.bootd_pid()
    s.kill_agent(signal.SIGTERM)
    assert s.agent.returncode == 0
    until(lambda: not os.path.exists(f"/proc/{bootd}"), what="bootd to end")


def test_agent_ends_in_the_middle_of_a_huge_image(site):
    """Its hash would take hours. What was begun is begun anew by the next agent."""
    s = site()
    huge = s.path("images/d/huge")
    with open(huge, "wb") as f:
        f.truncate(1 << 42)
    kernel = {"name": "huge", "path": "d/huge", "size": 1 << 42, "sha256": "0" * 64}
    job = s.order(s.bundle(image=s.image(kernel=kernel, deadlines={"preflight": 3600})))
    until(lambda: has_open(s.agent.pid, huge), "the file to be read")
    s.kill_agent(signal.SIGTERM)
    assert s.agent.returncode == 0
    s.start_agent()
    until(lambda: has_open(s.agent.pid, huge), "the file to be read again")
    s.cancel(job)
    assert s.wait_end(job)["detail"]["code"] == "nothing-done"


def test_answers_of_another_dhcp_server(site):
    s = site(deadlines={"firmware-dhcp": "4s"})
    m = s.machine()
    job = s.order(s.bundle())
    # The machine takes another server's offer: its REQUEST names that server.
    code = ("import socket,sys,struct,os\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1)\n"
            "s.setsockopt(socket.SOL_SOCKET,socket.SO_BINDTODEVICE,b'eth0')\n"
            "s.bind(('0.0.0.0',68))\n"
            "hw=bytes.fromhex('525400770001')\n"
            "p=struct.pack('>BBBB4sHH',1,1,6,0,os.urandom(4),0,0x8000)+bytes(16)+hw\n"
            "p+=bytes(236-len(p))+b'\\x63\\x82\\x53\\x63'\n"
            "p+=b'\\x35\\x01\\x03'+b'\\x36\\x04\\x0a\\x4d\\x00\\x63'+b'\\x32\\x04\\x0a\\x4d\\x00\\xc8'+b'\\xff'\n"
            "s.sendto(p.ljust(300,b'\\0'),('255.255.255.255',67))\n")
    for attempt in (1, 2, 3):
        s.wait_stage("power", attempt=attempt)
        m.ns.python(code)
    end = s.wait_end(job)
    assert end["detail"]["code"] == "other-dhcp-answered", end
    assert json.dumps(s.events).count("10.77.0.99") > 0


def test_an_interface_made_anew(site, netns):
    """bootd's sockets are on the old one: it is started again, with its sockets on the new one."""
    netns.server.ip("link", "add", "br9", "type", "bridge")
    s = site(boot_services={"interfaces": ["br0", "br9"]})
    s.wait_event("bootd.ready")
    pid = s.bootd_pid()
    netns.server.ip("link", "del", "br9")
    s.wait_event("bootd.interface")
    netns.server.ip("link", "add", "br9", "type", "bridge")
    down = s.wait_event("bootd.down")
    assert down["detail"]["code"] == "interface-replaced" and "br9" in down["reason"]
    until(lambda: sum(e["kind"] == "bootd.ready" for e in s.events) == 2, "bootd to be ready again")
    assert s.bootd_pid() != pid


def test_a_host_that_no_address_is_for(site, netns):
    """Its request is heard and cannot be answered: the verdict says that, and not that nothing was heard."""
    s = site(start=False, deadlines={"firmware-dhcp": "4s"})
    del s.hosts[0]["nics"][0]["ip"]  # and the subnet has no pool
    s.orch.table = s.table(2)
    s.start_agent()
    job = s.order(s.bundle())
    wire = Wire(netns.add_client(mac=s.hosts[0]["nics"][0]["mac"]))
    since = 0
    while True:
        s.wait_stage("power", since=since)
        since = len(s.events)
        wire.send(wire.bootp(option(53, bytes([DISCOVER])) + pxe()))
        seen = s.wait_event("dhcp4.ignored", since=since)
        assert "no pool" in seen["reason"]
        until(lambda: [e for e in s.events[since:] if e["kind"] in ("job.failed", "job.attempt")],
              "the attempt to end")
        if [e for e in s.events[since:] if e["kind"] == "job.failed"]:
            break
    end = s.wait_end(job)
    assert end["detail"]["code"] == "dhcp-not-answered", end
    wire.close()


def test_host_that_does_not_fit_the_table(site):
    """A job for a host whose MAC address belongs to another one: refused before anything is switched."""
    s = site(hosts=2)
    stranger = dict(s.host(1), name="stranger", nics=[{"mac": s.hosts[1]["nics"][0]["mac"], "ip": "10.77.0.99"}])
    job = s.order(dict(s.bundle(1), host=stranger))
    end = s.wait_end(job)
    assert end["detail"]["code"] == "boot-services-refused", end
    assert s.stages(job) == ["preflight"]
    assert s.bmc_show(1)["power"] == "off"


def test_a_replaced_agent_leaves_the_wire(site):
    """Two on one segment would fight: the one that the orchestrator refuses stops answering, also after a restart,
    and lets no image go. That the orchestrator cannot be reached is no such word."""
    s = site(hosts=2)
    used, armed = s.order(s.bundle(1)), s.order(s.bundle(2))
    for job in (used, armed):
        s.wait_stage("power", job=job)
    m = s.machine(1)
    assert m.load()
    s.wait_event("job.ticket", job=used, state="consumed")
    s.orch.down = True
    assert s.machine(2).script()
    s.orch.refused, s.orch.down = True, False
    until(lambda: s.bootd_pid() is None, what="bootd to end")
    s.orch.down = True
    s.kill_agent()
    s.start_agent()
    until(lambda: "wait for the orchestrator's word" in s.stderr, what="the agent to be up")
    assert s.bootd_pid() is None
    s.orch.refused = s.orch.down = False
    end = s.wait_end(armed)
    assert (end["kind"], end["detail"]["code"]) == ("job.cancelled", "image-not-let-go")
    assert "another one is in charge" in end["detail"]["by"]
    assert s.tickets(armed, "revoked") == s.tickets(armed, "armed")
    until(s.bootd_pid, what="bootd to run again")
    # What was let go before is still watched.
    for stage in ("up", "installed", "booted"):
        until(lambda: m.report(stage) == "204", what=f"the report {stage} to be taken")
    assert s.wait_end(used)["kind"] == "job.done"
    s.check_ticket_rule(used)
    s.check_ticket_rule(armed)


def test_a_boot_service_that_hangs_is_replaced(site):
    s = site(deadlines={"armed": "40s"})
    s.wait_event("bootd.up")
    pid = s.bootd_pid()
    os.kill(pid, signal.SIGSTOP)
    job = s.order(s.bundle())
    until(lambda: s.bootd_pid() not in (None, pid), "another bootd")
    down = s.wait_event("bootd.down")
    assert down["detail"]["code"] == "bootd-hangs", down
    s.wait_stage("power", job=job)
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)


def test_firmware_without_a_loader(site):
    """An architecture that nobody has a loader for gets an address, and its job says what is missing."""
    s = site(deadlines={"loader": "2s"})
    m = s.machine()
    job = s.order(s.bundle())
    for attempt in (1, 2, 3):
        s.wait_stage("power", attempt=attempt)
        m._send(dhcp_discover(m.mac, arch=0x27))
    end = s.wait_end(job)
    assert end["detail"]["code"] == "loader-missing", end
    assert "--loader ARCH=FILE" in end["detail"]["next"]
    offer = s.wait_event("dhcp4.offer", lacks="loader")
    assert offer["arch"] == "loong64-uefi"
    assert offer["ip"] == "10.77.0.11" and not offer.get("file")
