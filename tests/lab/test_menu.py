# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's menu on a serial console: each item starts what it names, the timeout starts the default, and a
broken item comes back to the menu."""
import os
import shutil

from lab import wait_for

BOOT = 150  # seconds for firmware, loader and iPXE on a busy machine
UP, ENTER, CTRL_X = "\x1b[A", "\r", "\x18"
MEMTEST_ARGS = "console=ttyS0,115200"


def menu_lab(make_lab, firmware, **menu):
    lab = make_lab()
    m = lab.add_machine("edge01", firmware=firmware, net_first=True)
    for name, file in (("memtest-uefi", "memtest86+x64.efi"), ("memtest-bios", "memtest86+x64.bin")):
        lab.images[name] = {"kind": "tool", "kernel": {"path": f"memtest/{file}"}, "args": MEMTEST_ARGS}
    lab.images["broken"] = {"kind": "tool", "kernel": {"path": "broken/tool.img"}}
    lab.site = {"idle": "menu", "menu": {"title": "Lab menu", **menu}}
    return lab, m


def lay_out(lab):
    """The images of the menu, beside those of every lab."""
    link_images = lab.link_images

    def more():
        link_images()
        os.makedirs(lab.path("images", "memtest"))
        for file in ("memtest86+x64.efi", "memtest86+x64.bin"):
            shutil.copy(f"/boot/{file}", lab.path("images", "memtest"))
        os.makedirs(lab.path("images", "broken"))
        lab.write("images/broken/tool.img", "not to be found")
    lab.link_images = more


class Screen:
    """What the machine shows from where it was looked at last."""

    def __init__(self, machine):
        self.m, self.at = machine, 0

    def shows(self, text, timeout=60):
        def found():
            at = self.m.console().find(text, self.at)
            self.at = at + len(text) if at >= 0 else self.at
            return at >= 0
        wait_for(found, f"{text!r} on the console", timeout)

    def press(self, *strokes):
        self.at = len(self.m.console())
        self.m.keys(*strokes)


def test_uefi_menu_by_keys(make_lab):
    lab, m = menu_lab(make_lab, "uefi", default="config", timeout_s=20, items=[
        "lab-rescue", "lab-live", "memtest-uefi", "memtest-bios", "broken", "local", "config", "shell"])
    lay_out(lab)
    lab.start()
    m.command("power 1")
    screen = Screen(m)
    screen.shows("Lab menu", BOOT)
    screen.shows("lab-rescue (rescue)")
    assert "lab-installer" not in m.console()
    assert "memtest-bios" not in m.console()  # its kernel is not this firmware's

    # Nobody presses a key: the default starts.
    screen.shows("iPXE configuration settings")
    screen.press(CTRL_X)
    screen.shows("Lab menu")

    screen.press("s")
    screen.shows("iPXE>")
    screen.press("exit\r")
    screen.shows("Lab menu")

    # Its file is gone since the menu was fetched: told, and back after ten seconds, when it is left out.
    os.unlink(lab.path("images", "broken", "tool.img"))
    screen.press("4")
    screen.shows("The last menu item failed")
    screen.shows("Lab menu", 30)
    wait_for(lambda: any(e["detail"]["image"] == "broken" for e in lab.events(kind="menu.left-out")),
             "the event of the image that was left out")

    screen.press("2")
    screen.shows("lab: role=live", BOOT)
    screen.shows("lab: ready (live)", BOOT)
    # iPXE starts the kernel at once: the end of the last transfer is told after some resends.
    wait_for(lambda: {"menu", "menu-kernel", "menu-initrd", "menu-file"} <= {
        e["detail"].get("class") for e in lab.events(host="edge01", kind="http.end")}, "the transfers' ends")
    assert not lab.events(kind="job.stage")

    # By the cursor: from the default over the way to the disk.
    screen.at = len(m.console())
    m.command("reset 1")
    screen.shows("Lab menu", BOOT)
    screen.shows("iPXE shell")
    screen.press(UP, UP, ENTER)
    # It has started, and says that it misses the screen which this machine does not have; the BIOS form, below, needs none.
    screen.shows("set_screen_info() failed", BOOT)


def test_bios_menu_by_keys(make_lab):
    lab, m = menu_lab(make_lab, "bios", default="lab-rescue", timeout_s=0,
                      items=["lab-rescue", "memtest-uefi", "memtest-bios"])
    lay_out(lab)
    lab.start()
    m.command("power 1")
    screen = Screen(m)
    screen.shows("Lab menu", BOOT)
    assert "memtest-uefi" not in m.console()
    screen.press("2")
    screen.shows("Memtest86+", BOOT)
