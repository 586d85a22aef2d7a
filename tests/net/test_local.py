# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own socket: what the site can see and order while the orchestrator cannot be reached, and how the record
is made whole afterwards. All programs are real (whole_lab)."""
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

import agent_lab
import orch_lab
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

    def machine(self, n=1):
        """The host, to be booted step by step as the firmware and the image would."""
        if not hasattr(self, "machines"):
            self.machines = {}
            self.kernel = open(self.path("images/d/vmlinuz"), "rb").read()
            self.initrd = open(self.path("images/d/initrd"), "rb").read()
        if n not in self.machines:
            nic = self.hosts[n - 1]["nics"][0]
            ns = self.lan.add_client(mac=nic["mac"], address=nic["ip"] + "/24")
            self.machines[n] = agent_lab.Machine(self, ns, nic["mac"])
        return self.machines[n]

    def order_at(self, *argv):
        done = self.at(*argv)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    def ended_at(self, job):
        return until(lambda: next((j for j in [self.at_json("job", "show", job)] if j["ended"]), None), f"the end of {job}")

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


def audit_of(s, what):
    return [r for r in reversed(s.json("audit", "list", "--limit", "200")["items"]) if r["what"] == what]


def test_power_is_asked_and_switched_at_the_site(whole):
    s = whole()
    s.alone()
    asked = s.at("power", "status", "all")
    assert asked.returncode == 0 and asked.stdout.count("off") == 2, asked.stdout + asked.stderr
    job = s.order_at("power", "on", "edge01", "--reason", "dark in here")
    assert s.ended_at(job)["state"] == "done"
    assert "on" in s.at("power", "status", "edge01").stdout
    assert {r["host"]: r["power"] for r in s.at_json("status")["items"]} == {"edge01": "on", "edge02": "off"}
    s.again()
    done = until(lambda: next((j for j in s.json("job", "list")["items"] if j["id"] == job and j["ended"]), None), "the job")
    assert done["kind"] == "power" and done["by"] == "root at local" and done["origin"] == "local"
    row = audit_of(s, "job.local")[-1]
    assert (row["who"], row["object"], row["reason"], row["result"]) == ("root at local", "edge01", "dark in here", "ok")
    assert row["detail"]["job"] == job and row["detail"]["action"] == "on" and row["detail"]["at"] == done["created"]
    assert s.json("audit", "verify")["ok"]


def test_a_rescue_ordered_at_the_site_is_whole_in_the_record_afterwards(whole):
    s = whole()
    s.alone()
    job = s.order_at("rescue", "edge01", "--reason", "INC-9", "--yes")
    until(lambda: s.at_json("job", "show", job)["stage"] == "firmware-dhcp", "the power-on")
    row = next(r for r in s.at_json("status")["items"] if r["host"] == "edge01")
    assert row["state"] == "busy" and row["job"] == job
    s.refused(s.at("reboot", "edge01", "--reason", "again"), 3, "edge01", "host-busy", job)
    s.end("agent", 9)  # between: what was answered is durable
    s.start_agent()
    until(lambda: s.at("host", "list").returncode == 0, "the socket")
    m = s.machine()
    assert m.try_to_boot()
    assert m.report("up") == "204"
    shown = s.ended_at(job)
    assert shown["state"] == "done" and shown["origin"] == "local"
    assert {g["stage"] for g in shown["stages"] if g["state"] == "confirmed"} >= {"override", "power", "kernel", "os-up"}
    assert s.at_json("why", "edge01")["verdict"]["code"] == "well"
    s.again()
    told = until(lambda: next((j for j in [s.ctl("-o", "json", "job", "show", job)] if j.returncode == 0
                               and json.loads(j.stdout)["ended"]), None), "the job at the orchestrator")
    record = json.loads(told.stdout)
    assert (record["kind"], record["image"], record["state"], record["reason"]) == ("rescue", "rescue", "done", "INC-9")
    assert record["by"] == "root at local"
    stages = [(g["stage"], g["state"]) for g in record["stages"]]
    assert stages == [(g["stage"], g["state"]) for g in shown["stages"]]
    boots = s.json("history", "edge01")["items"]
    assert boots[0]["job"] == job and boots[0]["outcome"] == "ok"
    assert [f["name"] for f in s.json("trace", boots[0]["id"])["boot"]["files"]][:1] == ["vmlinuz"]
    kinds = [e["kind"] for e in s.events("--job", job)]
    assert kinds[0] == "job.local" and kinds.count("job.local") == 1 and kinds.count("job.done") == 1
    assert [(r["result"], r["detail"].get("job")) for r in audit_of(s, "job.local")] == [("ok", job), ("host-busy", None)]


def test_what_is_refused_at_the_site_is_told_later(whole):
    s = whole()
    assert s.ctl("host", "lock", "edge02", "--reason", "on the bench").returncode == 0
    until(lambda: s.at_json("host", "show", "edge02").get("locked"), "the lock")
    s.alone()
    s.refused(s.at("rescue", "edge02", "--reason", "x", "--yes"), 3, "edge02", "host-locked", "on the bench")
    s.refused(s.at("power", "off", "all", "--reason", "x", "--yes"), 3, "edge02", "host-locked")
    s.refused(s.at("reinstall", "edge01", "--reason", "x", "--yes"), 3, "edge01", "needs-orchestrator", "erases")
    s.refused(s.at("boot", "edge01", "--image", "debian", "--reason", "x", "--yes"), 1, "edge01", "image-unknown")
    assert s.at_json("job", "list")["items"] == [] and s.powers()["off"] == 0
    s.again()
    rows = until(lambda: [r for r in audit_of(s, "job.local") if len(audit_of(s, "job.local")) == 4], "the refusals")
    assert [r["result"] for r in rows] == ["host-locked", "host-locked", "needs-orchestrator", "image-unknown"]
    assert all(r["who"] == "root at local" for r in rows)


def post(s, path, body, key=None):
    c = orch_lab.Connection(s.agent_socket, PATIENCE)
    c.request("POST", "/api/v1" + path, json.dumps(body), {"Idempotency-Key": key} if key else {})
    r = c.getresponse()
    assert r.getheader("Netboot-Agent").startswith("site=local; as_of=20")
    answer = r.status, json.loads(r.read())
    c.close()
    return answer


def test_an_order_that_is_repeated_is_one_order(whole):
    s = whole()
    s.alone()
    body = {"kind": "power", "action": "on", "hosts": "edge01", "reason": "twice", "yes": True}
    first = post(s, "/jobs", body, "k-1")
    assert first[0] == 202
    s.end("agent", 9)
    s.start_agent()
    until(lambda: s.at("host", "list").returncode == 0, "the socket")
    assert post(s, "/jobs", body, "k-1") == first
    assert post(s, "/jobs", dict(body, action="off"), "k-1")[1]["code"] == "idempotency-mismatch"
    assert s.ended_at(first[1]["jobs"][0]["id"])["state"] == "done"
    assert len(s.at_json("job", "list")["items"]) == 1 and s.powers()["on"] == 1
    status, answer = post(s, "/jobs", dict(body, hosts="edge01,edge02", action="off", yes=False))
    assert (status, answer["code"]) == (409, "confirmation-needed")
    assert post(s, "/jobs", dict(body, reason=" "))[1]["code"] == "reason-missing"


def test_a_job_is_cancelled_at_the_site(whole):
    s = whole()
    s.alone()
    job = s.order_at("rescue", "edge01", "--reason", "INC-9", "--yes")
    until(lambda: s.at_json("job", "show", job)["stage"] == "firmware-dhcp", "the power-on")
    assert s.at("job", "cancel", job, "--reason", "found it").returncode == 0
    assert s.ended_at(job)["state"] == "cancelled"
    s.again()
    until(lambda: any(j["id"] == job and j["state"] == "cancelled" for j in s.json("job", "list")["items"]), "the end")
    row = audit_of(s, "job.cancel")[-1]
    assert (row["who"], row["object"], row["detail"]["job"]) == ("root at local", "edge01", job)


def test_orders_of_both_ends_for_one_host_meet_at_the_agent(whole):
    """The orchestrator orders before it has heard of the site's job: one of the two is refused, and both are told."""
    s = whole()
    s.alone()
    mine = s.order_at("rescue", "edge01", "--reason", "here", "--yes")
    os.kill(s.procs["agent"].pid, 19)  # it tells nothing yet
    s.start_orchestrator()
    theirs = s.ctl("rescue", "edge01", "--reason", "there", "--yes")
    os.kill(s.procs["agent"].pid, 18)
    jobs = until(lambda: {j["id"]: j for j in s.json("job", "list")["items"] if j["id"] == mine}, "the site's job")
    assert jobs[mine]["reason"] == "here"
    if theirs.returncode == 0:
        other = theirs.stdout.split()[0]
        end = until(lambda: next((j for j in [s.job(other)] if j["ended"]), None), "the other's end")
        assert end["verdict"]["code"] == "host-busy" and s.job(mine)["ended"] is None
    else:
        s.line(theirs, "edge01", "host-busy")
    assert s.at("job", "cancel", mine).returncode == 0
    until(lambda: s.job(mine)["state"] == "cancelled", "the end")


def test_a_job_for_later_holds_no_host_at_the_site(whole):
    s = whole()
    at = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    done = s.ctl("power", "cycle", "edge01", "--reason", "INC-7", "--yes", "--at", at)
    assert done.returncode == 0, done.stderr
    later = done.stdout.split()[0]
    until(lambda: any(e["kind"] == "job.handed" for e in s.events("--job", later)), "job.handed")
    s.alone()
    row = next(r for r in s.at_json("status")["items"] if r["host"] == "edge01")
    assert row["state"] == "idle" and row["job"] is None
    assert s.at_json("why", "edge01")["verdict"]["code"] == "no-job"
    shown = s.at_json("job", "show", later)
    assert shown["state"] == "accepted" and shown["not_before"] < shown["not_after"]
    now = s.order_at("power", "on", "edge01", "--reason", "dark in here")
    assert s.ended_at(now)["state"] == "done"
    assert s.at("job", "cancel", later, "--reason", "not wanted").returncode == 0
    assert s.ended_at(later)["state"] == "cancelled"
    s.again()
    until(lambda: {j["id"]: j["state"] for j in s.json("job", "list")["items"]} == {later: "cancelled", now: "done"}, "both ends")
    assert s.powers()["cycle"] == 0
