# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl's inventory, listing and looking commands against a stand-in server."""
import pty
import json
import os
import shutil
import subprocess

import pytest

import ctl_fake

JOB = "01k9xyz0a0abcdef"
PACKAGING = os.path.join(ctl_fake.ROOT, "packaging")


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    yield f
    f.close()


def items(*rows, cursor=None):
    return {"items": list(rows), "next": cursor}


# ---- apply


GOOD = """
sites:
  - name: los
    timezone: Africa/Lagos
hosts:
  - name: edge01
    site: los
    nics:
      - mac: "52:54:00:77:00:01"
    bmc: {address: 10.78.0.1, user: u, password_file: pw}
"""


def test_apply_sends_the_document(fake):
    fake.on("POST", "/api/v1/apply", {"applied": True, "changes": [
        {"object": "site", "name": "los", "action": "same", "fields": {}},
        {"object": "host", "name": "edge01", "action": "change",
         "fields": {"labels": [{"a": "1", "b": "2"}, {"b": "3"}], "image": [None, "debian"]}}]})
    fake.write("pw", "secret\n")
    r = fake.run("apply", "-f", fake.write("inv.yaml", GOOD, 0o644))
    assert (r.returncode, r.stderr) == (0, "1 changed\n")
    assert r.stdout.splitlines()[1].split(maxsplit=3) == [
        "change", "host", "edge01", "labels.b: 2 -> 3; labels.a: 1 -> -; image: - -> debian"]
    assert "secret" not in r.stdout + r.stderr
    body = fake.find("POST", "/api/v1/apply")[0].body
    assert body["dry_run"] is False
    assert body["document"]["hosts"][0]["bmc"] == {"address": "10.78.0.1", "user": "u",
                                                   "password": "secret"}


def test_apply_from_stdin_and_dry_run(fake):
    fake.on("POST", "/api/v1/apply", {"applied": False, "changes": []})
    r = fake.run("apply", "-f", "-", "--dry-run", stdin="sites: [{name: los}]\n")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "nothing to change\n")
    assert fake.find("POST", "/api/v1/apply")[0].body == {
        "document": {"sites": [{"name": "los"}]}, "dry_run": True}


@pytest.mark.parametrize("text,line,word", [
    ("hosts:\n - name: a\n   bogus: 1\n", 3, "bogus"), ("hosts:\n - name: 'a\n", None, "YAML"),
    ("", 1, "empty"), ("hosts: []\nhosts: []\n", 2, "twice")])
def test_apply_names_file_line_and_key(fake, text, line, word):
    path = fake.write("inv.yaml", text)
    r = fake.run("apply", "-f", path)
    assert (r.returncode, fake.requests) == (1, [])
    assert r.stderr.startswith(f"netboot-ctl: bad-yaml: {path}:{line or ''}")
    assert word in r.stderr


def test_apply_maps_the_servers_pointers_to_lines(fake):
    fake.write("pw", "secret\n")
    path = fake.write("inv.yaml", GOOD)
    fake.on("POST", "/api/v1/apply", fake.problem(400, "document-refused", "2 errors", "", [
        {"pointer": "/hosts/0/nics/0/mac", "code": "mac-duplicate", "text": "edge02 has it",
         "next": "remove it there"},
        {"pointer": "/hosts/0/serial", "code": "bad-value", "text": "serial: missing"}]))
    r = fake.run("apply", "-f", path)
    assert r.returncode == 1
    assert r.stderr.splitlines() == [
        f"{path}:9: mac-duplicate: edge02 has it: remove it there",
        f"{path}:6: bad-value: serial: missing: correct it, then repeat"]


def test_apply_refuses_exposed_passwords(fake):
    fake.write("pw", "secret\n", 0o640)
    r = fake.run("apply", "-f", fake.write("inv.yaml", GOOD))
    assert (r.returncode, fake.requests) == (1, [])
    assert ":10: password-exposed: " in r.stderr
    inline = GOOD.replace("password_file: pw", "password: secret")
    r = fake.run("apply", "-f", fake.write("inv.yaml", inline, 0o644))
    assert (r.returncode, fake.requests) == (1, [])
    assert ":10: password-exposed: " in r.stderr and "secret" not in r.stderr
    fake.on("POST", "/api/v1/apply", {"applied": True, "changes": []})
    assert fake.run("apply", "-f", fake.write("inv.yaml", inline, 0o600)).returncode == 0


def test_apply_unreadable_files(fake):
    for path in ("/no/such/file", fake.dir):
        r = fake.run("apply", "-f", path)
        assert (r.returncode, ": unreadable: " in r.stderr) == (1, True)
    r = fake.run("apply", "-f", fake.write("inv.yaml", GOOD))
    assert "/pw: No such file" in r.stderr and r.returncode == 1
    assert fake.run("apply").returncode == 1


def test_export_is_yaml_and_json(fake):
    doc = {"sites": [{"name": "los"}], "images": [], "hosts": [
        {"name": "edge01", "nics": [{"mac": "52:54:00:77:00:01"}], "labels": {"x": "yes"}}]}
    fake.on("GET", "/api/v1/export", doc)
    r = fake.run("export")
    assert r.stdout == ("sites:\n- name: los\nhosts:\n- name: edge01\n  nics:\n"
                        "  - mac: \"52:54:00:77:00:01\"\n  labels:\n    x: \"yes\"\n")
    assert json.loads(fake.run("export", "-o", "json").stdout) == doc
    fake.on("POST", "/api/v1/apply", {"applied": False, "changes": []})
    assert fake.run("apply", "-f", "-", stdin=r.stdout).returncode == 0
    del doc["images"]
    assert fake.find("POST", "/api/v1/apply")[0].body["document"] == doc


# ---- single objects


def test_host_add(fake):
    fake.on("POST", "/api/v1/hosts", {"name": "edge01"}, status=201)
    pw = fake.write("pw", "s3cret\nsecond line\n")
    r = fake.run("host", "add", "edge01", "--site", "los", "--nic",
                 "52:54:00:77:00:01,ip=10.0.0.1,boot", "--nic", "52:54:00:77:00:02", "--label",
                 "a=1", "--image", "debian", "--bmc", "[2001:db8::1]:6230", "--bmc-user", "u",
                 "--bmc-cipher", "17", "--bmc-password-file", pw)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "edge01: added\n")
    assert fake.requests[0].body == {
        "name": "edge01", "site": "los", "image": "debian", "labels": {"a": "1"},
        "nics": [{"mac": "52:54:00:77:00:01", "ip": "10.0.0.1", "boot": True},
                 {"mac": "52:54:00:77:00:02"}],
        "bmc": {"address": "2001:db8::1", "port": 6230, "user": "u", "cipher": 17,
                "password": "s3cret"}}


def test_host_password_ways(fake):
    fake.on("POST", "/api/v1/hosts", {"name": "edge01"}, status=201)
    r = fake.run("host", "add", "edge01", "--site", "los", "--bmc", "b", "--bmc-user", "u", "--bmc-password-file",
                 "-", stdin="fromstdin\n")
    assert r.returncode == 0
    assert fake.requests[-1].body["bmc"]["password"] == "fromstdin"
    n = len(fake.requests)
    exposed = fake.write("pw", "x\n", 0o644)
    r = fake.run("host", "add", "edge01", "--site", "los", "--bmc", "b", "--bmc-password-file", exposed)
    assert (r.returncode, len(fake.requests)) == (1, n)
    assert "password-exposed" in r.stderr
    # No terminal to ask on: setsid takes it away.
    r = subprocess.run(["setsid", "-w", ctl_fake.CTL, "host", "add", "edge01", "--site", "los", "--bmc", "b",
                        "--bmc-user", "u"], env=fake.env(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert (r.returncode, "no-password" in r.stderr) == (1, True)


def typed(fake, *argv, lines):
    """netboot-ctl at a terminal, at which that is typed: (status, what the terminal showed)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(ctl_fake.CTL, [ctl_fake.CTL, *argv], fake.env())
    shown = ""
    for prompt, line in lines:
        while prompt not in shown.rpartition("\0")[2]:
            shown += os.read(fd, 1000).decode()
        shown += "\0"
        os.write(fd, line.encode() + b"\n")
    try:
        while data := os.read(fd, 1000):
            shown += data.decode()
    except OSError:  # it has ended
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.replace("\0", "")


HOST_NOW = {"name": "edge01", "site": "los", "bmc": {"address": "b", "user": "u", "require_cipher": 17}}


def patched(fake, *argv, status=0, stdin=""):
    """What `host set` sends of the BMC."""
    n = len([r for r in fake.requests if r.method == "PATCH"])
    r = fake.run("host", "set", "edge01", *argv, stdin=stdin)
    assert r.returncode == status, r.stderr
    sent = [x for x in fake.requests if x.method == "PATCH"][n:]
    return sent[0].body["bmc"] if sent else r.stderr


def test_host_secrets(fake):
    fake.on("GET", "/api/v1/hosts/edge01", HOST_NOW)
    fake.on("PATCH", "/api/v1/hosts/edge01", HOST_NOW)
    kg = fake.write("kg", "0102030405060708090a0b0c0d0e0f1011121314\n")
    assert patched(fake, "--bmc-kg-file", kg) == {"kg": "0102030405060708090a0b0c0d0e0f1011121314"}
    assert patched(fake, "--bmc-kg-file", "-", stdin="text\n") == {"kg": "text"}
    assert patched(fake, "--bmc-password-file", "-", stdin="pw\n") == {"password": "pw"}
    assert patched(fake, "--no-bmc-kg", "--no-bmc-password") == {"kg": "", "password": ""}
    assert "no-bmc-kg" in patched(fake, "--no-bmc-kg", "--bmc-kg-file", kg, status=1)
    assert "kg-exposed" in patched(fake, "--bmc-kg-file", fake.write("kg2", "x\n", 0o644), status=1)
    assert "no-kg" in patched(fake, "--bmc-kg-file", "-", status=1)
    # Never as an argument.
    assert "--bmc-password" in patched(fake, "--bmc-password=secret", status=1)
    assert patched(fake, "--bmc-require-cipher", "17") == {"require_cipher": 17}
    assert patched(fake, "--bmc-require-cipher", "0") == {"require_cipher": 0}
    assert patched(fake, "--bmc-require-cipher", "site") == {"require_cipher": None}
    assert patched(fake, "--bmc-require-cipher", "3", status=1)


def test_host_secrets_are_typed_twice_and_not_shown(fake):
    fake.on("GET", "/api/v1/hosts/edge01", HOST_NOW)
    fake.on("PATCH", "/api/v1/hosts/edge01", HOST_NOW)
    both = [("Password of edge01's BMC: ", "s3cret!"), ("again: ", "s3cret!")]
    status, shown = typed(fake, "host", "set", "edge01", "--bmc-password", lines=both)
    assert (status, "s3cret!" in shown) == (0, False), shown
    assert fake.requests[-1].body == {"bmc": {"password": "s3cret!"}}
    n = len(fake.requests)
    status, shown = typed(fake, "host", "set", "edge01", "--bmc-kg",
                          lines=[("K_g of edge01's BMC: ", "one"), ("again: ", "other")])
    assert status == 1 and "no-kg" in shown and "one\r" not in shown, shown
    assert [r.method for r in fake.requests[n:]] == ["GET"]


def test_apply_takes_kg_from_files(fake):
    fake.on("POST", "/api/v1/apply", {"changes": []})
    kg = "    bmc: {address: 10.78.0.1, user: u, kg_file: kg, require_cipher: 17}\n"
    fake.write("kg", "0102030405060708090a0b0c0d0e0f1011121314\n")
    path = fake.write("inv.yaml", "hosts:\n  - name: a\n    site: los\n" + kg)
    r = fake.run("apply", "-f", path)
    assert r.returncode == 0, r.stderr
    assert fake.requests[-1].body["document"]["hosts"][0]["bmc"] == {
        "address": "10.78.0.1", "user": "u", "kg": "0102030405060708090a0b0c0d0e0f1011121314", "require_cipher": 17}
    path = fake.write("inv.yaml", "hosts:\n  - name: a\n    site: los\n    bmc: {address: b, kg: topsecret}\n", 0o644)
    r = fake.run("apply", "-f", path)
    assert r.returncode == 1 and "kg-exposed" in r.stderr and "topsecret" not in r.stderr
    path = fake.write("inv.yaml", "hosts:\n  - name: a\n    site: los\n    bmc: {address: b, kg: '', password: ''}\n", 0o644)
    assert fake.run("apply", "-f", path).returncode == 0
    assert fake.requests[-1].body["document"]["hosts"][0]["bmc"] == {"address": "b", "kg": "", "password": ""}


def test_an_empty_name_is_no_name(fake):
    """What a script's empty variable leaves must not mean all hosts, or another resource."""
    for words in (["host", "show"], ["host", "rm"], ["host", "list"], ["history"], ["watch"], ["status"],
                  ["power", "status"], ["site", "rm"], ["image", "verify"], ["job", "cancel"]):
        r = fake.run(*words, "")
        assert (r.returncode, r.stdout) == (1, ""), words
        assert r.stderr.startswith(f"netboot-ctl: usage: {' '.join(words)}: ") and "is empty" in r.stderr
    assert fake.requests == []


def test_a_new_host_stands_at_a_site(fake):
    r = fake.run("host", "add", "edge01", "--nic", "52:54:00:77:00:01")
    assert (r.returncode, r.stderr) == (1, "edge01: usage: host add needs --site: site list shows them\n")
    assert fake.requests == []


def test_host_set_is_a_merge_patch_under_the_etag(fake):
    fake.on("GET", "/api/v1/hosts/edge01", {"name": "edge01", "bmc": {"address": "a"}},
            etag='"host-7"')
    fake.on("PATCH", "/api/v1/hosts/edge01", {"name": "edge01"})
    r = fake.run("host", "set", "edge01", "--label", "a=", "--label", "b=2", "--bmc-user", "v")
    assert (r.returncode, r.stderr) == (0, "edge01: changed\n")
    rq = fake.find("PATCH", "/api/v1/hosts/edge01")[0]
    assert rq.body == {"labels": {"a": None, "b": "2"}, "bmc": {"user": "v"}}
    assert rq.headers["If-Match"] == '"host-7"'
    assert fake.run("host", "set", "edge01", "--image", "", "--probe=", "--idle=").returncode == 0
    assert fake.requests[-1].body == {"image": None, "probe": None, "idle": None}
    fake.on("PATCH", "/api/v1/hosts/edge01", fake.problem(412, "changed-meanwhile", "x", "again"))
    r = fake.run("host", "set", "edge01", "--serial", "1")
    assert (r.returncode, r.stderr) == (3, "edge01: changed-meanwhile: x: again\n")


def test_host_lock_unlock_rm(fake):
    fake.on("POST", "/api/v1/hosts/edge01/(un)?lock", {"name": "edge01"})
    fake.on("DELETE", "/api/v1/hosts/edge01", {})
    assert fake.run("host", "lock", "edge01").returncode == 1
    assert fake.run("host", "lock", "edge01", "--reason", "disk").stderr == "edge01: locked\n"
    assert fake.requests[-1].body == {"reason": "disk"}
    assert fake.run("host", "unlock", "edge01").returncode == 0
    assert fake.run("host", "rm", "edge01").stderr == "edge01: removed\n"


def test_host_list_pages_and_formats(fake):
    def hosts(rq):
        n = int(rq.query.get("cursor", 0))
        rows = [{"name": f"edge{n + i:02}", "site": "los", "labels": {}} for i in range(2)]
        return items(*rows, cursor=str(n + 2) if n < 4 else None)
    fake.on("GET", "/api/v1/hosts", hosts)
    r = fake.run("host", "list", "edge[00-05]", "--site", "los", "--no-headers")
    assert [line.split()[0] for line in r.stdout.splitlines()] == [f"edge0{i}" for i in range(6)]
    assert fake.requests[0].query == {"hosts": "edge[00-05]", "site": "los",
                                      "limit": "1000"}
    assert len(json.loads(fake.run("host", "list", "-o", "json").stdout)["items"]) == 6
    lines = fake.run("host", "list", "-o", "ndjson").stdout.splitlines()
    assert json.loads(lines[5]) == {"name": "edge05", "site": "los", "labels": {}}
    assert "SERIAL" in fake.run("host", "list", "-o", "wide").stdout


def test_names_are_encoded_in_paths(fake):
    fake.on("GET", "/api/v1/hosts/.*", fake.problem(404, "host-unknown", "no such host"))
    r = fake.run("host", "show", "../../x?y=1#z")
    assert r.returncode == 1
    assert fake.requests[0].path == "/api/v1/hosts/../../x?y=1#z"


def test_site_add_and_set(fake):
    fake.on("POST", "/api/v1/sites", {"name": "los"}, status=201)
    fake.on("GET", "/api/v1/sites/los", {"name": "los"}, etag='"site-1"')
    fake.on("PATCH", "/api/v1/sites/los", {"name": "los"})
    r = fake.run("site", "add", "los", "--timezone", "Africa/Lagos", "--unknown", "pool",
                 "--subnet", "10.0.0.0/24,gateway=10.0.0.1,pool=10.0.0.5-10.0.0.9,lease=1h")
    assert r.returncode == 0
    assert fake.requests[0].body == {
        "name": "los", "timezone": "Africa/Lagos", "answer_unknown": True,
        "subnets": [{"prefix": "10.0.0.0/24", "gateway": "10.0.0.1",
                     "pool": ["10.0.0.5", "10.0.0.9"], "lease_s": 3600}]}
    assert fake.run("site", "set", "los", "--idle", "silent").returncode == 0
    assert fake.requests[-1].body == {"idle": "silent"}
    assert fake.run("site", "set", "los", "--menu-item", "grml,local", "--menu-item", "shell", "--menu-default", "grml",
                    "--menu-timeout", "1m", "--menu-keymap", "de", "--menu-title", "").returncode == 0
    assert fake.requests[-1].body == {"menu": {"items": ["grml", "local", "shell"], "default": "grml", "timeout_s": 60,
                                               "keymap": "de", "title": None}}
    assert fake.run("site", "set", "los", "--menu-timeout", "0").returncode == 0
    assert fake.requests[-1].body == {"menu": {"timeout_s": 0}}
    assert fake.run("site", "set", "los", "--no-menu").returncode == 0
    assert fake.requests[-1].body == {"menu": None}
    r = fake.run("site", "set", "los", "--menu-timeout", "soon")
    assert r.returncode == 1 and "--menu-timeout" in r.stderr
    r = fake.run("site", "add", "los", "--subnet", "10.0.0.0/24,speed=1")
    assert (r.returncode, "'speed=1'" in r.stderr) == (1, True)


def test_image_add_and_verify(fake):
    fake.on("POST", "/api/v1/images", {"name": "d"}, status=201)
    r = fake.run("image", "add", "d", "--kind", "reinstall", "--kernel", "d/vmlinuz", "--initrd",
                 "d/a", "--initrd", "d/b", "--file", "d/x,name=y", "--args", "a=${report}",
                 "--report", "up", "--report", "installed", "--local-boot", "--deadline",
                 "kernel=10m")
    assert r.returncode == 0
    assert fake.requests[0].body == {
        "name": "d", "kind": "reinstall", "kernel": {"path": "d/vmlinuz"},
        "initrds": [{"path": "d/a"}, {"path": "d/b"}], "files": [{"path": "d/x", "name": "y"}],
        "args": "a=${report}", "reports": ["up", "installed"], "local_boot": True,
        "deadlines": {"kernel": 600}}
    assert fake.run("image", "add", "d", "--kind", "tool").returncode == 1
    fake.on("POST", "/api/v1/images/d/verify", {"ok": False, "files": [
        {"path": "d/vmlinuz", "sha256": "aa", "found": "aa", "ok": True},
        {"path": "d/a", "sha256": "bb", "found": "cc", "ok": False},
        {"path": "d/b", "sha256": "bb", "found": None, "ok": False}]})
    r = fake.run("image", "verify", "d")
    assert r.returncode == 3
    assert [line.split(": ")[:3] for line in r.stderr.splitlines()] == [
        ["d", "image-altered", "d/a is not the file that was added"],
        ["d", "image-missing", "d/b is missing"]]


# ---- looking


def boot(ident, **more):
    return dict({"id": ident, "host": "edge01", "site": "los", "job": JOB, "attempt": 1, "planned": True,
                 "trigger": "power", "began": "2026-01-31T09:30:00.000Z",
                 "ended": "2026-01-31T09:32:31.000Z", "outcome": "ok", "text": "",
                 "kind": "reinstall", "by": "ann", "reason": "INC 1", "flags": [], "verdict": None,
                 "image": "debian", "arch": "x64-uefi", "octets": 0}, **more)


@pytest.fixture
def history(fake):
    unplanned = boot("01k9xyz0a0b00t02", job=None, planned=False, trigger="netboot", image=None, kind=None, by=None,
                     reason=None, outcome="failed", text="no answer", ended=None, flags=["unordered", "other-dhcp"],
                     verdict={"code": "other-dhcp-answered", "text": "t", "next": "n"})
    fake.on("GET", "/api/v1/boots", items(boot("01k9xyz0a0b00t01"), unplanned))
    fake.on("GET", "/api/v1/jobs", items({"id": JOB, "kind": "reinstall", "by": "ann",
                                          "reason": "INC 1", "host": "edge01"}))
    stage = {"stage": "kernel", "state": "confirmed", "attempt": 1, "deadline_us": 600000000,
             "entered": "2026-01-31T09:31:00.000Z", "confirmed": "2026-01-31T09:31:04.000Z",
             "evidence": "14 MB acknowledged"}
    full = {"stages": [stage], "transfers": [{"at": "2026-01-31T09:31:04.000Z", "kind": "http.end",
                                              "file": "vmlinuz", "bytes": 14000000}]}
    for b in (boot("01k9xyz0a0b00t01"), unplanned):
        fake.on("GET", f"/api/v1/boots/{b['id']}", dict(b, **full))
    fake.on("GET", f"/api/v1/jobs/{JOB}", {
        "id": JOB, "kind": "reinstall", "host": "edge01", "site": "los", "state": "failed",
        "created": "2026-01-31T09:29:00.000Z", "reason": "INC 1", "by": "ann",
        "verdict": {"code": "kernel-stalled", "text": "t", "next": "n"}, "stages": [stage]})
    return fake


def test_history_in_the_sites_time(history):
    r = history.run("history", "edge01")
    assert r.returncode == 0
    title, planned, unplanned = r.stdout.splitlines()
    assert title.split() == ["BEGAN", "KIND", "IMAGE", "BY", "REASON", "TOOK", "FLAGS", "OUTCOME"]
    assert planned.split() == ["2026-01-31", "10:30:00+01:00", "reinstall", "debian", "ann", "INC",
                               "1", "2m31s", "-", "ok"]
    assert unplanned.split() == ["2026-01-31", "10:30:00+01:00", "unordered", "-", "-", "-", "-",
                                 "unordered,other-dhcp", "failed:", "other-dhcp-answered:", "no", "answer"]
    rows = json.loads(history.run("history", "edge01", "-o", "json").stdout)["items"]
    assert [(b["id"], b.get("kind"), b.get("by")) for b in rows] == [
        ("01k9xyz0a0b00t01", "reinstall", "ann"), ("01k9xyz0a0b00t02", None, None)]


def test_a_long_history_is_read_page_by_page(fake):
    fake.on("GET", "/api/v1/jobs", items())
    ids = [f"01k9xyz0a0b00t{n:02d}" for n in range(5)]
    fake.on("GET", "/api/v1/boots", items(*[boot(i) for i in ids]))
    r = fake.run("history", "edge01", "--limit", "3", "-o", "json")
    assert [b["id"] for b in json.loads(r.stdout)["items"]] == ids[:3]
    assert "the newest 3" in r.stderr
    assert "4" in str([q.query for q in fake.requests if "/boots" in q.path][-1]["limit"])
    r = fake.run("history", "edge01", "--limit", "0", "-o", "json")
    assert len(json.loads(r.stdout)["items"]) == 5 and r.stderr == ""
    fake.on("GET", "/api/v1/boots", items(boot("01k9xyz0a0b00t05", trigger="power-off", kind=None, planned=False,
                                               flags=["power-off-seen"], outcome=None, ended=None)))
    assert " powered-off " in fake.run("history", "edge01").stdout
    assert fake.run("history", "edge01", "--limit", "x").returncode == 1


def test_history_with_stages(history):
    r = history.run("history", "edge01", "--stages")
    assert r.stdout.count("14 MB acknowledged") == 2
    rows = json.loads(history.run("history", "edge01", "--stages", "-o", "json").stdout)["items"]
    assert rows[0]["stages"][0]["stage"] == "kernel" and rows[0]["by"] == "ann"


def test_job_show_and_trace(history):
    r = history.run("job", "show", JOB)
    assert r.returncode == 0
    for part in ("verdict:  kernel-stalled", "created:  2026-01-31 10:29:00+01:00", "next:     n",
                 "kernel  1        2026-01-31 10:31:00+01:00  4.0s  confirmed"):
        assert part in r.stdout
    # By the end of its id, and as the server said it.
    r = history.run("job", "show", "abcdef", "-o", "json")
    assert json.loads(r.stdout)["stages"][0]["evidence"] == "14 MB acknowledged"
    doc = {"boot": dict(boot("01k9xyz0a0b00t01"), console=None), "began": "2026-01-31T09:30:00.000Z",
           "ended": "2026-01-31T09:32:31.000Z", "marks": [],
           "spans": [{"row": "stage", "name": "kernel", "began": "2026-01-31T09:31:00.000Z",
                      "ended": "2026-01-31T09:31:04.000Z", "state": "confirmed", "text": "14 MB acknowledged"}]}
    history.on("GET", "/api/v1/boots/01k9xyz0a0b00t01/trace", doc)
    history.on("GET", "/api/v1/hosts/edge01", {"name": "edge01"})
    r = history.run("trace", "b00t01")
    assert r.returncode == 0 and "ok kernel         4.0s" in r.stdout and "2026-01-31 10:30:00+01:00" in r.stdout
    assert "console:" not in r.stdout and "14 MB" not in r.stdout
    assert history.run("trace", "edge01").stdout == r.stdout
    assert "kernel: 14 MB acknowledged" in history.run("-o", "wide", "trace", "b00t01").stdout
    assert json.loads(history.run("-o", "json", "trace", "b00t01").stdout) == doc
    doc["boot"]["console"] = {"id": "01k9xyz0a0b00t01", "of": "boot", "began": "2026-01-31T09:30:00.000Z", "last": "2026-01-31T09:31:00.000Z",
                              "size": 70000, "octets": 60000, "gaps": 2, "truncated": True, "ended": False}
    doc["boot"]["ended"] = None
    r = history.run("trace", "b00t01")
    line = [x for x in r.stdout.splitlines() if x.startswith("console:")][0].split(None, 1)[1]
    assert line == ("60.0 kB, 2 gaps, cut at its limit, goes on: netboot-ctl console edge01 --replay 01k9xyz0a0b00t01"), line
    # A boot that is over waits for the rest at most; a BMC without SOL gives a recording without a word.
    doc["boot"]["ended"] = "2026-01-31T09:32:31.000Z"
    assert ", cut at its limit: netboot-ctl" in history.run("trace", "b00t01").stdout
    doc["boot"]["console"].update(octets=0, gaps=0, truncated=False)
    assert "console:  nothing came\n" in history.run("trace", "b00t01").stdout
    for given, code in (("zzzzzz", "id-unknown"), ("01k9", "id-ambiguous"), ("abc", "id-unknown")):
        r = history.run("trace", given)
        assert (r.returncode, r.stderr.split(": ")[1]) == (1, code)


def test_why_and_trace_take_the_same_for_the_same(fake):
    """A part that a job and a boot have names neither; a host of that very name comes first, even one that could be an id."""
    job, boot_id = "01k9xyz0a0jaaaaa", "01k9xyz0a0b0000b"
    fake.on("GET", "/api/v1/jobs", items({"id": job}))
    fake.on("GET", "/api/v1/boots", items(boot(boot_id)))
    fake.on("GET", f"/api/v1/jobs/{job}", {"id": job, "boot": boot_id})
    fake.on("GET", f"/api/v1/boots/{boot_id}", boot(boot_id))
    fake.on("GET", f"/api/v1/boots/{boot_id}/trace", {"boot": boot(boot_id), "marks": [], "spans": []})
    fake.on("GET", "/api/v1/why", lambda rq: {"of": {"host": rq.query["of"]}, "evidence": []})
    for command in ("why", "trace"):
        r = fake.run(command, "01k9xyz")
        assert (r.returncode, r.stderr.split(": ")[1:3]) == (1, [
            "id-ambiguous", "2 of the jobs and boots have ids that begin or end so"]), r
        for given in (job, boot_id, job[-6:], boot_id[-6:]):
            assert fake.run("-o", "json", command, given).returncode == 0, (command, given)
    assert [rq.query["of"] for rq in fake.find("GET", "/api/v1/why")] == [job, boot_id, job, boot_id]
    host = "webserver0000001"
    fake.on("GET", f"/api/v1/hosts/{host}", {"name": host})
    for command in ("why", "trace"):
        assert fake.run("-o", "json", command, host).returncode == 0
    assert fake.find("GET", "/api/v1/why")[-1].query["of"] == host
    assert fake.find("GET", "/api/v1/boots")[-1].query["host"] == host


def test_a_row_of_a_wrong_clock_hides_none_of_the_audit(fake):
    rows = [{"seq": n, "at": "2026-01-31T09:30:00.000Z", "who": "ann"} for n in range(9, 3, -1)]
    rows[2]["at"] = "1970-01-01T00:00:01.000Z"
    fake.on("GET", "/api/v1/audit", items(*rows))
    r = fake.run("-o", "json", "audit", "list", "--since", "2026-01-31T09:00:00Z")
    assert [x["seq"] for x in json.loads(r.stdout)["items"]] == [9, 8, 6, 5, 4] and r.stderr == ""
    r = fake.run("-o", "json", "audit", "list", "--limit", "2")
    assert [x["seq"] for x in json.loads(r.stdout)["items"]] == [9, 8]
    assert r.stderr == "these are the newest 2; --limit N shows more\n"


def test_job_list_and_cancel(fake):
    fake.on("GET", "/api/v1/jobs", lambda rq: items(
        {"id": JOB, "host": "edge01", "kind": "live", "state": "failed", "stage": "kernel",
         "verdict": {"code": "kernel-stalled"}, "created": 1769851800000000}))
    r = fake.run("job", "list", "--host", "edge01", "--state", "ended", "--kind", "live")
    assert fake.requests[0].query == {"hosts": "edge01", "state": "ended", "kind": "live",
                                      "limit": "100"}
    assert "failed: kernel-stalled" in r.stdout
    fake.on("POST", f"/api/v1/jobs/{JOB}/cancel", {"id": JOB, "host": "edge01",
                                                   "state": "running"})
    r = fake.run("job", "cancel", JOB, "--reason", "oops")
    assert (r.returncode, r.stderr) == (0, "edge01: will be cancelled\n")
    assert fake.requests[-1].body == {"reason": "oops"}


def power_answers(fake):
    def answer(host, power, code="", why=""):
        return {"host": host, "power": power, "code": code, "why": why}

    on, lost = answer("edge01", "on"), answer("edge02", "unknown", "bmc-auth", "bmc-auth: refused\x1b: correct it")
    fake.on("POST", "/api/v1/bmc/power-status", ctl_fake.Lines(
        [{"hosts": ["edge01"]}, on, {"done": {"hosts": 1, "ok": 1, "failed": 0}}]))
    r = fake.run("power", "status", "edge01")
    assert (r.returncode, r.stdout, r.stderr) == (0, "edge01: on\n", "")
    assert fake.requests[-1].body == {"hosts": "edge01"}
    # One host twice, one that was not asked for, and a stream that breaks off: each host once.
    fake.on("POST", "/api/v1/bmc/power-status", ctl_fake.Lines(
        [{"hosts": ["edge01", "edge02", "edge03"]}, on, on, dict(on, host="edge99"), lost]))
    r = fake.run("power", "status", "all")
    assert (r.returncode, r.stdout) == (5, "edge01: on\nedge02: unknown (bmc-auth)\nedge03: unknown (answer-lost)\n")
    assert "edge02: bmc-auth: refused\\x1b: correct it\n" in r.stderr
    assert "all: server-unreachable: " in r.stderr
    r = fake.run("-o", "json", "power", "status", "all")
    assert [i["host"] for i in json.loads(r.stdout)["items"]] == ["edge01", "edge02", "edge03"]
    fake.on("POST", "/api/v1/bmc/power-status", ctl_fake.Lines(
        [{"hosts": ["edge01", "edge02", "edge03"]}, on, lost, dict(on, host="edge03"),
         {"done": {"hosts": 3, "ok": 2, "failed": 1}}]))
    r = fake.run("power", "status", "all", "--collate")
    assert (r.returncode, r.stdout) == (2, "edge[01,03]: on\nedge02: unknown (bmc-auth)\n")
    assert r.stderr == "edge02: bmc-auth: refused\\x1b: correct it\n"


# The server says that it is through, and has left one out: that one has its line too.
def test_a_host_that_the_server_forgets(fake):
    on = {"host": "edge01", "power": "on", "code": "", "why": ""}
    fake.on("POST", "/api/v1/bmc/power-status", ctl_fake.Lines(
        [{"hosts": ["edge01", "edge02"]}, on, {"done": {"hosts": 2, "ok": 1, "failed": 1}}]))
    r = fake.run("power", "status", "all")
    assert (r.returncode, r.stdout) == (2, "edge01: on\nedge02: unknown (answer-lost)\n")


# What was perhaps done is not called failed, and nobody is told to do it once more.
def test_an_answer_that_is_lost_of_what_changes_a_machine(fake):
    fake.on("POST", "/api/v1/bmc/bmc-reset", ctl_fake.Lines([{"hosts": ["edge01"]}]))
    r = fake.run("bmc", "reset", "edge01", "--yes", "--reason", "INC-1")
    assert (r.returncode, r.stdout) == (5, "edge01: unknown (answer-lost)\n")
    line = r.stderr.splitlines()[0]
    assert line.startswith("edge01: answer-lost: ") and "may have been done" in line and "ask again" not in line


def test_options_that_contradict_each_other(fake):
    for words in (["identify", "edge01", "--on", "--off"], ["identify", "edge01", "--on", "--for", "5s"],
                  ["sel", "edge01", "--clear", "--last", "5", "--yes", "--reason", "INC-1"]):
        r = fake.run(*words)
        assert r.returncode == 1 and r.stderr.startswith("edge01: usage: ") and r.stderr.count(": ") >= 3, r
    assert not [rq for rq in fake.requests if rq.method == "POST"]


# Whatever an agent says of a BMC, or a BMC of itself.
def test_nothing_reaches_the_terminal_as_it_came(fake):
    evil = "\x1b]0;x\x07"
    data = {"learned": {"device": {"product": evil}}, "manners": {evil: {"value": evil, "from": evil, "source": evil}}}
    entry = {"id": 1, "at": evil, "sensor_type": evil, "sensor": 3, "asserted": True, "text": evil, "raw": evil}
    for verb, words, data in (
            ("bmc-show", ["bmc", "show", "edge01", "--blame"], data),
            ("sel", ["sel", "edge01"], {"entries": 1, "sel": [entry, dict(entry, oem=200)]}),
            ("sensors", ["sensors", "edge01"], {"sensors": [{"name": evil, "status": evil, "value": 1.5, "unit": evil}]}),
            ("bmc-audit", ["bmc", "audit", "edge01"], {"findings": [dict.fromkeys(("level", "code", "text", "next"), evil)]})):
        for more in ([], ["--collate"]):
            fake.on("POST", f"/api/v1/bmc/{verb}", ctl_fake.Lines(
                [{"hosts": ["edge01"]}, {"host": "edge01", "code": "", "why": "", "power": "unknown", "data": data},
                 {"done": {"hosts": 1, "ok": 1, "failed": 0}}]))
            r = fake.run(*words, *more)
            assert r.returncode == 0 and "\\x1b]0;x" in r.stdout, r
            assert "\x1b" not in r.stdout + r.stderr and "\x07" not in r.stdout + r.stderr, (words, r.stdout)


def test_status_power_doctor_agents(fake):
    fake.on("GET", "/api/v1/status", items(
        {"host": "edge01", "site": "los", "state": "busy", "kind": "live", "stage": "kernel",
         "in_stage_us": 65000000, "deadline_us": 600000000, "attempt": 2, "power": "on"}))
    r = fake.run("status", "edge01", "--stuck")
    assert fake.requests[0].query == {"hosts": "edge01", "stuck": "1", "limit": "1000"}
    assert r.stdout.splitlines()[1].split()[:9] == ["edge01", "los", "busy", "live", "kernel",
                                                    "1m05s", "10m00s", "2", "on"]
    # What is not promised at a site with its own servers is not hidden by what else is the matter.
    late = {"host": "edge01", "site": "los", "state": "busy", "reason": "deadline passed"}
    quiet = {"host": "edge02", "site": "los", "state": "busy", "reason": "own servers: not held back"}
    fake.on("GET", "/api/v1/status", items(late, dict(late, confirmed_by="logs"), dict(quiet, confirmed_by="logs")))
    assert [line.split("busy")[1].split(" -")[-1].strip() for line in fake.run("status").stdout.splitlines()[1:]] == [
        "deadline passed", "deadline passed (own servers: not held back)", "own servers: not held back"]
    power_answers(fake)
    finding = {"level": "warn", "check": "disk", "text": "90 % full", "next": "clean up"}
    fake.on("GET", "/api/v1/doctor", {"findings": [finding]})
    assert fake.run("doctor").returncode == 0
    fake.on("GET", "/api/v1/doctor", {"findings": [finding, dict(finding, level="fail")]})
    assert fake.run("doctor").returncode == 2
    fake.on("GET", "/api/v1/agents", items({"site": "los", "agent": JOB, "lag": 3,
                                            "last_seen": "2026-01-31T09:30:00.000Z"}))
    assert "2026-01-31 10:30:00+01:00" in fake.run("agent", "list").stdout


def events_route(fake):
    def page(rq):
        after, limit = int(rq.query.get("after", 0)), int(rq.query.get("limit", 200))
        rows = [e for e in fake.events if e["seq"] > after and
                rq.query.get("host") in (None, e["host"])]
        return dict(items(*rows[:limit]), next=str(rows[limit - 1]["seq"]) if len(rows) > limit else None)
    fake.on("GET", "/api/v1/events", page)


def test_events_are_the_newest(fake):
    events_route(fake)
    for i in range(2500):
        fake.events.append({"seq": i + 1, "at": "2026-01-31T09:30:00.000Z", "kind": "dhcp4.offer",
                            "host": f"edge{i % 2:02}", "site": "los", "job": "",
                            "detail": {"n": i}})
    r = fake.run("events", "--limit", "3", "--no-headers")
    assert [line.split()[-1] for line in r.stdout.splitlines()] == ["n=2497", "n=2498", "n=2499"]
    r = fake.run("events", "--host", "edge00", "--limit", "2", "-o", "ndjson")
    assert [json.loads(line)["seq"] for line in r.stdout.splitlines()] == [2497, 2499]


def test_events_are_for_people(fake):
    events_route(fake)
    fake.add_event("job.stage", host="edge01", detail={"stage": "kernel", "deadline_us": 600000000})
    fake.add_event("job.failed", host="edge01", reason="no octet", detail={"code": "kernel-stalled", "text": "no octet"})
    rows = fake.run("events", "--no-headers").stdout.splitlines()
    assert rows[0].endswith("stage=kernel deadline=10m00s")
    assert rows[1].endswith("no octet code=kernel-stalled")


def test_following_begins_with_as_many_as_asked_for(fake):
    events_route(fake)
    for n in range(3):
        fake.add_event("dhcp4.offer", host=f"edge0{n}")
    for form in ("table", "ndjson"):
        p = fake.popen("events", "--follow", "--limit", "1", "--no-headers", "-o", form)
        assert "edge02" in p.stdout.readline()
        fake.add_event("dhcp4.ack", host="edge02")
        assert "dhcp4.ack" in p.stdout.readline()
        p.kill()
        p.wait()
        p.stdout.close()


def test_events_follow_survives_a_restart(fake):
    events_route(fake)
    fake.add_event("http.end", host="edge01", file="vmlinuz", bytes=14000000, total=14000000)
    p = fake.popen("events", "--host", "edge01", "--follow", "--no-headers")
    assert p.stdout.readline().split()[2:] == ["http.end", "edge01", "vmlinuz", "14.0", "MB", "of",
                                               "14.0", "MB"]
    fake.add_event("dhcp4.offer", host="edge01")
    assert "dhcp4.offer" in p.stdout.readline()
    fake.stop()
    fake.start()
    fake.add_event("dhcp4.ack", host="edge01")
    assert "dhcp4.ack" in p.stdout.readline()
    p.kill()
    p.wait()
    p.stdout.close()
    p.stderr.close()


# ---- the rest


COMMANDS = [["site", "list"], ["host", "list"], ["host", "show", "a"], ["image", "list"], ["export"],
            ["image", "verify", "a"], ["status"], ["history", "a"], ["events"], ["doctor"],
            ["events", "--follow"], ["agent", "list"], ["job", "list"], ["watch", "a"],
            ["power", "status", "a"], ["job", "cancel", JOB], ["host", "rm", "a"],
            ["reboot", "a"], ["trace", JOB]]


def test_every_command_ends_with_5_without_a_server(fake):
    d, path = ctl_fake.unused_socket()
    try:
        for words in COMMANDS:
            r = fake.run(*words, NETBOOT_SERVER=f"unix:{path}")
            assert (r.returncode, r.stdout) == (5, ""), words
            assert ": server-unreachable: " in r.stderr
    finally:
        shutil.rmtree(d)


def test_an_answer_that_is_no_json_is_no_answer(fake):
    fake.on("GET", "/api/v1/doctor", 3)
    r = fake.run("doctor")
    assert (r.returncode, "is not JSON" in r.stderr) == (5, True)
    fake.on("GET", "/api/v1/doctor", lambda rq: (502, {}))
    assert fake.run("doctor").returncode == 5


def test_usage(fake):
    for words in ([], ["reinstal", "a"], ["host"], ["host", "list", "--sit", "x"],
                  ["site", "list", "-o", "xml"], ["reboot", "a", "--limit", "none"],
                  ["reboot", "a", "--wait=soon"]):
        r = fake.run(*words)
        assert (r.returncode, r.stdout) == (1, ""), words
        assert ": usage: " in r.stderr
    for words in (["--help"], ["host", "--help"], ["reinstall", "--help"], ["--version"]):
        r = fake.run(*words)
        assert (r.returncode, r.stderr) == (0, ""), words
    assert fake.requests == []


def complete(fake, *words):
    """What bash would offer for the last word."""
    script = os.path.join(PACKAGING, "completions", "netboot-ctl.bash")
    code = (f"source {script}; compopt() {{ :; }}; COMP_WORDS=(netboot-ctl \"$@\");"
            "COMP_CWORD=$#; _netboot_ctl; printf '%s\\n' \"${COMPREPLY[@]}\"")
    env = fake.env(PATH=os.path.dirname(ctl_fake.CTL) + ":" + os.environ["PATH"])
    r = subprocess.run(["bash", "-c", code, "bash", *words], env=env, text=True, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert r.stderr == ""
    return r.stdout.splitlines() if r.stdout.strip() else []


def test_bash_completion(fake, tmp_path):
    fake.on("GET", "/api/v1/hosts", items({"name": "edge01"}, {"name": "edge02"},
                                          {"name": "web01"}))
    fake.on("GET", "/api/v1/images", items({"name": "debian"}))
    assert complete(fake, "rein") == ["reinstall"]
    assert complete(fake, "power", "c") == ["cycle"]
    assert complete(fake, "reinstall", "ed") == ["edge01", "edge02"]
    assert complete(fake, "reinstall", "web01,ed") == ["web01,edge01", "web01,edge02"]
    assert complete(fake, "reinstall", "all,-w") == ["all,-web01"]
    assert complete(fake, "job", "list", "--host", "edge01,w") == ["edge01,web01"]
    assert complete(fake, "reinstall", "edge01", "--rea") == ["--reason="]
    assert complete(fake, "reinstall", "edge01", "--image", "=", "d") == ["debian"]
    assert complete(fake, "reinstall", "edge01", "--reason", "e") == []
    assert complete(fake, "site", "list", "-o", "nd") == ["ndjson"]
    assert complete(fake, "host", "set", "edge01", "--idle", "s") == ["silent"]
    assert complete(fake, "site", "config", "lab", "--for", "k") == ["kea", "kea6"]
    assert complete(fake, "site", "config", "lab", "--for", "=", "k") == ["kea", "kea6"]
    assert complete(fake, "image", "import", "debian") == ["debian-live", "debian-installer"]
    here = str(tmp_path / "grml")
    for name in "grml full.iso", "grml.txt":
        (tmp_path / name).write_text("")
    assert sorted(complete(fake, "image", "import", "grml", here)) == sorted([f"{here} full.iso", f"{here}.txt"])
    assert complete(fake, "image", "import", "grml", "--na") == ["--name="]


def test_bash_completion_of_what_is_seen_and_who_may(fake):
    fake.on("GET", "/api/v1/hosts", items({"name": "edge01"}, {"name": "web01"}))
    fake.on("GET", "/api/v1/discovered", items({"mac": "52:54:00:aa:00:01"}, {"mac": "52:54:00:bb:00:02"}))
    fake.on("GET", "/api/v1/tokens", items({"name": "ann"}, {"name": "bob"}))
    fake.on("GET", "/api/v1/webhooks", items({"name": "ops"}))
    assert complete(fake, "trace", "ed") == ["edge01"]
    assert complete(fake, "why", "ed") == ["edge01"]
    assert complete(fake, "token", "rm", "a") == ["ann"]
    # A new one has a new name.
    assert complete(fake, "token", "add", "") == []
    assert complete(fake, "webhook", "test", "") == ["ops"]
    fake.on("GET", "/api/v1/schedules", items({"name": "weekly"}, {"name": "monthly"}))
    fake.on("GET", "/api/v1/rollouts", items({"id": "01k9xyz0a0rabcde", "counts": {}}))
    assert complete(fake, "schedule", "pause", "we") == complete(fake, "schedule", "next", "we") == ["weekly"]
    assert complete(fake, "schedule", "add", "") == []
    assert complete(fake, "schedule", "add", "x", "--hosts", "e") == ["edge01"]
    assert complete(fake, "schedule", "add", "x", "--missed", "r") == ["run-once"]
    assert complete(fake, "rollout", "show", "01") == ["01k9xyz0a0rabcde"]
    assert complete(fake, "rollout", "list", "--schedule", "m") == ["monthly"]
    assert complete(fake, "discovered", "show", "52") == ["52:54:00:aa:00:01", "52:54:00:bb:00:02"]
    # readline makes words of what is between colons, and replaces the last one alone.
    assert complete(fake, "discovered", "forget", "52", ":", "54", ":", "00", ":") == ["aa:00:01", "bb:00:02"]
    assert complete(fake, "discovered", "adopt", "52", ":", "54", ":", "00", ":", "b") == ["bb:00:02"]
    assert complete(fake, "discovered", "adopt", "52:54:00:aa:00:01", "--to", "w") == ["web01"]
    assert complete(fake, "discovered", "adopt", "52:54:00:aa:00:01", "--to", "=", "w") == ["web01"]
