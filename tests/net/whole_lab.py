# SPDX-License-Identifier: GPL-3.0-or-later
"""All programs as an operator runs them, in one namespace: netboot-orchestrator, netboot-agent with its
netboot-bootd, bmcsim, and netboot-ctl to order with. Machines have a BMC and no firmware: what needs a boot is
in tests/lab.

    s = Site(lan, hosts=3)                        writes the configuration, starts nothing
    s.start()                                     everything, the inventory applied, the agent in charge
    r = s.ctl("reinstall", "edge01", …)           r.returncode, r.stdout, r.stderr
    s.refused(r, 3, "edge01", "host-locked")      the one error line, its three parts; fails if it is another
    s.untouched()                                 what there is of jobs, tickets, scripts and power: to compare
    s.close()                                     fails on a sanitizer's report"""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import netlab
from netlab import BUILD, PATIENCE, until

USER, PASSWORD = "netboot", "secret17"
BMC_PORT = 6230
SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion")


def program(name):
    return os.path.join(BUILD, name)


@contextlib.contextmanager
def whole_site(**kw):
    """A site in a network of its own, started; it and the network are taken away at the end."""
    lan = netlab.Lan()
    s = Site(lan, **kw)
    try:
        yield s.start()
    finally:
        s.close()
        lan.close()


class Site:
    def __init__(self, lan, hosts=1, deadlines=None):
        self.lan, self.ns = lan, lan.server
        self.dir = tempfile.mkdtemp(prefix=f"nb{os.getpid()}-whole-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("images/d", "loaders", "scripts", "bootd", "agent", "orch"):
            os.makedirs(self.path(name))
        self.socket = self.path("o.sock")
        self.hosts = [self.host(n + 1) for n in range(hosts)]
        self.privileges = {}
        self.procs = {}
        self.write("images/d/vmlinuz", os.urandom(50_000))
        self.write("images/d/initrd", os.urandom(90_000))
        self.write("loaders/snponly.efi", b"loader\n" * 100)
        self.write("password", PASSWORD.encode() + b"\n")
        self.write("orchestrator.yaml", (
            f"database: {self.path('orch/o.db')}\nsocket: {self.socket}\nimages_root: {self.path('images')}\n"
            f"key_file: {self.path('o.key')}\nweb: {{listen: []}}\n").encode())
        # Other people's addresses are silent: do not wait for them as long as one does at night.
        self.write("agent.yaml", json.dumps(self.agent_config(deadlines or {}), indent=2).encode())

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, data):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            os.fchmod(f.fileno(), 0o644 if name.startswith(("images/", "loaders/")) else 0o600)
            f.write(data)
        return self.path(name)

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # Configuration

    def host(self, n, **more):
        return {"name": f"edge{n:02d}", "site": "local", "image": "debian",
                "nics": [{"mac": f"52:54:00:77:00:{n:02x}", "ip": f"10.77.0.{10 + n}"}],
                "bmc": {"address": "127.0.0.1", "port": BMC_PORT + n - 1, "user": USER,
                        "password_file": self.path("password")}, **more}

    def agent_config(self, deadlines):
        return {"site": "local", "orchestrator": f"unix:{self.socket}", "state_dir": self.path("agent"),
                "bootd": netlab.BOOTD, "site_url": "http://10.77.0.1", "deadlines": deadlines,
                "boot_services": {
                    "interfaces": ["br0"], "user": "nobody",
                    "dirs": {"images": self.path("images"), "loaders": self.path("loaders"),
                             "scripts": self.path("scripts"), "state": self.path("bootd")}}}

    def document(self):
        image = {"name": "debian", "kind": "reinstall", "kernel": {"path": "d/vmlinuz"},
                 "initrds": [{"path": "d/initrd"}], "args": "netboot.report=${report}",
                 "reports": ["up", "installed"], "local_boot": True}
        return {"sites": [{"name": "local", "timezone": "Africa/Johannesburg", "url": "http://10.77.0.1",
                           "subnets": [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "lease_s": 3600}]}],
                "images": [image, dict(image, name="rescue", kind="rescue", reports=["up"], local_boot=False)],
                "hosts": self.hosts}

    # Processes

    def spawn(self, name, *argv):
        with open(self.path(f"{name}.log"), "ab") as log:
            self.procs[name] = self.ns.popen(*argv, stdout=log, stderr=log)
        return self.procs[name]

    def end(self, name, sig=signal.SIGTERM):
        proc = self.procs.pop(name, None)
        if proc is None:
            return None
        if proc.poll() is None:
            proc.send_signal(sig)
        return proc.wait(timeout=PATIENCE)

    def start_bmcs(self):
        lines = [f"127.0.0.1:{BMC_PORT + n} {USER} {PASSWORD} {self.privileges.get(n + 1, 'operator')}\n"
                 for n in range(len(self.hosts))]
        self.write("bmcsim.conf", "".join(lines).encode())
        self.spawn("bmcsim", program("tests/fake/bmcsim"), "-c", self.path("bmcsim.conf"), "-s",
                   self.path("bmcsim.sock"))
        until(lambda: "ready" in self.read("bmcsim.log"), what="bmcsim")

    def start_orchestrator(self):
        before = self.read("orchestrator.log").count("serving on")
        self.spawn("orchestrator", program("netboot-orchestrator"), "-c", self.path("orchestrator.yaml"))
        until(lambda: self.read("orchestrator.log").count("serving on") > before, "the orchestrator")

    def start_agent(self):
        self.spawn("agent", program("netboot-agent"), "-c", self.path("agent.yaml"))

    def apply(self):
        self.write("inventory.yaml", json.dumps(self.document(), indent=1).encode())
        done = self.ctl("apply", "-f", self.path("inventory.yaml"))
        assert done.returncode == 0, done.stderr

    def ready(self):
        """The agent is heard, and its boot services have the table."""
        until(lambda: any(a["last_seen"] for a in self.json("agent", "list")["items"]), "the agent")
        until(lambda: f"with {len(self.hosts)} hosts in force" in self.read("agent.log"), "the table")

    def start(self):
        self.start_bmcs()
        self.start_orchestrator()
        self.start_agent()
        self.apply()
        self.ready()
        return self

    # Use

    def ctl(self, *argv, stdin=None, timeout=2 * PATIENCE):
        done = subprocess.run([program("netboot-ctl"), "--server", f"unix:{self.socket}", *argv], check=False,
                              text=True, capture_output=True, timeout=timeout,
                              **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}))
        assert not any(sign in done.stderr for sign in SANITIZERS), done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done

    def json(self, *argv):
        done = self.ctl("-o", "json", *argv)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reinstall(self, hosts, *more):
        return self.ctl("reinstall", hosts, "--reason", "INC-123", "--yes", *more)

    def findings(self, check=None):
        done = self.ctl("-o", "json", "doctor")
        assert done.returncode in (0, 2), done.stderr
        return [f for f in json.loads(done.stdout)["items"] if check in (None, f["check"])]

    def events(self, *argv):
        out = self.ctl("-o", "ndjson", "events", *argv).stdout
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def job(self, ident):
        return self.json("job", "show", ident)

    def bmc(self, line):
        code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                "s.sendall(sys.argv[2].encode()+b'\\n'); print(s.makefile().readline().strip())\n")
        answer = self.ns.python(code, self.path("bmcsim.sock"), line).stdout.strip()
        assert answer and not answer.startswith("error"), f"{line}: {answer}"
        return answer

    def fault(self, n, name, value):
        self.bmc(f"fault 127.0.0.1:{BMC_PORT + n - 1} {name} {value}")

    def powers(self):
        """Every order that any BMC was given to switch something, and flags that were set."""
        total = json.loads(self.bmc("sum"))
        return {k: total[k] for k in ("off", "on", "cycle", "reset", "soft")}

    def flags(self, n):
        return json.loads(self.bmc(f"show 127.0.0.1:{BMC_PORT + n - 1}"))["flags"]

    def select(self, name, sql):
        db = sqlite3.connect(f"file:{self.path(name)}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def untouched(self):
        """All that a refused or failed order must leave as it was; open jobs and tickets by their number."""
        return {
            "open": self.select("orch/o.db", "select host, kind, state from job where ended is null order by host"),
            "boots": self.select("orch/o.db", "select host from boot order by host"),
            "inventory": self.select("orch/o.db", "select h.name, h.rev, n.mac, b.address, b.port, b.username "
                                     "from host h left join nic n on n.host = h.name left join bmc b on b.host = "
                                     "h.name order by h.name, n.ord"),
            "scripts": sorted(os.listdir(self.path("scripts"))),
            "power": self.powers(),
            "flags": [self.flags(n + 1) for n in range(len(self.hosts))],
        }

    def line(self, done, subject, code):
        """The error line SUBJECT: CODE: what: next, checked for form; returns (what, next)."""
        start = f"{subject}: {code}: "
        found = [x for x in done.stderr.splitlines() if x.startswith(start)]
        assert len(found) == 1, f"exit {done.returncode}, wanted {start!r}:\n{done.stderr}{done.stdout}"
        what, colon, after = found[0][len(start):].rpartition(": ")
        assert colon and what and after, found[0]
        return found[0]

    def refused(self, done, status, subject, code, *words):
        line = self.line(done, subject, code)
        assert done.returncode == status, line
        for word in words:
            assert word in line, f"{word!r} is not in: {line}"
        return line

    def close(self):
        status = {name: self.end(name) for name in ("agent", "orchestrator", *list(self.procs))}
        logs = {name: self.read(f"{name}.log") for name in status}
        shutil.rmtree(self.dir, ignore_errors=True)
        for name, text in logs.items():
            assert not any(sign in text for sign in SANITIZERS), f"{name}:\n{text}"
            assert PASSWORD not in text, f"{name} logs a password"
        assert not any(status.values()), f"{status}\n{logs}"
