# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes: exact in both directions, half-close, many visitors at once."""
import asyncio
import os
import socket
import subprocess

import peers
from suite import test
from test_access import LAPTOP
from world import INGRESS, NOBODY, VISITORS, Failure, netns, socket_in, until

BULK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bulk.py")
GIB = 1 << 30


def start(ns, *words):
    return subprocess.Popen(["nsenter", f"--net={netns(ns)}", "--", "/usr/bin/python3", BULK, *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)


def transfer(w, public, local, up, down, client, server):
    """Move bytes both ways at once and compare the hashes of the two ends."""
    target = start("node", "--listen", str(local), f"--send={down}", f"--receive={up}", *server)
    target.stdout.readline()
    visitor = start("visitor", "--connect", f"{INGRESS}:{public}", f"--send={up}", f"--receive={down}", *client)
    try:
        seen, errors = visitor.communicate()
        there, more = target.communicate(timeout=20)
    finally:
        visitor.kill()
        target.kill()
    v, t = seen.split(), there.split()
    if len(v) != 3 or len(t) != 3:
        raise Failure(f"visitor: {seen}{errors[-300:]} target: {there}{more[-300:]}")
    if v[0] != t[1] or v[1] != t[0] or int(t[2]) != up or int(v[2]) != down:
        raise Failure(f"visitor {v}, target {t}")


@test(limit=240)
def a_gib_each_way_pass_through(w):
    w.targets.stop("node", 3443)
    try:
        transfer(w, 443, 3443, GIB, GIB, ["--skip-hello", LAPTOP], ["--skip-hello", LAPTOP])
    finally:
        w.targets.start("node", 3443, peers.echo, tls=w.ca.server(*w.certificate))
        w.laptop.wait_state("active", seconds=60)


@test(limit=240)
def a_gib_each_way_terminated(w):
    w.targets.stop("node", 3000)
    try:
        transfer(w, 8443, 3000, GIB, GIB, ["--tls", LAPTOP, "--ca", w.ca.file], [])
    finally:
        w.targets.start("node", 3000, peers.echo)
        w.laptop.wait_state("active", 8443, seconds=60)


@test()
def half_close_pass_through(w):
    """The visitor ends his direction; the target answers only then."""
    with peers.connect() as sock:
        data = peers.hello(LAPTOP)
        w.targets.stop("node", 3443)
        w.targets.start("node", 3443, peers.total)
        try:
            sock.sendall(data + b"x" * 100000)
            sock.shutdown(socket.SHUT_WR)
            got = b""
            while more := sock.recv(4096):
                got += more
        finally:
            w.targets.stop("node", 3443)
            w.targets.start("node", 3443, peers.echo, tls=w.ca.server(*w.certificate))
        if got != f"{len(data) + 100000} bytes\n".encode():
            raise Failure(f"got {got!r}")


@test()
def half_close_terminated(w):
    w.targets.stop("node", 3000)
    w.targets.start("node", 3000, peers.total)
    try:
        with peers.connect(8443) as sock:
            stream = peers.TlsStream(w.ca, sock, LAPTOP)
            stream.send(b"x" * 100000)
            stream.end()
            got = b""
            while more := stream.recv():
                got += more
    finally:
        w.targets.stop("node", 3000)
        w.targets.start("node", 3000, peers.echo)
    if got != b"100000 bytes\n":
        raise Failure(f"got {got!r}")


async def visitor(w, number, port, gate, together):
    sock = socket_in("visitor")
    sock.setblocking(False)
    sock.bind((VISITORS[number % len(VISITORS)], 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (INGRESS, port))
    reader, writer = await asyncio.open_connection(sock=sock, ssl=w.ca.client(), server_hostname=LAPTOP, ssl_handshake_timeout=60)
    gate.append(number)
    if len(gate) == together["wanted"]:
        together["all"].set()
    await asyncio.wait_for(together["all"].wait(), 60)
    data = b"%06d" % number * 2000
    writer.write(data)
    await writer.drain()
    got = await asyncio.wait_for(reader.readexactly(len(data)), 60)
    writer.close()
    return got == data


@test(limit=120)
def five_hundred_visitors_at_once(w):
    async def crowd():
        gate, together = [], {"wanted": 500, "all": asyncio.Event()}
        results = await asyncio.gather(*(visitor(w, n, (443, 8443)[n % 2], gate, together) for n in range(500)), return_exceptions=True)
        bad = [r for r in results if r is not True]
        if bad:
            raise Failure(f"{len(bad)} of 500 failed, the first with {bad[0]!r}; {len(gate)} got through the handshake")
    asyncio.run(crowd())


@test()
def a_reset_by_the_visitor_reaches_the_target(w):
    """An open flow ends on the node when the visitor goes away without a word."""
    until(lambda: w.laptop.share(8443)["visitors"]["now"] == 0, 10, "the flows of earlier visitors are over")
    stream = peers.visit(w.ca, LAPTOP, 8443)
    peers.talk(stream)
    until(lambda: w.laptop.share(8443)["visitors"]["now"] == 1, 5, "the flow is counted")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    stream.close()
    until(lambda: w.laptop.share(8443)["visitors"]["now"] == 0, 5, "the flow is gone")


@test()
def unix_socket_target(w):
    folder = os.path.join(w.folder, "laptop", "sock")
    os.makedirs(folder)
    path = os.path.join(folder, "echo")

    async def serve():
        return await asyncio.start_unix_server(peers.echo, path)
    w.targets.call(serve())
    os.chown(folder, NOBODY, NOBODY)
    os.chown(path, NOBODY, NOBODY)
    leaf, key = w.certificate
    w.laptop.cli("tcp://localhost:3000", "off")
    try:
        w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={leaf}", f"--key-file={key}", f"unix:{path}")
        w.laptop.wait_state("active", 8443)
        peers.works(w.ca, LAPTOP, 8443)
        w.laptop.cli(f"unix:{path}", "off")
    finally:
        w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={leaf}", f"--key-file={key}", "tcp://localhost:3000")
        w.laptop.wait_state("active", 8443)
