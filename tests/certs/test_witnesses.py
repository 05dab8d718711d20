# SPDX-License-Identifier: GPL-3.0-or-later
""""funnel audit": what visitors see, what a real DNS server says in CAA records, and what a transparency log lists."""
import base64
import http.server
import json
import os
import shutil
import subprocess
import threading

from authorities import ADDRESS
from suite import Skip, test
from test_web_servers import NAME, cert_in, stand
from world import ZONE, Failure, inside, netns, run, until

ISSUER = "pebble.example.net"
LOG_PORT, DNS_PORT = 8180, 5300


class Log(http.server.BaseHTTPRequestHandler):
    """RFC 6962 as far as reading goes, and a monitor's JSON at /monitor."""

    entries, rows = [], []

    def do_GET(self):
        path, _, query = self.path.partition("?")
        options = dict(item.split("=", 1) for item in query.split("&") if item)
        if path == "/log/ct/v1/get-sth":
            self.answer({"tree_size": len(self.entries)})
        elif path == "/log/ct/v1/get-entries":  # fewer than asked for, as logs do
            first = int(options["start"])
            self.answer({"entries": self.entries[first:min(int(options["end"]) + 1, first + 3)]})
        elif path == "/monitor":
            self.answer(self.rows)
        elif path == "/html":
            self.answer("<html>sign in</html>")
        else:
            self.send_error(404)

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def log_entry(der, precertificate=False):
    size = len(der).to_bytes(3, "big") + der
    head = bytes(2) + bytes(8)
    if precertificate:
        leaf, extra = head + b"\0\1" + bytes(32) + b"\0\0\1\0" + b"\0\0", size + b"\0\0\0"
    else:
        leaf, extra = head + b"\0\0" + size + b"\0\0", b"\0\0\0"
    return {"leaf_input": base64.b64encode(leaf).decode(), "extra_data": base64.b64encode(extra).decode()}


def foreign(w, label, name, days=30):
    """DER of a certificate that somebody else got."""
    key, file = (os.path.join(w.folder, "tls", label + end) for end in (".key", ".pem"))
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj", "/CN=Mallory",
        "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", file)
    return subprocess.run(["openssl", "x509", "-in", file, "-outform", "DER"], capture_output=True, check=True).stdout


def own(w):
    chain = cert_in(w, "/", NAME, "--cert-file=-").stdout
    return base64.b64decode("".join(chain.split("-----END")[0].split("\n")[1:]))


def audit(w, *words, status=0):
    node = w.site.node
    done = subprocess.run(node.command("audit", NAME, "--json", f"--dns={ADDRESS}:{DNS_PORT}", f"--issuer={ISSUER}", *words), env=node.environment(),
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd="/")
    if done.returncode != status:
        raise Failure(f"funnel audit {words}: {done.returncode}: {done.stdout}{done.stderr}")
    result = json.loads(done.stdout)
    result["by"] = {}
    for finding in result["findings"]:
        result["by"].setdefault(finding["check"], []).append((finding["grade"], finding["text"]))
    return result


class Zone:
    """Knot DNS with the zone and these records."""

    def __init__(self, w, label, *records):
        if not shutil.which("knotd", path="/usr/sbin:/usr/bin"):
            raise Skip("knotd is not installed")
        folder = os.path.join(w.folder, "knot-" + label)
        os.makedirs(folder)
        with open(os.path.join(folder, "zone"), "w", encoding="utf-8") as out:
            out.write(f"$ORIGIN {ZONE}.\n@ 60 SOA ns. admin. 1 60 60 60 60\n@ 60 NS ns.\n" + "".join(f"{r}\n" for r in records))
        config = w.file(f"knot-{label}.conf", f"server:\n  listen: {ADDRESS}@{DNS_PORT}\n  rundir: {folder}\ndatabase:\n  storage: {folder}\n"
                        f"zone:\n  - domain: {ZONE}\n    file: {folder}/zone\n")
        self.process = w.start("knot-" + label, ["knotd", "-c", config], "visitor", restart=False)
        until(lambda: "zone file loaded" in self.process.text() or "loaded" in self.process.text(), 10, "Knot has loaded the zone")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()


@test(limit=90)
def audit_stage(w):
    stand(w)
    with inside(netns("visitor")):
        server = http.server.ThreadingHTTPServer((ADDRESS, LOG_PORT), Log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    w.log = f"http://{ADDRESS}:{LOG_PORT}"
    cert_in(w, "/", NAME, "--cert-file=-")
    w.site.node.cli("--bg", "--wait=30", f"--name={NAME}", "--tls-terminated-tcp=443", "tcp://localhost:3000")


@test(limit=60)
def audit_of_caa(w):
    """Without records, with the very ones it advises, with loose ones above the name, and with ones that forbid."""
    with Zone(w, "none"):
        result = audit(w)
        if result["by"]["ingress"][0][0] != "ok" or result["by"]["direct"][0][0] != "ok" or result["by"]["caa"][0][0] != "note":
            raise Failure(f"without CAA: {result}")
        advice = result["caa"].split("\n")
        account = w.site.certificate()["account"]
        if account not in advice[0] or "validationmethods=tls-alpn-01" not in advice[0]:
            raise Failure(f"advises {advice}")
    with Zone(w, "exact", *advice):
        result = audit(w)
        if result["by"]["caa"] != [("ok", f"only this node's account may get a certificate, by tls-alpn-01 (records of {NAME})")]:
            raise Failure(f"as advised: {result}")
    with Zone(w, "loose", f'@ CAA 0 issue "{ISSUER}"'):
        grade, text = audit(w)["by"]["caa"][0]
        if grade != "note" or f"(records of {ZONE})" not in text:
            raise Failure(f"loose: {grade} {text}")
    with Zone(w, "forbid", f'{NAME}. CAA 0 issue "other.example.net"', f'@ CAA 0 issue "{ISSUER}"'):
        if audit(w, status=1)["by"]["caa"][0][0] != "wrong":
            raise Failure("a record that forbids the renewal is not wrong")


@test(limit=60)
def audit_of_a_log(w):
    """Our own certificates are fine; one that this node has not ordered is found, in a log and by a monitor."""
    with Zone(w, "log"):
        mine, other = own(w), foreign(w, "unrelated", f"elsewhere.{ZONE}")
        Log.entries = [log_entry(other), log_entry(mine, True), log_entry(mine), {"leaf_input": "AAAA", "extra_data": ""}] + [log_entry(other)] * 6
        result = audit(w, f"--ct-log={w.log}/log")
        if ("ok", "1 certificate(s) of this name are listed, all ordered by this node") not in result["by"]["log"] \
                or ("note", "1 entries could not be read") not in result["by"]["log"]:
            raise Failure(f"own: {result}")
        Log.entries.append(log_entry(foreign(w, "mallory", NAME), True))
        result = audit(w, f"--ct-log={w.log}/log", status=1)
        if not any(grade == "wrong" and "Mallory" in text and "entry 10" in text for grade, text in result["by"]["log"]):
            raise Failure(f"foreign: {result}")
        serial = w.site.certificate()["serial"]
        dates = {"not_before": "2026-01-01T00:00:00", "not_after": "2099-01-01T00:00:00"}
        Log.rows = [{"id": 1, "serial_number": "00" + serial.upper(), "name_value": NAME, "issuer_name": "CN=Pebble", **dates}]
        audit(w, f"--ct-log={w.log}/monitor?q={NAME}")
        Log.rows.append({"id": 2, "serial_number": "0badc0de", "name_value": f"*.{ZONE}", "issuer_name": "CN=Mallory", **dates})
        result = audit(w, f"--ct-log={w.log}/monitor?q={NAME}", status=1)
        if not any(grade == "wrong" and "badc0de" in text for grade, text in result["by"]["log"]):
            raise Failure(f"wildcard: {result}")
        for url in (f"{w.log}/html?", f"{w.log}/nothing", f"http://{ADDRESS}:9/log", "nonsense"):
            if audit(w, f"--ct-log={url}")["by"]["log"][0][0] != "note":
                raise Failure(f"{url} is no note")


@test(limit=60)
def audit_of_an_impostor(w):
    """Somebody else answers at the public address, with a certificate of the name that this node has not ordered."""
    node = w.site.node
    with Zone(w, "impostor"):
        node.cli("--yes", "off")
        foreign(w, "impostor", NAME)
        key, file = (os.path.join(w.folder, "tls", "impostor" + end) for end in (".key", ".pem"))
        process = w.start("impostor", ["openssl", "s_server", "-quiet", "-accept", "203.0.113.1:444", "-key", key, "-cert", file], "ingress", restart=False)
        run("nsenter", f"--net={netns('ingress')}", "--", "nft", "add table ip impostor; add chain ip impostor pre { type nat hook prerouting priority dstnat; }; "
            "add rule ip impostor pre tcp dport 443 redirect to :444")
        try:
            until(lambda: audit_fails(w), 20, "the impostor is seen")
        finally:
            run("nsenter", f"--net={netns('ingress')}", "--", "nft", "delete table ip impostor")
            process.stop()


def audit_fails(w):
    return any(grade == "wrong" and "not this node's" in text for grade, text in audit(w, status=1)["by"]["direct"])
