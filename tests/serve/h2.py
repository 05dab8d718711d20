# SPDX-License-Identifier: GPL-3.0-or-later
"""A visitor who writes HTTP/2 frames by hand: for what well-behaved clients cannot be made to do."""
import struct

import peers

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
ENHANCE_YOUR_CALM = 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def integer(value, bits):
    """HPACK's integers."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    out, value = bytes([limit]), value - limit
    while value >= 128:
        out, value = out + bytes([value % 128 | 128]), value // 128
    return out + bytes([value])


def field(name, value):
    """A literal field without indexing, without Huffman coding."""
    name, value = name.encode("latin-1"), value.encode("latin-1")
    return b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def request(name, path, method="GET", fields=()):
    """A field section."""
    pseudo = [(":method", method), (":scheme", "https"), (":authority", name), (":path", path)]
    return b"".join(field(key, value) for key, value in [*pseudo, *fields])


class Visitor:
    """A verified TLS connection with h2 agreed on; acknowledges settings, nothing else."""

    def __init__(self, w, name, timeout=10, settings=b""):
        context = w.ca.client()
        context.set_alpn_protocols(["h2"])
        sock = peers.connect(443, None, timeout)
        self.tls = context.wrap_socket(sock, server_hostname=name)
        if self.tls.selected_alpn_protocol() != "h2":
            raise AssertionError(f"ALPN chose {self.tls.selected_alpn_protocol()}")
        self.name, self.buffer, self.settings = name, b"", {}
        self.tls.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))

    def close(self):
        self.tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *frame_parts):
        self.tls.sendall(frame(*frame_parts))

    def get(self, stream, path, **more):
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, request(self.name, path, **more))

    def read(self):
        """The next frame: (type, flags, stream, payload); None at the end of the connection."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            try:
                data = self.tls.recv(65536)
            except (ConnectionError, peers.ssl.SSLError):
                return None
            if not data:
                return None
            self.buffer += data
        size = int.from_bytes(self.buffer[:3], "big")
        kind, flags, stream = self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big")
        payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                self.settings[key] = value
            self.send(SETTINGS, ACK, 0)
        return kind, flags, stream, payload

    def until(self, *kinds, stream=None):
        """The next frame of one of these types (of that stream); None at the end."""
        while got := self.read():
            if got[0] in kinds and stream in (None, got[2]):
                return got
        return None

    def answer(self, stream):
        """The whole body of a stream's answer; None when it was reset or the connection ended."""
        body = b""
        while got := self.read():
            kind, flags, of, payload = got
            if of != stream:
                continue
            if kind == RST_STREAM:
                return None
            if kind == DATA:
                body += payload
                if payload:
                    self.tls.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload)))
                                     + frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload))))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                return body
        return None

    def goaway(self):
        """The error code of the GOAWAY that must come; None at an end without."""
        got = self.until(GOAWAY)
        return got and struct.unpack(">II", got[3][:8])[1]
