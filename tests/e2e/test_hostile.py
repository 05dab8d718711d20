# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile ingress: offers it should not make are refused, counted by reason, and logged."""
import socket

import peers
from suite import test
from test_access import LAPTOP
from test_isolation import node_address
from world import ZONE, Failure, inside, until


def offer(target=f"{LAPTOP}:443", source="198.51.100.7:1234", method="POST", path="/v1/offer", extra=""):
    return (f"{method} {path} HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n"
            f"Funnel-Source: {source}\r\nFunnel-Target: {target}\r\nFunnel-Flow: 1a\r\n{extra}\r\n").encode()


def answer(w, data, end=False, timeout=12):
    """What the node says to these bytes on its offer port: the head it sends before closing, or 101."""
    with inside(w.ingress.inside()):
        sock = socket.socket()
    sock.settimeout(timeout)
    with sock:
        sock.connect((node_address(w), w.offer_port))
        sock.sendall(data)
        if end:
            sock.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while more := sock.recv(4096):
                got += more
                if got.startswith(b"HTTP/1.1 101"):
                    break
        except ConnectionResetError:
            pass
        except socket.timeout:
            raise Failure(f"no answer, still open; got {got!r}") from None
    return got.decode(errors="replace")


def refusals(w):
    """All refusals of offers that the node counts for this ingress and its shares."""
    status = w.laptop.status()
    total = {}
    for owner in status["ingresses"] + status["shares"]:
        for reason, count in owner.get("refusals", {}).items():
            total[reason] = total.get(reason, 0) + count
    return total


def expect(w, data, beginning, reason=None, **more):
    before = sum(refusals(w).values())
    got = answer(w, data, **more)
    if not got.startswith(beginning):
        raise Failure(f"answered {got!r} instead of {beginning!r}")
    if reason and f"Funnel-Reason: {reason}\r\n" not in got:
        raise Failure(f"answered {got!r}, no reason {reason}")
    until(lambda: sum(refusals(w).values()) > before, 5, f"the refusal is counted ({before} so far)")


@test()
def a_right_offer_is_taken(w):
    """Control: what the others break is otherwise accepted."""
    got = answer(w, offer() + peers.hello(LAPTOP))
    if not got.startswith("HTTP/1.1 101") or "Upgrade: funnel" not in got:
        raise Failure(f"answered {got!r}")


@test()
def offer_for_a_name_not_shared(w):
    expect(w, offer(f"other.{ZONE}:443") + peers.hello(f"other.{ZONE}"), "HTTP/1.1 403", "no-share")


@test()
def offer_for_a_port_not_shared(w):
    expect(w, offer(f"{LAPTOP}:22") + peers.hello(LAPTOP), "HTTP/1.1 403", "no-share")


@test()
def offer_with_another_inner_name(w):
    expect(w, offer() + peers.hello(f"desk.{ZONE}"), "HTTP/1.1 403", "name-mismatch")


@test()
def offer_with_something_else_than_tls(w):
    expect(w, offer() + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 403", "not-tls")


@test()
def malformed_offers(w):
    for data in (b"\0\1\2\3\r\n\r\n", b"POST /v1/offer HTTP/1.1\r\n\r\n", offer(target="no port"), offer(source="nowhere"),
                 offer().replace(b"HTTP/1.1", b"HTTP/9.9"), offer(target=f"{LAPTOP}:443", extra=f"Funnel-Target: desk.{ZONE}:443\r\n"),
                 offer().replace(b"Funnel-Target:", b"Funnel-Target :"), offer(target=f"{LAPTOP}\0:443")):
        expect(w, data + peers.hello(LAPTOP), ("HTTP/1.1 400", "HTTP/1.1 405"))  # what is no POST may be called that


def logged(w, data, word):
    """The log is limited to a line now and then, so the offer is made until its line comes."""
    mark = w.laptop.daemon.size()

    def line():
        answer(w, data)
        return word in w.laptop.daemon.text(mark)
    until(line, 15, f"a line of the log with {word}")


@test()
def another_inner_name_is_logged(w):
    logged(w, offer() + peers.hello(f"desk.{ZONE}"), "name-mismatch")


@test()
def malformed_offers_are_logged(w):
    logged(w, offer(target="no port"), "bad-")


@test()
def a_wrong_target_is_logged(w):
    logged(w, offer(f"other.{ZONE}:443") + peers.hello(f"other.{ZONE}"), "no-share")


@test()
def offers_of_the_wrong_kind(w):
    expect(w, offer(method="GET") + peers.hello(LAPTOP), "HTTP/1.1 405")
    expect(w, offer(path="/v1/other") + peers.hello(LAPTOP), "HTTP/1.1 404")


@test()
def an_endless_head(w):
    expect(w, b"POST /v1/offer HTTP/1.1\r\nX: " + b"a" * 4096, "HTTP/1.1 400")


@test(limit=60)
def an_offer_that_stops_half_way(w):
    """5 s from the first byte; the connection must be closed then."""
    got = answer(w, offer()[:40], timeout=30)
    if got.startswith("HTTP/1.1 101"):
        raise Failure("half an offer was taken")
    got = answer(w, offer() + peers.hello(LAPTOP)[:40], timeout=30)
    if got.startswith("HTTP/1.1 101"):
        raise Failure("half a hello was taken")


@test(limit=60)
def many_idle_offer_connections_are_bounded(w):
    """An ingress may hold only so many; visitors are still served."""
    held = []
    try:
        for _ in range(3000):
            with inside(w.ingress.inside()):
                sock = socket.socket()
            sock.settimeout(3)
            held.append(sock)
            try:
                sock.connect((node_address(w) if len(held) == 1 else w.node_address, w.offer_port))
            except OSError:
                break
            if len(held) == 1:
                w.node_address = node_address(w)
        closed = 0
        for sock in held:
            sock.setblocking(False)
            try:
                closed += sock.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:
                closed += 1
        if not closed:
            raise Failure(f"{len(held)} idle connections were all kept")
    finally:
        for sock in held:
            sock.close()
    until(lambda: peers.works(w.ca, LAPTOP), 10, "visitors are served again")
