# SPDX-License-Identifier: GPL-3.0-or-later
"""Two opt-ins, both off: the admin's grant and the user's share. And joining."""
import os
import time

import peers
from parties import Ingress, Node
from suite import test
from world import NOBODY, ZONE, Failure, until

LAPTOP, DESK = f"laptop.{ZONE}", f"desk.{ZONE}"


def refused(w, name=LAPTOP, port=443):
    """The alert a visitor meets, waited for: routes change within a second."""
    return peers.alert(w.ca, name, port)


@test(needed=True)
def ingress_starts(w):
    w.ca = peers.Authority(os.path.join(w.folder, "tls"))
    w.targets = peers.Targets()
    w.certificate = w.ca.issue(LAPTOP, NOBODY)
    w.targets.start("node", 3000, peers.echo)
    w.targets.start("node", 3443, peers.echo, tls=w.ca.server(*w.certificate))
    w.ingress = Ingress(w)
    w.ingress.start()


@test()
def unknown_name_gets_unrecognized_name(w):
    for name in (f"nobody.{ZONE}", LAPTOP):
        seen = refused(w, name)
        if seen != "TLSV1_UNRECOGNIZED_NAME":
            raise Failure(f"{name}: visitor saw {seen}")


@test(needed=True)
def node_starts_without_privilege(w):
    w.laptop = Node(w, "laptop", "node")
    w.laptop.start()
    with open(f"/proc/{w.laptop.daemon.pid}/status", encoding="utf-8") as f:
        fields = dict(line.strip("\n").split(":\t", 1) for line in f if ":\t" in line)
    if set(fields["Uid"].split()) != {str(NOBODY)} or int(fields["CapEff"], 16):
        raise Failure(f"funneld runs as {fields['Uid']} with {fields['CapEff']}")


@test()
def share_before_joining_says_what_to_type(w):
    said = w.laptop.cli("--bg", "--tcp=443", "tcp://localhost:3443", fails=True)
    if "funnel join" not in said:
        raise Failure(f"said: {said}")


@test(needed=True)
def joins_with_a_token(w):
    w.token = w.ingress.invite("laptop")
    w.laptop.join(w.token)


@test()
def used_token_is_refused_clearly(w):
    w.desk = Node(w, "desk", "desk", uid=0)
    w.desk.start()
    said = w.desk.cli("join", w.token, fails=True)
    if "used" not in said.lower():
        raise Failure(f"said: {said}")


@test()
def expired_token_is_refused_clearly(w):
    token = w.ingress.invite("desk", "--expires", "1s")
    over = time.monotonic() + 2.1  # whole seconds are kept
    until(lambda: time.monotonic() > over, 5, "the second is over")
    said = w.desk.cli("join", token, fails=True)
    if "expired" not in said.lower():
        raise Failure(f"said: {said}")


@test()
def mangled_and_unknown_tokens_are_refused_clearly(w):
    said = w.desk.cli("join", w.token[:-6], fails=True)
    if "token" not in said.lower():
        raise Failure(f"cut token: {said}")
    middle = len(w.token) // 2
    other = "A" if w.token[middle] != "A" else "B"
    said = w.desk.cli("join", w.token[:middle] + other + w.token[middle + 1:], fails=True)
    if "token" not in said.lower():
        raise Failure(f"changed token: {said}")


@test()
def nothing_is_shared_by_default(w):
    if w.laptop.shares():
        raise Failure(f"shares after joining: {w.laptop.shares()}")
    seen = refused(w)
    if seen != "TLSV1_UNRECOGNIZED_NAME":
        raise Failure(f"visitor saw {seen}")


@test(needed=True)
def not_granted_waits_and_says_what_to_type(w):
    w.laptop.cli("--bg", "--wait=1", "--tcp=443", "tcp://localhost:3443", fails=True)
    share = w.laptop.wait_state("waiting-grant")
    if "funnel-ingress grant laptop" not in share["next_step"]:
        raise Failure(f"next step: {share['next_step']!r}")
    seen = refused(w)
    if seen != "TLSV1_UNRECOGNIZED_NAME":
        raise Failure(f"visitor saw {seen}")


@test(needed=True)
def grant_makes_it_active_and_reachable(w):
    w.ingress.cli("grant", "laptop")
    w.laptop.wait_state("active")
    peers.works(w.ca, LAPTOP)


@test()
def grant_without_share_serves_nothing(w):
    w.desk.join(w.ingress.invite("desk", "--grant"))
    seen = refused(w, DESK)
    if seen != "TLSV1_UNRECOGNIZED_NAME":
        raise Failure(f"visitor saw {seen}")


@test()
def node_as_root_works_too(w):
    leaf, key = w.ca.issue(DESK, 0)
    w.targets.start("desk", 4000, peers.echo)
    w.desk.cli("--bg", "--tls-terminated-tcp=443", f"--cert-file={leaf}", f"--key-file={key}", "tcp://localhost:4000")
    w.desk.wait_state("active")
    peers.works(w.ca, DESK)


@test(needed=True)
def terminated_share_beside_pass_through(w):
    leaf, key = w.certificate
    w.laptop.cli("--bg", "--tls-terminated-tcp=8443", f"--cert-file={leaf}", f"--key-file={key}", "tcp://localhost:3000")
    w.laptop.wait_state("active", 8443)
    peers.works(w.ca, LAPTOP, 8443)


@test()
def foreground_share_ends_with_its_command(w):
    for how in ("terminate", "kill"):
        w.laptop.cli("tcp://localhost:3443", "off")
        command = w.laptop.foreground("--tcp=443", "tcp://localhost:3443")
        w.laptop.wait_state("active")
        getattr(command, how)()
        command.wait(5)
        until(lambda: w.laptop.share(443) is None, 5, f"share is gone after {how}")
        until(lambda: refused(w) == "TLSV1_UNRECOGNIZED_NAME", 5, "its route too")
        w.laptop.cli("--bg", "--tcp=443", "tcp://localhost:3443")
    w.laptop.wait_state("active")


@test()
def target_down_is_said_on_both_sides(w):
    w.targets.stop("node", 3000)
    try:
        until(lambda: refused(w, port=8443) == "TLSV1_ALERT_INTERNAL_ERROR", 5, "visitor gets internal_error")
        w.laptop.wait_state("target-down", 8443)
    finally:
        w.targets.start("node", 3000, peers.echo)
    w.laptop.wait_state("active", 8443, seconds=20)
    peers.works(w.ca, LAPTOP, 8443)


@test()
def status_is_readable_by_people(w):
    text = w.laptop.cli("status")
    if LAPTOP not in text:
        raise Failure(f"status says: {text}")
