# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/openapi.yaml and the server agree. Every answer that the other tests of the orchestrator get is checked
against it too, in orch_lab.Orch.call()."""
import os
import re

import pytest

import openapi
from orch_lab import REPO, Agent, Orch, document


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path)
    yield o
    o.stop()


def test_the_paths_are_the_servers_routes():
    source = open(os.path.join(REPO, "orchestrator", "api.c")).read()
    routes = set(re.findall(r'\{"(GET|POST|PATCH|DELETE|PUT)", V1 "([^"]+)"', source))
    assert len(routes) > 30 and routes == openapi.operations()


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
                 agent.event("power.state", power="unknown", reason="timeout"),
                 agent.event("job.failed", job, code="kernel-stalled", text="t", next="n"))
    orch.post("/hosts/edge02/lock", {"reason": "x"})
    for method, path in sorted(openapi.operations()):
        if method == "GET":
            path = path.replace("{id}", boot if path.startswith("/boots") else job)
            name = {"sites": "local", "images": "debian", "hosts": "edge02"}.get(path.split("/")[1], "")
            assert orch.get(path.replace("{name}", name)).status == 200, path
