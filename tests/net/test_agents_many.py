# SPDX-License-Identifier: GPL-3.0-or-later
"""Many agents on one orchestrator: they come at once, come back after a restart, and none is refused or waits for another."""
import threading

import pytest

from agent_sim import AgentSim, fill, join
from join_lab import FarWeb
from netlab import until
from orch_lab import Agent, Orch

AGENTS, HOSTS = 200, 3


@pytest.fixture
def many(tmp_path):
    o = Orch(tmp_path)
    fill(o, AGENTS, HOSTS)
    sims = []

    def start(*args):
        sims.append(AgentSim(o, AGENTS, *args))
        sims[0].until("all tables", lambda v: v["served"] == v["with_table"] == AGENTS)
        return sims[0]
    yield o, start
    for s in sims:
        s.stop()
    o.stop()


def test_two_hundred_agents_at_once_and_again_after_a_kill(many):
    o, start = many
    s = start()
    first = s.stats()
    assert first["failures"] == 0 and first["hosts"] == AGENTS * HOSTS and first["tables"] == AGENTS
    s.order(f"report {AGENTS}")
    s.until("the events", lambda v: v["acked"] == v["seen"] == AGENTS and v["waiting"] == 0)
    for end in (o.kill, o.stop):
        s.order("forget")
        end()
        s.order(f"report {AGENTS}")  # what happens at the sites meanwhile
        o.start()
        back = s.until("all agents again",
                       lambda v: v["served"] == AGENTS and v["waiting"] == 0 and v["acked"] == AGENTS)
        assert set(back["codes"]) <= {"server-unreachable"}, "nobody is refused"
        assert back["tables"] == 0, "nobody's table has changed"
    kinds = [e for e in o.events() if e["kind"] == "dhcp4.discover"]
    assert len({(e["site"], e["detail"]["made_us"]) for e in kinds}) == len(kinds), "each is taken once"
    assert len(o.events()) >= 3 * AGENTS
    s.order("forget")
    s.order("drop")  # all connections at once
    assert s.until("all agents again", lambda v: v["served"] == AGENTS)["failures"] == 0


def test_a_change_of_all_sites_reaches_all_agents(many):
    o, start = many
    s = start()
    s.order("forget")
    o.apply({"sites": [{"name": f"s{i:04d}", "timezone": "Africa/Lagos"} for i in range(AGENTS)]})
    s.until("the tables", lambda v: v["tables"] >= AGENTS)
    assert s.stats()["failures"] == 0


def test_a_thousand_events_in_one_report_hold_up_nobody(tmp_path):
    o = Orch(tmp_path)
    fill(o, 2, 1)
    big, small = Agent(o, "s0000", number=1), Agent(o, "s0001", number=2)
    big.poll(), small.poll()
    answer = []
    events = [big.event("dhcp4.discover", host="h00.s0000", reason=f"{n}") for n in range(1000)]
    t = threading.Thread(target=lambda: answer.append(big.send(1, events)))
    t.start()
    until(lambda: o.get("/events?limit=1").json["items"], "the first of the big report")
    assert small.report(small.event("dhcp4.ack", host="h00.s0001")).json["acked"] == 1
    t.join()
    assert answer[0].json["acked"] == 1000
    kinds = [e["kind"] for e in o.events()]
    assert kinds.index("dhcp4.ack") < 1000, "the small one was recorded between parts of the big one"
    o.stop()


def test_remote_agents_join_and_come_back(tmp_path):
    o = FarWeb(tmp_path)
    fill(o, 20, HOSTS)
    s = AgentSim(o, 20, *join(o, 20), server=f"https://127.0.0.1:{o.port}")
    s.until("all tables", lambda v: v["served"] == v["with_table"] == 20)
    assert s.stats()["failures"] == 0
    s.order("forget")
    o.kill()
    s.order("report 20")
    o.start()
    v = s.until("all agents again", lambda v: v["served"] == 20 and v["acked"] == 20 and v["waiting"] == 0)
    assert set(v["codes"]) <= {"server-unreachable", "tls-failed"} and v["tables"] == 0
    s.stop()
    o.stop()
