# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's menu on a serial console, driven by keys: each item starts what it names, the timeout starts the default, a
broken item comes back to the menu, and a machine's own script goes before it. UEFI and BIOS, IPv4 and IPv6 alone, bootd
and a site's own servers."""
import gzip
import json
import os
import shutil
from urllib.parse import unquote

import ovmf_shell
import pytest
from lab import REPO, wait_for
from lab_own import OwnLab

BOOT = 240  # seconds for firmware, loader and iPXE on a busy machine
UP, ENTER, CTRL_X = "\x1b[A", "\r", "\x18"
TITLE = "Lab menu"
MEMTEST = {name: {"kind": "tool", "kernel": {"path": f"memtest/{file}"}, "args": "console=ttyS0,115200"}
           for name, file in (("memtest-uefi", "memtest86+x64.efi"), ("memtest-bios", "memtest86+x64.bin"))}
BROKEN = {"broken": {"kind": "tool", "kernel": {"path": "broken/tool.img"}}}


class Screen:
    """What the machine shows from where it was looked at last."""

    def __init__(self, machine):
        self.m, self.at = machine, 0

    def shows(self, text, timeout=BOOT):
        def found():
            at = self.m.console().find(text, self.at)
            self.at = at + len(text) if at >= 0 else self.at
            return at >= 0
        wait_for(found, f"{text!r} on the console", timeout)

    def press(self, *strokes):
        self.at = len(self.m.console())
        self.m.keys(*strokes)

    def reset(self):
        self.at = len(self.m.console())
        self.m.command("reset 1")
        self.shows(TITLE)


def menu_lab(lab, firmware, images=None, path="any"):
    """A machine that boots from the network first, and what is on the menu beside the images of every lab."""
    m = lab.add_machine("edge01", firmware=firmware, net_first=True, path=path)
    lab.images.update(images or {})
    lab.link_images()
    for folder in {i["kernel"]["path"].split("/")[0] for i in (images or {}).values()}:
        os.makedirs(lab.path("images", folder))
    for image in (images or {}).values():
        name = os.path.basename(image["kernel"]["path"])
        if name.startswith("memtest"):
            shutil.copy(f"/boot/{name}", lab.path("images", "memtest"))
        else:
            lab.write(f"images/{image['kernel']['path']}", "not to be found")
    return m


def site_menu(items, default="config", timeout_s=20):
    return {"idle": "menu", "menu": {"title": TITLE, "items": items, "default": default, "timeout_s": timeout_s}}


def switch_on(m, disk=None):
    """disk: a file object with what an installation has left on the machine's disk."""
    if disk:
        with disk, open(m.disk, "r+b") as f:
            shutil.copyfileobj(disk, f)
    m.command("power 1")
    screen = Screen(m)
    screen.shows(TITLE)
    return screen


def use_tools(screen):
    """Nobody presses a key: the default starts, iPXE's configuration. Then iPXE's shell."""
    screen.shows("iPXE configuration settings")
    screen.press(CTRL_X)
    screen.shows(TITLE)
    screen.press("s")
    screen.shows("iPXE>")
    screen.press("exit\r")
    screen.shows(TITLE)


def fetches(lab):
    return [(e["kind"], e.get("file", ""), e.get("reason", "")) for e in lab.events(host="edge01") if e["kind"].startswith("http.")]


def test_uefi_tools_and_own_disk(make_lab):
    lab = make_lab(v6=True)  # so that the firmware's IPv6 options are answered, not left to wait a minute each
    m = menu_lab(lab, "uefi", BROKEN)
    lab.start()
    ovmf_shell.extract(lab.path("efishell.efi"))
    lab.ctl("image", "import", "efi-file", lab.path("efishell.efi"), "--name", "efishell", "--images-root",
            lab.path("images"))
    lab.site = site_menu(["lab-rescue", "broken", "efishell", "local", "config", "shell"])
    lab.apply()
    screen = switch_on(m, gzip.open(lab.path("images", "installer", "disk.img.gz")))
    use_tools(screen)

    # Its file is gone since the menu was fetched: told, and back after ten seconds, when it is left out.
    os.unlink(lab.path("images", "broken", "tool.img"))
    screen.press("2")
    screen.shows("The last menu item failed")
    screen.shows(TITLE)
    screen.press("2")
    screen.shows("Shell>")
    screen.press("ver\r")
    screen.shows("UEFI Interactive Shell")
    screen.press("exit\r")
    screen.shows(TITLE)
    wait_for(lambda: any(e["detail"]["image"] == "broken" for e in lab.events(kind="menu.left-out")),
             "the event of the image that was left out")

    # The firmware has more boot options on the network before its disk: none of them shows the menu again.
    screen.press("l")
    screen.shows("lab: ready (disk)")
    assert TITLE not in m.console()[m.console().rindex("chosen in the menu"):]
    wait_for(lambda: [e for e in lab.events(host="edge01") if "disk chosen in it" in e.get("reason", "")],
             "the event of the firmware's next boot option")
    screen.reset()  # but the next boot does
    assert m.starts() == ["net", "net"] and not lab.events(kind="job.stage")


def test_uefi_images(make_lab):
    lab = make_lab()
    m = menu_lab(lab, "uefi", MEMTEST)
    lab.site = site_menu(["lab-rescue", "lab-live", "memtest-uefi", "memtest-bios", "shell"], "shell", 0)
    lab.start()
    screen = switch_on(m)
    screen.shows("iPXE shell")
    assert "lab-installer" not in m.console()
    assert "memtest-bios" not in m.console()  # its kernel is not this firmware's
    screen.press("2")
    screen.shows("lab: role=live")
    screen.shows("lab: ready (live)")
    # iPXE starts the kernel without acknowledging the last octets of what it fetched; their end is told when it is told.
    wait_for(lambda: {"menu", "menu-kernel", "menu-initrd", "menu-file"} <= {
        e["detail"].get("class") for e in lab.events(host="edge01", kind="http.begin")}, "the transfers")
    assert not lab.events(kind="job.stage")

    # By the cursor, from the default.
    screen.reset()
    screen.shows("iPXE shell")
    screen.press(UP, ENTER)
    # It has started, and says that it misses the screen which this machine does not have; the BIOS form, below, needs none.
    screen.shows("set_screen_info() failed")


def test_bios(make_lab):
    lab = make_lab()
    m = menu_lab(lab, "bios", MEMTEST)
    lab.site = site_menu(["lab-rescue", "memtest-uefi", "memtest-bios", "local", "config", "shell"])
    lab.start()
    screen = switch_on(m, open(os.path.join(REPO, "build", "lab", "bios-disk.img"), "rb"))
    assert "memtest-uefi" not in m.console()
    use_tools(screen)
    screen.press("l")
    screen.shows("lab: ready (disk)")
    screen.reset()
    screen.press("2")
    screen.shows("Memtest86+")


def test_uefi_ipv6_only(make_lab):
    """The machine's own script is looked for where DHCPv6's file name and the MAC address say, then the menu follows."""
    lab = make_lab(v4=False, v6=True)
    m = menu_lab(lab, "uefi", path="pxe6")
    lab.site = site_menu(["lab-rescue", "lab-live", "local"], "local", 0)
    lab.start()
    screen = switch_on(m)
    screen.press("2")
    screen.shows("lab: ready (live)")
    own = [reason for kind, file, reason in fetches(lab) if file.endswith(f"script.ipxe-{m.mac}")]
    assert own and "no script of its own, the menu follows" in own[0], fetches(lab)
    assert f"http://[fd77::1]/script.ipxe-{m.mac}" in unquote(m.console())
    assert not [e for e in lab.events() if e["kind"].startswith("dhcp4.")]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_own_servers(make_lab, family):
    """nginx has the menu that the agent wrote; an order's script goes before it, found by next-server or by DHCPv6's file name."""
    v6 = family == "ipv6"
    lab = make_lab(kind=OwnLab, v4=not v6, v6=v6)
    m = menu_lab(lab, "uefi", path="pxe6" if v6 else "any")
    lab.site = site_menu(["lab-rescue", "lab-live", "local"], "local", 0)
    lab.start()
    screen = switch_on(m)
    screen.press("2")
    screen.shows("lab: ready (live)")
    assert not lab.events(kind="job.stage")

    screen.at = begin = len(m.console())
    lab.ctl("live", "edge01", "--reason", "INC-3", "--yes", "--wait=10m")
    screen.shows("lab: ready (live)")
    assert TITLE not in m.console()[begin:]
    job = lab.job(json.loads(lab.ctl("-o", "json", "job", "list", "--host", "edge01").stdout)["items"][0]["id"])
    assert job["state"] == "done" and "script" in [s["stage"] for s in job["stages"] if s["state"] == "confirmed"]
    with open(lab.path("netboot.log")) as f:
        got = [(unquote(line.split()[3].strip('"')), line.split()[4]) for line in f]
    scripts = [(path, status) for path, status in got if path.startswith("/script.ipxe")]
    assert scripts == [("/script.ipxe", "200"), (f"/script.ipxe-{m.mac}", "404"),
                       ("/script.ipxe", "200"), (f"/script.ipxe-{m.mac}", "200")], got
