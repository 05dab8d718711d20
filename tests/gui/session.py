# SPDX-License-Identifier: GPL-3.0-or-later
"""One part of the suite: a stage, the window on it, and named steps. A step that fails ends the part: the next ones
stand on it."""
import os
import subprocess
import sys
import time
import traceback

import access
import patience
import stage

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NOTIFICATIONS = """<node><interface name='org.freedesktop.Notifications'>
<method name='GetCapabilities'><arg type='as' direction='out'/></method>
<method name='GetServerInformation'><arg type='s' direction='out'/><arg type='s' direction='out'/><arg type='s' direction='out'/>
<arg type='s' direction='out'/></method>
<method name='CloseNotification'><arg type='u' direction='in'/></method>
<method name='Notify'><arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>
<arg type='s' direction='in'/><arg type='as' direction='in'/><arg type='a{sv}' direction='in'/><arg type='i' direction='in'/>
<arg type='u' direction='out'/></method>
<signal name='ActionInvoked'><arg type='u'/><arg type='s'/></signal><signal name='NotificationClosed'><arg type='u'/><arg type='u'/></signal>
</interface></node>"""


class Notifications:
    """The desktop's side of notifications, on the session's bus."""

    def __init__(self, address):
        self.shown = []  # (number, title, text, actions)
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.bus.set_exit_on_close(False)
        node = Gio.DBusNodeInfo.new_for_xml(NOTIFICATIONS)
        self.bus.register_object("/org/freedesktop/Notifications", node.interfaces[0], self.on_call, None, None)
        Gio.bus_own_name_on_connection(self.bus, "org.freedesktop.Notifications", Gio.BusNameOwnerFlags.NONE, None, None)

    def on_call(self, bus, sender, path, interface, method, parameters, invocation):
        if method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (["body", "actions", "persistence"],)))
        elif method == "GetServerInformation":
            invocation.return_value(GLib.Variant("(ssss)", ("test", "test", "1", "1.2")))
        elif method == "Notify":
            _, replaces, _, title, text, actions, _, _ = parameters.unpack()
            number = replaces or len(self.shown) + 1
            self.shown.append((number, title, text, actions))
            invocation.return_value(GLib.Variant("(u)", (number,)))
        else:
            invocation.return_value(None)

    def find(self, words):
        return next((entry for entry in self.shown if words in entry[1] + " " + entry[2]), None)

    def press(self, entry, label):
        actions = entry[3]
        key = actions[actions.index(label) - 1]
        self.bus.emit_signal(None, "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "ActionInvoked",
                             GLib.Variant("(us)", (entry[0], key)))


CLIPBOARD = """
import gi
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk
Gtk.init()
loop = GLib.MainLoop()
def done(clipboard, result):
    try:
        print(clipboard.read_text_finish(result) or "")
    except GLib.Error:
        print("")
    loop.quit()
Gdk.Display.get_default().get_clipboard().read_text_async(None, done)
loop.run()
"""


BORDER = 5  # pixels of a window's own frame, which AT-SPI does not count


class Session(stage.Stage):
    def __init__(self, build):
        super().__init__(build)
        self.window = self.notifications = None

    def begin(self, screen="1000x900"):
        self.start_screen(screen)
        self.begin_to_listen()

    def begin_on_wayland(self):
        self.start_wayland(1000, 900)
        self.begin_to_listen()

    def begin_to_listen(self):
        self.start_bus()
        self.notifications = Notifications(self.environment["DBUS_SESSION_BUS_ADDRESS"])
        access.start()

    def start_gui(self, *options):
        self.start("gui", [self.program("funnel-gtk"), *options])

    def look(self):
        self.window = access.Window("funnel-gtk")
        return self.window

    def close_window(self):
        self.run("xdotool", "windowactivate", "--sync", self.windows()[0])
        self.run("xdotool", "key", "ctrl+w")
        self.wait(lambda: not self.windows(), "the window to close")

    def wait(self, condition, what):
        return access.wait(condition, what)

    def action(self, name, *parameters):
        self.run("gdbus", "call", "--session", "-d", stage.APP, "-o", "/org/openfunnel/Funnel", "-m", "org.gtk.Actions.Activate", name,
                 f"[{', '.join(parameters)}]", "{}")

    def active(self):
        """Number and place of the window that has the keyboard: the one the screen reader looks at."""
        number = self.run("xdotool", "getactivewindow").strip()
        facts = dict(line.split("=") for line in self.run("xdotool", "getwindowgeometry", "--shell", number).split())
        name = self.run("xdotool", "getwindowname", number).strip()
        return (int(facts["X"]), int(facts["Y"])) if name == self.window.title() else None

    def keys(self, *names):
        self.wait(self.active, "the keyboard in the window")
        self.run("xdotool", "key", *names)

    def tap(self, role, name=None):
        """A click near the beginning of something that has come to rest; GTK 4.8 gives the keyboard to it in no other way."""
        seen = [None]

        def attempt():
            seen.append((self.window.place(role, name), self.active()))
            return seen[-1][1] and seen[-1] == seen[-2] and seen[-1]
        (x, y, _, height), (left, top) = self.wait(attempt, f"{role} {name} at its place")
        self.click(left + BORDER + x + 20, top + BORDER + y + height // 2)

    def type(self, name, text):
        """Types a text into a row, in the place of what stands there."""
        self.tap("text", name)
        self.keys("ctrl+a", "BackSpace")
        if text:
            self.run("xdotool", "type", text)

    def fill(self, name, text):
        """Types a text, and ends with Enter."""
        self.type(name, text)
        self.keys("Return")

    def choose(self, name, option, steps):
        """In a row with choices, the one that stands so many steps below what is chosen."""
        self.tap("combo box", name)
        self.window.get("label", option)
        self.run("xdotool", "key", *["Down"] * steps, "Return")

    def clipboard(self):
        done = subprocess.run(["/usr/bin/python3", "-c", CLIPBOARD], env=self.environment, capture_output=True, text=True, timeout=patience.SECONDS, check=False)
        return done.stdout.strip()

    def qr_codes(self, picture):
        return self.run("zbarimg", "-q", "--raw", picture, check=False).split()

    def state(self):
        found = self.shares()
        return found[0]["state"] if found else None


def play(part, build, steps, quiet=("bus",)):
    """steps: functions with one argument, the session, in order. Returns whether all went well."""
    session = Session(build)
    good = True
    try:
        for number, step in enumerate(steps):
            label = f"gui/{part}/{step.__name__.replace('_', '-')}"
            begin = time.monotonic()
            try:
                step(session)
                print(f"ok {label}", flush=True)
                if os.environ.get("FUNNEL_GUI_TIMES"):
                    print(f"    {time.monotonic() - begin:.1f} s", flush=True)
            except Exception:
                good = False
                print(f"not ok {label}", flush=True)
                report(session, traceback.format_exc(), part)
                for left in steps[number + 1:]:
                    print(f"not ok gui/{part}/{left.__name__.replace('_', '-')}\n    not reached", flush=True)
                break
    finally:
        session.close()
    return good


def report(session, trace, part):
    lines = trace.splitlines()
    try:
        session.shot(f"{part}-failed")
        lines += session.window.text().splitlines()[:40] if session.window else []
    except Exception as error:
        lines.append(f"(nothing to be seen: {error})")
    for name in ("gui", "panel", "ingress"):
        lines += [f"--- {name}"] + session.log(name).splitlines()[-15:]
    print("".join(f"    {line}\n" for line in lines), end="", flush=True)


def main(part, steps):
    sys.exit(0 if play(part, sys.argv[1], steps) else 1)
