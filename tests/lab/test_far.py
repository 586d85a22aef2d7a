# SPDX-License-Identifier: GPL-3.0-or-later
"""A site far away: its agent joins over the line, and what its machines boot never crosses it."""
import json
from datetime import datetime

from lab import wait_for
from lab_far import FarLab

STAGES = ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd",
          "rootfs", "os-up", "installed", "local-boot"]


def far_lab(make_lab, **kw):
    lab = make_lab(FarLab, **kw)
    lab.near.add_machine("near01")
    lab.add_machine("far01")
    lab.start()
    return lab


def order(lab, verb, host):
    # A far site's store tells what it holds after its agent's first poll; until then the order may be refused.
    def placed():
        done = lab.ctl(verb, host, "--reason", "INC-1", "--yes", code=None)
        return done.stdout.strip() if done.returncode == 0 else None
    return wait_for(placed, "the image")


def confirmed(job):
    return [s["stage"] for s in job["stages"] if s["state"] == "confirmed" and s["stage"] != "queued"]


def took(job, stage):
    at = {s["stage"]: s for s in job["stages"] if s["state"] == "confirmed"}[stage]
    begin, end = (datetime.fromisoformat(at[k].replace("Z", "+00:00")).timestamp() for k in ("entered", "confirmed"))
    return end - begin


def test_a_reinstall_far_away_beside_a_near_one(make_lab, record_property):
    lab = far_lab(make_lab)
    before = sum(lab.line.octets())
    jobs = [order(lab, "reinstall", host) for host in ("near01", "far01")]
    near, far = (lab.wait_job(job) for job in jobs)
    assert near["state"] == far["state"] == "done", (near, far)
    assert confirmed(near) == confirmed(far) == STAGES
    assert lab.machines["far01"].installations() == 1
    assert lab.machines["far01"].starts() == ["net", "disk"]
    # Reports and orders cross the line, and nothing of what the machine boots, which is some megabytes.
    crossed = sum(lab.line.octets()) - before
    assert crossed < 400_000, crossed
    table = " ".join(f"{s}={took(near, s):.1f}/{took(far, s):.1f}" for s in STAGES)
    record_property("figure", f"reinstall near/far in seconds: {table}; {crossed} octets crossed the line")


def test_the_line_is_down_from_the_order_to_the_end(make_lab):
    """What was accepted comes to its end at the site; the record is whole afterwards."""
    lab = far_lab(make_lab)
    job = order(lab, "reinstall", "far01")
    lab.wait_stage(job, "armed")
    with lab.line.down():
        wait_for(lambda: lab.machines["far01"].console().count("lab: ready (disk)") == 1, "the installed system", 400)
        # What it does is not known here, and not said to be.
        assert lab.job(job)["state"] == "running"
    ended = lab.wait_job(job)
    assert ended["state"] == "done"
    assert confirmed(ended) == STAGES
    kinds = [e["kind"] for e in lab.events(job=job) if e["kind"].startswith("job.")]
    assert kinds[-1] == "job.done" and kinds.count("job.accepted") == kinds.count("job.done") == 1
    boots = json.loads(lab.ctl("-o", "json", "history", "far01").stdout)["items"]
    assert [b["outcome"] for b in boots] == ["ok"]
    assert lab.machines["far01"].installations() == 1
