# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending TLS and speaking HTTP beside nginx and Caddy, with h2load and wrk.

All run at once, each idle while another is measured. Rounds are interleaved and start with another one each time. The
median counts. CPU time is the measured program's own."""

import contextlib
import pathlib
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile

import http_peers
import processes
import proxies
from report import Measure

IDLE = 1000
HALF = 0.5


class LoadError(ValueError):
    """Requests that failed."""


def url(name, path):
    return f"https://{http_peers.NAME}:{http_peers.OUTER[name]}/{path}"


def h2load(name, path, requests, clients, *words, h2=False):
    """Runs h2load; returns its text. Every request must have been answered with 2xx."""
    version = [] if h2 else ["--h1"]
    command = ["h2load", *version, "-n", str(requests), "-c", str(clients), *words, url(name, path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r"status codes: (\d+) 2xx", done.stdout)
    protocol = re.search(r"Application protocol: (\S+)", done.stdout)
    if not found or int(found.group(1)) < requests:
        raise LoadError(f"{name}: {done.stdout[-400:]} {done.stderr[-200:]}")
    if not protocol or (protocol.group(1) == "h2") != h2:
        raise LoadError(f"{name} spoke {protocol and protocol.group(1)}")
    return done.stdout


def wrk(name, path, connections, seconds):
    """Returns the number of requests."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", url(name, path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"(\d+) requests in", done.stdout)
    if not found or found.group(1) == "0" or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise LoadError(f"{name}: {done.stdout[-400:]} {done.stderr[-200:]}")
    return int(found.group(1))


class HttpPart:
    title = "HTTP on the node"
    columns = ("funnel", "nginx", "caddy")

    def __init__(self, build, report, is_long):
        self.build = build
        self.report = report
        self.rounds = 9 if is_long else 2
        self.requests = 20000 if is_long else 4000
        self.proxy_cpus, self.other_cpus = processes.split_processors()
        self.measures = []
        self.h1 = self.add("cpu-per-request-h1", "CPU per request, HTTP/1.1 (h2load)", "µs", 1.0, ("nginx",))
        self.wrk = self.add("cpu-per-request-wrk", "CPU per request, HTTP/1.1 (wrk)", "µs", 1.0, ("nginx",))
        self.h2 = self.add("cpu-per-request-h2", "CPU per request, HTTP/2", "µs", 1.0, ("nginx",))
        self.shakes = self.add(
            "handshakes", "full handshakes, with one request, per CPU second", "1/s", 1.0, ("caddy",), higher_is_better=True
        )
        self.resumed = self.add(
            "resumptions", "resumed handshakes, with one request, per CPU second (not a goal)", "1/s", higher_is_better=True
        )
        self.bulk = self.add("bulk", "bytes to visitors per CPU second", "GB/s", 0.9, ("nginx",), higher_is_better=True)
        self.memory = self.add("memory", f"resident memory with {IDLE} idle connections", "MB", 1.5, ("nginx",))
        self.p99 = self.add("p99", "latency at half of nginx's rate, 99 %", "µs", 1.2, ("nginx",))

    def add(self, *args, **kwargs):
        self.measures.append(Measure(*args, **kwargs))
        return self.measures[-1]

    def cost(self, proxy, work):
        pids = processes.family(proxy.root_pid())
        before = processes.settled(lambda: processes.cpu_seconds(pids), 0.0005)
        result = work()
        return processes.settled(lambda: processes.cpu_seconds(pids), 0.0005) - before, result

    def measure_h1(self, proxy):
        cpu, _ = self.cost(proxy, lambda: h2load(proxy.name, "page", self.requests, 32))
        self.h1.add(proxy.name, cpu / self.requests * 1e6)

    def measure_wrk(self, proxy):
        cpu, count = self.cost(proxy, lambda: wrk(proxy.name, "page", 32, 2))
        self.wrk.add(proxy.name, cpu / count * 1e6)

    def measure_h2(self, proxy):
        if proxy.name == "funnel" and not self.speaks_h2(proxy):
            return
        cpu, _ = self.cost(proxy, lambda: h2load(proxy.name, "page", self.requests, 8, "-m", "16", h2=True))
        self.h2.add(proxy.name, cpu / self.requests * 1e6)

    def speaks_h2(self, proxy):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", http_peers.OUTER[proxy.name])) as plain:
            with context.wrap_socket(plain, server_hostname=http_peers.NAME) as visitor:
                return visitor.selected_alpn_protocol() == "h2"

    def measure_shakes(self, proxy):
        count = 400
        cpu, _ = self.cost(proxy, lambda: h2load(proxy.name, "page", count, count))
        self.shakes.add(proxy.name, count / cpu)

    def measure_resumed(self, proxy):
        count = 300
        context = ssl._create_unverified_context()
        # Python hands out TLS 1.2 sessions at once.
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        def visit(session):
            with socket.create_connection(("127.0.0.1", http_peers.OUTER[proxy.name])) as plain:
                with context.wrap_socket(plain, server_hostname=http_peers.NAME, session=session) as visitor:
                    visitor.sendall(f"GET /page HTTP/1.1\r\nHost: {http_peers.NAME}\r\nConnection: close\r\n\r\n".encode())
                    while visitor.recv(65536):
                        pass
                    return visitor.session, visitor.session_reused

        session, _ = visit(None)
        cpu, reused = self.cost(proxy, lambda: sum(visit(session)[1] for _ in range(count)))
        if reused != count:
            raise LoadError(f"{proxy.name}: {reused} of {count} sessions were resumed")
        self.resumed.add(proxy.name, count / cpu)

    def measure_bulk(self, proxy):
        count = 8
        cpu, _ = self.cost(proxy, lambda: h2load(proxy.name, "big", count, 4))
        self.bulk.add(proxy.name, count * http_peers.BIG / cpu / 1e9)

    def measure_memory(self, proxy):
        """On a fresh process."""
        pids = processes.family(proxy.root_pid())
        context = ssl._create_unverified_context()
        request = f"GET /page HTTP/1.1\r\nHost: {http_peers.NAME}\r\n\r\n".encode()
        visitors = []
        for _ in range(IDLE):
            plain = socket.create_connection(("127.0.0.1", http_peers.OUTER[proxy.name]))
            visitors.append(context.wrap_socket(plain, server_hostname=http_peers.NAME))
            visitors[-1].sendall(request)
            visitors[-1].recv(65536)
        full = processes.settled(lambda: processes.resident_bytes(pids), 4096)
        for visitor in visitors:
            visitor.close()
        self.memory.add(proxy.name, full / 1e6)

    def measure_latency(self, proxy, rate):
        """At @rate requests per second over 16 connections: microseconds of each from h2load's log."""
        with tempfile.NamedTemporaryFile("r", encoding="ascii") as log:
            count = int(rate)
            words = ["--rps", str(max(1, int(rate / 16))), f"--log-file={log.name}"]
            h2load(proxy.name, "page", count, 16, *words)
            times = [int(line.split()[2]) for line in log]
        self.p99.add(proxy.name, statistics.quantiles(times, n=100)[98])

    def nginx_rate(self, running):
        """Requests per second that nginx manages."""
        for proxy in running:
            if proxy.name == "nginx":
                text = h2load("nginx", "page", self.requests, 32)
                return float(re.search(r"([\d.]+) req/s", text).group(1))
        return 4000.0

    def attempt(self, name, work, proxy, *args):
        try:
            work(proxy, *args)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            self.report.not_ok(name, error)

    def open_all(self, stack, directory):
        running = []
        for kind in (http_peers.Node, http_peers.NginxTls, http_peers.Caddy):
            try:
                with processes.on_processors(self.proxy_cpus):
                    running.append(stack.enter_context(kind(self.build, directory, 1)))
            except proxies.Missing as error:
                self.report.skip(f"http/{kind.name}", error)
            except (RuntimeError, OSError) as error:
                self.report.not_ok(f"http/{kind.name}", error)
        stack.enter_context(http_peers.Relay(self.build, directory, 1))
        stack.enter_context(http_peers.Front(self.build, directory, 1))
        return running

    def memory_round(self, directory):
        with contextlib.ExitStack() as stack:
            for proxy in self.open_all(stack, directory):
                self.attempt(f"http/memory/{proxy.name}", self.measure_memory, proxy)

    def rounds_of_all(self, directory):
        works = (
            ("h1", self.measure_h1), ("wrk", self.measure_wrk), ("h2", self.measure_h2), ("handshakes", self.measure_shakes),
            ("resumptions", self.measure_resumed), ("bulk", self.measure_bulk),
        )  # fmt: skip
        with contextlib.ExitStack() as stack:
            running = self.open_all(stack, directory)
            rate = self.nginx_rate(running) * HALF
            for index in range(self.rounds):
                first = index % len(running)
                order = running[first:] + running[:first]
                for name, work in works:
                    for proxy in order:
                        self.attempt(f"http/{name}/{proxy.name}", work, proxy)
                for proxy in order:
                    self.attempt(f"http/latency/{proxy.name}", self.measure_latency, proxy, rate)

    def measure_all(self):
        with contextlib.ExitStack() as stack:
            directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="funnel-bench-")))
            http_peers.make_certificate(directory)
            http_peers.write_hosts(directory)
            stack.enter_context(http_peers.Server(self.build, directory, 1))
            self.memory_round(directory)
            self.rounds_of_all(directory)

    def run(self):
        for program in ("h2load", "wrk"):
            if not shutil.which(program):
                self.report.skip("http", f"{program} is not installed")
                return
        with processes.on_processors(self.other_cpus):
            self.measure_all()
        self.report.print_lines("http", self.measures)
