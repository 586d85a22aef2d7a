# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders keys in OpenSSL's hands (docs/protocol.md, "Signed orders"), and the stand-in orchestrator of agent_lab with one.

key = Key(folder)              a new one, or of the seed that is given; key.sign(text) · key.verifies(text, signature)
signing = pin(site, folder)    before the agent starts: it has the key pinned, and its orchestrator signs; signing.how says how"""
import base64
import json
import os
import subprocess
import tempfile

from agent_lab import make_id

SEED_DER = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410 7: PKCS#8 of an Ed25519 seed
PUBLIC_DER = bytes.fromhex("302a300506032b6570032100")


class Key:
    """An orders key in OpenSSL's hands."""

    def __init__(self, folder, seed=None):
        self.dir = tempfile.mkdtemp(dir=folder)
        with open(self.path("key.der"), "wb") as f:
            f.write(SEED_DER + (seed or os.urandom(32)))
        public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", self.path("key.der"), "-pubout", "-outform", "DER"],
                                check=True, capture_output=True).stdout
        assert public.startswith(PUBLIC_DER)
        self.public = base64.b64encode(public[len(PUBLIC_DER):]).decode()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def sign(self, text):
        subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", self.path("key.der"), "-in",
                        self.write("text", text.encode()), "-out", self.path("sig")], check=True)
        with open(self.path("sig"), "rb") as f:
            return base64.b64encode(f.read()).decode()

    def verifies(self, text, signature):
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-keyform", "DER", "-inkey", self.path("key.der"), "-in",
                               self.write("text", text.encode()), "-sigfile", self.write("sig", base64.b64decode(signature))],
                              capture_output=True).returncode == 0


class Signing:
    """The stand-in orchestrator of agent_lab with a key of its own."""

    def __init__(self, orch, key):
        self.orch, self.key, self.plain = orch, key, orch.poll
        self.how, self.polls, self.last = "signed", [], {}
        orch.poll = self.poll

    def order(self, order, doc):
        if self.how == "unsigned":
            return order
        if self.how == "replayed" and self.last:
            return self.last
        nonce = "another" if self.how == "stale" else doc["nonce"]
        agent = make_id(5) if self.how == "elsewhere" else doc["agent"]
        text = json.dumps({**order, "site": doc["site"], "agent": agent, "nonce": nonce})
        self.last = {"t": order["t"], "signed": text, "key": "0" * 16, "sig": self.key.sign(text)}
        return self.last if self.how != "altered" else {**self.last, "signed": text.replace("tester", "nobody")}

    def poll(self, doc):
        self.polls.append(doc)
        answer = self.plain(doc)
        return {**answer, "orders": [self.order(o, doc) for o in answer["orders"]]}


def pin(site, folder):
    key = Key(folder)
    os.makedirs(site.path("agent", "agent-tls"), exist_ok=True)
    with open(site.path("agent", "agent-tls", "orders.pub"), "w") as f:
        f.write(key.public + "\n")
    return Signing(site.orch, key)
