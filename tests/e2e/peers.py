# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors and targets: what stands at the two ends of the path."""
import asyncio
import os
import socket
import ssl
import threading

from world import INGRESS, Failure, run, socket_in

TIMEOUT = 10


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        self.file = self.path("ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test CA",
            "-keyout", self.path("ca.key"), "-out", self.file, "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
        os.chmod(self.file, 0o644)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, owner, days=2):
        """Certificate and key files for a name, readable by their owner alone."""
        key, request, leaf, extra = (self.path(f"{name}.{end}") for end in ("key", "csr", "pem", "ext"))
        with open(extra, "w", encoding="utf-8") as f:
            f.write(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", str(days),
            "-extfile", extra, "-out", leaf)
        for path in (key, leaf):
            os.chown(path, owner, owner)
        os.chmod(key, 0o600)
        os.chmod(leaf, 0o644)
        return leaf, key

    def client(self):
        return ssl.create_default_context(cafile=self.file)

    def server(self, leaf, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf, key)
        return context


class Targets:
    """Local servers of a node, on one event loop in a thread. What a server does is a coroutine (reader, writer)."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.servers = {}

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT)

    def start(self, ns, port, behaviour, tls=None, address="127.0.0.1"):
        sock = socket_in(ns)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))

        async def serve():
            return await asyncio.start_server(behaviour, sock=sock, ssl=tls, backlog=1024)
        self.servers[ns, port] = self.call(serve())

    def stop(self, ns, port):
        server = self.servers.pop((ns, port))

        async def close():
            server.close()
        self.call(close())


async def echo(reader, writer):
    """Sends everything back; ends its own direction when the visitor ended his."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def total(reader, writer):
    """Reads to the end, then says how much that was: works only if half-close does."""
    try:
        count = 0
        while data := await reader.read(65536):
            count += len(data)
        writer.write(f"{count} bytes\n".encode())
        await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()


PAGE = b"<!doctype html><title>funnel</title><p id=it>the laptop answered</p>\n"


async def http(reader, writer):
    try:
        while (await reader.readline()).strip():
            pass
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE)
        await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()


def connect(port=443, source=None, timeout=TIMEOUT):
    """A visitor's TCP connection to the ingress."""
    sock = socket_in("visitor")
    sock.settimeout(timeout)
    if source:
        sock.bind((source, 0))
    sock.connect((INGRESS, port))
    return sock


def visit(authority, name, port=443, timeout=TIMEOUT, source=None):
    """A visitor's verified TLS connection to a public name."""
    sock = connect(port, source, timeout)
    try:
        return authority.client().wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def talk(stream, data=b"are you there?\n"):
    stream.sendall(data)
    got = b""
    while len(got) < len(data):
        more = stream.recv(65536)
        if not more:
            break
        got += more
    if got != data:
        raise Failure(f"sent {data[:40]!r}, got back {got[:40]!r}")


def works(authority, name, port=443, timeout=2):
    """One visitor, one echo; raises when it does not work."""
    with visit(authority, name, port, timeout) as stream:
        talk(stream)
    return True


def alert(authority, name, port=443):
    """The TLS alert a visitor gets, as OpenSSL calls it."""
    try:
        with visit(authority, name, port):
            return None
    except ssl.SSLError as error:
        return error.reason or str(error)
    except socket.timeout:
        return "NO ANSWER"
    except OSError as error:
        return type(error).__name__


def hello(name):
    """The bytes of a real ClientHello for a name."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    stream = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        stream.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class TlsStream:
    """TLS over a socket with a half-close of its own: end() sends close_notify and reading goes on."""

    def __init__(self, authority, sock, name):
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = authority.client().wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.step(self.tls.do_handshake)

    def flush(self):
        if data := self.outgoing.read():
            self.sock.sendall(data)

    def step(self, action, *arguments):
        while True:
            try:
                result = action(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def send(self, data):
        self.step(self.tls.write, data)

    def recv(self):
        try:
            return self.step(self.tls.read, 65536)
        except ssl.SSLZeroReturnError:
            return b""

    def end(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()
        self.sock.shutdown(socket.SHUT_WR)
