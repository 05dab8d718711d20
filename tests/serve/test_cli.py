# SPDX-License-Identifier: GPL-3.0-or-later
"""What users type, through the real daemon and the whole path: every sort of target, who may come, ends, commands,
and what is refused in which words. All on public port 8443, so that the stage's own share is left alone."""
import asyncio
import json
import os
import signal
import subprocess
import threading

import peers
from suite import test
from test_stage import LAPTOP
from world import NOBODY, Failure, netns, until

PORT = 8443
URL = f"https://{LAPTOP}:{PORT}"
TARGET_PORT = 3900
SERVER = """import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("child " + self.path + " " + os.environ.get("PORT", "-")).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def tell(reader, writer):
    """Answers with the request's head, line by line. Somebody may only look whether it is here."""
    head = b""
    while (line := await reader.readline()).strip():
        head += line
    if not head:
        writer.close()
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(head) + head)
    await writer.drain()
    writer.close()


def visit(w, path="/", *options, code="200"):
    """What a visitor gets, with the status expected."""
    done = subprocess.run(["nsenter", f"--net={netns('visitor')}", "--", "curl", "-sS", "--max-time", "20", "--cacert", w.ca.file,
                           "-w", "\n%{http_code}", *options, URL + path],
                          capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    body, _, seen = done.stdout.rpartition("\n")
    if seen != code:
        raise Failure(f"{path} {options}: {seen}, not {code}: {body[:300]}{done.stderr[:300]}")
    return body


def expect(text, *words):
    for word in words:
        if word not in text:
            raise Failure(f"{word!r} is not in: {text}")


def share(w, *words):
    """In the background on our port; the status when it is active."""
    leaf, key = w.certificate
    w.laptop.cli("--bg", f"--https={PORT}", f"--cert-file={leaf}", f"--key-file={key}", "--wait=25", *words)
    return w.laptop.wait_state("active", port=PORT, seconds=25)


def end(w):
    w.laptop.cli("--yes", f"--https={PORT}", "off", fails=None)


def alone(function):
    """Whatever becomes of a test, the next one starts without its share."""
    def run(w):
        try:
            function(w)
        finally:
            end(w)
    run.__name__ = function.__name__
    return run


@test(limit=90)
def mounts_make_one_tree(w):
    w.targets.start("node", TARGET_PORT, tell)
    site = os.path.join(w.folder, "site-of-cli")
    os.makedirs(site)
    with open(os.path.join(site, "a.txt"), "w", encoding="utf-8") as f:
        f.write("a file\n")
    share(w, "text:hello")
    share(w, "--set-path=/api", f"localhost:{TARGET_PORT}/v1")
    share(w, "--set-path=/kept", "--keep-prefix", "--host-header=target", str(TARGET_PORT))
    share(w, "--set-path=/site", site)
    share(w, "--set-path=/away", "redirect:308:https://example.org/x")
    expect(visit(w), "hello")
    expect(visit(w, "/api/list?q=1"), "GET /v1/list?q=1 HTTP/1.1", f"Host: {LAPTOP}:{PORT}")
    expect(visit(w, "/kept/x"), "GET /kept/x HTTP/1.1", f"Host: localhost:{TARGET_PORT}")
    expect(visit(w, "/site/a.txt"), "a file")
    visit(w, "/site/", code="404")
    expect(visit(w, "/away", "-D", "-", code="308"), "https://example.org/x")
    share(w, "--set-path=/site", "--listing", site)
    expect(visit(w, "/site/"), "a.txt")
    tree = w.laptop.cli("status")
    expect(tree, "|-- /         text:hello", f"|-- /api      proxy http://localhost:{TARGET_PORT}/v1", "keep-prefix", "listing",
           "access    anyone on the internet", "Anyone on the internet can reach this")


@test()
def off_takes_one_mount_or_asks(w):
    w.laptop.cli(f"--https={PORT}", "--set-path=/away", "off")
    visit(w, "/away")  # the root answers now
    expect(w.laptop.cli(f"--https={PORT}", "off", fails=True), "Are you sure", "--yes")
    w.laptop.cli(f"--https={PORT}", f"localhost:{TARGET_PORT}/v1", "off")
    paths = [m["path"] for m in w.laptop.share(PORT)["mounts"]]
    if paths != ["/", "/kept", "/site"]:
        raise Failure(f"left: {paths}")
    end(w)
    if w.laptop.share(PORT):
        raise Failure("it is still there")


@test(limit=60)
@alone
def who_may_come(w):
    share(w, "--allow=198.51.100.0/24", "text:secret")
    if (seen := peers.alert(w.ca, LAPTOP, PORT)) is None:
        raise Failure("a visitor who is not allowed came in")
    until(lambda: "not-allowed" in w.laptop.share(PORT)["refusals"], 10, f"the refusal is counted (visitor saw {seen})")
    password = os.path.join(w.folder, "password")
    with open(password, "w", encoding="utf-8") as f:
        f.write("me:open sesame\n")
    os.chown(password, NOBODY, NOBODY)
    w.laptop.cli("--bg", f"--https={PORT}", "--allow=any", f"--auth-file={password}", "--wait=25", "text:secret")
    w.laptop.wait_state("active", port=PORT, seconds=25)
    expect(visit(w, "/", "-D", "-", code="401"), "asic realm")
    visit(w, "/", "-u", "me:wrong", code="401")
    expect(visit(w, "/", "-u", "me:open sesame"), "secret")
    with open(os.path.join(w.laptop.state, "shares.json"), encoding="utf-8") as f:
        if "sesame" in f.read():
            raise Failure("the password is on disk")
    # A rule that changes does not disturb what works.
    w.laptop.cli("--bg", f"--https={PORT}", "--rate=1000", "--wait=0", "text:secret")
    if (now := w.laptop.share(PORT))["state"] != "active" or now["access"]["rate"] != 1000:
        raise Failure(f"{now}")
    # What is not said stays.
    w.laptop.cli("--bg", f"--https={PORT}", "--wait=25", "text:other")
    visit(w, "/", code="401")
    expect(w.laptop.cli("status"), "access    password of me")
    end(w)


@test(limit=60)
@alone
def unix_socket_and_other_machine(w):
    folder = os.path.join(w.folder, "sockets")
    os.makedirs(folder)
    path = os.path.join(folder, "app.sock")

    async def serve():
        return await asyncio.start_unix_server(tell, path)
    w.targets.call(serve())
    os.chmod(path, 0o777)
    share(w, f"unix:{path}")
    expect(visit(w, "/x"), "GET /x HTTP/1.1", "X-Forwarded-For: 203.0.113.10")
    w.targets.start("lan", TARGET_PORT, tell, address="10.9.0.2")
    expect(w.laptop.cli("--bg", f"--https={PORT}", f"http://10.9.0.2:{TARGET_PORT}", fails=True), "another machine", "--lan")
    share(w, "--lan", f"http://10.9.0.2:{TARGET_PORT}")
    expect(visit(w, "/y"), "GET /y HTTP/1.1")
    expect(w.laptop.cli("--bg", f"--https={PORT}", "--lan", "http://169.254.169.254", fails=True), "--force")
    end(w)


@test(limit=60)
@alone
def ends_by_itself(w):
    share(w, "--for=5s", "text:soon over")
    share_now = w.laptop.share(PORT)
    if not share_now["expires"]:
        raise Failure(f"{share_now}")
    over = w.laptop.wait_state("off", port=PORT, seconds=15)
    expect(over["reason"], "It ended at")
    if peers.alert(w.ca, LAPTOP, PORT) is None:
        raise Failure("visitors still come in")
    end(w)
    leaf, key = w.certificate
    done = w.laptop.cli(f"--https={PORT}", f"--cert-file={leaf}", f"--key-file={key}", "--for=2s", "text:soon over")
    expect(done, "its time is over")


def start_child(w, *words):
    leaf, key = w.certificate
    return subprocess.Popen(w.laptop.command("--json", f"--https={PORT}", f"--cert-file={leaf}", f"--key-file={key}", *words),
                            env=w.laptop.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd="/")


@test(limit=90)
@alone
def command_is_run_shared_and_ended(w):
    server = w.file("server.py", SERVER)
    shell = f"/usr/bin/python3 {server} 3911 & wait $!; exit 7"
    funnel = start_child(w, "--", "/bin/sh", "-c", shell)
    lines = []
    threading.Thread(target=lambda: lines.extend(funnel.stdout), daemon=True).start()
    try:
        w.laptop.wait_state("active", port=PORT, seconds=40)
        expect(visit(w, "/hello"), "child /hello -")
        expect(w.laptop.cli("status"), "command   /bin/sh -c", "(foreground)")
        until(lambda: any('"request"' in line and "/hello" in line for line in lines), 10, "the request log shows it")
        # What it started ends: so do the command, the share and funnel, with the command's own status.
        found = subprocess.run(["pgrep", "-f", "-x", f"/usr/bin/python3 {server} 3911"], capture_output=True, text=True).stdout.split()
        if len(found) != 1:
            raise Failure(f"servers: {found}")
        os.kill(int(found[0]), signal.SIGKILL)
        if (status := funnel.wait(20)) != 7:
            raise Failure(f"ended with {status}: {funnel.stderr.read()}")
        until(lambda: w.laptop.share(PORT) is None, 10, "the share is gone")
    finally:
        funnel.kill()
        funnel.wait()


@test(limit=60)
@alone
def command_gets_port_and_signals(w):
    server = w.file("server.py", SERVER)
    funnel = start_child(w, "--port-env", "3912", "--", "/usr/bin/python3", server, "3912")
    try:
        w.laptop.wait_state("active", port=PORT, seconds=40)
        expect(visit(w, "/p"), "child /p 3912")
        funnel.send_signal(signal.SIGTERM)
        if (status := funnel.wait(20)) != 128 + signal.SIGTERM:
            raise Failure(f"ended with {status}: {funnel.stderr.read()}")
        until(lambda: w.laptop.share(PORT) is None, 10, "the share is gone")
    finally:
        funnel.kill()
        funnel.wait()


@test(limit=60)
@alone
def exported_and_imported(w):
    share(w, "--allow=203.0.113.0/24", "text:kept")
    document = w.laptop.cli("export")
    path = w.file("export.json", document)
    end(w)
    expect(w.laptop.cli("import", path, fails=True), "This would be public", f"{URL}  text:kept", "--yes")
    if w.laptop.share(PORT):
        raise Failure("it was imported without a yes")
    expect(w.laptop.cli("--yes", "import", path), "Shared in the background", "text:kept")
    w.laptop.wait_state("active", port=PORT, seconds=25)
    expect(visit(w), "kept")
    end(w)
    foreign = w.file("serve.json", json.dumps({
        "TCP": {str(PORT): {"HTTPS": True}}, "Web": {f"me.tail1.ts.net:{PORT}": {"Handlers": {"/": {"Text": "moved"}}},
                                                      "me.tail1.ts.net:443": {"Handlers": {"/": {"Text": "private"}}}},
        "AllowFunnel": {f"me.tail1.ts.net:{PORT}": True}}))
    expect(w.laptop.cli("--yes", "import", foreign, fails=None), "text:moved", "me.tail1.ts.net:443 was private")
    end(w)


@test(limit=60)
def wrong_usage_names_the_flag(w):
    for words, *says in [
            (["--set-path=api", "3000"], "invalid mount point \"api\""),
            (["--tcp=8443", "--set-path=/api", "22"], "cannot mount a path for TCP serve"),
            (["--proxy-protocol=1", "3000"], "PROXY protocol is only supported for TCP forwarding"),
            (["--tcp=8443", "--proxy-protocol=3", "22"], "invalid PROXY protocol version \"3\"; must be 1 or 2"),
            (["--alpn=h2", "3000"], "--alpn is for --tls-terminated-tcp"),
            (["--tcp=8443", "--auth=a:b", "22"], "--auth is for HTTP"),
            (["--allow=10.0.0.1/8", "3000"], "allow: \"10.0.0.1/8\""),
            (["--deny=nobody", "3000"], "deny: \"nobody\" is not an address range"),
            (["--auth=me:", "3000"], "auth: a user and a password"),
            (["--max-conns=many", "3000"], "invalid number \"many\" for max-conns flag"),
            (["--rate=-1", "3000"], "invalid number \"-1\" for rate flag"),
            (["--for=soon", "3000"], "for: "),
            (["--until=25:00", "3000"], "invalid time \"25:00\" for until flag"),
            (["--host-header=a b", "3000"], "invalid host header \"a b\""),
            (["--listing", "3000"], "--listing is for folders"),
            (["--keep-prefix", "text:x"], "--keep-prefix is for targets that speak HTTP"),
            (["--lan", "text:x"], "--lan is for targets on other machines"),
            (["--port-env", "3000"], "--port-env needs a command"),
            (["--bg", "--", "true"], "leave --bg off"),
            (["--", "/nonexistent/program"], "/nonexistent/program"),
            (["--https=9443", "3000"], "port 9443 is not allowed for funnel; allowed ports are: 443, 8443"),
            (["text:"], "text cannot be an empty string"),
            (["/nonexistent"], "invalid path \"/nonexistent\""),
            (["ftp://localhost"], "must be a URL starting with one of the supported schemes"),
            (["--rate=5", "status"], "the rate flag means nothing to `status"),
            (["import", "/nonexistent"], "/nonexistent cannot be read")]:
        expect(w.laptop.cli(*words, fails=True), *says, "try `funnel --help`")
    for words, *says in [(["/etc"], "holds keys or settings", "--force"), ([f"unix:{w.laptop.home}/run/bus"], "controls this machine", "--force"),
                         (["8.8.8.8:80"], "public address", "--lan --force")]:
        expect(w.laptop.cli("--bg", f"--https={PORT}", *words, fails=True), *says)
    if w.laptop.share(PORT):
        raise Failure("something was shared")
