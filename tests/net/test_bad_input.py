# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator meets when something is wrong, with all programs running: one line HOST: CODE: what: next, the
exit code of the design, and nothing half done. 1: bad input · 2: a host failed · 3: refused by policy or
preflight · 5: no server."""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess

import pytest

import netlab
import whole_lab
from dhcp4_wire import Wire, option
from netlab import fill, until
from whole_lab import BMC_PORT, program

DEAD, WRONG, SUITES, LEVEL, UNSET = range(4, 9)


@pytest.fixture(scope="module")
def whole():
    """One site for all tests that leave it as it was."""
    lan = netlab.Lan()
    s = whole_lab.Site(lan, hosts=7, deadlines={"preflight": "8s"})  # for the dead BMC's sake
    try:
        s.hosts[WRONG - 1]["bmc"]["password_file"] = s.write("wrong", b"nonsense\n")
        s.hosts += [s.host(UNSET), s.host(9, name="db01.los"), s.host(10, name="db01.abj")]
        del s.hosts[UNSET - 1]["bmc"]["password_file"]
        s.privileges[LEVEL] = "user"
        s.start()
        s.fault(DEAD, "dead", 1)
        s.fault(SUITES, "suites", 3)
        yield s
    finally:
        try:
            s.close()
        finally:
            lan.close()


@pytest.fixture
def same(whole):
    """The site, and after the test the proof that nothing in it has changed."""
    before = whole.untouched()
    jobs = len(whole.json("job", "list")["items"])
    yield whole
    assert whole.untouched() == before
    assert len(whole.json("job", "list")["items"]) == jobs


@pytest.fixture
def own(netns):
    """make(…): a site that may be broken."""
    made = []

    def make(start=True, **kw):
        made.append(whole_lab.Site(netns, **kw))
        return made[-1].start() if start else made[-1]

    yield make
    for s in made:
        s.close()


# ---- names


@pytest.mark.parametrize("hosts, subject, code, words", [
    ("edge99", "edge99", "host-unknown", ["host list"]),
    ("edge01,edge99", "edge99", "host-unknown", []),
    ("EDGE01", "EDGE01", "host-unknown", []),
    ("edge01.los", "edge01.los", "host-unknown", []),
    ("db01", "db01", "host-ambiguous", ["db01.los", "db01.abj", "whole name"]),
    ("@role=none", "@role=none", "host-unknown", ["no host matches"]),
    ("edge[01", "edge[01", "bad-hostlist", ["bracket"]),
    ("edge0*", "edge0*", "bad-hostlist", ["edge[01-10]"]),
    ("edge01;reboot", "edge01;reboot", "bad-hostlist", []),
    ("all,-all", "all,-all", "bad-hostlist", ["leaves nothing"]),
    ("", "netboot-ctl", "usage", ["HOSTS is empty"]),
    (",", ",", "usage", ["names no host"]),
])
def test_unknown_and_doubtful_names(same, hosts, subject, code, words):
    same.refused(same.reinstall(hosts), 1, subject, code, *words)


def test_every_verb_knows_an_unknown_host(same):
    for verb in (["status"], ["history"], ["host", "show"], ["host", "rm"], ["host", "unlock"], ["watch"],
                 ["power", "status"], ["power", "on"], ["reboot"]):
        same.refused(same.ctl(*verb, "edge77"), 1, "edge77", "host-unknown")
    for noun in ("image", "site"):
        same.refused(same.ctl(noun, "show", "nope"), 1, "nope", f"{noun}-unknown", f"{noun} list")


def test_a_list_of_an_unknown_site(same):
    same.refused(same.ctl("host", "list", "--site", "mars"), 1, "mars", "site-unknown", "site list")


def test_bad_input_without_advice_of_its_own(same):
    done = same.ctl("reboot", "edge01", "--graceful-timeout", "100d")
    assert (done.returncode, done.stderr) == (1, "edge01: bad-value: graceful_s: not 0..3600: correct it, then repeat\n")


def test_a_range_with_many_unknown_hosts_is_short(same):
    done = same.reinstall("edge[01-99]")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 21 and lines[0].startswith("edge09: host-unknown: ")
    assert lines[-1].startswith("edge[01-99]: more-errors: there are 71 more: ")


# ---- inventory


@pytest.mark.parametrize("argv, code, words", [
    (["--nic", "52:54:00:77:00:01"], "mac-duplicate", ["edge01"]),
    (["--nic", "52:54:00:77:00:99", "--bmc", f"127.0.0.1:{BMC_PORT}", "--bmc-user", "x", "--bmc-password-file", "-"],
     "bmc-duplicate", ["edge01"]),
    (["--nic", "52:54:00:77:00:99,ip=10.77.0.11"], "ip-duplicate", ["edge01"]),
    (["--nic", "52:54:00:77"], "bad-value", ["nics[0]: mac"]),
    (["--image", "nope"], "image-unknown", []),
    (["--nic", "52:54:00:77:00:99,ip=fd77::7"], "bad-value", ["nics[0]: ip: not an IPv4 address", "ip6"]),
    (["--nic", "52:54:00:77:00:99,ip6=fe80::7"], "bad-value", ["nics[0]: ip6: fe80::7 is a link-local address"]),
    (["--nic", "52:54:00:77:00:99,ip6=fd99::7"], "bad-value", ["fd99::7 lies in no subnet of site local", "add its network"]),
    (["--loader", "x64-uefi=/etc/passwd"], "bad-value", ["loaders: x64-uefi: not a path below the loaders root"]),
    (["--loader", "vax=ipxe.efi"], "usage", ["no such architecture", "arm64-uefi"]),
])
def test_a_host_that_does_not_fit(same, argv, code, words):
    same.refused(same.ctl("host", "add", "new", "--site", "local", *argv, stdin="x\n"), 1, "new", code, *words)


@pytest.mark.parametrize("subnets, code, words", [
    (["fd77::/56"], "bad-value", ["prefix: a /56 cannot be booted from: firmware takes every IPv6 link for a /64"]),
    (["fd77::/64,gateway=fd77::1"], "bad-value", ["gateway: IPv6 hosts learn their router", "router_s"]),
    (["10.1.0.0/24", "10.1.0.128/25"], "subnet-overlap", ["subnets[1]: prefix: overlaps with subnets[0], 10.1.0.0/24"]),
    (["fd77::/64", "fd77::/64"], "subnet-overlap", ["subnets[1]"]),
    (["10.1.0.0/24,pool=10.1.0.9-10.1.0.90", "10.1.0.0/25,pool=10.1.0.80-10.1.0.99"], "subnet-overlap", ["subnets[1]"]),
    (["10.1.0.0/24,pool=10.2.0.9-10.2.0.90"], "bad-value", ["pool: 10.2.0.9 to 10.2.0.90 does not lie in 10.1.0.0/24"]),
    (["10.1.0.0/24,gateway=10.1.0.9,pool=10.1.0.2-10.1.0.20"], "bad-value", ["pool: holds 10.1.0.9, which is the gateway"]),
    (["10.1.0.0/24,pool=10.1.0.2-10.1.0.255"], "bad-value", ["pool: holds 10.1.0.255, which is the broadcast address"]),
    (["fd77::/64,relay=10.1.0.1"], "bad-value", ["relay: of another family"]),
    (["ff02::/64"], "bad-value", ["prefix: ff02:: is a multicast address"]),
    (["10.1.0.0/24,ra=managed"], "bad-value", ["ra, router_s, mtu: only of an IPv6 subnet"]),
    (["fd77::/64,mtu=900"], "bad-value", ["mtu: not 1280..65535"]),
])
def test_a_site_that_cannot_be_served(same, subnets, code, words):
    argv = [word for s in subnets for word in ("--subnet", s)]
    same.refused(same.ctl("site", "add", "new", *argv), 1, "new", code, *words)


def test_no_host_is_called_all(same):
    """`reinstall all` would mean every host."""
    line = same.refused(same.ctl("host", "add", "all", "--site", "local"), 1, "all", "bad-value", "every host")
    assert line.endswith("choose another name")
    path = same.write("all.yaml", b"hosts:\n- site: local\n  name: all\n")
    same.refused(same.ctl("apply", "-f", path), 1, f"{path}:3", "bad-value", "every host")


@pytest.mark.parametrize("name", ["\u0141\u00f3d\u017a", "a b", "a" * 64, "-a", "a..b", "a/b"])
def test_what_no_host_name_is(same, name):
    done = same.ctl("host", "add", "--site", "local", "--", name)
    assert done.returncode == 1
    assert done.stderr.endswith(": bad-value: name: not a host name: use letters, digits, '-', '_' and inner dots, "
                                "at most 63\n"), done.stderr


def test_a_change_of_nothing(same):
    for noun, name in (("host", "edge01"), ("site", "local")):
        same.refused(same.ctl(noun, "set", name), 1, name, "usage", "nothing to change")


def test_a_duplicate_in_a_document_changes_nothing_of_it(same):
    hosts = [{"name": "new1", "site": "local", "nics": [{"mac": "52:54:00:99:00:01"}]},
             {"name": "new2", "site": "local", "nics": [{"mac": "52:54:00:99:00:01"}]}]
    path = same.write("twice.yaml", json.dumps({"hosts": hosts}, indent=1).encode())
    line = same.refused(same.ctl("apply", "-f", path), 1, f"{path}:17", "mac-duplicate", "hosts[0]")
    assert "give each host its own" in line


# ---- images


@pytest.mark.parametrize("argv, code", [
    (["reinstall", "edge01", "--image", "nope"], "image-unknown"),
    (["reinstall", "edge01", "--image", "rescue"], "image-kind"),
    (["live", "edge01"], "image-unknown"),
])
def test_unknown_images(same, argv, code):
    same.refused(same.ctl(*argv, "--reason", "x", "--yes"), 1, "edge01", code)


@pytest.fixture
def kernel(whole):
    """Replaces the kernel's content; puts the right one back."""
    with open(whole.path("images/d/vmlinuz"), "rb") as f:
        right = f.read()
    yield lambda change: whole.write("images/d/vmlinuz", change(right))
    whole.write("images/d/vmlinuz", right)


def test_a_missing_image_file(same, kernel):
    os.unlink(same.path("images/d/vmlinuz"))
    same.refused(same.reinstall("edge01"), 3, "edge01", "image-missing", "d/vmlinuz")
    same.refused(same.ctl("image", "verify", "debian"), 3, "debian", "image-missing", "d/vmlinuz")
    assert [f["level"] for f in same.findings("image")] == ["fail", "fail"]
    kernel(lambda right: right)


def test_an_image_file_of_another_size(same, kernel):
    kernel(lambda right: right[:-5])
    same.refused(same.reinstall("edge01"), 3, "edge01", "image-altered", "d/vmlinuz")


def test_an_altered_image_file_of_the_same_size(whole, kernel):
    """Only the digest tells: found by the agent before anything is switched."""
    before = whole.untouched()
    kernel(lambda right: right[:-5] + b"other")
    done = whole.reinstall("edge01", "--wait=2m")
    assert done.returncode == 3, done.stderr
    assert "edge01: FAILED at preflight: image-altered: d/vmlinuz" in done.stdout
    whole.refused(whole.ctl("image", "verify", "debian"), 3, "debian", "image-altered", "d/vmlinuz")
    assert whole.untouched() == before


def test_a_missing_loader_of_the_host(whole):
    """Found by the agent before anything is switched."""
    assert whole.ctl("host", "set", "edge01", "--loader", "x64-uefi=signed/shimx64.efi").returncode == 0
    try:
        before = whole.untouched()
        done = whole.reinstall("edge01", "--wait=2m")
        assert done.returncode == 3, done.stderr
        line = done.stdout.splitlines()[-1]
        assert line.startswith("edge01: FAILED at preflight: loader-missing: loader for x64-uefi: "
                               + whole.path("loaders/signed/shimx64.efi") + ": No such file"), line
        assert "host set --loader" in line
        assert whole.untouched() == before
    finally:
        assert whole.ctl("host", "set", "edge01", "--loader", "x64-uefi=").returncode == 0


def test_what_the_boot_services_lack_is_found_by_doctor(whole):
    """Loaders of the site and of hosts, and a subnet that is on no interface; gone when they are."""
    def told(*words):
        texts = [f["text"] for f in whole.findings("loader") + whole.findings("subnet")]
        return len(texts) == len(words) and all(any(w in t for t in texts) for w in words)
    subnets = ["--subnet", "10.77.0.0/24,gateway=10.77.0.1"]
    shown = whole.json("site", "show", "local")
    del shown["frozen"]  # which is not for `apply`
    path = whole.write("site.yaml", json.dumps({"sites": [shown]}).encode())
    try:
        assert whole.ctl("site", "set", "local", "--loader", "arm64-uefi=grubaa64.efi", *subnets, "--subnet",
                         "10.99.0.0/24").returncode == 0
        assert whole.ctl("host", "set", "edge02", "--loader", "x86-bios=ipxe.pxe").returncode == 0
        until(lambda: told("site local: loader-missing: loader of site local for arm64-uefi: "
                           + whole.path("loaders/grubaa64.efi"),
                           "loader of host edge02 for x86-bios: " + whole.path("loaders/ipxe.pxe"),
                           "site local: subnet-elsewhere: subnet 10.99.0.0/24 is on none of the interfaces"), "doctor")
        assert {f["level"] for f in whole.findings("loader")} == {"warn"}
    finally:
        assert whole.ctl("apply", "-f", path).returncode == 0
        assert whole.ctl("host", "set", "edge02", "--loader", "x86-bios=").returncode == 0
    until(told, "an end of it")


# ---- policy


@pytest.fixture
def locked(whole):
    assert whole.ctl("host", "lock", "edge02", "--reason", "disk swap").returncode == 0
    yield
    assert whole.ctl("host", "unlock", "edge02").returncode == 0


def test_a_locked_host(locked, same):
    for order in (["reinstall"], ["reboot"], ["power", "off"], ["power", "on"]):
        done = same.ctl(*order, "edge02", "--reason", "x", "--yes")
        same.refused(done, 3, "edge02", "host-locked", "root", "disk swap", "host unlock")
    # One locked host refuses the whole order.
    same.refused(same.reinstall("edge01,edge02"), 3, "edge02", "host-locked")


def test_a_busy_host(whole):
    done = whole.reinstall("edge03")
    job = done.stdout.strip()
    try:
        assert done.returncode == 0, done.stderr
        until(lambda: whole.job(job)["stage"] == "firmware-dhcp", "the power-on")
        before = whole.untouched()
        for order in (["reinstall"], ["rescue"], ["reboot"], ["power", "off"]):
            line = whole.refused(whole.ctl(*order, "edge03", "--reason", "x", "--yes"), 3, "edge03", "host-busy", job)
            assert "netboot-ctl job cancel" in line
        whole.refused(whole.ctl("host", "rm", "edge03"), 3, "edge03", "host-busy", job)
        whole.refused(whole.ctl("host", "set", "edge03", "--nic", "52:54:00:77:00:aa"), 3, "edge03", "host-busy")
        whole.refused(whole.reinstall("edge[01,03]"), 3, "edge03", "host-busy")
        assert whole.untouched() == before
    finally:
        whole.ctl("job", "cancel", job, "--reason", "test")
    until(lambda: whole.job(job)["state"] == "cancelled", "the cancellation")
    assert [e["detail"]["by"] for e in whole.events("--job", job) if e["kind"] == "job.cancelled"] == ["root"]
    until(lambda: os.listdir(whole.path("scripts")) == [], "the script to be taken away")


# ---- BMCs


@pytest.mark.parametrize("n, code, words", [
    (DEAD, "bmc-unreachable", ["127.0.0.1:6233", "no answer", "cable"]),
    (WRONG, "bmc-auth", ['wrong password for user "netboot"', "--bmc-password"]),
    (UNSET, "bmc-auth", ["none is set", "--bmc-password"]),
    (SUITES, "bmc-cipher", ["refuses cipher suite", "enable cipher suite 17"]),
    (LEVEL, "bmc-privilege", ['user "netboot" has no operator privilege', "--bmc-user"]),
])
def test_a_bmc_that_does_not_let_us_in(whole, n, code, words):
    before = whole.untouched()
    name = f"edge{n:02d}"
    done = whole.reinstall(name, "--wait=2m")
    assert done.returncode == 3, done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith(f"{name}: FAILED at preflight: {code}: BMC 127.0.0.1:{BMC_PORT + n - 1}: "), line
    for word in words:
        assert word in line, line
    job = whole.job(done.stdout.splitlines()[0])
    assert (job["state"], job["verdict"]["code"], job["attempt"]) == ("failed", code, 1)
    assert whole.untouched() == before
    shown = json.loads(whole.bmc(f"show 127.0.0.1:{BMC_PORT + n - 1}"))
    assert shown["sessions"] == 0 and shown["rakp1"] <= 2
    history = whole.ctl("history", name)
    assert history.returncode == 0 and f"job list --host {name}" in history.stderr


def test_power_is_unknown_with_the_reason(same):
    done = same.ctl("power", "status", f"edge0{WRONG},edge0{SUITES},edge0{LEVEL}", "--no-headers")
    assert done.returncode == 2
    assert sorted(done.stdout.splitlines()) == sorted(
        f"edge0{n}: unknown ({code})" for n, code in ((WRONG, "bmc-auth"), (SUITES, "bmc-cipher"), (LEVEL, "bmc-privilege")))


# ---- files


@pytest.mark.parametrize("text, line, words", [
    ("sites: [{name: los\n", 2, ["not YAML"]),
    ("hosts:\n- name: a\n\tsite: local\n", 3, ["not YAML", "tab"]),
    ("hosts:\n- name: a\n  bmc: {adress: 1.2.3.4}\n", 3, ["hosts[0].bmc.adress: unknown key"]),
    ("hosts:\n- name: a\n  name: b\n", 3, ["twice"]),
    ("hosts:\n- name: a\n  site: local\n  firmware: efi\n", 4, ["firmware", "uefi"]),
    ("hosts:\n- name: a\n  site: local\n  nics:\n  - mac: zz\n", 5, ["nics[0]: mac"]),
    ("hosts:\n- name: a\n  site: mars\n", 3, ["mars"]),
    ("images:\n- name: i\n  kind: live\n  kernel: {path: d/none}\n", 4, ["d/none"]),
])
def test_an_inventory_file(same, text, line, words):
    path = same.write("bad.yaml", text.encode())
    done = same.ctl("apply", "-f", path)
    assert done.returncode in (1, 3) and f"{path}:{line}: " in done.stderr, done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stderr.rstrip().count(": ") >= 3  # the next step is there too


@pytest.mark.parametrize("name, text, line, words", [
    ("orchestrator", "socket: [\n", 2, ["not YAML"]),
    ("orchestrator", "databse: /x\n", 1, ["databse: unknown key", "netboot-orchestrator.yaml(5)"]),
    ("orchestrator", "group: x\nsocket: rel.sock\n", 2, ["socket", "absolute"]),
    ("agent", "site: local\nmax_jobs: many\n", 2, ["max_jobs"]),
    ("agent", "site: local\ndeadlines:\n  kernal: 5m\n", 3, ["deadlines.kernal: unknown key"]),
    ("agent", "site: local\nBOOTD\nboot_services:\n  interfaces: [br0]\n  ports: {http: 99999}\n", 5, ["ports.http"]),
    ("agent", "site: local\nBOOTD\nboot_services:\n  interfaces: [br0]\n  dirs:\n    imagse: /x\n", 6,
     ["dirs.imagse: unknown key", "netboot-bootd.yaml(5)"]),
    ("bootd", "interfaces: [br0\n", 2, ["not YAML"]),
    ("bootd", "interfaces: [br0]\n---\nhosts: []\n", 2, ["second document"]),
    ("agent", "site: local\n---\nmax_jobs: 2\n", 2, ["second document"]),
    ("orchestrator", "socket: /run/x\n---\ngroup: x\n", 2, ["second document"]),
    ("bootd", "interfaces: [br0]\nsubnets:\n- {prefix: 10.0.0.0/99}\n", 3, ["subnets[0].prefix"]),
    ("bootd", "interfaces: [br0]\nhsots: []\n", 2, ["hsots: unknown key"]),
])
def test_a_configuration_file(tmp_path, name, text, line, words):
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace("BOOTD", f"bootd: {netlab.BOOTD}"))
    done = subprocess.run([program(f"netboot-{name}"), "-n", "-c", path], check=False, text=True,
                          capture_output=True, timeout=netlab.PATIENCE)
    assert done.returncode == 1 and f"{path}:{line}: " in done.stderr, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_boot_services_that_bootd_does_not_take(own):
    """Started all the same: the agent runs, doctor and the job say file, line and key."""
    s = own(start=False)
    config = s.agent_config({})
    config["boot_services"]["ports"] = {"http": 99999}
    s.write("agent.yaml", json.dumps(config, indent=1).encode())
    s.start_bmcs()
    s.start_orchestrator()
    s.start_agent()
    s.apply()
    found = until(lambda: s.findings("bootd"), "the finding")[0]
    assert found["level"] == "fail" and "agent.yaml:" in found["text"] and "ports.http" in found["text"], found
    assert found["next"]


# ---- surroundings


def test_another_dhcp_server(own, netns):
    s = own()
    other = netns.add_client(mac="02:00:00:00:00:67", address="10.77.0.67/24")
    other.popen("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces",
                "--dhcp-range=10.77.0.210,10.77.0.220", "--leasefile-ro", stderr=subprocess.DEVNULL)
    until(lambda: ":67" in other.run("ss", "-lunH").stdout, what="dnsmasq")
    client = Wire(netns.add_client(mac="52:54:00:77:00:01"))
    client.send(client.bootp(option(53, b"\x01"), mac="52:54:00:77:00:01", flags=0x8000))
    event = until(lambda: [e for e in s.events("--host", "edge01") if e["kind"] == "dhcp4.foreign"],
                  "dhcp4.foreign")[0]
    assert event["detail"]["server"] == "10.77.0.67"
    found = s.findings("dhcp")
    assert len(found) == 1 and found[0]["level"] == "warn", found
    assert "10.77.0.67" in found[0]["text"] and "site local" in found[0]["text"] and found[0]["next"]
    client.close()


@pytest.mark.parametrize("kind, port, tool", [("tcp", 80, "ss -ltnp"), ("udp", 67, "ss -lunp")])
def test_a_port_in_use(own, netns, kind, port, tool):
    s = own(start=False, deadlines={"armed": "1s"})
    holder = netns.server.hold_port(kind, port)
    s.start_bmcs()
    s.start_orchestrator()
    s.start_agent()
    s.apply()
    found = until(lambda: s.findings("bootd"), "the finding")[0]
    assert found["level"] == "fail" and f"port {port}" in found["text"] and tool in found["next"], found
    assert "port-in-use: " in s.read("agent.log") and str(port) in s.read("agent.log")
    # It was told before the agent's first poll, which found no site yet.
    until(lambda: [a for a in s.json("agent", "list")["items"] if not a["absent"]], "the agent to be heard")
    before = s.untouched()
    done = s.reinstall("edge01", "--wait=2m")
    assert done.returncode == 2, done.stdout + done.stderr + s.read("agent.log")
    line = done.stdout.splitlines()[-1]
    assert line.startswith("edge01: FAILED at armed: boot-services-down: "), line
    assert f"port {port}" in line and tool in line, line
    until(lambda: s.untouched() == before, "all to be as it was")
    holder.kill()
    holder.wait()
    until(lambda: not s.findings("bootd"), "boot services again")


# ---- storage


def newer(path):
    """As a later version of the program would leave it."""
    db = sqlite3.connect(path)
    db.execute("insert into schema_version select 99, name, applied from schema_version limit 1")
    db.commit()
    db.close()
    with open(path, "rb") as f:
        return f.read()


@pytest.mark.parametrize("name, database", [("orchestrator", "orch/o.db"), ("agent", "agent/agent.db")])
def test_a_database_of_a_newer_schema(own, name, database):
    s = own()
    assert s.end(name) == 0
    before = newer(s.path(database))
    done = s.ns.run(program(f"netboot-{name}"), "-c", s.path(f"{name}.yaml"), check=False)
    assert done.returncode == 1
    assert "db-newer: " in done.stderr and s.path(database) in done.stderr and "99" in done.stderr
    assert "install the newer program" in done.stderr
    with open(s.path(database), "rb") as f:
        assert f.read() == before
    if name == "orchestrator":
        s.refused(s.ctl("status"), 5, "netboot-ctl", "server-unreachable", s.socket)


@pytest.fixture
def small(own):
    """make(folder, size): a site that keeps this folder on a disk of its own."""
    with contextlib.ExitStack() as at_end:
        def end(s):
            assert [s.end(name) for name in ("agent", "orchestrator")] == [0, 0]

        def make(folder, size):
            s = own(start=False, hosts=2)
            at_end.enter_context(netlab.small_disk(s.path(folder), size))
            at_end.callback(end, s)
            return s.start()
        yield make


def test_a_full_disk_of_the_orchestrator(small):
    s = small("orch", "4m")
    before = s.untouched()
    filler = fill(s.path("orch/filler"))
    many = {"hosts": [{"name": f"n{n}", "site": "local"} for n in range(2000)]}
    path = s.write("many.yaml", json.dumps(many).encode())
    s.refused(s.ctl("apply", "-f", path), 3, path, "disk-full", "free space")
    s.refused(s.reinstall("edge01"), 3, "edge01", "disk-full", "free space")
    s.refused(s.ctl("host", "lock", "edge01", "--reason", "x"), 3, "edge01", "disk-full")
    assert s.ctl("status").returncode == 0
    assert [f for f in s.findings("disk") if f["level"] == "fail" and f["next"]]
    assert s.untouched() == before and s.json("job", "list")["items"] == []
    os.unlink(filler)
    done = s.ctl("power", "on", "edge01", "--reason", "x", "--wait=2m")
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_full_disk_of_the_agent(small):
    s = small("agent", "6m")
    before = s.untouched()
    filler = fill(s.path("agent/filler"))
    done = s.reinstall("edge01", "--wait=2m")
    # Refused by the agent, or at once where it has said so already.
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "spool-full: " in (done.stdout.splitlines() or [done.stderr])[-1], done.stdout + done.stderr
    after = s.untouched()
    assert after == before
    os.unlink(filler)
    done = s.ctl("power", "on", "edge01", "--reason", "x", "--wait=2m")
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_full_disk_of_the_agent_without_its_reserve(small):
    """Not even the refusal can be recorded: told beside the spool."""
    s = small("agent", "6m")
    # It does not know it yet when the order comes.
    s.procs["agent"].send_signal(signal.SIGSTOP)
    fillers = [fill(s.path("agent/filler"))]
    os.unlink(s.path("agent/agent.db.reserve"))
    fillers.append(fill(s.path("agent/filler2")))
    before = s.untouched()
    first = s.reinstall("edge01").stdout.strip()
    s.procs["agent"].send_signal(signal.SIGCONT)
    found = until(lambda: [f for f in s.findings("agent") if f["level"] == "fail"], "the finding")[0]
    waited = s.ctl("watch", first, "--timeout", "1s")
    assert waited.returncode == 4 and "no agent has taken it yet: netboot-ctl status edge01" in waited.stderr
    assert "takes no orders" in found["text"] and "space" in found["text"] and found["next"], found
    assert s.json("status", "edge01")["items"][0]["reason"].startswith("spool-full: ")
    s.refused(s.reinstall("edge02"), 3, "edge02", "spool-full", "takes no orders")
    assert s.untouched() == dict(before, open=[("edge01", "reinstall", "queued")])
    for path in fillers:
        os.unlink(path)
    until(lambda: s.job(first)["state"] == "failed", "the refusal")
    assert s.job(first)["verdict"]["code"] == "spool-full"
    until(lambda: all(f["level"] == "ok" for f in s.findings("agent")), "the end of the trouble")
    done = s.ctl("power", "on", "edge02", "--reason", "x", "--wait=2m")
    assert done.returncode == 0, done.stderr + done.stdout


# ---- no server


def test_no_server(tmp_path):
    done = subprocess.run([program("netboot-ctl"), "--server", f"unix:{tmp_path}/none.sock", "status"], check=False,
                          text=True, capture_output=True, timeout=netlab.PATIENCE)
    assert done.returncode == 5 and done.stderr.startswith("netboot-ctl: server-unreachable: ")
    assert "netboot-orchestrator runs" in done.stderr and "No such file or directory" in done.stderr
    # A name that is none: nobody is asked for it.
    done = subprocess.run([program("netboot-ctl"), "--server", f"https://{'x' * 70}.example", "status"], check=False, text=True,
                          capture_output=True, timeout=netlab.PATIENCE)
    assert done.returncode == 5 and "server-unreachable" in done.stderr and "look at the name" in done.stderr
    for server in ("nonsense", "ftp://x"):
        done = subprocess.run([program("netboot-ctl"), "--server", server, "status"], check=False, text=True,
                              capture_output=True, timeout=netlab.PATIENCE)
        assert done.returncode == 1 and done.stderr.startswith("netboot-ctl: bad-server: ")


def test_a_socket_that_is_not_ours(whole):
    """Not there and not allowed are different errands at night."""
    done = subprocess.run(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
                           program("netboot-ctl"), "--server", f"unix:{whole.socket}", "status"], check=False,
                          text=True, capture_output=True, timeout=netlab.PATIENCE)
    assert (done.returncode, "Permission denied" in done.stderr, "group netboot" in done.stderr) == (5, True, True)
