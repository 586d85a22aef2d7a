# SPDX-License-Identifier: GPL-3.0-or-later
"""netboot-agent and netboot-bootd for a host and a site without IPv4 addresses: URLs, loader, ticket, probe."""
import pytest

from agent_lab import MAC, Machine
from netlab import until


@pytest.fixture
def v6(netns, site):
    """A site with one host; neither has anything but IPv6. What DHCP shows is still a request over IPv4."""
    netns.server.ip("addr", "del", "10.77.0.1/24", "dev", "br0")
    s = site(start=False, site_url="")
    s.hosts[0]["nics"] = [{"mac": MAC, "ip6": "fd77::11"}]
    s.orch.table = {**s.table(1), "subnets": [{"prefix": "fd77::/64", "ra": "managed"}]}
    ns = netns.add_client(mac=MAC)
    ns.ip("addr", "add", "fd77::11/64", "dev", "eth0", "nodad")
    s.clients[1] = ns
    return s


class Machine6(Machine):
    def loader(self):
        self.ns.run("curl", "-s", "-m", "60", "-o", "/dev/null", "tftp://[fd77::1]/snponly.efi")

    def curl(self, url, *args, **kw):
        return super().curl(url.replace("http://10.77.0.1/", "http://[fd77::1]/"), "-g", *args, **kw)


def test_reinstall(v6):
    s = v6.start_agent()
    image = s.image(args="ip=${ip6} from=${site.server} at=${site.url}")
    job = s.order(s.bundle(image=image))
    s.wait_stage("power")
    m = Machine6(s, s.clients[1], MAC)
    m.boot_all()
    assert s.wait_end(job)["kind"] == "job.done"
    assert m.kernel_url.startswith("http://[fd77::1]/b/")
    assert m.args.split()[1:4] == ["ip=fd77::11", "from=fd77::1", "at=http://[fd77::1]"]
    assert m.report_url().startswith("http://[fd77::1]/report/")
    kernel = s.wait_stage("kernel", job=job)
    assert "fd77::11" in kernel["detail"]["evidence"]
    s.check_ticket_rule(job)


def test_probe(v6):
    v6.hosts[0]["probe"] = "tcp:2222"
    s = v6.start_agent()
    image = s.image(kind="live", reports=[], local_boot=False, args="")
    job = s.order(s.bundle(kind="live", image=image))
    s.wait_stage("power")
    m = Machine6(s, s.clients[1], MAC)
    assert m.load()
    s.wait_stage("initrd", job=job)
    listener = m.ns.popen("/usr/bin/python3", "-c", "import signal, socket\n"
                          "s = socket.create_server(('fd77::11', 2222), family=socket.AF_INET6)\nsignal.pause()")
    until(lambda: ":2222" in m.ns.run("ss", "-Hltn").stdout, what="the listener")
    assert s.wait_end(job)["kind"] == "job.done"
    assert "os-up" in s.stages(job)
    listener.kill()


def test_a_system_that_needs_ipv4_is_refused_while_the_machine_runs(v6):
    s = v6.start_agent()
    image = s.image(args="archisobasedir=sysresccd ip=dhcp archiso_http_srv=${files}/")
    job = s.order(s.bundle(image=image))
    end = s.wait_end(job)
    assert end["kind"] == "job.failed" and end["detail"]["code"] == "image-ipv4", end
    assert "IPv4 subnet" in end["detail"]["next"]
    assert s.stages(job) == []
