# SPDX-License-Identifier: GPL-3.0-or-later
"""Another ingress, which has nothing but an IPv6 address outside: joining, the tunnel, visitors and their rules."""
import asyncio
import contextlib
import json
import os
import subprocess

from parties import Ingress, Node
from suite import test
from test_access import LAPTOP
from world import NOBODY, ZONE, Failure, ip, netns, run

INGRESS6, NAT6, GUEST, STRANGER = "2001:db8::2", "2001:db8::20", "2001:db8::10", "2001:db8::11"
NODE6, ROUTER6 = "2001:db8:77::2", "2001:db8:77::1"


def address(ns, device, host):
    """A global address, and a link-local one with the same end; both usable at once."""
    for one in (host, "fe80::" + host.rpartition(":")[2]):
        ip("addr", "add", one + "/64", "dev", device, "nodad", ns=ns)


def curl(w, *options):
    return subprocess.run(["nsenter", f"--net={netns('visitor')}", "--", "curl", "-sS", "--max-time", "20", "--cacert", w.ca.file, *options],
                          capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


@test(limit=60)
def a_node_joins_over_ipv6(w):
    for process in w.processes:  # of the tests before
        if process.label.endswith(("funneld", "ingressd")):
            process.stop()
    ip("addr", "flush", "dev", "wan", "scope", "global", ns="ingress")
    for ns, device, host in (("ingress", "wan", INGRESS6), ("nat", "wan", NAT6), ("visitor", "wan", GUEST), ("visitor", "wan", STRANGER),
                             ("nat", "to-node", ROUTER6), ("node", "eth0", NODE6)):
        address(ns, device, host)
    run("nsenter", f"--net={netns('nat')}", "--", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    ip("route", "add", "default", "via", ROUTER6, ns="node")
    ip("route", "add", "2001:db8:77::/64", "via", NAT6, ns="ingress")
    with open(os.path.join(w.folder, "etc-hosts"), "w", encoding="utf-8") as f:
        f.write(w.hosts(INGRESS6))
    w.ingress6 = Ingress(w, "ingress6", f"vps.{ZONE}:51820")
    w.ingress6.start()
    w.six = Node(w, "six", "node")
    w.six.start()
    w.six.join(w.ingress6.invite("laptop", "--grant"))


@test(limit=60)
def visitors_come_over_ipv6_and_are_known_by_it(w):
    leaf, key = w.certificate
    w.six.cli("--bg", f"--cert-file={leaf}", f"--key-file={key}", f"--allow={GUEST},{INGRESS6}", "text:over six")
    w.six.wait_state("active")
    for guest in ("", "http1.1"):
        done = curl(w, "--interface", GUEST, *([f"--{guest}"] if guest else []), f"https://{LAPTOP}/")
        if done.stdout.strip() != "over six":
            raise Failure(f"{done.returncode}: {done.stdout}{done.stderr}")
    if not curl(w, "--interface", STRANGER, f"https://{LAPTOP}/").returncode:
        raise Failure("a visitor whose address is not allowed was served")


@test(limit=60)
def a_target_is_told_the_ipv6_address(w):
    leaf, key = w.certificate
    w.site6 = []

    async def tell(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):  # somebody who only looks whether anybody is there
            w.site6.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntold")
        await writer.drain()
        writer.close()
    w.targets.start("node", 3600, tell)
    w.six.cli("--bg", "--https=8443", f"--cert-file={leaf}", f"--key-file={key}", "3600")
    w.six.wait_state("active", 8443)
    w.site6.clear()
    if curl(w, "--interface", GUEST, f"https://{LAPTOP}:8443/").stdout != "told":
        raise Failure("no answer")
    head = w.site6[-1]
    if f"X-Forwarded-For: {GUEST}\r\n" not in head or f'for="[{GUEST}]"' not in head:
        raise Failure(head)


@test(limit=60)
def the_doctor_finds_nothing_over_ipv6(w):
    steps = json.loads(w.six.cli("doctor", "--json", fails=None))
    bad = [s for s in steps["steps"] if s["result"] == "failed"]
    if bad:
        raise Failure(f"{bad}")
