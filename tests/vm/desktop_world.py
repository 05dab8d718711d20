# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage in the guest, which is a laptop: an ingress in a network namespace of its own under its systemd units, a
visitor and a network behind the laptop in two more, a user at its screen, and what counts the packets that a hostile
ingress brings to places they must not reach."""
import fcntl
import json
import os
import re
import socket
import subprocess
import time

from desktop_suite import tell

VT_ACTIVATE = 0x5606  # linux/vt.h
NAME = "laptop.example.test"
LARGE, HUGE = 300000, 100000000  # bytes
HOSTS = "127.0.0.1 localhost\n"
SEAT = """[Unit]
After=systemd-user-sessions.service
[Service]
ExecStart=-/sbin/agetty --autologin ann --noclear tty1 linux
Type=idle
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/tty1
TTYReset=yes
TTYVHangup=yes
UtmpIdentifier=tty1
"""
STAGE = """
modprobe -a veth wireguard vrf dummy
for n in ing lan visitor; do ip netns add $n; ip -n $n link set lo up; done
ip link add up0 type veth peer name net0 netns ing
ip link add lan0 type veth peer name lan1 netns lan
ip -n ing link add vis0 type veth peer name net0 netns visitor
ip addr add 192.0.2.1/24 dev up0; ip link set up0 up; ip route add default via 192.0.2.2
ip addr add 10.9.0.1/24 dev lan0; ip link set lan0 up
ip -n ing addr add 192.0.2.2/24 dev net0; ip -n ing link set net0 up
ip -n ing addr add 198.51.100.1/24 dev vis0; ip -n ing link set vis0 up
ip -n lan addr add 10.9.0.2/24 dev lan1; ip -n lan link set lan1 up; ip -n lan route add default via 10.9.0.1
ip -n visitor addr add 198.51.100.2/24 dev net0; ip -n visitor link set net0 up
ip -n visitor route add default via 198.51.100.1
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.up0.promote_secondaries=1 net.ipv4.tcp_synack_retries=0
for i in all default up0 lan0; do sysctl -qw net.ipv4.conf.$i.rp_filter=0; done
useradd --create-home --shell /bin/bash ann
groupadd --system funnel
for u in funnel-ingressd funnel-netns-ingress; do
  mkdir -p /run/systemd/system/$u.service.d
  printf '[Unit]\\nConditionPathExists=\\n[Service]\\nNetworkNamespacePath=/run/netns/ing\\n' > /run/systemd/system/$u.service.d/ing.conf
done
systemd-sysusers
systemctl daemon-reload
"""
# A container engine's rule, which sends what comes for a published port on to its network.
DNAT = """
table ip nat {
  chain pre {
    type nat hook prerouting priority dstnat;
    fib daddr type local tcp dport 9090 dnat to 10.9.0.2:80
  }
}
"""
COUNTERS = """
table inet vm {
  chain input {
    type filter hook input priority 0;
    iifname { "funnel0", "funnel1", "funnel2", "plain0" } udp dport 8082 counter comment "input outside the VRF"
    iifname { "funnel0", "funnel1", "funnel2", "plain0" } tcp dport 8080 counter comment "input outside the VRF"
  }
  chain forward {
    type filter hook forward priority 0;
    iifname "funnel*" counter comment "forwarded"
    iifname "plain*" counter comment "forwarded"
  }
  chain output {
    type filter hook output priority 0;
    ip daddr 100.64.0.1 tcp sport 8080 tcp flags & (syn|ack) == syn|ack counter comment "a listener answered"
  }
}
"""
BEHIND = """
table inet vm {
  chain input {
    type filter hook prerouting priority 0;
    ip saddr 100.64.0.1 counter comment "arrived behind the laptop"
  }
}
"""
TARGETS = ["udp,{node},8082", "udp,192.0.2.1,8082", "udp,10.9.0.1,8082", "udp,10.9.0.2,81", "tcp,{node},8080", "tcp,192.0.2.1,8080",
           "tcp,10.9.0.2,80", "tcp,{node},9090"]


class Failure(Exception):
    """A test did not hold."""


class Skip(Exception):
    """A test cannot be made here."""


def sh(script, check=True, limit=120):
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise Failure(f"{script.strip()[:200]}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def until(condition, seconds, what):
    """Wait for `condition` to be true; on this slow machine, patiently."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"after {seconds} s still not: {what}")
        time.sleep(0.2)


class World:
    def __init__(self, folder, flood):
        self.folder, self.flood_program = folder, flood
        self.bound_program = os.path.join(os.path.dirname(flood), "vm-bound")
        self.flood, self.node = None, None
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    # --- setting up

    def build(self):
        sh(f"cp -a --no-preserve=ownership {self.folder}/installed/. /; cp -r {self.folder}/certificate /run/certificate; chmod -R a+rX /run/certificate")
        with open("/etc/hosts", "w", encoding="utf-8") as f:
            f.write(HOSTS + f"192.0.2.2 vps.example.test {NAME}\n")
        sh(STAGE)
        self.home = os.path.expanduser("~ann")
        with open(f"{self.home}/.bash_profile", "w", encoding="utf-8") as f:
            f.write('case $(tty) in /dev/tty1) exec sleep infinity;; esac\n')
        with open("/run/systemd/system/seat.service", "w", encoding="utf-8") as f:
            f.write(SEAT)
        self.uid = sh("id -u ann").strip()
        sh(f"systemctl daemon-reload; systemctl start --no-block seat; loginctl enable-linger ann")
        sh(f"nft -f - <<'X'\n{DNAT}X\nnft -f - <<'X'\n{COUNTERS}X\nip netns exec lan nft -f - <<'X'\n{BEHIND}X\n")
        self.listen()

    def listen(self):
        self.datagrams.bind(("0.0.0.0", 8082))
        self.datagrams.setblocking(False)
        self.listener.bind(("0.0.0.0", 8080))
        self.listener.listen(64)

    def start_ingress(self):
        sh("funnel-ingress init --zone example.test --endpoint vps.example.test:51820; systemctl start funnel-ingressd")
        lines = sh("funnel-ingress invite laptop --grant").splitlines()
        return next(line.strip() for line in lines if "funnel join" in line)

    def start_target(self):
        """What is shared: a page, served to this machine only."""
        os.makedirs("/run/site", exist_ok=True)
        with open("/run/site/index.html", "w", encoding="utf-8") as f:
            f.write("it works\n")
        for name, size in (("large", LARGE), ("huge", HUGE)):
            with open(f"/run/site/{name}", "wb") as f:
                f.truncate(size)
        subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/run/site", "3000"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # --- the user

    def ann(self, command, check=True, limit=120):
        return sh(f"cd {self.home}; setpriv --reuid ann --regid ann --init-groups --reset-env env LANG=C.UTF-8 NO_COLOR=1 "
                  f"XDG_RUNTIME_DIR=/run/user/{self.uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{self.uid}/bus {command}", check, limit)

    def as_user(self, command):
        """As what the user's desktop does: polkit goes by his session, and not by the process's."""
        return self.ann(f"systemd-run --user --wait --pipe --quiet {command}")

    def sessions(self):
        return [line.split() for line in sh("loginctl list-sessions --no-legend").splitlines() if "ann" in line]

    @staticmethod
    def show_screen(number):
        """As Ctrl+Alt+F1, F2…"""
        with open("/dev/tty0", "w", encoding="ascii") as console:
            fcntl.ioctl(console, VT_ACTIVATE, number)

    def status(self):
        text = self.ann("funnel status --json", check=False)
        try:
            return json.loads(text)
        except ValueError:
            return {"ingresses": [], "shares": []}

    def share(self):
        return next(iter(self.status()["shares"]), {"state": "none"})

    def ingress(self):
        return next(iter(self.status()["ingresses"]), {"state": "none", "tunnel": {"kind": ""}})

    def passed_over(self, kind, *words):
        """Wait until `kind` is used, and all before it passed over for a reason with these words in it."""
        self.active(kind)
        passed = self.ingress()["tunnel"]["passed_over"]
        if len(passed) != 1 or not all(word in passed[0] for word in words):
            raise Failure(f"passed over: {passed}, wanted: {words}")

    def active(self, kind=None, seconds=150):
        """Wait until the share was seen from outside, through that kind of tunnel."""
        def holds():
            status = self.status()
            return (status["shares"] and status["shares"][0]["state"] == "active"
                    and (kind is None or status["ingresses"][0]["tunnel"]["kind"] == kind))
        try:
            until(holds, seconds, f"active through {kind or 'any tunnel'}")
        except Failure as failure:
            raise Failure(f"{failure}\n{self.ann('funnel status', check=False)}") from failure

    def follows(self, endpoint):
        """Wait until the tunnel leads there. It may be so fast that the share is active throughout."""
        started = time.monotonic()
        until(lambda: endpoint in sh("wg show funnel0 endpoints", check=False), 90, f"the tunnel leads to {endpoint}")
        self.again(f"the ingress moved to {endpoint}", started)

    @staticmethod
    def states(since):
        """What the daemon has said of the share from then on: [(second of the machine's clock, state)]."""
        lines = re.findall(rf"\[ *([\d.]+)\].* funneld\[.*{NAME}:443: (\S+)", sh("journalctl -b -o short-monotonic --no-pager", check=False))
        return [(float(at), state) for at, state in lines if float(at) >= since]

    def again(self, what, since):
        """Measured, not judged: this machine is many times slower than any user's. since: the clock when the path worked; the
        daemon's own log tells when the share was seen again, because asking takes seconds here."""
        self.active("networkmanager")
        states = self.states(since)
        if not states:
            tell(f"active throughout: {what}")
        else:
            tell(f"active again after {states[-1][0] - since:.1f} s: {what} ({', '.join(f'{at - since:.1f} {state}' for at, state in states)})")
        if self.visit() != "it works\n":
            raise Failure(f"active, but no page, after: {what}")

    def visit(self, path="", then=""):
        return sh(f"ip netns exec visitor curl -sS --fail --max-time 60 --cacert /run/certificate/ca.pem https://{NAME}/{path} {then}", check=False)

    def slow_visitor(self):
        """Takes more than all buffers on the way hold, for as long as the test lasts; has begun."""
        visitor = subprocess.Popen(["ip", "netns", "exec", "visitor", "curl", "-sSN", "--limit-rate", "1k", "--cacert", "/run/certificate/ca.pem",
                                    f"https://{NAME}/huge"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not visitor.stdout.read(1):
            raise Failure("a visitor got nothing")
        return visitor

    def daemon(self, verb):
        return self.ann(f"systemctl --user {verb} funneld", limit=180)

    def daemon_pid(self):
        return int(self.ann("systemctl --user show --value -p MainPID funneld").strip() or 0)

    @staticmethod
    def woken():
        """When the machine last woke up, by its clock; None never."""
        lines = re.findall(r"\[ *([\d.]+)\].*PM: suspend exit", sh("journalctl -b -k -o short-monotonic --no-pager"))
        return float(lines[-1]) if lines else None

    def sleep(self):
        """As the user's desktop asks for it; back when the machine is awake again."""
        before = self.woken()
        sh("systemctl suspend", check=False)
        until(lambda: self.woken() != before, 60, "the machine slept")

    @staticmethod
    def hosts(lines):
        """What names lead where, on all of the stage."""
        with open("/etc/hosts", "w", encoding="utf-8") as f:
            f.write(HOSTS + lines)

    # --- what NetworkManager and the kernel have of the tunnel

    @staticmethod
    def interface_index():
        """Another one is another device."""
        return sh("cat /sys/class/net/funnel0/ifindex", check=False)

    @staticmethod
    def mtu():
        """Of what is sent to the ingress through the tunnel."""
        routes = json.loads(sh("ip -j route show vrf funnel-vrf0 100.64.0.1", check=False) or "[]")
        return routes[0].get("metrics", [{}])[0].get("mtu", 0) if routes else 0

    def fragments(self):
        """What went out in pieces while a visitor took something large."""
        sh("nft -f - <<'X'\ntable netdev pieces { chain c { type filter hook egress device up0 priority 0; ip frag-off & 0x3fff != 0 counter; }; }\nX")
        got = self.visit("large", "| wc -c").strip()
        rules = json.loads(sh("nft -j list table netdev pieces; nft delete table netdev pieces"))["nftables"]
        if got != str(LARGE):
            raise Failure(f"the visitor got {got} bytes")
        return next(e["counter"]["packets"] for entry in rules if "rule" in entry for e in entry["rule"]["expr"] if "counter" in e)

    def guard(self):
        return next(name for name in self.devices() if "guard" in name)

    @staticmethod
    def devices():
        return sorted(n for n in os.listdir("/sys/class/net") if n.startswith("funnel"))

    @staticmethod
    def profiles():
        return [line for line in sh("nmcli -t -f NAME c show").splitlines() if line.startswith("Funnel")]

    def nothing_left(self):
        until(lambda: not self.devices(), 60, f"devices gone: {self.devices()}")
        until(lambda: not self.profiles(), 60, f"profiles gone: {self.profiles()}")

    # --- the hostile ingress

    def inside(self, command, check=True):
        """In the namespace where the ingress's WireGuard is."""
        relay = sh("pgrep -x funnel-relay").split()[0]
        return sh(f"nsenter --net=/proc/{relay}/ns/net {command}", check)

    @staticmethod
    def ingress_firewall(rule):
        """What the ingress's host drops of what comes in from outside; None: nothing any more."""
        if rule is None:
            sh("ip netns exec ing nft delete table inet blocked")
        else:
            sh("ip netns exec ing nft -f - <<'X'\ntable inet blocked { chain c { type filter hook prerouting priority raw; "
               f"{rule}; }}; }}\nX")

    def log_out(self):
        sh("systemctl stop seat", check=False)
        until(lambda: not self.sessions(), 60, "no session is left")

    def log_in(self):
        """At the screen."""
        sh("systemctl start --no-block seat")
        until(lambda: sh("loginctl show-user ann -p Display --value", check=False).strip(), 120, "a session at the screen")

    @staticmethod
    def log_in_from_afar():
        """As sshd does it: a session without a seat."""
        sh("systemd-run --unit=afar -p PAMName=login -p User=ann sleep infinity")

    def turn_hostile(self):
        relay = sh("pgrep -x funnel-relay").split()[0]
        device = re.search(r"(\S+): <[^>]*POINTOPOINT", self.inside("ip -o link")).group(1)
        key, allowed = self.inside(f"wg show {device} allowed-ips").split()[:2]
        self.node = allowed.split("/")[0]
        self.inside(f"wg set {device} peer {key} allowed-ips 0.0.0.0/0")
        for network in ("192.0.2.0/24", "10.9.0.0/24"):
            self.inside(f"ip route replace {network} dev {device}")
        self.start_flood(f"/proc/{relay}/ns/net", device)

    def forget_node(self):
        self.device_inside = re.search(r"(\S+): <[^>]*POINTOPOINT", self.inside("ip -o link")).group(1)
        self.key_inside = self.inside(f"wg show {self.device_inside} peers").split()[0]
        self.inside(f"wg set {self.device_inside} peer {self.key_inside} remove")

    def remember_node(self):
        self.inside(f"wg set {self.device_inside} peer {self.key_inside} allowed-ips 0.0.0.0/0")

    def start_flood(self, namespace, device):
        self.flood = subprocess.Popen(["nsenter", f"--net={namespace}", self.flood_program, device, "100.64.0.1", "10000",
                                       *(t.format(node=self.node) for t in TARGETS)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def handshake(device):
        """Wait until the ingress's packets come in through this device."""
        def received():
            with open(f"/sys/class/net/{device}/statistics/rx_packets", encoding="ascii") as f:
                return int(f.read())
        start = received()
        until(lambda: received() > start + 50, 60, f"packets come through {device}")

    def stop_flood(self):
        self.flood.terminate()
        text = self.flood.communicate(timeout=60)[0]
        self.flood = None
        return int(re.match(r"(\d+) sent", text).group(1)) if re.match(r"(\d+) sent", text) else 0

    def nothing_more_arrives(self):
        """While visitors come and go."""
        for _ in range(3):
            page, found = self.visit(), self.count()
            if page != "it works\n" or found:
                raise Failure(f"the tunnel is another; still packets arrive: {found}; the visitor got: {page!r}")

    def drain(self):
        count = 0
        try:
            while self.datagrams.recv(2048):
                count += 1
        except BlockingIOError:
            return count

    def count(self):
        """What arrived where nothing may arrive, since the last time: {where: packets}."""
        found = {"datagrams at a listener": self.drain()}
        for prefix, table in (("", COUNTERS), ("ip netns exec lan ", BEHIND)):
            rules = json.loads(sh(f"{prefix}nft -j list table inet vm; {prefix}nft -f - <<'X'\ndelete table inet vm\n{table}X\n").splitlines()[0])
            for entry in rules["nftables"]:
                if "rule" in entry:
                    packets = sum(e["counter"]["packets"] for e in entry["rule"]["expr"] if "counter" in e)
                    found[entry["rule"]["comment"]] = found.get(entry["rule"]["comment"], 0) + packets
        return {where: packets for where, packets in found.items() if packets}

    def received(self):
        """Bytes that WireGuard let in on the laptop; grows while the flood reaches it."""
        return sum(int(open(f"/sys/class/net/{d}/statistics/rx_bytes", encoding="ascii").read()) for d in self.devices()
                   if re.fullmatch(r"funnel\d+", d))
