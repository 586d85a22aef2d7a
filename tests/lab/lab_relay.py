# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose machines are on another link than the boot server: a second namespace is the router between them,
with Debian's dhcrelay for both families and radvd, as a site's switch would be."""
from lab import SERVER_IP, SERVER_IP6, Lab, wait_for

FAR, FAR6 = "10.78.0", "fd78:"


class RelayLab(Lab):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.router = f"{self.ns}-r"
        self.machine_ns = self.router
        self.interface = "up0"

    def make_network(self):
        for ns in (self.ns, self.router):
            self.ip("netns", "add", ns)
            self.ip("-n", ns, "link", "set", "lo", "up")
        self.ip("-n", self.ns, "link", "add", "up0", "type", "veth", "peer", "name", "dn0", "netns", self.router)
        self.ip("-n", self.router, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        for ns, dev, *addresses in (
                (self.ns, "up0", f"{SERVER_IP}/24", f"{SERVER_IP6}/64"),
                (self.router, "dn0", "10.77.0.2/24", "fd77::2/64"),
                (self.router, "br0", f"{FAR}.1/24", f"{FAR6}:1/64")):
            for address in addresses:
                self.ip("-n", ns, "addr", "add", address, "dev", dev, *(["nodad"] if ":" in address else []))
            self.ip("-n", ns, "link", "set", dev, "up")
        self.ip("netns", "exec", self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1",
                "net.ipv6.conf.all.forwarding=1")
        self.ip("-n", self.ns, "route", "add", f"{FAR}.0/24", "via", "10.77.0.2")
        self.ip("-n", self.ns, "route", "add", f"{FAR6}:/64", "via", "fd77::2")

    def add_machine(self, *args, **kw):
        m = super().add_machine(*args, **kw)
        m.ip, m.ip6 = f"{FAR}.{10 + m.index}", f"{FAR6}:{10 + m.index}"
        return m

    def subnets(self):
        return [{"prefix": f"{FAR}.0/24", "gateway": f"{FAR}.1", "lease_s": 3600, "relay": f"{FAR}.1"},
                {"prefix": f"{FAR6}:/64", "lease_s": 3600, "relay": f"{FAR6}:1", "ra": "off"}]

    def start(self):
        super().start()
        self.write("radvd.conf", f"""interface br0 {{
  AdvSendAdvert on; AdvManagedFlag on; AdvOtherConfigFlag on; MaxRtrAdvInterval 10;
  prefix {FAR6}:/64 {{ AdvOnLink on; AdvAutonomous off; }};
}};
""")
        self.spawn("radvd", ["radvd", "-n", "-m", "stderr", "-C", self.path("radvd.conf"), "-p", self.path("radvd.pid")],
                   ns=self.router)
        self.spawn("dhcrelay4", ["dhcrelay", "-4", "-d", "-id", "br0", "-iu", "dn0", "--no-pid", SERVER_IP],
                   ns=self.router)
        self.spawn("dhcrelay6", ["dhcrelay", "-6", "-d", "-l", "br0", "-u", f"{SERVER_IP6}%dn0", "--no-pid"],
                   ns=self.router)
        wait_for(lambda: ":67 " in self.run("ss", "-Hlun", ns=self.router).stdout and
                 ":547 " in self.run("ss", "-Hlun", ns=self.router).stdout, "the relays")

    def remove_network(self):
        super().remove_network()
        self.ip_quietly("netns", "del", self.router)
