# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures provoked one by one with the real netboot-agent and netboot-bootd: what the table of verdicts
(lib/verdict_table*.c) makes of their events. With NETBOOT_TRACES=DIR the events are kept there: most of
tests/data/traces are from here."""
import json
import os
import subprocess
import time

import pytest

from agent_lab import Machine
from netlab import BUILD, until
from orders_key import pin
from ssh_host import SshHost
from test_agent_console import Line

SHORT = {"firmware-dhcp": "2s", "loader": "2s", "ipxe-dhcp": "2s", "script": "2s", "kernel": "2s", "initrd": "2s",
         "rootfs": "2s", "os-up": "3s", "installed": "3s", "local-boot": "2s"}
UUID = "00010203-0405-0607-0809-0a0b0c0d0e0f"  # what dhcp_discover() sends


def os_discover(mac):
    """A DISCOVER as a Linux system sends it: no boot class."""
    hw = bytes.fromhex(mac.replace(":", ""))
    packet = b"\x01\x01\x06\x00" + os.urandom(4) + b"\0\0\x80\0" + bytes(16) + hw
    packet += bytes(236 - len(packet)) + b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\x0c\x06edge01" + b"\xff"
    return packet.ljust(300, b"\0")


class Lab:
    """A site, its one machine, the machine's serial line, and a job on it."""

    def __init__(self, s):
        self.s, self.m, self.line, self.job = s, s.machine(), Line(s), None

    def order(self, **changes):
        self.job = self.s.order(self.s.bundle(**changes))

    def attempts(self):
        """Once in each attempt, when its power-on is confirmed."""
        for n in (1, 2, 3):
            self.s.wait_stage("power", job=self.job, attempt=n)
            yield n

    def say(self, text):
        self.s.wait_event("sol.connected", job=self.job)
        since = len(self.s.events)
        self.line.say(text + "\r\n")
        self.s.wait_event("sol.line", since=since)

    def load(self):
        self.s.wait_stage("power", job=self.job)
        assert self.m.load()
        self.s.wait_event("job.ticket", job=self.job, state="consumed")


def each(*steps, say=None, **changes):
    """In each attempt the machine takes these steps; and its console says that."""
    def provoke(lab):
        lab.order(**changes)
        for _ in lab.attempts():
            for step in steps:
                getattr(lab.m, step)()
            if say:
                lab.say(say)
    return provoke


def loaded(*after, **changes):
    """The image is loaded; then reports (words), lines of the console (">…"), or what a function does."""
    def provoke(lab):
        lab.order(**changes)
        lab.load()
        for what in after:
            if callable(what):
                what(lab)
            elif what.startswith(">"):
                lab.say(what[1:])
            else:
                assert lab.m.report(what) == "204"
    return provoke


def fault(*words, **changes):
    def provoke(lab):
        for w in words:
            lab.s.bmc_ask(w)
        lab.order(**changes)
    return provoke


def asks_as_a_system(lab):
    lab.m._send(os_discover(lab.m.mac))


def asks_for_an_unknown_file(lab):
    lab.m.curl(lab.m.initrd_urls[0].rsplit("/", 1)[0] + "/filesystem.squashfs", check=False)


def boots_from_disk(lab):
    lab.order()
    for _ in lab.attempts():
        asks_as_a_system(lab)


def a_system_after_the_image(lab):
    lab.order()
    lab.load()
    assert lab.m.report("up") == "204"
    lab.m.firmware()
    lab.s.wait_event("job.note", job=lab.job)
    lab.say("Debian GNU/Linux 11 edge01 ttyS0\r\n\r\nedge01 login: ")


def other_nic(lab):
    mac = "52:54:00:77:00:99"
    other = Machine(lab.s, lab.s.lan.add_client(mac=mac, address="10.77.0.99/24"), mac)
    lab.order()
    for _ in lab.attempts():
        other.firmware()


def tftp_begun(lab):
    code = ("import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5)\n"
            "s.sendto(b'\\0\\1snponly.efi\\0octet\\0',('10.77.0.1',69)); s.recv(2000)\n")
    lab.order()
    for _ in lab.attempts():
        lab.m.firmware()
        lab.m.ns.python(code)


def part_of(what):
    def provoke(lab):
        # More than what the machine's kernel takes in and acknowledges, whoever reads it.
        big = os.urandom(1_000_000) * 32
        if what == "kernel":
            lab.s.kernel = big
        lab.s.put("images", "d/vmlinuz" if what == "kernel" else "d/initrd", big)
        lab.order()
        for _ in lab.attempts():
            for step in ("firmware", "loader", "ipxe", "script"):
                getattr(lab.m, step)()
            if what == "initrd":
                assert lab.m.whole(lab.m.kernel_url, len(lab.s.kernel))
            url = lab.m.kernel_url if what == "kernel" else lab.m.initrd_urls[0]
            lab.m.curl(url, "--limit-rate", "30k", check=False, limit=1)
    return provoke


def cable_out(lab):
    """In the third attempt, in the middle of a kernel that does not fit into any buffer."""
    s = lab.s
    s.kernel = os.urandom(4_000_000) * 16
    s.put("images", "d/vmlinuz", s.kernel)
    lab.order(image=s.image(deadlines={"kernel": 36}))
    for n in lab.attempts():
        lab.m.firmware()
        if n < 3:
            continue
        for step in ("loader", "ipxe", "script"):
            getattr(lab.m, step)()
        curl = lab.m.ns.popen("curl", "-s", "-o", "/dev/null", "--limit-rate", "4M", lab.m.kernel_url)
        s.wait_event("http.progress", job=lab.job)
        lab.m.ns.ip("link", "set", "eth0", "down")
        curl.kill()
        curl.wait()


def power_lies(lab):
    """The BMC says "off" whatever it does; the machine asks the network."""
    lab.s.bmc_ask("fault all lie 2")
    lab.order()
    since = 0
    for _ in range(3):
        while True:
            ev = lab.s.wait_event("ipmi.control", job=lab.job, since=since)
            since = lab.s.events.index(ev) + 1
            if ev["reason"].startswith("power on: accepted"):
                break
        lab.m.firmware()
        since = len(lab.s.events)
        until(lambda: [e for e in lab.s.events[since:] if e["kind"] in ("job.attempt", "job.failed")],
              "the attempt's end")


def image_changed(lab):
    lab.order()
    lab.s.wait_stage("power", job=lab.job)
    for step in ("firmware", "loader", "ipxe", "script"):
        getattr(lab.m, step)()
    assert lab.m.whole(lab.m.kernel_url, len(lab.s.kernel))
    lab.s.put("images", "d/initrd", os.urandom(len(lab.s.initrd)))
    lab.m.whole(lab.m.initrd_urls[0], len(lab.s.initrd))


def no_files(lab):
    files = [lab.s.file("root.img", "d/root.img")]
    loaded(asks_as_a_system, image=lab.s.image(files=files, reports=["up"], local_boot=False))(lab)


def silent_for_a_while(lab):
    """After its hook, and with a boot id that nobody can read."""
    lab.host.write("no-id", "")
    lab.order(v=2, kind="reboot", hook="true", graceful_us=30_000_000)
    lab.s.wait_event("job.hook", job=lab.job)
    lab.host.fall_silent()
    lab.s.wait_event("job.note", job=lab.job)
    lab.host.boot()


def huge_image(lab):
    with open(lab.s.path("images/d/huge"), "wb") as f:
        f.truncate(1 << 42)
    kernel = {"name": "huge", "path": "d/huge", "size": 1 << 42, "sha256": "0" * 64}
    lab.order(image=lab.s.image(kernel=kernel, deadlines={"preflight": 1}))


def unreadable(lab):
    os.chmod(lab.s.path("images/d/initrd"), 0)
    lab.order()


def old_order(lab):
    lab.order(created=int((time.time() - 7200) * 1e6))


def sealed_otherwise(lab):
    lab.order(bmc={**lab.s.bmc(), "sealed": "x1:AAAA"})


def missed_window(lab):
    lab.order(not_before=int((time.time() - 7200) * 1e6), not_after=int((time.time() - 3600) * 1e6))


def same_machine(lab):
    lab.s.order(lab.s.bundle())
    lab.s.wait_stage("power")
    lab.order(host=dict(lab.s.host(1), name="another"))


def no_scripts(lab):
    os.rename(lab.s.path("scripts"), lab.s.path("gone"))
    lab.order()


def lock_of_no_use(lab):
    lab.order(bmc=lab.s.bmc(only_in=["192.0.2.0/24"]))


PANIC = "[    1.234567] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100"
NO_ROOT = "[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"
STEPS = ("firmware", "loader", "ipxe", "script")

# Name of the trace: what is to be found, what is done.
SCENES = {
    "power-state-lied": power_lies,
    "image-changed": image_changed,
    "secure-boot-refused": each("firmware", "loader", say="Error: Security Violation"),
    "wrong-nic-asked": other_nic,
    "wrong-nic-asked.stranger": other_nic,
    "booted-old-disk": boots_from_disk,
    "booted-old-disk.login": each(say="edge01 login:"),
    "restarted-from-disk.likely": a_system_after_the_image,
    "kernel-panic-seen": loaded(">" + PANIC),
    "initrd-missing": loaded(">" + NO_ROOT),
    "installer-step-failed": loaded("up", ">[!!] Install the system", ">Installation step failed"),
    "installer-asks": loaded("up", ">[!!] Partition disks"),
    "installed-not-reported": loaded("up", ">Installation complete"),
    "system-stuck": loaded(">(initramfs)"),
    "no-boot-device": each(say="No bootable device"),
    "firmware-pxe-error": each("firmware", say="PXE-E32: TFTP open timeout"),
    "ipxe-error": each(*STEPS, say="Could not boot: Connection timed out (https://ipxe.org/4c0a6092)"),
    "out-of-memory": loaded(">Out of memory: Killed process 311 (cp)"),
    "hardware-error-seen": loaded("up", ">mce: [Hardware Error]: Machine check events logged"),
    "disk-error-seen.likely": loaded("up", ">blk_update_request: I/O error, dev sda, sector 2048"),
    "kernel-hangs": loaded(">watchdog: BUG: soft lockup - CPU#1 stuck for 22s!"),
    "file-not-found": loaded(asks_for_an_unknown_file),
    "link-lost": cable_out,
    "waits-for-key": each(say="Press F1 to Continue"),
    "ticket-consumed-no-report.likely": loaded(),
    "no-dhcp-after-power-on": each(),
    "loader-not-fetched": each("firmware"),
    "loader-stalled": tftp_begun,
    "ipxe-silent": each("firmware", "loader"),
    "script-not-fetched": each("firmware", "loader", "ipxe"),
    "script-fetched-kernel-not": each(*STEPS),
    "kernel-stalled": part_of("kernel"),
    "initrd-stalled": part_of("initrd"),
    "rootfs-stalled": no_files,
    "os-silent": loaded(asks_as_a_system),
    "installer-silent": loaded("up"),
    "disk-boot-not-seen": loaded("up", "installed"),
    "booted-again-after-install": loaded("up", "installed", lambda lab: lab.m.firmware()),
    "bmc-cipher": fault("fault all suites 3"),
    "bmc-privilege": fault("fault all level_limit 2"),
    "bmc-busy": fault("fault all no_slots 1"),
    "bmc-refused": fault("fault all refuse_control 193"),
    "bmc-outside": lock_of_no_use,
    "override-not-kept": fault("fault all drop_valid 1"),
    "power-not-on": fault("fault all lose_on 1000"),
    "power-not-off": fault("power all on", "fault all ignore_off 1"),
    "graceful-timeout": fault("power all on", "fault all ignore_soft 1", v=2, force="never"),
    "ssh-not-set-up": fault("power all on", v=2, kind="reboot", hook="reboot"),
    "not-rebooted": lambda lab: lab.order(kind="reboot", hard=True),
    "reboot-not-proven": silent_for_a_while,
    "preflight-timeout": huge_image,
    "image-unreadable": unreadable,
    "order-too-old": old_order,
    "order-unsigned": lambda lab: lab.order(),
    "order-forged": lambda lab: lab.order(),
    "bmc-secret-sealed": sealed_otherwise,
    "window-missed": missed_window,
    "machine-busy": same_machine,
    "script-not-written": no_scripts,
}
SLOW = {"power-not-on": "power", "power-not-off": "override", "graceful-timeout": "override", "power-state-lied": "power", "bmc-busy": "preflight"}


def judge(path):
    done = subprocess.run([os.path.join(BUILD, "tests/doc/verdict_doc"), path], capture_output=True, text=True,
                          check=True)
    return done.stdout[len(path) + 2:].strip()


def keep(s, job, path, uuid):
    host = {"name": [e.get("host", s.hosts[0]["name"]) for e in s.events if e.get("job") == job][0], **({"uuid": uuid} if uuid else {}),
            "boot": [n["mac"] for n in s.hosts[0]["nics"] if n.get("boot")]}
    with open(path, "w") as f:
        f.write(json.dumps({"host": host}) + "\n")
        f.writelines(json.dumps(e) + "\n" for e in s.events if e.get("job", job) == job)


@pytest.mark.parametrize("scene", SCENES)
def test_what_is_found(site, scene, tmp_path):
    deadlines = dict(SHORT, **({SLOW[scene]: "3s"} if scene in SLOW else {}))
    stranger = scene.endswith(".stranger")
    if scene == "link-lost":
        del deadlines["kernel"]
    s = site(start=False, deadlines=deadlines)
    if scene == "wrong-nic-asked":
        s.hosts[0]["nics"] = [dict(s.hosts[0]["nics"][0], boot=True), {"mac": "52:54:00:77:00:99", "ip": "10.77.0.99"}]
    if stranger:
        s.hosts[0]["uuid"] = UUID
    s.orch.table = s.table(2)
    if scene in ("order-unsigned", "order-forged"):
        pin(s, tmp_path).how = {"order-unsigned": "unsigned", "order-forged": "altered"}[scene]
    host = None
    if scene in ("not-rebooted", "reboot-not-proven"):
        s.hosts[0]["probe"] = "tcp:22"
        s.bmc_ask("power all on")
        host = SshHost(s)
    s.start_agent()
    s.wait_event("bootd.ready")
    lab = Lab(s)
    lab.host = host
    SCENES[scene](lab)
    end = s.wait_end(lab.job)
    assert end["kind"] in ("job.failed", "job.refused"), end
    where = os.environ.get("NETBOOT_TRACES", str(tmp_path))
    path = os.path.join(where, f"{scene}.ndjson")
    keep(s, lab.job, path, UUID if stranger else "")
    found = judge(path)
    assert found.split(":")[0].split(" ")[0] == scene.split(".")[0], f"{found}\nthe agent: {end['detail']}"
