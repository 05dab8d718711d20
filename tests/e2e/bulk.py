#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a bulk transfer: sends so many bytes, receives so many at the same time, and prints the SHA-256 of
what it sent and of what it received. Either listens (--listen PORT) or connects (--connect HOST:PORT).

--skip-hello NAME: the connection begins with a ClientHello (sent when connecting, dropped when listening);
--tls NAME --ca FILE: or it is a real TLS connection, which the connecting side makes."""
import argparse
import hashlib
import random
import socket
import ssl
import sys
import threading

CHUNK = 256 * 1024


def hello(name):
    out = ssl.MemoryBIO()
    stream = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        stream.do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def exactly(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def send(sock, size, seed, result):
    block = random.Random(seed).randbytes(8 * CHUNK)
    digest, sent = hashlib.sha256(), 0
    while sent < size:
        offset = (sent // CHUNK * 7919) % (7 * CHUNK)
        piece = block[offset:offset + min(CHUNK, size - sent)]
        digest.update(piece)
        sock.sendall(piece)
        sent += len(piece)
    result["sent"] = digest.hexdigest()


def receive(sock, size, result):
    digest, got = hashlib.sha256(), 0
    while got < size:
        data = sock.recv(min(CHUNK, size - got))
        if not data:
            break
        digest.update(data)
        got += len(data)
    result["received"] = digest.hexdigest()
    result["bytes"] = got


def main():
    parser = argparse.ArgumentParser()
    for option in ("--listen", "--connect", "--skip-hello", "--tls", "--ca"):
        parser.add_argument(option)
    parser.add_argument("--send", type=int, default=0)
    parser.add_argument("--receive", type=int, default=0)
    options = parser.parse_args()
    if options.listen:
        listener = socket.create_server(("127.0.0.1", int(options.listen)))
        print("listening", flush=True)
        while True:  # the ingress probes the share; a probe is not the transfer
            sock, _ = listener.accept()
            sock.settimeout(60)
            try:
                if options.skip_hello:
                    head = exactly(sock, 5)
                    exactly(sock, int.from_bytes(head[3:5], "big"))
                if exactly(sock, 8) == b"transfer":
                    break
            except (EOFError, OSError):
                pass
            sock.close()
    else:
        host, port = options.connect.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), timeout=60)
        if options.tls:
            sock = ssl.create_default_context(cafile=options.ca).wrap_socket(sock, server_hostname=options.tls)
        if options.skip_hello:
            sock.sendall(hello(options.skip_hello))
        sock.sendall(b"transfer")
    result = {}
    if options.tls:
        # Python's TLS sockets must not be used by two threads: the directions take turns.
        send(sock, options.send, "c", result)
        receive(sock, options.receive, result)
    else:
        sender = threading.Thread(target=send, args=(sock, options.send, "s" if options.listen else "c", result), daemon=True)
        sender.start()
        receive(sock, options.receive, result)
        sender.join()
    print(result["sent"], result["received"], result["bytes"], flush=True)
    return 0 if result["bytes"] == options.receive else 1


if __name__ == "__main__":
    sys.exit(main())
