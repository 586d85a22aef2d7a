# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of BMCs rotated by the real orchestrator and agent against bmcsim. Whatever is killed, and at whatever step, one of
the stored passwords is the BMC's (ipmitool says so), and the next rotation leaves just that one."""
import base64
import ctypes
import json
import os
import signal
import subprocess

import pytest

import netlab
import whole_lab
from netlab import PATIENCE, until

SODIUM = ctypes.CDLL("libsodium.so.23")
APP, HANDSHAKE = 6 * 256, 65536
OPEN, RAKP1, RAKP3, LEVEL, CLOSE = HANDSHAKE + 16, HANDSHAKE + 18, HANDSHAKE + 20, APP + 0x3B, APP + 0x3C
ACCESS, NAME, PASSWORD, STATUS = APP + 0x44, APP + 0x46, APP + 0x47, 1
# Where a BMC is held: what, after how many of them, and whether it is carried out first.
STEPS = {
    "open": (OPEN, 0, 0), "rakp1": (RAKP1, 0, 0), "rakp3": (RAKP3, 0, 0), "level": (LEVEL, 0, 0),
    "access": (ACCESS, 0, 0), "name": (NAME, 1, 0), "set": (PASSWORD, 0, 0), "set-done": (PASSWORD, 0, 1),
    "test": (PASSWORD, 1, 0), "test-done": (PASSWORD, 1, 1), "close": (CLOSE, 0, 0), "close-done": (CLOSE, 0, 1),
    "open-new": (OPEN, 1, 0), "rakp1-new": (RAKP1, 1, 0), "rakp3-new": (RAKP3, 1, 0), "rakp3-new-done": (RAKP3, 1, 1),
    "level-new": (LEVEL, 1, 0), "status-new": (STATUS, 0, 0), "close-new": (CLOSE, 1, 0),
}
CHANGED = ["test", "test-done", "set-done", "close", "close-done", "open-new", "rakp1-new", "rakp3-new", "rakp3-new-done",
           "level-new", "status-new", "close-new"]


class Site(whole_lab.Site):
    def __init__(self, lan, hosts):
        super().__init__(lan, hosts=hosts)
        self.privileges = {n + 1: "administrator" for n in range(hosts)}
        self.secrets = {whole_lab.PASSWORD}

    def name(self, n):
        return f"edge{n:02d}"

    def numbers(self):
        return range(1, len(self.hosts) + 1)

    def show(self, n):
        return json.loads(self.bmc(f"show 127.0.0.1:{whole_lab.BMC_PORT + n - 1}"))

    def hold(self, n, step):
        what, skip, done = STEPS[step]
        for name, value in (("hold_skip", skip), ("hold_done", done), ("hold", what)):
            self.fault(n, name, value)

    def let_go(self, n=None):
        self.bmc("clear all" if n is None else f"clear 127.0.0.1:{whole_lab.BMC_PORT + n - 1}")

    def rotate(self, hosts="all", *more):
        done = self.ctl("bmc", "rotate", hosts, "--reason", "INC-9", "--yes", "--limit", "100", *more,
                        timeout=6 * PATIENCE)
        self.stored_all()
        assert not any(s in done.stdout + done.stderr for s in self.secrets)
        return done

    def rotate_behind(self, hosts="all"):
        return subprocess.Popen([whole_lab.program("netboot-ctl"), "--server", f"unix:{self.socket}", "bmc", "rotate", hosts,
                                 "--reason", "INC-9", "--yes", "--limit", "100"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def unseal(self, host, sealed):
        raw = base64.b64decode(sealed[3:])
        with open(self.path("o.key"), "rb") as f:
            key = f.read()
        out, context = ctypes.create_string_buffer(len(raw)), f"bmc/{host}".encode()
        n = ctypes.c_ulonglong()
        assert SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, ctypes.byref(n), None, raw[24:], ctypes.c_ulonglong(len(raw) - 24), context,
            ctypes.c_ulonglong(len(context)), raw[:24], key) == 0
        return out.raw[:n.value].decode()

    def stored_all(self):
        """{host: [password, next one where there is one]}"""
        rows = self.select("orch/o.db", "select host, password, password_next from bmc")
        stored = {host: [self.unseal(host, s) for s in both if s] for host, *both in rows}
        for both in stored.values():
            self.secrets.update(both)
        return stored

    def takes(self, n, password):
        """Does ipmitool open a session with it?"""
        r = self.ns.run("ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", str(whole_lab.BMC_PORT + n - 1), "-U",
                        whole_lab.USER, "-E", "-C", "17", "-L", "OPERATOR", "chassis", "power", "status", check=False,
                        env=dict(os.environ, IPMI_PASSWORD=password))
        return r.returncode == 0

    def works_with(self, n, passwords):
        found = [p for p in passwords if self.takes(n, p)]
        assert len(found) == 1, (self.name(n), len(passwords), len(found))
        return found[0]

    def nothing_told(self):
        """Nothing secret in logs, in clear in the databases, in argv or in the environment of any process."""
        texts = {name: self.read(f"{name}.log").encode() for name in ("agent", "orchestrator")}
        for folder in ("orch", "agent"):
            for name in os.listdir(self.path(folder)):
                if os.path.isfile(self.path(folder, name)):
                    with open(self.path(folder, name), "rb") as f:
                        texts[f"{folder}/{name}"] = f.read()
        for name in ("agent", "orchestrator"):
            for part in ("cmdline", "environ"):
                with open(f"/proc/{self.procs[name].pid}/{part}", "rb") as f:
                    texts[f"{name} {part}"] = f.read()
        texts["events"] = json.dumps(self.events()).encode()
        texts["export"] = self.ctl("export").stdout.encode()
        for name, text in texts.items():
            for secret in self.secrets:
                assert secret.encode() not in text, f"{name} has a password"

    def kill(self, name):
        self.end(name, signal.SIGKILL)

    def start_again(self, name):
        if name == "agent":
            before = self.read("agent.log").count("in force")
            self.start_agent()
            until(lambda: self.read("agent.log").count("in force") > before, "the agent")
        else:
            self.start_orchestrator()

    def all_settled(self):
        """Rotates until every host has one password, and returns how often that took."""
        for turn in range(1, 5):
            r = self.rotate()
            if r.returncode == 0:
                break
        assert r.returncode == 0, r.stdout + r.stderr
        return turn


@pytest.fixture(scope="module")
def lan():
    lan = netlab.Lan()
    try:
        yield lan
    finally:
        lan.close()


@pytest.fixture
def site(lan, request):
    s = Site(lan, hosts=getattr(request, "param", 1))
    try:
        yield s.start()
    finally:
        s.close()


@pytest.mark.parametrize("site", [3], indirect=True)
def test_rotation(site):
    old = site.stored_all()
    r = site.rotate()
    assert (r.returncode, sorted(r.stdout.splitlines())) == (0, [f"edge0{n}: rotated" for n in (1, 2, 3)]), r.stderr
    now = site.stored_all()
    for n in site.numbers():
        (new,) = now[site.name(n)]
        assert len(new) == 20 and new not in old[site.name(n)]
        assert site.takes(n, new) and not site.takes(n, whole_lab.PASSWORD)
    assert len({p for (p,) in now.values()}) == 3
    assert site.ctl("power", "status", "all").returncode == 0
    assert site.json("host", "show", "edge01")["bmc"].get("rotation_since") is None
    rows = site.select("orch/o.db", "select what, result, reason from audit where object = 'edge01' and what like 'bmc%'")
    assert rows == [("bmc.rotate", "ok", "INC-9"), ("bmc.rotated", "ok", "INC-9")]
    # Jobs go on with it.
    assert site.ctl("power", "on", "edge01", "--reason", "INC-1", "--yes", "--wait").returncode == 0
    site.nothing_told()


@pytest.mark.parametrize("victim", ["agent", "orchestrator", "both", "bmc", "answer"])
@pytest.mark.parametrize("site", [len(STEPS)], indirect=True)
def test_killed_at_every_step(site, victim):
    for n, step in zip(site.numbers(), STEPS):
        site.hold(n, step)
    held = dict.fromkeys(site.numbers(), False)
    behind = site.rotate_behind()
    try:
        until(lambda: all(site.show(n)["held"] for n in held), "all BMCs to be at their steps", timeout=2 * PATIENCE)
        site.nothing_told()
        victims = {"agent": ["agent"], "orchestrator": ["orchestrator"], "both": ["agent", "orchestrator"]}.get(victim, [])
        for name in victims:
            site.kill(name)
        if victim == "bmc":
            site.bmc("fault all reboot_ms 300")
            site.bmc("fault all reboot 1")
        stored = site.stored_all()
        for n, step in zip(site.numbers(), STEPS):  # a session that does not close may be given up by now
            assert len(stored[site.name(n)]) == 2 or step == "close-new", step
        site.bmc("fault all dead 0")
        if victim in ("agent", "both"):  # nobody changes anything now
            for n, step in zip(site.numbers(), STEPS):
                both = stored[site.name(n)]
                assert site.works_with(n, both) == (both[-1] if step in CHANGED else both[0]), step
        for name in reversed(victims):
            site.start_again(name)
        if not victims:  # the agent gets over it by itself
            assert behind.wait(timeout=4 * PATIENCE) == 0
        else:
            # An agent that lives is still at it.
            until(lambda: "rotation-running" not in site.rotate().stdout, "the earlier rotation's end",
                  timeout=4 * PATIENCE)
            behind.kill()
            assert site.all_settled() <= 2
        now = site.stored_all()
        for n in site.numbers():
            assert len(now[site.name(n)]) == 1
            site.works_with(n, now[site.name(n)])
        r = site.ctl("power", "status", "all")
        assert r.returncode == 0, r.stdout
        site.nothing_told()
    finally:
        behind.kill()
        behind.wait()


def test_orchestrator_killed_before_and_after(site):
    # Stored, and nobody told: the agent is stopped.
    site.procs["agent"].send_signal(signal.SIGSTOP)
    behind = site.rotate_behind()
    try:
        until(lambda: len(site.stored_all()["edge01"]) == 2, "the new password to be stored")
        site.kill("orchestrator")
    finally:
        behind.kill()
        behind.wait()
        site.procs["agent"].send_signal(signal.SIGCONT)
    site.start_again("orchestrator")
    old, new = site.stored_all()["edge01"]
    assert site.works_with(1, [old, new]) == old
    # Nothing else asks that BMC meanwhile.
    until(lambda: "rotation-open" in site.ctl("power", "status", "edge01").stdout, "the agent")
    opens = site.show(1)["opens"]
    site.refused(site.ctl("power", "on", "edge01", "--reason", "x", "--yes"), 3, "edge01", "rotation-open")
    assert site.json("host", "show", "edge01")["bmc"]["rotation_since"]
    assert site.show(1)["opens"] == opens
    assert site.rotate().returncode == 0
    assert site.stored_all()["edge01"] == [new] and site.takes(1, new)
    # Proven, and not stored: the orchestrator does not read the answer.
    site.hold(1, "close-new")
    behind = site.rotate_behind()
    try:
        until(lambda: site.show(1)["held"] == 1, "the last step")
        site.procs["orchestrator"].send_signal(signal.SIGSTOP)
        closed = site.show(1)["closed"]
        site.let_go()
        until(lambda: site.show(1)["closed"] > closed, "the agent to be done")
        site.kill("orchestrator")
    finally:
        behind.kill()
        behind.wait()
    old, new = site.stored_all()["edge01"]
    assert site.works_with(1, [old, new]) == new
    site.start_again("orchestrator")
    assert site.rotate().returncode == 0
    assert site.stored_all()["edge01"] == [new]
    site.nothing_told()


@pytest.mark.parametrize("fault, code", [("no_password20", "bmc-password-refused"), ("cut_password", "bmc-password-short"),
                                         ("keep_password", "bmc-password-short")])
def test_bmc_that_cannot(site, fault, code):
    site.fault(1, fault, 1)
    r = site.rotate()
    assert r.returncode == 2 and f"failed ({code}); the old password holds" in r.stdout, r.stdout + r.stderr
    assert site.stored_all()["edge01"] == [whole_lab.PASSWORD]
    assert site.takes(1, whole_lab.PASSWORD)
    assert site.ctl("power", "status", "edge01").returncode == 0


def test_cut_and_killed(site):
    """The BMC has the first 16 octets of a password that nobody has stored as they are."""
    site.fault(1, "cut_password", 1)
    site.hold(1, "test")
    behind = site.rotate_behind()
    try:
        until(lambda: site.show(1)["held"] == 1, "the step")
        site.kill("agent")
        site.fault(1, "dead", 0)
        site.start_again("agent")
    finally:
        behind.kill()
        behind.wait()
    old, new = site.stored_all()["edge01"]
    assert site.works_with(1, [old, new, new[:16]]) == new[:16]
    said = []
    while len(said) < 4 and len(site.stored_all()["edge01"]) == 2:
        said.append(site.rotate().stdout)
    assert "bmc-password-short); the new password is stored" in said[-1], said
    assert site.stored_all()["edge01"] == [new[:16]]
    assert site.ctl("power", "status", "edge01").returncode == 0


def test_who_may_not(site):
    # An operator.
    site.bmc(f"user 127.0.0.1:{whole_lab.BMC_PORT} 2 {whole_lab.USER} {whole_lab.PASSWORD} operator")
    r = site.rotate()
    assert r.returncode == 2 and "bmc-privilege" in r.stdout and "administrator" in r.stderr, r.stdout + r.stderr
    assert site.stored_all()["edge01"] == [whole_lab.PASSWORD]
    # A BMC that is away is told no new password, and nothing stays open.
    site.fault(1, "dead", 1)
    r = site.rotate()
    assert r.returncode == 2 and "the old password holds" in r.stdout, r.stdout + r.stderr
    site.let_go()
    site.bmc(f"user 127.0.0.1:{whole_lab.BMC_PORT} 2 {whole_lab.USER} {whole_lab.PASSWORD} administrator")
    # A locked host, and one with a job.
    assert site.ctl("host", "lock", "edge01", "--reason", "mine").returncode == 0
    assert "host-locked" in site.rotate().stdout
    assert site.ctl("host", "unlock", "edge01").returncode == 0
    assert site.reinstall("edge01").returncode == 0
    assert "host-busy" in site.rotate().stdout
    assert site.stored_all()["edge01"] == [whole_lab.PASSWORD]
    job = site.json("job", "list")["items"][0]["id"]
    assert site.ctl("job", "cancel", job).returncode == 0
    until(lambda: site.job(job)["ended"], "the job's end")
    # Without a yes, or a reason.
    done = site.ctl("bmc", "rotate", "edge01", "--reason", "x")
    assert done.returncode == 3 and "--yes" in done.stderr
    assert site.ctl("bmc", "rotate", "edge01", "--yes").returncode == 1
    assert site.rotate().returncode == 0


def test_identity_stands_still_and_a_given_password_is_a_candidate(site):
    site.hold(1, "set")
    behind = site.rotate_behind()
    try:
        until(lambda: site.show(1)["held"] == 1, "the step")
        site.kill("agent")
        site.let_go()
        r = site.ctl("host", "set", "edge01", "--bmc-user", "other")
        assert r.returncode != 0 and "rotation-open" in r.stderr
        # Somebody sets another one on the BMC, and says so.
        site.bmc(f"user 127.0.0.1:{whole_lab.BMC_PORT} 2 {whole_lab.USER} byhand-1 administrator")
        site.secrets.add("byhand-1")
        done = site.ctl("host", "set", "edge01", "--bmc-password-file", "-", stdin="byhand-1\n")
        assert done.returncode == 0, done.stderr
        assert len(site.stored_all()["edge01"]) == 2
        site.start_again("agent")
    finally:
        behind.kill()
        behind.wait()
    assert site.rotate().returncode == 0
    (new,) = site.stored_all()["edge01"]
    assert len(new) == 20 and site.takes(1, new)
    site.nothing_told()


def test_other_key_file(site):
    """Neither an empty password nor K_g is sent when they do not open."""
    opens = site.show(1)["opens"]
    site.end("orchestrator")
    os.rename(site.path("o.key"), site.path("o.key.right"))
    site.write("o.key", os.urandom(32))
    site.start_again("orchestrator")
    r = site.ctl("power", "status", "edge01")
    until(lambda: "bmc-password-sealed" in site.ctl("power", "status", "edge01").stdout, "the agent")
    assert "bmc-password-sealed" in site.ctl("bmc", "rotate", "edge01", "--reason", "x", "--yes").stdout, r.stdout
    site.refused(site.ctl("power", "on", "edge01", "--reason", "x", "--yes"), 3, "edge01", "bmc-password-sealed")
    assert site.show(1)["opens"] == opens
    site.end("orchestrator")
    os.rename(site.path("o.key.right"), site.path("o.key"))
    site.start_again("orchestrator")
    assert site.stored_all()["edge01"] == [whole_lab.PASSWORD]


def test_kg_and_cipher_rules(site):
    kg = "00ff102030405060708090a0b0c0d0e0f0112233"
    site.secrets.add(kg)
    port = str(whole_lab.BMC_PORT)
    # As docs/bmc.md has it.
    site.ns.run("ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", port, "-U", whole_lab.USER, "-E", "-C", "17", "raw", "0x06",
                "0x56", "0x01", "0x01", "0x01", *[f"0x{kg[i:i + 2]}" for i in range(0, 40, 2)],
                env=dict(os.environ, IPMI_PASSWORD=whole_lab.PASSWORD))
    r = site.ctl("power", "status", "edge01")
    assert "bmc-auth" in r.stdout and "K_g" in r.stderr, r.stdout + r.stderr
    done = site.ctl("host", "set", "edge01", "--bmc-kg-file", "-", stdin=kg + "\n")
    assert done.returncode == 0, done.stderr
    assert site.ctl("power", "status", "edge01").returncode == 0
    assert site.ctl("power", "on", "edge01", "--reason", "x", "--yes", "--wait").returncode == 0
    shown = site.json("host", "show", "edge01")
    assert shown["bmc"]["kg_set"] is True and kg not in json.dumps(shown)
    assert "kg: set (host)" in site.ctl("bmc", "show", "edge01", "--blame").stdout
    assert "kg" not in site.ctl("export").stdout
    assert site.rotate().returncode == 0  # K_g is none of its business
    # Suite 17 alone: by the site, and not for a host that is excepted.
    assert "require_cipher: 0 (default)" in site.ctl("bmc", "show", "edge01", "--blame").stdout
    site.fault(1, "suites", 1)
    assert site.ctl("power", "status", "edge01").returncode == 0
    assert site.ctl("site", "set", "local", "--require-cipher", "17").returncode == 0
    r = site.ctl("power", "status", "edge01")
    assert "bmc-cipher" in r.stdout, r.stdout
    assert "require_cipher: 17 (site)" in site.ctl("bmc", "show", "edge01", "--blame").stdout
    r = site.ctl("power", "off", "edge01", "--reason", "x", "--yes", "--wait")
    assert r.returncode == 3 and "bmc-cipher" in r.stderr + r.stdout, r.stdout + r.stderr
    assert site.ctl("host", "set", "edge01", "--bmc-require-cipher", "0").returncode == 0
    assert site.ctl("power", "status", "edge01").returncode == 0
    assert site.ctl("host", "set", "edge01", "--bmc-require-cipher", "17").returncode == 0
    assert "bmc-cipher" in site.ctl("power", "status", "edge01").stdout
    site.let_go()
    assert site.ctl("power", "status", "edge01").returncode == 0
    assert "require_cipher: 17" in site.ctl("export").stdout
    assert site.ctl("host", "set", "edge01", "--no-bmc-kg").returncode == 0
    assert "bmc-auth" in site.ctl("power", "status", "edge01").stdout
    site.nothing_told()
