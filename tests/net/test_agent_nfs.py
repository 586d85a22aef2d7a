# SPDX-License-Identifier: GPL-3.0-or-later
"""An image whose root comes over NFS: the agent asks nfs-ganesha, in the site's namespace, whether it is exported."""
import os
import signal
import subprocess

from netlab import PATIENCE, until

CONF = """
NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = 2049; Enable_NLM = false; Enable_RQUOTA = false; }}
NFSv4 {{ {more} Graceless = true; RecoveryRoot = {dir}/recovery; }}
EXPORT {{ Export_Id = 1; Path = {path}; Pseudo = {path}; Access_Type = RO; Squash = Root_Squash;
          SecType = sys; FSAL {{ Name = VFS; }} CLIENT {{ Clients = 10.77.0.0/24; Access_Type = RO; }} }}
"""


class Ganesha:
    def __init__(self, site, path, more=""):
        self.dir = site.path("ganesha")
        os.makedirs(os.path.join(self.dir, "recovery"), exist_ok=True)
        conf = os.path.join(self.dir, "conf")
        with open(conf, "w") as f:
            f.write(CONF.format(dir=self.dir, path=path, more=more))
        self.log = os.path.join(self.dir, "log")
        self.proc = site.server.popen("ganesha.nfsd", "-F", "-f", conf, "-L", self.log, "-p",
                                      os.path.join(self.dir, "pid"), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        try:
            until(lambda: self.listens(site), what="nfs-ganesha to listen")
        except BaseException:
            self.stop()
            raise

    def listens(self, site):
        assert self.proc.poll() is None, open(self.log).read()[-2000:]
        return ":2049" in site.server.run("ss", "-Hltn").stdout

    def stop(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait(timeout=PATIENCE)


def order(s, root):
    image = s.image(kind="live", nfs_root=root, reports=[], local_boot=False,
                    args="boot=live netboot=nfs nfsroot=${nfs}")
    return s.order(s.bundle(kind="live", image=image))


def refused(s, root):
    end = s.wait_end(order(s, root))
    assert (end["kind"], end["detail"]["code"]) == ("job.failed", "nfs-export"), end
    assert s.bmc_show()["power"] == "off" and end["detail"]["next"]
    return end["detail"]["text"]


def test_a_root_over_nfs_is_seen_before_anything_is_switched(site):
    s = site()
    os.makedirs(s.path("images", "live/live"))
    os.makedirs(s.path("images", "other"))
    s.put("images", "live/live/filesystem.squashfs", b"root")
    assert "no NFS server at 10.77.0.1: Connection refused" in refused(s, "live")
    g = Ganesha(s, s.path("images", "live"))
    try:
        missing = s.wait_event("nfs.missing", path="live")
        assert missing["host"] == "edge01" and missing["detail"]["next"]
        text = refused(s, "other")
        assert f"the NFS server at 10.77.0.1 does not export {s.path('images')}/other" == text
        assert "is no folder" in refused(s, "live/live/filesystem.squashfs")
        job = order(s, "live")
        s.wait_stage("power")
        seen, = [e["detail"]["evidence"] for e in s.events if e.get("job") == job and e["kind"] == "job.stage"
                 and e["detail"]["stage"] == "preflight" and e["detail"]["state"] == "confirmed"]
        assert "NFS export seen" in seen
        s.wait_event("nfs.seen", path="live")
        m = s.machine()
        assert m.load() and f"nfsroot=10.77.0.1:{s.path('images')}/live" in m.args
        assert s.wait_end(job)["kind"] == "job.done"
    finally:
        g.stop()


def unchecked(s, root, why):
    """The job goes on, and the record says what was not seen."""
    job = order(s, root)
    ev = s.wait_event("nfs.unchecked", path=root)
    assert why in ev["reason"] and "was not seen" in ev["reason"]
    assert ev["detail"]["code"] == "nfs-unchecked" and ev["detail"]["next"]
    s.wait_stage("power")
    seen, = [e["detail"]["evidence"] for e in s.events if e.get("job") == job and e["kind"] == "job.stage"
             and e["detail"]["stage"] == "preflight" and e["detail"]["state"] == "confirmed"]
    assert "NFS export not checked" in seen


def test_a_server_of_later_minor_versions_is_not_checked(site):
    s = site()
    os.makedirs(s.path("images", "live"))
    g = Ganesha(s, s.path("images", "live"), more="minor_versions = 1,2;")
    try:
        unchecked(s, "live", "speaks NFSv4.1 or later only")
    finally:
        g.stop()


def test_a_site_that_is_known_by_name(site):
    s = site(site_url="http://localhost")
    os.makedirs(s.path("images", "live"))
    assert "no NFS server at localhost (127.0.0.1): Connection refused" in refused(s, "live")


def test_a_name_that_is_not_known_here(site):
    s = site(site_url="http://boot.invalid")
    os.makedirs(s.path("images", "live"))
    unchecked(s, "live", "the address of boot.invalid is not known here")


def test_what_is_no_nfs_server_is_told_apart(site):
    s = site()
    os.makedirs(s.path("images", "live"))
    talk = ("import socket,sys; l=socket.create_server(('10.77.0.1', 2049)); print('on', flush=True)\n"
            "c,_=l.accept(); c.recv(10); c.sendall(b'SSH-2.0-x\\r\\n'); c.recv(1000)\n"
            "c,_=l.accept(); sys.stdin.read()")
    p = s.server.popen("python3", "-c", talk, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "on\n"
        assert "does not answer as one" in refused(s, "live")
        assert "it does not answer" in refused(s, "live")
    finally:
        p.kill()
        p.wait(timeout=PATIENCE)
        p.stdin.close()
        p.stdout.close()
