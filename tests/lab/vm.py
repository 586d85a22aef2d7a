#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual server: runs QEMU as a machine with power, reset and a one-shot boot device.

The BMC in front of it (ipmi_sim or bmcsim, through chassis.sh) writes commands to the FIFO DIR/cmd and
reads DIR/power:

    power 1|0      switch on, or off at once
    reset 1        hard reset
    shutdown 1     ACPI power button

DIR/boot holds the device of the next start only; anything but pxe means the machine's own order. A guest
that resets itself is started again in that order, as hardware whose one-shot boot flag has been used up.
DIR/starts gets a line for every start: time, boot order.
"""
import argparse
import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PC = ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max"]
# What each firmware runs on: the machine; the flash that holds the firmware, and the one with its variables.
PLATFORMS = {
    "uefi": (PC, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    # Debian has the 32-bit build only as the one that keeps its variables behind SMM; no keys are enrolled in them.
    "uefi-ia32": ([*PC, "-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"],
                  "/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF32_VARS_4M.fd"),
    # Both flashes are 64 MiB there: the firmware alone is given, and its variables go with the power.
    "uefi-arm64": (["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57",
                    "-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"], None, None),
    "bios": ([*PC, "-machine", "graphics=off"], None, None),  # SeaBIOS then speaks on the serial port
}


class Qmp:
    """QEMU's control socket: commands out, events in; answers to commands are not needed."""

    def __init__(self, path, deadline):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.buffer = b""
        self.command("qmp_capabilities")

    def command(self, name):
        self.sock.sendall(json.dumps({"execute": name}).encode() + b"\n")

    def events(self):
        """The messages that have arrived; None when QEMU has closed the socket."""
        data = self.sock.recv(65536)
        if not data:
            return None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]


class Machine:
    def __init__(self, args):
        self.args = args
        self.dir = args.dir
        self.qemu = None
        self.qmp = None
        self.reason = None
        self.selector = selectors.DefaultSelector()
        os.makedirs(self.dir, exist_ok=True)
        fifo = self.path("cmd")
        if not os.path.exists(fifo):
            os.mkfifo(fifo, 0o600)
        self.commands = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self.commands, selectors.EVENT_READ)
        self.platform, self.flash, variables = PLATFORMS[args.firmware]
        if variables and not os.path.exists(self.path("vars.fd")):
            shutil.copyfile(variables, self.path("vars.fd"))
        self.write("boot", "default")
        self.write("power", "0")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name + ".new"), "w") as f:
            f.write(text + "\n")
        os.rename(self.path(name + ".new"), self.path(name))

    def command_line(self, net_first):
        a = self.args
        net, disk = (1, 2) if net_first else (2, 1)
        line = [*self.platform, "-accel", "tcg,thread=multi", "-m", str(a.memory),
                "-nodefaults", "-display", "none", "-vga", "none", "-no-reboot",
                "-uuid", a.uuid, "-smbios", f"type=1,serial={a.name}-sn",
                "-drive", f"if=none,id=d0,file={a.disk},format=raw,cache=unsafe",
                "-device", f"virtio-blk-pci,drive=d0,bootindex={disk}",
                "-netdev", f"tap,id=n0,ifname={a.tap},script=no,downscript=no",
                "-object", "rng-random,id=r0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=r0",
                "-qmp", f"unix:{self.path('qmp')},server=on,wait=off"]
        nic = f"virtio-net-pci,netdev=n0,mac={a.mac},bootindex={net}"
        if a.firmware != "bios":
            # OVMF tries PXEv4, PXEv6, HTTPv4 and HTTPv6 in turn, each for a minute; these take the first ones out.
            for name in {"any": [], "pxe6": ["4"], "http": ["4", "6"]}[a.path]:
                line += ["-fw_cfg", f"name=opt/org.tianocore/IPv{name}PXESupport,string=n"]
            nic += ",romfile="
        if self.flash:
            line += ["-drive", f"if=pflash,format=raw,readonly=on,file={self.flash}",
                     "-drive", f"if=pflash,format=raw,file={self.path('vars.fd')}"]
        line += ["-device", nic]
        log = f"logfile={self.path('console.log')},logappend=on"
        if a.sol:
            # The BMC's end of the serial line waits for us. Over TCP: a UNIX socket is full after some hundred writes of one
            # octet, and then QEMU loses octets, and writes others twice to its log.
            host, port = a.sol.split(":")
            line += ["-chardev", f"socket,id=s0,host={host},port={port},nodelay=on,{log}"]
        elif a.serial:
            line += ["-chardev", f"socket,id=s0,path={a.serial},server=on,wait=off,{log}"]
        elif a.sol_port:
            line += ["-chardev", f"socket,id=s0,host=127.0.0.1,port={a.sol_port},server=on,wait=off,{log}"]
        else:
            line += ["-chardev", f"null,id=s0,{log}"]
        return line + ["-serial", "chardev:s0"]

    def start(self):
        if self.qemu:
            return
        with open(self.path("boot")) as f:
            net_first = f.read().strip() == "pxe" or self.args.net_first
        self.write("boot", "default")
        self.reason = None
        if os.path.exists(self.path("qmp")):
            os.unlink(self.path("qmp"))
        libc = ctypes.CDLL(None)
        with open(self.path("qemu.log"), "ab") as log:
            self.qemu = subprocess.Popen(
                self.command_line(net_first), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        with open(self.path("starts"), "a") as f:
            f.write(f"{time.time():.3f} {'net' if net_first else 'disk'}\n")
        try:
            self.qmp = Qmp(self.path("qmp"), time.monotonic() + 60)
        except OSError:
            self.stop()
            return
        self.selector.register(self.qmp.sock, selectors.EVENT_READ)
        self.write("power", "1")

    def stop(self):
        if not self.qemu:
            return
        if self.qmp:
            self.selector.unregister(self.qmp.sock)
            self.qmp.sock.close()
            self.qmp = None
        self.qemu.kill()
        self.qemu.wait()
        self.qemu = None
        self.write("power", "0")

    def on_command(self, words):
        verb, value = words[0], words[1] if len(words) > 1 else ""
        if verb == "power" and value == "1":
            self.start()
        elif verb == "power" or verb == "quit":
            self.stop()
        elif verb == "reset" and self.qemu:
            self.stop()
            self.start()
        elif verb == "shutdown" and self.qmp:
            self.qmp.command("system_powerdown")
        return verb != "quit"

    def on_qemu(self):
        events = self.qmp.events()
        for event in events or []:
            if event.get("event") == "SHUTDOWN":
                self.reason = event["data"].get("reason")
        if events is None:
            again = self.reason == "guest-reset"
            self.stop()
            if again:
                self.start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fd == self.commands:
                    for line in os.read(self.commands, 4096).decode().splitlines():
                        if line.strip() and not self.on_command(line.split()):
                            return
                elif self.qmp and key.fd == self.qmp.sock.fileno():
                    self.on_qemu()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--dir", required=True)
    p.add_argument("--name", required=True)
    p.add_argument("--tap", required=True)
    p.add_argument("--mac", required=True)
    p.add_argument("--uuid", required=True)
    p.add_argument("--disk", required=True)
    p.add_argument("--firmware", choices=[*PLATFORMS], default="uefi")
    p.add_argument("--path", choices=["any", "pxe6", "http"], default="any",
                   help="where UEFI begins: PXE over IPv4, PXE over IPv6, HTTP boot")
    p.add_argument("--memory", type=int, default=512)
    p.add_argument("--sol-port", type=int, default=0)
    p.add_argument("--sol", default="", metavar="ADDRESS:PORT", help="the BMC's end of the serial line")
    p.add_argument("--serial", default="", help="UNIX socket of the serial port")
    p.add_argument("--net-first", action="store_true", help="the machine's own order is network, then disk")
    machine = Machine(p.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        machine.run()
    finally:
        machine.stop()


if __name__ == "__main__":
    main()
