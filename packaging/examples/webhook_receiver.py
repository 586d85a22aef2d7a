#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of netboot's webhooks to begin with: checks the signature and the time, skips what it has had already, and
prints one line for each event. webhook_receiver.py SECRET_FILE [PORT]; put TLS before it."""
import hashlib
import hmac
import http.server
import json
import sys
import time

OLDEST_S = 300


class Handler(http.server.BaseHTTPRequestHandler):
    secret, seen = b"", set()

    def verdict(self, body):
        at = self.headers.get("Netboot-Timestamp", "")
        want = "v1=" + hmac.new(self.secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(want, self.headers.get("Netboot-Signature", "")):
            return 403
        if not at.isdigit() or abs(time.time() - int(at)) > OLDEST_S:
            return 403
        delivery = self.headers["Netboot-Delivery"]
        if delivery not in self.seen:  # at least once: the same id is the same delivery
            self.seen.add(delivery)
            print(json.loads(body).get("title"), flush=True)
        return 204

    def do_POST(self):
        self.send_response(self.verdict(self.rfile.read(int(self.headers.get("Content-Length") or 0))))
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as f:
        Handler.secret = f.readline().rstrip(b"\r\n")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8088), Handler).serve_forever()
