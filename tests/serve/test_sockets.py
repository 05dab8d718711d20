# SPDX-License-Identifier: GPL-3.0-or-later
"""WebSockets over HTTP/1.1 and over HTTP/2 (RFC 8441)."""
import h2
import peers
from suite import test
from test_stage import LAPTOP
from world import Failure

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3
HELLO = b"\x81\x85\x01\x02\x03\x04" + bytes(b ^ m for b, m in zip(b"hello", b"\1\2\3\4\1"))
ECHO = b"\x81\x05hello"


def read(stream, wanted):
    got = b""
    while len(got) < len(wanted):
        data = stream.recv(65536)
        if not data:
            break
        got += data
    return got


@test()
def socket_over_http1(w):
    with peers.visit(w.ca, LAPTOP) as stream:
        stream.sendall(f"GET /socket HTTP/1.1\r\nHost: {LAPTOP}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = stream.recv(1)
            if not byte:
                raise Failure(f"answer: {head}")
            head += byte
        if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT.encode() not in head:
            raise Failure(f"answer: {head}")
        for _ in range(3):
            stream.sendall(HELLO)
            got = read(stream, ECHO)
            if got != ECHO:
                raise Failure(f"echo: {got}")


@test()
def socket_over_http2(w):
    with h2.Visitor(w, LAPTOP) as visitor:
        block = b"".join(h2.field(*pair) for pair in [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", LAPTOP), (":path", "/socket"),
            ("sec-websocket-version", "13")])
        visitor.until(h2.SETTINGS)
        if visitor.settings.get(8) != 1:
            raise Failure(f"no SETTINGS_ENABLE_CONNECT_PROTOCOL: {visitor.settings}")
        visitor.send(h2.HEADERS, h2.END_HEADERS, 1, block)
        answer = visitor.until(h2.HEADERS, h2.RST_STREAM)
        if not answer or answer[0] != h2.HEADERS or b"\x88" not in answer[3][:2]:  # :status 200
            raise Failure(f"answer: {answer}")
        for _ in range(3):
            visitor.send(h2.DATA, 0, 1, HELLO)
            got = visitor.until(h2.DATA, h2.RST_STREAM)
            if got[3] != ECHO:
                raise Failure(f"echo: {got}")
        visitor.get(3, "/r/5")  # beside it, on the same connection
        if not visitor.answer(3).startswith(b"resource 5 "):
            raise Failure("no answer beside the socket")


@test()
def page_that_is_no_socket_refuses(w):
    with h2.Visitor(w, LAPTOP) as visitor:
        block = b"".join(h2.field(*pair) for pair in [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", LAPTOP), (":path", "/r/1")])
        visitor.send(h2.HEADERS, h2.END_HEADERS, 1, block)
        if not visitor.answer(1).startswith(b"resource 1 "):
            raise Failure("an ordinary answer was expected")
