# SPDX-License-Identifier: GPL-3.0-or-later
"""The window driven by nothing but keys. Where the keyboard is, the accessibility bus tells; that it can be seen there,
the pixels of the screen do."""
import re
import subprocess

import access
import session as sessions
from patience import Failure

CLEAR = 24  # of 255: by how much one of the colours of a pixel has to change
RING = 60  # pixels that change at least when something gets the keyboard
# Pixels around what stands in something, in which its ring is: to the sides, and above and below.
AROUND, ROW, WORDS = (8, 8), (14, 12), (40, 16)
MENU = ("menu item", "check menu item")  # AT-SPI does not know where they are on the screen
CLASS_NAME = re.compile(r"(Gtk|Adw|Funnel)[A-Z]")  # what GTK calls what has no name
PRESSED = ("push button", "toggle button", "check box", "combo box", "text", *MENU)
OWNER = """
import sys, gi
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk
Gtk.init()
Gdk.Display.get_default().get_clipboard().set(sys.argv[1])
print("owned", flush=True)
GLib.MainLoop().run()
"""


class Keyboard:
    def __init__(self, session):
        self.session = session
        self.told = None  # what was told to have got the keyboard last
        self.listener = access.Atspi.EventListener.new(self.on_focused)
        self.listener.register("object:state-changed:focused")

    def on_focused(self, event):
        if event.detail1:
            self.told = event.source

    # --- looking

    def window(self):
        """The one in front. GTK 4.8 does not say of dialogs that they are."""
        windows = self.session.window.windows()
        dialogs = [window for window in windows if window.get_role_name() == "dialog"]
        if dialogs and self.session.run("xdotool", "getactivewindow", "getwindowname").strip() == dialogs[-1].get_name():
            return dialogs[-1]
        return next((window for window in windows if access.has(window, "active")), None)

    def focus(self):
        window = self.window()
        return next((node for node in access.walk(window) if access.has(node, "focused")), None) if window else None

    def where(self):
        """Role and name of what has the keyboard."""
        node = self.focus()
        return (node.get_role_name(), node.get_name()) if node else None

    def place(self, node):
        """On the screen, as (x, y, width, height)."""
        run = self.session.run
        facts = dict(line.split("=") for line in run("xdotool", "getactivewindow", "getwindowgeometry", "--shell").split())
        box = access.Atspi.Component.get_extents(node.get_component_iface(), access.Atspi.CoordType.WINDOW)
        return int(facts["X"]) + sessions.BORDER + box.x, int(facts["Y"]) + sessions.BORDER + box.y, box.width, box.height

    def seen(self, node, before):
        """Whether the screen around something has changed enough to be noticed."""
        x, y, width, height = self.place(node)
        if width <= 0 or height <= 0:
            return False
        words = node.get_role_name() == "push button" and any(child.get_role_name() == "label" for child in access.walk(node))
        right, down = WORDS if words else ROW if node.get_role_name() == "list item" else AROUND
        area = (x - right, y - down, width + 2 * right, height + 2 * down)
        return self.session.changed(before, None if node.get_role_name() in MENU else area, CLEAR) >= RING

    def on(self, role, name):
        """Until it has the keyboard."""
        self.session.wait(lambda: self.where() == (role, name), f"the keyboard at {role} {name!r}")

    def in_window(self, title):
        def in_front():
            window = self.window()
            return window and window.get_name() == title
        self.session.wait(in_front, f"the window {title!r} in front")

    def check_names(self):
        """What can be pressed or typed into can be told from the rest by who does not see it."""
        nameless = [node for node in access.walk(self.window()) if node.get_role_name() in PRESSED and access.shown(node)
                    and (not node.get_name() or CLASS_NAME.match(node.get_name()))]
        if nameless:
            raise Failure(f"without a name: {[(node.get_role_name(), node.get_name(), node.get_parent().get_name()) for node in nameless]}")

    # --- acting

    def press(self, *keys):
        self.session.wait(self.window, "a window in front")
        self.session.run("xdotool", "key", *keys)

    def move(self, key):
        """A key that takes the keyboard somewhere else, where it can be seen. Gives role and name."""
        old = self.session.wait(self.focus, "something that has the keyboard") if not self.holds(self.told) else self.told
        before, self.told = self.session.pixels(), None
        self.press(key)
        tries = iter(range(1, 1 << 30))

        def moved():
            # What was told is known at once; all there is takes long to look through.
            node = self.told if self.holds(self.told) else self.focus() if next(tries) % 20 == 0 else None
            return node if node and node != old else None
        node = self.session.wait(moved, f"{key} to leave {old.get_role_name()} {old.get_name()!r}")
        found = node.get_role_name(), node.get_name()
        self.session.wait(lambda: self.seen(node, before), f"the ring around {found}")
        self.told = node
        return found

    def holds(self, node):
        return node and access.has(node, "focused")

    def reach(self, role, name, key="Tab"):
        self.told = self.session.wait(self.focus, "something that has the keyboard")
        at, stops, passed = self.where(), [self.told], []
        while at != (role, name):
            passed.append(at)
            at = self.move(key)
            if self.told in stops:
                raise Failure(f"{key} does not come to {role} {name!r}: {passed}")
            stops.append(self.told)

    def go_round(self, key):
        """Every stop of a page, until the first one comes again."""
        first = self.told = self.session.wait(self.focus, "something that has the keyboard")
        stops = [self.move(key)]
        while self.told != first:
            stops.append(self.move(key))
        return stops

    def type(self, text):
        self.session.run("xdotool", "type", "--delay", "1", text)

    def own_clipboard(self, text):
        """As another program does in which something was copied."""
        owner = self.session.start("owner", ["/usr/bin/python3", "-c", OWNER, text], stdout=subprocess.PIPE)
        owner.stdout.readline()
