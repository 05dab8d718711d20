# SPDX-License-Identifier: GPL-3.0-or-later
"""The window as a screen reader sees it, and driven as one would."""
import patience

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

patience.not_yet.append(GLib.Error)  # an object that went away while it was looked at


def wait(condition, what, seconds=patience.SECONDS):
    """What is sent meanwhile is taken in."""
    return patience.wait(condition, what, seconds, take_in)


def take_in():
    while GLib.MainContext.default().iteration(False):
        pass


def start():
    # libatspi asks about objects of lists that a program has renewed meanwhile, and says so each time ("Object does not
    # exist at path"). The answer it gets is the right one: the object is gone.
    GLib.log_set_handler("dbind", GLib.LogLevelFlags.LEVEL_WARNING, lambda *_: None)
    Atspi.init()
    # A call that is given up may have been done all the same, and would then be done twice.
    Atspi.set_timeout(patience.SECONDS * 1000, patience.SECONDS * 1000)


def application(name):
    desktop = Atspi.get_desktop(0)
    for i in range(desktop.get_child_count()):
        child = desktop.get_child_at_index(i)
        if child and child.get_name() == name:
            return child
    return None


def walk(node):
    yield node
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child:
            yield from walk(child)


def has(node, state):
    return node.get_state_set().contains(getattr(Atspi.StateType, state.upper()))


def shown(node):
    """GTK 4.8 says of windows only that they are showing. What has no place yet was never shown."""
    component = node.get_component_iface()
    return bool(component) and Atspi.Component.get_extents(component, Atspi.CoordType.WINDOW).width > 0


def describe(node, depth=0):
    """What can be seen of the tree, as text, for whoever reads a failed test."""
    lines = []
    if node.get_name() and shown(node):
        states = [name for name in ("checked", "sensitive") if has(node, name)]
        lines.append(f"{'  ' * depth}[{node.get_role_name()}] {node.get_name()!r} {' '.join(states)}")
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child:
            lines += describe(child, depth + bool(lines))
    return lines


class Window:
    def __init__(self, name):
        self.name = name
        wait(self.root, f"{name} on the accessibility bus")

    def root(self):
        found = application(self.name)
        return found if found and found.get_child_count() else None

    def windows(self):
        root = self.root()
        return [root.get_child_at_index(i) for i in range(root.get_child_count())] if root else []

    def top(self):
        """The dialog, if there is one, for what is below it cannot be reached."""
        dialogs = [window for window in self.windows() if window and window.get_role_name() == "dialog"]
        return dialogs[-1] if dialogs else self.root()

    def title(self):
        dialogs = [window for window in self.windows() if window and window.get_role_name() == "dialog"]
        return (dialogs or self.windows())[-1].get_name()

    def all(self, role=None, name=None, contains=None):
        root = self.top()
        for node in walk(root) if root else ():
            text = node.get_name() or ""
            if (role is None or node.get_role_name() == role) and (name is None or text == name) \
                    and (contains is None or contains in text) and shown(node):
                yield node

    def find(self, role=None, name=None, contains=None):
        return next(self.all(role, name, contains), None)

    def get(self, role=None, name=None, contains=None, seconds=patience.SECONDS):
        return wait(lambda: self.find(role, name, contains), f"{role or 'anything'} {name or contains!r}", seconds)

    def gone(self, role=None, name=None, contains=None):
        wait(lambda: self.find(role, name, contains) is None, f"the end of {role or ''} {name or contains!r}")

    def press(self, role, name=None, contains=None):
        """What a screen reader does with a button, a switch, a row."""
        def attempt():
            node = self.find(role, name, contains)
            interface = node.get_action_iface() if node and has(node, "sensitive") else None
            return interface and Atspi.Action.get_n_actions(interface) and Atspi.Action.do_action(interface, 0)
        wait(attempt, f"{role} {name or contains!r} to be pressed")

    def type(self, role, name, text, contains=None):
        def attempt():
            node = self.find(role, name, contains)
            return node and has(node, "sensitive") and Atspi.EditableText.set_text_contents(node.get_editable_text_iface(), text)
        wait(attempt, f"{name or contains!r} to take a text")

    def place(self, role, name=None):
        """Where something is in its window, as (x, y, width, height)."""
        found = Atspi.Component.get_extents(self.get(role, name).get_component_iface(), Atspi.CoordType.WINDOW)
        return found.x, found.y, found.width, found.height

    def text(self):
        return "\n".join(describe(self.root())) if self.root() else "(no window)"
