# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of webhooks on loopback that can be made to fail, and keeps what it was sent.

r = Receiver()            .url · .got: every request · .taken: those that were answered with 2xx, in order
r.behave("500"|"hang"|"redirect"|"ok"|NUMBER) · r.close(), r.open(): nobody listens, and again on the same port"""
import hashlib
import hmac
import http.server
import json
import socket
import socketserver
import ssl
import threading

from netlab import PATIENCE


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def process_request(self, request, client_address):
        self.connections = [*getattr(self, "connections", []), request]
        super().process_request(request, client_address)

    def hang_up(self):
        """Connections that are kept alive end with the server."""
        for c in getattr(self, "connections", []):
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def id(self):
        return self.headers["Netboot-Delivery"]

    @property
    def seq(self):
        return int(self.headers["Netboot-Event-Id"])

    def signed_by(self, secret):
        """The signature as RFC 2104 and docs/operations.md have it, computed by Python's own hmac."""
        text = b".".join([self.id.encode(), self.headers["Netboot-Timestamp"].encode(), self.body])
        return self.headers.get("Netboot-Signature") == "v1=" + hmac.new(secret, text, hashlib.sha256).hexdigest()


class Receiver:
    def __init__(self, certificate=None):
        self.certificate = certificate
        self.before_answer = None  # called once, before the next answer
        self.got, self.taken, self.how = [], [], "ok"
        self.page = b""  # the body of answers
        self.more = {}  # headers of answers
        self.lock, self.release = threading.Lock(), threading.Event()
        self.port, self.server = 0, None
        self.open()

    @property
    def url(self):
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self.port}/hooks/s3cr3t-path?token=s3cr3t-query"

    def behave(self, how):
        self.how = how
        if how != "hang":
            self.release.set()
            self.release = threading.Event()

    def open(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, self.headers, body)
                with receiver.lock:
                    receiver.got.append(request)
                    how, release = receiver.how, receiver.release
                if how == "hang":
                    release.wait(PATIENCE)
                    self.close_connection = True
                    return
                if receiver.before_answer:
                    call, receiver.before_answer = receiver.before_answer, None
                    call()
                status = {"ok": 204, "500": 500, "redirect": 302}.get(how, how)
                if 200 <= status < 300:
                    with receiver.lock:
                        receiver.taken.append(request)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url)
                for name, value in receiver.more.items():
                    self.send_header(name, value)
                page = b"" if status == 204 else receiver.page
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        if self.server:
            self.release.set()
            self.server.shutdown()
            self.server.hang_up()
            self.server.server_close()
            self.server = None
