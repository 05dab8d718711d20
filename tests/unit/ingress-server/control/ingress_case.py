# SPDX-License-Identifier: GPL-3.0-or-later
"""An ingress of its own per test: real funnel-ingressd, agent, relay and CLI with --tunnel direct,
and a small node in Python (join, link, offers)."""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

BUILD = os.environ["FUNNEL_TEST_BUILD"]
SOURCE = os.environ["FUNNEL_TEST_SOURCE"]
SANITIZED = os.environ.get("FUNNEL_TEST_SANITIZED") == "1"
DEADLINE = 30
ZONE = "example.localhost"  # RFC 6761: resolves to loopback without any DNS

INGRESSD = os.path.join(BUILD, "ingress-server/control/funnel-ingressd")
CLI = os.path.join(BUILD, "ingress-server/admin/funnel-ingress")
AGENT = os.path.join(BUILD, "lib/tunnel/agent/funnel-netns")
RELAY = os.path.join(BUILD, "ingress-server/relay/funnel-relay")


def wait_for(check, what, seconds=DEADLINE):
    """Polls check() until it gives something true."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("timed out waiting for " + what)
        time.sleep(0.02)


_given = set()


def free_port():
    """A TCP port that is free now, was given to nobody else in this run, and is below the range the
    kernel takes ports for outgoing connections from."""
    while True:
        port = random.randrange(12000, 32000)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as s:
            try:
                s.bind(("0.0.0.0", port))
            except OSError:
                continue
        return port


def spki_hash(der):
    """SHA-256 of the SubjectPublicKeyInfo of a certificate."""

    def element(at):
        length, body = der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[body:body + count], "big")
            body += count
        return body, body + length

    tbs, _ = element(element(0)[0])
    at = tbs
    for _ in range(6):  # version, serial, algorithm, issuer, validity, subject
        at = element(at)[1]
    return hashlib.sha256(der[at:element(at)[1]]).digest()


class Token:
    def __init__(self, text):
        payload = base64.urlsafe_b64decode(text[len("funnel1-"):] + "==")
        assert zlib.crc32(payload[:-4]) == int.from_bytes(payload[-4:], "big")
        self.text = text
        self.port = int.from_bytes(payload[:2], "big")
        self.key_hash = payload[2:34]
        self.secret = payload[34:50]
        self.host = payload[50:-4].decode()
        self.secret_text = base64.urlsafe_b64encode(self.secret).decode().rstrip("=")


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


def post_join(token, body, method="POST", path="/v1/join"):
    """Status and JSON of a request to the join API, with the key pinned."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(token.host, token.port, context=context, timeout=DEADLINE)
    try:
        connection.connect()
        der = connection.sock.getpeercert(binary_form=True)
        assert spki_hash(der) == token.key_hash, "the join API shows another key than the token's"
        connection.request(method, path, body)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text)


def join_body(token, key):
    return json.dumps({"version": 1, "secret": token.secret_text, "public_key": key, "software": "test/1"})


def schema_errors(schema, value, path="message"):
    """The part of JSON Schema our schemas use."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or isinstance(value, bool) != (kind == "boolean")):
        return ["%s: not %s" % (path, kind)]
    errors = []
    if "const" in schema and value != schema["const"]:
        errors.append("%s: not %r" % (path, schema["const"]))
    if "enum" in schema and value not in schema["enum"]:
        errors.append("%s: not one of %r" % (path, schema["enum"]))
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            errors.append("%s: does not match" % path)
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30):
            errors.append("%s: length" % path)
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        errors.append("%s: out of bounds" % path)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30):
            errors.append("%s: number of items" % path)
        for i, item in enumerate(value):
            errors += schema_errors(schema.get("items", {}), item, "%s[%d]" % (path, i))
    elif isinstance(value, dict):
        errors += ["%s.%s: missing" % (path, m) for m in schema.get("required", []) if m not in value]
        for member, item in value.items():
            errors += schema_errors(schema.get("properties", {}).get(member, {}), item, path + "." + member)
    return errors


def check_schema(name, value):
    with open(os.path.join(SOURCE, "data/schema", name + ".schema.json"), encoding="utf-8") as file:
        errors = schema_errors(json.load(file), value)
    assert not errors, errors


class Refused(Exception):
    """The link's handshake was answered with another status than 101."""


class Link:
    """A WebSocket client, just enough."""

    def __init__(self, address, port, ingress="127.64.0.1", protocol="funnel-link-1", path="/v1/link"):
        self.sock = socket.socket()
        self.sock.settimeout(DEADLINE)
        self.sock.bind((address, 0))
        self.sock.connect((ingress, port))
        self.closed = False
        self.buffer = b""
        lines = ["GET %s HTTP/1.1" % path, "Host: %s:%d" % (ingress, port), "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Version: 13"]
        if protocol:
            lines.append("Sec-WebSocket-Protocol: " + protocol)
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            data = self.sock.recv(4096)
            if not data:
                break
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status = head.split(b" ")[1].decode() if b" " in head else "closed"
        if status != "101":
            self.sock.close()
            raise Refused(status)

    def frame(self, opcode, payload):
        mask = os.urandom(4)
        if len(payload) < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload))
        elif len(payload) < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(payload))
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, len(payload))
        self.sock.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def send_text(self, text):
        self.frame(1, text.encode())

    def send(self, kind, **members):
        message = dict(type=kind, **members)
        self.send_text(json.dumps(message))

    def take(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive(self):
        """The next message, checked against its schema; None when the link was closed."""
        try:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack("!H", self.take(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", self.take(8))[0]
            payload = self.take(length)
        except (EOFError, ConnectionError):
            self.closed = True
            return None
        if first & 0x0F == 8:
            self.closed = True
            return None
        message = json.loads(payload)
        check_schema("link-" + message["type"], message)
        if message["type"] == "ping":
            self.send("pong", id=message["id"])
        return message

    def expect(self, kind, check=lambda message: True):
        """The next message of @kind that satisfies @check; others are passed over."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = self.receive()
            if message is None:
                raise AssertionError("the link was closed while waiting for " + kind)
            if message["type"] == kind and check(message):
                return message
        raise AssertionError("no " + kind + " in time")

    def expect_end(self):
        """Messages until the link is closed by the other side."""
        messages = []
        while (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def start(self, offer_port):
        self.send("hello", version=1, software="test/1", offer_port=offer_port)
        welcome = self.expect("welcome")
        return welcome, self.expect("grants")["grants"]

    def close(self):
        self.sock.close()


class OfferServer:
    """Takes offers as a node does, and answers their TLS with a line."""

    def __init__(self, address, folder):
        self.pem = os.path.join(folder, "node.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=node", "-keyout", self.pem, "-out", self.pem + ".crt"],
                       check=True, capture_output=True)
        with open(self.pem + ".crt", encoding="ascii") as file:
            self.leaf = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.pem + ".crt", self.pem)
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                self.take_offer(connection)
            except (OSError, EOFError, ssl.SSLError):
                pass

    def take_offer(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        data = data.partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n\r\n")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(data)
        self.pump(connection, lambda: tls.do_handshake() or True, incoming, outgoing)
        tls.write(b"hello from the node\n")
        connection.sendall(outgoing.read())
        try:
            while self.pump(connection, lambda: tls.read(4096), incoming, outgoing):
                pass
        finally:
            connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def pump(connection, step, incoming, outgoing):
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                result = None
            if outgoing.pending:
                connection.sendall(outgoing.read())
            if result is not None or incoming.eof:
                return result
            data = connection.recv(65536)
            if not data:
                raise EOFError
            incoming.write(data)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # else who is in accept() takes one more
        self.listener.close()


class SlowVisitor:
    """A visitor who stops in the middle of the handshake, with the node already at the other end."""

    def __init__(self, name, port):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.sock.sendall(self.outgoing.read())
        self.incoming.write(self.sock.recv(65536))  # the node's answer

    def finish(self):
        """The line the node says."""
        while True:
            try:
                self.tls.do_handshake()
                return self.tls.read(100).decode().strip()
            except ssl.SSLWantReadError:
                if not self.exchange():
                    return "cut off"

    def exchange(self):
        try:
            self.sock.sendall(self.outgoing.read())
            data = self.sock.recv(65536)
        except OSError:
            return False
        self.incoming.write(data)
        return bool(data)

    def close(self):
        self.sock.close()


def visit(name, port):
    """What a visitor gets: a line of text, or the name of what went wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                return tls.recv(100).decode().strip()
    except ssl.SSLError as error:
        return error.reason or str(error)
    except OSError as error:
        return type(error).__name__


class IngressCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="funnel-ingress-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.state = os.path.join(self.folder, "state")
        self.run_dir = os.path.join(self.folder, "run")
        self.log_path = os.path.join(self.folder, "log")
        self.public_port, self.endpoint_port, self.link_port = free_port(), free_port(), free_port()
        self.daemon = None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.folder, "notify"))
        self.notify.settimeout(DEADLINE)
        self.addCleanup(self.notify.close)
        self.environment = dict(os.environ, FUNNEL_NETNS_PROGRAM=AGENT, FUNNEL_RELAY_PROGRAM=self.relay_program(),
                                FUNNEL_INGRESS_STATE=self.state, FUNNEL_INGRESS_RUN=self.run_dir,
                                NOTIFY_SOCKET=self.notify.getsockname(), LC_ALL="C.UTF-8")
        self.addCleanup(self.end)

    def relay_program(self):
        if not SANITIZED:
            return RELAY
        # Sanitizers make system calls the relay's filter forbids.
        path = os.path.join(self.folder, "relay")
        with open(path, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nexec "%s" "$@" --sandbox off\n' % RELAY)
        os.chmod(path, 0o755)
        return path

    def init(self, *extra):
        self.cli("init", "--zone", ZONE, "--endpoint", "127.0.0.1:%d" % self.endpoint_port, "--public-port",
                 str(self.public_port), "--tunnel", "direct", "--link-port", str(self.link_port), *extra)

    def start(self, *arguments, inherited=None):
        words, environment = [INGRESSD, *arguments], self.environment
        if inherited:
            # As systemd hands sockets over: from descriptor 3 on, for the process with this id.
            environment = dict(environment, LISTEN_FDS="1")
            words = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@" 3<&%d' % inherited.fileno(), "sh", *words]
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(words, env=environment, stdout=log, stderr=log,
                                           pass_fds=[inherited.fileno()] if inherited else [])

        def is_ready():
            if self.daemon.poll() is not None:
                raise AssertionError("funnel-ingressd ended:\n" + self.log())
            return select.select([self.notify], [], [], 0.05)[0]

        wait_for(is_ready, "READY")
        while (said := self.notify.recv(100)) == b"WATCHDOG=1":
            pass
        self.assertEqual(said, b"READY=1")

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        self.daemon.wait(DEADLINE)
        code, self.daemon = self.daemon.returncode, None
        return code

    def configure(self, **values):
        """Ends the control process, sets keys of ingress.conf, and starts it again."""
        self.stop(signal.SIGKILL)
        path = os.path.join(self.state, "ingress.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for key, value in values.items():
            text, count = re.subn(r"(?m)^%s=.*$" % re.escape(key), "%s=%s" % (key, value), text)
            self.assertEqual(count, 1, "%s is not in the commented file" % key)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.start()

    def agent_pid(self):
        """The agent whose socket is ours."""
        with open("/proc/net/unix", encoding="ascii") as file:
            if os.path.join(self.run_dir, "agent.sock") not in file.read():
                return None
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/cmdline" % entry, "rb") as file:
                        words = file.read().split(b"\0")
                except OSError:
                    continue
                if words[0] == AGENT.encode() and any(self.run_dir.encode() in word for word in words):
                    return int(entry)
        return None

    def end(self):
        if self.daemon:
            self.stop()
        pid = self.agent_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
        outcome = self._outcome
        if outcome and any(error for _, error in getattr(outcome, "errors", []) if error):
            sys.stderr.write(self.log())
        self.assertNotIn("Sanitizer", self.log())
        self.assertNotIn("runtime error:", self.log())

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def call(self, *words):
        return subprocess.run([CLI, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=DEADLINE)

    def cli(self, *words):
        """JSON of a command that must work."""
        done = self.call(*words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return json.loads(done.stdout)

    def invite(self, node, *options):
        return Token(self.cli("invite", node, *options)["token"])

    def join(self, node, *options):
        """Invites and joins; the answer."""
        token = self.invite(node, *options)
        status, answer = post_join(token, join_body(token, new_key()))
        self.assertEqual(status, 200, answer)
        check_schema("join-answer", answer)
        return answer

    def node(self, name):
        return next(node for node in self.cli("nodes")["nodes"] if node["name"] == name)

    def link(self, answer, offer_port):
        link = Link(answer["address"], self.link_port)
        self.addCleanup(link.close)
        link.welcome, link.grants = link.start(offer_port)
        return link

    def offers(self, address):
        server = OfferServer(address, self.folder)
        self.addCleanup(server.close)
        return server

    def share(self, link, name, epoch=1):
        link.send("shares", shares=[{"name": name, "port": self.public_port, "epoch": epoch}])
