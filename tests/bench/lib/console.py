# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring of console.sh: an agent with a job on each of N hosts, whose consoles talk."""
import json
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
import agent_lab  # noqa: E402
import console_rec  # noqa: E402
import netlab  # noqa: E402

LINE = r"[\s\s\s12.345678]\s" + "x" * 83 + r"\r\n"  # 100 octets
TEXT = LINE + r"\w100.\L"  # a kilobyte a second


class Site(agent_lab.AgentSite):
    def start_bmcsim(self):
        with open(self.path("bmcsim.conf"), "w") as f:
            for n in range(len(self.hosts)):
                f.write(f"127.0.0.1:{agent_lab.BMC_PORT + n} admin secret17 administrator serial=text:{TEXT}\n")
        self.bmcsim = self.server.popen(agent_lab.BMCSIM, "-c", self.path("bmcsim.conf"), "-s", self.path("bmcsim.sock"),
                                        stdout=subprocess.PIPE, text=True)
        assert self.bmcsim.stdout.readline().startswith("ready")


def usage(pid):
    """CPU seconds and resident megabytes of a process, and its open descriptors."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status") as f:
        rss = next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return cpu, rss / 1024, len(os.listdir(f"/proc/{pid}/fd"))


def recorded(site):
    folder = site.path("agent", "agent-console")
    total = 0
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            total += len(console_rec.octets(f.read()))
    return total


def main(n, seconds):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    lan = netlab.Lan()
    site = None
    try:
        site = Site(lan, hosts=n)
        site.start_agent()
        netlab.until(lambda: any(e["kind"] == "bootd.up" for e in site.events), "the agent", 120)
        began = time.monotonic()
        idle = usage(site.agent.pid)
        for i in range(n):
            site.order(site.bundle(i + 1))
        netlab.until(lambda: sum(e["kind"] == "sol.connected" for e in site.events) >= n, f"{n} consoles", 300)
        up = time.monotonic() - began
        first, octets = usage(site.agent.pid), recorded(site)
        time.sleep(seconds)
        last, more = usage(site.agent.pid), recorded(site)
        lost = sum(e["kind"] in ("sol.lost", "sol.stolen") for e in site.events)
        result = {"bench": "console", "cpus": os.cpu_count(), "consoles": n, "connected_s": round(up, 2),
                  "seconds": seconds, "octets_per_s": int((more - octets) / seconds),
                  "cpu_percent": round(100 * (last[0] - first[0]) / seconds, 1), "rss_mb": round(last[1], 1),
                  "rss_mb_idle": round(idle[1], 1), "descriptors": last[2], "lost": lost}
        print(f"{n} consoles in {up:.1f} s, then {result['octets_per_s']} octets/s: {result['cpu_percent']} % of a CPU, "
              f"{result['rss_mb']} MB ({result['rss_mb_idle']} before), {last[2]} descriptors, {lost} lost", file=sys.stderr)
        print(json.dumps(result))
    finally:
        if site is not None:
            site.close()
        lan.close()


main(int(sys.argv[1]), int(sys.argv[2]))
