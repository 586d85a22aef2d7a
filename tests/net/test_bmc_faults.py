# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPMI engine against BMCs that misbehave: each fault with its verdict, and no control ever
executed that was not ordered."""
import pytest

import bmclab
from netlab import until


@pytest.fixture
def bmcs():
    b = bmclab.Bmcs()
    try:
        yield b
        free = b.show()
        assert free["slots"] == 0 or free["expired"], f"slots left open: {free}"
    finally:
        b.close()


def no_control(state):
    return not any(state[k] for k in ("off", "on", "cycle", "reset", "soft"))


def test_dead_bmc_is_unreachable(bmcs):
    bmcs.fault(dead=1)
    r = bmcs.one("-t", "3", "status")
    assert (r["code"], r["power"], r["why"]) == ("bmc-unreachable", "unknown", "timeout")
    assert 2900 <= r["ms"] < 10000


def test_nobody_at_the_port(bmcs):
    r = bmcs.one("-t", "2", "status", target="127.77.0.9:9623")
    assert (r["code"], r["why"]) == ("bmc-unreachable", "timeout")


def test_bmc_that_refuses_for_a_while_is_waited_for(bmcs):
    bmcs.fault(dead=1)
    p = bmcs.start("-t", "60", "status", f"127.77.0.1:{bmclab.PORT}")
    until(lambda: bmcs.show()["unheard"] > 1, "resends")
    bmcs.fault(dead=0)
    assert bmcs.finish(p)[0]["code"] == ""


def test_wrong_password_is_tried_once_and_in_one_variant(bmcs):
    r = bmcs.one("status", password="wrong")
    assert (r["code"], r["power"], r["why"]) == ("bmc-auth", "unknown", "auth")
    s = bmcs.show()
    assert s["rakp1"] == 2 and s["bad_auth"] == 0 and s["sessions"] == 0 and s["dropped"] == 2


def test_unknown_user_is_not_tried_again(bmcs):
    r = bmcs.one("-u", "nobody", "status")
    assert r["code"] == "bmc-auth" and bmcs.show()["rakp1"] == 1


def test_known_variant_is_not_doubted_by_a_wrong_password(bmcs):
    # The engine remembers what worked: a single attempt each, from the second call on.
    bmcs.one("-r", "1", "status")
    before = bmcs.show()["rakp1"]
    bmcs.one("status", password="wrong")
    assert bmcs.show()["rakp1"] - before == 2


@pytest.mark.parametrize("absent,wanted", [(1, 3), (2, 17)])
@pytest.mark.parametrize("silent", [0, 1])
def test_the_other_suite_is_used(bmcs, absent, wanted, silent):
    bmcs.fault(suites=absent, suite_silent=silent)
    r = bmcs.one("-t", "20", "status")
    assert (r["code"], r["cipher"]) == ("", wanted)


def test_no_allowed_suite(bmcs):
    bmcs.fault(suites=3)
    r = bmcs.one("status")
    assert (r["code"], r["why"]) == ("bmc-cipher", "refused") and r["ms"] < 6000


def test_a_configured_suite_is_not_weakened(bmcs):
    bmcs.fault(suites=1)
    assert bmcs.one("-C", "17", "status")["code"] == "bmc-cipher"
    assert bmcs.show()["opens"] == 0


def test_privilege_level_not_granted(bmcs):
    assert bmcs.one("-L", "administrator", "status")["code"] == "bmc-privilege"
    bmcs.fault(level_limit=2)
    assert bmcs.one("status")["code"] == "bmc-privilege"


def test_no_session_slots_is_busy(bmcs):
    bmcs.fault(no_slots=1)
    r = bmcs.one("-t", "4", "status")
    assert (r["code"], r["why"]) == ("bmc-busy", "busy")


@pytest.mark.parametrize("code", [0xC0, 0xC3, 0xC4, 0xD1, 0xD2])
def test_busy_for_a_while(bmcs, code):
    bmcs.fault(busy=2, busy_code=code)
    assert bmcs.one("status")["code"] == ""


def test_busy_for_good(bmcs):
    bmcs.fault(busy=-1)
    r = bmcs.one("-t", "4", "cycle")
    assert (r["code"], r["why"]) == ("bmc-busy", "busy") and no_control(bmcs.show())


def test_cycle_while_busy_is_executed_once(bmcs):
    bmcs.power(True)
    bmcs.fault(busy=3)
    assert bmcs.one("cycle")["code"] == ""
    assert bmcs.show()["cycle"] == 1


def test_refused_control(bmcs):
    bmcs.fault(refuse_control=0xC1)
    r = bmcs.one("on")
    assert r["code"] == "bmc-refused" and "C1h" in r["text"] and r["power"] == "off"


@pytest.mark.parametrize("fault,said", [({"drop_efi": 1}, "valid, once, BIOS"), ({"drop_valid": 1}, "not valid")])
def test_override_not_kept(bmcs, fault, said):
    bmcs.fault(**fault)
    r = bmcs.one("override")
    assert r["code"] == "override-not-kept" and said in r["text"]
    assert no_control(bmcs.show())


def test_legacy_override(bmcs):
    bmcs.fault(drop_efi=1)
    r = bmcs.one("override-bios")
    assert (r["code"], r["flags"]) == ("", "8004000000")


def test_refused_parameters_0_3_and_4_do_not_matter(bmcs):
    bmcs.fault(refuse_options=0b11001)
    r = bmcs.one("override")
    assert (r["code"], r["flags"]) == ("", "a004000000")
    assert bmcs.show()["keep"] == 0


def test_parameter_3_is_set(bmcs):
    assert bmcs.one("override")["code"] == "" and bmcs.show()["keep"] == 8


def test_refused_boot_flags(bmcs):
    bmcs.fault(refuse_options=0b100000)
    r = bmcs.one("override")
    assert r["code"] == "bmc-refused" and "80h" in r["text"]


def test_soft_ignored_then_hard_off(bmcs):
    bmcs.power(True)
    bmcs.fault(ignore_soft=1)
    r = bmcs.one("-g", "2", "-i", "200", "-t", "20", "off-seen")
    s = bmcs.show()
    assert (r["code"], r["power"], s["soft"], s["off"]) == ("", "off", 1, 1) and r["ms"] >= 2000


def test_soft_refused_then_hard_off_at_once(bmcs):
    bmcs.power(True)
    bmcs.fault(refuse_soft=1)
    r = bmcs.one("-g", "60", "-i", "200", "-t", "20", "off-seen")
    assert (r["code"], bmcs.show()["off"]) == ("", 1) and r["ms"] < 15000


def test_soft_that_takes_its_time_needs_no_hard_off(bmcs):
    bmcs.power(True)
    bmcs.fault(soft_ms=1500)
    r = bmcs.one("-g", "10", "-i", "200", "-t", "20", "off-seen")
    assert (r["code"], bmcs.show()["off"]) == ("", 0) and r["ms"] >= 1500


def test_power_never_goes_off(bmcs):
    bmcs.power(True)
    bmcs.fault(ignore_off=1)
    r = bmcs.one("-i", "300", "-t", "3", "off-seen")
    assert (r["code"], r["power"]) == ("power-not-off", "on")


def test_slow_off(bmcs):
    bmcs.power(True)
    bmcs.fault(off_ms=2500)
    r = bmcs.one("-i", "300", "-t", "20", "off-seen")
    assert (r["code"], r["power"], bmcs.show()["off"]) == ("", "off", 1)


def test_lost_power_on_is_repeated(bmcs):
    bmcs.fault(lose_on=1)
    r = bmcs.one("-i", "500", "-t", "30", "on-seen")
    assert (r["code"], r["power"], bmcs.show()["on"]) == ("", "on", 2)


def test_power_never_comes_on(bmcs):
    bmcs.fault(lose_on=1000)
    r = bmcs.one("-i", "300", "-t", "3", "on-seen")
    assert (r["code"], r["power"]) == ("power-not-on", "off")


@pytest.mark.parametrize("lie,verb,code", [(1, "off-seen", "power-not-off"), (2, "on-seen", "power-not-on")])
def test_status_that_lies(bmcs, lie, verb, code):
    bmcs.fault(lie=lie)
    assert bmcs.one("-i", "300", "-t", "3", verb)["code"] == code


def test_cycle_when_off_powers_on(bmcs):
    bmcs.fault(d5=1)
    r = bmcs.one("cycle")
    s = bmcs.show()
    assert (r["code"], r["power"], s["cycle"], s["on"]) == ("", "on", 0, 1)


def test_reset_when_off_is_refused_without_being_sent(bmcs):
    r = bmcs.one("reset")
    assert (r["code"], r["power"]) == ("bmc-refused", "off") and no_control(bmcs.show())


@pytest.mark.parametrize("verb,on", [("on", True), ("off", False), ("soft", False)])
def test_nothing_is_sent_when_it_is_so_already(bmcs, verb, on):
    bmcs.power(on)
    assert bmcs.one(verb)["code"] == "" and no_control(bmcs.show())


def test_wrong_state_answer_leads_to_another_look(bmcs):
    # The status lies "on", the BMC knows better and answers D5h.
    bmcs.fault(d5=1, lie=1)
    r = bmcs.one("off")
    assert r["code"] == "bmc-refused" and "D5h" in r["text"]
    r = bmcs.one("-i", "200", "-t", "2", "off-seen")
    assert r["code"] == "power-not-off"


# Whether the BMC would know a repeated request again or execute it twice: none is sent.
@pytest.mark.parametrize("no_dedup", [0, 1])
@pytest.mark.parametrize("fault", [{"lose_reply": 1}, {"control_c3": 1}])
def test_unconfirmed_cycle_is_looked_for_and_not_repeated(bmcs, fault, no_dedup):
    bmcs.power(True)
    bmcs.fault(no_dedup=no_dedup, cycle_ms=8000, **fault)
    r = bmcs.one("-t", "60", "cycle")
    s = bmcs.show()
    assert (r["code"], r["power"]) == ("", "on")
    assert r["did"] == "cycle not confirmed, but seen off, then on"
    assert s["cycle"] == 1 and s["repeats"] == 0


@pytest.mark.parametrize("no_dedup", [0, 1])
@pytest.mark.parametrize("fault", [{"lose_reply": 1}, {"control_c3": 1}])
def test_unconfirmed_reset_is_reported_as_such(bmcs, fault, no_dedup):
    bmcs.power(True)
    bmcs.fault(no_dedup=no_dedup, **fault)
    r = bmcs.one("-t", "60", "reset")
    s = bmcs.show()
    assert (r["code"], r["power"]) == ("power-unconfirmed", "on")
    assert "whether it was carried out is unknown; the power is on" in r["text"]
    assert s["reset"] == 1 and s["repeats"] == 0


def test_repeated_on_is_harmless(bmcs):
    bmcs.fault(lose_reply=1, no_dedup=1)
    r = bmcs.one("-i", "200", "-t", "60", "on-seen")
    assert (r["code"], r["power"]) == ("", "on") and r["resends"] >= 1
    assert bmcs.show()["pxe_boots"] == 0


@pytest.mark.parametrize("verb,did", [("cycle", "cycle accepted"), ("soft", "soft accepted"), ("on", "it was on already")])
def test_what_a_control_did_is_said(bmcs, verb, did):
    bmcs.power(True)
    bmcs.fault(ignore_soft=1)
    assert bmcs.one(verb)["did"] == did


def test_control_whose_session_dies_is_not_repeated(bmcs):
    bmcs.power(True)
    bmcs.fault(delay_ms=1000)
    p = bmcs.start("-t", "20", "reset", f"127.77.0.1:{bmclab.PORT}")
    until(lambda: bmcs.show()["reset"] == 1, "the reset")
    bmcs.fault(dead=1)
    bmcs.fault(forget_session=1)
    r = bmcs.finish(p)[0]
    bmcs.fault(dead=0, delay_ms=0)
    assert bmcs.show()["reset"] == 1
    assert r["code"] in ("", "power-unconfirmed")
    bmcs.one("status")


def test_level_0_echoed_as_ipmi_sim_does(bmcs):
    bmcs.fault(echo_level=1)
    assert bmcs.one("status")["code"] == ""
    assert bmcs.show()["rakp1"] == 1


def test_keys_made_with_the_level_of_open_session(bmcs):
    bmcs.fault(open_level_keys=1)
    assert bmcs.one("-r", "1", "status")["code"] == ""
    assert bmcs.show()["rakp1"] == 2


def test_session_dropped_in_the_middle_is_opened_again(bmcs):
    bmcs.power(True)
    bmcs.fault(off_ms=3000)
    p = bmcs.start("-i", "300", "-t", "40", "off-seen", f"127.77.0.1:{bmclab.PORT}")
    until(lambda: bmcs.show()["off"] == 1, "the power-off order")
    bmcs.fault(forget_session=1)
    r = bmcs.finish(p)[0]
    assert (r["code"], r["power"]) == ("", "off") and r["sessions"] >= 2
    assert bmcs.show()["off"] <= 2


def test_forged_integrity_codes_are_ignored(bmcs):
    bmcs.fault(bad_icv=1)
    r = bmcs.one("-t", "3", "status")
    assert (r["code"], r["power"]) == ("bmc-unreachable", "unknown")
    bmcs.fault(bad_icv=0)
    bmcs.fault(forget_session=1)
    bmcs.one("status")


@pytest.mark.parametrize("rakp3_once", [0, 1])
def test_slow_bmc(bmcs, rakp3_once):
    bmcs.fault(delay_ms=700, rakp3_once=rakp3_once)  # longer than the first resend
    r = bmcs.one("-t", "60", "status")
    assert (r["code"], r["sessions"]) == ("", 1) and r["resends"] > 0


def test_cancelled_call_closes_its_session(bmcs):
    bmcs.fault(delay_ms=100)
    results, totals = bmcs.ctl("-x", "350", "status", f"127.77.0.1:{bmclab.PORT}")
    assert results == [] and totals["ok"] == 0
    until(lambda: bmcs.show()["slots"] == 0, "free slots")


def test_repeated_calls_to_one_bmc_run_one_after_the_other(bmcs):
    results, totals = bmcs.ctl("-r", "20", "status", f"127.77.0.1:{bmclab.PORT}")
    assert totals["ok"] == 20
    assert [r["id"] for r in results] == sorted(r["id"] for r in results)
    s = bmcs.show()
    assert s["sessions"] == s["closed"] == 20
