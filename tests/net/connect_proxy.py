# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that knows CONNECT and nothing else (RFC 9110 9.3.6), and says on its output whom it connected:
connect_proxy.py ADDRESS PORT [USER:PASSWORD]     who does not say so (RFC 7617) is answered 407"""
import asyncio
import base64
import sys

LOGIN = sys.argv[3] if len(sys.argv) > 3 else None


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split()
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        if LOGIN and fields.get("proxy-authorization") != "Basic " + base64.b64encode(LOGIN.encode()).decode():
            print("407", target, flush=True)
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
            return
        assert "authorization" not in fields
        host, _, port = target.rpartition(":")
        print(method, target, flush=True)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        theirs = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, theirs[1]), pump(theirs[0], writer))
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(address, port):
    server = await asyncio.start_server(serve, address, int(port))
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
