# SPDX-License-Identifier: GPL-3.0-or-later
"""units.py FOLDER ENGINE [--long]: the ingress under its systemd units, on the machine this runs on; a node and a visitor are in
network namespaces beside it. FOLDER has what is installed and the share's certificate; ENGINE is what runs WireGuard."""
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback

FOLDER, ENGINE, LONG = sys.argv[1], sys.argv[2], "--long" in sys.argv[3:]
NAME = "laptop.example.test"
STATE = "/var/lib/funnel-ingress"
SIZE = 48 << 20  # more than all buffers on the way hold
PATIENCE = 180  # seconds; a virtual machine without help from its host is slow
UNITS = ("funnel-ingress-namespace", "funnel-netns-ingress", "funnel-relay", "funnel-ingressd")
STAGE = """
cp -a --no-preserve=ownership {folder}/installed/. /
mkdir -p /etc/dbus-1/system.d /run/certificate /run/site
cp -r {folder}/certificate/. /run/certificate; chmod -R a+rX /run/certificate
find {folder}/installed -path '*/dbus-1/system.d/org.openfunnel.*' -exec cp {{}} /etc/dbus-1/system.d/ \\;
printf '127.0.0.1 localhost\\n192.0.2.1 vps.example.test {name}\\n' > /etc/hosts
for n in laptop visitor; do ip netns add $n; ip -n $n link set lo up; done
ip link add to-laptop type veth peer name net0 netns laptop
ip link add to-visitor type veth peer name net0 netns visitor
ip addr add 192.0.2.1/24 dev to-laptop; ip link set to-laptop up
ip addr add 198.51.100.1/24 dev to-visitor; ip link set to-visitor up
ip -n laptop addr add 192.0.2.2/24 dev net0; ip -n laptop link set net0 up
ip -n visitor addr add 198.51.100.2/24 dev net0; ip -n visitor link set net0 up
ip -n visitor route add default via 198.51.100.1
mkdir -p /run/systemd/system/funneld.service.d
printf '[Service]\\nNetworkNamespacePath=/run/netns/laptop\\n' > /run/systemd/system/funneld.service.d/laptop.conf
systemd-sysusers
systemctl daemon-reload
systemctl reload-or-restart dbus
echo 'it works' > /run/site/index.html; truncate -s {size} /run/site/large
"""
TESTS = []


class Failure(Exception):
    """A test did not hold."""


def test(function):
    TESTS.append(function)
    return function


def long_test(function):
    """How long a node takes to shake hands again is WireGuard's choice. In a slow virtual machine it takes so long that the
    node gives its end of the tunnel up."""
    return test(function) if LONG and ENGINE != "kernel" else function


def sh(script, check=True):
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False)
    if check and done.returncode:
        raise Failure(f"{script.strip()[:200]}: {done.stdout}{done.stderr}")
    return done.stdout


def until(condition, what):
    end = time.monotonic() + PATIENCE
    last = None
    while time.monotonic() < end:
        with contextlib.suppress(Failure, OSError, IndexError, ValueError):
            last = condition()
            if last:
                return last
        time.sleep(0.05)
    raise Failure(f"after {PATIENCE} s still not: {what} (last: {last})")


def show(unit, key):
    return sh(f"systemctl show --value -p {key} {unit}").strip()


def main_pid(unit):
    return int(show(unit, "MainPID"))


def relays():
    """Process ids, the oldest first."""
    parent = main_pid("funnel-relay")
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as f:
        return sorted(int(pid) for pid in f.read().split())


def namespace(pid):
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def status_of(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return re.search(rf"^{key}:\s+(.*)$", f.read(), re.M).group(1)


class World:
    def __init__(self):
        self.context = None
        self.namespace = None

    def build(self):
        sh(STAGE.format(folder=FOLDER, name=NAME, size=SIZE))
        self.context = ssl.create_default_context(cafile="/run/certificate/ca.pem")
        # This thread becomes the visitor where it connects, and only there.
        self.namespace = {"visitor": os.open("/run/netns/visitor", os.O_RDONLY), "here": os.open("/proc/thread-self/ns/net", os.O_RDONLY)}

    def connect(self, port=443):
        """A visitor's TCP connection."""
        made = []

        def inside():
            sh_setns(self.namespace["visitor"])
            with contextlib.suppress(OSError):
                made.append(socket.create_connection(("192.0.2.1", port), PATIENCE))
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        return made[0] if made else None

    def get(self, path="/", port=443):
        """A response that is still to be read."""
        raw = self.connect(port)
        if raw is None:
            raise Failure("nobody listens")
        connection = http.client.HTTPConnection(NAME, port)
        connection.sock = self.context.wrap_socket(raw, server_hostname=NAME)
        connection.request("GET", path)
        return connection, connection.getresponse()

    def page(self, port=443):
        connection, response = self.get("/", port)
        with contextlib.closing(connection):
            return response.read() == b"it works\n"

    def served(self, port=443):
        until(lambda: self.page(port), f"a visitor gets the page at port {port}")


def sh_setns(fd):
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class Download:
    """A visitor who reads a little, and the rest when told to."""

    def __init__(self, w):
        self.connection, self.response = w.get("/large")
        self.got = len(self.response.read(1000))

    def finish(self):
        with contextlib.closing(self.connection):
            while piece := self.response.read(1 << 20):
                self.got += len(piece)
        if self.got != SIZE:
            raise Failure(f"the download ended after {self.got} of {SIZE} bytes")


# --- the tests, in this order


@test
def a_visitor_starts_the_relay(w):
    """Its sockets are there before it is: of the public ports by what stands in ingress.conf."""
    sh("funnel-ingress init --zone example.test --endpoint vps.example.test:51820; systemctl enable funnel-ingressd")
    sh("systemctl start funnel-relay.socket funnel-relay-public.socket")
    if show("funnel-relay", "ActiveState") != "inactive":
        raise Failure("the relay's unit did not wait for anybody")
    waiting = w.connect()
    until(lambda: show("funnel-relay", "ActiveState") == "active", "the visitor starts the relay's unit")
    waiting.close()
    sh("systemctl start funnel-ingressd")
    until(lambda: len(relays()) == 1, "a relay")
    if f"WireGuard by {ENGINE}" not in sh("funnel-ingress status"):
        raise Failure(sh("funnel-ingress status"))


@test
def everything_of_the_relay_is_in_the_tunnels_namespace(_):
    ours, kept = namespace("self"), os.stat("/run/netns/funnel-ingress").st_ino
    found = {namespace(pid) for pid in [*relays(), main_pid("funnel-relay"), main_pid("funnel-netns-ingress")]}
    if found != {kept} or kept == ours or namespace(main_pid("funnel-ingressd")) != ours:
        raise Failure(f"namespaces: {found}, kept {kept}, ours {ours}")
    listening = sh("ss -Hltnp 'sport = :443'")
    if "funnel-relay" not in listening or "systemd" not in listening:
        raise Failure(f"the public port is not the socket unit's, or the relay has it not: {listening}")


@test
def the_relay_has_no_right(_):
    """As the kernel sees it, and as systemd rates its unit."""
    for pid in [*relays(), main_pid("funnel-relay")]:
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if int(status_of(pid, key), 16):
                raise Failure(f"{key} of {pid} is {status_of(pid, key)}")
        if status_of(pid, "NoNewPrivs") != "1" or status_of(pid, "Seccomp") != "2" or status_of(pid, "Uid").split()[0] == "0":
            raise Failure(f"process {pid}: {status_of(pid, 'NoNewPrivs')} {status_of(pid, 'Seccomp')} {status_of(pid, 'Uid')}")
        left = {folder: os.listdir(f"/proc/{pid}/root/{folder}") for folder in ("etc", "run", "var")}
        if left != {"etc": ["ld.so.cache"], "run": ["systemd"], "var": ["tmp"]}:
            raise Failure(f"the relay sees: {left}")
    for unit, limit in (("funnel-relay", 20), ("funnel-ingressd", 20), ("funnel-netns-ingress", 26), ("funnel-ingress-namespace", 40)):
        sh(f"systemd-analyze security --no-pager --threshold={limit} {unit}")


@test
def a_node_joins_and_a_visitor_is_served(w):
    subprocess.Popen(["ip", "netns", "exec", "laptop", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/run/site",
                      "3000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sh("systemctl start funneld; install -o funnel -m 600 /run/certificate/laptop.key /run/certificate/laptop.pem /var/lib/funnel")
    line = re.search(r"funnel (join funnel1-\S+)", sh("funnel-ingress invite laptop --grant")).group(1)
    sh(f"funnel --system {line}")
    sh("funnel --system --bg --yes --wait=0 --cert-file=/var/lib/funnel/laptop.pem --key-file=/var/lib/funnel/laptop.key 3000", check=False)
    until(lambda: '"active"' in sh("funnel --system status --json"), "active")
    w.served()


@test
def an_upgrade_loses_nothing(w):
    """Another relay takes over, told by control that finds another file, and by the admin; then control is restarted once more."""
    download = Download(w)
    first = relays()
    path = re.search(r"path=(\S+)", show("funnel-relay", "ExecStart")).group(1).replace("funnel-netns", "funnel-relay")
    shutil.copy2(path, path + ".new")
    os.rename(path + ".new", path)
    sh("systemctl restart funnel-ingressd")
    until(lambda: len(relays()) == 2, "a second relay, beside the one that drains")
    w.served()
    sh("systemctl reload funnel-relay")
    until(lambda: len(relays()) == 2 and relays()[0] == first[0] and relays()[1] not in first, "the second one makes place for a third")
    w.served()
    sh("systemctl restart funnel-ingressd")
    w.served()
    download.finish()
    until(lambda: len(relays()) == 1 and relays() != first, "the first relay ends with its last visitor")


@long_test
def the_agent_is_restarted_and_a_download_goes_on(w):
    """The namespace is not the agent's, and the visitors are not its children: the tunnel is made anew below them."""
    download = Download(w)
    before, relay = main_pid("funnel-netns-ingress"), relays()
    sh("systemctl kill -s KILL funnel-netns-ingress")
    until(lambda: main_pid("funnel-netns-ingress") not in (0, before), "another agent")
    w.served()
    download.finish()
    if relays() != relay:
        raise Failure("the relay did not go on")
    if len(re.findall(r"^\d+: fn", sh("ip -n funnel-ingress -o link"), re.M)) != 1:
        raise Failure(f"devices: {sh('ip -n funnel-ingress -o link')}")


@test
def a_killed_relay_comes_back(w):
    before = relays()
    os.kill(before[0], signal.SIGKILL)
    w.served()
    if relays() == before:
        raise Failure("it was not killed")
    before = main_pid("funnel-relay")
    sh("systemctl kill -s KILL funnel-relay")
    w.served()
    if main_pid("funnel-relay") == before or show("funnel-relay", "NRestarts") == "0":
        raise Failure("its unit was not started again")


@test
def a_control_that_stands_still_is_ended_by_its_watchdog(w):
    """Meanwhile a download goes on, and new visitors are served."""
    if "60s" not in sh("systemctl cat funnel-ingressd | grep WatchdogSec") or "90s" not in sh("systemctl cat funnel-netns-ingress | grep WatchdogSec"):
        raise Failure("the units have no watchdog")
    os.makedirs("/run/systemd/system/funnel-ingressd.service.d")
    with open("/run/systemd/system/funnel-ingressd.service.d/soon.conf", "w", encoding="ascii") as f:
        f.write("[Service]\nWatchdogSec=4s\n" if ENGINE != "kernel" else "[Service]\nWatchdogSec=30s\n")
    sh("systemctl daemon-reload; systemctl restart funnel-ingressd")
    w.served()
    download, before = Download(w), main_pid("funnel-ingressd")
    os.kill(before, signal.SIGSTOP)
    w.served()
    until(lambda: main_pid("funnel-ingressd") not in (0, before), "another control process")
    if "watchdog" not in sh("journalctl --no-pager -u funnel-ingressd").lower():
        raise Failure("it was not the watchdog")
    until(lambda: "relay      up" in sh("funnel-ingress status"), "the ingress is whole again")
    download.finish()


@test
def public_ports_are_written_down_once(w):
    """A port that is added is opened by control at once, and by systemd from the next start on."""
    download = Download(w)
    sh(f"sed -i 's/^public-ports=.*/public-ports=443,8443/' {STATE}/ingress.conf; funnel-ingress reload")
    until(lambda: w.connect(8443), "the new port")
    sh("systemctl daemon-reload")
    if show("funnel-relay-public.socket", "Listen") != "[::]:443 (Stream)\n[::]:8443 (Stream)":
        raise Failure(f"the socket unit: {show('funnel-relay-public.socket', 'Listen')}")
    download.finish()
    sh("systemctl restart funnel-relay.socket")
    w.served()
    if "systemd" not in sh("ss -Hltnp 'sport = :8443'"):
        raise Failure(sh("ss -Hltnp 'sport = :8443'"))
    # One that is taken away is answered until then, with a refusal.
    sh(f"sed -i 's/^public-ports=.*/public-ports=443/' {STATE}/ingress.conf; funnel-ingress reload")
    until(lambda: "listens at [::]:8443, which is not what public-ports" in sh("journalctl --no-pager -u funnel-ingressd"), "control says so")
    sh("systemctl daemon-reload; systemctl restart funnel-relay.socket")
    w.served()
    if w.connect(8443):
        raise Failure("the port is still open")


@long_test
def another_address_is_another_agent(w):
    """The tunnel is set up anew; the sockets of the public ports follow when they are started anew, and until then it is said."""
    before = main_pid("funnel-netns-ingress")
    sh(f"sed -i 's/^listen=.*/listen=192.0.2.1/' {STATE}/ingress.conf; funnel-ingress reload")
    until(lambda: main_pid("funnel-netns-ingress") not in (0, before), "another agent")
    w.served()
    until(lambda: "listens at [::]:443, which is not what" in sh("journalctl --no-pager -u funnel-ingressd"), "control says so")
    sh("systemctl daemon-reload; systemctl restart funnel-relay.socket")
    w.served()
    if "192.0.2.1:443" not in sh("ss -Hltn 'sport = :443'"):
        raise Failure(sh("ss -Hltn 'sport = :443'"))
    if show("funnel-ingressd", "NRestarts") != "1":  # the watchdog's
        raise Failure(f"control was started {show('funnel-ingressd', 'NRestarts')} times more")


@test
def nothing_is_left_when_it_ends(_):
    failed = sh("systemctl list-units --failed --no-legend --plain 'funnel*'")
    if failed:
        raise Failure(failed)
    sh("systemctl disable --now funnel-ingressd funnel-netns-ingress; systemctl stop funnel-relay.socket")
    until(lambda: not os.path.exists("/run/netns/funnel-ingress"), "the namespace goes with the last who wants it")
    left = sh("pgrep -u funnel-ingress -a || true; pgrep -x funnel-relay -a || true; ss -Hltn 'sport = :443'")
    if left:
        raise Failure(left)


def attempt(w, function):
    name = "vm/units-" + function.__name__.replace("_", "-")
    started = time.monotonic()
    try:
        function(w)
        print(f"ok {name} # {time.monotonic() - started:.1f} s", flush=True)
        return True
    except Exception as error:  # whatever it was, it is this test's result
        print(f"not ok {name}\n    after {time.monotonic() - started:.0f} s: {type(error).__name__}: {error}")
        print("".join(f"    {f.name}:{f.lineno} {f.line}\n" for f in traceback.extract_tb(error.__traceback__)[-3:]), end="")
        print(sh("journalctl --no-pager -o short-monotonic | grep -E 'funnel' | tail -n 40 | sed 's/^/    /'", check=False), flush=True)
        return False


def main():
    w = World()
    w.build()
    # Each goes on where the one before has ended.
    return 0 if all(attempt(w, function) for function in TESTS) else 1


if __name__ == "__main__":
    sys.exit(main())
