# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab with an NFS server: nfs-ganesha and the port mapper that NFSv3 clients ask, in the lab's namespace, with the
exports that `netboot-ctl site config --for ganesha` prints."""
import signal

from lab import Lab, wait_for

# Both keep files below /run, which they share with nobody here; the port mapper ends with the namespace's first process.
START = 'mount -t tmpfs none /run && mkdir /run/rpcbind; rpcbind -f & exec ganesha.nfsd -F -f "$1" -L "$2" -p "$3"'


class NfsLab(Lab):
    def start_nfs(self):
        text = self.ctl("site", "config", "local", "--for", "ganesha", "--images-root", self.path("images")).stdout
        text += f'\nNFSv4 {{ Graceless = true; RecoveryRoot = "{self.path("recovery")}"; }}\n'
        conf = self.write("ganesha.conf", text)
        self.spawn("ganesha", ["unshare", "-m", "--pid", "--fork", "--kill-child", "sh", "-c", START, "sh", conf, self.path("ganesha-nfsd.log"),
                               self.path("ganesha.pid")])
        wait_for(lambda: ":2049 " in self.run("ss", "-Hltn").stdout and "nfs" in self.run("rpcinfo", "-p", "127.0.0.1").stdout,
                 "nfs-ganesha and its entry in the port mapper")

    def close(self):
        self.end("ganesha", signal.SIGKILL)  # the first process of a namespace does not hear SIGTERM
        super().close()
