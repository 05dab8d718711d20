# SPDX-License-Identifier: GPL-3.0-or-later
"""Real name servers with a zone that a key may change: Knot DNS and BIND."""

import os
import shutil
import signal
import socket
import subprocess
import time

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
DEADLINE = 30

ZONE = """$TTL 60
@ SOA ns admin 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
fixed A 192.0.2.1
alias CNAME fixed
note TXT "one " "string"
note TXT "funnel=1"
@ CAA 0 issue "ca.example"
"""

KNOT = """
server:
    rundir: "{folder}"
    listen: {host}@{port}
database:
    storage: "{folder}"
key:
  - id: good.
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    key: good.
    action: update
template:
  - id: default
    storage: "{folder}"
    zonefile-load: whole
    journal-content: none
zone:
  - domain: {zone}.
    file: "{folder}/zone"
    acl: update
"""

BIND = """
options {{ directory "{folder}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }}; pid-file none;
          session-keyfile none; recursion no; dnssec-validation no; managed-keys-directory "{folder}"; }};
controls {{ }};
key "good" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{ type primary; file "{folder}/zone"; allow-update {{ key good; }}; journal "{folder}/journal"; }};
"""


def free_port():
    """Free for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class NameServer:
    programs = {"knot": "/usr/sbin/knotd", "bind": "/usr/sbin/named"}

    @classmethod
    def available(cls, kind):
        return os.access(cls.programs[kind], os.X_OK)

    def __init__(self, kind, folder, zone, port=None, host="127.0.0.1"):
        self.kind, self.zone, self.host = kind, zone, host
        self.folder = os.path.join(folder, kind)
        os.makedirs(self.folder, exist_ok=True)
        self.port = port or free_port()
        self.address = "%s:%d" % (host, self.port)
        self.key = os.path.join(self.folder, "key")
        with open(self.key, "w", encoding="ascii") as file:
            file.write('key "good" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n' % SECRET)
        os.chmod(self.key, 0o600)
        if not os.path.exists(os.path.join(self.folder, "zone")):
            with open(os.path.join(self.folder, "zone"), "w", encoding="ascii") as file:
                file.write("$ORIGIN %s.\n%s" % (zone, ZONE))
        configuration = os.path.join(self.folder, "conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write((KNOT if kind == "knot" else BIND).format(folder=self.folder, host=host, port=self.port, secret=SECRET, zone=zone))
        words = ["-c", configuration] if kind == "knot" else ["-g", "-4", "-n", "1", "-c", configuration]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen([self.programs[kind], *words], stdout=self.log, stderr=self.log, cwd=self.folder)
        self.wait()

    def wait(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError("%s ended: %s" % (self.kind, open(self.log.name, encoding="utf-8").read()))
            if self.ask("ns." + self.zone):
                return
            time.sleep(0.05)
        raise AssertionError("%s does not answer" % self.kind)

    def ask(self, name):
        """Whether the server answers a question for an A record at all."""
        question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        question += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\x01\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            try:
                sock.sendto(question, (self.host, self.port))
                answer = sock.recv(512)
            except OSError:
                return False
        return answer[3] & 0x0F == 0 and answer[7] > 0

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(DEADLINE)
        self.log.close()

    def remove(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
