# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: a network namespace with a bridge, virtual servers behind simulated BMCs, and the three
daemons as an operator would run them. Used by demo.py and by the tests in this folder.

    with Lab("reinstall") as lab:
        lab.add_machine("edge01")
        lab.start()
        lab.ctl("reinstall", "edge01", "--reason", "INC-1", "--yes", "--wait")

Everything lives in one directory below /tmp and one namespace named after the process; close() ends the
processes that were started here, by pid, and removes both. Waiting is on conditions only.
"""
import ctypes
import gzip
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(REPO, "tests", "lab")
PR_SET_PDEATHSIG = 1
USER, PASSWORD = "netboot", "lab-secret-17"
# Another build of iPXE can be put through all of this.
LOADERS = os.environ.get("NETBOOT_LAB_IPXE", "/usr/lib/ipxe")
SSH_PORT = 2222  # of the guests
SERVER_IP, SERVER_IP6 = "10.77.0.1", "fd77::1"
LIBC = ctypes.CDLL(None)
# Seconds that one step of a daemon may take beside several virtual servers; only a failure lasts so long.
PATIENCE = 60

IMAGES = {
    "lab-installer": {
        "kind": "reinstall",
        "kernel": {"path": "installer/vmlinuz"},
        "initrds": [{"path": "installer/initrd.img"}],
        "files": [{"path": "installer/disk.img.gz"}],
        "args": "console=ttyS0 no_timer_check netboot.role=install lab.disk=${file.disk.img.gz}",
        "reports": ["up", "installed", "booted"],
        "local_boot": True,
    },
    "lab-live": {
        "kind": "live",
        "kernel": {"path": "live/vmlinuz"},
        "initrds": [{"path": "live/initrd.img"}],
        "files": [{"path": "live/filesystem.squashfs"}],
        "args": "console=ttyS0 no_timer_check netboot.role=live lab.root=${file.filesystem.squashfs}",
        "reports": ["up"],
    },
    "lab-rescue": {
        "kind": "rescue",
        "kernel": {"path": "rescue/vmlinuz"},
        "initrds": [{"path": "rescue/initrd.img"}],
        "args": "console=ttyS0 no_timer_check netboot.role=rescue",
        "reports": ["up"],
    },
}


def wait_for(condition, what, timeout=PATIENCE):
    """The first true value of condition(); LabError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {timeout} s for {what}")
        time.sleep(0.05)


class LabError(Exception):
    pass


def blank(disk):
    """An empty disk, as one file all the time: a machine that runs sees it change."""
    with open(disk, "ab") as f:
        f.truncate(0)
        f.truncate(128 << 20)


class Machine:
    def __init__(self, lab, name, index, firmware, bmc, net_first, path, memory):
        self.lab, self.name, self.index = lab, name, index
        self.firmware, self.bmc, self.net_first, self.path = firmware, bmc, net_first, path
        self.memory = memory
        self.loaders = {}
        self.installed = False  # its disk has the system that the installer writes, from the start
        self.sol = False  # its serial line goes to bmcsim, for Serial over LAN
        self.sol_address = f"127.0.1.{index}:{9400 + index}"
        self.image = "lab-installer"
        self.mac = f"52:54:00:77:{lab.number:02x}:{index:02x}"
        self.uuid = f"11223344-5566-7788-99aa-bbccddee{lab.number:02x}{index:02x}"
        self.ip, self.ip6 = f"10.77.0.{10 + index}", f"fd77::{10 + index}"
        self.bmc_ip = f"127.0.1.{index}"
        self.bmc_port = 9100 + index
        self.tap = f"tap{index}"
        self.dir = os.path.join(lab.dir, name)
        self.disk = os.path.join(lab.dir, f"{name}.img")
        self.serial = os.path.join(self.dir, "serial")
        self.extra = {}

    def inventory(self):
        return {
            "name": self.name, "site": self.lab.site_name, "firmware": self.firmware.split("-")[0], "uuid": self.uuid,
            "nics": [{"mac": self.mac, "boot": True, **({"ip": self.ip} if self.lab.v4 and self.ip else {}),
                      **({"ip6": self.ip6} if self.lab.v6 else {})}],
            "labels": {"role": "lab"}, "image": self.image, **({"loaders": self.loaders} if self.loaders else {}),
            "bmc": {"address": self.bmc_ip, "port": self.bmc_port, "user": USER,
                    "password_file": self.lab.path("bmc.password"),
                    # ipmi_sim keeps the device alone: no EFI bit, no valid bit.
                    "boot_verify": "device" if self.bmc == "ipmi_sim" else "full"},
            **self.extra,
        }

    def read(self, name):
        try:
            with open(os.path.join(self.dir, name), "rb") as f:
                return f.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def console(self):
        return self.read("console.log")

    def power(self):
        return self.read("power").strip() == "1"

    def starts(self):
        """What each start booted from first: ["net", "disk", …]."""
        return [line.split()[1] for line in self.read("starts").splitlines()]

    def command(self, text):
        with open(os.path.join(self.dir, "cmd"), "w") as f:
            f.write(text + "\n")

    def keys(self, *strokes):
        """Types on the serial console. The line stays open until the machine is quiet after each stroke: what a
        closed one still holds is lost."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(self.serial)
            s.settimeout(0.3)
            for stroke in strokes:
                s.sendall(stroke.encode())
                end = time.monotonic() + 2
                try:
                    while time.monotonic() < end and s.recv(65536):
                        pass
                except TimeoutError:
                    pass

    def install(self):
        """Writes the installed system to its disk, as the hands of somebody on the spot would."""
        blank(self.disk)
        with gzip.open(os.path.join(REPO, "build", "lab", "images", "installer", "disk.img.gz")) as packed, open(self.disk, "r+b") as f:
            shutil.copyfileobj(packed, f, 1 << 20)

    def boots(self):
        """The boot ids of its installed system, as each of its boots said it on the console."""
        return re.findall(r"lab: boot (\S+) \(disk\)", self.console())

    def installations(self):
        return self.console().count("lab: installation written")


class Lab:
    site_name, number = "local", 0  # which site it is, of those of one orchestrator

    def __init__(self, name="lab", variant="release", keep=False, deadlines=None, v4=True, v6=False):
        """v4, v6: the families that the site has."""
        self.ns = f"{name}-{os.getpid()}"
        self.variant, self.keep = variant, keep
        self.machine_ns, self.interface = self.ns, "br0"
        self.dir = tempfile.mkdtemp(prefix=f"netboot-{name}-")
        os.chmod(self.dir, 0o755)
        self.machines = {}
        self.procs = {}
        self.complaints = []
        self.images = dict(IMAGES)
        self.deadlines = deadlines or {}
        self.v4, self.v6 = v4, v6
        self.url = f"http://{SERVER_IP}" if v4 else f"http://[{SERVER_IP6}]"
        self.site = {}
        # Members of agent.yaml's boot_services that are added or replaced.
        self.boot_services = {"services": {"dhcp4": "on" if v4 else "off"}}
        self.socket = self.path("orchestrator.sock")
        self.orchestrator = None  # how the agent dials it; None: the socket
        self.web = []  # addresses of the page, in the namespace
        self.web_tls = {}  # tls_cert and tls_key
        self.ssh = False  # does the agent log in on hosts?
        self.loaders_dir = LOADERS

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if not (self.keep and exc[0] is None):
            self.close()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def program(self, name):
        return os.path.join(REPO, "build", self.variant, name)

    def write(self, name, text, mode=0o644):
        with open(os.open(self.path(name), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode), "w") as f:
            f.write(text)
        return self.path(name)

    # Processes

    def spawn(self, name, argv, env=None, ns=None, stdin=subprocess.DEVNULL):
        """Starts argv in the lab's namespace, or in ns; output goes to DIR/name.log; ends with this process."""
        log = open(self.path(f"{name}.log"), "ab")
        proc = subprocess.Popen(["ip", "netns", "exec", ns or self.ns, *argv], stdin=stdin, stdout=log,
                                stderr=log, env={**os.environ, **(env or {})},
                                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        log.close()
        self.procs[name] = proc
        return proc

    def log(self, name):
        try:
            with open(self.path(f"{name}.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def end(self, name, sig=signal.SIGTERM):
        proc = self.procs.pop(name, None)
        if not proc:
            return None
        if proc.poll() is None:
            proc.send_signal(sig)
        try:
            return proc.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.complaints.append(f"{name} did not end within {PATIENCE} s")
            proc.kill()
            return proc.wait()

    def run(self, *argv, ns=None, **kw):
        return subprocess.run(["ip", "netns", "exec", ns or self.ns, *argv], capture_output=True, text=True, **kw)

    # Set-up

    def ip(self, *args):
        subprocess.run(["ip", *args], check=True, capture_output=True)

    def ip_quietly(self, *args):
        subprocess.run(["ip", *args], capture_output=True)

    def make_network(self):
        self.ip("netns", "add", self.ns)
        addresses = [["addr", "add", f"{SERVER_IP}/24", "dev", "br0"]] if self.v4 else []
        for args in (["link", "set", "lo", "up"], ["link", "add", "br0", "type", "bridge", "forward_delay", "0"],
                     *addresses, ["addr", "add", f"{SERVER_IP6}/64", "dev", "br0", "nodad"], ["link", "set", "br0", "up"]):
            self.ip("-n", self.ns, *args)

    def add_machine(self, name, firmware="uefi", bmc="bmcsim", net_first=False, path="any", memory=512):
        if not self.machines:
            self.make_network()
        m = Machine(self, name, len(self.machines) + 1, firmware, bmc, net_first, path, memory)
        self.machines[name] = m
        self.ip("-n", self.machine_ns, "tuntap", "add", m.tap, "mode", "tap")
        self.ip("-n", self.machine_ns, "link", "set", m.tap, "master", "br0", "up")
        return m

    def start(self):
        self.write("bmc.password", PASSWORD + "\n", 0o600)
        self.link_images()
        for m in self.machines.values():
            self.start_machine(m)
        self.start_bmcs()
        self.start_orchestrator()
        self.start_agent()
        self.apply()

    def link_images(self):
        """Copies of the folders that the images have their files in: tests may alter them. What was not built here
        is the test's own to put there."""
        os.makedirs(self.path("images"), exist_ok=True)
        for folder in {image["kernel"]["path"].split("/")[0] for image in self.images.values()}:
            built, copy = os.path.join(REPO, "build", "lab", "images", folder), self.path("images", folder)
            if os.path.exists(built) and not os.path.exists(copy):
                shutil.copytree(built, copy)

    def start_machine(self, m):
        blank(m.disk)
        if m.installed:
            m.install()
        argv = ["/usr/bin/python3", os.path.join(HERE, "vm.py"), "--dir", m.dir, "--name", m.name, "--tap", m.tap,
                "--mac", m.mac, "--uuid", m.uuid, "--disk", m.disk, "--firmware", m.firmware,
                "--path", m.path, "--memory", str(m.memory), "--serial", m.serial, *(["--sol", m.sol_address] if m.sol else [])]
        self.spawn(f"vm-{m.name}", argv + (["--net-first"] if m.net_first else []), ns=self.machine_ns)
        wait_for(lambda: m.read("power"), f"virtual server {m.name}")

    def start_bmcs(self):
        sims = [m for m in self.machines.values() if m.bmc == "ipmi_sim"]
        for m in sims:
            self.start_ipmi_sim(m)
        own = [m for m in self.machines.values() if m.bmc == "bmcsim"]
        if own:
            self.start_bmcsim(own)

    def start_ipmi_sim(self, m):
        state = self.path(f"{m.name}-bmc")
        os.makedirs(state)
        lan = f'''name "{m.name}"
set_working_mc 0x20
  startlan 14
    addr {m.bmc_ip} {m.bmc_port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa1234567{m.index:08x}
  endlan
  chassis_control "{HERE}/chassis.sh {m.dir}"
  user 2 true "{USER}" "{PASSWORD}" admin 10 none md2 md5 straight
'''
        emu = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n"
        self.write(f"{m.name}-lan.conf", lan)
        self.write(f"{m.name}-bmc.emu", emu)
        self.spawn(f"bmc-{m.name}", ["ipmi_sim", "-c", self.path(f"{m.name}-lan.conf"), "-f",
                                     self.path(f"{m.name}-bmc.emu"), "-s", state, "-n"])
        self.wait_bmc(m)

    def wait_bmc(self, m):
        """Until the BMC's UDP port is bound in the namespace."""
        wait_for(lambda: f":{m.bmc_port}" in self.run("ss", "-Hlun").stdout, f"the BMC of {m.name}")

    def start_bmcsim(self, machines):
        lines = [f"{m.bmc_ip}:{m.bmc_port} {USER} {PASSWORD} operator "
                 + (f"serial=tcp:{m.sol_address} " if m.sol else "") + f"{HERE}/chassis.sh {m.dir}" for m in machines]
        self.write("bmcsim.conf", "\n".join(lines) + "\n", 0o600)
        self.spawn("bmcsim", [self.program("tests/fake/bmcsim"), "-c", self.path("bmcsim.conf"), "-s",
                              self.path("bmcsim.sock")])
        for m in machines:
            self.wait_bmc(m)

    def start_orchestrator(self):
        self.write("orchestrator.yaml", f"""database: {self.path("orchestrator.db")}
socket: {self.socket}
images_root: {self.path("images")}
key_file: {self.path("orchestrator.key")}
web: {json.dumps({"listen": self.web, **self.web_tls})}
""", 0o600)
        self.spawn("orchestrator", [self.program("netboot-orchestrator"), "-c", self.path("orchestrator.yaml")])
        wait_for(self.orchestrator_answers, "the orchestrator's socket")

    def open_page(self):
        """The page by a free port of this machine's own loopback; returns its address."""
        with socket.create_server(("127.0.0.1", 0)) as outside:
            self.spawn("door", [os.path.join(HERE, "door.py"), self.web[0].rpartition(":")[2]], stdin=outside)
            return f"http://127.0.0.1:{outside.getsockname()[1]}"

    def orchestrator_answers(self):
        """A killed orchestrator leaves its socket behind: only a connection shows that one listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            try:
                s.connect(self.socket)
            except OSError:
                return False
        return True

    def start_agent(self):
        self.write_agent()
        self.spawn("agent", [self.program("netboot-agent"), "-c", self.path("agent.yaml")])

    def ssh_section(self):
        """How the agent logs in on the guests, which all have the same key."""
        if not self.ssh:
            return ""
        built, nobody = os.path.join(REPO, "build", "lab", "ssh"), pwd.getpwnam("nobody").pw_uid
        with open(os.path.join(built, "host.pub")) as f:
            key = f.read().strip()
        self.write("known_hosts", "".join(f"{name} {key}\n" for name in self.machines))
        with open(os.path.join(built, "id_ed25519")) as f:
            os.chown(self.write("id_ed25519", f.read(), 0o600), nobody, -1)
        return "ssh: " + json.dumps({"user": "root", "port": SSH_PORT, "run_as": "nobody", "key": self.path("id_ed25519"),
                                     "known_hosts": self.path("known_hosts")})

    def write_agent(self):
        for d in ("agent", "scripts", "bootd"):
            os.makedirs(self.path(d), exist_ok=True)
        stages = "".join(f"  {k}: {v}\n" for k, v in self.deadlines.items())
        self.write("agent.yaml", f"""site: {self.site_name}
orchestrator: {self.orchestrator or "unix:" + self.socket}
state_dir: {self.path("agent")}
bootd: {self.program("netboot-bootd")}
site_url: {self.url}
{self.ssh_section()}
{"deadlines:" if stages else ""}
{stages}
boot_services:
  interfaces: [{self.interface}]
{"".join(f"  {k}: {json.dumps(v)}{chr(10)}" for k, v in self.boot_services.items())}  dirs:
    images: {self.path("images")}
    loaders: {self.loaders_dir}
    scripts: {self.path("scripts")}
    state: {self.path("bootd")}
  events:
    file: {self.path("bootd", "events.ndjson")}
  user: nobody
""", 0o600)

    def subnets(self):
        v4 = [{"prefix": "10.77.0.0/24", "gateway": SERVER_IP, "dns": [SERVER_IP], "lease_s": 3600}]
        v6 = [{"prefix": "fd77::/64", "lease_s": 3600}]
        return (v4 if self.v4 else []) + (v6 if self.v6 else [])

    def inventory(self):
        return {
            "sites": [{"name": self.site_name, "timezone": "Africa/Johannesburg", "url": self.url, "subnets": self.subnets(),
                       **self.site}],
            "images": [{"name": name, **image} for name, image in self.images.items()],
            "hosts": [m.inventory() for m in self.machines.values()],
        }

    def apply(self):
        # A JSON document is a YAML document.
        self.write("inventory.yaml", json.dumps(self.inventory(), indent=2), 0o600)
        self.ctl("apply", "-f", self.path("inventory.yaml"))
        wait_for(lambda: any(a.get("last_seen") for a in json.loads(
            self.ctl("-o", "json", "agent", "list").stdout)["items"] if a["site"] == self.site_name),
            "the agent to be seen")

    # Use

    def ctl_argv(self, *args):
        return [self.program("netboot-ctl"), "--server", f"unix:{self.socket}", *args]

    def ctl(self, *args, code=0, timeout=600):
        """Runs netboot-ctl; code=None accepts any exit code."""
        done = subprocess.run(self.ctl_argv(*args), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        if code is not None and done.returncode != code:
            raise LabError(f"netboot-ctl {' '.join(args)}: exit {done.returncode}, not {code}\n"
                           f"{done.stdout}{done.stderr}")
        return done

    def events(self, **query):
        args = [x for k, v in query.items() for x in (f"--{k}", v)]
        out = self.ctl("-o", "ndjson", "events", *args).stdout
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def job(self, job_id):
        return json.loads(self.ctl("-o", "json", "job", "show", job_id).stdout)

    def wait_job(self, job_id, timeout=400):
        return wait_for(lambda: (lambda j: j if j["state"] in ("done", "failed", "cancelled") else None)(
            self.job(job_id)), f"the end of job {job_id}", timeout)

    def wait_stage(self, job_id, stage, timeout=300):
        """Until that stage has been entered (or the job has ended)."""
        def seen():
            job = self.job(job_id)
            names = [s["stage"] for s in job.get("stages", [])]
            return job if stage in names or job["state"] in ("done", "failed", "cancelled") else None
        return wait_for(seen, f"stage {stage} of job {job_id}", timeout)

    def remove_network(self):
        self.ip_quietly("netns", "del", self.ns)

    def close(self):
        """Ends and removes everything; the complaints of sanitizers, and of what did not end, stay in .complaints."""
        for name in ["agent", "orchestrator", *[n for n in list(self.procs) if n not in ("agent", "orchestrator")]]:
            self.end(name)
        self.remove_network()
        for name in ("agent", "orchestrator", "bmcsim"):
            log = self.log(name)
            if any(sign in log for sign in ("Sanitizer:", "runtime error:", "Assertion")):
                self.complaints.append(f"{name}:\n{log[-6000:]}")
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
