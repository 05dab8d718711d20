#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What local web servers may rely on, and what strangers on this machine get instead: the local API's listeners, spoken
to byte by byte."""
import base64
import http.client
import json
import os
import select
import shutil
import socket
import ssl
import stat
import statistics
import subprocess
import tempfile
import time
import unittest

HOST = os.environ["LOCAL_API_HOST"]
NAME, OTHER, PENDING = "laptop.example.org", "other.example.org", "pending.example.org"
SECRET = "s3cret-of-the-test"
NOBODY, STRANGER = 65534, 65533
GET = "GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n"


def make_certificate(folder, name):
    """A chain of two, and its key as PKCS #8."""
    os.makedirs(folder)
    ca, ca_key, key, leaf, request = (os.path.join(folder, f) for f in ("ca.pem", "ca.key", "privkey.pem", "leaf.pem", "csr"))
    extensions = os.path.join(folder, "ext")
    with open(extensions, "w", encoding="utf-8") as out:
        out.write(f"subjectAltName=DNS:{name}\n")
    for command in (
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=CA", "-keyout", ca_key, "-out", ca],
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
            ["req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request],
            ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", extensions, "-out", leaf]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    with open(os.path.join(folder, "fullchain.pem"), "w", encoding="utf-8") as out:
        for part in (leaf, ca):
            with open(part, encoding="utf-8") as text:
                out.write(text.read())


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Host:
    """local-api-host with its files."""

    def __init__(self, mode="open"):
        self.folder = tempfile.mkdtemp(prefix="funnel-local-api-")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "run", "localapi.sock")
        self.names = os.path.join(self.folder, "names")
        make_certificate(os.path.join(self.names, NAME), NAME)
        make_certificate(os.path.join(self.names, OTHER), OTHER)
        os.makedirs(os.path.join(self.names, PENDING))
        access = os.path.join(self.folder, "access.json")
        with open(access, "w", encoding="utf-8") as out:
            json.dump({"version": 1, "users": [{"name": NAME, "uid": NOBODY, "user": "nobody"},
                                               {"name": PENDING, "uid": NOBODY, "user": "nobody"}]}, out)
        self.command = [HOST, self.path, mode, SECRET, self.names, access]
        self.process, self.port = self.start()

    def start(self):
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, value = process.stdout.readline().split(maxsplit=1)
        if word != "port":
            process.communicate()
            raise RuntimeError(value)
        return process, int(value)

    def close(self):
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert self.process.returncode == 0, self.process.returncode

    def pem(self, name, file):
        with open(os.path.join(self.names, name, file), encoding="utf-8") as text:
            return text.read()

    def connect(self, tcp=False):
        raw = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        try:
            raw.connect(("127.0.0.1", self.port) if tcp else self.path)
        except OSError:
            raw.close()
            raise
        raw.settimeout(20)
        return raw

    def get(self, path, host="local-tailscaled.sock", fields="", tcp=False):
        """status, body; of a raw request."""
        with self.connect(tcp) as raw:
            raw.sendall(GET.format(path, host, fields).encode("latin-1"))
            return read_response(raw)[:2]

    def get_as(self, uid, path):
        """The same, asked by another user."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
                answer = list(self.get(path))
            except OSError as error:
                answer = [0, str(error)]
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as text:
            answer = json.load(text)
        os.waitpid(child, 0)
        return answer

    def ask(self, query, user="caddy", secret=SECRET, path="/cert", fields="", host="127.0.0.1"):
        basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
        return self.get(path + query, host=f"{host}:{self.port}", tcp=True, fields=f"Authorization: Basic {basic}\r\n{fields}")


def read_response(raw, rest=b""):
    """status, body, what follows; of exactly one response."""
    while b"\r\n\r\n" not in rest:
        more = raw.recv(65536)
        if not more:
            raise EOFError(f"closed after {rest!r}")
        rest += more
    head, rest = rest.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    size = int(fields.get("content-length", 0))
    while len(rest) < size:
        rest += raw.recv(65536)
    return int(lines[0].split()[1]), rest[:size].decode(), rest[size:]


def ends(raw):
    """Read until the other side closes; what it still sent."""
    rest = b""
    while True:
        try:
            more = raw.recv(65536)
        except ConnectionResetError:
            return rest
        if not more:
            return rest
        rest += more


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()

    def cert(self, name, query="", **more):
        return self.host.get(f"/localapi/v0/cert/{name}{query}", **more)


class TestContract(Case):
    def test_status(self):
        status, body = self.host.get("/localapi/v0/status")
        self.assertEqual(status, 200)
        self.assertEqual(sorted(json.loads(body)["CertDomains"]), [NAME, OTHER, PENDING])

    def test_types(self):
        key, chain = self.host.pem(NAME, "privkey.pem"), self.host.pem(NAME, "fullchain.pem")
        for query, expected in (("", chain), ("?type=cert", chain), ("?type=crt", chain), ("?type=key", key), ("?type=pair", key + chain)):
            self.assertEqual(self.cert(NAME, query), (200, expected), query)
        for query in ("?type=", "?type=all", "?type=PAIR", "?type=pair&type=key", "?type=pair%20"):
            status, body = self.cert(NAME, query)
            self.assertEqual(status, 400, query)
            self.assertNotIn("BEGIN", body)
        self.assertEqual(self.cert(NAME, "?min_validity=0s&type=crt"), (200, chain))

    def test_pair_as_its_readers_cut_it(self):
        _, pair = self.cert(NAME, "?type=pair")
        key, chain = pair.split("--\n--", 1)
        key, chain = key + "--\n", "--" + chain
        self.assertTrue(key.startswith("-----BEGIN PRIVATE KEY-----\n"), "PKCS #8")
        self.assertNotIn("PRIVATE KEY-----", chain)
        self.assertNotIn("\r", pair)
        self.assertNotIn("\n\n", pair)
        files = []
        for text in (chain, key):
            files.append(os.path.join(self.host.folder, f"cut{len(files)}"))
            with open(files[-1], "w", encoding="utf-8") as out:
                out.write(text)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)  # raises when leaf and key differ

    def test_names(self):
        self.assertEqual(self.cert(NAME.upper() + ".", "?type=key")[0], 200)
        for name in ("", ".", "unknown.example.org", "*.example.org", "a" * 300, "laptop%2eexample.org", NAME + "%00", NAME + "/",
                     "../status", NAME + "/../" + OTHER, "-.example.org", NAME + ";x", "127.0.0.1", "[::1]"):
            status, body = self.cert(name, "?type=pair")
            self.assertTrue(400 <= status < 500, (name, status))
            self.assertNotIn("BEGIN", body)
            json.loads(body)["error"]

    def test_pending(self):
        status, body = self.cert(PENDING, "?type=pair")
        self.assertEqual(status, 503)
        self.assertIn("funnel cert --list", json.loads(body)["error"])

    def test_hosts(self):
        for host in ("local-tailscaled.sock", "", "localhost", "LOCALHOST"):
            self.assertEqual(self.cert(NAME, host=host)[0], 200, host)
        for host in ("evil.example.org", NAME, "127.0.0.1", "localhost:80", "localhost.evil.example", "local-tailscaled.sock."):
            self.assertEqual(self.cert(NAME, host=host)[0], 403, host)

    def test_browsers(self):
        for field in ("Origin: http://localhost", "Origin: null", "origin:", "Referer: http://localhost/", "Sec-Fetch-Site: none"):
            status, body = self.cert(NAME, "?type=key", fields=field + "\r\n")
            self.assertEqual(status, 403, field)
            self.assertNotIn("BEGIN", body)

    def test_other_paths_and_methods(self):
        for path in ("/", "/cert?server_name=" + NAME, "/localapi/v0/cert", "/localapi/v0/statusx", "/localapi/v1/status", "//localapi/v0/status"):
            self.assertEqual(self.host.get(path)[0], 404, path)
        for method in ("POST", "PUT", "HEAD", "OPTIONS", "get"):
            with self.host.connect() as raw:
                raw.sendall(f"{method} /localapi/v0/status HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                self.assertEqual(read_response(raw)[0], 405, method)

    def test_keep_alive(self):
        connection = Unix(self.host.path)
        sockets = set()
        for _ in range(50):
            connection.request("GET", f"/localapi/v0/cert/{NAME}?type=pair")
            self.assertEqual(connection.getresponse().read().decode().count("BEGIN"), 3)
            sockets.add(connection.sock.fileno())
        self.assertEqual(len(sockets), 1)
        connection.close()

    def test_connection_close(self):
        with self.host.connect() as raw:
            raw.sendall(GET.format("/localapi/v0/status", "localhost", "Connection: close\r\n").encode())
            self.assertEqual(read_response(raw)[0], 200)
            self.assertEqual(ends(raw), b"")

    def test_pipelining(self):
        one = GET.format(f"/localapi/v0/cert/{NAME}?type=crt", "localhost", "").encode()
        with self.host.connect() as raw:
            raw.sendall(one * 40 + GET.format("/localapi/v0/status", "localhost", "Connection: close\r\n").encode() + one * 10)
            rest = b""
            for _ in range(40):
                status, body, rest = read_response(raw, rest)
                self.assertEqual((status, body), (200, self.host.pem(NAME, "fullchain.pem")))
            status, _, rest = read_response(raw, rest)
            self.assertEqual((status, rest), (200, b""))
            self.assertEqual(ends(raw), b"")

    def test_latency(self):
        """Printed, not judged."""
        connection, times = Unix(self.host.path), []
        for _ in range(500):
            begin = time.perf_counter()
            connection.request("GET", f"/localapi/v0/cert/{NAME}?type=pair")
            connection.getresponse().read()
            times.append((time.perf_counter() - begin) * 1000)
        connection.close()
        times.sort()
        print(f"latency of a pair: median {statistics.median(times):.3f} ms, 99 % {times[494]:.3f} ms, worst {times[-1]:.3f} ms", flush=True)


class TestHostile(Case):
    def test_slow_head_and_dribble(self):
        text = GET.format("/localapi/v0/status", "localhost", "").encode()
        with self.host.connect() as raw:
            for at in range(len(text)):
                raw.sendall(text[at:at + 1])
            self.assertEqual(read_response(raw)[0], 200)

    def test_unfinished_head_ends(self):
        with self.host.connect() as raw:
            raw.sendall(b"GET /localapi/v0/status HTTP/1.1\r\nHost: loc")
            self.assertEqual(ends(raw), b"")  # after the deadline of a request; our own is twice as long

    def test_reader_that_does_not_read(self):
        """Its requests wait in the kernel, not in our memory, and its time ends; others are served meanwhile."""
        one = GET.format(f"/localapi/v0/cert/{NAME}?type=pair", "localhost", "").encode()
        with self.host.connect() as raw:
            raw.setblocking(False)
            waiting = select.poll()
            waiting.register(raw, select.POLLOUT)
            data, sent = one * 100, 0
            while sent < 50_000_000 and waiting.poll(1000):  # a second without room: nobody takes it any more
                try:
                    sent += raw.send(data[sent % len(data):])
                except BrokenPipeError:  # its time has ended
                    break
            self.assertLess(sent, 50_000_000)
            self.assertEqual(self.host.get("/localapi/v0/status")[0], 200)

    def test_too_large(self):
        for data in (b"GET /" + b"a" * 9000, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"b" * 9000, b"\x16\x03\x01" + b"c" * 20000):
            with self.host.connect() as raw:
                raw.sendall(data)
                self.assertEqual(read_response(raw)[0], 431)
                self.assertEqual(ends(raw), b"")

    def test_malformed(self):
        for data in (b"\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET /localapi/v0/status\r\n\r\n",
                     b"GET /localapi/v0/status HTTP/1.1\r\n\r\n",
                     b"GET /localapi/v0/status HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
                     b"GET /localapi/v0/status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"GET http://localhost/localapi/v0/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET /localapi/v0/status HTTP/1.1\r\nHost: localhost\r\n Origin: x\r\n\r\n"):
            with self.host.connect() as raw:
                raw.sendall(data)
                self.assertEqual(read_response(raw)[0], 400, data)
                self.assertEqual(ends(raw), b"")

    def test_body_is_no_second_request(self):
        inner = GET.format(f"/localapi/v0/cert/{NAME}?type=key", "localhost", "").encode()
        with self.host.connect() as raw:
            raw.sendall(f"GET /localapi/v0/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n".encode() + inner)
            status, body, rest = read_response(raw)
            self.assertEqual(status, 413)
            self.assertNotIn(b"BEGIN", body.encode() + rest + ends(raw))

    def test_many_connections(self):
        """Idle ones make room; the newest is always served."""
        held = [self.host.connect() for _ in range(300)]
        self.assertEqual(self.host.get("/localapi/v0/status")[0], 200)
        self.assertEqual(ends(held[0]), b"")
        for raw in held:
            raw.close()

    def test_too_many_busy_connections(self):
        """None of them idle: the surplus is told so, or ended while it looked idle; what is left is not more than allowed."""
        held, poll, answers = {}, select.poll(), []
        for _ in range(400):
            raw = self.host.connect()
            raw.sendall(b"GET ")
            held[raw.fileno()] = raw
            poll.register(raw, select.POLLIN)
        while len(answers) < 400 - 256:
            for number, _ in poll.poll(5000) or self.fail(f"only {len(answers)} were ended"):
                answers.append(ends(held[number]))
                poll.unregister(number)
        self.assertTrue(any(b" 503 " in answer and b"too many" in answer for answer in answers))
        for raw in held.values():
            raw.close()
        # That they are gone is known as soon as the daemon has looked; until then they count.
        while self.host.get("/localapi/v0/status")[0] == 503:
            pass

    def test_abrupt_ends(self):
        for data in (b"", b"G", GET.format("/localapi/v0/status", "localhost", "").encode()):
            for _ in range(20):
                with self.host.connect() as raw:
                    raw.sendall(data)
        self.assertEqual(self.host.get("/localapi/v0/status")[0], 200)


class TestUsers(Case):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to be other users")

    def test_per_user_and_name(self):
        path = f"/localapi/v0/cert/{NAME}?type=pair"
        self.assertEqual(self.host.get_as(NOBODY, path)[0], 200)
        status, body = self.host.get_as(NOBODY, f"/localapi/v0/cert/{OTHER}?type=pair")
        self.assertEqual(status, 403)
        self.assertIn("cert access denied", body)
        self.assertIn(f"--allow-user {NOBODY}", body)
        for kind in ("pair", "key", "crt", "cert"):
            status, body = self.host.get_as(STRANGER, f"/localapi/v0/cert/{NAME}?type={kind}")
            self.assertEqual(status, 403)
            self.assertNotIn("BEGIN", body)

    def test_unknown_names_look_the_same(self):
        known = self.host.get_as(STRANGER, f"/localapi/v0/cert/{NAME}")[1]
        unknown = self.host.get_as(STRANGER, "/localapi/v0/cert/nothing.example.org")[1]
        self.assertEqual(known.replace(NAME, "N"), unknown.replace("nothing.example.org", "N"))

    def test_status_lists_what_one_may_have(self):
        for uid, expected in ((NOBODY, [NAME, PENDING]), (STRANGER, [])):
            status, body = self.host.get_as(uid, "/localapi/v0/status")
            self.assertEqual((status, sorted(json.loads(body)["CertDomains"])), (200, expected))

    def test_private_socket(self):
        private = Host("private")
        try:
            modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (os.path.dirname(private.path), private.path)]
            self.assertEqual(modes, [0o700, 0o600])
            self.assertEqual(private.get("/localapi/v0/status")[0], 200)
            self.assertEqual(private.get_as(NOBODY, f"/localapi/v0/cert/{NAME}")[0], 0)
        finally:
            private.close()
        self.assertFalse(os.path.exists(private.path))


class TestSocketFile(Case):
    def test_mode_of_an_open_one(self):
        modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (os.path.dirname(self.host.path), self.host.path)]
        self.assertEqual(modes, [0o755, 0o666])

    def test_another_daemon_is_left_alone(self):
        with self.assertRaisesRegex(RuntimeError, "another program answers"):
            self.host.start()
        self.assertEqual(self.host.get("/localapi/v0/status")[0], 200)

    def test_left_behind_and_foreign_files(self):
        other = Host()
        other.process.kill()
        other.process.communicate()
        self.assertTrue(os.path.exists(other.path))
        other.process, other.port = other.start()
        self.assertEqual(other.get("/localapi/v0/status")[0], 200)
        other.process.communicate()
        with open(other.path, "w", encoding="utf-8") as out:
            out.write("precious")
        with self.assertRaisesRegex(RuntimeError, "is no socket"):
            other.start()
        with open(other.path, encoding="utf-8") as text:
            self.assertEqual(text.read(), "precious")
        shutil.rmtree(other.folder)

    def test_path_too_long(self):
        with self.assertRaisesRegex(RuntimeError, "too long"):
            before, self.host.command = self.host.command, [HOST, "/tmp/" + "x" * 120, *self.host.command[2:]]
            try:
                self.host.start()
            finally:
                self.host.command = before


class TestHttp(Case):
    """The loopback face, for Caddy's get_certificate http."""

    def test_pair(self):
        pair = self.host.pem(NAME, "privkey.pem") + self.host.pem(NAME, "fullchain.pem")
        self.assertEqual(self.host.ask(f"?server_name={NAME}&signature_schemes=403,804&cipher_suites=1302,1303"), (200, pair))
        self.assertEqual(self.host.ask(f"?server_name={NAME.upper()}", user="anyone", host="localhost"), (200, pair))

    def test_not_mine(self):
        for name in ("unknown.example.org", "*.example.org", "", "a%00b", "x" * 400, "127.0.0.1"):
            self.assertEqual(self.host.ask("?server_name=" + name), (204, ""), name)

    def test_pending(self):
        self.assertEqual(self.host.ask("?server_name=" + PENDING)[0], 503)

    def test_requests_that_make_no_sense(self):
        self.assertEqual(self.host.ask("")[0], 400)
        self.assertEqual(self.host.ask("?name=x")[0], 400)
        self.assertEqual(self.host.ask("", path="/localapi/v0/status")[0], 404)

    def test_browsers_and_rebinding(self):
        self.assertEqual(self.host.ask(f"?server_name={NAME}", fields="Origin: http://127.0.0.1\r\n")[0], 403)
        for host in ("evil.example.org", NAME, "127.0.0.1.evil.example"):
            self.assertEqual(self.host.ask(f"?server_name={NAME}", host=host)[0], 403, host)
        self.assertEqual(self.host.get(f"/cert?server_name={NAME}", host="", tcp=True)[0], 403)

    def test_z_guessing(self):
        """Wrong secrets are slowed down, all together; the right one goes on working."""
        basic = [f"Authorization: Basic {base64.b64encode(b).decode()}\r\n" for b in
                 (b"x:", b"x", b"", b"x:" + SECRET.encode()[:-1], b"x:" + SECRET.encode() + b"x", b"x:" + b"s" * 600, SECRET.encode() + b":x")]
        statuses = []
        for fields in ["", "Authorization: Bearer x\r\n", "Authorization: Basic ???\r\n", basic[3] + basic[3], *basic, *basic]:
            status, body = self.host.get(f"/cert?server_name={NAME}", host=f"127.0.0.1:{self.host.port}", fields=fields, tcp=True)
            self.assertNotIn("BEGIN", body)
            statuses.append(status)
            self.assertEqual(self.host.ask(f"?server_name={NAME}")[0], 200)
        self.assertEqual(set(statuses[:10]), {401})
        self.assertEqual(set(statuses[10:]), {429})


if __name__ == "__main__":
    unittest.main()
