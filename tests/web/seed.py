# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet with a past for the tests of the page: four sites on four continents, twenty hosts, jobs that went well, one that is stuck,
failed ones with their verdicts, boots that nobody ordered, a console. Everything comes in as it does in life: the inventory by
/apply, orders by /jobs, the rest as events of agents (orch_lab.Agent). Only the times of jobs are set back afterwards, since
an order is always of now.

    story = Seed(orch).fill()     story.boots["edge02.los"] -> id of its newest boot; story.stuck, .failed, .running: hosts"""
import base64
import sqlite3
import struct
import time
import zlib

import orch_lab

SITES = [("los", "Africa/Lagos"), ("jnb", "Africa/Johannesburg"), ("gru", "America/Sao_Paulo"), ("sin", "Asia/Singapore")]
REINSTALL = [("preflight", 1.4, "BMC session, suite 17"), ("armed", 0.1, "ticket durable"), ("override", 2.8, "flags read back: A0 04 00 00 00"),
             ("power", 17.2, "seen off, then on"), ("firmware-dhcp", 96.0, "DISCOVER, x64-uefi"), ("loader", 2.1, "snponly.efi"),
             ("ipxe-dhcp", 3.9, "iPXE asked"), ("script", 0.3, "delivered"), ("kernel", 2.2, "vmlinuz"), ("initrd", 9.6, "initrd.gz; ticket used"),
             ("os-up", 41.0, "report up"), ("installed", 388.0, "report installed"), ("local-boot", 121.0, "report booted")]
CONSOLE = ["UEFI BIOS Date:02/14/2024 Ver:3.8a", "\x1b[2J\x1b[H", ">>Start PXE over IPv4.", "  Station IP address is 10.20.1.2", "iPXE initialising devices...ok",
           "\x1b[1mnetboot: edge02.los: reinstall debian\x1b[0m", "[    0.000000] Linux version 6.1.0-32-amd64 (debian-kernel@lists.debian.org)",
           "[    1.702311] e1000e 0000:05:00.0 eth0: NIC Link is Up 1000 Mbps Full Duplex", "[    4.113200] random: crng init done",
           "<b>not markup</b> &amp; nor this <script>alert(1)</script>", "Loading additional components... 10%\rLoading additional components... 100%",
           "[  212.660190] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"]


def text_of(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1e6) % 1000000:06d}Z"


def frame(kind, mark, at, data):
    head = kind + bytes([mark]) + struct.pack(">HQ", len(data), int(at * 1e6)) + data
    return head + struct.pack(">I", zlib.crc32(head))


class Seed:
    def __init__(self, orch, extra=0):
        self.orch, self.extra = orch, extra
        self.now = time.time()
        self.agents = {name: orch_lab.Agent(orch, name, number=i + 1) for i, (name, _) in enumerate(SITES)}
        self.boots, self.times, self.serial = {}, {}, 1000
        self.stuck, self.failed, self.running = "edge04.los", "edge02.los", "edge03.jnb"

    def document(self):
        hosts = [self.host(site, i, n) for i, (site, _) in enumerate(SITES) for n in range(1, 6)]
        hosts += [self.host(SITES[n % 4][0], n % 4, n + 100) for n in range(self.extra)]
        sites = [orch_lab.site(name, timezone=zone, url=f"http://10.{20 + i}.0.1",
                               subnets=[{"prefix": f"10.{20 + i}.0.0/16", "gateway": f"10.{20 + i}.0.1", "lease_s": 3600}])
                 for i, (name, zone) in enumerate(SITES)]
        images = [orch_lab.image(), orch_lab.image("live", "live"), orch_lab.image("rescue", "rescue")]
        return {"sites": sites, "images": images, "hosts": hosts}

    def host(self, site, i, n):
        return {"name": f"edge{n:02d}.{site}", "site": site, "image": "debian", "labels": {"role": "cdn" if n % 2 else "origin", "rack": f"r{n % 4 + 1}"},
                "nics": [{"mac": f"3c:ec:ef:{i:02x}:{n >> 8:02x}:{n & 255:02x}", "ip": f"10.{20 + i}.{(n >> 8) + 1}.{n & 255}", "boot": True}],
                "bmc": {"address": f"10.{120 + i}.{n >> 8}.{n & 255}", "user": "netboot", "password": "not-shown-anywhere"}}

    def id(self):
        self.serial += 1
        return orch_lab.make_id(self.serial)

    def event(self, agent, kind, at, host, job=None, boot=None, **detail):
        ev = agent.event(kind, job, host, **detail)
        ev["at"] = text_of(at)
        if boot:
            ev["boot"] = boot
        return ev

    def order(self, host, kind, began, reason):
        answer = self.orch.post("/jobs", {"kind": kind, "hosts": host, "reason": reason, **({"image": kind} if kind in ("live", "rescue") else {})})
        assert answer.status == 202, answer.json
        job = answer.json["jobs"][0]["id"]
        self.times[job] = [began - 0.8, None]
        return job

    def transfers(self, agent, at, host, job, boot, file, octets, seconds):
        more = {"host": host, "job": job, "boot": boot, "file": file, "total": octets}
        return [self.event(agent, "http.begin", at, bytes=0, **more), self.event(agent, "http.progress", at + seconds / 2, bytes=octets // 2, **more),
                self.event(agent, "http.end", at + seconds, bytes=octets, result="complete", **more)]

    def play(self, host, kind, hours, reason, upto=None, end=None, factor=1.0):
        """A job whose stages are confirmed up to `upto`, which is then entered; `end`: (code, text, next) of its failure."""
        site = host.split(".")[1]
        agent, at = self.agents[site], self.now - hours * 3600
        job, boot = self.order(host, kind, at, reason), self.id()
        self.boots[host] = boot
        out = [self.event(agent, "job.accepted", at, host, job), self.event(agent, "job.attempt", at, host, job, attempt=1)]
        failed = None
        for stage, seconds, evidence in REINSTALL if kind == "reinstall" else REINSTALL[:11]:
            deadline = {"firmware-dhcp": 300, "installed": 3600, "os-up": 900, "local-boot": 900, "kernel": 600, "initrd": 600}.get(stage, 60)
            more = {"attempt": 1, "stage": stage}
            named = boot if stage not in ("preflight", "armed", "override") else None
            if stage == "power":
                out.append(self.event(agent, "boot.begin", at, host, job, boot, planned=True, attempt=1, trigger="power-on"))
                out += [self.event(agent, "power.state", at + 6, host, job, boot, power="off"), self.event(agent, "power.state", at + 16, host, job, boot, power="on")]
            if stage == "firmware-dhcp" and stage != upto:
                ev = self.event(agent, "dhcp4.discover", at + seconds * factor, host, job, boot, arch="x64-uefi")
                ev["mac"] = f"3c:ec:ef:00:00:{int(host[4:6]):02x}"
                out += [ev]
            out.append(self.event(agent, "job.stage", at, host, job, named, state="entered", deadline_us=deadline * 1000000, **more))
            if stage in ("kernel", "initrd") and stage != upto:
                out += self.transfers(agent, at, host, job, boot, {"kernel": "vmlinuz", "initrd": "initrd.gz"}[stage], {"kernel": 8_200_000, "initrd": 38_400_000}[stage], seconds * factor)
            if stage == upto:
                failed = (stage, at, deadline)
                break
            at += seconds * factor
            out.append(self.event(agent, "job.stage", at, host, job, named, state="confirmed", evidence=evidence, **more))
        if failed and end:
            stage, at, deadline = failed
            at = min(at + deadline, self.now)
            code, text, after = end
            out += [self.event(agent, "job.stage", at, host, job, boot, state="missed", stage=stage, attempt=1),
                    self.event(agent, "boot.end", at, host, job, boot, outcome="failed", text=text),
                    self.event(agent, "job.failed", at, host, job, stage=stage, code=code, text=text, next=after)]
        elif not failed:
            out += [self.event(agent, "boot.end", at, host, job, boot, outcome="ok"), self.event(agent, "job.done", at, host, job)]
        if end or not failed:
            self.times[job][1] = at
        agent.report(*out)
        return job

    def unordered(self, host, hours):
        site = host.split(".")[1]
        agent, at, boot = self.agents[site], self.now - hours * 3600, self.id()
        agent.report(self.event(agent, "boot.begin", at, host, boot=boot, planned=False, attempt=0, trigger="netboot"),
                     self.event(agent, "dhcp4.discover", at, host, boot=boot, arch="x64-uefi"),
                     self.event(agent, "boot.end", at + 61, host, boot=boot, outcome="unknown", text="left to the disk"))

    def stranger(self, mac, site, hours, **seen):
        agent = self.agents[site]
        for back in (hours, hours / 2, 0.01):
            ev = self.event(agent, "dhcp4.ignored", self.now - back * 3600, "", arch="x64-uefi", reason="unknown machine", interface="eth1",
                            vendor_class="PXEClient:Arch:00007:UNDI:003016", **seen)
            agent.report(dict(ev, mac=mac))

    def console(self, host, boot, hours):
        at = self.now - hours * 3600 + 22
        data = frame(b"B", 0, at, b"nbcon1\0" + host.encode() + b"\0" + boot.encode() + b"\0") + frame(b"M", 1, at, b"")
        for i, line in enumerate(CONSOLE):
            data += frame(b"D", 0, at + i * 7.3, line.encode() + b"\r\n")
        data += frame(b"M", 6, at + 100, b"power status")
        agent = self.agents[host.split(".")[1]]
        answer = self.orch.call("POST", "/agent/v1/console", {"v": 1, "site": agent.site, "agent": agent.id, "boot": boot, "offset": 0,
                                                              "data": base64.b64encode(data).decode()})
        assert answer.status == 200 and answer.json["held"] == len(data), answer.json

    def fill(self):
        answer = self.orch.apply(self.document())
        assert answer.status == 200, answer.json
        self.poll()
        for hours, factor in ((900, 1.0), (600, 1.04), (340, 0.97), (120, 1.1)):
            self.play("edge02.los", "reinstall", hours, "CHG-2210: monthly reinstall", factor=factor)
        self.play("edge01.los", "reinstall", 80, "CHG-2231: Debian 12.9")
        self.play("edge05.gru", "rescue", 30, "INC-1187: check the disk")
        self.play("edge01.sin", "live", 26, "burn-in")
        self.unordered("edge02.jnb", 20)
        self.unordered("edge02.los", 11)
        self.play("edge01.gru", "reinstall", 9, "INC-1190: file system read-only", "firmware-dhcp",
                  ("no-dhcp-after-power-on", "power was seen on, and no card of it asked for 300 s", "look at the boot order and the link of its boot card"))
        self.play("edge04.sin", "reinstall", 5, "INC-1192: disk replaced", "installed",
                  ("installer-silent", "the installer reported nothing for 3600 s", "look at its console, and whether it reaches the mirror"))
        self.play("edge02.los", "reinstall", 0.9, "INC-1201: disk replaced, rack 3", "os-up",
                  ("os-silent", "the image did not report within 900 s", "look at the console: did the kernel find its root?"), factor=1.02)
        self.console("edge02.los", self.boots["edge02.los"], 0.9)
        self.play(self.stuck, "reinstall", 0.15, "INC-1203: does not answer", "firmware-dhcp")
        self.play(self.running, "reinstall", 0.06, "CHG-2240: Debian 12.9", "installed")
        self.play("edge05.sin", "rescue", 0.02, "INC-1204: password lost", "firmware-dhcp")
        for host, why in (("edge05.jnb", "vendor on site until 18:00"), ("edge03.gru", "holds the only copy of INC-1177")):
            assert self.orch.post(f"/hosts/{host}/lock", {"reason": why}).status == 200
        self.stranger("3c:ec:ef:99:12:56", "los", 16, relay="10.20.0.1", circuit_id="ge-0/0/17", remote_id="sw3.rack4")
        self.stranger("b0:26:28:aa:10:02", "sin", 2, hostname="localhost")
        self.backdate()
        self.poll()
        return self

    def poll(self):
        """The agents are heard."""
        for agent in self.agents.values():
            answer = agent.poll().json
            if answer.get("table"):
                agent.table = answer["table"]["version"]

    def backdate(self):
        self.orch.stop()
        db = sqlite3.connect(self.orch.database)
        with db:
            for job, (began, ended) in self.times.items():
                db.execute("update job set created = ?, ended = case when ended is null then null else ? end where id = ?",
                           (int(began * 1e6), int((ended or began) * 1e6), job))
        db.close()
        self.orch.start()
