# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the source text: source.py spdx|opening|sizes|banned|words|includes|codes

Prints each finding as FILE:LINE: what, and fails when there is one. Lines that begin with "note:" are
for people and do not fail."""
import os
import re
import sys

import rules

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
FILE_MAX, FUNCTION_MAX, FUNCTION_SPLIT = 800, 100, 60

BANNED = {
    "strcpy": "str_copy", "strcat": "str_format", "sprintf": "str_format", "vsprintf": "vsnprintf",
    "strncpy": "str_copy or str_clip", "strncat": "str_format", "gets": "fgets", "strtok": "strcspn",
    "atoi": "str_to_i64", "atol": "str_to_i64", "atoll": "str_to_i64", "atof": "strtod",
    "alloca": "str_alloc", "system": "posix_spawn", "popen": "posix_spawn", "tmpnam": "mkostemp",
    "mktemp": "mkostemp", "rand": "rng_below", "random": "rng_below", "srand": "rng_seeded",
    "sleep": "an event", "usleep": "an event", "bzero": "memset", "gethostbyname": "getaddrinfo",
    "localtime": "localtime_r", "gmtime": "gmtime_r", "ctime": "clock_text",
}
# In tests, what makes them hang or depend on time; a clipped literal harms nobody there.
BANNED_IN_TESTS = {"sleep", "usleep", "system", "popen", "gets", "mktemp", "tmpnam"}


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def spdx():
    paths = rules.files(".c", ".h", ".py", ".sh", ".sql", ".mk", ".service", ".socket", ".pml",
                        "Makefile", ".ci/run")
    for path in paths:
        head = read(path).split("\n", 3)[:3]
        if not any(LICENCE in line for line in head):
            yield f"{path}:1: no licence line ({LICENCE})"


def opening():
    """Every .c of the programs opens with its purpose, entry points, ownership and failure modes: about
    5 to 20 lines."""
    for path in rules.files(".c"):
        if path.startswith("tests/"):
            continue
        comments = re.match(r"\s*(?:(?:/\*.*?\*/|//[^\n]*)\s*)+", read(path), re.S)
        lines = comments.group(0).strip().count("\n") if comments else 0
        if not 4 <= lines <= 25:
            yield f"{path}:1: the opening comment has {lines} lines, not about 5 to 20"


def functions(text):
    """(name, first line, lines) of each function: in this style its braces stand at the margin."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{" and i > 0:
            start = i
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 12):start])
            names = re.findall(r"(\w+)\(", head.rsplit(";", 1)[-1].rsplit("}", 1)[-1])
            yield (names[0] if names else "?", start + 1, i - start - 1)
            start = None


def sizes():
    for path in rules.files(".c", ".h"):
        text = rules.strip_c(read(path))
        total = text.count("\n")
        if total > FILE_MAX:
            yield f"{path}:{total}: {total} lines, more than {FILE_MAX}"
        for name, line, length in functions(text):
            if length > FUNCTION_MAX:
                yield f"{path}:{line}: {name}() has {length} lines, more than {FUNCTION_MAX}"
            elif length > FUNCTION_SPLIT:
                yield f"note: {path}:{line}: {name}() has {length} lines, aim below {FUNCTION_SPLIT}"


def banned():
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in rules.files(".c", ".h"):
        text = rules.strip_c(read(path))
        for m in pattern.finditer(text):
            if path.startswith("tests/") and m.group(1) not in BANNED_IN_TESTS:
                continue
            yield f"{path}:{line_of(text, m.start())}: {m.group(1)}(): use {BANNED[m.group(1)]}"
        for m in re.finditer(r"^\s*typedef\s+(struct|union)\b", text, re.M):
            yield f"{path}:{line_of(text, m.start())}: typedef of a {m.group(1)}"
        for m in re.finditer(r"#\s*pragma\s+(?!once)\w+", text):
            yield f"{path}:{line_of(text, m.start())}: pragma"


def words():
    """Marks of unfinished work, and paths of one machine."""
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|(?<![\w.])/(work|home)/|/root/")
    paths = rules.files(".c", ".h", ".py", ".sh", ".sql", ".mk", ".md", ".yaml", ".service", ".pml",
                        "Makefile", ".ci/run")
    for path in paths:
        if path.startswith("tests/lint/"):
            continue
        text = read(path)
        for m in pattern.finditer(text):
            yield f"{path}:{line_of(text, m.start())}: \"{m.group(0)}\""


def door(path, header):
    for pattern, allowed in rules.DOORS:
        if re.match(pattern, header):
            if pattern.startswith("^event2") and path[:-2] in rules.EVENT_USERS:
                return True
            return re.search(allowed, path) is not None
    return True


def includes():
    """The arrows between the folders, and one door for each outside library."""
    for path in rules.files(".c", ".h"):
        text = read(path)
        where = rules.folder(path)
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M):
            kind, header = m.groups()
            at = f"{path}:{line_of(text, m.start())}"
            if kind == "<":
                if not path.startswith("tests/") and not door(path, header):
                    yield f"{at}: <{header}> has another door (docs/architecture.md)"
                continue
            target = header.split("/")[0]
            if "/" not in header:
                # Tests may have a fixture beside them.
                beside = os.path.join(os.path.dirname(path), header)
                if not path.startswith("tests/") or not os.path.exists(beside):
                    yield f"{at}: \"{header}\": write it with its folder"
            elif target == "tests":
                if not path.startswith("tests/"):
                    yield f"{at}: a program includes {header}"
            elif target not in rules.FOLDERS:
                yield f"{at}: \"{header}\": unknown folder"
            elif where is not None and target not in rules.FOLDERS[where]:
                yield f"{at}: {where} may not use {target}"
            elif (where == "agent" and target == "db" and path.startswith("agent/")
                  and not rules.DB_USERS_IN_AGENT.match(path)):
                yield f"{at}: in agent/ only spool*.c may use db"
            elif header.endswith("_priv.h"):
                if where != target:
                    yield f"{at}: {header} is private to {target}/"


CODE = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
# Where a job's verdict is made; what is set there for programs' ears only.
VERDICTS = re.compile(r"^agent/(?:run\w*|preflight|script|template|nfs_msg|nfs_check_io|bmc_error|spool)\.c$")
VERDICT_TABLES = ("agent/run_verdict.c", "agent/bmc_error.c")
NO_VERDICTS = {"bad-record", "seal-key", "internal"}


def codes_set(path):
    """(code, line) of each reason that the file gives: error_set(…, "code", and the tables of verdicts."""
    text = read(path)
    pattern = rf'\berror_set\(\s*&?[\w>.-]+,\s*[^",]+,\s*"({CODE})"'
    if path in VERDICT_TABLES:
        pattern += rf'|\{{"({CODE})",\s*"'
    for m in re.finditer(pattern, text):
        yield m.group(1) or m.group(2), line_of(text, m.start())


def section(path, begin, end):
    return read(path).split(begin, 1)[1].split(end, 1)[0]


def codes():
    """Operators and scripts rely on the codes: the documents name those that there are, and no others."""
    rows = section("docs/operations.md", "## What a failed job says", "\n## Beside another").splitlines()
    table = {c for row in rows if row.startswith("| `") for c in re.findall(f"`({CODE})`", row.split("|")[1])}
    listed = set(re.findall(f"`({CODE})`", section("docs/api.md", "Verdict codes", "\n\n")))
    for code in sorted(table ^ listed):
        yield f"docs/{'api' if code in table else 'operations'}.md:1: the verdict {code} is in the other's list only"
    sources = [p for p in rules.files(".c") if not p.startswith("tests/")]
    text = "".join(read(p) for p in sources if p.startswith(("agent/", "orchestrator/", "lib/verdict")))
    for code in sorted(table):
        if f'"{code}"' not in text:
            yield f"docs/operations.md:1: nothing says {code}"
    rows = set(re.findall(rf"^### ({CODE})$", read("docs/verdicts.md"), re.M))
    for code in sorted(table - rows):
        yield f"docs/operations.md:1: the verdict {code} is not in lib/verdict_table*.c"
    for code in sorted(c for c in rows if f"`{c}`" not in read("docs/api.md")):
        yield f"docs/api.md:1: the verdict {code} of lib/verdict_table*.c is not there"
    api = read("docs/api.md") + read("docs/protocol.md")
    for path in sources:
        verdicts = VERDICTS.match(path) is not None
        if not verdicts and rules.folder(path) not in ("orchestrator", "ctl"):
            continue
        for code, line in codes_set(path):
            if verdicts and code not in table | NO_VERDICTS:
                yield f"{path}:{line}: the verdict {code} is not in docs/operations.md"
            elif not verdicts and f"`{code}`" not in api and code != "config":
                yield f"{path}:{line}: {code} is not in docs/api.md"


def main():
    findings = list(globals()[sys.argv[1]]())
    for finding in findings:
        print(finding)
    sys.exit(any(not f.startswith("note:") for f in findings))


main()
