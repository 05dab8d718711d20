# SPDX-License-Identifier: GPL-3.0-or-later
"""The test bench of the agent: a client that speaks its protocol, and two hosts (network namespaces
joined by a cable), a node and an ingress, on which real agents run. Python's own library only."""

import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

USER = 61234  # an unprivileged uid that needs no entry in passwd
NODE_HOST, INGRESS_HOST = "192.0.2.1", "192.0.2.2"
NODE, INGRESS = "100.64.0.2", "100.64.0.1"
PORT = 51821
DEADLINE = float(os.environ.get("FUNNEL_TEST_DEADLINE", "20"))


class Skipped(Exception):
    """Raised by a case that has no meaning here; the text says why."""


class AgentError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def wait_for(what, condition, deadline=None):
    """Calls condition until it is true; what names it in the failure."""
    due = time.monotonic() + (deadline or DEADLINE)
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > due:
            raise AssertionError(f"did not happen in time: {what}")
        select.select([], [], [], 0.02)


def run(*argv, check=True, **options):
    result = subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)
    if check and result.returncode:
        raise AssertionError(f"{' '.join(argv)}: {result.stdout}{result.stderr}")
    return result.stdout.strip()


class Client:
    """One connection to an agent."""

    def __init__(self, sock):
        self.sock = sock
        self.events = []

    def send(self, text, fds=()):
        data = text if isinstance(text, bytes) else text.encode()
        socket.send_fds(self.sock, [data], list(fds))

    def receive(self, deadline=None):
        self.sock.settimeout(deadline or DEADLINE * 2)
        data, fds, _flags, _peer = socket.recv_fds(self.sock, 1 << 17, 64)
        if not data:
            raise ConnectionResetError("the agent closed the connection")
        lines = data.decode().rstrip("\n").split("\n")
        return lines[0], dict(line.split("=", 1) for line in lines[1:]), fds

    def answer(self):
        while True:
            word, fields, fds = self.receive()
            if word != "event":
                return word, fields, fds
            self.events.append(fields)

    def call(self, verb, fds=(), **fields):
        """Answers (fields, descriptors); underscores in names stand for dashes."""
        lines = "".join(f"{key.replace('_', '-')}={value}\n" for key, value in fields.items())
        self.send(f"{verb}\n{lines}", fds)
        word, answer, got = self.answer()
        if word != "ok":
            raise AgentError(answer.get("code"), answer.get("message"))
        return answer, got

    def wait_event(self, name, deadline=None):
        due = time.monotonic() + (deadline or DEADLINE)
        while True:
            for event in self.events:
                if event["name"] == name:
                    self.events.remove(event)
                    return event
            left = due - time.monotonic()
            assert left > 0, f"no event {name}"
            try:
                word, fields, _fds = self.receive(left)
            except TimeoutError:
                continue
            assert word == "event", f"{word} instead of an event"
            self.events.append(fields)

    def listen(self, address, port=0):
        answer, fds = self.call("listen", address=address, port=port, backlog=16)
        sock = socket.socket(fileno=fds[0])
        sock.settimeout(DEADLINE)
        return sock, int(answer["port"])

    def connect(self, address, port, deadline=None):
        _answer, fds = self.call("socket")
        sock = socket.socket(fileno=fds[0])
        sock.settimeout(deadline or DEADLINE)
        sock.connect((address, port))
        return sock

    def close(self):
        self.sock.close()


class Agent(Client):
    """A private agent and its process."""

    def __init__(self, bench, host, user, *options):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = bench.on(host, user, bench.program, "--fd", str(theirs.fileno()), *options)
        self.process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        bench.processes.append(self.process)
        theirs.close()
        super().__init__(ours)

    def pid(self):
        """As this process sees it; exec all the way makes it the one we started."""
        return self.process.pid

    def children(self):
        with open(f"/proc/{self.pid()}/task/{self.pid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def child(self, name):
        for pid in self.children():
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == name:
                    return pid
        return None

    def netns(self):
        return os.readlink(f"/proc/{self.pid()}/ns/net")

    def inside(self, *argv, check=True):
        """Runs argv inside the private namespaces."""
        where = ["nsenter", "-t", str(self.pid()), "-n", "-m"]
        if os.readlink(f"/proc/{self.pid()}/ns/user") != os.readlink("/proc/self/ns/user"):
            where.append("-U")
        return run(*where, *argv, check=check)


class Bench:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="funnel-tunnel-")
        os.chmod(self.folder, 0o755)
        self.program = os.path.join(self.folder, "funnel-netns")
        shutil.copy(program, self.program)
        os.chmod(self.program, 0o755)
        self.processes = []
        tag = f"tnl{os.getpid()}"
        self.hosts = {"node": f"{tag}n", "ingress": f"{tag}i"}

    def __enter__(self):
        for name in self.hosts.values():
            run("ip", "netns", "add", name)
        node, ingress = self.hosts["node"], self.hosts["ingress"]
        run("ip", "-n", node, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", ingress)
        for name, address in ((node, NODE_HOST), (ingress, INGRESS_HOST)):
            # An address may go without taking the others of its network along.
            run("ip", "netns", "exec", name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries")
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "wire")
            run("ip", "-n", name, "link", "set", "wire", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_exception):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for name in self.hosts.values():
            run("ip", "netns", "delete", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def on(self, host, user, *argv):
        """argv as root or as the unprivileged user on a host. The latter gets a /dev/net/tun of its own
        in a private mount namespace, as distributions give it to everyone."""
        where = ["ip", "netns", "exec", self.hosts[host]]
        if user == "root":
            return [*where, *argv]
        tun = ("mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && "
               f"exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs \"$@\"")
        return [*where, "sh", "-c", tun, "sh", *argv]

    def popen(self, host, user, *argv, **options):
        process = subprocess.Popen(self.on(host, user, *argv), **options)
        self.processes.append(process)
        return process

    def pair(self, user, engine, keepalive=5):
        """A node and an ingress that know each other; both agents are up."""
        private, public = keys()
        ingress_private, ingress_public = keys()
        ingress = Agent(self, "ingress", user, "--engine", engine)
        node = Agent(self, "node", user, "--engine", engine)
        ingress.call("up", address=f"{INGRESS}/32", private_key=ingress_private, listen_port=PORT,
                     route="100.64.0.0/10")
        ingress.call("peer", peer=public, allowed=f"{NODE}/32")
        node.call("up", address=f"{NODE}/32", private_key=private, route=f"{INGRESS}/32", peer=ingress_public,
                  allowed=f"{INGRESS}/32", endpoint=f"{INGRESS_HOST}:{PORT}", keepalive=keepalive)
        node.key, ingress.key = public, ingress_public
        return node, ingress


def keys():
    private = run("wg", "genkey")
    return private, run("wg", "pubkey", input=private)


def memfd(data, sealed=True):
    import fcntl

    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    if sealed:
        fcntl.fcntl(fd, 1033, 0x2 | 0x4 | 0x8)  # F_ADD_SEALS: shrink, grow, write
    return fd


def talk(client, server):
    """Bytes both ways over a fresh pair of connected sockets."""
    token = secrets.token_bytes(100000)
    for source, sink in ((client, server), (server, client)):
        source.settimeout(DEADLINE)
        sink.settimeout(DEADLINE)
        source.sendall(token)
        got = b""
        while len(got) < len(token):
            piece = sink.recv(65536)
            assert piece, "the connection ended"
            got += piece
        assert got == token, "other bytes came out"


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def why_not(engine):
    """Why the bench cannot be set up here, or None."""
    if os.geteuid() != 0:
        return "needs root, to make two hosts out of network namespaces"
    for tool in ("ip", "wg", "setpriv", "unshare", "nsenter", *(["wireguard-go"] if engine == "wireguard-go" else [])):
        if not shutil.which(tool):
            return f"the program {tool} is missing"
    probes = [("network namespaces", ["unshare", "-nm", "true"])]
    if engine == "wireguard-go":
        probes.append(("/dev/net/tun", ["unshare", "-nm", "sh", "-c", "ip tuntap add dev probe mode tun"]))
    else:
        probes.append(("the kernel's WireGuard", ["unshare", "-n", "ip", "link", "add", "probe", "type", "wireguard"]))
    for what, argv in probes:
        if subprocess.run(argv, capture_output=True, check=False).returncode:
            return f"{what} cannot be used here"
    return None


def main(cases):
    """Runs the cases named on the command line (program [engine] [case…]), or all. 77 = skipped."""
    program, engine, only = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "wireguard-go", sys.argv[3:]
    reason = why_not(engine)
    if reason:
        print(f"skipped: {reason}")
        return 77
    failures = 0
    for name, case in cases.items():
        if only and name not in only:
            continue
        started = time.monotonic()
        try:
            with Bench(program) as bench:
                case(bench, engine)
            print(f"ok   {name} ({time.monotonic() - started:.2f} s)", flush=True)
        except Skipped as reason:
            print(f"skip {name}: {reason}", flush=True)
        except Exception as error:  # a test's failure is whatever it raises
            import traceback

            failures += 1
            print(f"FAIL {name}: {error!r}", flush=True)
            traceback.print_exc()
    return 1 if failures else 0
