# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-ctl image import: ISOs made here in the layout of each family, Debian's own installer and memtest86+
as packaged, and whatever can go wrong. The server is a stand-in, but for one image of the real one."""
import json
import os
import signal
import subprocess

import pytest

import ctl_fake
from netlab import until
from orch_lab import Orch

INSTALLER = "/usr/lib/debian-installer/images/12/amd64"
SIZES = {"airootfs.sfs": 3_000_000, "squashfs": 2_000_000}
ISOS = {
    "sysrescue": ["sysresccd/VERSION", "sysresccd/boot/amd_ucode.img", "sysresccd/boot/intel_ucode.img",
                  "sysresccd/boot/x86_64/sysresccd.img", "sysresccd/boot/x86_64/vmlinuz",
                  "sysresccd/x86_64/airootfs.sfs", "sysresccd/x86_64/airootfs.sha512"],
    "grml": ["boot/grml64small/vmlinuz", "boot/grml64small/initrd.img",
             "live/grml64-small/grml64-small.squashfs"],
    "gparted": ["GParted-Live-Version", "live/vmlinuz", "live/initrd.img", "live/filesystem.squashfs"],
    "debian-live": [".disk/info", "live/vmlinuz-6.1.0-13-amd64", "live/initrd.img-6.1.0-13-amd64",
                    "live/filesystem.squashfs"],
    "kickstart": [".treeinfo", "images/install.img", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz"],
    "autoinstall": ["casper/initrd", "casper/vmlinuz"],
}


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    f.root = os.path.join(f.dir, "images")
    os.mkdir(f.root)
    f.on("POST", "/api/v1/images", lambda rq: (201, rq.body))
    yield f
    f.close()


def tree(where, paths):
    for path in paths:
        full = os.path.join(where, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        size = next((n for end, n in SIZES.items() if path.endswith(end)), 5000)
        with open(full, "wb") as f:
            f.write(os.urandom(size))
    return where


def iso(fake, family, *args):
    where = tree(os.path.join(fake.dir, family), ISOS[family])
    out = os.path.join(fake.dir, family + ".iso")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", *args, "-o", out, where], check=True,
                   stderr=subprocess.DEVNULL)
    return where, out


def imported(fake, *args, code=0):
    r = fake.run("image", "import", *args, "--images-root", fake.root)
    assert r.returncode == code, r.stderr
    return r


def body(fake):
    return fake.find("POST", "/api/v1/images")[-1].body


def content(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def check_modes(top):
    for where, _, files in os.walk(top):
        assert os.stat(where).st_mode & 0o777 == 0o755
        assert all(os.stat(os.path.join(where, f)).st_mode & 0o777 == 0o644 for f in files)


@pytest.mark.parametrize("family", ["sysrescue", "grml", "gparted", "debian-live", "kickstart", "autoinstall"])
def test_an_iso_of_each_family(fake, family):
    where, path = iso(fake, family, *(["-J"] if family == "grml" else []))
    more = ["--template", fake.write("answers", "url ${site.url}\npost ${report}/installed\n")] \
        if family in ("kickstart", "autoinstall") else []
    os.umask(0o077)
    try:
        imported(fake, family, path, "--name", "new", *more)
    finally:
        os.umask(0o022)
    image = body(fake)
    files = [image["kernel"], *image["initrds"], *image["files"]]
    assert image["name"] == "new" and all(f["path"].startswith("new/") for f in files)
    originals = {content(where, p) for p in ISOS[family]} | {content(path)}
    for f in files:
        data = content(fake.root, f["path"])
        if f.get("template"):
            assert b"${" in data
        else:
            assert data in originals, f
    assert os.listdir(fake.root) == ["new"]
    check_modes(os.path.join(fake.root, "new"))


def test_the_same_over_nfs(fake):
    where, path = iso(fake, "debian-live")
    imported(fake, "debian-live", path, "--name", "new", "--nfs", "--append", "quiet")
    image = body(fake)
    assert image["files"] == [] and image["nfs_root"] == "new"
    assert image["args"] == "boot=live noprompt noeject components netboot=nfs nfsroot=${nfs} quiet"
    assert content(fake.root, "new/live/filesystem.squashfs") == content(where, "live/filesystem.squashfs")


def test_the_debian_installer_as_packaged(fake):
    imported(fake, "debian-installer", INSTALLER, "--name", "d12")
    image = body(fake)
    assert image["kind"] == "reinstall" and image["reports"] == ["installed"] and image["local_boot"]
    base = os.path.join(INSTALLER, "text/debian-installer/amd64")
    assert content(fake.root, "d12/vmlinuz") == content(base, "linux")
    assert content(fake.root, "d12/initrd.gz") == content(base, "initrd.gz")
    assert image["files"] == [{"path": "d12/preseed.cfg", "name": "preseed.cfg", "template": True}]
    preseed = content(fake.root, "d12/preseed.cfg").decode()
    assert "partman-auto/disk string ${host.label.disk}" in preseed and "${report}/installed" in preseed
    # debconf understands it when it is filled in.
    answers = preseed.replace("${report}", "http://10.0.0.2/report/x").replace("${host.name}", "edge01")
    answers = fake.write("filled", answers.replace("${host.label.disk}", "/dev/sda"))
    assert "${" not in content(answers).decode().split("\n", 4)[4]
    done = subprocess.run(["debconf-set-selections", "-c", answers], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    # As it stands it refuses: the check sees no ticket, and powers the machine off before a disk is touched.
    check = preseed.split("early_command string ")[1].splitlines()[0]
    run = "logger() { :; }; poweroff() { echo off; }; "
    assert subprocess.run(["sh", "-c", run + check], capture_output=True, text=True).stdout == "off\n"
    filled = check.replace("${report}", "http://10.0.0.2/report/0123456789abcdefghjkmnpqrs")
    assert subprocess.run(["sh", "-c", run + filled], capture_output=True, text=True).stdout == ""


def test_memtest_as_packaged(fake):
    imported(fake, "memtest", "/boot", "--name", "mt")
    assert content(fake.root, "mt/memtest.efi") == content("/boot/memtest86+x64.efi")
    imported(fake, "memtest", "/boot", "--name", "mtb", "--bios")
    assert content(fake.root, "mtb/memtest.bin") == content("/boot/memtest86+x64.bin")
    imported(fake, "efi-file", "/boot/memtest86+x64.efi", "--name", "e")
    assert body(fake)["kernel"] == {"path": "e/memtest86+x64.efi", "name": "memtest86+x64.efi"}


def test_links_stay_inside(fake):
    where = tree(os.path.join(fake.dir, "t"), ["live/vmlinuz-6", "live/filesystem.squashfs"])
    os.symlink("vmlinuz-6", os.path.join(where, "live/vmlinuz"))
    os.symlink("/etc/passwd", os.path.join(where, "live/initrd.img"))
    for source in (where, os.path.join(fake.dir, "t.iso")):
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", os.path.join(fake.dir, "t.iso"), where],
                       check=True, stderr=subprocess.DEVNULL)
        r = imported(fake, "debian-live", source, "--name", "new", code=1)
        assert "no live/initrd.img" in r.stderr
    assert os.listdir(fake.root) == []
    os.unlink(os.path.join(where, "live/initrd.img"))
    os.symlink("../live/vmlinuz-6", os.path.join(where, "live/initrd.img"))
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", os.path.join(fake.dir, "t.iso"), where],
                   check=True, stderr=subprocess.DEVNULL)
    imported(fake, "debian-live", where, "--name", "tree")
    assert content(fake.root, "tree/vmlinuz") == content(where, "live/vmlinuz-6")
    # One file of an ISO cannot be taken for two: refused, rather than one of them left empty.
    refused(fake, "import-source", 1, "debian-live", os.path.join(fake.dir, "t.iso"), "--name", "iso")


def test_hard_links_of_an_iso(fake):
    where = tree(os.path.join(fake.dir, "t"), ["live/vmlinuz-6", "live/initrd.img-6", "live/filesystem.squashfs"])
    for name in ("vmlinuz", "initrd.img"):
        os.link(os.path.join(where, f"live/{name}-6"), os.path.join(where, f"live/{name}"))
    path = os.path.join(fake.dir, "t.iso")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "--hardlinks", "-R", "-o", path, where], check=True,
                   stderr=subprocess.DEVNULL)
    imported(fake, "debian-live", path, "--name", "new")
    for name in ("vmlinuz", "initrd.img"):
        assert content(fake.root, "new", name) == content(where, "live", name)


def refused(fake, code, exit_code, *args):
    before = sorted(os.listdir(fake.root))
    r = imported(fake, *args, code=exit_code)
    assert f": {code}: " in r.stderr, r.stderr
    assert sorted(os.listdir(fake.root)) == before
    return r.stderr


def test_wrong_sources_are_named_and_leave_nothing(fake):
    _, grml = iso(fake, "grml")
    message = refused(fake, "import-wrong", 1, "sysrescue", grml, "--name", "new")
    assert "there is no sysresccd/x86_64/airootfs.sfs" in message and "looks like grml" in message
    with open(os.path.join(fake.dir, "noise"), "wb") as f:
        f.write(os.urandom(100_000))
    refused(fake, "import-source", 1, "grml", os.path.join(fake.dir, "noise"), "--name", "new")
    refused(fake, "import-source", 1, "grml", "/nonexistent", "--name", "new")
    refused(fake, "import-source", 1, "grml", "/dev/null", "--name", "new")
    refused(fake, "import-family", 1, "windows", grml, "--name", "new")
    refused(fake, "usage", 1, "grml", grml)
    refused(fake, "usage", 1, "grml", grml, "--name", "../x")
    whole = os.path.getsize(grml)
    os.truncate(grml, whole - whole // 2)
    refused(fake, "import-source", 1, "grml", grml, "--name", "new")
    assert fake.find("POST", "/api/v1/images") == []


def test_nothing_of_another_image_is_touched(fake):
    _, grml = iso(fake, "grml")
    os.mkdir(os.path.join(fake.root, "new"))
    refused(fake, "import-exists", 1, "grml", grml, "--name", "new")
    fake.on("GET", "/api/v1/images/old", {"name": "old"})
    refused(fake, "image-exists", 1, "grml", grml, "--name", "old")
    # A refusal by the server takes the files away again.
    fake.on("POST", "/api/v1/images", lambda rq: fake.problem(400, "bad-value", "not so"))
    refused(fake, "bad-value", 1, "grml", grml, "--name", "fresh")


def test_dry_run_shows_and_does_nothing(fake):
    _, grml = iso(fake, "grml")
    r = imported(fake, "grml", grml, "--name", "new", "--dry-run", "-o", "json")
    assert json.loads(r.stdout)["args"].endswith("fetch=${file.grml.squashfs}")
    assert os.listdir(fake.root) == [] and fake.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
@pytest.mark.parametrize("options", ["size=1m", "size=16m,nr_inodes=4"])
def test_a_full_disk(fake, options):
    _, grml = iso(fake, "grml")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", fake.root], check=True)
    try:
        message = refused(fake, "import-write", 2, "grml", grml, "--name", "new")
        assert "make room" in message
    finally:
        subprocess.run(["umount", fake.root], check=True)


def test_an_interrupt_leaves_nothing(fake):
    where, _ = iso(fake, "debian-live")
    # A source that cannot be read to its end in time: the tree's largest file is gigabytes of nothing.
    with open(os.path.join(where, "live/filesystem.squashfs"), "wb") as f:
        f.truncate(2 << 30)
    p = subprocess.Popen([ctl_fake.CTL, "--server", "unix:" + fake.path, "image", "import", "debian-live", where,
                          "--name", "new", "--images-root", fake.root], stderr=subprocess.PIPE, text=True)
    until(lambda: any(f.startswith(".import-") for f in os.listdir(fake.root)), what="the import to begin")
    p.send_signal(signal.SIGINT)
    assert p.wait(timeout=60) == 2
    assert ": interrupted: " in p.stderr.read()
    p.stderr.close()
    assert os.listdir(fake.root) == []


def test_leavings_of_a_killed_import_go_with_the_next(fake):
    where, path = iso(fake, "grml")
    p = subprocess.Popen(["true"])
    p.wait()
    tree(os.path.join(fake.root, f".import-new-{p.pid}"), ["live/grml.squashfs"])
    tree(os.path.join(fake.root, f".import-new-{os.getpid()}"), ["vmlinuz"])
    tree(os.path.join(fake.root, f".import-newer-{p.pid}"), ["vmlinuz"])
    imported(fake, "grml", path, "--name", "new")
    assert sorted(os.listdir(fake.root)) == sorted([f".import-new-{os.getpid()}", f".import-newer-{p.pid}", "new"])


def test_the_real_server_takes_it(fake, tmp_path):
    _, path = iso(fake, "sysrescue")
    o = Orch(tmp_path)
    try:
        argv = [ctl_fake.CTL, "--server", "unix:" + o.socket, "image", "import", "sysrescue", path, "--name", "rescue",
                "--images-root", o.path("images")]
        r = subprocess.run(argv, capture_output=True, text=True)
        assert (r.returncode, r.stderr) == (0, "rescue: added\n")
        image = o.get("/images/rescue").json
        assert [f["name"] for f in image["files"]] == ["sysresccd/x86_64/airootfs.sfs", "sysresccd/x86_64/airootfs.sha512"]
        assert image["files"][0]["size"] == SIZES["airootfs.sfs"] and len(image["initrds"]) == 3
        # A menu may show it as it is: what it fetches needs no job.
        r = o.post("/sites", {"name": "los", "idle": "menu", "menu": {"items": ["rescue", "local"]}})
        assert r.status == 201, r.json
        assert ": image-exists: " in subprocess.run(argv, capture_output=True, text=True).stderr
    finally:
        o.stop()
