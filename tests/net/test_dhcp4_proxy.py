# SPDX-License-Identifier: GPL-3.0-or-later
"""proxyDHCP beside a dnsmasq that gives the addresses: two servers on one bridge, clients in the manner of
PXE, UEFI HTTP boot and iPXE, and a dhclient that must not notice us. edge01 has an armed ticket, edge02 has
none, edge03 is to be met with silence."""

import pytest

from dhcp4_wire import (ACK, DISCOVER, INFORM, OFFER, REQUEST, SERVER, UUID, Wire, address, http, ipxe, option,
                        pxe)
from netlab import until
from test_dhcp4_clients import start_dhclient

EDGE1, EDGE2, EDGE3 = ("52:54:00:77:00:%02x" % n for n in (1, 2, 3))
OTHER = "52:54:00:99:00:01"
ADDRESSES = "10.77.0.67"
USE_FILE = b"\x06\x01\x08\xff"
HOSTS = [{"name": "edge01.lab", "nics": [{"mac": EDGE1}],
          "boot": {"order": "test", "kernel": "vmlinuz", "initrds": ["initrd.img"], "args": ""}},
         {"name": "edge02.lab", "nics": [{"mac": EDGE2}]},
         {"name": "edge03.lab", "nics": [{"mac": EDGE3}], "idle": "silent"}]


@pytest.fixture
def lab(bootd):
    b = bootd({"hosts": HOSTS, "subnets": [], "services": {"dhcp4": "proxy", "tftp": True, "http": True}},
              wait_ready=None)
    b.put("images", "vmlinuz", "kernel")
    b.put("images", "initrd.img", "initrd")
    return b.start()


@pytest.fixture
def dnsmasq(netns):
    """The giver of addresses, in a namespace of its own; without a boot file, as a site's DHCP is."""
    ns = netns.add_client(mac="02:00:00:00:00:67", address=ADDRESSES + "/24")
    ns.popen("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces",
             "--dhcp-range=10.77.0.210,10.77.0.220", "--dhcp-authoritative", "--leasefile-ro", "--no-ping")
    until(lambda: ":67" in ns.run("ss", "-lunH").stdout, what="dnsmasq")
    return ns


@pytest.fixture
def wire(lab, netns):
    w = Wire(netns.add_client(mac=EDGE1))
    yield w
    w.close()


def offers(wire, options, mac=EDGE1):
    """What both servers offer to one DISCOVER: by server, as firmware collects it."""
    got = {}
    while len(got) < 2:
        xid = 0x1b760c0f
        wire.send(wire.bootp(option(53, bytes([DISCOVER])) + options, mac=mac, xid=xid, flags=0x8000))
        while len(got) < 2 and (reply := wire.receive(xid, 2)):
            assert reply.type == OFFER
            got[reply.address(54)] = reply
    return got


def no_address(reply):
    assert reply.yiaddr == "0.0.0.0" and not {1, 3, 6, 51, 58, 59} & set(reply.options)
    assert reply.address(54) == SERVER and reply.siaddr == SERVER and len(reply.raw) >= 300
    return reply


def merge(wire, options, mac=EDGE1):
    """A boot client between two servers: the address of the one, the boot information of the other."""
    got = offers(wire, options, mac)
    proxy, lease = no_address(got[SERVER]), got[ADDRESSES]
    xid = 0x1b760c10
    wire.send(wire.bootp(option(53, bytes([REQUEST])) + option(54, lease.options[54]) +
                         option(50, address(lease.yiaddr)) + options, mac=mac, xid=xid, flags=0x8000))
    ack = wire.receive(xid)
    assert ack.type == ACK and ack.address(54) == ADDRESSES and ack.yiaddr == lease.yiaddr
    return proxy, ack


def fetch(ns, name):
    """A loader by TFTP, and what bootd took it for."""
    return ns.run("tftp", "-m", "binary", SERVER, "-c", "get", name, "/dev/null")


def test_pxe_between_two_servers(lab, dnsmasq, wire, netns):
    proxy, ack = merge(wire, pxe())
    assert proxy.options[60] == b"PXEClient" and proxy.options[43] == USE_FILE and proxy.options[97] == UUID
    assert proxy.file == b"snponly.efi" and proxy.text(67) == "snponly.efi" and proxy.order[-1] != 67
    seen = lab.wait(lambda e: e["kind"] == "dhcp4.discover")
    assert seen["host"] == "edge01.lab" and seen["detail"]["class"] == "pxe" and seen["detail"]["mode"] == "proxy"
    took = lab.wait(lambda e: e["kind"] == "dhcp4.request")
    assert took["ip"] == ack.yiaddr and took["host"] == "edge01.lab" and took["reason"].startswith("proxy")
    other = lab.wait(lambda e: e["kind"] == "dhcp4.foreign")["detail"]
    assert other["server"] == ADDRESSES and other["server_mac"] == "02:00:00:00:00:67" and "competes" not in other
    assert len(lab.find("dhcp4.foreign")) == 1
    # What it then loads is known for its own, though we did not give it its address.
    ns = next(c for c in netns.clients if c.mac == EDGE1)
    ns.ip("addr", "add", f"{ack.yiaddr}/24", "dev", "eth0")
    fetch(ns, "snponly.efi")
    loaded = lab.wait(lambda e: e["kind"] == "tftp.end" and e["detail"]["result"] == "complete")
    assert loaded["host"] == "edge01.lab" and loaded["mac"] == EDGE1
    assert not lab.find("dhcp4.ack") and not lab.find("dhcp4.nak") and not lab.find("dhcp4.ignored")


def test_http_boot_between_two_servers(lab, dnsmasq, wire):
    proxy, _ = merge(wire, http() + option(97, UUID))
    assert proxy.options[60] == b"HTTPClient" and 43 not in proxy.options
    assert proxy.text(67) == f"http://{SERVER}/loaders/snponly.efi" and proxy.file == proxy.text(67).encode()


def test_ipxe_between_two_servers(lab, dnsmasq, wire):
    proxy, _ = merge(wire, ipxe())
    assert proxy.options[60] == b"PXEClient" and proxy.options[43] == USE_FILE and 175 not in proxy.options
    assert proxy.file.decode() == f"http://{SERVER}/script.ipxe-{EDGE1}"
    assert lab.wait(lambda e: e["kind"] == "dhcp4.discover")["detail"]["class"] == "ipxe"


def test_port_4011_is_answered_where_it_came_from(lab, dnsmasq, wire, netns):
    _, ack = merge(wire, pxe())
    ns = next(c for c in netns.clients if c.mac == EDGE1)
    ns.ip("addr", "add", f"{ack.yiaddr}/24", "dev", "eth0")  # so that ARP works
    mac = netns.server.run("cat", "/sys/class/net/br0/address").stdout.strip()
    for port in 4011, 68:
        reply = wire.ask(REQUEST, pxe(), ciaddr=ack.yiaddr, where={
            "src": ack.yiaddr, "dst": SERVER, "sport": port, "dport": 4011, "dst_mac": mac})
        no_address(reply)
        assert reply.type == ACK and reply.udp.sport == 4011 and reply.udp.dport == port
        assert reply.file == b"snponly.efi" and reply.options[43] == USE_FILE
    assert lab.wait(lambda e: e["kind"] == "dhcp4.ack")["ip"] == ack.yiaddr


def test_local_boot_and_silence(lab, wire):
    menu = no_address(wire.ask(DISCOVER, pxe(), mac=EDGE2))
    assert menu.options[60] == b"PXEClient" and menu.options[43].startswith(b"\x06\x01\x03\x08\x07\x00\x00")
    assert menu.file == b"" and 67 not in menu.options
    assert "local-boot.efi" in wire.ask(DISCOVER, http(), mac=EDGE2).text(67)
    wire.send(wire.bootp(option(53, bytes([DISCOVER])) + pxe(), mac=EDGE3))
    assert "silent" in lab.wait(lambda e: e["kind"] == "dhcp4.ignored")["reason"]
    assert not lab.find("dhcp4.offer", host="edge03.lab")


def test_never_an_address_never_a_nak(lab, wire, netns):
    """Everything that would get one from a server; then a boot client, to see that all of it was read."""
    for options in b"", pxe():
        for server in b"", option(54, address("10.77.0.99")):
            wire.send(wire.bootp(option(53, bytes([REQUEST])) + server + option(50, address("192.168.9.9")) + options))
    wire.send(wire.bootp(option(53, bytes([DISCOVER]))))
    wire.send(wire.bootp(option(53, bytes([INFORM])), ciaddr="10.77.0.210"))
    wire.send(wire.bootp(option(53, bytes([REQUEST])), ciaddr="10.77.0.210"))
    reply = wire.ask(DISCOVER, pxe())
    assert no_address(reply).type == OFFER
    lab.wait(lambda e: e["kind"] == "dhcp4.offer")
    assert not lab.find("dhcp4.ack") and not lab.find("dhcp4.nak")
    assert {e["detail"]["server"] for e in lab.find("dhcp4.foreign")} == {"10.77.0.99"}


def test_dhclient_has_its_address_from_dnsmasq(lab, dnsmasq, netns, tmp_path):
    for n, mac in enumerate((EDGE1, OTHER)):
        where = tmp_path / str(n)
        where.mkdir()
        p, lease = start_dhclient(lab, netns.add_client(mac=mac), where, until)
        assert f"option dhcp-server-identifier {ADDRESSES};" in lease and "fixed-address 10.77.0.2" in lease
        p.kill()
        p.wait()
    assert not lab.find("dhcp4.offer") and not lab.find("dhcp4.ack")
    assert not [e for e in lab.events if e.get("mac") == OTHER and e["kind"] != "dhcp4.foreign"]


def test_nobody_gives_addresses(lab, wire):
    for _ in range(3):
        wire.ask(DISCOVER, pxe(), flags=0x8000)
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.alone")
    assert ev["host"] == "edge01.lab" and ev["detail"]["asked"] == 3


def test_another_server_that_competes(lab, netns):
    """A second boot server on the link, which firmware may take for its own."""
    rogue = Wire(netns.add_client(mac="02:00:00:00:00:66"))
    rogue.send(rogue.bootp(option(53, bytes([OFFER])) + option(54, address("10.77.0.66")) + option(60, b"PXEClient"),
                           mac=EDGE1, op=2, yiaddr="10.77.0.99", siaddr="10.77.0.66", file=b"pxelinux.0"),
               src="10.77.0.66", sport=67, dport=68)
    ev = lab.wait(lambda e: e["kind"] == "dhcp4.foreign")
    detail = ev["detail"]
    assert detail["competes"] == "boot" and detail["bootfile"] == "pxelinux.0"
    assert detail["next_server"] == "10.77.0.66" and detail["vendor_class"] == "PXEClient"
    rogue.close()
