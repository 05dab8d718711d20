#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent, as root and without privilege, on two hosts: test_agent.py PROGRAM ENGINE [CASE…]"""

import errno
import fcntl
import mmap
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import agent_bench as bench_module  # noqa: E402
from agent_bench import (DEADLINE, INGRESS, INGRESS_HOST, NODE, NODE_HOST, PORT, USER, Agent, AgentError, Client,  # noqa: E402
                         Skipped, is_gone, keys, memfd, run, talk, wait_for)

SERVER = """
import socket, sys
kind, ip, port = sys.argv[1:4]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((ip, int(port)))
if kind == "tcp":
    s.listen()
print("ready", flush=True)
while True:
    if kind == "tcp":
        c, _ = s.accept(); c.sendall(b"host"); c.close()
    else:
        _, peer = s.recvfrom(2000); s.sendto(b"host", peer)
"""

PROBE = """
import socket, sys
kind, ip, port = sys.argv[1:4]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[4]))
try:
    s.connect((ip, int(port)))
    if kind == "udp":
        s.send(b"x")
    print("answered " + s.recv(100).decode())
except TimeoutError:
    print("silence")
except OSError as error:
    print(error.errno)
"""


def python(*argv):
    return ["/usr/bin/python3", "-c", *argv]


def serve(bench, host, kind, ip, port):
    process = bench.popen(host, "root", *python(SERVER, kind, ip, str(port)), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n", "the host's service did not start"


def probe(agent, kind, ip, port, seconds=1):
    return agent.inside(*python(PROBE, kind, ip, str(port), str(seconds)))


def refused(code, function, *args, **fields):
    try:
        function(*args, **fields)
    except AgentError as error:
        assert error.code == code, f"{error} instead of {code}"
        return error.message
    raise AssertionError(f"not refused: {args} {fields}")


def refused_by_system(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
    raise AssertionError("connected")


def tcp_through(source, target, address):
    listener, port = target.listen(address)
    client = source.connect(address, port)
    server, peer = listener.accept()
    return client, server, peer, listener, port


# ---- the tunnel ----

def pair(bench, engine, user):
    node, ingress = bench.pair(user, engine)
    for agent in (node, ingress):
        hello, _ = agent.call("hello")
        assert hello["engine"] == engine and hello["up"] == "1" and hello["relay"] == "0", hello
        assert hello["privileged"] == ("1" if user == "root" else "0"), hello
    for source, target, address in ((node, ingress, INGRESS), (ingress, node, NODE)):
        client, server, peer, _listener, port = tcp_through(source, target, address)
        assert peer[0] == {INGRESS: NODE, NODE: INGRESS}[address], peer
        talk(client, server)
        target.call("verify", ports=port)
    status, fds = node.call("status")
    assert int(status["handshake"]) > 0 and int(status["rx"]) > 200000 and status["mtu"] == "1420", status
    line = os.read(fds[0], 4096).decode().split()
    assert line[0] == ingress.key and line[1] == f"{INGRESS_HOST}:{PORT}", line
    status, fds = ingress.call("status")
    line = os.read(fds[0], 4096).decode().split()
    assert line[0] == node.key and line[1].startswith(f"{NODE_HOST}:"), line
    assert status["listen-port"] == str(PORT), status


def isolation(bench, engine, user):
    """Nothing of the node's host is reachable, from inside and from a hostile ingress."""
    for kind, ip, port in (("tcp", "0.0.0.0", 8080), ("tcp", NODE_HOST, 8084), ("tcp", "127.0.0.1", 8085),
                           ("udp", "0.0.0.0", 8082)):
        serve(bench, "node", kind, ip, port)
    assert run(*bench.on("ingress", "root", *python(PROBE, "tcp", NODE_HOST, "8080", "5"))) == "answered host"
    node, ingress = bench.pair(user, engine)
    _listener, port = node.listen(NODE)
    client = ingress.connect(NODE, port)
    client.close()
    for ip, number in ((NODE_HOST, 8080), (NODE_HOST, 8084), (INGRESS_HOST, 22)):
        assert probe(node, "tcp", ip, number) == str(errno.ENETUNREACH), f"{ip} reached from inside"
    assert probe(node, "tcp", "127.0.0.1", 8085) == str(errno.ECONNREFUSED), "the host's loopback is inside"
    # The ingress turns hostile: everything is allowed and routed into the tunnel.
    ingress.call("peer", peer=node.key, allowed="0.0.0.0/0")
    ingress.inside("ip", "route", "add", f"{NODE_HOST}/32", "dev", device(ingress))
    for number in (8080, 8084, 8085, 22, 51820):
        if number != port:
            assert refused_by_system(ingress.connect, NODE, number) == errno.ECONNREFUSED
    assert probe(ingress, "udp", NODE, 8082) in (str(errno.ECONNREFUSED), "silence")
    assert probe(ingress, "tcp", NODE_HOST, 8080, 2) == "silence", "the node's host was reached"
    assert probe(ingress, "udp", NODE_HOST, 8082, 2) == "silence", "the node's host was reached"
    node.call("verify", ports=port)


def device(agent):
    names = [line.split(":")[0].strip() for line in agent.inside("cat", "/proc/net/dev").split("\n")[2:]]
    return next(name for name in names if name.startswith("fn"))


def verify(bench, engine, user):
    """Each thing an intruder could add is found, and gone again it is fine again."""
    node, _ingress = bench.pair(user, engine)
    name = device(node)
    node.call("verify")
    listen = "import socket,time; s=socket.socket(socket.AF_INET,socket.{kind}); s.bind((\"{ip}\",{port})); {listen}"
    changes = [
        (["ip", "route", "add", "default", "dev", name], ["ip", "route", "delete", "default", "dev", name],
         "default route"),
        (["ip", "route", "add", "192.0.2.0/24", "dev", name], ["ip", "route", "delete", "192.0.2.0/24", "dev", name],
         "foreign route"),
        (["ip", "route", "add", "192.0.2.0/24", "dev", name, "table", "99"],
         ["ip", "route", "flush", "table", "99"], "routing table"),
        (["ip", "link", "add", "intruder", "type", "veth", "peer", "name", "intruder2"],
         ["ip", "link", "delete", "intruder"], "device intruder"),
        (["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
         ["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"], "forwarding"),
    ]
    for add, remove, sentence in changes:
        node.inside(*add)
        message = refused("not-isolated", node.call, "verify")
        assert sentence in message, message
        node.inside(*remove)
        if "99" not in add:
            node.call("verify")
    for kind, ip, code in (("SOCK_STREAM", "0.0.0.0", "s.listen()"), ("SOCK_STREAM", NODE, "s.listen()"),
                           ("SOCK_DGRAM", "0.0.0.0", "0"), ("SOCK_DGRAM", "127.0.0.1", "0")):
        body = listen.format(kind=kind, ip=ip, port=4000, listen=code)
        process = foreign(node, body + '; print("ready", flush=True); time.sleep(1000)')
        message = refused("not-isolated", node.call, "verify")
        assert "port 4000" in message, message
        if kind == "SOCK_STREAM":
            node.call("verify", ports=4000)
        process.kill()
        process.wait()
    process = foreign(node, 'import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_RAW,255); '
                            'print("ready", flush=True); time.sleep(1000)')
    assert "raw socket" in refused("not-isolated", node.call, "verify")
    process.kill()
    process.wait()
    refused("invalid-argument", node.call, "verify", ports="1,x")


def foreign(agent, code):
    """A process of somebody else inside the private namespace."""
    where = ["nsenter", "-t", str(agent.pid()), "-n"]
    if os.readlink(f"/proc/{agent.pid()}/ns/user") != os.readlink("/proc/self/ns/user"):
        where.append("-U")
    process = subprocess.Popen([*where, *python(code)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


# ---- deaths ----

def engine_killed(bench, engine, user):
    """wireguard-go dies on either side: TCP connections go on, both ways, and nobody has to ask for it."""
    if engine == "kernel":
        raise Skipped("the kernel's engine is no process that could be killed")
    node, ingress = bench.pair(user, engine)
    client, server, _peer, _listener, port = tcp_through(node, ingress, INGRESS)
    talk(client, server)
    for agent in (node, ingress):
        # The agent learns where peers are some seconds after a handshake; only the ingress needs that.
        if agent is ingress:
            wait_for("the ingress has noted the node's endpoint", lambda: learned(ingress))
        for _ in range(2):
            os.kill(agent.child("wireguard-go"), signal.SIGKILL)
            agent.wait_event("engine-restarted")
            talk(server, client)
        agent.call("verify", ports=port if agent is ingress else "")
    assert int(node.call("status")[0]["handshake"]) > 0


def learned(ingress):
    """True once a snapshot of endpoints ran: it is a child process `wg show … endpoints`, seen as a
    changed count of the agent's reaped children's page faults."""
    with open(f"/proc/{ingress.pid()}/stat", encoding="ascii") as file:
        faults = int(file.read().rsplit(")", 1)[1].split()[8])
    before = getattr(ingress, "child_faults", faults)
    ingress.child_faults = before
    return faults > before


def client_gone(bench, engine, user):
    """The private agent's client goes: agent, engine and namespace go."""
    node, _ingress = bench.pair(user, engine)
    netns, children = node.netns(), node.children()
    node.close()
    node.process.wait(DEADLINE)
    wait_for("the agent's children are gone", lambda: all(is_gone(pid) for pid in children))
    wait_for("nothing lives in the namespace", lambda: not inhabitants(netns))


def agent_killed(bench, engine, user):
    node, _ingress = bench.pair(user, engine)
    netns, children = node.netns(), node.children()
    assert children or engine == "kernel"
    node.process.kill()
    node.process.wait()
    wait_for("the agent's children are gone", lambda: all(is_gone(pid) for pid in children))
    wait_for("nothing lives in the namespace", lambda: not inhabitants(netns))
    try:
        node.receive()
    except (ConnectionResetError, OSError):
        return
    raise AssertionError("the client did not notice")


def inhabitants(netns):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/net") == netns:
                found.append(pid)
        except OSError:
            continue
    return found


# ---- addresses ----

def node_moves(bench, engine, user):
    """The node's address changes; WireGuard roams with the next packet, nothing is told to anybody."""
    node, ingress = bench.pair(user, engine)
    client, server, _peer, _listener, _port = tcp_through(node, ingress, INGRESS)
    talk(client, server)
    host = bench.hosts["node"]
    run("ip", "-n", host, "address", "add", "192.0.2.77/24", "dev", "wire")
    run("ip", "-n", host, "address", "delete", f"{NODE_HOST}/24", "dev", "wire")
    talk(client, server)
    talk(server, client)
    _status, fds = ingress.call("status")
    assert os.read(fds[0], 4096).decode().split()[1].startswith("192.0.2.77:")


def endpoint_moves(bench, engine, user):
    """The ingress is elsewhere: the endpoint verb brings the tunnel back, with and without keepalive."""
    for keepalive in (5, 0):
        node, ingress = bench.pair(user, engine, keepalive)
        client, server, _peer, _listener, _port = tcp_through(node, ingress, INGRESS)
        talk(client, server)
        host = bench.hosts["ingress"]
        run("ip", "-n", host, "address", "add", "192.0.2.88/24", "dev", "wire")
        run("ip", "-n", host, "address", "delete", f"{INGRESS_HOST}/24", "dev", "wire")
        node.call("endpoint", peer=ingress.key, endpoint=f"192.0.2.88:{PORT}")
        wait_for("a new handshake without any traffic", lambda: int(node.call("status")[0]["handshake"]) > 0)
        talk(client, server)
        refused("not-found", node.call, "endpoint", peer=node.key, endpoint=f"192.0.2.88:{PORT}")
        run("ip", "-n", host, "address", "add", f"{INGRESS_HOST}/24", "dev", "wire")
        run("ip", "-n", host, "address", "delete", "192.0.2.88/24", "dev", "wire")
        for agent in (node, ingress):
            agent.close()
            agent.process.wait(DEADLINE)


def narrow_path(bench, engine, user):
    """What the path carries goes for what both sides send, and outlives the engine."""
    node, ingress = bench.pair(user, engine)

    def largest():
        sockets = tcp_through(node, ingress, INGRESS)[:2]
        talk(*sockets)
        return max(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) for s in sockets)
    usual = largest()
    assert 1300 < usual <= 1420 - 40, usual
    node.call("mtu", mtu="1240")
    assert node.call("status")[0]["mtu"] == "1240"
    assert 1100 < largest() <= 1240 - 40, largest()
    node.call("verify", ports="")
    if engine == "wireguard-go":
        os.kill(node.child("wireguard-go"), signal.SIGKILL)
        node.wait_event("engine-restarted")
    assert largest() <= 1240 - 40, largest()
    node.call("mtu", mtu="8000")
    assert node.call("status")[0]["mtu"] == "1420" and largest() == usual
    for value in ("575", "65536", "x", ""):
        assert refused("invalid-argument", node.call, "mtu", mtu=value).startswith("mtu")


def ipv6_outside(bench, engine, user):
    for name, ip in (("node", "fd00:7::1"), ("ingress", "fd00:7::2")):
        run("ip", "-n", bench.hosts[name], "address", "add", f"{ip}/64", "dev", "wire", "nodad")
    # IPv6 on a fresh cable takes its time; a refused connection is as good as any to see it work.
    wait_for("IPv6 between the hosts", lambda: run(*bench.on("node", "root", *python(
        PROBE.replace("AF_INET,", "AF_INET6,"), "tcp", "fd00:7::2", "9", "0.2"))) == str(errno.ECONNREFUSED))
    node, ingress = bench.pair(user, engine)
    # A second handshake within milliseconds of the first would be taken for a flood, and wait 5 s.
    wait_for("a first handshake some time ago", lambda: 0 < int(node.call("status")[0]["handshake"]) < int(time.time()))
    node.call("endpoint", peer=ingress.key, endpoint=f"[fd00:7::2]:{PORT}")
    client, server, _peer, _listener, _port = tcp_through(node, ingress, INGRESS)
    talk(client, server)
    _status, fds = ingress.call("status")
    assert os.read(fds[0], 4096).decode().split()[1].startswith("[fd00:7::1]:")


def strangers(bench, engine, user):
    """Garbage and forged handshakes at the ingress's port do not disturb the node."""
    node, ingress = bench.pair(user, engine)
    client, server, _peer, _listener, port = tcp_through(node, ingress, INGRESS)
    talk(client, server)
    flood = f"""
import os, socket
for i in range(3000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"\\1\\0\\0\\0" + os.urandom(144), ("{INGRESS_HOST}", {PORT}))
    s.sendto(os.urandom(i % 1400), ("{INGRESS_HOST}", {PORT}))
    s.sendto(b"\\4\\0\\0\\0" + os.urandom(60), ("{INGRESS_HOST}", {PORT}))
    s.close()
"""
    run(*bench.on("node", "root", *python(flood)))
    talk(client, server)
    ingress.call("verify", ports=port)
    assert int(ingress.call("hello")[0]["pid"]) > 0


# ---- peers ----

def many_peers(bench, engine, user):
    node, ingress = bench.pair(user, engine)
    own = f"[Peer]\nPublicKey = {node.key}\nAllowedIPs = {NODE}/32\n"
    names = [run("wg", "pubkey", input=run("wg", "genkey")) for _ in range(20)]
    many = "".join(f"[Peer]\nPublicKey = {name}\nAllowedIPs = 100.64.1.{i}/32\nPersistentKeepalive = 0\n\n"
                   for i, name in enumerate(names))
    ingress.call("peers", fds=[memfd((own + many).encode())])
    assert ingress.call("status")[0]["peers"] == "21"
    ingress.call("unpeer", peer=names[3])
    ingress.call("unpeer", peer=names[3])
    assert ingress.call("status")[0]["peers"] == "20"
    ingress.call("peers", fds=[memfd(own.encode())], replace=1)
    assert ingress.call("status")[0]["peers"] == "1"
    client, server, *_rest = tcp_through(node, ingress, INGRESS)
    talk(client, server)
    for text, word in (("[Peer]\nPublicKey = x\n", "line 3"), ("[Nobody]\n", "line 1"),
                       (own + "Endpoint = nowhere\n", "endpoint"), (own + "PrivateKey = x\n", "line 4"),
                       (own + f"PublicKey = {node.key}\n", "line 4")):
        message = refused("invalid-argument", ingress.call, "peers", fds=[memfd(text.encode())])
        assert word in message, message
    read_end, write_end = os.pipe()
    refused("invalid-argument", ingress.call, "peers", fds=[read_end])
    refused("invalid-argument", ingress.call, "peers")
    os.close(read_end)
    os.close(write_end)
    talk(client, server)


def up_again(bench, engine, user):
    """The same "up" disturbs nothing; another one replaces."""
    private, (_, public) = keys()[0], keys()
    agent = Agent(bench, "node", user, "--engine", engine)
    up = {"address": f"{NODE}/32", "private_key": private, "route": f"{INGRESS}/32"}
    agent.call("up", **up)
    agent.call("peer", peer=public, allowed=f"{INGRESS}/32")
    first = device(agent)
    agent.call("up", **up)
    assert device(agent) == first and agent.call("status")[0]["peers"] == "1"
    agent.call("up", **{**up, "address": "100.64.0.3/32"})
    assert device(agent) != first and agent.call("status")[0]["peers"] == "0"
    listener, _port = agent.listen("100.64.0.3")
    listener.close()
    refused("failed", agent.listen, NODE)
    agent.call("verify")


# ---- hostile requests ----

def hostile(bench, engine, user):
    agent = Agent(bench, "node", user, "--engine", engine)
    private, public = keys()
    good = {"address": f"{NODE}/32", "private_key": private, "route": f"{INGRESS}/32"}
    for text in (b"hello", b"\n", b"hello\n\n", b"HELLO\n", b"hello\nx\n", b"hello\n=\n", b"hello\na=\0\n",
                 b"hello\nversion=1\n", b"no-such-thing\n", b"up\naddress=1\naddress=2\n", b"x" * 65536,
                 b"x" * 70000, b"hello\n" + b"".join(b"a%d=1\n" % i for i in range(300)), b"\xff\xfe\n"):
        try:
            agent.send(text)
        except OSError:
            continue  # too long for the socket itself
        word, fields, _fds = agent.answer()
        assert word == "error" and fields["message"], (text[:40], word, fields)
    for field, value in (("address", "100.64.0.2"), ("address", "100.64.0.2/33"), ("address", "::1/128"),
                         ("address", "x dev lo/32"), ("private_key", "x"), ("private_key", private[:-2] + "/="),
                         ("route", "0.0.0.0/0"), ("route", "100.64.0.1/32 dev lo"), ("listen_port", "70000"),
                         ("listen_port", "-1"), ("nonsense", "1")):
        message = refused("invalid-argument", agent.call, "up", **{**good, field: value})
        assert message.startswith(field.replace("_", "-")), message
        assert private not in message
    for field, value in (("peer", "x"), ("allowed", "x"), ("allowed", "100.64.0.1/32,"), ("endpoint", "host:1"),
                         ("endpoint", "1.2.3.4:0"), ("keepalive", "70000")):
        fields = {**good, "peer": public, "allowed": f"{INGRESS}/32", field: value}
        message = refused("invalid-argument", agent.call, "up", **fields)
        assert message.startswith(field), message
    for verb, fields in (("peer", {"peer": public, "allowed": "100.64.0.9/32"}), ("unpeer", {"peer": public}),
                         ("endpoint", {"peer": public, "endpoint": "1.2.3.4:5"}), ("verify", {})):
        refused("failed", agent.call, verb, **fields)
    read_end, write_end = os.pipe()
    before = len(os.listdir(f"/proc/{agent.pid()}/fd"))
    refused("invalid-argument", agent.call, "hello", fds=[read_end] * 10)
    refused("invalid-argument", agent.call, "relay-start", fds=[read_end], program="/bin/true", listeners="443")
    refused("invalid-argument", agent.call, "relay-start", fds=[read_end] * 61, program="/bin/true", listeners="443")
    refused("invalid-argument", agent.call, "relay-start", program="true")
    refused("invalid-argument", agent.call, "relay-start", **{"program": "/bin/true", "arg.1": "x"})
    refused("invalid-argument", agent.call, "relay-routes", fds=[read_end])
    unsealed = memfd(b"routes", sealed=False)
    refused("invalid-argument", agent.call, "relay-routes", fds=[unsealed])
    refused("not-found", agent.call, "relay-routes-get")
    refused("not-found", agent.call, "relay-counters")
    refused("failed", agent.call, "relay-start", program="/no/such/program", listeners="")
    refused("invalid-argument", agent.call, "listen", address="x", port=1)
    refused("failed", agent.call, "listen", address=NODE_HOST, port=1)
    refused("invalid-argument", agent.call, "listen", address="127.0.0.1", port="1x")
    assert len(os.listdir(f"/proc/{agent.pid()}/fd")) == before, "descriptors were kept"
    agent.call("up", **good)
    assert agent.call("hello")[0]["up"] == "1"
    os.close(read_end)
    os.close(write_end)
    os.close(unsealed)


def slow_reader(bench, engine, user):
    """A client that asks without reading is not served further, and still gets every answer in order."""
    agent = Agent(bench, "node", user, "--engine", engine)
    agent.sock.settimeout(0.5)
    sent = 0
    try:
        while sent < 20000:
            agent.send("hello\n" if sent % 2 else "nonsense\n")
            sent += 1
    except TimeoutError:
        pass
    for i in range(sent):
        word, _fields, _fds = agent.answer()
        assert word == ("ok" if i % 2 else "error"), i
    agent.call("hello")


def secrets_stay(bench, engine, user):
    private, public = keys()
    agent = Agent(bench, "node", user, "--engine", engine)
    agent.call("up", address=f"{NODE}/32", private_key=private, route=f"{INGRESS}/32", peer=public,
               allowed=f"{INGRESS}/32", endpoint=f"{INGRESS_HOST}:{PORT}", keepalive=5)
    for pid in (agent.pid(), *agent.children()):
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert private.encode() not in file.read(), f"the key is in {name} of {pid}"
    found = agent.inside("sh", "-c", f"grep -rlF '{private}' /run 2>/dev/null || true")
    assert found == "", found


# ---- the relay's supervisor ----

RELAY = """#!/usr/bin/python3
import os, select, socket, struct, sys, mmap
args = sys.argv[1:]
control = counters = None
listeners = []
while args and args[0].startswith("--"):
    name = args.pop(0)
    if name == "--keep-gauges": continue
    value = args.pop(0)
    if name == "--control-fd": control = socket.socket(fileno=int(value))
    elif name == "--counters-fd": counters = mmap.mmap(int(value), 0)
    elif name == "--listener": listeners.append((socket.socket(fileno=int(value.split(":")[0])), value.split(":")[1]))
starts = struct.unpack_from("Q", counters)[0] + 1
struct.pack_into("Q", counters, 0, starts)
routes = b"none"
empty = os.path.isdir("/run/empty") and not os.listdir("/run/empty")
while True:
    ready, _, _ = select.select([control] + [l for l, _ in listeners], [], [])
    for one in ready:
        if one is control:
            data, fds, _, _ = socket.recv_fds(control, 1000, 4)
            if data in (b"", b"drain\\n"): sys.exit(0)
            assert data == b"routes\\n", data
            routes = os.pread(fds[0], 1000, 0)
            control.send(b"ok 7\\n" if routes != b"bad" else b"error too bad\\n")
        else:
            c, _ = one.accept()
            port = next(p for l, p in listeners if l is one)
            c.sendall(f"{port} {routes.decode()} {starts} {','.join(args)} {os.getpid()} {empty} "
                      f"{os.readlink('/proc/self/ns/net')}".encode())
            c.close()
"""


def write_relay(bench):
    path = os.path.join(bench.folder, "relay")
    with open(path, "w", encoding="utf-8") as file:
        file.write(RELAY)
    os.chmod(path, 0o755)
    return path


def ask(port):
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
        sock.settimeout(DEADLINE)
        return sock.recv(1000).decode().split(" ")


def lasting(bench, user, engine, path):
    return subprocess.Popen(bench.on("ingress", user, bench.program, "--socket", path, "--engine", engine),
                            stderr=subprocess.PIPE, text=True)


def attach(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        return None
    return Client(sock)


def relay(bench, engine, user):
    """A lasting agent keeps its relay through the client's absence and the relay's own deaths."""
    program = write_relay(bench)
    folder = os.path.join(bench.folder, "run")
    os.mkdir(folder, 0o700)
    if user != "root":
        os.chown(folder, USER, USER)
    path = os.path.join(folder, "agent.sock")
    process = lasting(bench, user, engine, path)
    bench.processes.append(process)
    client = wait_for("the lasting agent listens", lambda: attach(path))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    second = lasting(bench, user, engine, path)
    assert second.wait(DEADLINE) == 1 and "another agent serves" in second.stderr.read()
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port = listeners[0].getsockname()[1]
    client.call("relay-routes", fds=[memfd(b"one")])
    client.call("relay-start", fds=[l.fileno() for l in listeners], program=program, listeners="443,8443",
                counters_size=8192, **{"arg.0": "hello", "arg.1": "world"})
    for listener in listeners:
        listener.close()
    assert client.wait_event("routes-applied")["generation"] == "7"
    answer = ask(port)
    assert answer[:4] == ["443", "one", "1", "hello,world"], answer
    assert (answer[5] == "True") == (engine != "none")
    assert (answer[6] != os.readlink("/proc/self/ns/net"))
    fds = client.call("relay-counters")[1]
    page = mmap.mmap(fds[0], 8192, prot=mmap.PROT_READ)
    assert struct.unpack_from("Q", page)[0] == 1
    try:
        os.ftruncate(fds[0], 1)
        raise AssertionError("the counters page can be cut under its readers")
    except PermissionError:
        pass
    client.close()
    assert ask(port)[4] == answer[4], "the relay was disturbed by its client's going"
    client = wait_for("attached again", lambda: attach(path))
    hello = client.call("hello")[0]
    assert hello["relay"] == "1" and hello["routes"] == "1", hello
    assert os.pread(client.call("relay-routes-get")[1][0], 100, 0) == b"one"
    client.call("relay-routes", fds=[memfd(b"two")])
    client.wait_event("routes-applied")
    for start in (2, 3, 4):
        os.kill(int(ask(port)[4]), signal.SIGKILL)
        assert client.wait_event("relay-exited")["status"] == "signal 9"
        answer = ask(port)  # waits in the listener's backlog for the new relay
        assert answer[2] == str(start), answer
        client.wait_event("relay-started")
        client.wait_event("routes-applied")
        assert ask(port)[1] == "two"
    client.call("relay-routes", fds=[memfd(b"bad")])
    assert client.wait_event("routes-refused")["message"] == "too bad"
    pid = int(ask(port)[4])
    crowd = [attach(path) for _ in range(10)]
    client.call("hello")
    for one in crowd:
        one.close()
    client.call("quit")
    process.wait(DEADLINE)
    wait_for("the relay is gone", lambda: is_gone(pid))
    assert not os.path.exists(path), "the socket was left behind"


ACTIVATE = """
import os, sys
fds = [int(word) for word in sys.argv[1].split(",") if word]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def activated_by(bench, user, sockets, *options):
    """The program with sockets as systemd hands them over: from descriptor 3 on, for the process with this id."""
    fds = [fcntl.fcntl(s, fcntl.F_DUPFD, 40) for s in sockets]
    process = subprocess.Popen(bench.on("ingress", user, *python(ACTIVATE, ",".join(map(str, fds)), bench.program, "--activated", *options)),
                               stderr=subprocess.PIPE, text=True, pass_fds=fds)
    bench.processes.append(process)
    for fd in fds:
        os.close(fd)
    return process


def activated(bench, engine, user):
    """The sockets are a service manager's: every relay has its listeners, wished or not, and none is ever closed."""
    program, path = write_relay(bench), os.path.join(bench.folder, "given.sock")
    clients = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    clients.bind(path)
    clients.listen()
    given, other, third = (socket.create_server(("127.0.0.1", 0)) for _ in range(3))
    port = given.getsockname()[1]
    process = activated_by(bench, user, [clients, given], "--engine", "none")
    client = attach(path)
    hello = client.call("hello")[0]
    assert (hello["given"], hello["listeners"], hello["relay"]) == (str(port), "", "0"), hello
    refused("invalid-argument", client.call, "relay-start", program=program, listeners="8443")
    # What is given needs no descriptor, and is there even if it is not wished.
    client.call("relay-start", fds=[other.fileno()], program=program, listeners=f"{port},8443", counters_size=8192)
    first = ask(port)
    assert first[0] == str(port) and ask(other.getsockname()[1])[0] == "8443"
    client.call("relay-start", fds=[third.fileno()], program=program, listeners="9443", drain=1, counters_size=8192)
    assert client.call("hello")[0]["listeners"] == "9443"
    second = wait_for("another relay", lambda: (answer := ask(port))[4] != first[4] and answer)
    wait_for("the first has drained", lambda: is_gone(int(first[4])))
    # Told to, it starts the program that is there now beside the one that runs.
    client.call("relay-routes", fds=[memfd(b"kept")])
    process.send_signal(signal.SIGHUP)
    wait_for("the second has drained", lambda: is_gone(int(second[4])))
    answer = ask(port)
    assert answer[1] == "kept" and answer[4] != second[4] and ask(third.getsockname()[1])[4] == answer[4], answer
    # One that cannot be started leaves the one that runs in its place.
    os.rename(program, program + ".away")
    process.send_signal(signal.SIGHUP)
    assert "the relay is not replaced" in process.stderr.readline() + process.stderr.readline() + process.stderr.readline()
    assert ask(port)[4] == answer[4]
    # Visitors wait while there is nobody, and others' clients come through the same socket.
    process.kill()
    process.wait()
    os.rename(program + ".away", program)
    client.close()
    client = attach(path)
    waiting = socket.create_connection(("127.0.0.1", port), DEADLINE)
    activated_by(bench, user, [clients, given], "--engine", "none")
    client.call("relay-start", program=program, counters_size=8192)
    waiting.settimeout(DEADLINE)
    assert waiting.recv(1000).decode().split(" ")[0] == str(port)
    for sockets, sentence in (([given], "no socket for clients"), ([clients, clients], "neither one for clients"),
                              ([clients, socket.socket()], "neither one for clients"), ([], "no socket for clients")):
        refusal = activated_by(bench, user, sockets, "--engine", "none")
        assert refusal.wait(DEADLINE) == 1 and sentence in refusal.stderr.read()


def kept_namespace(bench, engine, user):
    """--netns: agents come and go, the namespace stays, and what a killed one left is swept away."""
    name, path = bench.hosts["node"] + "k", os.path.join(bench.folder, "kept.sock")
    run("ip", "netns", "add", name)
    try:
        words = [bench.program, "--socket", path, "--engine", engine, "--netns", f"/run/netns/{name}"]
        if user != "root":
            os.chown(bench.folder, USER, USER)
            process = bench.popen("ingress", user, *words, stderr=subprocess.PIPE, text=True)
            assert process.wait(DEADLINE) == 1 and "CAP_SYS_ADMIN and CAP_NET_ADMIN are needed" in process.stderr.read()
            return
        run("ip", "-n", name, "link", "add", "fn0123456789ab", "type", "veth", "peer", "name", "other")
        private, public = keys()
        for last in (False, True):
            process = bench.popen("ingress", user, *words)
            client = wait_for("the agent listens", lambda: attach(path))
            hello = client.call("hello")[0]
            assert hello["privileged"] == "1", hello
            assert "fn0123456789ab" not in run("ip", "-n", name, "-o", "link")
            client.call("up", address=f"{INGRESS}/32", private_key=private, listen_port=PORT, route="100.64.0.0/10")
            assert f"{INGRESS}/32" in run("ip", "-n", name, "-o", "address")
            assert os.stat(f"/proc/{process.pid}/ns/net").st_ino == os.stat(f"/run/netns/{name}").st_ino
            refused("unsupported", client.call, "relay-start", program="/bin/true")
            process.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            process.wait()
            client.close()
        links = run("ip", "-n", name, "-o", "link").splitlines()
        assert not [line for line in links if "fn" in line.split(":")[1]], links
        missing = bench.popen("ingress", user, bench.program, "--socket", path, "--netns", "/run/netns/none-of-that-name",
                              stderr=subprocess.PIPE, text=True)
        assert missing.wait(DEADLINE) == 1 and "cannot enter the network namespace" in missing.stderr.read()
    finally:
        run("ip", "netns", "delete", name)


def lasting_killed(bench, engine, user):
    """kill -9 of the lasting agent takes the relay along, and the next one can start at the same place."""
    program = write_relay(bench)
    folder = os.path.join(bench.folder, "run")
    os.mkdir(folder, 0o700)
    if user != "root":
        os.chown(folder, USER, USER)
    path = os.path.join(folder, "agent.sock")
    for _ in range(2):
        process = lasting(bench, user, engine, path)
        bench.processes.append(process)
        client = wait_for("the lasting agent listens", lambda: attach(path))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            client.call("relay-start", fds=[listener.fileno()], program=program, listeners="443")
        pid = int(ask(port)[4])
        process.kill()
        process.wait()
        wait_for("the relay is gone", lambda: is_gone(pid))
        client.close()


def no_strangers(bench, engine, user):
    """Another user cannot speak to a lasting agent, even past the file's mode."""
    folder = os.path.join(bench.folder, "open")
    os.mkdir(folder, 0o755)
    if user != "root":
        os.chown(folder, USER, USER)
    path = os.path.join(folder, "agent.sock")
    process = lasting(bench, user, engine, path)
    bench.processes.append(process)
    wait_for("the lasting agent listens", lambda: attach(path)).call("hello")
    code = f"""
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
try:
    s.connect({path!r}); s.send(b"hello\\n"); print("answered" if s.recv(1000) else "closed")
except (PermissionError, ConnectionResetError, BrokenPipeError): print("closed")
"""
    other = ["setpriv", "--reuid", str(USER + 1), "--regid", str(USER + 1), "--clear-groups", *python(code)]
    assert run(*other) == "closed"
    if user == "root":
        os.chmod(path, 0o666)
        assert run(*other) == "closed"
    else:
        # Inside a user namespace all others look alike; there the mode alone keeps them out.
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def direct(bench, engine, user):
    """Engine none: no namespace, plain loopback sockets."""
    agent = Agent(bench, "ingress", user, "--engine", "none")
    hello = agent.call("hello")[0]
    assert hello["engine"] == "none" and hello["up"] == "0", hello
    assert agent.netns() == os.readlink(f"/proc/{bench_pid(bench)}/ns/net")
    listener, port = agent.listen("127.64.0.1")
    answer, fds = agent.call("socket", address="127.64.0.2")
    sock = socket.socket(fileno=fds[0])
    sock.settimeout(DEADLINE)
    sock.connect(("127.64.0.1", port))
    server, peer = listener.accept()
    assert peer[0] == "127.64.0.2"
    talk(sock, server)
    agent.call("verify")
    refused("unsupported", agent.call, "up", address=f"{NODE}/32", private_key="x", route=f"{INGRESS}/32")


def bench_pid(bench):
    """A process on the ingress's host."""
    process = bench.popen("ingress", "root", "cat", stdin=subprocess.PIPE)
    wait_for("entered", lambda: open(f"/proc/{process.pid}/comm", encoding="ascii").read() == "cat\n")
    return process.pid


# ---- what cannot work says why ----

def explains(bench, engine, user):
    tools = os.path.join(bench.folder, "tools")
    os.mkdir(tools, 0o755)
    for path in ("/usr/local/sbin", "/usr/local/bin"):
        assert not os.path.exists(os.path.join(path, "wireguard-go"))
    hide = "mount -t tmpfs tmpfs /dev/net; exec \"$@\""
    cases = [
        (["sh", "-c", hide, "sh"], "wireguard-go", "/dev/net/tun"),
        (["sh", "-c", "mount --bind /dev/null /usr/bin/wireguard-go; exec \"$@\"", "sh"], "wireguard-go",
         "apt install wireguard-go"),
        (["sh", "-c", "mount --bind /dev/null /usr/bin/wg; exec \"$@\"", "sh"], "auto", "wireguard-tools"),
        (["unshare", "-Ur", "--", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv "
          "--inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs \"$@\"", "sh"], "auto",
         "user.max_user_namespaces"),
    ]
    for where, wish, sentence in cases:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = ["unshare", "-m", "--propagation", "private", "--", *where, bench.program, "--fd", str(theirs.fileno()),
                "--engine", wish]
        process = subprocess.Popen(argv, pass_fds=[theirs.fileno()])
        bench.processes.append(process)
        theirs.close()
        client = Client(ours)
        message = refused("unsupported", client.call, "hello")
        assert sentence in message, message
        refused("unsupported", client.call, "socket")
        client.call("quit")
        process.wait(DEADLINE)


def as_both(case):
    return {f"{case.__name__}-{user}": (lambda bench, engine, user=user: case(bench, engine, user))
            for user in ("root", "user")}


CASES = {}
for function in (pair, isolation, verify, engine_killed, client_gone, agent_killed, node_moves, endpoint_moves, narrow_path,
                 ipv6_outside, strangers, many_peers, up_again, hostile, slow_reader, secrets_stay, relay,
                 activated, kept_namespace, lasting_killed, no_strangers, direct):
    CASES.update(as_both(function))
CASES["explains"] = lambda bench, engine: explains(bench, engine, "root")

if __name__ == "__main__":
    sys.exit(bench_module.main(CASES))
