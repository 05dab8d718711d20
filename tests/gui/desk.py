# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk for the window: an X server, a session bus and a home of its own, the mock daemon and funnel-gtk."""
import os
import random
import shutil
import subprocess
import tempfile
import time

import patience

APP = "org.openfunnel.Funnel"
OBJECT = "/org/openfunnel/Funnel"


class Desk:
    def __init__(self, build, size=(640, 680), dark=False, locale="C.UTF-8", scale=1, screen="1200x1000"):
        self.build = os.path.abspath(build)
        self.home = tempfile.mkdtemp(prefix="funnel-desk-")
        self.running = []
        self.env = {
            "PATH": os.environ["PATH"], "HOME": self.home, "XDG_RUNTIME_DIR": self.home, "LC_ALL": locale,
            "LANGUAGE": locale.split(".")[0],
            "FUNNEL_LOCALE_DIR": os.path.join(self.build, "po"), "GDK_BACKEND": "x11", "GDK_SCALE": str(scale), "NO_AT_BRIDGE": "1", "GTK_A11Y": "none",
            "GSETTINGS_BACKEND": "keyfile", "GSETTINGS_SCHEMA_DIR": os.path.join(self.build, "data"),
            "XDG_CONFIG_HOME": os.path.join(self.home, "config"),
            "XDG_DATA_DIRS": os.path.join(self.home, "share") + ":/usr/local/share:/usr/share",
            "ADW_DEBUG_COLOR_SCHEME": "prefer-dark" if dark else "default"}
        if not locale.startswith("C"):
            self.make_locale(locale)
            language = locale.split("_")[0]
            if not os.path.exists(os.path.join(self.build, "po", language)):
                self.make_translation(language)
        self.write("config/glib-2.0/settings/keyfile",
                   f"[org/openfunnel/Funnel]\nwindow-size=({size[0]}, {size[1]})\n")
        self.write("config/gtk-4.0/settings.ini",
                   "[Settings]\ngtk-font-name=Cantarell 11\ngtk-xft-hinting=0\ngtk-enable-animations=0\ngtk-cursor-blink=0\n")
        patience.wait(lambda: self.start_screen(screen), "a screen")
        bus = self.start(["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()

    def start_screen(self, screen):
        """X servers in other networks do not see this one's number; a high one keeps out of their way."""
        number = f":{random.randrange(200, 900)}"
        read, write = os.pipe()
        self.start(["Xvfb", number, "-displayfd", str(write), "-screen", "0", screen + "x24", "-nolisten", "tcp", "-noreset"], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            self.env["DISPLAY"] = ":" + ready.readline().strip()
        return self.run("xdotool", "getdisplaygeometry").returncode == 0

    def make_locale(self, locale):
        """The machine need not have it."""
        self.env["LOCPATH"] = os.path.join(self.home, "locale")
        os.makedirs(self.env["LOCPATH"])
        subprocess.run(["localedef", "-i", locale.split(".")[0], "-f", "UTF-8", os.path.join(self.env["LOCPATH"], locale)],
                       capture_output=True, check=False)

    def make_translation(self, language):
        """An empty one: GTK turns around only in a language the program has."""
        folder = os.path.join(self.home, "po", language, "LC_MESSAGES")
        os.makedirs(folder)
        header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
        subprocess.run(["msgfmt", "-o", os.path.join(folder, "funnel.mo"), "-"], input=header, text=True, check=True)
        self.env["FUNNEL_LOCALE_DIR"] = os.path.join(self.home, "po")

    def write(self, path, text):
        path = os.path.join(self.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def start(self, command, **more):
        log = open(os.path.join(self.home, os.path.basename(command[0]) + ".log"), "ab")
        process = subprocess.Popen(command, env=self.env, stderr=log, text=True, **more)
        self.running.append(process)
        return process

    def mock(self, *options):
        process = self.start([os.path.join(self.build, "tests/gui/mock-funneld"), *options], stdout=subprocess.PIPE)
        assert process.stdout.readline() == "ready\n", "the mock daemon did not start"
        return process

    def run(self, *command):
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=patience.SECONDS, check=False)

    def gui(self):
        process = self.start([os.path.join(self.build, "gui/funnel-gtk")])
        self.window = patience.wait(lambda: self.run("xdotool", "search", "--onlyvisible", "--name", ".").stdout.split(), "the window")[0]
        self.run("xdotool", "windowfocus", self.window)
        self.settle()
        return process

    def picture(self):
        path = os.path.join(self.home, "settle.png")
        self.run("maim", "-u", path)
        with open(path, "rb") as f:
            return f.read()

    def settle(self):
        """Until the picture does not change any more."""
        same = 0
        last = self.picture()
        end = time.monotonic() + patience.SECONDS
        while same < 2 and time.monotonic() < end:
            time.sleep(0.1)
            now = self.picture()
            same = same + 1 if now == last else 0
            last = now

    def action(self, name, parameter=None):
        """An action of the program, over the bus."""
        done = self.run("gdbus", "call", "--session", "-d", APP, "-o", OBJECT, "-m", "org.gtk.Actions.Activate", name,
                        f"[<{parameter}>]" if parameter else "[]", "{}")
        assert done.returncode == 0, done.stderr
        self.settle()

    def key(self, *keys):
        windows = self.run("xdotool", "search", "--onlyvisible", "--name", ".").stdout.split()
        self.run("xdotool", "windowfocus", windows[-1])
        for key in keys:
            self.run("xdotool", "key", key)
        self.settle()

    def click(self, x, y):
        self.run("xdotool", "mousemove", str(x), str(y), "click", "1")
        self.settle()

    def shot(self, path):
        self.run("xdotool", "mousemove", "1190", "990")
        self.settle()
        windows = self.run("xdotool", "search", "--onlyvisible", "--name", ".").stdout.split()
        self.run("maim", "-u", "-i", windows[-1], path)

    def log(self):
        with open(os.path.join(self.home, "funnel-gtk.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.home, ignore_errors=True)
