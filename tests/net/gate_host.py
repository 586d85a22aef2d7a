# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's services for tests of gates: PORT serves HTTP, PORT + 1 the same by TLS with a certificate of its own for another name.

    python3 gate_host.py ADDRESS PORT CERT
    /ok 200 · /status/N N · /moved 302 to /ok · /flood 200 and octets without an end · /silent nothing at all"""
import http.server
import socket
import ssl
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/silent":
            threading.Event().wait()
        status = int(path.rsplit("/", 1)[1]) if path.startswith("/status/") else 302 if path == "/moved" else 200 if path in ("/ok", "/flood") else 404
        self.send_response(status)
        if path == "/moved":
            self.send_header("Location", "/ok")
        if path == "/flood":
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET

    def handle_error(self, request, client_address):
        pass  # who asked is gone


address, port, cert = sys.argv[1], int(sys.argv[2]), sys.argv[3]
plain, tls = Server((address, port), Handler), Server((address, port + 1), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert)
tls.socket = context.wrap_socket(tls.socket, server_side=True)
threading.Thread(target=tls.serve_forever, daemon=True).start()
print("ready", flush=True)
plain.serve_forever()
