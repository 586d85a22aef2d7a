# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-agent with the real netboot-bootd and simulated BMCs: whole jobs, kind by kind."""
import os
import re

import pytest

from agent_lab import MAC, make_id
from netlab import until


def test_reinstall_from_order_to_disk_boot(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    assert s.bmc_show()["power"] == "on"
    m = s.machine()
    m.boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert s.stages(job) == ["preflight", "armed", "override", "power", "firmware-dhcp", "loader", "ipxe-dhcp",
                             "script", "kernel", "initrd", "os-up", "installed", "local-boot"]
    assert s.stages(job, "skipped") == ["rootfs"]
    assert all(e["detail"].get("evidence") for e in s.events
               if e["kind"] == "job.stage" and e["detail"]["state"] == "confirmed")
    assert "host=edge01 role=cdn" in m.args
    s.check_ticket_rule(job)
    assert not os.path.exists(s.path("scripts", f"script.ipxe-{MAC}"))


def test_live_image_with_files(site):
    s = site()
    image = s.image(kind="live", files=[s.file("root.img", "d/root.img")], reports=["up"], local_boot=False,
                    args="root=${file.root.img}")
    job = s.order(s.bundle(kind="live", image=image))
    s.wait_stage("power")
    m = s.machine()
    assert m.load()
    s.wait_event("job.ticket", state="consumed")
    url = m.args.split("root=")[1].split()[0]
    assert m.whole(url, 4000)
    s.wait_stage("rootfs")
    assert m.report("up") == "204"
    assert s.wait_end(job)["kind"] == "job.done"
    until(lambda: m.curl(url, check=False)[:3] == "404", what="the file to be closed with the job")


def test_an_image_without_initrd_and_reports_is_done_when_loaded(site):
    s = site()
    image = s.image(kind="tool", initrds=[], reports=[], local_boot=False, args="")
    job = s.order(s.bundle(kind="boot", image=image))
    s.wait_stage("power")
    assert s.machine().load()
    assert s.wait_end(job)["kind"] == "job.done"
    assert s.stages(job, "skipped") == ["initrd", "rootfs", "os-up", "installed", "local-boot"]
    s.check_ticket_rule(job)


def test_power_jobs_and_status_call(site):
    s = site()
    for action, after in (("on", "on"), ("cycle", "on"), ("off", "off")):
        job = s.order(s.bundle(kind="power", power_action=action))
        assert s.wait_end(job)["kind"] == "job.done", action
        until(lambda: s.bmc_show()["power"] == after, what=f"power {after}")
        looks = [e["detail"].get("look") for e in s.events if e["kind"] == "power.state" and e.get("job") == job]
        assert looks == ["preflight", "control"], action
    call = {"t": "call", "id": make_id(99), "verb": "power-status", "host": s.hosts[0], "bmc": s.bmc()}
    with s.orch.cond:
        s.orch.calls[call["id"]] = call
    until(lambda: s.orch.results.get(call["id"]), what="the call's answer")
    assert s.orch.results[call["id"]]["power"] == "off"


def test_reboot_is_seen_off_then_on(site):
    s = site()
    s.bmc_ask("power all on")
    job = s.order(s.bundle(kind="reboot", hard=True))
    assert s.wait_end(job)["kind"] == "job.done"
    power = [(e["detail"]["power"], e["detail"].get("look")) for e in s.events
             if e["kind"] == "power.state" and e.get("job") == job]
    assert power == [("on", "preflight"), ("off", None), ("on", None)]
    boots = [e for e in s.events if e["kind"].startswith("boot.") and e.get("job") == job]
    assert [e["kind"] for e in boots] == ["boot.begin", "boot.end"]
    assert boots[0]["boot"] == boots[1]["boot"] and boots[1]["detail"]["outcome"] == "ok"


def test_what_may_not_be_forced_is_not(site):
    """One system stops when it is asked; the other does not, is left on, and the job says so."""
    s = site(deadlines={"power": 3})
    s.bmc_ask("power all on")
    s.bmc_ask("fault all soft_ms 200")
    careful = {"v": 2, "kind": "reboot", "force": "never"}
    assert s.wait_end(s.order(s.bundle(**careful)))["kind"] == "job.done"
    before = s.bmc_show()
    assert (before["soft"], before["off"]) == (1, 0)
    s.bmc_ask("fault all ignore_soft 1")
    end = s.wait_end(s.order(s.bundle(graceful_us=1000000, **careful)))
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "graceful-timeout")
    assert "not forced" in end["detail"]["text"] and "--force after-timeout" in end["detail"]["next"]
    after = s.bmc_show()
    assert (after["soft"], after["off"], after["power"]) == (2, 0, "on")


def test_an_image_that_is_on_its_way(site):
    s = site()
    image = s.image()
    os.unlink(s.path("images", "d/initrd"))
    missing = {"sha256": image["initrds"][0]["sha256"], "size": len(s.initrd), "paths": ["d/initrd"], "images": ["d"]}
    s.orch.store = {"v": 1, "version": 3, "wanted": [missing]}  # and nobody gives it
    until(lambda: any(r["version"] == 3 for r in s.orch.store_said), what="the agent to know what it should hold")
    s.bmc_ask("power all on")
    end = s.wait_end(s.order(s.bundle(image=image)))
    assert end["kind"] == "job.failed" and end["detail"]["code"] == "image-not-here"
    assert "0 B of 900.0 kB are there" in end["detail"]["text"] and "d/initrd: waiting" in end["detail"]["text"]
    assert s.bmc_show()["power"] == "on"


@pytest.mark.parametrize("what,code", [("missing", "image-missing"), ("altered", "image-altered"),
                                       ("password", "bmc-auth"), ("no-bmc", "no-bmc"), ("args", "image-args")])
def test_refused_before_anything_is_switched(site, what, code):
    s = site()
    image, bmc = s.image(), s.bmc()
    s.bmc_ask("power all on")
    if what == "missing":
        os.unlink(s.path("images", "d/initrd"))
    elif what == "altered":
        s.put("images", "d/initrd", os.urandom(len(s.initrd)))
    elif what == "password":
        bmc["password"] = "wrong"
    elif what == "no-bmc":
        bmc = None
    elif what == "args":
        image["args"] = "rack=${host.label.rack}"
    job = s.order(s.bundle(image=image, bmc=bmc))
    end = s.wait_end(job)
    assert end["kind"] == "job.failed" and end["detail"]["code"] == code, end
    assert end["detail"]["next"] and end["detail"]["stage"] == "preflight"
    assert not s.tickets(job, "armed")
    assert s.bmc_show()["power"] == "on"
    assert os.listdir(s.path("scripts")) == []


def test_a_dead_bmc_fails_alone(site):
    s = site(hosts=2)
    dead = s.bmc(2, port=9)  # nobody listens
    bad = s.order(s.bundle(2, bmc=dead, image=s.image(deadlines={"preflight": 4})))
    good = s.order(s.bundle(1))
    s.wait_stage("power", job=good)
    s.machine().boot_all()
    assert s.wait_end(good)["kind"] == "job.done"
    end = s.wait_end(bad)
    assert end["detail"]["code"] == "bmc-unreachable"


def test_a_second_job_on_a_busy_host_is_refused(site):
    s = site()
    first = s.order(s.bundle())
    s.wait_stage("power")
    second = s.order(s.bundle())
    end = s.wait_end(second)
    assert end["kind"] == "job.refused" and end["detail"]["code"] == "host-busy"
    s.cancel(first)
    assert s.wait_end(first)["kind"] == "job.cancelled"
    # The order that was refused stays refused, even when it is repeated now.
    s.order(dict(s.bundle(), job=second))
    s.orch.jobs.clear()
    third = s.order(s.bundle(kind="power", power_action="off"))
    assert s.wait_end(third)["kind"] == "job.done"
    assert [e["kind"] for e in s.events if e.get("job") == second] == ["job.refused"]


def test_cancel_closes_the_ticket(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.script()
    s.cancel(job)
    end = s.wait_end(job)
    assert end["kind"] == "job.cancelled" and end["detail"]["code"] == "image-not-let-go"
    assert s.tickets(job, "revoked") == s.tickets(job, "armed")
    until(lambda: m.curl(m.kernel_url, check=False)[:3] == "404", what="the payload to be closed")
    assert "exit" in m.script()
    assert not m.kernel_url


def test_nothing_comes_and_three_attempts_are_made(site):
    s = site(deadlines={"firmware-dhcp": "1s"})
    job = s.order(s.bundle())
    end = s.wait_end(job)
    assert end["detail"]["code"] == "no-dhcp-after-power-on"
    assert [e["detail"]["attempt"] for e in s.events if e["kind"] == "job.attempt"] == [1, 2, 3]
    assert s.stages(job).count("override") == 3
    assert s.tickets(job, "revoked") == s.tickets(job, "armed")
    begun = [e["boot"] for e in s.events if e["kind"] == "boot.begin"]
    ended = [e["boot"] for e in s.events if e["kind"] == "boot.end"]
    assert len(set(begun)) == 3 and begun == ended


def test_after_a_miss_it_is_asked_for_in_another_way_and_that_is_learned(site):
    s = site(deadlines={"firmware-dhcp": "4s"})
    job = s.order(s.bundle())
    s.wait_stage("power", attempt=2)
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    learned = s.wait_event("ipmi.learned", job=job)
    assert learned["detail"]["variant"] == "in-progress"
    # The next job begins with it, of another run of the agent too: nothing is learned anew.
    s.kill_agent()
    s.start_agent()
    job = s.order(s.bundle())
    s.wait_stage("power", job=job)
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert not [e for e in s.events if e["kind"] == "ipmi.learned" and e.get("job") == job]
    assert "variant in-progress" in s.wait_stage("override", job=job)["detail"]["evidence"]


def test_flags_lost_before_the_power_on_are_set_again(site):
    s = site()
    s.bmc_ask("fault all lose_on 1")  # the BMC takes the order and forgets it: a second one follows
    job = s.order(s.bundle())
    s.wait_stage("override")
    s.bmc_ask("fault all forget_at_off 1")
    s.wait_stage("power")
    s.machine().boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    reads = [e for e in s.events if e["kind"] == "ipmi.bootflags" and e.get("job") == job]
    assert len(reads) >= 3, reads  # preflight, override, and before the second power-on
    assert s.bmc_show()["pxe_boots"] == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_persistent_override_does_not_outlive_the_ticket(site, cancelled):
    s = site()
    job = s.order(s.bundle(bmc=s.bmc(manners={"variants": ["persistent"]})))
    s.wait_stage("power")
    assert s.bmc_show()["flags"] == "e004000000"
    if cancelled:
        s.cancel(job)
    else:
        s.machine().load()  # uses the ticket; the job goes on
    until(lambda: s.bmc_show()["flags"] == "a000000000", what="the flags to be taken back")
    s.cancel(job)
    s.wait_end(job)
    assert not [e for e in s.events if e["kind"] == "ipmi.flags-left"]


def test_an_override_that_was_not_used_is_taken_back(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")  # parameter 3 = 08h: it would not run out
    s.cancel(job)
    s.wait_end(job)
    until(lambda: s.bmc_show()["flags"] == "a000000000", what="the flags to be taken back")


def test_what_clears_the_flags_is_as_usual_after_the_ticket(site):
    s = site()
    job = s.order(s.bundle(bmc=s.bmc(manners={"variants": ["keep-1f"]})))
    s.wait_stage("power")
    assert s.bmc_show()["keep"] == 0x1F
    s.machine().load()
    until(lambda: s.bmc_show()["keep"] == 0x08, what="parameter 3 to be as usual")
    until(lambda: s.bmc_show()["flags"] == "a000000000", what="the flags to mean nothing")
    s.cancel(job)
    s.wait_end(job)


def test_a_persistent_override_that_stays_is_told(site):
    s = site()
    job = s.order(s.bundle(bmc=s.bmc(manners={"variants": ["persistent"]})))
    s.wait_stage("power")
    s.bmc_ask("fault all refuse_options 32")
    s.cancel(job)
    left = s.wait_event("ipmi.flags-left", job=job)
    assert left["detail"]["code"] == "bmc-refused" and "clear the boot device" in left["detail"]["next"]


def test_installer_reports_failure(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    assert m.load()
    assert m.report("up") == "204"
    # Its end is cut within 200 octets, between two characters.
    assert m.report("failed", "dysk nie działa\x07\n" + "ł" * 200) == "204"
    end = s.wait_end(job)
    assert end["detail"]["code"] == "installer-failed"
    assert re.search(r": dysk nie działa\?\\x0ał+$", end["detail"]["text"]), end
    assert m.report("installed") == "404"
    s.check_ticket_rule(job)


def test_reports_need_a_consumed_ticket(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("power")
    m = s.machine()
    m.firmware()
    m.script()
    assert m.report("installed") == "404"
    assert m.report("up", url=f"http://10.77.0.1/report/{'0' * 26}") == "404"
    assert "installed" not in s.stages(job)


def test_netboot_without_a_job_is_a_boot_of_its_own(site):
    s = site()
    s.wait_event("bootd.up")
    m = s.machine()
    until(lambda: (m.firmware(), [e for e in s.events if e["kind"] == "boot.begin"])[1], what="the boot")
    ev = s.wait_event("boot.begin")
    assert ev["host"] == "edge01" and ev["detail"]["planned"] is False and ev["detail"]["trigger"] == "netboot"
    job = s.order(s.bundle())
    end = s.wait_event("boot.end")
    assert end["boot"] == ev["boot"] and end["detail"]["outcome"] == "superseded"
    s.cancel(job)
    s.wait_end(job)


def test_the_password_is_nowhere(site):
    s = site()
    job = s.order(s.bundle())
    s.wait_stage("armed")
    s.kill_agent()
    files = [os.path.join(folder, name) for folder, _, names in os.walk(s.path("agent")) for name in names]
    files = [name for name in files if os.path.isfile(name)]  # and no sockets
    assert files
    for name in files:
        with open(name, "rb") as f:
            assert b"secret17" not in f.read(), name
    assert "secret17" not in s.stderr
    assert all("secret17" not in str(e) for e in s.events)
    s.start_agent()  # and with the sealed one it still opens the BMC
    s.wait_stage("power", job=job)


@pytest.mark.parametrize("inventory,wanted", [("", "http://10.77.0.1:8081/"),
                                              ("http://boot.example:8081", "http://boot.example:8081/")])
def test_address_of_the_site(site, inventory, wanted):
    """Without site_url: the inventory's, else this machine's own address in the host's network."""
    s = site(site_url="", inventory_url=inventory, boot_services={"ports": {"http": 8081}})
    job = s.order(s.bundle())
    s.wait_stage("armed")
    with open(s.path("scripts", f"script.ipxe-{MAC}")) as f:
        text = f.read()
    assert f"kernel {wanted}b/" in text and f"chain --replace --autofree {wanted}script" in text
    s.cancel(job)
    s.wait_end(job)
