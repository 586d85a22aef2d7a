# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures provoked on purpose with the real orchestrator, agent, boot services and simulated BMCs: each ends with its
verdict, and no other. A row of DRILLS is a host with an image of its own, of which only the deadline that is to be missed is short,
and a play: what its machine does in each attempt. The events of each are kept in build/test-logs/traces/NAME.ndjson."""
import json
import os
import signal
import socket
import struct

import pytest

import netlab
from agent_lab import Machine, dhcp_discover
from netlab import PATIENCE, until
from orch_lab import Connection
from whole_lab import BMC_PORT, Site

TRACES = os.path.join(netlab.ROOT, "build", "test-logs", "traces")
DRILLS = {}


class Drill:
    """`explained`: the verdict as the explanation of events has it; `told`: as the agent says it."""

    def __init__(self, name, play, told, explained, deadlines, own, **more):
        self.name, self.play, self.told, self.explained = name, play, told, explained or told
        self.deadlines, self.own, self.more = deadlines, own, more


def drill(told, explained=None, deadlines=None, own=False, **more):
    """`own`: needs daemons of its own. `more`: members of the host, or `image` for those of its image."""
    def add(play):
        DRILLS[play.__name__] = Drill(play.__name__.replace("_", "-"), play, told, explained, deadlines or {}, own, **more)
        return play
    return add


class Stage(Site):
    """A site with a host and an image for each drill that it is given."""

    def __init__(self, lan, drills):
        self.drills = drills
        super().__init__(lan, hosts=len(drills))
        self.kernel, self.initrd = (open(self.path(f"images/d/{f}"), "rb").read() for f in ("vmlinuz", "initrd"))
        self.write("wrong", b"not the password\n")
        self.hosts = [self.host_of(n + 1, d) for n, d in enumerate(drills)]

    def host_of(self, n, d):
        h = self.host(n, image=d.name, uuid=f"03020100-0504-0706-0809-0a0b0c0d0e{n:02x}")
        h.update({k: v for k, v in d.more.items() if k not in ("image", "bmc", "kernel_of")})
        h["bmc"].update({k: v.format(dir=self.dir) if isinstance(v, str) else v for k, v in d.more.get("bmc", {}).items()})
        return h

    def document(self):
        doc = super().document()
        base = doc["images"][0]
        doc["images"] = []
        for d in self.drills:
            folder = f"images/{d.name}"
            os.makedirs(self.path(folder), exist_ok=True)
            for name, data in (("vmlinuz", d.more.get("kernel_of") or self.kernel), ("initrd", self.initrd)):
                self.write(f"{folder}/{name}", data)
            doc["images"].append(dict(dict(base, **d.more.get("image", {})), name=d.name, kernel={"path": f"{d.name}/vmlinuz"}, deadlines=d.deadlines,
                                      initrds=[{"path": f"{d.name}/initrd"}]))
        return doc


class Scene:
    """One drill at work: its host, its machine, its job and the events so far."""

    def __init__(self, site, d):
        self.site, self.drill = site, d
        self.n = site.drills.index(d) + 1
        self.host = site.hosts[self.n - 1]
        self.job, self.seen, self.after = None, [], 0
        self._machine = None

    @property
    def machine(self):
        if not self._machine:
            nic = self.host["nics"][0]
            ns = self.site.lan.add_client(mac=nic["mac"], address=nic.get("ip", "10.77.0.250") + "/24")
            self._machine = Machine(self.site, ns, nic["mac"])
        return self._machine

    def get(self, path):
        c = Connection(self.site.socket, PATIENCE)
        try:
            c.request("GET", "/api/v1" + path)
            return json.loads(c.getresponse().read())
        finally:
            c.close()

    def look(self):
        page = self.get(f"/events?limit=1000&host={self.host['name']}&after={self.after}")["items"]
        self.seen += page
        self.after = self.seen[-1]["seq"] if self.seen else 0
        return self.seen

    def order(self):
        c = Connection(self.site.socket, PATIENCE)
        try:
            c.request("POST", "/api/v1/jobs", json.dumps({"kind": "reinstall", "hosts": self.host["name"], "reason": "drill",
                                                          "graceful_s": 1}))
            answer = json.loads(c.getresponse().read())
        finally:
            c.close()
        self.job = answer["jobs"][0]["id"]

    def has(self, kind, **detail):
        return [e for e in self.look() if e["kind"] == kind
                and all(e.get("detail", {}).get(k, e.get(k)) == v for k, v in detail.items())]

    def ended(self):
        return [e for e in self.look() if e["kind"] in ("job.done", "job.failed", "job.cancelled", "job.refused")]

    def wait(self, kind, **detail):
        until(lambda: self.has(kind, **detail) or self.ended(), f"{kind} {detail} of {self.drill.name}")

    def attempts(self):
        """Each attempt whose machine was switched on, until the job has ended."""
        for attempt in range(1, 10):
            self.wait("job.stage", stage="power", state="confirmed", attempt=attempt)
            if self.ended():
                return
            yield attempt
            until(lambda: self.has("job.attempt", attempt=attempt + 1) or self.ended()
                  or self.has("job.stage", stage="os-up", state="entered"), "the attempt to end")
            if self.ended() or not self.has("job.attempt", attempt=attempt + 1):
                return

    def fault(self, name, value):
        self.site.fault(self.n, name, value)

    def power(self, how):
        self.site.bmc(f"power 127.0.0.1:{BMC_PORT + self.n - 1} {how}")

    def console(self, text):
        """Says it on the machine's serial line once it is recorded."""
        self.wait("sol.connected")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.site.path("bmcsim.sock"))
            s.sendall(f"serial 127.0.0.1:{BMC_PORT + self.n - 1} attach\n".encode())
            assert s.makefile("rb").readline() == b"ok\n"
            s.sendall(text.encode())
            self.wait("sol.line")

    def keep(self):
        os.makedirs(TRACES, exist_ok=True)
        with open(os.path.join(TRACES, f"{self.drill.name}.ndjson"), "w") as f:
            f.writelines(json.dumps(e) + "\n" for e in self.look())


# ---- the firmware


@drill("no-dhcp-after-power-on", deadlines={"firmware-dhcp": 1})
def wrong_boot_order(s):
    pass


@drill("no-dhcp-after-power-on", "booted-old-disk", deadlines={"firmware-dhcp": 3})
def boots_the_old_disk(s):
    for attempt in s.attempts():
        if attempt == 3:
            s.console("Debian GNU/Linux 12 old ttyS0\r\n\r\nold login: ")


@drill("dhcp-not-answered", "wrong-nic-asked", deadlines={"firmware-dhcp": 2},
       nics=[{"mac": "52:54:00:77:fe:01", "ip": "10.77.0.201", "boot": True}, {"mac": "52:54:00:77:fe:02"}])
def wrong_nic_asks(s):
    ns = s.site.lan.add_client(mac="52:54:00:77:fe:02", address="10.77.0.202/24")
    for _ in s.attempts():
        Machine(s.site, ns, "52:54:00:77:fe:02").firmware()


@drill("other-dhcp-answered", deadlines={"firmware-dhcp": 2})
def second_dhcp_server(s):
    """Its firmware takes another server's offer: its REQUEST names that one."""
    hw = bytes.fromhex(s.machine.mac.replace(":", ""))
    packet = struct.pack(">BBBB4sHH", 1, 1, 6, 0, b"abcd", 0, 0x8000) + bytes(16) + hw
    packet += bytes(236 - len(packet)) + b"\x63\x82\x53\x63\x35\x01\x03\x36\x04\x0a\x4d\x00\x63\x32\x04\x0a\x4d\x00\xc8"
    packet += b"\x3c\x20PXEClient:Arch:00007:UNDI:003000\xff"
    for _ in s.attempts():
        s.machine._send(packet.ljust(300, b"\0"))


@drill("dhcp-not-answered", deadlines={"firmware-dhcp": 2}, nics=[{"mac": "52:54:00:77:fd:01"}])
def no_address_for_it(s):
    for _ in s.attempts():
        s.machine.firmware()


# ---- the loader


@drill("loader-missing", deadlines={"loader": 1})
def no_loader_for_its_firmware(s):
    for _ in s.attempts():
        s.machine._send(dhcp_discover(s.machine.mac, arch=0x27))


@drill("loader-not-fetched", deadlines={"loader": 1})
def loader_not_asked_for(s):
    for _ in s.attempts():
        s.machine.firmware()


@drill("loader-stalled", deadlines={"loader": 2})
def loader_stalls(s):
    ask = ("import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(20)\n"
           "s.sendto(b'\\0\\1snponly.efi\\0octet\\0',('10.77.0.1',69)); s.recvfrom(600)\n")
    for _ in s.attempts():
        s.machine.firmware()
        s.machine.ns.python(ask)


@drill("ipxe-silent", deadlines={"ipxe-dhcp": 1})
def ipxe_is_silent(s):
    for _ in s.attempts():
        s.machine.firmware()
        s.machine.loader()


# ---- script, kernel, initrd


def to_ipxe(m):
    m.firmware()
    m.loader()
    m.ipxe()


@drill("script-not-fetched", deadlines={"script": 1})
def script_not_fetched(s):
    for _ in s.attempts():
        to_ipxe(s.machine)


@drill("script-fetched-kernel-not", deadlines={"kernel": 1})
def script_and_no_more(s):
    for _ in s.attempts():
        to_ipxe(s.machine)
        s.machine.script()


def lose_the_link_in_the_kernel(s):
    """The cable is out, and curl waits for what will not come; returns curl."""
    m = s.machine
    to_ipxe(m)
    m.script()
    curl = m.ns.popen("curl", "-s", "-o", "/dev/null", "--limit-rate", "200k", m.kernel_url)
    s.wait("http.progress", **{"class": "kernel"})
    m.ns.ip("link", "set", "eth0", "down")
    return curl


@drill("kernel-stalled", "link-lost", deadlines={"firmware-dhcp": 4, "kernel": 38}, kernel_of=bytes(40_000_000))
def cable_out_in_the_kernel(s):
    """In the last attempt, after two without a word; silent for so long that it is no mere loss."""
    m = s.machine
    for attempt in s.attempts():
        if attempt < 3:
            continue
        with lose_the_link_in_the_kernel(s) as curl:
            until(s.ended, "the end")
            curl.kill()
        m.ns.ip("link", "set", "eth0", "up")


@drill("no-dhcp-after-power-on", "link-lost", deadlines={"firmware-dhcp": 4, "kernel": 12}, kernel_of=bytes(40_000_000))
def cable_out_for_good(s):
    """In the first attempt: the later ones hear nothing, and the job ends with their silence."""
    m = s.machine
    for attempt in s.attempts():
        if attempt > 1:
            continue
        with lose_the_link_in_the_kernel(s) as curl:
            curl.kill()
    until(s.ended, "the end")
    m.ns.ip("link", "set", "eth0", "up")


@drill("initrd-stalled", deadlines={"initrd": 1})
def kernel_and_no_initrd(s):
    for _ in s.attempts():
        to_ipxe(s.machine)
        s.machine.script()
        assert s.machine.whole(s.machine.kernel_url, len(s.site.kernel))


# ---- the system


def loaded(s):
    s.wait("job.stage", stage="power", state="confirmed")
    assert s.machine.load()
    s.wait("job.ticket", state="consumed")
    return s.machine


@drill("os-silent", "ticket-consumed-no-report", deadlines={"os-up": 1})
def kernel_and_then_nothing(s):
    loaded(s)


@drill("os-silent", "kernel-panic-seen", deadlines={"os-up": 3})
def kernel_panics(s):
    loaded(s)
    s.console("[    9.1] Kernel panic - not syncing: Fatal exception in interrupt\r\n")


@drill("os-silent", "initrd-missing", deadlines={"os-up": 3})
def kernel_finds_no_root(s):
    loaded(s)
    s.console("[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n")


@drill("installer-silent", deadlines={"installed": 1})
def installer_is_silent(s):
    assert loaded(s).report("up") == "204"


@drill("installer-silent", "installer-asks", deadlines={"installed": 3})
def installer_asks(s):
    assert loaded(s).report("up") == "204"
    s.console("[!!] Partition disks\r\n")


@drill("installer-failed")
def installer_fails(s):
    m = loaded(s)
    assert m.report("up") == "204" and m.report("failed", "no disk") == "204"


BOOTED = {"reports": ["up", "installed", "booted"]}


@drill("booted-again-after-install", deadlines={"local-boot": 2}, image=BOOTED)
def netboots_again(s):
    m = loaded(s)
    assert m.report("up") == "204" and m.report("installed") == "204"
    s.wait("job.stage", stage="local-boot", state="entered")
    m.firmware()


@drill("disk-boot-not-seen", deadlines={"local-boot": 1}, image=BOOTED)
def disk_does_not_boot(s):
    m = loaded(s)
    assert m.report("up") == "204" and m.report("installed") == "204"


# ---- files


@drill("image-missing")
def initrd_is_missing(s):
    """Gone between the order, which looks for it, and the agent's turn. Its name is a link that leads nowhere: a name that is
    free the site's store gives again, from another image with the same file, whenever it happens to look."""
    name = s.site.path(f"images/{s.drill.name}/initrd")
    os.symlink("gone", name + ".new")
    os.rename(name + ".new", name)
    s.site.procs["agent"].send_signal(signal.SIGCONT)


def before_initrd_is_missing(s):
    s.site.procs["agent"].send_signal(signal.SIGSTOP)


@drill("image-altered")
def image_was_altered(s):
    pass


def before_image_was_altered(s):
    s.site.write(f"images/{s.drill.name}/initrd", os.urandom(len(s.site.initrd)))


# ---- the BMC


@drill("bmc-auth", bmc={"password_file": "{dir}/wrong"})
def wrong_password(s):
    pass


@drill("bmc-busy", deadlines={"preflight": 3})
def bmc_is_busy(s):
    pass


def before_bmc_is_busy(s):
    s.fault("no_slots", 1)


@drill("bmc-unreachable", deadlines={"preflight": 3})
def bmc_is_dead(s):
    pass


def before_bmc_is_dead(s):
    s.fault("dead", 1)


@drill("power-not-off", deadlines={"power": 3, "override": 3})
def power_does_not_go_off(s):
    pass


def before_power_does_not_go_off(s):
    s.power("on")
    s.fault("ignore_off", 1)
    s.fault("ignore_soft", 1)


@drill("power-not-on", deadlines={"power": 3})
def power_does_not_come_on(s):
    pass


def before_power_does_not_come_on(s):
    s.fault("lose_on", 1000)


@drill("power-not-on", "power-state-lied", deadlines={"power": 4})
def bmc_lies_about_power(s):
    """It says "off" for ever; the machine is heard all the same, each time that it was ordered on."""
    for attempt in (1, 2, 3):
        s.wait("job.stage", stage="power", state="entered", attempt=attempt)
        until(lambda: len(s.has("ipmi.control")) >= attempt or s.ended(), "the order to switch on")
        s.machine.firmware()
        until(lambda: s.ended() or s.has("job.attempt", attempt=attempt + 1), "the attempt to end")


def before_bmc_lies_about_power(s):
    s.fault("lie", 2)


@drill("override-not-kept")
def override_is_not_kept(s):
    pass


def before_override_is_not_kept(s):
    s.fault("drop_valid", 1)


# ---- our own programs


@drill("", own=True)
def agent_is_killed(s):
    """In the middle of a boot: the one that takes its place goes on, and the machine is installed once."""
    s.wait("job.stage", stage="power", state="confirmed")
    m = s.machine
    to_ipxe(m)
    s.site.end("agent", signal.SIGKILL)
    s.site.start_agent()

    def script():
        try:
            return m.script()
        except AssertionError:
            return None
    until(script, "the script to be served again")
    until(m.payloads, "the image")
    for stage in ("up", "installed"):
        until(lambda: m.report(stage) == "204", f"report {stage}")
    m.report("booted")


@drill("boot-services-down", deadlines={"armed": 2}, own=True)
def boot_services_are_down(s):
    pass


def before_boot_services_are_down(s):
    s.site.end("agent")
    s.held = s.site.ns.hold_port("tcp", 80)
    s.site.start_agent()
    until(lambda: "bootd" in s.site.read("agent.log"), "the agent")


# ---- the test


@pytest.fixture(scope="module")
def stage():
    """Daemons for the drills that share them: one set for each process that runs tests."""
    lan = netlab.Lan()
    site = None
    try:
        site = Stage(lan, [d for d in DRILLS.values() if not d.own])
        yield site.start()
    finally:
        try:
            if site:
                site.close()
        finally:
            lan.close()


@pytest.fixture
def own_stage(netns):
    made = []

    def make(d):
        made.append(Stage(netns, [d]))
        return made[0].start()
    yield make
    for site in made:
        site.close()


@pytest.mark.parametrize("name", DRILLS)
def test_each_failure_has_its_verdict(request, name):
    d = DRILLS[name]
    site = request.getfixturevalue("own_stage")(d) if d.own else request.getfixturevalue("stage")
    s = Scene(site, d)
    globals().get(f"before_{name}", lambda _: None)(s)
    s.order()
    d.play(s)
    try:
        until(s.ended, f"the end of {d.name}")
    finally:
        s.keep()
        if getattr(s, "held", None):
            s.held.kill()
            s.held.wait()
    job = s.get(f"/jobs/{s.job}")
    verdict = job["verdict"] or {"code": "", "next": "-"}
    told = [e.get("detail", {}).get("code", "") for e in s.ended()]
    assert verdict["code"] == d.explained, (verdict, [e["kind"] for e in s.seen])
    assert told == [d.told] and verdict["next"], (told, verdict)
    assert job["state"] == ("failed" if d.told else "done")
    # Used at most once, whatever happened.
    assert len(s.has("job.ticket", state="consumed")) <= 1
