# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that keeps its own servers: isc-dhcp-server, Kea or dnsmasq, tftpd-hpa and nginx in the namespace, netboot-agent in the
mode own_servers, no netboot-bootd. Their logs are files: what they say to syslog goes through a socket of the lab's own
(nobody else's), in the form that rsyslog writes."""
import json
import os
import subprocess

from agent_lab import AgentSite
from netlab import until
from site_servers import generate
from syslog_file import WITH_LOG, Syslog

DHCPD = """authoritative; ddns-update-style none; ping-check false; default-lease-time 3600;
option client-arch code 93 = unsigned integer 16;
if exists vendor-class-identifier {
  log(info, concat("netboot-client ", binary-to-ascii(16, 8, ":", substring(hardware, 1, 6)),
      " user ", pick-first-value(option user-class, "-"),
      " vendor ", option vendor-class-identifier));
}
subnet 10.77.0.0 netmask 255.255.255.0 { }
"""
NGINX = """daemon off; master_process off; pid DIR/nginx.pid; error_log DIR/nginx.err;
events { }
http {
  log_format netboot '$msec $remote_addr $request_method "$request_uri" $status $body_bytes_sent '
                     '$sent_http_content_length $request_completion "$http_user_agent"';
  access_log DIR/nginx.log netboot;
  client_body_temp_path DIR/tmp1; proxy_temp_path DIR/tmp2; fastcgi_temp_path DIR/tmp3;
  uwsgi_temp_path DIR/tmp4; scgi_temp_path DIR/tmp5;
  server {
    listen 10.77.0.1:80;
    location /script.ipxe- { root DIR/scripts; }
    location /b/ { root DIR/scripts; }
    location /loaders/ { alias DIR/loaders/; }
    location /report/ { return 204; }
  }
}
"""


class OwnSite(AgentSite):
    def __init__(self, lan, dhcp="isc-dhcp", menu=None, **kw):
        """menu: of the site, which edge01 stands before then; nginx has the configuration that `site config` makes."""
        self.dhcp, self.menu = dhcp, menu
        self.procs = {}
        self.http_log = "nginx.log"
        super().__init__(lan, **kw)
        os.chmod(self.path("scripts"), 0o755)
        self.syslog = Syslog(self.dir)
        self.start_servers()

    def host(self, n):
        return {**super().host(n), "idle": "menu" if self.menu and n == 1 else "local"}

    def table(self, version):
        table = super().table(version)
        if self.menu:
            kernel = {"kernel": self.file("vmlinuz", "d/vmlinuz"), "reports": [], "local_boot": False}
            table["menu"] = self.menu
            table["menu_images"] = [
                self.image(name="live1", kind="live", files=[self.file("root.img", "d/root.img")],
                           args="fetch=${file.root.img}", reports=[], local_boot=False),
                {"name": "live2", "kind": "live", "initrds": [], "files": [], "args": "", **kernel}]
        return table

    def logs(self):
        logs = [{"format": "nginx", "file": self.path(self.http_log)}]
        if self.dhcp == "dnsmasq":
            return logs + [{"format": "dnsmasq", "file": self.path("dnsmasq.log")}]
        logs += [{"format": "tftpd-hpa", "file": self.path("in.tftpd.log")}]
        if self.dhcp == "kea":
            logs += [{"format": "kea", "file": self.path("kea.log")}]
        else:
            logs += [{"format": "isc-dhcp", "file": self.path("dhcpd.log")}]
        return logs

    def config(self):
        config = super().config()
        del config["boot_services"]
        config["own_servers"] = {
            "dirs": {"images": self.path("images"), "scripts": self.path("scripts")}, "logs": self.logs()}
        return config

    def logged(self, name, *argv):
        self.procs[name] = self.server.popen("unshare", "-m", "sh", "-c", WITH_LOG, "sh", self.syslog.path, *argv,
                                             stdout=subprocess.DEVNULL, stderr=open(self.path(name + ".err"), "wb"))

    def listens(self, *what):
        return until(lambda: self.server.run("ss", "-Hnl", *what).stdout.strip(), what=f"a listener {what}")

    def start_servers(self):
        if self.dhcp == "dnsmasq":
            self.start_dnsmasq()
        else:
            self.start_kea() if self.dhcp == "kea" else self.start_dhcpd()
            self.logged("tftpd", "in.tftpd", "-L", "-v", "-a", "10.77.0.1:69", "-s", self.path("loaders"))
        self.start_nginx()
        self.listens("-u", "sport = :69")

    def start_dhcpd(self):
        with open(self.path("dhcpd.conf"), "w") as f:
            f.write(DHCPD)
            for i, h in enumerate(self.hosts):
                f.write("host h%d { hardware ethernet %s; fixed-address %s; filename \"snponly.efi\"; "
                        "next-server 10.77.0.1; }\n" % (i, h["nics"][0]["mac"], h["nics"][0]["ip"]))
        open(self.path("dhcpd.leases"), "w").close()
        self.logged("dhcpd", "dhcpd", "-4", "-f", "-cf", self.path("dhcpd.conf"), "-lf", self.path("dhcpd.leases"),
                    "-pf", self.path("dhcpd.pid"), "br0")
        until(lambda: "Server starting service" in self.text("dhcpd.log"), what="dhcpd")

    def start_kea(self):
        to = [{"output": self.path("kea.log"), "flush": True}]
        config = {"Dhcp4": {
            "interfaces-config": {"interfaces": ["br0"]}, "valid-lifetime": 3600,
            "lease-database": {"type": "memfile", "persist": False},
            "client-classes": [{"name": "is-ipxe", "test": "option[77].hex == 'iPXE'"}],
            "subnet4": [{"subnet": "10.77.0.0/24", "reservations": [
                {"hw-address": h["nics"][0]["mac"], "ip-address": h["nics"][0]["ip"]} for h in self.hosts]}],
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": to},
                        {"name": "kea-dhcp4.dhcp4", "severity": "DEBUG", "debuglevel": 40, "output_options": to}]}}
        with open(self.path("kea.json"), "w") as f:
            json.dump(config, f)
        self.procs["kea"] = self.server.popen(
            "kea-dhcp4", "-c", self.path("kea.json"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "KEA_PIDFILE_DIR": self.dir, "KEA_LOCKFILE_DIR": "none"})
        until(lambda: "DHCP4_STARTED" in self.text("kea.log"), what="kea-dhcp4")

    def start_dnsmasq(self):
        self.procs["dnsmasq"] = self.server.popen(
            "dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--interface=br0", "--bind-interfaces", "--no-ping",
            "--log-dhcp", "--dhcp-range=10.77.0.0,static,1h", "--enable-tftp", f"--tftp-root={self.path('loaders')}",
            "--dhcp-boot=snponly.efi", f"--dhcp-leasefile={self.path('dnsmasq.leases')}", "--user=root",
            f"--log-facility={self.path('dnsmasq.log')}",
            *[f"--dhcp-host={h['nics'][0]['mac']},{h['nics'][0]['ip']}" for h in self.hosts])
        self.listens("-u", "sport = :67")

    def nginx_config(self):
        if not self.menu:
            return NGINX.replace("DIR", self.dir)
        table = self.table(1)
        made = generate("nginx", {"site": table, "images": [self.image()] + table["menu_images"]}, server="10.77.0.1",
                        **{f"{n}_root": self.path(n) for n in ("loaders", "images", "scripts")})
        head = NGINX[:NGINX.index("  log_format")] + NGINX[NGINX.index("  client_body"):NGINX.index("  server {")]
        return head.replace("DIR", self.dir) + made.replace("/var/log/nginx/netboot.log", self.path("nginx.log")) + "}\n"

    def start_nginx(self):
        with open(self.path("nginx.conf"), "w") as f:
            f.write(self.nginx_config())
        self.procs["nginx"] = self.server.popen("nginx", "-c", self.path("nginx.conf"), stderr=subprocess.DEVNULL)
        self.listens("-t", "sport = :80")

    def text(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def script_text(self, n=1):
        return self.text(f"scripts/script.ipxe-{self.hosts[n - 1]['nics'][0]['mac']}")

    def close(self):
        for p in self.procs.values():
            if p.poll() is None:
                p.kill()
            p.wait()
        self.syslog.close()
        super().close()
