# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the orchestrator's REST interface, for tests of netboot-ctl: answers are set by the
test, requests are kept, events are streamed as they are added. It speaks HTTP/1.1 on a unix
socket, and can be stopped and started again on the same path."""
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

from netlab import BUILD, PATIENCE, ROOT  # noqa: F401

CTL = os.path.join(BUILD, "netboot-ctl")


class Lines(list):
    """An answer that is a stream of JSON lines."""


class Request:
    def __init__(self, method, path, query, headers, body):
        self.method, self.path, self.query = method, path, query
        self.headers, self.body = headers, body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        rq = Request(self.command, urllib.parse.unquote(url.path), query, dict(self.headers), body)
        fake = self.server.fake
        with fake.lock:
            fake.requests.append(rq)
        if rq.path == "/api/v1/events" and "follow" in query:
            fake.stream(self, query)
            return
        if fake.lose_answers > 0:
            fake.lose_answers -= 1
            self.close_connection = True
            return
        status, answer, etag = fake.answer(rq)
        lines = isinstance(answer, Lines)
        data = "".join(json.dumps(line) + "\n" for line in answer).encode() if lines else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-ndjson" if lines else
                         "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(data)))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *args):
        super().__init__(*args)
        self.connections = set()

    def get_request(self):
        conn, address = super().get_request()
        self.connections.add(conn)
        return conn, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def close_all(self):
        """As when the server's process ends: a client may not go on with a connection that it kept."""
        self.server_close()
        for conn in list(self.connections):
            try:
                conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # its handler has just closed it

    def handle_error(self, request, client_address):
        pass  # a client that goes away mid-stream is part of the tests


class Fake:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix=f"ctl{os.getpid()}-")
        self.path = os.path.join(self.dir, "s.sock")
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.requests, self.events, self.routes = [], [], []
        self.server = self.thread = None
        self.generation = 0
        self.ends = []
        self.lose_answers = 0  # so many requests are taken and not answered
        self.on("GET", "/api/v1/sites", {"items": [{"name": "los", "timezone": "Africa/Lagos"}],
                                         "next": None})
        self.start()

    # -- answers

    def on(self, method, path, answer, status=200, etag=None):
        """`answer` is a document, or a function of the request that returns one (or a pair of
        status and document). The latest rule wins; `path` may be a pattern."""
        with self.lock:
            self.routes.insert(0, (method, re.compile(path + r"\Z"), answer, status, etag))

    def answer(self, rq):
        with self.lock:
            for method, path, answer, status, etag in self.routes:
                if method == rq.method and path.match(rq.path):
                    got = answer(rq) if callable(answer) else answer
                    if isinstance(got, tuple):
                        return got[0], got[1], etag
                    return status, got, etag
        return 404, {"status": 404, "title": "Not Found", "detail": f"no {rq.path}",
                     "code": "not-found"}, None

    def problem(self, status, code, detail, next_step="", errors=None):
        return status, {"type": "about:blank", "title": "x", "status": status, "code": code,
                        "detail": detail, "next": next_step, "errors": errors or []}

    def find(self, method, path):
        with self.lock:
            return [r for r in self.requests if r.method == method and r.path == path]

    # -- events

    def add_event(self, kind, job="", at="2026-01-31T09:30:00.000Z", host="edge01", **members):
        with self.lock:
            ev = dict({"seq": len(self.events) + 1, "at": at, "kind": kind, "host": host,
                       "site": "los", "job": job}, **members)
            self.events.append(ev)
            self.changed.notify_all()

    def stage(self, job, stage, state, at, **detail):
        self.add_event("job.stage", job, at, detail=dict({"stage": stage, "state": state,
                                                          "attempt": 1}, **detail))

    def stream(self, handler, query):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        sent = int(query.get("after", len(self.events)))
        generation = self.generation
        while True:
            with self.lock:
                self.changed.wait_for(
                    lambda: len(self.events) > sent or self.generation != generation, 1.0)
                if self.generation != generation:
                    handler.close_connection = True
                    return
                fresh = [e for e in self.events[sent:]
                         if query.get("job") in (None, e["job"])]
                sent = len(self.events)
            for ev in fresh:
                handler.wfile.write(f"id: {ev['seq']}\ndata: {json.dumps(ev)}\n\n".encode())
                handler.wfile.flush()

    # -- life

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path, Handler)
        self.server.fake = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        with self.lock:
            self.generation += 1
            self.changed.notify_all()
        self.server.shutdown()
        self.server.close_all()
        os.unlink(self.path)

    def at_end(self, function):
        self.ends.append(function)

    def close(self):
        for function in self.ends:
            function()
        if os.path.exists(self.path):
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- the client

    def env(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("NETBOOT_")}
        env.update({"NETBOOT_SERVER": f"unix:{self.path}", "TERM": "xterm", **more})
        return env

    def run(self, *argv, stdin="", timeout=2 * PATIENCE, **env):
        """netboot-ctl to its end, without a terminal."""
        return subprocess.run([CTL, *argv], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout,
                              env=self.env(**env), check=False)

    def popen(self, *argv, **kw):
        p = subprocess.Popen([CTL, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=self.env(), **kw)
        self.at_end(lambda: (p.kill(), p.wait()))
        return p

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path


class Terminal:
    """netboot-ctl on a terminal."""

    def __init__(self, fake, *argv):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execvpe(CTL, [CTL, *argv], fake.env())
        self.pid, self.text = pid, ""
        fake.at_end(self.kill)

    def kill(self):
        """Of a test that failed before its end()."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)

    def read_until(self, pattern, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.text!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    got = os.read(self.fd, 65536)
                except OSError:
                    got = b""
                assert got or re.search(pattern, self.text), f"ended: {self.text!r}"
                self.text += got.decode()

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        try:
            while True:
                got = os.read(self.fd, 65536)
                if not got:
                    break
                self.text += got.decode()
        except OSError:
            pass
        os.close(self.fd)
        pid, self.pid = self.pid, None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def unused_socket():
    """A path on which nobody listens."""
    d = tempfile.mkdtemp(prefix=f"ctl{os.getpid()}-")
    path = os.path.join(d, "none.sock")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    return d, path
