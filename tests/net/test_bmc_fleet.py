# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPMI engine with many BMCs at once, names and both address families, against ipmi_sim, and
other people's clients against bmcsim."""
import os

import pytest

import bmclab
from bmclab import PASSWORD, PORT, USER
from netlab import until


@pytest.fixture
def make():
    made = []

    def start(config, **kw):
        made.append(bmclab.Bmcs(config, **kw))
        return made[-1]

    yield start
    for b in made:
        b.close()


def line(address, privilege="operator", script=""):
    return f"{address}:{PORT} {USER} {PASSWORD} {privilege} {script}\n"


def test_one_dead_bmc_among_200_delays_nobody(make):
    b = make(line("127.77.0.1+200"))
    b.fault(f"127.77.0.100:{PORT}", dead=1)
    results, totals = b.ctl("-t", "15", "-j", "16", "status", f"127.77.0.1+200:{PORT}")
    dead = [r for r in results if r["code"]]
    assert [(r["bmc"], r["code"]) for r in dead] == [(f"127.77.0.100:{PORT}", "bmc-unreachable")]
    assert max(r["ms"] for r in results if not r["code"]) < 10000
    assert totals["ok"] == 199


def test_a_password_that_is_wrong_everywhere_is_not_tried_everywhere(make):
    b = make(line("127.77.0.1+100"))
    results, _ = b.ctl("-j", "4", "status", f"127.77.0.1+100:{PORT}", password="wrong")
    codes = [r["code"] for r in results]
    assert len(codes) == 100 and set(codes) == {"bmc-auth", "bmc-lockout-stop"}, set(codes)
    # Six refusals stop it; those of the calls under way come on top.
    assert 6 <= codes.count("bmc-auth") <= 6 + 4, codes.count("bmc-auth")
    assert all("BMCs here had refused" in r["text"] and r["why"] == "auth" for r in results
               if r["code"] == "bmc-lockout-stop")


def test_more_dead_bmcs_than_may_be_in_flight(make):
    b = make(line("127.77.0.1+100"))
    for i in range(1, 41):
        b.fault(f"127.77.0.{i}:{PORT}", dead=1)
    results, _ = b.ctl("-t", "4", "-j", "8", "status", f"127.77.0.1+100:{PORT}")
    assert sum(r["code"] == "bmc-unreachable" for r in results) == 40
    assert sum(r["code"] == "" for r in results) == 60


def test_2000_bmcs(make):
    b = make(line("127.77.0.1+2000"))
    results, totals = b.ctl("-q", "status", f"127.77.0.1+2000:{PORT}")
    assert totals["ok"] == 2000
    s = b.sum()
    assert s["sessions"] == 2000 and s["closed"] == 2000 and s["in_use"] == 0


# A fifth of all packets lost each way, and BMCs that execute a repeated request again: exactly once,
# or truthfully unknown.
@pytest.mark.parametrize("no_dedup", [0, 1])
def test_cycle_of_200_under_loss_executes_each_at_most_once(make, no_dedup):
    b = make(line("127.77.0.1+200"))
    b.power(True)
    b.fault(drop=20, no_dedup=no_dedup, cycle_ms=8000)
    results, totals = b.ctl("-t", "60", "cycle", f"127.77.0.1+200:{PORT}")
    b.fault(drop=0)
    assert totals["resends"] > 100
    cycles = {r["bmc"]: b.show(r["bmc"])["cycle"] for r in results}
    for r in results:
        assert cycles[r["bmc"]] == 1 if r["code"] == "" else cycles[r["bmc"]] <= 1, r
        assert r["code"] in ("", "bmc-unreachable", "power-unconfirmed"), r
    # Most that were executed were seen to be, though every third order got no answer.
    executed = [r for r in results if cycles[r["bmc"]] == 1]
    assert sum(r["code"] == "" for r in executed) > 0.8 * len(executed)


# The other verbs in the same weather: what the BMC counted, at most, and exactly where it is reported as done.
# Half of the BMCs execute a repeated request again.
@pytest.mark.parametrize("verb,on,counter,exact", [
    ("reset", True, "reset", True), ("bmc-reset", False, "reboots", False), ("sel-clear", False, "sel_clears", True),
    ("on", False, "starts", True), ("on-seen", False, "starts", True), ("on-held", False, "pxe_boots", True),
    ("off-seen", True, "starts", False), ("off", True, "starts", False)])
def test_verbs_of_40_under_loss(make, verb, on, counter, exact):
    b = make(line("127.77.0.1+40", "administrator"))
    b.power(on)
    if verb == "sel-clear":
        b.ask("sel all 0000" + "02" + "00" * 13)
    before = {f"127.77.0.{i}:{PORT}": b.show(f"127.77.0.{i}:{PORT}")[counter] for i in range(1, 41)}
    b.fault(drop=20)
    b.ask("fault all no_dedup 1 50%")
    argv = ["-L", "administrator"] if verb == "bmc-reset" else []
    results, totals = b.ctl("-t", "60", "-i", "500", *argv, verb, f"127.77.0.1+40:{PORT}", timeout=300)
    b.fault(drop=0)
    assert totals["resends"] > 20 and len(results) == 40
    for r in results:
        s = b.show(r["bmc"])
        done = s[counter] - before[r["bmc"]]
        assert done <= 1 and s["cycle"] == 0, (r, s)
        assert r["code"] in ("", "bmc-unreachable", "bmc-busy", "power-unconfirmed"), r
        if r["code"] == "":
            assert not exact or done == 1, (r, s)
            assert verb != "off-seen" or s["power"] == "off"
            assert verb not in ("on-seen", "on-held") or s["power"] == "on"
        if verb == "bmc-reset" and r["code"] == "" and r["answer"]["answered"]:
            assert done == 1, (r, s)
    assert totals["ok"] > (20 if verb == "reset" else 28)


def test_host_names_and_ipv6(make):
    b = make(line("127.0.0.1") + line("[::1]"))
    assert b.one("status", target=f"::1:{PORT}")["code"] == ""
    assert b.one("-n", "status", target=f"localhost:{PORT}")["code"] == ""
    r = b.one("-n", "-t", "2", "status", target=f"no-such-name.invalid:{PORT}")
    assert r["code"] == "bmc-unreachable" and "name" in r["text"]
    r = b.one("-t", "1", "status", target=f"localhost:{PORT}")  # no resolver
    assert r["code"] == "bmc-unreachable"


def test_machine_behind_a_script(make, tmp_path):
    script = tmp_path / "chassis.sh"
    script.write_text(f"""#!/bin/sh
cd {tmp_path}
case $1 in
get) echo "power:$(cat power)";;
set) shift; echo "$* efi=$BMCSIM_EFI" >>log
     while [ $# -ge 2 ]; do case $1 in power) echo $2 >power;; shutdown) echo 0 >power;; esac; shift 2; done;;
esac
""")
    script.chmod(0o755)
    (tmp_path / "power").write_text("1\n")
    b = make(line("127.77.0.1", script=str(script)))
    until(lambda: b.show()["power"] == "on", "the script's power state")
    assert b.one("-g", "5", "-i", "200", "off-seen")["code"] == ""
    assert b.one("override")["flags"] == "a004000000"
    assert b.one("-i", "200", "on-seen")["code"] == ""
    until(lambda: "power 1" in (tmp_path / "log").read_text(), "the script's call")
    assert (tmp_path / "log").read_text().splitlines() == ["shutdown 1 efi=0", "boot pxe power 1 efi=1"]
    flags = b.one("probe")["flags"]
    assert flags == "2004000000"  # used up by that start
    (tmp_path / "power").write_text("0\n")  # the machine turns itself off
    until(lambda: b.one("status")["power"] == "off", "the machine's own power-off")


@pytest.fixture
def ipmi_sim():
    s = bmclab.IpmiSim()
    yield s
    s.close()


def test_ipmi_sim(ipmi_sim):
    r = ipmi_sim.one("probe")
    assert (r["code"], r["cipher"], r["power"], r["manufacturer"]) == ("", 3, "off", 0x1291)
    assert ipmi_sim.one("-i", "200", "on-seen")["power"] == "on"
    assert ipmi_sim.read("power") == "1"
    assert ipmi_sim.one("-L", "administrator", "-C", "3", "status")["power"] == "on"
    r = ipmi_sim.one("override")  # it keeps neither the valid nor the EFI bit
    assert r["code"] == "override-not-kept" and "not valid, once, BIOS" in r["text"]
    assert ipmi_sim.one("-D", "override")["code"] == ""  # bmc.boot_verify: device
    assert ipmi_sim.read("boot") == "pxe"
    assert ipmi_sim.one("reset")["code"] == "" and ipmi_sim.read("events") == "reset"
    assert ipmi_sim.one("-g", "5", "-i", "200", "off-seen")["power"] == "off"
    assert ipmi_sim.one("status", password="wrong")["code"] == "bmc-auth"
    assert ipmi_sim.one("-C", "17", "status")["code"] == "bmc-cipher"
    _, totals = ipmi_sim.ctl("-r", "70", "status", f"127.77.0.1:{PORT}")  # it has 63 slots
    assert totals["ok"] == 70


def test_ipmi_sim_is_asked_for_everything_else():
    """What it lacks (sensor records without any sensor, Cold Reset) it refuses, and that is said."""
    sim = bmclab.IpmiSim(emu=(
        "sel_enable 0x20 1000 0x0a\n" + "".join(f"sel_add 0x20 2 0 0x80 0xa2 0x65 0x20 0 4 4 {n} 1 0x52 0 0\n" for n in (5, 6))))
    try:
        admin = ("-L", "administrator")
        assert sim.one("status")["power"] == "off" and sim.one("on")["did"] == "on accepted"
        assert sim.one("on")["did"] == "it was on already"
        assert sim.one("cycle")["did"] == "cycle accepted"
        until(lambda: sim.one("status")["power"] == "on", "the end of the cycle")
        assert sim.one("soft")["did"] == "soft accepted" and sim.one("status")["power"] == "off"
        assert sim.one("off")["did"] == "it was off already"
        assert sim.one("cycle")["did"] == "on accepted" and sim.one("status")["power"] == "on"
        assert sim.one("reset")["code"] == "" and sim.read("events") == "reset"
        r = sim.one("sel")
        assert r["answer"]["entries"] == 2 and [e["sensor"] for e in r["answer"]["sel"]] == [5, 6], r
        assert sim.one("sel-clear")["answer"] == {"cleared": 2} and sim.one("sel")["answer"]["sel"] == []
        for verb, words in (("sensors", "Get SDR: requested data not present (CBh)"), ("bmc-reset", "Cold Reset: invalid command (C1h)")):
            r = sim.one("-L", "administrator", verb)
            assert r["code"] == "bmc-refused" and words in r["text"], r
        assert sim.one("identify")["code"] == ""
    finally:
        sim.close()


def test_ipmi_sim_with_kg():
    key = b"abcdefghijklm"
    s = bmclab.IpmiSim(f'bmc_key "{key.decode()}"')
    try:
        assert s.one("status", kg=key.ljust(20, b"\0").hex())["code"] == ""
        for kg in (None, "11" * 20):
            r = s.one("status", kg=kg)
            assert r["code"] == "bmc-auth" and "K_g" in r["text"] and "password is right" in r["text"], r
            assert r["why"] == "auth"
    finally:
        s.close()


def test_ipmi_sim_is_examined_and_the_override_heeds_it(ipmi_sim):
    ipmi_sim.one("-i", "200", "off-seen")
    before = ipmi_sim.one("probe")["flags"]
    seen = ipmi_sim.one("examine")["learned"]
    assert seen["device"]["manufacturer"] == 0x1291 and seen["cipher"] == 3
    assert 0 in seen["cipher_suites"]["value"]  # any password will do
    assert seen["boot_options"]["0"]["refused"] == "CC"
    assert seen["flags_read_back"]["efi"] is False
    assert seen["manners"]["verify"] == "device"
    assert ipmi_sim.one("probe")["flags"] == before
    assert ipmi_sim.one("override", learned=seen)["code"] == ""  # without -D


# It executes a repeated rq_seq again: of 25 resets that were resent as other commands are, it made 36.
def test_ipmi_sim_resets_once_under_loss(ipmi_sim):
    ipmi_sim.one("-i", "200", "on-seen")
    target = ipmi_sim.behind(loss=20)
    results, totals = ipmi_sim.ctl("-t", "100", "-r", "8", "reset", target, timeout=300)
    assert totals["resends"] > 0
    assert {r["code"] for r in results} <= {"", "power-unconfirmed"}
    executed = len(ipmi_sim.read("events").split())
    assert totals["ok"] <= executed <= 8


def test_ipmi_sim_that_is_slower_than_the_first_resend(ipmi_sim):
    target = ipmi_sim.behind(delay_ms=800)
    r = ipmi_sim.one("-t", "60", "-C", "3", "status", target=target)
    assert (r["code"], r["power"], r["sessions"]) == ("", "off", 1), r
    assert r["resends"] > 0


@pytest.mark.parametrize("suite", [3, 17])
def test_ipmitool_against_bmcsim(make, suite):
    b = make(line("127.77.0.1", "administrator"))
    assert "IPMI Version              : 2.0" in b.ipmitool("mc", "info", suite=suite)
    assert "off" in b.ipmitool("chassis", "power", "status", suite=suite)
    b.ipmitool("chassis", "bootdev", "pxe", "options=efiboot", suite=suite)
    assert "a004000000" in b.ipmitool("chassis", "bootparam", "get", "5", suite=suite)
    b.ipmitool("chassis", "power", "on", suite=suite)
    s = b.show()
    assert (s["power"], s["pxe_boots"], s["active"]) == ("on", 1, 0)
    b.fault(suites=3)
    assert b.ipmitool("mc", "info", suite=suite, check=False) == ""


def test_freeipmi_against_bmcsim(make):
    b = make(line("127.77.0.1+3"))
    out = b.freeipmi("ipmipower", "-h", f"127.77.0.[1-3]:{PORT}", "--on")
    assert out.count("ok") == 3
    out = b.freeipmi("ipmipower", "-h", f"127.77.0.[1-3]:{PORT}", "-s", suite=3)
    assert sorted(out.split()) == sorted(w for i in (1, 2, 3) for w in (f"127.77.0.{i}:", "on"))
    host = f"127.77.0.2:{PORT}"
    b.freeipmi("ipmi-chassis-config", "-h", host, "--commit", "-e", "Chassis_Boot_Flags:BIOS_Boot_Type=EFI", "-e",
               "Chassis_Boot_Flags:Boot_Device=PXE")
    out = b.freeipmi("ipmi-chassis-config", "-h", host, "--checkout", "-S", "Chassis_Boot_Flags")
    values = dict(w for w in (x.split() for x in out.splitlines()) if len(w) == 2)
    assert (values["BIOS_Boot_Type"], values["Boot_Device"]) == ("EFI", "PXE")
    assert "on" in b.freeipmi("ipmi-chassis", "-h", host, "--get-status")
    assert os.path.exists(b.dir)
