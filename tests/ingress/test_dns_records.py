# SPDX-License-Identifier: GPL-3.0-or-later
"""Records come and go with shares, in the zones of real name servers."""

import signal
import subprocess
import os

from ingress_case import BUILD, IngressCase, OfferServer, ZONE, wait_for
from name_server import NameServer

LAPTOP, APP = "laptop." + ZONE, "app.laptop." + ZONE
TOOL = os.path.join(BUILD, "tests/unit/lib/dns/dns-tool")


class Records(IngressCase):
    kind = "knot"

    def setUp(self):
        if not NameServer.available(self.kind):
            self.skipTest(self.kind + " is not installed")
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.names = NameServer(self.kind, self.folder, ZONE)
        self.addCleanup(lambda: self.names.stop())
        self.init()
        self.start()
        self.configure(**{"dns-server": self.names.address, "dns-key-file": self.names.key,
                          "public-addresses": "127.0.0.1,::1"})
        self.answer = self.join("laptop", "--grant")
        self.server = OfferServer(self.answer["address"], self.folder)
        self.addCleanup(self.server.close)

    def records(self, name, kind="A"):
        done = subprocess.run([TOOL, "query", self.names.address, name, kind], capture_output=True, text=True, timeout=60, check=True)
        return [] if done.stdout.startswith("error not-found") else done.stdout.split()

    def armed(self, *names):
        link = self.link(self.answer, self.server.port)
        link.send("shares", shares=[{"name": name, "port": self.public_port, "epoch": 1} for name in names or (LAPTOP,)])
        return link

    def wait_published(self, name):
        wait_for(lambda: self.records(name) == ["127.0.0.1"] and self.records(name, "AAAA") == ["::1"], "the records of " + name)

    def wait_gone(self, name):
        wait_for(lambda: not self.records(name) and not self.records(name, "AAAA"), "the end of the records of " + name)

    def test_come_and_go(self):
        self.assertEqual(self.records(LAPTOP), [])
        link = self.armed(LAPTOP, APP)
        self.wait_published(LAPTOP)
        self.wait_published(APP)
        self.assertEqual(link.expect("probe", lambda m: m["name"] == LAPTOP and m["outcome"] == "ok")["leaf"], self.server.leaf)
        wait_for(lambda: self.cli("status")["dns"] == {"published": 2}, "two records in the status")
        link.send("shares", shares=[{"name": LAPTOP, "port": self.public_port, "epoch": 1}])
        self.wait_gone(APP)
        self.wait_published(LAPTOP)
        self.cli("revoke", "laptop")
        self.wait_gone(LAPTOP)
        # What others put into the zone is theirs.
        self.assertEqual(self.records("fixed." + ZONE), ["192.0.2.1"])
        # A domain of the node's own is not in the zone, and nobody's business here.
        self.cli("grant", "laptop", "--name", "shop.example.com")
        link.send("shares", shares=[{"name": "shop.example.com", "port": self.public_port, "epoch": 2}])
        link.expect("probe", lambda m: m["name"] == "shop.example.com")

    def test_crash(self):
        """What an earlier process published is known to the next one, and removed if nobody wants it."""
        self.armed(LAPTOP, APP)
        self.wait_published(APP)
        self.stop(signal.SIGKILL)
        os.kill(self.agent_pid(), signal.SIGKILL)
        self.assertEqual(self.records(LAPTOP), ["127.0.0.1"])
        self.start()
        self.armed(LAPTOP)
        self.wait_gone(APP)
        self.wait_published(LAPTOP)
        self.cli("remove", "laptop", "--yes")
        self.wait_gone(LAPTOP)

    def test_server_comes_and_goes(self):
        self.names.stop()
        link = self.armed()
        probe = link.expect("probe", lambda m: "does not answer" in m.get("detail", ""))
        self.assertEqual(probe["outcome"], "dns")
        self.assertIn("does not answer", self.call("status").stdout)
        self.names = NameServer(self.kind, self.folder, ZONE, self.names.port)
        link.expect("probe", lambda m: m["outcome"] == "ok")
        self.wait_published(LAPTOP)

    def test_wrong_key(self):
        wrong = os.path.join(self.folder, "wrong-key")
        with open(wrong, "w", encoding="ascii") as file:
            file.write("good:hmac-sha256:d3Jvbmcgc2VjcmV0IGhlcmU=\n")
        os.chmod(wrong, 0o600)
        self.configure(**{"dns-key-file": wrong})
        link = self.armed()
        probe = link.expect("probe", lambda m: "NOTAUTH" in m.get("detail", ""))
        self.assertIn("dns-key", probe["detail"])
        self.assertNotIn("d3Jvbmcg", self.log())
        self.assertEqual(self.records(LAPTOP), [])
        self.configure(**{"dns-key-file": self.names.key})
        self.armed()
        self.wait_published(LAPTOP)

    def test_bad_settings(self):
        for key, value, word in (("dns-server", "ns.example.org", "dns-server"), ("public-addresses", "", "public-addresses"),
                                 ("public-addresses", "192.0.2.300", "public-addresses"), ("dns-zone", "other.test", "dns-zone"),
                                 ("dns-key-file", "/no/such/key", "dns-key-file"), ("dns-ttl", "0", "dns-ttl")):
            with self.subTest(key=key, value=value):
                with self.assertRaises(AssertionError) as caught:
                    self.configure(**{key: value})
                self.assertIn(word, str(caught.exception))
                self.configure(**{key: {"dns-server": self.names.address, "public-addresses": "127.0.0.1", "dns-zone": "",
                                        "dns-key-file": self.names.key, "dns-ttl": 60}[key]})


class RecordsInBind(Records):
    kind = "bind"
