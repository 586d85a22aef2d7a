# SPDX-License-Identifier: GPL-3.0-or-later
"""A reinstall whose console is recorded over Serial over LAN, from the firmware's first octet to the installed system."""
import json
import os
import subprocess
import time

from lab import wait_for


def test_a_reinstall_is_recorded_and_replayed(make_lab):
    lab = make_lab()
    m = lab.add_machine("edge01")
    m.sol = True
    lab.start()
    lab.ctl("reinstall", "edge01", "--reason", "INC-1", "--yes", "--wait=10m")
    boot = json.loads(lab.ctl("-o", "json", "history", "edge01").stdout)["items"][0]["id"]

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
    told = [e for e in json.loads(lab.ctl("-o", "json", "events", "--host", "edge01", "--limit", "1000").stdout)["items"]
            if e["kind"].startswith("sol.")]
    assert [e["kind"] for e in told] == ["sol.connected", "sol.line"] and all(e["boot"] == boot for e in told), told
    assert told[1]["detail"]["class"] == "login"

    first, last = (time.mktime(time.strptime(held()[k][:19], "%Y-%m-%dT%H:%M:%S")) for k in ("began", "last"))
    before = time.monotonic()
    again = subprocess.run(lab.ctl_argv("console", "edge01", "--replay", "newest", "--speed", "10"), capture_output=True,
                           check=True, timeout=last - first, stdin=subprocess.DEVNULL)
    assert again.stdout == done.stdout
    assert time.monotonic() - before >= (last - first - 2) / 10
