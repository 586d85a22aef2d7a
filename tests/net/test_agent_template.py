# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates: an image's text that is filled in for each job and served under its ticket alone."""
import os
import re
import stat

from netlab import until

PRESEED = ("# for ${host.name} at ${site.name}\n"
           "d-i mirror/http/hostname string ${site.server}\n"
           "d-i preseed/late_command string in-target wget -qO- --post-data= ${report}/installed; x=$${HOME}\n")


def files_of_tickets(s):
    return [f for f in os.listdir(s.path("scripts")) if f.startswith("ticket-")]


def order_with(s, text, **changes):
    s.put("images", "d/preseed.cfg", text.encode())
    s.put("images", "d/deep.bin", b"deep" * 100)
    image = s.image(files=[{**s.file("preseed.cfg", "d/preseed.cfg"), "template": True},
                           s.file("arch/x86_64/deep.bin", "d/deep.bin")],
                    args="auto=true url=${file.preseed.cfg} base=${site.url}/b/${token}/", **changes)
    return s.order(s.bundle(image=image))


def test_a_preseed_is_filled_in_and_lives_as_long_as_its_ticket(site):
    s = site()
    job = order_with(s, PRESEED)
    s.wait_stage("power")
    m = s.machine()
    m.firmware(), m.loader(), m.ipxe(), m.script()
    url = re.search(r" url=(\S+)", m.args).group(1)
    token = url.split("/b/")[1].split("/")[0]
    out = s.path("fetched")
    assert m.curl(url, out=out).startswith("200 ")
    wanted = (f"# for edge01 at local\nd-i mirror/http/hostname string 10.77.0.1\n"
              f"d-i preseed/late_command string in-target wget -qO- --post-data= "
              f"http://10.77.0.1/report/{token}/installed; x=${{HOME}}\n")
    assert open(out).read() == wanted
    # Its file belongs to the ticket, and nobody else may read it or fetch it without the token.
    name, = files_of_tickets(s)
    st = os.stat(s.path("scripts", name))
    assert stat.S_IMODE(st.st_mode) == 0o640 and token not in name
    for path in (name, f"scripts/{name}", f"loaders/../scripts/{name}", f"b/{token}/{name}",
                 "b/0123456789abcdefghjkmnpqrs/preseed.cfg", "preseed.cfg"):
        assert m.curl(f"http://10.77.0.1/{path}", "--path-as-is", check=False)[:3] in ("404", "400"), path
    assert m.ns.run("curl", "-s", "-m", "60", "-o", "/dev/null", f"tftp://10.77.0.1/{name}", check=False).returncode
    # Fetched by the installer, when its kernel has started; also below a folder.
    assert m.payloads()
    s.wait_event("job.ticket", state="consumed")
    assert m.curl(url, out=out).startswith("200 ") and open(out).read() == wanted
    base = re.search(r" base=(\S+)", m.args).group(1)
    assert m.whole(base + "arch/x86_64/deep.bin", 400)
    assert m.curl(m.kernel_url, check=False)[:3] == "404"
    s.wait_stage("rootfs")
    for stage in ("up", "installed", "booted"):
        assert m.report(stage) == "204", stage
    assert s.wait_end(job)["kind"] == "job.done"
    until(lambda: m.curl(url, check=False)[:3] == "404", what="the template to be closed with the job")
    assert files_of_tickets(s) == []
    assert token not in "".join(e.get("file", "") for e in s.events)


def test_an_unknown_name_is_an_error_before_anything_is_switched_off(site):
    s = site()
    job = order_with(s, "one\ntwo ${host.label.rack}\n")
    end = s.wait_end(job)
    assert end["kind"] == "job.failed" and end["detail"]["code"] == "image-template", end
    assert "d/preseed.cfg: line 2: ${host.label.rack}" in end["detail"]["text"]
    assert s.bmc_show()["power"] == "off"
    assert files_of_tickets(s) == []


def test_a_restart_replaces_the_ticket_and_its_text(site):
    s = site()
    job = order_with(s, PRESEED)
    s.wait_stage("power")
    old, = files_of_tickets(s)
    s.kill_agent()
    s.start_agent()
    until(lambda: files_of_tickets(s) and files_of_tickets(s) != [old], what="a new ticket's text")
    until(lambda: len(files_of_tickets(s)) == 1, what="the old one to go")
    m = s.machine()
    assert m.try_to_boot()
    s.wait_event("job.ticket", state="consumed")
    url = re.search(r" url=(\S+)", m.args).group(1)
    # A used ticket is not replaced: the same text goes on being served.
    s.kill_agent()
    s.start_agent()
    until(lambda: m.curl(url, check=False)[:3] == "200", what="the text under the used ticket")
    with s.orch.cond:
        s.orch.cancels.add(job)
    assert s.wait_end(job)["kind"] in ("job.cancelled", "job.failed")
    until(lambda: files_of_tickets(s) == [], what="the text to go with the job")
