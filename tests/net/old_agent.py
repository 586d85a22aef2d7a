# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is a release older, or newer, than the program that is tested: messages as tests/compat/messages has them.

old = OldAgent(orch)                  an agent that says what the previous release says, and no member more
message("poll", "newer")              one of the files
paths(doc)                            names of all its members, {"a", "a.b", "a[].c"}
OldOrchestrator.before(site, age)     turns the stand-in of agent_lab into one that answers as the previous release (age "previous"), or a
                                      newer one ("newer"), and keeps what the agent asked in .asked: (path, headers, document)"""
import json
import os

from orch_lab import Agent

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat", "messages")
LATER = {"later": {"deep": [1, {"x": None}]}}


def message(name, age):
    with open(os.path.join(FOLDER, f"{name}.{age}.json")) as f:
        return json.load(f)


def paths(doc, at=""):
    found = set()
    if isinstance(doc, dict):
        for key, value in doc.items():
            found |= {at + key} | paths(value, f"{at}{key}.")
    elif isinstance(doc, list):
        for value in doc:
            found |= paths(value, at.rstrip(".") + "[].")
    return found


class OldAgent(Agent):
    """What it hears is looked at as closely as what it says: nothing that only a newer agent asks for."""

    def poll(self, wait_s=0, table=None, **kw):
        doc = {"v": 1, "site": self.site, "agent": self.id, "table": self.table if table is None else table, "wait_s": wait_s,
               "max_jobs": 1000, "now": message("poll", "previous")["now"] if self.says.get("now") is None else self.says["now"]}
        assert paths(doc) <= paths(message("poll", "previous"))
        answer = self.orch.call("POST", "/agent/v1/poll", doc, **kw)
        assert answer.status == 200, answer.json
        assert "table_delta" not in answer.json
        for order in answer.json["orders"]:
            assert not {"signed", "sig", "key"} & set(order) and "sealed" not in json.dumps(order), order
        if answer.json["table"]:
            assert "digest" not in str(paths(answer.json["table"]))
            self.table = answer.json["table"]["version"]
        return answer

    def send(self, first, events, calls=()):
        doc = {"v": 1, "site": self.site, "agent": self.id, "first": first, "events": events, "calls": list(calls)}
        assert set(doc) == set(message("report", "previous"))
        answer = self.orch.call("POST", "/agent/v1/report", doc)
        assert set(answer.json) == {"v", "acked"}
        return answer


class OldOrchestrator:
    @staticmethod
    def before(site, age):
        orch, self = site.orch, OldOrchestrator()
        self.asked = orch.asked = []
        if age == "newer":
            poll, report, hold = orch.poll, orch.report, orch.hold
            like = message("orders", "newer")
            strange = [o for o in like["orders"] if o["t"] not in ("job", "cancel", "call")]
            assert strange

            def newer_poll(doc):
                answer = poll(doc)
                for order in answer["orders"]:
                    order.update(LATER)
                return {**answer, **LATER, "takes": like["takes"], "orders": [*strange, *answer["orders"]]}

            orch.poll = newer_poll
            orch.report = lambda doc: {**report(doc), **LATER}
            orch.hold = lambda doc: {**hold(doc), **LATER}
        return self

    def of(self, path):
        return [(headers, doc) for p, headers, doc in self.asked if p == path]
