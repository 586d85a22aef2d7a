# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad road to a UDP service:  lossy_udp.py LISTEN:PORT TO:PORT PERCENT SEED DELAY_MS

Loses that share of the packets each way and holds up the answers for so long; one socket of its own
per client, so that the service sees the clients apart. "ready" on standard output says that it listens."""
import random
import selectors
import socket
import sys
import time


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    here, there = address(sys.argv[1]), address(sys.argv[2])
    percent, seed, delay = int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]) / 1000
    rng = random.Random(seed)
    sel = selectors.DefaultSelector()
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(here)
    sel.register(front, selectors.EVENT_READ)
    backs, clients, late = {}, {}, []
    print("ready", flush=True)
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        for key, _ in sel.select(wait):
            try:
                data, source = key.fileobj.recvfrom(2048)
            except ConnectionRefusedError:
                continue
            if rng.randrange(100) < percent:
                continue
            if key.fileobj is not front:
                late.append((time.monotonic() + delay, data, clients[key.fileobj]))
                continue
            if source not in backs:
                back = backs[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                back.connect(there)
                clients[back] = source
                sel.register(back, selectors.EVENT_READ)
            backs[source].send(data)
        while late and late[0][0] <= time.monotonic():
            _, data, client = late.pop(0)
            front.sendto(data, client)


main()
