# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the certs suite: an ingress, a node that has joined it and may use its name, and authorities."""
import peers
from authorities import Api, Broken, Names, Pebble, needed
from parties import Ingress, Node
from suite import Skip, test
from world import ZONE

LAPTOP, DESK = f"laptop.{ZONE}", f"desk.{ZONE}"
DAY = 24 * 3600


@test(needed=True, limit=60)
def node_is_joined_and_authorities_answer(w):
    reason = needed()
    if reason:
        raise Skip(reason)
    w.api, w.names = Api(w), Names(w)
    w.pebble = Pebble(w, "pebble", w.names, w.api, 14000, 90 * DAY)
    w.short = Pebble(w, "short", w.names, w.api, 14100, 18)
    for authority in (w.pebble, w.short):
        authority.start()
    w.broken = Broken(w, w.api)
    w.ca = w.pebble  # whom visitors trust, unless a test says otherwise
    w.targets = peers.Targets()
    w.targets.start("node", 3000, peers.echo)
    w.targets.start("desk", 3000, peers.echo)
    w.ingress = Ingress(w)
    w.ingress.start()
    w.laptop = Node(w, "laptop", "node")
    w.laptop.start()
    w.laptop.cli("ca", w.pebble.url, "--ca-file=" + w.api.file)
    w.laptop.join(w.ingress.invite("laptop", "--grant"))
