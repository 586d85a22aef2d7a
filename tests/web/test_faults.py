# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page does when something is in the way: a filter that is refused, a stall that sends no event, recordings that are no boot's, a console
that grows, another tab, an order that takes long; and that all of a view can be read on a phone."""
import base64
import sqlite3

import pytest
from seed import frame


@pytest.fixture(scope="module")
def story(page):
    return page.fill()


@pytest.fixture
def operator(page, story, open_browser):
    story.poll()
    b = open_browser(page.base)
    b.open()
    b.sign_in(page.tokens["operator"])
    return b


def readings(b, part):
    return b.js("return performance.getEntriesByType('resource').filter(e => e.name.includes(arguments[0])).length", part)


def test_a_filter_that_is_refused_leaves_the_view(operator):
    b = operator
    b.expect("400 (", "404 (")
    b.go("#/jobs")
    b.find(".jobrow")
    b.type("#jobs-hosts", "nobody")
    b.key("TAB")
    b.sees("Next:", ".problem")
    b.driver.back()
    b.wait(lambda: not b.text("main .problem") and b.all(".jobrow"), "the list")
    assert b.find("#jobs-hosts").get_attribute("value") == "", "the inputs say what the address does"
    b.open("#/jobs?hosts=nobody")
    b.sees("Next:", ".problem")
    b.type("#jobs-hosts", "edge02.los")
    b.key("TAB")
    b.find(".jobrow")


def test_a_stall_is_told_without_an_event(operator, story):
    b = operator
    for address, part in ((f"#/host/{story.stuck}", "/why?"), (f"#/boot/{story.boots[story.stuck]}", "/why?"), (f"#/host/{story.stuck}", "stuck=1")):
        b.go(address)
        b.live()
        b.wait(lambda: readings(b, part), "the first reading")
        before = readings(b, part)
        b.js("const p = performance.now.bind(performance); performance.now = () => p() + 20000")
        b.wait(lambda: readings(b, part) > before, "another reading")
        b.driver.refresh()
        b.settled()
    assert "stuck" in b.text(".head .badge")


def test_a_reader_s_wrong_clock_judges_nothing(operator, story):
    b = operator
    script = b.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": "const n = Date.now.bind(Date); Date.now = () => n() + 3600e3"})
    try:
        b.go(f"#/boot/{story.boots[story.running]}")
        b.driver.refresh()
        b.wait(lambda: readings(b, "/fleet") and b.all(".st-running") and not b.all(".st-late"), "a stage in time")
        b.go("#/fleet")
        b.sees("20 hosts")
        assert [story.running, "busy"] in b.js("return [...document.querySelectorAll('.rows .hostrow')].map(r => [r.querySelector('a').textContent, r.querySelector('.badge').innerText])")
    finally:
        b.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script["identifier"]})


def test_a_site_without_its_agent_is_seen(operator):
    b = operator
    b.go("#/jobs")
    b.js("""const f = window.fetch; window.fetch = async (p, o) => { const r = await f(p, o); if (!String(p).includes('/agents')) return r;
        const v = await r.json(); for (const a of v.items) a.absent = a.site === 'sin'; return new Response(JSON.stringify(v), {status: 200}); }""")
    b.go("#/fleet")
    b.sees("heard", ".sites")  # "not heard since …" or "never heard"
    assert b.js("return document.querySelector('.site').dataset.site") == "sin", "the worst first"


def test_from_a_host_back_to_its_row(operator):
    b = operator
    b.size("phone")
    b.go("#/fleet")
    b.live()
    b.js("window.scrollTo(0, 500)")
    b.wait(lambda: b.js("return scrollY") == 500, "the place")
    host = b.js("""const a = [...document.querySelectorAll('.rows .hostrow a')].find(e => e.getBoundingClientRect().top > 300);
        a.focus({preventScroll: true}); a.click(); return a.textContent""")
    b.wait(lambda: b.text("h1") == host, "the host")
    b.driver.back()
    b.wait(lambda: b.all(".rows .hostrow") and b.js("return document.activeElement.textContent") == host, "the row that was left")
    assert abs(b.js("return scrollY") - 500) < 62, "its place, by less than a row"


def test_a_stream_that_is_refused_says_why(operator):
    b = operator
    b.js("""window.EventSource = class extends EventTarget { constructor(u) { super(); setTimeout(() => this.onerror?.()); } close() {} };
        const f = window.fetch; window.fetch = (p, o) => String(p).includes('follow=1') ? Promise.resolve(new Response(
            JSON.stringify({code: 'too-many-followers', detail: '12 streams are open', next: 'close other windows of the page'}), {status: 503})) : f(p, o)""")
    b.go("#/jobs")
    b.sees("too-many-followers", "#notice")
    b.sees("close other windows", "#notice")
    assert b.text(".stream") == "not live"


def test_the_next_step_leads_to_the_console(operator, story):
    b = operator
    b.size("phone")
    b.go(f"#/host/{story.failed}")
    b.sees("look at the console", ".why")
    b.click(".why a.button")
    b.wait(lambda: b.text("h1").startswith("Boot of"), "the boot")
    b.click(".why a.button")
    b.wait(lambda: b.js("const r = document.querySelector('.console').getBoundingClientRect(); return r.top < innerHeight && r.bottom > 0"), "the console in sight")


def upload(story, host, recording, offset, data):
    agent = story.agents[host.split(".")[1]]
    answer = story.orch.call("POST", "/agent/v1/console", {"v": 1, "site": agent.site, "agent": agent.id, "boot": recording, "offset": offset,
                                                           "data": base64.b64encode(data).decode()})
    assert answer.status == 200 and answer.json["held"] == offset + len(data), answer.json


def test_a_console_grows_while_it_is_watched(operator, story):
    b, host = operator, story.running
    boot = story.boots[host]
    first = frame(b"B", 0, story.now, b"nbcon1\0" + host.encode() + b"\0" + boot.encode() + b"\0") + frame(b"D", 0, story.now, b"Partitioning\r\n")
    upload(story, host, boot, 0, first)
    b.go(f"#/boot/{boot}")
    b.sees("Partitioning", ".console")
    b.live()
    upload(story, host, boot, len(first), frame(b"D", 0, story.now + 3, b"Installing the base system\r\n"))
    b.sees("Installing the base system", ".console")


def test_a_recording_between_jobs_is_shown(page, operator, story):
    b, host, boot = operator, "edge02.jnb", story.boots.get("edge02.jnb")
    boot = boot or story.orch.get(f"/boots?host={host}").json["items"][0]["id"]
    upload(story, host, boot, 0, frame(b"B", 0, story.now, b"nbcon1\0" + host.encode() + b"\0" + boot.encode() + b"\0") + frame(b"D", 0, story.now, b"nobody asked for me\r\n"))
    b.go(f"#/host/{host}")
    b.sees("of a boot")
    # Only a site whose agent records always has them; the row is made what it is there.
    page.orch.stop()
    with sqlite3.connect(page.orch.database) as db:
        db.execute("UPDATE console SET always = 1 WHERE boot = ?", (boot,))
    db.close()
    page.orch.start()
    b.wait(lambda: b.js("return document.querySelector('.stream').dataset.state") == "live", "the stream")
    b.sees("between jobs")
    b.click("main section.panel button", ":")
    b.sees("nobody asked for me", "dialog .console")
    b.key("ESCAPE")


def test_a_login_in_another_tab_is_this_ones_too(page, operator, story):
    b = operator
    b.expect("403 (")
    b.go("#/host/edge04.jnb")
    b.click(".orders button", "Lock…")
    b.type("dialog input[name=reason]", "two tabs")
    assert b.driver.execute_async_script("""const [token, done] = arguments; fetch('/api/v1/session', {method: 'POST', headers: {'Content-Type': 'application/json'},
        body: JSON.stringify({token})}).then(r => done(r.status))""", page.tokens["operator"]) == 201
    b.click("dialog button[type=submit]")
    b.sees("two tabs", "main")
    assert story.orch.get("/hosts/edge04.jnb").json["locked"]["reason"] == "two tabs"


def test_nothing_closes_a_form_that_is_being_sent(operator, story):
    b = operator
    b.go("#/host/edge03.sin")
    b.click(".orders button", "Lock…")
    b.type("dialog input[name=reason]", "slow")
    b.js("const f = window.fetch; window.fetch = (p, o) => o?.method === 'POST' ? new Promise((r) => { window.go = () => r(f(p, o)); }) : f(p, o)")
    b.click("dialog button[type=submit]")
    b.sees("Asking the server", "dialog")
    b.key("ESCAPE")
    b.key("ESCAPE")
    b.wait(lambda: b.all("dialog[open]"), "the form, which a second Escape takes for a moment")
    b.sees("Asking the server", "dialog")
    assert not b.find("dialog .buttons button.quiet").is_enabled()
    b.js("window.go()")
    b.wait(lambda: not b.all("dialog"), "the answer")
    b.sees("slow", "main")


def test_a_view_can_be_read_on_a_phone(operator, story):
    b = operator
    job = story.orch.get(f"/jobs?hosts={story.failed}").json["items"][0]["id"]
    b.size("phone")
    for view, address in (("job", f"#/job/{job}"), ("host", f"#/host/{story.failed}"), ("boot", f"#/boot/{story.boots[story.failed]}"), ("jobs", "#/jobs")):
        b.go(address)
        b.sees(story.failed)
        b.shot(f"{view}-phone-whole", whole=True)
        # A text that stands letter below letter is in a box that is narrower than it is high.
        broken = b.js("""return [...document.querySelectorAll('main *')].filter(e => e.childElementCount === 0 && e.textContent.trim().length > 2).map(e =>
            [e.textContent, e.getBoundingClientRect()]).filter(([t, r]) => r.width > 1 && r.width < 24 && r.height > 2 * r.width).map(([t, r]) => t)""")
        assert not broken, f"{view}: {broken}"


def test_what_a_console_says_after_its_boot_is_shown(operator, story):
    """The agent sends the last of a recording some seconds after the boot's end, and no event tells of it."""
    b, host = operator, "edge05.sin"
    agent, boot = story.agents["sin"], story.boots[host]
    first = frame(b"B", 0, story.now, b"nbcon1\0" + host.encode() + b"\0" + boot.encode() + b"\0") + frame(b"D", 0, story.now, b"Restarting\r\n")
    upload(story, host, boot, 0, first)
    b.go(f"#/boot/{boot}")
    b.sees("Restarting", ".console")
    b.live()
    agent.report(story.event(agent, "boot.end", story.now, host, boot=boot, outcome="ok"))
    b.sees("ok", ".head .badge")
    b.js("window.settledAt = performance.now()")
    b.wait(lambda: b.js("return performance.now() - window.settledAt > 5000"), "the readings that its end brought to be over")
    upload(story, host, boot, len(first), frame(b"D", 0, story.now + 3, b"edge05 login: \r\n"))
    b.sees("edge05 login:", ".console")
