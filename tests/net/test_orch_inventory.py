# SPDX-License-Identifier: GPL-3.0-or-later
"""The orchestrator's inventory by REST: apply, single objects, refusals, export."""
import copy
import hashlib
import json
import random
import sqlite3
import threading

import pytest

from orch_lab import Agent, document, host, image, site


def names(answer, key="name"):
    return [x[key] for x in answer.json["items"]]


def test_apply_then_same_then_change(orch):
    first = orch.apply(document())
    assert first.status == 200 and first.json["applied"]
    assert {c["action"] for c in first.json["changes"]} == {"add"}
    again = orch.apply(document())
    assert {c["action"] for c in again.json["changes"]} == {"same"}
    changed = document()
    changed["hosts"][0]["probe"] = "tcp:22"
    changed["hosts"][0]["bmc"]["password"] = "another"
    by_name = {c["name"]: c for c in orch.apply(changed).json["changes"]}
    assert by_name["edge01"]["action"] == "change"
    assert by_name["edge01"]["fields"] == {"probe": [None, "tcp:22"], "bmc.password": ["set", "set anew"]}
    assert by_name["edge02"]["action"] == "same"


def test_dry_run_changes_nothing(orch):
    answer = orch.apply(document(), dry_run=True)
    assert answer.status == 200 and not answer.json["applied"]
    assert len(answer.json["changes"]) == 7
    assert names(orch.get("/hosts")) == [] and names(orch.get("/images")) == []


def bad_documents():
    d = document()
    d["hosts"][2]["nics"][0]["mac"] = "52-54-00-77-00-01"
    yield "mac-duplicate", "/hosts/2/nics/0/mac", d
    d = document()
    d["hosts"][2]["nics"][0]["ip"] = "10.77.0.11"
    yield "ip-duplicate", "/hosts/2/nics/0/ip", d
    d = document()
    d["hosts"][2]["bmc"]["address"] = "10.9.0.1"
    yield "bmc-duplicate", "/hosts/2/bmc/address", d
    d = document()
    d["hosts"][1]["name"] = "edge01"
    yield "name-duplicate", "/hosts/1/name", d
    d = document()
    d["hosts"][1]["site"] = "mars"
    yield "site-unknown", "/hosts/1/site", d
    d = document()
    d["hosts"][1]["image"] = "nothing"
    yield "image-unknown", "/hosts/1/image", d
    d = document()
    d["hosts"][1]["image"] = "live"
    yield "image-kind", "/hosts/1/image", d
    d = document()
    d["images"][0]["kernel"]["path"] = "deb/absent"
    yield "image-missing", "/images/0/kernel/path", d
    d = document()
    d["images"][0]["kernel"]["path"] = "../../etc/passwd"
    yield "image-unreadable", "/images/0/kernel/path", d
    d = document()
    d["images"][0]["initrds"][0]["sha256"] = "0" * 64
    yield "image-altered", "/images/0/initrds/0/sha256", d
    d = document()
    d["images"][0]["files"] = [{"path": "deb/vmlinuz"}]
    yield "file-duplicate", "/images/0", d
    d = document()
    d["images"][0]["kind"] = "reinstal"
    yield "bad-value", "/images/0/kind", d
    d = document()
    d["hosts"][0]["prove"] = "icmp"
    yield "key-unknown", "/hosts/0", d
    d = document()
    d["hosts"][0]["bmc"]["cypher"] = 3
    yield "key-unknown", "/hosts/0/bmc", d
    d = document()
    d["hosts"][0]["bmc"]["cipher"] = 1
    yield "bad-value", "/hosts/0/bmc/cipher", d
    d = document()
    d["hosts"][0]["firmware"] = "coreboot"
    yield "bad-value", "/hosts/0/firmware", d
    d = document()
    d["hosts"][0]["nics"][0]["mac"] = "01:00:5e:00:00:01"
    yield "bad-value", "/hosts/0/nics/0/mac", d
    d = document()
    d["sites"][0]["timezone"] = "Africa/Johannesberg"
    yield "bad-value", "/sites/0/timezone", d
    d = document()
    d["sites"][0]["subnets"][0]["gateway"] = "10.78.0.1"
    yield "bad-value", "/sites/0/subnets/0/gateway", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "10.77.0.128/25"})
    yield "subnet-overlap", "/sites/0/subnets/1/prefix", d
    d = document()
    d["sites"][0]["url"] = "http://10.77.0.1/`reboot`${x}"
    yield "bad-value", "/sites/0/url", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "fd77::/48"})
    yield "bad-value", "/sites/0/subnets/1/prefix", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "fd77::/64", "gateway": "fd77::1"})
    yield "bad-value", "/sites/0/subnets/1/gateway", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "fd77::/64", "relay": "10.77.0.9"})
    yield "bad-value", "/sites/0/subnets/1/relay", d
    d = document()
    d["sites"][0]["subnets"][0]["pool"] = ["10.77.0.1", "10.77.0.200"]
    yield "bad-value", "/sites/0/subnets/0/pool", d
    d = document()
    d["sites"][0]["subnets"][0]["dns"] = ["127.0.0.1"]
    yield "bad-value", "/sites/0/subnets/0/dns", d
    d = document()
    d["sites"][0]["loaders"] = {"x64-uefi": "../shim.efi"}
    yield "bad-value", "/sites/0/loaders/x64-uefi", d
    d = document()
    d["hosts"][1]["loaders"] = {"pdp11": "boot"}
    yield "bad-value", "/hosts/1/loaders/pdp11", d
    d = document()
    d["hosts"][1]["nics"][0]["ip"] = "fd77::7"
    yield "bad-value", "/hosts/1/nics/0/ip", d
    d = document()
    d["hosts"][1]["nics"][0]["ip6"] = "fd77::7"
    yield "bad-value", "/hosts/1/nics/0/ip6", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "fd77::/64"})
    d["hosts"][1]["nics"][0]["ip6"] = "fd77::"
    yield "bad-value", "/hosts/1/nics/0/ip6", d
    d = document()
    d["sites"][0]["subnets"].append({"prefix": "fd77::/64"})
    d["hosts"][0]["nics"][0]["ip6"] = "fd77::7"
    d["hosts"][1]["nics"][0]["ip6"] = "fd77:0:0::7"
    yield "ip-duplicate", "/hosts/1/nics/0/ip6", d
    d = document()
    d["images"][0]["kernel"]["template"] = True
    yield "bad-value", "/images/0/kernel/template", d
    d = document()
    d["images"][0]["initrds"][0]["url"] = "ftp://mirror.example/initrd.gz"
    yield "bad-value", "/images/0/initrds/0/url", d
    d = document()
    d["images"][0]["nfs_root"] = "/srv/nfs"
    yield "bad-value", "/images/0/nfs_root", d
    d = {"sites": {}}
    yield "bad-value", "/sites", d
    d = document()
    d["host"] = []
    yield "key-unknown", "", d


@pytest.mark.parametrize("code,pointer,bad", bad_documents(), ids=lambda v: v if isinstance(v, str) else "")
def test_one_error_refuses_the_whole_document(orch, code, pointer, bad):
    answer = orch.apply(bad)
    assert answer.status in (400, 409)
    assert answer.code == code
    assert [e["pointer"] for e in answer.json["errors"]] == [pointer]
    assert answer.json["errors"][0]["text"] and "next" in answer.json
    for path in ("/sites", "/images", "/hosts"):
        assert names(orch.get(path)) == []


def test_all_errors_are_named_at_once(orch):
    bad = document()
    bad["hosts"][0]["site"] = "mars"
    bad["hosts"][1]["probe"] = "udp:1"
    bad["sites"][0]["idle"] = "loud"
    answer = orch.apply(bad)
    assert answer.code == "document-refused" and len(answer.codes) == 3
    assert answer.json["errors"][1]["host"] == "edge01"


def test_conflicts_with_what_is_there(orch):
    orch.apply(document())
    for change, code in (({"nics": [{"mac": "52:54:00:77:00:02"}]}, "mac-duplicate"),
                         ({"nics": [{"mac": "52:54:00:77:00:44", "ip": "10.77.0.12"}]}, "ip-duplicate"),
                         ({"bmc": {"address": "10.9.0.2"}}, "bmc-duplicate")):
        new = {**host(9), **change}
        assert orch.apply({"hosts": [new]}).code == code
        assert orch.post("/hosts", new).code == code
    assert len(names(orch.get("/hosts"))) == 3


def test_addresses_are_a_sites_own_but_macs_are_not(orch):
    orch.apply(document())
    other = {"sites": [site("fra")], "hosts": [{**host(1), "name": "edge01.fra", "site": "fra",
                                                "nics": [{"mac": "52:54:00:77:99:01", "ip": "10.77.0.11"}]}]}
    assert orch.apply(other).status == 200
    other["hosts"][0]["nics"][0]["mac"] = "52:54:00:77:00:01"
    assert orch.apply(other).code == "mac-duplicate"


def test_the_agent_is_given_all_that_boot_services_need(orch):
    doc = document(1)
    v6 = {"prefix": "fd77::/64", "dns": ["fd77::53"], "pool": ["fd77::100", "fd77::1ff"], "lease_s": 600, "ra": "stateless",
          "router_s": 1800, "mtu": 1400}
    doc["sites"][0].update(subnets=doc["sites"][0]["subnets"] + [v6], loaders={"x64-uefi": "shimx64.efi"})
    doc["hosts"][0]["nics"][0]["ip6"] = "fd77::11"
    doc["hosts"][0]["loaders"] = {"x86-bios": "ipxe.pxe"}
    doc["images"][0].update(nfs_root="deb/root", files=[{"path": "deb/initrd.gz", "name": "preseed.cfg", "template": True}])
    assert orch.apply(doc).status == 200
    agent = Agent(orch)
    table = agent.poll(table=0).json["table"]
    assert table["subnets"][1] == v6 and table["loaders"] == {"x64-uefi": "shimx64.efi"}
    assert table["hosts"][0]["nics"] == [{"mac": "52:54:00:77:00:01", "ip": "10.77.0.11", "ip6": "fd77::11"}]
    assert table["hosts"][0]["loaders"] == {"x86-bios": "ipxe.pxe"}
    orch.order("edge01")
    bundle = agent.poll(table=0).json["orders"][0]["bundle"]
    assert bundle["host"]["loaders"] == {"x86-bios": "ipxe.pxe"}
    assert bundle["image"]["nfs_root"] == "deb/root" and bundle["image"]["files"][0]["template"] is True
    # Identity stands still while the job is open.
    assert orch.patch("/hosts/edge01", {"nics": [{"mac": "52:54:00:77:00:01", "ip": "10.77.0.11",
                                                  "ip6": "fd77::12"}]}).code == "host-busy"


def test_one_loader_is_changed_by_itself(orch):
    doc = document(1)
    doc["sites"][0]["loaders"] = {"x64-uefi": "a.efi", "x86-bios": "b.kpxe"}
    orch.apply(doc)
    answer = orch.patch("/sites/local", {"loaders": {"x64-uefi": None, "arm64-uefi": "c.efi"}})
    assert answer.json["loaders"] == {"x86-bios": "b.kpxe", "arm64-uefi": "c.efi"}
    assert "loaders" not in orch.patch("/sites/local", {"loaders": None}).json


def test_hosts_may_exchange_identities_in_one_document(orch):
    orch.apply(document())
    swap = document()
    a, b = swap["hosts"][0], swap["hosts"][1]
    a["nics"], b["nics"] = b["nics"], a["nics"]
    a["bmc"], b["bmc"] = b["bmc"], a["bmc"]
    assert orch.apply({"hosts": [a]}).status == 409
    assert orch.apply(swap).status == 200
    assert orch.get("/hosts/edge01").json["nics"][0]["mac"] == "52:54:00:77:00:02"


def test_export_is_a_document(orch):
    orch.apply(document())
    exported = orch.get("/export").json
    assert "secret" not in str(exported)
    assert {c["action"] for c in orch.apply(exported).json["changes"]} == {"same"}
    agent = Agent(orch)
    agent.poll()
    orch.order("edge01")
    bundle = agent.poll(table=0).json["orders"][0]["bundle"]
    assert bundle["bmc"]["password"] == "secret-1"  # kept by a document without passwords


def test_passwords_are_nowhere_in_the_clear(orch):
    orch.apply(document(), Idempotency_Key="k")
    orch.patch("/hosts/edge01", {"bmc": {"password": "secret-new"}})
    orch.stop()
    for name in ("o.db", "o.db-wal", "log"):
        try:
            with open(orch.path(name), "rb") as f:
                assert b"secret-" not in f.read(), name
        except FileNotFoundError:
            pass


def test_a_request_is_not_remembered_by_a_digest_that_tells_its_password(orch):
    """Whoever reads the database, but not the key file, must not be able to try out passwords on it."""
    orch.apply({"sites": [site()], "images": [image()]})
    body = json.dumps(host(1), separators=(",", ":"))
    assert orch.post("/hosts", body, Idempotency_Key="k").status == 201
    orch.stop()
    db = sqlite3.connect(orch.database)
    kept = db.execute("SELECT request FROM idempotency").fetchall()
    db.close()
    text = "POST\n/api/v1/hosts\n" + body
    assert len(kept) == 1 and kept[0][0] != hashlib.sha256(text.encode()).hexdigest()


def test_sites(orch):
    assert orch.post("/sites", site("los")).status == 201
    assert orch.post("/sites", site("los")).code == "site-exists"
    got = orch.get("/sites/los")
    assert got.etag and got.json["timezone"] == "Africa/Johannesburg"
    assert orch.patch("/sites/los", {"idle": "menu"}, If_Match=got.etag).json["idle"] == "menu"
    assert orch.patch("/sites/los", {"idle": "silent"}, If_Match=got.etag).status == 412
    assert orch.get("/sites/los").json["idle"] == "menu"
    assert orch.patch("/sites/los", {"idle": "x"}).json["errors"][0]["pointer"] == "/idle"
    assert orch.get("/sites/nowhere").status == 404
    assert orch.delete("/sites/los").status == 204
    assert orch.delete("/sites/los").status == 404


def test_hosts(orch):
    orch.apply({**document(0), "hosts": []})
    made = orch.post("/hosts", host(1), Idempotency_Key="h1")
    assert made.status == 201 and made.json["bmc"]["port"] == 623 and "password" not in made.json["bmc"]
    again = orch.post("/hosts", host(1), Idempotency_Key="h1")
    assert again.status == 201 and again.json == made.json
    assert orch.post("/hosts", host(2), Idempotency_Key="h1").code == "idempotency-mismatch"
    assert orch.post("/hosts", host(1)).code == "host-exists"
    etag = orch.get("/hosts/edge01").etag
    changed = orch.patch("/hosts/edge01", {"labels": {"rack": "b2", "role": None}, "probe": "icmp"}, If_Match=etag)
    assert changed.json["labels"] == {"rack": "b2"} and changed.json["bmc"]["address"] == "10.9.0.1"
    assert orch.patch("/hosts/edge01", {"probe": ""}, If_Match=etag).status == 412
    assert orch.delete("/sites/local").code == "site-in-use"
    assert orch.delete("/images/debian").code == "image-in-use"
    assert orch.delete("/hosts/edge01").status == 204
    assert orch.get("/hosts/edge01").status == 404


def test_the_etag_of_what_was_removed_is_not_that_of_its_namesake(orch):
    orch.apply(document())
    for path, body in (("/hosts/edge01", host(1)), ("/images/live", image("live", "live"))):
        etag = orch.get(path).etag
        assert orch.delete(path).status == 204
        assert orch.post("/" + path.split("/")[1], body).status == 201
        assert orch.delete(path, If_Match=etag).status == 412


def test_a_name_stays(orch):
    orch.apply(document())
    for path in ("/hosts/edge01", "/sites/local"):
        assert orch.patch(path, {"name": "other"}).code == "bad-value"
        assert orch.patch(path, {"name": None}).code == "bad-value"
        assert orch.patch(path, {"name": path.split("/")[-1]}).status == 200
    assert orch.get("/hosts/other").status == 404


def test_locks(orch):
    orch.apply(document())
    assert orch.post("/hosts/edge01/lock", {}).code == "reason-missing"
    locked = orch.post("/hosts/edge01/lock", {"reason": "disk swap"}).json["locked"]
    assert locked["reason"] == "disk swap" and locked["by"] and locked["at"]
    assert orch.apply(document()).json["changes"][4]["action"] == "same"
    assert orch.get("/hosts/edge01").json["locked"]["reason"] == "disk swap"
    assert orch.delete("/hosts/edge01").code == "host-locked"
    assert orch.post("/hosts/edge01/unlock", {}).json["locked"] is None
    assert orch.post("/hosts/edge99/lock", {"reason": "x"}).status == 404


def test_no_image_is_called_as_a_resource(filled):
    """GET /images/status is another thing; one that has the name from before stays."""
    filled.put_file("images/deb/vmlinuz", b"k")
    new = {**image("status", "live"), "initrds": []}
    answer = filled.post("/images", new)
    assert answer.status == 400 and answer.code == "bad-value" and "/images/status" in answer.json["detail"], answer.json
    assert filled.apply({"images": [new]}).status == 400
    assert filled.post("/images", {**new, "name": "status-1"}).status == 201
    filled.kill()
    db = sqlite3.connect(filled.database)
    assert db.execute("UPDATE image SET name = 'status' WHERE name = 'status-1'").rowcount == 1
    db.execute("UPDATE image_file SET image = 'status' WHERE image = 'status-1'")
    db.commit()
    db.close()
    filled.start()
    assert filled.apply({"images": [{**new, "args": "quiet"}]}).status == 200
    assert "status" in [i["name"] for i in filled.get("/images").json["items"]]
    assert filled.delete("/images/status").status == 204


def test_images(orch):
    made = orch.post("/images", image())
    assert made.status == 201 and made.json["kernel"]["size"] == 6 and len(made.json["kernel"]["sha256"]) == 64
    assert made.json["initrds"][0]["name"] == "initrd.gz"
    assert orch.post("/images", image()).code == "image-exists"
    assert orch.post("/images/debian/verify").json["ok"]
    orch.put_file("images/deb/vmlinuz", b"kernal")
    found = orch.post("/images/debian/verify").json
    assert not found["ok"] and [f["ok"] for f in found["files"]] == [False, True]
    assert found["files"][0]["code"] == "image-altered"
    assert orch.post("/images/none/verify").status == 404
    assert orch.delete("/images/debian").status == 204


def test_the_same_request_twice_at_once(orch):
    """Both are past the first look at their key when their files are read."""
    answers = []
    def add():
        answers.append(orch.post("/images", image(), Idempotency_Key="same"))
    threads = [threading.Thread(target=add) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [a.status for a in answers] == [201] * 6
    assert all(a.json == answers[0].json for a in answers)


def test_lists_are_paged_and_selected(orch):
    many = document(0)
    many["hosts"] = [host(n) for n in range(1, 31)]
    assert orch.apply(many).status == 200
    seen, cursor = [], ""
    while cursor is not None:
        page = orch.get(f"/hosts?limit=7&cursor={cursor}").json
        seen += [h["name"] for h in page["items"]]
        cursor = page["next"]
    assert seen == [f"edge{n:02d}" for n in range(1, 31)]
    assert names(orch.get("/hosts?hosts=edge%5B02-05%5D,-edge03")) == ["edge02", "edge04", "edge05"]
    assert len(names(orch.get("/hosts?hosts=@role=cdn,site=local"))) == 15
    assert names(orch.get("/hosts?hosts=@role=none")) == []
    assert len(names(orch.get("/hosts?site=local&limit=1000"))) == 30
    orch.apply({"sites": [site("far", subnets=[])], "hosts": [{"name": "other", "site": "far"}]})
    assert names(orch.get("/hosts?hosts=all&site=far")) == ["other"]
    assert names(orch.get("/hosts?hosts=edge01,other&site=local")) == ["edge01"]
    bad = orch.get("/hosts?hosts=edge01,edge77")
    assert bad.status == 404 and bad.codes == ["host-unknown"]
    assert orch.get("/hosts?hosts=edge%5B1-").status == 400
    assert orch.get("/hosts?limit=0").status == 400


def test_a_busy_host_keeps_its_identity(orch):
    orch.apply(document())
    agent = Agent(orch)
    agent.poll()
    assert orch.order("edge01").status == 202
    moved = document()
    moved["hosts"][0]["nics"][0]["mac"] = "52:54:00:77:00:99"
    assert orch.apply(moved).code == "host-busy"
    assert orch.patch("/hosts/edge01", {"nics": []}).code == "host-busy"
    # The agent would go on to switch whatever machine the old address leads to.
    moved = document()
    moved["hosts"][0]["bmc"]["address"] = "10.9.0.99"
    assert orch.apply(moved).code == "host-busy"
    moved["hosts"][0]["bmc"].update(address="10.9.0.1", password="new")
    assert orch.apply(moved).status == 200
    assert orch.patch("/hosts/edge01", {"probe": "icmp"}).status == 200
    assert orch.delete("/hosts/edge01").code == "host-busy"


def test_malformed_requests(orch):
    assert orch.post("/apply", "{").status == 400
    assert orch.post("/apply", {}).code == "bad-value"
    assert orch.post("/apply", {"document": []}).status == 400
    assert orch.post("/apply", {"document": {"hosts": [1, None, "x", {}]}}).status in (400, 409)
    assert orch.post("/hosts", []).status == 400
    assert orch.patch("/sites/x", []).status in (400, 404)
    assert orch.get("/nothing").status == 404
    refused = orch.call("PUT", "/hosts", {})
    assert refused.status == 405 and refused.allow == "GET, POST"
    assert orch.call("PUT", "/hosts/edge01", {}).allow == "GET, PATCH, DELETE"


def test_a_document_that_is_overtaken_is_planned_again(orch):
    """While documents are planned in a thread, an order and a host that takes an address come in between: the plan
    is made anew, and what is answered as done is what holds."""
    orch.apply(document())
    agent = Agent(orch)
    agent.poll()
    seen = set()
    for n in range(12):
        mac = f"52:54:00:99:00:{n:02x}"
        hosts = [host(1, nics=[{"mac": mac}])] + [host(i) for i in range(2, 200)]
        answers = {}
        threads = [threading.Thread(target=lambda: answers.update(apply=orch.apply({"hosts": hosts}))),
                   threading.Thread(target=lambda: answers.update(order=orch.order("edge01", "rescue"))),
                   threading.Thread(target=lambda: answers.update(add=orch.post(
                       "/hosts", {"name": f"x{n}", "site": "local", "nics": [{"mac": mac}]})))]
        for t in random.sample(threads, 3):
            t.start()
        for t in threads:
            t.join()
        applied, ordered, added = answers["apply"], answers["order"], answers["add"]
        assert (applied.status, applied.code if applied.status != 200 else "") in {
            (200, ""), (409, "host-busy"), (409, "mac-duplicate"), (409, "document-refused")}, applied.json
        assert added.status == 201 or added.code == "mac-duplicate"
        assert not (applied.status == 200 and added.status == 201)
        seen.add(applied.status)
        if ordered.status == 202:
            job = ordered.json["jobs"][0]["id"]
            orders = [o for o in agent.poll(table=0).json["orders"] if o.get("bundle", {}).get("job") == job]
            assert orders[0]["bundle"]["host"]["nics"] == orch.get("/hosts/edge01").json["nics"]
            agent.report(agent.event("job.refused", job, code="host-busy", text="no", next=""))
    assert 409 in seen


def test_every_change_is_audited(orch):
    orch.apply(document(1), **{})
    orch.post("/hosts/edge01/lock", {"reason": "r"})
    orch.delete("/images/live")
    orch.stop()
    rows = sqlite3.connect(orch.database).execute("SELECT what, object, reason, result FROM audit ORDER BY seq").fetchall()
    assert ("site.add", "local", "", "ok") in rows and ("host.lock", "edge01", "r", "ok") in rows
    assert ("image.remove", "live", "", "ok") in rows
    db = sqlite3.connect(orch.database)
    for table in ("audit", "event"):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("UPDATE audit SET who = 'x'" if table == "audit" else "DELETE FROM audit")


def test_a_big_document_is_taken_whole(orch):
    big = {"sites": [site()], "images": [image()], "hosts": []}
    for n in range(2000):
        h = copy.deepcopy(host(1))
        h.update(name=f"n{n:05d}", nics=[{"mac": f"52:54:01:00:{n >> 8:02x}:{n & 255:02x}"}])
        h["bmc"]["address"] = f"10.{n >> 8}.{n & 255}.9"
        big["hosts"].append(h)
    assert orch.apply(big).status == 200
    assert len(names(orch.get("/hosts?limit=1000&cursor=n00999"))) == 1000
    assert len(Agent(orch).poll().json["table"]["hosts"]) == 2000


def test_a_console_that_is_not_recorded_is_told(orch):
    orch.apply(document(1))
    assert orch.patch("/hosts/edge01", {"bmc": {"console": "off"}}).status == 200
    assert orch.get("/hosts/edge01").json["bmc"]["console"] == "off"
    assert orch.patch("/hosts/edge01", {"bmc": {"console": "sometimes"}}).status == 400
    assert orch.patch("/hosts/edge01", {"bmc": {"console": "job"}}).status == 200
    assert orch.get("/hosts/edge01").json["bmc"]["console"] == "job"  # whatever its site says
    assert orch.patch("/hosts/edge01", {"bmc": {"console": None}}).status == 200
    assert "console" not in orch.get("/hosts/edge01").json["bmc"]
    assert orch.patch("/sites/local", {"console": "always"}).status == 200
    assert orch.get("/sites/local").json["console"] == "always" and orch.get("/export").json["sites"][0]["console"] == "always"
    assert orch.patch("/sites/local", {"console": "sometimes"}).status == 400
