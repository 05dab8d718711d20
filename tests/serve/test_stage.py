# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the serve suite: an ingress, and a node that has joined it and shares a small site (site.py)."""
import os
import subprocess

import peers
from parties import Ingress, Node
from site_target import Site
from suite import test
from world import NOBODY, ZONE, Failure, netns

LAPTOP = f"laptop.{ZONE}"
URL = f"https://{LAPTOP}"
SITE_PORT = 3000


def visitor(*command, timeout=60):
    """Run a program where the visitors are."""
    return subprocess.run(["nsenter", f"--net={netns('visitor')}", "--", *command], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)


def curl(w, path, *options, fails=False):
    done = visitor("curl", "-sS", "--max-time", "60", "--cacert", w.ca.file, *options, URL + path)
    if fails != (done.returncode != 0):
        raise Failure(f"curl {path} {options}: {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def memory(w):
    """Resident bytes of funneld, in MB."""
    with open(f"/proc/{w.laptop.daemon.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000


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


@test(needed=True)
def site_is_shared(w):
    w.site = Site()
    w.targets.start("node", SITE_PORT, w.site.serve)
    leaf, key = w.certificate
    w.laptop.cli("--bg", f"--cert-file={leaf}", f"--key-file={key}", str(SITE_PORT))
    w.laptop.wait_state("active")
    if not curl(w, "/r/7").startswith("resource 7 "):
        raise Failure("the site does not answer")
