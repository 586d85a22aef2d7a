# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks of the real orchestrator against a receiver that fails in every way for a while: nothing is missed, the
order holds, a repeated delivery has its id again, and the signature is what Python's hmac says."""
import datetime
import json
import os
import socket
import sqlite3
import subprocess

import pytest

from netlab import BUILD, PATIENCE, ROOT, until
from orch_lab import Agent, Orch, document
from receiver import Receiver

SECRET = b"a-shared-secret-of-32-octets-or-more"


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def other():
    r = Receiver()
    yield r
    r.close()


def hook(name, receiver, on=("job.failed", "job.done"), **more):
    return {"name": name, "url": receiver.url, "on": list(on), "timeout_s": 30, **more}


class Hooked(Orch):
    def __init__(self, folder, *hooks, start=True, mode=0o600):
        secret = os.path.join(str(folder), "secret")
        os.makedirs(str(folder), exist_ok=True)
        with open(secret, "wb") as f:
            f.write(SECRET + b"\n")
        os.chmod(secret, mode)
        hooks = [{**h, "secret_file": secret} if h.get("secret_file") else h for h in hooks]
        super().__init__(folder, start=start, config="webhooks: " + json.dumps(hooks) + "\n")

    def hook(self, name):
        return next(h for h in self.get("/webhooks").json["items"] if h["name"] == name)


@pytest.fixture
def orchs(tmp_path):
    started = []

    def start(*hooks, **more):
        started.append(Hooked(tmp_path / str(len(started)), *hooks, **more))
        return started[-1]
    yield start
    for o in started:
        if o.proc:
            o.stop()


def fail_job(o, agent, host="edge01", code="kernel-stalled"):
    """A whole job that ends with that verdict; its id."""
    ident = o.order(host, kind="reinstall").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", ident, host=host), agent.event("job.attempt", ident, host=host, attempt=1),
                 agent.event("job.failed", ident, host=host, code=code, text="it \"stalled\" at 3 MB", next="look <there>"))
    return ident


def ready(o):
    o.apply(document())
    agent = Agent(o)
    agent.poll()
    return agent


def once(requests):
    """Each delivery once, in the order in which it was taken first."""
    seen, kept = set(), []
    for r in requests:
        if r.id not in seen:
            seen.add(r.id)
            kept.append(r)
    return kept


def test_a_failed_job_is_told_signed(orchs, receiver):
    o = orchs(hook("ops", receiver, secret_file=True))
    agent = ready(o)
    job = fail_job(o, agent)
    until(lambda: receiver.taken, "the delivery")
    r = receiver.taken[0]
    assert r.signed_by(SECRET) and not r.signed_by(SECRET + b"x")
    assert r.path == "/hooks/s3cr3t-path?token=s3cr3t-query"
    assert r.headers["Content-Type"] == "application/json"
    assert r.headers["Netboot-Event"] == r.json["event"] == "job.failed"
    assert r.headers["Netboot-Attempt"] == "1" and r.headers["Idempotency-Key"] == r.id == r.json["id"]
    body = r.json
    assert (body["host"], body["site"], body["job"], body["kind"], body["image"]) == \
        ("edge01", "local", job, "reinstall", "debian")
    assert body["verdict"] == {"code": "kernel-stalled", "text": "it \"stalled\" at 3 MB", "next": "look <there>"}
    assert body["reason"] == "INC-1" and body["by"] and body["title"] == "edge01: reinstall failed: kernel-stalled"
    until(lambda: o.hook("ops")["delivered"] == 1, "the record")
    h = o.hook("ops")
    assert (h["state"], h["queued"], h["last_error"], h["signed"]) == ("idle", 0, None, True)
    assert h["to"] == f"http://127.0.0.1:{receiver.port}"
    assert "s3cr3t" not in o.log and SECRET.decode() not in o.log and "s3cr3t" not in json.dumps(o.get("/webhooks").json)


def test_a_receiver_that_fails_misses_nothing(orchs, receiver, other):
    """500, silence, a redirect and a closed port, one after the other, while jobs go on failing; another webhook is told
    of each at once."""
    o = orchs(hook("bad", receiver, secret_file=True, timeout_s=1), hook("good", other))
    agent = ready(o)
    jobs = []
    for how in ("500", "hang", "redirect", "closed"):
        if how == "closed":
            receiver.close()
        else:
            receiver.behave(how)
        before, told = len(receiver.got), len(other.taken)
        jobs.append(fail_job(o, agent))
        if how != "closed":
            until(lambda: len(receiver.got) > before, f"an attempt: {how}")
        else:
            until(lambda: "refused" in (o.hook("bad")["last_error"] or ""), "a refused connection")
        until(lambda: len(other.taken) == told + 1, "the other one")
        assert o.hook("bad")["state"] == "failing" and o.hook("bad")["queued"] == len(jobs)
    assert not receiver.taken
    receiver.behave("ok")
    receiver.open()
    until(lambda: len(once(receiver.taken)) == 4, "all deliveries")
    until(lambda: o.hook("bad")["queued"] == 0, "the end of the queue")
    taken = once(receiver.taken)
    assert [r.json["job"] for r in taken] == jobs == [r.json["job"] for r in other.taken]
    assert [r.seq for r in taken] == sorted(r.seq for r in taken)
    assert len({r.id for r in receiver.got}) == 4, "a repeated delivery has its id again"
    assert all(r.signed_by(SECRET) for r in receiver.got)
    assert int(taken[0].headers["Netboot-Attempt"]) > 3
    assert len({r.path for r in receiver.got}) == 1, "a redirect was followed"
    assert o.log.count("it is tried again") == 1 and o.log.count("takes deliveries again") == 1
    assert o.hook("bad")["gave_up"] == 0 and o.hook("good")["last_failed"] is None


def test_a_killed_orchestrator_misses_nothing(orchs, receiver):
    """SIGKILL with deliveries queued, on their way, and just recorded."""
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    jobs, ids = [], {}
    for i in range(6):
        receiver.behave("hang" if i % 2 else "500")
        before = len(receiver.got)
        jobs.append(fail_job(o, agent))
        if i % 3 == 1:
            until(lambda: len(receiver.got) > before or o.hook("ops")["queued"] > 0, "something under way")
        o.kill()
        o.start()
        agent.poll()
    receiver.behave("ok")
    until(lambda: len(once(receiver.taken)) == 6, "all deliveries")
    assert [r.json["job"] for r in once(receiver.taken)] == jobs
    for r in receiver.got:
        ids.setdefault(r.seq, set()).add(r.id)
    assert all(len(v) == 1 for v in ids.values()) and len(ids) == 6
    # Taken, and killed before that was written down: the same id comes again, and only that.
    receiver.behave("ok")
    until(lambda: o.hook("ops")["queued"] == 0, "the end of the queue")


def test_killed_between_the_answer_and_its_record(orchs, receiver):
    """The receiver has it, the orchestrator does not know: it comes again under the same id, and nothing else does."""
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    receiver.before_answer = o.kill
    first = fail_job(o, agent)
    until(lambda: receiver.taken, "the first answer")
    o.proc.wait()
    o.start()
    agent.poll()
    second = fail_job(o, agent)
    until(lambda: len(receiver.taken) == 3, "three answers")
    until(lambda: o.hook("ops")["delivered"] == 2, "the record")
    assert [r.json["job"] for r in receiver.taken] == [first, first, second]
    assert receiver.taken[0].id == receiver.taken[1].id != receiver.taken[2].id


def test_a_certificate_that_nobody_vouches_for(orchs, tmp_path):
    pem = tmp_path / "pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", str(tmp_path / "crt")], check=True,
                   capture_output=True)
    with open(pem, "ab") as f:
        f.write((tmp_path / "crt").read_bytes())
    r = Receiver(certificate=str(pem))
    try:
        o = orchs(hook("ops", r), hook("own", r, ca_file=str(tmp_path / "crt")))
        answer = o.post("/webhooks/ops/test").json
        assert not answer["ok"] and answer["status"] == 0 and "certificate" in answer["error"] and not r.got
        answer = o.post("/webhooks/own/test").json
        assert answer["ok"] and len(r.got) == 1, answer
    finally:
        r.close()


def test_events_that_are_not_named_are_not_told(orchs, receiver):
    o = orchs(hook("boots", receiver, on=["boot.unordered", "agent.*", "discovered"]))
    agent = ready(o)
    fail_job(o, agent)
    agent.report(agent.event("boot.begin", host="edge02", boot="01k9xyz0a0abcdef", planned=True, trigger="x"),
                 agent.event("boot.begin", host="edge02", boot="01k9xyz0a0abcdeg", planned=False, trigger="netboot"),
                 agent.event("agent.own-word", host=""), agent.event("discovered.machine", host=""),
                 agent.event("boot.end", boot="01k9xyz0a0abcdeg", outcome="ok"))
    until(lambda: len(receiver.taken) == 3, "three deliveries")
    assert [r.json["event"] for r in receiver.taken] == ["boot.flag", "agent.own-word", "discovered.machine"]
    assert receiver.taken[0].json["boot"] == "01k9xyz0a0abcdeg"


def test_an_agent_that_falls_silent(orchs, receiver):
    """After a start agents have a minute to be heard; the record says that this one was heard an hour ago."""
    o = orchs(hook("ops", receiver, on=["agent.absent", "agent.back"]))
    agent = ready(o)
    o.stop()
    with sqlite3.connect(o.database) as db:
        db.execute("UPDATE agent SET last_seen = last_seen - 3600000000")
    o.start()
    until(lambda: receiver.taken, "the news of its silence", timeout=3 * PATIENCE)
    body = receiver.taken[0].json
    assert (body["event"], body["site"], body["title"]) == ("agent.absent", "local", "local: agent.absent")
    assert body["reason"].startswith("not heard for 1h") and body["detail"]["next"].startswith("netboot-ctl agent list")
    agent.poll()
    until(lambda: len(receiver.taken) == 2, "the news of its return")
    assert receiver.taken[1].json["event"] == "agent.back"


def test_what_happened_before_the_webhook_is_not_told(orchs, receiver, tmp_path):
    o = orchs()
    agent = ready(o)
    fail_job(o, agent)
    o.stop()
    with open(o.path("o.yaml"), "a") as f:
        f.write("")
    text = open(o.path("o.yaml")).read().replace("webhooks: []", "webhooks: " + json.dumps([hook("new", receiver)]))
    with open(o.path("o.yaml"), "w") as f:
        f.write(text)
    o.start()
    agent.poll()
    job = fail_job(o, agent)
    until(lambda: receiver.taken, "a delivery")
    assert [r.json["job"] for r in receiver.taken] == [job]
    # Taken out again: its queue goes with it.
    receiver.behave("500")
    fail_job(o, agent)
    until(lambda: o.hook("new")["queued"] == 1, "one that waits")
    o.stop()
    with open(o.path("o.yaml"), "w") as f:
        f.write(text[:text.index("webhooks:")])
    o.start()
    assert o.get("/webhooks").json["items"] == [] and "configured no more" in o.log
    with sqlite3.connect(o.database) as db:
        assert db.execute("SELECT count(*) FROM webhook_delivery").fetchone() == (0,)


def test_a_webhook_beside_others_is_not_told_of_before(orchs, receiver, other):
    """Those that there are may have looked at little of what is recorded."""
    o = orchs(hook("a", receiver, on=["job.done"]))
    agent = ready(o)
    fail_job(o, agent)
    o.stop()
    with open(o.path("o.yaml")) as f:
        text = f.read()
    with open(o.path("o.yaml"), "w") as f:
        f.write(text[:text.index("webhooks:")] + "webhooks: " +
                json.dumps([hook("a", receiver, on=["job.done"]), hook("b", other, on=["job.failed"])]) + "\n")
    o.start()
    agent.poll()
    job = fail_job(o, agent)
    until(lambda: other.taken, "a delivery")
    assert [r.json["job"] for r in other.taken] == [job] and not receiver.taken


def test_templates_and_formats(orchs, receiver, other):
    o = orchs(hook("chat", receiver, format="slack"),
              hook("mine", other, template='{"summary": "${host} $$5 ${verdict}: ${text}", "n": ${seq}}'))
    fail_job(o, ready(o))
    until(lambda: receiver.taken and other.taken, "both")
    assert other.taken[0].json["summary"] == 'edge01 $5 kernel-stalled: it "stalled" at 3 MB'
    assert other.taken[0].json["n"] == other.taken[0].seq
    assert receiver.taken[0].json["text"].startswith(
        'edge01: reinstall failed: kernel-stalled\nit "stalled" at 3 MB\nNext: look &lt;there&gt;\nOrdered by: ')


def test_a_body_that_is_called_wrong_does_not_hold_up_the_rest(orchs, receiver):
    """Given up after ten attempts, the last three of which were refused; here the record says that nine were made."""
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    receiver.behave(422)
    first = fail_job(o, agent)
    until(lambda: o.hook("ops")["state"] == "failing", "the first attempt")
    second = fail_job(o, agent)
    until(lambda: o.hook("ops")["queued"] == 2, "both queued")
    o.kill()
    with sqlite3.connect(o.database) as db:
        db.execute("UPDATE webhook_delivery SET attempts = 9 WHERE attempts > 0")
    o.start()
    until(lambda: o.hook("ops")["gave_up"] == 1, "giving up")
    receiver.behave("ok")
    until(lambda: receiver.taken, "the next one")
    assert receiver.taken[0].json["job"] == second != first
    assert sum(1 for r in receiver.got if r.json["job"] == first) >= 3 + 1
    given_up = o.hook("ops")["given_up"]
    assert [(g["event"], g["host"], g["error"]) for g in given_up] == [("job.failed", "edge01", "answered with 422")]
    assert [e["kind"] for e in o.events("&kind=webhook.*")] == ["webhook.gave-up"]


@pytest.mark.parametrize("status", (200, 422))
def test_a_page_for_an_answer_counts_as_its_status(orchs, receiver, status):
    """More than anybody would keep of it: taken is taken, and refused is refused."""
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    receiver.page = b"<html>" + b"x" * 3_000_000
    receiver.behave(status)
    fail_job(o, agent)
    if status == 200:
        until(lambda: o.hook("ops")["delivered"] == 1, "the record")
        assert o.hook("ops")["last_error"] is None and len(receiver.got) == 1
    else:
        until(lambda: o.hook("ops")["last_error"] == "answered with 422", "the refusal")


def test_what_waits_for_three_days_is_given_up(orchs, receiver):
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    receiver.behave("500")
    for _ in range(3):
        fail_job(o, agent)
    until(lambda: o.hook("ops")["queued"] == 3 and o.hook("ops")["state"] == "failing", "three that wait")
    o.kill()
    with sqlite3.connect(o.database) as db:
        old = 3 * 24 * 3600 * 1000000 + 60 * 1000000
        db.execute("UPDATE webhook_delivery SET created = created - ? WHERE seq < (SELECT max(seq) FROM webhook_delivery)",
                   (old,))
    o.start()
    tried = len(receiver.got)
    until(lambda: len(receiver.got) >= tried + 2, "more attempts: the orchestrator may have been off for three days")
    assert o.hook("ops")["gave_up"] == 0 and o.hook("ops")["queued"] == 3
    o.kill()
    with sqlite3.connect(o.database) as db:
        db.execute("UPDATE webhook_delivery SET attempts = 9 WHERE attempts > 0")
    o.start()
    until(lambda: o.hook("ops")["gave_up"] == 2, "giving up two")
    assert o.hook("ops")["queued"] == 1 and len(o.hook("ops")["given_up"]) == 2
    assert "2 deliveries given up" in o.log
    agent.poll()
    metrics = o.get("/metrics").text
    assert 'netboot_webhook_gave_up_total{webhook="ops"} 2\n' in metrics
    assert 'netboot_webhook_queue{webhook="ops"} 1\n' in metrics and 'netboot_webhook_failing{webhook="ops"} 1\n' in metrics


def test_a_full_queue_drops_and_says_so(orchs, receiver):
    o = orchs(hook("ops", receiver, on=["job.*", "webhook.*"]))
    agent = ready(o)
    receiver.behave("500")
    fail_job(o, agent)
    until(lambda: o.hook("ops")["state"] == "failing", "a failure")
    queued = o.hook("ops")["queued"]
    o.kill()
    with sqlite3.connect(o.database) as db:  # negative numbers: no events, and none that are looked at
        db.executemany("INSERT INTO webhook_delivery (id, webhook, seq, kind, state, created, attempts)"
                       " VALUES (?, 'ops', ?, 'x.y', 'queued', 9000000000000000, 0)",
                       [(f"fill{i}", 10 ** 9 + i) for i in range(10000 - queued)])
    o.start()
    agent.poll()
    job = fail_job(o, agent)
    until(lambda: o.hook("ops")["dropped"] > 1, "dropping")
    assert o.hook("ops")["queued"] == 10000
    dropped = [e for e in o.events("&kind=webhook.*")]
    assert [(e["kind"], e["detail"]["webhook"]) for e in dropped] == [("webhook.dropped", "ops")]
    assert "what comes now is dropped" in o.log and job
    assert f'netboot_webhook_dropped_total{{webhook="ops"}} {o.hook("ops")["dropped"]}\n' in o.get("/metrics").text
    receiver.behave("ok")

    def sums():
        return [e["detail"]["n"] for e in o.events("&kind=webhook.dropped")]
    until(lambda: len(sums()) > 1, "room again")
    assert sums()[1] == o.hook("ops")["dropped"]


def test_a_receiver_is_left_alone_for_as_long_as_it_says(orchs, receiver):
    o = orchs(hook("ops", receiver))
    agent = ready(o)
    receiver.more = {"Retry-After": "900"}
    receiver.behave(429)
    fail_job(o, agent)
    until(lambda: o.hook("ops")["state"] == "failing", "a failure")
    assert o.hook("ops")["next_try"] > (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=600)).isoformat()


def ctl(o, *args):
    return subprocess.run([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{o.socket}", *args],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_list_and_test_from_the_command_line(orchs, receiver):
    o = orchs(hook("ops", receiver, secret_file=True))
    r = ctl(o, "webhook", "list")
    assert r.returncode == 0 and "ops" in r.stdout and "idle" in r.stdout and "s3cr3t" not in r.stdout
    r = ctl(o, "webhook", "test", "ops", "--reason", "new receiver")
    assert r.returncode == 0 and "took it: 204" in r.stdout, r.stderr
    assert receiver.taken[0].json["event"] == "webhook.test" and receiver.taken[0].signed_by(SECRET)
    receiver.behave("500")
    r = ctl(o, "webhook", "test", "ops")
    assert r.returncode == 2 and "answered with 500" in r.stderr and "webhook-not-taken" in r.stderr
    receiver.close()
    r = ctl(o, "-o", "json", "webhook", "test", "ops")
    assert r.returncode == 2 and json.loads(r.stdout)["status"] == 0 and "refused" in json.loads(r.stdout)["error"]
    assert ctl(o, "webhook", "test", "none").returncode == 1
    assert o.hook("ops")["delivered"] == 0 and not o.events()
    with sqlite3.connect(o.database) as db:
        rows = db.execute("SELECT what, object, reason, result FROM audit ORDER BY seq").fetchall()
    assert rows == [("webhook.test", "ops", "new receiver", "ok")] + [("webhook.test", "ops", "", "ok")] * 2 + [
        ("webhook.test", "none", "", "webhook-unknown")]


def test_secrets_that_others_can_read_are_refused(orchs, receiver):
    o = orchs(hook("ops", receiver, secret_file=True), start=False, mode=0o640)
    proc = o.spawn("-n")
    assert proc.wait() == 1 and "not a plain file that only its owner can read" in o.log
    os.chmod(o.path("secret"), 0o600)
    assert o.spawn("-n").wait() == 0
    with open(o.path("secret"), "w") as f:
        f.write("short\n")
    assert o.spawn("-n").wait() == 1 and "16 to 1024 octets" in o.log


def test_the_example_receiver_takes_what_is_signed(orchs, tmp_path):
    """packaging/examples/webhook_receiver.py against the real thing, with the right secret and with another."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    o = orchs({"name": "ops", "url": f"http://127.0.0.1:{port}/", "on": ["job.failed"], "secret_file": True},
              {"name": "plain", "url": f"http://127.0.0.1:{port}/", "on": ["job.failed"], "secret_file": True, "format": "text"})
    for secret, status in ((SECRET, 204), (b"another-secret-of-some-length", 403)):
        path = tmp_path / "receivers"
        path.write_bytes(secret + b"\n")
        with open(tmp_path / "said", "wb") as said:
            proc = subprocess.Popen(["/usr/bin/python3", os.path.join(ROOT, "packaging/examples/webhook_receiver.py"),
                                     str(path), str(port)], stdout=said, stderr=subprocess.STDOUT)
        try:
            until(lambda: o.post("/webhooks/ops/test").json["status"] == status, f"an answer of {status}")
            assert o.post("/webhooks/plain/test").json["status"] == status, "a body that is no JSON"
        finally:
            proc.kill()
            proc.wait()
        said = (tmp_path / "said").read_text()
        assert said.split("\n").count("webhook.test") == (2 if status == 204 else 0) and "Traceback" not in said


def test_the_example_configuration_is_one(tmp_path):
    """With its comments taken off, but for the secret's file, which is not there."""
    with open(os.path.join(ROOT, "packaging", "examples", "orchestrator.yaml")) as f:
        text = f.read()
    head, _, hooks = text.partition("#page_url:")
    hooks = "\n".join(line[1:] for line in ("#page_url:" + hooks).splitlines() if "secret_file" not in line)
    path = tmp_path / "o.yaml"
    path.write_text(head + hooks + "\n")
    r = subprocess.run([os.path.join(BUILD, "netboot-orchestrator"), "-n", "-c", str(path)], capture_output=True, text=True)
    assert r.returncode == 0 and "format: slack" in hooks, r.stderr


def test_an_end_in_the_middle_of_a_test_and_a_delivery(orchs, receiver):
    """SIGTERM with both on their way: nothing is left behind (the sanitizer looks), and the delivery comes later."""
    o = orchs(hook("ops", receiver))
    receiver.behave("hang")
    fail_job(o, ready(o))
    until(lambda: receiver.got, "the delivery on its way")
    before = len(receiver.got)
    asking = subprocess.Popen([os.path.join(BUILD, "netboot-ctl"), "--server", f"unix:{o.socket}", "webhook", "test", "ops"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: any(r.json["event"] == "webhook.test" for r in receiver.got[before:]), "the test on its way")
    o.stop()
    asking.wait()
    receiver.behave("ok")
    o.start()
    until(lambda: receiver.taken, "the delivery")
    assert receiver.taken[0].json["event"] == "job.failed"
