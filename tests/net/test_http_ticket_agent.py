# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold-back with an agent that answers late, in another order, or after the client has gone."""
import subprocess

import pytest

from netlab import PATIENCE
from test_bootd_agent import INITRD, KERNEL, MAC, TOKEN, armed, curl, host, start_curl, ticket
from test_http_wire import CLIENT, TRICKLE

__all__ = ["armed"]  # a fixture


def kernel_first(armed):
    assert curl(armed.client, f"b/{TOKEN}/vmlinuz").stdout == f"200 {len(KERNEL)}"


def asked(armed):
    return armed.wait_frame(lambda m: m["t"] == "consume")


def ended(armed, result):
    return armed.wait(lambda e: e["kind"] in ("http.end", "http.error")
                      and e["detail"].get("result") == result
                      and e["detail"].get("class") == "initrd")


def give_up(armed, client, until):
    """The client ends, and the kernel of the server knows."""
    client.kill()
    client.wait()
    until(lambda: ":80" in armed.ns.run("ss", "-Htn", "state", "close-wait").stdout, what="its end")


def test_client_gone_while_the_agent_thinks(armed, tmp_path):
    """Once asked, the ticket may be spent: then it is, though nobody gets the rest."""
    kernel_first(armed)
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    ask = asked(armed)
    p.kill()
    p.wait()
    armed.send(t="consume_ok", req=ask["req"])
    assert ended(armed, "aborted")["bytes"] < len(INITRD)
    assert curl(armed.client, f"b/{TOKEN}/initrd").stdout.startswith("404 ")
    assert len([m for m in armed.frames if m["t"] == "consume"]) == 1


def test_host_renamed_between_kernel_and_initrd(armed, tmp_path):
    """What has left under the ticket has left, whatever its host is called in the next table."""
    kernel_first(armed)
    armed.send_table([{"host": host(name="edge99"), "boot": ticket()}])
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    armed.send(t="consume_no", req=asked(armed)["req"], reason="cancelled")
    assert p.wait(timeout=PATIENCE) != 0
    assert (tmp_path / "out").stat().st_size < len(INITRD)


@pytest.mark.parametrize("host_first", [False, True])
def test_retry_on_a_new_connection_inherits(armed, tmp_path, until, host_first):
    """The client gave the first connection up while the agent was recording: the ticket is not lost."""
    kernel_first(armed)
    first = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "first")
    ask = asked(armed)
    second = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "second")
    until(lambda: (tmp_path / "second").exists()
          and (tmp_path / "second").stat().st_size >= len(INITRD) - 65536 - 16384, what="the second to be held")
    give_up(armed, first, until)
    if host_first:
        armed.send_host(host(), ticket("consumed"))
    armed.send(t="consume_ok", req=ask["req"])
    assert second.wait(timeout=PATIENCE) == 0
    assert (tmp_path / "second").read_bytes() == INITRD
    assert (tmp_path / "first").stat().st_size < len(INITRD)
    assert curl(armed.client, f"b/{TOKEN}/initrd").stdout.startswith("404 ")
    assert len([m for m in armed.frames if m["t"] == "consume"]) == 1


# Reads nothing but the head until a line comes, then all of it.
SLOW_START = CLIENT + r"""
import sys
s = connect(rcvbuf=4096)
s.sendall(get(sys.argv[1], "Connection: close"))
r = Reader(s)
assert r.head()[0] == 200
print("begun", flush=True)
sys.stdin.readline()
while more := s.recv(65536):
    r.buf += more
sys.stdout.buffer.write(r.buf)
"""


@pytest.mark.parametrize("host_first", [False, True])
def test_retry_that_is_not_there_yet_inherits(armed, tmp_path, until, host_first):
    """The second has but begun when the answer comes: it gets the last chunk when it is there."""
    kernel_first(armed)
    first = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "first")
    ask = asked(armed)
    second = armed.client.popen("/usr/bin/python3", "-c", SLOW_START, f"/b/{TOKEN}/initrd",
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert second.stdout.readline() == b"begun\n"
    give_up(armed, first, until)
    if host_first:
        armed.send_host(host(), ticket("consumed"))
    armed.send(t="consume_ok", req=ask["req"])
    until(lambda: ":80" not in armed.ns.run("ss", "-Htn", "state", "close-wait").stdout, what="the first one's reset")
    assert second.communicate(b"\n", timeout=PATIENCE)[0] == INITRD
    assert curl(armed.client, f"b/{TOKEN}/initrd").stdout.startswith("404 ")
    assert len([m for m in armed.frames if m["t"] == "consume"]) == 1


def test_another_machine_does_not_inherit(armed, netns, tmp_path, until):
    kernel_first(armed)
    other = netns.add_client(address="10.77.0.50/24")
    first = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "first")
    ask = asked(armed)
    second = start_curl(other, f"b/{TOKEN}/initrd", tmp_path / "second")
    until(lambda: (tmp_path / "second").exists()
          and (tmp_path / "second").stat().st_size >= len(INITRD) - 65536 - 16384, what="the second to be held")
    give_up(armed, first, until)
    armed.send(t="consume_ok", req=ask["req"])
    assert second.wait(timeout=PATIENCE) != 0
    assert (tmp_path / "second").stat().st_size < len(INITRD)


def test_consumed_without_the_agents_second_word(armed, tmp_path):
    """After consume_ok nothing is served again, before any new table says so."""
    kernel_first(armed)
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    armed.send(t="consume_ok", req=asked(armed)["req"])
    assert p.wait(timeout=PATIENCE) == 0
    assert (tmp_path / "out").read_bytes() == INITRD
    for name in ("vmlinuz", "initrd"):
        assert curl(armed.client, f"b/{TOKEN}/{name}").stdout.startswith("404 ")
    # The same ticket sent as armed by mistake, or late, opens nothing.
    armed.send_host(host(), ticket())
    again = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "again")
    assert again.wait(timeout=PATIENCE) in (0, 22, 56, 18)
    assert not (tmp_path / "again").exists() or (tmp_path / "again").read_bytes() != INITRD


def test_host_sent_as_consumed_before_the_answer(armed, tmp_path):
    kernel_first(armed)
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    ask = asked(armed)
    armed.send_host(host(), ticket("consumed"))
    assert p.poll() is None
    armed.send(t="consume_ok", req=ask["req"])
    assert p.wait(timeout=PATIENCE) == 0
    assert (tmp_path / "out").read_bytes() == INITRD


def test_one_question_and_one_winner(armed, tmp_path, until):
    kernel_first(armed)
    gets = [start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / f"out{i}") for i in range(6)]
    ask = asked(armed)
    held = len(INITRD) - 65536
    until(lambda: all((tmp_path / f"out{i}").exists()
                      and (tmp_path / f"out{i}").stat().st_size >= held - 16384 for i in range(6)),
          what="all six to be held")
    assert len([m for m in armed.frames if m["t"] == "consume"]) == 1
    armed.send(t="consume_ok", req=ask["req"])
    codes = sorted(p.wait(timeout=PATIENCE) for p in gets)
    assert codes.count(0) == 1, codes
    for i in range(6):
        data = (tmp_path / f"out{i}").read_bytes()
        assert data == INITRD or len(data) <= held


@pytest.mark.parametrize("answer", ["consume_no", "revoked", "other-ticket"])
def test_all_held_are_reset(armed, tmp_path, until, answer):
    kernel_first(armed)
    gets = [start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / f"out{i}") for i in range(3)]
    ask = asked(armed)
    if answer == "consume_no":
        armed.send(t="consume_no", req=ask["req"], reason="cancelled")
    elif answer == "revoked":
        armed.send_host(host())
    else:
        armed.send_host(host(), ticket(token="1" * 26, ident="0tkt000000000002"))
        armed.send(t="consume_ok", req=ask["req"])
    answered = {ask["req"]}

    def all_ended():
        """Those that had not come to their hold yet ask again, and are refused again."""
        for m in [m for m in list(armed.frames) if m["t"] == "consume" and m["req"] not in answered]:
            answered.add(m["req"])
            armed.send(t="consume_no", req=m["req"], reason="cancelled")
        return all(p.poll() is not None for p in gets)
    until(all_ended, what="the end of all three")
    for i, p in enumerate(gets):
        assert p.returncode != 0 or (tmp_path / f"out{i}").read_bytes() != INITRD
    # A new ticket is not touched by the end of the old one.
    if answer == "other-ticket":
        script = armed.client.run("curl", "-s", f"http://10.77.0.1/script.ipxe-{MAC}").stdout
        assert "exit 1" not in script


def test_who_waits_for_the_agent_is_not_slow(armed, tmp_path):
    armed.stop()
    armed.config["limits"] = {"http_min_rate": 65535, "http_slow_timeout": "3s"}
    armed.put("loaders", "big", bytes(1 << 24))
    armed.start()
    armed.send_table([{"host": host(), "boot": ticket()}])
    kernel_first(armed)
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    ask = asked(armed)
    armed.client.python(CLIENT + TRICKLE + 'trickle("/loaders/big")')  # which takes longer
    armed.send(t="consume_ok", req=ask["req"])
    assert p.wait(timeout=PATIENCE) == 0
    assert (tmp_path / "out").read_bytes() == INITRD


def test_client_that_boots_before_it_acknowledges(armed, tmp_path):
    """iPXE starts the kernel at the last octet; its last acknowledgements never leave."""
    kernel_first(armed)
    p = start_curl(armed.client, f"b/{TOKEN}/initrd", tmp_path / "out")
    ask = asked(armed)
    armed.client.ip("route", "add", "blackhole", "10.77.0.1/32")
    armed.send(t="consume_ok", req=ask["req"])
    ev = ended(armed, "complete-unacked")
    assert ev["kind"] == "http.end" and len(INITRD) - 65536 <= ev["bytes"] < ev["total"]
    assert ev["detail"]["waited_us"] > 1_000_000, ev
    p.kill()
    p.wait()


def test_reports_that_wait_are_limited(armed, until):
    """A machine that repeats its report while the agent is busy does not fill the memory."""
    def waiting():
        return [m for m in armed.frames if m["t"] == "report"]

    def post():
        return armed.client.run("curl", "-sS", "-m", "20", "-w", "%{http_code}", "-d", "x",
                                f"http://10.77.0.1/report/{TOKEN}/up").stdout
    armed.client.python(r"""
import socket, sys
for i in range(8):
    s = socket.create_connection(("10.77.0.1", 80))
    s.sendall(f"POST /report/{sys.argv[1]}/up HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx".encode())
    s.close()
""", TOKEN)
    until(lambda: len(waiting()) == 8, what="eight reports at the agent")
    assert post().endswith("503")
    assert len(waiting()) == 8
    ev = armed.wait(lambda e: e["kind"] == "http.error" and e["detail"].get("status") == 503)
    assert "agent" in ev["reason"] and ev["detail"]["class"] == "report"
    armed.send(t="report_ok", req=waiting()[0]["req"])
    p = armed.client.popen("curl", "-sS", "-m", "20", "-o", "/dev/null", "-d", "x",
                           f"http://10.77.0.1/report/{TOKEN}/up")
    until(lambda: len(waiting()) == 9, what="room for one more")
    armed.send(t="report_ok", req=waiting()[8]["req"])
    assert p.wait(timeout=PATIENCE) == 0
