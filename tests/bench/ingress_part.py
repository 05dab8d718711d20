# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress's control process with nodes that have joined and are linked (two thousand, or ten thousand with --long), in
direct mode: each node is one connection from a loopback address of its own. And the agent: one more WireGuard peer beside many.

Nodes take no offers, so every share that is armed makes the prober try, fail, and try again: route changes are measured
under that load, and idling without it."""

import base64
import concurrent.futures
import http.client
import json
import os
import select
import shutil
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import tempfile
import time

import processes
from report import Measure

NODES_FEW, NODES_MANY = 2_000, 10_000
ROUTED = 1_000  # nodes that share, while route changes are measured
CHANGES = 40
IDLE_SECONDS = 20
PEERS_FEW, PEERS_MANY = 10, 2_000
PEER_ROUNDS = 20
PATIENCE = 120
ZONE = "example.localhost"
OFFER_PORT = 9  # nobody listens there
MASK = b"\0\0\0\0"


def wait_for(check, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while not check():
        if time.monotonic() > end:
            raise RuntimeError(f"timed out waiting for {what}")
        time.sleep(0.05)


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Ingress:
    """funnel-ingressd with its agent and relay, in a folder of its own."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.state, self.run = os.path.join(folder, "state"), os.path.join(folder, "run")
        self.port, self.link_port, self.public_port = 20443, 20780, 20444
        self.environment = dict(os.environ, FUNNEL_NETNS_PROGRAM=f"{build}/lib/tunnel/agent/funnel-netns",
                                FUNNEL_RELAY_PROGRAM=f"{build}/ingress-server/relay/funnel-relay",
                                FUNNEL_INGRESS_STATE=self.state, FUNNEL_INGRESS_RUN=self.run)
        self.process = None

    def start(self, cpus):
        program = f"{self.build}/ingress-server/admin/funnel-ingress"
        subprocess.run([program, "init", "--zone", ZONE, "--endpoint", f"127.0.0.1:{self.port}", "--public-port",
                        str(self.public_port), "--tunnel", "direct", "--link-port", str(self.link_port)], check=True,
                       env=self.environment, capture_output=True)
        with processes.on_processors(cpus), open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen([f"{self.build}/ingress-server/control/funnel-ingressd"], stdout=log, stderr=log,
                                            env=self.environment)
        wait_for(self.is_ready, "funnel-ingressd")

    def is_ready(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"funnel-ingressd ended: {log.read()[-300:]}")
        try:
            return self.ask("GET", "/v1/status")["tunnel_up"]
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = UnixHttp(os.path.join(self.run, "admin.sock"))
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {text[:200]!r}")
        return json.loads(text)

    def cpu(self):
        return processes.settled(lambda: processes.cpu_seconds([self.process.pid]), 0.0005)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


class Node:
    """The node's half of one link, without waiting: bytes in, messages out."""

    def __init__(self, address, link_port):
        self.address = address
        self.buffer = b""
        self.opened = self.granted = False
        self.socket = socket.socket()
        self.socket.bind((address, 0))
        self.socket.connect(("127.64.0.1", link_port))
        self.socket.setblocking(False)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /v1/link HTTP/1.1\r\nHost: ingress\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Protocol: funnel-link-1\r\n\r\n").encode())

    def send(self, **message):
        payload = json.dumps(message).encode()
        head = struct.pack("!BB", 0x81, 0x80 | len(payload)) if len(payload) < 126 else \
            struct.pack("!BBH", 0x81, 0x80 | 126, len(payload))
        self.socket.sendall(head + MASK + payload)

    def share(self, *shares):
        self.send(type="shares", shares=[{"name": name, "port": port, "epoch": epoch} for name, port, epoch in shares])

    def messages(self):
        """What has come; pings are answered."""
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError(f"the link of {self.address} was closed")
        self.buffer += data
        if not self.opened and b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(f"the link of {self.address} was refused: {head[:60]!r}")
            self.opened = True
            self.send(type="hello", version=1, software="bench/1", offer_port=OFFER_PORT)
        while self.opened and (frame := self.take_frame()) is not None:
            message = json.loads(frame)
            if message["type"] == "error":
                raise RuntimeError(f"the link of {self.address} is ended: {message}")
            if message["type"] == "ping":
                self.send(type="pong", id=message["id"])
            elif message["type"] == "grants":
                self.granted = True
            yield message

    def take_frame(self):
        if len(self.buffer) < 2:
            return None
        length, start = self.buffer[1] & 0x7F, 2
        if length == 126:
            if len(self.buffer) < 4:
                return None
            length, start = struct.unpack("!H", self.buffer[2:4])[0], 4
        if len(self.buffer) < start + length:
            return None
        frame, self.buffer = self.buffer[start:start + length], self.buffer[start + length:]
        return frame


class Crowd:
    """All links, in one loop."""

    def __init__(self):
        self.poll = select.epoll()
        self.nodes = {}

    def add(self, node):
        self.nodes[node.socket.fileno()] = node
        self.poll.register(node.socket, select.EPOLLIN)

    def turn(self, until, patience=PATIENCE):
        """Serve all links until until(node, message) says that it is over; at each turn it is asked with nothing, too."""
        end = time.monotonic() + patience
        while True:
            for number, _ in self.poll.poll(0.05):
                node = self.nodes[number]
                for message in node.messages():
                    if until(node, message):
                        return True
            if until(None, None):
                return True
            if time.monotonic() > end:
                return False

    def close(self):
        for node in self.nodes.values():
            node.socket.close()
        self.poll.close()


class Agent:
    """funnel-netns with wireguard-go (or the kernel's), as docs/protocol.md says."""

    def __init__(self, build):
        self.mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.mine.settimeout(PATIENCE)
        self.process = subprocess.Popen([f"{build}/lib/tunnel/agent/funnel-netns", "--fd", str(theirs.fileno())],
                                        pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
        theirs.close()

    def call(self, word, fd=None, **fields):
        text = f"{word}\n" + "".join(f"{key.replace('_', '-')}={value}\n" for key, value in fields.items())
        if fd is None:
            self.mine.send(text.encode())
        else:
            socket.send_fds(self.mine, [text.encode()], [fd])
        while True:
            answer, fds, _, _ = socket.recv_fds(self.mine, 65536, 4)
            for other in fds:
                os.close(other)
            lines = answer.decode().splitlines()
            if lines and lines[0] != "event":
                break
        if lines[0] != "ok":
            raise RuntimeError(f"{word}: {' '.join(lines)}")
        return dict(line.split("=", 1) for line in lines[1:])

    def add_many(self, count, first):
        """Peers in one batch."""
        fd = os.memfd_create("peers")
        with os.fdopen(fd, "w") as file:
            for i in range(first, first + count):
                file.write(f"[Peer]\nPublicKey = {new_key()}\nAllowedIPs = {tunnel_address(i)}/32\n")
            file.flush()
            os.lseek(fd, 0, os.SEEK_SET)
            self.call("peers", fd)

    def close(self):
        self.mine.close()
        self.process.wait(30)


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


def tunnel_address(i):
    return f"100.{64 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}"


def source_address(i):
    """A loopback address of its own for each node that joins: the join API counts by source."""
    return f"127.{10 + (i >> 14)}.{(i >> 7) & 127}.{1 + (i & 127)}"


class IngressPart:
    title = "Ingress"
    columns = ("funnel",)

    def __init__(self, build, report, is_long):
        self.build, self.report = build, report
        self.nodes = NODES_MANY if is_long else NODES_FEW
        self.peers_many = 10_000 if is_long else PEERS_MANY
        self.proxy_cpus, self.other_cpus = processes.split_processors()
        self.measures = []
        self.join_cpu = self.add("join-cpu", f"control CPU per join, {self.nodes} of them", "ms", 5)
        self.idle_cpu = self.add("idle-cpu", f"control CPU with {self.nodes} linked and idle", "%", 2)
        self.memory = self.add("memory", f"control resident memory with {self.nodes} linked", "MB", 100)
        self.change = self.add("route-change", f"a share of one node until the relay routes it, {ROUTED} routes", "ms", 50)
        self.growth = self.add("peer-growth", f"time to add a peer beside {self.peers_many}, against beside {PEERS_FEW}", "×", 2)
        self.invite_cpu = self.add("invite-cpu", "control CPU per invitation (not a goal)", "ms")
        self.link_cpu = self.add("link-cpu", "control CPU per link (not a goal)", "ms")
        self.arm_cpu = self.add("arm-cpu", f"control CPU until {ROUTED} nodes' shares are routed, each (not a goal)", "ms")
        self.peer_few = self.add("peer-few", f"time to add a peer beside {PEERS_FEW} (not a goal)", "ms")
        self.peer_many = self.add("peer-many", f"time to add a peer beside {self.peers_many} (not a goal)", "ms")

    def add(self, *args):
        self.measures.append(Measure(*args))
        return self.measures[-1]

    def join_one(self, ingress, token, i):
        payload = base64.urlsafe_b64decode(token[len("funnel1-"):] + "==")
        secret = base64.urlsafe_b64encode(payload[34:50]).decode().rstrip("=")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", ingress.port, context=context, timeout=PATIENCE,
                                                 source_address=(source_address(i), 0))
        connection.request("POST", "/v1/join", json.dumps({"version": 1, "secret": secret, "public_key": new_key(),
                                                           "software": "bench/1"}))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"join {i}: {text[:200]!r}")
        return json.loads(text)["address"]

    def join_all(self, ingress):
        """The nodes' tunnel addresses."""
        before = ingress.cpu()
        tokens = [ingress.ask("POST", "/v1/invite", {"node": f"n{i}", "grant": True})["token"] for i in range(self.nodes)]
        invited = ingress.cpu()
        self.invite_cpu.add("funnel", (invited - before) / self.nodes * 1e3)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            addresses = list(pool.map(lambda i: self.join_one(ingress, tokens[i], i), range(self.nodes)))
        self.join_cpu.add("funnel", (ingress.cpu() - invited) / self.nodes * 1e3)
        return addresses

    def link_all(self, ingress, crowd, addresses):
        before, waiting = ingress.cpu(), 0
        for start in range(0, self.nodes, 100):
            nodes = [Node(address, ingress.link_port) for address in addresses[start:start + 100]]
            for node in nodes:
                crowd.add(node)
            if not crowd.turn(lambda node, message, nodes=nodes: all(one.granted for one in nodes)):
                raise RuntimeError(f"links {start} and following were not made")
        self.link_cpu.add("funnel", (ingress.cpu() - before) / self.nodes * 1e3)
        links = ingress.ask("GET", "/v1/status")["links"]
        if links != self.nodes:
            raise RuntimeError(f"{links} links instead of {self.nodes}")

    def idle(self, ingress, crowd):
        end = time.monotonic() + 5  # what linking left behind
        crowd.turn(lambda node, message: time.monotonic() > end)
        before, begin = processes.cpu_seconds([ingress.process.pid]), time.monotonic()
        crowd.turn(lambda node, message: time.monotonic() > begin + IDLE_SECONDS)
        spent = processes.cpu_seconds([ingress.process.pid]) - before
        self.idle_cpu.add("funnel", 100 * spent / (time.monotonic() - begin))
        self.memory.add("funnel", processes.resident_bytes([ingress.process.pid]) / 1e6)

    def change_routes(self, ingress, crowd):
        nodes = list(crowd.nodes.values())
        port, routed = ingress.public_port, set()
        before = processes.cpu_seconds([ingress.process.pid])
        for i in range(ROUTED):
            nodes[i].share((f"n{i}.{ZONE}", port, 1))

        def note(node, message):
            if message and message["type"] == "routed" and message["shares"]:
                routed.add(node)
            return len(routed) == ROUTED
        if not crowd.turn(note):
            raise RuntimeError(f"{len(routed)} of {ROUTED} shares were routed")
        self.arm_cpu.add("funnel", (processes.cpu_seconds([ingress.process.pid]) - before) / ROUTED * 1e3)
        for i in range(CHANGES):
            number = ROUTED + i
            begin = time.monotonic()
            nodes[number].share((f"n{number}.{ZONE}", port, 1))
            if not crowd.turn(lambda node, message, one=nodes[number]: message and node is one and message["type"] == "routed"):
                raise RuntimeError(f"the share of node {number} was not routed")
            self.change.add("funnel", (time.monotonic() - begin) * 1e3)

    def measure_nodes(self, folder):
        ingress, crowd = Ingress(self.build, folder), Crowd()
        try:
            ingress.start(self.proxy_cpus)
            addresses = self.join_all(ingress)
            self.link_all(ingress, crowd, addresses)
            self.idle(ingress, crowd)
            self.change_routes(ingress, crowd)
        finally:
            crowd.close()
            ingress.stop()

    def time_peers(self, agent, first):
        """Median time for one more peer, milliseconds."""
        times = []
        for i in range(PEER_ROUNDS):
            begin = time.monotonic()
            agent.call("peer", peer=new_key(), allowed=f"{tunnel_address(first + i)}/32")
            times.append((time.monotonic() - begin) * 1e3)
        return statistics.median(times)

    def measure_peers(self):
        agent = Agent(self.build)
        try:
            agent.call("hello")
            agent.call("up", address="100.64.0.1/10", private_key=new_key(), listen_port=0, route="100.64.0.0/10")
            agent.add_many(PEERS_FEW, 2)
            few = self.time_peers(agent, 2 + PEERS_FEW)
            agent.add_many(self.peers_many, 1000)
            many = self.time_peers(agent, 1000 + self.peers_many)
            held = int(agent.call("status")["peers"])
            if held != PEERS_FEW + self.peers_many + 2 * PEER_ROUNDS:
                raise RuntimeError(f"the agent has {held} peers")
        finally:
            agent.close()
        self.peer_few.add("funnel", few)
        self.peer_many.add("funnel", many)
        self.growth.add("funnel", many / few)

    def attempt(self, name, work, *args):
        try:
            work(*args)
        except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            self.report.not_ok(name, error)

    def run(self):
        folder = tempfile.mkdtemp(prefix="funnel-bench-")
        try:
            with processes.on_processors(self.other_cpus):
                self.attempt("ingress/nodes", self.measure_nodes, folder)
                if shutil.which("wireguard-go"):
                    self.attempt("ingress/peers", self.measure_peers)
                else:
                    self.report.skip("ingress/peers", "needs wireguard-go")
        finally:
            shutil.rmtree(folder, True)
        self.report.print_lines("ingress", self.measures)
