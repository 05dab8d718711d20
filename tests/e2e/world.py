# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the e2e tests: network namespaces, supervised processes, bounded waits.

    visitor 203.0.113.10 ┐
    ingress 203.0.113.1  ├ the internet (a bridge in the harness's own namespace)
    nat     203.0.113.20 ┘ ─ 192.168.77.1 ─ 192.168.77.2 node 10.9.0.1 ─ 10.9.0.2 lan
                           ─ 192.168.78.1 ─ 192.168.78.2 desk

All of it lives in private network, mount and PID namespaces (see run), so nothing of the machine is touched
and nothing stays behind, however the run ends."""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

ZONE = "funnel.test"
INGRESS = "203.0.113.1"
VISITORS = [f"203.0.113.{n}" for n in range(100, 150)]
NOBODY = 65534
PROGRAMS = {"funneld": "daemon", "funnel": "cli", "funnel-netns": "lib/tunnel/agent", "funnel-relay": "ingress-server/relay",
            "funnel-ingressd": "ingress-server/control", "funnel-ingress": "ingress-server/admin"}
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Failure(Exception):
    """A test found something wrong; the text says what."""


def until(condition, seconds, what):
    """Wait until condition() is true and return its value; Failure after so many seconds."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, Failure, subprocess.SubprocessError, ValueError) as error:
            last = error
        if time.monotonic() >= end:
            raise Failure(f"not within {seconds} s: {what} (last: {last!r})")
        time.sleep(0.02)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=more.pop("timeout", 30), stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {done.returncode}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


@contextlib.contextmanager
def inside(path):
    """This thread in the network namespace at path: sockets made here belong to it for ever."""
    with open("/proc/thread-self/ns/net") as home, open(path) as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
        try:
            yield
        finally:
            if libc.setns(home.fileno(), CLONE_NEWNET):
                os._exit(3)


def netns(name):
    return f"/run/netns/{name}"


def socket_in(name, kind=socket.SOCK_STREAM):
    """A socket of a named namespace, or of the namespace at an absolute path."""
    with inside(name if name.startswith("/") else netns(name)):
        return socket.socket(socket.AF_INET, kind)


def ip(*words, ns=None):
    run("ip", *(["-n", ns] if ns else []), *words)


class Process:
    """A program that is restarted whenever it dies, as its systemd unit would (Restart=always)."""

    def __init__(self, world, label, command, ns, env=None, uid=0, restart=True):
        self.label, self.stopping, self.starts = label, False, 0
        self.path = os.path.join(world.folder, "log", label + ".log")
        self.restart = restart
        self.command = ["nsenter", f"--net={netns(ns)}", "--", *command]
        if uid:
            self.command = ["nsenter", f"--net={netns(ns)}", "--", "setpriv", f"--reuid={uid}", f"--regid={uid}",
                            "--clear-groups", "--inh-caps=-all", "--", *command]
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})}
        self.log = open(self.path, "ab", buffering=0)
        self.child = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.supervise, daemon=True)
        self.thread.start()
        self.started.wait(10)

    def supervise(self):
        while not self.stopping:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.env)
            self.starts += 1
            self.started.set()
            status = self.child.wait()
            if self.stopping or not self.restart:
                return
            self.log.write(f"-- harness: {self.label} ended with {status}, starting it again\n".encode())
            time.sleep(0.5)  # RestartSec of the units

    @property
    def pid(self):
        return self.child.pid

    def text(self, offset=0):
        with open(self.path, "rb") as f:
            f.seek(offset)
            return f.read().decode(errors="replace")

    def size(self):
        return os.path.getsize(self.path)

    def stop(self):
        self.stopping = True
        self.child.terminate()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self.thread.join(5)


class World:
    def __init__(self, build, folder):
        self.build, self.folder, self.processes, self.mounts = build, folder, [], []
        for name in ("log", "bin", "tls"):
            os.makedirs(os.path.join(folder, name), mode=0o755)
        for program, where in PROGRAMS.items():
            shutil.copy(os.path.join(build, where, program), os.path.join(folder, "bin", program))
        self.resolve()
        self.networks()

    def program(self, name):
        return os.path.join(self.folder, "bin", name)

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def mount(self, *words):
        """Until the world ends: what comes after it in this mount namespace finds the system's own files."""
        run("mount", *words)
        self.mounts.append(words[-1])

    def hosts(self, address):
        """Every public name is the ingress's address, for every party; no other name exists."""
        names = ["laptop", "desk", "nobody", "ungranted", "second", "third", "fourth", "away", "web", "vps"]
        return "127.0.0.1 localhost\n" + "".join(f"{address} {n}.{ZONE}\n" for n in names)

    def resolve(self):
        for target, text in (("/etc/hosts", self.hosts(INGRESS)), ("/etc/resolv.conf", ""), ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")):
            source = self.file("etc-" + os.path.basename(target), text)
            if os.path.exists(target):
                self.mount("--bind", source, os.path.realpath(target))

    def networks(self):
        os.makedirs("/run/netns", exist_ok=True)
        self.mount("-t", "tmpfs", "tmpfs", "/run/netns")
        if os.path.exists("/dev/net/tun"):  # as udev leaves it on a Debian machine: for everyone
            device = os.path.join(self.folder, "tun")
            os.mknod(device, 0o666 | 0o020000, os.makedev(10, 200))
            os.chmod(device, 0o666)
            self.mount("--bind", device, "/dev/net/tun")
        ip("link", "set", "lo", "up")
        ip("link", "add", "internet", "type", "bridge")
        ip("link", "set", "internet", "up")
        for name in ("visitor", "ingress", "nat", "node", "desk", "lan"):
            ip("netns", "add", name)
            ip("link", "set", "lo", "up", ns=name)
        for name, address in (("visitor", "203.0.113.10/24"), ("ingress", INGRESS + "/24"), ("nat", "203.0.113.20/24")):
            ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "wan", "netns", name)
            ip("link", "set", f"to-{name}", "master", "internet", "up")
            ip("addr", "add", address, "dev", "wan", ns=name)
            # No link-local address: it would be ready a second later, and a browser takes that for another network.
            ip("link", "set", "wan", "addrgenmode", "none", "up", ns=name)
        for address in VISITORS:
            ip("addr", "add", address + "/24", "dev", "wan", ns="visitor")
        for name, inner in (("node", "192.168.77"), ("desk", "192.168.78")):
            ip("link", "add", f"to-{name}", "netns", "nat", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("addr", "add", inner + ".1/24", "dev", f"to-{name}", ns="nat")
            ip("link", "set", f"to-{name}", "up", ns="nat")
            ip("addr", "add", inner + ".2/24", "dev", "eth0", ns=name)
            ip("link", "set", "eth0", "up", ns=name)
            ip("route", "add", "default", "via", inner + ".1", ns=name)
        ip("link", "add", "eth1", "netns", "node", "type", "veth", "peer", "name", "eth0", "netns", "lan")
        ip("addr", "add", "10.9.0.1/24", "dev", "eth1", ns="node")
        ip("link", "set", "eth1", "up", ns="node")
        ip("addr", "add", "10.9.0.2/24", "dev", "eth0", ns="lan")
        ip("link", "set", "eth0", "up", ns="lan")
        ip("route", "add", "default", "via", "10.9.0.1", ns="lan")
        ip("route", "add", "10.9.0.0/24", "via", "192.168.77.2", ns="nat")
        for name in ("nat", "node"):  # the node is a router too: the hard case for its isolation
            run("nsenter", f"--net={netns(name)}", "--", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("nsenter", f"--net={netns('nat')}", "--", "nft",
            "add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }; add rule ip nat post oifname wan masquerade")

    def start(self, label, command, ns, **more):
        process = Process(self, label, command, ns, **more)
        self.processes.append(process)
        return process

    def logs(self):
        return {p.label: p for p in self.processes}

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        for target in reversed(self.mounts):
            run("umount", "--lazy", target)


def table():
    """pid -> (parent, program) of every living process."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                head, tail = f.read().rsplit(")", 1)
            state, parent = tail.split()[:2]
            if state not in "ZX":
                found[int(entry)] = (int(parent), os.path.basename(os.readlink(f"/proc/{entry}/exe")))
        except OSError:
            pass
    return found


def below(root, program):
    """Pids of a program among the descendants of root."""
    processes = table()

    def descends(pid):
        while pid in processes and pid != root:
            pid = processes[pid][0]
        return pid == root
    return [pid for pid, (_, name) in processes.items() if name == program and pid != root and descends(pid)]


def kill(pid):
    os.kill(pid, signal.SIGKILL)
