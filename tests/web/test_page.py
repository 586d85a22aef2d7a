# SPDX-License-Identifier: GPL-3.0-or-later
"""Every view of the page over a fleet with a past: what it shows, keys, roles, refusals, both themes, a phone, faults that axe-core
knows, and what machines write staying text."""
import time

import pytest

VIEWS = ("fleet", "host", "boot", "job", "jobs", "rollouts", "rollout", "discovered", "audit", "inventory")


@pytest.fixture(scope="module")
def story(page):
    s = page.fill()
    s.rollout = unattended(s.orch)
    return s


def unattended(orch):
    """A schedule, and a rollout that begins in twenty days; its id."""
    weekly = {"name": "weekly-edges", "kind": "reboot", "hosts": "all", "cron": "0 3 * * SUN", "window_s": 14400, "reason": "kernels", "policy": {"canary": 1}}
    assert orch.post("/schedules", weekly).status == 201
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20 * 86400))
    answer = orch.post("/rollouts", {"kind": "reboot", "hosts": "edge[03-04].sin,edge[03-04].los", "at": later, "window_s": 3600, "yes": True,
                                     "reason": "CHG-2250: kernels", "policy": {"canary": 1, "batch": "50%", "gates": ["tcp:22"]}})
    assert answer.status == 202, answer.json
    return answer.json["id"]


def address(view, story):
    if view == "job":
        items = story.orch.get(f"/jobs?hosts={story.failed}").json["items"]
        return f"#/job/{items[0]['id']}"
    return {"rollout": f"#/rollout/{story.rollout}", "host": f"#/host/{story.failed}", "boot": f"#/boot/{story.boots[story.failed]}"}.get(view, f"#/{view}")


@pytest.fixture
def admin(page, story, open_browser):
    story.poll()
    b = open_browser(page.base)
    b.theme("light")
    b.open()
    b.sign_in(page.tokens["admin"])
    return b


def rows(b):
    return b.js("return [...document.querySelectorAll('.rows .hostrow')].map(r => [r.querySelector('.badge').innerText, r.querySelector('a').textContent])")


def test_the_fleet_is_filtered_searched_and_live(admin, story):
    b = admin
    b.live()
    b.sees("20 hosts")
    assert rows(b)[0] == ["stuck", story.stuck]
    assert [r[0] for r in rows(b)] == sorted((r[0] for r in rows(b)), key=("stuck", "failed", "busy", "locked", "idle").index)
    b.click(".chip.s-failed")
    b.sees("of 20", ".said")
    assert {r[0] for r in rows(b)} == {"failed"} and "state=failed" in b.js("return location.hash")
    b.driver.refresh()  # the filter is in the address
    b.sees("of 20", ".said")
    assert {r[0] for r in rows(b)} == {"failed"}
    b.key("ESCAPE")
    b.sees("20 hosts", ".said")
    b.key("/")
    b.type("#search", "site:jnb -locked", clear=False)
    b.sees("4 hosts of 20", ".said")
    b.key("ESCAPE")
    b.key("ESCAPE")
    # An event changes one row, without reading the fleet again.
    agent = story.agents["los"]
    read = "return performance.getEntriesByType('resource').filter(e => e.name.endsWith('/api/v1/fleet')).length"
    before = b.js(read)
    agent.report(agent.event("power.state", host="edge03.los", power="off"))
    b.wait(lambda: b.js("return [...document.querySelectorAll('.hostrow')].find(r => r.textContent.includes('edge03.los'))?.querySelector('.c-power').textContent") == "off", "the power")
    assert b.js(read) == before
    # By keyboard alone: the second row, opened, and back.
    b.js("document.activeElement.blur()")
    b.key("j")
    b.key("j")
    second = rows(b)[1][1]
    b.key("ENTER")
    b.wait(lambda: b.js("return document.title").startswith(second), "the host")
    b.settled()
    b.driver.back()
    b.sees("20 hosts")
    b.key("?")
    b.sees("dark or light", "dialog")
    b.shot("help")
    b.key("ESCAPE")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_in_both_themes_and_on_a_phone(admin, story, view):
    b = admin
    b.go(address(view, story))
    words = {"fleet": story.stuck, "host": "Why", "boot": "Kernel panic", "job": "Stages", "jobs": "os-silent", "rollouts": "CHG-2250", "rollout": "their turn", "discovered": "Discovered", "audit": "job.reinstall",
             "inventory": "deb/vmlinuz"}
    b.sees(words[view])
    for size in ("desktop", "phone"):
        b.size(size)
        for theme in ("light", "dark"):
            b.theme(theme)
            b.shot(f"{view}-{size}-{theme}")
            assert b.wide() <= 0, f"{view} scrolls sideways on a {size}"
            if size == "desktop" or theme == "dark":
                assert not b.axe()


def test_a_rollout_is_paused_and_goes_on(admin, story):
    b = admin
    b.go("#/rollouts")
    b.live()
    # By the clock of each zone; the first of the coming ones stands first.
    for words in ("weekly-edges", "03:0", "Africa/Lagos", "planned", "4 hosts: 4 waiting"):
        b.sees(words)
    b.click("main .card button", "Pause")
    b.sees("What runs is finished", "dialog")
    assert f"netboot-ctl rollout pause {story.rollout} --reason REASON" in b.text("dialog .cli")
    b.type("dialog input[name=reason]", "the line is worked on")
    b.click("dialog button[type=submit]")
    b.sees("the line is worked on", ".verdict")
    assert story.orch.get(f"/rollouts/{story.rollout}").json["state"] == "paused"
    b.click("main .card h2 a")
    b.sees("their turn")
    b.click("main .orders button", "Resume")
    b.type("dialog input[name=reason]", "it is done")
    b.click("dialog button[type=submit]")
    b.wait(lambda: story.orch.get(f"/rollouts/{story.rollout}").json["state"] == "planned", "the rollout to go on")
    b.sees("planned", ".head")
    assert len(b.all("main .orders button")) == 2


def test_images_at_sites(admin, story):
    b = admin
    agent = story.agents["los"]
    tell = {"v": 1, "site": agent.site, "agent": agent.id, "version": 0, "free": 10 ** 9, "items": []}
    wanted = story.orch.call("POST", "/agent/v1/store", tell).json["wanted"]
    assert len(wanted) == 2
    tell["items"] = [
        {"sha256": wanted[0]["sha256"], "size": wanted[0]["size"], "state": "fetching", "got": wanted[0]["size"] // 2, "source": "url", "rate": 1000},
        {"sha256": wanted[1]["sha256"], "size": wanted[1]["size"], "state": "failed", "got": 0, "code": "store-room",
         "text": "the disk of los has no room", "next": "make room there"}]
    assert story.orch.call("POST", "/agent/v1/store", tell).status == 200
    shown = next(i for i in story.orch.get("/images").json["items"] if i["kind"] == "reinstall")
    url = "https://mirror.example/debian/vmlinuz-of-a-name-that-is-long-enough-to-be-broken-on-a-telephone"
    files = {k: shown[k] for k in ("name", "kind", "initrds", "args", "reports", "local_boot") if k in shown}
    assert story.orch.apply({"images": [{**files, "kernel": {**shown["kernel"], "url": url}}]}).status == 200
    b.go("#/inventory")
    b.sees(url)
    for words in ("failed, 25 %", "the disk of los has no room", "make room there", "as of", "not known", "whole at 0 of 4 sites"):
        b.sees(words)
    for size in ("phone", "desktop"):
        b.size(size)
        b.shot(f"images-at-sites-{size}")
        assert b.wide() <= 0 and not b.axe()


def test_what_a_boot_shows(admin, story):
    b = admin
    b.go(address("boot", story))
    b.sees("Kernel panic", ".console")
    # What the machine wrote is text; escapes are gone.
    assert "<script>alert(1)</script>" in b.text(".console") and not b.all(".console script, .console b")
    assert "\x1b" not in b.text(".console") and "Loading additional components... 100%" in b.text(".console")
    assert "os-silent" in b.text(".verdict") and "Next:" in b.text(".verdict")
    names = b.js("return [...document.querySelectorAll('.wrow')].map(e => e.querySelector('.name').textContent)")
    assert [n for n in names if n in ("power", "kernel", "initrd", "os-up")] == ["power", "kernel", "initrd", "os-up"]
    assert b.all(".wrow.st-missed")


def test_a_job_has_one_list_of_its_stages(admin, story):
    b = admin
    b.go(address("job", story))
    b.sees("flags read back")
    rows = b.js("return [...document.querySelectorAll('main .stages li')].map(e => ({name: e.querySelector('.name').textContent, text: e.innerText,"
                " bar: e.querySelectorAll('.bar .usualmark').length}))")
    assert [r["name"] for r in rows][:4] == ["preflight", "armed", "override", "power"]
    last = rows[-1]
    assert last["name"] == "os-up" and "missed" in last["text"] and "15 m" in last["text"], last
    # How long it took, beside what is usual, in the same row: no stage is told twice.
    assert "usual 41 s" in last["text"] and "slow" in last["text"] and {r["bar"] for r in rows} == {1}, rows
    assert "usual 17 s" in rows[3]["text"] and "slow" not in rows[3]["text"]
    everywhere = b.js("return [...document.querySelectorAll('main .name')].map(e => e.textContent)")
    assert everywhere == [r["name"] for r in rows]


def test_a_host_shows_its_past_and_no_secret(admin, story):
    b = admin
    b.go(address("host", story))
    b.sees("nobody ordered it")
    assert len(b.all(".boots li")) == 6
    assert "10.120.0.2" in b.text("main")
    assert "not-shown-anywhere" not in b.js("return document.documentElement.outerHTML")
    # The same instant in the site's zone, and in UTC on hover.
    shown, title = b.js("const t = document.querySelector('.boots time'); return [t.textContent, t.title]")
    assert "UTC" in title and "Africa/Lagos" in title and shown


def test_older_boots_stay_when_something_happens(admin, story):
    b, host = admin, "edge05.sin"
    for n in range(230, 0, -1):
        story.unordered(host, n)
    count = "return document.querySelectorAll('main .boots > li').length"
    b.go(f"#/host/{host}")
    b.live()
    for loaded in (50, 100, 150, 200, 230):
        b.wait(lambda n=loaded: b.js(count) >= n, f"{loaded} boots")
        if loaded < 230:
            b.click("main button", "Older boots")
    oldest = b.js("return [...document.querySelectorAll('main .boots > li a')].at(-1).getAttribute('href')")
    was = b.js(count)
    # One more boot, which the server's page of 200 has in front.
    story.unordered(host, 0)
    b.wait(lambda: b.js(count) == was + 1, "the new one, and all that were there")
    assert b.js("return [...document.querySelectorAll('main .boots > li a')].at(-1).getAttribute('href')") == oldest
    assert b.js("return new Set([...document.querySelectorAll('main .boots > li a')].map(a => a.href)).size") == was + 1


def test_lock_and_refusal(admin, story):
    b = admin
    b.go("#/host/edge04.gru")
    b.click(".orders button", "Lock…")
    b.type("dialog input[name=reason]", "fan trouble")
    assert b.js("return document.querySelector('dialog .cli').textContent") == "netboot-ctl host lock edge04.gru --reason 'fan trouble'"
    b.click("dialog button[type=submit]")
    b.sees("fan trouble")
    assert not [e for e in b.all(".orders button") if "Reinstall" in e.text], "what would be refused is not offered"
    # Another one's lock that the page does not know of yet: the refusal is shown, and what was typed stays.
    b.go("#/host/edge05.los")
    b.click(".orders button", "Rescue…")
    b.type("dialog input[name=reason]", "INC-9")
    b.type("dialog input[name=confirm]", "edge05.los")
    assert story.orch.post("/hosts/edge05.los/lock", {"reason": "mine"}).status == 200
    b.click("dialog button[type=submit]")
    b.sees("host-locked", "dialog .problem")
    b.sees("Next:", "dialog .problem")
    b.shot("refused")
    assert b.find("dialog input[name=reason]").get_attribute("value") == "INC-9"
    assert not b.axe()
    b.click("dialog button.quiet", "Leave it")


def test_a_viewer_is_refused(page, story, open_browser):
    b = open_browser(page.base)
    b.open(address("host", story))
    b.type("#token", "wrong")
    b.click("dialog.login button[type=submit]")
    b.sees("not known", "dialog.login")
    b.shot("login")
    b.type("#token", page.tokens["viewer"])
    b.click("dialog.login button[type=submit]")
    b.wait(lambda: not b.all("dialog.login"), "the login")
    b.sees("orders are given by operators")
    assert not b.all(".orders button")
    # Past the page's own manners the server refuses, and a change without the session's CSRF token is nobody's.
    def post(headers):
        return b.driver.execute_async_script("""const [h, done] = arguments; fetch('/api/v1/jobs', {method: 'POST', headers: {'Content-Type': 'application/json', ...h},
            body: JSON.stringify({kind: 'reboot', hosts: 'edge01.los', reason: 'x'})}).then(async r => done([r.status, (await r.json()).code]))""", headers)
    csrf = b.driver.execute_async_script("const done = arguments[0]; fetch('/api/v1/session').then(r => r.json()).then(s => done(s.csrf))")
    assert post({"X-CSRF-Token": csrf}) == [403, "role-too-low"]
    assert post({})[0] == 403
    assert not b.js("return document.cookie"), "scripts do not see the session"


def test_a_session_that_is_over_costs_nothing_typed(page, story, open_browser):
    b = open_browser(page.base)
    b.open("#/host/edge02.gru")
    b.sign_in(page.tokens["operator"])
    b.click(".orders button", "Lock…")
    b.type("dialog input[name=reason]", "typed before")
    b.driver.delete_all_cookies()
    # By a script: the page may have found out by itself by now, and then asks for the token in front of it.
    b.js("document.querySelector('dialog:not(.login) button[type=submit]').click()")
    b.type("#token", page.tokens["operator"])
    b.click("dialog.login button[type=submit]")
    b.sees("signed-in-again", "dialog .problem")
    assert story.orch.get("/hosts/edge02.gru").json.get("locked") is None, "nothing is done until it is asked for again"
    assert b.find("dialog input[name=reason]").get_attribute("value") == "typed before"
    b.click("dialog button[type=submit]")
    b.sees("typed before")
    assert story.orch.get("/hosts/edge02.gru").json["locked"]["reason"] == "typed before"
    b.click("#logout")
    b.find("#token")
    assert not b.text("main").strip()


def test_audit_is_filtered_explained_and_verified(admin):
    b = admin
    b.go("#/audit")
    b.click("button", "Verify the chain")
    b.sees("unbroken", ".chain")
    b.type("#audit-what", "host.add")
    b.key("TAB")
    b.wait(lambda: "what=host.add" in b.js("return location.hash") and "job.reinstall" not in b.text(".audit"), "the filter")
    b.click(".audit summary")
    b.sees("nics", ".diff")
    assert "not-shown-anywhere" not in b.js("return document.documentElement.outerHTML")
    b.shot("audit-difference")


def test_a_discovered_machine_is_adopted(admin, story):
    b = admin
    b.go("#/discovered")
    b.sees("ge-0/0/17")
    b.type("#discovered-search", "los ge-0/0/17")
    b.sees("1 machine", ".said")
    assert b.js("return document.activeElement.id") == "discovered-search"
    b.click(".card button", "Adopt…")
    b.type("dialog input[name=name]", "edge06.los")
    b.type("dialog input[name=ip]", "10.20.1.6")
    b.type("dialog input[name=reason]", "CHG-2251: new in rack 4")
    assert b.js("return document.querySelector('dialog .cli').textContent") == (
        "netboot-ctl discovered adopt 3c:ec:ef:99:12:56 edge06.los --site los --nic 3c:ec:ef:99:12:56,ip=10.20.1.6,boot --reason 'CHG-2251: new in rack 4'")
    b.shot("adopt")
    b.click("dialog button[type=submit]")
    b.wait(lambda: b.js("return location.hash") == "#/host/edge06.los", "the new host")
    host = story.orch.get("/hosts/edge06.los").json
    assert host["site"] == "los" and host["nics"] == [{"mac": "3c:ec:ef:99:12:56", "ip": "10.20.1.6", "boot": True}]
    b.go("#/discovered")
    b.wait(lambda: "ge-0/0/17" not in b.text("main"), "its going")


def test_the_theme_is_kept(admin):
    b = admin
    assert b.js("return getComputedStyle(document.body).backgroundColor") == "rgb(246, 246, 244)"
    b.key("t")
    assert b.js("return getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 23)"
    b.driver.refresh()
    b.settled()
    assert b.js("return document.documentElement.dataset.theme") == "dark"
