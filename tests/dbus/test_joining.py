# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining and leaving."""
import json
import os

from daemon import BUS_NAME, refused, wait


def test_join_and_leave(world):
    world.start()
    ingress = world.ingress()
    path = world.join("funnel join " + ingress.token() + "\n")
    wait(lambda: world.get(path, "Ingress", "State") == "link-down")
    link = ingress.link([("laptop.example.org", [443])])
    wait(lambda: world.get(path, "Ingress", "State") == "linked")
    found = world.objects("Ingress")[path]
    assert (found["Node"], found["Zone"], found["PublicPorts"]) == ("laptop", "example.org", [443, 8443]), found
    assert found["Tunnel"] == "direct" and found["Engine"] == "none" and found["Reason"] == "", found
    assert found["Grants"] == {"laptop.example.org": [443]}, found
    assert link.headers["sec-websocket-protocol"] == "funnel-link-1"
    message = refused("AlreadyJoined", world.join, ingress.token())
    assert "funnel leave" in message
    world.connection.call(BUS_NAME, path, "org.openfunnel.Funnel.Ingress", "Leave")
    assert world.objects("Ingress") == {}
    assert link.expect("never") is None
    world.stop()
    world.start()
    assert world.objects("Ingress") == {}


def test_bad_tokens(world):
    world.start()
    ingress = world.ingress()
    token = ingress.token()
    for bad in ("", "hello", token[:-4], token[:-1] + ("A" if token[-1] != "A" else "B"), token + token):
        refused("TokenInvalid", world.join, bad)
    assert ingress.requests == []


def test_refusals_of_the_ingress(world):
    world.start()
    ingress = world.ingress()
    for code, name in [("token-used", "TokenUsed"), ("token-expired", "TokenExpired"), ("token-unknown", "TokenUnknown")]:
        ingress.answer = (403, {"error": {"code": code, "message": "because"}})
        assert "because" in refused(name, world.join, ingress.token())
    ingress.answer = (200, {"version": 1})
    refused("Protocol", world.join, ingress.token())
    assert world.objects("Ingress") == {}


def test_other_key_gets_no_secret(world):
    """Whoever shows another key than the token's hears nothing."""
    world.start()
    ingress = world.ingress()
    refused("Untrusted", world.join, ingress.token(key_hash=b"\x01" * 32))
    assert ingress.requests == []


def test_unreachable(world):
    world.start()
    ingress = world.ingress()
    token = ingress.token()
    ingress.close()
    assert "127.0.0.1" in refused("Unreachable", world.join, token)


def test_lost_answer(world):
    """The same token is tried with the same key, also by a daemon that was killed between."""
    world.start()
    ingress = world.ingress()
    ingress.answer = (None, None)
    refused("Unreachable", world.join, ingress.token())
    world.stop(9)
    world.start()
    ingress.answer = None
    world.join(ingress.token())
    first, second = ingress.requests[0], ingress.requests[-1]
    assert first["public_key"] == second["public_key"] and first["secret"] == second["secret"]
    other = world.ingress()
    world.connection.call(BUS_NAME, next(iter(world.objects("Ingress"))), "org.openfunnel.Funnel.Ingress", "Leave")
    world.join(other.token())
    assert other.requests[0]["public_key"] != first["public_key"], "two ingresses must not know the node by one key"


def test_foreign_addresses(world):
    """An ingress cannot place itself in this machine's own networks."""
    world.start()
    ingress = world.ingress()
    for address, tunnel in [("127.0.0.1", "direct"), ("192.168.1.1", "wireguard"), ("100.64.0.1", "direct"),
                            ("127.64.0.1", "wireguard")]:
        status, answer = ingress.usual_answer()
        ingress.answer = (status, dict(answer, ingress_address=address, tunnel=tunnel))
        refused("Protocol", world.join, ingress.token())
    assert world.objects("Ingress") == {}


def test_no_secret_in_log(world):
    world.start()
    ingress = world.ingress()
    token = ingress.token()
    world.join(token)
    ingress.link()
    wait(lambda: "Linked" in world.read_log())
    with open(os.path.join(world.state, "ingress.json"), encoding="utf-8") as text:
        key = json.load(text)["ingresses"][0]["private_key"]
    log = world.read_log()
    assert token[8:40] not in log and key not in log and ingress.requests[0]["secret"] not in log
