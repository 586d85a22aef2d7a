# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders for images that are not at the site yet: refused, or waiting until they are. The site's agent is a stand-in."""
import os
import subprocess

import pytest

from netlab import BUILD, PATIENCE, until
from orch_lab import document
from test_image_place import Store


@pytest.fixture
def store(filled, site_agent):
    """A site that has nothing, and fetches its kernel from the orchestrator."""
    s = Store(site_agent)
    s.files = s.wanted()
    s.hold(s.files["deb/vmlinuz"]["sha256"], state="fetching", size=6, got=3, rate=100)
    s.hold(s.files["deb/initrd.gz"]["sha256"], state="waiting", size=6, code="line-cap", text="nothing is fetched until 18:00")
    s.ask()
    return s


def arrive(store):
    for w in store.files.values():
        store.hold(w["sha256"], size=w["size"])
    store.ask()


def ctl(orch, *args):
    return subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *args], text=True,
                          capture_output=True, timeout=PATIENCE, check=False)


def told(agent):
    return [o["bundle"]["job"] for o in agent.poll().json["orders"] if o["t"] == "job"]


def test_what_is_not_there_is_refused(filled, site_agent, store):
    answer = filled.order("edge01")
    assert (answer.status, answer.code) == (409, "image-not-here")
    assert "25 %" in answer.json["detail"] and "nothing is fetched until 18:00" in answer.json["detail"]
    assert "--when-ready" in answer.json["next"] and "image place" in answer.json["next"]
    out = ctl(filled, "reinstall", "edge01", "--reason", "r", "--yes")
    assert out.returncode == 3 and "image-not-here" in out.stderr
    arrive(store)
    assert filled.order("edge01").status == 202 and told(site_agent)


def test_a_job_waits_until_the_image_is_there(filled, site_agent, store):
    out = ctl(filled, "reinstall", "edge01", "--reason", "r", "--yes", "--when-ready=2h")
    assert out.returncode == 0, out.stderr
    job = out.stdout.strip()
    assert told(site_agent) == []
    v = filled.job(job)
    assert v["state"] == "queued" and v["image_until"] and v["waits"].startswith("waits for image debian at local, 25 %")
    row = filled.get("/status?hosts=edge01").json["items"][0]
    assert row["reason"].startswith("waits for image debian at local, 25 %")
    assert all(w["needed"] for w in store.ask()["wanted"])
    # Also over a restart; and the host is taken.
    filled.kill()
    filled.start()
    assert told(site_agent) == [] and filled.order("edge01", when_ready_s=60).code == "host-busy"
    arrive(store)
    assert told(site_agent) == [job]
    assert filled.job(job)["image_until"] is None
    assert [e["detail"]["image"] for e in filled.events(f"&job={job}") if e["kind"] == "job.image-here"] == ["debian"]


def test_a_job_whose_image_does_not_come_ends(filled, site_agent, store):
    job = filled.order("edge01", when_ready_s=1).json["jobs"][0]["id"]
    until(lambda: filled.job(job)["ended"], "the end of the wait")
    v = filled.job(job)
    assert v["state"] == "failed" and v["verdict"]["code"] == "image-late" and "25 %" in v["verdict"]["text"]
    assert told(site_agent) == []
    assert filled.order("edge01", when_ready_s=600).status == 202


def test_a_job_that_waits_can_be_cancelled(filled, site_agent, store):
    job = filled.order("edge01", when_ready_s=600, key="k").json["jobs"][0]["id"]
    assert filled.order("edge01", when_ready_s=600, key="k").json["jobs"][0]["id"] == job
    assert filled.post(f"/jobs/{job}/cancel", {"reason": "r"}).json["state"] == "cancelled"
    arrive(store)
    assert told(site_agent) == []


def test_what_cannot_wait(filled, store):
    assert filled.order("edge01", kind="reboot", when_ready_s=5).code == "bad-value"
    assert filled.order("edge01", when_ready_s=-1).code == "bad-value"
    assert filled.order("edge01", when_ready_s=5, at="2027-01-01T00:00:00Z").code == "bad-value"


def test_sites_without_a_store_are_as_before(filled, site_agent):
    job = filled.order("edge01", when_ready_s=600).json["jobs"][0]["id"]
    until(lambda: told(site_agent) == [job], "the end of the wait for its store")


def test_a_site_that_shares_the_files_is_its_agents_to_judge(filled, site_agent):
    s = Store(site_agent)
    for w in s.wanted().values():
        s.hold(w["sha256"], state="waiting", size=w["size"], source="")
    s.ask()
    assert filled.order("edge01").status == 202 and told(site_agent)


def test_images_are_placed_and_their_state_is_told(filled, site_agent, store):
    assert filled.get("/images/status").json["items"][0]["images"][0]["percent"] == 25
    out = ctl(filled, "image", "status", "debian")
    assert "25 %" in out.stdout and "line-cap" in out.stdout and "fetching" in out.stdout, out.stdout + out.stderr
    arrive(store)
    [row] = filled.get("/images/status?image=debian").json["items"][0]["images"]
    assert (row["state"], row["percent"], row["held"], row["placed"]) == ("held", 100, 2, False)
    # An image that no host uses.
    doc = document()
    doc["images"] = [dict(doc["images"][0], name="other", kernel={"path": "deb/other"})]
    filled.put_file("images/deb/other", b"other")
    assert filled.apply({"images": doc["images"]}).status == 200
    assert "deb/other" not in store.wanted()
    out = ctl(filled, "image", "place", "other", "local", "--reason", "r")
    assert out.returncode == 0 and "placed" in out.stderr + out.stdout
    assert "deb/other" in store.wanted()
    assert ctl(filled, "image", "unplace", "other", "--all-sites").returncode == 0
    assert "deb/other" not in store.wanted()
    assert filled.post("/images/other/place", {"sites": ["nowhere"]}).code == "site-unknown"
    assert filled.post("/images/other/place", {}).code == "bad-value"
    assert filled.post("/images/nothing/place", {"all_sites": True}).code == "image-unknown"
