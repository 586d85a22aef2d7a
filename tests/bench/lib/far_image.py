# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench/far_image.sh runs: far_image.py SIZE_MB CUTS."""
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
import netlab  # noqa: E402
from far_line import FarLine  # noqa: E402
from store_lab import StoreSite, sha  # noqa: E402

PORT = 8300
CUT_S = 10
RATE_KBIT = 10000
CHANGED = 0.03

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.err;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; default_type application/octet-stream; client_max_body_size 64m;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen {address}:{port}; root {dir}/www;
    location / {{ try_files $uri @app; }}
    location @app {{ proxy_pass http://unix:{dir}/orch.sock:; proxy_read_timeout 60s; }} }} }}
"""

# The agent knows an orchestrator by http:// only on its own machine: this address of it leads over the line.
ADDRESS = "127.0.0.10"


def lead_over(line, near, far):
    for ns in (near, far):
        ns.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1", "net.ipv4.conf.far0.route_localnet=1")
    far.run("ip", "route", "del", "local", "127.0.0.0/8", "dev", "lo", "table", "local")
    far.run("ip", "route", "add", f"{ADDRESS}/32", "via", line.near_ip, "dev", "far0", "src", line.far_ip)


def publish(s, name, data):
    path = s.path("www", "agent", "v1", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def made(size, rng):
    """Octets that do not compress, quickly."""
    return b"".join(rng.randbytes(1000 * 1000) for _ in range(size // (1000 * 1000)))


def changed(old, rng):
    """The next version: pieces of 64 KiB differ here and there, CHANGED of them all."""
    new, piece = bytearray(old), 65536
    for at in rng.sample(range(0, len(old) - piece, piece), int(len(old) * CHANGED / piece)):
        new[at:at + piece] = rng.randbytes(piece)
    return bytes(new)


class Watch:
    """Cuts the line at even shares of the file; how long it was up until the file was there."""

    def __init__(self, s, line, data, cuts):
        self.s, self.line, self.data = s, line, data
        self.marks = [len(data) * (i + 1) // (cuts + 1) for i in range(cuts)]

    def got(self):
        part = self.s.image(".store", "part", sha(self.data) + ".map")
        try:
            with open(part) as f:
                return sum(int(b) - int(a) for a, b in (r.split("-") for r in f.read().splitlines()[1:]))
        except OSError:
            return 0

    def run(self, done, limit):
        begin, down, before = time.monotonic(), 0, self.line.octets()[0]
        while not done():
            assert time.monotonic() - begin < limit, f"not there after {limit} s: {self.got()}\n{self.s.stderr()[-3000:]}"
            if self.marks and self.got() >= self.marks[0]:
                self.marks.pop(0)
                self.line.cut()
                since = time.monotonic()
                time.sleep(CUT_S)
                self.line.heal()
                down += time.monotonic() - since
                print(f"  cut at {time.monotonic() - begin:.0f} s, {self.got() / 1e6:.0f} MB there", file=sys.stderr)
            time.sleep(0.1)
        seconds = time.monotonic() - begin - down
        return seconds, self.line.octets()[0] - before


def held(s, data):
    return lambda: s.item(data).get("state") == "held"


def main(size_mb, cuts):
    near, far = netlab.Namespace("near"), netlab.Namespace("far")
    line = nginx = s = None
    rng = random.Random(1)
    try:
        line = FarLine(near, far, rate_kbit=RATE_KBIT)
        s = StoreSite(orchestrator=f"http://{ADDRESS}:{PORT}")
        with open(s.path("nginx.conf"), "w") as f:
            f.write(NGINX.format(dir=s.dir, address=ADDRESS, port=PORT))
        os.makedirs(s.path("www"))
        nginx = near.popen("nginx", "-c", s.path("nginx.conf"), "-e", s.path("nginx.err"))
        lead_over(line, near, far)
        os.chmod(s.path("orch.sock"), 0o777)
        old = made(size_mb * 1000 * 1000, rng)
        new = changed(old, rng)
        publish(s, f"blob/{sha(old)}", old)
        s.want("d/root.img", old, serve=False)
        s.log = open(s.path("agent.log"), "a")
        s.agent = far.popen(os.path.join(netlab.BUILD, "netboot-agent"), "-d", "-c", s.path("agent.yaml"), stderr=s.log)
        seconds, wire = Watch(s, line, old, cuts).run(held(s, old), 60 + size_mb * 8 * 3)
        assert s.read("d", "root.img") == old
        share = len(old) * 8 / 1000 / seconds / RATE_KBIT
        for name, data in (("old", old), ("new", new)):
            with open(s.path(name), "wb") as f:
                f.write(data)
        subprocess.run(["zstd", "-q", "-f", "--long=31", "--patch-from", s.path("old"), s.path("new"), "-o", s.path("delta")],
                       check=True)
        with open(s.path("delta"), "rb") as f:
            delta = f.read()
        publish(s, f"delta/{sha(old)}/{sha(new)}", delta)
        s.unwant(old)
        s.want("d/root.img", new, serve=False, deltas=[{"from": sha(old), "sha256": sha(delta), "size": len(delta)}])
        seconds2, wire2 = Watch(s, line, new, 0).run(held(s, new), 60 + size_mb * 8)
        assert s.read("d", "root.img") == new and s.item(new)["source"] == "delta"
        if os.environ.get("LOG"):
            print(s.stderr(), file=sys.stderr)
        print(f"{size_mb} MB in {seconds:.0f} s of an open line through {cuts} cuts: {100 * share:.1f} % of its rate; "
              f"{100 * wire / len(old):.1f} % of the file's octets crossed it")
        print(f"the next version, {100 * CHANGED:.0f} % changed: {seconds2:.0f} s, {100 * wire2 / len(new):.1f} % of it")
        print(json.dumps({"bench": "far_image", "size_mb": size_mb, "cuts": cuts, "netem": line.netem,
                          "seconds": round(seconds, 1), "share": round(share, 3), "octets_crossed": wire,
                          "delta_seconds": round(seconds2, 1), "delta_octets": len(delta), "delta_octets_crossed": wire2}))
    finally:
        if s and s.agent:
            s.agent.terminate()
            s.agent.wait()
        if nginx:
            nginx.terminate()
            nginx.wait()
        if s:
            s.close()
        if line:
            line.close()
        near.close()
        far.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
