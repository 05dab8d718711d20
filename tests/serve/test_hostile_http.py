# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors who mean harm: smuggled requests, slowness, floods. The site must never see what they hid."""
import ssl
import struct

import h2
import peers
from suite import test
from test_stage import LAPTOP, URL, curl, memory
from world import Failure, until

HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LEN = len(HIDDEN)
# What stands between the start line and the end of the head, and the body. The hidden request is in the body or follows it.
CORPUS = {
    "both framings": (f"Content-Length: {LEN + 5}\r\nTransfer-Encoding: chunked", f"0\r\n\r\n{HIDDEN}"),
    "both, other order": (f"Transfer-Encoding: chunked\r\nContent-Length: 4", f"{LEN:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "two lengths": (f"Content-Length: 0\r\nContent-Length: {LEN}", HIDDEN),
    "list of lengths": (f"Content-Length: 0, {LEN}", HIDDEN),
    "signed length": (f"Content-Length: +{LEN}", HIDDEN),
    "negative length": ("Content-Length: -1", HIDDEN),
    "hexadecimal length": ("Content-Length: 0x10", HIDDEN),
    "length with space": (f"Content-Length : {LEN}", HIDDEN),
    "length of spaces": ("Content-Length: 1 0", HIDDEN),
    "huge length": ("Content-Length: 18446744073709551616", HIDDEN),
    "length then junk": ("Content-Length: 0;", HIDDEN),
    "chunked twice": ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", f"0\r\n\r\n{HIDDEN}"),
    "chunked, identity": ("Transfer-Encoding: chunked, identity", f"0\r\n\r\n{HIDDEN}"),
    "identity": ("Transfer-Encoding: identity", HIDDEN),
    "xchunked": ("Transfer-Encoding: xchunked", f"0\r\n\r\n{HIDDEN}"),
    "quoted chunked": ('Transfer-Encoding: "chunked"', f"0\r\n\r\n{HIDDEN}"),
    "coding with tab": ("Transfer-Encoding:\tchunked\r\nContent-Length: 3", f"0\r\n\r\n{HIDDEN}"),
    "coding with vertical tab": ("Transfer-Encoding: \x0bchunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "space before colon": ("Transfer-Encoding : chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "folded coding": ("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "folded other": (f"X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "bare line feed": ("X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "bare carriage return": ("X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "nul in name": ("Transfer\0-Encoding: chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "nul in value": (f"X-A: \0\r\nContent-Length: {LEN}", HIDDEN),
    "underscores": ("Transfer_Encoding: chunked\r\nContent_Length: 5", HIDDEN.replace("/smuggled", "/r/11")),
    "first line indented": (" Transfer-Encoding: chunked\r\nContent-Length: 5", f"0\r\n\r\n{HIDDEN}"),
    "chunk size negative": ("Transfer-Encoding: chunked", f"-1\r\n{HIDDEN}"),
    "chunk size too large": ("Transfer-Encoding: chunked", f"fffffffffffffffff\r\n{HIDDEN}"),
    "chunk size with 0x": ("Transfer-Encoding: chunked", f"0x0\r\n\r\n{HIDDEN}"),
    "chunk size then space": ("Transfer-Encoding: chunked", f"0 \n\r\n{HIDDEN}"),
    "chunk ended by line feed": ("Transfer-Encoding: chunked", f"1\nZ\n0\n\n{HIDDEN}"),
    "chunk without end": ("Transfer-Encoding: chunked", f"1\r\nZZ0\r\n\r\n{HIDDEN}"),
    "chunk extension with line feed": ("Transfer-Encoding: chunked", f"1;a\nb\r\nZ\r\n0\r\n\r\n{HIDDEN}"),
    "chunk size with dot": ("Transfer-Encoding: chunked", f"0.0\r\n\r\n{HIDDEN}"),
    "length in trailers": ("Transfer-Encoding: chunked", f"0\r\nContent-Length: {LEN}\r\n\r\n" + HIDDEN.replace("/smuggled", "/r/12")),
    "connection names length": (f"Connection: Content-Length\r\nContent-Length: {LEN}", HIDDEN),
    "upgrade with body": (f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: {LEN}", HIDDEN),
    "upgrade to h2c": ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", ""),
    "two hosts": ("Host: elsewhere.test\r\nContent-Length: 0", ""),
}
# Heads of HTTP/2 that would be two requests once written as HTTP/1.
CORPUS_H2 = {
    "line in value": [("x-a", "b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x")],
    "line feed in value": [("x-a", "b\nTransfer-Encoding: chunked")],
    "line in name": [("x-a: b\r\ntransfer-encoding", "chunked")],
    "colon in name": [("transfer-encoding: chunked\r\nx", "y")],
    "coding": [("transfer-encoding", "chunked")],
    "connection": [("connection", "transfer-encoding")],
    "upper case": [("Transfer-Encoding", "chunked")],
    "length not of the body": [("content-length", "3")],
    "two lengths": [("content-length", "0"), ("content-length", str(LEN))],
    "upgrade": [("upgrade", "websocket")],
    "host of another": [("host", "elsewhere.test")],
    "line in path": [],
    "line in method": [],
}


def ask_raw(w, data):
    """What is answered to these bytes, to the end of the connection or of the visitor's patience."""
    got = b""
    with peers.visit(w.ca, LAPTOP) as stream:
        try:
            stream.sendall(data)
            stream.settimeout(0.5)
            while more := stream.recv(65536):
                got += more
        except (OSError, ssl.SSLError):
            pass
    return got


def still_in_step(w, name):
    """Nothing hidden got through, and the pooled connections give everybody his own answer."""
    if [r for r in w.site.requests if "smuggled" in r[2]]:
        raise Failure(f"{name}: the hidden request reached the target: {w.site.requests[-5:]}")
    got = curl(w, "/r/31", "--http1.1", URL + "/r/32", URL + "/r/33")
    if [got[i * 1024:].split(" .")[0] for i in range(4)] != ["resource 32", "resource 33", "resource 31", ""]:
        raise Failure(f"{name}: those after it got {got[:60]!r}, {got[1024:1084]!r}, {got[2048:2108]!r}")


@test(limit=150)
def smuggling_over_http1_fails(w):
    for name, (head, body) in CORPUS.items():
        got = ask_raw(w, f"POST /echo HTTP/1.1\r\nHost: {LAPTOP}\r\n{head}\r\n\r\n{body}".encode("latin-1"))
        if got and not got.startswith(b"HTTP/1.1 "):
            raise Failure(f"{name}: answered {got[:100]}")
        still_in_step(w, name)


@test(limit=90)
def smuggling_over_http2_fails(w):
    for name, fields in CORPUS_H2.items():
        path = "/echo HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled" if name == "line in path" else "/echo"
        method = "GET /smuggled HTTP/1.1\r\n\r\nGET" if name == "line in method" else "POST"
        with h2.Visitor(w, LAPTOP) as visitor:
            visitor.send(h2.HEADERS, h2.END_HEADERS, 1, h2.request(LAPTOP, path, method, fields))
            visitor.send(h2.DATA, h2.END_STREAM, 1, b"0\r\n\r\n" + HIDDEN.encode())
            answer = visitor.until(h2.HEADERS, h2.RST_STREAM, h2.GOAWAY)
            if answer and answer[0] == h2.HEADERS and b"\x88" in answer[3][:2]:
                raise Failure(f"{name}: was taken")
        still_in_step(w, name)


@test()
def answers_of_a_broken_target_stay_apart(w):
    """A target that closes, or says less than it announced, spoils one answer and no other."""
    for version in ("--http1.1", "--http2"):
        if curl(w, "/close", version, "-o", "/dev/null", "-w", "%{http_code}") != "502":
            raise Failure(f"{version}: no 502")
        curl(w, "/half", version, fails=True)
        still_in_step(w, version)


@test(limit=60)
def slow_writers_cost_little(w):
    """Heads and bodies that come byte by byte, over both versions."""
    before = memory(w)
    streams = []
    for _ in range(40):
        streams.append(peers.visit(w.ca, LAPTOP))
        streams[-1].sendall(f"GET /r/1 HTTP/1.1\r\nHost: {LAPTOP}\r\nX-".encode())
        streams.append(peers.visit(w.ca, LAPTOP))
        streams[-1].sendall(f"POST /count HTTP/1.1\r\nHost: {LAPTOP}\r\nContent-Length: 1000000\r\n\r\nx".encode())
    visitors = [h2.Visitor(w, LAPTOP) for _ in range(40)]
    for visitor in visitors:
        visitor.send(h2.HEADERS, h2.END_HEADERS, 1, h2.request(LAPTOP, "/count", "POST"))
        visitor.send(h2.DATA, 0, 1, b"x")
        visitor.send(h2.HEADERS, 0, 3, h2.request(LAPTOP, "/r/1"))  # and a head without end
    still_in_step(w, "slow writers")
    after = memory(w)
    for stream in streams + visitors:
        stream.close()
    if after > before + 24:
        raise Failure(f"funneld grew from {before} to {after} MB")


@test(limit=60)
def floods_end_in_goaway(w):
    floods = {
        "ping": h2.frame(h2.PING, 0, 0, bytes(8)),
        "settings": h2.frame(h2.SETTINGS, 0, 0),
        "empty data": h2.frame(h2.DATA, 0, 1),
        "priority": h2.frame(h2.PRIORITY, 0, 1, bytes([0, 0, 0, 3, 1])),
    }
    for name, frame in floods.items():
        with h2.Visitor(w, LAPTOP) as visitor:
            visitor.send(h2.HEADERS, h2.END_HEADERS, 1, h2.request(LAPTOP, "/count", "POST"))
            for _ in range(30):
                try:
                    visitor.tls.sendall(frame * 50)
                except OSError:
                    break
            if visitor.goaway() != h2.ENHANCE_YOUR_CALM:
                raise Failure(f"{name}: no GOAWAY that asks for calm")
    still_in_step(w, "floods")


@test(limit=60)
def rapid_reset_ends_in_goaway(w):
    asked = len(w.site.requests)
    with h2.Visitor(w, LAPTOP) as visitor:
        for stream in range(1, 2001, 2):
            try:
                visitor.tls.sendall(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, h2.request(LAPTOP, "/slow"))
                                    + h2.frame(h2.RST_STREAM, 0, stream, struct.pack(">I", 8)))
            except OSError:
                break
        if visitor.goaway() != h2.ENHANCE_YOUR_CALM:
            raise Failure("no GOAWAY that asks for calm")
    if len(w.site.requests) - asked > 300:
        raise Failure(f"{len(w.site.requests) - asked} requests reached the target")
    still_in_step(w, "rapid reset")


@test()
def continuation_flood_ends_in_goaway(w):
    with h2.Visitor(w, LAPTOP) as visitor:
        visitor.send(h2.HEADERS, 0, 1, h2.request(LAPTOP, "/r/1"))
        try:
            for _ in range(100):
                visitor.send(h2.CONTINUATION, 0, 1, h2.field("x-a", "b" * 100))
        except OSError:
            pass
        if visitor.goaway() != h2.ENHANCE_YOUR_CALM:
            raise Failure("no GOAWAY that asks for calm")


@test()
def request_for_another_name_is_misdirected(w):
    with h2.Visitor(w, LAPTOP) as visitor:
        visitor.send(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, h2.request("elsewhere.test", "/r/1"))
        if b"421" not in visitor.answer(1):
            raise Failure("no 421")
    got = ask_raw(w, b"GET /r/1 HTTP/1.1\r\nHost: elsewhere.test\r\nConnection: close\r\n\r\n")
    if not got.startswith(b"HTTP/1.1 421 "):
        raise Failure(f"got {got[:80]}")


@test()
def memory_comes_back(w):
    until(lambda: w.laptop.share()["visitors"]["now"] <= 2, 20, "no flow is left over")
