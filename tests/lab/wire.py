# SPDX-License-Identifier: GPL-3.0-or-later
"""What tshark saw of a boot, beside what the boot services told of it.

    with Wire(lab) as wire:  …the boot…
    wire.discovers("pxe"), wire.tftp(FILE), wire.http(PART)   times in seconds since the epoch

It captures on the bridge of the lab, in the lab's namespace. A transfer ends when the client has acknowledged its last octet."""
import subprocess
from urllib.parse import unquote

from lab import SERVER_IP, wait_for

FIELDS = ["frame.time_epoch", "ip.src", "udp.srcport", "udp.dstport", "dhcp.option.dhcp", "tftp.opcode",
          "tftp.source_file", "tcp.stream", "tcp.seq", "tcp.len", "tcp.ack", "tcp.flags.reset", "http.request.uri",
          "dhcp.option.vendor_class_id"]


class Wire:
    def __init__(self, lab):
        self.lab, self.file, self.packets, self.ipxe = lab, lab.path("wire.pcapng"), [], set()

    def __enter__(self):
        self.lab.spawn("tshark", ["tshark", "-n", "-q", "-i", self.lab.interface, "-s", "600", "-w", self.file, "-f",
                                  "udp or tcp port 80"])
        wait_for(lambda: "Capturing on" in self.lab.log("tshark"), "the capture")
        return self

    def __exit__(self, *exc):
        self.lab.end("tshark", 2)
        if exc[0] is None:
            self.packets = self.read()

    def fields(self, names, *more):
        args = ["tshark", "-n", "-r", self.file, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "separator=/t",
                "-E", "occurrence=f", *more, *(x for f in names for x in ("-e", f))]
        return subprocess.run(args, check=True, capture_output=True, text=True, timeout=120).stdout.splitlines()

    def read(self):
        names = [f.split(".", 1)[1].replace(".", "_") for f in FIELDS]
        rows = [dict(zip(names, line.split("\t"))) for line in self.fields(FIELDS)]
        for r in rows:
            r["at"] = float(r["time_epoch"])
        assert rows, self.lab.log("tshark")
        # Option 77, which tshark does not decode as iPXE writes it.
        self.ipxe = set(self.fields(["frame.time_epoch"], "-Y", "dhcp.option.type == 77"))
        return rows

    def discovers(self, kind):
        """Of firmware ("pxe") or iPXE ("ipxe")."""
        return [p["at"] for p in self.packets if p["option_dhcp"] == "1" and p["option_vendor_class_id"].startswith("PXEClient")
                and (p["time_epoch"] in self.ipxe) == (kind == "ipxe")]

    def tftp(self, name):
        """[(request, last acknowledgement)] of each session for that file."""
        found = []
        for p in self.packets:
            if p["opcode"] == "1" and p["source_file"] == name:
                acks = [q["at"] for q in self.packets if q["opcode"] == "4" and q["srcport"] == p["srcport"] and q["at"] > p["at"]]
                found.append((p["at"], acks[-1] if acks else None))
        return found

    def http(self, part):
        """[(request, acknowledgement of the last octet)] of each request whose path has `part`."""
        found = []
        for i, p in enumerate(self.packets):
            if part not in unquote(p["request_uri"]):
                continue
            stream = [q for q in self.packets[i + 1:] if q["stream"] == p["stream"]]
            # One that asks for the next file on the same connection.
            later = [q["at"] for q in stream if q["request_uri"]]
            answer = [q for q in stream if q["src"] == SERVER_IP and int(q["len"] or 0) > 0 and (not later or q["at"] < later[0])]
            end = max((int(q["seq"]) + int(q["len"]) for q in answer), default=None)
            client = [q for q in stream if q["src"] != SERVER_IP and q["flags_reset"] not in ("1", "True")]
            acks = [q["at"] for q in client if end and int(q["ack"] or 0) >= end]
            # iPXE leaves for the kernel without the last acknowledgement; a reset comes when that has its own network.
            found.append((p["at"], acks[0] if acks else client[-1]["at"] if client else None))
        return found
