# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that its agent logs in on: OpenSSH's server in the machine's namespace, whose sessions are given to a script that plays
a system with a boot id and a `reboot` (the kernel's own id is that of the machine under the tests).

    h = SshHost(site)          before the agent is started: writes its section ssh, too
    h.ran()                    the commands that were run, but for looks at the boot id
    h.fall_silent(); h.boot()  the system goes, and comes up with another boot id"""
import os
import shutil
import signal
import subprocess
import uuid

from netlab import PATIENCE, until

SESSION = """#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in
"cat /proc/sys/kernel/random/boot_id") [ -e {dir}/no-id ] && {{ echo "permission denied" >&2; exit 1; }}; cat {dir}/boot_id ;;
*) echo "$SSH_ORIGINAL_COMMAND" >> {dir}/ran; eval "$SSH_ORIGINAL_COMMAND" ;;
esac
"""
CONFIG = """Port 22
ListenAddress {ip}
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
ForceCommand {dir}/session
"""
# Its folder for privilege separation, in a /run of its own.
START = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f {dir}/sshd_config"


class SshHost:
    def __init__(self, site, n=1, known=True, **ssh):
        self.site, self.dir = site, site.path(f"host{n}")
        host = site.hosts[n - 1]
        self.ns, self.ip = site.machine(n).ns, host["nics"][0]["ip"]
        os.mkdir(self.dir)
        for name in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        shutil.copy(self.path("key.pub"), self.path("authorized_keys"))
        shutil.chown(self.path("key"), "nobody")
        with open(self.path("host_key.pub")) as f:
            kind, key = f.read().split()[:2]
        self.write("known_hosts", f"{host['name'] if known else 'another'} {kind} {key}\n")
        self.write("session", SESSION.format(dir=self.dir))
        os.chmod(self.path("session"), 0o755)
        self.write("sshd_config", CONFIG.format(dir=self.dir, ip=self.ip))
        site.ssh = {"user": "root", "key": self.path("key"), "known_hosts": self.path("known_hosts"), "run_as": "nobody", **ssh}
        site.write_config()
        self.sshd = None
        self.boot()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def log(self):
        with open(self.path("log")) as f:
            return f.read()

    def boot(self, same=False):
        if not same:
            self.id = str(uuid.uuid4())
            self.write("boot_id", self.id + "\n")
        with open(self.path("log"), "ab") as log:
            self.sshd = self.ns.popen("unshare", "-m", "sh", "-c", START.format(dir=self.dir), stderr=log)
        until(lambda: self.ns.run("bash", "-c", f"exec 3<>/dev/tcp/{self.ip}/22", check=False).returncode == 0, what="sshd")

    def fall_silent(self):
        self.sshd.send_signal(signal.SIGTERM)
        self.sshd.wait(timeout=PATIENCE)

    def ran(self):
        try:
            with open(self.path("ran")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []
