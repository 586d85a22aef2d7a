# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault that bmcsim has, with what the IPMI engine makes of it: the verdict and its words, or success
by a way around it, and what was executed. A fault without a row fails here. All rows run at once, each
with a BMC of its own."""
import collections
import concurrent.futures
import os
import re
import threading

import pytest

import bmclab
import netlab
from bmclab import PORT, USER

AT_ONCE = 6
KG = "11" * 20
LONG = "a-password-of-20-oct"

Row = collections.namedtuple("Row", "switch value verb code words on also argv counts power check keys before")


def row(switch, value, verb, code="", words="", on=False, also=None, argv=(), counts=None, power=None, check=None,
        before=None, **keys):
    """`on`: the machine runs; `also`: other faults; `counts`: of the BMC, afterwards; `power`: as answered;
    `check`: what else its result shows; `keys`: of Bmcs.start()."""
    return Row(switch, value, verb, code, words, on, also or {}, argv, counts or {}, power, check, keys, before)


def cycled(**also):
    return {"cycle": 1, "on": 0, "off": 0, "reset": 0, **also}


def waited(ms):
    return lambda r: r["ms"] >= ms - 20  # timers may be a little early


def nothing(**also):
    return {"cycle": 0, "on": 0, "off": 0, "reset": 0, "soft": 0, **also}


def set_password(b, host):
    b.ipmitool_run("user", "set", "password", "2", LONG, "20", host=host)


def lock(b, host):
    b.one("status", target=f"{host}:{PORT}", password="wrong")


def lock_and_be_refused(b, host):
    lock(b, host)
    assert b.one("status", target=f"{host}:{PORT}")["code"] == "bmc-auth"


FLAGS = "a004000000"
SHORT = ("-t", "5")
AMISS = "packets that were none or not authentic"

ROWS = [
    row("dead", 1, "status", "bmc-unreachable", "no answer", argv=SHORT, power="unknown"),
    row("dead", 1, "cycle", "bmc-unreachable", "no answer", argv=SHORT, counts=nothing()),
    row("drop", 20, "status", power="on", on=True),
    row("delay_ms", 700, "status", power="off"),
    row("delay_ms", 700, "override", check=lambda r: r["flags"] == FLAGS),
    row("delay_ms", 400, "sensors", "bmc-busy", "it answers, but too slowly", argv=("-t", "6")),
    row("busy", 3, "cycle", on=True, counts=cycled()),
    row("busy", -1, "status", "bmc-busy", "C0h", argv=SHORT, power="unknown"),
    row("busy", -1, "cycle", "bmc-busy", "C0h", argv=SHORT, on=True, counts=nothing()),
    row("busy", -1, "bmc-reset", "bmc-busy", "C0h", argv=(*SHORT, "-L", "administrator"), counts={"reboots": 0}),
    row("busy", -1, "sel-clear", "bmc-busy", "C0h", argv=SHORT, counts={"sel_clears": 0}),
    row("busy_control", 1, "cycle", "bmc-busy", "C0h", argv=SHORT, on=True, counts=nothing()),
    row("busy_control", 1, "status", power="on", on=True),
    *[row("busy_code", code, verb, also={"busy": 2}, argv=argv) for code in (0xC3, 0xC4, 0xD0, 0xD1, 0xD2)
      for verb, argv in (("status", ()), ("override", ()), ("sel", ()))],
    row("busy_code", 0xC3, "bmc-reset", also={"busy": 1}, argv=("-L", "administrator"),
        check=lambda r: r["answer"] == {"answered": False}, counts={"reboots": 0}),
    row("busy_code", 0xCF, "bmc-reset", also={"busy": 1}, argv=("-L", "administrator"),
        check=lambda r: r["answer"] == {"answered": False}, counts={"reboots": 0}),
    row("d5", 1, "cycle", counts={"cycle": 0, "on": 1}, power="on"),
    row("d5", 1, "off", "bmc-refused", "D5h", also={"lie": 1}),
    row("d5", 1, "off-seen", also={"off_ms": 1500}, on=True, power="off", counts={"off": 1}),
    row("refuse_options", 0b11001, "override", check=lambda r: r["flags"] == FLAGS, counts={"keep": 0}),
    row("refuse_options", 0b100000, "override", "bmc-refused", "set boot flags: unnamed code (80h)"),
    row("drop_efi", 1, "override", "override-not-kept", "valid, once, BIOS", counts=nothing()),
    row("drop_efi", 1, "on-held", "override-not-kept", "valid, once, BIOS", counts=nothing(), power="off"),
    row("drop_efi", 1, "override", manners={"verify": "device"}, check=lambda r: r["flags"] == "8004000000"),
    row("drop_valid", 1, "override", "override-not-kept", "not valid", counts=nothing()),
    row("drop_efi_read", 1, "override", "override-not-kept", "valid, once, BIOS"),
    row("drop_efi_read", 1, "override", manners={"verify": "device"}, counts={"flags": FLAGS}),
    row("drop_efi_read", 1, "examine", check=lambda r: r["learned"]["manners"]["verify"] == "device"),
    row("forget_at_off", 1, "on-held", before=lambda b, host: lose_flags_at_off(b, host), counts={"pxe_boots": 1}, power="on"),
    row("forget_flags", 1, "on-held", before=lambda b, host: b.one("override", target=f"{host}:{PORT}"),
        counts={"pxe_boots": 1}, power="on"),
    row("ignore_soft", 1, "off-seen", on=True, argv=("-g", "2"), counts={"soft": 1, "off": 1}, power="off", check=waited(2000)),
    row("refuse_soft", 1, "off-seen", on=True, argv=("-g", "30"), counts={"soft": 0, "off": 1}, power="off",
        check=lambda r: r["ms"] < 25000),
    row("ignore_soft", 1, "off-asked", "graceful-timeout", "was not forced", on=True, argv=SHORT, counts={"soft": 1, "off": 0},
        power="on"),
    row("refuse_soft", 1, "off-asked", "bmc-refused", "CCh", on=True, counts={"soft": 0, "off": 0}, power="on"),
    row("soft_ms", 1500, "off-asked", on=True, counts={"soft": 1, "off": 0}, power="off", check=waited(1500)),
    row("refuse_soft", 1, "soft", "bmc-refused", "CCh", on=True, counts=nothing(), power="on"),
    row("ignore_off", 1, "off-seen", "power-not-off", "still on though power off was accepted", on=True, argv=SHORT, power="on"),
    row("lose_on", 1, "on-seen", counts={"on": 2}, power="on", check=waited(9000)),
    row("lose_on", 1000, "on-seen", "power-not-on", "still off though power on was accepted", argv=SHORT, power="off"),
    row("off_ms", 2500, "off-seen", on=True, counts={"off": 1}, power="off", check=waited(2500)),
    row("soft_ms", 1500, "off-seen", on=True, argv=("-g", "30"), counts={"soft": 1, "off": 0}, power="off", check=waited(1500)),
    row("on_ms", 2500, "on-seen", counts={"on": 1}, power="on", check=waited(2500)),
    row("cycle_ms", 8000, "cycle", also={"lose_reply": 1}, on=True, counts=cycled(),
        check=lambda r: r["did"] == "cycle not confirmed, but seen off, then on"),
    row("lie", 1, "off-seen", "power-not-off", "still on", argv=("-t", "6"), power="on"),
    row("lie", 2, "on-seen", "power-not-on", "still off", argv=("-t", "6"), power="off"),
    row("suites", 1, "status", check=lambda r: r["cipher"] == 3),
    row("suites", 2, "status", check=lambda r: r["cipher"] == 17),
    row("suites", 3, "status", "bmc-cipher", "it refuses cipher suite"),
    row("suites", 1, "status", "bmc-cipher", "it refuses cipher suite 17", argv=("-C", "17"), counts={"opens": 0}),
    row("suite_silent", 1, "status", also={"suites": 1}, check=lambda r: r["cipher"] == 3),
    row("suite_silent", 1, "status", "bmc-unreachable", "no answer", also={"suites": 3}, argv=SHORT),
    row("echo_level", 1, "status", counts={"rakp1": 1}),
    row("open_level_keys", 1, "status", counts={"rakp1": 2}),
    row("open_level_keys", 1, "status", manners={"workarounds": ["opensesspriv"]}, counts={"rakp1": 1}),
    row("rakp3_once", 1, "status", also={"delay_ms": 700}, check=lambda r: r["sessions"] == 1),
    row("no_slots", 1, "status", "bmc-busy", "insufficient resources to create a session (01h)", argv=SHORT),
    *[row("refuse_control", code, "cycle", verdict, words, on=True, power=power, counts=nothing())
      for code, verdict, words, power in (
          (0xC1, "bmc-refused", "invalid command (C1h)", "on"), (0xD4, "bmc-privilege", "insufficient privilege (D4h)", "unknown"),
          (0xD5, "bmc-refused", "not supported in the present state (D5h)", "on"), (0x80, "bmc-refused", "(80h)", "on"),
          (0xFF, "power-unconfirmed", "answered FFh, unspecified error", "on"), (0xD3, "bmc-refused", "(D3h)", "on"),
          (0xCE, "power-unconfirmed", "answered CEh, response could not be provided", "on"),
          (0xCF, "power-unconfirmed", "answered CFh", "on"))],
    row("refuse_control", 0xFF, "off-seen", "bmc-refused", "unspecified error (FFh)", on=True, argv=SHORT),
    row("lose_reply", 1, "reset", "power-unconfirmed", "sent once and not answered", on=True, counts={"reset": 1, "repeats": 0}),
    row("lose_reply", 1, "on", counts={"on": 1}),
    row("lose_reply", 1, "cycle", also={"no_dedup": 1}, counts={"cycle": 0, "pxe_boots": 0}, power="on"),
    row("control_c3", 1, "reset", "power-unconfirmed", "answered C3h", on=True, counts={"reset": 1, "repeats": 0}),
    row("control_c3", 1, "on", counts={"on": 1}, power="on", check=lambda r: r["did"] == "on not confirmed, but seen on"),
    row("control_c3", 1, "cycle", counts={"on": 1, "cycle": 0}, power="on"),
    row("control_c3", 1, "on-seen", counts={"on": 1}, power="on"),
    row("control_c3", 1, "off-seen", also={"off_ms": 1500}, on=True, counts={"off": 1}, power="off"),
    row("lose_cmd", 0x0A47, "sel-clear", counts={"sel_clears": 1}, also={"no_dedup": 1}, check=lambda r: "cleared" in r["answer"]),
    row("lose_cmd", 0x0602, "bmc-reset", argv=("-L", "administrator"), counts={"reboots": 1}, also={"no_dedup": 1},
        check=lambda r: r["answer"] == {"answered": False}),
    row("lose_cmd", 0x0008, "override", also={"no_dedup": 1}, check=lambda r: r["flags"] == FLAGS),
    row("no_dedup", 1, "cycle", also={"duplicate": 100, "reorder": 50}, on=True, counts=cycled()),
    row("forget_session", 1, "override", also={"slow_ms": 900}, check=lambda r: r["flags"] == FLAGS),
    row("level_limit", 2, "status", "bmc-privilege", "has user privilege, and operator is wanted"),
    row("no_caps", 1, "status"),
    row("no_caps", 1, "examine", check=lambda r: r["learned"]["flags_read_back"]["efi"]),
    row("bad_icv", 1, "status", "bmc-unreachable", AMISS, argv=("-t", "10"), power="unknown"),
    row("garbage", 100, "status", "bmc-unreachable", AMISS, argv=("-t", "20"), also={"garbage_kind": 1}),
    # A RAKP 2 with another octet in it is what a wrong password looks like, and is not tried again.
    *[row("garbage_kind", kind, "cycle", also={"garbage": 40}, on=True, argv=("-t", "100"),
          code=("", "power-unconfirmed", "bmc-auth"), counts={"reset": 0, "off": 0}, check=lambda r: r["power"] in ("on", "off", "unknown"))
      for kind in (1, 2, 4, 8, 16)],
    row("duplicate", 100, "cycle", on=True, counts=cycled(repeats=0)),
    row("reorder", 60, "override", also={"reorder_ms": 300}, check=lambda r: r["flags"] == FLAGS),
    row("reorder_ms", 900, "cycle", also={"reorder": 100, "duplicate": 100}, on=True, counts=cycled()),
    # What is sealed as it should be and says something else is believed; it is never an accident, nor twice.
    *[row("malformed", 100, verb, None) for verb in ("status", "cycle", "override", "examine", "sensors", "sel", "sel-clear")],
    row("no_ping", 1, "status"),
    row("reboot", 1, "status", check=waited(3000), counts={"reboots": 1}, power="off"),
    *[row("reboot_after", n, "override", counts={"reboots": 1, "flags": FLAGS, "keep": 8}) for n in (1, 2, 3, 4)],
    row("reboot_after", 2, "cycle", "power-unconfirmed", "whether it was carried out is unknown", on=True,
        counts=nothing(reboots=1)),
    row("reboot_after", 2, "off-seen", on=True, counts={"reboots": 1}, power="off"),
    row("reboot_ms", 6000, "override", also={"reboot": 1}, check=waited(6000), counts={"flags": FLAGS}),
    row("reset_silent", 1, "bmc-reset", argv=("-L", "administrator"), counts={"reboots": 1},
        check=lambda r: r["answer"] == {"answered": False}),
    row("ff_ms", 4000, "override", also={"reboot": 1, "reboot_ms": 1000}, counts={"flags": FLAGS, "keep": 8}, check=waited(3000)),
    row("ff_ms", 4000, "status", also={"reboot": 1, "reboot_ms": 1000}, check=waited(3000), power="off"),
    row("min_interval_ms", 300, "override", "bmc-unreachable", "no answer to a command", argv=("-t", "15"), counts={"crashes": 1}),
    row("min_interval_ms", 300, "override", manners={"command_gap_ms": 600}, counts={"crashes": 0, "flags": FLAGS}),
    row("min_session_ms", 2000, "status", before=lambda b, host: b.one("status", target=f"{host}:{PORT}"), argv=SHORT,
        code=("bmc-unreachable", ""), check=lambda r: r["code"] or r["ms"] > 1000),
    row("min_session_ms", 2000, "status", argv=("-r", "2"), manners={"session_gap_ms": 4000}, counts={"crashes": 0, "sessions": 2}),
    row("crash_ms", 3000, "override", also={"min_interval_ms": 1}, code=("", "bmc-unreachable"), argv=("-t", "20")),
    row("revive", 1, "status"),
    row("slow_ms", 3000, "status", also={"slow_cmd": 0x0001}, power="off", check=waited(3000)),
    row("slow_cmd", 0x0008, "override", also={"slow_ms": 1200}, check=lambda r: r["flags"] == FLAGS),
    row("slots", 1, "status", argv=("-r", "5"), counts={"sessions": 5, "closed": 5}),
    row("leak_close", 1, "status", "bmc-busy", "insufficient resources", also={"slots": 1}, argv=SHORT,
        before=lambda b, host: b.one("status", target=f"{host}:{PORT}")),
    row("session_ms", 2000, "status", also={"slots": 1, "leak_close": 1},
        before=lambda b, host: b.one("status", target=f"{host}:{PORT}")),
    row("wrong_password", 1, "status", "bmc-auth", f'wrong password for user "{USER}"', counts={"bad_auth": 0, "sessions": 0}),
    row("wrong_kg", 1, "status", "bmc-auth", "the password is right, but the BMC has a key K_g, and none is set here"),
    row("wrong_kg", 1, "status", "bmc-auth", "the K_g set here is not the BMC's", kg=KG),
    row("lockout", 2, "status", "bmc-auth", f'"{USER}"', before=lock, counts={"locks": 1}),
    row("lockout", 3, "status", before=lock, counts={"locks": 0}),
    row("lockout_ms", 1, "status", also={"lockout": 2}, before=lock_and_be_refused, counts={"locks": 1}),
    row("weak", 31, "examine", check=lambda r: r["cipher"] == 17 and {0, 1, 2, 15, 16} <= set(r["learned"]["cipher_suites"]["value"])),
    row("weak", 31, "status", "bmc-cipher", also={"suites": 3}),
    row("authcap", 0x0F, "examine", check=lambda r: r["learned"]["capabilities"]["raw"][4:6].upper() == "0F"),
    row("intel20", 1, "status", "bmc-auth", "invalid user name length, 0Ch"),
    row("long_rakp2", 1, "cycle", on=True, counts=cycled()),
    row("long_rakp2", 1, "status", also={"suites": 1}, check=lambda r: r["cipher"] == 3),
    row("long_rakp2", 1, "status", "bmc-auth", "wrong password", password="wrong"),
    row("icv0", 1, "status", also={"weak": 1}, check=lambda r: r["cipher"] == 17),
    row("bad_checksum", 1, "cycle", on=True, counts=cycled()),
    # Whose password was to become another one: what holds then is what the BMC made of it.
    row("no_password20", 1, "status", "bmc-auth", "wrong password", before=set_password, password=LONG),
    row("cut_password", 1, "status", "bmc-auth", "wrong password", before=set_password, password=LONG),
    row("cut_password", 1, "status", before=set_password, password=LONG[:16]),
    row("keep_password", 1, "status", "bmc-auth", "wrong password", before=set_password, password=LONG),
    row("keep_password", 1, "status", before=set_password),
    row("busy", 2, "examine", check=lambda r: r["learned"]["pace"]["busy"] == 2 and r["learned"]["manners"]["command_gap_ms"] == 200),
    row("dead", 0, "examine", check=lambda r: r["learned"]["pace"]["requests"] > 20 and "command_gap_ms" not in r["learned"]["manners"]),
    row("min_interval_ms", 150, "examine", also={"crash_ms": 1500}, argv=("-t", "60"),
        check=lambda r: r["learned"]["pace"]["sessions_lost"] and r["learned"]["manners"]["command_gap_ms"] >= 200),
]

# Consoles: these are the recorder's, in test_agent_console.py and test_agent_console_faults.py.
CONSOLES = ("test_agent_console.py", "test_agent_console_faults.py")


def lose_flags_at_off(b, host):
    who = f"{host}:{PORT}"
    assert b.one("override", target=who)["code"] == ""
    b.power(True, who)
    assert b.one("-i", "200", "off-seen", target=who)["power"] == "off" and b.show(who)["flags"] == "0000000000"


class Shared(bmclab.Bmcs):
    """With a BMC for each row, asked by several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        super().__init__(f"127.77.0.1+{len(ROWS)}:{PORT} {USER} {bmclab.PASSWORD} administrator\n")

    def ask_any(self, line):
        with self.lock:
            return super().ask_any(line)


def run(b, i):
    r, host = ROWS[i], f"127.77.0.{i + 1}"
    who = f"{host}:{PORT}"
    faults = {r.switch: r.value, **r.also}
    after = faults if r.switch in ("forget_flags", "leak_close", "session_ms") else {}
    if r.before and r.switch not in ("forget_flags",):
        b.fault(who, **faults)
    if r.before:
        r.before(b, host)
    b.power(r.on, who)
    if not r.before or after:
        b.fault(who, **faults)
    results = b.ctl("-t", "60", "-i", "300", *r.argv, r.verb, who, timeout=4 * netlab.PATIENCE, **r.keys)[0]
    return results[-1], b.show(who)


@pytest.fixture(scope="module")
def answers(request):
    wanted = [item.callspec.params["i"] for item in request.session.items
              if item.module is request.module and hasattr(item, "callspec") and "i" in item.callspec.params]
    b = Shared()
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            yield {i: pool.submit(run, b, i) for i in wanted}
    finally:
        b.close()


def name(i):
    return f"{ROWS[i].switch}-{ROWS[i].value}-{ROWS[i].verb}-{i}"


@pytest.mark.parametrize("i", range(len(ROWS)), ids=name)
def test_switch(answers, i):
    r = ROWS[i]
    result, state = answers[i].result()
    if r.code is not None:
        assert result["code"] in ((r.code,) if isinstance(r.code, str) else r.code), result
    assert r.words in result["text"], result
    if r.power is not None:
        assert result["power"] == r.power, result
    assert {k: state[k] for k in r.counts} == r.counts, (result, state)
    # Whatever happened: what may go out once did not come through twice.
    assert state["cycle"] <= 1 and state["reset"] <= 1 and state["reboots"] <= 1 and state["sel_clears"] <= 1, state
    if r.check is not None:
        assert r.check(result), (result, state)


def switches():
    with open(os.path.join(netlab.ROOT, "tests/fake/bmcsim_fault.c")) as f:
        return re.findall(r"^    FAULT\((\w+)\),", f.read(), re.M)


def test_every_switch_has_a_row():
    rows, elsewhere = {r.switch for r in ROWS}, ""
    for file in (*CONSOLES, "test_rotate.py", "test_reboot.py"):
        with open(os.path.join(netlab.ROOT, "tests/net", file)) as f:
            elsewhere += f.read()
    assert len(switches()) > 80
    for switch in switches():
        other = switch.startswith(("sol_", "hold")) or switch == "no_cause"
        assert re.search(rf"\b{switch}\b", elsewhere) if other else switch in rows, switch
    assert rows <= set(switches())
