# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ingress's side of the tunnel nothing of the node answers but the offer port, and nothing behind the node
is reachable. Tried with the routes and keys a hostile ingress would set, and with controls that show the attempts
would be seen to succeed if they did."""
import contextlib
import errno
import re
import select
import socket
import subprocess

import peers
from suite import test
from test_access import LAPTOP
from world import Failure, inside, netns, run, socket_in, until

EVERYWHERE = "0.0.0.0"
BEHIND = "10.9.0.2"
NODE_LAN = "192.168.77.2"


def scan(namespace, address, ports, per_batch=400, wait=3.0):
    """TCP ports that accept a connection. Ports that answer nothing are given up after `wait` seconds."""
    found = []
    ports = list(ports)
    for start in range(0, len(ports), per_batch):
        poll, open_sockets = select.poll(), {}
        with inside(namespace):
            for port in ports[start:start + per_batch]:
                sock = socket.socket()
                sock.setblocking(False)
                result = sock.connect_ex((address, port))
                if result in (0, errno.EINPROGRESS):
                    open_sockets[sock.fileno()] = (sock, port)
                    poll.register(sock, select.POLLOUT)
                else:
                    sock.close()
        while open_sockets:
            ready = poll.poll(wait * 1000)
            if not ready:
                break
            for fd, _ in ready:
                sock, port = open_sockets.pop(fd)
                poll.unregister(fd)
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.append(port)
                sock.close()
        for sock, _ in open_sockets.values():
            sock.close()
    return found


def node_address(w, name="laptop"):
    """The node's tunnel address, as the ingress knows it."""
    for node in w.ingress.json("nodes")["nodes"]:
        if node["name"] == name:
            return node["address"]
    raise Failure(f"{name} is not in funnel-ingress nodes")


def device(w):
    """The WireGuard device inside, and the key of the peer that has an address."""
    return run("nsenter", f"--net={w.ingress.inside()}", f"--mount=/proc/{w.ingress.agent()}/ns/mnt", "--", "wg", "show", "interfaces").split()[0]


def peer_of(w, address):
    for line in w.ingress.enter("wg", "show", device(w), "allowed-ips").splitlines():
        key, allowed = line.split("\t", 1)
        if address + "/32" in allowed.split():
            return key
    raise Failure(f"no peer for {address}")


@contextlib.contextmanager
def hostile(w):
    """The ingress sends whatever it likes down the tunnel of the laptop."""
    address, name = node_address(w), device(w)
    key = peer_of(w, address)
    destinations = ["192.168.77.0/24", "10.9.0.0/24", "192.168.78.0/24", "198.18.0.0/15"]
    w.ingress.enter("wg", "set", name, "peer", key, "allowed-ips", f"{address}/32,{','.join(destinations)}")
    for destination in destinations:
        w.ingress.enter("ip", "route", "replace", destination, "dev", name)
    try:
        yield address
    finally:
        for destination in destinations:
            w.ingress.enter("ip", "route", "del", destination, "dev", name)
        w.ingress.enter("wg", "set", name, "peer", key, "allowed-ips", f"{address}/32")


@test(limit=240)
def only_the_offer_port_answers(w):
    w.targets.start("node", 8080, peers.echo, address=EVERYWHERE)
    if scan(netns("nat"), NODE_LAN, [8080]) != [8080]:
        raise Failure("control: the node's listener on every address does not answer on its own network")
    found = scan(w.ingress.inside(), node_address(w), range(1, 65536))
    if len(found) != 1:
        raise Failure(f"open on the node's tunnel address: {found}")
    w.offer_port = found[0]


@test(limit=60)
def no_port_of_the_node_answers_a_hostile_ingress(w):
    with hostile(w):
        if not scan(w.ingress.inside(), node_address(w), [w.offer_port]):
            raise Failure("control: the offer port does not answer with the hostile routes")
        for address in (NODE_LAN, "10.9.0.1"):
            found = scan(w.ingress.inside(), address, [22, 80, 3000, 3443, 8080, w.offer_port], wait=2)
            if found:
                raise Failure(f"{address} answered on {found}")


@test(limit=60)
def nothing_behind_the_node_is_reached(w):
    w.targets.start("lan", 80, peers.echo, address=EVERYWHERE)
    if scan(netns("nat"), BEHIND, [80]) != [80]:
        raise Failure("control: the machine behind the node is not reachable through the node at all")
    with hostile(w):
        for address in (BEHIND, "192.168.77.1", "192.168.78.2", "198.18.0.1"):
            if scan(w.ingress.inside(), address, [80, 4000], wait=2):
                raise Failure(f"{address} answered through the tunnel")


@test(limit=60)
def not_even_one_packet_goes_in(w):
    """One-way datagrams do harm without an answer: count them where they would arrive."""
    sinks = []
    for ns in ("lan", "node"):
        sock = socket_in(ns, socket.SOCK_DGRAM)
        sock.bind((EVERYWHERE, 9999))
        sock.setblocking(False)
        sinks.append((ns, sock))
    nat = socket_in("nat", socket.SOCK_DGRAM)
    for address in (BEHIND, NODE_LAN):
        nat.sendto(b"control", (address, 9999))
    for ns, sock in sinks:
        until(lambda s=sock: s.recv(100) == b"control", 5, f"control: a datagram reaches {ns}")
    with hostile(w) as address:
        with inside(w.ingress.inside()):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(50):
            for target in (BEHIND, NODE_LAN, "10.9.0.1", address):
                try:
                    sock.sendto(b"hostile", (target, 9999))
                except OSError:
                    pass
        # A TCP connection to the offer port through the same tunnel comes after all of them.
        if not scan(w.ingress.inside(), address, [w.offer_port]):
            raise Failure("control: the tunnel does not carry anything")
    for ns, sock in sinks:
        with contextlib.suppress(BlockingIOError):
            raise Failure(f"{ns} received {sock.recv(100)!r} from {sock.getsockname()}")


@test(limit=60)
def no_other_address_of_the_node_answers_ping(w):
    with hostile(w) as address:
        inside_ping = ["nsenter", f"--net={w.ingress.inside()}", "--"]
        for target in (NODE_LAN, "10.9.0.1", BEHIND):
            if pings(inside_ping, target):
                raise Failure(f"{target} answers ping through the tunnel")
    if not pings(["nsenter", f"--net={netns('nat')}", "--"], NODE_LAN):
        raise Failure("control: the node does not answer ping on its own network")
    assert address


def pings(prefix, target):
    """One ICMP echo, made here: ping may not be installed."""
    code = ("import socket,struct,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,1);s.settimeout(1)\n"
            "p=struct.pack('!BBHHH',8,0,0,77,1)\n"
            "c=sum(struct.unpack('!4H',p));c=(c>>16)+(c&0xffff)\n"
            "p=struct.pack('!BBHHH',8,0,~c&0xffff,77,1)\n"
            "try:\n s.sendto(p,(sys.argv[1],0))\n while True:\n"
            "  d,a=s.recvfrom(2000)\n  if a[0]==sys.argv[1] and d[20]==0: sys.exit(0)\n"
            "except OSError: sys.exit(1)\n")
    return subprocess.run([*prefix, "/usr/bin/python3", "-c", code, target], timeout=20).returncode == 0


@test()
def one_node_cannot_reach_another(w):
    """From inside the desk's tunnel, the laptop's offer port and its address are not there."""
    agent = w.desk.agent()
    if agent is None:
        raise Failure("the desk has no agent")
    laptop, desk = node_address(w), node_address(w, "desk")
    inside_desk = f"/proc/{tunnel_holder(agent, desk)}/ns/net"
    if not scan(inside_desk, "100.64.0.1", [7780]):
        raise Failure("control: the desk does not reach the link port")
    if scan(inside_desk, laptop, [w.offer_port], wait=2):
        raise Failure("the desk reached the laptop's offer port")
    found = scan(inside_desk, "100.64.0.1", [1, 22, 80, 443, 8443, 3000, 51820], wait=2)
    if found:
        raise Failure(f"the ingress answers on {found} inside the tunnel")


def tunnel_holder(agent, address):
    """A process in the namespace that has the tunnel address: the agent or one of its children."""
    from world import below
    for pid in [agent, *below(agent, "wireguard-go"), *below(agent, "funnel-netns")]:
        if re.search(rf"\b{re.escape(address)}\b", run("nsenter", f"--net=/proc/{pid}/ns/net", "--", "ip", "-4", "addr")):
            return pid
    raise Failure(f"no namespace below the agent has {address}")


@test()
def still_serving(w):
    peers.works(w.ca, LAPTOP)
