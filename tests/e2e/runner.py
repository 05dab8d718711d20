# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a suite of end-to-end tests: main(SUITE, FOLDER, MODULES) in its run program.

Starts that program again in network, mount and PID namespaces of its own, as the child of a small init, so that
everything it makes is gone when it ends."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = ["unshare", "nsenter", "setpriv", "ip", "wg", "nft", "sysctl", "dbus-daemon", "openssl", "curl"]


def unable(build):
    """Why the suite cannot run here, or None."""
    from world import PROGRAMS
    if os.geteuid() != 0:
        return "needs root (network namespaces)"
    for tool in TOOLS:
        if not shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return f"needs {tool}"
    for program, where in PROGRAMS.items():
        if not os.path.exists(os.path.join(build, where, program)):
            return f"{where}/{program} is not built"
    probe = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "ip", "link", "add", "veth-a", "type", "veth", "peer", "name", "veth-b"],
                           capture_output=True, text=True)
    if probe.returncode:
        return f"no namespaces or veth here: {probe.stderr.strip()}"
    return None


def init(suite, folder, modules, arguments):
    """PID 1 of the namespace: runs the tests and reaps what others leave."""
    child = os.fork()
    if child == 0:
        os.execv("/usr/bin/python3", ["/usr/bin/python3", os.path.join(HERE, "main.py"), suite, folder, ",".join(modules), *arguments])
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def main(suite, folder, modules):
    """Runs the test modules of a suite's folder in their order. The program's arguments: BUILD [TEST…]."""
    if sys.argv[1] == "--init":
        return init(suite, folder, modules, sys.argv[2:])
    build = os.path.abspath(sys.argv[1])
    reason = unable(build)
    if reason:
        print(f"skip {suite}: THE WHOLE SUITE DID NOT RUN: {reason}")
        return 0
    stage = tempfile.mkdtemp(prefix=f"funnel-{suite}-")
    os.chmod(stage, 0o755)
    try:
        return subprocess.run(["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
                               "/usr/bin/python3", os.path.join(folder, "run"), "--init", build, stage, *sys.argv[2:]]).returncode
    finally:
        shutil.rmtree(stage, ignore_errors=True)
