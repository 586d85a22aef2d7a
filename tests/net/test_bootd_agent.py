# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket between netboot-agent and netboot-bootd, with a fake agent at the other end: table, ack,
the ticket rule, reports, refusals, and the end."""
import os
import subprocess

import pytest

from netlab import PATIENCE

MAC = "52:54:00:77:00:01"
TOKEN = "0123456789abcdefghjkmnpqrs"
KERNEL = os.urandom(300_000)
INITRD = os.urandom(700_000)


def host(name="edge01", mac=MAC, ip="10.77.0.11"):
    return {"name": name, "nics": [{"mac": mac, "ip": ip}], "firmware": "uefi", "idle": "local",
            "local_boot": "exit1"}


def ticket(state="armed", token=TOKEN, ident="0tkt000000000001"):
    return {"ticket": ident, "token": token, "job": "0jb0000000000001", "boot": "0bt0000000000001",
            "state": state, "script": f"script.ipxe-{MAC}",
            "payloads": [{"name": "vmlinuz", "path": "d/vmlinuz", "size": len(KERNEL), "kind": "kernel"},
                         {"name": "initrd", "path": "d/initrd", "size": len(INITRD), "kind": "initrd"}]}


@pytest.fixture
def armed(agent, netns):
    """bootd with edge01 armed, and a client at 10.77.0.11."""
    a = agent(wait_ready=None)
    a.put("images", "d/vmlinuz", KERNEL)
    a.put("images", "d/initrd", INITRD)
    a.put("scripts", f"script.ipxe-{MAC}", "#!ipxe\nboot\n")
    a.start()
    a.send_table([{"host": host(), "boot": ticket()}])
    a.client = netns.add_client(mac=MAC, address="10.77.0.11/24")
    return a


def curl(client, path, *args, check=True):
    return client.run("curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                      *args, f"http://10.77.0.1/{path}", check=check)


def start_curl(client, path, out):
    return client.popen("curl", "-s", "-m", "60", "-o", out, f"http://10.77.0.1/{path}",
                        stdout=subprocess.DEVNULL)


def test_ready_and_first_table(agent):
    a = agent()
    ready = a.wait_frame(lambda m: m["t"] == "ready")
    assert ready["pid"] == a.proc.pid and ready["http_port"] == 80 and ready["tftp_port"] == 69
    a.send_table([{"host": host()}])
    assert a.events[0]["kind"] == "bootd.ready"
    assert a.stop() == 0


def test_a_second_table_replaces_the_first(agent, netns):
    a = agent()
    client = netns.add_client(mac=MAC, address="10.77.0.11/24")
    a.send_table([{"host": host()}])
    assert curl(client, f"script.ipxe-{MAC}").stdout.startswith("200 ")
    a.send_table([{"host": host(mac="52:54:00:77:00:02")}])
    assert curl(client, f"script.ipxe-{MAC}").stdout.startswith("404 ")
    a.send_host(host())
    assert curl(client, f"script.ipxe-{MAC}").stdout.startswith("200 ")
    a.gen += 1
    a.send(t="host_del", gen=a.gen, name="edge01")
    a.wait_ack(a.gen)
    assert curl(client, f"script.ipxe-{MAC}").stdout.startswith("404 ")


def test_a_host_that_does_not_fit_is_not_acknowledged(agent):
    a = agent()
    a.send_table([{"host": host()}])
    a.send(t="host", gen=50, host=host(name="edge02", ip="10.77.0.12"))
    ev = a.wait(lambda e: e["kind"] == "bootd.refused")
    assert "belongs to host edge01" in ev["reason"] and ev["detail"]["code"] == "mac-in-use"
    a.send(t="host", gen=51, host=host(name="edge03", mac="52:54:00:77:00:03", ip="10.77.0.13"))
    a.wait_ack(51)
    assert not [m for m in a.frames if m["t"] == "ack" and m["gen"] == 50]


def test_last_chunk_waits_for_the_agent(armed, tmp_path, until):
    out = tmp_path / "initrd"
    assert curl(armed.client, f"b/{TOKEN}/vmlinuz").stdout == f"200 {len(KERNEL)}"
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", out)
    ask = armed.wait_frame(lambda m: m["t"] == "consume")
    assert ask["ticket"] == "0tkt000000000001" and ask["host"] == "edge01"
    assert ask["ip"] == "10.77.0.11" and TOKEN not in ask["file"]
    assert p.poll() is None
    assert not out.exists() or out.stat().st_size < len(INITRD)
    armed.send(t="consume_ok", req=ask["req"])
    assert p.wait(timeout=PATIENCE) == 0
    assert out.read_bytes() == INITRD
    # From here on the ticket is used up, also before the agent has sent the host again.
    assert curl(armed.client, f"b/{TOKEN}/vmlinuz").stdout.startswith("404 ")
    assert curl(armed.client, f"b/{TOKEN}/initrd").stdout.startswith("404 ")
    assert "exit 1" in armed.client.run("curl", "-s", f"http://10.77.0.1/script.ipxe-{MAC}").stdout
    end = armed.wait(lambda e: e["kind"] == "http.end" and e.get("file", "").endswith("initrd"))
    assert end["bytes"] == len(INITRD) and end["host"] == "edge01"
    assert end["job"] == "0jb0000000000001" and end["boot"] == "0bt0000000000001"
    assert all(TOKEN not in str(e) for e in armed.events)


def test_rule_13_the_first_octet_is_never_late(armed, tmp_path, until):
    """EDK2 gives a request 5 s (boot.md 1.9). The agent may take its time with a consumption: the held
    answer has begun all the same, and nobody else waits for it."""
    head = tmp_path / "head"
    curl(armed.client, f"b/{TOKEN}/vmlinuz")
    held = armed.client.popen("curl", "-s", "-m", "60", "-D", head, "-o", "/dev/null",
                              f"http://10.77.0.1/b/{TOKEN}/initrd")
    armed.wait_frame(lambda m: m["t"] == "consume")
    until(lambda: head.exists() and b"\r\n\r\n" in head.read_bytes(), what="the header")
    for path in ("loaders/snponly.efi", f"script.ipxe-{MAC}", "nothing"):
        took = armed.client.run("curl", "-s", "-m", "60", "-o", "/dev/null", "-w",
                                "%{time_starttransfer}", f"http://10.77.0.1/{path}").stdout
        assert float(took) < 5
    assert held.poll() is None


def test_refused_consumption_resets_the_transfer(armed, tmp_path):
    out = tmp_path / "initrd"
    curl(armed.client, f"b/{TOKEN}/vmlinuz")
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", out)
    ask = armed.wait_frame(lambda m: m["t"] == "consume")
    armed.send(t="consume_no", req=ask["req"], reason="cancelled")
    assert p.wait(timeout=PATIENCE) != 0
    assert not out.exists() or out.stat().st_size < len(INITRD)


def test_revoked_ticket_resets_what_is_held(armed, tmp_path):
    out = tmp_path / "initrd"
    curl(armed.client, f"b/{TOKEN}/vmlinuz")
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", out)
    armed.wait_frame(lambda m: m["t"] == "consume")
    armed.send_host(host())
    assert p.wait(timeout=PATIENCE) != 0
    assert not out.exists() or out.stat().st_size < len(INITRD)
    assert curl(armed.client, f"b/{TOKEN}/vmlinuz").stdout.startswith("404 ")


def test_agent_gone_while_held_back(armed, tmp_path):
    out = tmp_path / "initrd"
    curl(armed.client, f"b/{TOKEN}/vmlinuz")
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", out)
    armed.wait_frame(lambda m: m["t"] == "consume")
    armed.sock.shutdown(2)
    assert armed.proc.wait(timeout=PATIENCE) == 0
    assert p.wait(timeout=PATIENCE) != 0
    assert not out.exists() or out.stat().st_size < len(INITRD)


@pytest.mark.parametrize("answer, code", [("report_ok", "204"), ("report_no", "404")])
def test_report(armed, tmp_path, answer, code):
    note = tmp_path / "note"
    note.write_bytes(b"all\nwell z\xc5\x82y \xe2\x80\xae\0\x01\xff\xc5")
    p = armed.client.popen("curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}",
                           "--data-binary", f"@{note}", f"http://10.77.0.1/report/{TOKEN}/installed",
                           stdout=subprocess.PIPE)
    m = armed.wait_frame(lambda m: m["t"] == "report")
    assert m["token"] == TOKEN and m["stage"] == "installed" and m["ip"] == "10.77.0.11"
    assert m["note"] == "all\nwell zły ???????"
    armed.send(t=answer, req=m["req"], reason="closed")
    assert p.communicate(timeout=PATIENCE)[0].decode() == code


def test_report_with_the_largest_note(armed, tmp_path):
    note = tmp_path / "note"
    note.write_bytes(b"\x02" * 65536)
    p = armed.client.popen("curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:",
                           "--data-binary", f"@{note}", f"http://10.77.0.1/report/{TOKEN}/up",
                           stdout=subprocess.PIPE)
    m = armed.wait_frame(lambda m: m["t"] == "report")
    assert len(m["note"]) >= 65535
    armed.send(t="report_ok", req=m["req"])
    assert p.communicate(timeout=PATIENCE)[0].decode() == "204"


def test_report_of_a_wrong_token_is_answered_without_the_agent(armed):
    assert curl(armed.client, f"report/{TOKEN[:-1]}z/up", "-d", "x").stdout.startswith("404")
    assert not [m for m in armed.frames if m["t"] == "report"]


def test_ends_with_the_agent(agent):
    a = agent()
    a.sock.shutdown(2)
    assert a.proc.wait(timeout=PATIENCE) == 0


def test_ends_when_the_agent_never_speaks(agent):
    a = agent(wait_ready=None)
    a.start(wait_ready=False, configure=False)
    a.sock.shutdown(2)
    assert a.proc.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize("change, code, word", [
    ({"interfaces": ["eth9"]}, "interface-missing", "eth9"),
    ({"user": "no-such-user"}, "user-unknown", "no-such-user"),
    ({"ports": {"htp": 1}}, "config", "ports.htp"),
    ({"interfaces": []}, "config", "interfaces"),
])
def test_fatal(agent, change, code, word):
    a = agent(change, wait_ready=None)
    a.start(wait_ready=False)
    m = a.wait_frame(lambda m: m["t"] == "fatal")
    assert m["code"] == code and word in m["text"]
    assert a.proc.wait(timeout=PATIENCE) == 1


def test_fatal_names_the_port_in_use(agent, netns):
    netns.server.hold_port("tcp", 80)
    a = agent(wait_ready=None)
    a.start(wait_ready=False)
    m = a.wait_frame(lambda m: m["t"] == "fatal")
    assert m["code"] == "port-in-use" and "80" in m["text"] and m["next"]
    assert a.proc.wait(timeout=PATIENCE) == 1


def test_survives_nonsense(agent):
    a = agent()
    a.send(t="table_end", gen=7)
    a.send(t="subnet", subnet={"prefix": "10.0.0.0/8"})
    a.send(t="host", gen=1, host={"name": "x y"})
    a.send(t="consume_ok", req=99)
    a.send(t="ready", v=1, pid=1)
    a.send(t="config", v=1, text="interfaces: [x]")
    a.send(t="from-the-future", x=1)
    a.send_table([{"host": host()}])
    assert a.stop() == 0


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff"])
def test_ends_on_a_frame_that_is_not_json(agent, raw):
    a = agent()
    a.send_raw(raw)
    if raw != b"[]":
        assert a.proc.wait(timeout=PATIENCE) == 0
    a.stop()


def test_ten_thousand_hosts_again_and_again(agent):
    """Old tables are freed by a thread, also when the next one comes at once."""
    a = agent()
    many = [{"host": host(f"edge{i:05d}", f"52:54:00:01:{i >> 8:02x}:{i & 255:02x}", None)}
            for i in range(10000)]
    for _ in range(3):
        a.send_table(many)
        a.send_table(many[:2000])
    assert a.stop() == 0
