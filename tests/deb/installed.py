# SPDX-License-Identifier: GPL-3.0-or-later
"""installed.py FOLDER [TREE.tar]: the packages in FOLDER in the life of a machine: installed, used, upgraded, removed, purged.

Runs in namespaces of its own; the tree is in memory. Visitors are this machine's curl, in the same network."""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

import host_copy
from debs import PACKAGES, debs, higher, needed
from references import References

WORK = os.path.abspath(sys.argv[1])
ROOT = "/run/funnel-deb"
ZONE = "funnel.localhost"  # every name below localhost is this machine, without DNS
NAME = f"laptop.{ZONE}"
PUBLIC, ENDPOINT = 8443, 51820
USER, UID = "me", 1000
# Written by dpkg and the programs it calls, whatever is installed; passwd and its kin are compared by what is in them.
UNTOLD = re.compile(r"^(proc|sys|dev|tmp|var/lib/dpkg|var/log|var/cache|var/lib/systemd|etc/ld\.so\.cache|etc/(passwd|group|shadow|gshadow)-?$|etc/\.pwd\.lock|home/)")


# What systemd-analyze security may find, in tenths. A user's manager can do little more than filter system calls; the
# agent of the ingress needs CAP_SYS_ADMIN to enter its namespace; what makes that has no process that stays.
EXPOSURE = {"funneld.service": 30, "user/funneld.service": 80, "funnel-ingressd.service": 20, "funnel-netns-ingress.service": 26,
            "funnel-relay.service": 20, "funnel-ingress-namespace.service": 40}


class Failure(Exception):
    """What went wrong, in words."""


def run(*command, **more):
    more.setdefault("timeout", 60)
    more.setdefault("input", "")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def there(*command, user=None, env=None, **more):
    """Run in the tree, as @user or as root."""
    who = ["--userspec", user] if user else []
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
    return run("chroot", *who, ROOT, *command, env=environment, **more)


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (Failure, OSError, ValueError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.05)
    raise Failure(f"not within {seconds} s: {what} (last: {last})")


class Machine:
    """Its long-lived processes; what would be units."""

    def __init__(self):
        self.children = {}

    def start(self, label, *command, user=None, env=None):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})}
        who = ["--userspec", user] if user else []
        with open(f"/run/{label}.log", "ab") as log:
            self.children[label] = subprocess.Popen(["chroot", *who, ROOT, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def stop(self, label):
        child = self.children.pop(label)
        child.terminate()
        child.wait(20)


machine = Machine()
SESSION = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{UID}/bus", "XDG_RUNTIME_DIR": f"/run/user/{UID}", "HOME": f"/home/{USER}"}


def me(*command, **more):
    return there(*command, user=USER, env=SESSION, **more)


def make_tree(tarball):
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    os.mkdir(ROOT)
    if tarball:
        run("tar", "-C", ROOT, "-xpf", tarball, "--exclude=./dev/*")
    else:
        host_copy.debian_tree(ROOT, needed(WORK))
    run("mount", "--bind", "/dev", ROOT + "/dev")
    run("mount", "-t", "proc", "proc", ROOT + "/proc")
    with open(ROOT + "/etc/passwd", "a", encoding="utf-8") as f:
        f.write(f"{USER}:x:{UID}:{UID}:{USER}:/home/{USER}:/bin/sh\n")
    with open(ROOT + "/etc/group", "a", encoding="utf-8") as f:
        f.write(f"{USER}:x:{UID}:\n")
    with open(ROOT + "/etc/hosts", "w", encoding="utf-8") as f:
        f.write("127.0.0.1 localhost\n")
    os.makedirs(f"{ROOT}/home/{USER}")
    os.chown(f"{ROOT}/home/{USER}", UID, UID)


def install(folder=None):
    os.makedirs(ROOT + "/tmp/debs", exist_ok=True)
    names = []
    for path in debs(folder or WORK):
        shutil.copy(path, ROOT + "/tmp/debs")
        names.append("/tmp/debs/" + os.path.basename(path))
    there("dpkg", "-i", *names)
    shutil.rmtree(ROOT + "/tmp/debs")


def snapshot():
    """Everything in the tree that a package could have left: path and kind, and the users."""
    found = set()
    for folder, folders, names in os.walk(ROOT):
        here = os.path.relpath(folder, ROOT)
        folders[:] = [f for f in folders if not UNTOLD.match(os.path.normpath(os.path.join(here, f)))]
        found.update(p for p in (os.path.normpath(os.path.join(here, n)) for n in names + folders) if not UNTOLD.match(p))
    for path in ("passwd", "group"):
        with open(f"{ROOT}/etc/{path}", encoding="utf-8") as f:
            found.update(f"{path}: {line}" for line in f.read().splitlines())
    return found


def running():
    """[(pid, program)] of everything in these namespaces."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append((int(pid), os.readlink(f"/proc/{pid}/exe")))
        except OSError:
            continue
    return found


def status():
    return json.loads(me("funnel", "status", "--json"))


def active():
    shares = status()["shares"]
    return shares and shares[0]["state"] == "active" or (_ for _ in ()).throw(Failure(str(shares)))


def page():
    return run("curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "10", "--cacert", f"{ROOT}/home/{USER}/tls.pem", f"https://{NAME}:{PUBLIC}/")


# --- the tests, in this order; each goes on where the one before has ended ---


def test_install():
    install()
    states = there("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *PACKAGES)
    if states.count(" ii") != len(PACKAGES):
        raise Failure(states)
    if there("dpkg", "--verify", *PACKAGES).strip():
        raise Failure("installed files differ from the packages'")
    # Loaded for the first question, so that dpkg-shlibdeps does not see it.
    if not glob.glob(ROOT + "/usr/lib/*/libldns.so.3"):
        raise Failure("no package depends on the library that DNS is asked with")
    for user in ("funnel", "funnel-ingress"):
        there("id", user)
    enabled = [p for p in glob.glob(ROOT + "/etc/systemd/**/*", recursive=True) if "funnel" in os.path.basename(p)]
    if enabled:
        raise Failure(f"enabled without being asked: {enabled}")


def test_programs():
    """Every program finds its libraries and says its version."""
    for program in ("/usr/bin/funnel", "/usr/bin/funneld", "/usr/bin/funnel-ingressd", "/usr/libexec/funnel/funnel-netns", "/usr/libexec/funnel/funnel-relay"):
        if "0.1.0" not in there(program, "--version"):
            raise Failure(f"{program} --version")
    there("/usr/bin/funnel-ingress", "--help")


def broken_unit(path, user):
    """systemd refuses the unit @path if what it starts is not there; else the verdict on the good one is worth nothing."""
    with open(ROOT + path, encoding="utf-8") as f:
        text = f.read()
    folder = os.path.join("/run", "broken", *user)
    os.makedirs(ROOT + folder, exist_ok=True)
    broken = f"{folder}/{os.path.basename(path)}"
    with open(ROOT + broken, "w", encoding="utf-8") as f:
        f.write(re.sub(r"^ExecStart=\S+", "ExecStart=/usr/bin/no-such", text, flags=re.M))
    try:
        there("systemd-analyze", *user, "--man=no", "--generators=no", "verify", broken, env={"XDG_RUNTIME_DIR": "/run"})
    except Failure as failure:
        if "no-such" in str(failure):
            return
        raise
    finally:
        shutil.rmtree(ROOT + "/run/broken")
    raise Failure(f"{path}: systemd-analyze does not notice a program that is not there")


def test_references():
    """What units, services of the bus and desktop files name is there."""
    problems = list(References(ROOT, there).problems())
    if problems:
        raise Failure("\n".join(problems))


def test_units():
    """systemd reads every unit and finds in it what it starts; and none is more exposed than it has to be."""
    units = {}
    for path in sorted(glob.glob(ROOT + "/lib/systemd/system/funnel*") + glob.glob(ROOT + "/usr/lib/systemd/user/funnel*")):
        path = path.removeprefix(ROOT)
        user = ["--user"] if "/user/" in path else []
        said = there("systemd-analyze", *user, "--man=no", "--generators=no", "verify", path, env={"XDG_RUNTIME_DIR": "/run"})
        if said.strip():
            raise Failure(f"{path}: {said}")
        if path.endswith(".service"):
            broken_unit(path, user)
            units[(path, *user)] = EXPOSURE[("user/" if user else "") + os.path.basename(path)]
    for (path, *user), limit in units.items():
        there("systemd-analyze", *user, "security", "--offline=true", f"--threshold={limit}", path, env={"XDG_RUNTIME_DIR": "/run"})


def start_ingress():
    """As its unit would: StateDirectory= and RuntimeDirectory= belong to the user, with all that is in them."""
    there("install", "-d", "-o", "funnel-ingress", "-g", "funnel-ingress", "-m", "750", "/run/funnel-ingress")
    there("chown", "-R", "funnel-ingress:funnel-ingress", "/var/lib/funnel-ingress")
    machine.start("ingress", "/usr/bin/funnel-ingressd", "--keep-agent", user="funnel-ingress:funnel-ingress")
    until(lambda: there("funnel-ingress", "status"), 20, "funnel-ingressd answers")


def start_bus():
    os.makedirs(f"{ROOT}/run/user/{UID}", mode=0o700)
    os.chown(f"{ROOT}/run/user/{UID}", UID, UID)
    machine.start("bus", "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + SESSION["DBUS_SESSION_BUS_ADDRESS"], user=USER, env=SESSION)
    until(lambda: os.path.exists(f"{ROOT}/run/user/{UID}/bus"), 10, "the session bus")


def test_smoke():
    """An ingress is made, a node joins it, shares, and is visited. The daemon is started by the bus."""
    run("ip", "link", "set", "lo", "up")
    there("funnel-ingress", "init", "--zone", ZONE, "--endpoint", f"127.0.0.1:{ENDPOINT}", "--public-port", str(PUBLIC),
          "--listen", "127.0.0.1", "--tunnel", "direct")
    start_ingress()
    start_bus()
    me(*re.search(r"^funnel join \S+$", there("funnel-ingress", "invite", "laptop", "--grant"), re.M).group().split())
    home = f"{ROOT}/home/{USER}"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj", f"/CN={NAME}",
        "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", home + "/tls.key", "-out", home + "/tls.pem")
    for path in ("tls.key", "tls.pem"):
        os.chown(f"{home}/{path}", UID, UID)
    me("sh", "-c", f"cd && funnel --bg --yes --https={PUBLIC} --cert-file=tls.pem --key-file=tls.key text:hello")
    until(active, 20, "the share is active")
    if page().strip() != "hello":
        raise Failure("the visitor saw something else")


def test_system_bus():
    """The node for the whole machine: root and its group may look at it, others may not."""
    os.makedirs(ROOT + "/run/dbus", exist_ok=True)
    machine.start("system-bus", "dbus-daemon", "--system", "--nofork", "--nopidfile")
    until(lambda: os.path.exists(ROOT + "/run/dbus/system_bus_socket"), 10, "the system bus")
    for path, mode in (("/var/lib/funnel", "700"), ("/run/funnel", "755")):
        there("install", "-d", "-o", "funnel", "-g", "funnel", "-m", mode, path)
    machine.start("system-node", "/usr/bin/funneld", "--system", user="funnel:funnel", env={"FUNNEL_STATE_DIR": "/var/lib/funnel", "XDG_RUNTIME_DIR": "/run"})
    until(lambda: '"version"' in there("funnel", "--system", "status", "--json"), 15, "root sees the node on the system bus")
    try:
        said = me("funnel", "--system", "status")
    except Failure:
        said = None
    if said is not None:
        raise Failure(f"another user could look at it: {said}")
    machine.stop("system-node")
    machine.stop("system-bus")


def test_upgrade():
    """While it is used: what was open goes on, and what was shared is there again with the new daemons."""
    install(higher(WORK, "/run"))
    if "+1" not in there("dpkg-query", "-W", "funnel"):
        raise Failure("not upgraded")
    if page().strip() != "hello":
        raise Failure("the running share did not survive the upgrade")
    machine.stop("ingress")
    start_ingress()
    old = [pid for pid, program in running() if program.endswith("/funneld (deleted)")]
    if len(old) != 1:
        raise Failure(f"the daemon of before the upgrade is not there: {running()}")
    os.kill(old[0], signal.SIGTERM)
    until(active, 30, "the background share is active again")
    if page().strip() != "hello":
        raise Failure("the visitor saw something else after the upgrade")
    if "/usr/bin/funneld" not in [program.removeprefix(ROOT) for _, program in running()]:
        raise Failure(f"the daemon is not the new one: {running()}")


def test_remove():
    """Removing ends nothing for good: the state stays."""
    me("funnel", "leave", "--yes")
    for label in list(machine.children):
        machine.stop(label)
    for pid, program in running():
        if "/funnel" in program.removeprefix(ROOT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    until(lambda: not [1 for _, program in running() if "/funnel" in program.removeprefix(ROOT)], 10, "all daemons have ended")
    there("dpkg", "-r", *reversed(PACKAGES))
    if not os.path.exists(ROOT + "/var/lib/funnel-ingress/ingress.conf"):
        raise Failure("the state of the ingress is gone with the package")


def test_purge(before):
    there("dpkg", "-P", *reversed(PACKAGES))
    for path in ("user", "dbus", "systemd"):  # of the buses and of systemd-analyze
        shutil.rmtree(f"{ROOT}/run/{path}", ignore_errors=True)
    left, gone = snapshot() - before, before - snapshot()
    if left or gone:
        raise Failure(f"left behind: {sorted(left)}\ngone: {sorted(gone)}")


def attempt(name, test, *arguments):
    started = time.monotonic()
    try:
        test(*arguments)
    except Exception as error:  # pylint: disable=broad-except
        print(f"not ok deb/{name}")
        text = str(error) if isinstance(error, Failure) else traceback.format_exc()
        for path in glob.glob("/run/*.log"):
            with open(path, encoding="utf-8", errors="replace") as f:
                text += f"\n{os.path.basename(path)}:\n" + "\n".join(f.read().splitlines()[-8:])
        print("".join(f"    {line}\n" for line in text.splitlines()), end="", flush=True)
        return False
    print(f"ok deb/{name} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


def main():
    if not attempt("tree", make_tree, sys.argv[2] if len(sys.argv) > 2 else None):
        return 1
    before = snapshot()
    for name in ("install", "programs", "references", "units", "smoke", "system_bus", "upgrade", "remove"):
        if not attempt(name.replace("_", "-"), globals()["test_" + name]):
            return 1
    return 0 if attempt("purge", test_purge, before) else 1


if __name__ == "__main__":
    sys.exit(main())
