# SPDX-License-Identifier: GPL-3.0-or-later
"""What a share can be asked for with: mounts, rules about who may come, ends; export and import; guards."""
import json
import os
import socket
import time

import message_bus
import test_state
from daemon import BUS_NAME, Target, refused, variants, wait
from test_manager import NAME, joined

V = message_bus.Variant
SHARE = "org.openfunnel.Funnel.Share"


def on_share(world, path, method, signature, *body):
    return world.connection.call(BUS_NAME, path, SHARE, method, signature, *body)


def plain(value):
    """Without the variants around the values of a map."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.value if isinstance(value, V) else value


def test_access_rules(world):
    joined(world)
    path = world.share(3000, allow=V("as", ["203.0.113.0/24", "2001:DB8::/32"]), max_conns=V("u", 7))
    access = plain(world.shares()[path]["Access"])
    assert access == {"public": False, "allow": ["203.0.113.0/24", "2001:db8::/32"], "deny": [], "auth-user": "",
                      "max-conns": 7, "rate": 0}, access
    assert world.shares()[path]["Warnings"] == []
    # What is not said stays, also when the target is replaced.
    assert world.share(4000, rate=V("u", 3)) == path
    access = plain(world.shares()[path]["Access"])
    assert access["allow"] == ["203.0.113.0/24", "2001:db8::/32"] and access["rate"] == 3, access
    on_share(world, path, "SetAccess", "a{sv}", variants({"allow": V("as", [])}))
    share = world.shares()[path]
    assert plain(share["Access"])["public"] is True and "Anyone on the internet" in share["Warnings"][0]
    assert "allow: \"10.0.0.1/8\"" in refused("InvalidArgument", on_share, world, path, "SetAccess", "a{sv}",
                                              variants({"allow": V("as", ["10.0.0.1/8"])}))
    refused("InvalidArgument", on_share, world, path, "SetAccess", "a{sv}", variants({"port": 443}))
    # The rules survive the daemon.
    on_share(world, path, "SetAccess", "a{sv}", variants({"deny": V("as", ["198.51.100.7"])}))
    world.stop()
    world.start()
    access = plain(list(world.shares().values())[0]["Access"])
    assert access["deny"] == ["198.51.100.7"] and access["rate"] == 3 and access["max-conns"] == 7, access


def test_ends_by_itself(world):
    joined(world)
    soon = int(time.time()) + 2
    kept = world.share(3000, expires=V("t", soon))
    gone = world.share(4000, port=8443, expires=V("t", soon), foreground=True)
    assert world.shares()[kept]["Expires"] == soon
    wait(lambda: gone not in world.shares())
    share = world.wait_state(kept, "off")
    assert share["Reason"].startswith("It ended at ") and "funnel --https=443 off" in share["NextStep"], share
    on_share(world, kept, "Extend", "t", 3600)
    wait(lambda: world.get(kept, "Share", "State") != "off")
    assert world.shares()[kept]["Expires"] > soon + 3000
    on_share(world, kept, "Extend", "t", 0)
    assert world.shares()[kept]["Expires"] == 0
    assert "in the future" in refused("InvalidArgument", world.share, 3000, expires=V("t", soon))
    refused("InvalidArgument", on_share, world, kept, "Extend", "t", 1 << 60)


def test_switched_off(world):
    joined(world)
    path = world.share(3000, expires=V("t", int(time.time()) + 3600))
    other = world.share(4000, port=8443)
    assert world.shares()[path]["Enabled"] is True
    on_share(world, path, "SetEnabled", "b", False)
    share = world.shares()[path]
    assert share["Enabled"] is False and share["State"] == "off" and share["Reason"] == "It is switched off.", share
    # Only what is on is paused, and only that comes back.
    assert world.call("SetPaused", "b", True) == [1]
    share = world.shares()[other]
    assert share["Enabled"] is False and share["State"] == "off" and "paused" in share["Reason"], share
    assert world.get("/org/openfunnel/Funnel/manager", "Manager", "Paused") is True
    # Both survive the daemon.
    world.stop()
    world.start()
    shares = {share["Port"]: (at, share) for at, share in world.shares().items()}
    assert "switched off" in shares[443][1]["Reason"] and "paused" in shares[8443][1]["Reason"], shares
    assert world.call("SetPaused", "b", False) == [1]
    assert world.call("SetPaused", "b", False) == [0]
    assert world.get("/org/openfunnel/Funnel/manager", "Manager", "Paused") is False
    assert world.shares()[shares[8443][0]]["State"] != "off" and world.shares()[shares[443][0]]["State"] == "off"
    # Who shares again wants it on.
    assert world.share(3000) == shares[443][0]
    share = world.shares()[shares[443][0]]
    assert share["Enabled"] is True and share["State"] != "off" and share["Expires"] != 0, share


def test_guards(world):
    joined(world)
    site = os.path.join(world.folder, "site")
    os.mkdir(site)
    for target, says in [("192.168.7.7:80", "--lan"), ("169.254.169.254:80", "--force"), ("nas.lan:80", "--lan"),
                         ("8.8.8.8:53", "--force"), ("unix:" + world.bus_path, "--force")]:
        assert says in refused("NotAllowed", world.share, target), target
    refused("InvalidArgument", world.share, "0.0.0.0:80", lan=True, force=True)
    assert "must be 1 or 2" in refused("InvalidArgument", world.share, 22, kind="tcp", proxy_protocol=V("u", 3))
    path = world.share("192.168.7.7:80", lan=True)
    assert plain(world.shares()[path]["Mounts"])[0]["lan"] is True
    assert world.get("/org/openfunnel/Funnel/manager", "Manager", "Exposed") is True


def test_problem_of_a_mount(world):
    joined(world)
    target = Target()
    path = world.share(target.port)
    target.close()
    other = world.share(target.port, port=8443)
    wait(lambda: "refused" in plain(world.shares()[other]["Mounts"])[0]["problem"])
    assert plain(world.shares()[path]["Mounts"])[0]["kind"] == "proxy"


def test_unshare_counts(world):
    joined(world)
    world.share(3000)
    world.share(3000, port=8443)
    assert world.unshare(target="3000", dry_run=True) == 2
    assert len(world.shares()) == 2
    assert world.unshare(path="/", port=8443) == 1
    refused("NotFound", world.unshare, path="/api")
    assert world.unshare(target="3000") == 1


def call_import(world, document, **options):
    return world.call("Import", "sa{sv}", document, variants(options))


def test_export_and_import(world):
    joined(world)
    world.share(3000, allow=V("as", ["203.0.113.0/24"]))
    world.share(22, kind="tcp", port=8443)
    document = world.call("Export", "")[0]
    assert [s["port"] for s in json.loads(document)["shares"]] == [443, 8443]
    world.reset()
    shares, left = call_import(world, document, dry_run=True)
    assert len(shares) == 2 and left == [] and world.shares() == {}
    shares, left = call_import(world, document)
    assert list(map(tuple, shares)) == [("https://" + NAME, "http://localhost:3000"),
                                        (f"tcp://{NAME}:8443", "tcp://localhost:22")], shares
    share = next(s for s in world.shares().values() if s["Port"] == 443)
    assert plain(share["Access"])["allow"] == ["203.0.113.0/24"]
    again = world.call("Export", "")[0]
    assert [dict(s, id=0) for s in json.loads(again)["shares"]] == [dict(s, id=0) for s in json.loads(document)["shares"]]
    refused("InvalidArgument", call_import, world, "{\"x\": 1}")


def test_import_of_tailscale(world):
    joined(world)
    foreign = {"TCP": {"443": {"HTTPS": True}, "8443": {"TCPForward": "127.0.0.1:22"}},
               "Web": {"me.tail1.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:3000"}}},
                       "me.tail1.ts.net:9443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:4000"}}},
                       "me.tail1.ts.net:10000": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:5000"}}}},
               "AllowFunnel": {"me.tail1.ts.net:443": True, "me.tail1.ts.net:8443": True, "me.tail1.ts.net:10000": True}}
    shares, left = call_import(world, json.dumps(foreign))
    assert sorted(map(tuple, shares)) == [("https://" + NAME, "http://127.0.0.1:3000"),
                                          (f"tcp://{NAME}:8443", "tcp://127.0.0.1:22")], shares
    assert any("9443 was private" in line for line in left), left
    assert any("port 10000 is not allowed for funnel; allowed ports are: 443, 8443" in line for line in left), left
    assert len(left) == 2 and len(world.shares()) == 2


def test_what_listens(world):
    world.start()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    found = [entry for entry in world.call("ListListening", "")[0] if entry[0] == port]
    assert len(found) == 1 and tuple(found[0][:3]) == (port, "127.0.0.1", os.getpid()), found
    with open("/proc/self/comm", encoding="utf-8") as comm:
        assert found[0][3] == comm.read().strip(), found
    listener.close()


def test_no_notice_with_files(world):
    """Nothing is ordered for a name whose share brings its certificate, so nothing is said about it."""
    test_state.shared(world)
    assert world.call("TakeCertificateNotice", "s", test_state.NAME)[0] == ""
    assert world.call("TakeCertificateNotice", "s", "other.example.net")[0] == "other.example.net"
