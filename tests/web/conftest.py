# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the browser tests. Run as root:  /usr/bin/pytest-3 tests/web  (after make VARIANT=asan and tests/web/npm.sh).

page     the orchestrator with the fleet of seed.py, one for all tests of a file      browser  a Chromium for it, signed in as nobody
Every test fails if the console of the browser had an error, a violation of the content security policy among them."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import web_lab  # noqa: E402  (before netlab, whose folder it adds)
import browser as browsers  # noqa: E402
import netlab  # noqa: E402

signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def axe():
    subprocess.run(["sh", os.path.join(os.path.dirname(os.path.abspath(__file__)), "npm.sh")], check=True)


def pytest_configure(config):
    # Not in the workers of a run that has some: what is left of the run before is not to be taken for this one's.
    if not hasattr(config, "workerinput"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(browsers.SHOTS, "timeout.png"))


@pytest.fixture(scope="module")
def page():
    folder = tempfile.mkdtemp(prefix=f"nb{os.getpid()}-page-", dir="/tmp")
    p = web_lab.Page(folder)
    try:
        yield p
        p.close()
    finally:
        p.orch.proc.kill()
        p.orch.proc.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def live():
    lan = netlab.Lan()
    site = None
    try:
        site = web_lab.LiveSite(lan)
        site.start()
        yield site
    finally:
        try:
            if site:
                site.close()
        finally:
            lan.close()


@pytest.fixture(scope="session")
def chromium(axe):
    b = browsers.Browser()
    try:
        yield b
    finally:
        b.close()


@pytest.fixture
def open_browser(chromium):
    """open_browser(base) -> the Browser, of which nothing is left of tests before; its console is judged at the end of the test."""
    def make(base):
        chromium.begin(base)
        return chromium

    yield make
    faults = chromium.faults()
    chromium.end()
    assert not faults, "\n".join(faults)
