# SPDX-License-Identifier: GPL-3.0-or-later
"""One real reinstall, told the same by all that tell of it: history, trace, the documents, the console's recording, the
page in a browser, and the wire itself, within 50 ms."""
import calendar
import json
import os
import subprocess
import sys
import time

import pytest

from lab import REPO, wait_for
from wire import Wire

sys.path.append(os.path.join(REPO, "tests", "web"))
from browser import Browser  # noqa: E402

NEAR = 0.050


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:-1])


def nearest(at, times):
    return min((abs(at - t) for t in times if t), default=1e9)


def check_wire(trace, wire):
    """Each moment that both saw; returns how far they are apart."""
    marks = {}
    for m in trace["marks"]:
        marks.setdefault((m["kind"], m["text"].split(",")[0]), seconds(m["at"]))
    apart = {f"{kind} discover": nearest(marks[("dhcp4.discover", kind)], wire.discovers(kind)) for kind in ("pxe", "ipxe")}
    moves = [s for s in trace["spans"] if s["row"] == "transfer" and s["state"] == "ok"]
    for name, protocol, find in (("loader", "tftp", wire.tftp), ("script", "http", wire.http), ("kernel", "http", wire.http),
                                 ("initrd", "http", wire.http)):
        span = [s for s in moves if s["stage"] == name][-1]
        # iPXE may reset a connection before it has acknowledged the last octets.
        assert span["protocol"] == protocol and span["total"] >= span["octets"] > 0.9 * span["total"], span
        seen = find(span["name"])
        assert seen, (span, [p["request_uri"] for p in wire.packets if p["request_uri"]])
        apart[f"{name} begins"] = nearest(seconds(span["began"]), [b for b, _ in seen])
        apart[f"{name} ends"] = nearest(seconds(span["ended"]), [e for _, e in seen])
    assert max(apart.values()) < NEAR, apart
    return ", ".join(f"{k} {v * 1000:.1f} ms" for k, v in apart.items())


def check_documents(lab, job, boot, trace):
    """history, job show, GET /boots and the waterfall have the same stages, times and octets."""
    stages = [s for s in trace["spans"] if s["row"] == "stage"]
    told = [s for s in lab.job(job)["stages"] if s["stage"] not in ("queued", "done")]
    assert [(s["name"], s["state"], s["text"]) for s in stages if s["name"] not in ("queued", "done")] == [
        (s["stage"], s["state"], s["evidence"] or "") for s in sorted(told, key=lambda s: s["entered"] or s["confirmed"])]
    full = json.loads(lab.ctl("-o", "json", "history", "edge01", "--stages").stdout)["items"][0]
    assert full["id"] == boot and full["outcome"] == "ok" and full["kind"] == "reinstall" and full["reason"] == "INC-1"
    for key in ("id", "host", "job", "outcome", "image", "kind", "reason", "by"):
        assert trace["boot"][key] == full[key], key
    ends = [(t["file"], t["bytes"], t["at"]) for t in full["transfers"] if t.get("bytes", 0) > 0 and t["kind"].endswith(".end")]
    moves = [(s["name"], s["octets"], s["ended"]) for s in trace["spans"] if s["row"] == "transfer" and s["state"] == "ok"]
    assert sorted(x for x in moves if x[1]) == sorted(ends)
    assert not [s for s in trace["spans"] if s["state"] == "running" or (s["row"] == "stage" and s["state"] in ("missed", "failed"))]
    assert [m["text"] for m in trace["marks"] if m["kind"] == "job.ticket"][-1].startswith("consumed")
    assert {"report.up", "report.installed", "report.booted"} <= {m["kind"] for m in trace["marks"]}


def check_drawing(lab, boot):
    drawn = lab.ctl("trace", "edge01").stdout
    assert drawn == lab.ctl("trace", boot).stdout and drawn.isascii()
    print(drawn)
    for name in ("preflight", "kernel", "initrd", "installed", "local-boot"):
        assert any(x.startswith(f"ok {name}") for x in drawn.splitlines()), name
    assert drawn.splitlines()[-2:][0] == "ok"
    chrome = json.loads(lab.ctl("trace", "--chrome", boot).stdout)
    assert len([e for e in chrome["traceEvents"] if e["ph"] == "X"]) > 15
    why = lab.ctl("why", "edge01")
    assert "well" in why.stdout.lower(), why.stdout + why.stderr


def check_console(lab, m, boot):
    def held():
        return json.loads(lab.ctl("-o", "json", "trace", boot).stdout)["boot"]["console"] or {}

    wait_for(lambda: held().get("ended"), "the end of the recording at the orchestrator")
    assert held()["gaps"] == 0 and not held()["truncated"]
    done = subprocess.run(lab.ctl_argv("console", "edge01", "--replay", boot, "--speed", "max"), capture_output=True,
                          check=True, timeout=60, stdin=subprocess.DEVNULL)
    with open(f"{m.dir}/console.log", "rb") as f:
        log = f.read()
    same = len(os.path.commonprefix([log, done.stdout]))
    assert 0 < same == len(done.stdout), (same, len(log), len(done.stdout), log[same - 200:same + 200], done.stdout[same - 200:same + 200])
    text = done.stdout.decode(errors="replace")
    assert text.index("PXE") < text.index("iPXE") < text.index("Linux version") < text.index("lab: ready (disk)") < text.index("lab login: ")
    # What is worth a look is on the timeline of the boot; nothing of a boot that went well is, but its end.
    told = lab.events(host="edge01", kind="sol.*")
    assert [e["kind"] for e in told] == ["sol.connected", "sol.line"] and all(e["boot"] == boot for e in told), told
    assert told[1]["detail"]["class"] == "login"

    first, last = (seconds(held()[k]) for k in ("began", "last"))
    before = time.monotonic()
    again = subprocess.run(lab.ctl_argv("console", "edge01", "--replay", "newest", "--speed", "10"), capture_output=True,
                           check=True, timeout=last - first, stdin=subprocess.DEVNULL)
    assert again.stdout == done.stdout
    assert time.monotonic() - before >= (last - first - 2) / 10


class Order:
    """A reinstall that is waited for by a process of its own, whose words are in a file: while the wire is looked at nothing else works."""

    def __init__(self, lab):
        self.path = lab.path("order.log")
        with open(self.path, "w") as log:
            self.proc = subprocess.Popen(lab.ctl_argv("reinstall", "edge01", "--reason", "INC-1", "--yes", "--wait=10m"),
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def words(self):
        with open(self.path) as f:
            return f.read()

    def says(self, words, timeout=600):
        def said():
            assert words in self.words() or self.proc.poll() is None, self.words()
            return words in self.words()
        wait_for(said, words, timeout=timeout)

    def end(self):
        assert self.proc.wait(600) == 0, self.words()


def watch_page(lab, token, b):
    """While the job runs, and what the wire is compared with is over: the page draws what runs, and the console as far as it came."""
    b.begin(lab.open_page())
    b.open("#/host/edge01")
    b.sign_in(token)
    b.click("a.button", "Watch")
    b.wait(lambda: b.js("""return document.querySelector('.wrow.r-stage.st-running') &&
        [...document.querySelectorAll('.console .l')].some(e => /Linux version/.test(e.innerText))"""), "a running stage, and the console beside it", timeout=120)
    b.live()
    b.shot("lab-live")


def check_page(boot, trace, b):
    """Names, states, proofs, places and lengths of the stages, and the console's end, as the trace and the recording have them."""
    b.go(f"#/boot/{boot}")
    b.wait(lambda: not b.all(".wrow.st-running"), "the end")
    rows = b.js("""return [...document.querySelectorAll('.wrow.r-stage')].map(e => ({name: e.querySelector('.name').textContent,
        state: e.querySelector('.sign').dataset.state, text: e.querySelector('.text').textContent,
        left: parseFloat(e.querySelector('.bar').style.left), width: parseFloat(e.querySelector('.bar').style.width)}))""")
    stages = [s for s in trace["spans"] if s["row"] == "stage"]
    assert [(r["name"], r["state"], r["text"]) for r in rows] == [(s["name"], s["state"], s["text"] or "") for s in stages]
    began, ended = [seconds(s["began"]) for s in stages], [seconds(s["ended"]) for s in stages]
    scale = (rows[-1]["left"] - rows[0]["left"]) / (began[-1] - began[0])
    for r, b_at, e_at in zip(rows, began, ended):
        assert abs(r["left"] - rows[0]["left"] - (b_at - began[0]) * scale) < 0.1, (r, rows)
        assert abs(r["width"] - (e_at - b_at) * scale) < 0.1, (r, rows)
    b.sees("lab: ready (disk)", ".console")
    b.sees("lab login:", ".console")
    b.shot("lab-done", whole=True)
    assert not b.faults()


@pytest.fixture
def open_browser():
    browsers = []

    def make():
        browsers.append(Browser())
        return browsers[0]

    yield make
    for b in browsers:
        b.close()


def test_a_reinstall_is_told_the_same_by_all(make_lab, open_browser, record_property):
    lab = make_lab()
    m = lab.add_machine("edge01")
    m.sol = True
    lab.web = ["127.0.0.1:8017"]
    lab.start()
    token = lab.ctl("token", "add", "page", "--role", "viewer", "--reason", "t").stdout.strip()
    with Wire(lab) as wire:
        order = Order(lab)
        order.says("initrd: confirmed")
        b = open_browser()
        watch_page(lab, token, b)
        order.end()
    job = order.words().split()[0]
    boot = lab.job(job)["boot"]
    check_console(lab, m, boot)
    trace = json.loads(lab.ctl("-o", "json", "trace", "edge01").stdout)
    assert trace["boot"]["id"] == boot
    check_documents(lab, job, boot, trace)
    check_page(boot, trace, b)
    record_property("figure", "the waterfall and the wire are apart: " + check_wire(trace, wire))
    check_drawing(lab, boot)
