# SPDX-License-Identifier: GPL-3.0-or-later
"""agents.py FOLDER SITES HOSTS RATE unix|tls: see agents.sh. WINDOW (30) seconds are looked at for what is steady."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "net"))
from agent_sim import AgentSim, fill, join  # noqa: E402
from join_lab import FarWeb  # noqa: E402
from orch_lab import Orch  # noqa: E402

folder, sites, hosts, rate, way = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
window = float(os.environ.get("WINDOW", "30"))
LIMIT_S = 300


def say(text):
    print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def memory(pid, what):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what)) // 1024


def wait(s, what, condition):
    """Looks ten times a second, so that looking costs nothing to speak of; returns the statistics."""
    until = time.monotonic() + LIMIT_S
    while True:
        v = s.stats()
        if condition(v):
            return v
        if time.monotonic() > until:
            sys.exit(f"{what}: not within {LIMIT_S} s: {v}")
        time.sleep(0.1)


def steady(o, s, seconds):
    """Of each process, percent of a CPU; and what the agents saw."""
    s.order("forget")
    before, sim, at = cpu(o.proc.pid), cpu(s.proc.pid), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - at
    return (round((cpu(o.proc.pid) - before) / took * 100, 1), round((cpu(s.proc.pid) - sim) / took * 100, 1), s.stats())


def come_back(o, s, how):
    """Ends the orchestrator, starts it, and waits for all agents; seconds from its start and what it cost."""
    s.order("forget")
    how()
    at = time.monotonic()
    o.start()
    serving = time.monotonic() - at
    v = wait(s, "all agents after a restart", lambda v: v["served"] == sites)
    return {"serving_s": round(serving, 2), "all_s": round(time.monotonic() - at, 2), "cpu_s": round(cpu(o.proc.pid), 2),
            "failures": v["failures"], "codes": v["codes"]}


began = time.monotonic()
o = FarWeb(folder) if way == "tls" else Orch(folder)
s = None
figures = {"way": way, "sites": sites, "hosts": sites * hosts, "cpus": len(os.sched_getaffinity(0))}
try:
    fill(o, sites, hosts)
    o.stop()
    o.start()
    figures["database_mb"] = os.path.getsize(o.database) // 2 ** 20
    figures["alone_mb"] = memory(o.proc.pid, "VmRSS")
    say(f"filled: {figures}")
    more = join(o, sites) if way == "tls" else []
    used, at = cpu(o.proc.pid), time.monotonic()
    s = AgentSim(o, sites, *more, server=f"https://127.0.0.1:{o.port}" if more else None)
    wait(s, "all tables", lambda v: v["served"] == v["with_table"] == sites)
    figures["first_tables_s"] = round(time.monotonic() - at, 1)
    figures["first_tables_cpu_s"] = round(cpu(o.proc.pid) - used, 1)
    say(f"all agents have their table: {figures['first_tables_s']} s")
    figures["quiet_cpu_percent"], _, v = steady(o, s, window)
    figures["quiet_mb"], figures["quiet_peak_mb"] = memory(o.proc.pid, "VmRSS"), memory(o.proc.pid, "VmHWM")
    assert v["failures"] == 0, v
    say(f"quiet: {figures['quiet_cpu_percent']} % of a CPU, {figures['quiet_mb']} MB")
    figures["restart"] = come_back(o, s, o.stop)
    say(f"restart: {figures['restart']}")
    figures["killed"] = come_back(o, s, o.kill)
    say(f"killed: {figures['killed']}")
    s.order("forget")
    s.order(f"rate {rate}")
    # Each agent opens the connection of its reports first.
    wait(s, "the events of ten seconds", lambda v: v["seen"] >= 10 * rate)
    figures["busy_cpu_percent"], figures["busy_sim_cpu_percent"], v = steady(o, s, window)
    s.order("rate 0")
    figures["events_per_s"] = round(v["seen"] / window)
    figures["reports_per_s"] = round(v["reports"] / window)
    figures["latency_ms"] = {k: round(n / 1000, 1) for k, n in v["latency_us"].items() if k != "n"}
    wait(s, "the last event", lambda v: v["waiting"] == 0)
    figures["busy_mb"] = memory(o.proc.pid, "VmRSS")
    say(f"{rate} events a second: {figures['latency_ms']}, {figures['busy_cpu_percent']} % of a CPU")
    with open(o.log_path) as f:
        figures["slow_handlers"] = sum(" took " in line for line in f)
finally:
    if s:
        s.proc.kill()
        s.proc.wait()
    o.proc.kill()
    o.proc.wait()
for k, v in figures.items():
    print(f"{k:24} {v}")
print(json.dumps(figures))
