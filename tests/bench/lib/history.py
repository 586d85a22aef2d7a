# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring of history.sh: DIR has o.db, filled, and filled.json. Times are from the request's first octet to the answer's last,
on the orchestrator's unix socket, one after the other."""
import json
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
from orch_lab import Connection, Orch  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))


def ask(orch, path):
    c = Connection(orch.socket, 60)
    c.connect()
    began = time.perf_counter()
    c.request("GET", "/api/v1" + path)
    r = c.getresponse()
    body = r.read()
    took = time.perf_counter() - began
    c.close()
    assert r.status == 200, (path, r.status, body[:200])
    return took, body


def cpu(orch):
    """Seconds: what a question costs, whoever else uses the processors."""
    with open(f"/proc/{orch.proc.pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "filled.json"), encoding="ascii") as f:
        row = json.load(f)
    row["octets_per_boot"] = round((row["octets"] - row["inventory_octets"]) / row["boots"])
    row["octets_per_event"] = round((row["octets"] - row["inventory_octets"]) / row["events"])
    orch = Orch(folder, start=False, database=os.path.join(folder, "o.db"))
    began = time.perf_counter()
    orch.start()
    row["start_ms"] = round((time.perf_counter() - began) * 1000)
    try:
        host = "edge00007.example"
        boots = json.loads(ask(orch, f"/boots?host={host}")[1])["items"]
        boot, middle = boots[0]["id"], row["events"] // 2
        paths = {
            "fleet": "/fleet", "history": f"/boots?host={host}", "boot": f"/boots/{boot}", "status_page": "/status",
            "status_host": f"/status?hosts={host}", "events_host": f"/events?host={host}&limit=1000",
            "events_boot": f"/events?boot={boot}&limit=1000", "events_page": f"/events?after={middle}&limit=1000",
            "events_kind": f"/events?kind=job.failed&after={middle}&limit=200", "jobs": "/jobs", "jobs_open": "/jobs?state=open",
            "jobs_host": f"/jobs?hosts={host}", "boots_page": "/boots", "discovered": "/discovered", "agents": "/agents",
            "sites": "/sites", "doctor": "/doctor"}
        for name, path in paths.items():
            before = cpu(orch)
            times = [ask(orch, path) for _ in range(ROUNDS)]
            row[f"{name}_cpu_ms"] = round((cpu(orch) - before) * 1000 / ROUNDS, 1)
            ms = sorted(t * 1000 for t, _ in times)
            row[f"{name}_first_ms"] = round(times[0][0] * 1000, 1)
            row[f"{name}_ms"] = round(statistics.median(ms), 1)
            row[f"{name}_max_ms"] = round(ms[-1], 1)
            row[f"{name}_octets"] = len(times[0][1])
            print(f"{name:14} first {row[name + '_first_ms']:8.1f} ms, median {row[name + '_ms']:8.1f}, longest {ms[-1]:8.1f}, CPU {row[name + '_cpu_ms']:6.1f}, "
                  f"{len(times[0][1]):9} octets   {path}", file=sys.stderr, flush=True)
        # What a page asks for before it shows anything, one after the other.
        row["first_paint_ms"] = round(sum(row[n + "_ms"] for n in ("sites", "fleet", "agents")), 1)
        row["held_ms"] = max([int(x) for x in re.findall(r"took (\d+) ms", orch.log)], default=0)
    finally:
        orch.stop()
    print(f"{row['octets'] / 1e6:.0f} MB, {row['octets_per_boot']} octets a boot, {row['octets_per_event']} an event; filled in "
          f"{row['fill_s']} s", file=sys.stderr)
    print(json.dumps(row))


main()
