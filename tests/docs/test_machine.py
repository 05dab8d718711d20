# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides do to the machine itself, in mounts and networks that end with the test: lines for firewalls are typed on the
ingress, and the rule for polkit is shown to a polkitd."""
import os
import re
import select
import shutil
import subprocess
import textwrap

from parties import Node
from suite import Skip, test
from test_pages import ROOT, read
from world import INGRESS, Failure, netns, socket_in, until

OPERATOR = os.path.join(ROOT, "docs", "operator.md")
WEB_SERVERS = os.path.join(ROOT, "docs", "web-servers.md")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
POLKITD = "/usr/lib/polkit-1/polkitd"
ACTION = "org.freedesktop.systemd1.manage-units"
RULESET = """table inet guide {{
  chain input {{
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    {lines}
  }}
}}
"""


class Shell:
    """A root shell that stays, in a network namespace and in mounts of its own."""

    def __init__(self, world, ns):
        self.folder = os.path.join(world.folder, "shell-" + ns)
        os.makedirs(self.folder, exist_ok=True)
        self.process = subprocess.Popen(["nsenter", f"--net={netns(ns)}", "--", "unshare", "--mount", "--propagation", "private", "sh"], env=ENVIRONMENT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def type(self, line):
        """What it prints; Failure if it fails."""
        self.process.stdin.write(f"{line}\necho \"$?\" ENDED\n")
        self.process.stdin.flush()
        text = ""
        while not (end := re.search(r"^(\d+) ENDED\n", text, re.M)):
            if not select.select([self.process.stdout], [], [], 30)[0] or not (more := os.read(self.process.stdout.fileno(), 65536).decode()):
                raise Failure(f"{line}: {text}")
            text += more
        if end.group(1) != "0":
            raise Failure(f"{line}: ended with {end.group(1)}: {text}")
        return text[:end.start()]

    def own(self, path):
        """Give it a copy of a folder, to write to."""
        copy = os.path.join(self.folder, path.replace("/", "_"))
        shutil.copytree(path, copy, symlinks=True, dirs_exist_ok=True)
        self.type(f"mount --bind {copy} {path}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def reaches(port):
    with socket_in("visitor") as sock:
        sock.settimeout(1)
        try:
            sock.connect((INGRESS, port))
        except TimeoutError:
            return False
        return True


def check_closed():
    """The control: without the guide's lines there would be nothing to let in."""
    for port in (443, 51820):
        if reaches(port):
            raise Failure(f"the firewall lets TCP {port} in without the lines of the guide")


def check_open(w, name):
    """Visitors, joining and WireGuard come through; nothing else does."""
    for port in (443, 51820):
        until(lambda port=port: reaches(port), 10, f"TCP {port} is let in")
    if reaches(8443):
        raise Failure("TCP 8443 is let in, of which the guide says nothing")
    node = Node(w, name, "desk")
    node.start()
    node.join(w.ingress.invite(name))
    node.daemon.stop()


@test(limit=90)
def the_lines_for_ufw(w):
    if not shutil.which("ufw", path="/usr/sbin:/sbin"):
        raise Skip("ufw is not installed")
    lines = re.search(r"```sh\n((?:ufw .*\n)+)```", read(OPERATOR)).group(1).splitlines()
    on_device = re.search(r'sudo (ufw allow "\s*"in on) %s', read(os.path.join(ROOT, "daemon", "model", "share-state.c"))).group(1).replace('"', "")
    shell = Shell(w, "ingress")
    try:
        for folder in ("/etc/ufw", "/etc/default"):
            shell.own(folder)
        shell.type("mount -t tmpfs tmpfs /run")
        shell.type("ufw --force enable")
        check_closed()
        for line in lines:
            shell.type(line)
        check_open(w, "behind-ufw")
        shell.type(re.sub(r"\s+", " ", on_device) + " funnel0")  # as a share's next step says
        shell.type("ufw --force disable")
    finally:
        shell.close()
        subprocess.run(["nsenter", f"--net={netns('ingress')}", "--", "nft", "flush", "ruleset"], env=ENVIRONMENT, check=True)


@test(limit=90)
def the_lines_for_nftables(w):
    lines = re.search(r"```\n((?:(?:tcp|udp) dport .*\n)+)```", read(OPERATOR)).group(1)
    shell = Shell(w, "ingress")
    try:
        for name, text in (("closed", ""), ("open", lines)):
            path = w.file(f"nft-{name}", RULESET.format(lines=text))
            shell.type(f"nft flush ruleset; nft -f {path}")
            if name == "closed":
                check_closed()
            else:
                check_open(w, "behind-nft")
    finally:
        shell.close()
        subprocess.run(["nsenter", f"--net={netns('ingress')}", "--", "nft", "flush", "ruleset"], env=ENVIRONMENT, check=True)


@test(limit=60)
def the_rule_for_polkit(w):
    """It lets that user do just what the guide says."""
    for needed in (POLKITD, f"/usr/share/polkit-1/actions/{ACTION.rsplit('.', 1)[0]}.policy"):
        if not os.path.exists(needed):
            raise Skip(f"{needed} is not installed")
    rule = re.search(r"^    polkit\.addRule\(.*?^    \}\);\n", read(WEB_SERVERS), re.M | re.S).group(0)
    if rule.count('"me"') != 1:
        raise Failure(f"the rule is not for the user me: {rule}")
    rules = os.path.join(w.folder, "rules.d")
    os.makedirs(rules, mode=0o755)
    w.file("rules.d/60-funnel-hook.rules", textwrap.dedent(rule).replace('"me"', '"nobody"'))
    shell = Shell(w, "visitor")
    try:
        shell.type(f"mount --bind {rules} /etc/polkit-1/rules.d && mount -t tmpfs tmpfs /run && mkdir /run/dbus")
        shell.type("dbus-daemon --system --fork --print-pid --nopidfile > /run/bus-pid")
        shell.type(f"{POLKITD} --no-debug > /run/polkitd.log 2>&1 & echo $! > /run/polkitd-pid")
        shell.type("setpriv --reuid=nobody --regid=nogroup --clear-groups sleep 60 & echo $! > /run/nobody-pid")
        ask = "gdbus wait --system --timeout 20 org.freedesktop.PolicyKit1; pkcheck --action-id " + ACTION + \
              " --process $(cat /run/nobody-pid) --detail unit {} --detail verb {} > /dev/null 2>&1; echo answer $?"
        for unit, verb, expected in (("nginx.service", "reload", 0), ("nginx.service", "stop", 2), ("ssh.service", "reload", 2)):
            answer = shell.type(ask.format(unit, verb))
            if f"answer {expected}" not in answer:
                raise Failure(f"{verb} {unit}: {answer}, not {expected}")
    finally:
        subprocess.run(["nsenter", f"--mount=/proc/{shell.process.pid}/ns/mnt", "--", "sh", "-c",
                        "kill $(cat /run/bus-pid /run/polkitd-pid /run/nobody-pid)"], env=ENVIRONMENT, check=False)
        shell.close()
