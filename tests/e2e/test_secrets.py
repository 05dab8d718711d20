# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret in logs, on command lines, in environments or in files others can read. The secrets looked for are the real
ones: the WireGuard keys of both sides, the token's secret, the private keys of certificates."""
import base64
import binascii
import os
import re
import stat
import subprocess
import threading

from parties import Node
from suite import test
from world import Failure, below, run, table


def forms(raw):
    """A binary secret as it may be written down."""
    plain = base64.b64encode(raw).decode()
    return {plain, plain.rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("="), binascii.hexlify(raw).decode()}


def wireguard_keys(w):
    """Private keys of every engine that runs."""
    keys = set()
    for pid, (_, program) in table().items():
        if program != "funnel-netns":
            continue
        done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", "--", "wg", "show", "all", "private-key"],
                              capture_output=True, text=True, timeout=10)
        for line in done.stdout.splitlines():
            key = line.split("\t")[-1]
            if re.fullmatch(r"[A-Za-z0-9+/]{43}=", key):
                keys.add(base64.b64decode(key))
    return keys


def key_bytes(path):
    """The private number of an EC key file, as openssl prints it."""
    text = run("openssl", "ec", "-in", path, "-noout", "-text")
    digits = "".join(text.split("priv:")[1].split("pub:")[0].split()).replace(":", "")
    return binascii.unhexlify(digits)[-32:]


def token_secret(token):
    """docs/protocol.md: port u16 | key hash 32 | secret 16 | host | CRC."""
    text = token[len("funnel1-"):]
    payload = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return payload[34:50]


class Watch(threading.Thread):
    """Reads every command line and environment it can catch, as another user's program might."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.seen = threading.Event(), set()

    def run(self):
        while not self.over.is_set():
            for pid, (_, program) in table().items():
                for what in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{what}", "rb") as f:
                            self.seen.add((program, what, f.read()))
                    except OSError:
                        pass


@test(limit=60)
def no_secret_where_others_can_see_it(w):
    watch = Watch()
    watch.start()
    node = Node(w, "second", "desk", uid=w.laptop.uid)
    node.start()
    token = w.ingress.invite("second", "--grant")
    node.join(token)
    watch.over.set()
    watch.join(10)
    secrets = wireguard_keys(w)
    if len(secrets) < 2:
        raise Failure(f"found only {len(secrets)} WireGuard keys to look for")
    node_agent = below(node.daemon.pid, "funnel-netns")
    if not node_agent:
        raise Failure("the node has no agent")
    secrets |= {token_secret(token), token_secret(w.token), key_bytes(w.certificate[1])}
    needles = {form for raw in secrets for form in forms(raw)} | {token[len("funnel1-"):], w.token[len("funnel1-"):]}
    found = []
    for label, process in w.logs().items():
        text = process.text()
        found += [f"log of {label}" for n in needles if n in text]
    for program, what, data in watch.seen:
        # The user's own "funnel join TOKEN" is what he typed; it is over when the token is used. The other two are how
        # the harness starts it.
        if program in ("funnel", "setpriv", "nsenter"):
            continue
        text = data.decode(errors="replace")
        found += [f"{what} of {program}" for n in needles if n in text]
    for folder, _, names in os.walk(w.folder):
        for name in names:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o077 or folder.endswith("/bin"):
                continue
            with open(path, "rb") as f:
                data = f.read(32 << 20)
            text = data.decode("latin-1")
            found += [f"{path} (mode {info.st_mode & 0o777:o})" for n in needles if n in text]
            found += [f"{path} (raw, mode {info.st_mode & 0o777:o})" for raw in secrets if raw in data]
    if found:
        raise Failure("secrets in: " + ", ".join(sorted(set(found))))
    node.cli("leave", "--yes")


@test()
def state_is_for_its_owner_alone(w):
    """The folders with state are closed to others, so what is in them is too."""
    wrong = []
    for top in (w.laptop.state, w.ingress.state):
        for folder, _, names in os.walk(top):
            for name in names:
                mode = os.lstat(os.path.join(folder, name)).st_mode
                if stat.S_ISREG(mode) and mode & 0o077:
                    wrong.append(f"{os.path.join(folder, name)} {mode & 0o777:o}")
    if wrong:
        raise Failure(f"readable by others: {wrong}")
