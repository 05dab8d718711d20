# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends TLS and speaks HTTP: the node's data plane, nginx and Caddy, each with one worker, one name, one certificate
and the same plain server behind. Each has a TCP hop in front that looks at the server name: ours the relay, theirs
HAProxy. Only the program itself is measured."""

import pathlib
import subprocess

import proxies

NAME = proxies.NAME
SERVER = 9010  # the plain server behind all of them
OFFERS = "127.0.0.1:9011"
INNER = {"nginx": 4421, "caddy": 4422}
OUTER = {"funnel": 4411, "nginx": 4412, "caddy": 4413}
PAGE = 1024
BIG = 64 << 20


def make_certificate(directory):
    """ECDSA P-256, as authorities issue by default."""
    chain, key = directory / "chain.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", chain, "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip


class Server(proxies.Proxy):
    """The plain server behind all: nginx with a page and a big file."""

    name = "server"
    port = SERVER
    program = "nginx"

    def command(self, config):
        return [self.find(), "-e", str(self.directory / "server-error.log"), "-c", str(config)]

    def configuration(self):
        (self.directory / "page").write_bytes(b"x" * PAGE)
        with open(self.directory / "big", "wb") as file:
            file.truncate(BIG)
        return f"""
user root;
daemon off;
pid {self.directory}/server.pid;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log {self.directory}/server-error.log crit;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    root {self.directory};
  }}
}}
"""


class Front(proxies.Proxy):
    """HAProxy in front of the peers, where our relay is in front of the node."""

    name = "front"
    port = OUTER["nginx"]
    program = "haproxy"

    def command(self, config):
        return [self.find(), "-db", "-f", str(config)]

    def configuration(self):
        parts = "".join(
            f"listen {name}\n  bind 127.0.0.1:{OUTER[name]} backlog 4096\n"
            "  tcp-request inspect-delay 5s\n  tcp-request content accept if { req.ssl_hello_type 1 }\n"
            f"  server {name} 127.0.0.1:{INNER[name]}\n"
            for name in INNER
        )
        return f"""
global
  nbthread 1
  maxconn 6000
  maxpipes 1500
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 10m
  timeout server 10m
{parts}"""


class Node(proxies.Proxy):
    """The data plane alone."""

    name = "funnel"
    port = 0
    pid = 0

    def command(self, config):
        program = self.build / "tests/bench/bench-http-node"
        if not program.exists():
            raise proxies.Missing("bench-http-node is not built")
        return [str(program), OFFERS, NAME, str(self.directory / "chain.pem"), str(self.directory / "key.pem"), str(SERVER)]

    def configuration(self):
        return ""

    def wait_until_open(self):
        if self.process.stdout.readline().split()[:1] != ["node"]:
            self.__exit__()
            raise RuntimeError(f"the node did not start: {self.log_text()}")


class Relay(proxies.Funnel):
    """Our relay, in front of the node."""

    name = "relay"
    port = OUTER["funnel"]

    def command(self, config):
        words = super().command(config)
        words[words.index(proxies.NODE_OFFERS)] = OFFERS
        return words


class NginxTls(proxies.Proxy):
    name = "nginx"
    port = INNER["nginx"]
    program = "nginx"

    def command(self, config):
        return [self.find(), "-e", str(self.directory / "nginx-tls-error.log"), "-c", str(config)]

    def configuration(self):
        return f"""
user root;
daemon off;
pid {self.directory}/nginx-tls.pid;
worker_processes {self.workers};
worker_rlimit_nofile 20000;
error_log {self.directory}/nginx-tls-error.log crit;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  upstream target {{ server 127.0.0.1:{SERVER}; keepalive 32; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port} ssl http2 backlog=4096;
    server_name {NAME};
    ssl_certificate {self.directory}/chain.pem;
    ssl_certificate_key {self.directory}/key.pem;
    http2_max_concurrent_streams 256;
    location / {{
      proxy_pass http://target;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Real-IP $remote_addr;
    }}
  }}
}}
"""


class Caddy(proxies.Proxy):
    name = "caddy"
    port = INNER["caddy"]
    program = "caddy"

    def command(self, config):
        # One worker: one processor for Go code.
        return ["env", f"GOMAXPROCS={self.workers}", f"XDG_DATA_HOME={self.directory}", f"XDG_CONFIG_HOME={self.directory}",
                self.find(), "run", "--config", str(config), "--adapter", "caddyfile"]  # fmt: skip

    def configuration(self):
        return f"""
{{
  admin off
  auto_https off
  log {{
    level ERROR
  }}
}}
https://{NAME}:{self.port} {{
  bind 127.0.0.1
  tls {self.directory}/chain.pem {self.directory}/key.pem
  reverse_proxy 127.0.0.1:{SERVER}
}}
"""


def write_hosts(directory):
    """A hosts file with our name, put over the system's: wrk takes its server name from the URL only. The mount is this
    run's own."""
    path = pathlib.Path(directory) / "hosts"
    path.write_text(f"127.0.0.1 localhost {NAME}\n", encoding="ascii")
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
