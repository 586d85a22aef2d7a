# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl against the real netboot-orchestrator, with a stand-in for the site's agent."""
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from netlab import BUILD, PATIENCE, ROOT, until
from orch_lab import Agent, Orch

CTL = os.path.join(BUILD, "netboot-ctl")
BOOT = "01k9xyz0a0b00001"

INVENTORY = """
sites:
  - name: local
    timezone: Africa/Johannesburg
    url: http://10.77.0.1
    answer_unknown: false
    idle: local
    subnets:
      - {prefix: 10.77.0.0/24, gateway: 10.77.0.1, dns: [10.77.0.1], lease_s: 3600}
images:
  - name: debian
    kind: reinstall
    kernel: {path: deb/vmlinuz}
    initrds: [{path: deb/initrd.gz}]
    args: "auto=true netboot.report=${report}"
    reports: [up, installed]
    local_boot: true
    deadlines: {kernel: 10m}
  - name: rescue
    kind: rescue
    kernel: {path: deb/vmlinuz}
hosts:
  - name: edge01
    site: local
    nics: [{mac: "52:54:00:77:00:01", ip: 10.77.0.11, boot: true}]
    labels: {role: cdn, rack: "017", on: "no"}
    image: debian
    probe: "tcp:22"
    bmc: {address: 10.9.0.1, user: admin, password_file: pw}
  - name: edge02
    site: local
    nics: [{mac: "52:54:00:77:00:02"}]
    image: debian
    bmc: {address: 10.9.0.2, user: admin, password_file: pw}
"""


@pytest.fixture
def orch(tmp_path):
    o = Orch(tmp_path)
    write(o, "pw", "secret\n")
    write(o, "inv.yaml", INVENTORY)
    o.clients = []
    yield o
    for p in o.clients:
        p.kill()
        p.wait()
    o.stop()


@pytest.fixture
def agent(orch):
    assert run(orch, "apply", "-f", orch.path("inv.yaml")).returncode == 0
    a = Agent(orch)
    a.table = a.poll().json["table"]["version"]
    return a


def write(o, name, text):
    with open(o.path(name), "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(o.path(name), 0o600)


def env(o):
    return dict(os.environ, NETBOOT_SERVER=f"unix:{o.socket}")


def run(o, *argv, stdin=""):
    r = subprocess.run([CTL, *argv], input=stdin, env=env(o), text=True, check=False, timeout=2 * PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
    return r


def popen(o, *argv):
    p = subprocess.Popen([CTL, *argv], env=env(o), text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    o.clients.append(p)
    return p


def finish(p):
    out, err = p.communicate(timeout=PATIENCE)
    return p.returncode, out, err


def accept(agent, job):
    order = until(lambda: agent.poll().json["orders"], what="the order")[0]
    assert order["bundle"]["job"] == job
    agent.report(agent.event("job.accepted", job), agent.event("job.attempt", job, attempt=1))


def stage(agent, job, name, **more):
    agent.report(agent.stage(job, name, boot=BOOT, deadline_us=60000000),
                 agent.stage(job, name, "confirmed", boot=BOOT, **more))


# ---- inventory


def test_apply_export_round_trip(orch):
    r = run(orch, "apply", "-f", orch.path("inv.yaml"), "--dry-run")
    assert (r.returncode, r.stderr) == (0, "5 would change\n")
    assert run(orch, "host", "list", "--no-headers").stdout == ""
    assert run(orch, "apply", "-f", orch.path("inv.yaml")).stderr == "5 changed\n"
    assert run(orch, "apply", "-f", orch.path("inv.yaml")).stderr == "nothing to change\n"
    assert run(orch, "host", "lock", "edge02", "--reason", "disk").returncode == 0
    exported = run(orch, "export").stdout
    assert "secret" not in exported
    assert run(orch, "apply", "-f", "-", stdin=exported).stderr == "nothing to change\n"
    r = run(orch, "apply", "-f", "-", stdin=exported.replace("role: cdn", "role: web"))
    assert r.stdout.splitlines()[1].split(maxsplit=3)[3] == "labels.role: cdn -> web"
    # The password stays when the file has none.
    assert run(orch, "export").stdout == exported.replace("role: cdn", "role: web")


@pytest.mark.parametrize("old,new,line,word", [
    ('ip: 10.77.0.11', 'ip: 10.77.0.300', 25, "ip"),
    ('ip: 10.77.0.11', 'ip: 10.77.0.255', 25, "nics[0]: ip: 10.77.0.255 is the network's or the broadcast address"),
    ('ip: 10.77.0.11', 'ip: 10.77.0.1', 25, "nics[0]: ip: 10.77.0.1 is the gateway of 10.77.0.0/24"),
    ('ip: 10.77.0.11', 'ip: 10.78.0.11', 25, "nics[0]: ip: 10.78.0.11 lies in no subnet of site local"),
    ('${report}', '${reports}', 15, "args: there is no ${reports}"),
    ('"52:54:00:77:00:02"', '"52:54:00:77:00:01"', 32, "52:54:00:77:00:01"),
    ("address: 10.9.0.2", "address: 10.9.0.1", 34, "10.9.0.1"),
    ("site: local\n    nics: [{mac: \"52:54:00:77:00:02\"}]", "site: lost\n    nics: []", 31, "lost"),
    ("path: deb/initrd.gz", "path: deb/none.gz", 14, "deb/none.gz"),
    ("timezone: Africa/Johannesburg", "timezone: 'Africa/Johannesburg?'", 4, "timezone")])
def test_apply_refusals_name_the_line(orch, old, new, line, word):
    assert old in INVENTORY
    write(orch, "bad.yaml", INVENTORY.replace(old, new))
    r = run(orch, "apply", "-f", orch.path("bad.yaml"))
    assert r.returncode in (1, 3)
    assert any(e.startswith(f"{orch.path('bad.yaml')}:{line}: ") and word in e
               for e in r.stderr.splitlines()), r.stderr
    assert run(orch, "host", "list", "--no-headers").stdout == ""


def test_ipv6_loaders_templates_and_nfs_roots(orch):
    """By options, as export shows them, and taken again from there."""
    assert run(orch, "site", "add", "local", "--subnet", "10.0.0.0/24,gateway=10.0.0.1", "--subnet",
               "fd77::/64,dns=fd77::53,pool=fd77::100-fd77::1ff,ra=stateless,router=30m,mtu=1400", "--loader",
               "x64-uefi=signed/shimx64.efi", "--loader", "arch-0=undionly.kpxe").stderr == "local: added\n"
    assert run(orch, "image", "add", "deb", "--kind", "reinstall", "--kernel", "deb/vmlinuz,url=https://mirror.example/v?a=b",
               "--file", "deb/initrd.gz,name=preseed.cfg,template", "--nfs-root", "deb/root").stderr == "deb: added\n"
    assert run(orch, "host", "add", "e1", "--site", "local", "--nic", "52:54:00:00:00:01,ip=10.0.0.7,ip6=fd77::7,boot",
               "--loader", "x86-bios=ipxe.pxe").stderr == "e1: added\n"
    assert run(orch, "host", "add", "e2", "--site", "local", "--nic", "52:54:00:00:00:02,ip6=fd77::8").returncode == 0
    shown = json.loads(run(orch, "site", "show", "local", "-o", "json").stdout)
    assert shown["subnets"][1] == {"prefix": "fd77::/64", "dns": ["fd77::53"], "pool": ["fd77::100", "fd77::1ff"],
                                   "lease_s": 3600, "ra": "stateless", "router_s": 1800, "mtu": 1400}
    assert shown["loaders"] == {"x64-uefi": "signed/shimx64.efi", "x86-bios": "undionly.kpxe"}
    listed = run(orch, "host", "list", "--no-headers").stdout.splitlines()
    assert listed[0].split()[3] == "10.0.0.7,fd77::7" and listed[1].split()[3] == "fd77::8"
    assert "10.0.0.0/24,fd77::/64" in run(orch, "site", "list").stdout
    exported = run(orch, "export").stdout
    assert "https://mirror.example/v?a=b" in exported
    assert run(orch, "apply", "-f", "-", stdin=exported).stderr == "nothing to change\n"
    assert run(orch, "site", "set", "local", "--loader", "arch-9=", "--loader", "arm64-uefi=grub.efi").returncode == 0
    assert json.loads(run(orch, "site", "show", "local", "-o", "json").stdout)["loaders"] == {
        "x86-bios": "undionly.kpxe", "arm64-uefi": "grub.efi"}
    # And whole into an empty orchestrator: as it was.
    for words in (["host", "rm", "e1"], ["host", "rm", "e2"], ["image", "rm", "deb"], ["site", "rm", "local"]):
        assert run(orch, *words).returncode == 0, words
    assert run(orch, "apply", "-f", "-", stdin=exported).stderr == "4 changed\n"
    assert run(orch, "export").stdout == exported


def test_single_objects(orch):
    assert run(orch, "site", "add", "local", "--timezone", "UTC", "--url", "http://10.0.0.1",
               "--subnet", "10.0.0.0/24,pool=10.0.0.5-10.0.0.9,lease=1h").returncode == 0
    r = run(orch, "image", "add", "live", "--kind", "live", "--kernel", "deb/vmlinuz", "--report",
            "up", "--deadline", "os-up=5m")
    assert (r.returncode, r.stderr) == (0, "live: added\n")
    r = run(orch, "host", "add", "e1", "--site", "local", "--nic", "52:54:00:00:00:01,ip=10.0.0.7",
            "--label", "a=1", "--label", "b=2", "--bmc", "10.9.0.1", "--bmc-user", "u",
            "--bmc-password-file", orch.path("pw"))
    assert (r.returncode, r.stderr) == (0, "e1: added\n")
    assert run(orch, "host", "set", "e1", "--label", "a=", "--bmc-cipher", "17").returncode == 0
    shown = json.loads(run(orch, "host", "show", "e1", "-o", "json").stdout)
    assert (shown["labels"], shown["bmc"]["cipher"], shown["bmc"]["user"]) == ({"b": "2"}, 17, "u")
    assert run(orch, "site", "set", "local", "--idle", "silent").returncode == 0
    assert "idle: silent" in run(orch, "site", "show", "local").stdout
    assert run(orch, "host", "lock", "e1", "--reason", "disk").returncode == 0
    assert "disk" in run(orch, "host", "list", "@b=2").stdout
    assert run(orch, "reinstall", "e1", "--reason", "x", "--yes").returncode == 3
    assert run(orch, "host", "unlock", "e1").returncode == 0
    assert run(orch, "image", "verify", "live").returncode == 0
    orch.put_file("images/deb/vmlinuz", b"other")
    r = run(orch, "image", "verify", "live")
    assert (r.returncode, r.stderr.split(": ")[1]) == (3, "image-altered")
    assert run(orch, "site", "rm", "local").returncode != 0
    for words in (["host", "rm", "e1"], ["image", "rm", "live"], ["site", "rm", "local"]):
        assert run(orch, *words).returncode == 0, words


# ---- orders


def test_a_reinstall_is_followed_to_done(orch, agent):
    p = popen(orch, "reinstall", "edge01", "--reason", "INC-1", "--yes", "--wait")
    job = p.stdout.readline().strip()
    accept(agent, job)
    agent.report(agent.event("boot.begin", job, boot=BOOT, planned=True, attempt=1,
                             trigger="reinstall"))
    stage(agent, job, "preflight", evidence="2 files")
    stage(agent, job, "kernel", evidence="14 MB acknowledged")
    agent.report(agent.event("boot.end", job, boot=BOOT, outcome="ok", text="from disk"),
                 agent.event("job.done", job, boot=BOOT))
    code, out, err = finish(p)
    assert (code, out.splitlines()[-1].startswith("edge01: done in ")) == (0, True)
    lines = err.splitlines()
    assert "edge01: preflight: begun, may take 1m00s" in lines
    assert any(x.startswith("edge01: kernel: confirmed after ") and x.endswith("14 MB acknowledged")
               for x in lines)

    r = run(orch, "history", "edge01", "--no-headers")
    assert r.returncode == 0
    cells = r.stdout.split()
    assert cells[1].endswith("+02:00")
    assert cells[2:6] == ["reinstall", "debian", "root", "INC-1"] and cells[-1] == "ok"
    r = run(orch, "job", "show", job[-6:])
    assert "14 MB acknowledged" in r.stdout and "state:    done" in r.stdout
    doc = json.loads(run(orch, "job", "show", job, "-o", "json").stdout)
    assert [s["stage"] for s in doc["stages"] if s["state"] == "confirmed"] == ["preflight", "kernel"]
    assert "14 MB acknowledged" in run(orch, "history", "edge01", "--stages").stdout
    drawn = run(orch, "-o", "wide", "trace", BOOT).stdout
    assert "14 MB acknowledged" in drawn and drawn.isascii()
    for same in (job, "edge01", BOOT[-8:]):
        assert run(orch, "-o", "wide", "trace", same).stdout == drawn
    trace = json.loads(run(orch, "-o", "json", "trace", BOOT).stdout)
    assert [x["name"] for x in trace["spans"] if x["row"] == "stage"] == ["preflight", "kernel"]
    assert trace["boot"]["kind"] == "reinstall" and trace["boot"]["by"] == "root"
    chrome = json.loads(run(orch, "trace", "--chrome", BOOT).stdout)
    assert {e["ph"] for e in chrome["traceEvents"]} >= {"X", "M"}
    assert run(orch, "trace", "--follow", BOOT).stdout == run(orch, "trace", BOOT).stdout
    kinds = [json.loads(x)["kind"] for x in
             run(orch, "events", "--kind", "boot.*,job.done", "--boot", BOOT, "-o", "ndjson").stdout.splitlines()]
    assert kinds == ["boot.begin", "boot.end", "job.done"]
    since = run(orch, "events", "--kind", "boot.*", "--since", "1h", "-o", "ndjson").stdout
    assert len(since.splitlines()) == 2
    assert run(orch, "events", "--since", "soon").returncode == 1
    r = run(orch, "events", "--kind", "a,,b")
    assert (r.returncode, "bad-value" in r.stderr) == (1, True)
    kinds = [json.loads(x)["kind"] for x in
             run(orch, "events", "--job", job, "-o", "ndjson").stdout.splitlines()]
    assert kinds[-1] == "job.done" and "job.accepted" in kinds
    newest = run(orch, "events", "--limit", "1", "-o", "ndjson").stdout
    assert json.loads(newest)["kind"] == "job.done"


def test_the_wait_outlives_a_killed_orchestrator(orch, agent):
    p = popen(orch, "reinstall", "edge01", "--reason", "INC-1", "--yes", "--wait=5m")
    job = p.stdout.readline().strip()
    accept(agent, job)
    stage(agent, job, "preflight")
    until(lambda: "preflight: confirmed" in p.stderr.readline(), what="the first stage")
    orch.kill()
    assert "does not answer" in p.stderr.readline()
    orch.start()
    stage(agent, job, "armed", evidence="written")
    agent.report(agent.event("job.failed", job, code="kernel-stalled", text="no octet", next="look",
                             stage="kernel"))
    code, out, err = finish(p)
    assert code == 2
    assert out.splitlines()[-1] == "edge01: FAILED at kernel: kernel-stalled: no octet: look"
    assert "edge01: armed: confirmed" in err and "preflight" not in err


def test_refusals_by_the_real_policy(orch, agent):
    cases = [
        (["reinstall", "edge09", "--reason", "x", "--yes"], 1, "edge09: host-unknown: "),
        (["reinstall", "edge01", "--image", "none", "--reason", "x", "--yes"], 1,
         "edge01: image-unknown: "),
        (["reinstall", "edge01", "--image", "rescue", "--reason", "x", "--yes"], 1,
         "edge01: image-kind: "),
        (["live", "edge01", "--reason", "x", "--yes"], 1, "edge01: image-unknown: "),
        (["reinstall", "edge[01-02]", "--reason", "x", "--yes", "--limit", "1"], 3,
         "edge[01-02]: too-many-hosts: "),
        (["reinstall", "edge[01", "--reason", "x", "--yes"], 1, "edge[01: bad-hostlist: "),
    ]
    for words, code, start in cases:
        r = run(orch, *words)
        assert (r.returncode, r.stderr.startswith(start)) == (code, True), r.stderr
    assert run(orch, "job", "list", "--no-headers").stdout == ""


def test_busy_cancel_and_retry(orch, agent):
    r = run(orch, "rescue", "edge01", "--reason", "x", "--yes")
    job = r.stdout.strip()
    r = run(orch, "reinstall", "edge[01-02]", "--reason", "x", "--yes")
    assert (r.returncode, r.stderr.startswith("edge01: host-busy: ")) == (3, True)
    assert run(orch, "watch", "edge01", "--timeout", "1s").returncode == 4
    assert "busy" in run(orch, "status", "edge01").stdout
    assert run(orch, "job", "cancel", job, "--reason", "oops").returncode == 0
    r = run(orch, "watch", job)
    assert r.returncode == 2
    assert re.fullmatch(r"edge01: cancelled after \S+ by root\n", r.stdout), r.stdout
    shown = run(orch, "job", "show", job).stdout
    assert "cancelled by: root\n" in shown and "because:  oops\n" in shown
    r = run(orch, "job", "retry", job, "--reason", "again", "--yes")
    assert (r.returncode, len(r.stdout.strip())) == (0, 16), r.stderr


def test_harmless_orders_need_no_reason(orch, agent):
    r = run(orch, "reboot", "edge01", "--graceful-timeout", "30s")
    assert r.returncode == 0, r.stderr
    order = agent.poll().json["orders"][0]
    assert order["bundle"]["graceful_us"] == 30000000
    r = run(orch, "power", "on", "edge02")
    assert r.returncode == 0, r.stderr
    doctor = run(orch, "doctor")
    assert doctor.returncode in (0, 2) and "database" in doctor.stdout
    assert run(orch, "agent", "list", "--no-headers").stdout.split()[0] == "local"


def test_dry_run_leaves_nothing(orch, agent):
    r = run(orch, "reinstall", "all", "--reason", "x", "--dry-run", "--no-headers")
    assert r.returncode == 0, r.stderr
    assert [x.split()[0] for x in r.stdout.splitlines()] == ["edge01", "edge02"]
    plan = json.loads(run(orch, "reinstall", "all", "--reason", "x", "--dry-run", "-o", "json").stdout)
    assert [(j["host"], j["id"]) for j in plan["items"]] == [("edge01", None), ("edge02", None)]
    assert run(orch, "job", "list", "--no-headers").stdout == ""


def test_the_agent_is_told_who_cancels(orch, agent):
    job = run(orch, "rescue", "edge01", "--reason", "x", "--yes").stdout.strip()
    accept(agent, job)
    assert run(orch, "job", "cancel", job).returncode == 0
    order = until(lambda: agent.poll().json["orders"], what="the cancel")[0]
    assert order == {"t": "cancel", "job": job, "by": "root"}


def test_a_removed_host_keeps_its_history(orch, agent):
    job = run(orch, "rescue", "edge01", "--reason", "INC-7", "--yes").stdout.strip()
    assert run(orch, "job", "cancel", job, "--reason", "oops").returncode == 0
    accept(agent, run(orch, "rescue", "edge01", "--reason", "INC-8", "--yes").stdout.strip())
    second = run(orch, "job", "list", "--host", "edge01", "--state", "open", "--no-headers").stdout.split()[0]
    stage(agent, second, "power")
    agent.report(agent.event("boot.begin", second, boot=BOOT, planned=True, attempt=1, trigger="rescue"),
                 agent.event("job.failed", second, code="os-silent", text="t", next="n", stage="os-up"))
    assert run(orch, "host", "rm", "edge01").returncode == 0
    r = run(orch, "history", "edge01", "--no-headers")
    assert r.returncode == 0 and "INC-8" in r.stdout, r.stderr
    assert len(run(orch, "job", "list", "--host", "edge01", "--no-headers").stdout.splitlines()) == 2
    assert run(orch, "events", "--host", "edge01").returncode == 0
    for words in (["history", "edge77"], ["events", "--host", "edge77"],
                  ["events", "--host", "edge77", "--follow"], ["job", "list", "--host", "edge77"]):
        r = run(orch, *words)
        assert (r.returncode, r.stderr.startswith("edge77: host-unknown: ")) == (1, True), words


def test_a_new_installation_says_what_it_lacks(orch):
    r = run(orch, "doctor")
    assert r.returncode == 0 and "no site yet" in r.stdout and "site add" in r.stdout
    assert run(orch, "site", "add", "los").returncode == 0
    assert run(orch, "agent", "list", "--no-headers").stdout.split() == ["los"] + 6 * ["-"]


# ---- what is shipped


EXAMPLES = os.path.join(ROOT, "packaging", "examples")


def test_the_example_inventory_applies(orch):
    for name in ("debian-12/vmlinuz", "debian-12/initrd.gz", "rescue/vmlinuz", "rescue/initrd.img"):
        orch.put_file(f"images/{name}", b"x")
    orch.put_file("secrets/edge01-bmc", b"secret\n")
    os.chmod(orch.path("secrets/edge01-bmc"), 0o600)
    shutil.copy(os.path.join(EXAMPLES, "inventory.yaml"), orch.path("example.yaml"))
    assert run(orch, "apply", "-f", orch.path("example.yaml")).stderr == "4 changed\n"
    assert run(orch, "image", "verify", "debian-12").returncode == 0


def test_the_walk_of_the_readme(orch):
    """The commands as they are printed; what they need besides is put where the text says."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read().replace("\\\n", " ")
    walk = [shlex.split(x, comments=True)[2:] for x in re.findall(r"^ +sudo (?=netboot-ctl).*", text, re.M)]
    walk = [[w.replace("~", orch.dir) for w in words] for words in walk]
    for name in ("linux", "initrd.gz", "preseed.cfg"):
        orch.put_file(f"images/debian12/{name}", b"x")
    write(orch, "edge01.pw", "secret\n")
    done = {}
    for words in walk:
        if words[:2] != ["power", "status"] and "--wait" not in words:
            done[" ".join(words[:2])] = run(orch, *words)
        if words[:2] == ["site", "add"]:
            Agent(orch).poll()
    assert all(r.returncode == 0 for r in done.values()), done
    assert {"site add", "image add", "host add", "reinstall edge01"} <= set(done)
    assert "debian12" in done["reinstall edge01"].stdout and "fail" not in done["doctor"].stdout


@pytest.mark.parametrize("program", ["orchestrator", "agent"])
def test_the_example_configurations_are_good(program):
    r = subprocess.run([os.path.join(BUILD, f"netboot-{program}"), "-n", "-c",
                        os.path.join(EXAMPLES, f"{program}.yaml")], check=False, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout


def test_the_manual_names_every_command_and_option():
    def words(*given):
        return subprocess.run([CTL, "__complete", *given], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.split()
    with open(os.path.join(ROOT, "docs", "man", "netboot-ctl.1"), encoding="utf-8") as f:
        page = f.read()
    for noun in [w for w in words() if not w.startswith("-")]:
        assert re.search(rf"\bCm {noun}\b", page), noun
    # What an order can do must not be hidden behind --help.
    for order in ("reinstall", "reboot", "history", "events", "watch"):
        for option in [w.strip("-=") for w in words(order) if w.startswith("--")]:
            assert f"Fl Fl {option}" in page, f"{order} --{option}"


def test_events_are_followed_over_restarts_of_the_server(orch, agent):
    """Each event of the kinds asked for once, whatever happens to the server."""
    sent, told = [], orch.path("told")

    def seen():
        with open(told) as f:
            return [json.loads(x)["reason"] for x in f if x.endswith("\n")]

    def send(name):
        agent.report(agent.event("dhcp4.ack", reason=name), agent.event("http.end", reason=f"not {name}"))
        sent.append(name)
        return seen()

    with open(told, "w") as out:
        p = subprocess.Popen([CTL, "events", "--kind", "dhcp4.*,tftp.end", "--follow", "-o", "ndjson"], env=env(orch),
                             stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE)
    orch.clients.append(p)
    first = until(lambda: send(f"first {len(sent)}"), "it to follow")[0]
    for i in range(3):
        orch.kill()
        orch.start()
        for k in range(3):
            send(f"{i} {k}")
        until(lambda: seen()[-1:] == sent[-1:], "the events")
    assert seen() == sent[sent.index(first):]
    p.terminate()
    p.communicate()
