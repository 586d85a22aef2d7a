# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the release objects: symbols.py prefixes|globals|layers|pure BUILD

prefixes   every global symbol of x.o begins with x_
globals    no variable that could change (nothing in .data, .bss and the like)
layers     an object uses only symbols of the folders that its own may use
pure       the parts named in rules.PURE do no I/O, read no clock and log nothing"""
import os
import re
import subprocess
import sys

import rules

# Objects of the executable that may change. Constant tables with pointers are in .data.rel.ro, which
# is read-only once the program runs.
MUTABLE = re.compile(r"^\.(data|bss|tdata|tbss)(?!\.rel\.ro)|^\*COM\*")
IMPURE = re.compile(
    r"^(clock_wall|clock_mono|clock_gettime|gettimeofday|time|nanosleep|log_line|v?f?printf|v?dprintf|v?syslog"
    r"|puts|fputs|putchar|putc|fputc|fwrite|fread|fgets|perror"
    r"|socket|connect|bind|listen|accept4?|send|sendto|sendmsg|recv|recvfrom|recvmsg|poll|epoll_\w+"
    r"|open|openat|fopen|read|pread|write|pwrite|rename|unlink|stat|fsync"
    r"|event_(new|add|del|base_\w+)|evtimer_\w+|bufferevent_\w+|evbuffer_\w+|getrandom|rng_system)$")
# What -D_FORTIFY_SOURCE makes of printf, read, openat: __printf_chk, __read_chk, __openat_2.
FORTIFIED = re.compile(r"^__(\w+?)(?:_chk|_2)$")
CLOCKS = re.compile(r"^(clock_gettime|gettimeofday|time|clock)$")


def objects(build):
    """(object, source name without suffix) of every object that belongs to a tracked source."""
    for path in rules.files(".c"):
        if path.split("/")[0] in rules.FOLDERS:
            obj = os.path.join(build, path[:-2] + ".o")
            if os.path.exists(obj):
                yield obj, path[:-2]
            else:
                yield None, path[:-2]


def symbols(obj):
    """(name, section, is global, is a variable, size) of each symbol; section *UND* when it is used only."""
    out = subprocess.run(["objdump", "-t", obj], capture_output=True, check=True, text=True).stdout
    for line in out.split("\n"):
        m = re.match(r"^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)(?: \.\w+)? (\S+)$", line)
        if m:
            flags, section, size, name = m.groups()
            yield name, section, flags[0] in "gu", "O" in flags, int(size, 16)


def prefixes(objs):
    for obj, source in objs:
        stem = os.path.basename(source).replace("-", "_")
        allowed = rules.PREFIXES.get(source, [stem + "_"])
        if stem == "main":
            allowed = ["main"]
        for name, section, is_global, _, _ in symbols(obj):
            if not is_global or section == "*UND*" or name == stem:
                continue
            if not name.startswith(tuple(allowed)):
                yield f"{source}.c: {name} does not begin with {' or '.join(allowed)}"


def globals_(objs):
    for obj, source in objs:
        for name, section, _, is_var, size in symbols(obj):
            key = f"{source}:{name.split('.')[0]}"
            if is_var and size > 0 and MUTABLE.match(section) and key not in rules.GLOBALS:
                yield f"{source}.c: {name} is a variable that can change ({section})"


def layers(objs):
    home, uses = {}, []
    for obj, source in objs:
        where = source.split("/")[0]
        for name, section, is_global, _, _ in symbols(obj):
            if section == "*UND*":
                uses.append((source, where, name))
            elif is_global and name != "main":
                home.setdefault(name, set()).add(where)
    for source, where, name in uses:
        owners = home.get(name)
        if owners and not owners & rules.FOLDERS[where]:
            yield f"{source}.c: {where} uses {name} of {', '.join(sorted(owners))}"


def pure(objs):
    for obj, source in objs:
        is_pure = rules.PURE.match(source)
        for name, section, _, _, _ in symbols(obj):
            if section != "*UND*":
                continue
            name = FORTIFIED.sub(r"\1", name)
            if is_pure and IMPURE.match(name):
                yield f"{source}.c: calls {name}, but is a part without I/O, clock and log"
            elif source != "lib/clock" and CLOCKS.match(name):
                yield f"{source}.c: calls {name}; only lib/clock.c reads a clock"


def main():
    check, build = sys.argv[1], sys.argv[2]
    known = list(objects(build))
    findings = [f"{source}.c: not built in {build}" for obj, source in known if obj is None]
    built = [(obj, source) for obj, source in known if obj is not None]
    if not built:
        findings.append(f"{build}: nothing built")
    findings += {"prefixes": prefixes, "globals": globals_, "layers": layers, "pure": pure}[check](built)
    for finding in findings:
        print(finding)
    sys.exit(bool(findings))


main()
