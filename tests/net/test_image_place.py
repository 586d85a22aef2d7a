# SPDX-License-Identifier: GPL-3.0-or-later
"""What sites' stores of image files are told and tell, by a stand-in for an agent with a store."""
import concurrent.futures
import hashlib
import json
import os
import subprocess

import pytest


from netlab import BUILD, PATIENCE, until
from orch_lab import Agent, Connection, document


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Store:
    """The store of a site's agent, as docs/protocol.md has it: what it has is in .items."""

    def __init__(self, agent):
        self.agent, self.orch = agent, agent.orch
        self.items, self.version = {}, 0

    def tell(self, **more):
        body = {"v": 1, "site": self.agent.site, "agent": self.agent.id, "version": self.version, "free": 10 ** 9,
                "items": list(self.items.values()), **more}
        return self.orch.call("POST", "/agent/v1/store", body)

    def ask(self):
        answer = self.tell()
        assert answer.status == 200, answer.json
        self.version = answer.json["version"]
        return answer.json

    def wanted(self):
        return {path: w for w in self.ask()["wanted"] for path in w["paths"]}

    def hold(self, *digests, state="held", **more):
        for d in digests:
            size = more.get("size", 0)
            self.items[d] = {"sha256": d, "size": size, "state": state, "got": size if state == "held" else 0,
                             "source": "orchestrator", **more}


def fetch(orch, path, **headers):
    c = Connection(orch.socket, 60)
    try:
        c.request("GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        return r.status, r.read(), r.headers
    finally:
        c.close()


@pytest.fixture
def store(filled, site_agent):
    return Store(site_agent)


def test_a_site_is_to_hold_what_its_hosts_use(filled, site_agent, store):
    answer = site_agent.poll()
    assert answer.json["store"] > 0
    plan = store.ask()
    assert plan["version"] == answer.json["store"] and plan["timezone"]
    files = {p: w for w in plan["wanted"] for p in w["paths"]}
    assert set(files) == {"deb/vmlinuz", "deb/initrd.gz"}
    assert files["deb/vmlinuz"]["sha256"] == digest(b"kernel") and files["deb/vmlinuz"]["size"] == 6
    assert files["deb/vmlinuz"]["images"] == ["debian"] and not files["deb/vmlinuz"]["needed"]
    # A job needs it; and the version is another one, also for a poll that is held.
    assert filled.order("edge01").status == 202
    site_agent.poll()
    assert all(w["needed"] for w in store.ask()["wanted"])
    assert store.version != plan["version"]
    # The same after a restart.
    filled.kill()
    filled.start()
    assert site_agent.poll().json["store"] == store.version


def test_what_changed_between_two_polls_is_told_at_once(filled, site_agent, store):
    """The agent was told another version last: its poll is not held, though nothing is to be ordered."""
    filled.put_file("images/deb/other", b"other")
    image = dict(document()["images"][0], name="other", kernel={"path": "deb/other"})
    assert filled.apply({"images": [image]}).status == 200
    told = site_agent.poll().json["store"]
    assert filled.post("/images/other/place", {"sites": ["local"], "reason": "r"}).status == 200
    site_agent.says["store"] = told
    now = site_agent.poll(wait_s=2 * PATIENCE).json["store"]
    assert now != told and store.ask()["version"] == now
    site_agent.says["store"] = now
    assert site_agent.poll(wait_s=1).json["store"] == now
    site_agent.says["store"] = -1
    assert site_agent.poll().code == "bad-value"


def test_another_version_of_an_image_is_told_at_once(filled, site_agent, store):
    """What the site's machines boot stays as it was, so that nothing else would wake the agent."""
    site_agent.says["store"] = site_agent.poll().json["store"]
    store.ask()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(site_agent.poll, wait_s=2 * PATIENCE)
        filled.put_file("images/deb/new", b"another kernel")
        os.rename(filled.path("images/deb/new"), filled.path("images/deb/vmlinuz"))
        assert filled.apply({"images": document()["images"]}).status == 200
        answer = held.result()
    assert answer.json["store"] != site_agent.says["store"]
    assert store.wanted()["deb/vmlinuz"]["sha256"] == digest(b"another kernel")


def test_files_are_given_whole_and_in_parts(filled, store):
    big = os.urandom(3_000_000)
    filled.put_file("images/deb/root.sfs", big)
    doc = document()
    doc["images"][0]["files"] = [{"path": "deb/root.sfs"}]
    assert filled.apply({"images": doc["images"]}).status == 200
    want = store.wanted()["deb/root.sfs"]
    url = f"/agent/v1/blob/{want['sha256']}"
    status, body, head = fetch(filled, url)
    assert (status, body) == (200, big) and head["ETag"] == f'"{want["sha256"]}"' and head["Accept-Ranges"] == "bytes"
    status, body, head = fetch(filled, url, Range="bytes=1000000-1999999")
    assert (status, body) == (206, big[1000000:2000000])
    assert head["Content-Range"] == "bytes 1000000-1999999/3000000"
    status, body, _ = fetch(filled, url, Range="bytes=2999990-", If_Range=f'"{want["sha256"]}"')
    assert (status, body) == (206, big[-10:])
    status, body, _ = fetch(filled, url, Range="bytes=5-9", If_Range='"another"')
    assert (status, body) == (200, big)
    status, _, head = fetch(filled, url, Range="bytes=3000000-")
    assert status == 416 and head["Content-Range"] == "bytes */3000000"
    # Several parts at once.
    conns = [Connection(filled.socket, 60) for _ in range(4)]
    for i, c in enumerate(conns):
        c.request("GET", url, None, {"Range": f"bytes={i * 750000}-{i * 750000 + 749999}"})
    assert b"".join(c.getresponse().read() for c in conns) == big
    # Nobody's file, and no digest at all.
    assert fetch(filled, f"/agent/v1/blob/{'0' * 64}")[0] == 404
    assert fetch(filled, "/agent/v1/blob/..%2f..%2fetc%2fpasswd")[0] == 404


def test_a_file_that_is_another_one_is_not_given(filled, store):
    sha = store.wanted()["deb/vmlinuz"]["sha256"]
    assert fetch(filled, f"/agent/v1/blob/{sha}")[0] == 200
    filled.put_file("images/deb/vmlinuz", b"kerneL")
    status, body, _ = fetch(filled, f"/agent/v1/blob/{sha}")
    assert status == 409 and json.loads(body)["code"] == "image-altered"
    filled.put_file("images/deb/vmlinuz", b"longer kernel")
    assert fetch(filled, f"/agent/v1/blob/{sha}")[0] == 409
    filled.put_file("images/deb/vmlinuz", b"kernel")
    assert fetch(filled, f"/agent/v1/blob/{sha}")[1] == b"kernel"
    os.unlink(filled.path("images/deb/vmlinuz"))
    status, body, _ = fetch(filled, f"/agent/v1/blob/{sha}")
    assert status == 409 and json.loads(body)["code"] == "image-missing"


def test_who_is_not_the_sites_agent_is_refused(filled, site_agent, store):
    other = Store(Agent(filled, site_agent.site, number=2))
    assert (other.tell().status, other.tell().code) == (409, "agent-duplicate")
    stranger = Store(Agent(filled, "nowhere", number=3))
    assert (stranger.tell().status, stranger.tell().code) == (404, "site-unknown")
    for bad in ({"v": 2}, {"items": [{"sha256": "x", "state": "held"}]}, {"items": [7]}, {"free": -9},
                {"items": [{"sha256": "a" * 64, "state": "held", "size": -1}]}):
        assert store.tell(**bad).status == 400, bad
    # Digests that it is not to hold are passed over.
    assert store.tell(items=[{"sha256": "a" * 64, "state": "held", "size": 1, "got": 1}]).status == 200


def test_the_next_version_is_offered_as_a_delta(filled, site_agent, store):
    old = bytearray(os.urandom(2_000_000))
    doc = document()
    doc["images"][0]["files"] = [{"path": "deb/root.sfs"}]
    filled.put_file("images/deb/root.sfs", bytes(old))
    assert filled.apply({"images": doc["images"]}).status == 200
    first = store.wanted()["deb/root.sfs"]
    store.hold(first["sha256"], size=first["size"])
    assert "deltas" not in store.wanted()["deb/root.sfs"]
    # 3 % of it change; the file takes the other's place, as rename() and rsync do.
    new = bytes(old[:500_000]) + os.urandom(60_000) + bytes(old[560_000:])
    filled.put_file("images/deb/root.new", new)
    os.rename(filled.path("images/deb/root.new"), filled.path("images/deb/root.sfs"))
    assert filled.apply({"images": doc["images"]}).status == 200
    until(lambda: "deltas" in store.wanted()["deb/root.sfs"], "the delta")
    want = store.wanted()["deb/root.sfs"]
    assert want["sha256"] == digest(new) and "delta_soon" not in want
    [delta] = want["deltas"]
    assert delta["from"] == first["sha256"] and delta["size"] < len(new) // 10
    url = f"/agent/v1/delta/{first['sha256']}/{want['sha256']}"
    status, body, head = fetch(filled, url)
    assert status == 200 and digest(body) == delta["sha256"] and head["ETag"] == f'"{delta["sha256"]}"'
    status, part, _ = fetch(filled, url, Range="bytes=100-199")
    assert (status, part) == (206, body[100:200])
    with open(filled.path("delta"), "wb") as f:
        f.write(body)
    with open(filled.path("old"), "wb") as f:
        f.write(bytes(old))
    made = subprocess.run(["zstd", "-d", "-c", "--long=31", f"--patch-from={filled.path('old')}", filled.path("delta")],
                          capture_output=True, check=True)
    assert made.stdout == new
    assert fetch(filled, f"/agent/v1/delta/{'0' * 64}/{want['sha256']}")[0] == 404
    # After a restart the same one; and none once the file is there.
    filled.kill()
    filled.start()
    until(lambda: store.wanted()["deb/root.sfs"].get("deltas") == [delta], "the delta again")
    store.hold(want["sha256"], size=want["size"])
    store.ask()
    assert "deltas" not in store.wanted()["deb/root.sfs"]


def test_caps_are_the_sites(filled, store):
    caps = ["mon-fri 08:00-18:00 2Mbit", "sat-sun 00:00-24:00 none"]
    assert filled.patch("/sites/local", {"caps": ["mon-fri 08:00-18:00 2Mbit", "Sat,Sun none"]}).json["caps"] == caps
    plan = store.ask()
    assert plan["caps"] == [{"days": "mon-fri", "from": "08:00", "to": "18:00", "kbit": 2000},
                            {"days": "sat-sun", "from": "00:00", "to": "24:00", "kbit": 0}]
    assert filled.get("/export").json["sites"][0]["caps"] == caps
    bad = filled.patch("/sites/local", {"caps": ["mon-fri 2MB"]})
    assert bad.code == "bad-cap" and "mon-fri 08:00-18:00 2Mbit" in bad.json["next"] and "2MB" in bad.json["detail"]
    done = subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{filled.socket}", "site", "set", "local", "--no-caps"],
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "caps" not in store.ask() and "caps" not in filled.get("/sites/local").json
