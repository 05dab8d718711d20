# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of the guides. A block after <!-- run: PARTY --> is typed line by line on the stage, and so are the commands of the
last column of a table after <!-- run-table: laptop -->; of every other command the programs are asked whether they know it."""
import glob
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import threading

from parties import ENDPOINT, Node
from suite import test
from test_pages import ROOT, TEXTS, read
from world import INGRESS, ZONE, Failure, inside, netns, run, until

PLACES = {"example.org": ZONE, "vps.funnel.test:51820": ENDPOINT}
TOKEN = "funnel1-…"
OPERATOR, SECURITY = (os.path.join(ROOT, "docs", name) for name in ("operator.md", "security.md"))
# Not typed on the stage: they need a whole machine, and are tried by the suites vm and deb.
SERVE = '{"TCP": {"443": {"HTTPS": true}}, "Web": {"laptop.tail1234.ts.net:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:3000"}}}}, ' \
        '"AllowFunnel": {"laptop.tail1234.ts.net:443": true}}'


def translate(line):
    for word, place in PLACES.items():
        line = line.replace(word, place)
    return re.sub(r"\s{2,}#.*$", "", line).strip()


class Typist:
    def __init__(self, w):
        self.w = w
        self.folder = w.laptop.home
        self.environment = {"laptop": dict(w.laptop.environment(), PATH=w.folder + "/bin:/usr/bin:/bin"),
                            "vps": {"PATH": w.folder + "/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **w.ingress.env}}

    def command(self, party, line):
        if party == "vps":
            return ["nsenter", f"--net={netns('ingress')}", "--", "sh", "-c", line]
        return [*self.w.laptop.command()[:-1], "sh", "-c", line]

    def type(self, party, line):
        cwd = self.folder if party == "laptop" else self.w.ingress.state
        done = subprocess.run(self.command(party, line), env=self.environment[party], cwd=cwd, capture_output=True, text=True, timeout=45,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise Failure(f"{party}: {line}: ended with {done.returncode}\n    {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def share(self, line):
        """A share, in the foreground or not: it becomes active, and ends."""
        if "--bg" in line.split():
            self.type("laptop", line)
            self.active(line)
            self.w.laptop.cli("reset", "--yes")
            return
        child = subprocess.Popen(self.command("laptop", "exec " + line), env=self.environment["laptop"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        heard = []
        reader = threading.Thread(target=self.hear, args=(child.stdout, heard))
        reader.start()
        try:
            self.active(line)
            until(lambda: any("Available" in text for text in heard), 20, f"{line} says that it is available")
            child.send_signal(signal.SIGINT)
            child.wait(20)
        finally:
            child.kill()
            reader.join()
        until(lambda: not self.w.laptop.shares(), 10, f"{line}: the share ends with its command")

    @staticmethod
    def hear(stream, heard):
        for text in stream:
            heard.append(text)

    def active(self, line):
        def seen():
            states = [(s["state"], s["reason"]) for s in self.w.laptop.shares()]
            if [state for state, _ in states] != ["active"]:
                raise Failure(f"{line}: {states}")
            return True
        until(seen, 30, line)


def funnel_words(line):
    """The words of a command of ours, without its name; None if it is something else."""
    try:
        words = shlex.split(translate(line), comments=True)
    except ValueError:
        return None
    return words if words and words[0] in ("funnel", "funnel-ingress") else None


def is_share(words, commands):
    return words[0] == "funnel" and not any(word in commands for word in words[1:]) and "off" not in words and len(words) > 1


def commands_of(w, program):
    done = subprocess.run([w.program(program), "--help"], capture_output=True, text=True, timeout=10, check=True)
    return set(re.findall(r"^  (?:funnel )?([a-z][a-z-]+)\b", done.stdout, re.M)) - {"funnel"}


def echo(connection):
    with connection:
        while data := connection.recv(4096):
            connection.sendall(data)


def serve(sock, context=None):
    def loop():
        while True:
            connection, _ = sock.accept()
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                threading.Thread(target=echo, args=(connection,), daemon=True).start()
            except OSError:
                connection.close()
    threading.Thread(target=loop, daemon=True).start()


@test(limit=60, needed=True)
def servers_of_the_guides(w):
    """Everything the guides share is there: a site, a unix socket, a TLS server, a database; and a second node."""
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/srv")
    os.makedirs("/srv/site")
    with open("/srv/site/index.html", "w", encoding="utf-8") as f:
        f.write("<!doctype html><title>site</title>It works.\n")
    w.start("unix-server", ["/usr/bin/python3", "-c", "import http.server,socketserver,os\n"
                            "class S(socketserver.UnixStreamServer):\n    def get_request(self):\n        r,_=super().get_request(); return r,('local',0)\n"
                            "s=S('/srv/app.sock',http.server.SimpleHTTPRequestHandler); os.chmod('/srv/app.sock',0o666); s.serve_forever()"], "node")
    pem = os.path.join(w.folder, "tls", "server.pem")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN=laptop.{ZONE}",
        "-addext", f"subjectAltName=DNS:laptop.{ZONE}", "-keyout", pem + ".key", "-out", pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem + ".key")
    for port, tls in ((8443, context), (5432, None)):
        with inside(netns("node")):
            sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        serve(sock, tls)
    path = os.path.join(w.laptop.home, "serve.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(SERVE)
    until(lambda: os.path.exists("/srv/app.sock"), 10, "the unix socket")
    old = Node(w, "old-laptop", "desk")
    old.start()
    old.join(w.ingress.invite("old-laptop", "--grant"))


def table_commands(text):
    for block in re.findall(r"<!-- run-table: laptop -->\n((?:\|.*\n)+)", text):
        for row in block.splitlines()[2:]:
            yield from re.findall(r"`(funnel [^`]*)`", row.split(" | ")[-1])


@test(limit=150)
def every_command_of_the_way_off_other_tools_works(w):
    typist, commands = Typist(w), commands_of(w, "funnel")
    lines = dict.fromkeys(line for path in TEXTS for line in table_commands(read(path)))
    if len(lines) < 30:
        raise Failure(f"only {len(lines)} commands were found")
    for line in map(translate, lines):
        if TOKEN in line:
            continue  # the stage has joined
        if is_share(line.split(), commands):
            typist.share(line)
        else:
            typist.type("laptop", line)
            w.laptop.cli("reset", "--yes", fails=None)


@test(limit=120)
def blocks_of_the_guides_can_be_typed(w):
    typist, typed = Typist(w), 0
    for path in TEXTS:
        for party, block in re.findall(r"<!-- run: (\w+) -->\n```sh\n(.*?)```", read(path), re.S):
            for line in block.splitlines():
                if line.strip():
                    typist.type(party, translate(line))
                    typed += 1
    if typed < 20:
        raise Failure(f"only {typed} lines were found")


def help_of(w, program, words):
    done = subprocess.run([w.program(program), *words, "--help"], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, check=False)
    return done.stdout + done.stderr


def spans(text):
    """Lines of code blocks, and code within text."""
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))


def typed_lines(text, begin):
    """Lines of a guide's blocks, at any indentation, that begin like that."""
    return [line.strip() for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S) for line in block.splitlines() if line.strip().startswith(begin)]


@test(limit=60)
def a_backup_is_restored_as_the_guide_says(w):
    """Into an empty state directory; the backup is the one the guide's line before has made."""
    typist, state = Typist(w), os.path.join(w.folder, "new-vps")
    lines = set(typed_lines(read(OPERATOR), "funnel-ingress restore"))
    if len(lines) != 1:
        raise Failure(f"the guide restores in these ways: {lines}")
    typist.environment["vps"]["FUNNEL_INGRESS_STATE"] = state
    typist.type("vps", lines.pop())
    typist.type("vps", "funnel-ingress check-config")
    for name in ("wireguard.key", "join-key.pem"):
        with open(os.path.join(w.ingress.state, name), "rb") as before, open(os.path.join(state, name), "rb") as after:
            if before.read() != after.read():
                raise Failure(f"another {name} came back: no node would know this ingress")


@test(limit=90)
def what_to_type_when_something_is_lost(w):
    """It ends a membership, so it comes last; after each line the laptop joins again."""
    typist, lines = Typist(w), typed_lines(read(SECURITY), "funnel leave")
    if len(lines) != 2:
        raise Failure(f"the guide says these: {lines}")
    for line in lines:
        w.laptop.cli("cert", f"laptop.{ZONE}", "-")
        said = typist.type("laptop", line)
        if w.laptop.ingress() or ("--revoke" in line and "Revoked 1 " not in said):
            raise Failure(f"{line}: {said} {w.laptop.status()}")
        w.laptop.join(w.ingress.invite("laptop", "--replace"))


# Lines of blocks that no test of this suite types: the file that has them typed, or why nobody does.
ELSEWHERE = {
    "./quickstart 3000": "by hand: it is the whole path on one machine", "./check": "this is part of it", "git clone REPOSITORY": "by hand",
    "packaging/install-packages build run": "quickstart", "meson setup build --prefix=/usr": "tests/vm/readme-setup", "systemd-sysusers": "tests/vm/readme-setup",
    "funnel-ingress init --zone": "tests/vm/readme-setup", "systemctl enable --now funnel-ingressd": "tests/vm/readme-setup",
    "funnel-ingress invite laptop --grant": "tests/vm/readme-setup", "funnel join funnel1-…": "tests/vm/readme-setup", "funnel 3000": "tests/docs/test_guides.py",
    "systemctl enable --now funneld": "tests/vm/readme-setup", "funnel --system join": "tests/vm/readme-setup", "funnel --system --bg": "tests/vm/readme-setup",
    "apt install ./funnel-netns_*.deb": "the suite deb installs them with dpkg", "ufw ": "tests/docs/test_machine.py",
    "funnel-ingress restore": "tests/docs/test_guides.py", "funnel leave": "tests/docs/test_guides.py", "systemctl stop funnel-ingressd": "tests/vm/readme-setup",
    "mv /var/lib/funnel-ingress": "a file is moved", "systemctl start funnel-ingressd": "as enable --now", "systemctl restart funnel-netns-ingress": "as stop and start", "systemctl restart funnel-relay": "as stop and start",
    "systemctl --user restart funneld": "as stop and start", "funnel audit laptop.example.org --ct-log": "tests/certs/test_witnesses.py",
}


@test(limit=20)
def every_line_of_every_block_is_accounted_for(_world):
    """Behind a mark, and so typed, or in the table above; nothing is in the table that the guides no longer say."""
    wrong, unused = [], set(ELSEWHERE)
    for path in TEXTS:
        text = re.sub(r"<!-- run: \w+ -->\n```sh\n.*?```", "", read(path), flags=re.S)
        for line in typed_lines(text, ""):
            begins = [begin for begin in ELSEWHERE if line.startswith(begin)]
            unused -= set(begins)
            wrong += [] if begins or not line else [f"{os.path.basename(path)}: {line}: nobody types it"]
    wrong += [f"no guide says any more: {begin}" for begin in sorted(unused)]
    wrong += [f"{where} does not exist" for where in ELSEWHERE.values() if where.startswith("tests/") and not os.path.exists(os.path.join(ROOT, where))]
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=60)
def the_programs_know_every_command_in_the_guides(w):
    commands = {program: commands_of(w, program) for program in ("funnel", "funnel-ingress")}
    known, wrong, seen = {}, [], 0
    for path in TEXTS:
        for line in spans(read(path)):
            words = funnel_words(line.strip().removeprefix("$ "))
            if not words or len(words) == 1:
                continue
            program, rest = words[0], words[1:]
            rest = rest[:rest.index("--")] if "--" in rest else rest
            rest = [word for word in rest if word not in ("|", "||", "true", "&&")]
            plain = [word for word in rest if not word.startswith("-")]
            command = next((word for word in plain if word in commands[program]), None)
            if program == "funnel-ingress" and plain and not command:
                wrong.append(f"{os.path.basename(path)}: {line}: no such command")
                continue
            key = (program, command if command not in ("off",) else "off")
            if key not in known:
                known[key] = help_of(w, program, [command] if command else [])
            wrong += [f"{os.path.basename(path)}: {line}: no {flag}" for flag in (word.split("=")[0] for word in rest if word.startswith("--"))
                      if not re.search(rf"{flag}\b", known[key] + " --version --json --help --yes")]
            seen += 1
    if wrong or seen < 60:
        raise Failure("\n    ".join(wrong) or f"only {seen} commands were found")


# Tables of what the programs say, and where they stand.
REASONS = [("daemon/model/share-state.c", r'\[FUNNEL_SHARE_STATE_\w+\] = "([\w-]+)"'), ("lib/wire/offer.c", r'\[OFFER_REASON_\w+\] = "([\w-]+)"'),
           ("daemon/serve/offer-listener.c", r'\[SERVE_REFUSAL_\w+\] = "([\w-]+)"'), ("ingress-server/relay/counters.h", r'X \(\w+, "([\w-]+)"\)'),
           ("lib/base/error.c", r'"([a-z]+(?:-[a-z]+)*)",')]


@test(limit=20)
def troubleshooting_explains_every_state_and_reason(_world):
    text = read(os.path.join(ROOT, "docs", "troubleshooting.md"))
    wrong = []
    for file, pattern in REASONS:
        source = read(os.path.join(ROOT, file))
        if "error.c" in file:
            source = source[source.index("code_texts[]"):source.index("G_STATIC_ASSERT (G_N_ELEMENTS (code_texts)")]
        found = set(re.findall(pattern, source)) - {"none"}
        if len(found) < 9:
            wrong.append(f"{file}: only {sorted(found)} were found")
        wrong += [f"{word} ({file})" for word in sorted(found) if f"`{word}`" not in text]
    if wrong:
        raise Failure("not explained: " + ", ".join(wrong))


@test(limit=20)
def the_manual_of_the_configuration_is_complete(_world):
    page = read(os.path.join(ROOT, "docs", "man", "funnel-ingress.conf.5")).replace("\\-", "-")
    source = read(os.path.join(ROOT, "ingress-server", "store", "ingress-config.c"))
    keys = re.findall(r'^    \{"([a-z-]+)", [^,]+, read_\w+\},', source[source.index("} keys[] = {"):], re.M)
    missing = [key for key in keys if not re.search(rf"^\.It (?:Cm|Ic) {key}\b", page, re.M)]
    extra = [key for key in re.findall(r"^\.It (?:Cm|Ic) ([a-z-]+)", page, re.M) if key not in keys]
    if len(keys) < 10 or missing or extra:
        raise Failure(f"keys {keys}: without description {missing}; described and unknown {extra}")
