# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of the article's own stack: isc-dhcp-server for both families, radvd, tftpd-hpa and nginx, configured by
`netboot-ctl site config` and nothing else, and heard by netboot-agent through their logs. No netboot-bootd runs."""
import json
import os
import sys

from lab import LOADERS, REPO, SERVER_IP, SERVER_IP6, Lab, wait_for

sys.path.append(os.path.join(REPO, "tests", "net"))
from syslog_file import WITH_LOG, Syslog  # noqa: E402


class OwnLab(Lab):
    def start_agent(self):
        for d in ("agent", "scripts"):
            os.makedirs(self.path(d), exist_ok=True)
        os.chmod(self.path("scripts"), 0o755)
        logs = [{"format": "isc-dhcp", "file": self.path("dhcpd.log")},
                {"format": "tftpd-hpa", "file": self.path("in.tftpd.log")},
                {"format": "nginx", "file": self.path("netboot.log")}]
        self.write("agent.yaml", json.dumps({
            "site": "local", "orchestrator": f"unix:{self.socket}", "state_dir": self.path("agent"),
            "site_url": self.url,
            "own_servers": {"dirs": {"images": self.path("images"), "scripts": self.path("scripts"),
                                     "loaders": LOADERS}, "logs": logs}}), 0o600)
        self.spawn("agent", [self.program("netboot-agent"), "-c", self.path("agent.yaml")])

    def start(self):
        super().start()
        self.syslog = Syslog(self.dir)
        self.start_nginx()
        self.start_tftpd()
        if self.v4:
            self.start_dhcpd("isc-dhcp", "-4")
        if self.v6:
            self.start_dhcpd("isc-dhcp6", "-6")
            self.spawn("radvd", ["radvd", "-n", "-m", "stderr", "-C", self.config("radvd"), "-p", self.path("radvd.pid")])
        for proto, port in [("u", 69), ("t", 80)] + [("u", 67)] * self.v4 + [("u", 547)] * self.v6:
            wait_for(lambda: f":{port} " in self.run("ss", f"-Hln{proto}").stdout, f"a server on port {port}")

    def config(self, name):
        """The file that an operator would put into /etc."""
        addresses = [SERVER_IP] * self.v4 + [SERVER_IP6] * self.v6
        text = self.ctl("site", "config", "local", "--for", name, *(x for a in addresses for x in ("--address", a)),
                        "--interface", "br0", "--loaders-root", LOADERS, "--images-root", self.path("images"),
                        "--scripts-root", self.path("scripts")).stdout
        return self.write(f"site-{name}.conf", text.replace("/var/log/nginx/", self.dir + "/"))

    def logged(self, name, *argv):
        self.spawn(name, ["unshare", "-m", "sh", "-c", WITH_LOG, "sh", self.syslog.path, *argv])

    def start_dhcpd(self, name, family):
        leases = self.write(f"{name}.leases", "")
        self.logged(name, "dhcpd", family, "-f", "--no-pid", "-cf", self.config(name), "-lf", leases, "br0")

    def start_tftpd(self):
        with open(self.config("tftpd-hpa")) as f:
            settings = dict(line.strip().split("=", 1) for line in f if "=" in line and not line.startswith("#"))
        options = {k: v.strip('"') for k, v in settings.items()}
        self.logged("tftpd", "in.tftpd", "-L", "-a", options["TFTP_ADDRESS"], *options["TFTP_OPTIONS"].split(),
                    options["TFTP_DIRECTORY"])

    def start_nginx(self):
        conf = self.write("nginx.conf", f"daemon off; pid {self.path('nginx.pid')}; error_log stderr;\n"
                          f"events {{}}\nhttp {{ include {self.config('nginx')}; }}\n")
        self.spawn("nginx", ["nginx", "-c", conf])

    def close(self):
        if hasattr(self, "syslog"):
            self.syslog.close()
        super().close()
