# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing as seen on the bus: what is refused, what is kept, who may."""
import json
import os
import signal
import subprocess
import sys

import message_bus
from daemon import BUS_NAME, ERROR, NO_AUTHORITY, ROOT, Target, refused, variants, wait

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "laptop.example.org"


def joined(world, **options):
    world.start()
    ingress = world.ingress(**options)
    world.join(ingress.token())
    return ingress


def test_not_joined(world):
    world.start()
    assert "funnel join" in refused("NotJoined", world.share, 3000)
    assert world.shares() == {} and world.objects("Ingress") == {}
    refused("NotFound", world.unshare, port=443)
    assert world.reset() == 0


def test_options_are_checked(world):
    joined(world)
    v = message_bus.Variant
    for options, says in [({"colour": "red"}, "\"colour\" is unknown"), ({"port": "443"}, "type q, not s"),
                          ({"port": 0}, "0 is not a port"), ({"port": v("u", 443)}, "type q, not u"),
                          ({"kind": "smtp"}, "smtp"), ({"name": "a..b"}, "a..b"),
                          ({"certificate_file": "x.pem", "key_file": "/x"}, "absolute"),
                          ({"certificate_file": "/x.pem"}, "go together"),
                          ({"kind": "tcp", "certificate_file": "/x", "key_file": "/y"}, "--tcp"),
                          ({"certificate_file": "/nonexistent", "key_file": "/nonexistent"}, "/nonexistent"),
                          ({"port": 9443}, "port 9443 is not allowed for funnel; allowed ports are: 443, 8443")]:
        assert says in refused("InvalidArgument", world.share, 3000, **options), options
    assert "empty target" in refused("InvalidArgument", world.share, "")
    assert "--lan" in refused("NotAllowed", world.share, "10.0.0.1:80")
    refused("InvalidArgument", world.unshare, foreground=True)
    refused("InvalidArgument", world.reset, port=443)
    refused("InvalidArgument", world.call, "Join", "sa{sv}", "funnel1-x", variants({"x": "y"}))
    assert world.shares() == {}


def test_share_replace_unshare(world):
    joined(world)
    path = world.share(3000)
    share = world.shares()[path]
    assert (share["Name"], share["Port"], share["Kind"]) == (NAME, 443, "https"), share
    assert share["Target"] == "http://localhost:3000" and share["URL"] == "https://" + NAME
    assert share["Foreground"] is False
    assert world.share("localhost:4000") == path
    assert world.shares()[path]["Target"] == "http://localhost:4000"
    assert "want to serve \"tcp\", but port 443 is already serving" in refused("Conflict", world.share, 22, kind="tcp")
    other = world.share(22, kind="tcp", port=8443, name="Blog.Example.Org.")
    assert world.shares()[other]["Name"] == "blog.example.org"
    refused("NotFound", world.unshare, port=8443, target="23")
    assert world.unshare(port=8443, target="22") == 1
    assert list(world.shares()) == [path]
    world.connection.call(BUS_NAME, path, "org.openfunnel.Funnel.Share", "Stop")
    assert world.shares() == {}


def test_etag(world):
    joined(world)
    manager = "/org/openfunnel/Funnel/manager"
    first = world.get(manager, "Manager", "ETag")
    world.share(3000, if_match=first)
    second = world.get(manager, "Manager", "ETag")
    assert first != second
    refused("Conflict", world.share, 4000, if_match=first)
    refused("Conflict", world.unshare, port=443, if_match=first)
    refused("Conflict", world.reset, if_match=first)
    assert [s["Target"] for s in world.shares().values()] == ["http://localhost:3000"]
    assert world.reset(if_match=second) == 1
    assert world.get(manager, "Manager", "ETag") == first


def test_kept_over_kill(world):
    """Whatever was answered is on disk."""
    joined(world)
    certificate, key = world.certificate("laptop")
    world.share(3000, certificate_file=certificate, key_file=key)
    world.share(22, kind="tcp", port=8443)
    before = {p: {k: s[k] for k in ("Name", "Port", "Kind", "Target")} for p, s in world.shares().items()}
    etag = world.get("/org/openfunnel/Funnel/manager", "Manager", "ETag")
    assert world.stop(signal.SIGKILL) == -signal.SIGKILL
    world.start()
    assert {p: {k: s[k] for k in ("Name", "Port", "Kind", "Target")} for p, s in world.shares().items()} == before
    assert world.get("/org/openfunnel/Funnel/manager", "Manager", "ETag") == etag
    assert len(world.objects("Ingress")) == 1
    assert world.stop() == 0


def test_files_are_private(world):
    joined(world)
    world.share(3000)
    assert os.stat(world.state).st_mode & 0o777 == 0o700
    for name in ("shares.json", "ingress.json"):
        assert os.stat(os.path.join(world.state, name)).st_mode & 0o777 == 0o600, name


def check_unreadable(world, content):
    shares = os.path.join(world.state, "shares.json")
    joined(world)
    world.share(3000)
    world.stop()
    with open(shares, "w", encoding="utf-8") as out:
        out.write(content)
    world.start()
    assert world.shares() == {}
    assert "funnel reset" in refused("Store", world.share, 3000)
    # A foreground share writes nothing, and so is possible.
    world.share(3000, foreground=True)
    with open(shares, encoding="utf-8") as text:
        assert text.read() == content, "an unreadable file was touched"
    world.reset()
    with open(shares + ".unreadable-1", encoding="utf-8") as text:
        assert text.read() == content
    world.share(3000)
    with open(shares, encoding="utf-8") as text:
        assert len(json.load(text)["shares"]) == 1


def test_unreadable_shares(world):
    check_unreadable(world, "{\"version\": 1, \"shares\": [")


def test_shares_of_newer_version(world):
    check_unreadable(world, "{\"version\": 3, \"shares\": []}")


def test_unreadable_ingress(world):
    world.start()
    world.stop()
    path = os.path.join(world.state, "ingress.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write("garbage")
    world.start()
    ingress = world.ingress()
    refused("Store", world.join, ingress.token())
    refused("Store", world.share, 3000)
    world.reset()
    world.join(ingress.token())
    with open(path + ".unreadable-1", encoding="utf-8") as text:
        assert text.read() == "garbage"


def test_foreground_ends_with_caller(world):
    joined(world)
    caller = subprocess.Popen([sys.executable, os.path.join(HERE, "caller.py"), world.bus_path, "3000", "0"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    path = caller.stdout.readline().strip()
    assert world.shares()[path]["Foreground"] is True
    assert "foreground listener already exists for port 443" in refused("Conflict", world.share, 3000)
    with open(os.path.join(world.state, "ingress.json"), encoding="utf-8") as text:
        assert json.load(text)["version"] == 1
    assert not os.path.exists(os.path.join(world.state, "shares.json"))
    caller.kill()
    caller.wait()
    wait(lambda: world.shares() == {})
    world.share(3000)
    assert "listener already exists for port 443" in refused("Conflict", world.share, 3000, foreground=True)


def test_other_user_may_only_read(world):
    if os.geteuid() != 0:
        return "needs root"
    joined(world)
    # The checkout may stand where another user cannot look.
    scripts = os.path.join(world.folder, "scripts")
    subprocess.run(["cp", "-r", HERE, scripts], check=True)
    caller = subprocess.Popen([sys.executable, os.path.join(scripts, "caller.py"), world.bus_path, "3000", "65534"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        answer = caller.stdout.readline()
        assert answer.startswith(ERROR + "NotAllowed"), answer
        assert caller.stdout.readline().strip() == world.get("/org/openfunnel/Funnel/manager", "Manager", "Version")
        assert world.shares() == {}
    finally:
        caller.kill()
        caller.wait()
    return None


def test_second_daemon(world):
    world.start()
    for more, says in [([], "already uses"), (["--state-dir", os.path.join(world.folder, "other")], "already running")]:
        second = subprocess.run(world.command(*more), env=world.environment(), capture_output=True, text=True, timeout=60,
                                check=False)
        assert second.returncode == 1 and says in second.stderr, second
    assert world.shares() == {}


def test_changes_are_told(world):
    """No client has to ask twice."""
    joined(world)
    listener = message_bus.Connection(world.bus_path)
    listener.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                  f"type='signal',sender='{BUS_NAME}'")
    path = world.share(3000)
    world.unshare()
    told = {}

    def hear():
        _, fields, body = listener.receive()
        told.setdefault(fields.get(3), []).append(body)
        return "InterfacesRemoved" in told

    wait(hear)
    assert told["InterfacesAdded"][0][0] == path
    assert told["InterfacesRemoved"][0][0] == path
    assert told["InterfacesAdded"][0][1]["org.openfunnel.Funnel.Share"]["State"] in ("tunnel-down", "link-down"), told
    listener.close()


def test_broken_targets(world):
    """A target that is refused by name is refused whatever stands around it."""
    joined(world)
    refused("NotAllowed", world.share, "unix:" + world.bus_path)
    target = Target()
    world.share(target.port)
    target.close()


def authorities(world):
    return world.get(ROOT + "/manager", "Manager", "CertificateAuthority")


def set_authority(world, *directories, **options):
    return world.call("SetCertificateAuthority", "aa{sv}a{sv}", [variants(one) for one in directories], variants(options))


def test_authority(world):
    """Set, shown without its secret, kept across a restart, and back to the default."""
    world.start()
    assert authorities(world) == [{"url": NO_AUTHORITY}]
    first = {"url": "https://127.0.0.1:2/dir", "eab-kid": "kid-1", "eab-key": "c2VjcmV0", "profile": "shortlived"}
    set_authority(world, first, {"url": "https://127.0.0.1:3/dir"}, contact="me@example.org")
    shown = [{"url": first["url"], "eab-kid": "kid-1", "profile": "shortlived"}, {"url": "https://127.0.0.1:3/dir"}]
    assert authorities(world) == shown
    assert world.get(ROOT + "/manager", "Manager", "CertificateContact") == "me@example.org"
    stored = os.path.join(world.state, "settings.json")
    assert os.stat(stored).st_mode & 0o777 == 0o600

    # The key that only the daemon knows stays with its identifier.
    set_authority(world, {"url": first["url"], "eab-kid": "kid-1"})
    with open(stored, encoding="utf-8") as text:
        assert "c2VjcmV0" in text.read()
    assert "https" in refused("InvalidArgument", set_authority, world, {"url": "http://example.org/"})
    assert "eab" in refused("InvalidArgument", set_authority, world, {"url": first["url"], "eab-kid": "other"})
    assert "nonsense" in refused("InvalidArgument", set_authority, world, {"url": first["url"], "nonsense": "x"})
    assert authorities(world) == [{"url": first["url"], "eab-kid": "kid-1"}]

    world.stop()
    world.start(authority=None)
    assert authorities(world) == [{"url": first["url"], "eab-kid": "kid-1"}]
    set_authority(world)
    assert "letsencrypt.org" in authorities(world)[0]["url"]


def test_notice(world):
    """Said once for each name, also across a restart."""
    world.start()
    assert world.call("TakeCertificateNotice", "s", "")[0] == ""  # not joined: there is no default name
    assert world.call("TakeCertificateNotice", "s", "Shop.Example.NET")[0] == "shop.example.net"
    assert world.call("TakeCertificateNotice", "s", "shop.example.net")[0] == ""
    world.stop()
    world.start()
    assert world.call("TakeCertificateNotice", "s", "shop.example.net")[0] == ""
    refused("InvalidArgument", world.call, "TakeCertificateNotice", "s", "no name")
    assert world.call("RevokeCertificates", "")[0] == 0
