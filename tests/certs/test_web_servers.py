# SPDX-License-Identifier: GPL-3.0-or-later
"""Real web servers with the daemon's certificate, configured as docs/web-servers.md says, and "funnel cert" itself."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time

import peers
from authorities import ADDRESS, Pebble, openssl_verifies
from parties import Node
from suite import Skip, test
from test_stage import DAY
from world import INGRESS, NOBODY, ZONE, Failure, inside, netns, run, until

NAME = f"web.{ZONE}"
PUBLIC = 8443  # the authority comes to 443, where nothing may be passed through while the daemon orders
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "web-servers.md")
BULK = 24 * 1024 * 1024
CADDY = 65533  # a user that is not the daemon's
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def documented(label):
    """The configuration that follows <!-- config: label --> on the page."""
    with open(PAGE, encoding="utf-8") as text:
        found = re.search(rf"<!-- config: {label} -->\n```\n(.*?)```\n", text.read(), re.S)
    if not found:
        raise Failure(f"docs/web-servers.md has no configuration {label}")
    return found.group(1)


def need(*programs):
    for program in programs:
        if not shutil.which(program, path=PATH["PATH"]):
            raise Skip(f"{program} is not installed")


class Site:
    """What the tests share: a node of its own, files to serve, two authorities to go between."""

    def __init__(self, w):
        self.w = w
        self.folder = os.path.join(w.folder, "site")
        self.www = os.path.join(self.folder, "www")
        self.certs = os.path.join(w.folder, "web", "certs")
        os.makedirs(self.www, mode=0o755)
        with open(os.path.join(self.www, "bulk"), "wb") as out:
            out.write(os.urandom(BULK))
        with open(os.path.join(self.www, "bulk"), "rb") as data:
            self.digest = hashlib.sha256(data.read()).hexdigest()
        with open(os.path.join(self.www, "index.html"), "w", encoding="utf-8") as out:
            out.write("hello\n")
        self.api = os.path.join(self.folder, "api")
        os.makedirs(self.api, mode=0o755)
        os.chown(self.api, NOBODY, NOBODY)
        self.socket = os.path.join(self.api, "tailscaled.sock")
        self.node = Node(w, "web", "node", flags=["--local-api", self.socket, "--local-api-http", "7790"])
        self.authorities = [w.pebble, Pebble(w, "other", w.names, w.api, 14200, 90 * DAY)]
        self.processes = []
        self.public = PUBLIC

    def config(self, label, port, **more):
        """The documented text with this stage's name, folders and port."""
        text = documented(label)
        for before, after in {"laptop.example.org": NAME, "/srv/www": self.www, "/var/lib/funnel/certs": self.certs, "8443": str(port),
                              **more}.items():
            text = text.replace(before, after)
        return text

    def start(self, label, command, env=None, uid=0):
        process = self.w.start(label, command, "node", env={**PATH, "HOME": self.folder, **(env or {})}, uid=uid, restart=False)
        self.processes.append(process)
        return process

    def share(self, port):
        self.node.cli("--bg", "--wait=20", f"--name={NAME}", f"--tcp={PUBLIC}", f"tcp://localhost:{port}")

    def stop(self):
        for process in self.processes:
            process.stop()
        self.processes = []
        self.node.cli("--yes", "off")

    def certificate(self):
        found = [c for c in json.loads(self.node.cli("cert", "--list", "--json"))["certificates"] if c["name"] == NAME]
        return found[0] if found else {}

    def renew(self):
        """Another certificate, from the other authority; the leaf it has."""
        before = self.certificate()["sha256"]
        self.authorities.reverse()
        self.node.cli("ca", self.authorities[0].url, "--ca-file=" + self.w.api.file)

        def renewed():
            now = self.certificate()
            return now["state"] == "ready" and now["sha256"] != before and now["sha256"]
        return until(renewed, 20, "the certificate is renewed")

    def trust(self):
        context = ssl.create_default_context()
        for authority in self.authorities:
            context.load_verify_locations(authority.roots)
        return context


class Visitor:
    """One visitor's connection, over the whole path, with the certificate verified."""

    def __init__(self, site):
        self.sock = site.trust().wrap_socket(peers.connect(site.public), server_hostname=NAME)
        self.leaf = hashlib.sha256(self.sock.getpeercert(True)).hexdigest()

    def ask(self, path):
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.take(1)
        size = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if b" 200 " not in head.split(b"\r\n")[0] or not size:
            raise Failure(f"{path}: {head!r}")
        return int(size.group(1))

    def take(self, size):
        data = self.sock.recv(size)
        if not data:
            raise Failure("the connection was dropped")
        return data

    def close(self):
        self.sock.close()


def seen_leaf(site):
    visitor = Visitor(site)
    visitor.ask("/")
    visitor.close()
    return visitor.leaf


class Callers:
    """Visitors that come one after the other, all the time; none may be turned away."""

    def __init__(self, site):
        self.site, self.going, self.leaves, self.problem = site, True, [], None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.going and not self.problem:
            try:
                self.leaves.append(seen_leaf(self.site))
            except (OSError, Failure) as error:
                self.problem = error

    def end(self):
        self.going = False
        self.thread.join(20)
        if self.problem:
            raise Failure(f"after {len(self.leaves)} visitors one was turned away: {self.problem}")
        return self.leaves


def serves_and_renews(site, renewed_at_once=False):
    """The server shows the daemon's certificate; across a renewal an old download goes on and nobody is turned away."""
    first = site.certificate()["sha256"]
    until(lambda: seen_leaf(site) == first, 15, "visitors see the daemon's certificate")
    download = Visitor(site)
    size, digest, left = download.ask("/bulk"), hashlib.sha256(), BULK
    if size != BULK:
        raise Failure(f"the download has {size} bytes")
    for _ in range(16):
        data = download.take(min(left, 4096))
        digest.update(data)
        left -= len(data)
    callers = Callers(site)
    second = site.renew()
    if renewed_at_once:
        if seen_leaf(site) != second:
            raise Failure("the next handshake shows the old certificate")
    else:
        until(lambda: seen_leaf(site) == second, 20, "visitors see the renewed certificate")
    leaves = callers.end()
    while left:
        data = download.take(65536)
        digest.update(data)
        left -= len(data)
    download.close()
    if download.leaf != first or digest.hexdigest() != site.digest:
        raise Failure("the download across the renewal was not the one that began before it")
    if not set(leaves) <= {first, second}:
        raise Failure("visitors saw a third certificate")


def stand(w):
    """The site, once."""
    if hasattr(w, "site"):
        return
    w.site = Site(w)
    w.site.authorities[1].start()
    w.site.node.start()
    w.site.node.cli("ca", w.pebble.url, "--ca-file=" + w.api.file)
    w.site.node.join(w.ingress.invite("web", "--grant"))


@test(limit=60)
def web_servers_stage(w):
    stand(w)


def cert_in(w, folder, *words, fails=False):
    """"funnel cert" as the node's user in a folder: status, standard output and error."""
    node = w.site.node
    done = subprocess.run(node.command("cert", *words), env=node.environment(), capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=folder)
    if fails != (done.returncode != 0):
        raise Failure(f"funnel cert {words}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


@test(limit=60)
def cert_command(w):
    """All forms of "funnel cert": the first one orders, with progress and the notice; the others are at once."""
    folder = os.path.join(w.folder, "web", "out")
    os.makedirs(folder)
    os.chown(folder, NOBODY, NOBODY)
    first = cert_in(w, folder, NAME)
    if "transparency logs" not in first.stderr or len(re.findall(rf"^{re.escape(NAME)}: ", first.stderr, re.M)) < 3:
        raise Failure(f"no notice or no progress: {first.stderr}")
    chain, key = os.path.join(folder, NAME + ".crt"), os.path.join(folder, NAME + ".key")
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (chain, key)]
    if modes != [0o644, 0o600] or os.stat(key).st_uid != NOBODY:
        raise Failure(f"modes {modes}")
    openssl_verifies(w.pebble.roots, chain)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    with open(chain, encoding="ascii") as text:
        chain_text = text.read()
    with open(key, encoding="ascii") as text:
        key_text = text.read()
    again = cert_in(w, folder, NAME)
    if "transparency" in again.stderr or again.stderr.count("Unchanged") != 2:
        raise Failure(f"the second time: {again.stderr}")
    if cert_in(w, folder, NAME, "-").stdout != key_text + chain_text:
        raise Failure("- does not print key and chain")
    if cert_in(w, folder, NAME, "--cert-file=-").stdout != chain_text or cert_in(w, folder, NAME, "--key-file=-").stdout != key_text:
        raise Failure("--cert-file=- or --key-file=- does not print its part")
    cert_in(w, folder, NAME, "--cert-file=java.p12")
    plain = run("openssl", "pkcs12", "-in", os.path.join(folder, "java.p12"), "-passin", "pass:changeit", "-nodes")
    if plain.count("BEGIN CERTIFICATE") < 2 or plain.count("PRIVATE KEY") != 2 or "localKeyID" not in plain:
        raise Failure(f"PKCS #12 holds {plain}")
    if stat.S_IMODE(os.stat(os.path.join(folder, "java.p12")).st_mode) != 0o600:
        raise Failure("the PKCS #12 file can be read by others")
    if sorted(os.listdir(folder)) != sorted([NAME + ".crt", NAME + ".key", "java.p12"]):
        raise Failure(f"left behind: {os.listdir(folder)}")
    cert_in(w, folder, NAME, "--min-validity=30d")
    if "nobody" not in cert_in(w, folder, f"nobody.{ZONE}", fails=True).stderr:
        raise Failure("a name that is not granted")


@test(limit=90)
def caddy_http(w):
    """get_certificate http with the secret: renewal at the next handshake."""
    need("caddy")
    site = w.site
    with open(os.path.join(site.node.state, "local-api-secret"), encoding="ascii") as text:
        url = f"http://caddy:{text.read()}@127.0.0.1:7790/cert"
    file = w.file("Caddyfile-http", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site.config("caddy-http", 9443))
    site.start("caddy-http", ["caddy", "run", "--config", file, "--adapter", "caddyfile"], env={"FUNNEL_CERT_URL": url}, uid=CADDY)
    site.share(9443)
    try:
        serves_and_renews(site, renewed_at_once=True)
    finally:
        site.stop()


@test(limit=90)
def caddy_socket(w):
    """get_certificate tailscale as another user: only once it is allowed, and for this name."""
    need("caddy")
    site = w.site
    file = w.file("Caddyfile-socket", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site.config("caddy-socket", 9444))
    inner = ("mount -t tmpfs tmpfs /run && mkdir /run/tailscale && mount --bind \"$1\" /run/tailscale && shift && "
             f"exec setpriv --reuid={CADDY} --regid={CADDY} --clear-groups --inh-caps=-all -- \"$@\"")
    site.start("caddy-socket", ["unshare", "--mount", "--propagation", "private", "sh", "-c", inner, "sh", site.api,
                                "caddy", "run", "--config", file, "--adapter", "caddyfile"])
    site.node.cli("--bg", "--wait=0", f"--name={NAME}", f"--tcp={PUBLIC}", "tcp://localhost:9444", fails=None)
    try:
        def refused():
            try:
                seen_leaf(site)
            except ssl.SSLError as error:
                return "internal error" in str(error)
            return False
        until(refused, 20, "Caddy is refused the key")
        site.node.cli("cert", NAME, f"--allow-user={CADDY}")
        serves_and_renews(site, renewed_at_once=True)
        site.node.cli("cert", NAME, f"--deny-user={CADDY}")
        until(refused, 10, "Caddy is refused the key again")
    finally:
        site.stop()


def install(site, *more, fails=False):
    return cert_in(site.w, "/", NAME, f"--install={site.certs}", *more, fails=fails)


def ask_root(site, label, command):
    """A hook that may do what its user may not: a pipe to a helper that runs as root, in place of sudo."""
    pipe = os.path.join(site.folder, label + ".pipe")
    os.mkfifo(pipe)
    os.chmod(pipe, 0o666)
    done = os.path.join(site.folder, label + ".done")
    os.mkfifo(done)
    os.chmod(done, 0o666)
    site.start(label + "-root", ["sh", "-c", f'while read line < {pipe}; do {command} && echo ok > {done} || echo bad > {done}; done'])
    return f"echo go > {pipe} && read result < {done} && test \"$result\" = ok"


def files_server(w, label, command, reload, port):
    """A server that reads files and is told by a hook."""
    site = w.site
    install(site)
    site.start(label, command)
    site.share(port)
    try:
        install(site, "--hook=" + ask_root(site, label, reload))
        serves_and_renews(site)
    finally:
        site.node.cli("cert", NAME, f"--uninstall={site.certs}")
        site.stop()


@test(limit=90)
def apache(w):
    need("apache2")
    site = w.site
    root = os.path.join(site.folder, "apache")
    os.makedirs(root)
    modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in ("mpm_event", "authz_core", "dir", "mime", "ssl", "socache_shmcb"))
    file = w.file("apache.conf", f"{modules}ServerRoot {root}\nPidFile {root}/pid\nErrorLog {root}/log\nServerName localhost\nUser nobody\nGroup nogroup\n"
                  "TypesConfig /etc/mime.types\nDirectoryIndex index.html\n" + site.config("apache", 9445))
    files_server(w, "apache", ["apache2", "-f", file, "-D", "FOREGROUND"], f"apache2 -f {file} -k graceful", 9445)


@test(limit=90)
def nginx(w):
    need("nginx")
    site = w.site
    root = os.path.join(site.folder, "nginx")
    os.makedirs(root)
    file = w.file("nginx.conf", f"daemon off;\npid {root}/pid;\nuser nobody nogroup;\nworker_processes 1;\nerror_log {root}/log;\nevents {{}}\nhttp {{\naccess_log off;\n"
                  + "".join(f"{kind}_temp_path {root}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                  + site.config("nginx", 9446) + "}\n")
    files_server(w, "nginx", ["nginx", "-c", file, "-e", root + "/log"], f"nginx -c {file} -e {root}/log -s reload", 9446)


@test(limit=90)
def haproxy(w):
    """No reload: the hook hands the certificate over the stats socket, which the node's user may open."""
    need("haproxy", "socat")
    site = w.site
    stats = os.path.join(site.api, "haproxy.sock")
    file = w.file("haproxy.cfg", site.config("haproxy", 9447, **{"/run/haproxy/admin.sock mode 660": f"{stats} user nobody mode 600",
                                                                  "127.0.0.1:3000": "127.0.0.1:3100"}))
    hook = w.file("funnel-haproxy", documented("haproxy-hook"), 0o755)
    site.start("app", ["/usr/bin/python3", "-m", "http.server", "3100", "--bind", "127.0.0.1", "--directory", site.www])
    failed = install(site, f"--hook=HAPROXY_SOCKET={stats} {hook}", fails=True)
    if "hook" not in failed.stderr or "files are in place" not in failed.stderr:
        raise Failure(f"a hook that cannot work: {failed.stderr}")
    until(lambda: "hook ended" in site.node.cli("status") and site.certificate()["installs"][0]["problem"], 5, "the status tells of the hook")
    site.start("haproxy", ["haproxy", "-db", "-f", file])
    site.share(9447)
    try:
        serves_and_renews(site)
        if site.certificate()["installs"][0]["problem"]:
            raise Failure("the hook has worked, and its problem is still told")
    finally:
        site.node.cli("cert", NAME, f"--uninstall={site.certs}")
        site.stop()


@test(limit=90)
def caddy_own(w):
    """A server with its own ACME client behind a share that passes everything through; the daemon has no order for the name."""
    need("caddy")
    site = w.site
    site.node.cli("cert", NAME, "--forget")
    text = site.config("caddy-own", 9448, **{"https://acme-v02.api.letsencrypt.org/directory": site.authorities[0].url,
                                             "http_port 8080": "http_port 9080\n\tadmin off\n\tacme_ca_root " + w.api.file})
    home = os.path.join(site.folder, "caddy-own")
    os.makedirs(home)
    os.chown(home, CADDY, CADDY)
    site.node.cli("--bg", "--wait=0", f"--name={NAME}", "--tcp=443", "tcp://localhost:9448", fails=None)
    site.start("caddy-own", ["caddy", "run", "--config", w.file("Caddyfile-own", text), "--adapter", "caddyfile"], env={"HOME": home}, uid=CADDY)
    try:
        site.public = 443
        until(lambda: seen_leaf(site), 40, "Caddy has a certificate of its own")
        if site.certificate().get("sha256") == seen_leaf(site):
            raise Failure("it is the daemon's")
    finally:
        site.public = PUBLIC
        site.stop()
