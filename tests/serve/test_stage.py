# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the serve suite: an ingress, and a node that has joined it and may use its name."""
import os

import peers
from parties import Ingress, Node
from suite import test
from world import NOBODY, ZONE

LAPTOP = f"laptop.{ZONE}"


@test(needed=True)
def node_is_joined_and_granted(w):
    w.ca = peers.Authority(os.path.join(w.folder, "tls"))
    w.targets = peers.Targets()
    w.certificate = w.ca.issue(LAPTOP, NOBODY)
    w.ingress = Ingress(w)
    w.ingress.start()
    w.laptop = Node(w, "laptop", "node")
    w.laptop.start()
    w.laptop.join(w.ingress.invite("laptop", "--grant"))
