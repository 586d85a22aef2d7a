# SPDX-License-Identifier: GPL-3.0-or-later
"""metrics.py FOLDER SITES HOSTS EVENTS: how long a scrape of /metrics takes, and how long others wait meanwhile, with that
many sites, hosts with an open job each, and events recorded before and during it. Prints figures; the last line is JSON."""
import json
import os
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "net"))
os.environ.setdefault("NETBOOT_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "build", "release"))
from netlab import until  # noqa: E402
from orch_lab import Agent, Connection, Orch, make_id  # noqa: E402

folder, sites, hosts, events = sys.argv[1], *map(int, sys.argv[2:5])


def get(o, path):
    c = Connection(o.socket, 60)
    began = time.monotonic()
    c.request("GET", path)
    body = c.getresponse().read()
    c.close()
    return (time.monotonic() - began) * 1000, body.decode()


def fill(path):
    now = int(time.time() * 1e6)
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO site (name, timezone, url, answer_unknown, idle, version, rev) VALUES (?, 'UTC', '', 0,"
                       " 'local', 1, 1)", [(f"s{i:04d}",) for i in range(sites)])
        db.executemany("INSERT INTO host (name, site, firmware, local_boot, rev) VALUES (?, ?, 'uefi', 'exit', 1)",
                       [(f"h{i:05d}", f"s{i % sites:04d}") for i in range(hosts)])
        jobs = [(make_id(10 ** 9 + i), f"h{i:05d}", f"s{i % sites:04d}", now) for i in range(hosts)]
        db.executemany("INSERT INTO job (id, kind, host, site, reason, by_whom, created, state, stage, attempt, bundle)"
                       " VALUES (?, 'reinstall', ?, ?, 'r', 'x', ?, 'running', 'kernel', 1, '{}')", jobs)
        db.executemany("INSERT INTO job_stage (job, attempt, stage, state, entered, deadline_us, seq)"
                       " VALUES (?, 1, 'kernel', 'entered', ?, 600000000, 1)", [(j[0], now) for j in jobs])
        kinds = ["dhcp4.discover", "dhcp4.offer", "dhcp4.request", "dhcp4.ack", "tftp.begin", "tftp.end", "http.begin", "http.end"]
        db.executemany("INSERT INTO event (seq, at, kind, site, host) VALUES (?, ?, ?, ?, ?)",
                       [(i + 1, now, kinds[i % 8], f"s{i % sites:04d}", f"h{i % hosts:05d}") for i in range(events)])


def median(v):
    return sorted(v)[len(v) // 2]


o = Orch(folder)
o.stop()
fill(o.database)
o.start()
# So that there are counters for each site and kind.
agents = [Agent(o, f"s{i:04d}", number=i + 1) for i in range(sites)]
for a in agents:
    a.poll()
    a.report(*[a.event(k, host="h00000", file="x", bytes=1000) for k in ("dhcp4.discover", "dhcp4.ack", "tftp.end", "http.end")])
until(lambda: f'netboot_events_total{{site="s{sites - 1:04d}",kind="http.end"}}' in get(o, "/metrics")[1], "the counters")
def cpu():
    with open(f"/proc/{o.proc.pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) * 1000 / os.sysconf("SC_CLK_TCK")


before = cpu()
scrapes = [get(o, "/metrics") for _ in range(20)]
used = (cpu() - before) / len(scrapes)
alone = [get(o, "/api/v1/version")[0] for _ in range(50)]
stop = threading.Event()
thread = threading.Thread(target=lambda: [get(o, "/metrics") for _ in iter(lambda: stop.is_set(), True)])
thread.start()
beside = [get(o, "/api/v1/version")[0] for _ in range(200)]
stop.set()
thread.join()
took = [t for t, _ in scrapes]
slow = next(line for line in scrapes[-1][1].splitlines() if line.startswith("netboot_slow_handlers_total"))
figures = {"sites": sites, "hosts": hosts, "events": events, "scrape_ms_median": round(median(took), 1),
           "scrape_cpu_ms": round(used, 1), "scrape_ms_max": round(max(took), 1), "lines": scrapes[-1][1].count("\n"), "octets": len(scrapes[-1][1]),
           "other_request_ms_alone_max": round(max(alone), 1), "other_request_ms_beside_median": round(median(beside), 1),
           "other_request_ms_beside_max": round(max(beside), 1), "slow_handlers": int(slow.split()[1])}
o.stop()
for k, v in figures.items():
    print(f"{k:32} {v}")
print(json.dumps(figures))
