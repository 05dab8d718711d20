# SPDX-License-Identifier: GPL-3.0-or-later
"""Both doctors on the whole path: a blocked UDP port and a forgotten key are told apart."""
import json

from parties import Node
from suite import test
from test_access import LAPTOP
from world import Failure, kill, netns, run, until

WHOLE = f"{LAPTOP}:443"


def examined(text):
    """(step, subject) → step"""
    return {(step["step"], step["subject"]): step for step in json.loads(text)["steps"]}


def doctor(node):
    return examined(node.cli("doctor", "--json", fails=None))


def expect(steps, step, subject, result, text=""):
    found = steps.get((step, subject))
    if not found or found["result"] != result or text not in found["text"]:
        raise Failure(f"{step} {subject}: {found}")


@test()
def the_doctor_finds_nothing(w):
    steps = doctor(w.laptop)
    expect(steps, "clock", "", "ok", "agrees")
    for step in ("configuration", "daemon", "join", "udp", "handshake", "link"):
        expect(steps, step, "", "ok")
    for step in ("grant", "target", "round-trip"):
        expect(steps, step, WHOLE, "ok")
    expect(steps, "certificate", WHOLE, "skipped", "passed through")
    # There is no DNS on this stage, but the name was seen to work.
    expect(steps, "dns", LAPTOP, "warning")


@test()
def the_doctor_of_the_ingress(w):
    steps = examined(w.ingress.cli("doctor", "--json", fails=None))
    for step in ("configuration", "state", "certificate", "daemon", "tunnel", "relay"):
        expect(steps, step, "", "ok")
    expect(steps, "udp", "", "ok", "shook hands")
    expect(steps, "port", "TCP 203.0.113.1:443", "ok")
    expect(steps, "node", "laptop", "ok", "linked, handshake")
    expect(steps, "share", WHOLE, "ok", "seen from outside")


@test(limit=60)
def the_doctor_tells_blocked_udp(w):
    nft = ["nsenter", f"--net={netns('nat')}", "--", "nft"]
    run(*nft, "add table ip cut; add chain ip cut forward { type filter hook forward priority 0; }; "
        "add rule ip cut forward ip saddr 192.168.78.2 udp dport 51820 drop")
    try:
        before = w.desk.daemon.pid
        kill(before)
        until(lambda: w.desk.daemon.pid != before and w.desk.status(), 10, "the desk's funneld is back")
        steps = until(lambda: (found := doctor(w.desk))["tunnel", ""]["result"] == "ok" and found, 20, "its tunnel is up")
        expect(steps, "udp", "", "failed", "is blocked: the ingress answers over TCP and knows this node's key")
        expect(steps, "link", "", "skipped", "because udp failed")
    finally:
        run(*nft, "delete table ip cut")
    w.desk.wait_state("active", seconds=30)


@test(limit=60)
def the_doctor_tells_a_forgotten_key(w):
    guest = Node(w, "guest", "desk", uid=0)
    guest.start()
    guest.join(w.ingress.invite("guest"))
    until(guest.linked, 20, "the guest is linked")
    w.ingress.cli("remove", "guest", "--yes")
    until(lambda: not guest.linked(), 20, "the guest lost its link")
    guest.daemon.stop()
    guest.restart()
    steps = until(lambda: (found := doctor(guest)).get(("udp", ""), {}).get("result") == "failed" and found, 20, "the doctor misses UDP")
    expect(steps, "udp", "", "failed", "wrong key: the ingress answers, but it does not know this node's")
    guest.daemon.stop()
