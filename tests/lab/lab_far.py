# SPDX-License-Identifier: GPL-3.0-or-later
"""Two sites of one orchestrator: `near`, beside it, and a far one behind a long, thin and lossy line (tests/net/far_line.py), with
an agent, boot services and machines of its own.

    far = FarLab("lab")                near = far.near
    near.add_machine("near01")         far.add_machine("far01")
    far.start()                        both; far.line cuts and heals
"""
import json
import os
import subprocess
import sys

from lab import HERE, REPO, Lab

sys.path.insert(0, os.path.join(REPO, "tests", "net"))
from far_line import FarLine  # noqa: E402

PORT = 8443


class FarLab(Lab):
    site_name, number = "far", 1

    def __init__(self, name="lab", line=None, **kw):
        """line: arguments of FarLine."""
        self.near = Lab(f"{name}n", **kw)
        super().__init__(f"{name}f", **kw)
        self.socket = self.near.socket
        self.shape, self.line = line or {}, None
        self.holds = True  # the images are at the far site already

    def start(self):
        """The near site, then the line, then the far site joins over it."""
        if not self.near.machines:
            self.near.make_network()
        self.line = FarLine(self.near.ns, self.ns, **self.shape)
        self.near.web = [f"{self.line.near_ip}:{PORT}"]
        self.near.web_tls = self.certificate()
        self.orchestrator = f"https://{self.line.near_ip}:{PORT}"
        self.near.start()
        super().start()

    def certificate(self):
        """Of the page; agents are shown one of the orchestrator's own authority."""
        key, cert = self.near.path("web.key"), self.near.path("web.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=lab", "-keyout", key, "-out", cert], check=True, capture_output=True)
        os.chmod(key, 0o600)
        return {"tls_cert": cert, "tls_key": key}

    def link_images(self):
        if self.holds:
            super().link_images()
        else:
            os.makedirs(self.path("images"), exist_ok=True)

    def start_orchestrator(self):
        """It runs already, at the near site; here the agent is made known to it."""
        self.write("inventory.yaml", json.dumps({"sites": self.inventory()["sites"]}), 0o600)
        self.ctl("apply", "-f", self.path("inventory.yaml"))
        self.join()

    def join(self):
        self.write("join.secret", self.ctl("agent", "enroll", self.site_name).stdout.strip() + "\n", 0o600)
        self.write_agent()
        done = self.run(self.program("netboot-agent"), "enroll", "-c", self.path("agent.yaml"), "--secret-file",
                        self.path("join.secret"), self.orchestrator)
        assert done.returncode == 0, done.stdout + done.stderr

    def remove_network(self):
        if self.line:
            self.line.close()
        super().remove_network()

    def close(self):
        super().close()
        self.near.keep = self.keep
        self.near.close()
        self.complaints += self.near.complaints
