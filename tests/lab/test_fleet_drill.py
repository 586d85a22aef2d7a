# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill of two sites on the firmware that machines have: one of each boots a live image and its own disk again."""
import json

from lab import wait_for
from lab_fleet import Fleet

WAY_THERE = ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd", "rootfs",
             "os-up"]


def doc(lab, *args):
    return json.loads(lab.ctl("-o", "json", *args).stdout)


def held(lab, site):
    rows = [r for r in doc(lab, "image", "status", "lab-live")["items"] if r["site"] == site]
    return rows and all(r["state"] == "held" for r in rows)


def drill(lab):
    """Begins one, and returns its rollout when nothing of it runs any more."""
    rollout = lab.ctl("drill", "run", "all", "--image", "lab-live", "--reason", "INC-1", "--yes").stdout.split()[-1]
    return wait_for(lambda: (lambda r: r if r["ended"] else None)(doc(lab, "rollout", "show", rollout)), "the end of the drill", 600)


def test_two_sites_are_drilled_and_then_their_other_machines(make_lab, record_property):
    lab = make_lab(Fleet, per_site=2)
    lab.start()
    lab.ctl("image", "place", "lab-live", "--all-sites", "--reason", "drills")
    for site in ("near", "far"):
        wait_for(lambda: held(lab, site), f"the live image at {site}", 120)
    before = {name: lab.page(name, "boot_id") for name in lab.all}

    done = drill(lab)
    assert (done["state"], done["counts"]["ok"], done["counts"]["total"]) == ("done", 2, 2), done
    reports = {d["site"]: d for d in doc(lab, "drill", "list")["items"]}
    assert sorted(reports) == ["far", "near"]
    for site, d in reports.items():
        name = f"{site}01"
        assert (d["host"], d["outcome"], d["returned"], d["why"], d["rollout"]) == (name, "ok", "yes", None, done["id"]), d
        assert [s["stage"] for s in d["stages"] if s["job"] == "live" and s["state"] == "confirmed"] == WAY_THERE
        m = lab.machine(name)
        # By its own disk, the network once, and its disk again: under another boot id of the system that it had.
        assert m.starts() == ["disk", "net", "disk"]
        assert len(set(m.boots())) == 2 and m.installations() == 0
        assert (lab.page(name, "role"), lab.page(name, "boot_id")) == ("disk", m.boots()[-1])
        notes = [e["detail"]["note"] for e in lab.events(job=d["id"]) if e["kind"] == "report.up"]
        assert notes == ["live: lab live system"]
    assert all(lab.page(name, "boot_id") == before[name] for name in ("near02", "far02"))
    took = " ".join(f"{s['job']}.{s['stage']}={s['took_us'] / 1e6:.1f}" for s in reports["far"]["stages"] if s["took_us"])
    record_property("figure", f"drill of far01, seconds: {took}")

    # It is the others' turn.
    assert drill(lab)["counts"]["ok"] == 2
    assert sorted(d["host"] for d in doc(lab, "drill", "list")["items"]) == ["far01", "far02", "near01", "near02"]
    assert [len(lab.machine(name).starts()) for name in lab.all] == [3, 3, 3, 3]
    kinds = [e["kind"] for e in lab.events(kind="drill.*")]
    assert kinds == ["drill.done"] * 4, kinds
    shown = lab.ctl("drill", "show", reports["far"]["id"]).stdout
    assert "far01: ok" in shown and "firmware-dhcp" in shown
