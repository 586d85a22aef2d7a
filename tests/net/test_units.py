# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of packaging/systemd let the programs write where they do by default."""
import os
import re

from netlab import ROOT


def unit(name):
    """Its settings; of one that is there several times the values together."""
    got = {}
    with open(os.path.join(ROOT, "packaging", "systemd", name)) as f:
        for key, value in re.findall(r"^(\w+)=(.*)$", f.read(), re.M):
            got.setdefault(key, []).extend(value.split())
    return got


def test_the_agent_writes_spool_scripts_sockets_and_images():
    """Its store of images is below the images root: a site far away has nobody else who would put files there."""
    u = unit("netboot-agent.service")
    writes = {p.lstrip("-") for p in u["ReadWritePaths"]}
    assert u["ProtectSystem"] == ["strict"]
    assert writes >= {"/var/lib/netboot", "/run/netboot", "/srv/netboot/scripts", "/srv/netboot/images"}
    assert not writes & {p.lstrip("-") for p in u["ReadOnlyPaths"]}


def test_the_agent_may_run_programs_as_somebody_else():
    """Those of gates: it becomes their user, and ends what is that user's."""
    u = unit("netboot-agent.service")
    assert {"CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_NET_RAW"} <= set(u["CapabilityBoundingSet"])
    assert u["NoNewPrivileges"] == ["yes"] and u["SystemCallFilter"][0] == "@system-service"
    with open(os.path.join(ROOT, "packaging", "systemd", "netboot.tmpfiles")) as f:
        assert ["d", "/etc/netboot/gates", "0755", "root", "root", "-"] in [line.split() for line in f]
