# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of images that come from a nearby site: what netboot-bootd there gives to whom, and what becomes of it when it does not."""
import hashlib
import os
import signal
import subprocess
import threading
import time

import pytest

from netlab import BUILD, PATIENCE, until
from orch_lab import Agent, document
from store_lab import AGENT, StoreSite
from test_image_place import Store
from test_image_url import Line, status, there

KERNEL, INITRD = os.urandom(700_000), os.urandom(1_500_000)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def stored(b, data):
    return os.path.join(b.images, ".store", "sha256", sha(data)[:2], sha(data))


@pytest.fixture
def near(bootd):
    """netboot-bootd of the site that others may fetch from."""
    return bootd({"peers": ["10.77.0.0/28"]})


@pytest.fixture
def peer(filled, near):
    """Its site and agent, which has the image from the orchestrator."""
    for f, data in (("vmlinuz", KERNEL), ("initrd.gz", INITRD)):
        filled.put_file(f"images/deb/{f}", data)
    assert filled.apply({"sites": [{"name": "abj", "url": "http://10.77.0.1"}], "images": document()["images"][:1]}).status == 200
    ctl(filled, "image", "place", "debian", "abj", "--reason", "near")
    s = StoreSite(server=filled.socket, site="abj", images=near.images)
    old = os.umask(0o077)  # as the service has it
    s.start()
    os.umask(old)
    there(s, "deb/vmlinuz", KERNEL)
    there(s, "deb/initrd.gz", INITRD)
    until(lambda: held(filled, "abj"), what="the orchestrator to know what abj has")
    yield s
    s.close()


@pytest.fixture
def line(filled):
    made = Line(filled.path("line.sock"), filled.socket)
    yield made
    made.close()


@pytest.fixture
def far(line, netns):
    """The other site, whose agent is on the network of the first one's netboot-bootd."""
    ns = netns.add_client(address="10.77.0.9/24")
    s = StoreSite(server=line.path, site="local")
    s.log = open(s.path("agent.log"), "a")
    s.begin = lambda: setattr(s, "agent", ns.popen(AGENT, "-d", "-c", s.path("agent.yaml"), stderr=s.log))
    yield s
    print(s.stderr()[-6000:])
    s.close()


def ctl(orch, *args):
    done = subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *args],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def held(orch, site):
    sites = orch.get("/images/status").json["items"]
    return any(s["site"] == site and i["image"] == "debian" and i["state"] == "held" for s in sites for i in s["images"])


def arrives(far):
    there(far, "deb/vmlinuz", KERNEL)
    there(far, "deb/initrd.gz", INITRD)


def http_events(b):
    return [e for e in b.events if e["kind"].startswith("http.")]


def test_what_a_nearby_site_has_is_not_asked_of_the_orchestrator(filled, near, peer, line, far):
    ctl(filled, "site", "set", "local", "--peer", "abj")
    far.begin()
    arrives(far)
    until(lambda: status(filled)["state"] == "held", what="the orchestrator to know")
    assert status(filled)["source"] == "site"
    assert b"POST /agent/v1/store" in line.said and line.files() == 0
    # Nobody has booted.
    assert not http_events(near)


@pytest.mark.parametrize("fault", ["silent", "gone", "refused", "removed", "wrong"])
def test_another_source_when_the_nearby_site_does_not_give_it(filled, near, peer, line, far, fault):
    if fault == "silent":
        near.proc.send_signal(signal.SIGSTOP)
    elif fault == "gone":
        near.stop()
    elif fault == "refused":
        near.config["peers"] = []
        near.restart()
    else:
        peer.kill()  # or it would see it and fetch anew
        for data in (KERNEL, INITRD):
            path = stored(near, data)
            os.unlink(path)
            if fault == "wrong":
                with open(path, "wb") as f:
                    f.write(os.urandom(len(data)))
                os.chmod(path, 0o444)
    ctl(filled, "site", "set", "local", "--peer", "abj")
    far.begin()
    try:
        arrives(far)
    finally:
        if fault == "silent":
            near.proc.send_signal(signal.SIGCONT)
    assert line.files() > 0
    until(lambda: status(filled)["state"] == "held", what="the orchestrator to know")
    if fault in ("refused", "removed"):
        assert near.wait(lambda e: e["kind"] == "http.error")["detail"]["result"] == "not-found"


def test_who_gets_files_by_digest(netns, near):
    data = os.urandom(200_000)
    near.put("images", f".store/sha256/{sha(data)[:2]}/{sha(data)}", data)
    near.put("images", f".store/part/{sha(b'half')}", b"ha")
    near.put("images", f"deb/{sha(b'other')}", b"other")
    friend, stranger = netns.add_client(address="10.77.0.9/24"), netns.add_client(address="10.77.0.99/24")

    def fetch(ns, path, *args):
        return ns.run("curl", "-s", "-m", "30", "--path-as-is", "-o", near.dir + "/got", "-w", "%{http_code} %{size_download}", *args,
                      f"http://10.77.0.1{path}").stdout
    url = f"/store/{sha(data)}"
    assert fetch(friend, url) == "200 200000"
    with open(near.dir + "/got", "rb") as f:
        assert f.read() == data
    assert fetch(friend, url, "-r", "1000-1999") == "206 1000"
    with open(near.dir + "/got", "rb") as f:
        assert f.read() == data[1000:2000]
    assert fetch(friend, url, "-I") == "200 0"
    assert fetch(friend, url, "-r", "200000-").startswith("416 ")
    assert not http_events(near)
    assert fetch(friend, url, "-d", "x").startswith("405 ")
    for path in (f"/store/{sha(b'half')}", f"/store/../part/{sha(b'half')}", f"/store/{sha(b'other')}", "/store/",
                 f"/.store/sha256/{sha(data)[:2]}/{sha(data)}", f"/store/{sha(data).upper()}"):
        assert fetch(friend, path)[:4] in ("404 ", "400 "), path
    assert fetch(stranger, url).startswith("404 ")
    near.config["peers"] = []
    near.restart()
    assert fetch(friend, url).startswith("404 ")


def test_who_waits_for_a_file_hears_at_once_that_a_nearby_site_has_it(filled):
    """A held poll is answered, of a site that lacks the file; one that has it is left in peace."""
    sites = [{"name": "abj", "url": "http://10.77.0.1"}, *({"name": n, "peers": ["abj"]} for n in ("kan", "los", "ibd"))]
    assert filled.apply({"sites": sites, "images": document()["images"][:1]}).status == 200
    stores = {}
    for i, n in enumerate(("abj", "kan", "los", "ibd")):
        ctl(filled, "image", "place", "debian", n, "--reason", "near")
        agent = Agent(filled, site=n, number=10 + i)
        agent.poll()
        stores[n] = Store(agent)
        wanted = stores[n].wanted()
    kernel, initrd = wanted["deb/vmlinuz"]["sha256"], wanted["deb/initrd.gz"]["sha256"]
    stores["ibd"].hold(kernel)
    stores["ibd"].ask()
    for n in ("kan", "los", "ibd"):
        stores[n].ask()  # its version is the one that it has
        stores[n].agent.table = stores[n].agent.poll().json["table"]["version"]
    held = {}

    def poll(n, wait_s):
        began = time.monotonic()
        answer = stores[n].agent.poll(wait_s=wait_s, timeout=2 * PATIENCE).json
        held[n] = (time.monotonic() - began, answer["store"])

    threads = [threading.Thread(target=poll, args=a) for a in (("kan", 55), ("los", 55), ("ibd", 5))]
    for t in threads:
        t.start()
    until(lambda: filled.get("/agents").status == 200, what="the polls to be held")
    stores["abj"].hold(kernel)
    stores["abj"].ask()
    for t in threads:
        t.join(2 * PATIENCE)
    for n in ("kan", "los"):
        assert held[n][0] < 50 and held[n][1] != stores[n].version, held
        files = stores[n].wanted()
        assert files["deb/vmlinuz"]["peers"] == [f"http://10.77.0.1/store/{kernel}"] and not files["deb/initrd.gz"].get("peers")
    assert held["ibd"][0] >= 4.9 and held["ibd"][1] == stores["ibd"].version, held
    # What it has beside its store is given to nobody, and nobody is woken for it.
    stores["abj"].hold(initrd, source="here")
    stores["abj"].ask()
    poll("kan", 3)
    assert held["kan"][0] >= 2.9 and held["kan"][1] == stores["kan"].version


def test_the_sites_nearby_are_kept_shown_and_checked(filled, site_agent):
    sites = [{"name": "abj", "url": "http://10.77.0.1"}, {"name": "los", "peers": ["kan", "abj"]}, {"name": "kan", "url": "http://10.9.0.1"}]
    assert filled.apply({"sites": sites}).status == 200
    assert filled.get("/sites/los").json["peers"] == ["kan", "abj"]
    exported = filled.get("/export").json["sites"]
    assert next(s for s in exported if s["name"] == "los")["peers"] == ["kan", "abj"]
    assert {c["action"] for c in filled.apply({"sites": exported}).json["changes"]} == {"same"}
    filled.kill()
    filled.start()
    assert filled.get("/sites/los").json["peers"] == ["kan", "abj"]
    for bad, code, said in ((["los"], "bad-value", "itself"), (["nowhere"], "site-unknown", "nowhere"),
                            (["local"], "bad-value", "url"), (["abj", "abj"], "bad-value", "twice"), ([7], "bad-value", "peers[0]")):
        if bad == ["local"]:
            assert filled.patch("/sites/local", {"url": ""}).status == 200
        answer = filled.patch("/sites/los", {"peers": bad})
        assert answer.status in (400, 409, 422) and answer.code == code and said in answer.json["detail"], (bad, answer.json)
    ctl(filled, "site", "set", "los", "--peer", "abj,kan")
    assert filled.get("/sites/los").json["peers"] == ["abj", "kan"]
    answer = filled.patch("/sites/abj", {"url": ""})
    assert answer.code == "bad-value" and "los" in answer.json["detail"]
    # A site that is removed is nobody's any more.
    assert filled.delete("/sites/abj").status == 204
    assert filled.get("/sites/los").json["peers"] == ["kan"]
    ctl(filled, "site", "set", "los", "--no-peers")
    assert "peers" not in filled.get("/sites/los").json
