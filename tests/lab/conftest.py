# SPDX-License-Identifier: GPL-3.0-or-later
import fcntl
import os
import signal
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from lab import Lab  # noqa: E402


def pytest_configure():
    # Ended from outside: the labs are still to be cleaned up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def build(script):
    """Guest systems, built once from Debian packages, by the first of several processes that want them."""
    out = os.path.join(HERE, "..", "..", "build", "lab")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["sh", os.path.join(HERE, script), out], check=True)


@pytest.fixture(scope="session", autouse=True)
def images():
    build("build_images.sh")


@pytest.fixture(scope="session")
def debian(images):
    build("build_debian.sh")


@pytest.fixture(scope="session")
def debian13(images):
    build("build_debian13.sh")


def end(labs, failed):
    """Closes them; of a test that failed, their logs are printed."""
    for lab in labs:
        if failed:
            for name in sorted(os.listdir(lab.dir)):
                if name.endswith(".log"):
                    print(f"--- {name}\n{lab.log(name[:-4])[-6000:]}")
            for m in lab.machines.values():
                print(f"--- console of {m.name}\n{m.console()[-3000:]}")
        lab.close()
    complaints = [c for lab in labs for c in lab.complaints]
    assert not complaints, "\n".join(complaints)


def make(kind, **kw):
    return kind("lab", variant=os.environ.get("LAB_VARIANT", "asan"), **kw)


@pytest.fixture
def make_lab(request):
    """make_lab(**kw) gives a Lab (or the kind of it that is asked for) that is closed after the test; a failing test prints its logs."""
    labs = []

    def add(kind=Lab, **kw):
        labs.append(make(kind, **kw))
        return labs[-1]

    yield add
    end(labs, getattr(request.node, "failed", False))


class Kept:
    """A lab that the tests of a file have one after the other; each that passes leaves it as whole as it was. After one that
    failed it is ended, and the next gets another."""

    def __init__(self):
        self.labs = []

    def get(self, kind, **kw):
        if not self.labs:
            self.labs.append(make(kind, **kw))
            try:
                self.labs[0].start()
            except BaseException:
                self.drop(failed=True)
                raise
        return self.labs[0]

    def drop(self, failed=False):
        labs, self.labs = self.labs, []
        end(labs, failed)


@pytest.fixture(scope="module")
def kept():
    k = Kept()
    yield k
    k.drop()


def pytest_collection_modifyitems(items):
    # Tests that share a lab are run by one process, one after the other: the longest begins first.
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True
