#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions and updates against real name servers."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from name_server import NameServer, free_port

TOOL = os.environ["DNS_TOOL"]
ZONE = "zone.test"
KIND = sys.argv.pop() if sys.argv[-1] in ("knot", "bind") else "knot"


class Dns(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="funnel-dns-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.server = NameServer(KIND, self.folder, ZONE)
        self.addCleanup(self.server.stop)

    def run_tool(self, *words):
        done = subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def query(self, name, kind, server=None):
        return sorted(self.run_tool("query", server or self.server.address, name, kind))

    def update(self, *changes, key=None, zone=ZONE, server=None):
        return self.run_tool("update", server or self.server.address, zone, key or self.server.key, *changes)[0]

    def key(self, text, mode=0o600):
        path = os.path.join(self.folder, "other-key")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_queries(self):
        self.assertEqual(self.query("fixed." + ZONE, "A"), ["192.0.2.1"])
        self.assertEqual(self.query("alias." + ZONE, "A"), ["192.0.2.1"])
        self.assertEqual(self.query("alias." + ZONE, "CNAME"), ["fixed.%s." % ZONE])
        self.assertEqual(self.query("note." + ZONE, "TXT"), ["funnel=1", "one string"])
        self.assertEqual(self.query(ZONE, "CAA"), ['0 issue "ca.example"'])
        self.assertEqual(self.query(ZONE, "NS"), ["ns.%s." % ZONE])
        self.assertIn("error not-found", self.query("fixed." + ZONE, "AAAA")[0])
        self.assertIn("error not-found", self.query("nobody." + ZONE, "A")[0])
        self.assertIn("error failed 127.0.0.1:%d answers REFUSED" % self.server.port, self.query("other.test", "A")[0])
        self.assertIn("error invalid-argument", self.query("x", "NOSUCH")[0])
        self.assertIn("error invalid-argument", self.query("x" * 300, "A")[0])
        self.assertIn("error invalid-argument", self.query("fixed." + ZONE, "A", "name.server")[0])
        self.assertIn("error unreachable", self.query("fixed." + ZONE, "A", "127.0.0.1:%d" % free_port())[0])

    def test_answers_nobody_asked_for(self):
        """A stranger who guesses the port has not guessed the number and the question."""
        address = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x63"  # 192.0.2.99
        forgeries = {
            "another number": lambda q: bytes([q[0] ^ 1]) + q[1:2] + b"\x84\0\0\x01\0\x01\0\0\0\0" + q[12:] + address,
            "no answer at all": lambda q: q[:2] + b"\x04\0\0\x01\0\x01\0\0\0\0" + q[12:] + address,
            "another question": lambda q: q[:2] + b"\x84\0\0\x01\0\x01\0\0\0\0\x01x\0\0\x01\0\x01" + address,
            "no question": lambda q: q[:2] + b"\x84\0\0\0\0\x01\0\0\0\0\x01x\0" + address[2:],
            "cut short": lambda q: q[:2] + b"\x84\0\0\x01\0\x01\0\0\0\0" + q[12:] + address[:9],
            "the truth": lambda q: q[:2] + b"\x84\0\0\x01\0\x01\0\0\0\0" + q[12:] + address,
        }
        for name, forge in forgeries.items():
            with self.subTest(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind(("127.0.0.1", 0))

                def answer(sock=sock, forge=forge):
                    while True:
                        try:
                            data, source = sock.recvfrom(512)
                        except OSError:
                            return
                        sock.sendto(forge(data), source)

                threading.Thread(target=answer, daemon=True).start()
                told = self.query("fixed." + ZONE, "A", "127.0.0.1:%d" % sock.getsockname()[1])
                self.assertEqual(told == ["192.0.2.99"], name == "the truth", told)
                self.assertEqual(told[0].startswith("error "), name != "the truth", told)

    def test_updates(self):
        self.assertEqual(self.update("a.%s=192.0.2.7,2001:db8::7" % ZONE, "b.%s=192.0.2.8" % ZONE), "done")
        self.assertEqual(self.query("a." + ZONE, "A"), ["192.0.2.7"])
        self.assertEqual(self.query("a." + ZONE, "AAAA"), ["2001:db8::7"])
        self.assertEqual(self.query("b." + ZONE, "A"), ["192.0.2.8"])
        # Replaced as a whole, also by nothing; twice is fine.
        for _ in range(2):
            self.assertEqual(self.update("a.%s=192.0.2.9" % ZONE, "b." + ZONE), "done")
        self.assertEqual(self.query("a." + ZONE, "A"), ["192.0.2.9"])
        self.assertIn("not-found", self.query("a." + ZONE, "AAAA")[0])
        self.assertIn("not-found", self.query("b." + ZONE, "A")[0])
        # One name in another zone: nothing happens.
        self.assertIn("error not-allowed", self.update("c.%s=192.0.2.9" % ZONE, "c.other.test=192.0.2.9"))
        self.assertIn("not-found", self.query("c." + ZONE, "A")[0])

    def test_refusals(self):
        change = "a.%s=192.0.2.7" % ZONE
        self.assertIn("NOTAUTH", self.update(change, key=self.key("good:hmac-sha256:d3Jvbmcgc2VjcmV0IGhlcmU=")))
        self.assertIn("NOTAUTH", self.update(change, key=self.key("hmac-sha256:other:d3Jvbmcgc2VjcmV0IGhlcmU=")))
        self.assertIn("error not-allowed", self.update(change, key="-"))
        self.assertIn("error not-allowed", self.update("a.other.test=192.0.2.7", zone="other.test"))
        self.assertIn("error unreachable", self.update(change, server="127.0.0.1:%d" % free_port()))
        self.assertIn("error invalid-argument", self.update("a.%s=x" % ZONE))
        self.assertIn("not-found", self.query("a." + ZONE, "A")[0])
        self.server.stop()
        self.assertIn("error unreachable", self.update(change))

    def test_keys(self):
        change = "a.%s=192.0.2.7" % ZONE
        with open(self.server.key, encoding="ascii") as file:
            block = file.read()
        self.assertIn("chmod 640", self.update(change, key=self.key(block, 0o644)))
        for text in ("", "x", "a:b:c", "good:hmac-sha256:", "good:hmac-sha256:x", 'key "good" { algorithm none; secret "c2VjcmV0"; };',
                     "-bad-:hmac-sha256:c2VjcmV0c2VjcmV0", "good:hmac-sha256:c2VjcmV0c2VjcmV0:more", "k" * 5000):
            answer = self.update(change, key=self.key(text))
            self.assertIn("error invalid-argument", answer)
            self.assertNotIn("c2VjcmV0", answer)


if __name__ == "__main__":
    if not NameServer.available(KIND):
        print("%s is not installed" % KIND)
        sys.exit(77)
    unittest.main()
