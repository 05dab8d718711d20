# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress's half of joining, link and offers (docs/protocol.md), with each step in the test's hand."""
import base64
import hashlib
import json
import os
import queue
import socket
import ssl
import struct
import subprocess
import threading
import zlib

NODE_ADDRESS = "127.64.0.2"
INGRESS_ADDRESS = "127.64.0.1"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def make_certificate(folder, label, name, days=30):
    chain, key = os.path.join(folder, label + ".pem"), os.path.join(folder, label + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out",
                    chain], check=True, capture_output=True)
    return chain, key


def leaf_of(chain):
    with open(chain, encoding="ascii") as text:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text.read())).hexdigest()


def key_hash_of(chain):
    public = subprocess.run(["openssl", "x509", "-in", chain, "-pubkey", "-noout"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public.stdout, check=True,
                         capture_output=True)
    return hashlib.sha256(der.stdout).digest()


class Link:
    """One accepted WebSocket."""

    def __init__(self, connection):
        self.socket = connection
        self.inbox = queue.Queue()
        self.lock = threading.Lock()
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        lines = head.decode().split("\r\n")
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
        accept = base64.b64encode(hashlib.sha1(self.headers["sec-websocket-key"].encode() + GUID).digest()).decode()
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: funnel-link-1\r\n\r\n").encode())
        threading.Thread(target=self.read, daemon=True).start()

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self):
        try:
            while True:
                first, second = self.exactly(2)
                size = second & 127
                if size == 126:
                    size = struct.unpack(">H", self.exactly(2))[0]
                elif size == 127:
                    size = struct.unpack(">Q", self.exactly(8))[0]
                mask = self.exactly(4)
                data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.exactly(size)))
                if first & 15 == 1:
                    self.inbox.put(json.loads(data))
                elif first & 15 == 8:
                    break
        except (OSError, EOFError):
            pass
        self.inbox.put(None)

    def frame(self, code, data):
        size = len(data)
        head = bytes([128 | code, size]) if size < 126 else bytes([128 | code, 126]) + struct.pack(">H", size)
        with self.lock:
            self.socket.sendall(head + data)

    def send(self, **message):
        self.frame(1, json.dumps(message).encode())

    def expect(self, kind, timeout=20):
        """The next message of this type; others before it are dropped. None: closed."""
        while True:
            message = self.inbox.get(timeout=timeout)
            if message is None or message["type"] == kind:
                return message

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Ingress:
    def __init__(self, folder, zone="example.org", tunnel="direct"):
        self.zone, self.tunnel, self.ports = zone, tunnel, [443, 8443]
        self.ping_interval = 1
        self.chain, self.key = make_certificate(folder, "ingress", "ingress.test")
        self.secret = os.urandom(16)
        self.requests = []   # bodies of joins
        self.answer = None   # (status, object) instead of the usual answer
        self.questions, self.known = [], None  # bodies of, and the answer to, the question whether a node is known
        self.stopped = False
        self.links = queue.Queue()
        self.join_socket = self.listen("127.0.0.1", self.serve_join)
        self.link_socket = self.listen(INGRESS_ADDRESS, self.serve_link)

    def listen(self, address, serve, port=0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(16)
        threading.Thread(target=self.accept, args=(listener, serve), daemon=True).start()
        return listener

    def accept(self, listener, serve):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def token(self, key_hash=None):
        payload = struct.pack(">H", self.join_socket.getsockname()[1]) + (key_hash or key_hash_of(self.chain))
        payload += self.secret + b"127.0.0.1"
        payload += struct.pack(">I", zlib.crc32(payload))
        return "funnel1-" + base64.urlsafe_b64encode(payload).decode().rstrip("=")

    def usual_answer(self):
        return 200, {"version": 1, "node": "laptop", "zone": self.zone, "names": ["laptop." + self.zone],
                     "address": NODE_ADDRESS, "ingress_address": INGRESS_ADDRESS,
                     "ingress_public_key": base64.b64encode(b"\x09" + b"\0" * 30 + b"\x01").decode(),
                     "endpoint": "127.0.0.1:51820", "link_port": self.link_socket.getsockname()[1],
                     "public_ports": self.ports, "tunnel": self.tunnel}

    def serve_join(self, connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        try:
            stream = context.wrap_socket(connection, server_side=True)
            data = b""
            while b"\r\n\r\n" not in data:
                data += stream.recv(65536)
            head, body = data.split(b"\r\n\r\n", 1)
            size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
            while len(body) < size:
                body += stream.recv(65536)
            if b" /v1/known " in head:
                self.questions.append(json.loads(body))
                status, answer = self.known or (404, {"error": {"code": "not-found", "message": "nothing here"}})
            else:
                self.requests.append(json.loads(body))
                status, answer = self.answer or self.usual_answer()
            if status is None:
                stream.close()
                return
            text = json.dumps(answer).encode()
            stream.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
                           "Connection: close\r\n\r\n".encode() + text)
            stream.close()
        except (OSError, ssl.SSLError, StopIteration):
            connection.close()

    def serve_link(self, connection):
        try:
            self.links.put(Link(connection))
        except (OSError, KeyError):
            connection.close()

    def link(self, grants=(), timeout=20):
        """The next link, welcomed and told its grants: (name, ports[, expires])."""
        link = self.links.get(timeout=timeout)
        link.hello = link.expect("hello")
        link.send(type="welcome", version=1, node="laptop", zone=self.zone, public_ports=self.ports,
                  ping_interval=self.ping_interval)
        self.grant(link, *grants)
        threading.Thread(target=self.ping, args=(link,), daemon=True).start()
        return link

    def ping(self, link):
        number = 0
        try:
            while not getattr(link, "silent", False):
                number += 1
                link.send(type="ping", id=number)
                threading.Event().wait(self.ping_interval)
        except OSError:
            pass

    @staticmethod
    def grant(link, *grants):
        link.send(type="grants", grants=[{"name": g[0], "ports": list(g[1]), "expires": g[2] if len(g) > 2 else 0}
                                         for g in grants])

    def offer(self, link, name, port=443, source=INGRESS_ADDRESS):
        """A visitor's TLS session through one offer; the certificate is not verified. (status line, Session)"""
        connection = socket.socket()
        connection.settimeout(20)
        connection.bind((source, 0))
        connection.connect((NODE_ADDRESS, link.hello["offer_port"]))
        return Session(connection, name, port)

    def close(self):
        self.join_socket.close()
        self.link_socket.close()


class Session:
    def __init__(self, connection, name, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket, self.incoming, self.outgoing = connection, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        connection.sendall((f"POST /v1/offer HTTP/1.1\r\nHost: {NODE_ADDRESS}\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n"
                            f"Funnel-Source: 203.0.113.9:51514\r\nFunnel-Target: {name}:{port}\r\nFunnel-Flow: 1a2b\r\n\r\n"
                            ).encode() + self.outgoing.read())
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(1)
            if not more:
                break
            head += more
        self.head = head.decode()
        self.status = int(self.head.split(" ")[1]) if self.head else 0

    def run(self, step):
        while True:
            try:
                result = step()
                self.socket.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                data = self.socket.recv(65536)
                if not data:
                    self.incoming.write_eof()
                self.incoming.write(data)

    def leaf(self):
        self.run(self.tls.do_handshake)
        return hashlib.sha256(self.tls.getpeercert(True)).hexdigest()

    def echo(self, data):
        self.run(lambda: self.tls.write(data))
        return self.run(lambda: self.tls.read(len(data)))

    def close(self):
        self.socket.close()
