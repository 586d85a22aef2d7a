# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that is written by hand and says whatever it likes, beside an honest one of another site.

evil, honest = agents(orch)    sites `local` (the honest one's) and `nyc`; edge01… are local's, far01 and far02 nyc's
state(orch)                    all that must not change by what a stranger says"""
import sqlite3

from orch_lab import Agent, document, host, site

FAR = [{"name": f"far0{n}", "site": "nyc", "nics": [{"mac": f"52:54:00:78:00:0{n}", "ip": f"10.78.0.{n}"}],
        "bmc": {"address": f"10.9.1.{n}", "user": "admin", "password": f"far-secret-{n}"}, "image": "debian"} for n in (1, 2)]


def two_sites(orch):
    doc = document()
    doc["sites"].append(site("nyc", subnets=[{"prefix": "10.78.0.0/24", "gateway": "10.78.0.254", "lease_s": 3600}]))
    doc["hosts"] += FAR
    answer = orch.apply(doc)
    assert answer.status == 200, answer.json


def agents(orch):
    two_sites(orch)
    evil, honest = Agent(orch, "nyc", number=66), Agent(orch, "local", number=1)
    evil.poll()
    honest.poll()
    return evil, honest


def state(orch):
    db = sqlite3.connect(orch.database)
    try:
        return {t: db.execute(f"SELECT * FROM {t} ORDER BY 1, 2").fetchall()
                for t in ("job", "job_stage", "attempt", "boot", "host_state", "host_power", "transfer", "discovered", "console")
                if db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (t,)).fetchone()}
    finally:
        db.close()


__all__ = ["FAR", "agents", "host", "state", "two_sites"]
