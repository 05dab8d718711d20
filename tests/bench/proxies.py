# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies under test, each with the same worker count, one name and one plain backend (ours: one node)."""

import pathlib
import shutil
import socket
import subprocess
import time

NAME = "app.bench.example"
START_SECONDS = 10
NODE_PLAIN = "127.0.0.1:9000"
NODE_OFFERS = "127.0.0.1:9001"


class Missing(Exception):
    """The program is not installed or not built."""


class Proxy:
    """A running proxy; a context manager."""

    name = ""
    port = 0
    program = ""

    def __init__(self, build, directory, workers):
        self.build = pathlib.Path(build)
        self.directory = pathlib.Path(directory)
        self.workers = workers
        self.process = None
        self.log = None

    def find(self):
        path = shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
        if not path:
            raise Missing(f"{self.program} is not installed")
        return path

    def configuration(self):
        raise NotImplementedError

    def command(self, config):
        raise NotImplementedError

    def root_pid(self):
        return self.process.pid

    def __enter__(self):
        path = self.directory / f"{self.name}.conf"
        path.write_text(self.configuration(), encoding="utf-8")
        command = self.command(path)
        self.log = open(self.directory / f"{self.name}.log", "a+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.wait_until_open()
        return self

    def wait_until_open(self):
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.__exit__()
        raise RuntimeError(f"{self.name} did not start: {self.log_text()}")

    def log_text(self):
        return (self.directory / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")[-600:].strip()

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Haproxy(Proxy):
    name = "haproxy"
    port = 4402
    program = "haproxy"

    def command(self, config):
        return [self.find(), "-db", "-f", str(config)]

    def configuration(self):
        # 6000 flows with their pipes fit into 20000 descriptors.
        return f"""
global
  nbthread {self.workers}
  maxconn 6000
  maxpipes 1500
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend visitors
  bind 127.0.0.1:{self.port} backlog 4096
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use_backend node if {{ req.ssl_sni -i {NAME} }}
backend node
  server node {NODE_PLAIN}
"""


class Nginx(Proxy):
    name = "nginx"
    port = 4403
    program = "nginx"

    def command(self, config):
        return [self.find(), "-e", str(self.directory / "nginx-error.log"), "-c", str(config)]

    def configuration(self):
        module = "/usr/lib/nginx/modules/ngx_stream_module.so"
        if not pathlib.Path(module).exists():
            raise Missing("nginx has no stream module")
        return f"""
load_module {module};
user root;
daemon off;
pid {self.directory}/nginx.pid;
worker_processes {self.workers};
worker_rlimit_nofile 20000;
error_log {self.directory}/nginx-error.log crit;
events {{ worker_connections 10000; }}
stream {{
  map $ssl_preread_server_name $where {{ {NAME} node; default nowhere; }}
  upstream node {{ server {NODE_PLAIN}; }}
  upstream nowhere {{ server 127.0.0.1:1; }}
  server {{ listen 127.0.0.1:{self.port} backlog=4096; ssl_preread on; proxy_pass $where; }}
}}
"""


class Sniproxy(Proxy):
    name = "sniproxy"
    port = 4404
    program = "sniproxy"

    def command(self, config):
        if pathlib.Path("/proc/self/setgroups").read_text(encoding="ascii").strip() == "deny":
            raise Missing("sniproxy needs real root: it sets its groups at start")
        return [self.find(), "-f", "-n", "20000", "-c", str(config)]

    def configuration(self):
        return f"""
user root
pidfile {self.directory}/sniproxy.pid
error_log {{
  filename {self.directory}/sniproxy-error.log
  priority error
}}
listener 127.0.0.1:{self.port} {{
  proto tls
  table names
}}
table names {{
  {NAME.replace(".", chr(92) + ".")} {NODE_PLAIN}
}}
"""


class Funnel(Proxy):
    """Our relay, started as the agent starts it."""

    name = "funnel"
    port = 4401
    pid = 0

    def command(self, config):
        relay = self.build / "ingress-server/relay/funnel-relay"
        host = self.build / "tests/bench/bench-relay-host"
        for path in (relay, host):
            if not path.exists():
                raise Missing(f"{path.name} is not built")
        return [str(host), str(relay), f"127.0.0.1:{self.port}", NODE_OFFERS, NAME, str(self.workers)]

    def configuration(self):
        return ""

    def wait_until_open(self):
        line = self.process.stdout.readline().split()
        if len(line) != 2 or line[0] != "relay":
            self.__exit__()
            raise RuntimeError(f"the relay did not start: {self.log_text()}")
        self.pid = int(line[1])

    def root_pid(self):
        return self.pid


ALL = (Funnel, Haproxy, Nginx, Sniproxy)
