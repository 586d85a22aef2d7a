# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/openapi.yaml and the server agree. Every answer that the other tests of the orchestrator get is checked
against it too, in orch_lab.Orch.call()."""
import base64
import contextlib
import os
import re
import sqlite3
import threading
import time

import pytest

import console_rec
import openapi
from netlab import PATIENCE, ROOT
from join_lab import FarWeb
from orch_lab import Agent, Orch, document, host


# Of a drill, as they are kept.
DRILL_STAGES = """{"slow": ["kernel took 31s"], "stages": [{"job": "live", "stage": "kernel", "state": "missed", "took_us": 1,
    "slow": true, "usual": {"of": "site", "n": 3, "median_us": 1, "p90_us": 1}}]}"""


def add_drill(orch, job):
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:
        db.execute("insert into drill values (?, ?, 'weekly', 'local', 'edge01', 'live', ?, 1, 2, 'failed', 'no', 'kernel', 'c', 't',"
                   " 'n', ?)", (job, job, job, DRILL_STAGES))
        db.commit()


def add_schedules(orch):
    """Of each kind, with all that may be said of one."""
    once = {"hosts": "full", "reason": "r"}
    assert orch.post("/schedules", {**once, "name": "full", "kind": "reboot", "graceful_s": 30, "force": "never", "hook": "/bin/drain",
                                    "cron": "0 3 * * SUN"}).status == 201
    assert orch.post("/schedules", {**once, "name": "once", "kind": "power", "action": "on", "at": "2030-01-01 03:00"}).status == 201
    assert orch.post("/schedules", {**once, "name": "rule", "kind": "live", "image": "live", "rrule": "FREQ=WEEKLY", "window_s": 9}).status == 201
    assert orch.post("/schedules/full/run-now", {"reason": "r"}).status == 202
    orch.post("/schedules/full/pause", {"reason": "r"})
    for path in ("/schedules", "/schedules/rule", "/schedules/next?name=full&hosts=1"):
        assert orch.get(path).status == 200


@pytest.fixture
def orch(tmp_path):
    # Nobody listens on port 9: one webhook, and a delivery of it that was given up.
    o = FarWeb(tmp_path, more='webhooks: [{"name": "full", "url": "http://127.0.0.1:9/", "on": ["job.failed"]}]\n')
    yield o
    o.stop()


def test_the_paths_are_the_servers_routes():
    source = open(os.path.join(ROOT, "orchestrator", "api.c")).read()
    rows = re.findall(r'^    \{"(\w+)", (?:V1 )?"([^"]+)",\s+\w+, AUTH_(\w+)\},$', source, re.M)
    table = source[source.index("routes[] = {"):source.index("api_routes(size_t")]
    assert len(rows) == table.count('    {"') > 30, "a row of the table that this does not read"
    roles = {(method, path): role.lower() for method, path, role in rows
             if path != "/" and not path.startswith(("/agent/", "/assets/"))}
    described = {(method, path): openapi.SPEC["paths"][path][method.lower()].get("x-role")
                 for method, path in openapi.operations()}
    assert roles == described


def test_the_parameters_are_what_the_server_reads():
    """Query and header names; an operation that describes one must be of the file that reads it, which the other
    tests show."""
    read = {"query": set(), "header": set()}
    for name in os.listdir(os.path.join(ROOT, "orchestrator")):
        if name.endswith(".c"):
            source = open(os.path.join(ROOT, "orchestrator", name)).read()
            read["query"] |= set(re.findall(r'(?:rest_query|filter)\(rq, "([^"]+)"\)', source))
            # Credentials, and what browsers send by themselves, are no parameters: securitySchemes. Agents' are in
            # docs/protocol.md.
            if not name.startswith(("web", "api_store", "dispatch")):
                read["header"] |= set(re.findall(r'rest_header\(rq, "([^"]+)"\)', source))
    described = {"query": set(), "header": set()}
    for method, path in openapi.operations():
        for p in openapi.SPEC["paths"][path][method.lower()].get("parameters", []):
            p = openapi.resolve(p)
            described[p["in"]].add(p["name"])
    assert described == read


def test_every_code_in_the_source_is_described():
    for name in os.listdir(os.path.join(ROOT, "orchestrator")):
        source = open(os.path.join(ROOT, "orchestrator", name)).read() if name.endswith(".c") else ""
        for code in re.findall(r'error_set\([^;"()]*"([a-z0-9]+(?:-[a-z0-9]+)*)"', source):
            if not name.startswith(("orch_config", "dispatch", "api_store", "authority", "console_store")):
                assert code in openapi.CODES, f"{name}: {code}"


def test_every_reference_leads_somewhere():
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                assert openapi.resolve(node) is not None
            for v in node.values():
                walk(v)
        elif isinstance(node, list):
            for v in node:
                walk(v)
    walk(openapi.SPEC)


def test_every_codes_answer_is_a_problem(orch):
    for method, path in sorted(openapi.operations()):
        answer = orch.call(method, path.replace("{name}", "no-such").replace("{id}", "no-such"),
                           None if method == "GET" else {"bad": 1})
        assert answer.status < 500


def test_requests_of_the_tests_fit(orch):
    """The documents that the other tests send are what the description says they may."""
    schemas = openapi.SPEC["components"]["schemas"]
    openapi.validate(document(), schemas["Document"])
    orch.apply(document())
    openapi.validate(orch.get("/export").json, schemas["Document"])


def test_every_get_after_a_life(orch):
    orch.apply(document())
    agent = Agent(orch)
    agent.poll()
    job = orch.order("edge01").json["jobs"][0]["id"]
    boot = "01k9xyz0a0abcdef"
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1),
                 agent.event("boot.begin", job, boot=boot, planned=True, attempt=1, trigger="reinstall"),
                 agent.stage(job, "kernel", boot=boot), agent.event("tftp.error", job, boot=boot, file="x", reason="gone"),
                 agent.event("power.state", job, boot=boot, power="on"),
                 agent.event("sol.line", job, boot=boot, **{"class": "ipxe", "line": "https://ipxe.org/4c0a6092"}),
                 agent.event("sol.line", job, boot=boot, **{"class": "secure-boot", "line": "Security Violation"}),
                 agent.event("power.state", power="unknown", reason="timeout"), unknown(agent),
                 agent.event("job.failed", job, code="kernel-stalled", text="t", next="n"))
    orch.post("/hosts/edge02/lock", {"reason": "x"})
    orch.post("/tokens", {"name": "web", "role": "viewer", "expires_s": 3600, "reason": "r"})
    orch.post("/schedules", {"name": "weekly", "kind": "reboot", "hosts": "edge02", "reason": "r", "cron": "0 3 * * SUN"})
    add_drill(orch, job)
    rollout = add_rollouts(orch)
    for method, path in sorted(openapi.operations()):
        if method == "GET" and "/console" not in path:  # those: test_console.py
            path = path.replace("{id}", id_of(path, boot, rollout, job))
            name = {"sites": "local", "agents": "local", "images": "debian", "hosts": "edge02", "schedules": "weekly"}.get(path.split("/")[1], "")
            path = path.replace("{mac}", UNKNOWN)
            assert orch.get(with_what_it_needs(path).replace("{name}", name)).status == 200, path


def add_rollouts(orch):
    """One that waits for its hosts, and one that somebody paused, as if a second person had approved of it."""
    what = {"kind": "reboot", "hosts": "edge02,edge03", "reason": "r", "yes": True, "window_s": 200,
            "policy": {"canary": 1, "batch": "10%", "per_label": {"role": 1}, "gates": ["icmp"]}}
    assert orch.post("/rollouts", {**what, "dry_run": True, "hosts": "all", "limit": 99}).json["plan"]["warnings"]
    paused = orch.post("/rollouts", what).json["id"]
    assert orch.post(f"/rollouts/{paused}/pause", {"reason": "r"}).json["why"]["code"] == "paused"
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:
        db.execute("update rollout set approved_at = 1, approved_by = 'eve' where id = ?", [paused])
        db.commit()
    return orch.post("/rollouts", {**what, "window_s": 0, "policy": {}}).json["id"]


def id_of(path, boot, rollout, job):
    return {"/boots": boot, "/rollo": rollout}.get(path[:6], job)


UNKNOWN = "52:54:00:99:00:01"


def unknown(agent):
    """A request of a machine that is no host's."""
    return dict(agent.event("dhcp4.ignored", host="", vendor_class="PXEClient"), mac=UNKNOWN)


def with_what_it_needs(path):
    """A query for a GET that cannot do without."""
    return path + {"config": "?for=nginx", "why": "?of=edge02"}.get(path.rsplit("/", 1)[-1], "")


POLICY = {"canary": 1, "batch": "10%", "max_in_flight": 3, "per_site": 1, "per_label": {"rack": 1}, "max_fail": 2, "gates": ["tcp:22"],
          "gate_timeout_s": 60, "soak_s": 60}
SCHEDULE = {"hosts": "full", "reason": "r", "tz": "site", "window_s": 7200, "blackout": ["2030-12-24/2031-01-02"], "jitter_s": 60,
            "skip_if_younger_s": 3600, "missed": "run-once", "policy": POLICY, "limit": 5}
SCHEDULES = [{"name": "a1", "kind": "reboot", "graceful_s": 30, "force": "never", "hook": "/bin/drain", "cron": "0 3 * * SUN", **SCHEDULE},
             {"name": "a2", "kind": "power", "action": "on", "at": "2031-01-01 03:00", **SCHEDULE},
             {"name": "a3", "kind": "live", "image": "live", "rrule": "FREQ=WEEKLY", "from": "2026-11-01", **SCHEDULE},
             {"name": "a4", "kind": "reboot", "hard": True, "cron": "0 3 * * SUN", **SCHEDULE}]


def everything():
    """A document with every member that one may have."""
    return {
        "sites": [{"name": "full", "timezone": "Africa/Lagos", "url": "http://10.1.0.1", "answer_unknown": True,
                   "idle": "menu", "menu": {"title": "Full", "keymap": "de", "timeout_s": 0, "default": "shell",
                                            "items": ["shell", "local"]},
                   "subnets": [{"prefix": "10.1.0.0/24", "gateway": "10.1.0.1", "dns": ["10.1.0.2"],
                                                "pool": ["10.1.0.100", "10.1.0.200"], "lease_s": 600,
                                                "domain": "full.example", "relay": "10.1.0.3"},
                                               {"prefix": "fd10:1::/64", "dns": ["fd10:1::2"], "lease_s": 600,
                                                "pool": ["fd10:1::100", "fd10:1::1ff"], "domain": "full.example",
                                                "relay": "fd10:1::3", "ra": "stateless", "router_s": 1800, "mtu": 1400}],
                   "bmc_prefixes": ["10.9.0.0/24", "fd00:9::/64"], "caps": ["mon-fri 08:00-18:00 2Mbit"], "peers": ["near"], "console": "always", "require_cipher": 17,
                   "loaders": {"x64-uefi": "signed/shimx64.efi", "arm64-uefi": "grubaa64.efi"}},
                  {"name": "near", "timezone": "UTC", "url": "http://10.2.0.1", "answer_unknown": False, "idle": "local", "subnets": []}],
        "images": [{"name": "full", "kind": "reinstall", "kernel": {"path": "deb/vmlinuz", "name": "linux"},
                    "initrds": [{"path": "deb/initrd.gz", "name": "initrd", "url": "https://mirror.example/initrd.gz"}],
                    "files": [{"path": "deb/initrd.gz", "name": "rootfs"},
                              {"path": "deb/vmlinuz", "name": "preseed.cfg", "template": True}],
                    "args": "quiet", "nfs_root": "deb/root", "reports": ["up", "installed"],
                    "local_boot": True, "deadlines": {"kernel": 300}}],
        "hosts": [{"name": "full", "site": "full", "nics": [{"mac": "52:54:00:88:00:01", "ip": "10.1.0.10", "ip6": "fd10:1::10", "boot": True}],
                   "loaders": {"x86-bios": "ipxe.pxe"},
                   "uuid": "11111111-2222-3333-4444-555555555555", "serial": "S1", "firmware": "bios", "idle": "silent",
                   "local_boot": "sanboot", "probe": "tcp:22", "labels": {"role": "cdn"}, "image": "full",
                   "bmc": {"address": "10.9.1.1", "port": 6230, "user": "admin", "password": "secret", "cipher": 3,
                           "privilege": "administrator", "boot_method": "none", "boot_verify": "device", "console": "off",
                           "outside": "allow", "manners": {"verify": "device", "variants": ["once"]}, "require_cipher": 0,
                           "kg": "0102030405060708090a0b0c0d0e0f1011121314"}}]}


def test_every_member_of_a_request_is_taken_and_shown(orch):
    doc = {**everything(), "schedules": SCHEDULES}
    openapi.SEEN.clear()
    openapi.validate(doc, openapi.SPEC["components"]["schemas"]["Document"])
    left = [where for ident, key, where in openapi.properties(openapi.SPEC["components"]["schemas"]["Document"], "$")
            if (ident, key) not in openapi.SEEN]
    # These are the server's: a hash may be given as a claim, and a size; a lock and a rotation have verbs of their own.
    assert {w.split(".")[-1] for w in left} <= {"sha256", "size", "locked", "frozen", "jobs", "by", "reason", "at", "kg_set", "rotation_since",
                                                   "cancelled", "told", "running", "unheard"}, left
    assert orch.apply(doc).status == 200
    del doc["hosts"][0]["bmc"]["password"], doc["hosts"][0]["bmc"]["kg"]
    shown = orch.get("/export").json
    assert shown == doc


def test_every_described_member_is_met(orch):
    """One life with everything in it: no member is described that no answer ever has."""
    openapi.SEEN.clear()
    doc = {**everything(), "schedules": SCHEDULES}
    doc["sites"] += document()["sites"]
    doc["images"] += document()["images"]
    doc["hosts"] += document()["hosts"]
    orch.apply(doc)
    agent = Agent(orch)
    agent.says = {"own_servers": True, "max_jobs": 5, "bmc_stop": {"since": 1769851800000000, "refused": 6, "heard": 9}}
    agent.poll()
    resumed = threading.Thread(target=lambda: orch.post("/sites/local/resume", {"reason": "INC-1"}))
    resumed.start()
    calls = []
    while not calls:
        calls = [o for o in agent.poll(wait_s=20, table=0).json["orders"] if o["t"] == "call"]
    assert calls[0]["verb"] == "site-resume"
    agent.report(calls=[{"id": calls[0]["id"], "power": "unknown", "reason": "", "data": {
        "since": "2026-01-31T09:30:00.000Z", "refused": 6, "heard": 9}}])
    resumed.join(PATIENCE)
    # An image that comes to the site.
    tell = {"v": 1, "site": agent.site, "agent": agent.id, "version": 0, "free": 10 ** 9}
    wanted = orch.call("POST", "/agent/v1/store", {**tell, "items": []}).json["wanted"]
    for state in ("failed", "held"):
        orch.call("POST", "/agent/v1/store", {**tell, "items": [
            {"sha256": w["sha256"], "size": w["size"], "state": state, "source": "orchestrator",
             **({"code": "image-altered", "text": "t", "next": "n"} if state == "failed" else {})} for w in wanted]})
        if state == "failed":
            orch.get("/images/status?image=debian")
            waiting = orch.order("edge01", when_ready_s=600).json["jobs"][0]["id"]
            orch.get(f"/jobs/{waiting}")
            orch.post(f"/jobs/{waiting}/cancel")
    orch.post("/images/debian/place", {"sites": ["local"]})
    # Everything is stopped, and a site frozen, with a job that was handed down and whose agent is not heard.
    orch.post("/sites/local/freeze", {"reason": "INC-2"})
    orch.post("/stop", {"reason": "INC-2"})
    orch.post("/stop/end", {"reason": "INC-2"})
    orch.post("/sites/local/unfreeze", {"reason": "INC-2"})
    orch.post("/jobs", {"kind": "power", "action": "on", "hosts": "edge02,edge03", "reason": "r"})
    boot = "01k9xyz0a0abcdef"
    # What is usual, for /why.
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1), agent.stage(job, "kernel"))
    agent.report(agent.stage(job, "kernel", "confirmed"), agent.event("job.done", job))
    job = orch.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1),
                 agent.event("boot.begin", job, boot=boot, planned=True, attempt=1, trigger="reinstall"),
                 agent.stage(job, "kernel", boot=boot, deadline_us=1),
                 agent.event("job.ticket", job, boot=boot, state="consumed", ticket="t"),
                 agent.event("power.state", job, boot=boot, power="on"),
                 agent.event("sol.line", job, boot=boot, **{"class": "ipxe", "line": "https://ipxe.org/4c0a6092"}),
                 agent.event("sol.line", job, boot=boot, **{"class": "secure-boot", "line": "Security Violation"}),
                 agent.event("sol.line", job, boot=boot, **{"class": "panic", "line": "Kernel panic - not syncing: x"}),
                 agent.event("power.state", power="unknown", reason="timeout"),
                 agent.event("http.begin", job, boot=boot, file="x", ip="10.77.0.11", **{"class": "kernel"}),
                 dict(agent.event("http.error", job, boot=boot, file="x", bytes=1, total=2, reason="gone", ip="10.77.0.11",
                                  arch="x86_64-efi"), mac="52:54:00:77:00:01"))
    agent.report(unknown(agent))
    orch.get("/status?hosts=edge01&stuck=1")
    orch.post(f"/jobs/{job}/cancel", {"reason": "enough"})
    agent.report(agent.event("job.failed", job, code="kernel-stalled", text="t", next="n", stage="kernel"))
    why = orch.get(f"/why?of={job}").json
    assert why["verdict"]["code"] == "secure-boot-refused" and why["usual"]["n"] == 1
    assert [a["code"] for a in why["also"]] == ["ipxe-error"]
    at_site = "01k9xyz0a0abcdeg"  # ordered there, alone
    ordered = agent.event("job.local", at_site, user="ada", uid=1000, action="on", reason="INC-2")
    ordered["detail"]["kind"] = "power"
    agent.report(ordered, agent.event("job.accepted", at_site),
                 agent.event("job.done", at_site))
    assert orch.get(f"/jobs/{at_site}").json["origin"] == "local"
    orch.post(f"/jobs/{job}/retry")
    orch.post("/hosts/full/lock", {"reason": "x"})
    orch.put_file("images/deb/initrd.gz", b"other")
    orch.post("/images/full/verify")
    orch.post("/power", {"hosts": "full"})
    orch.call("POST", "/agent/v1/console", {
        "v": 1, "site": "local", "agent": agent.id, "boot": boot, "offset": 0,
        "data": base64.b64encode(console_rec.recording("edge01", boot, b"hello")).decode()})
    assert orch.get("/hosts/edge01/consoles").json["items"]
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:  # as if a rotation had been interrupted
        db.execute("update bmc set password_next = 's1:x', next_at = 1 where host = 'full'")
        db.commit()
    assert orch.post("/power", {"hosts": "full"}).json["items"][0]["why"].startswith("rotation-open: ")
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:
        db.execute("insert into webhook_delivery values ('x', 'full', 1, 'job.failed', 'edge01', 'gave-up', 1, 1, 1, 'x')")
        db.commit()
    orch.post("/webhooks/full/test")
    assert orch.far("full").renew().status == 200
    assert orch.post("/agents/full/revoke", {"reason": "r"}).status == 200
    orch.apply({"hosts": [host(9, nics=[{"mac": "52:54:00:77:00:01"}])]})
    orch.post("/tokens", {"name": "web", "role": "viewer", "expires_s": 3600, "reason": "r"})
    # Its clock is two hours ahead, it has events to tell still, and then it is not heard any more.
    ahead = 7200 * 10 ** 6
    agent.says.update(now=int(time.time() * 1e6) + ahead, clock={"ahead": ahead, "within": 1000}, pending=7, lag=5 * 10 ** 6)
    agent.poll()
    agent.report(agent.event("dhcp4.nak"))
    for path in ("/agents", "/webhooks"):
        assert orch.get(path).status == 200
    orch.stop()
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:
        db.execute("update agent set last_seen = last_seen - 3600000000")
        db.commit()
    add_drill(orch, job)
    orch.start()
    add_schedules(orch)
    rollout = add_rollouts(orch)
    # What is in flight is written again by the engine, whatever the database says meanwhile.
    with contextlib.closing(sqlite3.connect(orch.database, timeout=60)) as db:
        db.execute("update rollout set approved_at = 1, approved_by = 'eve'")
        db.commit()
    orch.get("/rollouts")
    for method, path in sorted(openapi.operations()):
        if method == "GET" and "/console" not in path:  # those: test_console.py
            path = path.replace("{id}", id_of(path, boot, rollout, job))
            path = path.replace("/config", "/config?for=nginx&server=10.1.0.1,fd10:1::1").replace("{mac}", UNKNOWN)
            path = path.replace("/why", "/why?of=full")
            assert orch.get(path.replace("{name}", "full")).status == 200, path
    assert not orch.get("/audit/verify?seq=1&hash=" + 64 * "0").json["ok"]
    assert not openapi.unmet(), "\n".join(openapi.unmet())
