# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's store and the real orchestrator."""
import os

from far_lab import FarSite
from netlab import until
from orch_lab import document
from store_lab import StoreSite


def there(s, path, data):
    def same():
        return os.path.exists(s.image(path)) and s.read(path) == data
    until(same, what=f"{path} at the site")


def test_a_sites_images_come_by_themselves(filled):
    big = os.urandom(5_000_000)
    filled.put_file("images/deb/root.sfs", big)
    doc = document()
    doc["images"][0]["files"] = [{"path": "deb/root.sfs"}]
    assert filled.apply({"images": doc["images"]}).status == 200
    s = StoreSite(server=filled.socket, site="local")
    try:
        s.start()
        there(s, "deb/vmlinuz", b"kernel")
        there(s, "deb/initrd.gz", b"initrd")
        there(s, "deb/root.sfs", big)
        # The next version, at the same path.
        big = big[:2_000_000] + os.urandom(100_000) + big[2_100_000:]
        filled.put_file("images/deb/root.sfs", big)
        assert filled.apply({"images": doc["images"]}).status == 200
        there(s, "deb/root.sfs", big)
    finally:
        print(s.stderr()[-3000:])
        s.close()


def test_over_the_line_with_its_certificate(netns):
    """A site that begins with nothing: its image comes by mutual TLS, and a job boots it."""
    f = FarSite(netns, delay_ms=30, rate_kbit=20000, loss=1)
    try:
        os.mkdir(f.path("far-images"))
        services = f.agent_config({})["boot_services"]
        services["dirs"]["images"] = f.path("far-images")
        f.configure(boot_services=services)
        f.start()
        for name, data in (("d/vmlinuz", f.kernel), ("d/initrd", f.initrd)):
            until(lambda: os.path.exists(f.path("far-images", name)), what=name)
            assert f.octets(os.path.join("far-images", name)) == data
        assert f.ctl("image", "status").returncode == 0
        done = until(lambda: (r := f.reinstall("edge01")).returncode == 0 and r, "the orchestrator to know that it is there")
        job = done.stdout.strip()
        until(lambda: f.job(job)["stage"] == "firmware-dhcp", "the machine to be switched on")
        m = f.machine()
        assert m.load() and m.report("up") == m.report("installed") == "204"
        until(lambda: f.job(job)["state"] in ("done", "failed"), "the job's end")
        assert f.job(job)["state"] == "done", f.job(job)
    finally:
        print(f.read("agent.log")[-3000:])
        f.close()
