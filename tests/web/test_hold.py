# SPDX-License-Identifier: GPL-3.0-or-later
"""The bar that says that something is stopped: on every view, by itself, and gone when it is over."""
import pytest


@pytest.fixture(scope="module")
def story(page):
    return page.fill()


@pytest.fixture
def viewer(page, story, open_browser):
    story.poll()
    b = open_browser(page.base)
    b.theme("light")
    b.open()
    b.sign_in(page.tokens["viewer"])
    return b


def test_the_bar_says_who_stopped_it_and_why(viewer, story):
    b, o = viewer, story.orch
    b.live()
    assert not b.js("return document.getElementById('hold').offsetHeight")
    # A reason is text, whatever is in it.
    assert o.post("/stop", {"reason": "INC-9 <b>disks</b>"}).status == 200
    b.sees("Everything is stopped since", "#hold")
    b.sees("INC-9 <b>disks</b>", "#hold")
    assert o.post("/sites/los/freeze", {"reason": "power works"}).status == 200
    b.sees("Site los is frozen", "#hold")
    b.shot("hold")
    assert not b.axe()
    b.go("#/jobs")
    b.sees("Everything is stopped since", "#hold")
    b.size("phone")
    assert b.js("return document.documentElement.scrollWidth <= innerWidth")
    b.size("desktop")
    b.go("#/fleet")
    b.live()
    assert o.post("/stop/end", {"reason": "over"}).status == 200
    b.wait(lambda: "Everything" not in b.text("#hold"), "the end of the stop")
    assert o.post("/sites/los/unfreeze", {"reason": "over"}).status == 200
    b.wait(lambda: not b.js("return document.getElementById('hold').offsetHeight"), "the end of the bar")
