# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the BMCs of a fleet, from netboot-ctl to bmcsim: every host exactly once, whatever fails, and
nobody waits for the dead."""
import json
import re
import signal
import socket
import subprocess
import time

import pytest

import bmclab
import netlab
import whole_lab
from netlab import PATIENCE, until

N = 1200
PORT = 9623


class Fleet(whole_lab.Site):
    """A site whose hosts have only a BMC: h0001.los … at 127.77.0.1 and on."""

    def __init__(self, lan, hosts=N):
        super().__init__(lan, hosts=0)
        self.n = hosts
        self.hosts = [self.machine(i) for i in range(1, hosts + 1)]

    def agent_config(self, deadlines):
        return super().agent_config(deadlines) | {"bmc": {"give_up_after": "10s"}}  # of the dead ones there are here

    def address(self, i):
        return f"127.77.{i // 256}.{i % 256}"

    def name(self, i):
        return f"h{i:04d}.los"

    def machine(self, i):
        return {"name": self.name(i), "site": "local", "labels": {"half": str(i % 2)},
                "bmc": {"address": self.address(i), "port": PORT, "user": whole_lab.USER,
                        "password_file": self.path("password")}}

    def start_bmcs(self):
        self.write("bmcsim.conf", (f"127.77.0.1+{self.n}:{PORT} {whole_lab.USER} {whole_lab.PASSWORD} "
                                   "administrator\n").encode())
        self.spawn("bmcsim", whole_lab.program("tests/fake/bmcsim"), "-c", self.path("bmcsim.conf"), "-s",
                   self.path("bmcsim.sock"))
        until(lambda: "ready" in self.read("bmcsim.log"), what="bmcsim")
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(self.path("bmcsim.sock"))
        self.answers = self.control.makefile("r")

    def bmc(self, line):
        self.control.sendall(line.encode() + b"\n")
        answer = self.answers.readline().strip()
        assert answer and not answer.startswith("error"), (line, answer)
        return answer

    def fault(self, i, **faults):
        who = "all" if i == "all" else f"{self.address(i)}:{PORT}"
        for name, value in faults.items():
            self.bmc(f"fault {who} {name} {value}")

    def show(self, i):
        return json.loads(self.bmc(f"show {self.address(i)}:{PORT}"))

    def lines(self, *words, status=0):
        """What a verb said, as {host: text}; every host of `all` exactly once."""
        r = self.ctl(*words)
        assert r.returncode == status, (r.returncode, r.stdout[-500:], r.stderr[-500:])
        pairs = [line.split(": ", 1) for line in r.stdout.splitlines()]
        assert len({h for h, _ in pairs}) == len(pairs)
        return dict(pairs)

    def all_names(self):
        return {self.name(i) for i in range(1, self.n + 1)}


@pytest.fixture(scope="module")
def fleet():
    lan = netlab.Lan()
    f = Fleet(lan)
    try:
        f.start()
        yield f
    finally:
        f.close()
        lan.close()


@pytest.fixture(autouse=True)
def no_faults(request):
    yield
    if "fleet" in request.fixturenames:
        f = request.getfixturevalue("fleet")
        f.bmc("fault all dead 0")


def test_power_of_a_fleet(fleet):
    fleet.bmc("power all on")
    fleet.bmc(f"power {fleet.address(7)}:{PORT} off")
    said = fleet.lines("power", "status", "all")
    assert set(said) == fleet.all_names()
    assert said.pop("h0007.los") == "off"
    assert set(said.values()) == {"on"}
    r = fleet.ctl("power", "status", "all", "--collate")
    assert r.stdout.splitlines() == ["h[0001-0006,0008-1200].los: on", "h0007.los: off"]


def test_formats(fleet):
    fleet.bmc("power all on")
    r = fleet.ctl("-o", "json", "power", "status", "h[0001-0003].los")
    items = json.loads(r.stdout)["items"]
    assert sorted(i["host"] for i in items) == ["h0001.los", "h0002.los", "h0003.los"]
    assert items[0] == {"host": items[0]["host"], "power": "on", "why": "", "code": ""}
    r = fleet.ctl("-o", "ndjson", "power", "status", "h[0001-0003].los")
    assert {json.loads(line)["power"] for line in r.stdout.splitlines()} == {"on"}


def timed(fleet, *words):
    """The lines, each with when it came, and the status."""
    began = time.monotonic()
    p = fleet.ns.popen(whole_lab.program("netboot-ctl"), "--server", f"unix:{fleet.socket}", *words,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [(time.monotonic() - began, line.strip()) for line in p.stdout]
    return lines, p.wait(PATIENCE)


def test_the_dead_delay_nobody(fleet):
    fleet.bmc("power all on")
    before, status = timed(fleet, "power", "status", "all")
    assert status == 0 and len(before) == N
    dead = {fleet.name(i) for i in range(50, N + 1, 100)}
    for i in range(50, N + 1, 100):
        fleet.fault(i, dead=1)
    after, status = timed(fleet, "power", "status", "all")
    assert status == 2 and len(after) == N
    said = dict(line.split(": ", 1) for _, line in after)
    assert set(said) == fleet.all_names()
    assert {h for h, text in said.items() if text == "unknown (bmc-unreachable)"} == dead
    live = max(at for at, line in after if line.endswith(": on"))
    assert live < max(3 * before[-1][0], 2), (live, before[-1][0])
    assert after[-1][0] > live


# More than there are places for those who answer, and all before the live ones.
def test_half_a_fleet_of_dead_delays_nobody(fleet):
    fleet.bmc("power all on")
    before, _ = timed(fleet, "power", "status", "h[0801-1200].los")
    for i in range(1, 801):
        fleet.fault(i, dead=1)
    after, status = timed(fleet, "power", "status", "all")
    assert status == 2 and len(after) == N
    live = max(at for at, line in after if line.endswith(": on"))
    assert sum(line.endswith(": on") for _, line in after) == 400
    assert live < max(4 * before[-1][0], 3), (live, before[-1][0])


def test_one_that_reads_slowly_or_goes_away_holds_up_nobody(fleet):
    fleet.bmc("power all on")
    body = json.dumps({"hosts": "all"}).encode()
    head = b"POST /api/v1/bmc/power-status HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    idle = socket.socket(socket.AF_UNIX)
    idle.connect(fleet.socket)
    idle.sendall(head + body)
    gone = socket.socket(socket.AF_UNIX)
    gone.connect(fleet.socket)
    gone.sendall(head + body)
    gone.close()
    assert set(fleet.lines("power", "status", "all").values()) == {"on"}
    idle.close()
    assert set(fleet.lines("power", "status", "h[0001-0002].los").values()) == {"on"}


def test_a_host_without_a_bmc_an_unknown_host(fleet):
    assert fleet.ctl("host", "add", "bare.los", "--site", "local").returncode == 0
    try:
        said = fleet.lines("power", "status", "bare.los,h0001.los", status=2)
        assert said["bare.los"] == "unknown (no-bmc)" and said["h0001.los"] in ("on", "off")
    finally:
        assert fleet.ctl("host", "rm", "bare.los").returncode == 0
    r = fleet.ctl("power", "status", "nobody.los")
    assert r.returncode == 1 and "host-unknown" in r.stderr


def test_probe_show_blame(fleet):
    one = "h0001.los"
    assert fleet.lines("bmc", "show", one) == {one: "not probed"}
    fleet.fault(1, drop_efi_read=1)
    try:
        r = fleet.ctl("bmc", "probe", one)
    finally:
        fleet.fault(1, drop_efi_read=0)
    assert r.returncode == 0, r.stderr
    for words in ("cipher suites: 3,17", "flags read back EFI: no", "verify: device (learned)"):
        assert f"{one}: {words}" in r.stdout.splitlines(), r.stdout
    # It is kept, and goes down to the agent with everything that is asked of this BMC.
    shown = fleet.ctl("bmc", "show", one, "--blame").stdout.splitlines()
    assert f"{one}: verify: device (learned)" in shown and f"{one}: parameter_3: 08 (default)" in shown, shown
    data = fleet.json("bmc", "show", one)["items"][0]["data"]
    assert data["learned"]["flags_read_back"]["raw"] and data["learned"]["device"]["by"] == "Get Device ID"
    r = fleet.ctl("host", "set", one, "--bmc-manners", "verify=full", "--bmc-manners", "variants=bare,once",
                  "--bmc-manners", "parameter_3=1f", "--bmc-manners", "command_gap_ms=5")
    assert r.returncode == 0, r.stderr
    shown = fleet.ctl("bmc", "show", one).stdout.splitlines()
    for words in ("verify: full", "variants: bare,once", "parameter_3: 1f", "command_gap_ms: 5"):
        assert f"{one}: {words} (host)" in shown, shown
    # What is exported applies as it is.
    exported = fleet.ctl("export").stdout
    fleet.write("exported.yaml", exported.encode())
    r = fleet.ctl("apply", "-f", fleet.path("exported.yaml"), "--dry-run")
    assert r.returncode == 0 and "change" not in r.stdout.replace("changes", ""), (r.stdout, r.stderr)
    assert fleet.ctl("host", "set", one, "--bmc-manners", "parameter_3=08h").returncode == 0
    r = fleet.ctl("bmc", "show", one)
    assert r.returncode == 2 and "bmc-manners" in r.stderr
    r = fleet.ctl("host", "set", one, *[w for k in ("verify", "variants", "parameter_3", "command_gap_ms")
                                        for w in ("--bmc-manners", f"{k}=")])
    assert r.returncode == 0 and fleet.json("host", "show", one)["bmc"].get("manners") is None
    # Another BMC in its place is another one.
    assert fleet.ctl("host", "set", one, "--bmc", f"127.78.0.1:{PORT}").returncode == 0
    assert fleet.lines("bmc", "show", one) == {one: "not probed"}
    assert fleet.ctl("host", "set", one, "--bmc", f"{fleet.address(1)}:{PORT}").returncode == 0


def test_wrong_states_are_learned(fleet):
    """A probe sends no power order; what earlier ones were answered is known."""
    one = "h0007.los"
    assert fleet.ctl("host", "set", one, "--bmc-manners", "cycle_when_off=cycle").returncode == 0
    assert fleet.ctl("power", "off", one, "--yes", "--reason", "INC-1", "--wait").returncode == 0
    fleet.fault(7, d5=1)
    try:
        assert "bmc-refused" in fleet.ctl("power", "cycle", one, "--yes", "--reason", "INC-1", "--wait").stdout
    finally:
        fleet.fault(7, d5=0)
    assert fleet.ctl("bmc", "probe", one).returncode == 0
    learned = fleet.json("bmc", "show", one)["items"][0]["data"]["learned"]
    assert learned["wrong_state"]["controls"] == ["cycle"] and learned["pace"]["busy"] == 0, learned
    # It is known after a restart of the agent, too.
    fleet.end("agent")
    fleet.start_agent()
    assert fleet.ctl("bmc", "probe", one).returncode == 0
    assert fleet.json("bmc", "show", one)["items"][0]["data"]["learned"]["wrong_state"]["controls"] == ["cycle"]
    assert fleet.ctl("host", "set", one, "--bmc-manners", "cycle_when_off=").returncode == 0


def test_probe_of_all(fleet):
    r = fleet.ctl("-o", "ndjson", "bmc", "probe", "all", "--only-read", timeout=120)
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    assert r.returncode == 0, [row for row in rows if row["code"]]
    assert {row["host"] for row in rows} == fleet.all_names() and len(rows) == N
    assert len(fleet.select("orch/o.db", "select host from bmc_learned")) == N


def test_identify_sensors_sel(fleet):
    pair = "h[0003-0004].los"
    assert set(fleet.lines("identify", pair, "--for", "30s").values()) == {"on for 30s"}
    assert set(fleet.lines("identify", pair, "--on").values()) == {"on"}
    assert set(fleet.lines("identify", pair, "--off").values()) == {"off"}
    assert fleet.ctl("identify", pair, "--for", "5m").returncode == 1
    audit = fleet.select("orch/o.db", "select what, object, result from audit where what like 'bmc.%'")
    assert audit.count(("bmc.identify", "h0003.los", "ok")) == 3
    fleet.bmc("power all on")
    out = fleet.ctl("sensors", "h0003.los").stdout.splitlines()
    assert "h0003.los: CPU Temp: 45 degrees C (ok)" in out and len(out) == 6, out
    assert any("P12V: 12.06 Volts (ok)" in line for line in out), out
    out = fleet.ctl("sensors", pair, "--collate").stdout.splitlines()
    assert out[0] == "h[0003-0004].los:" and "  CPU Temp: 45 degrees C (ok)" in out
    assert set(fleet.lines("sel", pair).values()) == {"empty"}


def test_what_could_harm_is_asked_for(fleet):
    for words in (["bmc", "reset"], ["sel", "--clear"]):
        r = fleet.ctl(*words, "h0005.los", "--yes")
        assert (r.returncode, "reason-missing" in r.stderr) == (1, True), r
        r = fleet.ctl(*words, "h0005.los", "--reason", "INC-1")
        assert r.returncode == 3 and "--yes" in r.stderr, r
        r = fleet.ctl(*words, "h[0001-0030].los", "--reason", "INC-1", "--yes")
        assert r.returncode == 3 and "too-many-hosts" in r.stderr, r
    assert set(fleet.lines("sel", "h[0005-0006].los", "--clear", "--yes", "--reason", "INC-2").values()) == {
        "cleared (0 entries)"}
    assert fleet.ctl("host", "lock", "h0006.los", "--reason", "mine").returncode == 0
    fleet.fault(5, reboot_ms=7000)
    assert fleet.lines("bmc", "reset", "h0005.los", "--yes", "--reason", "INC-3", status=2) == {
        "h0005.los": "failed (bmc-privilege)"}
    assert fleet.ctl("host", "set", "h0005.los", "--bmc-privilege", "administrator").returncode == 0
    try:
        said = fleet.lines("bmc", "reset", "h[0005-0006].los", "--yes", "--reason", "INC-3", status=2)
        assert said["h0006.los"] == "failed (host-locked)"
        assert said["h0005.los"].startswith("answers again after ") and "never seen away" not in said["h0005.los"], said
    finally:
        fleet.ctl("host", "unlock", "h0006.los")
        fleet.fault(5, reboot_ms=0)
    audit = fleet.select("orch/o.db", "select what, object, reason, result from audit where what = 'bmc.reset'")
    assert ("bmc.reset", "h0005.los", "INC-3", "ok") in audit
    assert [row[3] for row in audit if row[1] == "h0006.los"] == ["host-locked"]
    assert any(row[3] == "too-many-hosts" for row in audit)


def test_audit(fleet):
    fleet.fault(8, weak=1)
    try:
        out = fleet.ctl("bmc", "audit", "h[0007-0009].los", "--collate").stdout
    finally:
        fleet.fault(8, weak=0)
    assert "h[0007,0009].los:" in out and "h0008.los:" in out, out
    assert out.count("fail: cipher-0: the BMC accepted an Open Session with cipher suite 0") == 1, out
    before = json.loads(fleet.bmc("sum"))
    assert "cipher-0" not in fleet.ctl("bmc", "audit", "h0007.los").stdout
    assert json.loads(fleet.bmc("sum"))["sessions"] == before["sessions"] + 1
    data = fleet.json("bmc", "audit", "h0007.los")["items"][0]["data"]
    assert {"kg-missing"} <= {f["code"] for f in data["findings"]} and all(f["next"] for f in data["findings"])


# By its address or by a name that leads there: no password leaves the site's management prefixes.
@pytest.mark.parametrize("where", ["127.77.0.9", "localhost"])
def test_outside_the_prefixes(fleet, where):
    one, port = "h0009.los", PORT if where != "localhost" else 6999
    assert fleet.ctl("host", "set", one, "--bmc", f"{where}:{port}").returncode == 0
    assert fleet.ctl("site", "set", "local", "--bmc-prefix", "10.9.0.0/24", "--bmc-prefix", "127.77.1.0/24").returncode == 0
    try:
        before = json.loads(fleet.bmc("sum"))["sessions"]
        assert fleet.lines("power", "status", one, status=2) == {one: "unknown (bmc-outside)"}
        r = fleet.ctl("power", "on", one, "--wait=60s")
        assert r.returncode == 3 and "bmc-outside" in r.stdout + r.stderr, r  # by preflight
        assert "fail: outside-prefixes: " in fleet.ctl("bmc", "audit", one).stdout
        assert json.loads(fleet.bmc("sum"))["sessions"] == before
        assert fleet.lines("power", "status", "h0300.los")["h0300.los"] in ("on", "off")
        assert fleet.json("site", "show", "local")["bmc_prefixes"] == ["10.9.0.0/24", "127.77.1.0/24"]
        assert fleet.ctl("host", "set", one, "--bmc-outside", "allow").returncode == 0
        said = fleet.ctl("power", "status", one).stdout
        assert said in (f"{one}: on\n", f"{one}: off\n") if where != "localhost" else "bmc-unreachable" in said
        fleet.write("exported.yaml", fleet.ctl("export").stdout.encode())
        r = fleet.ctl("apply", "-f", fleet.path("exported.yaml"), "--dry-run")
        assert r.returncode == 0 and "change" not in r.stdout.replace("changes", ""), (r.stdout, r.stderr)
    finally:
        assert fleet.ctl("host", "set", one, "--bmc-outside", "refuse").returncode == 0
        assert fleet.ctl("host", "set", one, "--bmc", f"{fleet.address(9)}:{PORT}").returncode == 0
        assert fleet.ctl("site", "set", "local", "--no-bmc-prefixes").returncode == 0
    assert fleet.lines("power", "status", one)[one] in ("on", "off")


# Somebody else's BMC among ours: suite 3 alone, level 0 echoed, an event log of its own.
def test_ipmi_sim(fleet):
    sim = bmclab.IpmiSim(ns=fleet.ns, address="127.79.0.1", emu=(
        "sel_enable 0x20 1000 0x0a\n"
        "sel_add 0x20 2 0 0x80 0xa2 0x65 0x20 0 4 4 5 1 0x52 0 0\n"))
    fleet.write("sim.password", bmclab.PASSWORD.encode() + b"\n")
    try:
        assert fleet.ctl("host", "add", "sim.los", "--site", "local", "--bmc", f"127.79.0.1:{PORT}", "--bmc-user",
                         bmclab.USER, "--bmc-password-file", fleet.path("sim.password"), "--bmc-privilege",
                         "administrator").returncode == 0
        said = fleet.lines("power", "status", "sim.los,h0001.los")
        assert said["sim.los"] == "off"
        shown = fleet.ctl("bmc", "probe", "sim.los").stdout
        assert "sim.los: cipher: 3" in shown.splitlines(), shown
        found = fleet.ctl("bmc", "audit", "sim.los").stdout
        assert "factory-user" in found
        assert "Fan" in fleet.ctl("sel", "sim.los").stdout
        assert fleet.lines("sel", "sim.los", "--clear", "--yes", "--reason", "INC-4") == {"sim.los": "cleared (1 entries)"}
        assert fleet.lines("sel", "sim.los") == {"sim.los": "empty"}
    finally:
        fleet.ctl("host", "rm", "sim.los")
        sim.close()


def unchunked(data):
    """The body of a chunked answer (RFC 9112 7.1)."""
    body, rest = b"", data.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    return body


# More than what sockets and our queue hold: who does not read is waited for, and gets everything afterwards.
def test_a_slow_reader_gets_everything(fleet):
    body = json.dumps({"hosts": "all", "args": {"only_read": True}}).encode()
    slow = socket.socket(socket.AF_UNIX)
    slow.settimeout(PATIENCE)
    slow.connect(fleet.socket)
    slow.sendall(b"POST /api/v1/bmc/bmc-probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert set(fleet.lines("power", "status", "all")) == fleet.all_names()
    data = b""
    while piece := slow.recv(65536):
        data += piece
    slow.close()
    lines = [json.loads(line) for line in unchunked(data).splitlines()]
    rows = [line for line in lines if "host" in line]
    assert len(data) > 2 * 1024 * 1024, len(data)
    assert {row["host"] for row in rows} == fleet.all_names() and len(rows) == N
    assert lines[-1] == {"done": {"hosts": N, "ok": N, "failed": 0}}


# ^C ends it in order: what came is printed, the rest is counted, and has its line.
@pytest.mark.parametrize("more", [(), ("-o", "ndjson"), ("-o", "json")])
def test_interrupted(fleet, more):
    fleet.bmc("power all on")
    for i in range(2, 42):
        fleet.fault(i, dead=1)
    before = json.loads(fleet.bmc("sum"))["sessions"]
    p = fleet.ns.popen(whole_lab.program("netboot-ctl"), "--server", f"unix:{fleet.socket}", *more, "power", "status",
                       "h[0001-0041].los", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if more:
        until(lambda: json.loads(fleet.bmc("sum"))["sessions"] > before, "the live one's session")
    else:
        assert p.stdout.readline() == "h0001.los: on\n"
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == -signal.SIGINT and re.search(r"interrupted: 4[01] of 41 hosts were not answered", err), (out, err)
    if not more:
        assert set(out.splitlines()) == {f"{fleet.name(i)}: unknown (interrupted)" for i in range(2, 42)}
    else:
        rows = json.loads(out)["items"] if more[1] == "json" else [json.loads(line) for line in out.splitlines()]
        assert len(rows) == 41 and len({row["host"] for row in rows}) == 41


# What was seen by a question is the host's power, with its time, until something newer is seen.
def test_what_was_seen_is_kept(fleet):
    one = "h0700.los"
    fleet.bmc(f"power {fleet.address(700)}:{PORT} off")
    assert fleet.lines("power", "status", one) == {one: "off"}
    row = fleet.json("status", one)["items"][0]
    assert row["power"] == "off" and row["power_at"]
    assert "off (" in fleet.ctl("status", one).stdout
    assert fleet.json("host", "show", one)["seen"]["power"] == "off"
    fleet.fault(700, dead=1)
    assert fleet.lines("power", "status", one, status=2) == {one: "unknown (bmc-unreachable)"}
    again = fleet.json("status", one)["items"][0]
    assert (again["power"], again["power_at"]) == ("off", row["power_at"])
    r = fleet.ctl("identify", one, "--for", "5s", "--reason", "INC-5")
    assert r.returncode == 2
    rows = fleet.select("orch/o.db", f"select result from audit where what = 'bmc.identify' and object = '{one}' order by seq")
    assert rows[-2:] == [("ok",), ("bmc-unreachable",)]
    fleet.fault(700, dead=0)
    assert fleet.lines("identify", one, "--for", "5s", "--reason", "INC-6") == {one: "on for 5s"}
    events = [json.loads(line) for line in
              fleet.ctl("-o", "ndjson", "events", "--host", one, "--kind", "ipmi.identify").stdout.splitlines()]
    assert [e["detail"]["result"] for e in events] == ["bmc-unreachable", "ok"] and events[1]["reason"] == "INC-6"
    assert events[1]["detail"]["seconds"] == 5 and events[1]["detail"]["by"]


# What had not been told when the server died has its line all the same.
def test_the_server_dies_meanwhile(fleet):
    fleet.bmc("power all on")
    fleet.fault("all", dead=1)
    fleet.fault(101, dead=0)
    p = fleet.ns.popen(whole_lab.program("netboot-ctl"), "--server", f"unix:{fleet.socket}", "power", "status",
                       "h[0001-0101].los", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = p.stdout.readline()
    assert first == "h0101.los: on\n"
    fleet.end("orchestrator", signal.SIGKILL)
    out, err = p.communicate(timeout=PATIENCE)
    try:
        assert p.returncode == 5, (out, err)
        said = dict(line.split(": ", 1) for line in out.splitlines())
        assert len(out.splitlines()) == 100 and set(said) == {fleet.name(i) for i in range(1, 101)}
        assert set(said.values()) == {"unknown (answer-lost)"}
    finally:
        fleet.start_orchestrator()
        fleet.fault("all", dead=0)
        until(lambda: fleet.ctl("power", "status", "h0101.los").returncode == 0, "the agent")
