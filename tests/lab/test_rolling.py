# SPDX-License-Identifier: GPL-3.0-or-later
"""Work over a fleet of six virtual servers on two sites: each is rebooted once, by its own count and by that of whoever runs it."""
import json
import signal
from datetime import datetime, timedelta, timezone

import pytest

from lab import blank, wait_for
from lab_fleet import BOOT, HEALTH_PORT, Fleet

ALL = "near[01-03],far[01-03]"
GATES = ["--gate", f"tcp:{HEALTH_PORT}", "--gate", f"http://${{ip}}:{HEALTH_PORT}/healthz", "--gate-timeout", "1m"]
ROLLING = ["--canary", "1", "--per-site", "1", *GATES]


# One fleet for all of them.
pytestmark = pytest.mark.xdist_group("rolling")


@pytest.fixture
def lab(kept, request):
    """The fleet, all of it up and nothing to do. Agents log in on the machines."""
    fleet = kept.get(Fleet, ssh=True)
    failed = True
    try:
        assert all(fleet.healthy(name) for name in fleet.all)
        assert not [j for j in job_list(fleet) if not j["ended"]]
        yield fleet
        failed = getattr(request.node, "failed", False)
    finally:
        if failed:
            kept.drop(failed=True)


def job_list(lab):
    return json.loads(lab.ctl("-o", "json", "job", "list", "--limit", "100").stdout)["items"]


class Past:
    """What a fleet's machines had done when a test began; the rest is that test's."""

    def __init__(self, lab):
        self.lab = lab
        self.ids = {name: lab.page(name, "boot_id") for name in lab.all}
        self._counts = {name: self._count(name) for name in lab.all}

    def _count(self, name):
        m = self.lab.machine(name)
        return len(m.starts()), len(set(m.boots())), m.console().count("lab: power button")

    def _since(self, name):
        return tuple(now - then for now, then in zip(self._count(name), self._counts[name]))

    def counts(self):
        """Of each machine: how often it was started since, and how often its system came up under a boot id of its own."""
        return {name: self._since(name)[:2] for name in self.lab.all}

    def asked(self):
        """Of each machine: how often its system was asked to end, and did so by itself."""
        return {name: self._since(name)[2] for name in self.lab.all}

    def new_ids(self):
        """Those that run under another boot id."""
        return {name for name in self.lab.all if self.lab.page(name, "boot_id") not in ("", self.ids[name])}


def begin(lab, hosts, *more):
    return lab.ctl("reboot", hosts, *more, "--reason", "INC-1", "--yes").stdout.split()[-1]


def show(lab, rollout):
    return json.loads(lab.ctl("-o", "json", "rollout", "show", rollout).stdout)


def hosts_of(lab, rollout):
    items = json.loads(lab.ctl("-o", "json", "rollout", "hosts", rollout).stdout)["items"]
    return {h["host"]: h for h in items}


def wait_state(lab, rollout, *states, timeout=600):
    """Until it has such a state and nothing of it runs."""
    def there():
        r = show(lab, rollout)
        return r if r["state"] in states and r["counts"]["in_flight"] == 0 else None
    return wait_for(there, f"rollout {rollout} to be {states}", timeout)


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def jobs_of(lab, rollout):
    """The rollout's jobs by host, in the order in which they were made."""
    found = {}
    for job in sorted(job_list(lab), key=lambda j: j["id"]):
        if job["rollout"] == rollout:
            found.setdefault(job["host"], []).append(lab.job(job["id"]))
    return found


def assert_proven(job):
    """By the system's own boot id, not only because something answers."""
    [proof] = [s["evidence"] for s in job["stages"] if s["stage"] == "os-up" and s["state"] == "confirmed"]
    assert "boot id" in proof and ", was " in proof, job["stages"]
    power = [s["evidence"] for s in job["stages"] if s["stage"] == "power"]
    assert power == ["seen off, then on"], power


def restart_agents(lab, **deadlines):
    """With these deadlines, those of a site's configuration."""
    for site in lab.labs:
        site.deadlines = deadlines
        site.end("agent")
        site.start_agent()


def test_one_order_on_both_sites(lab):
    """All at once, without a policy: a rollout all the same."""
    past, had = Past(lab), {j["id"] for j in job_list(lab)}
    lab.ctl("reboot", "near[01-02],far[01-02]", "--reason", "INC-1", "--yes", "--wait=10m")
    touched = {"near01", "near02", "far01", "far02"}
    assert past.counts() == {name: (1, 1) if name in touched else (0, 0) for name in lab.all}
    assert past.new_ids() == touched
    jobs = [j for j in job_list(lab) if j["id"] not in had]
    assert sorted((j["host"], j["state"]) for j in jobs) == [(name, "done") for name in sorted(touched)]
    assert past.asked() == {name: int(name in touched) for name in lab.all}


def test_canary_then_one_at_a_site(lab, record_property):
    past = Past(lab)
    rollout = begin(lab, ALL, *ROLLING)
    done = wait_state(lab, rollout, "done", "halted")
    assert done["state"] == "done" and done["counts"]["ok"] == 6, done
    assert set(past.counts().values()) == {(1, 1)}
    assert past.new_ids() == set(lab.all)
    jobs = jobs_of(lab, rollout)
    assert sorted(jobs) == sorted(lab.all) and all(len(v) == 1 for v in jobs.values())
    spans = []
    for name, [job] in jobs.items():
        assert_proven(job)
        spans.append((at(job["created"]), at(job["ended"]), name))
    spans.sort()
    # The canary was back before anything else began, and of a site there was never a second one.
    assert spans[0][1] <= spans[1][0]
    for site in ("near", "far"):
        own = [s for s in spans if s[2].startswith(site)]
        assert all(a[1] <= b[0] for a, b in zip(own, own[1:])), own
    # Both sites were worked on at a time.
    assert any(a[1] > b[0] for a, b in zip(spans[1:], spans[2:])), spans
    assert set(past.asked().values()) == {1}
    record_property("figure", f"rolling reboot of six machines on two sites: {spans[-1][1] - spans[0][0]:.0f} s, "
                    f"{sum(b - a for a, b, _ in spans) / 6:.0f} s each")


def test_one_that_does_not_come_back_halts_it(lab):
    restart_agents(lab, **{"os-up": "90s"})
    past = Past(lab)
    plan = lab.ctl("-o", "json", "reboot", ALL, *ROLLING, "--reason", "INC-1", "--dry-run").stdout
    order = [h["host"] for batch in json.loads(plan)["plan"]["batches"] for h in batch["hosts"]]
    assert sorted(order) == sorted(lab.all)
    victim = lab.machine(order[2])
    # It runs from memory: that its disk is gone is seen when it boots.
    blank(victim.disk)
    rollout = begin(lab, ALL, *ROLLING)
    halted = wait_state(lab, rollout, "halted", "done")
    assert (halted["state"], halted["why"]["code"]) == ("halted", "budget-spent"), halted
    hosts = hosts_of(lab, rollout)
    assert hosts[victim.name]["state"] == "failed" and hosts[victim.name]["why"]["code"], hosts[victim.name]
    left = {name for name, h in hosts.items() if h["state"] == "deferred"}
    ok = {name for name, h in hosts.items() if h["state"] == "ok"}
    # What ran beside it was finished, and nothing was begun after it.
    assert left and ok | left | {victim.name} == set(lab.all), hosts
    have = past.counts()
    assert have[victim.name] == (1, 0)
    assert {name for name, c in have.items() if c == (1, 1)} == ok
    assert {name for name, c in have.items() if c == (0, 0)} == left
    assert all(not hosts[name]["job"] for name in left)

    # Somebody goes there, puts a disk in and switches it on.
    victim.install()
    victim.command("reset 1")
    wait_for(lambda: lab.healthy(victim.name), "the repaired machine", BOOT)
    lab.ctl("rollout", "resume", rollout, "--reason", "new disk")
    rest = wait_state(lab, rollout, "done", "halted")
    assert rest["counts"]["ok"] == 5 and rest["counts"]["failed"] == 1, rest
    lab.ctl("rollout", "retry-failed", rollout, "--reason", "new disk", "--yes")
    whole = wait_for(lambda: (lambda r: r if r["counts"]["ok"] == 6 else None)(show(lab, rollout)), "all of them", 300)
    assert whole["state"] == "done", whole
    have = past.counts()
    # The order, the hands, and the order again.
    assert have.pop(victim.name) == (3, 2)
    assert set(have.values()) == {(1, 1)}
    restart_agents(lab)


def test_killed_in_the_middle(lab):
    """The orchestrator, and once an agent, end at some instants: nothing is lost, and nothing is done twice."""
    past = Past(lab)
    rollout = begin(lab, ALL, *ROLLING)

    def kill(program, labs, start):
        assert labs.end(program, signal.SIGKILL) == -signal.SIGKILL
        start()

    for n in (1, 2, 4):
        # So many starts of machines there were: some machine is off its system now, and its order is open.
        wait_for(lambda: sum(c[0] for c in past.counts().values()) >= n, f"start {n} of a machine", 300)
        kill("orchestrator", lab.near, lab.near.start_orchestrator)
        if n == 2:
            kill("agent", lab, lambda: lab.spawn("agent", [lab.program("netboot-agent"), "-c", lab.path("agent.yaml")]))
    done = wait_state(lab, rollout, "done", "halted")
    assert done["state"] == "done" and done["counts"]["ok"] == 6, (done, hosts_of(lab, rollout))
    assert set(past.counts().values()) == {(1, 1)}
    jobs = jobs_of(lab, rollout)
    assert {name: len(v) for name, v in jobs.items()} == dict.fromkeys(lab.all, 1)
    for [job] in jobs.values():
        assert len([e for e in lab.events(job=job["id"]) if e["kind"] == "job.done"]) == 1
    assert lab.ctl("audit", "verify").returncode == 0


def test_a_schedule_runs_by_itself(lab):
    past, hosts = Past(lab), {"near03", "far03"}
    there = timezone(timedelta(hours=2))  # Africa/Johannesburg has no summer time
    when = (datetime.now(there) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    lab.ctl("schedule", "add", "night", "--do", "reboot", "--hosts", ",".join(sorted(hosts)), "--at", when.strftime("%Y-%m-%d %H:%M"),
            "--tz", "site", "--window", "30m", *ROLLING, "--reason", "weekly", "--yes")
    run = wait_for(lambda: json.loads(lab.ctl("-o", "json", "rollout", "list", "--schedule", "night").stdout)["items"], "the run", 200)[0]
    done = wait_state(lab, run["id"], "done", "halted")
    assert done["state"] == "done" and done["counts"]["ok"] == 2, done
    assert past.counts() == {name: (int(name in hosts),) * 2 for name in lab.all}
    assert all(at(job["created"]) >= when.timestamp() for [job] in jobs_of(lab, run["id"]).values())
    [became] = json.loads(lab.ctl("-o", "json", "schedule", "runs", "night").stdout)["items"]
    assert (became["outcome"], became["rollout"]) == ("ran", run["id"])
    shown = json.loads(lab.ctl("-o", "json", "schedule", "show", "night").stdout)
    assert (shown["state"], shown["next"]) == ("ended", None)
