#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of netboot's webhooks to begin with: checks the signature and the time, skips what it has had already, and
prints one line for each event. webhook_receiver.py SECRET_FILE [PORT]; put TLS before it."""
import collections
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

OLDEST_S = 300
SEEN_S = 4 * 86400  # a delivery is repeated for three days


def title(body):
    """Of a JSON body its title, of a text or a template the text."""
    try:
        return json.loads(body)["title"]
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")


class Handler(http.server.BaseHTTPRequestHandler):
    secret, seen, lock = b"", collections.OrderedDict(), threading.Lock()

    def header(self, name):
        return self.headers.get(name, "").encode("latin-1", "replace")

    def verdict(self, body):
        delivery, at = self.header("Netboot-Delivery"), self.header("Netboot-Timestamp")
        text = b".".join([delivery, at, body])
        want = b"v1=" + hmac.new(self.secret, text, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(want, self.header("Netboot-Signature")):
            return 403
        now = time.time()
        if not at.isdigit() or abs(now - int(at)) > OLDEST_S:
            return 403
        with self.lock:
            while self.seen and next(iter(self.seen.values())) < now - SEEN_S:
                self.seen.popitem(last=False)
            if delivery not in self.seen:  # at least once: the same id is the same delivery
                print(title(body), flush=True)
                self.seen[delivery] = now  # not before it was handled: what failed comes again
        return 204

    def do_POST(self):
        self.send_response(self.verdict(self.rfile.read(int(self.headers.get("Content-Length") or 0))))
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as f:
        Handler.secret = f.readline().rstrip(b"\r\n")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8088), Handler).serve_forever()
