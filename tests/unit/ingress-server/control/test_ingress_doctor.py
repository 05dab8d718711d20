# SPDX-License-Identifier: GPL-3.0-or-later
"""funnel-ingress doctor and top, against a real ingress."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import time
import unittest

from ingress_case import CLI, DEADLINE, IngressCase, SlowVisitor, ZONE, visit, wait_for

LAPTOP = "laptop." + ZONE


class Doctor(IngressCase):
    def doctor(self):
        """Exit status, and (step, subject) → step."""
        done = self.call("doctor", "--json")
        document = json.loads(done.stdout)
        self.assertEqual(document["version"], 1)
        self.assertEqual(document["ok"], done.returncode == 0, document)
        self.assertEqual(done.stderr, "")
        return done.returncode, {(step["step"], step["subject"]): step for step in document["steps"]}

    def port(self, number):
        return "port", "TCP 127.0.0.1:%d" % number

    def test_nothing_here(self):
        code, steps = self.doctor()
        self.assertEqual(code, 1)
        self.assertIn("funnel-ingress init", steps["configuration", ""]["text"])
        self.assertEqual(steps["daemon", ""]["text"], "because configuration failed")

    def test_well(self):
        self.init()
        self.start()
        answer = self.join("laptop", "--grant")
        offers = self.offers(answer["address"])
        link = self.link(answer, offers.port)
        self.share(link, LAPTOP)
        link.expect("probe", lambda message: message["outcome"] == "ok")
        code, steps = self.doctor()
        self.assertEqual(code, 0, steps)
        for step in ("configuration", "state", "certificate", "daemon", "relay", "nodes"):
            self.assertEqual(steps[step, ""]["result"], "ok", steps)
        for number in (self.public_port, self.endpoint_port):
            self.assertEqual(steps[self.port(number)]["result"], "ok", steps)
        self.assertEqual(steps["node", "laptop"]["text"], "linked, 1 granted, 1 shared")
        share = steps["share", "%s:%d" % (LAPTOP, self.public_port)]
        self.assertRegex(share["text"], r"^seen from outside \d+ s ago$")
        text = self.call("doctor").stdout
        self.assertIn("ok   daemon", text)
        self.assertNotIn("FAIL", text)

    def test_findings(self):
        self.init()
        self.start()
        answer = self.join("laptop")
        self.join("phone", "--grant")
        offers = self.offers(answer["address"])
        link = self.link(answer, offers.port)
        self.share(link, LAPTOP)
        wait_for(lambda: self.node("laptop")["shares"], "the share")
        _, steps = self.doctor()
        self.assertEqual(steps["node", "laptop"]["advice"], "funnel-ingress grant laptop")
        share = steps["share", "%s:%d" % (LAPTOP, self.public_port)]
        self.assertEqual(share["result"], "warning")
        self.assertEqual(share["advice"], "funnel-ingress grant laptop --name %s --port %d" % (LAPTOP, self.public_port))
        self.assertIn("away", steps["node", "phone"]["text"])
        # A node that takes no offers: what the probe saw is told.
        offers.close()
        self.cli("grant", "laptop")
        link.expect("probe", lambda message: message["outcome"] != "ok")
        code, steps = self.doctor()
        share = steps["share", "%s:%d" % (LAPTOP, self.public_port)]
        self.assertEqual((code, share["result"]), (1, "failed"), steps)
        self.assertTrue(share["advice"], share)

    def test_without_daemon(self):
        """What is not running is told once, and who has its port by name."""
        self.init()
        with socket.create_server(("127.0.0.1", self.public_port)):
            code, steps = self.doctor()
        self.assertEqual(code, 1)
        self.assertIn("systemctl start funnel-ingressd", steps["daemon", ""]["advice"])
        self.assertEqual(steps["tunnel", ""]["text"], "because daemon failed")
        taken = steps[self.port(self.public_port)]
        self.assertEqual(taken["result"], "failed")
        self.assertIn("process %d" % os.getpid(), taken["text"])
        self.assertEqual(steps[self.port(self.endpoint_port)]["result"], "skipped")

    def test_bad_configuration(self):
        self.init()
        with open(os.path.join(self.state, "ingress.conf"), "a", encoding="utf-8") as file:
            file.write("nonsense=1\n")
        _, steps = self.doctor()
        self.assertIn("nonsense", steps["configuration", ""]["text"])
        self.assertIn("check-config", steps["configuration", ""]["advice"])

    def test_damaged_database(self):
        self.init()
        path = os.path.join(self.state, "ingress.db")
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode=DELETE")
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        code, steps = self.doctor()
        self.assertEqual((code, steps["state", ""]["result"]), (1, "failed"), steps)
        self.assertIn("restore", steps["state", ""]["advice"])
        self.assertEqual(steps["daemon", ""]["text"], "because state failed")

    def test_lost_certificate(self):
        self.init()
        os.unlink(os.path.join(self.state, "join-key.pem"))
        _, steps = self.doctor()
        self.assertIn("join-key.pem", steps["certificate", ""]["text"])


class Top(IngressCase):
    def setUp(self):
        super().setUp()
        self.init()
        self.start()
        answer = self.join("laptop", "--grant")
        self.offer_server = self.offers(answer["address"])
        self.laptop = self.link(answer, self.offer_server.port)
        self.share(self.laptop, LAPTOP)
        self.laptop.expect("probe", lambda message: message["outcome"] == "ok")

    def test_once(self):
        done = self.call("top", "--once")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("NAME", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^laptop\.example\.\S+ +laptop +0 .* up$")
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        # Not a terminal: the same.
        self.assertIn("laptop", self.call("top").stdout)

    def test_rates(self):
        watching = subprocess.Popen([CLI, "top", "--json"], env=self.environment, stdout=subprocess.PIPE, text=True)
        visitor = SlowVisitor(LAPTOP, self.public_port)
        self.addCleanup(visitor.close)
        visits = 0
        while watching.poll() is None:
            visits += visit(LAPTOP, self.public_port) == "hello from the node"
            visit("unknown." + ZONE, self.public_port)
        document = json.loads(watching.communicate()[0])
        self.assertGreater(visits, 0)
        self.assertEqual(document["version"], 1)
        name = document["names"][0]
        self.assertEqual((name["name"], name["port"], name["node"], name["linked"], name["handshake_age"]),
                         (LAPTOP, self.public_port, "laptop", True, -1))
        self.assertGreaterEqual(name["visitors"], 1)
        self.assertGreater(document["total"]["new_per_second"], 0)
        self.assertGreater(document["total"]["refused_per_second"], 0)
        self.assertGreater(name["bytes_out_per_second"], 0)

    def screen(self, keys, rows=24, columns=80):
        """Everything the live view wrote to a terminal until it ended; keys: sent after the first picture."""
        main, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([CLI, "top"], env=self.environment, stdin=terminal, stdout=terminal,
                                   stderr=subprocess.PIPE, start_new_session=True)
        before = termios.tcgetattr(terminal)
        seen, pictures, end = b"", 0, time.monotonic() + DEADLINE
        try:
            while process.poll() is None or select.select([main], [], [], 0)[0]:
                self.assertLess(time.monotonic(), end, "the live view did not end")
                if not select.select([main], [], [], 0.05)[0]:
                    continue
                seen += os.read(main, 65536)
                if seen.count(b"\x1b[J") > pictures:
                    pictures = seen.count(b"\x1b[J")
                    keys(pictures, main, terminal, process)
            self.assertEqual(process.returncode, 0, process.stderr.read())
            self.assertEqual(termios.tcgetattr(terminal)[3], before[3], "the terminal was left changed")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stderr.close()
            os.close(main)
            os.close(terminal)
        return seen.decode()

    def test_live(self):
        def keys(pictures, main, terminal, process):
            if pictures == 1:  # a smaller window is drawn for without waiting for the second to end
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
                os.kill(process.pid, signal.SIGWINCH)
            elif pictures == 2:
                os.write(main, b"q")
        text = self.screen(keys)
        self.assertTrue(text.startswith("\x1b[?1049h"), text[:40])
        self.assertTrue(text.endswith("\x1b[?25h\x1b[?1049l"), text[-40:])
        pictures = text.split("\x1b[H")[1:]
        for picture, (rows, columns) in zip(pictures, ((24, 80), (10, 40))):
            lines = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", picture).split("\r\n")
            self.assertLessEqual(len(lines), rows)
            self.assertLessEqual(max(map(len, lines)), columns, lines)
            self.assertIn("laptop", "\n".join(lines))

    def test_interrupted(self):
        def keys(pictures, main, terminal, process):
            os.kill(process.pid, signal.SIGINT)
        self.assertTrue(self.screen(keys).endswith("\x1b[?25h\x1b[?1049l"))

    def test_daemon_goes(self):
        self.stop()
        done = self.call("top")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not running", done.stderr)


if __name__ == "__main__":
    unittest.main()
