# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills, with stand-ins for the agents: a machine of each site boots a live image and its disk again, and what that took is kept."""
import json
import os
import subprocess
import time

import pytest

from netlab import BUILD, PATIENCE, until
from orch_lab import Agent, Orch, document, host, site

LIVE_STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "kernel", "initrd", "os-up"]
BACK_STAGES = ["preflight", "power", "os-up"]


class Site(Agent):
    """An agent that carries jobs out at once, in times of its own."""

    def __init__(self, orch, name="local", number=1):
        super().__init__(orch, name, number)
        self.bundles = []

    def take(self, kind):
        """The bundle of the next job, which has to be of that kind."""
        seen = {b["job"] for b in self.bundles}

        def fresh():
            new = [o["bundle"] for o in self.poll(wait_s=5).json["orders"] if o["t"] == "job" and o["bundle"]["job"] not in seen]
            return new[0] if new else None
        bundle = until(fresh, f"a {kind} at {self.site}")
        assert bundle["kind"] == kind, bundle
        self.bundles.append(bundle)
        return bundle

    def at(self, event, seconds):
        """That long ago."""
        event["at"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - seconds))
        return event

    def play(self, bundle, stages, took=1, failed=None, code="kernel-stalled", attempt=1):
        """All stages pass in `took` seconds (a number, or by stage), up to the one that fails."""
        job, name = bundle["job"], bundle["host"]["name"]
        events = [self.event("job.accepted", job, host=name), self.event("job.attempt", job, host=name, attempt=attempt)]
        for stage in stages:
            seconds = took.get(stage, 1) if isinstance(took, dict) else took
            events.append(self.at(self.stage(job, stage, attempt=attempt, ), seconds))
            events[-1]["host"] = name
            if stage == failed:
                events.append(self.stage(job, stage, "missed", attempt=attempt))
                events.append(self.event("job.failed", job, host=name, code=code, text="it stood still", next="look at HOST"))
                break
            events.append(self.stage(job, stage, "confirmed", attempt=attempt))
            events[-1]["host"] = name
        else:
            events.append(self.event("job.done", job, host=name))
        self.report(*events)


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path)
    doc = document()
    doc["sites"].append(site("nbo", subnets=[]))
    doc["hosts"].append(host(7, site="nbo"))
    assert o.apply(doc).status == 200
    yield o
    o.stop()


@pytest.fixture
def sites(orch):
    both = Site(orch), Site(orch, "nbo", 2)
    for agent in both:
        agent.poll()
    return both


def drill(orch, hosts="all", **more):
    answer = orch.post("/rollouts", {"kind": "drill", "hosts": hosts, "image": "live", "reason": "INC-1", "yes": True, **more})
    assert answer.status == 202, answer.json
    return answer.json


def ended(orch, rollout):
    return until(lambda: (lambda r: r if r["ended"] else None)(orch.get(f"/rollouts/{rollout['id']}").json), "the end")


def hosts_of(orch, rollout):
    return {h["host"]: h for h in orch.get(f"/rollouts/{rollout['id']}/hosts").json["items"]}


def report(orch, name=""):
    return [d for d in orch.get(f"/drills?site={name}").json["items"]]


def run_one(orch, agent, **live):
    """One drill of the host edge01, from beginning to end."""
    rollout = drill(orch, "edge01")
    agent.play(agent.take("live"), LIVE_STAGES, **live)
    agent.play(agent.take("reboot"), BACK_STAGES)
    ended(orch, rollout)
    return report(orch, "local")[0]


def test_one_machine_of_each_site_and_back(orch, sites):
    rollout = drill(orch)
    assert rollout["counts"]["total"] == 2
    for agent, name in zip(sites, ("edge01", "edge07")):
        bundle = agent.take("live")
        assert (bundle["host"]["name"], bundle["image"]["kind"]) == (name, "live")
        agent.play(bundle, LIVE_STAGES)
        back = agent.take("reboot")
        assert back["host"]["name"] == name
        agent.play(back, BACK_STAGES)
    done = ended(orch, rollout)
    assert done["state"] == "done" and done["counts"]["ok"] == 2
    for agent, name in zip(sites, ("edge01", "edge07")):
        [d] = report(orch, agent.site)
        assert (d["host"], d["outcome"], d["returned"], d["rollout"]) == (name, "ok", "yes", rollout["id"])
        assert (d["id"], d["back"]) == tuple(b["job"] for b in agent.bundles)
        assert [(s["job"], s["stage"]) for s in d["stages"]] == \
            [("live", s) for s in LIVE_STAGES] + [("back", s) for s in BACK_STAGES]
        assert all(s["took_us"] > 0 for s in d["stages"])
    assert [e["kind"] for e in orch.events() if e["kind"].startswith("drill.")] == ["drill.done"] * 2
    # The next time it is another's turn, where the site has another. Only these two count, and are asked for.
    wish = {"kind": "drill", "hosts": "all", "image": "live", "reason": "INC-1", "limit": 2}
    assert orch.post("/rollouts", wish).code == "confirmation-needed"
    plan = orch.post("/rollouts", {**wish, "dry_run": True}).json["plan"]
    assert {h["host"] for batch in plan["batches"] for h in batch["hosts"]} == {"edge02", "edge07"}
    assert orch.post("/rollouts", {**wish, "limit": 1, "yes": True}).code == "too-many-hosts"
    assert set(hosts_of(orch, drill(orch, limit=2))) == {"edge02", "edge07"}


def test_what_is_slower_than_before_is_told(orch, sites):
    agent = sites[0]
    for _ in range(3):
        assert run_one(orch, agent, took=2)["outcome"] == "ok"
    found = run_one(orch, agent, took={"kernel": 40})
    assert found["outcome"] == "regression"
    [slow] = [s for s in found["stages"] if s["slow"]]
    assert (slow["job"], slow["stage"], slow["usual"]["of"], slow["usual"]["n"]) == ("live", "kernel", "machine", 3)
    assert len(found["regressions"]) == 1 and found["regressions"][0].startswith("kernel took ")
    event = [e for e in orch.events() if e["kind"] == "drill.regression"][0]
    assert (event["host"], event["job"], event["detail"]["regressions"]) == ("edge01", found["id"], 1)
    # The host itself came out well.
    assert orch.get(f"/rollouts/{found['rollout']}").json["counts"]["ok"] == 1


def test_the_image_does_not_come_and_the_machine_goes_back(orch, sites):
    agent = sites[0]
    rollout = drill(orch, "edge01")
    agent.play(agent.take("live"), LIVE_STAGES, failed="kernel")
    back = agent.take("reboot")
    # Whatever hangs there, it is no system of anybody's.
    assert back["graceful_us"] >= 0 and back.get("force", "after-timeout") == "after-timeout"
    agent.play(back, BACK_STAGES)
    done = ended(orch, rollout)
    assert done["counts"]["failed"] == 1
    [d] = report(orch)
    assert (d["outcome"], d["stuck"], d["returned"], d["why"]["code"]) == ("failed", "kernel", "yes", "kernel-stalled")
    assert hosts_of(orch, rollout)["edge01"]["why"]["code"] == "kernel-stalled"
    assert [e["kind"] for e in orch.events() if e["kind"].startswith("drill.")] == ["drill.failed"]


def test_a_machine_that_is_not_back(orch, sites):
    agent = sites[0]
    rollout = drill(orch, "edge01")
    agent.play(agent.take("live"), LIVE_STAGES)
    agent.play(agent.take("reboot"), BACK_STAGES, failed="os-up", code="os-silent")
    ended(orch, rollout)
    [d] = report(orch)
    assert (d["outcome"], d["stuck"], d["returned"], d["why"]["code"]) == ("failed", "back os-up", "no", "drill-not-back")
    assert hosts_of(orch, rollout)["edge01"]["why"]["code"] == "drill-not-back"


def test_a_machine_that_never_left_its_disk_is_left_alone(orch, sites):
    agent = sites[0]
    rollout = drill(orch, "edge01")
    agent.play(agent.take("live"), LIVE_STAGES, failed="preflight", code="bmc-auth")
    ended(orch, rollout)
    [d] = report(orch)
    assert (d["outcome"], d["stuck"], d["returned"], d["back"]) == ("failed", "preflight", "untouched", None)
    assert len(agent.bundles) == 1 and not agent.poll().json["orders"]


def test_a_restart_between_the_two(orch, sites):
    agent = sites[0]
    rollout = drill(orch, "edge01")
    bundle = agent.take("live")
    orch.kill()
    orch.start()
    agent.play(bundle, LIVE_STAGES)
    orch.kill()
    orch.start()
    agent.play(agent.take("reboot"), BACK_STAGES)
    orch.kill()
    orch.start()
    assert ended(orch, rollout)["counts"]["ok"] == 1
    assert len(report(orch)) == 1
    assert len([e for e in orch.events() if e["kind"] == "job.queued"]) == 2


def test_what_keeps_a_machine_in_its_live_image_is_shown(orch, sites):
    agent = sites[0]
    rollout = drill(orch, "edge01")
    bundle = agent.take("live")
    assert orch.post("/stop", {"reason": "INC-2"}).status == 200
    agent.play(bundle, LIVE_STAGES)
    held = until(lambda: (lambda h: h if not h["job"] else None)(hosts_of(orch, rollout)["edge01"]), "the end of its first job")
    assert (held["state"], held["why"]["code"]) == ("job", "world-stopped")
    assert held["why"]["text"].startswith("it is to go back to its disk: ")
    # Also when people have ended the drill meanwhile.
    assert orch.post(f"/rollouts/{rollout['id']}/abort", {"reason": "INC-2"}).status == 200
    assert hosts_of(orch, rollout)["edge01"]["why"]["code"] == "world-stopped"
    assert orch.post("/stop/end", {"reason": "INC-2"}).status == 200
    agent.play(agent.take("reboot"), BACK_STAGES)
    ended(orch, rollout)
    assert hosts_of(orch, rollout)["edge01"]["why"] is None


def test_what_no_drill_boots(orch, sites):
    for image in ("debian", "rescue"):
        answer = orch.post("/rollouts", {"kind": "drill", "hosts": "edge01", "image": image, "reason": "INC-1", "yes": True})
        assert (answer.status, answer.code) == (409, "drill-image"), answer.json
    assert orch.post("/jobs", {"kind": "drill", "hosts": "edge01", "reason": "INC-1"}).status == 400


def ctl(orch, *args):
    done = subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *args], capture_output=True,
                          text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_people_see_it(orch, sites):
    agent = sites[0]
    for _ in range(3):
        run_one(orch, agent, took=2)
    found = run_one(orch, agent, took={"kernel": 40})
    lines = ctl(orch, "drill", "list", "--site", "local").splitlines()
    assert len(lines) == 5 and lines[1].split()[-1] == "1" and "regression" in lines[1] and "edge01" in lines[1]
    assert ctl(orch, "drill", "list", "--site", "nbo", "--no-headers") == ""
    shown = ctl(orch, "drill", "show", found["id"][-6:])
    assert "slower than usual" in shown and found["regressions"][0] in shown
    assert json.loads(ctl(orch, "-o", "json", "drill", "show", found["id"])) == found
