# SPDX-License-Identifier: GPL-3.0-or-later
"""Work over a fleet of six virtual servers on two sites: each is rebooted once, by its own count and by that of whoever runs it."""
import json

from lab_fleet import Fleet


def fleet(make_lab, **kw):
    lab = make_lab(Fleet, **kw)
    lab.start()
    return lab


def counts(lab):
    """Of each machine: how often it was started, and how often its system came up under a boot id of its own."""
    return {name: (len(lab.machine(name).starts()), len(set(lab.machine(name).boots()))) for name in lab.all}


def test_one_order_on_both_sites(make_lab, record_property):
    lab = fleet(make_lab)
    assert set(counts(lab).values()) == {(1, 1)}
    before = {name: lab.page(name, "boot_id") for name in lab.all}
    lab.ctl("reboot", "near[01-02],far[01-02]", "--reason", "INC-1", "--yes", "--wait=10m")
    touched = {"near01", "near02", "far01", "far02"}
    assert {name for name, c in counts(lab).items() if c == (2, 2)} == touched
    assert {name for name in lab.all if lab.page(name, "boot_id") != before[name]} == touched
    jobs = json.loads(lab.ctl("-o", "json", "job", "list").stdout)["items"]
    assert {(j["host"], j["state"]) for j in jobs} == {(name, "done") for name in touched}
    # The system was asked to end, and did so by itself.
    assert all(lab.machine(name).console().count("lab: power button") == (name in touched) for name in lab.all)
