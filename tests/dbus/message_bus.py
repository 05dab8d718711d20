# SPDX-License-Identifier: GPL-3.0-or-later
"""A D-Bus client of the standard library alone: calls, replies, and a connection that can be killed."""
import os
import socket
import struct


class Error(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


class Variant:
    def __init__(self, signature, value):
        self.signature, self.value = signature, value


ALIGN = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8, "s": 4, "o": 4, "g": 1, "a": 4,
         "(": 8, "{": 8, "v": 1}
FIXED = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}


def split(signature):
    """The first complete type, and the rest."""
    if signature[0] == "a":
        inner, rest = split(signature[1:])
        return "a" + inner, rest
    if signature[0] in "({":
        depth = 0
        for at, char in enumerate(signature):
            depth += (char in "({") - (char in ")}")
            if depth == 0:
                return signature[:at + 1], signature[at + 1:]
    return signature[0], signature[1:]


def types(signature):
    while signature:
        one, signature = split(signature)
        yield one


def write(out, signature, value):
    out += b"\0" * (-len(out) % ALIGN[signature[0]])
    code = signature[0]
    if code in FIXED:
        out += struct.pack("<" + FIXED[code], value)
    elif code == "b":
        out += struct.pack("<I", bool(value))
    elif code in "so":
        data = value.encode()
        out += struct.pack("<I", len(data)) + data + b"\0"
    elif code == "g":
        out += bytes([len(value)]) + value.encode() + b"\0"
    elif code == "v":
        write(out, "g", value.signature)
        write(out, value.signature, value.value)
    elif code in "({":
        for one, item in zip(types(signature[1:-1]), value):
            write(out, one, item)
    else:
        out += b"\0\0\0\0"
        length_at = len(out) - 4
        out += b"\0" * (-len(out) % ALIGN[signature[1]])
        begin = len(out)
        for item in value.items() if isinstance(value, dict) else value:
            write(out, signature[1:], item)
        out[length_at:length_at + 4] = struct.pack("<I", len(out) - begin)


def read(data, at, signature):
    at += -at % ALIGN[signature[0]]
    code = signature[0]
    if code in FIXED:
        return struct.unpack_from("<" + FIXED[code], data, at)[0], at + struct.calcsize(FIXED[code])
    if code == "b":
        return bool(struct.unpack_from("<I", data, at)[0]), at + 4
    if code in "so":
        size = struct.unpack_from("<I", data, at)[0]
        return data[at + 4:at + 4 + size].decode(), at + 5 + size
    if code == "g":
        return data[at + 1:at + 1 + data[at]].decode(), at + 2 + data[at]
    if code == "v":
        inner, at = read(data, at, "g")
        return read(data, at, inner)
    if code in "({":
        items = []
        for one in types(signature[1:-1]):
            item, at = read(data, at, one)
            items.append(item)
        return tuple(items), at
    size = struct.unpack_from("<I", data, at)[0]
    at += 4
    at += -at % ALIGN[signature[1]]
    end, items = at + size, []
    while at < end:
        item, at = read(data, at, signature[1:])
        items.append(item)
    return dict(items) if signature[1] == "{" else items, at


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
        line = b""
        while not line.endswith(b"\r\n"):
            line += self.socket.recv(1) or b"closed\r\n"
        if not line.startswith(b"OK"):
            raise Error("Auth", line.decode())
        self.socket.sendall(b"BEGIN\r\n")
        self.serial = 0
        self.signals = []
        self.name = self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")[0]

    def send(self, kind, fields, signature, body):
        self.serial += 1
        payload = bytearray()
        for one, value in zip(types(signature), body):
            write(payload, one, value)
        if signature:
            fields[8] = Variant("g", signature)
        out = bytearray(struct.pack("<BBBBII", ord("l"), kind, 0, 1, len(payload), self.serial))
        write(out, "a(yv)", list(fields.items()))
        out += b"\0" * (-len(out) % 8)
        self.socket.sendall(bytes(out + payload))
        return self.serial

    def receive_exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise Error("Closed", "the bus closed the connection")
            data += more
        return data

    def receive(self):
        head = self.receive_exactly(16)
        size, _, fields_size = struct.unpack("<III", head[4:])
        data = head + self.receive_exactly(fields_size + -fields_size % 8 + size)
        fields, at = read(data, 12, "a(yv)")
        fields = dict(fields)
        at += -at % 8
        body = []
        for one in types(fields.get(8, "")):
            item, at = read(data, at, one)
            body.append(item)
        return data[1], fields, body

    def call(self, destination, path, interface, method, signature="", *body):
        serial = self.send(1, {1: Variant("o", path), 2: Variant("s", interface), 3: Variant("s", method),
                               6: Variant("s", destination)}, signature, body)
        while True:
            kind, fields, answer = self.receive()
            if kind == 4:
                self.signals.append((fields, answer))
            if fields.get(5) != serial:
                continue
            if kind == 3:
                raise Error(fields[4], answer[0] if answer else "")
            return answer

    def close(self):
        self.socket.close()
