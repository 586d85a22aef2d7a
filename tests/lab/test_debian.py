# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Debian systems, as Debian ships them: a live system (live-boot fetches its squashfs and runs systemd from
it) and the network installer, which takes its answers from a preseed file and reports."""
import json
import os

import pytest

from lab import SERVER_IP, SERVER_IP6, wait_for
from lab_nfs import NfsLab

PRESEED = """d-i debian-installer/locale string en_US
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/choose_interface select auto
d-i netcfg/get_hostname string lab
d-i preseed/early_command string u=$(grep -o 'netboot.report=[^ ]*' /proc/cmdline | cut -d/ -f4-); \
printf 'POST /%s/up HTTP/1.0\\r\\nContent-Length: 16\\r\\n\\r\\ndebian installer' "$u" | nc SERVER 80
"""

IMAGES = {
    "debian-live": {
        "kind": "live",
        "kernel": {"path": "debian-live/vmlinuz"},
        "initrds": [{"path": "debian-live/initrd.img"}],
        "files": [{"path": "debian-live/filesystem.squashfs"}],
        "args": "boot=live fetch=${file.filesystem.squashfs} console=ttyS0",
        "reports": ["up"],
    },
    "debian-installer": {
        "kind": "live",
        "kernel": {"path": "debian-installer/linux"},
        "initrds": [{"path": "debian-installer/initrd.gz"}],
        "files": [{"path": "debian-installer/preseed.cfg"}],
        "args": "auto=true priority=critical interface=auto netcfg/dhcp_timeout=20 netcfg/no_default_route=true "
                "url=${file.preseed.cfg} console=ttyS0 DEBIAN_FRONTEND=text",
        "reports": ["up"],
    },
    "debian-nfs": {
        "kind": "live",
        "kernel": {"path": "debian-live/vmlinuz"},
        "initrds": [{"path": "debian-live/initrd.img"}],
        "nfs_root": "debian-live/nfs",
        "args": "boot=live netboot=nfs nfsroot=${nfs} console=ttyS0",
        "reports": ["up"],
    },
}


pytestmark = pytest.mark.usefixtures("debian")


def boot(lab, image):
    lab.ctl("live", "edge01", "--image", image, "--reason", "INC-5", "--yes", "--wait=15m", timeout=1000)
    job = lab.job(json.loads(lab.ctl("-o", "json", "job", "list", "--host", "edge01").stdout)["items"][0]["id"])
    assert job["state"] == "done", job
    return job, [e["detail"]["note"] for e in lab.events(job=job["id"]) if e["kind"] == "report.up"]


def debian_lab(make_lab, path="any", **kw):
    lab = make_lab(**kw)
    m = lab.add_machine("edge01", memory=1200, path=path)
    lab.images.update(IMAGES)
    lab.link_images()
    lab.write("images/debian-installer/preseed.cfg", PRESEED.replace("SERVER", SERVER_IP if lab.v4 else SERVER_IP6))
    lab.start()
    return lab, m


def test_live_system(make_lab):
    lab, m = debian_lab(make_lab)
    job, notes = boot(lab, "debian-live")
    assert len(notes) == 1 and notes[0].startswith("Debian GNU/Linux")
    assert [s["stage"] for s in job["stages"] if s["stage"] == "rootfs" and s["state"] == "confirmed"]
    assert f"BOOTIF=01-{m.mac.replace(':', '-')}" in m.console()
    wait_for(lambda: "netboot-report: reported up" in m.console(), "the live system's own words")


def test_live_system_ipv6_only(make_lab):
    """live-boot asks for DHCPv4 alone, in vain; what the router advertisement says is enough on the link itself."""
    lab, m = debian_lab(make_lab, path="http", v4=False, v6=True)
    job, notes = boot(lab, "debian-live")
    assert len(notes) == 1 and notes[0].startswith("Debian GNU/Linux")
    assert [s["stage"] for s in job["stages"] if s["stage"] == "rootfs" and s["state"] == "confirmed"]


def test_installer(make_lab):
    lab, _ = debian_lab(make_lab)
    job, notes = boot(lab, "debian-installer")
    assert notes == ["debian installer"]
    assert [e for e in lab.events(job=job["id"]) if e["kind"] == "http.end" and e["file"].endswith("preseed.cfg")]


def test_nfs_root(make_lab):
    """live-boot mounts its medium over NFS from nfs-ganesha, which exports what `site config` says."""
    lab, m = debian_lab(make_lab, kind=NfsLab)
    root = lab.path("images", "debian-live", "nfs", "live")
    os.makedirs(root)
    os.link(lab.path("images", "debian-live", "filesystem.squashfs"), os.path.join(root, "filesystem.squashfs"))
    lab.start_nfs()
    _, notes = boot(lab, "debian-nfs")
    assert len(notes) == 1 and "medium nfs" in notes[0], notes
    assert [e for e in lab.events() if e["kind"] == "nfs.seen"]
    assert "nfsroot=10.77.0.1:" in m.console()
