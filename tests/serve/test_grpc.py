# SPDX-License-Identifier: GPL-3.0-or-later
"""gRPC end to end: every kind of call, trailers, a failure, large messages."""
import os
import subprocess

from suite import Skip, test
from test_stage import LAPTOP, visitor
from world import NOBODY, Failure, netns

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grpc_peer.py")


@test(limit=90)
def grpc_calls_go_through(w):
    if subprocess.run(["/usr/bin/python3", "-c", "import grpc"], capture_output=True).returncode:
        raise Skip("needs python3-grpcio")
    server = subprocess.Popen(["nsenter", f"--net={netns('node')}", "--", "/usr/bin/python3", PEER, "serve", "3100"], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True)
    try:
        server.stdout.readline()
        leaf, key = w.certificate
        w.laptop.cli("--bg", "--https=8443", f"--cert-file={leaf}", f"--key-file={key}", "3100")
        w.laptop.wait_state("active", 8443)
        done = visitor("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", PEER, "call", f"{LAPTOP}:8443", w.ca.file,
                       timeout=80)
        wanted = [f"{name}: good" for name in ("one", "big", "failure", "unimplemented", "many", "gather", "both")]
        if done.stdout.splitlines() != wanted:
            raise Failure(f"{done.stdout}{done.stderr[-1500:]}")
    finally:
        server.kill()
        server.wait()
        w.laptop.cli("--https=8443", "off", "--yes")
