# SPDX-License-Identifier: GPL-3.0-or-later
"""A site for netboot-agent: the real agent and the real netboot-bootd in a namespace, simulated BMCs,
an orchestrator and machines played by the test.

    site = AgentSite(netns)          one host, edge01, MAC 52:54:00:77:00:01, 10.77.0.11
    site.order(site.bundle())        sends a job; returns its id
    site.wait_event("job.stage", stage="power", state="confirmed")
    m = site.machine()               walks a boot step by step: m.boot_all(), or m.firmware(), …
    site.kill_agent(); site.start_agent(); site.kill_bootd()
    site.events                      every event the orchestrator has taken, in order"""
import base64
import http.server
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import threading
import time
import hashlib
import tempfile

import netlab
from netlab import PATIENCE, until

AGENT = os.path.join(netlab.BUILD, "netboot-agent")
BMCSIM = os.path.join(netlab.BUILD, "tests", "fake", "bmcsim")
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
MAC = "52:54:00:77:00:01"
BMC_PORT = 6230


def make_id(serial):
    """16 characters that sort by time, as every program makes them."""
    n, text = int(time.time() * 1000), ""
    for _ in range(10):
        n, r = divmod(n, 32)
        text = ALPHABET[r] + text
    return text + "".join(ALPHABET[(serial >> (5 * i)) % 32] for i in range(6))


class Orchestrator:
    """What the agent dials. Holds events as a real one does: by number, without gaps, once."""

    def __init__(self, path):
        self.path = path
        self.cond = threading.Condition()
        self.table = None
        self.jobs = {}      # id -> bundle, repeated until accepted or refused
        self.cancels = set()
        self.calls = {}     # id -> order, sent once
        self.results = {}
        self.held = {}      # agent -> last number
        self.events = []
        self.recordings = {}  # boot -> octets
        self.store = None   # what the site should hold, as POST /agent/v1/store answers it
        self.store_said = []  # what the agent says that it holds
        self.asked = None   # a list: (path, headers, document) of each request goes into it
        self.down = False   # answers 503
        self.refused = False  # another agent is in charge: answers 409
        self.own_servers = None  # what the last poll said
        self.lose_reports = 0
        self.duplicates = 0
        self.server = None

    # From the agent

    def poll(self, doc):
        with self.cond:
            self.own_servers = doc.get("own_servers", False)
            table = self.table if self.table and self.table["version"] != doc["table"] else None
            orders = [{"t": "job", "bundle": b} for b in self.jobs.values()]
            orders += [{"t": "cancel", "job": j} for j in self.cancels]
            orders += list(self.calls.values())
            self.calls.clear()
            if not orders and table is None:
                self.cond.wait(0.2)
            return {"v": 1, "table": table, "orders": orders, **({"store": self.store["version"]} if self.store else {})}

    def hold(self, doc):
        with self.cond:
            self.store_said.append(doc)
            return self.store

    def report(self, doc):
        with self.cond:
            held = self.held.get(doc["agent"], 0)
            for i, ev in enumerate(doc["events"]):
                number = doc["first"] + i
                assert number <= held + 1, f"a gap before event {number}, {held} held"
                if number <= held:
                    self.duplicates += 1
                    continue
                held = number
                self.take(ev)
            self.held[doc["agent"]] = held
            for call in doc.get("calls", []):
                self.results[call["id"]] = call
            self.cond.notify_all()
            return {"v": 1, "acked": held}

    def console(self, path, doc):
        """Holds recordings as a real one does."""
        if path != "/agent/v1/console":
            return 404, {"code": "console-over"}
        with self.cond:
            held = self.recordings.get(doc["boot"], b"")
            if len(held) == doc["offset"]:
                self.recordings[doc["boot"]] = held = held + base64.b64decode(doc["data"])
            return 200, {"v": 1, "held": len(held)}

    def take(self, ev):
        self.events.append(ev)
        if ev["kind"] in ("job.accepted", "job.refused"):
            self.jobs.pop(ev.get("job"), None)
        if ev["kind"] in ("job.done", "job.failed", "job.cancelled", "job.refused"):
            self.cancels.discard(ev.get("job"))

    # For the test

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                doc = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.asked is not None:
                    outer.asked.append((self.path, dict(self.headers), doc))
                if outer.down:
                    self.reply(503, {})
                elif outer.refused:
                    self.reply(409, {"code": "agent-duplicate", "detail": "another agent was heard", "next": "stop one"})
                elif self.path.startswith("/agent/v1/console"):
                    self.reply(*outer.console(self.path, doc))
                elif self.path == "/agent/v1/poll":
                    self.reply(200, outer.poll(doc))
                elif self.path == "/agent/v1/store":
                    self.reply(200, outer.hold(doc))
                elif self.path != "/agent/v1/report":
                    self.reply(404, {"code": "not-found"})
                else:
                    answer = outer.report(doc)
                    if outer.lose_reports > 0:
                        outer.lose_reports -= 1
                        self.close_connection = True
                    else:
                        self.reply(200, answer)

            def reply(self, status, doc):
                body = json.dumps(doc).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the agent was killed

            def address_string(self):
                return "agent"

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                conn, _ = super().get_request()
                return conn, ("agent", 0)

            def handle_error(self, request, client_address):
                import sys
                if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
                    super().handle_error(request, client_address)

        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def wait(self, match, timeout=PATIENCE, since=0):
        deadline = time.monotonic() + timeout
        at = since
        with self.cond:
            while True:
                while at < len(self.events):
                    if match(self.events[at]):
                        return self.events[at]
                    at += 1
                if time.monotonic() > deadline:
                    return None
                self.cond.wait(0.1)


def dhcp_discover(mac, ipxe=False, arch=7, cls=b"PXEClient"):
    """A DISCOVER as OVMF or iPXE sends it (boot.md 1.2)."""
    hw = bytes.fromhex(mac.replace(":", ""))
    bootp = struct.pack(">BBBB4sHH", 1, 1, 6, 0, os.urandom(4), 0, 0x8000) + bytes(16) + hw
    bootp += bytes(236 - len(bootp))
    options = [(53, b"\x01"), (57, struct.pack(">H", 1472)), (55, bytes([1, 3, 43, 60, 66, 67])),
               (60, b"%s:Arch:%05d:UNDI:003000" % (cls, arch)), (93, struct.pack(">H", arch)),
               (94, b"\x01\x03\x00"), (97, b"\x00" + bytes(range(16)))]
    if ipxe:
        options += [(77, b"iPXE"), (175, b"\xeb\x03\x01\x00\x00\x13\x01\x01\x18\x01\x01")]
    return (bootp + b"\x63\x82\x53\x63"
            + b"".join(bytes([n, len(v)]) + v for n, v in options) + b"\xff").ljust(300, b"\0")


class Machine:
    """A server that boots: DHCP as firmware, loader by TFTP, DHCP as iPXE, script, payloads, reports."""

    def __init__(self, site, ns, mac):
        self.site, self.ns, self.mac = site, ns, mac
        self.args = ""
        self.kernel_url = None
        self.initrd_urls = []

    def _send(self, packet):
        code = ("import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
                "s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1);"
                "s.setsockopt(socket.SOL_SOCKET,socket.SO_BINDTODEVICE,b'eth0');"
                "s.bind(('0.0.0.0',68));"
                "s.sendto(bytes.fromhex(sys.argv[1]),('255.255.255.255',67))")
        self.ns.python(code, packet.hex())

    def firmware(self):
        self._send(dhcp_discover(self.mac))

    def loader(self):
        self.ns.run("curl", "-s", "-m", "60", "-o", "/dev/null", "tftp://10.77.0.1/snponly.efi")

    def ipxe(self):
        self._send(dhcp_discover(self.mac, ipxe=True))

    def curl(self, url, *args, out="/dev/null", check=True, limit=PATIENCE):
        done = self.ns.run("curl", "-s", "-S", "-m", limit, "-o", out, "-w", "%{http_code} %{size_download}",
                           *args, url, check=check, timeout=limit + 10)
        return done.stdout

    def script(self):
        """The script's text; remembers what it says to fetch."""
        path = os.path.join(self.site.dir, f"script-{time.monotonic_ns()}")
        status = self.curl(f"http://10.77.0.1/script.ipxe-{self.mac}", out=path)
        with open(path) as f:
            text = f.read()
        os.unlink(path)
        assert status.startswith("200"), status
        kernel = re.search(r"^kernel (\S+) (.*) \|\| goto failed$", text, re.M)
        self.kernel_url = kernel.group(1) if kernel else None
        self.args = kernel.group(2) if kernel else ""
        self.initrd_urls = re.findall(r"^initrd --name \S+ (\S+) \|\|", text, re.M)
        return text

    def whole(self, url, size):
        """Fetches; True when every octet came."""
        answer = self.curl(url, check=False)
        return answer == f"200 {size}"

    def payloads(self):
        """Kernel and initrds as the script says; True when all came whole: the image starts."""
        if self.kernel_url is None or not self.whole(self.kernel_url, len(self.site.kernel)):
            return False
        return all(self.whole(u, len(self.site.initrd)) for u in self.initrd_urls)

    def report_url(self):
        return re.search(r"netboot\.report=(\S+)", self.args).group(1)

    def report(self, stage, note="", url=None):
        return self.curl((url or self.report_url()) + "/" + stage, "-X", "POST", "--data-binary", note,
                         check=False)[:3]

    def load(self):
        self.firmware()
        self.loader()
        self.ipxe()
        self.script()
        return self.payloads()

    def try_to_boot(self, rounds=6):
        """As iPXE does with our script: on failure everything once more, from the script on."""
        self.firmware()
        self.loader()
        self.ipxe()
        for _ in range(rounds):
            try:
                self.script()
                if self.kernel_url is None:
                    return False  # idle: to the disk
                if self.payloads():
                    return True
            except AssertionError:
                pass
            time.sleep(0.1)  # the pause of the script, shortened
        return False

    def boot_all(self):
        assert self.load()
        for stage in ("up", "installed", "booted"):
            assert self.report(stage) == "204", stage


class AgentSite:
    def __init__(self, lan, hosts=1, deadlines=None, bmc=True, boot_services=None, max_jobs=1000,
                 site_url="http://10.77.0.1", inventory_url=""):
        self.lan = lan
        self.server = lan.server
        self.dir = tempfile.mkdtemp(prefix=f"nb{os.getpid()}-agent-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("images", "loaders", "scripts", "bootd", "agent"):
            os.mkdir(self.path(name))
        self.kernel, self.initrd = os.urandom(300_000), os.urandom(900_000)
        self.put("images", "d/vmlinuz", self.kernel)
        self.put("images", "d/initrd", self.initrd)
        self.put("images", "d/root.img", b"root" * 1000)
        self.put("loaders", "snponly.efi", b"loader\n" * 3000)
        self.hosts = [self.host(i + 1) for i in range(hosts)]
        self.deadlines = deadlines or {}
        self.max_jobs = max_jobs
        self.site_url, self.inventory_url = site_url, inventory_url
        self.boot_services = boot_services or {}
        self.ssh = None  # the section of that name
        self.serial = 0
        self.agent = None
        self.bmcsim = None
        self.clients = {}
        self.orch = Orchestrator(self.path("orch.sock"))
        self.orch.table = self.table(1)
        self.orch.start()
        if bmc:
            self.start_bmcsim()
        self.write_config()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def put(self, kind, name, data):
        path = self.path(kind, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    # Inventory

    def host(self, n):
        return {"name": f"edge{n:02d}", "nics": [{"mac": f"52:54:00:77:00:{n:02x}", "ip": f"10.77.0.{10 + n}"}],
                "firmware": "uefi", "idle": "local", "local_boot": "exit1", "probe": "", "labels": {"role": "cdn"}}

    def table(self, version):
        return {"v": 1, "name": "local", "timezone": "UTC", "answer_unknown": False, "idle": "local",
                "subnets": [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "dns": ["10.77.0.1"],
                             "lease_s": 3600}],
                "url": self.inventory_url, "hosts": self.hosts, "version": version}

    def file(self, name, path):
        data = open(self.path("images", path), "rb").read()
        return {"name": name, "path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def image(self, **changes):
        image = {"name": "debian", "kind": "reinstall", "kernel": self.file("vmlinuz", "d/vmlinuz"),
                 "initrds": [self.file("initrd", "d/initrd")], "files": [],
                 "args": "console=ttyS0 host=${host.name} role=${host.label.role}",
                 "reports": ["up", "installed", "booted"], "local_boot": True}
        image.update(changes)
        return image

    def bmc(self, n=1, **changes):
        bmc = {"address": "127.0.0.1", "port": BMC_PORT + n - 1, "user": "admin", "password": "secret17",
               "privilege": "operator", "cipher": 0, "boot_method": "pxe", "boot_verify": "full"}
        bmc.update(changes)
        return bmc

    def bundle(self, n=1, kind="reinstall", image=None, **changes):
        self.serial += 1
        bundle = {"v": 1, "job": make_id(self.serial), "kind": kind, "power_action": "", "hard": False,
                  "graceful_us": 0, "reason": "test", "by": "tester", "created": int(time.time() * 1e6),
                  "host": self.hosts[n - 1], "bmc": self.bmc(n),
                  "image": (image or self.image()) if kind not in ("reboot", "power") else None}
        bundle.update(changes)
        return bundle

    # Programs

    def start_bmcsim(self):
        with open(self.path("bmcsim.conf"), "w") as f:
            for n in range(len(self.hosts)):
                f.write(f"127.0.0.1:{BMC_PORT + n} admin secret17 administrator\n")
        self.bmcsim = self.server.popen(BMCSIM, "-c", self.path("bmcsim.conf"), "-s", self.path("bmcsim.sock"),
                                        stdout=subprocess.PIPE, text=True)
        assert self.bmcsim.stdout.readline().startswith("ready")

    def bmc_ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("bmcsim.sock"))
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().strip()

    def bmc_show(self, n=1):
        return json.loads(self.bmc_ask(f"show 127.0.0.1:{BMC_PORT + n - 1}"))

    def config(self):
        return {
            "site": "local", "orchestrator": f"unix:{self.orch.path}", "state_dir": self.path("agent"),
            "bootd": netlab.BOOTD, "site_url": self.site_url, "max_jobs": self.max_jobs,
            "deadlines": {k: str(v) for k, v in self.deadlines.items()},
            **({"ssh": self.ssh} if self.ssh else {}),
            "boot_services": {
                "interfaces": ["br0"], "user": "nobody",
                "dirs": {"images": self.path("images"), "loaders": self.path("loaders"),
                         "scripts": self.path("scripts"), "state": self.path("bootd")},
                **self.boot_services}}

    def write_config(self):
        with open(self.path("agent.yaml"), "w") as f:
            json.dump(self.config(), f, indent=2)

    def start_agent(self):
        with open(self.path("stderr"), "ab") as err:
            self.agent = self.server.popen(AGENT, "-c", self.path("agent.yaml"), stdout=subprocess.DEVNULL,
                                           stderr=err)
        return self

    def kill_agent(self, sig=signal.SIGKILL):
        self.agent.send_signal(sig)
        self.agent.wait(timeout=PATIENCE)

    def bootd_pid(self):
        """The agent's child, or None while there is none."""
        try:
            with open(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children") as f:
                children = f.read().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def kill_bootd(self):
        pid = until(self.bootd_pid, what="bootd to run")
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.bootd_pid() not in (None, pid), what="bootd to be started again")

    @property
    def stderr(self):
        try:
            with open(self.path("stderr"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def machine(self, n=1):
        if n not in self.clients:
            nic = self.hosts[n - 1]["nics"][0]
            self.clients[n] = self.lan.add_client(mac=nic["mac"], address=nic["ip"] + "/24")
        return Machine(self, self.clients[n], self.hosts[n - 1]["nics"][0]["mac"])

    # Use

    @property
    def events(self):
        return self.orch.events

    def order(self, bundle):
        with self.orch.cond:
            self.orch.jobs[bundle["job"]] = bundle
            self.orch.cond.notify_all()
        return bundle["job"]

    def cancel(self, job):
        with self.orch.cond:
            self.orch.cancels.add(job)
            self.orch.cond.notify_all()

    def wait_event(self, kind, timeout=PATIENCE, since=0, job=None, **detail):
        def match(ev):
            d = ev.get("detail", {})
            return (ev["kind"] == kind and (job is None or ev.get("job") == job)
                    and all(d.get(k) == v for k, v in detail.items()))
        ev = self.orch.wait(match, timeout, since)
        assert ev, (f"no {kind} {detail} in {timeout} s; events:\n" + "\n".join(map(json.dumps, self.events))
                    + "\nagent:\n" + self.stderr)
        return ev

    def wait_stage(self, stage, state="confirmed", **kw):
        return self.wait_event("job.stage", stage=stage, state=state, **kw)

    def wait_end(self, job, timeout=2 * PATIENCE):
        ev = self.orch.wait(lambda e: e.get("job") == job and e["kind"] in
                            ("job.done", "job.failed", "job.cancelled", "job.refused"), timeout)
        assert ev, ("the job did not end; events:\n" + "\n".join(map(json.dumps, self.events))
                    + "\nagent:\n" + self.stderr)
        return ev

    def stages(self, job, state="confirmed"):
        return [e["detail"]["stage"] for e in self.events
                if e["kind"] == "job.stage" and e.get("job") == job and e["detail"]["state"] == state]

    def tickets(self, job, state):
        return [e["detail"]["ticket"] for e in self.events
                if e["kind"] == "job.ticket" and e.get("job") == job and e["detail"]["state"] == state]

    def check_ticket_rule(self, job):
        """Whatever happened: used at most once, and after that nothing is armed any more."""
        states = [e["detail"]["state"] for e in self.events
                  if e["kind"] == "job.ticket" and e.get("job") == job]
        assert states.count("consumed") <= 1, states
        if "consumed" in states:
            after = states[states.index("consumed") + 1:]
            assert not after, states
            at = next(i for i, e in enumerate(self.events) if e["kind"] == "job.ticket"
                      and e.get("job") == job and e["detail"]["state"] == "consumed")
            again = [e for e in self.events[at:] if e["kind"] == "job.attempt" and e.get("job") == job]
            assert not again, again

    def keep_traces(self):
        """With NETBOOT_TRACES=DIR each job's events are kept there: what tests/data/traces was made of."""
        where = os.environ.get("NETBOOT_TRACES")
        for job in sorted({e["job"] for e in self.events if e.get("job")}) if where else []:
            mine = [e for e in self.events if e.get("job", job) == job]
            end = [e["detail"].get("code", "") if e["kind"] != "job.done" else "done" for e in mine if e["kind"] in
                   ("job.done", "job.failed", "job.cancelled", "job.refused")]
            test = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0].replace("/", "-")
            with open(os.path.join(where, f"{(end or ['open'])[-1]}.{test}.{job}.ndjson"), "w") as f:
                f.writelines(json.dumps(e) + "\n" for e in mine)

    def close(self):
        ended = True
        if self.agent and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            try:
                self.agent.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                ended = False
                self.agent.kill()
                self.agent.wait()
        problems = self.stderr
        self.keep_traces()
        self.orch.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert ended, f"the agent does not end:\n{problems}"
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion"):
            assert sign not in problems, problems
