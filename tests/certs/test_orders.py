# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the node's own: the first one, renewals nobody notices, and everything that can go wrong on the way."""
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading

import peers
from authorities import ADDRESS, openssl_verifies
from parties import Node
from suite import Skip, test
from test_stage import DESK, LAPTOP
from world import ZONE, Failure, kill, netns, until

SECOND = f"second.{ZONE}"


def certificate(node, port=443, name=None):
    share = node.share(port, name)
    return share["certificate"] if share else {}


def serial(node, name=None):
    return certificate(node, name=name).get("serial")


def order_from(node, authority, url=None):
    node.cli("ca", url or authority.url, "--ca-file=" + node.world.api.file)


def state_of(node, name):
    share = node.share(443, name)
    return share["state"] if share else None


def wait_for(node, name, state, seconds=15):
    def reached():
        share = node.share(443, name)
        if not share or share["state"] != state:
            raise Failure(f"{name} is {share and (share['state'], share['reason'])}")
        return share
    return until(reached, seconds, f"{name} is {state}")


def challenge(name):
    """What an authority that was not asked would meet: the ALPN chosen, or the alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    with peers.connect() as sock:
        try:
            with context.wrap_socket(sock, server_hostname=name) as stream:
                return stream.selected_alpn_protocol()
        except ssl.SSLError as error:
            return error.reason


@test(limit=60)
def first_certificate(w):
    """Nothing configured but the authority; seen as the user sees it, state by state."""
    share = subprocess.Popen(w.laptop.command("--json", "--tls-terminated-tcp=443", "tcp://localhost:3000"), env=w.laptop.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    states, steps = [], set()
    watchdog = threading.Timer(40, share.kill)
    watchdog.start()
    for line in share.stdout:
        now = json.loads(line)["share"]
        steps.add(now["certificate_step"])
        if not states or states[-1] != now["state"]:
            states.append(now["state"])
        if now["state"] == "active":
            break
    watchdog.cancel()
    share.send_signal(signal.SIGINT)
    _, said = share.communicate(timeout=10)
    if states[-1] != "active" or "certificate-pending" not in states or states.index("certificate-pending") > states.index("active"):
        raise Failure(f"went through {states}; {said}")
    if len(steps - {""}) < 3:
        raise Failure(f"only these steps were told: {steps}")
    if LAPTOP not in said or "transparency" not in said:
        raise Failure(f"the user was told: {said!r}")


@test(limit=30)
def kept_certificate_is_used_at_once(w):
    """Shared again, nothing is ordered, and the user is not told twice."""
    said = subprocess.run(w.laptop.command("--bg", "--tls-terminated-tcp=443", "tcp://localhost:3000"), env=w.laptop.environment(),
                          capture_output=True, text=True, timeout=30, cwd="/")
    if said.returncode or "transparency" in said.stderr:
        raise Failure(f"{said.returncode}: {said.stdout}{said.stderr}")
    w.laptop.wait_state("active")
    peers.works(w.ca, LAPTOP)
    found = certificate(w.laptop)
    if found["ca"] != w.pebble.url or "Pebble" not in found["issuer"] or not found["not_before"] < found["renew_at"] < found["not_after"]:
        raise Failure(f"told as {found}")
    text = w.laptop.cli("status")
    if "Pebble" not in text or "until" not in text:
        raise Failure(text)


@test()
def files_are_private_and_complete(w):
    folder = os.path.join(w.laptop.state, "certificates", LAPTOP)
    key, chain = os.path.join(folder, "privkey.pem"), os.path.join(folder, "fullchain.pem")
    if os.stat(key).st_mode & 0o777 != 0o600 or os.stat(os.path.dirname(folder)).st_mode & 0o777 != 0o700:
        raise Failure(f"{oct(os.stat(key).st_mode)}, {oct(os.stat(os.path.dirname(folder)).st_mode)}")
    openssl_verifies(w.pebble.roots, chain)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)


@test()
def nobody_can_ask_unasked(w):
    met = challenge(LAPTOP)
    if met is None or "ACCESS_DENIED" not in met:
        raise Failure(f"met {met}")
    peers.works(w.ca, LAPTOP)


@test(limit=60)
def renewal_drops_nobody(w):
    """Another authority: the certificate is replaced while a visitor is connected and others keep coming."""
    before = serial(w.laptop)
    with peers.visit(w.ca, LAPTOP) as stream:
        peers.talk(stream)
        order_from(w.laptop, w.short)

        def renewed():
            peers.talk(stream)
            return serial(w.laptop) not in (before, None) and state_of(w.laptop, LAPTOP) == "active"
        until(renewed, 20, "the certificate is another one")
        peers.talk(stream, b"x" * 100000)
    peers.works(w.short, LAPTOP)


@test(limit=60)
def short_lives_are_renewed_unseen(w):
    """Certificates of 18 seconds: over two renewals every visitor finds a valid one, and an old connection lasts."""
    seen = [serial(w.laptop)]
    with peers.visit(w.short, LAPTOP) as stream:
        def third():
            peers.works(w.short, LAPTOP)
            peers.talk(stream)
            now = serial(w.laptop)
            if now and now not in seen:
                seen.append(now)
            return len(seen) >= 3
        until(third, 50, "two renewals")
    folder = os.path.join(w.laptop.state, "certificates", ".versions")
    if len(os.listdir(folder)) != 1:
        raise Failure(f"kept: {os.listdir(folder)}")


@test(limit=60)
def forgotten_account_is_made_anew(w):
    w.pebble.restart()
    before = serial(w.laptop)
    order_from(w.laptop, w.pebble)
    until(lambda: serial(w.laptop) not in (before, None), 20, "a certificate of the restarted authority")
    w.laptop.wait_state("active")
    peers.works(w.pebble, LAPTOP)


@test(limit=60)
def authority_down_disturbs_nobody(w):
    """What is there is served on; the trouble, the remedy and the time of the next attempt are told."""
    order_from(w.laptop, None, f"https://{ADDRESS}:1/dir")
    told = until(lambda: (c := certificate(w.laptop)).get("problem") and c.get("retry_at") and c, 15, "the problem is told")
    if ADDRESS not in told["problem"] or state_of(w.laptop, LAPTOP) != "active":
        raise Failure(f"{told}, {state_of(w.laptop, LAPTOP)}")
    peers.works(w.pebble, LAPTOP)
    if "PROBLEM" not in w.laptop.cli("status"):
        raise Failure(w.laptop.cli("status"))
    order_from(w.laptop, w.pebble)
    until(lambda: "problem" not in certificate(w.laptop), 15, "the problem is gone")


FAULTS = {  # fault of the misbehaving authority: words the reason must have
    "limited@order": "tried again at", "html": "log-in page", "busy@order": "tried again at", "order-invalid": SECOND, "refused": SECOND,
    "caa": "CAA", "not-json": "tried again at", "close@order": "tried again at", "wrong-key": "certificate", "clock": "clock",
}


@test(limit=90)
def misbehaving_authorities_are_told_apart(w):
    """A second name: each fault ends in certificate-failed with its reason; the first name works on all the while."""
    w.ingress.cli("grant", "laptop", "--name", SECOND)
    w.laptop.cli("ca", w.broken.url("busy"), "--ca-file=" + w.api.file)
    w.laptop.cli("--bg", "--wait=0", "--name", SECOND, "--tls-terminated-tcp=443", "tcp://localhost:3000", fails=None)
    for fault, word in FAULTS.items():
        order_from(w.laptop, None, w.broken.url(fault))

        def told():
            share = w.laptop.share(443, SECOND)
            if share["state"] != "certificate-failed" or word.lower() not in share["reason"].lower():
                raise Failure(f"{fault}: {share['state']}: {share['reason']}")
            return w.broken.seen(fault)
        until(told, 20, f"{fault}: certificate-failed with a reason that has {word!r}")
        peers.works(w.pebble, LAPTOP)
    order_from(w.laptop, w.pebble)
    wait_for(w.laptop, SECOND, "active")
    peers.works(w.pebble, SECOND)


@test(limit=60)
def next_authority_takes_over(w):
    """One that refuses is passed over at once."""
    before = serial(w.laptop)
    order_from(w.laptop, None, w.broken.url("caa"))
    w.laptop.cli("ca", "--add", w.short.url, "--ca-file=" + w.api.file)
    until(lambda: certificate(w.laptop).get("ca") == w.short.url and serial(w.laptop) != before, 20, "a certificate of the second authority")
    order_from(w.laptop, w.pebble)
    until(lambda: certificate(w.laptop).get("ca") == w.pebble.url, 20, "back to the first")


@test(limit=60)
def link_lost_in_the_middle_of_an_order(w):
    """The order is given up with the link, and begun anew by itself when it is back."""
    third = f"third.{ZONE}"
    w.ingress.cli("grant", "laptop", "--name", third)
    order_from(w.laptop, None, w.broken.url("pending"))
    w.laptop.cli("--bg", "--wait=0", "--name", third, "--tls-terminated-tcp=443", "tcp://localhost:3000", fails=None)
    until(lambda: w.broken.seen("pending").get("challenge", 0) >= 1, 15, "the order waits for the authority")
    orders = w.broken.seen("pending")["order"]
    os.kill(w.ingress.daemon.pid, signal.SIGSTOP)
    try:
        share = wait_for(w.laptop, third, "link-down")
        if not share["reason"]:
            raise Failure(f"{share}")
    finally:
        os.kill(w.ingress.daemon.pid, signal.SIGCONT)
    until(lambda: w.broken.seen("pending")["order"] > orders, 20, "a new order")
    order_from(w.laptop, w.pebble)
    wait_for(w.laptop, third, "active")
    peers.works(w.pebble, third)
    w.laptop.cli("--name", third, "--yes", "off")


@test(limit=60)
def killed_in_the_middle_of_an_order(w):
    before = serial(w.laptop)
    order_from(w.laptop, w.short)
    kill(w.laptop.daemon.pid)
    until(lambda: w.laptop.status() is not None and serial(w.laptop) not in (before, None), 20, "the order was begun anew")
    order_from(w.laptop, w.pebble)
    until(lambda: certificate(w.laptop).get("ca") == w.pebble.url and state_of(w.laptop, LAPTOP) == "active", 20, "back")
    peers.works(w.pebble, LAPTOP)


@test(limit=60)
def two_nodes_at_once(w):
    """Each gets its own; a name of the other's is not even ordered."""
    w.desk = Node(w, "desk", "desk", uid=0)
    w.desk.start()
    order_from(w.desk, w.pebble)
    w.desk.join(w.ingress.invite("desk", "--grant"))
    before = serial(w.laptop)
    order_from(w.laptop, w.short)
    w.desk.cli("--bg", "--wait=0", "--tls-terminated-tcp=443", "tcp://localhost:3000", fails=None)
    wait_for(w.desk, DESK, "active")
    peers.works(w.pebble, DESK)
    until(lambda: serial(w.laptop) not in (before, None), 20, "the other node's order is done")
    w.desk.cli("--bg", "--wait=0", "--name", LAPTOP, "--tls-terminated-tcp=443", "tcp://localhost:3000", fails=None)
    wait_for(w.desk, LAPTOP, "waiting-grant")
    if os.path.exists(os.path.join(w.desk.state, "certificates", LAPTOP)):
        raise Failure("a certificate for somebody else's name")
    w.desk.cli("--name", LAPTOP, "--yes", "off")


@test(limit=90)
def expired_at_start_is_never_served(w):
    """The daemon was away until its certificate ended, and the authority is away as well."""
    until(lambda: certificate(w.laptop).get("ca") == w.short.url, 20, "a short-lived certificate")
    end = certificate(w.laptop)["not_after"]
    w.laptop.daemon.stop()
    w.short.stop()
    until(lambda: subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout > str(end), 30, "the certificate has ended")
    w.laptop.restart()
    until(w.laptop.linked, 15, "linked")
    share = wait_for(w.laptop, LAPTOP, "certificate-failed")
    met = peers.alert(w.short, LAPTOP)
    if met is None or "CERTIFICATE_VERIFY" in met:
        raise Failure(f"visitors were served: {met}")
    if "tried again at" not in share["reason"]:
        raise Failure(share["reason"])
    w.short.start()
    order_from(w.laptop, w.pebble)
    wait_for(w.laptop, LAPTOP, "active")
    peers.works(w.pebble, LAPTOP)


@test(limit=60)
def opened_store_is_not_used(w):
    """A key that others could read is neither used nor thrown away; the message says what to type."""
    w.laptop.daemon.stop()
    key = os.path.join(w.laptop.state, "certificates", LAPTOP, "privkey.pem")
    with open(key, "rb") as f:
        before = f.read()
    os.chmod(key, 0o644)
    w.laptop.restart()
    share = until(lambda: (s := w.laptop.share(443, LAPTOP)) and "chmod" in s["reason"] and s, 15, "the remedy is told")
    if key.rsplit("/", 2)[0] not in share["reason"] or peers.alert(w.ca, LAPTOP) is None:
        raise Failure(share["reason"])
    with open(key, "rb") as f:
        if f.read() != before:
            raise Failure("the key was replaced")
    os.chmod(key, 0o600)
    w.laptop.daemon.stop()
    w.laptop.restart()
    wait_for(w.laptop, LAPTOP, "active")


class Responder:
    """uacme and its ualpn: somebody else's client and TLS-ALPN responder, behind a share that is passed through."""

    def __init__(self, w, port, backend):
        self.w, self.folder = w, os.path.join(w.folder, "uacme")
        os.makedirs(self.folder)
        self.socket = os.path.join(self.folder, "ualpn.sock")
        self.hook = w.file("uacme-hook", '#!/bin/sh\n[ "$2" = tls-alpn-01 ] || exit 1\ncase $1 in begin) word="auth $3 $5" ;; *) word="unauth $3" ;; esac\n'
                           f'[ "$(echo "$word" | ualpn -s {self.socket})" = OK ]\n', 0o755)
        self.process = w.start("ualpn", ["ualpn", "-b", f"127.0.0.1@{port}", "-c", f"127.0.0.1@{backend}", "-P", "0", "-n", "1", "-s", self.socket,
                                         "-p", os.path.join(self.folder, "pid"), "-u", "root:root"], "node", restart=False)
        until(lambda: os.path.exists(self.socket), 10, "ualpn's socket")

    def uacme(self, *words):
        """uacme has no option for what to trust: its file is ours in this mount namespace."""
        return subprocess.run(["nsenter", f"--net={netns('node')}", "--", "uacme", "-v", "-c", self.folder, "-a", self.w.pebble.url, "-y", "-t", "EC",
                               *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@test(limit=90)
def local_server_orders_for_itself(w):
    """Passed through, the local server's own client gets its certificate through the same path: nothing is intercepted."""
    if not shutil.which("uacme") or not shutil.which("ualpn"):
        raise Skip("uacme is not installed")
    subprocess.run(["mount", "--bind", w.api.file, "/etc/ssl/certs/ca-certificates.crt"], check=True, timeout=10)
    away = f"away.{ZONE}"
    w.ingress.cli("grant", "laptop", "--name", away)
    responder = Responder(w, 3444, 3445)
    w.laptop.cli("--bg", "--wait=0", "--name", away, "--tcp=443", "tcp://localhost:3444", fails=None)
    done = responder.uacme("new")
    if done.returncode:
        raise Failure(done.stderr)
    done = responder.uacme("-h", responder.hook, "issue", away)
    if done.returncode:
        raise Failure(done.stderr)
    chain, key = os.path.join(responder.folder, away, "cert.pem"), os.path.join(responder.folder, "private", away, "key.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, key)
    w.targets.start("node", 3445, peers.echo, tls=tls)
    until(lambda: peers.works(w.pebble, away), 10, "visitors see the local server's certificate")

    # And the node does not order what could not be proved: the question would go to the local server.
    w.ingress.cli("grant", "laptop", "--name", away, "--port", "443", "--port", "8443")
    w.laptop.cli("--bg", "--wait=0", "--name", away, "--tls-terminated-tcp=8443", "tcp://localhost:3000", fails=None)

    def refused():
        share = w.laptop.share(8443, away)
        return share and share["state"] == "certificate-pending" and "never intercepts" in share["reason"]
    until(refused, 10, "the reason is told")
    w.laptop.cli("--name", away, "--tls-terminated-tcp=8443", "--yes", "off")
    w.laptop.cli("--name", away, "--yes", "off")


@test(limit=60)
def share_elsewhere_is_proved_at_443(w):
    """Shared on 8443 only: the authority comes to 443 all the same, for the time of the order."""
    fourth = f"fourth.{ZONE}"
    w.ingress.cli("grant", "laptop", "--name", fourth, "--port", "8443")
    w.laptop.cli("--bg", "--wait=0", "--name", fourth, "--tls-terminated-tcp=8443", "tcp://localhost:3000", fails=None)
    until(lambda: (s := w.laptop.share(8443, fourth)) and "--port 443" in s["next_step"], 10, "what is missing is told")
    w.ingress.cli("grant", "laptop", "--name", fourth, "--port", "443", "--port", "8443")

    def active():
        share = w.laptop.share(8443, fourth)
        if share["state"] != "active":
            raise Failure(f"{share['state']}: {share['reason']}")
        return True
    until(active, 20, "active on 8443")
    with peers.visit(w.pebble, fourth, 8443) as stream:
        peers.talk(stream)
    if peers.alert(w.pebble, fourth) != "TLSV1_UNRECOGNIZED_NAME":
        raise Failure(f"443 is still there: {peers.alert(w.pebble, fourth)}")
    w.laptop.cli("--name", fourth, "--yes", "off")


@test(limit=60)
def leaving_revokes(w):
    number = serial(w.desk, DESK)
    if w.pebble.status(number) != "Valid":
        raise Failure(w.pebble.status(number))
    said = w.desk.cli("leave", "--revoke", "--yes")
    if "Revoked 1" not in said or w.pebble.status(number) != "Revoked":
        raise Failure(f"{said}: {w.pebble.status(number)}")
    if os.path.exists(os.path.join(w.desk.state, "certificates", DESK)):
        raise Failure("the revoked certificate is still there")
