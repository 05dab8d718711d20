# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients: curl, openssl, gnutls-cli, a browser."""
import base64
import hashlib
import os
import shutil
import subprocess

import peers
from suite import Skip, test
from test_access import LAPTOP
from world import INGRESS, NOBODY, Failure, netns, run


def visitor(*command, timeout=30, stdin=None):
    return subprocess.run(["nsenter", f"--net={netns('visitor')}", "--", *command], capture_output=True, text=True, timeout=timeout, input=stdin)


def page(w):
    """The terminated share leads to a small site for the rest of this file."""
    w.targets.stop("node", 3000)
    w.targets.start("node", 3000, peers.http)


@test()
def curl_gets_the_page(w):
    page(w)
    for version in ("--tlsv1.3", "--tls-max=1.2"):
        flags = [version] if version == "--tlsv1.3" else ["--tls-max", "1.2"]
        done = visitor("curl", "-sS", "--cacert", w.ca.file, *flags, f"https://{LAPTOP}:8443/")
        if "the laptop answered" not in done.stdout:
            raise Failure(f"{version}: {done.stdout}{done.stderr}")


@test()
def openssl_sees_the_nodes_certificate(w):
    done = visitor("openssl", "s_client", "-connect", f"{INGRESS}:8443", "-servername", LAPTOP, "-CAfile", w.ca.file, "-verify_return_error",
                   "-verify_hostname", LAPTOP, stdin="GET / HTTP/1.0\r\n\r\n")
    if "Verify return code: 0 (ok)" not in done.stdout:
        raise Failure(done.stdout[-800:] + done.stderr[-800:])


@test()
def gnutls_cli_gets_through(w):
    if not shutil.which("gnutls-cli"):
        raise Skip("needs gnutls-cli")
    done = visitor("gnutls-cli", "--x509cafile", w.ca.file, "-p", "8443", LAPTOP, stdin="GET / HTTP/1.0\r\n\r\n")
    if "certificate is trusted" not in done.stdout:
        raise Failure(done.stdout[-800:] + done.stderr[-800:])


@test(limit=90)
def chromium_shows_the_page(w):
    browser = shutil.which("chromium")
    if not browser:
        raise Skip("needs chromium")
    spki = run("openssl", "x509", "-in", w.certificate[0], "-pubkey", "-noout")
    der = base64.b64decode("".join(line for line in spki.splitlines() if not line.startswith("-")))
    pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
    home = os.path.join(w.folder, "browser")
    os.makedirs(home, mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    done = visitor("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", f"HOME={home}", f"XDG_RUNTIME_DIR={home}",
                   browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={home}/profile",
                   f"--ignore-certificate-errors-spki-list={pin}", "--timeout=20000", "--dump-dom", f"https://{LAPTOP}:8443/", timeout=80)
    if "the laptop answered" not in done.stdout:
        raise Failure(f"{done.returncode}: {done.stdout[-500:]} {done.stderr[-1500:]}")


@test()
def back_to_echo(w):
    w.targets.stop("node", 3000)
    w.targets.start("node", 3000, peers.echo)
    peers.works(w.ca, LAPTOP, 8443)
