# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench/far_image.sh runs: far_image.py SIZE_MB CUTS."""
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
import netlab  # noqa: E402
from far_lab import FarSite  # noqa: E402
from netlab import until  # noqa: E402
from whole_lab import program  # noqa: E402

CUT_S = 10
RATE_KBIT = 10000
CHANGED = 0.03
NAME = "d/root.img"


def made(size, rng):
    """Octets that do not compress, quickly."""
    return b"".join(rng.randbytes(1000 * 1000) for _ in range(size // (1000 * 1000)))


def changed(old, rng):
    """The next version: pieces of 64 KiB differ here and there, CHANGED of them all."""
    new, piece = bytearray(old), 65536
    for at in rng.sample(range(0, len(old) - piece, piece), int(len(old) * CHANGED / piece)):
        new[at:at + piece] = rng.randbytes(piece)
    return bytes(new)


class ImageSite(FarSite):
    """The site's images are elsewhere than the orchestrator's, and come over the line."""

    def __init__(self, lan):
        super().__init__(lan, delay_ms=150, rate_kbit=RATE_KBIT, loss=2)
        os.makedirs(self.path("far"))

    def agent_config(self, deadlines):
        config = super().agent_config(deadlines)
        config["boot_services"]["dirs"]["images"] = self.path("far")
        return config

    def start_agent(self):
        self.spawn("agent", program("netboot-agent"), *(["-d"] if os.environ.get("LOG") else []), "-c", self.path("agent.yaml"))

    def document(self):
        doc = super().document()
        if os.path.exists(self.path("images", NAME)):
            doc["images"][0]["files"] = [{"path": NAME}]
        return doc

    def publish(self):
        """What is beside it in its place, and told, as an operator does."""
        os.rename(self.path("images/d/new"), self.path("images", NAME))
        self.apply()

    def row(self):
        return next(i for i in self.json("image", "status")["items"] if i["image"] == "debian")

    def there(self, data):
        try:
            if os.path.getsize(self.path("far", NAME)) != len(data):
                return False
            with open(self.path("far", NAME), "rb") as f:
                return f.read() == data
        except FileNotFoundError:
            return False

    def got(self):
        """Octets of the file that is under way, by the store's own record."""
        folder, total = self.path("far", ".store", "part"), 0
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith(".map"):
                ranges = self.read(f"far/.store/part/{name}").splitlines()[1:]
                total += sum(int(b) - int(a) for a, b in (r.split("-") for r in ranges))
        return total


def watch(s, data, cuts, limit):
    """Publishes the file and cuts the line at even shares of it; how long the line was up until it was there, and what crossed it."""
    marks = [len(data) * (i + 1) // (cuts + 1) for i in range(cuts)]
    s.write("images/d/new", data)
    crossed, begin, down = s.line.octets()[0], time.monotonic(), 0
    s.publish()
    print(f"  told after {time.monotonic() - begin:.1f} s", file=sys.stderr)
    while not os.path.exists(s.path("far", NAME)) or not s.there(data):
        assert time.monotonic() - begin < limit, f"not there after {limit} s: {s.got()}\n{s.read('agent.log')[-3000:]}"
        if marks and s.got() >= marks[0]:
            marks.pop(0)
            s.line.cut()
            since = time.monotonic()
            time.sleep(CUT_S)
            s.line.heal()
            down += time.monotonic() - since
            print(f"  cut at {since - begin:.0f} s, {s.got() / 1e6:.0f} MB there", file=sys.stderr)
        time.sleep(0.1)
    return time.monotonic() - begin - down, s.line.octets()[0] - crossed


def main(size_mb, cuts):
    rng = random.Random(1)
    lan = s = None
    try:
        lan = netlab.Lan()
        s = ImageSite(lan).start()
        s.stocked()
        old = made(size_mb * 1000 * 1000, rng)
        new = changed(old, rng)
        seconds, wire = watch(s, old, cuts, 60 + size_mb * 8 * 3)
        share = len(old) * 8 / 1000 / seconds / RATE_KBIT
        until(lambda: s.row()["state"] == "held", "the orchestrator to know it")
        seconds2, wire2 = watch(s, new, 0, 60 + size_mb * 8)
        assert "from delta" in s.read("agent.log"), s.read("agent.log")[-3000:]
        if os.environ.get("LOG"):
            print(s.read("agent.log"), file=sys.stderr)
        print(f"{size_mb} MB in {seconds:.0f} s of an open line through {cuts} cuts: {100 * share:.1f} % of its rate; "
              f"{100 * wire / len(old):.1f} % of the file's octets crossed it")
        print(f"the next version, {100 * CHANGED:.0f} % changed: {seconds2:.0f} s, {100 * wire2 / len(new):.1f} % of it")
        print(json.dumps({"bench": "far_image", "size_mb": size_mb, "cuts": cuts, "netem": s.line.netem,
                          "seconds": round(seconds, 1), "share": round(share, 3), "octets_crossed": wire,
                          "delta_seconds": round(seconds2, 1), "delta_octets_crossed": wire2}))
    finally:
        if s:
            s.close()
        if lan:
            lan.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
