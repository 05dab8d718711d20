# SPDX-License-Identifier: GPL-3.0-or-later
"""The target of the serve suite: a small HTTP/1.1 server that counts what reaches it.

    /               the page for browsers          /r/N             resource N, 1 KiB
    /file           5 MB, ranges                   /endless         chunks without end
    /events         server-sent events: the second only after /ack
    /count          answers with the size and SHA-256 of the request's body
    /socket         WebSocket echo                 /echo            method, target, fields and body as JSON
    /socket-via     Via of the last WebSocket
    /slow           nothing at all                 /report          keeps the body for the test
    /close          closes without an answer       /half            half of what it announces
"""
import asyncio
import base64
import hashlib
import json
import threading

FILE = hashlib.shake_128(b"file").digest(5_000_000)
ETAG = '"' + hashlib.sha256(FILE).hexdigest()[:16] + '"'
WEB_SOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

PAGE = """<!doctype html><title>site</title><link rel=icon href="data:,">
<script>
const result = {};
async function resources() {
  const texts = await Promise.all([...Array(100).keys()].map(n => fetch('/r/' + n).then(r => r.text())));
  result.resources = texts.filter((t, n) => t.length == 1024 && t.startsWith('resource ' + n + ' ')).length;
  const seen = performance.getEntriesByType('resource').filter(e => e.name.includes('/r/'));
  result.protocols = [...new Set(seen.map(e => e.nextHopProtocol))];
}
function socket() {
  return new Promise((done, failed) => {
    const ws = new WebSocket('wss://' + location.host + '/socket');
    const big = 'x'.repeat(70000), got = [];
    ws.onopen = () => { ws.send('hello'); ws.send(big); };
    ws.onmessage = e => { got.push(e.data); if (got.length == 2) ws.close(1000); };
    ws.onerror = () => failed('socket failed');
    ws.onclose = e => { done(got.length == 2 && got[0] == 'hello' && got[1] == big && e.code == 1000); };
  });
}
// A browser takes HTTP/2 for a WebSocket where it has a connection at hand, and it may retire one whenever its settings change,
// as they do while it starts: then the socket comes over HTTP/1.1, and has to work as well.
async function sockets() {
  for (let n = 0; n < 10; n++) {
    await fetch('/r/' + n);
    await fetch('/r/' + n);
    result.socket = await socket();
    if (!result.socket || await (await fetch('/socket-via')).text() == '2.0 funnel') break;
  }
}
function events() {
  return new Promise((done, failed) => {
    const source = new EventSource('/events'), got = [];
    source.onmessage = e => {
      got.push(e.data);
      if (got.length == 1) fetch('/ack', {method: 'POST'});
      if (got.length == 2) { source.close(); result.events = got; done(); }
    };
    source.onerror = () => failed('events failed');
  });
}
async function upload() {
  const body = new Uint8Array(3000000).map((_, i) => i * 7);
  const answer = await (await fetch('/count', {method: 'POST', body})).json();
  result.uploaded = answer.size;
}
(async () => {
  try { await resources(); await sockets(); await events(); await upload(); }
  catch (error) { result.error = String(error); }
  await fetch('/report', {method: 'POST', body: JSON.stringify(result)});
})();
</script>"""


class Request:
    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields

    def field(self, name):
        found = [value for key, value in self.fields if key.lower() == name]
        return found[0] if found else None


class Site:
    """Give .serve to Targets.start."""

    def __init__(self):
        self.requests = []       # (connection, method, target)
        self.connections = 0
        self.writers = set()     # of the connections now
        self.sockets = []        # Via of each WebSocket
        self.reported = threading.Event()
        self.report = None
        self.acknowledged = asyncio.Event()
        self.cut = 0             # requests whose connection ended before they were answered

    async def serve(self, reader, writer):
        self.connections += 1
        self.writers.add(writer)
        number = self.connections
        try:
            while request := await self.head(reader):
                self.requests.append((number, request.method, request.target))
                await self.answer(request, reader, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.cut += 1
        finally:
            self.writers.discard(writer)
            writer.close()

    async def head(self, reader):
        line = await reader.readline()
        if not line:
            return None
        method, target, version = line.decode("latin-1").split()
        if version != "HTTP/1.1":
            raise ValueError(version)
        fields = []
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, value = line.decode("latin-1").rstrip("\r\n").split(":", 1)
            fields.append((name, value.strip()))
        return Request(method, target, fields)

    async def body(self, request, reader):
        """Pieces of the body."""
        if (request.field("transfer-encoding") or "") == "chunked":
            while size := int((await reader.readline()).split(b";")[0], 16):
                left = size
                while left:
                    data = await reader.read(min(left, 1 << 18))
                    if not data:
                        raise asyncio.IncompleteReadError(b"", left)
                    left -= len(data)
                    yield data
                await reader.readexactly(2)
            while (await reader.readline()).strip():
                pass
        else:
            left = int(request.field("content-length") or 0)
            while left:
                data = await reader.read(min(left, 1 << 18))
                if not data:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(data)
                yield data

    def hang_up(self):
        """Close all connections; on the loop's thread."""
        for writer in self.writers:
            writer.close()

    def send(self, writer, status, body=b"", kind="text/plain", more=(), method="GET"):
        head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body))

    async def answer(self, request, reader, writer):
        path = request.target.split("?")[0]
        if path == "/socket" and (request.field("upgrade") or "").lower() == "websocket":
            self.sockets.append(request.field("via"))
            await self.socket(request, reader, writer)
            return
        name = path.split("/")[1] or "page"
        action = getattr(self, "on_" + name.replace("-", "_"), None)
        if action:
            await action(request, reader, writer)
        else:
            async for _ in self.body(request, reader):
                pass
            self.send(writer, "404 Not Found", b"the site has no such page\n")

    async def on_page(self, request, reader, writer):
        self.send(writer, "200 OK", PAGE.encode(), "text/html")

    async def on_r(self, request, reader, writer):
        self.send(writer, "200 OK", f"resource {request.target.split('/')[2]} ".ljust(1024, ".").encode(), more=["Cache-Control: no-store"])

    async def on_socket_via(self, request, reader, writer):
        self.send(writer, "200 OK", (self.sockets[-1] if self.sockets else "").encode(), more=["Cache-Control: no-store"])

    async def on_file(self, request, reader, writer):
        wanted = request.field("range")
        more = ["Accept-Ranges: bytes", f"ETag: {ETAG}"]
        if not wanted:
            self.send(writer, "200 OK", FILE, more=more, method=request.method)
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = int(first), int(last) if last else len(FILE) - 1
        self.send(writer, "206 Partial Content", FILE[first:last + 1], more=[*more, f"Content-Range: bytes {first}-{last}/{len(FILE)}"])

    async def on_endless(self, request, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()

    async def on_events(self, request, reader, writer):
        self.acknowledged.clear()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"d\r\ndata: first\n\n\r\n")
        await writer.drain()
        await self.acknowledged.wait()
        writer.write(b"e\r\ndata: second\n\n\r\n0\r\n\r\n")

    async def on_ack(self, request, reader, writer):
        async for _ in self.body(request, reader):
            pass
        self.acknowledged.set()
        self.send(writer, "200 OK")

    async def on_count(self, request, reader, writer):
        size, digest = 0, hashlib.sha256()
        if request.field("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for data in self.body(request, reader):
            size += len(data)
            digest.update(data)
        self.send(writer, "200 OK", json.dumps({"size": size, "sha256": digest.hexdigest()}).encode(), "application/json")

    async def on_echo(self, request, reader, writer):
        body = b"".join([data async for data in self.body(request, reader)])
        seen = {"method": request.method, "target": request.target, "fields": request.fields, "body": body.decode("latin-1")}
        text = json.dumps(seen).encode()
        self.send(writer, "200 OK", text, "application/json", method=request.method)

    async def on_report(self, request, reader, writer):
        self.report = b"".join([data async for data in self.body(request, reader)])
        self.send(writer, "200 OK")
        self.reported.set()

    async def on_slow(self, request, reader, writer):
        await reader.read(1)  # until whoever asked has gone
        raise ValueError

    async def on_close(self, request, reader, writer):
        raise ValueError

    async def on_half(self, request, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"h" * 500)
        await writer.drain()
        raise ValueError

    async def socket(self, request, reader, writer):
        key = request.field("sec-websocket-key") or ""
        if len(base64.b64decode(key)) != 16:
            self.send(writer, "400 Bad Request", b"no key\n")
            return
        accept = base64.b64encode(hashlib.sha1((key + WEB_SOCKET).encode()).digest()).decode()
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while True:
            head = await reader.readexactly(2)
            code, size = head[0] & 15, head[1] & 127
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await reader.readexactly(8), "big")
            mask = await reader.readexactly(4)
            data = await reader.readexactly(size)
            data = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
            length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big") if size < 65536 else bytes([127]) + size.to_bytes(8, "big")
            writer.write(bytes([0x80 | code]) + length + data)
            await writer.drain()
            if code == 8:
                raise ValueError  # closed, as agreed
