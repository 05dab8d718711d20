# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that cannot be used, and admin requests that make no sense: it is said, nothing changes, visitors stay."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading

from ingress_case import DEADLINE, IngressCase, OfferServer, ZONE, join_body, new_key, post_join, visit, wait_for

LAPTOP = "laptop." + ZONE
GREETING = "hello from the node"


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Shared(IngressCase):
    """An ingress with one share that works."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.init()
        self.start("--keep-agent")
        self.answer = self.join("laptop", "--grant")
        self.server = OfferServer(self.answer["address"], self.folder)
        self.addCleanup(self.server.close)
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        link.expect("routed", lambda m: m["shares"])
        threading.Thread(target=self.keep, args=(link,), daemon=True).start()
        self.assertServed()

    @staticmethod
    def keep(link):
        """Answers pings, as a node does."""
        with contextlib.suppress(OSError):
            link.expect_end()

    def prepare(self):
        pass

    def assertServed(self):
        self.assertEqual(visit(LAPTOP, self.public_port), GREETING)

    def database(self):
        return os.path.join(self.state, "ingress.db")

    def assertFails(self, *words, saying=""):
        done = self.call(*words)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(saying, done.stderr)


class Store(Shared):
    def test_locked(self):
        holder = sqlite3.connect(self.database(), isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN EXCLUSIVE")
        self.assertFails("grant", "laptop", "--name", "more." + LAPTOP, saying="locked")
        self.assertServed()
        holder.execute("ROLLBACK")
        self.assertEqual(self.call("grant", "laptop", "--name", "more." + LAPTOP).returncode, 0)
        self.assertServed()

    def test_corrupt(self):
        """The next control process says what is wrong and ends; the relay goes on with what it knows."""
        self.stop(signal.SIGKILL)
        with open(self.database(), "r+b") as file:
            file.write(os.urandom(os.path.getsize(self.database())))
        for suffix in ("-wal", "-shm"):
            if os.path.exists(self.database() + suffix):
                os.unlink(self.database() + suffix)
        done = subprocess.run([os.path.join(os.environ["FUNNEL_TEST_BUILD"], "ingress-server/control/funnel-ingressd"), "--keep-agent"],
                              env=self.environment, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("database", done.stderr)
        self.assertServed()
        self.assertIn("database", self.call("doctor").stdout)

    def test_corrupt_while_running(self):
        """What is known is in memory: nodes stay known and visitors are served; a change is refused with what to type."""
        for path in (self.database(), self.database() + "-wal"):
            with open(path, "r+b") as file:
                file.write(os.urandom(os.path.getsize(path)))
        # Found within a minute; at once where control would depend on it.
        self.assertFails("reload", saying="ingress.db")
        wait_for(lambda: "database_problem" in self.cli("status"), "the damage in the status")
        self.assertFails("grant", "laptop", "--name", "more." + LAPTOP, saying="funnel-ingress doctor")
        self.assertFails("close", LAPTOP, saying="funnel-ingress doctor")
        self.assertEqual([node["name"] for node in self.cli("nodes")["nodes"]], ["laptop"])
        self.assertServed()
        self.assertRegex(self.call("doctor").stdout, "the database is not sound: .*\\n.*funnel-ingress restore")


class FullDisk(Shared):
    def prepare(self):
        os.makedirs(self.state, mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", self.state], capture_output=True, text=True)
        if done.returncode:
            self.skipTest("mounting is for root: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.state], check=True)

    def test_full(self):
        token = self.invite("phone", "--grant")
        filler = os.path.join(self.state, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        # What still fits into the pages there are may go through; soon nothing does.
        for i in range(200):
            done = self.call("grant", "laptop", "--name", "n%d.example.com" % i)
            if done.returncode:
                break
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "full|I/O")
        granted = len(self.node("laptop")["grants"])
        self.assertServed()
        status, answer = post_join(token, join_body(token, new_key()))
        self.assertGreaterEqual(status, 400, answer)
        self.assertEqual(answer["error"]["code"], "store")
        self.assertServed()
        os.unlink(filler)
        self.cli("grant", "laptop", "--name", "again.example.com")
        self.assertEqual(len(self.node("laptop")["grants"]), granted + 1)
        status, answer = post_join(token, join_body(token, new_key()))
        self.assertEqual(status, 200, answer)


class Malformed(Shared):
    """Every request of the admin socket, wrong in every member it has."""

    REQUESTS = {
        "invite": {"node": "phone", "grant": True, "ports": [443], "replace": False, "lifetime": 60},
        "grant": {"node": "laptop", "name": "more." + LAPTOP, "ports": [443], "lifetime": 60, "max_flows": 1, "rate": 1, "bandwidth": 1000,
                  "below": True},
        "limit": {"node": "laptop", "max_flows": 1, "rate": 1, "bandwidth": 1000},
        "close": {"name": LAPTOP}, "open": {"name": LAPTOP},
        "revoke": {"node": "laptop", "name": LAPTOP},
        "remove": {"node": "laptop"},
        "release": {"name": "blog.example.net"},
        "audit": {"node": "laptop", "count": 5},
    }
    WRONG = (7, -1, 1.5, True, "", "x" * 300, "a\n", "..", "*.x", [], {}, [[]], ["443"], [0], [65536], [443, 443], 1 << 60)

    def send(self, command, body):
        connection = UnixHttp(os.path.join(self.run_dir, "admin.sock"))
        try:
            connection.request("POST", "/v1/" + command, body)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def known(self):
        """What must stay as it is."""
        nodes = self.cli("nodes")
        return [(n["name"], n["grants"], n.get("max_flows"), n.get("rate"), n.get("bandwidth")) for n in nodes["nodes"]], nodes["invites"]

    def test_bodies(self):
        before = self.known()
        for command in self.REQUESTS:
            for body in (b"", b"x", b"[]", b"7", b"null", b"{", b"\xff\xfe", b'{"node":' + b"[" * 2000, b"{} {}"):
                with self.subTest(command=command, body=body[:20]):
                    status, answer = self.send(command, body)
                    self.assertIn(status, (400, 404), answer)
                    self.assertTrue(answer["error"]["message"])
            with self.subTest(command=command, body="too large"):
                try:
                    self.assertEqual(self.send(command, b"{" + b" " * 20000 + b"}")[0], 413)
                except ConnectionError:
                    pass  # closed while it was still being sent
        self.assertEqual(self.known(), before)
        self.assertServed()

    def test_members(self):
        before = self.known()
        sent = 0
        for command, good in self.REQUESTS.items():
            for member, right in good.items():
                for wrong in self.WRONG:
                    if type(wrong) is type(right) and not isinstance(wrong, (str, list)) and wrong != 1 << 60 and wrong != -1:
                        continue  # a right one
                    if command == "audit" and isinstance(wrong, str) and wrong in ("..", "*.x"):
                        continue  # the log has what was refused, under the names it was asked with
                    with self.subTest(command=command, member=member, wrong=str(wrong)[:20]):
                        status, answer = self.send(command, json.dumps(dict(good, **{member: wrong})))
                        self.assertIn(status, (400, 404), answer)
                        sent += 1
                        if status == 400:
                            self.assertRegex(answer["error"]["message"], "(?i)%s|port|host name|one word" % member)
        self.assertGreater(sent, 200)
        self.assertEqual(self.known(), before)
        self.assertServed()
