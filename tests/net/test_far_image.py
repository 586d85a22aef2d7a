# SPDX-License-Identifier: GPL-3.0-or-later
"""An image on its way to a site that has nothing: the real orchestrator and the real agent, whose images root is another
one and empty."""
import json
import os

import pytest

from netlab import until
from whole_lab import Site

BIG = 6_000_000


@pytest.fixture
def far(netns):
    s = Site(netns)
    os.makedirs(s.path("far"))
    config = s.agent_config({})
    config["boot_services"]["dirs"]["images"] = s.path("far")
    s.write("agent.yaml", json.dumps(config).encode())
    s.first = os.urandom(BIG)
    s.write("images/d/root.sfs", s.first)
    doc = s.document()
    doc["images"][0]["files"] = [{"path": "d/root.sfs"}]
    s.document = lambda: doc
    try:
        yield s
    finally:
        s.close()


def status(s):
    return {i["image"]: i for site in s.json("image", "status")["items"] for i in [site]}["debian"]


def same(s, name):
    try:
        with open(s.path("far", name), "rb") as a, open(s.path("images", name), "rb") as b:
            return a.read() == b.read()
    except FileNotFoundError:
        return False


def test_an_image_reaches_the_site_and_the_next_version_as_a_delta(far):
    far.start_bmcs()
    far.start_orchestrator()
    far.apply()
    far.start_agent()
    until(lambda: same(far, "d/root.sfs") and same(far, "d/vmlinuz") and same(far, "d/initrd"), "the image at the site")
    until(lambda: status(far)["state"] == "held", "the word of it")
    row = status(far)
    assert (row["percent"], row["source"], row["held"]) == (100, "orchestrator", 3)
    # 3 % of it change.
    new = far.first[:1_000_000] + os.urandom(180_000) + far.first[1_180_000:]
    far.write("images/d/root.new", new)
    os.rename(far.path("images/d/root.new"), far.path("images/d/root.sfs"))
    far.apply()
    until(lambda: same(far, "d/root.sfs"), "the next version at the site")
    until(lambda: status(far)["state"] == "held" and "delta" in far.read("agent.log") + status(far)["source"], "the word of it")
    made = [n for n in os.listdir(far.path("orch/deltas")) if "-" in n]
    assert len(made) == 1 and os.path.getsize(far.path("orch/deltas", made[0])) < BIG // 10


def test_an_order_waits_for_the_image_to_come(far):
    far.start_bmcs()
    far.start_orchestrator()
    far.start_agent()
    far.apply()
    far.ready()
    done = far.ctl("reinstall", "edge01", "--reason", "r", "--yes", "--when-ready=10m")
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    until(lambda: far.job(job)["state"] not in ("queued", "accepted"), "the job to run")
    until(lambda: any(st["stage"] == "preflight" and st["confirmed"] for st in far.job(job)["stages"]), "its preflight")
    assert same(far, "d/root.sfs") and same(far, "d/vmlinuz")
    assert far.job(job)["verdict"] is None, far.job(job)


def test_a_file_that_was_written_into_is_fetched_again(far):
    """Nothing of it is booted, and the site mends it by itself: the names of a file are links to one."""
    far.start_bmcs()
    far.start_orchestrator()
    far.apply()
    far.start_agent()
    until(lambda: status(far)["state"] == "held", "the image at the site")
    with open(far.path("far/d/vmlinuz"), "r+b") as f:
        f.write(b"altered")
    done = far.ctl("reinstall", "edge01", "--reason", "r", "--yes")
    assert done.returncode == 0, done.stderr
    job = done.stdout.strip()
    until(lambda: far.job(job)["state"] == "failed", "the job's end")
    assert far.job(job)["verdict"]["code"] == "image-altered", far.job(job)
    until(lambda: same(far, "d/vmlinuz"), "the file again")
    assert "somebody wrote into it" in far.read("agent.log")
