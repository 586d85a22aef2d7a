# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces and netboot-bootd as objects for the net tests; conftest.py makes fixtures of
them and describes their use. Everything made here has the process id in its name, and is removed
by close(): namespaces, processes (by pid, only those started here) and directories."""
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NETBOOT_BUILD", os.path.join(ROOT, "build", "asan"))
BOOTD = os.path.join(BUILD, "netboot-bootd")
# Seconds that one step may take on a loaded machine where a healthy one is done within one. Every wait of these
# tests is for a condition and has this limit: only a failure lasts so long.
PATIENCE = 60
_serial = itertools.count(1)


def until(condition, what="condition", timeout=PATIENCE):
    """Waits for condition() to be true and returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout} s waiting for {what}")
        time.sleep(0.01)


def has_open(pid, path):
    """Does the process have the file open? By identity: in another mount namespace it may have another name."""
    want = os.stat(path)
    fds = f"/proc/{pid}/fd"
    for n in os.listdir(fds):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if os.path.samestat(os.stat(f"{fds}/{n}"), want):
                return True
    return False


def ip(*args):
    subprocess.run(["ip", *args], check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def small_disk(path, size):
    """Below, `path` is a file system of its own; afterwards it is not, whatever happened and whoever still uses it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path, at_most=64 << 20):
    """Writes until not an octet fits any more on that file system, which must be before `at_most` octets."""
    written = 0
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096, 512):
            try:
                while True:
                    assert written <= at_most, f"{path} is not on a small file system"
                    written += f.write(bytes(size))
            except OSError:
                pass
    return path


HOLD_PORT = """
import signal, socket, sys
kind, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.bind(("0.0.0.0", port))
if kind == "tcp":
    s.listen()
print("held", flush=True)
signal.pause()
"""


class Namespace:
    """One network namespace, its processes, and its Ethernet interface."""

    def __init__(self, role):
        self.name = f"nb{os.getpid()}-{next(_serial)}-{role}"
        self.procs = []
        self.ifname = None
        self.mac = None
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")

    def run(self, *argv, check=True, timeout=2 * PATIENCE, **kw):
        """Runs a command to its end: CompletedProcess with text stdout and stderr."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], check=False,
                              timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, **kw)
        assert not check or done.returncode == 0, f"{argv} exited {done.returncode}: {done.stderr}"
        return done

    def popen(self, *argv, **kw):
        """Starts a command; it is ended with the namespace at the latest."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        # `ip netns exec` replaces itself by the command, so the pid is the command's.
        p = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, argv)], **kw)
        self.procs.append(p)
        return p

    def ip(self, *args):
        ip("-n", self.name, *map(str, args))

    def refused(self):
        """How many connections were refused here."""
        return int(self.run("nstat", "-asz", "TcpOutRsts").stdout.split("TcpOutRsts")[1].split()[0])

    def python(self, code, *argv, timeout=2 * PATIENCE, check=True):
        """Runs Python source (with scapy at hand) inside the namespace."""
        return self.run("/usr/bin/python3", "-c", code, *argv, timeout=timeout, check=check)

    def hold_port(self, kind, port):
        """A process that has "tcp" or "udp" `port` until it is killed."""
        p = self.popen("/usr/bin/python3", "-c", HOLD_PORT, kind, port, stdout=subprocess.PIPE)
        assert p.stdout.readline() == b"held\n"
        return p

    def close(self):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
            p.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=False,
                       stderr=subprocess.DEVNULL)


class Lan:
    """A server namespace with a bridge br0 (10.77.0.1/24, fd77::1/64) and clients on it."""

    def __init__(self):
        self.namespaces = []
        self.clients = []
        try:
            self._make_server()
        except BaseException:
            self.close()
            raise

    def _make_server(self):
        self.server = s = self._namespace("srv")
        s.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        s.ip("addr", "add", "10.77.0.1/24", "dev", "br0")
        s.ip("addr", "add", "fd77::1/64", "dev", "br0", "nodad")
        s.ip("link", "set", "br0", "up")
        s.ifname, s.address = "br0", "10.77.0.1"

    def _namespace(self, role):
        ns = Namespace(role)
        self.namespaces.append(ns)
        return ns

    def add_client(self, mac=None, address=None, server_if=None):
        """A namespace with eth0, a port of the bridge. `address` like "10.77.0.50/24"."""
        n = len(self.clients) + 1
        mac = mac or f"52:54:00:77:00:{n:02x}"
        ns = self._namespace(f"c{n}")
        port = server_if or f"port{n}"
        self.server.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac,
                       "netns", ns.name)
        self.server.ip("link", "set", port, "master", "br0", "up")
        ns.ip("link", "set", "eth0", "up")
        if address:
            ns.ip("addr", "add", address, "dev", "eth0")
        ns.ifname, ns.mac, ns.address = "eth0", mac, address.split("/")[0] if address else None
        self.clients.append(ns)
        carrier = "cat /sys/class/net/eth0/carrier"
        until(lambda: ns.run("sh", "-c", carrier).stdout.strip() == "1", what="carrier")
        # The kernel tells the bridge of it in its own time, up to a second later: what is sent before is lost.
        forwards = f"cat /sys/class/net/{port}/brport/state"
        until(lambda: self.server.run("sh", "-c", forwards).stdout.strip() == "3", what="the bridge's port")
        return ns

    @property
    def client(self):
        return self.clients[0] if self.clients else self.add_client()

    def close(self):
        for ns in reversed(self.namespaces):
            ns.close()


class Bootd:
    """netboot-bootd in a namespace, its configuration directory and its events.

    Directories of the default configuration, all below .dir and writable by the test:
    .images .loaders .scripts .state"""

    def __init__(self, ns, overrides=None, argv=(), wait_ready=True, user="nobody"):
        self.ns = ns
        self.user = user
        self.dir = tempfile.mkdtemp(prefix=f"nb{os.getpid()}-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("images", "loaders", "scripts", "state"):
            path = os.path.join(self.dir, name)
            os.mkdir(path)
            setattr(self, name, path)
        for name in ("undionly.kpxe", "snponly.efi", "ipxe.efi"):
            self.put("loaders", name, (name.encode() + b"\n") * 4096)
        self.config = self.default_config()
        self.config.update(overrides or {})
        self.argv = list(argv)
        self.events = []
        self.proc = None
        self._cond = threading.Condition()
        self._readers = []
        if wait_ready is not None:
            self.start(wait_ready)

    def default_config(self):
        return {
            "interfaces": [self.ns.ifname],
            "user": self.user,
            "dirs": {n: getattr(self, n) for n in ("images", "loaders", "scripts", "state")},
            "events": {"stdout": True},
            "site": {"name": "lab", "timezone": "UTC", "unknown": "ignore", "idle": "local"},
            "subnets": [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "dns": ["10.77.0.1"],
                         "pool": ["10.77.0.100", "10.77.0.199"], "lease": "1h"}],
            "hosts": [],
        }

    def put(self, kind, name, data):
        """Writes a file below "images", "loaders" or "scripts"; bytes or text."""
        path = os.path.join(getattr(self, kind), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".tmp", "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path + ".tmp", 0o644)
        os.rename(path + ".tmp", path)
        return path

    @property
    def config_path(self):
        return os.path.join(self.dir, "bootd.yaml")

    @property
    def stderr_path(self):
        return os.path.join(self.dir, "stderr")

    @property
    def stderr(self):
        with open(self.stderr_path, errors="replace") as f:
            return f.read()

    def write_config(self):
        with open(self.config_path, "w") as f:
            json.dump(self.config, f, indent=2)  # JSON is YAML

    def start(self, wait_ready=True):
        """Starts (again), with the configuration as it now is in .config."""
        self.write_config()
        first = len(self.events)
        with open(self.stderr_path, "ab") as err:
            self.proc = self.ns.popen(BOOTD, "-c", self.config_path, *self.argv,
                                      stdout=subprocess.PIPE, stderr=err)
        reader = threading.Thread(target=self._read, args=(self.proc.stdout,), daemon=True)
        reader.start()
        self._readers.append(reader)
        if wait_ready:
            self.wait(lambda ev: ev["kind"] == "bootd.ready", since=first)
        return self

    def _read(self, stream):
        for line in stream:
            ev = json.loads(line)
            with self._cond:
                self.events.append(ev)
                self._cond.notify_all()
        with self._cond:
            self._cond.notify_all()

    def wait(self, match, timeout=PATIENCE, since=0):
        """The first event (from index `since` on) for which match(ev) is true."""
        deadline = time.monotonic() + timeout
        at = since
        with self._cond:
            while True:
                while at < len(self.events):
                    if match(self.events[at]):
                        return self.events[at]
                    at += 1
                left = deadline - time.monotonic()
                dead = self.proc.poll() is not None and not self._readers[-1].is_alive()
                if left <= 0 or dead:
                    why = f"exited {self.proc.returncode}" if dead else f"none in {timeout} s"
                    raise AssertionError(f"no matching event: {why}\nevents:\n" + "\n".join(
                        map(json.dumps, self.events[since:])) + "\nstderr:\n" + self.stderr)
                self._cond.wait(min(left, 0.2))

    def find(self, kind, **fields):
        """All events so far of that kind whose members equal `fields`."""
        with self._cond:
            return [ev for ev in self.events if ev["kind"] == kind
                    and all(ev.get(k) == v for k, v in fields.items())]

    def stop(self, sig=signal.SIGTERM):
        """Ends the process; returns its exit status. A sanitizer's report fails the test."""
        if self.proc is None:
            return None
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        status = self.proc.wait(timeout=PATIENCE)
        for reader in self._readers:
            reader.join(timeout=PATIENCE)
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
            assert sign not in self.stderr, self.stderr
        return status

    def restart(self, sig=signal.SIGKILL):
        self.stop(sig)
        return self.start()

    def close(self):
        try:
            self.stop()
        finally:
            if self.proc is not None and self.proc.poll() is None:
                self.proc.kill()
                self.proc.wait()
            shutil.rmtree(self.dir, ignore_errors=True)


class AgentBootd(Bootd):
    """netboot-bootd under a fake agent: this object holds the other end of the socket.

    .send(t=…, …) sends a message; .frames are the ones that came, except events, which go to .events;
    .wait_frame(lambda m: …). .send_table(hosts, subnets, …) sends a whole table and waits for its ack;
    a host is {"host": {…}, "boot": {…} or None}."""

    def __init__(self, ns, overrides=None, user="nobody"):
        self.frames = []
        self.gen = 0
        self.sock = None
        super().__init__(ns, overrides, wait_ready=None, user=user)

    def default_config(self):
        config = super().default_config()
        for member in ("subnets", "hosts", "site", "events"):
            del config[member]
        return config

    def start(self, wait_ready=True, configure=True):
        if self.sock is not None:
            self.sock.close()
        self.sock, theirs = socket.socketpair()
        with open(self.stderr_path, "ab") as err:
            self.proc = self.ns.popen(BOOTD, "--agent-fd", theirs.fileno(), pass_fds=[theirs.fileno()],
                                      stdout=subprocess.DEVNULL, stderr=err)
        theirs.close()
        first = len(self.frames)
        reader = threading.Thread(target=self._read_frames, args=(self.sock,), daemon=True)
        reader.start()
        self._readers.append(reader)
        if configure:
            self.send(t="config", v=1, text=json.dumps(self.config))
        if wait_ready:
            self.wait_frame(lambda m: m["t"] == "ready", since=first)
        return self

    def send(self, **message):
        self.send_raw(json.dumps(message).encode())

    def send_raw(self, data):
        self.sock.sendall(struct.pack(">I", len(data)) + data)

    def _read_frames(self, sock):
        stream = sock.makefile("rb")
        while True:
            header = stream.read(4)
            if len(header) < 4:
                break
            message = json.loads(stream.read(struct.unpack(">I", header)[0]))
            with self._cond:
                if message["t"] == "event":
                    self.events.append(message["event"])
                else:
                    self.frames.append(message)
                self._cond.notify_all()
        with self._cond:
            self._cond.notify_all()

    def wait_frame(self, match, timeout=PATIENCE, since=0):
        deadline = time.monotonic() + timeout
        with self._cond:
            while True:
                for message in self.frames[since:]:
                    if match(message):
                        return message
                left = deadline - time.monotonic()
                dead = self.proc.poll() is not None and not self._readers[-1].is_alive()
                if left <= 0 or dead:
                    raise AssertionError(f"no matching frame\nframes: {self.frames[since:]}\n"
                                         f"events: {self.events}\nstderr:\n{self.stderr}")
                self._cond.wait(min(left, 0.2))

    def wait_ack(self, gen):
        return self.wait_frame(lambda m: m["t"] == "ack" and m["gen"] == gen)

    def send_host(self, host, boot=None):
        """One host, outside of a table; waits until it is in force."""
        self.gen += 1
        self.send(t="host", gen=self.gen, host=host, boot=boot)
        self.wait_ack(self.gen)

    def send_table(self, hosts, subnets=None, answer_unknown=False, idle="local"):
        self.gen += 1
        self.send(t="table_begin", gen=self.gen, site="lab", timezone="UTC",
                  answer_unknown=answer_unknown, idle=idle)
        for subnet in subnets or [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1",
                                   "dns": ["10.77.0.1"], "lease_s": 3600}]:
            self.send(t="subnet", subnet=subnet)
        for entry in hosts:
            self.send(t="host", gen=self.gen, **entry)
        self.send(t="table_end", gen=self.gen)
        self.wait_ack(self.gen)

    def close(self):
        try:
            super().close()
        finally:
            if self.sock is not None:
                self.sock.close()
