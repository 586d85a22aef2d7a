# SPDX-License-Identifier: GPL-3.0-or-later
"""One whole job on every path of docs/boot-paths.md that needs nobody else's server: firmware, address family
and first protocol. (UEFI over TFTP and IPv4 is test_reinstall.py.)"""
import json

import pytest

from lab import wait_for
from lab_own import OwnLab
from lab_relay import RelayLab

WATCHED = ["firmware-dhcp", "loader", "ipxe-dhcp", "script", "kernel", "initrd"]
REINSTALL = ["preflight", "armed", "override", "power", *WATCHED, "rootfs", "os-up", "installed", "local-boot"]


def run_job(lab, verb, host):
    """The order, to its end: the job, and the stages that were confirmed by something seen."""
    lab.ctl(verb, host, "--reason", "INC-3", "--yes", "--wait=10m")
    items = json.loads(lab.ctl("-o", "json", "job", "list", "--host", host).stdout)["items"]
    job = lab.job(items[0]["id"])
    assert job["state"] == "done", job
    return job, [s["stage"] for s in job["stages"] if s["state"] == "confirmed" and s["stage"] != "queued"]


def kinds(lab, job, stage):
    """What confirmed that stage."""
    return [s["evidence"] for s in job["stages"] if s["stage"] == stage and s["state"] == "confirmed"]


def archs(lab, job):
    return {e["arch"] for e in lab.events(job=job["id"]) if e.get("arch")}


def test_uefi_tftp_ipv6_only(make_lab):
    """A site without IPv4 reinstalls a server, and the installed system reports over IPv6."""
    lab = make_lab(v4=False, v6=True)
    m = lab.add_machine("six01", path="pxe6")
    lab.start()
    job, confirmed = run_job(lab, "reinstall", "six01")
    assert confirmed == REINSTALL
    assert archs(lab, job) == {"x64-uefi"}
    assert m.installations() == 1 and m.starts() == ["net", "disk"]
    wait_for(lambda: "lab: ready (disk)" in m.console(), "the installed system")
    seen = {e["kind"].split(".")[0] for e in lab.events(host="six01")}
    assert "dhcp6" in seen and "dhcp4" not in seen
    assert all(":" in e["ip"] for e in lab.events(job=job["id"]) if e.get("ip"))


def test_uefi_http_ipv4(make_lab):
    lab = make_lab()
    lab.add_machine("web01", path="http")
    lab.start()
    job, confirmed = run_job(lab, "live", "web01")
    assert set(WATCHED) <= set(confirmed)
    assert "x64-uefi-http" in archs(lab, job)
    assert not [e for e in lab.events(job=job["id"]) if e["kind"].startswith("tftp")]


def test_uefi_http_ipv6_only(make_lab):
    lab = make_lab(v4=False, v6=True)
    lab.add_machine("web06", path="http")
    lab.start()
    job, confirmed = run_job(lab, "live", "web06")
    assert set(WATCHED) <= set(confirmed)
    assert "x64-uefi-http" in archs(lab, job)
    assert not [e for e in lab.events(job=job["id"]) if e["kind"].startswith(("tftp", "dhcp4"))]


@pytest.mark.parametrize("loader", ["undionly.kpxe", "ipxe.pxe"])
def test_bios_loader(make_lab, loader):
    """A host that names its loader gets it although the card's ROM is iPXE already: ROM, loader (with the ROM's UNDI, or
    with drivers of its own), script."""
    lab = make_lab()
    m = lab.add_machine("old01", firmware="bios")
    m.loaders = {"x86-bios": loader}
    lab.start()
    job, confirmed = run_job(lab, "live", "old01")
    assert set(WATCHED) <= set(confirmed)
    files = [e.get("file", "") for e in lab.events(job=job["id"]) if e["kind"] == "tftp.end"]
    assert [f for f in files if f.endswith(loader)]
    wait_for(lambda: "lab: ready (live)" in m.console(), "the live system")


def test_through_relays(make_lab):
    """Machines behind a router with the distribution's relay agents: DHCPv4, then DHCPv6 alone."""
    lab = make_lab(kind=RelayLab, v6=True)
    lab.add_machine("far04")
    lab.add_machine("far06", path="pxe6")
    lab.start()
    job, confirmed = run_job(lab, "live", "far04")
    assert set(WATCHED) <= set(confirmed)
    assert all(e.get("ip", "").startswith("10.78.0.") for e in lab.events(job=job["id"]) if e["kind"] == "dhcp4.ack")
    job, confirmed = run_job(lab, "live", "far06")
    assert set(WATCHED) <= set(confirmed)
    assert [e for e in lab.events(job=job["id"]) if e["kind"] == "dhcp6.reply" and e.get("ip", "").startswith("fd78::")]


def test_the_articles_own_stack(make_lab):
    """isc-dhcp-server, radvd, tftpd-hpa and nginx as `site config` sets them up; confirmed by their logs."""
    lab = make_lab(kind=OwnLab)
    m = lab.add_machine("own01")
    lab.start()
    job, confirmed = run_job(lab, "reinstall", "own01")
    assert confirmed == REINSTALL
    assert m.installations() == 1
    assert "nothing is held back" in kinds(lab, job, "armed")[0]
    assert "not logged by tftpd-hpa" in kinds(lab, job, "loader")[0]
    assert not [e for e in lab.events() if e["kind"] == "bootd.ready"]
