# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles at the orchestrator alone: the test is the agent, whose figures need not make sense, and the watchers."""
import base64
import json
import os
import socket
import struct
import threading
import zlib

import pytest

from netlab import PATIENCE, until
from orch_lab import Connection, make_id


@pytest.fixture
def agent(site_agent):
    return site_agent


class Watcher:
    """A client of a live console; .told grows as it is told."""

    def __init__(self, orch, host="edge01", query="?write=1"):
        self.told = []
        self.conn = Connection(orch.socket, 600)
        self.conn.request("GET", f"/api/v1/hosts/{host}/console{query}")
        self.response = self.conn.getresponse()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.response:
                if line.startswith(b"data: "):
                    self.told.append(json.loads(line[6:]))
        except (OSError, ValueError, AttributeError):
            pass

    def state(self):
        states = [t for t in self.told if t["t"] == "state"]
        return (states[-1]["state"], states[-1]["text"]) if states else None

    def id(self):
        return until(lambda: [t["watcher"] for t in self.told if t["t"] == "hello"], "the greeting")[0]

    def close(self):
        sock = self.conn.sock or self.response.fp.raw._sock
        sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.conn.close()


def call(agent):
    orders = []
    while not orders:
        orders = [o for o in agent.poll(wait_s=20, table=0).json["orders"] if o["t"] == "call"]
    return orders[0]


def ask(orch, what, ident, **more):
    return orch.call("POST", f"/agent/v1/console/{what}", {"v": 1, "id": ident, **more})


def test_a_call_that_is_refused_is_told_at_once(orch, agent):
    w = Watcher(orch)
    c = call(agent)
    assert (c["verb"], c["args"]) == ("console", {"host": "edge01"}) and c["bmc"]["password"] == "secret-1"
    agent.report(calls=[{"id": c["id"], "power": "unknown", "code": "too-many-watchers",
                         "reason": "too-many-watchers: 100 consoles: later"}])
    until(lambda: w.state() == ("gone", "too-many-watchers: 100 consoles: later"), "the reason")
    w.thread.join(PATIENCE)
    assert not w.thread.is_alive()
    assert ask(orch, "output", c["id"], state="up").code == "console-over"
    # The next one is a session of its own.
    other = Watcher(orch)
    again = call(agent)
    assert again["id"] != c["id"] and other.state()[0] == "asking"
    w.close()
    other.close()


# The poll that waits is answered while the watcher is let in.
def test_a_call_that_cannot_be_told_to_the_agent_that_waits(orch, agent):
    orch.stop()
    os.unlink(orch.path("o.key"))
    orch.start()
    table = agent.poll(table=0).json["table"]["version"]
    held = threading.Thread(target=lambda: agent.poll(wait_s=20, table=table))
    held.start()
    w = Watcher(orch)
    until(lambda: w.state() and w.state()[0] == "gone", "the end of it")
    assert w.state()[1].startswith("bmc-password-sealed: ")
    assert [t["t"] for t in w.told] == ["hello", "state", "writer", "state"]
    w.close()
    held.join(PATIENCE)


def test_figures_that_make_no_sense(orch, agent):
    w = Watcher(orch)
    ident = call(agent)["id"]
    assert ask(orch, "output", ident, state="up", text="").status == 200
    until(lambda: w.state() == ("up", ""), "the console")
    octets = base64.b64encode(b"root\r").decode()
    assert orch.post("/hosts/edge01/console", {"watcher": w.id(), "data": octets}).status == 200
    assert ask(orch, "input", ident, typed=0, breaks=0).json["data"] == octets
    for typed in (-1, 6, -2**63, 2**63 - 1):
        assert ask(orch, "input", ident, typed=typed, breaks=0).status == 400
    assert ask(orch, "input", ident, typed=2, breaks=0).json["data"] == base64.b64encode(b"ot\r").decode()
    assert ask(orch, "input", ident, typed=0, breaks=0).status == 400
    assert ask(orch, "input", ident, typed=4, breaks=-2**63).json["data"] == base64.b64encode(b"\r").decode()
    w.close()
    until(lambda: ask(orch, "input", ident, typed=5, breaks=0).code == "console-over", "the end of the session")


def frame(kind, payload, at=1):
    head = struct.pack(">cBHQ", kind, 0, len(payload), at) + payload
    return head + struct.pack(">I", zlib.crc32(head))


def bring(orch, agent, boot, offset, data, site=None):
    return orch.call("POST", "/agent/v1/console", {"v": 1, "site": site or agent.site, "agent": agent.id, "boot": boot,
                                                   "offset": offset, "data": base64.b64encode(data).decode()})


def test_pieces_that_make_no_sense(orch, agent):
    boot = make_id(77)
    begin = frame(b"B", b"nbcon1\0edge01\0" + boot.encode() + b"\0")
    hello = frame(b"D", b"hello")
    for offset, data in ((-1, hello), (0, hello), (0, begin[:-1]), (0, begin + begin), (0, b"x" * 100), (2**62, hello),
                         (0, frame(b"B", b"nbcon1\0edge01\0" + make_id(78).encode() + b"\0"))):
        assert bring(orch, agent, boot, offset, data).status == 400, (offset, data)
    for name in ("../../etc/passwd", "..", "", "/etc/passwd", boot + "/../x", "x" * 400):
        assert bring(orch, agent, name, 0, begin).status == 400
    assert bring(orch, agent, boot, 0, begin, site="mars").status == 400
    assert bring(orch, agent, boot, 0, begin).json["held"] == len(begin)
    assert bring(orch, agent, boot, len(begin), hello, site="mars").status == 400
    assert bring(orch, agent, boot, len(begin), begin).status == 400
    assert bring(orch, agent, boot, len(begin), hello).json["held"] == len(begin + hello)
    assert bring(orch, agent, boot, 5, hello).json["held"] == len(begin + hello)
    with open(orch.path("console", f"{boot}.rec"), "rb") as f:
        assert f.read() == begin + hello
    for name in ("..%2Fo.db", boot.upper(), "%2e%2e"):
        assert orch.call("GET", f"/boots/{name}/console").status == 404


def test_the_end_with_consoles_open(orch, agent):
    """Calls that wait, calls that were told, sessions that are up; the fixture looks at the exit status."""
    up = Watcher(orch)
    ident = call(agent)["id"]
    ask(orch, "output", ident, state="up")
    until(lambda: up.state() == ("up", ""), "the console")
    told = Watcher(orch, "edge02")
    call(agent)
    waiting = Watcher(orch, "edge03")
    until(lambda: waiting.state(), "the third session")
    held = threading.Thread(target=lambda: pytest.raises(Exception, ask, orch, "input", ident, typed=0, breaks=0))
    held.start()
    orch.stop()
    for w in (up, told, waiting):
        w.close()
    held.join(PATIENCE)


def test_a_watcher_that_does_not_read_is_dropped(orch, agent):
    idle = Connection(orch.socket, 600)
    idle.request("GET", "/api/v1/hosts/edge01/console")
    ident = call(agent)["id"]
    w = Watcher(orch)
    piece = base64.b64encode(b"x" * 90000).decode()
    for _ in range(30):
        assert ask(orch, "output", ident, state="up", data=piece).status == 200
    until(lambda: len([t for t in w.told if t["t"] == "data"]) == 30, "all of it at the one that reads")
    idle.close()
    w.close()
    until(lambda: ask(orch, "output", ident, state="up").code == "console-over", "the end of the session")
