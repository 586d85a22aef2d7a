# SPDX-License-Identifier: GPL-3.0-or-later
"""A site far from its orchestrator: two namespaces, a line between them, and TLS over it.

    f = FarSite(lan, v6=False, **line)    the orchestrator in a namespace of its own; the site is `lan`
    f.enroll() -> done                    makes a secret and gives it to netboot-agent enroll
    f.start()                             all of it, joined
    f.stocked()                           waits until what is to boot is known to be at the site
    m = f.machine()                       boots as in agent_lab
It is whole_lab's Site otherwise."""
import json
import os

import netlab
from agent_lab import Machine
from far_line import FarLine
from test_web import Pki
from whole_lab import Site, program

PORT = 8017


class FarSite(Site):
    def __init__(self, lan, v6=False, hosts=1, deadlines=None, proxy=None, **line):
        super().__init__(lan, hosts=hosts, deadlines=deadlines)
        self.near = lan._namespace("near")
        self.line = FarLine(self.near, lan.server, **{"delay_ms": 0, "rate_kbit": 0, "loss": 0, **line})
        self.pki = Pki(self.dir)
        self.pki.issue()
        here = [f"{self.line.near_ip}:{PORT}", f"[{self.line.near_ip6}]:{PORT}"]
        self.url = "https://" + here[1 if v6 else 0]
        self.clients = {}
        self.agent_by = self.orchestrator_by = []  # what runs the program, where it is not run as it is
        self.kernel, self.initrd = self.octets("images/d/vmlinuz"), self.octets("images/d/initrd")
        self.write("orchestrator.yaml", (
            f"database: {self.path('orch/o.db')}\nsocket: {self.socket}\nimages_root: {self.path('images')}\n"
            f"key_file: {self.path('o.key')}\nweb:\n  listen: [\"{here[0]}\", \"{here[1]}\"]\n"
            f"  tls_cert: {self.pki.path('cert.pem')}\n  tls_key: {self.pki.path('key.pem')}\n").encode())
        self.configure(proxy=proxy, deadlines=deadlines or {})

    def configure(self, proxy=None, deadlines=None, **more):
        config = {**self.agent_config(deadlines or {}), "orchestrator": self.url, **({"proxy": proxy} if proxy else {}), **more}
        self.write("agent.yaml", json.dumps(config, indent=2).encode())

    def octets(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def start_orchestrator(self):
        before = self.read("orchestrator.log").count("serving on")
        with open(self.path("orchestrator.log"), "ab") as log:
            self.procs["orchestrator"] = self.near.popen(*self.orchestrator_by, program("netboot-orchestrator"), "-c",
                                                         self.path("orchestrator.yaml"), stdout=log, stderr=log)
        netlab.until(lambda: self.read("orchestrator.log").count("serving on") > before, "the orchestrator")

    def secret(self, *argv):
        done = self.ctl("agent", "enroll", "local", *argv)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def try_enroll(self, secret, url=None, stdin=False):
        """netboot-agent enroll at the site."""
        self.write("secret", secret.encode() + b"\n")
        with open(self.path("secret") if stdin else os.devnull, "rb") as given:
            return self.lan.server.run(*self.agent_by, program("netboot-agent"), "enroll", "-c", self.path("agent.yaml"), "--secret-file",
                                       "-" if stdin else self.path("secret"), url or self.url, check=False, stdin=given)

    def enroll(self):
        done = self.try_enroll(self.secret("--reason", "a new site"))
        assert done.returncode == 0, done.stderr
        return done

    def start_agent(self):
        self.spawn("agent", *self.agent_by, program("netboot-agent"), "-c", self.path("agent.yaml"))

    def start(self):
        self.start_bmcs()
        self.start_orchestrator()
        self.apply()
        self.enroll()
        self.start_agent()
        self.ready()
        return self

    def stocked(self):
        """The site's store has told that it holds all images: until then an order may be refused."""
        def held():
            states = {i["state"] for i in self.json("image", "status")["items"]}
            return states == {"held"}
        netlab.until(held, "the images to be known to be there")

    def machine(self, n=1):
        nic = self.hosts[n - 1]["nics"][0]
        if n not in self.clients:
            self.clients[n] = self.lan.add_client(mac=nic["mac"], address=nic["ip"] + "/24")
        return Machine(self, self.clients[n], nic["mac"])

    def close(self):
        try:
            super().close()
        finally:
            self.line.close()
