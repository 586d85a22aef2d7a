# SPDX-License-Identifier: GPL-3.0-or-later
"""A lossy road to a UDP service:  lossy_udp.py LISTEN:PORT TO:PORT PERCENT SEED

Loses that share of the packets each way; one socket of its own per client, so that the service
sees the clients apart. "ready" on standard output says that it listens."""
import random
import selectors
import socket
import sys


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    here, there, percent, seed = address(sys.argv[1]), address(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rng = random.Random(seed)
    sel = selectors.DefaultSelector()
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(here)
    sel.register(front, selectors.EVENT_READ)
    backs, clients = {}, {}
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            try:
                data, source = key.fileobj.recvfrom(2048)
            except ConnectionRefusedError:
                continue
            if rng.randrange(100) < percent:
                continue
            if key.fileobj is not front:
                front.sendto(data, clients[key.fileobj])
                continue
            if source not in backs:
                back = backs[source] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                back.connect(there)
                clients[back] = source
                sel.register(back, selectors.EVENT_READ)
            backs[source].send(data)


main()
