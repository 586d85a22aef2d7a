# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/bmc.md: its commands set up a user with which everything works that it says, and each finding of the audit
is explained."""
import os
import re

import bmclab
import netlab
from bmclab import PORT

PASSWORD = "a-random-one-of-20ch"


def page():
    with open(os.path.join(netlab.ROOT, "docs", "bmc.md")) as f:
        return f.read()


def section(title):
    return page().split(f"## {title}\n")[1].split("\n## ")[0]


def works(b, verb, user="netboot", level="operator"):
    return b.one("-u", user, "-L", level, "-i", "200", verb, password=PASSWORD)["code"]


def test_a_user_made_as_it_says():
    b = bmclab.Bmcs(f"127.77.0.1:{PORT} {bmclab.USER} {bmclab.PASSWORD} administrator\n")
    try:
        orders = re.findall(r"^    ipmitool -I lanplus -H BMC -U ADMIN -a (.*)$", section("Setting up a BMC user with least privilege"), re.M)
        assert len(orders) == 8
        for order in orders:
            argv = order.split() + ([PASSWORD, "20"] if order.startswith("user set password") else [])
            r = b.ipmitool_run(*argv)
            assert r.returncode == 0 and "Error" not in r.stderr, (order, r.stdout, r.stderr)
        assert "Privilege Level      : OPERATOR" in r.stdout
        for verb in ("status", "on", "cycle", "override", "identify", "sensors", "sel", "sel-clear", "examine"):
            assert works(b, verb) == "", verb
        assert works(b, "bmc-reset") == "bmc-privilege" and works(b, "status", level="administrator") == "bmc-privilege"
        assert b.show()["reboots"] == 0
    finally:
        b.close()


def test_a_user_made_with_freeipmi():
    b = bmclab.Bmcs(f"127.77.0.1:{PORT} {bmclab.USER} {bmclab.PASSWORD} administrator\n")
    try:
        text = re.search(r"^    Section User3\n.*?^    EndSection\n", page(), re.M | re.S).group(0)
        conf = b.write("user.conf", text.replace("20 random octets", PASSWORD))
        r = b.freeipmi_run("ipmi-config", "-h", f"127.77.0.1:{PORT}", "--category=core", "--commit", "-n", conf, privilege="ADMIN")
        assert r.returncode == 0, (r.stdout, r.stderr)
        assert works(b, "override") == "" and works(b, "bmc-reset") == "bmc-privilege"
    finally:
        b.close()


def test_every_finding_of_the_audit_is_explained():
    with open(os.path.join(netlab.ROOT, "agent", "bmc_audit.c")) as f:
        codes = {code: level.lower() for level, code in re.findall(r'\badd\(\s*list,\s*(\w+),\s*"([\w.-]+)"', f.read())}
    rows = dict(re.findall(r"^\| `([\w.-]+)` \| (fail|warn|info) \|", section("What bmc audit means"), re.M))
    assert len(codes) >= 12 and codes == rows, set(codes.items()) ^ set(rows.items())
