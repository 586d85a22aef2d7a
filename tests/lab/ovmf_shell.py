# SPDX-License-Identifier: GPL-3.0-or-later
"""The EFI shell out of Debian's firmware: OVMF carries one as an application in its compressed firmware volume.
Debian 12 has no package with the shell as a file. Numbers are of the UEFI Platform Initialization specification, volume 3."""
import lzma
import struct
import uuid

FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
LZMA_SECTION = uuid.UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le
SHELL_FILE = uuid.UUID("7c04a583-9e3e-4f1c-ad65-e05268d0b4d1").bytes_le
FILE_HEADER, SECTION_HEADER, GUIDED_HEADER = 24, 4, 24
TYPE_APPLICATION, SECTION_PE32 = 9, 0x10


def places(data, what):
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


def size24(data, at):
    return int.from_bytes(data[at:at + 3], "little")


def volumes(firmware):
    """What the GUID-defined sections with LZMA hold; the GUID stands in code too."""
    for at in places(firmware, LZMA_SECTION):
        section = at - SECTION_HEADER
        offset = struct.unpack_from("<H", firmware, at + 16)[0]
        if section < 0 or offset != GUIDED_HEADER:
            continue
        try:
            yield lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(firmware[section + offset:])
        except lzma.LZMAError:
            continue


def program(volume, at):
    """The PE32 section of the file whose header stands there, or None. Sections are aligned to 4 from the file's start."""
    file = volume[at:at + size24(volume, at + 20)]
    at = FILE_HEADER
    while at + SECTION_HEADER < len(file):
        size = size24(file, at)
        if file[at + 3] == SECTION_PE32:
            return file[at + SECTION_HEADER:at + size]
        at += (max(size, SECTION_HEADER) + 3) & ~3
    return None


def extract(path, firmware=FIRMWARE):
    """Writes the shell to path."""
    with open(firmware, "rb") as f:
        data = f.read()
    for volume in volumes(data):
        for at in places(volume, SHELL_FILE):
            if volume[at + 18] != TYPE_APPLICATION:
                continue
            shell = program(volume, at)
            if shell and shell.startswith(b"MZ"):
                with open(path, "wb") as f:
                    f.write(shell)
                return
    raise RuntimeError(f"no EFI shell in {firmware}: has the package ovmf changed?")
