# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say to syslog, as files: a socket of the test's own takes the place of /dev/log for them, and for nobody
else, and what comes is written in the form that rsyslog writes.

    log = Syslog(folder)                                  folder/PROGRAM.log, until close()
    unshare -m sh -c WITH_LOG sh log.path PROGRAM ...     runs a program with it"""
import datetime
import os
import re
import socket
import threading

# A private /dev with the lab's log socket in it.
WITH_LOG = """mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && chmod 666 /dev/null /dev/urandom
touch /dev/log && mount --bind "$1" /dev/log && shift && exec "$@" """


class Syslog:
    """Reads datagrams and writes <program>.log files."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "log.sock")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o777)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            m = re.match(rb"<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d ((\S+)\[\d+\]: .*)", data.rstrip(b"\0\n"), re.S)
            if m:
                now = datetime.datetime.now(datetime.timezone.utc).isoformat()
                line = re.sub(rb"[\x00-\x1f]", lambda c: b"#%03o" % c.group(0)[0], m.group(1))
                with open(os.path.join(self.folder, m.group(2).decode() + ".log"), "ab") as f:
                    f.write(now.encode() + b" srv " + line + b"\n")

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(self.path)
            s.send(b"")
        self.thread.join()
        self.sock.close()
