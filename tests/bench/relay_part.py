# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay with its offer protocol against a node that does nothing, beside HAProxy, nginx and sniproxy.

All run at once, each idle while another is measured, on a processor of their own where there are two. Rounds are
interleaved and start with another proxy each time, so that slow drift of the machine meets all alike. The median counts.
CPU time is the proxy's own, so the load generator cannot be the bottleneck of it; what its packets cause on loopback (the
receiving side's work) is charged to the sender, for all proxies alike."""

import contextlib
import json
import subprocess
import tempfile

import processes
import proxies
from report import Measure

GB = 1_000_000_000
REPLY = 1024
IDLE_VISITS = 4000


class LoadError(ValueError):
    """Visits that failed, or bytes that were lost."""


class Load:
    """The load generator; every run is checked to have lost nothing."""

    def __init__(self, build):
        self.program = f"{build}/tests/bench/bench-load"

    def command(self, mode, port, options):
        words = [self.program, mode, "--to", f"127.0.0.1:{port}", "--name", proxies.NAME]
        for key, value in options.items():
            words += [f"--{key}", str(value)]
        return words

    def run(self, mode, port, **options):
        done = subprocess.run(self.command(mode, port, options), capture_output=True, text=True, timeout=180, check=False)
        return self.check(done.stdout, done.stderr, options)

    @staticmethod
    def check(line, complaint, options):
        try:
            result = json.loads(line)
        except ValueError:
            raise LoadError(f"{complaint.strip()[-200:]}") from None
        count = options["count"]
        if result["errors"] or result["ok"] != count or result["bytes"] != count * options["bytes"]:
            raise LoadError(f"{result['errors']} errors, {result['bytes']} bytes: {complaint.strip()[-200:]}")
        return result


class RelayPart:
    title = "Relay"
    columns = ("funnel", "haproxy", "nginx", "sniproxy")

    def __init__(self, build, report, is_long):
        self.build = build
        self.report = report
        self.load = Load(build)
        self.visit_rounds = 40 if is_long else 12
        self.bulk_rounds = 7 if is_long else 3
        self.visits = 4000
        self.volume = (6 if is_long else 1) * GB
        self.proxy_cpus, self.other_cpus = processes.split_processors()
        peers = ("haproxy", "nginx", "sniproxy")
        self.measures = []
        self.connection = self.add("cpu-per-connection", "CPU per connection", "µs", 0.9, peers)
        self.down = self.add("cpu-per-gb-down", "CPU per GB, node to visitor", "ms", 1.0, ("haproxy",))
        self.up = self.add("cpu-per-gb-up", "CPU per GB, visitor to node", "ms", 1.0, ("haproxy",))
        self.idle_visit = self.add("memory-per-idle", "resident memory per idle connection", "kB", 1.5)
        self.idle = self.add("memory-idle", "resident memory, no connection", "MB", 5.0)
        self.rate = self.add("rate", "connections per second (not a goal)", "1/s")
        self.gb_rate = self.add("gb-rate", "node to visitor (not a goal)", "GB/s")
        self.p50 = self.add("first-byte-p50", "time to first byte, median", "µs")
        self.p99 = self.add("first-byte-p99", "time to first byte, 99 %", "µs")

    def add(self, *args, **kwargs):
        self.measures.append(Measure(*args, **kwargs))
        return self.measures[-1]

    def cost(self, proxy, work):
        """CPU seconds of the proxy for work()."""
        pids = processes.family(proxy.root_pid())
        before = processes.settled(lambda: processes.cpu_seconds(pids), 0.0002)
        result = work()
        after = processes.settled(lambda: processes.cpu_seconds(pids), 0.0002)
        return after - before, result

    def measure_connections(self, proxy):
        cpu, result = self.cost(
            proxy, lambda: self.load.run("connections", proxy.port, count=self.visits, concurrency=64, bytes=REPLY)
        )
        self.rate.add(proxy.name, self.visits / result["seconds"])
        self.connection.add(proxy.name, cpu / self.visits * 1e6)

    def measure_bulk(self, proxy, mode, measure):
        streams = 4
        cpu, result = self.cost(
            proxy, lambda: self.load.run(mode, proxy.port, count=streams, bytes=self.volume // streams)
        )
        measure.add(proxy.name, cpu / (self.volume / GB) * 1e3)
        if mode == "down":
            self.gb_rate.add(proxy.name, self.volume / GB / result["seconds"])

    def measure_latency(self, proxy):
        result = self.load.run("connections", proxy.port, count=2000, concurrency=1, bytes=REPLY)
        self.p50.add(proxy.name, result["first_byte_p50_us"])
        self.p99.add(proxy.name, result["first_byte_p99_us"])

    def measure_memory(self, proxy):
        """On a fresh process: what the other measures left in its allocator would hide what a connection needs."""
        pids = processes.family(proxy.root_pid())
        rss = lambda: processes.settled(lambda: processes.resident_bytes(pids), 4096)
        options = {"count": IDLE_VISITS, "concurrency": 64, "bytes": REPLY}
        empty = rss()
        command = self.load.command("idle", proxy.port, options)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
            line = load.stdout.readline()
            full = rss()
            last, complaint = load.communicate(timeout=30)
        self.load.check(line, complaint, options)
        if json.loads(last)["lost"]:
            raise LoadError(f"connections lost while idle: {last.strip()}")
        self.idle.add(proxy.name, empty / 1e6)
        self.idle_visit.add(proxy.name, (full - empty) / IDLE_VISITS / 1e3)

    def attempt(self, name, work, proxy, *args):
        try:
            work(proxy, *args)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            self.report.not_ok(name, error)

    def open_all(self, stack, directory):
        running = []
        for kind in proxies.ALL:
            proxy = kind(self.build, directory, 1)
            try:
                with processes.on_processors(self.proxy_cpus):
                    running.append(stack.enter_context(proxy))
            except proxies.Missing as error:
                self.report.skip(f"relay/{kind.name}", error)
            except (RuntimeError, OSError) as error:
                self.report.not_ok(f"relay/{kind.name}", error)
        return running

    def memory_round(self, directory):
        with contextlib.ExitStack() as stack:
            for proxy in self.open_all(stack, directory):
                self.attempt(f"relay/memory/{proxy.name}", self.measure_memory, proxy)

    def cpu_rounds(self, directory):
        with contextlib.ExitStack() as stack:
            running = self.open_all(stack, directory)
            for proxy in running:
                self.load.run("connections", proxy.port, count=500, concurrency=16, bytes=REPLY)
            for index in range(self.visit_rounds):
                for proxy in rotated(running, index):
                    self.attempt(f"relay/connections/{proxy.name}", self.measure_connections, proxy)
            for index in range(self.bulk_rounds):
                self.bulk_round(rotated(running, index))

    def bulk_round(self, order):
        for proxy in order:
            self.attempt(f"relay/down/{proxy.name}", self.measure_bulk, proxy, "down", self.down)
        for proxy in order:
            self.attempt(f"relay/up/{proxy.name}", self.measure_bulk, proxy, "up", self.up)
        for proxy in order:
            self.attempt(f"relay/latency/{proxy.name}", self.measure_latency, proxy)

    def measure_all(self):
        node = f"{self.build}/tests/bench/bench-node"
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="funnel-bench-"))
            for command in ([node, proxies.NODE_PLAIN], [node, proxies.NODE_OFFERS, "--offers"]):
                process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
                stack.callback(process.terminate)
                process.stdout.readline()
            self.memory_round(directory)
            self.cpu_rounds(directory)

    def run(self):
        with processes.on_processors(self.other_cpus):
            self.measure_all()
        self.report.print_lines("relay", self.measures)


def rotated(items, index):
    first = index % len(items) if items else 0
    return items[first:] + items[:first]
