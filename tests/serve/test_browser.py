# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium loads the site's page, which tries everything and reports."""
import base64
import hashlib
import json
import os
import shutil
import subprocess

from suite import Skip, test
from test_stage import URL
from world import NOBODY, Failure, netns, run


def pin(certificate):
    """The hash by which Chromium takes a certificate of no known authority."""
    key = run("openssl", "x509", "-in", certificate, "-pubkey", "-noout")
    der = base64.b64decode("".join(line for line in key.splitlines() if not line.startswith("-")))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@test(limit=120)
def chromium_uses_all_of_it(w):
    browser = shutil.which("chromium")
    if not browser:
        raise Skip("needs chromium")
    home = os.path.join(w.folder, "browser")
    os.makedirs(home, mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    log = os.path.join(w.folder, "log", "chromium.log")
    with open(log, "wb") as out:
        child = subprocess.Popen(["nsenter", f"--net={netns('visitor')}", "--", "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                  "env", f"HOME={home}", f"XDG_RUNTIME_DIR={home}", browser, "--headless", "--no-sandbox", "--disable-gpu",
                                  "--disable-dev-shm-usage", "--enable-logging=stderr", f"--user-data-dir={home}/profile",
                                  f"--ignore-certificate-errors-spki-list={pin(w.certificate[0])}", "--remote-debugging-port=0", URL + "/"],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        came = w.site.reported.wait(100)
    finally:
        child.terminate()
        child.wait()
    if not came:
        with open(log, encoding="utf-8", errors="replace") as f:
            raise Failure(f"the page did not report: {f.read()[-1500:]} {w.site.requests[-20:]}")
    got = json.loads(w.site.report)
    wanted = {"resources": 100, "protocols": ["h2"], "socket": True, "events": ["first", "second"], "uploaded": 3_000_000}
    if got != wanted:
        raise Failure(f"the page reports {got}")
    if w.site.sockets[-1:] != ["2.0 funnel"]:
        raise Failure(f"no WebSocket came over HTTP/2: Via {w.site.sockets}")
