# SPDX-License-Identifier: GPL-3.0-or-later
"""A site where too many BMCs refused the password asks no BMC any more, says so everywhere, and goes on when it is
told; a BMC that is left alone is asked again when it is told."""
import json

import pytest

import netlab
import test_fleet
from netlab import until

N = 40
WRONG = range(31, 41)


class Fleet(test_fleet.Fleet):
    def __init__(self, lan):
        super().__init__(lan, hosts=N)
        self.write("wrong", b"not this\n")
        for i in WRONG:
            self.hosts[i - 1]["bmc"]["password_file"] = self.path("wrong")
        self.write("agent.yaml", json.dumps({**self.agent_config({}), "bmc": {
            "breaker_after": 1, "breaker_rest": "10m"}}).encode())

    def stop(self):
        """Many refuse: from then on none is asked."""
        assert self.ctl("power", "status", "h[0031-0040].los").returncode == 2
        until(lambda: "bmc_stop" in self.json("agent", "list")["items"][0], "the stop")


@pytest.fixture(scope="module")
def fleet():
    lan = netlab.Lan()
    f = Fleet(lan)
    try:
        f.start()
        f.bmc("power all on")
        yield f
    finally:
        f.close()
        lan.close()


def audit(fleet):
    return fleet.select("orch/o.db", "select object, reason, result from audit where what = 'bmc.resume' order by seq")


def test_a_site_that_is_stopped(fleet):
    r = fleet.ctl("bmc", "resume", "--all", "--reason", "x")
    assert (r.returncode, "nothing-to-resume: " in r.stderr) == (3, True), r
    r = fleet.ctl("bmc", "resume", "--site", "local", "--reason", "too early")
    assert (r.returncode, "local: nothing-to-resume: " in r.stderr) == (3, True), r
    assert audit(fleet)[-1] == ("local", "too early", "nothing-to-resume")
    fleet.stop()
    said = fleet.lines("power", "status", "h0001.los", status=2)
    assert said == {"h0001.los": "unknown (bmc-lockout-stop)"}
    r = fleet.ctl("doctor")
    found = [line for line in r.stdout.splitlines() if "no BMC is asked since" in line]
    assert r.returncode == 2 and len(found) == 1 and "bmc resume --site" in found[0], r.stdout
    assert " of " in found[0] and "refused" in found[0]
    agent = fleet.json("agent", "list")["items"][0]
    assert agent["bmc_stop"]["refused"] > 5 and "bmc resume" in agent["bmc_stop"]["next"]
    assert "stopped since" in fleet.ctl("agent", "list").stdout
    assert "bmc-lockout-stop: no BMC of the site is asked since" in fleet.json("status", "h0001.los")["items"][0]["reason"]
    assert fleet.select("orch/o.db", "select site from event where kind = 'ipmi.lockout'") == [("local",)]
    for words, code in ((["bmc", "resume", "--site", "local"], "reason-missing"), (["bmc", "resume"], "usage"),
                        (["bmc", "resume", "h0001.los", "--all", "--reason", "x"], "usage"),
                        (["bmc", "resume", "--site", "nowhere", "--reason", "x"], "site-unknown")):
        r = fleet.ctl(*words)
        assert (r.returncode, code in r.stderr) == (1, True), r
    for i in WRONG:
        assert fleet.ctl("host", "set", fleet.name(i), "--bmc-password-file", fleet.path("password")).returncode == 0
    r = fleet.ctl("bmc", "resume", "--site", "local", "--reason", "INC-7")
    assert r.returncode == 0 and r.stdout.startswith("local: resumed: "), r
    assert set(fleet.lines("power", "status", "all").values()) == {"on"}
    until(lambda: "bmc_stop" not in fleet.json("agent", "list")["items"][0], "the word of it")
    assert "no BMC is asked" not in fleet.ctl("doctor").stdout
    assert audit(fleet)[-1] == ("local", "INC-7", "ok")
    until(lambda: fleet.select("orch/o.db", "select site from event where kind = 'ipmi.resumed'"), "the event")


def test_all_sites(fleet):
    for i in WRONG:
        fleet.ctl("host", "set", fleet.name(i), "--bmc-password-file", fleet.path("wrong"))
    try:
        fleet.stop()
        r = fleet.ctl("-o", "json", "bmc", "resume", "--all", "--reason", "INC-8")
        assert r.returncode == 0 and json.loads(r.stdout)["site"] == "local" and json.loads(r.stdout)["refused"] > 5, r
        assert fleet.lines("power", "status", "h0001.los") == {"h0001.los": "on"}
    finally:
        for i in WRONG:
            fleet.ctl("host", "set", fleet.name(i), "--bmc-password-file", fleet.path("password"))


def test_a_bmc_that_is_left_alone(fleet):
    one = "h0005.los"
    fleet.fault(5, dead=1)
    assert fleet.lines("power", "status", one, status=2) == {one: "unknown (bmc-unreachable)"}
    fleet.fault(5, dead=0)
    assert fleet.lines("power", "status", one, status=2) == {one: "unknown (bmc-breaker)"}
    said = fleet.lines("bmc", "resume", "h[0005-0006].los", "--reason", "INC-9", status=2)
    assert said == {one: "resumed: it is asked again", "h0006.los": "failed (nothing-to-resume)"}
    assert fleet.lines("power", "status", one) == {one: "on"}
    rows = audit(fleet)
    assert (one, "INC-9", "ok") in rows and ("h0006.los", "INC-9", "nothing-to-resume") in rows
