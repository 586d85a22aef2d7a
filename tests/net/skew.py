# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is wrong, for one program and its children (tests/fake/skew.c).

    c = Skew("/tmp/…/clock", -1200)   seconds; the file is the clock's error
    popen(*c.argv, program, …)        the program with that clock, under the same process id
    c.set(0)                          as when somebody sets it right, at once
    c.now()                           what it shows (time.time() otherwise)"""
import os
import re
import struct
import subprocess
import time

from netlab import BUILD

LIBRARY = os.path.join(BUILD, "tests/fake/skew.so")


def sanitizer():
    """The sanitizer's library, which must come first, where the programs have one."""
    linked = subprocess.run(["ldd", os.path.join(BUILD, "netboot-agent")], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/libasan\.so\S*)", linked)


class Skew:
    def __init__(self, path, seconds=0):
        self.path = path
        self.set(seconds)
        self.argv = ["env", f"SKEW_FILE={path}", "LD_PRELOAD=" + " ".join([*sanitizer(), LIBRARY])]

    def set(self, seconds):
        self.seconds = seconds
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            # In one piece: whoever reads it meanwhile sees the one or the other.
            assert os.pwrite(fd, struct.pack("=q", int(seconds * 1e6)), 0) == 8
        finally:
            os.close(fd)

    def now(self):
        return time.time() + self.seconds
