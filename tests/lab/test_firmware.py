# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware of the other architectures, by PXE over each family and by HTTP: it gets the loader that the site or the
host names for it, to the last octet, and that loader runs. (x64 is test_reinstall.py's and test_paths.py's.) And an
iPXE that asks for autoexec.ipxe."""
import json
import os
import shutil

from lab import REPO, wait_for

GRUB_IA32 = "/usr/lib/grub/i386-efi/monolithic/grubnetia32.efi"
IPXE_ARM64 = os.path.join(REPO, "build", "lab", "loaders", "ipxe-arm64.efi")
IPXE_NEWER = os.path.join(REPO, "build", "lab", "loaders", "snponly-13.efi")
BOOT = 400  # seconds for firmware and loader beside much else; only a failure lasts so long
# Three machines at once on a busy computer: none of them is to be started again.
PATIENT = {"loader": "10m", "ipxe-dhcp": "10m", "script": "10m"}
# The path a machine boots by: the architecture its firmware names, and how its loader goes to it.
PATHS = {"any": ("", "dhcp4", "tftp"), "pxe6": ("", "dhcp6", "tftp"), "http": ("-http", "dhcp4", "http")}


def add_loader(lab, file):
    """A loaders folder of the lab's own: Debian's, and this one."""
    shutil.copytree(lab.loaders_dir, lab.path("loaders"))
    shutil.copy(file, lab.path("loaders"))
    lab.loaders_dir = lab.path("loaders")


def add_machines(lab, prefix, firmware):
    """One for each path."""
    return [lab.add_machine(f"{prefix}-{path}", firmware=firmware, path=path) for path in PATHS]


def order(lab, machines, *options):
    """A rescue of each; their jobs."""
    lab.ctl("rescue", ",".join(m.name for m in machines), *options, "--reason", "INC-3", "--yes")
    return {m: json.loads(lab.ctl("-o", "json", "job", "list", "--host", m.name).stdout)["items"][0]["id"]
            for m in machines}


def check_loader(lab, m, job, arch, file):
    """The firmware said what it is, and the whole loader went to it the way that it asked for."""
    suffix, dhcp, transfer = PATHS[m.path]
    size = os.path.getsize(os.path.join(lab.loaders_dir, file))
    events = lab.events(job=job)
    asked = [e for e in events if e["kind"] in ("dhcp4.discover", "dhcp6.solicit") and e.get("arch")]
    assert asked[0]["kind"].startswith(dhcp) and asked[0]["arch"] == arch + suffix, asked[0]
    given = [e for e in events if e["kind"].endswith(".end") and e.get("file", "").endswith(file)]
    assert {e["kind"] for e in given} == {f"{transfer}.end"}, given
    assert {":" in e["ip"] for e in given} == {m.path == "pxe6"}, given
    whole = [e for e in given if e["detail"]["result"] == "complete"]
    assert whole and all(e["bytes"] == e["total"] == size for e in whole), given
    stages = {s["stage"]: s for s in lab.job(job)["stages"]}
    assert stages["loader"]["state"] == "confirmed" and file in stages["loader"]["evidence"]
    assert f", {arch}{suffix}" in stages["firmware-dhcp"]["evidence"]
    return stages


def test_uefi_ia32(make_lab):
    """OVMF of 32 bits and the site's loader for it. Debian has no iPXE of that kind: GRUB it is, which says that it
    runs, asks for files that nobody offered, and goes no further than its prompt."""
    lab = make_lab(v6=True, deadlines=PATIENT)
    add_loader(lab, GRUB_IA32)
    lab.site = {"loaders": {"x86-uefi": "grubnetia32.efi"}}
    machines = add_machines(lab, "ia32", "uefi-ia32")
    lab.start()
    jobs = order(lab, machines)
    for m in machines:
        wait_for(lambda m=m: "grub>" in m.console(), f"GRUB's prompt on {m.name}", BOOT)
        lab.wait_stage(jobs[m], "ipxe-dhcp")
        stages = check_loader(lab, m, jobs[m], "x86-uefi", "grubnetia32.efi")
        assert stages["ipxe-dhcp"]["state"] != "confirmed"
        assert m.starts() == ["net"]


def test_uefi_arm64(make_lab, debian13):
    """AAVMF, the host's own loader, which is iPXE, and Linux: rescued."""
    lab = make_lab(v6=True, deadlines=PATIENT)
    add_loader(lab, IPXE_ARM64)
    lab.images["lab-arm64"] = {
        "kind": "rescue", "kernel": {"path": "arm64/vmlinuz"}, "initrds": [{"path": "arm64/initrd.img"}],
        "args": "console=ttyAMA0 netboot.role=rescue", "reports": ["up"],
    }
    machines = add_machines(lab, "arm64", "uefi-arm64")
    for m in machines:
        m.loaders = {"arm64-uefi": "ipxe-arm64.efi"}
    lab.start()
    jobs = order(lab, machines, "--image", "lab-arm64")
    for m in machines:
        job = lab.wait_job(jobs[m])
        assert job["state"] == "done", job
    for m in machines:
        stages = check_loader(lab, m, jobs[m], "arm64-uefi", "ipxe-arm64.efi")
        for stage in ("ipxe-dhcp", "script", "kernel", "initrd", "os-up"):
            assert stages[stage]["state"] == "confirmed", stages
        assert "lab: ready (rescue)" in m.console() and m.starts() == ["net"]


def test_newer_ipxe_asks_for_autoexec(make_lab, debian13):
    """It asks beside its loader, and what bootd made there leads to the machine's script."""
    lab = make_lab()
    add_loader(lab, IPXE_NEWER)
    m = lab.add_machine("edge01")
    m.loaders = {"x64-uefi": "snponly-13.efi"}
    lab.start()
    job = order(lab, [m])[m]
    assert lab.wait_job(job)["state"] == "done"
    seen = [(e["kind"], e.get("file", "").rsplit("/", 1)[-1], e["detail"].get("result"))
            for e in lab.events(host="edge01") if "detail" in e]
    loader = seen.index(("tftp.end", "snponly-13.efi", "complete"))
    autoexec = seen.index(("tftp.end", "autoexec.ipxe", "complete"))
    script = seen.index(("http.end", f"script.ipxe-{m.mac}", "complete"))
    assert loader < autoexec < script, seen
