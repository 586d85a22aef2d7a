# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's store of image files: disk and line are not its own. Room, eviction, caps, deltas."""
import datetime
import os
import subprocess
import time

import pytest

from netlab import until
from store_lab import Origin, StoreSite, sha

MB = 1_000_000


@pytest.fixture
def store():
    made = []

    def make(*args, **kw):
        made.append(StoreSite(*args, **kw))
        return made[-1]
    yield make
    for s in made:
        s.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    where = str(tmp_path / "images")
    os.mkdir(where)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def objects(s):
    root = s.image(".store", "sha256")
    return sorted(f for d in os.listdir(root) for f in os.listdir(os.path.join(root, d)))


def test_no_room_is_said_and_nothing_is_begun(store, small_disk):
    s = store(images=small_disk)
    data, fits = os.urandom(9 * MB), os.urandom(MB)
    s.want("d/root.img", data)
    s.want("d/vmlinuz", fits)
    s.start()
    it = s.wait_state(data, "failed", "store-full")
    assert it["text"] and it["next"]
    s.wait_held(fits)
    assert s.parts() == [] and s.orch.octets == len(fits)


def test_what_is_not_wanted_goes_oldest_first(store, small_disk):
    s = store(images=small_disk)
    files = [os.urandom(2 * MB) for _ in range(3)]
    with open(s.image("by-hand"), "wb") as f:
        f.write(b"x" * 100_000)
    s.start()
    for i, data in enumerate(files):
        s.want(f"d/{i}", data)
        s.wait_held(data)
    s.unwant(files[0])
    s.unwant(files[1])
    new = os.urandom(3 * MB)
    s.want("d/new", new)
    s.wait_held(new)
    # The oldest went with its name, and no more than was needed.
    assert objects(s) == sorted(sha(f) for f in (files[1], files[2], new))
    assert not os.path.exists(s.image("d", "0")) and s.read("d", "1") == files[1]
    assert os.path.getsize(s.image("by-hand")) == 100_000


def test_max_gb_is_of_the_stores_files(store):
    s = store(store={"max_gb": 1})
    huge = {"sha256": "ab" * 32, "size": 2 << 30, "paths": ["d/huge"], "images": ["d"]}
    s.orch.wanted.append(huge)
    s.start()
    until(lambda: s.orch.items.get("ab" * 32, {}).get("code") == "store-full", what="no room")
    assert s.parts() == []


def test_a_cap_is_kept_and_lifted(store):
    s = store()
    data = os.urandom(2 * MB)
    s.orch.caps = [{"days": "mon-sun", "from": "00:00", "to": "24:00", "kbit": 2000}]
    s.want("d/root.img", data)
    s.start()
    until(lambda: s.item(data).get("got", 0) > 0, what="the first octets")
    begin, got = time.monotonic(), s.item(data)["got"]
    until(lambda: s.item(data)["got"] > got, what="more of them")
    rate = (s.item(data)["got"] - got) / (time.monotonic() - begin)
    # The kernel's buffers come on top once.
    assert rate < 2 * 250_000, rate
    with s.orch.cond:
        s.orch.caps = []
        s.orch.version += 1
    s.wait_held(data)
    assert s.read("d", "root.img") == data


def test_nothing_comes_while_the_line_is_closed(store):
    s = store()
    data = os.urandom(MB)
    zone = "Africa/Lagos"  # an hour before UTC's clock, the whole year
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    # Two hours around now in that zone, over midnight if need be.
    begin = now - datetime.timedelta(hours=1)
    end = now + datetime.timedelta(hours=1)
    cap = {"days": day[begin.weekday()], "from": begin.strftime("%H:%M"), "to": end.strftime("%H:%M"), "kbit": 0}
    s.orch.caps, s.orch.timezone = [cap], zone
    s.want("d/root.img", data)
    s.start()
    it = s.wait_state(data, "waiting", "line-capped")
    assert it["next"] and s.orch.octets == 0
    with s.orch.cond:
        s.orch.caps = []
        s.orch.version += 1
    s.wait_held(data)


def versions(size=3 * MB, changed=90_000):
    old = os.urandom(size)
    new = old[:MB] + os.urandom(changed) + old[MB + changed:2 * MB] + b"moved" + old[2 * MB:]
    return old, new


def delta_of(s, old, new):
    for name, data in (("old", old), ("new", new)):
        with open(s.path(name), "wb") as f:
            f.write(data)
    subprocess.run(["zstd", "-q", "-f", "--patch-from", s.path("old"), s.path("new"), "-o", s.path("delta")], check=True)
    with open(s.path("delta"), "rb") as f:
        return f.read()


def offer(s, old, new, delta, said=None):
    s.orch.files[f"agent/v1/delta/{sha(old)}/{sha(new)}"] = delta
    s.unwant(old)
    s.want("d/root.img", new, deltas=[{"from": sha(old), "sha256": said or sha(delta), "size": len(delta)}])


def test_the_next_version_comes_as_a_delta(store):
    s = store()
    old, new = versions()
    s.want("d/root.img", old)
    s.start()
    s.wait_held(old)
    before = s.orch.octets
    delta = delta_of(s, old, new)
    offer(s, old, new, delta)
    assert s.wait_held(new)["source"] == "delta"
    assert s.read("d", "root.img") == new and s.parts() == []
    assert s.orch.octets - before == len(delta) < len(new) / 10


@pytest.mark.parametrize("what", ["another-base", "cut-short", "wrong-octets", "bomb"])
def test_a_delta_that_cannot_be_used(store, what):
    s = store()
    old, new = versions()
    s.want("d/root.img", old)
    s.start()
    s.wait_held(old)
    delta, said = delta_of(s, old, new), None
    if what == "another-base":
        delta = delta_of(s, os.urandom(3 * MB), new[:2 * MB])
    elif what == "cut-short":
        delta = delta[:len(delta) // 2]
    elif what == "wrong-octets":
        said = sha(b"something else")
    elif what == "bomb":
        delta = delta_of(s, old, bytes(50 * MB))
    offer(s, old, new, delta, said)
    assert s.wait_held(new)["source"] == "orchestrator"
    assert s.read("d", "root.img") == new and s.parts() == []
    assert "the file is fetched itself" in s.stderr()


def test_killed_while_a_delta_comes(store):
    s = store()
    old, new = versions(changed=900_000)
    s.want("d/root.img", old)
    s.start()
    s.wait_held(old)
    delta = delta_of(s, old, new)
    s.orch.rate = 50_000
    before = s.orch.octets
    offer(s, old, new, delta)
    until(lambda: s.orch.octets - before > 200_000, what="some of the delta")
    s.kill()
    s.orch.rate = 0
    s.start()
    assert s.wait_held(new)["source"] == "delta"
    assert s.read("d", "root.img") == new and s.parts() == []


def test_a_delta_that_is_being_made_is_waited_for_unless_a_job_waits(store):
    s = store()
    later, now = os.urandom(MB), os.urandom(MB)
    s.want("d/later", later, delta_soon=True)
    s.want("d/now", now, delta_soon=True, needed=True)
    s.start()
    s.wait_held(now)
    assert s.item(later)["state"] == "waiting" and s.orch.octets == len(now)


def test_a_peer_behind_a_redirect(store):
    s, mirror, other = store(), Origin(), Origin()
    data = os.urandom(300_000)
    other.files["deep/root.img"] = data
    mirror.redirect = other.url("deep/root.img")
    s.want("d/root.img", data, serve=False, urls=[mirror.url("root.img")])
    s.start()
    try:
        assert s.wait_held(data)["source"] == "url"
        assert s.read("d", "root.img") == data
    finally:
        mirror.close()
        other.close()
