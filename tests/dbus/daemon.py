# SPDX-License-Identifier: GPL-3.0-or-later
"""A private bus with the real funneld on it, and a local server to share."""
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import fake_ingress
import message_bus

BUS_NAME = "org.openfunnel.Funnel.Daemon"
ROOT = "/org/openfunnel/Funnel"
NO_AUTHORITY = "https://127.0.0.1:1/directory"
ERROR = "org.openfunnel.Funnel.Error."
# Any user may connect, so that the daemon's own check is what refuses a stranger.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


class Target:
    """An echo server, with TLS if it has a certificate."""

    def __init__(self, certificate=None, port=0):
        self.certificate = certificate
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.certificate)
                connection = context.wrap_socket(connection, server_side=True)
            while True:
                data = connection.recv(65536)
                if not data:
                    break
                connection.sendall(data)
        except OSError:
            pass
        connection.close()

    def close(self):
        # A plain close does not wake the thread that accepts, which would take one more connection.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class World:
    def __init__(self, build):
        self.build = build
        self.folder = tempfile.mkdtemp(prefix="funnel-dbus-")
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, "state")
        self.log = os.path.join(self.folder, "funneld.log")
        self.bus_path = os.path.join(self.folder, "bus")
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(path=self.bus_path))
        self.bus = subprocess.Popen(["dbus-daemon", "--nofork", "--config-file", config], stderr=subprocess.DEVNULL)
        wait(lambda: can_connect(self.bus_path))
        self.daemon = self.connection = None
        self.ingresses = []

    def command(self, *more):
        return [os.path.join(self.build, "daemon", "funneld"), "--state-dir", self.state, *more]

    def environment(self):
        return dict(os.environ, DBUS_SESSION_BUS_ADDRESS="unix:path=" + self.bus_path, FUNNEL_TUNNEL="")

    def start(self, authority=NO_AUTHORITY):
        """authority: None for the one that is set. No test may ask one of the internet for anything."""
        with open(self.log, "ab") as log:
            command = self.command(*(["--ca", authority] if authority else []))
            self.daemon = subprocess.Popen(command, env=self.environment(), stderr=log, stdout=log)
        self.connection = message_bus.Connection(self.bus_path)
        wait(lambda: self.daemon.poll() is None and self.connection.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", BUS_NAME)[0])

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        status = self.daemon.wait(timeout=30)
        self.connection.close()
        return status

    def end(self):
        """A daemon that still runs ends cleanly: sanitizers have their say here."""
        if self.daemon and self.daemon.poll() is None:
            status = self.stop()
            assert status == 0, f"funneld ended with {status}"

    def ingress(self, **options):
        ingress = fake_ingress.Ingress(self.folder, **options)
        self.ingresses.append(ingress)
        return ingress

    def certificate(self, label, name="laptop.example.org", **options):
        return fake_ingress.make_certificate(self.folder, label, name, **options)

    def call(self, method, signature, *body, connection=None):
        return (connection or self.connection).call(BUS_NAME, ROOT + "/manager", "org.openfunnel.Funnel.Manager", method,
                                                    signature, *body)

    def join(self, token):
        return self.call("Join", "sa{sv}", token, {})[0]

    def share(self, target, connection=None, **options):
        return self.call("Share", "sa{sv}", str(target), variants(options), connection=connection)[0]

    def unshare(self, **options):
        return self.call("Unshare", "a{sv}", variants(options))[0]

    def reset(self, **options):
        return self.call("Reset", "a{sv}", variants(options))[0]

    def objects(self, interface):
        """path → properties"""
        everything = self.connection.call(BUS_NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]
        return {path: found["org.openfunnel.Funnel." + interface] for path, found in everything.items()
                if "org.openfunnel.Funnel." + interface in found}

    def shares(self):
        return self.objects("Share")

    def get(self, path, interface, name, connection=None):
        return (connection or self.connection).call(BUS_NAME, path, "org.freedesktop.DBus.Properties", "Get", "ss",
                                                    "org.openfunnel.Funnel." + interface, name)[0]

    def wait_state(self, path, state, timeout=20):
        try:
            wait(lambda: self.get(path, "Share", "State") == state, timeout)
        except AssertionError:
            raise AssertionError(f"{path} is {self.shares().get(path)}, not {state}") from None
        return self.shares()[path]

    def read_log(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        for process in (self.daemon, self.bus):
            if process and process.poll() is None:
                process.terminate()
                process.wait(timeout=30)
        for ingress in self.ingresses:
            ingress.close()
        subprocess.run(["rm", "-rf", self.folder], check=False)


def can_connect(path):
    with socket.socket(socket.AF_UNIX) as trial:
        return trial.connect_ex(path) == 0


def variants(options):
    types = {bool: "b", int: "q", str: "s"}
    return {key.replace("_", "-"): value if isinstance(value, message_bus.Variant)
            else message_bus.Variant(types[type(value)], value) for key, value in options.items()}


def wait(condition, timeout=20):
    """Until the condition holds; the only waiting there is."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.02)


def refused(expected, call, /, *arguments, **options):
    """The message of the error of this name the call ends with."""
    try:
        result = call(*arguments, **options)
    except message_bus.Error as error:
        assert error.name == ERROR + expected, str(error)
        return error.message
    raise AssertionError(f"not refused: {result}")
