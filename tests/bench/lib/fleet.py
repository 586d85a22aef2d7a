# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring of fleet.sh: all programs with a fleet of simulated BMCs, asked for their power."""
import json
import os
import resource
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
import netlab  # noqa: E402
import test_fleet  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "3"))
PROGRAMS = ("orchestrator", "agent", "bmcsim")


def usage(pid):
    """CPU seconds and peak megabytes of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        peak = next(int(x.split()[1]) for x in f if x.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


def forget_peak(pid):
    """What a process held while the inventory came in says nothing of the question."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
        f.write("5")


def ask(fleet, n):
    for p in PROGRAMS:
        forget_peak(fleet.procs[p].pid)
    before = {p: usage(fleet.procs[p].pid)[0] for p in PROGRAMS}
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines, status = test_fleet.timed(fleet, "power", "status", "all")
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = {p: usage(fleet.procs[p].pid) for p in PROGRAMS}
    row = {"bmcs": n, "first_s": round(lines[0][0], 3), "s": round(lines[-1][0], 3), "status": status,
           "complete": {x.split(": ")[0] for _, x in lines} == fleet.all_names() and len(lines) == n
           and all(x.endswith((": on", ": off")) for _, x in lines)}
    for p in PROGRAMS:
        row[f"{p}_cpu_s"] = round(after[p][0] - before[p], 2)
        row[f"{p}_mb"] = round(after[p][1], 1)
    row["ctl_cpu_s"] = round(mine.ru_utime + mine.ru_stime - children.ru_utime - children.ru_stime, 2)
    return row


def measure(n):
    lan = netlab.Lan()
    fleet = None
    try:
        fleet = test_fleet.Fleet(lan, n)
        fleet.start()
        idle = {p: round(usage(fleet.procs[p].pid)[1], 1) for p in PROGRAMS}
        print(f"{n:6} BMCs, before the first question: " + ", ".join(f"{p} {idle[p]:.0f} MB" for p in PROGRAMS), file=sys.stderr)
        sys.stderr.flush()
        if os.environ.get("PAUSE"):
            time.sleep(float(os.environ["PAUSE"]))
        rows = []
        for _ in range(ROUNDS):
            rows.append(ask(fleet, n))
            r = rows[-1]
            print(f"{n:6} BMCs: first answer {r['first_s']:.2f} s, last {r['s']:.2f} s, {'complete' if r['complete'] else 'INCOMPLETE'}; CPU: "
                  + ", ".join(f"{p} {r[p + '_cpu_s']:.2f} s" for p in ("ctl", *PROGRAMS)) + "; peak: "
                  + ", ".join(f"{p} {r[p + '_mb']:.0f} MB" for p in PROGRAMS), file=sys.stderr, flush=True)
        return rows
    finally:
        if fleet is not None:
            fleet.close()
        lan.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = [r for n in [int(x) for x in sys.argv[1:]] or [1000, 10000] for r in measure(n)]
    print(json.dumps({"bench": "fleet", "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "rows": rows}))


main()
