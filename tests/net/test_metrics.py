# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /metrics of the real orchestrator, judged by promtool, and what is made for it: dashboard and alert rules."""
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest
import yaml

from netlab import BUILD, ROOT, until
from orch_lab import Agent, Connection, Orch, document

PACKAGING = os.path.join(ROOT, "packaging")
DASHBOARD = os.path.join(PACKAGING, "grafana", "netboot.json")
ALERTS = os.path.join(PACKAGING, "prometheus", "alerts.yml")
ALERTS_TEST = os.path.join(PACKAGING, "prometheus", "alerts_test.yml")
SCRAPE = os.path.join(PACKAGING, "examples", "prometheus.yml")
BOOT = "01k9xyz0a0abcdef"


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path, config='webhooks: [{"name": "ops", "url": "http://127.0.0.1:9/x", "on": ["job.failed"]}]\n')
    yield o
    o.stop()


def promtool(*args, text=None):
    return subprocess.run(["promtool", *args], input=text, capture_output=True, text=True)


def scrape(o, accept=None):
    """(text, content type) as Prometheus gets them."""
    c = Connection(o.socket, 60)
    c.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    assert r.status == 200, text
    return text, r.getheader("Content-Type")


def value(o, sample):
    for line in o.get("/metrics").text.splitlines():
        if line.rpartition(" ")[0] == sample:
            return float(line.rpartition(" ")[2])
    return None


def life(o):
    """A failed job, an open one that is late, transfers and boots."""
    o.apply(document())
    agent = Agent(o)
    agent.poll()
    job = o.order("edge01").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1),
                 agent.event("boot.begin", job, boot=BOOT, planned=True, attempt=1, trigger="reinstall"),
                 agent.event("dhcp4.discover", boot=BOOT), agent.event("tftp.end", boot=BOOT, file="x.efi", bytes=1000),
                 agent.event("http.end", boot=BOOT, file="k", bytes=5000000),
                 agent.stage(job, "loader", "entered", boot=BOOT), agent.stage(job, "loader", "confirmed", boot=BOOT),
                 agent.stage(job, "kernel", "entered", boot=BOOT), agent.stage(job, "kernel", "missed", boot=BOOT),
                 agent.event("boot.end", job, boot=BOOT, outcome="failed"),
                 agent.event("job.failed", job, code="kernel-stalled", text="t", next="n"))
    late = o.order("edge02", kind="rescue").json["jobs"][0]["id"]
    agent.poll()
    agent.report(agent.event("job.accepted", late, host="edge02"),
                 agent.event("job.attempt", late, host="edge02", attempt=1),
                 agent.event("job.stage", late, host="edge02", stage="firmware-dhcp", state="entered", attempt=1,
                             deadline_us=1))
    until(lambda: value(o, 'netboot_jobs_ended_total{kind="reinstall",result="failed"}') == 1, "the figures")
    return agent


def test_promtool_takes_it_in_both_formats(orch):
    life(orch)
    text, kind = scrape(orch)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    r = promtool("check", "metrics", text=text)
    assert r.returncode == 0 and not r.stdout and not r.stderr, r.stdout + r.stderr
    text, kind = scrape(orch, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8" and text.endswith("\n# EOF\n")
    assert "# TYPE netboot_events counter" in text and "netboot_events_total{" in text


def test_the_figures(orch):
    agent = life(orch)
    wanted = {
        'netboot_jobs_open{kind="rescue",state="running"}': 1,
        'netboot_jobs_open{kind="reinstall",state="queued"}': 0,
        'netboot_jobs_ended_total{kind="reinstall",result="failed"}': 1,
        'netboot_job_verdicts_total{code="kernel-stalled"}': 1,
        'netboot_jobs_in_stage{stage="firmware-dhcp"}': 1,
        'netboot_jobs_overdue{stage="firmware-dhcp"}': 1,
        'netboot_site_jobs_open{site="local"}': 1,
        'netboot_site_jobs_overdue{site="local"}': 1,
        'netboot_site_hosts{site="local"}': len(document()["hosts"]),
        'netboot_stages_missed_total{stage="kernel"}': 1,
        'netboot_stage_duration_seconds_count{stage="loader"}': 1,
        'netboot_boots_begun_total{planned="true"}': 1,
        'netboot_boots_ended_total{outcome="failed"}': 1,
        'netboot_events_total{site="local",kind="dhcp4.discover"}': 1,
        'netboot_transfer_bytes_total{site="local",protocol="tftp"}': 1000,
        'netboot_transfer_bytes_total{site="local",protocol="http"}': 5000000,
        'netboot_agent_absent{site="local"}': 0,
        'netboot_agent_trouble{site="local"}': 0,
        'netboot_bmc_stop{site="local"}': 0,
        'netboot_event_followers': 0,
        'netboot_slow_handlers_total': 0,
        'netboot_build_info{version="%s",schema="%d"}' % (orch.get("/version").json["version"],
                                                          orch.get("/version").json["schema"]): 1,
    }
    text = orch.get("/metrics").text
    for sample, number in wanted.items():
        if sample != "netboot_slow_handlers_total":
            assert value(orch, sample) == number, f"{sample}\n{text}"
    for name in ("netboot_database_bytes", "netboot_database_disk_free_bytes", "process_resident_memory_bytes",
                 "process_open_fds", "process_max_fds", "process_cpu_seconds_total"):
        assert value(orch, name) > 0, name
    assert abs(value(orch, "process_start_time_seconds") - time.time()) < 600
    assert value(orch, 'netboot_agent_silence_seconds{site="local"}') < 60
    assert value(orch, 'netboot_agent_report_lag_seconds{site="local"}') < 60
    assert value(orch, 'netboot_stage_oldest_seconds{stage="firmware-dhcp"}') >= 0
    for name in [h["name"] for h in document()["hosts"]] + [BOOT]:
        assert name not in text, "a label for each host"
    # Questions to BMCs, and followers.
    follower = orch.follow()
    until(lambda: value(orch, "netboot_event_followers") == 1, "the follower")
    follower.close()
    agent.says["bmc_stop"] = {"since": int(time.time() * 1e6), "refused": 5, "heard": 6}
    agent.poll()
    assert value(orch, 'netboot_bmc_stop{site="local"}') == 1


def test_a_restart_begins_anew_and_knows_what_is_open(orch):
    life(orch)
    orch.kill()
    orch.start()
    assert value(orch, 'netboot_jobs_open{kind="rescue",state="running"}') == 1
    assert value(orch, 'netboot_jobs_ended_total{kind="reinstall",result="failed"}') == 0
    assert value(orch, 'netboot_agent_absent{site="local"}') == 0, "the database remembers when it was heard"


def test_a_site_that_was_never_heard_is_absent(orch):
    orch.apply(document())
    assert value(orch, 'netboot_agent_absent{site="local"}') == 1
    assert value(orch, 'netboot_agent_silence_seconds{site="local"}') is None


def names_of(expression):
    """Names of metrics in a PromQL expression."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    return {n for n in re.findall(r"\b(?:netboot|process)_[a-z_]+\b|\bup\b", bare)}


def families(text):
    """Names of samples that there can be, of every family that is named."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M):
        names |= {name + s for s in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def labels_of(text, name):
    found = re.search(rf"^{name}\{{([^}}]*)\}}", text, re.M)
    return set(re.findall(r'(\w+)="', found[1])) if found else None


def check_expression(expression, text, where):
    names = names_of(expression)
    assert names, f"{where}: {expression}"
    assert names - {"up"} <= families(text), f"{where}: {names - families(text)}"
    # Labels that it selects or sums by are those of the samples.
    for name, selector in re.findall(r"\b((?:netboot|process)_[a-z_]+)\{([^}]*)\}", expression):
        have = labels_of(text, name)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            assert have is None or label in have | {"job", "instance"}, f"{where}: {name} has no label {label}"


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def test_what_is_done_unattended(orch):
    """Rows as they are left by the engine and the scheduler, which are not asked to do anything with them here."""
    life(orch)
    with sqlite3.connect(orch.database) as db:
        for i, (state, ended) in enumerate((("running", None), ("running", None), ("waiting-approval", None), ("halted", 5), ("done", 5))):
            db.execute("INSERT INTO rollout (id, kind, doc, hosts, reason, by_whom, created, state, changed, opens, ended) "
                       "VALUES (?, 'reboot', '{}', 'all', 'r', 'ann', 1, ?, 1, 1, ?)", (f"r{i}", state, ended))
            for n, host in enumerate(("ok", "ok", "soak", "waiting")):
                db.execute("INSERT INTO rollout_host (rollout, n, host, site, batch, opens, state, since) VALUES (?, ?, ?, 'local', 0, 1, ?, 1)",
                           (f"r{i}", n, f"h{n}", host))
        due = int((time.time() + 3600) * 1e6)
        for name, paused, later in (("a", None, due + 5), ("b", None, due), ("c", 7, due + 9), ("d", None, None)):
            db.execute("INSERT INTO schedule (name, doc, rev, created, created_by, changed, changed_by, paused_at, next, due) "
                       "VALUES (?, '{}', 1, 1, 'ann', 1, 'ann', ?, ?, ?)", (name, paused, later, later))
    wanted = {'netboot_rollouts{state="running"}': 2, 'netboot_rollouts{state="waiting-approval"}': 1, 'netboot_rollouts{state="halted"}': 0,
              'netboot_rollout_hosts{state="ok"}': 6, 'netboot_rollout_hosts{state="soak"}': 3, 'netboot_rollout_hosts{state="failed"}': 0,
              'netboot_schedules{state="active"}': 2, 'netboot_schedules{state="paused"}': 1, 'netboot_schedules{state="ended"}': 1,
              'netboot_rollouts_total{state="halted"}': 0, 'netboot_schedule_runs_total{outcome="ran"}': 0,
              'netboot_stopped': 0, 'netboot_site_frozen{site="local"}': 0}
    for sample, number in wanted.items():
        assert value(orch, sample) == number, sample
    assert 3000 < value(orch, "netboot_schedule_next_seconds") <= 3600
    assert orch.post("/sites/local/freeze", {"reason": "r"}).status == 200
    assert (value(orch, "netboot_stopped"), value(orch, 'netboot_site_frozen{site="local"}')) == (0, 1)
    assert orch.post("/stop", {"reason": "r"}).status == 200
    assert value(orch, "netboot_stopped") == 1


def test_every_query_of_the_dashboard_names_a_metric(orch):
    life(orch)
    text, _ = scrape(orch)
    with open(DASHBOARD) as f:
        dashboard = json.load(f)
    ids, shown = [], 0
    for panel in panels(dashboard):
        ids.append(panel["id"])
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "5m").replace("$site", "x")
            check_expression(expression, text, panel["title"])
            shown += 1
        assert panel["type"] == "row" or panel["targets"], panel["title"]
    assert len(ids) == len(set(ids)) and shown >= 20
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            check_expression(variable["query"]["query"].replace("label_values(", "(").split(",")[0], text, variable["name"])


def test_every_query_of_the_dashboard_is_promql(tmp_path):
    """promtool reads the expressions as rules that are never recorded anywhere."""
    with open(DASHBOARD) as f:
        dashboard = json.load(f)
    expressions = [t["expr"].replace("$__rate_interval", "5m").replace("$site", "x")
                   for p in panels(dashboard) for t in p.get("targets", [])]
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"dashboard:query:{i}", "expr": e} for i, e in enumerate(expressions)]}]}
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(rules))
    r = promtool("check", "rules", str(path))
    assert r.returncode == 0 and f"{len(expressions)} rules found" in r.stdout, r.stdout + r.stderr


def test_alert_rules_name_metrics_and_what_to_do(orch):
    life(orch)
    text, _ = scrape(orch)
    r = promtool("check", "rules", ALERTS)
    assert r.returncode == 0, r.stdout + r.stderr
    with open(ALERTS) as f:
        rules = [rule for group in yaml.safe_load(f)["groups"] for rule in group["rules"]]
    for rule in rules:
        check_expression(rule["expr"], text, rule["alert"])
        assert rule["annotations"]["summary"] and "netboot-ctl " in rule["annotations"]["next"], rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
    with open(ALERTS_TEST) as f:
        tested = {t["alertname"] for case in yaml.safe_load(f)["tests"] for t in case["alert_rule_test"]}
    assert tested == {rule["alert"] for rule in rules}, "each rule has a test"


def test_alert_rules_fire_when_they_should():
    r = promtool("test", "rules", ALERTS_TEST)
    assert r.returncode == 0, r.stdout + r.stderr


def test_commands_that_alerts_name_exist():
    with open(ALERTS) as f:
        nexts = [r["annotations"]["next"] for g in yaml.safe_load(f)["groups"] for r in g["rules"]]
    commands = [c for n in nexts for c in re.findall(r"netboot-ctl ((?:-o json )?[a-z]+(?: [a-z]+)?)([^;,:]*)", n)]
    assert len(commands) >= len(nexts)
    for words, rest in commands:
        words = words.removeprefix("-o json ").split()
        for n in (2, 1):
            r = subprocess.run([os.path.join(BUILD, "netboot-ctl"), *words[:n], "--help"], capture_output=True, text=True)
            if r.returncode == 0 and f"netboot-ctl {' '.join(words[:n])}" in r.stdout:
                break
        assert r.returncode == 0, words
        for option in re.findall(r"--[a-z]+", rest):
            assert option in r.stdout, f"{words}: {option}"


def test_promtool_takes_the_example_of_a_scrape(tmp_path):
    """With the files that it names, put where a test may write them."""
    with open(SCRAPE, encoding="utf-8") as f:
        text = f.read()
    assert "job_name: netboot " in text
    (tmp_path / "netboot.token").write_text("nb_x\n")
    path = tmp_path / "prometheus.yml"
    path.write_text(text.replace("/etc/prometheus/netboot.token", str(tmp_path / "netboot.token")).replace(
        "/usr/local/share/netboot/prometheus/alerts.yml", ALERTS))
    assert text.count("/etc/prometheus/netboot.token") == 2
    r = promtool("check", "config", str(path))
    assert r.returncode == 0 and "FAILED" not in r.stdout + r.stderr, r
