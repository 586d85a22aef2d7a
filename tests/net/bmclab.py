# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated BMCs (bmcsim, ipmi_sim) in a namespace of their own, the IPMI engine (bmcctl) and other
people's IPMI clients against them. Everything is removed by close()."""
import json
import os
import pty
import shutil
import socket
import stat
import subprocess
import tempfile

import netlab

USER = "admin"
PASSWORD = "secret17"
PORT = 9623


class Terminal:
    """A client that wants a terminal."""

    def __init__(self, ns, *argv, **kw):
        self.fd, slave = pty.openpty()
        try:
            self.proc = ns.popen(*argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **kw)
        finally:
            os.close(slave)
        os.set_blocking(self.fd, False)
        self.text = ""

    def read(self):
        try:
            self.text += os.read(self.fd, 65536).decode("latin1")
        except BlockingIOError:
            pass
        except OSError:  # the other end is closed
            return self.text
        return self.text

    def wait(self, text):
        """Waits until it has shown that, and returns what came before it; that is forgotten then."""
        netlab.until(lambda: text in self.read() or self.proc.poll() is not None, repr(text))
        assert text in self.read(), f"ended without {text!r}: {self.text!r}"
        before, _, self.text = self.text.partition(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode("latin1"))

    def end(self, timeout=2 * netlab.PATIENCE):
        """Waits for its end; what it said since."""
        netlab.until(lambda: (self.read(), self.proc.poll() is not None)[1], "the end of the client", timeout)
        return self.read()

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        os.close(self.fd)


class Bmcs:
    """bmcsim with the lines of `config`; by default one BMC at 127.77.0.1:9623."""

    def __init__(self, config=None, seed=1, argv=()):
        self.ns = netlab.Namespace("bmc")
        self.dir = tempfile.mkdtemp(prefix="bmclab-")
        self.sim = self.sock = None
        self.freeipmi_confs = {}
        try:
            path = self.write("bmcsim.conf", config or f"127.77.0.1:{PORT} {USER} {PASSWORD} operator\n")
            control = os.path.join(self.dir, "bmcsim.sock")
            self.log = open(os.path.join(self.dir, "bmcsim.err"), "w+")
            self.sim = self.ns.popen(os.path.join(netlab.BUILD, "tests/fake/bmcsim"), "-c", path, "-s", control,
                                     "-r", str(seed), *argv, stdout=subprocess.PIPE, stderr=self.log)
            ready = self.sim.stdout.readline()
            assert ready.startswith(b"ready"), self.stderr()
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(control)
            self.answers = self.sock.makefile("r")
        except BaseException:
            self.close()
            raise

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def stderr(self):
        self.log.seek(0)
        return self.log.read()

    def ask_any(self, line):
        self.sock.sendall(line.encode() + b"\n")
        return self.answers.readline().strip()

    def ask(self, line):
        answer = self.ask_any(line)
        assert answer and not answer.startswith("error"), f"{line}: {answer}"
        return answer

    def fault(self, who="all", **faults):
        for name, value in faults.items():
            self.ask(f"fault {who} {name} {value}")

    def power(self, on, who="all"):
        self.ask(f"power {who} {'on' if on else 'off'}")

    def show(self, who=f"127.77.0.1:{PORT}"):
        return json.loads(self.ask(f"show {who}"))

    def sum(self):
        return json.loads(self.ask("sum"))

    def start(self, *argv, password=PASSWORD, kg=None, learned=None, manners=None):
        """bmcctl in the background."""
        env = dict(os.environ, BMC_PASSWORD=password, **({"BMC_KG": kg} if kg else {}),
                   **({"BMC_LEARNED": json.dumps(learned)} if learned else {}),
                   **({"BMC_MANNERS": json.dumps(manners)} if manners else {}))
        return self.ns.popen(os.path.join(netlab.BUILD, "tests/fake/bmcctl"), *argv, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=env)

    def finish(self, p, timeout=2 * netlab.PATIENCE):
        out, err = p.communicate(timeout=timeout)
        assert p.returncode in (0, 2), err
        assert "ERROR" not in err and "runtime error" not in err, err
        assert PASSWORD not in out + err
        return [json.loads(line) for line in out.splitlines()]

    def ctl(self, *argv, timeout=2 * netlab.PATIENCE, **kw):
        """Runs bmcctl; (results in order of completion, totals)."""
        lines = self.finish(self.start(*argv, **kw), timeout)
        return [x for x in lines[:-1] if "note" not in x], lines[-1]

    def one(self, *argv, target=f"127.77.0.1:{PORT}", **kw):
        """One call to one BMC: its result."""
        results, _ = self.ctl(*argv, target, **kw)
        assert len(results) == 1
        return results[0]

    def ipmitool(self, *argv, host="127.77.0.1", suite=17, check=True):
        env = dict(os.environ, IPMITOOL_PASSWORD=PASSWORD)
        return self.ns.run("ipmitool", "-I", "lanplus", "-H", host, "-p", str(PORT), "-U", USER, "-E", "-C",
                           str(suite), *argv, env=env, check=check).stdout

    def freeipmi_conf(self, suite=17, user=USER, password=PASSWORD, privilege="OPERATOR", kg=None, ipmi="driver-type LAN_2_0\n"):
        text = (f"{ipmi}username {user}\npassword {password}\ncipher-suite-id {suite}\nprivilege-level {privilege}\n"
                + (f"k_g {kg}\n" if kg else ""))
        if text not in self.freeipmi_confs:  # a client that starts may be reading one
            name = f"freeipmi-{len(self.freeipmi_confs)}.conf"
            self.freeipmi_confs[text] = self.write(name, text)
        return self.freeipmi_confs[text]

    def freeipmi(self, program, *argv, check=True, **conf):
        return self.freeipmi_run(program, *argv, check=check, **conf).stdout

    def freeipmi_run(self, program, *argv, check=False, **conf):
        """As it ended: status, stdout, stderr. Its cache of sensor records lies in our folder."""
        return self.ns.run(program, "--config-file", self.freeipmi_conf(**conf), *argv, check=check,
                           env=dict(os.environ, HOME=self.dir))

    def ipmitool_works(self, *argv, **kw):
        """Its exit status alone does not tell: it may be 0 though no session was opened."""
        r = self.ipmitool_run(*argv, **kw)
        return r.returncode == 0 and "Error" not in r.stdout + r.stderr

    def ipmitool_run(self, *argv, host="127.77.0.1", suite=17, user=USER, password=PASSWORD):
        return self.ns.run("ipmitool", "-I", "lanplus", "-H", host, "-p", PORT, "-U", user, "-E", "-C", suite, *argv,
                           check=False, env=dict(os.environ, IPMITOOL_PASSWORD=password))

    def ipmiconsole(self, *argv, host="127.77.0.1", port=PORT, **conf):
        conf = self.freeipmi_conf(ipmi="", **conf)
        return Terminal(self.ns, "ipmiconsole", "--config-file", conf, "-h", f"{host}:{port}", *argv)

    def ipmitool_sol(self, *argv, host="127.77.0.1", suite=17):
        return Terminal(self.ns, "ipmitool", "-I", "lanplus", "-H", host, "-p", PORT, "-U", USER, "-E", "-C", suite, *argv,
                        "sol", "activate", env=dict(os.environ, IPMITOOL_PASSWORD=PASSWORD))

    def attach(self, who=f"127.77.0.1:{PORT}"):
        """The serial line of that machine's, as a socket."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(netlab.PATIENCE)
        s.connect(os.path.join(self.dir, "bmcsim.sock"))
        s.sendall(f"serial {who} attach\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            answer += s.recv(1)
        assert answer == b"ok\n", answer
        return s

    def close(self):
        if self.sock:
            self.sock.close()
        failed = None
        if self.sim:
            self.sim.terminate()
            self.sim.wait(timeout=netlab.PATIENCE)
            failed = self.stderr() if self.sim.returncode else None
            self.log.close()
        self.ns.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not failed, f"bmcsim: {failed}"


class IpmiSim:
    """OpenIPMI's simulator, one BMC at 127.77.0.1:9623, suite 3 only."""

    SCRIPT = """#!/bin/sh
d={dir}
op=$1; shift
case $op in
get) for p; do case $p in power) echo "power:$(cat $d/power)";; boot) echo "boot:$(cat $d/boot)";; esac; done;;
set) while [ $# -ge 2 ]; do case $1 in
       power) echo $2 >$d/power;; shutdown) echo 0 >$d/power;; boot) echo $2 >$d/boot;; reset) echo reset >>$d/events;;
     esac; shift 2; done;;
esac
exit 0
"""

    def __init__(self, lan_options="", emu="", ns=None, address="127.77.0.1"):
        self.own_ns = ns is None
        self.ns = ns or netlab.Namespace("bmc")
        self.dir = tempfile.mkdtemp(prefix="bmclab-")
        self.write("power", "0\n")
        self.write("boot", "default\n")
        script = self.write("chassis.sh", self.SCRIPT.format(dir=self.dir))
        os.chmod(script, os.stat(script).st_mode | stat.S_IXUSR)
        lan = self.write("lan.conf", f'''name "sim"
set_working_mc 0x20
  startlan 14
    addr {address} {PORT}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
    {lan_options}
  endlan
  chassis_control "{script}"
  user 2 true "{USER}" "{PASSWORD}" admin 10 none md2 md5 straight
''')
        emu = self.write("bmc.emu", "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\n"
                         + emu + "mc_enable 0x20\n")
        os.mkdir(os.path.join(self.dir, "state"))
        self.sim = self.ns.popen("ipmi_sim", "-c", lan, "-f", emu, "-s", os.path.join(self.dir, "state"), "-n",
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        netlab.until(lambda: f"{address}:{PORT}" in self.ns.run("ss", "-Hlun").stdout, "ipmi_sim")

    write = Bmcs.write
    start = Bmcs.start
    finish = Bmcs.finish
    ctl = Bmcs.ctl
    one = Bmcs.one

    def behind(self, loss=0, delay_ms=0, seed=1):
        """The target to use for a bad road to it: loses that percentage each way, delays answers."""
        target = f"127.77.0.2:{PORT}"
        script = os.path.join(netlab.ROOT, "tests", "net", "lossy_udp.py")
        p = self.ns.popen("python3", script, target, f"127.77.0.1:{PORT}", loss, seed, delay_ms,
                          stdout=subprocess.PIPE)
        assert p.stdout.readline() == b"ready\n"
        return target

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read().strip()

    def close(self):
        self.sim.kill()
        self.sim.wait()
        if self.own_ns:
            self.ns.close()
        shutil.rmtree(self.dir, ignore_errors=True)
