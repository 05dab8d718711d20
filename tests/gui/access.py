# SPDX-License-Identifier: GPL-3.0-or-later
"""The window as a screen reader sees it, and driven as one would."""
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

PATIENCE = 30  # seconds; a guard against hanging, not an expectation


class Absent(Exception):
    pass


def wait(condition, what, patience=PATIENCE):
    """Until the condition gives something; what is sent meanwhile is taken in."""
    end = time.monotonic() + patience
    while True:
        while GLib.MainContext.default().iteration(False):
            pass
        try:
            found = condition()
        except GLib.Error:
            found = None  # an object that went away while it was looked at
        if found:
            return found
        if time.monotonic() > end:
            raise Absent(f"waited {patience} s for {what}")
        time.sleep(0.05)


def start():
    Atspi.init()
    Atspi.set_timeout(3000, 3000)


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

    def all(self, role=None, name=None, contains=None):
        root = self.top()
        for node in walk(root) if root else ():
            text = node.get_name() or ""
            if (role is None or node.get_role_name() == role) and (name is None or text == name) \
                    and (contains is None or contains in text) and shown(node):
                yield node

    def find(self, role=None, name=None, contains=None):
        return next(self.all(role, name, contains), None)

    def get(self, role=None, name=None, contains=None, patience=PATIENCE):
        return wait(lambda: self.find(role, name, contains), f"{role or 'anything'} {name or contains!r}", patience)

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
        node = self.get(role, name, contains)
        assert Atspi.EditableText.set_text_contents(node.get_editable_text_iface(), text), f"{name} took no text"

    def text(self):
        return "\n".join(describe(self.root())) if self.root() else "(no window)"
