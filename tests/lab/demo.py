#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: one virtual server with UEFI firmware behind a BMC is reinstalled end to end.

Exit 0 only when the job ended `done` with its disk boot confirmed. DEMO_KEEP=1 leaves everything running
and prints how to use it, where its page is and how to end it; DEMO_BMC=ipmi_sim uses OpenIPMI's simulator as the BMC.
"""
import json
import os
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, LabError  # noqa: E402

HOST = "edge01"


def say(text):
    print(f"\n== {text}", flush=True)


def show(lab, *args):
    """Runs netboot-ctl in front of the operator; returns its exit code."""
    print(f"$ netboot-ctl {' '.join(shlex.quote(a) for a in args)}", flush=True)
    return subprocess.run(lab.ctl_argv(*args), stdin=subprocess.DEVNULL).returncode


def confirmed_disk_boot(lab):
    jobs = json.loads(lab.ctl("-o", "json", "job", "list").stdout)["items"]
    job = lab.job(jobs[0]["id"])
    stage = [s for s in job["stages"] if s["stage"] == "local-boot" and s["state"] == "confirmed"]
    return job, job["state"] == "done" and bool(stage)


def demo(lab):
    bmc = os.environ.get("DEMO_BMC", "bmcsim")
    lab.web = ["127.0.0.1:8017"]
    say(f"The lab: network namespace {lab.ns}, virtual server {HOST} (OVMF, blank disk) behind a BMC ({bmc})")
    lab.add_machine(HOST, bmc=bmc)
    lab.start()
    say("The inventory, as applied from a file")
    show(lab, "site", "list")
    show(lab, "image", "list")
    show(lab, "host", "list")
    show(lab, "doctor")
    say("The order")
    began = time.monotonic()
    code = show(lab, "reinstall", HOST, "--reason", "demonstration", "--yes", "--wait=10m")
    took = time.monotonic() - began
    say("What happened, afterwards")
    for words in ("history", "trace", "why"):
        show(lab, words, HOST)
    job, good = confirmed_disk_boot(lab)
    if code or not good:
        say(f"FAILED: netboot-ctl exit {code}, job {job['state']}; logs are in {lab.dir}")
        lab.keep = True
        return 1
    say(f"{HOST} was reinstalled and booted from its own disk in {took:.0f} s")
    if not keeps():
        print("The page shows the same in a browser: `make demo DEMO_KEEP=1` stays up and prints its address and a token.", flush=True)
    return 0


def keeps():
    return os.environ.get("DEMO_KEEP") == "1"


def linger(lab):
    ctl = " ".join(lab.ctl_argv())
    say("DEMO_KEEP: everything stays up until Ctrl-C here")
    print(f"alias netboot-ctl='{ctl}'\nfiles, logs and consoles: {lab.dir}\n"
          f"in its network: ip netns exec {lab.ns} bash\nthe page: {lab.open_page()}/   its token:", flush=True)
    show(lab, "token", "add", "demo", "--role", "admin", "--expires", "1d", "--reason", "demonstration")
    signal.pause()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = Lab("demo")
    try:
        code = demo(lab)
        if keeps():
            linger(lab)
        return code
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        say(f"FAILED: {error}")
        for name in ("orchestrator", "agent"):
            print("".join(f"{name}: {line}\n" for line in lab.log(name).splitlines()[-5:]), end="")
        print(f"logs are in {lab.dir}")
        lab.keep = True
        return 1
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
