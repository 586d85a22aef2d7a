# SPDX-License-Identifier: GPL-3.0-or-later
"""What netboot-ctl lets a person read: the letters of all scripts where the locale has them, and never
anything that a terminal obeys or that reads as something else."""
import json

import pytest

import ctl_fake

JOB = "01k9xyz0a0abcdef"
REASON = "Wymiana dysku: zażółć 中文"
HOSTILE = "a\x1b[2J\x9b1m\x7f\u202egnp.\u202c\u2066x\u2069\u200d\ufeff\r\nb"


def forbidden(text):
    return [c for c in text if c != "\n" and (ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0
                                              or c in "\u202e\u202c\u2066\u2069\u200d\ufeff\u200b")]


def job(**more):
    return dict({"id": JOB, "kind": "reinstall", "host": "edge01", "site": "los", "image": "debian",
                 "state": "running", "stage": "queued", "attempt": 1, "reason": REASON, "by": "root",
                 "created": "2026-01-31T09:29:29.000Z", "ended": None, "verdict": None}, **more)


@pytest.fixture
def fake():
    f = ctl_fake.Fake()
    yield f
    f.close()


def jobs(fake, *rows):
    fake.on("GET", "/api/v1/jobs", {"items": list(rows), "next": None})


def test_a_table_shows_letters_where_the_locale_has_them(fake):
    jobs(fake, job(), job(host="edge02", by="中"))
    utf8 = fake.run("job", "list", LC_ALL="C.UTF-8").stdout
    assert utf8.count(REASON) == 2
    # Columns line up: two columns for each of the Chinese letters.
    title, first, second = utf8.splitlines()
    at = title.index("REASON")
    assert first.index(REASON) == at and second.index(REASON) == at - 1
    plain = fake.run("job", "list", LC_ALL="C").stdout
    assert plain.isascii() and r"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87" in plain
    # A locale that is not installed is none.
    assert fake.run("job", "list", LC_ALL="xx_XX.UTF-8").stdout == plain
    assert json.loads(fake.run("job", "list", "-o", "json", LC_ALL="C").stdout)["items"][0]["reason"] == REASON


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_nothing_reaches_the_terminal_but_text(fake, locale):
    hostile = job(host=HOSTILE, reason=HOSTILE, by=HOSTILE, image=HOSTILE, state="failed",
                  verdict={"code": HOSTILE, "text": HOSTILE, "next": HOSTILE, "stage": "kernel"},
                  stages=[{"stage": "kernel", "attempt": 1, "state": "missed", "evidence": HOSTILE}])
    jobs(fake, hostile)
    fake.on("GET", f"/api/v1/jobs/{JOB}", hostile)
    fake.on("GET", "/api/v1/hosts/.*", {"name": HOSTILE, "labels": {HOSTILE: HOSTILE}}, etag='"1"')
    fake.on("DELETE", "/api/v1/hosts/.*", {})
    fake.on("GET", "/api/v1/events", {"items": [
        {"seq": 1, "at": "2026-01-31T09:30:00.000Z", "kind": HOSTILE, "host": HOSTILE, "file": HOSTILE,
         "reason": HOSTILE, "detail": {HOSTILE: HOSTILE, HOSTILE + "_us": 5, "deep": {HOSTILE: [HOSTILE]}}}]})
    for words in (["job", "list"], ["job", "show", JOB], ["watch", JOB], ["host", "show", "x"],
                  ["host", "show", HOSTILE.replace("\r\n", "")], ["events", "--host", "x"],
                  ["host", "rm", HOSTILE]):
        r = fake.run(*words, LC_ALL=locale)
        assert (r.stdout + r.stderr).count("[2J") > 0, (words, r)
        assert forbidden(r.stdout + r.stderr) == [], (words, r)


def test_what_the_server_escaped_is_not_escaped_again(fake):
    fake.on("GET", "/api/v1/hosts/.*",
            fake.problem(404, "host-unknown", "no host ł\\xff\\x1b", "netboot-ctl host list shows them"))
    r = fake.run("host", "show", "ł\\", LC_ALL="C.UTF-8")
    assert r.stderr == ("ł\\: host-unknown: no host ł\\xff\\x1b: netboot-ctl host list shows them\n")
