# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs tell people to type can be typed: every netboot-ctl command in their texts is one of its commands, and
has the options that stand behind it."""
import functools
import glob
import os
import re
import subprocess

from netlab import BUILD, ROOT

LITERAL = r'"(?:[^"\\]|\\.)*"'
COMMAND = re.compile(r"netboot-ctl ((?:[a-z][a-z-]* ?)+)([^,;:%]*)")


def texts(path):
    """String literals, those that stand side by side as one."""
    with open(path) as f:
        source = re.sub(r"/\*.*?\*/|//[^\n]*", "", f.read(), flags=re.S)
    for m in re.finditer(rf"{LITERAL}(?:\s+{LITERAL})*", source):
        yield "".join(part[1:-1] for part in re.findall(LITERAL, m.group(0)))


@functools.cache
def help_of(*words):
    done = subprocess.run([os.path.join(BUILD, "netboot-ctl"), *words, "--help"], capture_output=True, text=True,
                          check=False)
    return done.stdout if done.returncode == 0 else None


def test_commands_in_texts_are_there():
    wrong, n = [], 0
    for path in sorted(sum((glob.glob(os.path.join(ROOT, d, "*.[ch]")) for d in
                            ("agent", "boot-services", "ctl", "lib", "orchestrator")), [])):
        for text in texts(path):
            for m in COMMAND.finditer(text):
                words = m.group(1).split()
                if words[0] == "help":
                    continue
                n += 1
                text_of = help_of(*words[:2]) or help_of(words[0])
                missing = [o for o in re.findall(r"--[a-z][a-z-]*", m.group(2)) if o not in (text_of or "")]
                if not text_of or missing:
                    wrong.append((os.path.relpath(path, ROOT), m.group(0)))
    assert not wrong
    assert n > 100, n
