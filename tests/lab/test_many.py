# SPDX-License-Identifier: GPL-3.0-or-later
"""Two reinstalls at once beside a dead BMC, a wrong password and a machine that never sends DHCP."""
import json

from lab import IMAGES


def jobs_by_host(lab):
    return {j["host"]: j for j in json.loads(lab.ctl("-o", "json", "job", "list").stdout)["items"]}


def test_failures_delay_nobody(make_lab):
    lab = make_lab()
    good = [lab.add_machine("edge01"), lab.add_machine("edge02")]
    dead = lab.add_machine("edge03", bmc="none")
    wrong = lab.add_machine("edge04")
    silent = lab.add_machine("edge05")
    # Given up soon, while the others have all the time that a busy computer costs them.
    silent.image = "lab-impatient"
    lab.images[silent.image] = {**IMAGES["lab-installer"], "deadlines": {"firmware-dhcp": "15s"}}
    lab.start()
    lab.write("wrong.password", "not-the-password\n", 0o600)
    lab.ctl("host", "set", wrong.name, "--bmc-password-file", lab.path("wrong.password"))
    # Pull the cable of the machine that is to stay silent.
    lab.ip("-n", lab.ns, "link", "set", silent.tap, "down")

    lab.ctl("reinstall", "edge[01-05]", "--reason", "INC-4", "--yes", "--wait=10m", code=2)
    jobs = jobs_by_host(lab)
    for m in good:
        assert jobs[m.name]["state"] == "done", jobs[m.name]
        assert m.installations() == 1
    verdicts = {h: jobs[h]["verdict"]["code"] for h in (dead.name, wrong.name, silent.name)}
    assert verdicts == {"edge03": "bmc-unreachable", "edge04": "bmc-auth", "edge05": "no-dhcp-after-power-on"}
    assert all(jobs[h]["verdict"]["next"] for h in verdicts)
    # The dead and the locked-out BMC are known long before the good ones are through.
    assert jobs["edge03"]["ended"] < jobs["edge01"]["ended"]
    assert jobs["edge04"]["ended"] < jobs["edge01"]["ended"]
    assert silent.installations() == 0
