# SPDX-License-Identifier: GPL-3.0-or-later
"""bmcsim with other people's clients: every verb, and every fault as they see it. Chassis control and boot
flags are in test_bmc_faults.py, consoles in test_bmcsim_console.py."""
import contextlib
import os
import re
import time

import pytest

import bmclab
import netlab
from bmclab import PASSWORD, PORT, USER
from netlab import until

WHO = f"127.77.0.1:{PORT}"
LINE = f"{WHO} {USER} {PASSWORD} administrator"


@pytest.fixture
def make():
    with contextlib.ExitStack() as stack:
        def start(options="", **kw):
            b = bmclab.Bmcs(f"{LINE} {options}\n", **kw)
            stack.callback(b.close)
            return b
        yield start


def status(b, *argv, host=WHO, **conf):
    """ipmi-chassis --get-status: "on", "off", or what it said instead."""
    r = b.freeipmi_run("ipmi-chassis", "-h", host, "--get-status", *argv, **conf)
    for line in r.stdout.splitlines():
        if line.startswith("System Power  "):
            return line.split(":")[1].strip()
    return r.stderr.strip()


def both(r):
    return r.stdout + r.stderr


# ---- verbs ----

def test_identity(make):
    b = make("manufacturer=0x2A7C product=1579 firmware=3.88 guid=0x00112233445566778899aabbccddeeff")
    info = b.freeipmi("bmc-info", "-h", WHO, "--get-device-id")
    assert "(10876)" in info and "1579" in info and "3.88" in info
    assert "Super Micro" in info or "Supermicro" in info
    info = b.ipmitool("mc", "info")
    assert "Manufacturer ID           : 10876" in info and "Firmware Revision         : 3.88" in info
    assert "00112233445566778899aabbccddeeff" in b.ipmitool("mc", "guid").lower()
    b.ask("set all firmware 4.01")
    assert "4.01" in b.ipmitool("mc", "info")


def test_users_by_ipmitool(make):
    b = make("user=3:viewer:look:user")
    users = b.ipmitool("user", "list", "1")
    assert "admin" in users and "viewer" in users
    assert status(b, user="viewer", password="look", privilege="USER") == "off"
    assert "privilege" in status(b, user="viewer", password="look", privilege="OPERATOR")
    b.ipmitool("user", "set", "name", "4", "maint")
    b.ipmitool("user", "set", "password", "4", "a-password-of-20-oct", "20")
    b.ipmitool("user", "priv", "4", "3", "1")
    assert not b.ipmitool_works("chassis", "status", user="maint", password="a-password-of-20-oct")  # not enabled
    b.ipmitool("user", "enable", "4")
    r = b.ipmitool_run("-L", "OPERATOR", "chassis", "power", "on", user="maint", password="a-password-of-20-oct")
    assert r.returncode == 0 and b.show()["power"] == "on"
    assert "Success" in b.ipmitool("user", "test", "4", "20", "a-password-of-20-oct")
    assert not b.ipmitool_works("user", "test", "4", "20", "a-password-of-20-ocT")
    assert not b.ipmitool_works("user", "test", "4", "16", "a-password-of-20")
    b.ipmitool("user", "disable", "4")
    assert not b.ipmitool_works("-L", "OPERATOR", "chassis", "status", user="maint", password="a-password-of-20-oct")


def test_users_by_ipmi_config(make):
    b = make()
    section = ["-h", WHO, "--category=core"]
    keys = ["Username=ops", "Password=twenty-octets-secret", "Enable_User=Yes", "Lan_Enable_IPMI_Msgs=Yes",
            "Lan_Privilege_Limit=Operator", "SOL_Payload_Access=No"]
    b.freeipmi("ipmi-config", *section, "--commit", *(f"-eUser3:{k}" for k in keys), privilege="ADMIN")
    out = b.freeipmi("ipmi-config", *section, "-S", "User3", "--checkout", privilege="ADMIN")
    for want in ("ops", "Operator"):
        assert want in out
    assert status(b, user="ops", password="twenty-octets-secret") == "off"
    b.freeipmi("ipmi-config", *section, "--diff", "-eUser3:Password=twenty-octets-secret", privilege="ADMIN")


@pytest.mark.parametrize("suite", [17, 3])
def test_k_g(make, suite):
    kg = "0x7fff00203040506070809aabbccddeeff0010203"  # ipmitool cannot have one that begins with 00
    b = make(f"kg={kg} slots=8")
    assert status(b, kg=kg, suite=suite) == "off"
    assert "k_g invalid" in status(b, kg=kg[:-2] + "04", suite=suite)
    assert "k_g" in status(b, suite=suite)
    assert b.ipmitool_works("-y", kg[2:], "mc", "info", suite=suite)
    assert not b.ipmitool_works("mc", "info", suite=suite)
    assert "KG status                  : non-zero" in b.ipmitool_run("-y", kg[2:], "channel", "authcap", "1", "4").stdout
    b.fault(wrong_kg=1)
    assert "k_g invalid" in status(b, kg=kg, suite=suite)


def test_k_g_set_by_ipmi_config(make):
    b = make()
    kg = "0x" + "a5" * 20
    b.freeipmi("ipmi-config", "-h", WHO, "--category=core", "--commit", f"-eLan_Conf_Security_Keys:K_G={kg}", privilege="ADMIN")
    assert status(b, kg=kg) == "off"


def test_event_log(make):
    b = make()
    b.ipmitool("chassis", "power", "on")
    b.ask("sel all 00000200000000200004010101595a5a")  # CPU Temp above its upper non-critical threshold
    out = b.ipmitool("sel", "elist")
    assert "System ACPI Power State" in out and "S0/G0" in out and "CPU Temp" in out and len(out.splitlines()) == 2
    out = b.freeipmi("ipmi-sel", "-h", WHO, "--quiet-cache")
    assert "S0/G0" in out and "CPU Temp" in out
    assert b.show()["sel"] == 2
    b.ipmitool("sel", "clear")
    assert b.show()["sel"] == 0
    b.ask("sel all 00000200000000200004010101595a5a")
    b.freeipmi("ipmi-sel", "-h", WHO, "--clear")
    assert b.show()["sel"] == 0
    for _ in range(20):
        b.ask("sel all 00000200000000200004010101595a5a")
    out = b.ipmitool("sel", "info")
    assert "Entries          : 16" in out and "Overflow         : true" in out


def test_event_log_has_a_clock(make):
    b = make()
    b.freeipmi("bmc-device", "-h", WHO, "--set-sel-time=11/26/2026 - 12:00:00", privilege="ADMIN")
    assert "11/26/2026 - 12:0" in b.freeipmi("bmc-device", "-h", WHO, "--get-sel-time", privilege="ADMIN")


def test_sensors(make):
    b = make("power=on")
    rows = [[c.strip() for c in line.split("|")] for line in b.ipmitool("sensor").splitlines()]
    table = {r[0]: r for r in rows}
    assert table["CPU Temp"][1:4] == ["45.000", "degrees C", "ok"]
    assert table["P12V"][1] == "12.060" and table["Fan1"][1] == "5400.000"
    out = b.freeipmi("ipmi-sensors", "-h", WHO, "--quiet-cache")
    assert "Presence detected" in out and "45.00" in out
    b.ask("set all sensor1 92")
    assert "| 92.00      | C     | 'At or Above (>=) Upper Critical Threshold'" in b.freeipmi(
        "ipmi-sensors", "-h", WHO, "--quiet-cache")
    assert [c.strip() for c in b.ipmitool("sensor").splitlines()[0].split("|")][3] == "cr"
    b.power(False)
    assert "Fan1             | no reading" in b.ipmitool("sdr")


def test_chassis_verbs(make):
    b = make()
    b.ipmitool("chassis", "identify", "20")
    assert b.show()["identify"]
    assert "on (timed)" in b.freeipmi("ipmi-chassis", "-h", WHO, "--get-status").lower() or b.show()["identifies"] == 1
    b.freeipmi("ipmi-chassis", "-h", WHO, "--chassis-identify=FORCE")
    assert b.show()["identifies"] == 2
    b.freeipmi("ipmi-chassis", "-h", WHO, "--chassis-identify=TURN-OFF")
    assert not b.show()["identify"]
    b.ipmitool("chassis", "power", "on")
    assert "chassis power control command" in b.ipmitool("chassis", "restart_cause")
    assert "chassis control" in b.freeipmi("ipmi-chassis", "-h", WHO, "--get-system-restart-cause").lower()


def test_session_info(make):
    b = make()
    out = b.ipmitool("session", "info", "active")
    assert "user id                       : 2" in out and "console ip                    : 127." in out


@pytest.mark.parametrize("cold", ["cold", "warm"])
def test_reset(make, cold):
    b = make("reboot_ms=1500")
    b.ipmitool("chassis", "bootdev", "pxe", "options=efiboot,persistent")
    assert b.show()["flags"] == "e004000000"
    b.ipmitool("mc", "reset", cold)
    s = b.show()
    assert (s["reboots"], s["slots"], s["flags"]) == (1, 0, "0000000000")
    assert b.one("-t", "60", "status")["code"] == ""


def test_reset_without_an_answer(make):
    b = make("reset_silent=1 reboot_ms=100")
    b.ipmitool_run("-R", "1", "mc", "reset", "cold")
    assert b.show()["reboots"] == 1


# ---- what audits look for ----

def test_cipher_suite_0(make):
    b = make()
    assert not b.ipmitool_works("chassis", "power", "on", suite=0, password="wrong")
    b.fault(weak=1)
    assert b.ipmitool_works("chassis", "power", "on", suite=0, password="wrong")
    assert b.show()["power"] == "on"
    assert [line.split()[0] for line in b.ipmitool("channel", "getciphers", "ipmi", "1").splitlines()[1:]] == ["0", "3", "17"]


@pytest.mark.parametrize("suite,bit", [(1, 2), (2, 4), (15, 8), (16, 16)])
def test_other_weak_suites(make, suite, bit):
    b = make()
    assert not b.ipmitool_works("mc", "info", suite=suite)
    b.fault(weak=bit)
    assert b.ipmitool_works("mc", "info", suite=suite)
    assert not b.ipmitool_works("mc", "info", suite=suite, password="wrong")


def test_anonymous_and_null_users(make):
    b = make("user=1:::operator")
    out = b.ipmitool("channel", "authcap", "1", "4")
    assert "Anonymous login enabled    : yes" in out and "Null user names exist      : no" in out
    assert b.ipmitool_works("-L", "OPERATOR", "chassis", "status", user="", password="")
    b.ask("user all 1 - pw operator")
    out = b.ipmitool("channel", "authcap", "1", "4")
    assert "Anonymous login enabled    : no" in out and "Null user names exist      : yes" in out


# ---- faults ----

def test_reboot_in_the_middle_of_a_session(make):
    b = make("reboot_ms=300 power=on")
    b.fault(reboot_after=2)
    r = b.one("-t", "60", "-i", "200", "off-seen")
    assert (r["code"], r["power"]) == ("", "off") and r["sessions"] >= 2
    assert b.show()["reboots"] == 1


def test_completion_ffh_while_it_boots(make):
    b = make("reboot_ms=1")
    b.fault(busy=-1, busy_code=255)
    r = b.ipmitool_run("chassis", "power", "on")
    assert r.returncode != 0 and "Unspecified error" in both(r)
    b.fault(busy=0)
    b.fault(ff_ms=600000, reboot=1)
    r = until(lambda: (lambda x: x if "Unspecified" in both(x) else None)(b.ipmitool_run("mc", "info")), "FFh")
    assert r.returncode != 0
    b.fault(revive=1)
    assert b.ipmitool_works("mc", "info")


def test_lockout(make):
    b = make("lockout=3 lockout_ms=600000 slots=8")
    for _ in range(3):
        assert not b.ipmitool_works("mc", "info", password="wrong")
    assert not b.ipmitool_works("mc", "info")
    assert b.show()["locks"] == 1
    assert "username invalid" in status(b)
    b.ask(f"user all 2 {USER} {PASSWORD} administrator")
    assert b.ipmitool_works("mc", "info")
    for _ in range(4):  # a good password ends the count
        b.ipmitool_run("mc", "info", password="wrong")
        assert b.ipmitool_works("mc", "info")
    assert b.show()["locks"] == 1


def test_wrong_password_on_a_share():
    seen = []
    for seed in (5, 5, 6):
        b = bmclab.Bmcs(f"127.77.0.1+60:{PORT} {USER} {PASSWORD} operator\n", seed=seed)
        try:
            b.ask("fault all wrong_password 1 30%")
            results, _ = b.ctl("-t", "60", "status", f"127.77.0.1+60:{PORT}")
            assert len(results) == 60
            assert {r["code"] for r in results} == {"", "bmc-auth"}
            seen.append({r["bmc"] for r in results if r["code"]})
        finally:
            b.close()
    assert 6 <= len(seen[0]) <= 32
    assert seen[0] == seen[1] and seen[0] != seen[2]


def test_seed_makes_the_bmc():
    guid = []
    for s in (7, 7, 8):
        b = bmclab.Bmcs(LINE + "\n", seed=s)
        try:
            guid.append(b.ipmitool("mc", "guid"))
        finally:
            b.close()
    assert guid[0] == guid[1] != guid[2]


@pytest.mark.parametrize("kind", [1, 2, 4, 8, 16, 0])
def test_garbage(make, kind):
    b = make("power=on")
    b.fault(garbage=30, garbage_kind=kind)
    for _ in range(3):
        assert b.one("-t", "60", "status")["code"] in ("", "bmc-unreachable", "bmc-refused", "bmc-auth", "bmc-busy",
                                                       "bmc-cipher", "bmc-privilege")
    assert b.show()["mangled"] > 0
    assert b.show()["power"] == "on"
    b.fault(garbage=0)
    b.fault(forget_session=1)
    assert b.one("status")["code"] == ""


# Behind a right integrity code: whatever is in them, power is known truly or not at all.
def test_malformed_answers(make):
    b = make("power=on")
    b.fault(malformed=40)
    for verb in ("status", "probe", "status", "cycle", "override"):
        r = b.one("-t", "20", verb)
        assert r["code"] == "" or r["code"].startswith(("bmc-", "power-", "override-")), r
    b.fault(malformed=100)
    b.ipmitool_run("chassis", "status")
    b.freeipmi_run("ipmi-chassis", "-h", WHO, "--get-status", "--session-timeout=3000")
    s = b.show()
    assert s["mangled"] > 0 and s["cycle"] <= 1
    b.fault(malformed=0, forget_session=1)
    assert b.one("status")["code"] == ""


PING = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(60)
s.connect(("127.77.0.1", int(sys.argv[1])))
for tag in sys.argv[3].split(","):
    s.send(bytes([6, 0, 255, 6, 0, 0, 0x11, 0xbe, 0x80, int(tag), 0, 0]))
print(*(s.recv(500)[9] for _ in range(int(sys.argv[2]))))
"""


def test_duplicates_and_reordering(make):
    b = make()
    b.fault(duplicate=100)
    assert b.ns.python(PING, PORT, 4, "7,9").stdout == "7 7 9 9\n"
    b.fault(duplicate=0, reorder=50)
    tags = [str(i) for i in range(30)]
    got = b.ns.python(PING, PORT, 30, ",".join(tags)).stdout.split()
    assert got != tags and sorted(got) == sorted(tags)
    b.fault(duplicate=60, reorder=30)
    for _ in range(5):
        b.ipmitool("chassis", "status")
        assert b.one("-t", "60", "status")["code"] == ""
    assert b.one("-t", "60", "cycle")["code"] == "" and b.show()["on"] == 1


def test_session_exhaustion_by_leaks(make):
    b = make("leak_close=1 slots=2")
    for _ in range(2):
        assert status(b) == "off"
    assert "BMC busy" in status(b)
    r = b.ipmitool_run("mc", "info")
    assert r.returncode != 0 and "insufficient resources" in both(r)
    assert b.show()["active"] == 2
    b.fault(session_ms=1, leak_close=0)
    until(lambda: b.show()["active"] == 0, "free slots")
    b.fault(session_ms=0)
    assert status(b) == "off"


def test_too_many_commands_crash_it(make):
    b = make("min_interval_ms=300000")
    b.one("-t", "2", "probe")
    s = b.show()
    assert s["crashes"] == 1 and s["slots"] == 0
    assert b.one("-t", "2", "status")["code"] == "bmc-unreachable"
    b.fault(min_interval_ms=0)
    b.fault(revive=1)
    assert b.one("status")["code"] == ""
    b.fault(min_session_ms=300000, crash_ms=200)
    b.one("status")
    b.one("-t", "2", "status")
    until(lambda: b.show()["crashes"] >= 2, "the crash")


def test_slow_command(make):
    b = make()
    b.fault(slow_ms=2500, slow_cmd=0x0001)  # Get Chassis Status
    began = time.monotonic()
    assert status(b) == "off"
    assert time.monotonic() - began >= 2.5
    began = time.monotonic()
    b.ipmitool("mc", "guid")


def test_boot_flags_lost(make):
    b = make()
    b.ipmitool("chassis", "bootdev", "pxe", "options=efiboot")
    b.fault(drop_efi_read=1)
    assert "BIOS PC Compatible (legacy) boot" in b.ipmitool("chassis", "bootparam", "get", "5")
    assert b.show()["flags"] == "a004000000"  # they are there all the same
    assert b.one("override")["code"] == "override-not-kept"
    b.fault(drop_efi_read=0)
    b.fault(forget_flags=1)
    assert "Boot Flag Invalid" in b.ipmitool("chassis", "bootparam", "get", "5")


def test_ping():
    b = bmclab.Bmcs(f"127.77.0.1:623 {USER} {PASSWORD} operator\n")
    try:
        power = ["-h", "127.77.0.1", "-s", "--session-timeout=3000"]
        assert "off" in b.freeipmi("ipmipower", *power)
        assert b.ns.run("rmcpping", "-c", "1", "127.77.0.1").returncode == 0
        b.fault(no_ping=1)
        assert b.ns.run("rmcpping", "-c", "1", "-t", "2", "127.77.0.1", check=False).returncode != 0
    finally:
        b.close()


# What needs a workaround of FreeIPMI's, and works with it.
@pytest.mark.parametrize("fault,flag,suite", [
    ({"authcap": 0x10}, "authcap", 17), ({"long_rakp2": 1}, "supermicro20", 3), ({"bad_checksum": 1}, "nochecksumcheck", 17),
    ({"echo_level": 1}, "opensesspriv", 17), ({"open_level_keys": 1}, "opensesspriv", 17),
    ({"icv0": 1, "weak": 1}, "integritycheckvalue", 0)])
def test_workarounds_of_freeipmi(make, fault, flag, suite):
    b = make()
    b.fault(**fault)
    if "authcap" not in fault:
        assert status(b, "--session-timeout=3000", suite=suite) != "off"
    assert status(b, "-W", flag, suite=suite) == "off"


@pytest.mark.parametrize("fault,code", [("no_password20", 0x81), ("keep_password", 0), ("cut_password", 0)])
def test_password_that_is_not_stored_as_sent(make, fault, code):
    b = make()
    b.fault(**{fault: 1})
    r = b.ipmitool_run("user", "set", "password", "2", "a-password-of-20-oct", "20")
    assert (r.returncode == 0) == (code == 0)
    assert not b.ipmitool_works("mc", "info", password="a-password-of-20-oct")
    works = PASSWORD if fault != "cut_password" else "a-password-of-20"
    assert b.ipmitool_works("mc", "info", password=works)


# ---- the control socket, the configuration and the manual page ----

def test_manual_page_has_all_faults_and_orders():
    with open(os.path.join(netlab.ROOT, "docs/man/netboot-bmcsim.1")) as f:
        page = f.read()
    with open(os.path.join(netlab.ROOT, "tests/fake/bmcsim_core.h")) as f:
        faults = re.findall(r"^\tint (\w+);", f.read().split("struct bmcsim_faults {")[1].split("\n};")[0], re.M)
    with open(os.path.join(netlab.ROOT, "tests/fake/bmcsim_control.c")) as f:
        orders = re.findall(r'^    \{"(\w+)", ', f.read(), re.M)
    assert len(faults) > 70 and len(orders) == 9
    told = set(re.findall(r"\w+", " ".join(line for line in page.splitlines() if line.startswith(".It "))))
    assert set(faults) | set(orders) <= told


def test_faults_are_listed_and_cleared(make):
    b = make("drop=3")
    b.fault(delay_ms=5)
    assert b.ask("faults " + WHO) == '{"drop":3,"delay_ms":5}'
    b.ask("clear all")
    assert b.ask("faults " + WHO) == "{}"


@pytest.mark.parametrize("order", [
    "", "nonsense", "fault all nonsense 1", "fault all drop x", "fault all drop 1 5", "fault all drop 1 200%",
    "fault 127.1.1.1:1 drop 1", "set all firmware x", "set all sensor9 1", "user all 9 a b operator",
    "user all 3 a b king", "sel all 00", "sel all " + "zz" * 16, "serial all at nowhere:", "serial all at unix:/nonexistent/x",
    "serial all attach", "serial all nonsense", "power", "show all x" * 200])
def test_bad_orders_are_refused(make, order):
    b = make()
    answer = b.ask_any(order)
    if not order.startswith("show all"):
        assert answer.startswith("error "), answer
    assert b.show()["power"] == "off"


@pytest.mark.parametrize("line", [
    f"127.77.0.1:{PORT} admin", "127.77.0.1 admin x operator", f"127.77.0.1:{PORT} admin x king",
    f"127.77.0.1:{PORT} admin {'x' * 21} operator", f"127.77.0.1:{PORT} admin x operator drop=x",
    f"127.77.0.1:{PORT} admin x operator kg=0xZZ", f"127.77.0.1:{PORT} admin x operator user=3:a:b",
    f"127.77.0.1:{PORT} admin x operator serial=pty:/nonexistent/tty", f"127.77.0.1+99999:{PORT} admin x operator",
    f"127.77.0.1:{PORT} admin x operator " + "x" * 5000])
def test_bad_configuration_is_refused(line, tmp_path):
    ns = netlab.Namespace("bmc")
    try:
        (tmp_path / "conf").write_text(line + "\n")
        r = ns.run(os.path.join(netlab.BUILD, "tests/fake/bmcsim"), "-c", tmp_path / "conf", check=False)
        assert r.returncode == 1 and r.stderr.startswith("bmcsim: ") and r.stdout == ""
    finally:
        ns.close()


def test_ranges_of_bmcs():
    b = bmclab.Bmcs(f"127.77.0.1+20:{PORT} {USER} {PASSWORD} operator\n")
    try:
        b.power(True, who=f"127.77.0.5+3:{PORT}")
        on = [i for i in range(1, 21) if b.show(f"127.77.0.{i}:{PORT}")["power"] == "on"]
        assert on == [5, 6, 7]
    finally:
        b.close()


def test_one_socket_for_all():
    b = bmclab.Bmcs(f"127.77.0.1+3000:{PORT} {USER} {PASSWORD} administrator\n[::1]:{PORT} {USER} {PASSWORD} operator\n",
                    argv=["-1"])
    try:
        assert len(os.listdir(f"/proc/{b.sim.pid}/fd")) < 30
        results, totals = b.ctl("-q", "-t", "60", "status", f"127.77.0.1+3000:{PORT}")
        assert totals["ok"] == 3000 and b.sum()["sessions"] == 3000
        b.power(True, who=f"127.77.3.4:{PORT}")
        assert "on" in b.ipmitool("chassis", "power", "status", host="127.77.3.4")
        assert "off" in b.ipmitool("chassis", "power", "status", host="127.77.3.5")
        assert b.one("status", target=f"::1:{PORT}")["code"] == ""
        b.fault(f"127.77.3.5:{PORT}", delay_ms=50, duplicate=100)
        assert "off" in b.ipmitool("chassis", "power", "status", host="127.77.3.5")
        assert b.one("-t", "2", "status", target=f"127.78.0.1:{PORT}")["code"] == "bmc-unreachable"
    finally:
        b.close()


def test_one_address_twice_is_refused(tmp_path):
    ns = netlab.Namespace("bmc")
    try:
        (tmp_path / "conf").write_text(f"127.77.0.1+5:{PORT} a b operator\n127.77.0.5:{PORT} a b operator\n")
        for argv in ([], ["-1"]):
            r = ns.run(os.path.join(netlab.BUILD, "tests/fake/bmcsim"), "-c", tmp_path / "conf", *argv, check=False)
            assert r.returncode == 1 and r.stderr == f"bmcsim: 127.77.0.5:{PORT}: Address already in use\n"
    finally:
        ns.close()
