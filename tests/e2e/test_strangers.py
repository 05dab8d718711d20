# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors who do not speak TLS as they should: the right answer, in time, and nothing hangs."""
import contextlib
import glob
import os
import resource
import socket
import time

import peers
from suite import test
from test_access import LAPTOP
from world import VISITORS, Failure, until


def rest(sock, seconds):
    """All that comes until the other side closes, which it must within so many seconds."""
    sock.settimeout(seconds)
    got = b""
    try:
        while data := sock.recv(4096):
            got += data
    except ConnectionResetError:
        pass
    except socket.timeout:
        raise Failure(f"still open after {seconds} s; got {got!r}") from None
    return got


@test()
def plain_http_on_the_tls_port_is_closed(w):
    with peers.connect() as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {LAPTOP}\r\n\r\n".encode())
        got = rest(sock, 3)
        if got.startswith(b"HTTP/1.1 200"):
            raise Failure(f"answered {got!r}")


@test()
def garbage_that_begins_as_tls_gets_an_alert(w):
    with peers.connect() as sock:
        sock.sendall(b"\x16\x03\x01\x00\x08\x7f\xff\xff\xff\x00\x00\x00\x00")
        got = rest(sock, 5)
        if got[:1] != b"\x15":
            raise Failure(f"got {got!r}")


@test()
def hello_without_name_is_refused(w):
    with peers.connect() as sock:
        context = w.ca.client()
        context.check_hostname = False
        try:
            context.wrap_socket(sock).close()
        except OSError as error:
            if isinstance(error, socket.timeout):
                raise Failure("no answer") from None
            return
        raise Failure("a TLS connection without a name was served")


@test(limit=60)
def silent_client_is_closed_and_counted(w):
    with peers.connect(timeout=40) as sock:
        rest(sock, 40)


@test(limit=60)
def one_byte_at_a_time_is_served(w):
    """A slow but honest hello is served: one byte per segment."""
    hello = peers.hello(LAPTOP)
    with peers.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello:
            sock.sendall(bytes([byte]))
        if sock.recv(1) != b"\x16":
            raise Failure("no ServerHello")


@test(limit=60)
def a_hello_that_never_ends_is_cut(w):
    """A client that dribbles must meet the deadline of the hello, not a deadline per byte."""
    began = time.monotonic()
    with peers.connect(timeout=1) as sock:
        for byte in peers.hello(LAPTOP)[:-1]:
            try:
                sock.sendall(bytes([byte]))
                sock.recv(16)
                return  # an alert or the end
            except socket.timeout:
                pass
            except OSError:
                return
            if time.monotonic() - began > 40:
                raise Failure("still open after 40 s")
        raise Failure("the hello ended before the deadline came")


@test()
def refusals_are_counted(w):
    status = w.ingress.json("status")
    text = str(status)
    for reason in ("unknown-name", "plain-http", "hello-timeout", "bad-hello", "no-sni"):
        if reason not in text:
            raise Failure(f"{reason} is not in status --json: {text[:600]}")


@test()
def others_were_served_meanwhile(w):
    """Many silent connections keep nobody out."""
    silent = [peers.connect(source=f"203.0.113.{110 + n % 20}") for n in range(200)]
    try:
        peers.works(w.ca, LAPTOP)
    finally:
        for sock in silent:
            sock.close()
    until(lambda: peers.works(w.ca, LAPTOP), 5, "still served")


def relay_memory(w):
    """Resident bytes of all relays of the ingress."""
    total = 0
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as comm, open(os.path.dirname(path) + "/statm", encoding="ascii") as statm:
            if comm.read().strip() == "funnel-relay":
                total += int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def large_hello(size):
    """A hello in one record of so many bytes, nearly all of them padding, and no name."""
    def sized(count, body):
        return len(body).to_bytes(count, "big") + body
    fields = b"\x03\x03" + bytes(32) + sized(1, b"") + sized(2, b"\x13\x01") + sized(1, b"\x00")
    padding = b"\x00\x15" + sized(2, bytes(size - 4 - len(fields) - 2 - 4))
    return b"\x16\x03\x01" + sized(2, b"\x01" + sized(3, fields + sized(2, padding)))


CROWD, EACH = 4000, 1024


@test(limit=60)
def what_comes_before_a_hello_costs_little(w):
    """A crowd sends most of a large hello and then nothing: what is held for each of them is small and fixed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 1000), hard))
    part = large_hello(16000)[:8000]
    before = relay_memory(w)
    with contextlib.ExitStack() as crowd:
        for n in range(CROWD):
            sock = crowd.enter_context(peers.connect(source=VISITORS[n % len(VISITORS)]))
            sock.send(part)
        until(lambda: w.ingress.json("status")["relay"]["flows"] >= CROWD * 0.9, 10, "the crowd is there")
        grown = relay_memory(w) - before
        if grown > CROWD * EACH + 1_000_000:
            raise Failure(f"{CROWD} strangers cost {grown} bytes")
        peers.works(w.ca, LAPTOP)
    until(lambda: w.ingress.json("status")["relay"]["flows"] < 10, 30, "the crowd is forgotten")
    peers.works(w.ca, LAPTOP)
