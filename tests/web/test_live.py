# SPDX-License-Identifier: GPL-3.0-or-later
"""A reinstall by the real programs, watched: the waterfall grows, survives a reload and a restart of the server without loss, and ends; then a rescue is
ordered from the page, with the host's name typed, and the BMC is seen to be told."""
from netlab import until


def stages(b):
    return b.js("return [...document.querySelectorAll('.r-stage')].map(e => e.querySelector('.name').textContent + ':' + e.className.match(/st-(\\w+)/)[1])")


def confirmed(b, stage):
    b.wait(lambda: f"{stage}:confirmed" in stages(b), f"{stage} confirmed on the page")


def order(b, kind, host, image=None):
    b.click(".orders button", f"{kind}…")
    submit = b.find("dialog button[type=submit]")
    assert not submit.is_enabled(), "neither reason nor name are given"
    b.type("dialog input[name=reason]", "INC-7: it's dead")
    b.type("dialog input[name=confirm]", host[:-1])
    assert not submit.is_enabled(), "a part of the name is not the name"
    b.type("dialog input[name=confirm]", host)
    assert submit.is_enabled()
    line = b.js("return document.querySelector('dialog .cli').textContent")
    b.shot(f"order-{kind.lower()}")
    assert not b.axe()
    submit.click()
    b.wait(lambda: b.js("return location.hash").startswith("#/job/"), "the job's view")
    return line, b.js("return location.hash").removeprefix("#/job/")


def test_a_reinstall_is_watched_and_a_rescue_ordered(live, open_browser):
    tokens = live.make_tokens()
    b = open_browser(live.base)
    b.open("#/host/edge01")
    b.sign_in(tokens["operator"])
    line, job = order(b, "Reinstall", "edge01")
    assert line == "netboot-ctl reinstall edge01 --image debian --reason 'INC-7: it'\\''s dead'"
    assert live.job(job)["by"] == "token:test-operator" and live.job(job)["reason"] == "INC-7: it's dead"
    b.click("a.button", "Watch")
    b.sees("running", ".head")
    b.live()
    machine = live.machine()
    confirmed(b, "power")
    machine.firmware()
    confirmed(b, "firmware-dhcp")
    machine.loader()
    confirmed(b, "loader")
    b.shot("waterfall-live")
    # Reloaded in the middle: the same boot, the same stages, and it goes on.
    before = stages(b)
    b.driver.refresh()
    b.live()
    b.wait(lambda: set(before) <= set(stages(b)), "what was there before")
    # The server goes away and comes back while the boot goes on; nothing is lost, and it is said.
    live.end("orchestrator")
    b.wait(lambda: b.js("return document.querySelector('.stream').dataset.state") == "down", "the stream being down")
    b.sees("The server is away", "#notice")
    b.shot("server-away")
    machine.ipxe()
    machine.script()
    live.start_orchestrator()
    b.live()
    b.wait(lambda: not b.find("main").get_attribute("aria-busy") and not b.text("#notice"), "the notice to go")
    confirmed(b, "script")
    assert machine.payloads()
    confirmed(b, "initrd")
    b.sees("vmlinuz", ".wrows")
    for stage in ("up", "installed"):
        assert machine.report(stage) == "204"
    confirmed(b, "installed")
    assert machine.report("booted") == "204"
    until(lambda: live.job(job)["state"] == "done", "the end of the job")
    b.wait(lambda: "ok" in b.text(".head .badge"), "the end of the boot on the page")
    b.shot("waterfall-done")
    told = live.powers()
    b.go("#/host/edge01")
    line, job = order(b, "Rescue", "edge01")
    assert line == "netboot-ctl rescue edge01 --image rescue --reason 'INC-7: it'\\''s dead'"
    until(lambda: live.powers() != told, "the BMC to be told")
    b.sees("running")
    # And taken back, in the same way.
    b.click(".orders button", "Cancel the job")
    b.type("dialog input[name=reason]", "no need")
    b.click("dialog button[type=submit]")
    until(lambda: live.job(job)["state"] == "cancelled", "the job to be cancelled")
    b.sees("cancelled", ".head")
