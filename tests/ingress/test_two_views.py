# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server of the zone says now, and what the world's resolvers still say: probes and proofs see both."""

import os
import random
import socket

from ingress_case import IngressCase, OfferServer, ZONE
from name_server import NameServer

DOMAIN = "example.net"
BLOG = "blog." + DOMAIN


class TwoViews(IngressCase):
    def setUp(self):
        if not NameServer.available("knot"):
            self.skipTest("knot is not installed")
        # Servers of a zone are asked at port 53.
        self.host = "127.54.%d.%d" % (random.randrange(256), random.randrange(1, 255))
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((self.host, 53))
        except PermissionError:
            self.skipTest("port 53 is for root")
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.servers = {}
        self.addCleanup(lambda: [server.stop() for server in self.servers.values()])
        self.publish("resolver")
        self.publish("zone")
        self.init()
        self.start()
        self.configure(**{"custom-domains": "prove", "resolver": self.servers["resolver"].address})
        self.answer = self.join("laptop", "--grant")
        self.server = OfferServer(self.answer["address"], self.folder)
        self.addCleanup(self.server.close)

    def publish(self, which, *records):
        """These are the records of the domain as @which, the resolver or the zone's own server, has them."""
        folder = os.path.join(self.folder, which)
        os.makedirs(os.path.join(folder, "knot"), exist_ok=True)
        with open(os.path.join(folder, "knot", "zone"), "w", encoding="ascii") as file:
            file.write("$ORIGIN %s.\n$TTL 1\n@ SOA ns admin 1 3600 600 86400 1\n@ NS ns\nns A %s\n%s\n" % (DOMAIN, self.host, "\n".join(records)))
        old = self.servers.pop(which, None)
        if old:
            old.stop()
        where = {"port": 53, "host": self.host} if which == "zone" else {"port": old.port if old else None}
        self.servers[which] = NameServer("knot", folder, DOMAIN, **where)

    def shared(self):
        self.cli("grant", "laptop", "--name", BLOG)
        link = self.link(self.answer, self.server.port)
        self.share(link, BLOG)
        return link

    def probed(self, link, outcome, *words):
        """Waits for a result with exactly these @words in its detail, asking anew; no words: no detail."""
        epoch = self.epoch = getattr(self, "epoch", 1) + 1000
        self.share(link, BLOG, epoch)

        def check(message):
            nonlocal epoch
            detail = message.get("detail", "")
            if message["outcome"] == outcome and bool(words) == bool(detail) and all(word in detail for word in words):
                return True
            if message["epoch"] == epoch:
                epoch += 1
                self.share(link, BLOG, epoch)
            return False

        return link.expect("probe", check)

    def test_same(self):
        self.publish("resolver", "blog A 127.0.0.1")
        self.publish("zone", "blog A 127.0.0.1")
        link = self.shared()
        probe = self.probed(link, "ok")
        self.assertEqual((probe["leaf"], probe["addresses"]), (self.server.leaf, ["127.0.0.1"]))

    def test_moved(self):
        self.publish("resolver", "blog A 127.0.0.1")
        self.publish("zone", "blog A 192.0.2.9")
        link = self.shared()
        self.probed(link, "ok", "the resolver says 127.0.0.1", "ns.%s, a server of the zone, says: 192.0.2.9" % DOMAIN)
        self.assertIn("192.0.2.9", self.call("nodes").stdout)
        # An alias in the zone leads where the resolver follows it.
        self.publish("resolver", "blog A 127.0.0.1", "host A 127.0.0.1")
        self.publish("zone", "blog CNAME host", "host A 127.0.0.1")
        self.probed(link, "ok")

    def test_not_yet_known(self):
        self.publish("zone", "blog A 127.0.0.1")
        link = self.shared()
        self.probed(link, "dns", "does not resolve", "the resolver says no address", "says: 127.0.0.1")
        self.publish("resolver", "blog A 127.0.0.1")
        self.probed(link, "ok")

    def test_silence(self):
        """A server of the zone that is silent is no difference; a resolver that is, is an outage."""
        self.publish("resolver", "blog A 127.0.0.1")
        self.servers["zone"].stop()
        link = self.shared()
        self.probed(link, "ok")
        self.servers["resolver"].stop()
        self.probed(link, "dns", "does not answer")

    def test_proof_that_the_resolver_does_not_know(self):
        link = self.link(self.answer, self.server.port)
        self.publish("zone", "blog CNAME laptop.%s." % ZONE)
        link.send("claims", names=[BLOG])
        link.expect("claimed", lambda m: [c["state"] for c in m["claims"]] == ["held"])
