# SPDX-License-Identifier: GPL-3.0-or-later
"""An orchestrator that serves its page, for a browser.

    p = Page(dir)              real orchestrator with `web.listen` on a loopback port; p.base, p.tokens["viewer"|"operator"|"admin"]
    p.seed = p.fill(extra=0)   the fleet of seed.py
    live = LiveSite(lan)       all programs and a machine: the orchestrator outside the namespace, so that the browser reaches it"""
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import agent_lab  # noqa: E402
import orch_lab  # noqa: E402
import seed  # noqa: E402
import whole_lab  # noqa: E402
from netlab import until  # noqa: E402

ROLES = ("viewer", "operator", "admin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def web_config(port):
    return f'web:\n  listen: ["127.0.0.1:{port}"]\n'


def make_tokens(post):
    """{role: token text}; post(path, body) -> the answer as JSON."""
    return {role: post("/tokens", {"name": f"test-{role}", "role": role, "reason": "tests of the page"})["token"] for role in ROLES}


class Page:
    def __init__(self, folder):
        self.port = free_port()
        self.orch = orch_lab.Orch(folder, config=web_config(self.port))
        self.base = f"http://127.0.0.1:{self.port}"
        self.tokens = make_tokens(lambda path, body: self.orch.post(path, body).json)

    def fill(self, extra=0):
        self.seed = seed.Seed(self.orch, extra)
        return self.seed.fill()

    def restart(self):
        self.orch.stop()
        self.orch.start()

    def close(self):
        self.orch.stop()


class LiveSite(whole_lab.Site):
    """Every program; a machine that boots is played by agent_lab.Machine."""

    def __init__(self, lan):
        super().__init__(lan)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.kernel, self.initrd = os.urandom(300_000), os.urandom(900_000)
        self.write("images/d/vmlinuz", self.kernel)
        self.write("images/d/initrd", self.initrd)
        config = self.read("orchestrator.yaml")
        assert "web: {listen: []}\n" in config
        self.write("orchestrator.yaml", config.replace("web: {listen: []}\n", web_config(self.port)).encode())
        self.client = lan.add_client(mac=self.hosts[0]["nics"][0]["mac"], address=self.hosts[0]["nics"][0]["ip"] + "/24")

    def document(self):
        doc = super().document()
        doc["images"][0]["reports"] = ["up", "installed", "booted"]
        return doc

    def start_orchestrator(self):
        before = self.read("orchestrator.log").count("serving on")
        with open(self.path("orchestrator.log"), "ab") as log:
            self.procs["orchestrator"] = subprocess.Popen([whole_lab.program("netboot-orchestrator"), "-c", self.path("orchestrator.yaml")],
                                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.read("orchestrator.log").count("serving on") > before, "the orchestrator")

    def make_tokens(self):
        api = orch_lab.Orch.__new__(orch_lab.Orch)
        api.socket = self.socket
        return make_tokens(lambda path, body: api.post(path, body).json)

    def machine(self):
        return agent_lab.Machine(self, self.client, self.hosts[0]["nics"][0]["mac"])

    def restart_orchestrator(self):
        self.end("orchestrator")
        self.start_orchestrator()
