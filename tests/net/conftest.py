# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the net tests. Run as root:  /usr/bin/pytest-3 tests/net  (after make VARIANT=asan).

netns   A Lan (netlab.py): .server namespace with bridge br0, 10.77.0.1/24 and fd77::1/64;
        .client  the first client, made on first use; .add_client(mac=…, address="10.77.0.50/24").
        A namespace has .run(*argv) -> CompletedProcess, .popen(*argv), .python(source, *argv)
        (scapy at hand), .ip("addr", "add", …), .ifname ("br0" or "eth0"), .mac, .address, .name.

bootd   A factory. b = bootd(overrides) writes bootd.yaml from a dict (members of `overrides`
        replace whole members of the default one: see Bootd.default_config), starts
        build/asan/netboot-bootd in the server namespace, and waits for its "bootd.ready" event.
        b.put("images", "debian/vmlinuz", data)   a file below images, loaders or scripts
        b.events                 list of event dicts so far
        b.wait(lambda ev: ev["kind"] == "dhcp4.ack") -> that event
        b.find("http.end", file="…") -> list
        b.config                 the dict; change it and b.restart()
        b.restart(sig)           SIGKILL by default, then start again on the same directory
        b.stop()                 SIGTERM; the exit status; fails on a sanitizer report
        b.stderr, b.proc.pid, b.dir, b.state
        bootd(…, wait_ready=False) does not wait; wait_ready=None does not start.

agent   A factory of netboot-bootd under a fake agent: a = agent(); a.send_table([{"host": {…}}]);
        a.wait_frame(lambda m: m["t"] == "consume"); a.send(t="consume_ok", req=…). See AgentBootd.

orch    The real orchestrator alone, on a unix socket, with nothing in its database (orch_lab.Orch);
        filled       the same with the inventory of orch_lab.document();
        site_agent   a stand-in for the agent of its site (orch_lab.Agent), which has the table of that inventory.

site    A factory of netboot-agent with all that is around it: s = site(hosts=2). See agent_lab.AgentSite.

until(condition, what) waits for any condition. No wait has a limit below netlab.PATIENCE. NETBOOT_BUILD chooses another build."""
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent_lab  # noqa: E402
import own_lab
import netlab  # noqa: E402
import orch_lab  # noqa: E402


# `timeout` and the test runner end us by SIGTERM: unwind as for ^C, so that fixtures clean up.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def netns():
    lan = netlab.Lan()
    try:
        yield lan
    finally:
        lan.close()


def _close_all(made):
    errors = []
    for b in made:
        try:
            b.close()
        except Exception as e:  # the others must still be closed
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def bootd(netns):
    made = []

    def make(overrides=None, wait_ready=True, **kw):
        b = netlab.Bootd(netns.server, overrides, wait_ready=None, **kw)
        made.append(b)
        return b if wait_ready is None else b.start(wait_ready)

    yield make
    _close_all(made)


@pytest.fixture
def agent(netns):
    made = []

    def make(overrides=None, wait_ready=True, **kw):
        a = netlab.AgentBootd(netns.server, overrides, **kw)
        made.append(a)
        return a if wait_ready is None else a.start(wait_ready)

    yield make
    _close_all(made)


@pytest.fixture
def orch(tmp_path):
    o = orch_lab.Orch(tmp_path)
    yield o
    o.stop()


@pytest.fixture
def filled(orch):
    assert orch.apply(orch_lab.document()).status == 200
    return orch


@pytest.fixture
def site_agent(filled):
    a = orch_lab.Agent(filled)
    a.table = a.poll().json["table"]["version"]
    return a


@pytest.fixture
def site(netns):
    made = []

    def make(start=True, **kw):
        s = agent_lab.AgentSite(netns, **kw)
        made.append(s)
        return s.start_agent() if start else s

    yield make
    _close_all(made)


@pytest.fixture
def own_site(netns):
    made = []

    def make(start=True, **kw):
        s = own_lab.OwnSite(netns, **kw)
        made.append(s)
        return s.start_agent() if start else s

    yield make
    _close_all(made)


@pytest.fixture
def until():
    return netlab.until
