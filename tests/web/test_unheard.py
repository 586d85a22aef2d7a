# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that is not heard: every view says as of when what it shows is known, nothing of it goes on by the clock as if it were seen,
and the marks go when the site is heard again. Sites that are heard have none."""
import re
import sqlite3

import pytest

SILENCE = 390  # seconds before the seed's now; the stuck job's stage began before that, its deadline was after
LASTED = r"2\sm\s8\ss"  # from the stage's begin to then
ROW = "return [...document.querySelectorAll('.rows .hostrow')].map(r => [r.querySelector('a').textContent, " \
      "r.classList.contains('is-old'), r.querySelector('.k-why').innerText, r.querySelector('.k-time').innerText])"


@pytest.fixture(scope="module")
def story(page):
    return page.fill()


@pytest.fixture
def viewer(page, story, open_browser):
    """Site los was heard last some minutes ago, the others just now."""
    story.orch.stop()
    db = sqlite3.connect(story.orch.database)
    with db:
        db.execute("update agent set last_seen = ? where site = 'los'", (int((story.now - SILENCE) * 1e6),))
    db.close()
    story.orch.start()
    for site, agent in story.agents.items():
        if site != "los":
            assert agent.poll().status == 200
    b = open_browser(page.base)
    b.theme("light")
    b.open()
    b.sign_in(page.tokens["viewer"])
    return b


def fleet(b):
    return {host: rest for host, *rest in b.js(ROW)}


def as_of(story):
    (agent,) = [a for a in story.orch.get("/agents").json["items"] if a["site"] == "los"]
    assert agent["absent"]
    return agent["last_seen"]


def job_of(story, host):
    return story.orch.get(f"/jobs?hosts={host}&state=open").json["items"][0]


def test_the_fleet_says_since_when_it_is_not_known(viewer, story):
    b = viewer
    b.live()
    b.sees("20 hosts")
    rows = fleet(b)
    assert len(rows) == 20
    for host, (old, why, _) in rows.items():
        assert old == host.endswith(".los"), host
        assert ("as of " in why and "site not heard since" in why) == old, (host, why)
    # What lasts goes on where it is seen, and stands still where it is not.
    stands = rows[story.stuck][2]
    assert re.match(LASTED + r"\sof\s5\sm$", stands), stands
    goes = rows[story.running][2]
    b.wait(lambda: fleet(b)[story.running][2] != goes, "the clock")
    assert fleet(b)[story.stuck][2] == stands
    assert "los" in b.js("return document.querySelector('.site').dataset.site") and "not heard since" in b.text(".sites")
    b.shot("unheard-fleet")
    assert not b.axe()


@pytest.mark.parametrize("view", ["host", "job", "boot", "jobs"])
def test_a_view_says_as_of_when_it_is(viewer, story, view):
    b = viewer
    job, other = job_of(story, story.stuck), job_of(story, story.running)
    assert job["as_of"] == as_of(story) and other["as_of"] is None
    address = {"host": "#/host/{host}", "job": "#/job/{job}", "boot": "#/boot/{boot}", "jobs": "#/jobs?state=open&hosts={host}"}[view]

    def go(host, ident):
        b.go(address.format(host=host, job=ident, boot=story.boots[host]))
        b.settled()
        b.find(".head" if view != "jobs" else ".jobrow")
    go(story.running, other["id"])
    assert "not heard" not in b.text("main")
    go(story.stuck, job["id"])
    b.sees("not heard since")
    shown = b.text("main").lower()
    assert "as of " in shown
    b.shot(f"unheard-{view}")
    assert not b.axe()
    if view in ("host", "boot"):
        # The length of its stage is what it was then, now and a moment later.
        said = {"host": "return [...document.querySelectorAll('dt')].find(e => e.textContent === 'In stage').nextElementSibling.textContent",
                "boot": "return document.querySelector('.wrow.st-running .words').textContent"}[view]
        before, clock = b.js(said), b.js("return Date.now()")
        assert re.match(LASTED, before), before
        b.wait(lambda: b.js("return Date.now()") > clock + 2100, "two ticks of the page")
        assert b.js(said) == before


def test_the_marks_go_when_it_is_heard(viewer, story):
    b = viewer
    b.sees("site not heard since")
    assert story.agents["los"].poll().status == 200
    b.driver.refresh()
    b.sees("20 hosts")
    b.wait(lambda: not any(old for old, _, _ in fleet(b).values()) and "not heard" not in b.text("main"), "no marks")
    for address in (f"#/host/{story.stuck}", f"#/boot/{story.boots[story.stuck]}", f"#/job/{job_of(story, story.stuck)['id']}"):
        b.go(address)
        b.settled()
        b.find(".head")
        assert "not heard" not in b.text("main")
