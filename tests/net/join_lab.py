# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents from afar, as a test plays them: keys and certificates by openssl, requests by Python's own TLS.

w = FarWeb(dir)                     an orchestrator with TLS; w.far(site) joins: Far
f = w.far("kla"); f.poll() · f.post(path, body) -> Answer; f.credentials = another's; f.tls(…)
w.forge("kla", …) -> (key, cert)    a certificate of the orchestrator's authority that it never gave"""
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

from netlab import PATIENCE
from orch_lab import Answer, make_id
from test_web import Pki, Web

HOST = "orchestrator.netboot.internal"


def openssl(*args, stdin=None):
    done = subprocess.run(["openssl", *args], input=stdin, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def forge(beside, folder, site, begins, ends):
    """Paths of a key and a certificate by the authority whose files are beside that one, from and to that many days from now."""
    base = os.path.join(folder, "forge-" + os.urandom(4).hex())
    authority = os.path.join(os.path.dirname(beside), "authority")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN=site {site}",
            "-keyout", base + ".key", "-out", base + ".csr")
    with open(base + ".db", "w"), open(base + ".cnf", "w") as f:
        f.write(f"[ca]\ndefault_ca=a\n[a]\ndatabase={base}.db\nnew_certs_dir={folder}\nrand_serial=yes\ndefault_md=sha256\n"
                f"policy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=URI:netboot://site/{site}\n"
                "extendedKeyUsage=clientAuth\nbasicConstraints=critical,CA:FALSE\n")
    at = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * d)) for d in (begins, ends)]
    openssl("ca", "-batch", "-notext", "-config", base + ".cnf", "-cert", authority + ".pem", "-keyfile", authority + ".key",
            "-in", base + ".csr", "-out", base + ".pem", "-startdate", at[0], "-enddate", at[1])
    os.chmod(base + ".key", 0o600)
    return base + ".key", base + ".pem"


class OwnPki:
    """What people trust where no certificate of theirs is configured."""

    def __init__(self, folder):
        self.ca = os.path.join(str(folder), "authority.pem")


class FarWeb(Web):
    """own: it has no web.tls_cert, and shows everybody certificates of its own authority."""

    def __init__(self, folder, own=False, **kw):
        pki = Pki(folder)
        if not own:
            pki.issue()
        super().__init__(folder, pki=None if own else pki, **kw)
        if own:
            self.pki = OwnPki(folder)

    @property
    def authority(self):
        return self.path("authority.pem")

    def secret(self, site, **more):
        answer = self.post(f"/agents/{site}/enroll", more)
        assert answer.status == 201, answer.json
        return answer.json["secret"]

    def far(self, site, **more):
        f = Far(self, site)
        answer = f.join(self.secret(site, **more))
        assert answer.status == 200, answer.json
        return f

    def forge(self, site, days=30, begins="-1", ca=None, key=None, usage="clientAuth"):
        """Paths of a key and a certificate by our authority, or another one."""
        ca, key = ca or self.authority, key or self.path("authority.key")
        name = self.path(f"forged-{make_id(len(os.listdir(self.dir)))}")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN=site {site}",
                "-keyout", name + ".key", "-out", name + ".csr")
        with open(name + ".ext", "w") as f:
            f.write(f"subjectAltName=URI:netboot://site/{site}\nextendedKeyUsage={usage}\nbasicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", ca, "-CAkey", key, "-days", str(days),
                "-set_serial", "0x" + os.urandom(15).hex() + "01", "-extfile", name + ".ext", "-out", name + ".pem")
        return name + ".key", name + ".pem"


class Far:
    """One site's agent."""

    def __init__(self, web, site):
        self.web, self.site, self.id = web, site, make_id(hash(site) % 1000)
        self.credentials = None  # (key, certificate), paths
        self.conn = None

    def csr(self):
        base = self.web.path(f"far-{self.site}-{os.urandom(4).hex()}")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={self.site}",
                "-keyout", base + ".key", "-out", base + ".csr")
        with open(base + ".csr") as f:
            return base, f.read()

    def take(self, base, answer):
        if answer.status == 200:
            with open(base + ".pem", "w") as f:
                f.write(answer.json["certificate"])
            self.credentials = (base + ".key", base + ".pem")
        return answer

    def join(self, secret, site=None, **more):
        base, csr = self.csr()
        return self.take(base, self.post("/agent/v1/enroll", {"v": 1, "site": site or self.site, "secret": secret, "csr": csr, **more}))

    def renew(self, **more):
        base, csr = self.csr()
        return self.take(base, self.post("/agent/v1/renew", {"v": 1, "csr": csr, **more}))

    def context(self, credentials=True):
        c = ssl.create_default_context(cafile=self.web.authority)
        if credentials and self.credentials:
            c.load_cert_chain(self.credentials[1], self.credentials[0])
        return c

    def connect(self, timeout=PATIENCE, context=None, name=HOST):
        s = socket.create_connection(("127.0.0.1", self.web.port), timeout)
        return (context or self.context()).wrap_socket(s, server_hostname=name)

    def connection(self, timeout=PATIENCE, **kw):
        c = http.client.HTTPSConnection(HOST, self.web.port, timeout=timeout)
        c.sock = self.connect(timeout, **kw)
        return c

    def request(self, method, path, body=None, conn=None, host=None, **kw):
        c = conn or self.connection(**kw)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None, {"Host": host or f"{HOST}:{self.web.port}"})
            r = c.getresponse()
            return Answer(r.status, r.read(), r.headers)
        finally:
            if not conn:
                c.close()

    def post(self, path, body, **kw):
        return self.request("POST", path, body, **kw)

    def poll(self, wait_s=0, site=None, table=0, **kw):
        return self.post("/agent/v1/poll", {"v": 1, "site": site or self.site, "agent": self.id, "table": table,
                                            "wait_s": wait_s}, **kw)
