# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-bootd starts, gives up its privileges, refuses with reasons, and stops."""
import os
import pwd
import signal

import pytest

import netlab

HOST = {"name": "edge01", "macs": ["52:54:00:77:00:01"], "ip": "10.77.0.11"}


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_runs_as_nobody_with_nothing(bootd):
    b = bootd({"hosts": [HOST]})
    st = status_of(b.proc.pid)
    nobody = pwd.getpwnam("nobody")
    assert st["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert st["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert st["Groups"].split() in ([], [str(nobody.pw_gid)])
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(st[name], 16) == 0, name
    assert st["NoNewPrivs"].strip() == "1"
    assert st["Seccomp"].strip() == "2"
    assert b.events[0]["kind"] == "bootd.ready"
    assert b.events[0]["detail"]["hosts"] == 1
    assert b.stop() == 0
    assert "SIGTERM: shutting down" in b.stderr


def test_a_subnet_that_is_on_no_interface_is_told(bootd):
    """And served are the others. After the drop of privileges, as it is told again by the table of an agent."""
    b = bootd(wait_ready=None)
    b.config["subnets"] += [{"prefix": "10.99.0.0/24"}, {"prefix": "10.98.0.0/24", "relay": "10.77.0.254"},
                            {"prefix": "fd99::/64", "ra": "off"}]
    b.start()
    ev = b.wait(lambda e: e["kind"] == "bootd.check")
    problems = ev["detail"]["problems"]
    assert [p["code"] for p in problems] == ["subnet-elsewhere"] * 2 and ev["detail"]["count"] == 2
    assert problems[0]["text"] == f"subnet 10.99.0.0/24 is on none of the interfaces: {b.ns.ifname} 10.77.0.1"
    assert problems[1]["text"].startswith(f"subnet fd99::/64 is on none of the interfaces: {b.ns.ifname} ")
    assert "relay" in problems[0]["next"] and ev["reason"] == problems[0]["text"]
    for p in problems:
        assert f"{p['text']}: {p['next']}" in b.stderr
    b.ns.run("ip", "addr", "add", "10.99.0.1/24", "dev", b.ns.ifname)
    b.ns.run("ip", "addr", "add", "fd99::1/64", "dev", b.ns.ifname, "nodad")
    try:
        ev = b.wait(lambda e: e["kind"] == "bootd.check" and e["detail"]["count"] == 0)
        assert ev["detail"]["problems"] == []
    finally:
        b.ns.run("ip", "addr", "del", "10.99.0.1/24", "dev", b.ns.ifname)
        b.ns.run("ip", "addr", "del", "fd99::1/64", "dev", b.ns.ifname)


def test_restarts_on_the_same_directory(bootd):
    b = bootd({"hosts": [HOST]})
    b.restart(signal.SIGKILL)
    b.restart(signal.SIGINT)
    assert len(b.find("bootd.ready")) == 3


def test_check_accepts_a_good_file(bootd):
    b = bootd({"hosts": [HOST]}, wait_ready=None)
    b.write_config()
    done = b.ns.run(netlab.BOOTD, "-n", "-c", b.config_path)
    assert f"{b.config_path}: good: 1 subnets, 1 hosts, 0 orders" in done.stderr
    assert done.stdout == ""


def test_the_documented_example_is_good(netns, tmp_path):
    with open(os.path.join(netlab.ROOT, "docs", "boot-services.md")) as f:
        example = f.read().split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "bootd.yaml"
    path.write_text(example)
    done = netns.server.run(netlab.BOOTD, "-n", "-c", path)
    assert "good: 2 subnets, 2 hosts, 1 orders" in done.stderr


@pytest.mark.parametrize("text, line, key", [
    ("interfaces: [br0]\nhosts:\n- name: a\n  mcas: []\n", 4, "hosts[0].mcas: unknown key"),
    ("interfaces: [br0]\nports:\n  dhcp4: 0\n", 3, "ports.dhcp4: 0 is not between"),
    ("interfaces: [br0]\nhosts:\n- name: a\n  macs: [x]\n", 4, "hosts[0].macs[0]: not a MAC"),
    ("interfaces: [br0\n", 2, "not YAML"),
])
def test_check_names_file_line_and_key(bootd, text, line, key):
    b = bootd(wait_ready=None)
    with open(b.config_path, "w") as f:
        f.write(text)
    for argv in (["-n"], []):
        done = b.ns.run(netlab.BOOTD, *argv, "-c", b.config_path, check=False)
        assert done.returncode == 1
        assert f"{b.config_path}:{line}: " in done.stderr and key in done.stderr


def test_missing_file(netns):
    done = netns.server.run(netlab.BOOTD, "-n", "-c", "/nonexistent.yaml", check=False)
    assert done.returncode == 1
    assert "/nonexistent.yaml: No such file or directory" in done.stderr


@pytest.mark.parametrize("argv", [[], ["-x"], ["-c", "a", "--agent-fd", "3"], ["--agent-fd", "x"],
                                  ["-c", "a", "b"], ["-n", "--agent-fd", "3"]])
def test_usage(netns, argv):
    done = netns.server.run(netlab.BOOTD, *argv, check=False)
    assert done.returncode == 1
    assert done.stdout == "" and done.stderr != ""


def refusal(b):
    """Starts a bootd that must refuse; its one line of reason."""
    b.start(wait_ready=False)
    assert b.proc.wait(timeout=netlab.PATIENCE) == 1
    assert b.events == []
    lines = [line for line in b.stderr.splitlines() if "error" in line.lower()]
    assert lines, b.stderr
    return lines[-1]


def test_unknown_interface(bootd):
    line = refusal(bootd({"interfaces": ["br0", "eth9"]}, wait_ready=None))
    assert "interface-missing" in line and "'eth9'" in line and "ip -br link" in line


def test_an_interface_that_goes_and_comes_again(bootd, netns):
    """A bridge that is made anew has another index: bootd says so and ends, instead of hearing nothing."""
    netns.server.ip("link", "add", "br9", "type", "bridge")
    b = bootd({"interfaces": ["br0", "br9"]})
    netns.server.ip("link", "del", "br9")
    ev = b.wait(lambda e: e["kind"] == "bootd.interface")
    assert "no network interface br9" in ev["reason"] and ev["detail"]["interface"] == "br9"
    assert b.proc.poll() is None  # br0 is served
    netns.server.ip("link", "add", "br9", "type", "bridge")
    assert b.proc.wait(timeout=60) == 1
    assert "interface-replaced" in b.stderr and "br9" in b.stderr
    assert len(b.find("bootd.interface")) == 1


@pytest.mark.parametrize("service, port", [("TFTP", 69), ("HTTP", 80)])
def test_port_that_may_not_be_had(bootd, service, port):
    """Started by somebody who may not open ports below 1024."""
    only = {"dhcp4": False, "dhcp6": False, "tftp": service == "TFTP", "http": service == "HTTP"}
    b = bootd({"services": only}, wait_ready=None)
    os.chmod(b.state, 0o777)
    b.ns.run("/usr/sbin/sysctl", "-q", "-w", "net.ipv4.ip_unprivileged_port_start=1024")
    b.write_config()
    done = b.ns.run("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    netlab.BOOTD, "-c", b.config_path, check=False)
    assert done.returncode == 1
    line = [line for line in done.stderr.splitlines() if "error" in line][-1]
    assert f"{service.lower()}-bind" in line and f"{service} cannot listen on port {port} of br0" in line
    assert "CAP_NET_BIND_SERVICE" in line and f"another {service.lower()} port" in line


def test_unknown_user(bootd):
    line = refusal(bootd({"user": "no-such-user"}, wait_ready=None))
    assert "user-unknown" in line and "no-such-user" in line and "useradd" in line


def test_missing_directory(bootd):
    b = bootd(wait_ready=None)
    os.rmdir(b.images)
    line = refusal(b)
    assert "directory-missing" in line and "dirs.images" in line and b.images in line


def test_state_directory_with_other_things_is_not_taken(bootd):
    b = bootd(wait_ready=None)
    with open(os.path.join(b.state, "passwd"), "w"):
        pass
    line = refusal(b)
    assert "directory-foreign" in line and b.state in line
    assert os.stat(b.state).st_uid == 0


def test_state_directory_is_made(bootd):
    b = bootd(wait_ready=None)
    os.rmdir(b.state)
    b.start()
    assert os.stat(b.state).st_uid == pwd.getpwnam("nobody").pw_uid
    b.restart()


@pytest.mark.parametrize("kind, port", [("udp", 67), ("udp", 69), ("tcp", 80)])
def test_port_in_use(bootd, netns, kind, port):
    netns.server.hold_port(kind, port)
    line = refusal(bootd(wait_ready=None))
    assert "port-in-use" in line and str(port) in line and f"ss -l{kind[0]}np" in line


def test_missing_loaders_are_named(bootd):
    b = bootd(wait_ready=None)
    os.unlink(os.path.join(b.loaders, "snponly.efi"))
    b.config["loaders"] = [{"arch": 6, "file": "ia32.efi"}]
    b.start()
    assert "no loader for architecture 6" in b.stderr
    assert "ia32.efi: No such file" in b.stderr


def test_loader_that_is_a_link_to_elsewhere_is_named(bootd, netns):
    """The obvious way to put Debian's loaders there; only files within the directory are served."""
    b = bootd(wait_ready=None)
    path = os.path.join(b.loaders, "snponly.efi")
    os.rename(path, os.path.join(b.dir, "snponly.efi"))
    os.symlink(os.path.join(b.dir, "snponly.efi"), path)
    b.start()
    assert f"{path}: a link that leads out of the directory: copy the file itself" in b.stderr
    client = netns.add_client(address="10.77.0.50/24")
    client.run("curl", "-s", "-o", "/dev/null", "http://10.77.0.1/loaders/snponly.efi")
    client.run("curl", "-s", "tftp://10.77.0.1/snponly.efi", check=False)
    for kind in ("http.error", "tftp.error"):
        assert "leads out of the directory" in b.wait(lambda ev: ev["kind"] == kind)["reason"]


def test_event_log_file_rotates_as_nobody(bootd, until):
    b = bootd(wait_ready=None)
    log_dir = os.path.join(b.dir, "log")
    os.mkdir(log_dir)
    os.chown(log_dir, pwd.getpwnam("nobody").pw_uid, -1)
    path = os.path.join(log_dir, "events.ndjson")
    b.config["events"] = {"stdout": True, "file": path, "max_mb": 1}
    with open(path, "wb") as f:
        f.write(b"x" * 1048570 + b"\n")
    b.start()

    def ready_in_new_file():
        # Between the rename and the creation there is no file of this name.
        try:
            with open(path, "rb") as f:
                return b"bootd.ready" in f.read(1000)
        except FileNotFoundError:
            return False
    # stdout comes first: the event may have been seen there before it is in the new file.
    until(ready_in_new_file, what="rotation")
    assert os.stat(path + ".1").st_size == 1048571
    assert os.stat(path).st_uid == pwd.getpwnam("nobody").pw_uid
