# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate authorities on the internet of the stage: real ones (pebble), and one that does wrong."""
import json
import os
import shutil
import ssl
import subprocess
import urllib.request

from world import INGRESS, Failure, inside, netns, run, until

ADDRESS = "203.0.113.10"  # the visitor's side of the stage
HERE = os.path.dirname(os.path.abspath(__file__))


class Names:
    """DNS as the authorities see it: every name is the ingress."""

    def __init__(self, world, port=8053):
        self.server = f"{ADDRESS}:{port}"
        self.process = world.start("names", ["pebble-challtestsrv", "-defaultIPv4", INGRESS, "-defaultIPv6", "", "-dns01", self.server,
                                             "-management", "", "-http01", "", "-https01", "", "-tlsalpn01", ""], "visitor")


class Api:
    """The TLS of the authorities' own API: one certificate that no machine trusts by itself."""

    def __init__(self, world):
        self.file, self.key = (os.path.join(world.folder, "tls", "api" + end) for end in (".pem", ".key"))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=API",
            "-addext", f"subjectAltName=IP:{ADDRESS}", "-keyout", self.key, "-out", self.file)
        os.chmod(self.file, 0o644)

    def get(self, url):
        context = ssl.create_default_context(cafile=self.file)
        with inside(netns("visitor")):
            with urllib.request.urlopen(url, timeout=10, context=context) as answer:
                return answer.read().decode()


class Pebble:
    """One pebble: it connects to the ingress before it certifies a name, and forgets everything when it is stopped."""

    def __init__(self, world, label, names, api, port, lifetime):
        self.world, self.label, self.names, self.api, self.port = world, label, names, api, port
        self.url = f"https://{ADDRESS}:{port}/dir"
        self.roots = os.path.join(world.folder, "tls", label + "-roots.pem")
        self.config = world.file(label + ".json", json.dumps({"pebble": {
            "listenAddress": f"{ADDRESS}:{port}", "managementListenAddress": f"{ADDRESS}:{port + 1}", "certificate": api.file,
            "privateKey": api.key, "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "certificateValidityPeriod": lifetime,
            "externalAccountBindingRequired": False}}))
        self.process = None

    def start(self):
        self.process = self.world.start(self.label, ["pebble", "-strict", "-config", self.config, "-dnsserver", self.names.server], "visitor",
                                        env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0"}, restart=False)
        until(lambda: self.api.get(self.url), 10, f"{self.label} answers")
        with open(self.roots, "w", encoding="utf-8") as out:
            out.write(self.api.get(f"https://{ADDRESS}:{self.port + 1}/roots/0"))

    def stop(self):
        self.process.stop()

    def restart(self):
        self.stop()
        self.start()

    def status(self, serial):
        """"Valid", "Revoked": of the certificate with this serial number."""
        return json.loads(self.api.get(f"https://{ADDRESS}:{self.port + 1}/cert-status-by-serial/{serial}"))["Status"]

    def client(self):
        return ssl.create_default_context(cafile=self.roots)


class Broken:
    """broken_acme.py, which believes names without looking."""

    def __init__(self, world, api, port=15000):
        self.api, self.base = api, f"https://{ADDRESS}:{port}"
        self.process = world.start("broken", ["/usr/bin/python3", os.path.join(HERE, "broken_acme.py"), "--cert", api.file, "--key", api.key,
                                              "--dir", os.path.join(world.folder, "broken"), "--address", ADDRESS, "--port", str(port)], "visitor")
        until(lambda: self.seen("fine") is not None, 10, "the broken authority answers")

    def url(self, fault):
        return f"{self.base}/{fault}/dir"

    def seen(self, fault):
        """How often each step was asked for."""
        return json.loads(self.api.get(f"{self.base}/{fault}/seen"))["seen"]


def needed():
    """What is not installed, or None."""
    for program in ("pebble", "pebble-challtestsrv"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return None


def openssl_verifies(roots, chain):
    done = subprocess.run(["openssl", "verify", "-CAfile", roots, "-untrusted", chain, chain], capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise Failure(done.stdout + done.stderr)
