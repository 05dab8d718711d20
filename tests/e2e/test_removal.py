# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking away: revoke, off, reset, leave, remove."""
import time

import peers
from suite import test
from test_access import DESK, LAPTOP
from world import Failure, until


def ended(stream, seconds):
    """An open flow ends within so many seconds."""
    stream.settimeout(seconds)
    try:
        return stream.recv(1) == b""
    except TimeoutError:
        raise Failure(f"the open connection still lives after {seconds} s") from None
    except OSError:
        return True


@test()
def revoke_cuts_at_once(w):
    streams = [peers.visit(w.ca, LAPTOP), peers.visit(w.ca, LAPTOP, 8443)]
    for stream in streams:
        peers.talk(stream)
    w.ingress.cli("revoke", "laptop")
    revoked = time.monotonic()
    try:
        for port in (443, 8443):
            # One who came while the routes were changed may be cut off instead of being told, but is never served.
            if peers.alert(w.ca, LAPTOP, port) is None:
                raise Failure(f"a new visitor on {port} was served after the revocation")
        for stream in streams:
            ended(stream, max(0.05, revoked + 1 - time.monotonic()))
        for port in (443, 8443):
            seen = peers.alert(w.ca, LAPTOP, port)
            if seen != "TLSV1_UNRECOGNIZED_NAME":
                raise Failure(f"a later visitor on {port} saw {seen}")
        share = w.laptop.wait_state("waiting-grant")
        if "grant" not in share["next_step"]:
            raise Failure(f"next step: {share['next_step']!r}")
    finally:
        w.ingress.cli("grant", "laptop")
        w.laptop.wait_state("active")
        w.laptop.wait_state("active", 8443)
    peers.works(w.ca, LAPTOP)


@test()
def off_cuts_open_connections(w):
    leaf, key = w.certificate
    stream = peers.visit(w.ca, LAPTOP, 8443)
    peers.talk(stream)
    w.laptop.cli("tcp://localhost:3000", "off")
    ended(stream, 1)
    until(lambda: peers.alert(w.ca, LAPTOP, 8443) == "TLSV1_UNRECOGNIZED_NAME", 2, "the name is unknown on that port")
    w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={leaf}", f"--key-file={key}", "tcp://localhost:3000")
    w.laptop.wait_state("active", 8443)


@test()
def a_bad_certificate_is_refused_with_its_reason(w):
    leaf, key = w.ca.issue("elsewhere.example", w.laptop.uid)
    said = w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={leaf}", f"--key-file={key}", "tcp://localhost:3000", fails=True)
    if LAPTOP not in said:
        raise Failure(f"said: {said}")
    said = w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={w.certificate[0]}", f"--key-file={key}", "tcp://localhost:3000", fails=True)
    if "key" not in said:
        raise Failure(f"said: {said}")
    peers.works(w.ca, LAPTOP, 8443)


@test()
def reset_asks_first(w):
    w.laptop.cli("reset", fails=True)
    if len(w.laptop.shares()) != 2:
        raise Failure(f"shares: {w.laptop.shares()}")
    w.laptop.cli("reset", "--yes")
    if w.laptop.shares():
        raise Failure(f"shares: {w.laptop.shares()}")
    until(lambda: peers.alert(w.ca, LAPTOP) == "TLSV1_UNRECOGNIZED_NAME", 2, "nothing is served")


@test()
def leave_takes_everything_away(w):
    w.laptop.cli("leave", "--yes")
    if w.laptop.ingress():
        raise Failure(f"still has {w.laptop.ingress()}")
    until(lambda: w.laptop.engine() is None, 5, "no engine is left on the node")


@test()
def remove_cuts_a_node_off(w):
    stream = peers.visit(w.ca, DESK)
    peers.talk(stream)
    w.ingress.cli("remove", "desk", "--yes")
    ended(stream, 1)
    seen = peers.alert(w.ca, DESK)
    if seen != "TLSV1_UNRECOGNIZED_NAME":
        raise Failure(f"visitor saw {seen}")
    if any(n["name"] == "desk" for n in w.ingress.json("nodes")["nodes"]):
        raise Failure("desk is still listed")
    until(lambda: not w.desk.linked(), 20, "the desk knows that it is not linked")
