# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit: every route that changes something leaves a row, refused or not; no row holds a secret; whatever is done to the
table behind the orchestrator's back is found, by the server and from an exported file without it."""
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
from datetime import datetime, timedelta, timezone

import pytest

import openapi
from join_lab import FarWeb
from netlab import BUILD, PATIENCE, until
from orch_lab import Orch, document, host, image, site

SECRETS = ["secret-1", "secret-2", "secret-3", "hunter2-password", "hunter2-misspelt", "hunter2-token",
           "00112233445566778899aabbccddeeff01234567", "nbj_"]


@pytest.fixture
def orch(request, tmp_path):
    """By TLS where the route is about agents from afar: there is an authority then, and they can join."""
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    o = (FarWeb if params.get("path", "").startswith("/agents/") else Orch)(tmp_path)
    yield o
    o.stop()


@pytest.fixture
def agent(site_agent):
    return site_agent


def ctl(orch, *args, **kw):
    return subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{orch.socket}", *args], text=True,
                          capture_output=True, timeout=PATIENCE, check=False, **kw)


def rows(orch, after=0):
    """All rows above that number, the oldest first."""
    return sorted(orch.get(f"/audit?after={after}&limit=1000").json["items"], key=lambda r: r["seq"])


def head(orch):
    return orch.get("/audit/head").json["seq"]


# ---- every changing route ----

# They change nothing that is recorded there, and why.
EXCEPTIONS = {
    ("POST", "/images/{name}/verify"): "reads files",
    ("POST", "/power"): "asks for the power state",
    ("POST", "/hosts/{name}/console"): "keys; who opened the console is recorded (console.open)",
    ("POST", "/session"): "says who asks: what is done then is recorded",
    ("DELETE", "/session"): "ends what POST /session began",
    ("POST", "/webhooks/{name}/test"): "needs one that is configured: tests/net/test_webhook.py looks at its rows",
}


def job_of(orch, name="edge01"):
    return orch.order(name).json["jobs"][0]["id"]


def ended_job(orch, agent):
    job = job_of(orch, "edge02")
    agent.poll(table=0)
    agent.report(agent.event("job.refused", job, host="edge02", code="host-busy", text="no", next=""))
    return job


def rollout_of(orch, answer=False, **more):
    got = orch.post("/rollouts", {"kind": "reboot", "hosts": "edge01,edge02", "reason": "r", "yes": True, **more})
    return got if answer else got.json["id"]


def do_rollout(orch, agent, verb):
    """Each from a state that it fits."""
    # One whose windows open tomorrow is left alone by the engine.
    later = {"at": (datetime.now(timezone.utc) + timedelta(days=1)).isoformat(), "window_s": 3600} if verb == "approve" else {}
    which = rollout_of(orch, **later)
    if verb == "resume":
        orch.post(f"/rollouts/{which}/pause", {"reason": "r"})
    if verb == "retry-failed":
        jobs = until(lambda: [j for j in orch.get("/jobs").json["items"] if j["rollout"] == which])
        agent.poll(table=0)
        agent.report(agent.event("job.refused", jobs[0]["id"], host=jobs[0]["host"], code="no-bmc", text="no", next=""))
        until(lambda: orch.get(f"/rollouts/{which}").json["state"] == "halted")
    if verb == "approve":  # as if somebody else had ordered something destructive
        with sqlite3.connect(orch.database, timeout=60) as db:
            db.execute("update rollout set state = 'waiting-approval', by_whom = 'eve'")
    return orch.post(f"/rollouts/{which}/{verb}", {"reason": "r"})


def schedule(orch):
    return orch.post("/schedules", {"name": "weekly", "kind": "reboot", "hosts": "edge01", "reason": "r", "cron": "0 3 * * SUN"})


def ask_bmc(orch, agent, verb="identify"):
    """An agent that answers is not needed: the row is there before it is asked."""
    return orch.call("POST", f"/bmc/{verb}", {"hosts": "edge01", "reason": "r"})


def while_the_agent_answers(agent, ask, data):
    got = []
    t = threading.Thread(target=lambda: got.append(ask()))
    t.start()
    calls = []
    while not calls:
        calls = [o for o in agent.poll(wait_s=20, table=0).json["orders"] if o["t"] == "call"]
    agent.report(calls=[{"id": calls[0]["id"], "power": "unknown", "reason": "", "data": data}])
    t.join(PATIENCE)
    return got[0]


def resume(orch, agent):
    return while_the_agent_answers(agent, lambda: orch.post("/sites/local/resume", {"reason": "r"}),
                                   {"since": "2026-01-31T09:30:00.000Z", "refused": 6, "heard": 9})


UNKNOWN = "52:54:00:99:00:01"


def discovered(agent):
    """A machine that is no host's has asked."""
    agent.report(dict(agent.event("dhcp4.ignored", host="", vendor_class="PXEClient"), mac=UNKNOWN, arch="x64-uefi"))
    return UNKNOWN


def revoke(orch, agent):
    """One that has joined, and another secret that nobody has used yet."""
    orch.far("local")
    orch.secret("local")
    return orch.post("/agents/local/revoke", {"reason": "r"})


def adopt(orch, agent):
    mac = discovered(agent)
    return orch.post(f"/discovered/{mac}/adopt", {"host": {"name": "edge19"}, "reason": "r"})


# How each succeeds: (orch, agent) -> its answer; and what its row is called and about.
RECIPES = {
    ("POST", "/sites"): (lambda o, a: o.post("/sites", site("abj", subnets=[])), "site.add", "abj"),
    ("PATCH", "/sites/{name}"): (lambda o, a: o.patch("/sites/local", {"timezone": "UTC"}), "site.change", "local"),
    ("DELETE", "/sites/{name}"): (lambda o, a: (o.post("/sites", site("abj", subnets=[])), o.delete("/sites/abj"))[1], "site.remove", "abj"),
    ("POST", "/hosts"): (lambda o, a: o.post("/hosts", host(9)), "host.add", "edge09"),
    ("PATCH", "/hosts/{name}"): (lambda o, a: o.patch("/hosts/edge01", {"serial": "S1"}), "host.change", "edge01"),
    ("DELETE", "/hosts/{name}"): (lambda o, a: o.delete("/hosts/edge03"), "host.remove", "edge03"),
    ("POST", "/hosts/{name}/lock"): (lambda o, a: o.post("/hosts/edge01/lock", {"reason": "r"}), "host.lock", "edge01"),
    ("POST", "/hosts/{name}/unlock"): (lambda o, a: o.post("/hosts/edge01/unlock"), "host.unlock", "edge01"),
    ("POST", "/images"): (lambda o, a: o.post("/images", image("live2", "live")), "image.add", "live2"),
    ("DELETE", "/images/{name}"): (lambda o, a: o.delete("/images/rescue"), "image.remove", "rescue"),
    ("POST", "/images/{name}/place"): (lambda o, a: o.post("/images/debian/place", {"sites": ["local"], "reason": "r"}), "image.place", "debian"),
    ("POST", "/images/{name}/unplace"): (lambda o, a: o.post("/images/debian/unplace", {"all_sites": True}), "image.unplace", "debian"),
    ("POST", "/apply"): (lambda o, a: o.apply({"hosts": [host(1, serial="S2")]}), "host.change", "edge01"),
    ("POST", "/jobs"): (lambda o, a: o.order("edge01"), "job.reinstall", "edge01"),
    ("POST", "/jobs/{id}/cancel"): (lambda o, a: o.post(f"/jobs/{job_of(o)}/cancel", {"reason": "r"}), "job.cancel", "edge01"),
    ("POST", "/jobs/{id}/retry"): (lambda o, a: o.post(f"/jobs/{ended_job(o, a)}/retry"), "job.reinstall", "edge02"),
    ("POST", "/rollouts"): (lambda o, a: rollout_of(o, answer=True), "rollout.add", "edge01,edge02"),
    **{("POST", f"/rollouts/{{id}}/{verb}"): (lambda o, a, verb=verb: do_rollout(o, a, verb), f"rollout.{verb}", None)
       for verb in ("pause", "resume", "abort", "retry-failed", "approve")},
    ("POST", "/agents/{name}/enroll"): (lambda o, a: o.post("/agents/local/enroll", {"reason": "r"}), "agent.enroll", "local"),
    ("POST", "/agents/{name}/revoke"): (revoke, "agent.revoke", "local"),
    ("POST", "/sites/{name}/resume"): (resume, "bmc.resume", "local"),
    ("POST", "/schedules"): (lambda o, a: schedule(o), "schedule.add", "weekly"),
    ("PATCH", "/schedules/{name}"): (lambda o, a: (schedule(o), o.patch("/schedules/weekly", {"limit": 9}))[1], "schedule.change", "weekly"),
    ("DELETE", "/schedules/{name}"): (lambda o, a: (schedule(o), o.delete("/schedules/weekly"))[1], "schedule.remove", "weekly"),
    ("POST", "/schedules/{name}/pause"): (lambda o, a: (schedule(o), o.post("/schedules/weekly/pause", {"reason": "r"}))[1], "schedule.pause", "weekly"),
    ("POST", "/schedules/{name}/resume"): (lambda o, a: (schedule(o), o.post("/schedules/weekly/resume", {"reason": "r"}))[1], "schedule.resume", "weekly"),
    ("POST", "/schedules/{name}/skip-next"): (lambda o, a: (schedule(o), o.post("/schedules/weekly/skip-next", {"reason": "r"}))[1],
                                              "schedule.skip-next", "weekly"),
    ("POST", "/schedules/{name}/run-now"): (lambda o, a: (schedule(o), o.post("/schedules/weekly/run-now", {"reason": "r"}))[1],
                                            "schedule.run-now", "weekly"),
    ("POST", "/stop"): (lambda o, a: o.post("/stop", {"reason": "r"}), "stop.begin", "world"),
    ("POST", "/stop/end"): (lambda o, a: (o.post("/stop", {"reason": "r"}), o.post("/stop/end", {"reason": "r"}))[1], "stop.end", "world"),
    ("POST", "/sites/{name}/freeze"): (lambda o, a: o.post("/sites/local/freeze", {"reason": "r"}), "site.freeze", "local"),
    ("POST", "/sites/{name}/unfreeze"): (lambda o, a: (o.post("/sites/local/freeze", {"reason": "r"}),
                                                       o.post("/sites/local/unfreeze", {"reason": "r"}))[1], "site.unfreeze", "local"),
    ("POST", "/bmc/{verb}"): (lambda o, a: while_the_agent_answers(a, lambda: ask_bmc(o, a), {}), "bmc.identify", "edge01"),
    ("POST", "/gates/check"): (lambda o, a: while_the_agent_answers(a, lambda: o.post("/gates/check", {"hosts": "edge01", "checks": ["icmp"], "reason": "r"}), {}),
                               "gate.check", "edge01"),
    ("DELETE", "/discovered/{mac}"): (lambda o, a: o.delete(f"/discovered/{discovered(a)}"), "discovered.forget", UNKNOWN),
    ("POST", "/discovered/{mac}/adopt"): (adopt, "host.add", "edge19"),
    ("POST", "/tokens"): (lambda o, a: o.post("/tokens", {"name": "t1", "role": "viewer", "reason": "r"}), "token.add", "t1"),
    ("DELETE", "/tokens/{name}"): (lambda o, a: (o.post("/tokens", {"name": "t2", "role": "viewer", "reason": "r"}),
                                                 o.delete("/tokens/t2"))[1], "token.remove", "t2"),
}


def changing():
    return sorted((m, p) for m, p in openapi.operations() if m != "GET" and (m, p) not in EXCEPTIONS)


@pytest.mark.parametrize("method,path", changing())
def test_every_changing_route_leaves_a_row(orch, agent, method, path):
    # Refused: nothing of that name is there, and the body is not right either.
    before = head(orch)
    target = re.sub(r"\{verb\}", "bmc-reset", re.sub(r"\{(name|id|mac)\}", "no-such", path))
    # A stop has nothing else that could be wrong.
    reason = "" if path == "/stop" else "INC-9"
    refused = orch.call(method, target, {"reason": reason, "name": "", "hosts": "no-such", "password": "hunter2-password",
                                         "no_such_member": "hunter2-misspelt"})
    assert refused.status >= 400
    left = rows(orch, before)
    assert [(r["result"], r["reason"]) for r in left] == [(refused.code, reason)], (method, path, left)
    row = left[0]
    assert row["role"] == "admin" and row["from"] == f"unix uid {os.getuid()} pid {os.getpid()}" and "." in row["what"]
    assert row["detail"]["status"] == refused.status and row["detail"]["asked"]["other_members"] == 1
    assert not any(s in json.dumps(left) for s in SECRETS)
    # Done.
    assert (method, path) in RECIPES, (
        f"{method} {path} is new: say in tests/net/test_audit.py how it succeeds (RECIPES), or why it leaves no row (EXCEPTIONS)")
    ask, what, about = RECIPES[method, path]
    before = head(orch)
    assert ask(orch, agent).status < 300
    left = rows(orch, before)
    done = [r for r in left if (r["what"], r["result"]) == (what, "ok") and about in (None, r["object"])]
    assert done, (method, path, left)
    assert not any(s in json.dumps(left) for s in SECRETS)
    assert orch.get("/audit/verify").json["ok"]


def test_exceptions_leave_none(orch, agent):
    before = head(orch)
    orch.post("/images/debian/verify")
    orch.post("/images/no-such/verify")
    orch.apply({"hosts": [host(1, serial="dry")]}, dry_run=True)
    orch.order("edge01", dry_run=True)
    orch.order("no-such", dry_run=True)
    assert orch.patch("/hosts/edge01", {"serial": None}).status == 200  # as it is
    assert rows(orch, before) == []


# ---- what a row says ----

def test_before_and_after(orch, agent):
    def last():
        return rows(orch)[-1]
    added = [r for r in rows(orch) if r["object"] == "edge01"][0]
    assert added["before"] is None and added["after"]["bmc.password"] == "set" and added["after"]["bmc"]["user"] == "admin"
    orch.patch("/hosts/edge01", {"serial": "S1", "labels": {"role": "x"}})
    assert (last()["before"], last()["after"]) == ({"labels": {"role": "cdn"}}, {"serial": "S1", "labels": {"role": "x"}})
    orch.patch("/hosts/edge01", {"bmc": {"password": "hunter2-password", "kg": SECRETS[-1], "port": 6230}})
    row = last()
    assert (row["before"]["bmc.password"], row["after"]["bmc.password"]) == ("set", "changed")
    assert (row["before"]["bmc.kg"], row["after"]["bmc.kg"]) == ("unset", "set")
    assert (row["before"]["bmc"]["port"], row["after"]["bmc"]["port"]) == (623, 6230)
    orch.patch("/hosts/edge01", {"bmc": {"kg": ""}})
    assert last()["after"]["bmc.kg"] == "removed"
    orch.patch("/sites/local", {"menu": {"items": ["local"]}})
    assert last()["before"] == {} and last()["after"]["menu"]["items"] == ["local"]
    orch.post("/hosts/edge01/lock", {"reason": "fire"})
    assert last()["before"] == {"locked": None} and last()["after"]["locked"]["reason"] == "fire"
    orch.post("/hosts/edge01/unlock")
    assert last()["before"]["locked"]["reason"] == "fire" and last()["after"] == {"locked": None}
    shown = orch.get("/hosts/edge03").json
    orch.delete("/hosts/edge03")
    assert last()["before"] == shown and last()["after"] is None
    shown = orch.get("/images/rescue").json
    orch.delete("/images/rescue")
    assert last()["before"] == shown


def test_rights_and_machines_that_go_are_told_as_they_were(orch, agent):
    def row(what):
        return orch.get(f"/audit?what={what}&limit=1").json["items"][0]
    orch.post("/tokens", {"name": "t1", "role": "operator", "expires_s": 86400, "reason": "r"})
    assert row("token.add")["after"]["role"] == "operator" and row("token.add")["after"]["expires"]
    assert orch.delete("/tokens/t1").status == 204
    gone = row("token.remove")["before"]
    assert (gone["name"], gone["role"], gone["revoked"]) == ("t1", "operator", None) and gone["expires"]
    mac = discovered(agent)
    assert orch.delete(f"/discovered/{mac}").status == 204
    assert row("discovered.forget")["before"]["mac"] == mac


def test_orders_say_which_hosts_and_what_came_of_it_is_found(orch, agent):
    before = head(orch)
    jobs = orch.order("edge[01-03],-edge02", yes=True, image="debian").json["jobs"]
    left = rows(orch, before)
    assert [(r["what"], r["object"]) for r in left] == [("job.reinstall", "edge01"), ("job.reinstall", "edge03")]
    for row, job in zip(left, jobs):
        assert row["detail"]["job"] == job["id"] and row["detail"]["image"] == "debian"
        assert row["detail"]["asked"] == "edge[01-03],-edge02" and row["detail"]["of_hosts"] == 2
        assert orch.job(row["detail"]["job"])["state"] == "queued"
    before = head(orch)
    assert orch.order("edge[01-03]", yes=True).status == 409
    row, = rows(orch, before)
    assert row["object"] == "edge[01-03]" and row["detail"]["hosts"] == "edge[01-03]" and row["detail"]["of_hosts"] == 3
    assert row["detail"]["refused"] == [["edge01", "host-busy"], ["edge03", "host-busy"]]
    assert orch.post(f"/jobs/{jobs[0]['id']}/cancel", {"reason": "no"}).status == 200
    assert rows(orch)[-1]["before"] == {"state": "queued"} and rows(orch)[-1]["after"]["state"] == "cancelled"


def test_a_list_is_narrowed_and_paged(orch, agent):
    orch.post("/hosts/edge01/lock", {"reason": "r"})
    orch.post("/hosts/edge02/lock", {"reason": "r"})
    def got(q):
        return [(r["what"], r["object"]) for r in orch.get("/audit?" + q).json["items"]]
    assert got("what=host.lock") == [("host.lock", "edge02"), ("host.lock", "edge01")]
    assert got("object=edge01") == [("host.lock", "edge01"), ("host.add", "edge01")]
    assert got("object=edge01&what=host.add") == [("host.add", "edge01")]
    assert got("who=nobody") == [] and len(got("who=" + orch.get("/audit").json["items"][0]["who"])) == 9
    page = orch.get("/audit?limit=4").json
    assert page["next"] == str(page["items"][-1]["seq"]) and len(page["items"]) == 4
    more = orch.get(f"/audit?limit=1000&cursor={page['next']}").json
    assert more["next"] is None and len(more["items"]) == 5
    assert orch.get("/audit?before=x").code == "bad-value" and orch.get("/audit/verify?seq=1").code == "bad-value"


def test_a_forbidden_user_leaves_a_row(orch, agent):
    """Somebody whom the socket lets in, and the group does not."""
    if os.getuid() != 0:
        pytest.fail("run the net tests as root: this one becomes another user")
    os.chmod(orch.socket, 0o666)
    os.chmod(orch.dir, 0o755)
    parent = os.path.dirname(orch.dir)
    while parent != "/":
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
        parent = os.path.dirname(parent)
    before = head(orch)
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
            "s.sendall(b'DELETE /api/v1/hosts/edge01 HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n'); print(s.recv(99))")
    out = subprocess.run(["python3", "-c", code, orch.socket], capture_output=True, text=True, check=False, timeout=PATIENCE,
                         user=65534, group=65534, extra_groups=[])
    assert "403" in out.stdout, out
    row, = rows(orch, before)
    assert (row["what"], row["object"], row["result"], row["uid"], row["role"]) == ("host.remove", "edge01", "forbidden", 65534, "")


# ---- secrets ----

def test_no_secret_is_in_any_row(orch, agent):
    orch.patch("/hosts/edge01", {"bmc": {"password": "hunter2-password", "kg": SECRETS[-1]}})
    orch.patch("/hosts/edge01", {"bmc": {"pasword": "hunter2-misspelt"}})
    orch.post("/hosts", host(9, bmc={"address": "x y", "password": "hunter2-password"}))
    orch.post("/hosts", {"bmc": {"password": "hunter2-password", "token": "hunter2-token"}, "hunter2-misspelt": 1})
    orch.apply({"hosts": [{"name": "edge01", "bmc": {"password": {"x": "hunter2-password"}}}, {"password": "hunter2-password"}]})
    orch.post("/apply", {"documents": {"hosts": [{"bmc": {"password": "hunter2-password"}}]}, "password": "hunter2-password"})
    orch.post("/jobs", {"kind": "reinstall", "hosts": "edge01", "password": "hunter2-password", "token": "hunter2-token"})
    orch.post("/hosts/edge01/lock", {"password": "hunter2-password"})
    sealed = [s for row in sqlite3.connect(orch.database).execute("SELECT password, kg FROM bmc").fetchall() for s in row if s]
    assert sealed
    out = ctl(orch, "audit", "export")
    assert out.returncode == 0, out.stderr
    for word in SECRETS + sealed:
        assert word not in out.stdout
    assert out.stdout.count('"forbidden"') == 0 and out.stdout.count("bad-value") + out.stdout.count("key-unknown") >= 3


# ---- the chain ----

LIFT = "".join(f"DROP TRIGGER IF EXISTS {t};" for t in ("audit_no_update", "audit_no_delete", "audit_in_order"))
MOVE = "UPDATE audit SET seq = -1 WHERE seq = {a}; UPDATE audit SET seq = {a} WHERE seq = {b}; UPDATE audit SET seq = {b} WHERE seq = -1;"
UP = "UPDATE audit SET seq = -(seq + 1) WHERE seq >= {n}; UPDATE audit SET seq = -seq WHERE seq < 0;"
FORGED = ("INSERT INTO audit (version, seq, at, who, uid, what, object, reason, result, detail, hash) "
          "SELECT 2, {n}, at, 'eve', 0, what, object, reason, result, detail, hash FROM audit ORDER BY seq LIMIT 1;")


def manipulations(n):
    for at in (1, n // 2, n):
        yield f"UPDATE audit SET reason = 'other' WHERE seq = {at}", at, "changed"
        yield (UP + FORGED).format(n=at), at, "inserted"
    yield f"UPDATE audit SET hash = x'ff' WHERE seq = {n}", n, "changed"
    yield f"UPDATE audit SET hash = CAST(x'ff00fe' AS TEXT) WHERE seq = {n}", n, "changed"
    yield f"UPDATE audit SET who = CAST(who AS BLOB) WHERE seq = {n // 2}", n // 2, "changed"
    for at in (1, n // 2, n - 1):
        yield f"DELETE FROM audit WHERE seq = {at}", at, "removed"
        yield MOVE.format(a=at, b=at + 1), at, "reordered"


def test_each_manipulation_is_found_here_and_in_the_file(orch, agent, tmp_path):
    for n in range(4):
        orch.post(f"/hosts/edge0{n % 3 + 1}/lock", {"reason": "r"})
    n = head(orch)
    kept = ctl(orch, "audit", "head").stdout.strip()
    assert re.fullmatch(rf"{n} [0-9a-f]{{64}}", kept)
    assert ctl(orch, "audit", "verify", "--head", kept).stdout.startswith(f"ok: {n} rows, head {kept}")
    orch.stop()
    clean = sqlite3.connect(orch.database)
    image_of = b"".join(s.encode() + b"\n" for s in clean.iterdump())
    clean.close()
    folder = tmp_path / "tampered"
    for sql, at, why in [*manipulations(n), (f"DELETE FROM audit WHERE seq = {n}", n, "removed")]:
        folder.mkdir(exist_ok=True)
        for name in os.listdir(folder):
            if name.startswith("o.db"):
                os.unlink(folder / name)
        db = sqlite3.connect(folder / "o.db")
        db.executescript(image_of.decode())
        db.executescript(LIFT + sql)
        db.close()
        o = Orch(folder)
        try:
            args = ["--head", kept.replace(" ", ":")] if at == n else []
            out = ctl(o, "audit", "verify", *args)
            assert out.returncode == 2 and out.stdout.startswith(f"broken: row {at}: {why}: "), (sql, out)
            assert out.stderr.startswith(f"audit: audit-broken: row {at}: {why}: "), out
            assert "hash" in o.get("/audit/head").json
            answer = o.get("/audit/verify" + (f"?seq={kept.split()[0]}&hash={kept.split()[1]}" if args else "")).json
            assert not answer["ok"] and (answer["broken"]["seq"], answer["broken"]["why"]) == (at, why)
            path = str(folder / "audit.ndjson")
            exported = ctl(o, "audit", "export", "-f", path)
            assert exported.returncode == (0 if at == n and why == "removed" else 2), exported
        finally:
            o.stop()
        out = ctl(o, "audit", "verify", "-f", path, *args)  # nobody serves any more
        assert out.returncode == 2 and out.stdout.startswith(f"broken: row {at}: {why}: "), (sql, out)


def test_the_last_number_there_is_says_so(tmp_path):
    """Put there by hand: no row can follow it, and so nothing be changed."""
    o = Orch(tmp_path)
    assert o.apply(document()).status == 200
    o.kill()
    db = sqlite3.connect(o.database)
    db.executescript(LIFT + "UPDATE audit SET seq = 9223372036854775807 WHERE seq = (SELECT max(seq) FROM audit)")
    db.close()
    o.start()
    try:
        answer = o.post("/hosts/edge01/lock", {"reason": "x"})
        assert (answer.status, answer.code) == (500, "audit-broken") and "audit verify" in answer.json["next"], answer.json
        assert not o.get("/hosts/edge01").json["locked"]
    finally:
        o.stop()


def test_an_exported_file_is_checked_without_a_server(orch, agent, tmp_path):
    path = str(tmp_path / "audit.ndjson")
    out = ctl(orch, "audit", "export", "-f", path)
    assert out.returncode == 0 and os.stat(path).st_mode & 0o777 == 0o600 and not os.path.exists(path + ".part")
    kept = ctl(orch, "audit", "head").stdout.strip()
    assert kept in out.stderr
    orch.stop()
    out = ctl(orch, "audit", "verify", "-f", path, "--head", kept)
    assert (out.returncode, out.stdout) == (0, f"ok: {kept.split()[0]} rows, head {kept}\n")
    assert json.loads(ctl(orch, "-o", "json", "audit", "verify", "-f", path).stdout)["ok"]
    with open(path, encoding="utf-8") as f:
        lines = f.readlines()

    def check(new, *args):
        with open(path + ".x", "w", encoding="utf-8") as f:
            f.writelines(new)
        return ctl(orch, "audit", "verify", "-f", path + ".x", *args)
    swapped = [lines[1], lines[0], *lines[2:]]
    for new, want in ((swapped, "row 1: reordered"), (lines[1:], "row 1: removed"), (lines[:3] + lines[4:], "row 4: removed"),
                      ([*lines[:2], lines[1], *lines[2:]], "row 2: inserted"), ([*lines[:2], lines[4], *lines[2:]], "row 3: reordered"),
                      ([*lines[:-2], lines[-1]], f"row {len(lines) - 1}: removed"),
                      ([*lines[:3], lines[3].replace("admin", "viewer"), *lines[4:]], "row 4: changed")):
        out = check(new)
        assert out.returncode == 2 and f"broken: {want}" in out.stdout, (want, out)
    for new, want in ((lines[:-1], "the last line is missing"), ([*lines, lines[0]], "there is more after"), (lines[0][:30], "cut off"),
                      ([lines[0], "{}\n"], "line 2"), ([], "the last line is missing")):
        out = check(new)
        assert out.returncode == 2 and want in out.stderr and out.stdout == "", (want, out)
    assert ctl(orch, "audit", "verify", "-f", path + ".none").returncode == 1
    assert ctl(orch, "audit", "verify", "--head", "1:2").returncode == 1
    # Cut off by somebody who also wrote a fitting last line: only the kept head tells.
    last = json.loads(lines[-3])
    forged = [*lines[:-2], json.dumps({"head": {k: last[k] for k in ("seq", "at_us", "hash")}}) + "\n"]
    assert check(forged).returncode == 0
    assert "removed" in check(forged, "--head", kept).stdout


def test_an_export_that_cannot_be_written_leaves_the_old_one(orch, agent, tmp_path):
    """The disk fills up with the last octets, after the last line was read: a limit on a file's size does the same."""
    path = tmp_path / "audit.ndjson"
    path.write_text("a good one\n")
    size = len(ctl(orch, "audit", "export").stdout)
    for most in (100, size - 10):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        out = ctl(orch, "audit", "export", "-f", str(path), preexec_fn=limit, restore_signals=False)
        assert out.returncode not in (0, 2) and "unwritable" in out.stderr, out
        assert path.read_text() == "a good one\n" and not os.path.exists(str(path) + ".part")


def test_killed_in_between_the_chain_holds(orch, agent):
    for round_ in range(3):
        def hammer():
            try:
                for n in range(2000):
                    orch.post(f"/hosts/edge0{n % 3 + 1}/lock", {"reason": f"{round_}-{n}"})
            except (OSError, socket.error, json.JSONDecodeError, Exception):  # it is being killed
                pass
        before = head(orch)
        t = threading.Thread(target=hammer)
        t.start()
        until(lambda: head(orch) > before + 20, "some rows")
        answered = head(orch)
        orch.kill()
        t.join(PATIENCE)
        orch.start()
        out = ctl(orch, "audit", "verify")
        assert out.returncode == 0, out
        # What was answered is there; and each lock that is, has its row.
        assert head(orch) >= answered
        locks = {h["name"]: h["locked"]["reason"] for h in orch.get("/hosts").json["items"] if h["locked"]}
        for name, reason in locks.items():
            assert orch.get(f"/audit?object={name}&what=host.lock&limit=1").json["items"][0]["reason"] == reason


def test_the_head_is_in_the_log(orch, agent):
    """At the start and at a clean end; both are heads of the chain."""
    orch.post("/hosts/edge01/lock", {"reason": "r"})
    kept = ctl(orch, "audit", "head").stdout.strip()
    orch.proc.send_signal(signal.SIGTERM)
    orch.proc.wait(PATIENCE)
    assert f"audit head: {kept}" in orch.log and "audit head: 0 - (no rows yet)" in orch.log
    orch.start()
    assert orch.log.count(f"audit head: {kept}") == 2


def test_the_head_is_told_once_a_day(orch, agent):
    """Of days, not of hours since the start: a service that is restarted each night tells it too."""
    def told():
        return [(e["detail"]["row"], e["detail"]["hash"]) for e in orch.events("&kind=audit.head")]
    orch.post("/hosts/edge01/lock", {"reason": "r"})
    kept = ctl(orch, "audit", "head").stdout.split()
    orch.stop()
    orch.start()
    assert told() == [(int(kept[0]), kept[1])]
    orch.stop()
    orch.start()
    assert len(told()) == 1
    orch.stop()
    with sqlite3.connect(orch.database) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE event SET at = at - 86500000000 WHERE kind = 'audit.head'")
    orch.start()
    assert told() == [(int(kept[0]), kept[1])] * 2


def test_a_client_that_goes_away_ends_its_walk(orch, agent):
    for path in ("/api/v1/audit/verify", "/api/v1/audit/export"):
        for _ in range(20):
            s = socket.socket(socket.AF_UNIX)
            s.connect(orch.socket)
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.close()
    # A few at once; each makes room as it ends.
    assert until(lambda: orch.get("/audit/verify").json.get("ok"), "room")


# ---- netboot-ctl ----

def test_list_and_show(orch, agent):
    orch.patch("/hosts/edge01", {"serial": "S1", "bmc": {"port": 6230, "password": "hunter2-password"}})
    orch.post("/hosts/edge02/lock", {"reason": "disk \x1b[31m"})
    out = ctl(orch, "audit", "list", "--object", "edge01")
    lines = out.stdout.splitlines()
    assert out.returncode == 0 and lines[0].split() == ["SEQ", "AT", "WHO", "WHAT", "OBJECT", "RESULT", "REASON"]
    assert [line.split()[-3:] for line in lines[1:]] == 2 * [["edge01", "ok", "-"]] and "host.change" in lines[1]
    out = ctl(orch, "audit", "list", "--what", "host.lock", "--since", "1h", "--limit", "5")
    assert "edge02" in out.stdout and "\x1b" not in out.stdout and len(out.stdout.splitlines()) == 2
    assert len(ctl(orch, "--no-headers", "audit", "list", "--since", "2100-01-01T00:00:00Z").stdout) == 0
    assert len(json.loads(ctl(orch, "-o", "json", "audit", "list", "--limit", "3").stdout)["items"]) == 3
    assert ctl(orch, "audit", "list", "--since", "yesterday").returncode == 1
    seq = lines[1].split()[0]
    shown = ctl(orch, "audit", "show", seq).stdout
    for line in ("  - bmc.port: 623", "  + bmc.port: 6230", "  + serial: S1", "  - bmc.password: set", "  + bmc.password: changed"):
        assert line in shown.splitlines(), shown
    assert "bmc.user" not in shown and "hunter2" not in shown
    assert json.loads(ctl(orch, "-o", "json", "audit", "show", seq).stdout)["after"]["serial"] == "S1"
    assert ctl(orch, "audit", "show", "999").returncode == 1 and ctl(orch, "audit", "show", "x").returncode == 1


def test_an_empty_audit(orch):
    assert ctl(orch, "audit", "head").stdout == "0 -\n"
    assert ctl(orch, "audit", "verify").stdout == "ok: 0 rows, head 0 -\n"
    out = ctl(orch, "audit", "export")
    assert out.stdout == '{"head":{"seq":0,"at_us":0,"hash":""}}\n'
    assert ctl(orch, "audit", "verify", "-f", "-", input=out.stdout).stdout == "ok: 0 rows, head 0 -\n"
