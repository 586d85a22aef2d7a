# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's store of image files: fetched from servers that break, lie and change, bit for bit in the end."""
import os
import random
import re
import stat
import time

import pytest

from netlab import PATIENCE, until
from store_lab import Origin, StoreSite, sha


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
def origin():
    made = []

    def make():
        made.append(Origin())
        return made[-1]
    yield make
    for o in made:
        o.close()


def test_what_is_wanted_comes_and_what_is_there_stays(store):
    s = store()
    kernel, initrd, old = os.urandom(3_000_000), os.urandom(700_001), os.urandom(5000)
    os.mkdir(s.image("hand"))
    with open(s.image("hand", "vmlinuz"), "wb") as f:
        f.write(old)
    s.want(["d/vmlinuz", "d/again/vmlinuz"], kernel)
    s.want("d/initrd", initrd)
    s.want("d/empty", b"")
    s.want("hand/vmlinuz", old, serve=False)
    s.start()
    for data in (kernel, initrd, b"", old):
        s.wait_held(data)
    assert s.read("d", "vmlinuz") == s.read("d", "again", "vmlinuz") == kernel
    assert s.read("d", "initrd") == initrd and s.read("d", "empty") == b""
    assert s.item(kernel)["source"] == "orchestrator" and s.item(old)["source"] == "here"
    # Served to others by its names, and to those who know its digest.
    for folder, mode in ((".store", 0o711), (".store/sha256", 0o711), (".store/part", 0o700)):
        assert stat.S_IMODE(os.stat(s.image(folder)).st_mode) == mode
    assert stat.S_IMODE(os.stat(s.image("d", "vmlinuz")).st_mode) == 0o444
    assert s.parts() == []
    # Nothing was asked for twice.
    assert s.orch.octets == len(kernel) + len(initrd)


def test_on_one_machine_nothing_is_touched(store):
    s = store()
    data = os.urandom(100_000)
    os.mkdir(s.image("d"))
    with open(s.image("d", "vmlinuz"), "wb") as f:
        f.write(data)
    s.want("d/vmlinuz", data)
    s.start()
    assert s.wait_held(data)["source"] == "here"
    assert os.listdir(s.images) == ["d"] and s.orch.octets == 0


def test_what_somebody_put_there_is_not_replaced(store):
    s = store()
    data, other = os.urandom(100_000), os.urandom(100_000)
    os.mkdir(s.image("d"))
    with open(s.image("d", "vmlinuz"), "wb") as f:
        f.write(other)
    s.want("d/vmlinuz", data)
    s.start()
    it = s.wait_state(data, "failed", "image-altered")
    assert "d/vmlinuz" in it["text"] and it["next"]
    assert s.read("d", "vmlinuz") == other and s.orch.octets == 0


def test_a_new_version_takes_the_name_of_the_old_one(store):
    s = store()
    old, new = os.urandom(200_000), os.urandom(250_000)
    s.want("d/vmlinuz", old)
    s.start()
    s.wait_held(old)
    s.unwant(old)
    s.want("d/vmlinuz", new)
    s.wait_held(new)
    assert s.read("d", "vmlinuz") == new
    assert os.path.exists(s.image(".store", "sha256", sha(old)[:2], sha(old)))  # room was not needed


def test_breaks_lose_nothing(store):
    s = store()
    data = os.urandom(6_000_000)
    s.orch.cut_every = 150_000
    s.want("d/root.img", data)
    s.start()
    s.wait_held(data)
    assert s.read("d", "root.img") == data
    # What came was kept: only what the kernel still held when a connection broke was asked for twice.
    assert s.orch.octets < 1.3 * len(data)


def test_killed_at_any_moment(store):
    s = store()
    data = os.urandom(8_000_000)
    rng = random.Random(7)
    s.orch.rate = 300_000
    s.want("d/root.img", data)
    s.start()
    for i in range(6):
        goal = min(s.orch.octets + rng.randrange(200_000, 1_500_000), 8_000_000 + i)
        until(lambda: s.orch.octets >= goal or s.item(data).get("state") == "held", what="some octets")
        s.kill()
        assert not os.path.exists(s.image("d", "root.img")) or s.read("d", "root.img") == data
        s.start()
    s.orch.rate = 0
    s.wait_held(data)
    assert s.read("d", "root.img") == data and s.parts() == []


def test_ended_properly_nothing_comes_twice(store):
    s = store()
    data = os.urandom(4_000_000)
    s.orch.rate = 200_000
    s.want("d/root.img", data)
    s.start()
    until(lambda: s.orch.octets > 1_000_000, what="some octets")
    s.kill(15)
    s.orch.rate = 0
    s.start()
    s.wait_held(data)
    assert s.read("d", "root.img") == data
    assert s.orch.octets < 1.25 * len(data)


def test_sources_in_order(store, origin):
    s, peer, mirror = store(), origin(), origin()
    data = os.urandom(900_000)
    peer.files["images/d/root.img"] = mirror.files["root.img"] = data
    s.want("d/root.img", data, urls=[mirror.url("root.img")], peers=[peer.url("images/d/root.img")])
    s.start()
    assert s.wait_held(data)["source"] == "site"
    assert peer.octets == len(data) and mirror.octets == s.orch.octets == 0


def test_other_sources_are_asked_by_the_proxy(store, origin):
    proxy = origin()
    s = store(proxy=f"http://127.0.0.1:{proxy.port}")
    data = os.urandom(400_000)
    # A proxy is asked for whole URLs.
    proxy.files["http://mirror.example/root.img"] = data
    s.want("d/root.img", data, serve=False, urls=["http://mirror.example/root.img"])
    s.start()
    assert s.wait_held(data)["source"] == "url"
    assert s.read("d", "root.img") == data


def test_the_next_source_when_one_is_not_there(store, origin):
    s, peer, mirror = store(), origin(), origin()
    data = os.urandom(900_000)
    peer.down = True
    mirror.status = 404
    s.want("d/root.img", data, urls=[mirror.url("root.img")], peers=[peer.url("images/d/root.img")])
    s.start()
    assert s.wait_held(data)["source"] == "orchestrator"
    assert s.read("d", "root.img") == data


def test_wrong_octets_are_thrown_away_and_their_source_blamed(store, origin):
    s, mirror = store(), origin()
    data = os.urandom(900_000)
    mirror.files["root.img"] = data
    mirror.wrong = True
    s.want("d/root.img", data, urls=[mirror.url("root.img")])
    s.start()
    assert s.wait_held(data)["source"] == "orchestrator"
    assert s.read("d", "root.img") == data
    asked = len(mirror.requests)
    assert asked > 0 and "thrown away" in s.stderr() and mirror.url("root.img") in s.stderr()


def test_nobody_has_the_right_file(store):
    s = store()
    data = os.urandom(300_000)
    s.orch.wrong = True
    s.want("d/root.img", data)
    s.start()
    it = s.wait_state(data, "failed", "image-altered")
    assert "SHA-256" in it["text"]
    assert not os.path.exists(s.image("d"))


def test_another_file_under_that_address(store, origin):
    s, mirror = store(), origin()
    data = os.urandom(900_000)
    mirror.files["root.img"] = data + b"more"
    s.want("d/root.img", data, urls=[mirror.url("root.img")])
    s.start()
    assert s.wait_held(data)["source"] == "orchestrator"
    assert s.read("d", "root.img") == data


def test_a_file_that_changes_between_two_ranges(store, origin):
    s, mirror = store(), origin()
    old, new = os.urandom(4_000_000), os.urandom(4_000_000)
    mirror.files["root.img"] = old
    mirror.rate = 400_000

    def change(name):
        if mirror.octets > 600_000:
            mirror.files["root.img"] = new
            mirror.rate = 0
    mirror.on_request = change
    s.want("d/root.img", new, serve=False, urls=[mirror.url("root.img")])
    s.start()
    assert s.wait_held(new)["source"] == "url"
    assert s.read("d", "root.img") == new
    assert any(r[2] == 200 for r in mirror.requests), "If-Range was not asked"


def test_a_server_without_ranges(store, origin):
    s, mirror = store(), origin()
    data = os.urandom(2_000_000)
    mirror.files["root.img"] = data
    mirror.ranges = False
    s.want("d/root.img", data, serve=False, urls=[mirror.url("root.img")])
    s.start()
    assert s.wait_held(data)["source"] == "url"
    assert s.read("d", "root.img") == data


def test_a_server_without_ranges_that_breaks_off(store, origin):
    s, mirror = store(), origin()
    data = os.urandom(2_000_000)
    mirror.files["root.img"] = data
    mirror.ranges = False
    mirror.cut_every = 500_000
    s.want("d/root.img", data, urls=[mirror.url("root.img")])
    s.start()
    s.wait_held(data)  # the orchestrator gives the rest
    assert s.read("d", "root.img") == data
    assert s.orch.octets < len(data)


class Headless(Origin):
    """Gives every part but the one that begins the file."""

    def send(self, handler, data, first):
        if first == 0:
            handler.close_connection = True
            handler.connection.close()
        else:
            handler.body(data)


class Liar(Origin):
    """Knows no ranges; after so many octets what it gives is not the file."""

    def __init__(self, right):
        super().__init__()
        self.right, self.ranges = right, False

    def send(self, handler, data, first):
        handler.body(data[:self.right] + bytes(len(data) - self.right))


def test_what_is_there_is_not_written_over(store):
    """A server that sends all of the file, where the end is there already, and another end: only what was missing is its."""
    s, data = store(), os.urandom(2_000_000)
    tail, mirror = Headless(), Liar(150_000)
    try:
        tail.files["root.img"] = mirror.files["root.img"] = data
        s.want("d/root.img", data, serve=False, peers=[tail.url("root.img")], urls=[mirror.url("root.img")])
        s.start()
        s.wait_held(data)
        assert s.read("d", "root.img") == data
        assert mirror.requests and "thrown away" not in s.stderr()
    finally:
        tail.close()
        mirror.close()


class Endless(Origin):
    """Says what it gives, and gives on after it."""

    def send(self, handler, data, first):
        handler.body(data)
        while not self.down:
            handler.body(os.urandom(16 * 1024))
            time.sleep(0.01)


def test_a_server_that_does_not_end(store):
    """Octets behind those that were asked for are no progress: its connections are given up and the orchestrator is asked."""
    s, data, endless = store(), os.urandom(6_000_000), Endless()
    try:
        endless.chunked = True
        endless.files["root.img"] = data
        s.want("d/root.img", data, urls=[endless.url("root.img")])
        s.start()
        s.wait_held(data)
        assert s.read("d", "root.img") == data and endless.requests
    finally:
        endless.down = True
        endless.close()


class Dripping(Origin):
    """Gives what it is asked for, some octets at a time."""

    def send(self, handler, data, first):
        for at in range(0, len(data), 16):
            handler.body(data[at:at + 16])
            if self.down:
                return
            time.sleep(0.5)


def test_a_source_that_drips_is_left(store):
    """Octets come from it all the time: it does not hang, and would be waited for until somebody looks."""
    s, data, slow = store(), os.urandom(2_000_000), Dripping()
    try:
        slow.files["root.img"] = data
        s.want("d/root.img", data, peers=[slow.url("root.img")])
        s.start()
        assert s.wait_held(data, timeout=2 * PATIENCE)["source"] == "orchestrator"
        assert s.read("d", "root.img") == data and "it gives less than" in s.stderr()
    finally:
        slow.down = True
        slow.close()


def test_needed_first_then_small_before_large(store):
    s = store(store={"max_kbit": 16000})
    large, small, needed = os.urandom(3_000_000), os.urandom(100_000), os.urandom(1_000_000)
    s.want("d/large", large)
    s.want("d/small", small)
    s.want("d/needed", needed, needed=True)
    s.start()
    s.wait_held(large)
    # The last piece of one file may come after all of a small one that was begun meanwhile.
    assert s.orch.requests[0][0] == f"agent/v1/blob/{sha(needed)}"
    assert [name for name in re.findall(r"store: d/(\w+) is here", s.stderr()) if name != "needed"] == ["small", "large"]


def test_a_line_that_goes_silent(store):
    s = store()
    data = os.urandom(5_000_000)
    s.orch.rate = 400_000
    s.want("d/root.img", data)
    s.start()
    until(lambda: s.orch.octets > 1_000_000, what="some octets")
    s.orch.stall = True
    until(lambda: "the line is tried anew" in s.stderr(), what="the line to be given up")
    s.orch.stall, s.orch.rate = False, 0
    s.wait_held(data)
    assert s.read("d", "root.img") == data


def test_without_an_orchestrator_what_was_wanted_still_is(store, origin):
    s, mirror = store(), origin()
    data = os.urandom(3_000_000)
    mirror.files["root.img"] = data
    mirror.rate = 200_000
    s.want("d/root.img", data, serve=False, urls=[mirror.url("root.img")])
    s.start()
    until(lambda: mirror.octets > 300_000, what="some octets")
    s.kill()
    s.orch.post = lambda path, doc: (503, {})
    mirror.rate = 0
    s.start()
    until(lambda: os.path.exists(s.image("d", "root.img")), what="the file")
    assert s.read("d", "root.img") == data
