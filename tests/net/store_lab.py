# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's store of image files: the real netboot-agent, and an orchestrator and other servers played by the test.

    s = StoreSite()                        an agent of a site with its own servers: no namespace, no root
    s.want("d/vmlinuz", data, urls=[…])    what the site should hold; s.tell() makes the agent ask
    s.item(data) → what the agent said of it last; s.wait_held(data)
    o = Origin(); o.files["x"] = data      an HTTP server on loopback; o.url("x"); s.orch is one, too
    o.cut_every = 100000                   connections break after so many octets; o.wrong, o.ranges, o.status, …"""
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time

import netlab
from netlab import PATIENCE, until

AGENT = os.path.join(netlab.BUILD, "netboot-agent")
PIECE = 16 * 1024


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Origin:
    """Serves self.files by name, with Range, If-Range and ETag as RFC 9110 says, or badly when told."""

    def __init__(self, path=None):
        self.lock = threading.Lock()
        self.files = {}
        self.etags = {}
        self.requests = []       # (name, Range or None, status)
        self.octets = 0          # of bodies that were sent
        self.cut_every = 0       # a connection breaks after so many octets
        self.wrong = False       # one octet of each answer is another
        self.ranges = True
        self.status = 0          # answers with it instead
        self.redirect = None     # … and a redirect there
        self.down = False        # closes each connection at once
        self.stall = False       # sends nothing
        self.rate = 0            # octets a second and connection
        self.chunked = False     # its answers do not say where they end
        self.on_request = lambda name: None
        self.open_now = self.most_open = 0
        handler = self._handler()
        if path:
            class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
                daemon_threads = True
                request_queue_size = 128

                def get_request(self):
                    conn, _ = super().get_request()
                    return conn, ("agent", 0)

                def handle_error(self, *args):
                    pass
            self.server = Server(path, handler)
        else:
            class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
                daemon_threads = True
                allow_reuse_address = True
                request_queue_size = 128

                def handle_error(self, *args):
                    pass
            self.server = Server(("127.0.0.1", 0), handler)
            self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def post(self, path, doc):
        return 404, {}

    def send(self, handler, data, first):
        """The octets from `first` on that were asked for."""
        handler.body(data)

    def _handler(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def address_string(self):
                return "agent"

            def do_POST(self):
                doc = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer.post(self.path, doc)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                name = self.path.lstrip("/")
                outer.on_request(name)
                if outer.down:
                    self.close_connection = True
                    return
                with outer.lock:
                    data = outer.files.get(name)
                    etag = outer.etags.get(name) or (f'"{sha(data)[:16]}"' if data is not None else None)
                    wanted = self.headers.get("Range")
                status = outer.status or (404 if data is None else 200)
                first, last = 0, len(data or b"") - 1
                m = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted or "")
                if status == 200 and m and outer.ranges and self.headers.get("If-Range", etag) == etag:
                    status, first, last = 206, int(m.group(1)), min(int(m.group(2)), last)
                with outer.lock:
                    outer.requests.append((name, wanted, status))
                if outer.redirect:
                    status = 302
                if status not in (200, 206):
                    self.send_response(status)
                    if outer.redirect:
                        self.send_header("Location", outer.redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(status)
                if outer.chunked:
                    self.send_header("Connection", "close")
                else:
                    self.send_header("Content-Length", str(last + 1 - first))
                self.send_header("ETag", etag)
                if status == 206:
                    self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
                self.end_headers()
                outer.send(self, data[first:last + 1], first)

            def body(self, data):
                with outer.lock:
                    outer.open_now += 1
                    outer.most_open = max(outer.most_open, outer.open_now)
                try:
                    if outer.wrong and data:
                        data = bytes([data[0] ^ 1]) + data[1:]
                    sent = 0
                    for at in range(0, len(data), PIECE):
                        while outer.stall and not outer.down:
                            time.sleep(0.01)
                        if outer.down or (outer.cut_every and sent >= outer.cut_every):
                            self.close_connection = True
                            self.connection.close()
                            return
                        piece = data[at:at + PIECE]
                        self.wfile.write(piece)
                        sent += len(piece)
                        with outer.lock:
                            outer.octets += len(piece)
                        if outer.rate:
                            time.sleep(len(piece) / outer.rate)
                except OSError:
                    self.close_connection = True
                finally:
                    with outer.lock:
                        outer.open_now -= 1

        return Handler


class StoreOrchestrator(Origin):
    def __init__(self, path):
        self.cond = threading.Condition()
        self.version = 1
        self.wanted = []
        self.caps, self.timezone = [], ""
        self.items = {}   # sha256 -> what was said last
        self.said = []    # all reports
        self.events = []
        self.jobs = {}
        self.held = 0
        self.table = None
        super().__init__(path)

    def post(self, path, doc):
        with self.cond:
            if path == "/agent/v1/store":
                self.said.append(doc)
                for item in doc.get("items", []):
                    self.items[item["sha256"]] = item
                self.cond.notify_all()
                return 200, {"v": 1, "version": self.version, "wanted": self.wanted, "caps": self.caps,
                             "timezone": self.timezone}
            if path == "/agent/v1/poll":
                if not self.jobs:
                    self.cond.wait(0.1)
                return 200, {"v": 1, "table": None, "store": self.version,
                             "orders": [{"t": "job", "bundle": b} for b in self.jobs.values()]}
            if path == "/agent/v1/report":
                for i, ev in enumerate(doc["events"]):
                    if doc["first"] + i > self.held:
                        self.held = doc["first"] + i
                        self.events.append(ev)
                        if ev["kind"] in ("job.accepted", "job.refused"):
                            self.jobs.pop(ev.get("job"), None)
                return 200, {"v": 1, "acked": self.held}
            return 404, {}


class StoreSite:
    """`server`: the socket of a real orchestrator instead of one played here."""

    def __init__(self, images=None, store=None, server=None, site="far", **config):
        self.dir = tempfile.mkdtemp(prefix=f"nb{os.getpid()}-store-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.images = images or self.path("images")
        for name in ("scripts", "state") + (() if images else ("images",)):
            os.mkdir(self.path(name))
        open(self.path("nginx.log"), "w").close()
        self.orch = None if server else StoreOrchestrator(self.path("orch.sock"))
        self.agent = None
        config = {"site": site, "orchestrator": f"unix:{server or self.path('orch.sock')}", "state_dir": self.path("state"),
                  "image_store": {"min_free_mb": 0, **(store or {})},
                  "own_servers": {"dirs": {"images": self.images, "scripts": self.path("scripts")},
                                  "logs": [{"format": "nginx", "file": self.path("nginx.log")}]}, **config}
        with open(self.path("agent.yaml"), "w") as f:
            json.dump(config, f)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def image(self, *parts):
        return os.path.join(self.images, *parts)

    def want(self, path, data, serve=True, **more):
        if serve:
            self.orch.files[f"agent/v1/blob/{sha(data)}"] = data
        paths = [path] if isinstance(path, str) else path
        with self.orch.cond:
            self.orch.wanted.append({"sha256": sha(data), "size": len(data), "paths": paths, "images": ["d"], **more})
            self.orch.version += 1

    def unwant(self, data):
        with self.orch.cond:
            self.orch.wanted = [w for w in self.orch.wanted if w["sha256"] != sha(data)]
            self.orch.version += 1

    def start(self):
        self.log = open(self.path("agent.log"), "a")
        self.agent = subprocess.Popen([AGENT, "-d", "-c", self.path("agent.yaml")], stderr=self.log,
                                      stdin=subprocess.DEVNULL)

    def kill(self, sig=signal.SIGKILL):
        self.agent.send_signal(sig)
        self.agent.wait(PATIENCE)

    def item(self, data):
        return self.orch.items.get(sha(data), {})

    def stderr(self):
        with open(self.path("agent.log")) as f:
            return f.read()

    def wait_state(self, data, state, code=None, timeout=PATIENCE):
        def there():
            it = self.item(data)
            return it.get("state") == state and (code is None or it.get("code") == code)
        try:
            until(there, timeout=timeout, what=f"state {state} {code or ''}")
        except Exception:
            print(self.stderr()[-6000:], self.item(data))
            raise
        return self.item(data)

    def wait_held(self, data, timeout=PATIENCE):
        return self.wait_state(data, "held", timeout=timeout)

    def read(self, *path):
        with open(self.image(*path), "rb") as f:
            return f.read()

    def parts(self):
        d = self.image(".store", "part")
        return sorted(os.listdir(d)) if os.path.isdir(d) else []

    def close(self):
        if self.agent and self.agent.poll() is None:
            self.agent.terminate()
            code = self.agent.wait(PATIENCE)
            assert code == 0, f"agent ended with {code}: {self.stderr()[-4000:]}"
        if self.orch:
            self.orch.close()
        shutil.rmtree(self.dir)
