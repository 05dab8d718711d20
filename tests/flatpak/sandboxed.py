# SPDX-License-Identifier: GPL-3.0-or-later
"""sandboxed.py BUILD FOLDER UID: the Flatpak in the repository in FOLDER in the life of an ordinary user: installed, started by
the bus, joined to an ingress, visited, removed. Runs in namespaces of its own."""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gui"))
from patience import Failure  # noqa: E402
from screen import Screen  # noqa: E402

GIVEN, UID = [os.path.abspath(path) for path in sys.argv[1:3]], int(sys.argv[3])
APP, DAEMON = "org.openfunnel.Funnel", "org.openfunnel.Funnel.Daemon"
RUNTIME = "org.debian.HostCopy.Platform//12"
STAGE = "/run/funnel-flatpak"
HOME = STAGE + "/home"
BUILD, WORK = STAGE + "/build", STAGE + "/work"  # wherever they are: /tmp is covered
NAME, PUBLIC, ENDPOINT = "laptop.funnel.localhost", 8443, 51820
INGRESS = {"FUNNEL_INGRESS_STATE": STAGE + "/ingress", "FUNNEL_INGRESS_RUN": STAGE + "/ingress-run",
           "FUNNEL_NETNS_PROGRAM": BUILD + "/lib/tunnel/agent/funnel-netns", "FUNNEL_RELAY_PROGRAM": BUILD + "/ingress-server/relay/funnel-relay"}
PATIENCE = 60  # seconds; a guard against hanging, not an expectation
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
USER = {"HOME": HOME, "XDG_RUNTIME_DIR": STAGE + "/runtime", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={STAGE}/runtime/bus",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={STAGE}/system-bus", "GSK_RENDERER": "cairo", "GTK_A11Y": "none",
        "XDG_DATA_DIRS": HOME + "/.local/share/flatpak/exports/share:/usr/local/share:/usr/share", "PATH": PATH, "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": HOME + "/config"}
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_type="method_call"/><allow send_type="signal"/><allow receive_type="method_call"/><allow receive_type="signal"/>
<allow receive_type="method_return"/><allow receive_type="error"/></policy></busconfig>"""


def as_user(command):
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--", *command]


def run(*command, env=None, cwd="/", **more):
    more.setdefault("timeout", 60)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, check=False, cwd=cwd,
                          env={"PATH": PATH, "LC_ALL": "C.UTF-8", **(env or {})}, **more)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def me(*command, **more):
    return run(*as_user(command), env=USER, cwd=HOME, **more)


def start(label, *command, env=None, user=True, **more):
    with open(f"{STAGE}/{label}.log", "ab") as log:
        return subprocess.Popen(as_user(command) if user else command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HOME,
                                env=env or USER, **more)


class Desktop(Screen):
    """The user's."""

    environment = USER

    @staticmethod
    def path(name):
        return f"{HOME}/{name}"

    def run(self, *command, check=True):
        try:
            return me(*command)
        except Failure:
            if check:
                raise
            return ""

    def write(self, name, text):
        super().write(name, text)
        run("chown", "-R", f"{UID}:{UID}", self.path(name.split("/", maxsplit=1)[0]))

    @staticmethod
    def start(label, command, **more):
        return start(label, *command, **more)


desktop = Desktop()


def until(condition, seconds, what):
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (Failure, OSError, ValueError, KeyError, IndexError) as error:
            last = error
        time.sleep(0.05)
    raise Failure(f"not within {seconds} s: {what} (last: {last})")


def admin(*words):
    return run(BUILD + "/ingress-server/admin/funnel-ingress", *words, env=INGRESS)


def cli(*words, **more):
    return me("flatpak", "run", "--command=funnel", APP, *words, **more)


def shares():
    return json.loads(cli("status", "--json"))["shares"]


def active():
    found = [(s["state"], s["reason"]) for s in shares()]
    if [state for state, _ in found] != ["active"]:
        raise Failure(str(found))
    return True


def page():
    return run("curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "10", "--cacert", HOME + "/tls.pem", f"https://{NAME}:{PUBLIC}/")


def names():
    return me("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.ListNames")


def test_install():
    """Into a home that has nothing, from the repository, without any privilege."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    for path, mode in ((STAGE, 0o755), (HOME, 0o755), (STAGE + "/runtime", 0o700)):
        os.mkdir(path, mode)
    for path in (HOME, STAGE + "/runtime"):
        os.chown(path, UID, UID)
    for path, place in zip(GIVEN, (BUILD, WORK)):
        os.mkdir(place)
        run("mount", "--bind", path, place)
    run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp")
    os.mkdir("/tmp/.X11-unix")
    os.chmod("/tmp/.X11-unix", 0o1777)
    with open(STAGE + "/system-bus.conf", "w", encoding="utf-8") as f:
        f.write(BUS % (STAGE + "/system-bus"))
    start("system-bus", "dbus-daemon", "--config-file=" + STAGE + "/system-bus.conf", "--nofork", "--nopidfile", user=False)
    start("bus", "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + USER["DBUS_SESSION_BUS_ADDRESS"])
    until(lambda: os.path.exists(STAGE + "/runtime/bus") and os.path.exists(STAGE + "/system-bus"), 10, "the buses")
    me("flatpak", "--user", "remote-add", "--no-gpg-verify", "local", WORK + "/repo")
    me("flatpak", "--user", "install", "-y", "--noninteractive", "local", RUNTIME, timeout=90)
    me("flatpak", "--user", "install", "-y", "--noninteractive", "local", APP)
    me("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.ReloadConfig")


def test_exports():
    """What the desktop gets to see, and nothing of a path of the sandbox in it."""
    root = HOME + "/.local/share/flatpak/exports/share"
    for path in (f"applications/{APP}.desktop", f"dbus-1/services/{APP}.service", f"dbus-1/services/{DAEMON}.service",
                 f"icons/hicolor/scalable/apps/{APP}.svg"):
        if not os.path.exists(os.path.join(root, path)):
            raise Failure(f"{path} is not exported")
    with open(f"{root}/dbus-1/services/{DAEMON}.service", encoding="utf-8") as f:
        text = f.read()
    if "SystemdService" in text or not re.search(rf"^Exec=.*flatpak run .*--command=/app/bin/funneld {APP}", text, re.M):
        raise Failure(text)


def test_permissions():
    """What the sandbox can do is what the manifest says, tried from inside."""
    inside = me("flatpak", "run", "--command=sh", APP, "-c", "ls /home /root 2>/dev/null; ls ~/.ssh 2>/dev/null; grep CapEff /proc/self/status; echo; id -u")
    if "CapEff:\t0000000000000000" not in inside or not inside.rstrip().endswith(str(UID)):
        raise Failure(inside)
    with open(HOME + "/secret", "w", encoding="utf-8") as f:
        f.write("secret")
    os.chown(HOME + "/secret", UID, UID)
    try:
        said = me("flatpak", "run", "--command=cat", APP, HOME + "/secret")
    except Failure:
        said = None
    if said is not None:
        raise Failure("the sandbox reads files of the home")


def test_daemon():
    """The bus starts the daemon at the first call."""
    if DAEMON in names():
        raise Failure("the daemon runs already")
    said = me("gdbus", "call", "--session", "-d", DAEMON, "-o", "/org/openfunnel/Funnel/manager", "-m", "org.freedesktop.DBus.Properties.Get",
              "org.openfunnel.Funnel.Manager", "Version")
    if "0.1.0" not in said:
        raise Failure(said)


def publish():
    private = f"{HOME}/.var/app/{APP}/data"
    cli("--bg", "--yes", f"--https={PUBLIC}", f"--cert-file={private}/tls.pem", f"--key-file={private}/tls.key", "3000")
    until(active, PATIENCE, "the share is active")


def test_share():
    """Join, publish, and a visitor gets the page."""
    for path in ("ingress", "ingress-run"):
        os.mkdir(f"{STAGE}/{path}", 0o700)
    admin("init", "--zone", "funnel.localhost", "--endpoint", f"127.0.0.1:{ENDPOINT}", "--public-port", str(PUBLIC), "--listen", "127.0.0.1",
          "--tunnel", "direct")
    start("ingress", BUILD + "/ingress-server/control/funnel-ingressd", user=False, env={"PATH": PATH, "LC_ALL": "C.UTF-8", **INGRESS})
    until(lambda: admin("status"), 15, "funnel-ingressd answers")
    cli("join", re.search(r"funnel1-\S+", admin("invite", "laptop", "--grant")).group())
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
        "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", HOME + "/tls.key", "-out", HOME + "/tls.pem")
    private = f"{HOME}/.var/app/{APP}/data"  # what the sandbox sees of the home
    for file in ("tls.key", "tls.pem"):
        run("install", "-o", str(UID), "-g", str(UID), "-m", "600", f"{HOME}/{file}", f"{private}/{file}")
    os.makedirs(HOME + "/site")
    with open(HOME + "/site/index.html", "w", encoding="utf-8") as f:
        f.write("from the host")
    start("site", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", HOME + "/site", "3000")
    until(lambda: run("curl", "-sS", "--noproxy", "*", "http://127.0.0.1:3000/"), 10, "the server to share")
    publish()
    if page() != "from the host":
        raise Failure("the visitor saw something else")


def test_command_line():
    """flatpak run --command=funnel org.openfunnel.Funnel 3000, ended by Ctrl+C."""
    cli("reset", "--yes")
    private = f"{HOME}/.var/app/{APP}/data"
    child = start("foreground", "flatpak", "run", "--command=funnel", APP, "--yes", f"--https={PUBLIC}", f"--cert-file={private}/tls.pem",
                  f"--key-file={private}/tls.key", "3000", start_new_session=True)
    try:
        until(active, PATIENCE, "the share is active")
        if page() != "from the host":
            raise Failure("the visitor saw something else")
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does
        child.wait(20)
        until(lambda: not shares(), 10, "the share has ended with its command")
    finally:
        child.kill()


def test_window():
    """The bus starts the window, and it shows on a screen."""
    me("mkdir", desktop.path("shots"))
    desktop.write(f".var/app/{APP}/config/gtk-4.0/settings.ini", "[Settings]\ngtk-enable-animations=0\ngtk-cursor-blink=0\n")
    desktop.start_screen("1000x800")
    me("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.UpdateActivationEnvironment",
       "{'DISPLAY': '%s', 'GSK_RENDERER': 'cairo', 'GDK_BACKEND': 'x11'}" % USER["DISPLAY"])
    me("gdbus", "call", "--session", "--timeout", "30", "-d", APP, "-o", "/org/openfunnel/Funnel", "-m", "org.freedesktop.Application.Activate", "{}")
    until(desktop.windows, PATIENCE, "a window called Funnel")
    if APP + "'" not in names():
        raise Failure("the window is not on the bus")


def test_tray():
    """The icon in a panel outside of the sandbox, and its menu, by mouse."""
    publish()
    desktop.start_panel("xfce")
    until(lambda: desktop.icons() == 1, PATIENCE, "the icon in the panel")
    until(lambda: desktop.tray_state() == "active", PATIENCE, "an icon that says that something is public")
    desktop.switch_in_menu("menu-on")
    until(lambda: shares()[0]["state"] == "off", PATIENCE, "the share is off")
    until(lambda: desktop.tray_state() == "off", PATIENCE, "an icon that says so")
    try:
        said = page()
    except Failure:
        said = None
    if said is not None:
        raise Failure(f"a visitor still came through: {said}")
    desktop.switch_in_menu("menu-off")
    until(active, PATIENCE, "the share is active again")
    if page() != "from the host":
        raise Failure("the visitor saw something else")
    desktop.run("xdotool", "mousemove", "600", "700")
    until(lambda: desktop.color_at(desktop.settled("on"), 4, 3) == "28955c", PATIENCE, "the full funnel in the panel")
    desktop.run("xdotool", "windowactivate", "--sync", desktop.windows()[0], "key", "ctrl+w")
    until(lambda: not desktop.windows(), PATIENCE, "the window is closed")
    desktop.click_icon()
    until(desktop.windows, PATIENCE, "a click brings the window back")


def test_uninstall():
    """Nothing is left."""
    for line in me("flatpak", "ps", "--columns=instance,application").splitlines():
        if APP in line:
            me("flatpak", "kill", APP)
            break
    until(lambda: APP not in me("flatpak", "ps", "--columns=application"), 15, "everything has ended")
    me("flatpak", "--user", "uninstall", "-y", "--noninteractive", "--delete-data", APP)
    left = [path for path in glob.glob(HOME + "/**/*", recursive=True, include_hidden=True)
            if "penfunnel" in path and "/repo/" not in path and "/.removed/" not in path]
    if left:
        raise Failure(f"left behind: {left}")


def attempt(test):
    name, started = test.removeprefix("test_").replace("_", "-"), time.monotonic()
    try:
        globals()[test]()
    except Exception as error:  # pylint: disable=broad-except
        print(f"not ok flatpak/{name}")
        text = str(error) if isinstance(error, (Failure, subprocess.SubprocessError)) else traceback.format_exc()
        for path in glob.glob(STAGE + "/*.log"):
            with open(path, encoding="utf-8", errors="replace") as f:
                text += f"\n{os.path.basename(path)}:\n" + "\n".join(f.read().splitlines()[-8:])
        print("".join(f"    {line}\n" for line in text.splitlines()), end="", flush=True)
        return False
    print(f"ok flatpak/{name} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


if __name__ == "__main__":
    TESTS = ("install", "exports", "permissions", "daemon", "share", "command_line", "window", "tray", "uninstall")
    sys.exit(0 if all(attempt("test_" + name) for name in TESTS) else 1)
