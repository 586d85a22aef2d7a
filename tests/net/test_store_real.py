# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's store and the real orchestrator."""
import os

from netlab import until
from orch_lab import document
from store_lab import StoreSite


def there(s, path, data):
    def same():
        return os.path.exists(s.image(path)) and s.read(path) == data
    until(same, what=f"{path} at the site")


def test_a_sites_images_come_by_themselves(filled):
    big = os.urandom(5_000_000)
    filled.put_file("images/deb/root.sfs", big)
    doc = document()
    doc["images"][0]["files"] = [{"path": "deb/root.sfs"}]
    assert filled.apply({"images": doc["images"]}).status == 200
    s = StoreSite(server=filled.socket, site="local")
    try:
        s.start()
        there(s, "deb/vmlinuz", b"kernel")
        there(s, "deb/initrd.gz", b"initrd")
        there(s, "deb/root.sfs", big)
        # The next version, at the same path.
        big = big[:2_000_000] + os.urandom(100_000) + big[2_100_000:]
        filled.put_file("images/deb/root.sfs", big)
        assert filled.apply({"images": doc["images"]}).status == 200
        there(s, "deb/root.sfs", big)
    finally:
        print(s.stderr()[-3000:])
        s.close()
