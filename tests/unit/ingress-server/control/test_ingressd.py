# SPDX-License-Identifier: GPL-3.0-or-later
"""funnel-ingressd as its peers meet it: admin, join API, links, visitors, restarts."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import unittest

from ingress_case import (AGENT, BUILD, DEADLINE, INGRESSD, IngressCase, Link, OfferServer, Refused, SlowVisitor, Token, ZONE, check_schema, free_port,
                          join_body, new_key, post_join, visit, wait_for)

LAPTOP = "laptop." + ZONE


class Admin(IngressCase):
    def test_without_daemon(self):
        done = self.call("status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("funnel-ingress init", done.stderr)
        self.init()
        done = self.call("status")
        self.assertEqual(done.returncode, 1)
        self.assertIn("funnel-ingressd is not running", done.stderr)
        self.assertIn("systemctl start", done.stderr)
        again = self.call("init", "--zone", ZONE, "--endpoint", "127.0.0.1:1")
        self.assertEqual(again.returncode, 1)
        self.assertIn("already", again.stderr)

    def test_init_says_what_to_do(self):
        done = self.call("init", "--zone", "example.org", "--endpoint", "203.0.113.7:51820", "--public-port", "443",
                         "--public-port", "8443")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("*.example.org. A 203.0.113.7", done.stdout)
        self.assertIn("TCP 443, 8443", done.stdout)
        self.assertIn("UDP and TCP 51820", done.stdout)

    def test_private_files(self):
        self.init()
        self.start()
        token = self.invite("laptop")
        for folder in (self.state, self.run_dir):
            for name in os.listdir(folder):
                mode = os.stat(os.path.join(folder, name)).st_mode
                allowed = 0o660 if name == "admin.sock" else 0o600
                self.assertEqual(stat.S_IMODE(mode) & ~allowed, 0, name)
        with open(os.path.join(self.state, "wireguard.key"), encoding="ascii") as file:
            key = file.read().strip()
        secrets = [token.secret_text, token.text, token.secret.hex(), key]
        for path in (os.path.join(self.state, "ingress.db"), os.path.join(self.state, "ingress.db-wal"), self.log_path):
            with open(path, "rb") as file:
                content = file.read()
            for secret in secrets + [token.secret]:
                self.assertNotIn(secret if isinstance(secret, bytes) else secret.encode(), content, path)
        for pid in (self.daemon.pid, self.agent_pid(), self.cli("status")["relay"]["pid"]):
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                words = file.read()
            for secret in secrets:
                self.assertNotIn(secret.encode(), words)

    def test_usage(self):
        self.assertEqual(self.call().returncode, 2)
        self.assertEqual(self.call("dance").returncode, 2)
        self.assertEqual(self.call("invite").returncode, 2)
        self.assertEqual(self.call("nodes", "--wrong").returncode, 2)
        for command in ("init", "invite", "nodes", "grant", "revoke", "remove", "status"):
            done = self.call(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("Usage:", done.stdout)

    def test_invite_prints_one_line(self):
        self.init()
        self.start()
        done = self.call("invite", "laptop")
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith("funnel join funnel1-"))
        self.assertIn("funnel-ingress grant laptop", done.stderr)
        self.assertEqual(Token(lines[0].split()[-1]).port, self.endpoint_port)

    def test_errors(self):
        self.init()
        self.start()
        self.assertEqual(self.call("grant", "nobody").returncode, 1)
        self.assertIn("port 81 is not open", self.call("invite", "a", "--grant", "--port", "81").stderr)
        self.join("laptop")
        self.join("desk")
        done = self.call("invite", "laptop")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--replace", done.stderr)
        done = self.call("grant", "desk", "--name", LAPTOP)
        self.assertIn("assigned name", done.stderr)
        self.cli("grant", "desk", "--name", "custom.example.com")
        self.assertEqual(self.call("grant", "laptop", "--name", "custom.example.com").returncode, 1)
        self.assertEqual(self.call("revoke", "laptop").returncode, 1)
        done = self.call("remove", "laptop")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--yes", done.stderr)
        self.cli("remove", "laptop", "--yes")
        self.assertEqual([node["name"] for node in self.cli("nodes")["nodes"]], ["desk"])

    def test_second_daemon_refused(self):
        self.init()
        self.start()

        done = subprocess.run([INGRESSD], env=self.environment, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("running already", done.stderr)

    def test_port_in_use(self):
        self.init()
        taken = socket.create_server(("127.0.0.1", self.public_port))
        with taken:

            done = subprocess.run([INGRESSD], env=self.environment, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("public port %d" % self.public_port, done.stderr)
        self.assertIsNone(self.agent_pid())


    def test_signs_of_life(self):
        """The service manager hears from the main loop, also after it was set up anew."""
        self.init()
        self.environment["WATCHDOG_USEC"] = "200000"
        self.start()

        def hear(what):
            while self.notify.recv(100) != what:
                pass

        for _ in range(3):
            hear(b"WATCHDOG=1")
        self.cli("reload")
        hear(b"READY=1")
        hear(b"WATCHDOG=1")

    def test_inherited_listener(self):
        self.init()
        with socket.create_server(("127.0.0.1", self.public_port)) as inherited:
            self.start(inherited=inherited)
        self.assertEqual(visit("x", self.public_port), "TLSV1_UNRECOGNIZED_NAME")


class Join(IngressCase):
    def setUp(self):
        super().setUp()
        self.init()
        self.start()

    def test_join(self):
        token, key = self.invite("laptop", "--grant"), new_key()
        status, answer = post_join(token, join_body(token, key))
        self.assertEqual(status, 200)
        check_schema("join-answer", answer)
        self.assertEqual(answer["node"], "laptop")
        self.assertEqual(answer["names"], [LAPTOP])
        self.assertEqual(answer["address"], "127.64.0.2")
        self.assertEqual(answer["ingress_address"], "127.64.0.1")
        self.assertEqual(answer["public_ports"], [self.public_port])
        self.assertEqual(answer["tunnel"], "direct")
        self.assertEqual([grant["name"] for grant in self.node("laptop")["grants"]], [LAPTOP])
        self.assertEqual(post_join(token, join_body(token, key)), (200, answer))
        status, refusal = post_join(token, join_body(token, new_key()))
        self.assertEqual((status, refusal["error"]["code"]), (403, "token-used"))
        check_schema("join-error", refusal)

    def test_not_granted_by_default(self):
        self.join("laptop")
        self.assertEqual(self.node("laptop")["grants"], [])

    def test_bad_tokens(self):
        token = self.invite("laptop", "--expires", "1s")
        unknown = Token(token.text)
        unknown.secret_text = "A" * 22
        status, refusal = post_join(unknown, join_body(unknown, new_key()))
        self.assertEqual((status, refusal["error"]["code"]), (403, "token-unknown"))
        wait_for(lambda: not self.cli("nodes")["invites"], "the invitation's end")
        status, refusal = post_join(token, join_body(token, new_key()))
        self.assertEqual((status, refusal["error"]["code"]), (403, "token-expired"))

    def test_malformed(self):
        token = self.invite("laptop")
        good = json.loads(join_body(token, new_key()))
        for member, value in (("version", 2), ("version", None), ("secret", "x"), ("secret", 7), ("public_key", "AAAA"),
                              ("software", "a\nb")):
            status, refusal = post_join(token, json.dumps(dict(good, **{member: value})))
            self.assertEqual(status, 400, (member, value))
            self.assertTrue(refusal["error"]["message"].startswith(member), refusal)
        for text in ("", "[]", "{" * 2000, "nonsense"):
            self.assertEqual(post_join(token, text)[0], 400, text)
        self.assertEqual(post_join(token, "x" * 5000)[0], 413)
        self.assertEqual(post_join(token, None, "GET")[0], 405)
        self.assertEqual(post_join(token, "", path="/")[0], 404)
        # None of that used the token up.
        self.assertEqual(post_join(token, json.dumps(good))[0], 200)

    def test_known(self):
        token, key = self.invite("laptop"), new_key()
        asked = int(time.time())

        def ask(body):
            return post_join(token, body if isinstance(body, str) else json.dumps(body), path="/v1/known")
        status, stranger = ask({"version": 1, "public_key": key})
        self.assertEqual(status, 200)
        self.assertEqual(sorted(stranger), ["known", "time", "version"])
        self.assertFalse(stranger["known"])
        self.assertIn(stranger["time"] - asked, range(DEADLINE))
        _, joined = post_join(token, join_body(token, key))
        status, answer = ask({"version": 1, "public_key": key})
        self.assertEqual(status, 200)
        check_schema("known-answer", answer)
        self.assertTrue(answer["known"])
        self.assertEqual(answer["ingress_public_key"], joined["ingress_public_key"])
        self.assertEqual(answer["handshake"], 0)
        for member, value in (("version", 2), ("version", None), ("public_key", "AAAA"), ("public_key", 7)):
            status, refusal = ask(dict({"version": 1, "public_key": key}, **{member: value}))
            self.assertEqual(status, 400, (member, value))
            self.assertTrue(refusal["error"]["message"].startswith(member), refusal)
        self.assertEqual(ask("x" * 5000)[0], 413)
        self.assertEqual(post_join(token, None, "GET", "/v1/known")[0], 405)
        self.cli("remove", "laptop", "--yes")
        self.assertFalse(ask({"version": 1, "public_key": key})[1]["known"])

    def test_rate_limit(self):
        token = self.invite("laptop")
        statuses = [post_join(token, "{}")[0] for _ in range(30)]
        self.assertEqual(statuses[0], 400)
        self.assertEqual(statuses[-1], 429)

    def test_too_many_connections(self):
        """Silent connections of one source do not keep others out: some are closed at once."""
        sockets = [socket.create_connection(("127.0.0.1", self.endpoint_port)) for _ in range(30)]
        try:
            def closed():
                count = 0
                for s in sockets:
                    s.setblocking(False)
                    try:
                        count += s.recv(1) == b""
                    except BlockingIOError:
                        pass
                    except ConnectionError:
                        count += 1
                return count
            wait_for(lambda: closed() >= 22, "refused connections")
            self.assertEqual(closed(), 22)
        finally:
            for s in sockets:
                s.close()
        wait_for(lambda: self.try_join("laptop"), "room for a join")

    def try_join(self, name):
        token = self.invite(name, "--replace")
        try:
            return post_join(token, join_body(token, new_key()))[0] == 200
        except OSError:
            return False

    def test_replace(self):
        first = self.join("laptop", "--grant")
        link = self.link(first, 40000)
        again = self.join("laptop", "--replace")
        self.assertEqual(again["address"], first["address"])
        self.assertEqual([grant["name"] for grant in self.node("laptop")["grants"]], [LAPTOP])
        self.assertIn("new key", link.expect_end()[-1]["message"])


class Links(IngressCase):
    def setUp(self):
        super().setUp()
        self.init()
        self.start()
        self.answer = self.join("laptop", "--grant")

    def open(self):
        link = Link(self.answer["address"], self.link_port)
        self.addCleanup(link.close)
        return link

    def test_start(self):
        link = self.link(self.answer, 40000)
        self.assertEqual(link.welcome["node"], "laptop")
        self.assertEqual(link.welcome["zone"], ZONE)
        self.assertEqual(link.welcome["public_ports"], [self.public_port])
        self.assertEqual(link.welcome["ping_interval"], 3)
        self.assertEqual(link.grants, [{"name": LAPTOP, "ports": [self.public_port], "expires": 0, "below": True}])
        node = self.node("laptop")
        self.assertTrue(node["linked"])
        self.assertEqual(node["software"], "test/1")
        link.close()
        wait_for(lambda: not self.node("laptop")["linked"], "the link's end")

    def test_pings(self):
        link = self.link(self.answer, 40000)
        first = link.expect("ping")
        self.assertEqual(link.expect("ping")["id"], first["id"] + 1)

    def test_silence_ends_it(self):
        link = self.link(self.answer, 40000)
        # A node that hangs: connected, but no pong. The interval and the grace pass.
        wait_for(lambda: not self.node("laptop")["linked"], "the silent link's end")
        self.assertIn("No message", link.expect_end()[-1]["message"])

    def test_own_silence_ends_nothing(self):
        link = self.link(self.answer, 40000)
        self.daemon.send_signal(signal.SIGSTOP)
        time.sleep(7)  # longer than a node may be silent
        self.daemon.send_signal(signal.SIGCONT)
        for _ in range(3):
            link.expect("ping")  # and no end of the link

    def test_only_nodes(self):
        with self.assertRaises(Refused) as refused:
            Link("127.64.0.99", self.link_port)
        self.assertEqual(str(refused.exception), "403")
        with self.assertRaises(Refused):
            Link("127.0.0.1", self.link_port)
        with self.assertRaises(Refused) as refused:
            Link(self.answer["address"], self.link_port, protocol=None)
        self.assertEqual(str(refused.exception), "400")
        with self.assertRaises(Refused) as refused:
            Link(self.answer["address"], self.link_port, path="/other")
        self.assertEqual(str(refused.exception), "404")

    def refused(self, *messages):
        """What the ingress says before it closes the link."""
        link = self.open()
        for message in messages:
            link.send_text(message if isinstance(message, str) else json.dumps(message))
        last = link.expect_end()[-1]
        link.close()
        self.assertEqual(last["type"], "error")
        return last["message"]

    def test_refusals(self):
        hello = {"type": "hello", "version": 1, "offer_port": 40000}
        self.assertIn("first", self.refused({"type": "shares", "shares": []}))
        self.assertIn("twice", self.refused(hello, hello))
        self.assertIn("version 1", self.refused(dict(hello, version=2)))
        self.assertIn("offer_port", self.refused(dict(hello, offer_port=0)))
        self.assertIn("welcome", self.refused(hello, {"type": "welcome", "version": 1, "node": "a", "zone": "b",
                                                      "public_ports": [1], "ping_interval": 5}))
        self.assertIn("shares[0].name", self.refused(hello, {"type": "shares",
                                                             "shares": [{"name": "A", "port": 1, "epoch": 0}]}))
        self.assertIn("JSON", self.refused(hello, "nonsense"))
        self.assertIn("JSON", self.refused(hello, "[" * 100000))
        self.assertIn("Too many", self.refused(hello, *[{"type": "pong", "id": 1}] * 400))

    def test_too_large(self):
        link = self.link(self.answer, 40000)
        try:
            link.send_text("x" * (256 * 1024 + 1))
        except OSError:
            pass
        link.expect_end()
        wait_for(lambda: not self.node("laptop")["linked"], "the link's end")

    def test_unknown_type_is_survived(self):
        link = self.link(self.answer, 40000)
        link.send("dance", style="tango")
        self.assertIn("dance", link.expect("error")["message"])
        self.cli("revoke", "laptop")
        self.assertEqual(link.expect("grants")["grants"], [])

    def test_second_replaces_first(self):
        first = self.link(self.answer, 40000)
        second = self.link(self.answer, 40001)
        self.assertIn("newer", first.expect_end()[-1]["message"])
        self.assertTrue(self.node("laptop")["linked"])
        self.cli("revoke", "laptop")
        self.assertEqual(second.expect("grants")["grants"], [])

    def test_grants_are_told(self):
        link = self.link(self.answer, 40000)
        self.cli("grant", "laptop", "--name", "shop.example.com")
        names = [grant["name"] for grant in link.expect("grants")["grants"]]
        self.assertEqual(names, [LAPTOP, "shop.example.com"])
        self.cli("revoke", "laptop", "--name", LAPTOP)
        self.assertEqual([grant["name"] for grant in link.expect("grants")["grants"]], ["shop.example.com"])

    def test_grant_expires(self):
        link = self.link(self.answer, 40000)
        self.cli("revoke", "laptop")
        link.expect("grants", lambda message: not message["grants"])
        before = int(time.time())
        self.cli("grant", "laptop", "--expires", "2s")
        grant = link.expect("grants")["grants"][0]
        self.assertGreaterEqual(grant["expires"], before + 2)
        self.assertEqual(link.expect("grants")["grants"], [])
        self.assertTrue(self.node("laptop")["grants"][0]["expired"])

    def test_remove(self):
        link = self.link(self.answer, 40000)
        self.cli("remove", "laptop", "--yes")
        self.assertIn("removed", link.expect_end()[-1]["message"])
        with self.assertRaises(Refused):
            Link(self.answer["address"], self.link_port)


class VisitorCase(IngressCase):
    def setUp(self):
        super().setUp()
        self.init()
        self.start()
        self.answer = self.join("laptop", "--grant")
        self.server = self.offers(self.answer["address"])

    def visit(self, name=LAPTOP):
        return visit(name, self.public_port)

    def armed(self):
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        probe = link.expect("probe", lambda message: message["outcome"] == "ok")
        self.assertEqual(probe["leaf"], self.server.leaf)
        self.assertEqual(probe["epoch"], 1)
        self.assertEqual((probe["name"], probe["port"]), (LAPTOP, self.public_port))
        return link

    def edit(self, key, value):
        path = os.path.join(self.state, "ingress.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^%s=.*$" % key, "%s=%s" % (key, value), text))

    def relay_status(self):
        return self.cli("status")["relay"]


class Visitors(VisitorCase):
    def test_share(self):
        self.assertEqual(self.visit(), "TLSV1_UNRECOGNIZED_NAME")
        link = self.armed()
        self.assertEqual(self.visit(), "hello from the node")
        self.assertEqual(self.visit("other." + ZONE), "TLSV1_UNRECOGNIZED_NAME")
        share = self.node("laptop")["shares"][0]
        self.assertTrue(share["routed"])
        self.assertEqual(share["probe"]["outcome"], "ok")
        status = self.cli("status")
        self.assertEqual((status["routes"], status["links"]), (1, 1))
        self.assertGreaterEqual(status["relay"]["refusals"]["unknown-name"], 2)
        # The epoch asks for another probe.
        self.share(link, LAPTOP, epoch=2)
        self.assertEqual(link.expect("probe", lambda message: message["epoch"] == 2)["outcome"], "ok")
        # Switched off by the node.
        link.send("shares", shares=[])
        wait_for(lambda: self.visit() == "TLSV1_UNRECOGNIZED_NAME", "the route's end")

    def test_names_below(self):
        """What is below a node's own name is its own; names that are reserved are nobody's."""
        link = self.armed()
        below = "app." + LAPTOP
        self.assertEqual(self.visit(below), "TLSV1_UNRECOGNIZED_NAME")
        link.send("shares", shares=[{"name": name, "port": self.public_port, "epoch": 3} for name in (LAPTOP, below, "a." + below)])
        wait_for(lambda: self.visit(below) == "hello from the node", "the name below")
        self.assertEqual(self.visit("a." + below), "TLSV1_UNRECOGNIZED_NAME")
        self.join("desk")
        self.assertIn("below the assigned name of node laptop", self.call("grant", "desk", "--name", below).stderr)
        self.assertTrue(self.cli("grant", "desk", "--name", "shop.example.com", "--below")["grants"][0]["below"])
        self.assertIn("granted to another node", self.call("grant", "laptop", "--name", "x.shop.example.com").stderr)
        for words in (("invite", "wpad"), ("grant", "desk", "--name", "wpad." + ZONE), ("grant", "desk", "--name", "x.wpad." + ZONE)):
            self.assertIn("reserved-names", self.call(*words).stderr)
        self.assertEqual(self.cli("grant", "desk", "--name", "bücher.example")["grants"][-1]["name"], "xn--bcher-kva.example")
        self.cli("close", LAPTOP)
        wait_for(lambda: self.visit(below) == "TLSV1_UNRECOGNIZED_NAME", "the name below to go too")

    def test_other_settings_drain(self):
        """New settings of the relay, and a new public port, cost no visitor his connection."""
        self.armed()
        slow = SlowVisitor(LAPTOP, self.public_port)
        agent, first, other = self.agent_pid(), self.relay_status()["pid"], free_port()
        self.configure(**{"rate-per-source": 1000, "public-ports": "%d,%d" % (self.public_port, other)})
        self.assertEqual(self.agent_pid(), agent)
        second = wait_for(lambda: (pid := self.relay_status()["pid"]) != first and pid, "another relay")
        self.assertEqual(visit("x", other), "TLSV1_UNRECOGNIZED_NAME")
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        wait_for(lambda: self.visit() == "hello from the node", "a visitor at the new relay")
        os.kill(first, 0)  # is still there
        self.assertEqual(slow.finish(), "hello from the node")
        slow.close()

        def gone():
            try:
                os.kill(first, 0)
            except ProcessLookupError:
                return True
            return False

        wait_for(gone, "the end of the old relay")
        wait_for(lambda: self.relay_status()["flows"] == 0, "no visitors")
        # The same settings: the same relay.
        self.configure(**{"rate-per-source": 1000})
        self.assertEqual(self.relay_status()["pid"], second)
        # A port that is public no longer closes; what is revoked is cut at a draining relay too.
        slow = SlowVisitor(LAPTOP, self.public_port)
        self.configure(**{"public-ports": self.public_port, "rate-per-source": 0})
        wait_for(lambda: visit("x", other) == "ConnectionRefusedError", "the port to close")
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        self.cli("revoke", "laptop")
        self.assertEqual(slow.finish(), "cut off")
        slow.close()

    def test_close_and_limits(self):
        self.armed()
        self.assertEqual(self.visit(), "hello from the node")
        self.assertTrue(self.cli("close", LAPTOP)["grants"][0]["closed"])
        wait_for(lambda: self.visit() == "TLSV1_UNRECOGNIZED_NAME", "the name to be closed")
        self.cli("open", LAPTOP)
        wait_for(lambda: self.visit() == "hello from the node", "the name to be open")
        grant = self.cli("grant", "laptop", "--max-flows", "7", "--bandwidth", "1M")["grants"][0]
        self.assertEqual((grant["max_flows"], grant["bandwidth"]), (7, 1000000))
        grant = self.cli("grant", "laptop", "--max-flows", "0", "--rate", "1")["grants"][0]
        self.assertEqual((grant.get("max_flows"), grant["bandwidth"], grant["rate"]), (None, 1000000, 1))
        self.assertIn("at most 1 new ones per second, 1M bytes per second", self.call("nodes").stdout)
        wait_for(lambda: self.visit() == "TLSV1_ALERT_INTERNAL_ERROR", "the rate to be exceeded")
        self.assertGreaterEqual(self.cli("status")["relay"]["refusals"]["name-rate"], 1)
        self.cli("grant", "laptop", "--rate", "0")
        self.assertEqual(self.cli("limit", "laptop", "--rate", "1", "--max-flows", "5")["max_flows"], 5)
        wait_for(lambda: self.visit() == "TLSV1_ALERT_INTERNAL_ERROR", "the node's rate to be exceeded")
        self.assertGreaterEqual(self.cli("status")["relay"]["refusals"]["node-rate"], 1)
        for words, text in ((("close", "other." + ZONE), "granted to no node"), (("limit", "laptop"), "--max-flows"),
                            (("limit", "laptop", "--rate", "x"), "--rate"), (("grant", "laptop", "--bandwidth", "1x"), "--bandwidth"),
                            (("limit", "desk", "--rate", "1"), "no node called"), (("close",), "NAME is missing")):
            done = self.call(*words)
            self.assertIn(text, done.stderr)
            self.assertNotEqual(done.returncode, 0)
        entries = self.cli("audit")["entries"]
        self.assertEqual([e["action"] for e in entries[:4]], ["invite", "join", "close", "open"])
        self.assertEqual([e["uid"] for e in entries[:3]], [os.getuid(), -1, os.getuid()])
        self.assertIn("granted to no node", [e["error"] for e in entries if e["action"] == "close"][-1])
        self.assertEqual(len(self.cli("audit", "--count", "1")["entries"]), 1)
        self.assertEqual(self.cli("audit", "--node", "desk")["entries"][-1]["action"], "limit")
        self.assertIn("REFUSED", self.call("audit").stdout)
        self.assertNotIn("funnel1-", self.call("audit", "--json").stdout)

    def test_redirect_and_metrics(self):
        redirect, metrics = free_port(), free_port()
        self.configure(**{"redirect-port": redirect, "metrics": "127.0.0.1:%d" % metrics})

        def get(port, path, host):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as visitor:
                visitor.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode()))
                try:
                    return b"".join(iter(lambda: visitor.recv(65536), b"")).decode()
                except ConnectionResetError:
                    return ""

        self.assertEqual(get(redirect, "/", LAPTOP), "")
        self.armed()
        self.assertEqual(self.visit(), "hello from the node")
        head = get(redirect, "/a?b", LAPTOP)
        self.assertTrue(head.startswith("HTTP/1.1 308 "))
        self.assertIn("\r\nLocation: https://%s:%d/a?b\r\n" % (LAPTOP, self.public_port), head)
        self.assertEqual(get(redirect, "/", "other." + ZONE), "")

        page = get(metrics, "/metrics", "localhost")
        self.assertIn("\r\nContent-Type: text/plain; version=0.0.4", page)
        numbers = dict(line.rsplit(" ", 1) for line in page.split("\r\n\r\n", 1)[1].splitlines() if not line.startswith("#"))
        label = '{node="laptop",name="%s",port="%d"}' % (LAPTOP, self.public_port)
        self.assertEqual(numbers["funnel_relay_redirected_total"], "1")
        self.assertEqual(numbers["funnel_name_works" + label], "1")
        self.assertGreaterEqual(int(numbers["funnel_name_flows_total" + label]), 1)
        self.assertEqual(numbers['funnel_node_linked{node="laptop"}'], "1")
        count = int(numbers["funnel_relay_offer_seconds_count"])
        self.assertGreaterEqual(count, 1)
        self.assertEqual(int(numbers['funnel_relay_offer_seconds_bucket{le="+Inf"}']), count)
        self.assertEqual(int(numbers["funnel_relay_flows_total"]), count)
        self.assertTrue(get(metrics, "/", "localhost").startswith("HTTP/1.1 404 "))

    def test_bad_settings(self):
        for key, value, word in (("metrics", "192.0.2.1:9", "loopback"), ("metrics", "x", "metrics"), ("bandwidth", "fast", "bandwidth"),
                                 ("redirect-port", self.public_port, "public-ports"), ("max-per-source", "0", "max-per-source")):
            with self.assertRaises(AssertionError) as caught:
                self.configure(**{key: value})
            self.assertIn(word, str(caught.exception))
            self.assertIn("ingress.conf", str(caught.exception))
            self.configure(**{key: {"max-per-source": 1024, "redirect-port": 0, "bandwidth": 0}.get(key, "")})

    def test_routed(self):
        """Once a share is told to be routed, a visitor comes through at the first attempt."""
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP, epoch=7)
        routed = link.expect("routed", lambda message: message["shares"])
        self.assertEqual(self.visit(), "hello from the node")
        self.assertEqual(routed["shares"], [{"name": LAPTOP, "port": self.public_port, "epoch": 7}])
        link.send("shares", shares=[])
        link.expect("routed", lambda message: not message["shares"])
        self.assertEqual(self.visit(), "TLSV1_UNRECOGNIZED_NAME")

    def test_second_link_is_told_too(self):
        self.armed()
        second = self.link(self.answer, self.server.port)
        self.share(second, LAPTOP)
        self.assertEqual(second.expect("probe")["leaf"], self.server.leaf)

    def test_not_granted(self):
        link = self.link(self.answer, self.server.port)
        link.send("shares", shares=[{"name": "other.example.com", "port": self.public_port, "epoch": 1}])
        share = wait_for(lambda: self.node("laptop")["shares"], "the share")[0]
        self.assertFalse(share["granted"])
        self.assertEqual(self.visit("other.example.com"), "TLSV1_UNRECOGNIZED_NAME")

    def test_probe_tells_what_is_wrong(self):
        with socket.create_server((self.answer["address"], 0)) as unused:
            port = unused.getsockname()[1]
        link = self.link(self.answer, port)
        self.share(link, LAPTOP)
        probe = link.expect("probe")
        self.assertEqual(probe["outcome"], "tls")
        self.assertIn("internal_error", probe["detail"])
        # It is tried again soon, and found well when it is.
        again = OfferServer(self.answer["address"], self.folder)
        self.addCleanup(again.close)
        self.addCleanup(self.link(self.answer, again.port).close)

    def test_probe_dns(self):
        self.cli("grant", "laptop", "--name", "no-such-name.invalid")
        link = self.link(self.answer, self.server.port)
        link.send("shares", shares=[{"name": "no-such-name.invalid", "port": self.public_port, "epoch": 1}])
        probe = link.expect("probe")
        self.assertEqual(probe["outcome"], "dns")
        self.assertIn("no-such-name.invalid. A 127.0.0.1", probe["detail"])

    def test_revoke(self):
        self.armed()
        self.cli("revoke", "laptop")
        wait_for(lambda: self.visit() == "TLSV1_UNRECOGNIZED_NAME", "the route's end")
        self.cli("grant", "laptop")
        wait_for(lambda: self.visit() == "hello from the node", "the route's return")

    def test_node_away(self):
        link = self.armed()
        link.close()
        wait_for(lambda: self.visit() == "TLSV1_ALERT_INTERNAL_ERROR", "the right alert")
        self.armed()
        self.assertEqual(self.visit(), "hello from the node")

    def test_expiry_cuts(self):
        self.armed()
        self.cli("grant", "laptop", "--expires", "1s")
        wait_for(lambda: self.visit() == "TLSV1_UNRECOGNIZED_NAME", "the route's end")

    def test_control_is_killed(self):
        self.armed()
        agent, relay = self.agent_pid(), self.cli("status")["relay"]["pid"]
        self.stop(signal.SIGKILL)
        self.assertEqual(self.visit(), "hello from the node")
        self.start()
        # The node is not back yet, and presumed to be there.
        self.assertEqual(self.visit(), "hello from the node")
        self.assertEqual((self.agent_pid(), self.cli("status")["relay"]["pid"]), (agent, relay))
        self.assertFalse(self.node("laptop")["linked"])
        self.armed()
        self.assertEqual(self.visit(), "hello from the node")

    def test_node_does_not_come_back(self):
        self.armed()
        self.stop(signal.SIGKILL)
        self.start()
        wait_for(lambda: self.visit() == "TLSV1_ALERT_INTERNAL_ERROR", "the end of the grace")

    def test_revoked_while_presumed(self):
        self.armed()
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.visit(), "hello from the node")
        self.cli("revoke", "laptop")
        wait_for(lambda: self.visit() == "TLSV1_UNRECOGNIZED_NAME", "the route's end")

    def test_agent_is_killed(self):
        link = self.armed()
        first = self.agent_pid()
        os.kill(first, signal.SIGKILL)
        link.expect_end()
        wait_for(lambda: self.agent_pid() not in (None, first), "another agent")

        def linked():
            try:
                return self.armed()
            except (OSError, Refused):
                return None
        wait_for(linked, "the link")
        self.assertEqual(self.visit(), "hello from the node")

    def test_relay_is_killed(self):
        self.armed()
        first = self.cli("status")["relay"]["pid"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: self.cli("status")["relay"]["pid"] != first, "another relay")
        wait_for(lambda: self.visit() == "hello from the node", "a visitor")

    def test_ends(self):
        agent = self.agent_pid()
        self.assertEqual(self.stop(), 0)
        wait_for(lambda: self.agent_pid() is None, "the agent's end")
        self.start("--keep-agent")
        self.assertNotEqual(self.agent_pid(), agent)
        kept = self.agent_pid()
        self.assertEqual(self.stop(), 0)
        self.assertEqual(self.agent_pid(), kept)
        self.start()
        self.assertEqual(self.agent_pid(), kept)
        self.assertEqual(self.stop(), 0)
        wait_for(lambda: self.agent_pid() is None, "the agent's end")

    def test_reload(self):
        self.armed()
        slow, pid = SlowVisitor(LAPTOP, self.public_port), self.daemon.pid
        self.edit("bandwidth", "fast")
        done = self.call("check-config")
        self.assertEqual(done.returncode, 2)
        self.assertIn("bandwidth: “fast” is not a bandwidth", done.stderr)
        self.assertIn("bandwidth", self.call("reload").stderr)
        self.daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "The configuration is not used" in self.log(), "the refusal")
        self.assertEqual(self.visit(), "hello from the node")
        self.edit("bandwidth", "9M")
        self.assertEqual(self.call("check-config").returncode, 0)
        self.cli("reload")
        self.assertTrue(self.notify.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC="))
        self.assertEqual(self.notify.recv(100), b"READY=1")
        self.assertEqual(self.daemon.pid, pid)
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        wait_for(lambda: self.visit() == "hello from the node", "a visitor")
        self.assertEqual(slow.finish(), "hello from the node")
        slow.close()
        self.daemon.send_signal(signal.SIGHUP)
        self.assertTrue(self.notify.recv(100).startswith(b"RELOADING=1"))
        self.assertEqual(self.notify.recv(100), b"READY=1")

    def test_backup_and_restore(self):
        """Another host becomes this ingress: the node comes back without joining again."""
        self.armed()
        backup = os.path.join(self.folder, "backup")
        self.cli("backup", backup)
        self.assertEqual(stat.S_IMODE(os.stat(backup).st_mode), 0o600)
        self.assertIn("exists already", self.call("backup", backup).stderr)
        self.assertIn("not empty", self.call("restore", backup).stderr)
        self.stop()
        before = self.state
        self.state = self.environment["FUNNEL_INGRESS_STATE"] = os.path.join(self.folder, "restored")
        for damage, text in ((b"", "no such file"), (b"nonsense" * 99, "not a backup")):
            with open(backup + ".bad", "wb") as file:
                file.write(damage)
            if not damage:
                os.unlink(backup + ".bad")
            self.assertIn(text, self.call("restore", backup + ".bad").stderr)
        self.cli("restore", backup)
        names = sorted(os.listdir(before))
        self.assertEqual(sorted(os.listdir(self.state)), [name for name in names if not name.startswith("ingress.db-")])
        for name in names:
            if not name.startswith("ingress.db"):
                with open(os.path.join(before, name), "rb") as one, open(os.path.join(self.state, name), "rb") as two:
                    self.assertEqual(one.read(), two.read())
        with open(os.path.join(self.state, "wireguard.key"), "rb") as key, open(os.path.join(self.state, "ingress.db"), "rb") as db:
            self.assertNotIn(key.read().strip(), db.read())
        self.assertEqual([stat.S_IMODE(os.stat(os.path.join(self.state, n)).st_mode) for n in os.listdir(self.state)], [0o600] * 5)
        self.start()
        link = self.link(self.answer, self.server.port)
        self.share(link, LAPTOP)
        wait_for(lambda: self.visit() == "hello from the node", "a visitor")

    def test_other_configuration(self):
        """Another address cannot be had beside the present one."""
        agent = self.agent_pid()
        self.configure(listen="127.0.0.1")
        self.assertNotEqual(self.agent_pid(), agent)
        self.assertEqual(visit("x", self.public_port), "TLSV1_UNRECOGNIZED_NAME")


ACTIVATE = """
import os, sys
fds = [int(word) for word in sys.argv[1].split(",")]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Apart(VisitorCase):
    """The relay in a unit of its own, which has its sockets from the service manager; the agent in another one. What
    holds for visitors holds here too."""
    test_share, test_control_is_killed = Visitors.test_share, Visitors.test_control_is_killed
    test_other_settings_drain, test_relay_is_killed = Visitors.test_other_settings_drain, Visitors.test_relay_is_killed

    def init(self, *extra):
        super().init(*extra)
        os.mkdir(self.run_dir, 0o750)
        path = os.path.join(self.run_dir, "relay.sock")
        clients = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clients.bind(path)
        clients.listen()
        self.sockets = [clients, socket.create_server(("127.0.0.1", self.public_port))]
        for one in self.sockets:
            self.addCleanup(one.close)
        self.children = {}
        self.start_agent()
        self.start_parent()

    def launch(self, label, *words, fds=()):
        environment = {key: value for key, value in self.environment.items() if key != "NOTIFY_SOCKET"}
        with open(self.log_path, "ab") as log:
            self.children[label] = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds)

    def start_agent(self):
        path = os.path.join(self.run_dir, "agent.sock")
        self.launch("agent", AGENT, "--engine", "none", "--socket", path)
        wait_for(self.agent_pid, "the agent")

    def start_parent(self):
        fds = [fcntl.fcntl(one, fcntl.F_DUPFD, 40) for one in self.sockets]
        self.launch("parent", sys.executable, "-c", ACTIVATE, ",".join(map(str, fds)), AGENT, "--activated", "--engine", "none", fds=fds)
        for fd in fds:
            os.close(fd)

    def kill(self, label):
        self.children[label].kill()
        self.children[label].wait()

    def end(self):
        super().end()
        for label in self.children:
            self.kill(label)

    def start(self, *arguments, inherited=None):
        super().start("--relay-socket", os.path.join(self.run_dir, "relay.sock"), *arguments, inherited=inherited)

    def test_parent_is_killed(self):
        """Its visitors go with it. The links do not, and who comes meanwhile waits."""
        link = self.armed()
        first = self.relay_status()["pid"]
        self.kill("parent")
        wait_for(lambda: "waiting for it to be back" in self.log(), "control to notice")
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", self.public_port), timeout=DEADLINE) as waiting:
            self.start_parent()
            with context.wrap_socket(waiting, server_hostname=LAPTOP) as tls:
                self.assertEqual(tls.recv(100).decode().strip(), "hello from the node")
        self.assertNotEqual(self.relay_status()["pid"], first)
        self.share(link, LAPTOP, epoch=2)  # it is the same link
        self.assertEqual(link.expect("probe", lambda message: message["epoch"] == 2)["outcome"], "ok")

    def test_agent_comes_back(self):
        """The tunnel's end cuts links; the relay is not disturbed."""
        link = self.armed()
        relay = self.relay_status()["pid"]
        slow = SlowVisitor(LAPTOP, self.public_port)
        self.kill("agent")
        link.expect_end()
        self.start_agent()

        def linked():
            with contextlib.suppress(OSError, Refused):
                return self.armed()
        wait_for(linked, "the link")
        self.assertEqual(slow.finish(), "hello from the node")
        slow.close()
        self.assertEqual(self.relay_status()["pid"], relay)

    def test_another_file_is_another_relay(self):
        """An upgrade: the next control process sees that the program is another one, and the relay it finds drains."""
        self.armed()
        slow = SlowVisitor(LAPTOP, self.public_port)
        first = self.relay_status()["pid"]
        self.configure(**{"max-per-source": 1024})
        self.assertEqual(self.relay_status()["pid"], first)
        program = os.path.join(self.folder, "upgraded")
        shutil.copy(self.relay_program(), program)
        self.environment["FUNNEL_RELAY_PROGRAM"] = program
        self.configure(**{"max-per-source": 1024})
        second = wait_for(lambda: (pid := self.relay_status()["pid"]) != first and pid, "another relay")
        os.unlink(program)
        shutil.copy(self.relay_program(), program)
        self.configure(**{"max-per-source": 1024})
        wait_for(lambda: self.relay_status()["pid"] not in (first, second), "a third relay")
        self.assertEqual(slow.finish(), "hello from the node")
        slow.close()

    def test_port_of_the_service_manager(self):
        """What it holds open and nobody wants is answered, and said."""
        self.configure(**{"public-ports": free_port()})
        warning = "listens at 127.0.0.1:%d, which is not what" % self.public_port
        wait_for(lambda: warning in self.log(), "the warning")
        self.assertEqual(self.visit("x"), "TLSV1_UNRECOGNIZED_NAME")
        with open(self.log_path, "w", encoding="ascii"):
            pass
        # An address is one too.
        self.configure(**{"public-ports": self.public_port})
        wait_for(lambda: warning in self.log(), "the warning")
        with open(self.log_path, "w", encoding="ascii"):
            pass
        self.configure(listen="127.0.0.1")
        self.assertNotIn(warning, self.log())

    def test_generator(self):
        """The socket unit that systemd is given has what ingress.conf says."""
        program, folder = os.path.join(BUILD, "ingress-server/admin/funnel-ingress-generator"), os.path.join(self.folder, "units")
        path = os.path.join(folder, "funnel-relay-public.socket")
        os.mkdir(folder)

        def made():
            done = subprocess.run([program, folder, folder, folder], env=self.environment, capture_output=True, text=True, timeout=DEADLINE)
            if not os.path.exists(path):
                return done.returncode, done.stderr
            with open(path, encoding="ascii") as file:
                text = file.read()
            os.unlink(path)
            return done.returncode, re.findall("^ListenStream=(.*)$", text, re.M)
        self.assertEqual(made(), (0, ""))  # there is no tunnel, and so are no units
        self.edit("tunnel", "wireguard")
        self.assertEqual(made(), (0, [str(self.public_port)]))
        self.edit("public-ports", "443,8443")
        self.edit("redirect-port", "80")
        self.assertEqual(made(), (0, ["443", "8443", "80"]))
        self.edit("listen", "192.0.2.7")
        self.assertEqual(made(), (0, ["192.0.2.7:443", "192.0.2.7:8443", "192.0.2.7:80"]))
        self.edit("listen", "2001:db8::7")
        self.assertEqual(made(), (0, ["[2001:db8::7]:443", "[2001:db8::7]:8443", "[2001:db8::7]:80"]))
        self.edit("public-ports", "many")
        code, text = made()
        self.assertEqual(code, 1)
        self.assertIn("funnel-ingress check-config", text)
        self.assertNotIn("many", text)
        os.unlink(os.path.join(self.state, "ingress.conf"))
        self.assertEqual(made(), (0, ""))
        os.mkfifo(os.path.join(self.state, "ingress.conf"))
        self.assertEqual(made(), (0, ""))
        self.assertEqual(subprocess.run([program], capture_output=True, timeout=DEADLINE).returncode, 2)

    def test_needs_its_units(self):
        """It does not start an agent of its own beside those of units."""
        self.assertEqual(self.stop(), 0)
        self.kill("agent")
        with self.assertRaisesRegex(AssertionError, "systemctl start funnel-netns-ingress"):
            self.start()
        self.daemon = None
        self.start_agent()
        os.unlink(os.path.join(self.run_dir, "relay.sock"))
        with self.assertRaisesRegex(AssertionError, "systemctl start funnel-relay.socket"):
            self.start()
        self.daemon = None


if __name__ == "__main__":
    unittest.main()
