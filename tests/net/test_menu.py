# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's menu from the inventory to the wire: what is shown, what is served without a ticket, and that none of it is
an installation."""
import json
import os

import pytest
import whole_lab
from agent_lab import dhcp_discover
from netlab import PATIENCE, until

MENU = ("live1", "tool1", "sr", "local", "shell")
DISCOVER = ("import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
            "s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1);"
            "s.setsockopt(socket.SOL_SOCKET,socket.SO_BINDTODEVICE,b'eth0');"
            "s.bind(('0.0.0.0',68));"
            "s.sendto(bytes.fromhex(sys.argv[1]),('255.255.255.255',67))")


class MenuSite(whole_lab.Site):
    """edge01 stands before the menu, edge02 goes to its disk."""

    def __init__(self, lan):
        super().__init__(lan, hosts=2)
        self.hosts[1]["idle"] = "local"
        self.hosts[1]["local_boot"] = "exit0"
        self.write("images/d/root.img", os.urandom(30_000))
        self.menu = {"items": list(MENU), "default": "live1", "timeout_s": 7, "title": "Rescue of local"}

    def document(self):
        d = super().document()
        d["sites"][0].update(idle="menu", menu=self.menu)
        files = {"kernel": {"path": "d/vmlinuz"}, "initrds": [{"path": "d/initrd"}]}
        d["images"] += [
            {"name": "live1", "kind": "live", **files, "files": [{"path": "d/root.img"}],
             "args": "fetch=${file.root.img} s=${site.server} BOOTIF=01-${mac.hexhyp}"},
            {"name": "tool1", "kind": "tool", "kernel": {"path": "d/vmlinuz", "name": "tool.efi"}},
            {"name": "sr", "kind": "rescue", **files,
             "files": [{"path": "d/root.img", "name": "sysresccd/x86_64/airootfs.sfs"}],
             "args": "ip=${net.dhcp} archiso_http_srv=${files}/"},
            {"name": "live2", "kind": "live", "kernel": {"path": "d/vmlinuz"}}]
        return d

    def apply_images(self):
        """The images alone, as they are now."""
        self.write("images.yaml", json.dumps({"images": self.document()["images"]}).encode())
        done = self.ctl("apply", "-f", self.path("images.yaml"))
        assert done.returncode == 0, done.stderr

    def get(self, ns, path, *args):
        """(status, body) of a GET."""
        done = ns.run("curl", "-sS", "-m", str(PATIENCE), "-w", "\n%{http_code}", *args,
                      path if ":" in path.split("/")[0] else f"http://10.77.0.1{path}")
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def size(self, ns, path):
        """(status, octets)."""
        out = ns.run("curl", "-sS", "-m", str(PATIENCE), "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                     f"http://10.77.0.1{path}").stdout.split()
        return int(out[0]), int(out[1])


@pytest.fixture
def s(netns):
    site = MenuSite(netns)
    try:
        yield site.start()
    finally:
        site.close()


def test_menu_from_inventory_to_the_wire(s, netns):
    c = netns.add_client(address="10.77.0.11/24")  # edge01
    status, text = s.get(c, "/script.ipxe")
    assert status == 200 and text.startswith("#!ipxe\n")
    for line in ("menu Rescue of local || goto no_menu", "item --key 1 image-live1 live1 (live)",
                 "item --key l local Boot from disk",
                 "choose --default image-live1 --timeout 7000 target && goto ${target} || goto menu_uefi",
                 "kernel /m/live1/vmlinuz initrd=initrd fetch=http://10.77.0.1/m/live1/root.img s=10.77.0.1 "
                 "BOOTIF=01-${netX/mac:hexhyp} || goto failed",
                 "kernel /m/sr/vmlinuz initrd=initrd ip=dhcp archiso_http_srv=http://10.77.0.1/m/sr/ "
                 "BOOTIF=01-${netX/mac:hexhyp} || goto failed"):
        assert line in text.splitlines(), text
    assert "debian" not in text and "rescue (" not in text  # not items, though an image and one of a fitting kind

    # What it names is there without a ticket; nothing else is.
    for path, size in (("vmlinuz", 50_000), ("initrd", 90_000), ("root.img", 30_000)):
        assert s.size(c, f"/m/live1/{path}") == (200, size)
    # What a client makes of the folder that it is given, as SystemRescue's does.
    assert s.size(c, "/m/sr//sysresccd/x86_64/airootfs.sfs") == (200, 30_000)
    for path in ("/m/live1/other", "/m/debian/vmlinuz", "/m/debian/initrd", "/m/live2/vmlinuz", "/m/live1/../d/vmlinuz"):
        assert s.get(c, path)[0] == 404, path
    assert s.get(c, "/m/live1/vmlinuz", "-r", "0-9", "-o", "/dev/null")[0] == 206
    assert s.get(c, "/m/live1/vmlinuz", "-I", "-o", "/dev/null")[0] == 200

    # Who fetched what is in the record; no job took it for one of its own stages.
    def fetched():
        return {e["detail"]["class"]: e for e in s.events("--host", "edge01", "--kind", "http.end")
                if e["detail"]["result"] == "complete"}
    until(lambda: {"menu", "menu-kernel", "menu-initrd", "menu-file"} <= set(fetched()), "the events")
    assert fetched()["menu-kernel"]["file"] == "m/live1/vmlinuz"

    # No script of its own where the menu follows; the disk's where the host says so.
    macs = [h["nics"][0]["mac"] for h in s.hosts]
    assert s.get(c, f"/script.ipxe-{macs[0]}")[0] == 404
    assert "exit 0" in s.get(c, f"/script.ipxe-{macs[1]}")[1]
    assert "exit 1" in s.get(c, f"/local.ipxe-{macs[0].replace(':', '-')}")[1]
    assert s.get(c, "/script.ipxe-52:54:00:99:99:99")[0] == 404
    assert "http://10.77.0.1/script.ipxe-${netX/mac}" in s.get(c, "/autoexec.ipxe")[1]
    assert s.get(c, "/loaders/autoexec.ipxe")[0] == 200

    # An order goes first, whatever the menu says.
    assert s.reinstall("edge01").returncode == 0
    until(lambda: "/b/" in s.get(c, f"/script.ipxe-{macs[0]}")[1], "the ticket's script")
    assert "/b/" not in s.get(c, "/script.ipxe")[1]


def test_history_knows_what_the_menu_started(s, netns):
    c = netns.add_client(mac="52:54:00:77:00:01", address="10.77.0.11/24")
    c.python(DISCOVER, dhcp_discover(c.mac, ipxe=True).hex())
    until(lambda: s.json("history", "edge01")["items"], "the boot")
    assert s.size(c, "/m/live1/vmlinuz")[0] == 200
    until(lambda: s.json("history", "edge01")["items"][0].get("image") == "live1", "the image in the history")
    assert s.json("history", "edge01")["items"][0]["planned"] is False


def test_offers_by_dhcp(s, netns):
    c = netns.add_client(mac="52:54:00:77:00:01")
    stranger = netns.add_client(mac="52:54:00:77:00:99")

    def asks(ns, ipxe, kind, reason, file=""):
        def told():
            return [e for e in s.events("--kind", kind) if e["mac"] == ns.mac and reason in e["reason"]
                    and e.get("file", "").endswith(file)]

        def once():
            ns.python(DISCOVER, dhcp_discover(ns.mac, ipxe=ipxe).hex())
            return told()
        until(once, f"{kind}: {reason}")

    asks(c, False, "dhcp4.offer", "idle policy menu", "snponly.efi")
    asks(c, True, "dhcp4.offer", "menu for iPXE", "http://10.77.0.1/script.ipxe")
    asks(stranger, True, "dhcp4.ignored", "unknown machine")
    # Where a site takes strangers in, its own idle policy is theirs.
    assert s.ctl("site", "set", "local", "--unknown", "pool", "--subnet",
                 "10.77.0.0/24,gateway=10.77.0.1,pool=10.77.0.100-10.77.0.150").returncode == 0
    asks(stranger, False, "dhcp4.offer", "unknown machine, idle policy menu", "snponly.efi")
    asks(stranger, True, "dhcp4.offer", "unknown machine, idle policy menu", "http://10.77.0.1/script.ipxe")


def test_disk_chosen_in_the_menu(s, netns):
    """Firmware leaves iPXE for its next boot option, which is HTTP boot: not the menu again, but the disk."""
    c = netns.add_client(mac="52:54:00:77:00:01", address="10.77.0.11/24")

    def asks(reason, **kw):
        def once():
            c.python(DISCOVER, dhcp_discover(c.mac, **kw).hex())
            return [e for e in s.events("--host", "edge01", "--kind", "dhcp4.offer") if reason in e["reason"]]
        return until(once, reason)

    http = {"arch": 0x10, "cls": b"HTTPClient"}
    asks("idle policy menu: loader for x64-uefi", arch=7)
    assert s.get(c, f"/local.ipxe-{c.mac.replace(':', '-')}", "-I")[0] == 200  # asking is not choosing
    asks("idle policy menu: loader for x64-uefi-http by URL", **http)
    asks("idle policy menu: loader for x64-uefi", arch=7)
    assert s.get(c, f"/local.ipxe-{c.mac.replace(':', '-')}")[0] == 200
    told = asks("idle policy menu, disk chosen in it: URL that is not found", **http)
    assert told[0]["file"].endswith("/local-boot.efi")
    # The way that led to the menu is a new boot's.
    n = len([e for e in s.events("--host", "edge01", "--kind", "dhcp4.offer") if "menu: loader for x64-uefi" in e["reason"]])
    until(lambda: len([e for e in asks("menu: loader for x64-uefi", arch=7)]) > n, "the menu's loader again")


def test_changes_arrive(s, netns):
    c = netns.add_client(address="10.77.0.11/24")

    def shows(part, wanted=True):
        until(lambda: (part in s.get(c, "/script.ipxe")[1]) == wanted, f"{part!r} in the menu")

    # Another image in the document, another menu: the agent gets it, and bootd.
    assert s.ctl("site", "set", "local", "--menu-item", "live2,local", "--menu-default", "local",
                 "--menu-timeout", "1m", "--menu-keymap", "de").returncode == 0
    shows("image-live2")
    shows("image-live1", False)
    shows("--timeout 60000")
    shows("set kbmap de")
    assert s.json("site", "show", "local")["menu"]["items"] == ["live2", "local"]
    assert "menu:" in s.ctl("export").stdout

    # A changed image; its old file is not served under the new size.
    s.write("images/d/vmlinuz", os.urandom(60_000))
    shows("image-live2", False)  # the file is not the one that was added
    until(lambda: [e for e in s.events("--kind", "menu.left-out") if e["detail"]["image"] == "live2"], "the event")
    assert any("live2" in f["text"] and f["level"] == "warn" for f in s.findings("menu"))
    s.apply_images()
    shows("image-live2")
    assert s.size(c, "/m/live2/vmlinuz") == (200, 60_000)

    # Refusals: each names what and where, and changes nothing.
    for argv, code in ((("--menu-item", "debian"), "menu-image"), (("--menu-item", "absent"), "image-unknown"),
                       (("--menu-default", "shell"), "bad-value")):
        done = s.ctl("site", "set", "local", *argv)
        assert done.returncode in (1, 3) and s.line(done, "local", code)
    s.refused(s.ctl("image", "rm", "live2"), 3, "live2", "image-in-use")
    shows("image-live2")

    # Without a menu of its own the site shows what fits.
    assert s.ctl("site", "set", "local", "--no-menu").returncode == 0
    shows("image-rescue", False)  # its arguments name the report of a job
    shows("image-live1")
    shows("item --key c config")
    assert s.ctl("image", "rm", "tool1").returncode == 0
    until(lambda: "image-tool1" not in s.get(c, "/script.ipxe")[1], "the image to be gone")
    # Where nobody comes to a menu, there is none, and nothing without a ticket.
    assert s.ctl("site", "set", "local", "--idle", "local").returncode == 0
    until(lambda: s.get(c, "/script.ipxe")[0] == 404, "the menu's end")
    assert s.get(c, "/m/live1/vmlinuz")[0] == 404
