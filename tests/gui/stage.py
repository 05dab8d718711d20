# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop session in a network of its own: X server, session bus, panel; behind it the real ingress and the real
funneld, which the bus starts, and a certificate authority. Everything runs in one folder."""
import glob
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import patience
from patience import Failure
from screen import Screen

ZONE = "funnel.localhost"
NAME = "laptop." + ZONE
APP = "org.openfunnel.Funnel"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Page(http.server.BaseHTTPRequestHandler):
    body = b"<!doctype html><title>A page</title>hello from the laptop"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments):
        pass


class Stage(Screen):
    def __init__(self, build):
        if os.geteuid() == 0:
            raise Failure("what a user runs is not tested as root; begin it with tests/gui/run")
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="funnel-gui-")
        self.children = {}
        self.environment = {
            "PATH": os.path.join(self.folder, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "LANGUAGE": "C",
            "HOME": self.folder, "XDG_RUNTIME_DIR": self.path("run"), "XDG_CONFIG_HOME": self.path("config"),
            "XDG_CACHE_HOME": self.path("cache"), "XDG_DATA_HOME": self.path("share"), "XDG_STATE_HOME": self.path("state"),
            "XDG_DATA_DIRS": self.path("share") + ":/usr/share", "XDG_CURRENT_DESKTOP": "X-Test",
            "FUNNEL_STATE_DIR": self.path("node"), "FUNNEL_INGRESS_STATE": self.path("ingress"), "FUNNEL_INGRESS_RUN": self.path("ingress-run"),
            "FUNNEL_NETNS_PROGRAM": self.program("funnel-netns"), "FUNNEL_RELAY_PROGRAM": self.program("funnel-relay"),
            "GSK_RENDERER": "cairo", "GDK_BACKEND": "x11", "GSETTINGS_BACKEND": "keyfile",
            "GSETTINGS_SCHEMA_DIR": os.path.join(self.build, "data"), "QT_LOGGING_RULES": "*.debug=false"}
        for name in ("bin", "run", "node", "ingress", "ingress-run", "tls", "shots"):
            os.makedirs(self.path(name), mode=0o700)
        for program in ("funnel", "funnel-ingress", "funneld", "funnel-gtk"):
            os.symlink(self.program(program), self.path("bin/" + program))
        self.write("config/gtk-4.0/settings.ini",
                   "[Settings]\ngtk-font-name=DejaVu Sans 10\ngtk-enable-animations=0\ngtk-cursor-blink=0\n")
        self.write("config/gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=0\n")
        self.install_data()

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        places = {"funnel": "cli", "funneld": "daemon", "funnel-gtk": "gui", "funnel-netns": "lib/tunnel/agent",
                  "funnel-relay": "ingress-server/relay", "funnel-ingressd": "ingress-server/control",
                  "funnel-ingress": "ingress-server/admin"}
        return os.path.join(self.build, places[name], name)

    def install_data(self):
        """What an installed program has in the data directories, as far as the session looks for it."""
        shutil.copytree(os.path.join(ROOT, "data/icons/hicolor"), self.path("share/icons/hicolor"))
        shutil.copy("/usr/share/icons/hicolor/index.theme", self.path("share/icons/hicolor/"))
        os.makedirs(self.path("share/applications"))
        shutil.copy(os.path.join(self.build, "data", APP + ".desktop"), self.path("share/applications/"))
        self.service(APP, self.program("funnel-gtk") + " --gapplication-service")

    def service(self, name, command):
        self.write(f"share/dbus-1/services/{name}.service", f"[D-BUS Service]\nName={name}\nExec={command}\n")

    # --- processes

    def start(self, name, command, **more):
        log = open(self.path(name + ".log"), "ab")
        self.children[name] = subprocess.Popen(command, env=self.environment, stderr=log, stdin=subprocess.DEVNULL,
                                               stdout=more.pop("stdout", log), cwd=self.folder, **more)
        return self.children[name]

    def stop(self, name, number=signal.SIGTERM):
        child = self.children.pop(name, None)
        if child and child.poll() is None:
            child.send_signal(number)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)

    def run(self, *command, check=True):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=patience.SECONDS, stdin=subprocess.DEVNULL,
                              cwd=self.folder, check=False)
        if check and done.returncode:
            raise Failure(f"{' '.join(command)[:100]}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def log(self, name):
        try:
            with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as text:
                return text.read()
        except OSError:
            return ""

    def ours(self, program):
        """Processes of this stage that run a program, however they were started."""
        found = []
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(folder + "/environ", "rb") as text:
                    mine = self.folder.encode() in text.read()
                if mine and os.path.basename(os.readlink(folder + "/exe")) == program:
                    found.append(int(os.path.basename(folder)))
            except OSError:
                pass
        return found

    def close(self):
        for name in ("gui",):
            self.stop(name)
        for name in reversed(list(self.children)):
            self.stop(name)
        for program in ("funnel-gtk", "funneld", "funnel-netns", "funnel-relay", "xfconfd", "at-spi-bus-launcher", "at-spi2-registryd",
                        "dbus-daemon", "wrapper-2.0"):
            for pid in self.ours(program):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the session

    def start_bus(self):
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + self.path("run/bus")
        bus = self.start("bus", ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
                                 "--address=" + self.environment["DBUS_SESSION_BUS_ADDRESS"]], stdout=subprocess.PIPE)
        bus.stdout.readline()  # it listens by now
        # The test itself is a client of this session too.
        os.environ.update({key: value for key, value in self.environment.items()
                           if key in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME")})

    # --- what the window is for

    def start_target(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    def start_ingress(self, *ports):
        self.run("funnel-ingress", "init", "--zone", ZONE, "--endpoint", "127.0.0.1:51820", "--listen", "127.0.0.1", "--tunnel", "direct",
                 *[f"--public-port={port}" for port in ports])
        self.start("ingress", [self.program("funnel-ingressd")])
        patience.wait(lambda: self.run("funnel-ingress", "status", check=False), "the ingress")

    def start_authority(self):
        """A certificate authority that wants to be shown the name, and the service file of a node that trusts it."""
        tls = self.path("tls")
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj", "/CN=test",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tls + "/api.key", "-out", tls + "/api.pem")
        self.write("tls/pebble.json", json.dumps({"pebble": {
            "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": tls + "/api.pem",
            "privateKey": tls + "/api.key", "httpPort": 1, "tlsPort": 443, "ocspResponderURL": "", "certificateValidityPeriod": 604800,
            "externalAccountBindingRequired": False}}))
        self.start("names", ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", "127.0.0.1:8053", "-management", "",
                             "-http01", "", "-https01", "", "-tlsalpn01", ""])
        patience.wait(lambda: socket.create_connection(("127.0.0.1", 8053)).close() is None, "the name server")
        self.environment["PEBBLE_VA_NOSLEEP"] = "1"
        self.start("authority", ["pebble", "-config", tls + "/pebble.json", "-dnsserver", "127.0.0.1:8053"])
        curl = ["curl", "-s", "--cacert", tls + "/api.pem"]
        patience.wait(lambda: self.run(*curl, "https://127.0.0.1:14000/dir", check=False), "the certificate authority")
        self.run(*curl, "-o", tls + "/ca.pem", "https://127.0.0.1:15000/roots/0")
        self.service(APP + ".Daemon",
                     f"{self.program('funneld')} --ca https://127.0.0.1:14000/dir --ca-file {tls}/api.pem")

    def invite(self):
        return self.run("funnel-ingress", "invite", "laptop", "--grant").strip()

    def shares(self):
        return json.loads(self.run("funnel", "status", "--json"))["shares"]

    def make_certificate(self):
        """One that nobody has signed but itself, for a share that brings its own."""
        tls = self.path("tls")
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj", f"/CN={NAME}",
                 "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", tls + "/key.pem", "-out", tls + "/ca.pem")

    def certificate_options(self):
        return [f"--cert-file={self.path('tls/ca.pem')}", f"--key-file={self.path('tls/key.pem')}"]

    def visit(self, path="/", port=443):
        return self.run("curl", "-s", "--cacert", self.path("tls/ca.pem"), "--max-time", str(patience.SECONDS), f"https://{NAME}:{port}{path}", check=False)
