# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of tests/bench/audit.sh: rows written as the orchestrator hashes them, then questions to the real one. It writes the
hashes by docs/api.md alone, so that it is also a second opinion on them."""
import hashlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from orch_lab import Orch

MEMBERS = ("who", "role", "from", "what", "object", "reason", "result", "before", "after", "detail")
AT = 1769851800000000


def digest(before, row):
    text = f"netboot-audit 2\nbefore={before}\nseq={row['seq']}\nat={row['at']}\nuid={row['uid']}\n".encode()
    for name in MEMBERS:
        octets = row[name].encode()
        text += name.encode() + b"=%d:" % len(octets) + octets + b"\n"
    return hashlib.sha256(text).hexdigest()


def make_rows(n):
    rng, before = random.Random(1), ""
    for seq in range(1, n + 1):
        row = {"seq": seq, "at": AT + seq, "uid": 1000 + seq % 20, "who": f"user{seq % 20}", "role": "admin", "from": "unix uid 1000 pid 4711",
               "what": ("host.change", "host.lock", "job.reboot", "job.reinstall")[rng.randrange(4)], "object": f"edge{rng.randrange(10000):05d}.los",
               "reason": f"INC-{seq}", "result": "ok", "before": '{"serial":"A"}', "after": '{"serial":"B"}', "detail": ""}
        before = digest(before, row)
        yield (2, seq, row["at"], row["uid"], *(row[m] for m in MEMBERS), before)


def fill(path, n):
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    size = os.path.getsize(path)
    db.executemany("INSERT INTO audit (version, seq, at, uid, who, role, origin, what, object, reason, result, before, after, detail, hash)"
                   " VALUES (" + ",".join("?" * 15) + ")", make_rows(n))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return (os.path.getsize(path) - size) / n


def timed(ask):
    began = time.monotonic()
    answer = ask()
    return time.monotonic() - began, answer


def meanwhile(orch, ask):
    """(seconds, answer, the longest that another request waited in ms, how many there were)"""
    worst, n, done = [0.0], [0], threading.Event()

    def others():
        while not done.is_set():
            took, _ = timed(lambda: orch.get("/version"))
            worst[0], n[0] = max(worst[0], took), n[0] + 1
            time.sleep(0.002)
    t = threading.Thread(target=others)
    t.start()
    took, answer = timed(ask)
    done.set()
    t.join()
    return took, answer, worst[0] * 1000, n[0]


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with tempfile.TemporaryDirectory() as folder:
        orch = Orch(folder)
        orch.stop()
        octets = fill(orch.database, n)
        orch.start()
        ctl = [os.path.join(os.environ["NETBOOT_BUILD"], "netboot-ctl"), "--server", f"unix:{orch.socket}"]
        verify_s, answer, verify_ms, asked = meanwhile(orch, lambda: orch.get("/audit/verify", timeout=600))
        assert answer.json["ok"] and answer.json["rows"] == n, answer.json
        print(f"verify: {n} rows in {verify_s:.1f} s; the slowest of {asked} other requests took {verify_ms:.1f} ms")
        path = os.path.join(folder, "audit.ndjson")
        export_s, done, export_ms, asked = meanwhile(orch, lambda: subprocess.run([*ctl, "audit", "export", "-f", path], check=True))
        with open(f"/proc/{orch.proc.pid}/status", encoding="ascii") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) // 1024
        print(f"export: {os.path.getsize(path) // 1000000} MB in {export_s:.1f} s; the slowest of {asked} other requests took {export_ms:.1f} ms; "
              f"the orchestrator's memory was at most {peak} MB")
        file_s, _ = timed(lambda: subprocess.run([*ctl, "audit", "verify", "-f", path], check=True))
        pages = {}
        for query in ("", "object=edge00001.los", "who=user3", "what=job.reboot", "who=user3&what=host.lock", "before=500000", "object=none",
                      "who=user3&what=none", "who=user3&object=edge00001.los"):
            pages[query] = round(min(timed(lambda: orch.get(f"/audit?limit=50&{query}"))[0] for _ in range(5)) * 1000, 1)
            print(f"page of 50, {query or 'all'}: {pages[query]} ms")
        orch.stop()
        print(json.dumps({"rows": n, "octets_per_row": round(octets), "verify_s": round(verify_s, 2), "verify_others_ms": round(verify_ms, 1),
                          "export_s": round(export_s, 2), "export_others_ms": round(export_ms, 1), "peak_mb": peak, "file_verify_s": round(file_s, 2),
                          "pages_ms": pages}))


main()
