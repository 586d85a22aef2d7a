# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's servers in a namespace, configured by the generators of `site config` and nothing else.

generate(name, document, **options) -> text, or Refused with .code and .text
Servers(ns, folder)   .dhcpd(text) .dhcpd6(text) .kea(text) .kea6(text) .dnsmasq(text) .nginx(text) .tftpd(text)
                      .radvd(text) start one each and wait until it serves; .stop(process)
Files that a configuration names on the machine itself (lease files, roots) are moved below `folder`."""
import json
import os
import signal
import subprocess

from netlab import BUILD, PATIENCE, until

SITECONF = os.path.join(BUILD, "tests", "fake", "siteconf")
ADDRESSES = "10.77.0.1,fd77::1"


class Refused(Exception):
    def __init__(self, line):
        super().__init__(line)
        self.code, self.text = line.split(": ", 1)


def generate(name, document, **options):
    options.setdefault("server", ADDRESSES)
    options.setdefault("interface", "br0")
    done = subprocess.run([SITECONF, name, *(f"{k}={v}" for k, v in options.items() if v is not None)],
                          input=json.dumps(document), capture_output=True, text=True, check=False,
                          timeout=PATIENCE)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    if done.returncode == 1:
        raise Refused(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout


class Servers:
    def __init__(self, ns, folder):
        self.ns, self.dir = ns, str(folder)
        os.chmod(self.dir, 0o755)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def start(self, name, *argv, ready, env=None):
        """Starts a server in the foreground; ready(log) says when it serves."""
        log = self.path(name + ".log")
        with open(log, "wb") as out:
            proc = self.ns.popen(*argv, stdout=out, stderr=out, env=dict(os.environ, **(env or {})))

        def read():
            with open(log, errors="replace") as f:
                return f.read()
        until(lambda: proc.poll() is not None or ready(read()), f"the start of {name}")
        assert proc.poll() is None, read()
        proc.log = read
        return proc

    @staticmethod
    def stop(proc, sig=signal.SIGTERM):
        proc.send_signal(sig)
        proc.wait(PATIENCE)

    def bound(self, proto, port):
        """Is the UDP or TCP port open in the namespace?"""
        flag = "-lun" if proto == "udp" else "-ltn"
        return f":{port} " in self.ns.run("ss", flag).stdout

    def dhcpd(self, text, family=4):
        conf, leases = self.write(f"dhcpd{family}.conf", text), self.write(f"leases{family}", "")
        return self.start(f"dhcpd{family}", "dhcpd", f"-{family}", "-f", "-d", "--no-pid", "-cf", conf, "-lf",
                          leases, "br0", ready=lambda log: "Server starting service" in log)

    def dhcpd6(self, text):
        return self.dhcpd(text, family=6)

    def kea(self, text, family=4):
        text = text.replace("/var/lib/kea/", self.dir + "/").replace(
            f'"Dhcp{family}": {{', f'"Dhcp{family}": {{ "data-directory": "{self.dir}",' if family == 6 else
            f'"Dhcp{family}": {{')
        conf = self.write(f"kea{family}.conf", text)
        env = {"KEA_PIDFILE_DIR": self.dir, "KEA_LOCKFILE_DIR": self.dir, "KEA_LOGGER_DESTINATION": "stdout"}
        return self.start(f"kea{family}", f"kea-dhcp{family}", "-c", conf, env=env,
                          ready=lambda log: f"DHCP{family}_STARTED" in log)

    def kea6(self, text):
        return self.kea(text, family=6)

    def dnsmasq(self, text):
        conf = self.write("dnsmasq.conf", text)
        return self.start("dnsmasq", "dnsmasq", "-k", "--log-facility=-", "--user=root", "-C", conf,
                          "--dhcp-leasefile=" + self.path("dnsmasq.leases"), "--pid-file=",
                          ready=lambda log: "started, version" in log and self.bound("udp", 67))

    def nginx(self, text):
        self.write("site.conf", text.replace("/var/log/nginx/", self.dir + "/"))
        conf = self.write("nginx.conf", f"daemon off; user root; worker_processes 1; pid {self.path('nginx.pid')};"
                          f" error_log stderr;\nevents {{}}\nhttp {{ include {self.path('site.conf')}; }}\n")
        return self.start("nginx", "nginx", "-c", conf, ready=lambda _: self.bound("tcp", 80))
