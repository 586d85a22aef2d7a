# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of tests/bench/bmc.sh: simulated BMCs, the clients in turn, and what the kernel says they cost."""
import argparse
import ipaddress
import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["NETBOOT_BUILD"]
HERE = os.path.dirname(os.path.abspath(__file__))
USER, PASSWORD, PORT = "admin", "secret17", 9623
BASE = int(ipaddress.ip_address("127.77.0.0"))
GIVE_UP = 5  # seconds that a dead BMC gets from either client
LIMIT = 300  # seconds, for any one run

ANSWERS = {
    "engine": re.compile(rb'"bmc":"([\d.]+):\d+".*"power":"(?:on|off)"'),
    "ipmipower": re.compile(rb"^([\d.]+)(?::\d+)?: (?:on|off)$"),
    "ipmitool": re.compile(rb"^Chassis Power is (?:on|off)$"),
}


def address(i):
    return str(ipaddress.ip_address(BASE + i))


def ranges(begin, end):
    """Those addresses in ipmipower's words: ten thousand would be too long for an argument."""
    for first in range(begin, end, 256):
        last = min(end, first + 256) - 1
        net = address(first).rsplit(".", 1)[0]
        yield f"{net}.[0-{last - first}]:{PORT}" if last > first else f"{net}.0:{PORT}"


class Bench:
    def __init__(self, options):
        self.o = options
        self.ns = f"nbbench{os.getpid()}"
        self.dir = tempfile.TemporaryDirectory(prefix="nbbench")
        self.sim = None
        self.control = None

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)

    def open(self):
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        subprocess.run(["ip", "-n", self.ns, "link", "set", "lo", "up"], check=True)
        subprocess.run(["cc", "-O2", "-o", self.path("usage"), f"{HERE}/usage.c"], check=True)

    def close(self):
        self.stop()
        subprocess.run(["ip", "netns", "del", self.ns], check=False)
        self.dir.cleanup()

    def start(self, n, delay):
        self.write("bmcs", f"{address(0)}+{n}:{PORT} {USER} {PASSWORD} operator delay_ms={delay}\n")
        self.sim = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, f"{BUILD}/tests/fake/bmcsim", "-c", self.path("bmcs"), "-s", self.path("sock")],
            stdout=subprocess.PIPE)
        if not self.sim.stdout.readline().startswith(b"ready"):
            sys.exit("bmc.sh: bmcsim does not start")
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(self.path("sock"))

    def stop(self):
        if self.sim is not None:
            self.control and self.control.close()
            self.sim.terminate()
            self.sim.wait(30)
        self.sim = None

    def tell(self, line):
        self.control.sendall(line.encode() + b"\n")
        if not self.control.recv(4096).startswith(b"ok"):
            sys.exit(f"bmc.sh: bmcsim refuses: {line}")

    def sim_cpu(self):
        with open(f"/proc/{self.sim.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def command(self, client, n):
        if client == "engine":
            return [f"{BUILD}/tests/fake/bmcctl", "-u", USER, "-C", "17", "-t", str(GIVE_UP), "status", f"{address(0)}+{n}:{PORT}"]
        if client == "ipmipower":
            self.write("ipmipower.conf", f"driver-type LAN_2_0\nusername {USER}\npassword {PASSWORD}\n"
                       f"cipher-suite-id 17\nprivilege-level OPERATOR\nsession-timeout {1000 * GIVE_UP}\n")
            parts = self.parts(client, n)
            step = -(-n // parts // 256) * 256
            one = f"ipmipower --config-file {self.path('ipmipower.conf')} -F {self.o.F} -s -h "
            return ["sh", "-c", "; ".join(one + f"'{','.join(ranges(i, min(n, i + step)))}'" for i in range(0, n, step))]
        self.write("hosts", "".join(f"{address(i)}\n" for i in range(n)))
        return ["xargs", "-a", self.path("hosts"), "-P16", "-I{}", "ipmitool", "-I", "lanplus", "-C", "17", "-L", "OPERATOR",
                "-H", "{}", "-p", str(PORT), "-U", USER, "-E", "chassis", "power", "status"]

    @staticmethod
    def parts(client, n):
        """ipmipower has two descriptors for each BMC from the beginning, and fails without them: then it runs once for
        each part, one after the other."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return -(-(2 * n) // (limit - 256)) if client == "ipmipower" else 1

    def run(self, client, n, dead=0):
        """One run: what it printed, when, and what it cost."""
        env = dict(os.environ, BMC_PASSWORD=PASSWORD, IPMITOOL_PASSWORD=PASSWORD, IPMI_PASSWORD=PASSWORD)
        sim = self.sim_cpu()
        begin = time.monotonic()
        p = subprocess.Popen(["ip", "netns", "exec", self.ns, self.path("usage"), self.path("cost"), *self.command(client, n)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env,
                             start_new_session=True)
        try:
            chunks = self.listen(client, p, begin)
            p.wait()
        finally:
            if p.poll() is None:  # interrupted: with all that it has started
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
        wall = time.monotonic() - begin
        with open(self.path("cost"), encoding="ascii") as f:
            user, system, kilobytes, status = f.read().split()
        hosts, last = self.answers(client, chunks)
        expected = n - dead
        return {"s": round(wall, 3), "last_answer_s": round(last, 3), "user_s": round(float(user), 3),
                "sys_s": round(float(system), 3), "cpu_s": round(float(user) + float(system), 3),
                "rss_mb": round(int(kilobytes) / 1024, 1), "answers": len(hosts), "status": int(status), "parts": self.parts(client, n),
                "complete": len(hosts) == expected and (client == "ipmitool" or len(set(hosts)) == expected),
                "sim_cpu_s": round(self.sim_cpu() - sim, 2)}

    @staticmethod
    def listen(client, p, begin):
        """[(when, what it printed)], until it has ended."""
        chunks = []
        while True:
            if not select.select([p.stdout], [], [], LIMIT)[0]:
                sys.exit(f"bmc.sh: {client} says nothing for {LIMIT} s")
            data = os.read(p.stdout.fileno(), 1 << 20)
            if not data:
                return chunks
            chunks.append((time.monotonic() - begin, data))

    @staticmethod
    def answers(client, chunks):
        pattern, hosts, last, rest = ANSWERS[client], [], 0.0, b""
        for at, data in chunks:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                m = pattern.search(line)
                if m:
                    hosts.append(m[1] if m.groups() else line)
                    last = at
        return hosts, last

    def compare(self, n, delay, clients, dead=0):
        """The best of each client's rounds, taken in turn."""
        runs = {c: [] for c in clients}
        for _ in range(self.o.r if not dead else min(self.o.r, 2)):
            for c in clients:
                runs[c].append(self.run(c, n, dead))
        rows = []
        for c in clients:
            best = min(runs[c], key=lambda r: r["last_answer_s"] if dead else r["s"])
            row = {"client": c, "bmcs": n, "delay_ms": delay, "dead": dead, **best, "all_s": [r["s"] for r in runs[c]],
                   "complete": all(r["complete"] for r in runs[c])}
            rows.append(row)
            show(row)
        return rows


def show(r):
    notes = ("" if r["complete"] else ", INCOMPLETE") + ("" if r["parts"] == 1 else f", in {r['parts']} runs")
    print(f"{r['client']:9} {r['bmcs']:6} BMCs {r['delay_ms']:3} ms {r['dead']:4} dead: {r['s']:7.2f} s, last answer "
          f"{r['last_answer_s']:7.2f} s, CPU {r['cpu_s']:6.2f} s, {r['rss_mb']:7.1f} MB, {r['answers']:5} answers{notes} "
          f"(simulator {r['sim_cpu_s']:.2f} s CPU)", file=sys.stderr, flush=True)


def measure(bench, sizes):
    rows = []
    for n in sizes:
        for delay in (0, 20):
            bench.start(n, delay)
            rows += bench.compare(n, delay, ["engine", "ipmipower"])
            if delay == 0 and bench.o.i and n == sizes[0]:
                ipmitool = bench.run("ipmitool", min(bench.o.i, n))
                rows.append({"client": "ipmitool", "bmcs": min(bench.o.i, n), "delay_ms": delay, "dead": 0, **ipmitool})
                show(rows[-1])
            if delay:
                for i in range(n // 100):
                    bench.tell(f"fault {address(100 * i + 50)}:{PORT} dead 1")
                rows += bench.compare(n, delay, ["engine", "ipmipower"], dead=n // 100)
            bench.stop()
    return rows


def dead_delay(rows):
    """When the engine had the last living BMC's answer, with and without dead ones among them."""
    found = {(r["bmcs"], r["dead"] > 0): r["last_answer_s"] for r in rows if r["client"] == "engine" and r["delay_ms"]}
    for (n, dead), at in found.items():
        if dead:
            yield {"bmcs": n, "without_s": found[n, False], "with_s": at}


def ratios(rows):
    """ipmipower's share to the engine's, side by side in this run."""
    found = {(r["client"], r["bmcs"], r["delay_ms"], r["dead"]): r for r in rows}
    for (client, n, delay, dead), ours in found.items():
        theirs = found.get(("ipmipower", n, delay, dead))
        if client == "engine" and theirs:
            yield {"bmcs": n, "delay_ms": delay, "dead": dead, "wall": round(theirs["last_answer_s"] / ours["last_answer_s"], 2),
                   "cpu": round(theirs["cpu_s"] / ours["cpu_s"], 2), "rss": round(theirs["rss_mb"] / ours["rss_mb"], 1)}


def main():
    parser = argparse.ArgumentParser(prog="bmc.sh")
    parser.add_argument("-r", type=int, default=3)
    parser.add_argument("-i", type=int, default=100)
    parser.add_argument("-F", type=int, default=256)
    parser.add_argument("sizes", type=int, nargs="*")
    o = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(o)
    load = os.getloadavg()[0]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        bench.open()
        rows = measure(bench, o.sizes or [1000, 10000])
    finally:
        bench.close()
    print(json.dumps({"bench": "bmc", "cpus": os.cpu_count(), "load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2),
                      "rounds": o.r, "rows": rows, "ipmipower_to_engine": list(ratios(rows)), "dead_delay": list(dead_delay(rows))}))


main()
