# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of images that servers upstream have, too: sites fetch them there, by the orchestrator's digests."""
import os
import re
import socket
import threading

import pytest

from netlab import until
from orch_lab import document
from store_lab import Origin, StoreSite, sha


class Line:
    """A socket that leads to the orchestrator's, and keeps what was said to it."""

    def __init__(self, path, to):
        self.path, self.to, self.said = path, to, bytearray()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.sock.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.to)
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, False), daemon=True).start()

    def carry(self, a, b, said):
        try:
            while data := a.recv(65536):
                if said:
                    self.said += data
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def files(self):
        """How often files were asked for."""
        return len(re.findall(rb"GET /agent/v1/(?:blob|delta)/", bytes(self.said)))

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


@pytest.fixture
def mirror():
    o = Origin()
    yield o
    o.close()


@pytest.fixture
def line(filled):
    made = Line(filled.path("line.sock"), filled.socket)
    yield made
    made.close()


@pytest.fixture
def far(line):
    s = StoreSite(server=line.path, site="local")
    yield s
    print(s.stderr()[-3000:])
    s.close()


def give(orch, mirror, kernel, initrd):
    """Both files of the image are the orchestrator's and, by name, the mirror's."""
    image = document()["images"][0]
    for f, data in ((image["kernel"], kernel), (image["initrds"][0], initrd)):
        name = os.path.basename(f["path"])
        orch.put_file(os.path.join("images", f["path"]), data)
        mirror.files[name] = data
        f["url"] = mirror.url(name)
    answer = orch.apply({"images": [image]})
    assert answer.status == 200, answer.json
    return image


def there(s, path, data):
    def same():
        return os.path.exists(s.image(path)) and s.read(path) == data
    until(same, what=f"{path} at the site")


def status(orch):
    sites = orch.get("/images/status").json["items"]
    return next(s["images"][0] for s in sites if s["site"] == "local")


def actions(orch, image):
    return [c["action"] for c in orch.apply({"images": [image]}).json["changes"]]


def test_what_upstream_has_is_not_asked_of_the_orchestrator(filled, line, far, mirror):
    kernel, initrd = os.urandom(900_000), os.urandom(1_800_000)
    give(filled, mirror, kernel, initrd)
    far.start()
    there(far, "deb/vmlinuz", kernel)
    there(far, "deb/initrd.gz", initrd)
    until(lambda: status(filled)["state"] == "held", what="the orchestrator to know")
    assert status(filled)["source"] == "url"
    assert b"POST /agent/v1/store" in line.said and line.files() == 0
    assert mirror.octets == len(kernel) + len(initrd)


def test_wrong_octets_of_upstream_are_not_taken(filled, line, far, mirror):
    kernel, initrd = os.urandom(900_000), os.urandom(1_800_000)
    give(filled, mirror, kernel, initrd)
    mirror.files["vmlinuz"] = os.urandom(len(kernel))
    far.start()
    there(far, "deb/vmlinuz", kernel)
    there(far, "deb/initrd.gz", initrd)
    assert "vmlinuz" in {name for name, *_ in mirror.requests}
    assert sha(kernel).encode() in line.said and sha(initrd).encode() not in re.findall(rb"GET /agent/v1/blob/(\w+)", line.said)


def test_a_url_is_kept_shown_and_taken_away(filled, mirror, site_agent):
    image = give(filled, mirror, b"kernel", b"initrd")
    got = filled.get("/images/debian").json
    assert got["kernel"]["url"] == image["kernel"]["url"] and got["initrds"][0]["url"] == image["initrds"][0]["url"]
    exported = next(i for i in filled.get("/export").json["images"] if i["name"] == "debian")
    assert exported["kernel"]["url"] == image["kernel"]["url"]
    assert actions(filled, exported) == ["same"]
    filled.kill()
    filled.start()
    plan = filled.call("POST", "/agent/v1/store", {"v": 1, "site": "local", "agent": site_agent.id, "version": 0,
                                                   "free": 0, "items": []}).json
    assert {u for w in plan["wanted"] for u in w["urls"]} == {image["kernel"]["url"], image["initrds"][0]["url"]}
    del image["kernel"]["url"]
    assert actions(filled, image) == ["change"]
    assert "url" not in filled.get("/images/debian").json["kernel"]
    image["kernel"]["url"] = "https://user:secret@mirror.example/vmlinuz"
    answer = filled.apply({"images": [image]})
    assert answer.status in (400, 422) and "secret" not in str(answer.json) and "password" in str(answer.json)
