# SPDX-License-Identifier: GPL-3.0-or-later
"""Work over a fleet of six virtual servers on two sites: each is rebooted once, by its own count and by that of whoever runs it."""
import json
from datetime import datetime

from lab import wait_for
from lab_fleet import HEALTH_PORT, Fleet

ALL = "near[01-03],far[01-03]"
GATES = ["--gate", f"tcp:{HEALTH_PORT}", "--gate", f"http://${{ip}}:{HEALTH_PORT}/healthz", "--gate-timeout", "1m"]
ROLLING = ["--canary", "1", "--per-site", "1", *GATES]


def fleet(make_lab, **kw):
    lab = make_lab(Fleet, **kw)
    lab.start()
    assert set(counts(lab).values()) == {(1, 1)}
    return lab


def counts(lab):
    """Of each machine: how often it was started, and how often its system came up under a boot id of its own."""
    return {name: (len(lab.machine(name).starts()), len(set(lab.machine(name).boots()))) for name in lab.all}


def begin(lab, hosts, *more):
    return lab.ctl("reboot", hosts, *more, "--reason", "INC-1", "--yes").stdout.split()[-1]


def show(lab, rollout):
    return json.loads(lab.ctl("-o", "json", "rollout", "show", rollout).stdout)


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
    jobs = json.loads(lab.ctl("-o", "json", "job", "list", "--limit", "100").stdout)["items"]
    found = {}
    for job in sorted(jobs, key=lambda j: j["id"]):
        if job["rollout"] == rollout:
            found.setdefault(job["host"], []).append(lab.job(job["id"]))
    return found


def assert_proven(job):
    """By the system's own boot id, not only because something answers."""
    proof = [s["evidence"] for s in job["stages"] if s["stage"] == "os-up" and s["state"] == "confirmed"]
    assert proof, job["stages"]
    power = [s["evidence"] for s in job["stages"] if s["stage"] == "power"]
    assert power == ["seen off, then on"], power


def test_one_order_on_both_sites(make_lab):
    """All at once, without a policy: a rollout all the same."""
    lab = fleet(make_lab)
    before = {name: lab.page(name, "boot_id") for name in lab.all}
    lab.ctl("reboot", "near[01-02],far[01-02]", "--reason", "INC-1", "--yes", "--wait=10m")
    touched = {"near01", "near02", "far01", "far02"}
    assert {name for name, c in counts(lab).items() if c == (2, 2)} == touched
    assert {name for name in lab.all if lab.page(name, "boot_id") != before[name]} == touched
    jobs = json.loads(lab.ctl("-o", "json", "job", "list").stdout)["items"]
    assert {(j["host"], j["state"]) for j in jobs} == {(name, "done") for name in touched}
    # The system was asked to end, and did so by itself.
    assert all(lab.machine(name).console().count("lab: power button") == (name in touched) for name in lab.all)


def test_canary_then_one_at_a_site(make_lab, record_property):
    lab = fleet(make_lab)
    before = {name: lab.page(name, "boot_id") for name in lab.all}
    rollout = begin(lab, ALL, *ROLLING)
    done = wait_state(lab, rollout, "done", "halted")
    assert done["state"] == "done" and done["counts"]["ok"] == 6, done
    assert set(counts(lab).values()) == {(2, 2)}
    assert all(lab.page(name, "boot_id") not in ("", before[name]) for name in lab.all)
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
    assert all(lab.machine(name).console().count("lab: power button") == 1 for name in lab.all)
    record_property("figure", f"rolling reboot of six machines on two sites: {spans[-1][1] - spans[0][0]:.0f} s, "
                    f"{sum(b - a for a, b, _ in spans) / 6:.0f} s each")
