# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the docs suite: an ingress, a laptop that has joined it, an authority, and servers to share."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "certs"))

from authorities import Api, Names, Pebble, needed
from parties import Ingress, Node
from suite import Skip, test

PORTS = (3000, 8080)  # of plain HTTP servers on the laptop


@test(needed=True, limit=60)
def a_laptop_has_joined(w):
    reason = needed()
    if reason:
        raise Skip(reason)
    w.api, w.names = Api(w), Names(w)
    w.ca = Pebble(w, "pebble", w.names, w.api, 14000, 90 * 24 * 3600)
    w.ca.start()
    w.ingress = Ingress(w)
    w.ingress.start()
    w.laptop = Node(w, "laptop", "node")
    w.laptop.start()
    w.laptop.cli("ca", w.ca.url, "--ca-file=" + w.api.file)
    w.laptop.join(w.ingress.invite("laptop", "--grant"))
    site = os.path.join(w.laptop.home, "site")
    os.makedirs(site)
    with open(os.path.join(site, "index.html"), "w", encoding="utf-8") as f:
        f.write("<!doctype html><title>site</title>It works.\n")
    os.chmod(w.laptop.home, 0o755)
    for port in PORTS:
        w.start(f"server-{port}", ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", site, str(port)], "node",
                uid=w.laptop.uid)
