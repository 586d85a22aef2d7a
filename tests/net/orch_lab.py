# SPDX-License-Identifier: GPL-3.0-or-later
"""The real netboot-orchestrator on a unix socket in a folder of its own, and a stand-in for its agents.

o = Orch(dir)                  starts it; o.get/post/patch/delete(path, body, **headers) -> Answer
o.kill() · o.start()           SIGKILL and again on the same database
a = Agent(o, "local")          a.poll() -> answer · a.report(events) · a.run_job(id) …
No root is needed."""
import ctypes
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time

import openapi
from netlab import BUILD, PATIENCE, until

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, body, headers):
        self.status, self.etag, self.allow = status, headers.get("ETag"), headers.get("Allow")
        is_json = (headers.get("Content-Type") or "").split(";")[0] in ("application/json", "application/problem+json")
        self.json = json.loads(body) if body and is_json else None
        self.text = None if is_json else body.decode()

    @property
    def code(self):
        return self.json.get("code")

    @property
    def codes(self):
        return [e["code"] for e in self.json.get("errors", [])]


class Orch:
    """`clock`: the time of day that it sees (skew.Skew)."""

    def __init__(self, folder, start=True, database=None, fsize=None, config="", clock=None):
        self.dir = str(folder)
        self.clock = clock
        self.socket = self.path("o.sock")
        self.database = database or self.path("o.db")
        self.log_path = self.path("log")
        self.proc = None
        self.put_file("images/deb/vmlinuz", b"kernel")
        self.put_file("images/deb/initrd.gz", b"initrd")
        with open(self.path("o.yaml"), "w") as f:
            f.write(f"database: {self.database}\nsocket: {self.socket}\nimages_root: {self.path('images')}\n"
                    f"key_file: {self.path('o.key')}\n{config}"
                    + ("" if "web:" in config else "web: {listen: []}\n"))
        if start:
            self.start(fsize=fsize)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def put_file(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    def spawn(self, *args, fsize=None):
        def limit():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if fsize:
                resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))
        log = open(self.log_path, "ab")
        before = self.clock.argv if self.clock else []
        proc = subprocess.Popen([*before, os.path.join(BUILD, "netboot-orchestrator"), "-c", self.path("o.yaml"), *args],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=limit)
        log.close()
        return proc

    def start(self, fsize=None):
        before = self.log.count("serving on")
        self.proc = self.spawn(fsize=fsize)
        until(lambda: self.log.count("serving on") > before or self.proc.poll() is not None, "the start")
        assert self.proc.poll() is None, self.log

    @property
    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        """SIGTERM; a sanitizer's complaint shows as a status other than 0."""
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                assert self.proc.wait(PATIENCE) == 0, self.log
            finally:
                self.proc.kill()
                self.proc.wait()
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log

    def call(self, method, path, body=None, timeout=PATIENCE, **headers):
        c = Connection(self.socket, timeout)
        try:
            text = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
            c.request(method, path if path.startswith(("/agent/", "/metrics")) else "/api/v1" + path, text,
                      {k.replace("_", "-"): v for k, v in headers.items()})
            r = c.getresponse()
            answer = Answer(r.status, r.read(), r.headers)
            if not path.startswith("/agent/"):
                lines = answer.text if "ndjson" in (r.getheader("Content-Type") or "") else None
                openapi.check(method, path, r.status, r.getheader("Content-Type"), lines or answer.json)
            return answer
        finally:
            c.close()

    def get(self, path, **h):
        return self.call("GET", path, **h)

    def post(self, path, body=None, **h):
        return self.call("POST", path, {} if body is None else body, **h)

    def patch(self, path, body, **h):
        return self.call("PATCH", path, body, **h)

    def delete(self, path, **h):
        return self.call("DELETE", path, **h)

    def apply(self, document, dry_run=False, **h):
        return self.post("/apply", {"document": document, "dry_run": dry_run}, **h)

    def order(self, hosts, kind="reinstall", reason="INC-1", key=None, **more):
        return self.post("/jobs", {"kind": kind, "hosts": hosts, "reason": reason, **more},
                         **({"Idempotency_Key": key} if key else {}))

    def job(self, ident):
        return self.get(f"/jobs/{ident}").json

    def events(self, query=""):
        items, after = [], 0
        while True:
            page = self.get(f"/events?limit=1000&after={after}{query}").json
            items += page["items"]
            if not page["next"]:
                return items
            after = int(page["next"])

    def follow(self, query="", **headers):
        return Follower(self, query, headers)


class Follower:
    """A client of the event stream; .items grows as events come."""

    def __init__(self, orch, query, headers):
        self.items, self.ids, self.last = [], [], None
        self.conn = Connection(orch.socket, 600)
        self.conn.request("GET", f"/api/v1/events?follow=1{query}", headers=headers)
        self.response = self.conn.getresponse()
        assert self.response.status == 200
        assert self.response.getheader("Content-Type") == "text/event-stream"
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.response:
                line = line.decode().rstrip("\n")
                if line.startswith("id: "):
                    self.last = int(line[4:])  # also without an event: where the stream begins
                elif line.startswith("data: {"):
                    self.ids.append(self.last)
                    self.items.append(json.loads(line[6:]))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass

    def close(self):
        sock = self.conn.sock or self.response.fp.raw._sock
        sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.conn.close()


def make_id(number):
    text = ""
    for _ in range(15):
        text = ALPHABET[number % 32] + text
        number //= 32
    return "0" + text


class Agent:
    """Speaks docs/protocol.md; keeps its numbered events as the spool does, until they are acknowledged."""

    def __init__(self, orch, site="local", number=1):
        self.orch, self.site, self.id = orch, site, make_id(number)
        self.table = 0
        self.says = {}  # further members of its polls
        self.first, self.spool = 1, []

    def poll(self, wait_s=0, table=None, **kw):
        return self.orch.call("POST", "/agent/v1/poll", {
            "v": 1, "site": self.site, "agent": self.id, "table": self.table if table is None else table,
            "wait_s": wait_s, **self.says}, **kw)

    def send(self, first, events, calls=()):
        return self.orch.call("POST", "/agent/v1/report", {
            "v": 1, "site": self.site, "agent": self.id, "first": first, "events": events, "calls": list(calls)})

    def event(self, kind, job=None, host="edge01", **detail):
        at = time.time()
        ev = {"at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z",
              "kind": kind, "site": self.site, "host": host}
        for key in ("boot", "reason", "file", "bytes", "total", "arch", "ip"):
            if key in detail:
                ev[key] = detail.pop(key)
        if job:
            ev["job"] = job
        if detail:
            ev["detail"] = detail
        return ev

    def report(self, *events, calls=()):
        """Adds events to the spool and hands over all that is not acknowledged."""
        self.spool += events
        answer = self.send(self.first, self.spool, calls)
        assert answer.status == 200, answer.json
        done = answer.json["acked"] - self.first + 1
        if done > 0:
            self.spool = self.spool[done:]
            self.first += done
        return answer

    def stage(self, job, stage, state="entered", attempt=1, **more):
        return self.event("job.stage", job, stage=stage, state=state, attempt=attempt, **more)


HOSTS = 3


def host(n, **more):
    return {"name": f"edge{n:02d}", "site": "local", "nics": [{"mac": f"52:54:00:77:00:{n:02x}", "ip": f"10.77.0.{n + 10}"}],
            "bmc": {"address": f"10.9.0.{n}", "user": "admin", "password": f"secret-{n}"}, "image": "debian",
            "labels": {"role": "cdn" if n % 2 else "origin"}, **more}


def image(name="debian", kind="reinstall", **more):
    return {"name": name, "kind": kind, "kernel": {"path": "deb/vmlinuz"}, "initrds": [{"path": "deb/initrd.gz"}],
            "args": "auto=true url=${report}", "reports": ["up", "installed"], "local_boot": kind == "reinstall", **more}


def site(name="local", **more):
    return {"name": name, "timezone": "Africa/Johannesburg", "url": "http://10.77.0.1",
            "subnets": [{"prefix": "10.77.0.0/24", "gateway": "10.77.0.1", "lease_s": 3600}], **more}


def document(hosts=HOSTS):
    return {"sites": [site()], "images": [image(), image("live", "live"), image("rescue", "rescue")],
            "hosts": [host(n) for n in range(1, hosts + 1)]}
