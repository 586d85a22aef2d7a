# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own socket: what the site can see and order while the orchestrator cannot be reached, and how the record
is made whole afterwards. All programs are real (whole_lab)."""
import json
import os
import subprocess

import pytest

import whole_lab
from netlab import PATIENCE, until


@pytest.fixture
def whole(netns):
    made = []

    def make(hosts=2, **kw):
        s = LocalSite(netns, hosts=hosts, **kw)
        made.append(s)
        return s.start()

    yield make
    for s in made:
        s.close()


class LocalSite(whole_lab.Site):
    """A whole site; .at() is netboot-ctl at the agent's socket."""

    @property
    def agent_socket(self):
        return self.path("agent", "agent.sock")

    def at(self, *argv, **kw):
        theirs, self.socket = self.socket, self.agent_socket
        try:
            return self.ctl(*argv, **kw)
        finally:
            self.socket = theirs

    def at_json(self, *argv):
        done = self.at("-o", "json", *argv)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ready(self):
        super().ready()
        until(lambda: f"can work alone with {len(self.hosts)} hosts" in self.read("agent.log"), "the list")

    def alone(self):
        """The orchestrator is gone, and the agent knows it."""
        self.end("orchestrator")
        until(lambda: "does not hear" in self.at("job", "list").stderr, "the agent to miss the orchestrator")

    def again(self):
        self.start_orchestrator()
        until(lambda: "it hears" in self.at("job", "list").stderr, "the agent to hear the orchestrator")


def test_the_site_is_seen_from_the_cached_inventory(whole):
    s = whole()
    assert s.ctl("host", "lock", "edge02", "--reason", "on the bench").returncode == 0
    until(lambda: (s.at_json("host", "show", "edge02").get("locked") or {}).get("reason") == "on the bench", "the lock")
    s.alone()
    listed = s.at("host", "list")
    assert listed.returncode == 0, listed.stderr
    said = listed.stderr.splitlines()[0]
    assert said.startswith("agent of site local, inventory as of 20") and "does not hear the orchestrator, last 20" in said
    hosts = s.at_json("host", "list")["items"]
    assert [h["name"] for h in hosts] == ["edge01", "edge02"]
    assert hosts[0]["bmc"]["address"] == "127.0.0.1" and "password" not in hosts[0]["bmc"]
    assert hosts[0]["image"] == "debian" and hosts[0]["site"] == "local"
    rows = {r["host"]: r for r in s.at_json("status")["items"]}
    assert rows["edge01"]["state"] == "idle" and rows["edge02"]["state"] == "locked"
    assert rows["edge02"]["reason"] == "on the bench"
    assert [i["name"] for i in s.at_json("image", "list")["items"]] == ["rescue"], "an image that erases is not there"
    assert s.at_json("why", "edge01")["verdict"]["code"] == "no-job"
    assert any(e["kind"] == "bootd.up" for e in s.at_json("events")["items"])
    s.refused(s.at("host", "show", "edge09"), 1, "edge09", "host-unknown")
    s.refused(s.at("status", "edge09"), 1, "edge09", "host-unknown")


@pytest.mark.parametrize("argv,subject", [
    (("audit", "list"), "netboot-ctl"), (("doctor",), "netboot-ctl"), (("export",), "netboot-ctl"),
    (("host", "set", "edge01", "--image", "rescue"), "edge01"), (("host", "lock", "edge01", "--reason", "x"), "edge01"),
    (("image", "rm", "rescue"), "rescue")])
def test_what_the_site_cannot_do_names_the_orchestrator(alone, argv, subject):
    done = alone.at(*argv)
    alone.refused(done, 3, subject, "needs-orchestrator", "agent of site local")


@pytest.fixture(scope="module")
def alone():
    import netlab
    lan = netlab.Lan()
    s = LocalSite(lan)
    try:
        s.start().alone()
        yield s
    finally:
        s.close()
        lan.close()


def test_only_root_and_the_group_may(whole):
    s = whole(hosts=1)
    assert os.stat(s.agent_socket).st_mode & 0o777 == 0o660
    os.chmod(s.path("agent"), 0o755)
    os.chmod(s.agent_socket, 0o666)  # the mode keeps others out first; who gets past it is asked for its name
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "-s",
                           "--unix-socket", s.agent_socket, "http://x/api/v1/hosts"], capture_output=True, text=True,
                          timeout=PATIENCE, check=True)
    assert json.loads(done.stdout)["code"] == "forbidden"


def test_the_list_outlives_a_restart_and_secrets_are_sealed_in_it(whole):
    s = whole()
    s.end("orchestrator")
    s.end("agent", 9)
    raw = b"".join(open(s.path("agent", f), "rb").read() for f in os.listdir(s.path("agent")) if f.startswith("agent.db"))
    assert whole_lab.PASSWORD.encode() not in raw
    s.start_agent()
    until(lambda: s.at("host", "list").returncode == 0, "the socket")
    assert [h["name"] for h in s.at_json("host", "list")["items"]] == ["edge01", "edge02"]
    assert "last never" in s.at("host", "list").stderr
