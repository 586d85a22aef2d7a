# SPDX-License-Identifier: GPL-3.0-or-later
"""`netboot-ctl why` with all programs real: whatever fails, the explanation, the last line of --wait, `status --stuck`
and the job say the same code."""
import re
import subprocess

import pytest

import whole_lab
from agent_lab import Machine
from netlab import PATIENCE, until
from test_agent_console import Line
from test_verdicts import os_discover

SHORT = {"firmware-dhcp": "2s", "os-up": "3s", "installed": "3s"}
MAC = "52:54:00:77:00:01"


@pytest.fixture
def whole(netns):
    made = []

    def make(deadlines):
        made.append(whole_lab.Site(netns, deadlines=deadlines))
        s = made[-1].start()
        s.kernel, s.initrd = (open(s.path("images/d", n), "rb").read() for n in ("vmlinuz", "initrd"))
        s.m = Machine(s, netns.add_client(mac=MAC, address="10.77.0.11/24"), MAC)
        s.line = Line(s)
        return s
    yield make
    for s in made:
        s.close()


def order(s):
    """`reinstall --wait`, under way."""
    argv = [whole_lab.program("netboot-ctl"), "--server", f"unix:{s.socket}", "reinstall", "edge01", "--reason", "INC-123",
            "--yes", "--wait"]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_event(s, kind, seen=0, **detail):
    def find():
        hits = [e for e in s.events("--host", "edge01", "--kind", kind)
                if all(e.get("detail", {}).get(k) == v for k, v in detail.items())]
        return hits[seen:] and hits[-1]
    return until(find, f"{kind} {detail}")


def say(s, text):
    wait_event(s, "sol.connected")
    s.line.say(text + "\r\n")
    wait_event(s, "sol.line")


def all_say(s, proc, code, agent_code=None):
    """Everybody has that code; returns the explanation as JSON."""
    out, err = proc.communicate(timeout=3 * PATIENCE)
    assert proc.returncode in (2, 3), err
    last = [line for line in (out + err).splitlines() if "FAILED at" in line][-1]
    why = s.json("why", "edge01")
    verdict = why["verdict"]
    assert verdict["code"] == code, (last, why)
    assert re.search(rf"FAILED at \S+: {code}: ", last), last
    assert last.endswith(f"{code}: {verdict['text']}: {verdict['next']}"), last
    stuck = s.json("status", "--stuck")["items"]
    probably = "" if verdict["certain"] else "probably: "
    assert verdict["text"].startswith("probably: ") == (not verdict["certain"])
    assert [h["reason"] for h in stuck] == [f"{code}: {probably}{verdict['title']}"]
    job = s.job(why["of"]["job"])
    assert job["verdict"] == {k: verdict[k] for k in ("code", "text", "next")}
    assert job["agent_code"] == why["agent_code"]
    boots = s.json("history", "edge01")["items"]
    assert not boots or boots[0]["verdict"] == job["verdict"]
    if agent_code:
        assert why["agent_code"] == agent_code
        assert [e["detail"]["code"] for e in s.events("--kind", "job.verdict")] == [code]
    assert why["state"] == "ended" and all(e["at"] and e["text"] for e in why["evidence"])
    # By the ids, whole and in part, it is the same.
    assert s.json("why", job["id"])["verdict"] == verdict
    assert s.json("why", job["id"][-8:])["verdict"] == verdict
    text = s.ctl("why", "edge01").stdout
    sure = "" if verdict["certain"] else " (likely, not proven)"
    assert text.splitlines()[0] == f"edge01: {code}: {verdict['title']}{sure}"
    assert text.rstrip().endswith(f"next\n  {verdict['next']}")
    return why, text


def test_nothing_comes(whole):
    s = whole(SHORT)
    why, text = all_say(s, order(s), "no-dhcp-after-power-on", "no-dhcp-after-power-on")
    assert "boot flags were read back as set, the power was seen on, then nothing for" in why["verdict"]["text"]
    # Times are those of the site's zone.
    assert re.search(r"^  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+02:00  the power was seen on", text, re.M), text
    assert [g["stage"] for g in why["stages"]][:3] == ["preflight", "armed", "override"]
    boots = s.json("history", "edge01")["items"]
    assert s.json("why", boots[-1]["id"])["verdict"]["code"] == "no-dhcp-after-power-on"


def test_the_old_disk_boots(whole):
    s = whole(SHORT)
    proc = order(s)
    for n in (1, 2, 3):
        wait_event(s, "job.stage", stage="power", state="confirmed", attempt=n)
        s.m._send(os_discover(MAC))
    why, _ = all_say(s, proc, "booted-old-disk", "no-dhcp-after-power-on")
    # That a system asked is not yet proof that the disk's runs.
    assert not why["verdict"]["certain"] and "bmc probe edge01" in why["verdict"]["next"]


def test_a_panic(whole):
    s = whole(SHORT)
    proc = order(s)
    wait_event(s, "job.stage", stage="power", state="confirmed")
    while_it_runs = s.json("why", "edge01")
    assert while_it_runs["state"] == "open" and while_it_runs["verdict"]["code"] == "under-way"
    assert s.m.load()
    say(s, "Kernel panic - not syncing: Attempted to kill init!")
    why, text = all_say(s, proc, "kernel-panic-seen", "os-silent")
    assert "Attempted to kill init!" in why["verdict"]["text"] and "the agent said: os-silent" in text


def test_a_wrong_password(whole):
    s = whole(SHORT)
    s.write("password", b"wrong\n")
    s.apply()
    s.write("password", whole_lab.PASSWORD.encode() + b"\n")
    why, _ = all_say(s, order(s), "bmc-auth")
    assert why["verdict"]["certain"]


def test_what_went_well_and_what_is_not_there(whole):
    s = whole({})
    assert s.json("why", "edge01")["verdict"]["code"] == "no-job"
    proc = order(s)
    wait_event(s, "job.stage", stage="power", state="confirmed")
    assert s.m.load()
    for stage in ("up", "installed"):
        assert s.m.report(stage) == "204"
    out, err = proc.communicate(timeout=PATIENCE)
    assert proc.returncode == 0, out + err
    why = s.json("why", "edge01")
    assert (why["state"], why["verdict"]["code"]) == ("ended", "well")
    assert s.json("status", "--stuck")["items"] == []
    done = s.ctl("why", "nobody")
    assert done.returncode == 1 and "nobody: id-unknown: " in done.stderr, done.stderr
    # What it took is what is usual from now on; a boot that nobody ordered is told as such.
    s.m.firmware()
    until(lambda: s.json("why", "edge01")["verdict"]["code"] == "unordered-boot", "the boot")
