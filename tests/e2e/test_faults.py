# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of each process in turn while visitors come and go: what should survive survives, the rest is back by itself
within 5 s, no share is lost. And a node that changes its address."""
import contextlib
import threading
import time

import peers
from suite import Skip, test
from test_access import LAPTOP, DESK
from world import Failure, ip, kill, until

BACK = 5  # seconds


class Load:
    """Visitors who come one after the other, and one who stays, talking all the time."""

    def __init__(self, w, workers=4):
        self.w, self.over, self.failures, self.served = w, threading.Event(), [], 0
        self.stayed = None
        self.threads = [threading.Thread(target=self.come_and_go, daemon=True) for _ in range(workers)]
        self.threads.append(threading.Thread(target=self.stay, daemon=True))

    def come_and_go(self):
        while not self.over.is_set():
            try:
                peers.works(self.w.ca, LAPTOP, timeout=BACK)
                self.served += 1
            except Exception as error:  # noted for the test to judge
                self.failures.append(error)

    def stay(self):
        try:
            with peers.visit(self.w.ca, LAPTOP, 8443) as stream:
                self.stayed = True
                while not self.over.wait(0.01):
                    peers.talk(stream, b"z" * 10000)
        except Exception as error:
            self.stayed = error

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(lambda: self.served >= 4 and self.stayed, 10, "load: visitors are served")
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(15)


def listed(w):
    return sorted((s["name"], s["port"], s["target"]) for s in w.laptop.shares())


@contextlib.contextmanager
def loaded(w):
    """Load around a fault; afterwards every share must be there and active again, also for the sake of the next test."""
    before = listed(w)
    try:
        with Load(w) as load:
            yield load
    finally:
        until(lambda: listed(w) == before, 5, "all shares are listed as before")
        for port in (443, 8443):
            w.laptop.wait_state("active", port, seconds=30)


def back(w, killed, find, what):
    """Visitors are served and the process lives again, within the promised time of its death."""
    died = time.monotonic()
    kill(killed)
    until(lambda: find() not in (None, killed), BACK, f"{what} lives again")
    until(lambda: peers.works(w.ca, LAPTOP), max(0.1, died + BACK - time.monotonic()), f"visitors are served again after the death of {what}")


@test(limit=90)
def kill_control_and_no_visitor_notices(w):
    with loaded(w) as load:
        failed, served = len(load.failures), load.served
        back(w, w.ingress.daemon.pid, lambda: w.ingress.daemon.pid, "funnel-ingressd")
        until(lambda: load.served > served + 20, 10, "more visitors")
        until(lambda: w.ingress.json("status"), BACK, "the admin's tool answers")
        if load.failures[failed:] or load.stayed is not True:
            raise Failure(f"{len(load.failures) - failed} visitors failed, first {load.failures[failed:][:1]}; the one who stayed: {load.stayed}")
    until(w.laptop.linked, BACK, "the node is linked again")


@test(limit=90)
def kill_relay_and_the_listeners_stay(w):
    with loaded(w) as load:
        failed = len(load.failures)
        back(w, w.ingress.relay(), w.ingress.relay, "funnel-relay")
        refused = [f for f in load.failures[failed:] if isinstance(f, ConnectionRefusedError)]
        if refused:
            raise Failure(f"{len(refused)} visitors were refused a connection: the listeners were lost")


@test(limit=90)
def kill_the_engine_of_the_ingress(w):
    engine = w.ingress.engine()
    if engine is None:
        raise Skip("the kernel runs WireGuard here")
    with loaded(w):
        back(w, engine, w.ingress.engine, "the ingress's wireguard-go")


@test(limit=90)
def kill_the_agent_of_the_ingress(w):
    with loaded(w):
        back(w, w.ingress.agent(), w.ingress.agent, "the ingress's agent")
    until(w.laptop.linked, BACK, "the node is linked again")


@test(limit=90)
def kill_the_agent_of_the_node(w):
    with loaded(w):
        back(w, w.laptop.agent(), w.laptop.agent, "the node's agent")


@test(limit=90)
def kill_the_engine_of_the_node(w):
    engine = w.laptop.engine()
    if engine is None:
        raise Skip("the kernel runs WireGuard here")
    with loaded(w):
        back(w, engine, w.laptop.engine, "the node's wireguard-go")


@test(limit=90)
def kill_funneld(w):
    with loaded(w):
        back(w, w.laptop.daemon.pid, lambda: w.laptop.daemon.pid, "funneld")


@test(limit=60)
def a_dead_node_is_away_not_hanging(w):
    """A node that is gone gives its visitors internal_error, and no other node suffers."""
    w.desk.daemon.stop()
    until(lambda: peers.alert(w.ca, DESK) == "TLSV1_ALERT_INTERNAL_ERROR", 15, "visitors of a node that is away get internal_error")
    peers.works(w.ca, LAPTOP)
    w.desk.daemon = w.start("desk-funneld-again", [w.program("funneld")], "desk", env=w.desk.env)
    until(lambda: peers.works(w.ca, DESK), 10, "the node is back")


@test(limit=60)
def a_node_behind_a_dead_network_is_away(w):
    """Its tunnel is silent: no FIN, no RST. Visitors must still get an answer, and it comes back by itself."""
    ip("link", "set", "to-desk", "down", ns="nat")
    try:
        answers = set()

        def answered():
            seen = peers.alert(w.ca, DESK)
            answers.add(seen)
            return seen == "TLSV1_ALERT_INTERNAL_ERROR"
        until(answered, 40, f"visitors get internal_error (saw {answers})")
    finally:
        ip("link", "set", "to-desk", "up", ns="nat")
    until(lambda: peers.works(w.ca, DESK), BACK, "served within 5 s of the network being back")


@test(limit=60)
def the_node_changes_its_address(w):
    """Another address behind the NAT: a laptop that went to another network."""
    ip("addr", "flush", "dev", "eth0", ns="node")
    ip("addr", "add", "192.168.77.9/24", "dev", "eth0", ns="node")
    ip("route", "replace", "default", "via", "192.168.77.1", ns="node")
    until(lambda: peers.works(w.ca, LAPTOP), BACK, "served again after the node's own address changed")
    ip("addr", "flush", "dev", "eth0", ns="node")
    ip("addr", "add", "192.168.77.2/24", "dev", "eth0", ns="node")
    ip("route", "replace", "default", "via", "192.168.77.1", ns="node")
    until(lambda: peers.works(w.ca, LAPTOP), BACK, "and once more")


@test(limit=60)
def the_nat_changes_its_address(w):
    """Another public address: the provider's nightly cut."""
    ip("addr", "add", "203.0.113.21/24", "dev", "wan", ns="nat")
    ip("addr", "del", "203.0.113.20/24", "dev", "wan", ns="nat")
    ip("addr", "replace", "203.0.113.21/24", "dev", "wan", ns="nat")
    until(lambda: peers.works(w.ca, LAPTOP), BACK, "served again from the new public address")
    until(w.laptop.linked, BACK, "linked")


@test(limit=60)
def the_path_is_cut_for_a_while(w):
    ip("link", "set", "to-node", "down", ns="nat")
    try:
        until(lambda: w.laptop.share(443)["state"] in ("link-down", "tunnel-down"), 30, "the share says that the path is gone")
    finally:
        ip("link", "set", "to-node", "up", ns="nat")
    until(lambda: peers.works(w.ca, LAPTOP), BACK, "served within 5 s of the path being back")
    w.laptop.wait_state("active", seconds=20)


@test(limit=60)
def the_path_becomes_narrow(w):
    """What the tunnel carries follows what the path does, while visitors are served."""
    def carry(outer, inner):
        for name, device in (("node", "eth0"), ("nat", "to-node")):
            ip("link", "set", device, "mtu", str(outer), ns=name)
        until(lambda: w.laptop.ingress()["tunnel"]["mtu"] == inner, 20, f"the tunnel's MTU is {inner} on a path of {outer}")
        until(lambda: peers.works(w.ca, LAPTOP), BACK, f"served on a path of {outer}")
    carry(1300, 1240)
    carry(1500, 1420)
