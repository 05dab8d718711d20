# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path: visitor, relay, WireGuard tunnel, funneld, local server, each in its namespace.

Beside it runs what needs no Funnel: iperf3, and a plain TCP connection, through the very same tunnel. The stage is that
of the e2e tests. On one machine all parties share its processors, so that Funnel's own work lowers its throughput
here, where on separate machines it would not."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import processes
from relay_part import Load
from report import Measure

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

MB = 1_000_000
NAME = "laptop.funnel.test"
TARGET = 9000
DIRECT_PORT = 9100
IPERF_PORT = 9101
DELAY_MS = 10  # one way
REPLY = 1024
LINKED = "Linked to the ingress"


class PathPart:
    title = "Whole path"
    columns = ("funnel", "iperf3", "direct")

    def __init__(self, build, report, is_long):
        self.build = build
        self.report = report
        self.load = Load(build)
        self.rounds = 9 if is_long else 3
        self.volume = (1000 if is_long else 200) * MB
        self.starts = 15 if is_long else 5
        self.measures = []
        self.throughput = {}
        for streams in (1, 4):
            for mode, title in (("down", "node to visitor"), ("up", "visitor to node")):
                words = f"{title}, {streams} stream{'s' if streams > 1 else ''}"
                key = f"throughput-{mode}-{streams}"
                self.throughput[mode, streams] = self.add(key, words, "Mbit/s", 0.9, ("iperf3",), higher_is_better=True)
        self.first_byte = self.add("first-byte", f"time to first byte, {2 * DELAY_MS} ms round trip", "ms")
        self.extra = self.add("first-byte-extra", "the same beyond a direct connection", "round trips", 1.0)
        self.start = self.add("start-to-link", "funneld's start to its link being up", "s", 1.0)
        self.daemon = self.add("memory-funneld", "resident memory of funneld, idle with a share", "MB", 15.0)
        self.joined = self.add("memory-funneld-joined", "the same in the process that has joined", "MB", 15.0)
        self.relay = self.add("memory-relay", "resident memory of funnel-relay in place", "MB", 5.0)
        self.others = {
            name: self.add(f"memory-{name}", f"resident memory of {name}", "MB")
            for name in ("funnel-ingressd", "node's funnel-netns", "node's wireguard-go")
        }

    def add(self, *args, **kwargs):
        self.measures.append(Measure(*args, **kwargs))
        return self.measures[-1]

    def unable(self):
        """Why this part cannot run here, or None."""
        if os.geteuid() != 0:
            return "needs root (namespaces for several parties)"
        try:
            from world import PROGRAMS
        except ImportError as error:
            return f"the e2e stage is missing: {error}"
        for program, where in PROGRAMS.items():
            if not os.path.exists(os.path.join(self.build, where, program)):
                return f"{program} is not built"
        return None

    # --- the stage

    def enter(self, namespace, *command):
        path = namespace if namespace.startswith("/") else f"/run/netns/{namespace}"
        return ["nsenter", f"--net={path}", "--", *command]

    def start_server(self, stack, namespace, *command):
        """A server that says "ready"."""
        process = stack.enter_context(
            subprocess.Popen(self.enter(namespace, *command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )
        stack.callback(process.terminate)
        process.stdout.readline()
        return process

    def inside_node(self):
        """Path of the node's namespace inside the tunnel: that of a descendant of funneld which is not funneld's own."""
        home = os.readlink(f"/proc/{self.node.daemon.pid}/ns/net")
        for pid in processes.family(self.node.daemon.pid):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/net") != home:
                    return f"/proc/{pid}/ns/net"
        raise RuntimeError("no process of the node is inside the tunnel")

    @staticmethod
    def address_in(path):
        listing = subprocess.run(
            ["nsenter", f"--net={path}", "--", "ip", "-4", "-j", "addr"], capture_output=True, text=True, check=True
        )
        for device in json.loads(listing.stdout):
            for address in device["addr_info"]:
                if device["ifname"] != "lo":
                    return address["local"]
        raise RuntimeError("no tunnel address")

    def set_stage(self, stack, folder):
        import parties
        import world

        self.world = world.World(self.build, folder)
        stack.callback(self.world.stop)
        ingress = parties.Ingress(self.world)
        ingress.start()
        self.ingress = ingress
        self.node = parties.Node(self.world, "laptop", "node")
        self.node.start()
        self.node.join(ingress.invite("laptop", "--grant"))
        self.start_server(stack, "node", f"{self.build}/tests/bench/bench-node", f"127.0.0.1:{TARGET}")
        # The target speaks no TLS, so the ingress's probe never sees a certificate and the command ends with 3: visitors
        # are let through all the same.
        self.node.cli("--bg", "--wait=1", "--tcp=443", f"tcp://localhost:{TARGET}", fails=True)
        world.until(lambda: self.visit("connections", count=1, bytes=REPLY), 15, "a visitor gets through")
        self.start_server(
            stack, ingress.inside(), f"{self.build}/tests/bench/bench-node", f"{self.ingress_address()}:{DIRECT_PORT}"
        )

    def ingress_address(self):
        return self.address_in(self.ingress.inside())

    # --- measuring

    def load_in(self, namespace, where, mode, **options):
        options = {"sources": 0, "seconds": 60, **options}
        words = [self.load.program, mode, "--to", where, "--name", NAME]
        for key, value in options.items():
            words += [f"--{key}", str(value)]
        done = subprocess.run(self.enter(namespace, *words), capture_output=True, text=True, timeout=120, check=False)
        return self.load.check(done.stdout, done.stderr, options)

    def visit(self, mode, **options):
        from world import INGRESS

        return self.load_in("visitor", f"{INGRESS}:443", mode, **options)

    def iperf(self, mode, streams):
        """Mbit/s of payload through the tunnel. The server is on the ingress: a listener on the node would, rightly,
        alarm funneld."""
        address = self.ingress_address()
        server = ["iperf3", "-s", "-1", "-B", address, "-p", str(IPERF_PORT), "--forceflush"]
        with contextlib.ExitStack() as stack:
            self.start_server(stack, self.ingress.inside(), *server)
            client = ["iperf3", "-c", address, "-p", str(IPERF_PORT), "-J", "-P", str(streams)]
            client += ["-n", str(self.volume // streams)] + (["-R"] if mode == "up" else [])
            done = subprocess.run(
                self.enter(self.inside_node(), *client), capture_output=True, text=True, timeout=120, check=False
            )
        result = json.loads(done.stdout)
        if "error" in result:
            raise RuntimeError(f"iperf3: {result['error']}")
        return result["end"]["sum_received"]["bits_per_second"] / MB

    def measure_throughput(self, mode, streams):
        measure = self.throughput[mode, streams]
        for index in range(2 * self.rounds):
            if index % 4 in (0, 3):
                result = self.visit(mode, count=streams, bytes=self.volume // streams)
                measure.add("funnel", 8 * self.volume / result["seconds"] / MB)
            else:
                measure.add("iperf3", self.iperf(mode, streams))

    def measure_first_byte(self):
        """With a wire of known length between node and ingress; visitors stay close to the ingress."""
        with contextlib.ExitStack() as stack:
            for words in (
                "link add delay-in type veth peer name delay-out",
                "link set to-nat nomaster",
                "link set delay-out master internet",
                "link set delay-in up",
                "link set delay-out up",
            ):
                subprocess.run(["ip", *words.split()], check=True)
            delay = [f"{self.build}/tests/bench/bench-delay", "to-nat", "delay-in", str(DELAY_MS)]
            process = stack.enter_context(subprocess.Popen(delay, stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            process.stdout.readline()
            address = f"{self.ingress_address()}:{DIRECT_PORT}"
            options = {"count": 50, "concurrency": 1, "bytes": REPLY}
            for _ in range(3):
                ours = self.visit("connections", **options)["first_byte_p50_us"] / 1e3
                direct = self.load_in(self.inside_node(), address, "connections", **options)["first_byte_p50_us"] / 1e3
                self.first_byte.add("funnel", ours)
                self.first_byte.add("direct", direct)
                self.extra.add("funnel", (ours - direct) / (2 * DELAY_MS))
        subprocess.run(["ip", "link", "del", "delay-in"], check=True)
        subprocess.run(["ip", "link", "set", "to-nat", "master", "internet"], check=True)

    @staticmethod
    def add_memory(measure, pids):
        if pids:
            measure.add("funnel", processes.settled(lambda: processes.resident_bytes(pids), 4096) / 1e6)

    def measure_memory(self):
        """After the restarts: as a login or boot leaves it. Joining happens once in a node's life and loads more."""
        from world import below, until

        until(lambda: self.visit("connections", count=1, bytes=REPLY), 15, "a visitor gets through again")
        rows = [
            (self.daemon, [self.node.daemon.pid]),
            (self.relay, [self.ingress.relay()]),
            (self.others["funnel-ingressd"], [self.ingress.daemon.pid]),
            (self.others["node's funnel-netns"], below(self.node.daemon.pid, "funnel-netns")),
            (self.others["node's wireguard-go"], below(self.node.daemon.pid, "wireguard-go")),
        ]
        for measure, pids in rows:
            self.add_memory(measure, pids)

    def measure_start(self):
        """From the start of the process, tunnel and all, until it says that it is linked."""
        for _ in range(self.starts):
            self.node.daemon.stop()
            before = os.path.getsize(self.node.daemon.path)
            started = time.monotonic()
            self.node.daemon = self.world.start(
                self.node.daemon.label, [self.world.program("funneld")], self.node.ns, env=self.node.env, uid=self.node.uid
            )
            while LINKED not in self.node.daemon.text(before):
                if time.monotonic() - started > 20:
                    raise RuntimeError("funneld did not link within 20 s")
                time.sleep(0.002)
            self.start.add("funnel", time.monotonic() - started)

    def attempt(self, name, work, *args):
        try:
            work(*args)
        except Exception as error:  # whatever it was, it is this measure's result; the others go on
            self.report.not_ok(f"path/{name}", f"{type(error).__name__}: {error}")

    def measure_all(self):
        self.attempt("memory-joined", self.add_memory, self.joined, [self.node.daemon.pid])
        if shutil.which("iperf3"):
            for mode, streams in self.throughput:
                self.attempt(f"throughput-{mode}-{streams}", self.measure_throughput, mode, streams)
        else:
            self.report.skip("path/throughput", "iperf3 is not installed")
        self.attempt("first-byte", self.measure_first_byte)
        self.attempt("start-to-link", self.measure_start)
        self.attempt("memory", self.measure_memory)

    def run(self):
        reason = self.unable()
        if reason:
            self.report.skip("path", reason)
            return
        with contextlib.ExitStack() as stack:
            folder = tempfile.mkdtemp(prefix="funnel-bench-")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            os.chmod(folder, 0o755)
            try:
                self.set_stage(stack, folder)
            except Exception as error:  # the stage's own Failure, and whatever breaks while it is set
                self.report.not_ok("path", f"{type(error).__name__}: {error}")
                return
            self.measure_all()
        self.report.print_lines("path", self.measures)
