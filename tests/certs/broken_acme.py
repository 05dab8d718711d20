#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""broken_acme.py: a certificate authority that speaks ACME, and does wrong what its path says.

    broken_acme.py --cert API.pem --key API.key --dir SCRATCH [--port N] [--tls-port N]

prints "listening PORT" and serves https://localhost:PORT/FAULT/dir. FAULT is "fine", "KIND" or "KIND@STEP"; the same
server plays all of them at once, each with its own accounts and orders. GET /FAULT/seen tells as JSON how often each
step was asked for, and the last payloads. Certificates are real (made by openssl from a CA in SCRATCH); signatures of
requests are not checked, nonces and URLs are.

With --tls-port names are validated as RFC 8737 wants it, by connecting to 127.0.0.1:N; else they are believed.

Steps: dir nonce account order authorization challenge poll finalize certificate renewal revoke
(poll: an order that is read again). Kinds that may have a step (default in brackets):
  silent slow html busy limited limited-date close huge endless headers truncated flaky lost not-json empty loop redirect insecure [dir]
Kinds without: see the names of the functions fault_*, and KNOBS."""
import argparse
import base64
import hashlib
import http.server
import io
import json
import os
import random
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.utils import formatdate

PROBLEM = "urn:ietf:params:acme:error:"
# What changes the CA's answers rather than breaking them.
KNOBS = ("fine", "bad-nonces", "bad-nonces-always", "forgotten", "forgotten-always", "deactivated", "eab", "eab-odd", "clock",
         "hostile", "refused", "caa", "order-invalid", "invalid", "no-alpn", "other-name", "wrong-key", "wrong-name",
         "expired", "early", "soon", "key-in-chain", "unsorted", "processing", "stuck", "later", "ari", "ari-404", "ari-bad",
         "replaced", "profiles", "plain-urls", "pending", "no-revoke", "revoked")
CA_CONFIG = """[ca]
default_ca=d
[d]
dir={0}
database={0}/index
serial={0}/serial
new_certs_dir={0}
certificate={0}/ca.pem
private_key={0}/ca.key
default_md=sha256
policy=p
unique_subject=no
copy_extensions=none
[p]
commonName=optional
[req]
distinguished_name=n
[n]
"""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*args, **kwargs):
    return subprocess.run(("openssl",) + args, check=True, capture_output=True, **kwargs).stdout


class Authority:
    """Signs certificates."""

    def __init__(self, scratch):
        self.dir = scratch
        self.lock = threading.Lock()
        self.count = 0
        with open(f"{scratch}/ca.cnf", "w", encoding="utf-8") as out:
            out.write(CA_CONFIG.format(scratch))
        open(f"{scratch}/index", "w", encoding="utf-8").close()
        with open(f"{scratch}/serial", "w", encoding="utf-8") as out:
            out.write("8765432100\n")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                "-keyout", f"{scratch}/ca.key", "-out", f"{scratch}/ca.pem", "-subj", "/CN=Broken CA",
                "-config", f"{scratch}/ca.cnf", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "subjectKeyIdentifier=hash")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-outform", "DER",
                "-keyout", f"{scratch}/other.key", "-out", f"{scratch}/other.csr", "-subj", "/CN=other",
                "-config", f"{scratch}/ca.cnf")

    def ca(self):
        with open(f"{self.dir}/ca.pem", encoding="utf-8") as text:
            return text.read()

    def sign(self, csr, name, begin, end):
        with self.lock:
            self.count += 1
            base = f"{self.dir}/{self.count}"
            with open(base + ".der", "wb") as out:
                out.write(csr)
            with open(base + ".pem", "wb") as out:
                out.write(openssl("req", "-inform", "DER", "-in", base + ".der", "-config", f"{self.dir}/ca.cnf"))
            with open(base + ".ext", "w", encoding="utf-8") as out:
                out.write(f"subjectAltName=DNS:{name}\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n")
            stamp = [time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + t)) for t in (begin, end)]
            openssl("ca", "-batch", "-notext", "-config", f"{self.dir}/ca.cnf", "-in", base + ".pem", "-out",
                    base + ".crt", "-startdate", stamp[0], "-enddate", stamp[1], "-extfile", base + ".ext",
                    "-subj", "/CN=issued")
            with open(base + ".crt", encoding="utf-8") as text:
                return text.read()


class World:
    """What one FAULT knows."""

    def __init__(self, fault):
        self.kind, _, self.step = fault.partition("@")
        self.lock = threading.Lock()
        self.seen, self.payloads = {}, {}
        self.nonces, self.accounts, self.orders = set(), {}, []
        self.forgot = False

    def count(self, step):
        with self.lock:
            self.seen[step] = self.seen.get(step, 0) + 1

    def nonce(self):
        nonce = b64(secrets.token_bytes(12))
        with self.lock:
            self.nonces.add(nonce)
        return nonce

    def spend(self, nonce):
        with self.lock:
            known = nonce in self.nonces
            self.nonces.discard(nonce)
        if self.kind == "bad-nonces" and random.random() < 0.6:
            return False
        return known and self.kind != "bad-nonces-always"


class Problem(Exception):
    """A refusal in the CA's words."""

    def __init__(self, status, kind, detail, **headers):
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers


def validate(port, name, key_authorization):
    """None, or what is wrong with the answer at @port (RFC 8737 section 3)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    wanted = b"\x04\x20" + hashlib.sha256(key_authorization.encode()).digest()
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as plain, \
                context.wrap_socket(plain, server_hostname=name) as conn:
            if conn.selected_alpn_protocol() != "acme-tls/1":
                return "no ALPN acme-tls/1"
            der = conn.getpeercert(True)
    except OSError as error:
        return f"{error}"
    return None if wanted in der and name.encode() in der else "not the certificate asked for"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "broken-acme"
    disable_nagle_algorithm = True  # head and body are two writes
    world = step = None

    # ---- plumbing

    def log_message(self, format, *args):
        pass

    def date_time_string(self, timestamp=None):
        shift = 7200 if self.world is not None and self.world.kind == "clock" else 0
        return formatdate(time.time() + shift, usegmt=True)

    def url(self, *parts):
        scheme = "http" if self.world.kind == "plain-urls" else "https"
        return f"{scheme}://{self.headers.get('Host')}/{self.prefix}/" + "/".join(str(p) for p in parts)

    def answer(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.step != "dir" and not kind.startswith("text/html"):
            self.send_header("Replay-Nonce", self.world.nonce())
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, problem):
        detail = problem.detail
        if self.world.kind == "hostile":
            detail = "\x1b]0;owned\x07\r\nSet-Cookie: x\u2028" + "ha" * 5000
        self.answer(problem.status, {"type": PROBLEM + problem.kind, "detail": detail, "status": problem.status},
                    "application/problem+json", **problem.headers)

    def route(self, method):
        self.world = None
        self.prefix, _, rest = self.path.lstrip("/").partition("/")
        parts = rest.split("/")
        with self.server.lock:
            self.world = self.server.worlds.setdefault(self.prefix, World(self.prefix))
        self.step = "poll" if parts[0] == "order" and len(parts) > 1 else parts[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.step == "seen":
            self.answer(200, {"seen": self.world.seen, "payloads": self.world.payloads})
            return
        self.world.count(self.step)
        broken = getattr(self, "fault_" + self.world.kind.replace("-", "_"), None)
        self.work = lambda: self.play(getattr(self, f"do_{parts[0]}_{method}", None), body, parts[1:])
        if broken is not None and (self.world.step or "dir") == self.step:
            broken()
        else:
            self.work()

    def play(self, handler, body, parts):
        try:
            if handler is None:
                raise Problem(404, "malformed", "there is nothing here")
            handler(body, *parts)
        except Problem as problem:
            self.refuse(problem)

    def do_GET(self):
        self.route("get")

    def do_HEAD(self):
        self.route("get")

    def do_POST(self):
        self.route("post")

    # ---- broken answers

    def fault_silent(self):
        self.server.stopping.wait()
        self.close_connection = True

    def fault_slow(self):
        """One byte now and then: never an end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{")
        while not self.server.stopping.wait(0.02):
            self.wfile.write(b" ")

    def fault_html(self):
        self.answer(200, b"<html><body>Please log in</body></html>", "text/html; charset=utf-8")

    def fault_busy(self):
        self.answer(503, b"<h1>busy</h1>", "text/html", Retry_After=120)

    def fault_limited(self):
        self.refuse(Problem(429, "rateLimited", "too many certificates for this name", Retry_After=86400))

    def fault_limited_date(self):
        self.refuse(Problem(429, "rateLimited", "too many", Retry_After=formatdate(time.time() + 86400, usegmt=True)))

    def fault_close(self):
        self.close_connection = True

    def fault_huge(self):
        self.answer(200, b"{" + b" " * 1000000 + b"}")

    def fault_endless(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
        while not self.server.stopping.is_set():
            self.wfile.write(b" " * 65536)

    def fault_headers(self):
        """Headers without end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.stopping.is_set():
            self.wfile.write(b"X-Filler: " + b"x" * 65000 + b"\r\n")

    def fault_truncated(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"a\":")
        self.close_connection = True

    def fault_flaky(self):
        """The first two answers are cut off, and nothing was done."""
        if self.world.seen[self.step] <= 2:
            self.fault_truncated()
        else:
            self.work()

    def fault_lost(self):
        """The first answer is cut off, and what was asked for was done."""
        if self.world.seen[self.step] > 1:
            self.work()
            return
        wire, self.wfile = self.wfile, io.BytesIO()
        self.work()
        self.wfile = wire
        self.fault_truncated()

    def fault_not_json(self):
        self.answer(200, b"{\"newNonce\": [[[[[[[[[[[[[[")

    def fault_empty(self):
        self.answer(200, b"{}")

    def fault_loop(self):
        self.answer(302, b"", Location=self.path)

    def fault_redirect(self):
        self.answer(308, b"", Location="/fine/dir")

    def fault_insecure(self):
        self.answer(301, b"", Location=f"http://{self.headers.get('Host')}/fine/dir")

    # ---- ACME

    def do_dir_get(self, body):
        meta = {}
        if self.world.kind.startswith("eab"):
            meta["externalAccountRequired"] = True
        if self.world.kind == "profiles":
            meta["profiles"] = {"classic": "as ever", "shortlived": "six days"}
        directory = {"newNonce": self.url("nonce"), "newAccount": self.url("account"), "newOrder": self.url("order"),
                     "keyChange": self.url("key"), "meta": meta, secrets.token_urlsafe(6): "https://example.test/"}
        if self.world.kind != "no-revoke":
            directory["revokeCert"] = self.url("revoke")
        if self.world.kind.startswith("ari") or self.world.kind == "replaced":
            directory["renewalInfo"] = self.url("renewal")
        self.answer(200, directory)

    def do_nonce_get(self, body):
        self.answer(200, b"", Cache_Control="no-store")

    def verify(self, body, needs_account=True):
        """The payload of a signed request, and its protected header."""
        jws = json.loads(body)
        header = json.loads(unb64(jws["protected"]))
        payload = json.loads(unb64(jws["payload"]) or b"null")
        if self.headers.get("Content-Type") != "application/jose+json" or len(unb64(jws["signature"])) != 64:
            raise Problem(400, "malformed", "no flattened JWS with ES256")
        if header["url"] != f"https://{self.headers.get('Host')}{self.path}":
            raise Problem(403, "unauthorized", "signed for another URL")
        if not self.world.spend(header["nonce"]):
            raise Problem(400, "badNonce", "JWS has an invalid anti-replay nonce")
        self.world.payloads[self.step] = payload
        if needs_account and (header.get("kid") or "").rpartition("/")[2] not in self.world.accounts:
            raise Problem(400, "accountDoesNotExist", "who are you?")
        return payload, header

    def do_account_post(self, body):
        payload, header = self.verify(body, False)
        key = header["jwk"]
        canonical = '{"crv":"%s","kty":"%s","x":"%s","y":"%s"}' % (key["crv"], key["kty"], key["x"], key["y"])
        thumb = b64(hashlib.sha256(canonical.encode()).digest())
        if self.world.kind.startswith("eab") and thumb not in self.world.accounts:
            if payload.get("onlyReturnExisting"):
                raise Problem(400, "unauthorized" if self.world.kind == "eab-odd" else "accountDoesNotExist", "who?")
            if "externalAccountBinding" not in payload:
                raise Problem(403, "externalAccountRequired", "customers only")
        known = thumb in self.world.accounts
        self.world.accounts[thumb] = key
        status = "deactivated" if self.world.kind == "deactivated" else "valid"
        self.answer(200 if known else 201, {"status": status}, Location=self.url("account", thumb))

    def do_order_post(self, body, number=None):
        if number is not None:
            self.poll_order(body, int(number))
            return
        payload, header = self.verify(body)
        world, name = self.world, None
        for identifier in payload["identifiers"]:
            name = identifier["value"]
        if world.kind == "forgotten-always" or (world.kind == "forgotten" and not world.forgot):
            world.forgot = True
            world.accounts.clear()
            raise Problem(400, "accountDoesNotExist", "never heard of you")
        if world.kind == "refused" or world.kind == "hostile":
            raise Problem(400, "rejectedIdentifier", "we do not certify that name")
        if world.kind == "replaced" and "replaces" in payload:
            raise Problem(409, "alreadyReplaced", "that certificate has a successor")
        order = {"name": name, "status": "pending", "token": b64(secrets.token_bytes(32)), "polls": 0,
                 "thumb": header["kid"].rpartition("/")[2], "error": None}
        with world.lock:
            world.orders.append(order)
            number = len(world.orders) - 1
        self.answer_order(201, number)

    def answer_order(self, status, number, **headers):
        order = self.world.orders[number]
        shown = {"status": "pending" if order["status"] == "validating" else order["status"],
                 "identifiers": [{"type": "dns", "value": order["name"]}],
                 "authorizations": [self.url("authorization", number)], "finalize": self.url("finalize", number)}
        if order["status"] == "valid":
            shown["certificate"] = self.url("certificate", number)
        if order["error"]:
            shown["error"] = order["error"]
        self.answer(status, shown, Location=self.url("order", number), **headers)

    def poll_order(self, body, number):
        self.verify(body)
        order = self.world.orders[number]
        headers = {}
        if order["status"] == "processing":
            order["polls"] += 1
            if self.world.kind == "later":
                headers["Retry_After"] = 86400
            elif self.world.kind == "processing" and order["polls"] == 1:
                headers["Retry_After"] = 1
            elif self.world.kind != "stuck":
                order["status"] = "valid"
        self.answer_order(200, number, **headers)

    def do_authorization_post(self, body, number):
        self.verify(body)
        order = self.world.orders[int(number)]
        if order["status"] == "validating":
            order["polls"] += 1
            if self.world.kind != "pending" and order["polls"] > 1:
                self.decide(order)
        status = {"pending": "pending", "validating": "pending", "invalid": "invalid"}.get(order["status"], "valid")
        challenge = {"type": "tls-alpn-01" if self.world.kind != "no-alpn" else "dns-account-01",
                     "url": self.url("challenge", number), "token": order["token"], "status": status}
        if order["status"] == "invalid" and order["error"]:
            challenge["error"] = order["error"]
        name = "another.example.test" if self.world.kind == "other-name" else order["name"]
        self.answer(200, {"status": status, "identifier": {"type": "dns", "value": name},
                          "challenges": [{"type": "http-01", "url": self.url("x"), "token": "x", "status": status},
                                         challenge]})

    def decide(self, order):
        kind, wrong = self.world.kind, None
        if kind == "invalid":
            wrong = ("connection", "127.0.0.1: Connection refused")
        elif kind == "caa":
            wrong = ("caa", "CAA record for the name prevents issuance")
        elif self.server.tls_port:
            words = validate(self.server.tls_port, order["name"], order["token"] + "." + order["thumb"])
            wrong = words and ("unauthorized", words)
        order["polls"] = 0
        order["status"] = "invalid" if wrong else "ready"
        if wrong:
            order["error"] = {"type": PROBLEM + wrong[0], "detail": wrong[1]}

    def do_challenge_post(self, body, number):
        self.verify(body)
        order = self.world.orders[int(number)]
        if order["status"] == "pending":
            order["status"] = "validating"
        self.answer(200, {"type": "tls-alpn-01", "url": self.url("challenge", number), "token": order["token"],
                          "status": "processing"})

    def do_finalize_post(self, body, number):
        payload, _ = self.verify(body)
        order = self.world.orders[int(number)]
        if order["status"] != "ready":
            raise Problem(403, "orderNotReady", "the order is " + order["status"])
        if self.world.kind == "order-invalid":
            order["status"] = "invalid"
            order["error"] = {"type": PROBLEM + "badCSR", "detail": "we changed our mind"}
        else:
            order["csr"] = unb64(payload["csr"])
            order["status"] = "processing"
        self.answer_order(200, int(number))

    def do_certificate_post(self, body, number):
        self.verify(body)
        order, kind, authority = self.world.orders[int(number)], self.world.kind, self.server.authority
        begin, end = {"expired": (-9 * 86400, -86400), "early": (10 * 86400, 90 * 86400),
                      "soon": (600, 90 * 86400)}.get(kind, (-3600, 90 * 86400))
        csr, name = order["csr"], order["name"]
        if kind == "wrong-key":
            with open(f"{authority.dir}/other.csr", "rb") as other:
                csr = other.read()
        if kind == "wrong-name":
            name = "another.example.test"
        leaf = authority.sign(csr, name, begin, end)
        chain = authority.ca() + leaf if kind == "unsorted" else leaf + authority.ca()
        if kind == "key-in-chain":
            chain += "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        self.answer(200, chain.encode(), "application/pem-certificate-chain")

    def do_renewal_get(self, body, number):
        if self.world.kind == "ari-404" or not re.fullmatch(r"[\w-]+\.[\w-]+", number):
            raise Problem(404, "malformed", "no such certificate")
        day = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
        next_day = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 2 * 86400))
        window = {"start": next_day, "end": day} if self.world.kind == "ari-bad" else {"start": day, "end": next_day}
        self.answer(200, {"suggestedWindow": window, "explanationURL": "https://example.test/why"}, Retry_After=21600)

    def do_revoke_post(self, body):
        payload, _ = self.verify(body)
        if self.world.kind == "revoked" or not unb64(payload["certificate"]):
            raise Problem(400, "alreadyRevoked", "it is revoked already")
        self.answer(200, b"")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients that leave are what this server is for."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-port", type=int, default=0)
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    server = Server((options.address, options.port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.lock, server.worlds, server.stopping = threading.Lock(), {}, threading.Event()
    server.tls_port, server.authority = options.tls_port, Authority(options.dir)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
