# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that keeps its own servers: jobs are confirmed stage by stage by what the servers log, and an image that was
had once is not had again."""
import os
import stat

import pytest

from agent_lab import MAC
from netlab import until


def boot(m):
    assert m.load()
    for stage in ("up", "installed", "booted"):
        assert m.report(stage) == "204", stage


@pytest.mark.parametrize("dhcp", ["isc-dhcp", "kea", "dnsmasq"])
def test_reinstall_by_logs(own_site, dhcp):
    s = own_site(dhcp=dhcp)
    # Before any job the machine finds the way to its disk.
    until(lambda: "exit 1" in s.script_text(), what="the script of an idle host")
    job = s.order(s.bundle())
    s.wait_stage("power")
    assert stat.S_IMODE(os.stat(s.path("scripts", "b")).st_mode) == 0o711
    m = s.machine()
    boot(m)
    assert s.wait_end(job)["kind"] == "job.done", s.events
    assert s.stages(job) == ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp",
                             "script", "kernel", "initrd", "os-up", "installed", "local-boot"]
    evidence = {e["detail"]["stage"]: e["detail"].get("evidence") for e in s.events
                if e["kind"] == "job.stage" and e["detail"]["state"] == "confirmed"}
    assert "nothing is held back" in evidence["armed"]
    assert "x64-uefi" in evidence["firmware-dhcp"] and "iPXE" in evidence["ipxe-dhcp"]
    if dhcp != "dnsmasq":
        assert "its end is not logged by tftpd-hpa; proven by:" in evidence["loader"]
    assert "by the log of nginx" in evidence["kernel"]
    used = s.wait_event("job.ticket", state="consumed")
    assert used["detail"]["confirmed_by"] == "logs" and used["ip"] == "10.77.0.11" and used["file"] == "vmlinuz"
    s.check_ticket_rule(job)
    # The same is not to be had again.
    for url in [m.kernel_url, *m.initrd_urls]:
        assert m.curl(url, check=False).startswith("404"), url
    assert "exit 1" in m.script() and m.kernel_url is None
    assert os.listdir(s.path("scripts", "b")) == []
    assert s.bootd_pid() is None and s.orch.own_servers


def test_the_kernel_alone_closes_the_ticket(own_site):
    s = own_site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.script()
    token = m.kernel_url.split("/")[-2]
    # A part of it is no use of it; the whole is, by whatever spelling the server takes.
    m.curl(m.kernel_url, "-I")
    m.curl(m.kernel_url, "-r", "0-99")
    s.wait_event("http.end", result="partial")
    assert not s.tickets(job, "consumed")
    assert m.whole(m.kernel_url.replace(token, "%" + format(ord(token[0]), "x") + token[1:]), len(s.kernel))
    s.wait_event("job.ticket", state="consumed")
    until(lambda: "exit 1" in s.script_text(), what="the script to be replaced")
    assert m.curl(m.kernel_url, check=False).startswith("404")
    # What is on its way is still to be had, once.
    assert m.whole(m.initrd_urls[0], len(s.initrd))
    until(lambda: m.curl(m.initrd_urls[0], check=False).startswith("404"), what="the initrd to be closed")
    s.cancel(job)
    assert s.wait_end(job)["kind"] == "job.cancelled"
    s.check_ticket_rule(job)
    until(lambda: os.listdir(s.path("scripts", "b")) == [], what="the ticket's folder to be removed")


def test_agent_killed_in_between(own_site):
    """The log is read on from where it was left: what was fetched meanwhile counts, once."""
    s = own_site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.loader()
    s.wait_stage("firmware-dhcp")
    s.kill_agent()
    m.ipxe()
    m.script()
    assert m.payloads()
    os.rename(s.path("nginx.log"), s.path("nginx.log.1"))  # as logrotate does
    s.procs["nginx"].send_signal(10)  # SIGUSR1: open the log anew
    until(lambda: os.path.exists(s.path("nginx.log")), what="the new log")
    s.start_agent()
    s.wait_event("job.ticket", state="consumed")
    s.wait_stage("initrd")
    until(lambda: "exit 1" in s.script_text(), what="the script to be replaced")
    assert m.report("up") == "204"
    s.wait_stage("os-up")
    s.kill_agent()
    s.start_agent()
    for stage in ("installed", "booted"):
        assert m.report(stage) == "204"
    assert s.wait_end(job)["kind"] == "job.done"
    s.check_ticket_rule(job)
    assert len([e for e in s.events if e["kind"] == "http.end" and e.get("file") == "vmlinuz"]) == 1
    assert os.path.exists(s.path("scripts", f"script.ipxe-{MAC}"))


def test_log_lost_while_no_agent_ran(own_site):
    """Whoever is booting may have had the image: there is no second time."""
    s = own_site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    s.wait_stage("firmware-dhcp")
    s.kill_agent()
    os.unlink(s.path("nginx.log"))
    s.start_agent()
    assert s.wait_event("job.ticket", state="consumed")["file"] == "(log lost)"
    until(lambda: "exit 1" in s.script_text(), what="the script to be replaced")
    s.cancel(job)
    assert s.wait_end(job)["kind"] == "job.cancelled"
    s.check_ticket_rule(job)


def test_http_log_by_another_name_while_a_job_is_armed(own_site):
    """What the old one says is not read any more: the ticket may have been used. One that is armed later was not."""
    s = own_site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    s.wait_stage("firmware-dhcp")
    s.kill_agent()
    s.http_log = "other.log"
    s.write_config()
    s.start_agent()
    assert s.wait_event("job.ticket", state="consumed")["file"] == "(log lost)"
    until(lambda: "exit 1" in s.script_text(), what="the script to be replaced")
    s.cancel(job)
    assert s.wait_end(job)["kind"] == "job.cancelled"
    s.check_ticket_rule(job)
    s.kill_agent()
    s.http_log = "third.log"
    s.write_config()
    other = s.order(s.bundle())
    s.start_agent()
    s.wait_stage("power", job=other)
    assert s.tickets(other, "armed") and not s.tickets(other, "consumed")
    s.cancel(other)
    assert s.wait_end(other)["kind"] == "job.cancelled"


def test_files_that_cannot_be_laid_out(own_site):
    """Nothing is switched, the reason is told, and it goes on when it can."""
    s = own_site(deadlines={"armed": "1s"})
    until(lambda: "exit 1" in s.script_text(), what="the script of an idle host")
    with open(s.path("scripts", "b"), "w"):
        pass  # a file where the folder of the tickets belongs
    job = s.order(s.bundle())
    down = s.wait_event("bootd.down", code="files-not-written")
    assert s.path("scripts") in down["reason"]
    end = s.wait_end(job)
    assert end["kind"] == "job.failed" and "cannot be laid out" in end["detail"]["text"], end
    assert s.bmc_show()["power"] == "off"
    os.unlink(s.path("scripts", "b"))
    again = s.order(s.bundle())
    s.wait_stage("armed", job=again)
    s.cancel(again)
    assert s.wait_end(again)["kind"] == "job.cancelled"


def test_another_agent_in_charge(own_site):
    """What leads to an image is taken away, whoever's machine asks."""
    s = own_site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.script()
    s.orch.refused = True
    until(lambda: "exit 1" in s.script_text() and os.listdir(s.path("scripts", "b")) == [],
          what="script and files to be withdrawn")
    assert m.curl(m.kernel_url, check=False).startswith("404")
    s.orch.refused = False
    assert s.wait_end(job)["kind"] == "job.cancelled"


def test_the_menu_of_hosts_without_a_job(own_site):
    """A host with the idle policy menu has no script of its own but while a ticket is armed."""
    s = own_site(hosts=2, menu={"items": ["live1", "local"], "default": "local"})
    m = s.machine()
    own = f"http://10.77.0.1/script.ipxe-{MAC}"

    def get(path):
        body = m.curl("http://10.77.0.1" + path, "-f", out="-", check=False)
        return body.rsplit("200 ", 1)[0] if "200 " in body else None

    menu = until(lambda: get("/script.ipxe"), what="the menu")
    lines = menu.splitlines()
    assert "item --key 1 image-live1 live1 (live)" in lines, menu
    assert any(x.startswith("kernel /m/live1/vmlinuz initrd=initrd fetch=http://10.77.0.1/m/live1/root.img ")
               for x in lines), menu
    assert "chain --replace --autofree http://${nbserver}/script.ipxe-${netX/mac} || goto own_ipv6" in lines
    until(lambda: "exit 1" in s.script_text(2), what="the other host's script")
    assert m.curl(own, check=False).startswith("404")
    assert m.whole("http://10.77.0.1/m/live1/vmlinuz", len(s.kernel))
    assert m.whole("http://10.77.0.1/m/live1/initrd", len(s.initrd))
    for name in "live2", "debian":
        assert m.curl(f"http://10.77.0.1/m/{name}/vmlinuz", check=False).startswith("404")
    assert "exit 1" in get(f"/local.ipxe-{MAC.replace(':', '-')}")
    fetched = s.wait_event("http.end", **{"class": "menu-file"})
    assert fetched["file"] == "m/live1/vmlinuz" and fetched["host"] == "edge01"

    # An order goes first, once.
    job = s.order(s.bundle())
    s.wait_stage("power")
    boot(m)
    assert s.wait_end(job)["kind"] == "job.done", s.events
    s.check_ticket_rule(job)
    assert m.curl(own, check=False).startswith("404") and s.script_text() == ""
    assert m.curl(m.kernel_url, check=False).startswith("404")

    # The menu follows the inventory, and the files that are there.
    s.menu = {"items": ["live1", "live2", "local", "shell"], "default": "live2", "timeout_s": 9}
    os.rename(s.path("images", "d", "root.img"), s.path("images", "d", "root.old"))
    s.orch.table = dict(s.orch.table, menu=s.menu, version=2)
    until(lambda: "--default image-live2 --timeout 9000" in get("/script.ipxe"), what="another menu")
    assert "image-live1" not in get("/script.ipxe")
    left = s.wait_event("menu.left-out")
    assert left["detail"]["image"] == "live1" and left["file"] == "d/root.img"
    os.rename(s.path("images", "d", "root.old"), s.path("images", "d", "root.img"))
    s.orch.table = dict(s.orch.table, version=3)
    until(lambda: "image-live1" in get("/script.ipxe"), what="the image to be back")
    # Without a menu the disk is left.
    s.orch.table = {k: v for k, v in s.orch.table.items() if not k.startswith("menu")} | {"version": 4}
    until(lambda: get("/script.ipxe") is None and "exit 1" in s.script_text(), what="the menu's end")
