# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress and the nodes, as their users and admins see them: through the command lines."""
import json
import os
import subprocess

from world import INGRESS, NOBODY, ZONE, Failure, below, netns, run, table, until

ENDPOINT = f"{INGRESS}:51820"


class Ingress:
    def __init__(self, world, name="ingress", endpoint=ENDPOINT):
        self.world, self.name, self.endpoint = world, name, endpoint
        self.state, self.run = (os.path.join(world.folder, name, d) for d in ("state", "run"))
        for folder in (self.state, self.run):
            os.makedirs(folder, mode=0o700)
        self.env = {"FUNNEL_INGRESS_STATE": self.state, "FUNNEL_INGRESS_RUN": self.run, "HOME": self.state,
                    "FUNNEL_NETNS_PROGRAM": world.program("funnel-netns"), "FUNNEL_RELAY_PROGRAM": world.program("funnel-relay")}
        self.daemon = None

    def start(self):
        self.cli("init", "--zone", ZONE, "--endpoint", self.endpoint, "--public-port", "443", "--public-port", "8443")
        self.daemon = self.world.start("funnel-ingressd" if self.name == "ingress" else f"{self.name}-ingressd", [self.world.program("funnel-ingressd")], "ingress", env=self.env)
        until(self.relay, 15, "ingress: a relay is running")
        until(lambda: self.json("status"), 10, "ingress: status answers")

    def cli(self, *words, fails=False):
        done = subprocess.run(["nsenter", f"--net={netns('ingress')}", "--", self.world.program("funnel-ingress"), *words],
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **self.env},
                              capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        if fails is not None and fails != (done.returncode != 0):
            raise Failure(f"funnel-ingress {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return (done.stderr if fails else done.stdout).strip()

    def json(self, *words):
        return json.loads(self.cli(*words, "--json"))

    def invite(self, name, *options):
        """The token of a new invitation."""
        line = self.cli("invite", name, *options)
        words = line.split()
        if "\n" in line or words[:2] != ["funnel", "join"] or not words[2].startswith("funnel1-"):
            raise Failure(f"invite printed {line!r}")
        return words[2]

    def agent(self):
        """The agent: the parent of a relay."""
        processes = table()
        for parent, program in processes.values():
            if program == "funnel-relay" and processes.get(parent, (0, ""))[1] == "funnel-netns":
                return parent
        return None

    def relay(self):
        found = [pid for pid, (_, program) in table().items() if program == "funnel-relay"]
        return found[0] if found else None

    def engine(self):
        found = below(self.agent() or 0, "wireguard-go")
        return found[0] if found else None

    def inside(self):
        """Path of the namespace inside the tunnel."""
        return f"/proc/{self.relay()}/ns/net"

    def enter(self, *command):
        """Run a command as the agent's master could: in its namespaces."""
        relay = self.relay()
        return run("nsenter", f"--net=/proc/{relay}/ns/net", f"--mount=/proc/{self.agent()}/ns/mnt", "--", *command)


class Node:
    """One node: an unprivileged user with a bus of its own, or root."""

    def __init__(self, world, name, ns, uid=NOBODY, env=None, flags=()):
        self.world, self.name, self.ns, self.uid, self.flags = world, name, ns, uid, flags
        home = os.path.join(world.folder, name)
        for folder in (home, home + "/run", home + "/state"):
            os.makedirs(folder, mode=0o700)
            os.chown(folder, uid, uid)
        self.home, self.state = home, home + "/state"
        self.bus = f"unix:path={home}/run/bus"
        self.env = {"HOME": home, "XDG_RUNTIME_DIR": home + "/run", "FUNNEL_STATE_DIR": self.state,
                    "DBUS_SESSION_BUS_ADDRESS": self.bus, "FUNNEL_NETNS_PROGRAM": world.program("funnel-netns"), **(env or {})}
        self.daemon = None

    def start(self):
        self.world.start(f"{self.name}-bus", ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={self.bus}"], self.ns,
                         env=self.env, uid=self.uid)
        until(lambda: os.path.exists(self.home + "/run/bus"), 10, f"{self.name}: bus")
        self.restart()

    def restart(self):
        """Start the daemon that was stopped."""
        self.daemon = self.world.start(f"{self.name}-funneld", [self.world.program("funneld"), *self.flags], self.ns, env=self.env, uid=self.uid)
        until(lambda: self.status() is not None, 10, f"{self.name}: funneld answers")

    def command(self, *words):
        user = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--inh-caps=-all", "--"] if self.uid else []
        return ["nsenter", f"--net={netns(self.ns)}", "--", *user, self.world.program("funnel"), *words]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **self.env}

    def cli(self, *words, fails=False):
        """fails: whether it must; None: it may."""
        done = subprocess.run(self.command(*words), env=self.environment(), capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, cwd="/")
        if fails is not None and fails != (done.returncode != 0):
            raise Failure(f"funnel {' '.join(w[:12] for w in words)}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stderr.strip() if fails else done.stdout.strip()

    def foreground(self, *words):
        """A share that lasts as long as the returned process."""
        return subprocess.Popen(self.command(*words), env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd="/")

    def status(self):
        return json.loads(self.cli("status", "--json"))

    def shares(self):
        return self.status()["shares"]

    def share(self, port=443, name=None):
        found = [s for s in self.shares() if s["port"] == port and (name is None or s["name"] == name)]
        return found[0] if found else None

    def ingress(self):
        found = self.status()["ingresses"]
        return found[0] if found else None

    def linked(self):
        ingress = self.ingress()
        return ingress and ingress["state"] == "linked"

    def wait_state(self, state, port=443, seconds=10):
        def reached():
            share = self.share(port)
            if not share or share["state"] != state:
                raise Failure(f"share on {port} is {share and (share['state'], share.get('reason'))}")
            return share
        return until(reached, seconds, f"{self.name}: share on {port} is {state}")

    def join(self, token):
        self.cli("join", token)
        until(self.linked, 10, f"{self.name}: linked")

    def agent(self):
        found = below(self.daemon.pid, "funnel-netns")
        processes = table()
        tops = [pid for pid in found if processes.get(pid, (0,))[0] == self.daemon.pid]
        return tops[0] if tops else None

    def engine(self):
        found = below(self.daemon.pid, "wireguard-go")
        return found[0] if found else None
