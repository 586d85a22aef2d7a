# SPDX-License-Identifier: GPL-3.0-or-later
"""When schedules are due, beside other implementations: zoneinfo, which shows every minute of some days around the moments
when clocks are changed, and dateutil's rules. CALENDAR_SEEDS=N compares more."""
import datetime
import os
import random
import subprocess
import zoneinfo

import pytest
from dateutil.rrule import rrulestr

from netlab import BUILD, PATIENCE

ZONES = ["", "Africa/Lagos", "Africa/Johannesburg", "Africa/Casablanca", "Europe/Prague", "America/St_Johns", "Asia/Kathmandu",
         "Australia/Lord_Howe", "America/Santiago", "Asia/Gaza", "Africa/Cairo", "America/Sao_Paulo"]
# Near changes of one or another of these zones, and two others.
MOMENTS = [1774746000, 1792890000, 1771120800, 1774144800, 1772947800, 1793507400, 1775314800, 1776897000, 1793232000, 1788667200,
           1790000000, 1800000000]
DAY = 86400
SEEDS = range(int(os.environ.get("CALENDAR_SEEDS", "2")))
MINUTE = datetime.timedelta(minutes=1)


def ours(questions):
    """[(kind, spec, zone, after, n, from_day)] -> a list of moments, or the error, each."""
    text = "".join("\t".join(map(str, q)) + "\n" for q in questions)
    done = subprocess.run([os.path.join(BUILD, "tests/fake/calendar")], input=text, capture_output=True, text=True, check=True,
                          timeout=PATIENCE)
    return [[int(w) for w in line.split()] if not line or line[0].isdigit() else line for line in done.stdout.splitlines()]


def field(text, low, high):
    out = set()
    for part in text.split(","):
        part, _, step = part.partition("/")
        a, b = (low, 6 if high == 7 else high) if part == "*" else map(int, part.split("-")) if "-" in part else (int(part), int(part))
        out |= set(range(a, b + 1, int(step or 1)))
    return out


class Line:
    """A crontab line, by its words."""

    def __init__(self, text):
        self.words = text.split()
        self.minutes, self.hours, self.days, self.months, self.weekdays = (
            field(w, low, high) for w, (low, high) in zip(self.words, ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))))
        self.weekdays = {d % 7 for d in self.weekdays}

    def fits(self, t):
        day, weekday = t.day in self.days, t.isoweekday() % 7 in self.weekdays
        either = self.words[2][0] != "*" and self.words[4][0] != "*"
        return (t.month in self.months and t.hour in self.hours and t.minute in self.minutes
                and (day or weekday if either else day and weekday))


def theirs(line, zone, after, span):
    """All moments, by looking at the clock on the wall each minute."""
    line, tz, out, seen, last = Line(line), zoneinfo.ZoneInfo(zone or "UTC"), [], set(), None
    hourly = line.words[1] == "*"
    start = after - 2 * DAY
    for s in range(start - start % 60, after + span, 60):
        t = datetime.datetime.fromtimestamp(s, tz).replace(tzinfo=None, fold=0)
        shown = [t] if hourly or t not in seen else []
        while not hourly and last is not None and t - last > MINUTE:  # skipped: due now
            last += MINUTE
            shown.append(last)
        last = t
        if any(line.fits(x) and (hourly or x not in seen) for x in shown) and s > after:
            out.append(s)
        seen.update(shown)
    return out


def some_line(rng):
    def some(low, high, star):
        k = rng.random()
        if k < star:
            return "*"
        if k < star + 0.1:
            return f"*/{rng.randint(2, max(2, (high - low) // 3))}"
        if k < star + 0.25:
            a = rng.randint(low, high)
            return f"{a}-{rng.randint(a, high)}"
        return ",".join(str(rng.randint(low, high)) for _ in range(rng.randint(1, 3)))
    hours = some(0, 4, 0.2) if rng.random() < 0.7 else some(0, 23, 0.3)
    return " ".join([some(0, 59, 0.1), hours, some(1, 28, 0.6), some(1, 12, 0.7), some(0, 7, 0.5)])


@pytest.mark.parametrize("seed", SEEDS)
def test_crontab_lines_as_zoneinfo_shows_the_clock(seed):
    rng, span, n = random.Random(seed), 4 * DAY, 8
    asked = [("cron", some_line(rng), rng.choice(ZONES), rng.choice(MOMENTS) + rng.randint(-2 * DAY, 2 * DAY), n, 0)
             for _ in range(60)]
    for q, got in zip(asked, ours(asked)):
        want = theirs(q[1], q[2], q[3], span)[:n]
        assert isinstance(got, list), (q, got)
        assert [g for g in got if g < q[3] + span][:n] == want, q


def moment(naive, tz):
    """By the rule of docs: the first of two, and when the clock is put forward for one that is skipped."""
    at = int(naive.replace(tzinfo=tz).timestamp())
    if datetime.datetime.fromtimestamp(at, tz).replace(tzinfo=None, fold=0) == naive:
        return at
    low, high = at - DAY, at + DAY
    before = datetime.datetime.fromtimestamp(low, tz).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if datetime.datetime.fromtimestamp(middle, tz).utcoffset() == before else (low, middle)
    return high


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_at_sites_as_zoneinfo_shows_the_clock(seed):
    """A run is a time of the clock on the wall: at each site it opens when that is shown, and ends at the midnight of a day that is
    blacked out there."""
    rng, n, day_of = random.Random(1000 + seed), 6, datetime.datetime(1970, 1, 1)
    asked = []
    for _ in range(200):
        after = rng.choice(MOMENTS) + rng.randint(-3 * DAY, 2 * DAY)
        line = f"{rng.randint(0, 59)} {rng.choice([0, 1, 2, 3, 21, 22, 23])} * * {rng.choice(['*', '*', '0', '1-6'])}"
        asked.append(("site", line, rng.choice(ZONES), after, n, after // DAY + rng.randint(0, 4)))
    for q, got in zip(asked, ours(asked)):
        line, tz, want = Line(q[1]), zoneinfo.ZoneInfo(q[2] or "UTC"), []
        t = day_of + datetime.timedelta(seconds=q[3] - q[3] % 60)
        while len(want) < 2 * n:
            t += MINUTE
            if not line.fits(t):
                continue
            opens = moment(t, tz)
            shown = datetime.datetime.fromtimestamp(opens, tz).date()
            closes, blackout = opens + 4 * 3600, (day_of + datetime.timedelta(days=q[5])).date()
            if shown == blackout:
                closes = opens
            elif shown < blackout:
                closes = min(closes, moment(datetime.datetime.combine(blackout, datetime.time()), tz))
            want += [opens, closes]
        assert got == want, q


def some_rule(rng):
    freq = rng.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    rule = f"FREQ={freq}"
    if rng.random() < 0.5:
        rule += f";INTERVAL={rng.randint(1, 3)}"
    if freq in ("WEEKLY", "DAILY") and rng.random() < 0.6:
        rule += ";BYDAY=" + ",".join(rng.sample(["MO", "TU", "WE", "TH", "FR", "SA", "SU"], rng.randint(1, 3)))
    if freq == "MONTHLY":
        rule += rng.choice([";BYDAY=2SU", ";BYDAY=-1FR", ";BYMONTHDAY=15,-1", ";BYMONTHDAY=31"])
    if freq == "YEARLY":
        rule += rng.choice([";BYMONTH=3;BYDAY=-1SU", ";BYMONTH=10;BYMONTHDAY=25", ";BYYEARDAY=100,-1"])
    if rng.random() < 0.8:
        rule += f";BYHOUR={rng.randint(0, 4)};BYMINUTE={rng.choice([0, 15, 30])}"
    return rule + (f";COUNT={rng.randint(1, 40)}" if rng.random() < 0.2 else "")


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_as_dateutil_has_them(seed):
    rng, n, epoch = random.Random(seed), 6, datetime.date(1970, 1, 1)
    asked, begins = [], []
    for _ in range(200):
        begins.append(datetime.date(2026, rng.randint(1, 12), rng.randint(1, 28)))
        asked.append(("rule", some_rule(rng), rng.choice(ZONES), rng.choice(MOMENTS) + rng.randint(-30 * DAY, 30 * DAY), n,
                      (begins[-1] - epoch).days))
    for q, begin, got in zip(asked, begins, ours(asked)):
        want = []
        for t in rrulestr(q[1], dtstart=datetime.datetime.combine(begin, datetime.time())):
            at = moment(t, zoneinfo.ZoneInfo(q[2] or "UTC"))
            if at > q[3] and at not in want:
                want.append(at)
            if t.year > 2033 or len(want) == n:
                break
        assert got[:len(want)] == want, q
