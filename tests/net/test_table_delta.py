# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's table after changes: what the agent is told of them, put to what it had, is what a whole table says."""
import gzip
import json
import os
import random
import shutil
import sqlite3

import pytest

import whole_lab
from netlab import PATIENCE, until
from orch_lab import Agent, Connection, host, image, site


class Keeper(Agent):
    """Keeps its table by the rules of docs/protocol.md, "Changes of the table"."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.says = {"takes": ["table-delta", "what is not known yet"]}
        self.head, self.hosts, self.told = {}, {}, []

    @property
    def digest(self):
        total = int(self.head["head_digest"], 16) + sum(int(h["digest"], 16) for h in self.hosts.values())
        return f"{total % 2 ** 64:016x}"

    def take(self, doc):
        if doc["table"]:
            self.told.append("whole")
            self.hosts = {h["name"]: h for h in doc["table"].pop("hosts")}
            self.head = doc["table"]
            assert self.digest == self.head["digest"]
        elif "table_delta" in doc:
            d = doc["table_delta"]
            self.told.append((sorted(h["name"] for h in d["hosts"]), sorted(d["gone"]), "site" in d))
            assert d["from"] == self.table
            for name in d["gone"]:
                del self.hosts[name]
            self.hosts.update({h["name"]: h for h in d["hosts"]})
            self.head = d.get("site") or {**self.head, "version": d["to"], "digest": d["digest"]}
            assert self.digest == d["digest"]
        self.table = self.head["version"]
        self.says["table_digest"] = self.digest

    def sync(self, **kw):
        """Polls until nothing has changed; what it was told meanwhile."""
        self.told = []
        while True:
            doc = self.poll(**kw).json
            if not doc["table"] and "table_delta" not in doc:
                return self.told
            self.take(doc)

    def check(self):
        """The same as a whole table."""
        whole = self.poll(table=0).json["table"]
        hosts = {h["name"]: h for h in whole.pop("hosts")}
        assert hosts == self.hosts and whole == self.head


def hosts(n):
    return [host(i) for i in range(1, n + 1)]


@pytest.fixture
def keeper(orch):
    assert orch.apply({"sites": [site()], "images": [image()], "hosts": hosts(20)}).status == 200
    k = Keeper(orch)
    assert k.sync() == ["whole"]
    return k


def patch(orch, name, **change):
    assert orch.patch(f"/hosts/{name}", change).status == 200


def test_a_change_a_removal_and_a_rename(orch, keeper):
    patch(orch, "edge03", labels={"role": "new"})
    assert keeper.sync() == [(["edge03"], [], False)]
    keeper.check()
    keeper.sync()
    orch.delete("/hosts/edge04")
    patch(orch, "edge05", labels={"role": "x"})
    assert keeper.sync() == [(["edge05"], ["edge04"], False)]
    assert orch.post("/hosts", host(4, name="renamed")).status == 201
    assert keeper.sync() == [(["renamed"], [], False)]
    keeper.check()


def test_a_change_of_the_site_alone(orch, keeper):
    orch.patch("/sites/local", {"timezone": "Africa/Lagos"})
    assert keeper.sync() == [([], [], True)]
    keeper.check()
    keeper.sync()
    orch.patch("/sites/local", {"idle": "silent"})
    told = keeper.sync()
    assert told == ["whole"] or told[0][2], "every host of it has another rule now"
    keeper.check()


def test_an_agent_that_does_not_take_changes_gets_whole_tables(orch, keeper):
    old = Agent(orch, number=1)
    old.id = keeper.id
    patch(orch, "edge03", labels={"role": "new"})
    doc = old.poll(table=keeper.table).json
    assert doc["table"] and "table_delta" not in doc and "digest" not in doc["table"]["hosts"][0]


def test_an_answer_that_was_lost_is_told_again(orch, keeper):
    patch(orch, "edge03", labels={"role": "new"})
    lost = keeper.poll().json
    assert lost["table_delta"]["hosts"]
    again = keeper.poll().json
    assert again["table_delta"] == lost["table_delta"]
    keeper.take(again)
    patch(orch, "edge06", labels={"role": "new"})
    keeper.poll()  # lost as well, and then another change
    patch(orch, "edge07", labels={"role": "new"})
    assert keeper.sync() == [(["edge06", "edge07"], [], False)]
    keeper.check()


def test_after_a_restart_the_next_change_is_told_as_one(orch, keeper):
    """What is in the table that its agent has is read again meanwhile, for whom nobody waits."""
    n = 0

    def told():
        nonlocal n
        n += 1
        orch.stop()
        orch.start()
        assert keeper.sync() == []
        keeper.poll(wait_s=1)
        patch(orch, "edge03", labels={"role": f"new-{n}"})
        return keeper.sync() == [(["edge03"], [], False)]
    until(told, "the change to be told as one")
    keeper.check()
    # Of an agent that has something else nothing is known, and it gets all.
    orch.stop()
    orch.start()
    keeper.says["table_digest"] = "00000000000000ab"
    keeper.poll(wait_s=1)
    patch(orch, "edge03", labels={"role": "cdn"})
    assert keeper.sync() == ["whole"]


def test_after_a_restart_nothing_is_told_twice(orch, keeper):
    orch.stop()
    orch.start()
    # Changed and back: another version of the same.
    patch(orch, "edge03", labels={"role": "x"})
    patch(orch, "edge03", labels={"role": "cdn"})
    assert keeper.sync() == [([], [], False)]
    keeper.check()


def test_a_database_and_a_spool_from_backups(orch, keeper):
    orch.stop()
    shutil.copy(orch.database, orch.path("backup"))
    orch.start()
    old_table, old_head, old_hosts = keeper.table, dict(keeper.head), dict(keeper.hosts)
    patch(orch, "edge03", labels={"role": "new"})
    keeper.sync()
    keeper.table, keeper.head, keeper.hosts = old_table, old_head, old_hosts  # the agent's spool is an old copy
    keeper.says["table_digest"] = keeper.digest
    keeper.sync()
    keeper.check()
    orch.stop()
    shutil.copy(orch.path("backup"), orch.database)
    for end in ("-wal", "-shm"):
        shutil.rmtree(orch.database + end, ignore_errors=True)
    orch.start()
    patch(orch, "edge09", labels={"role": "other"})
    keeper.sync()
    keeper.check()
    assert "new" not in [h["labels"].get("role") for h in keeper.hosts.values()]


def test_random_edits_come_to_what_a_whole_table_says(orch, keeper):
    rng = random.Random(11)
    present = {f"edge{n:02d}" for n in range(1, 21)}
    numbers = {f"edge{n:02d}": n for n in range(1, 60)}
    wholes = 0
    for round in range(40):
        for _ in range(rng.randrange(1, 5)):
            what = rng.random()
            if what < 0.5 and present:
                patch(orch, rng.choice(sorted(present)), labels={"role": rng.choice("abcde")})
            elif what < 0.7 and len(present) > 5:
                name = rng.choice(sorted(present))
                assert orch.delete(f"/hosts/{name}").status in (200, 204)
                present.discard(name)
            elif what < 0.9:
                name = rng.choice(sorted(set(numbers) - present))
                assert orch.post("/hosts", host(numbers[name])).status == 201
                present.add(name)
            else:
                orch.patch("/sites/local", {"timezone": rng.choice(["Africa/Lagos", "Europe/Vienna", "UTC"])})
        if rng.random() < 0.1:
            orch.kill()
            orch.start()
        wholes += keeper.sync().count("whole")
        assert set(keeper.hosts) == present
    keeper.check()
    assert wholes < 20


# ---- the real agent and bootd ----

@pytest.fixture
def whole(netns):
    s = whole_lab.Site(netns, hosts=3)
    yield s.start()
    s.close()


def held(s):
    """What the spool has, as a whole table would say it."""
    head = json.loads(s.select("agent/agent.db", "select value from meta where key = 'site'")[0][0])
    return head, {n: json.loads(d) for n, d in s.select("agent/agent.db", "select name, doc from host")}


def same(s):
    """The spool's hosts are the inventory's, and the digest is theirs."""
    head, hosts_ = held(s)
    total = int(head["head_digest"], 16) + sum(int(h["digest"], 16) for h in hosts_.values())
    site_version = s.select("orch/o.db", "select version from site")[0][0]
    names = {n for n, in s.select("orch/o.db", "select name from host")}
    labels = {(h, k, v) for h, k, v in s.select("orch/o.db", "select host, key, value from label")}
    return (head["version"] == site_version and f"{total % 2 ** 64:016x}" == head["digest"] and set(hosts_) == names
            and {(n, k, v) for n, h in hosts_.items() for k, v in h["labels"].items()} == labels)


def test_the_agent_takes_changes_alone(whole):
    s = whole
    tables = s.read("agent.log").count("in force")
    assert s.ctl("host", "set", "edge02", "--label", "role=new").returncode == 0
    until(lambda: "1 hosts changed, 0 are gone" in s.read("agent.log"), "the change")
    until(lambda: same(s), "the spool")
    assert s.read("agent.log").count("in force") == tables, "bootd was told of one host, not of all"
    assert s.ctl("host", "rm", "edge03").returncode == 0
    until(lambda: "0 hosts changed, 1 are gone" in s.read("agent.log"), "the removal")
    until(lambda: same(s) and "with 2 hosts in force" in s.read("agent.log"), "bootd's new table")


def test_the_agent_asks_for_the_whole_when_its_spool_is_an_old_copy_or_damaged(whole):
    s = whole
    until(lambda: same(s), "the spool")
    s.end("agent")
    shutil.copy(s.path("agent/agent.db"), s.path("copy"))
    s.start_agent()
    s.ctl("host", "set", "edge02", "--label", "role=new")
    until(lambda: same(s), "the change")
    s.end("agent")
    shutil.copy(s.path("copy"), s.path("agent/agent.db"))
    for end in ("-wal", "-shm"):
        if os.path.exists(s.path("agent/agent.db" + end)):
            os.unlink(s.path("agent/agent.db" + end))
    s.start_agent()
    until(lambda: same(s), "the change again")
    s.end("agent")
    with sqlite3.connect(s.path("agent/agent.db")) as db:
        db.execute("delete from host where name = 'edge01'")
    s.start_agent()
    until(lambda: same(s), "the host that was lost")


# ---- compressed ----

def poll_packed(orch, agent, **says):
    """An answer as a remote agent asks for it: the octets, and the document."""
    c = Connection(orch.socket, PATIENCE)
    c.request("POST", "/agent/v1/poll", json.dumps({"v": 1, "site": agent.site, "agent": agent.id, "table": 0, "wait_s": 0, **says}),
              {"Accept-Encoding": "gzip"})
    r = c.getresponse()
    octets = r.read()
    c.close()
    assert r.status == 200
    packed = r.getheader("Content-Encoding") == "gzip"
    return packed, octets, json.loads(gzip.decompress(octets) if packed else octets)


def test_a_table_comes_compressed_and_the_secrets_beside_it_do_not(orch, keeper):
    orch.order("edge01")
    plain = keeper.poll(table=0).json
    until(lambda: "orders" in plain, "an answer")
    orch.stop()
    orch.start()  # the order is told again at once
    packed, octets, doc = poll_packed(orch, keeper, takes=["table-delta"])
    assert packed and doc["table"] == plain["table"]
    assert len(octets) < len(json.dumps(plain["table"])) / 2
    assert doc["orders"] and b'"password":"secret-1"' in octets, "an order is in it as it is"
    packed, octets, doc = poll_packed(orch, keeper, table=doc["table"]["version"])
    assert not packed and doc["table"] is None
