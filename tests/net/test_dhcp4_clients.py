# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCPv4 as other people's clients see it: isc-dhclient, busybox udhcpc and dhcpcd."""
import json
import os
import re
import stat

import pytest

from netlab import PATIENCE

HOST = {"name": "edge01.lab", "nics": [{"mac": "52:54:00:77:00:01", "ip": "10.77.0.11"}]}
UDHCPC = """#!/bin/sh
env > "$OUT.$1"
"""


def script(tmp_path, text):
    path = tmp_path / "script"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def environment(path):
    return dict(line.rstrip("\n").split("=", 1) for line in open(path) if "=" in line)


@pytest.fixture
def lab(bootd):
    return bootd({"hosts": [HOST]})


def start_dhclient(lab, ns, tmp_path, until, conf=""):
    (tmp_path / "dhclient.conf").write_text(conf)
    lease = tmp_path / "dhclient.leases"
    p = ns.popen("dhclient", "-4", "-d", "-sf", "/bin/true", "-lf", lease, "-pf",
                 tmp_path / "dhclient.pid", "-cf", tmp_path / "dhclient.conf", "eth0")
    until(lambda: lease.exists() and "fixed-address" in lease.read_text(), "a lease")
    return p, lease.read_text()


def test_dhclient_gets_the_fixed_address(lab, netns, tmp_path, until):
    ns = netns.add_client(mac="52:54:00:77:00:01")
    p, lease = start_dhclient(lab, ns, tmp_path, until)
    assert "fixed-address 10.77.0.11;" in lease
    assert "option subnet-mask 255.255.255.0;" in lease
    assert "option routers 10.77.0.1;" in lease
    assert "option dhcp-lease-time 3600;" in lease
    ack = lab.wait(lambda ev: ev["kind"] == "dhcp4.ack")
    assert ack["host"] == "edge01.lab" and ack["ip"] == "10.77.0.11"
    assert ack["mac"] == "52:54:00:77:00:01" and ack["detail"]["class"] == "os"
    p.kill()
    p.wait()


def test_dhclient_releases(lab, netns, tmp_path, until):
    ns = netns.add_client(mac="52:54:00:77:00:01", address="10.77.0.11/24")
    p, _ = start_dhclient(lab, ns, tmp_path, until)
    p.kill()
    p.wait()
    ns.run("dhclient", "-4", "-r", "-sf", "/bin/true", "-lf", tmp_path / "dhclient.leases", "-pf",
           tmp_path / "dhclient.pid", "-cf", tmp_path / "dhclient.conf", "eth0")
    lab.wait(lambda ev: ev["kind"] == "dhcp4.release" and ev["ip"] == "10.77.0.11")


def test_dhclient_keeps_its_address_over_its_own_restart(lab, netns, tmp_path, until):
    """INIT-REBOOT: the second dhclient starts from the lease file of the first."""
    ns = netns.add_client(mac="52:54:00:77:00:01")
    p, _ = start_dhclient(lab, ns, tmp_path, until)
    p.kill()
    p.wait()
    seen = len(lab.events)
    p, _ = start_dhclient(lab, ns, tmp_path, until)
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ack", since=seen)
    assert not [ev for ev in lab.events[seen:] if ev["kind"] == "dhcp4.discover"]
    p.kill()
    p.wait()


def test_dhclient_renews_by_unicast(bootd, netns, tmp_path, until):
    """Leases of a minute, the shortest there are, so T1 comes within half of one."""
    lab = bootd({"hosts": [HOST]})
    ns = netns.add_client(mac="52:54:00:77:00:01", address="10.77.0.11/24")
    conf = "supersede dhcp-renewal-time 1;\nsupersede dhcp-rebinding-time 300;\n"
    p, _ = start_dhclient(lab, ns, tmp_path, until, conf)
    first = lab.wait(lambda ev: ev["kind"] == "dhcp4.ack")
    since = lab.events.index(first) + 1
    lab.wait(lambda ev: ev["kind"] == "dhcp4.ack", since=since)
    assert not lab.find("dhcp4.nak")
    p.kill()
    p.wait()


def test_unknown_machine_is_ignored_and_recorded(lab, netns, tmp_path):
    ns = netns.add_client(mac="52:54:00:99:00:01")
    p = ns.popen("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "2", "-T", "1", "-s", "/bin/true")
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.ignored")
    assert ev["mac"] == "52:54:00:99:00:01"
    assert "unknown machine" in ev["reason"]
    assert p.wait(timeout=PATIENCE) != 0


def test_udhcpc_gets_a_pool_address_where_allowed(bootd, netns, tmp_path):
    lab = bootd({"site": {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}})
    ns = netns.add_client(mac="52:54:00:99:00:01")
    out = tmp_path / "env"
    ns.run("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s",
           script(tmp_path, UDHCPC), env=dict(os.environ, OUT=str(out)))
    env = environment(f"{out}.bound")
    assert re.fullmatch(r"10\.77\.0\.1\d\d", env["ip"])
    assert env["subnet"] == "255.255.255.0" and env["router"] == "10.77.0.1"
    assert env["serverid"] == "10.77.0.1" and env["lease"] == "3600"
    ack = lab.wait(lambda ev: ev["kind"] == "dhcp4.ack")
    assert ack["ip"] == env["ip"] and "host" not in ack


def test_udhcpc_sees_the_boot_fields(lab, netns, tmp_path):
    """siaddr, file, 66 and 67 as a client that prints them sees them (rules 2, 17)."""
    ns = netns.add_client(mac="52:54:00:77:00:01")
    out = tmp_path / "env"
    ns.run("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s",
           script(tmp_path, UDHCPC), "-V", "HTTPClient:Arch:00016:UNDI:003000", "-x",
           "0x5d:0010", "-O", "bootfile", env=dict(os.environ, OUT=str(out)))
    env = environment(f"{out}.bound")
    assert env["ip"] == "10.77.0.11"
    assert env["boot_file"].startswith("http://10.77.0.1/")
    assert env["bootfile"].rstrip("\0") == env["boot_file"]


def test_dhcpcd_gets_the_fixed_address(lab, netns, tmp_path):
    ns = netns.add_client(mac="52:54:00:77:00:01")
    conf = tmp_path / "dhcpcd.conf"
    conf.write_text("noarp\nnohook resolv.conf\nnohook hostname\nduid\n")
    # Its own /var/lib/dhcpcd and /run, so that no lease of another run is found there.
    ns.run("unshare", "-m", "sh", "-c", "mount -t tmpfs none /var/lib/dhcpcd && mkdir -p /run/dhcpcd &&"
           " mount -t tmpfs none /run/dhcpcd && exec dhcpcd -4 -B -1 -t 60 -f $0 -c /bin/true eth0", conf)
    ack = lab.wait(lambda ev: ev["kind"] == "dhcp4.ack")
    assert ack["ip"] == "10.77.0.11"
    assert "10.77.0.11/24" in ns.run("ip", "-4", "addr", "show", "dev", "eth0").stdout


def test_three_clients_at_once_have_three_addresses(bootd, netns, tmp_path):
    lab = bootd({"site": {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}})
    spaces = [netns.add_client(mac=f"52:54:00:99:00:{n:02x}") for n in range(1, 4)]
    runs = [ns.popen("udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s", "/bin/true")
            for ns in spaces]
    assert [p.wait(timeout=PATIENCE) for p in runs] == [0, 0, 0]
    lab.wait(lambda ev: len({e["ip"] for e in lab.find("dhcp4.ack")}) == 3)


def test_leases_survive_kill(bootd, netns, tmp_path, until):
    """The server is killed right after an ACK was seen on the wire: the lease is there again."""
    lab = bootd({"site": {"name": "lab", "timezone": "UTC", "unknown": "lease", "idle": "local"}})
    ns = netns.add_client(mac="52:54:00:99:00:01")
    out = tmp_path / "env"
    udhcpc = ["udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "60", "-T", "1", "-s",
              script(tmp_path, UDHCPC)]
    ns.run(*udhcpc, env=dict(os.environ, OUT=str(out)))
    first = environment(f"{out}.bound")["ip"]
    lab.restart()
    other = netns.add_client(mac="52:54:00:99:00:02")
    other.run(*udhcpc, "-r", first, env=dict(os.environ, OUT=str(out)))
    assert environment(f"{out}.bound")["ip"] != first
    ns.run(*udhcpc, env=dict(os.environ, OUT=str(out)))
    assert environment(f"{out}.bound")["ip"] == first
    assert json.dumps(lab.events)  # all events were JSON
