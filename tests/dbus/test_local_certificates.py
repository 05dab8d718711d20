# SPDX-License-Identifier: GPL-3.0-or-later
"""What "funnel cert" asks of the daemon, and where local web servers find it."""
import base64
import http.client
import json
import os
import socket
import stat

from daemon import BUS_NAME, ROOT, refused, wait

NAME = "laptop.example.org"


def call(world, method, signature, *body):
    return world.connection.call(BUS_NAME, ROOT + "/manager", "org.openfunnel.Funnel.Certificates", method, signature, *body)


def certificates(world):
    return world.get(ROOT + "/manager", "Certificates", "Certificates")


def place(world, name):
    return world.get(ROOT + "/manager", "Certificates", name)


def ask_socket(path, target):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(path)
        raw.sendall(f"GET {target} HTTP/1.1\r\nHost: local-tailscaled.sock\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := raw.recv(65536):
            answer += more
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), json.loads(body)


def start_with(world, *flags, **environment):
    """The daemon with more flags and environment from now on."""
    command, env = world.command, world.environment
    world.command = lambda *more: command(*flags, *more)
    world.environment = lambda: dict(env(), **environment)
    world.start()


def test_allowed_users_are_kept(world):
    world.start()
    call(world, "Allow", "susb", NAME.upper() + ".", 998, "caddy", True)
    wait(lambda: NAME in certificates(world))
    assert certificates(world)[NAME]["users"] == ["caddy"] and certificates(world)[NAME]["kept"]
    assert certificates(world)[NAME]["state"] == "pending", certificates(world)[NAME]
    world.stop()
    world.start()
    assert certificates(world)[NAME]["users"] == ["caddy"]
    refused("NotFound", call, world, "Allow", "susb", NAME, 33, "www-data", False)
    call(world, "Allow", "susb", NAME, 998, "caddy", False)
    wait(lambda: certificates(world)[NAME]["users"] == [])
    call(world, "Forget", "s", NAME)
    wait(lambda: NAME not in certificates(world))
    refused("NotFound", call, world, "Forget", "s", NAME)


def test_wrong_wishes(world):
    world.start()
    for name in ("", "a b", "-.example.org", "x" * 300):
        assert "host name" in refused("InvalidArgument", call, world, "Obtain", "st", name, 0)
        assert "host name" in refused("InvalidArgument", call, world, "Allow", "susb", name, 1, "x", True)
        assert "host name" in refused("InvalidArgument", call, world, "Install", "ssa{sv}", name, "/tmp/x", {})
    assert "absolute" in refused("InvalidArgument", call, world, "Install", "ssa{sv}", NAME, "relative", {})
    assert "not installed" in refused("NotFound", call, world, "Uninstall", "ss", NAME, "/tmp/x")
    assert certificates(world) == {}
    assert call(world, "ListSerials", "s", NAME) == [[]]


def test_obtain_without_an_ingress_says_so(world):
    world.start()
    try:
        call(world, "Obtain", "st", NAME, 0)
    except Exception as error:
        assert "join" in str(error), error
    else:
        raise AssertionError("it was obtained")


def test_socket_of_the_user(world):
    runtime = os.path.join(world.folder, "runtime")
    os.makedirs(runtime, mode=0o700)
    start_with(world, XDG_RUNTIME_DIR=runtime)
    path = os.path.join(runtime, "funnel", "localapi.sock")
    assert place(world, "LocalApiSocket") == path and place(world, "LocalApiUrl") == ""
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert ask_socket(path, "/localapi/v0/status")[1]["CertDomains"] == []
    call(world, "Allow", "susb", NAME, 998, "caddy", True)
    assert ask_socket(path, "/localapi/v0/status")[1]["CertDomains"] == [NAME]
    status, body = ask_socket(path, f"/localapi/v0/cert/{NAME}?type=pair")
    assert status == 503 and "funnel cert --list" in body["error"]
    world.stop()
    assert not os.path.exists(path)


def test_socket_for_servers(world):
    path = os.path.join(world.folder, "server", "api.sock")
    start_with(world, "--local-api", path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    assert ask_socket(path, "/localapi/v0/cert/nothing.example.org")[0] == 404


def test_secret_of_the_loopback_face(world):
    start_with(world, "--local-api-http", "0")
    url = place(world, "LocalApiUrl")
    path = os.path.join(world.state, "local-api-secret")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="ascii") as text:
        secret = text.read()
    assert len(secret) == 43 and secret not in world.read_log()
    port = int(url.split(":")[2].split("/")[0])
    wrong = ("y" if secret[0] == "x" else "x") + secret[1:]
    for given, expected in ((secret, 204), (wrong, 401)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/cert?server_name=" + NAME,
                           headers={"Authorization": "Basic " + base64.b64encode(("caddy:" + given).encode()).decode()})
        assert connection.getresponse().status == expected
        connection.close()
    world.stop()
    world.start()
    with open(path, encoding="ascii") as text:
        assert text.read() == secret


def test_unreadable_wishes_are_left_untouched(world):
    os.makedirs(world.state, mode=0o700)
    path = os.path.join(world.state, "certificate-wishes.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write("{ precious")
    world.start()
    assert path in refused("Store", call, world, "Allow", "susb", NAME, 998, "caddy", True)
    with open(path, encoding="utf-8") as text:
        assert text.read() == "{ precious"
