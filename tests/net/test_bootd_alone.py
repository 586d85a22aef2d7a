# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-bootd without an agent: an order of bootd.yaml from script to consumption, over restarts, and
the idle policies as a client sees them over HTTP."""
import os
import re
import signal

import pytest

from netlab import PATIENCE, fill, small_disk

MAC = "52:54:00:77:00:01"
KERNEL = os.urandom(100_000)
INITRD = os.urandom(200_000)


def fetch(client, path, *args):
    """(status, body) of http://10.77.0.1/path."""
    out = client.run("curl", "-s", "-m", "60", "-w", "\n%{http_code}", *args,
                     f"http://10.77.0.1/{path}").stdout
    body, status = out.rsplit("\n", 1)
    return int(status), body


def size_of(client, path):
    return client.run("curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                      f"http://10.77.0.1/{path}", check=False).stdout


@pytest.fixture
def ordered(bootd, netns):
    b = bootd(wait_ready=None)
    b.put("images", "d/vmlinuz", KERNEL)
    b.put("images", "d/initrd.gz", INITRD)
    b.config["hosts"] = [
        {"name": "edge01", "macs": [MAC], "ip": "10.77.0.11",
         "boot": {"kernel": "d/vmlinuz", "initrds": ["d/initrd.gz"], "args": "quiet r=${report}",
                  "order": "1"}},
        {"name": "edge02", "macs": ["52:54:00:77:00:02"], "local_boot": "sanboot", "firmware": "bios"},
    ]
    b.start()
    b.client = netns.add_client(mac=MAC, address="10.77.0.11/24")
    return b


def token_in(script):
    return re.search(r"kernel /b/([0-9a-z]{26})/kernel initrd=initrd0 quiet r=http://"
                     r"\$\{next-server\}:80/report/\1 ", script).group(1)


def test_an_order_is_carried_out_once(ordered):
    b, c = ordered, ordered.client
    status, script = fetch(c, f"script.ipxe-{MAC}")
    token = token_in(script)
    assert status == 200 and script.startswith("#!ipxe\n")
    assert fetch(c, f"report/{token}/up", "-d", "hello")[0] == 204
    assert b.wait(lambda e: e["kind"] == "report.up")["detail"]["note"] == "hello"
    assert size_of(c, f"b/{token}/kernel") == f"200 {len(KERNEL)}"
    assert size_of(c, f"b/{token}/initrd0") == f"200 {len(INITRD)}"
    assert b.wait(lambda e: e["kind"] == "bootd.consumed")["host"] == "edge01"
    assert size_of(c, f"b/{token}/kernel").startswith("404 ")
    status, script = fetch(c, f"script.ipxe-{MAC}")
    assert status == 200 and "exit 1" in script and token not in script
    assert fetch(c, f"report/{token}/booted", "-d", "")[0] == 204
    b.restart(signal.SIGKILL)
    assert "exit 1" in fetch(c, f"script.ipxe-{MAC}")[1]
    b.config["hosts"][0]["boot"]["order"] = "2"
    b.restart()
    assert token_in(fetch(c, f"script.ipxe-{MAC}")[1]) != token


def test_an_interrupted_download_may_be_repeated(ordered):
    c = ordered.client
    token = token_in(fetch(c, f"script.ipxe-{MAC}")[1])
    for _ in range(3):
        assert size_of(c, f"b/{token}/kernel") == f"200 {len(KERNEL)}"
    ordered.restart(signal.SIGKILL)  # nothing was consumed: armed again
    token = token_in(fetch(c, f"script.ipxe-{MAC}")[1])
    assert size_of(c, f"b/{token}/kernel") == f"200 {len(KERNEL)}"
    assert size_of(c, f"b/{token}/initrd0") == f"200 {len(INITRD)}"


def test_a_full_disk_releases_nothing(ordered):
    """The consumption cannot be recorded: the last chunk stays here, and the order stays armed."""
    b = ordered
    b.stop()
    os.unlink(os.path.join(b.state, "consumed"))
    # Here, not in the namespace: `ip netns exec` gives each command mounts of its own.
    with small_disk(b.state, "64k"):
        b.start()
        fill(os.path.join(b.state, "ballast"), at_most=1 << 20)
        token = token_in(fetch(b.client, f"script.ipxe-{MAC}")[1])
        assert size_of(b.client, f"b/{token}/kernel") == f"200 {len(KERNEL)}"
        done = size_of(b.client, f"b/{token}/initrd0")
        assert int(done.split()[1]) < len(INITRD)
        assert "the consumption is not recorded" in b.stderr and "No space left" in b.stderr
        assert token_in(fetch(b.client, f"script.ipxe-{MAC}")[1]) == token
        b.stop()


def test_idle_policies_over_http(ordered):
    c = ordered.client
    status, script = fetch(c, "script.ipxe-52:54:00:77:00:02")
    assert status == 200 and "sanboot --no-describe --drive 0x80 || exit 1" in script
    assert fetch(c, "script.ipxe-52:54:00:77:00:09")[0] == 404
    assert fetch(c, "local-boot.efi")[0] == 404


def test_a_missing_image_refuses_the_start(ordered):
    b = ordered
    b.stop()
    os.unlink(os.path.join(b.images, "d/initrd.gz"))
    b.start(wait_ready=False)
    assert b.proc.wait(timeout=PATIENCE) == 1
    assert "image-missing: host edge01" in b.stderr and "d/initrd.gz" in b.stderr


@pytest.mark.parametrize("port", [67, 69])
def test_packets_that_the_kernel_drops_are_told(bootd, netns, port):
    """A request that vanished so would look like a machine that never asked."""
    server = bootd()
    client = netns.add_client(address="10.77.0.50/24")
    os.kill(server.proc.pid, signal.SIGSTOP)
    client.python(f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(8000):
    s.sendto(b"x" * 1000, ("10.77.0.1", {port}))
""")
    os.kill(server.proc.pid, signal.SIGCONT)
    ev = server.wait(lambda e: e["kind"] == "bootd.overflow")
    assert ev["detail"]["port"] == port and ev["detail"]["interface"] == "br0"
    assert 0 < ev["detail"]["count"] < 8000 and f"UDP port {port} of br0" in ev["reason"]
