#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way from the machine's own loopback to a port of the lab: door.py PORT, with a listening socket as standard input.

It runs in the lab's namespace; the socket that it inherits stays in the one where it was opened. So a browser outside
sees the page of an orchestrator that listens inside, and nothing else of the lab can be reached.
"""
import asyncio
import socket
import sys


async def carry(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def enter(reader, writer):
    try:
        inner = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, inner[1]), carry(inner[0], writer))


async def main():
    server = await asyncio.start_server(enter, sock=socket.socket(fileno=0))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
