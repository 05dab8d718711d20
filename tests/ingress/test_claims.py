# SPDX-License-Identifier: GPL-3.0-or-later
"""Names outside the zone, proved in the DNS of real name servers."""

import hashlib
import json
import os
import signal
import subprocess

from ingress_case import BUILD, IngressCase, OfferServer, ZONE, join_body, new_key, post_join, visit, wait_for
from name_server import NameServer

DOMAIN = "example.net"
BLOG = "blog." + DOMAIN


class ClaimsCase(IngressCase):
    kind = "knot"

    def setUp(self):
        if not NameServer.available(self.kind):
            self.skipTest(self.kind + " is not installed")
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.names = None
        self.publish()
        self.addCleanup(lambda: self.names.stop())
        self.init()
        self.start()
        self.configure(**{"custom-domains": "prove", "resolver": self.names.address})
        self.laptop = self.enter("laptop")

    def publish(self, *records):
        """These, and nothing else, are the records of the domain."""
        port = self.names.port if self.names else None
        if self.names:
            self.names.stop()
        folder = os.path.join(self.folder, self.kind)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "zone"), "w", encoding="ascii") as file:
            file.write("$ORIGIN %s.\n$TTL 1\n@ SOA ns admin 1 3600 600 86400 1\n@ NS ns.elsewhere.test.\nns A 127.0.0.1\n%s\n" % (DOMAIN, "\n".join(records)))
        self.names = NameServer(self.kind, self.folder, DOMAIN, port)

    def enter(self, name, key=None, *options):
        """A node that has joined: its answer, with its key."""
        token = self.invite(name, *options)
        key = key or new_key()
        status, answer = post_join(token, join_body(token, key))
        self.assertEqual(status, 200, answer)
        return dict(answer, key=key)

    def connect(self, answer, port=40000):
        link = self.link(answer, port)
        self.assertIs(link.welcome.get("claims"), True)
        return link

    def asked(self, answer, *names, port=40000):
        link = self.connect(answer, port)
        link.send("claims", names=list(names or (BLOG,)))
        return link

    @staticmethod
    def told(link, state, text="", name=BLOG):
        """Waits until the node is told that @name is in @state, for a reason with @text in it."""
        def check(message):
            return any(c["name"] == name and c["state"] == state and text in c.get("reason", "") for c in message["claims"])

        return next(c for c in link.expect("claimed", check)["claims"] if c["name"] == name)

    @staticmethod
    def granted(link, name=BLOG, there=True):
        link.expect("grants", lambda m: (name in [g["name"] for g in m["grants"]]) == there)

    def listed(self, name=BLOG):
        return next((c for c in self.cli("claims")["claims"] if c["name"] == name), None)

    def again(self, link, *records):
        """Publishes @records, and the node asks at once whether that is enough."""
        self.publish(*records)
        link.send("claims", names=[BLOG])


class Claims(ClaimsCase):
    def test_cname(self):
        server = OfferServer(self.laptop["address"], self.folder)
        self.addCleanup(server.close)
        link = self.asked(self.laptop, port=server.port)
        refused = self.told(link, "refused", "no record of " + BLOG)
        self.assertEqual(refused["records"][0], "%s. 300 IN CNAME laptop.%s." % (BLOG, ZONE))
        self.assertIn("laptop", json.dumps(self.cli("claims")["asked"]))
        self.again(link, "blog CNAME way", "way CNAME laptop.%s." % ZONE)
        self.granted(link)
        self.told(link, "held")
        self.share(link, BLOG)
        link.expect("routed", lambda m: m["shares"])
        self.assertEqual(visit(BLOG, self.public_port), "hello from the node")
        self.assertEqual((self.listed()["state"], self.listed()["proof"], self.listed()["node"]), ("held", "cname", "laptop"))
        self.assertIn(BLOG, self.call("claims").stdout)
        # The next control process knows it, and asks for no new proof first.
        self.publish()
        self.stop(signal.SIGKILL)
        self.start()
        self.assertIn(BLOG, [g["name"] for g in self.connect(self.laptop).grants])

    def test_txt(self):
        link = self.asked(self.laptop)
        records = self.told(link, "refused")["records"]
        token = "funnel-node=" + hashlib.sha256(self.laptop["key"].encode()).hexdigest()
        self.assertEqual(records[1:], ["%s. 300 IN A 127.0.0.1" % BLOG, '_funnel.%s. 300 IN TXT "%s"' % (BLOG, token)])
        self.again(link, "blog A 127.0.0.1", "_funnel.blog TXT \"%s\"" % token.replace("=", "=0"))
        self.told(link, "refused", "another node's key")
        self.again(link, "blog A 192.0.2.9", "_funnel.blog TXT \"%s\"" % token)
        self.told(link, "refused", "leads to 192.0.2.9 and not to this ingress")
        # What it says is to be published proves it as it stands.
        self.again(link, *records[1:])
        self.granted(link)
        self.assertEqual(self.listed()["proof"], "txt")

    def test_names_below_and_international(self):
        """Each name is proved by itself; a wildcard record proves what it covers."""
        token = "funnel-node=" + hashlib.sha256(self.laptop["key"].encode()).hexdigest()
        books = "xn--bcher-kva." + DOMAIN
        names = ["one.apps." + DOMAIN, "two.apps." + DOMAIN, "a.shop." + DOMAIN, "a.b.shop." + DOMAIN, books]
        self.publish("*.apps CNAME laptop.%s." % ZONE, "xn--bcher-kva CNAME laptop.%s." % ZONE,
                     "*.shop A 127.0.0.1", '_funnel.shop TXT "%s below"' % token)
        self.asked(self.laptop, *names)
        wait_for(lambda: len(self.cli("claims")["claims"]) == 4, "four claims")
        self.assertEqual(sorted(c["name"] for c in self.cli("claims")["claims"]), sorted(set(names) - {"a.b.shop." + DOMAIN}))
        self.told(self.asked(self.laptop, *names), "refused", "no TXT record", "a.b.shop." + DOMAIN)

    def test_what_is_not_to_be_proved(self):
        own = "tower." + ZONE
        self.cli("grant", "laptop", "--name", "hand." + DOMAIN)
        link = self.asked(self.laptop, own, ZONE, "localhost", "hand." + DOMAIN)
        message = link.expect("claimed", lambda m: [c["state"] for c in m["claims"]] == ["refused"] * 3)
        reasons = {c["name"]: c["reason"] for c in message["claims"]}
        self.assertEqual(sorted(reasons), sorted([own, ZONE, "localhost"]))
        self.assertIn("ingress's own", reasons[own])
        self.assertIn("ingress's own", reasons[ZONE])
        self.assertIn("no domain", reasons["localhost"])
        self.assertEqual(self.cli("claims")["claims"], [])
        self.configure(**{"custom-domains": "off"})
        link = self.link(self.laptop, 40000)
        self.assertNotIn("claims", link.welcome)
        link.send("claims", names=[BLOG])
        self.told(link, "refused", "custom-domains=off")

    def test_exclusive(self):
        tower = self.enter("tower")
        self.publish("blog CNAME laptop.%s." % ZONE)
        self.told(self.asked(self.laptop), "held")
        link = self.asked(tower)
        self.told(link, "refused", "is a CNAME of laptop")
        self.again(link, "blog CNAME tower.%s." % ZONE)
        self.told(link, "refused", "another node of this ingress holds " + BLOG)
        self.assertEqual(self.listed()["node"], "laptop")

    def test_quarantine_and_takeover(self):
        tower = self.enter("tower")
        self.publish("blog CNAME laptop.%s." % ZONE)
        self.told(self.asked(self.laptop), "held")
        self.cli("remove", "laptop", "--yes")
        self.assertEqual(self.listed()["state"], "quarantine")
        self.assertIn("quarantine", self.call("claims").stdout)
        self.publish("blog CNAME tower.%s." % ZONE)
        link = self.asked(tower)
        self.told(link, "refused", "funnel-ingress release " + BLOG)
        # Who has the key gets it back, whatever it is called now.
        desk = self.enter("desk", self.laptop["key"])
        self.publish("blog CNAME desk.%s." % ZONE)
        self.told(self.asked(desk), "held")
        self.cli("remove", "desk", "--yes")
        self.publish("blog CNAME tower.%s." % ZONE)
        link = self.asked(tower)
        self.told(link, "refused", "kept from others")
        self.cli("release", BLOG)
        self.told(link, "held")
        self.assertEqual(self.listed()["node"], "tower")
        actions = [e["action"] for e in self.cli("audit")["entries"]]
        self.assertEqual([a for a in reversed(actions) if a in ("claim", "release", "remove")].count("claim"), 3)
        self.assertEqual(self.call("release", BLOG + ".no").returncode, 1)

    def test_new_key(self):
        """The same node with another key proves it anew."""
        self.publish("blog CNAME laptop.%s." % ZONE)
        self.told(self.asked(self.laptop), "held")
        again = self.enter("laptop", None, "--replace")
        link = self.connect(again)
        self.assertNotIn(BLOG, [g["name"] for g in link.grants])
        link.send("claims", names=[BLOG])
        self.granted(link)

    def test_revoked(self):
        self.publish("blog CNAME laptop.%s." % ZONE)
        link = self.asked(self.laptop)
        self.told(link, "held")
        self.cli("revoke", "laptop", "--name", BLOG)
        self.granted(link, there=False)
        self.told(link, "refused", "taken back")
        self.assertEqual(self.listed()["state"], "quarantine")

    def test_lost(self):
        self.configure(**{"claim-check": "1s", "claim-grace": "1h"})
        self.publish("blog CNAME laptop.%s." % ZONE)
        link = self.asked(self.laptop)
        self.told(link, "held")
        # No answer takes nothing away.
        self.names.stop()
        wait_for(lambda: "cannot be looked at" in self.log(), "a check without an answer")
        self.assertEqual(self.listed()["state"], "held")
        self.publish()
        link = self.asked(self.laptop)
        lost = self.told(link, "lost", "no record of " + BLOG)
        self.assertTrue(lost["records"])
        self.assertEqual(self.listed()["state"], "lost")
        self.publish("blog CNAME laptop.%s." % ZONE)
        self.told(link, "held")

    def test_lost_for_too_long(self):
        self.configure(**{"claim-check": "1s", "claim-grace": "1s"})
        self.publish("blog CNAME laptop.%s." % ZONE)
        link = self.asked(self.laptop)
        self.told(link, "held")
        self.publish()
        self.told(link, "lost")
        self.granted(link, there=False)
        self.assertEqual(self.listed()["state"], "quarantine")
        self.again(link, "blog CNAME laptop.%s." % ZONE)
        self.told(link, "held")

    def test_silence(self):
        self.names.stop()
        link = self.asked(self.laptop)
        self.told(link, "refused", "could not be asked")
        self.again(link, "blog CNAME laptop.%s." % ZONE)
        self.told(link, "held")

    def test_a_node_that_asks_without_end(self):
        """Questions are bounded however often a node changes its mind."""
        link = self.connect(self.laptop)
        for turn in range(12):
            link.send("claims", names=["n%d.%s" % (i + 64 * (turn % 2), DOMAIN) for i in range(64)])
        link.expect("claimed", lambda m: len(m["claims"]) == 64)
        self.assertLessEqual(len(self.cli("claims")["asked"]), 64)
        link.send("claims", names=["n%d.%s" % (i, DOMAIN) for i in range(65)])
        self.assertIn("names", json.dumps(link.expect_end()))


class ClaimsInBind(ClaimsCase):
    kind = "bind"
    test_cname = Claims.test_cname
    test_txt = Claims.test_txt


class ClaimsOfTheDaemon(ClaimsCase):
    """The node is funneld, and what its user reads is what has to be typed."""

    def setUp(self):
        super().setUp()
        home = os.path.join(self.folder, "node")
        os.makedirs(home, mode=0o700)
        bus = "unix:path=" + os.path.join(home, "bus")
        self.node_environment = dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home, FUNNEL_STATE_DIR=os.path.join(home, "state"),
                                     DBUS_SESSION_BUS_ADDRESS=bus, LC_ALL="C.UTF-8")
        self.run_beside(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + bus])
        wait_for(lambda: os.path.exists(os.path.join(home, "bus")), "the bus")
        self.run_beside([os.path.join(BUILD, "daemon/funneld")])
        wait_for(lambda: self.funnel("status", "--json").returncode == 0, "funneld")

    def run_beside(self, words):
        with open(os.path.join(self.folder, "node.log"), "ab") as log:
            process = subprocess.Popen(words, env=self.node_environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)

    def funnel(self, *words):
        return subprocess.run([os.path.join(BUILD, "cli/funnel"), *words], env=self.node_environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def share_state(self):
        return json.loads(self.funnel("status", "--json").stdout)["shares"][0]

    def test_from_the_command_line(self):
        done = self.funnel("join", self.invite("desk", "--grant").text)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.funnel("--bg", "--name=" + BLOG, "--tcp=%d" % self.public_port, "tcp://localhost:9")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)  # set up, not available yet
        self.assertIn("is not proved to be this node's", done.stdout + done.stderr)
        wait_for(lambda: "no record of " + BLOG in self.share_state()["reason"], "the refusal")
        share = self.share_state()
        self.assertEqual(share["state"], "name-refused")
        record = "%s. 300 IN CNAME desk.%s." % (BLOG, ZONE)
        self.assertIn(record, share["next_step"])
        self.assertIn(record, self.funnel("status").stdout)
        self.publish(record)
        # What is refused is looked at again ever more seldom: here at least once a minute.
        wait_for(lambda: self.share_state()["state"] not in ("name-refused", "waiting-grant"), "the proof", 100)
        self.assertEqual((self.listed()["state"], self.listed()["node"]), ("held", "desk"))
