# SPDX-License-Identifier: GPL-3.0-or-later
"""From an invitation to a page on the internet and back without a mouse, as whoever cannot hold one does it: only keys
are pressed, and each Tab has to end where it can be seen."""
import access
import keyboard
import session
import stage

URL = f"https://{stage.NAME}"
USER, PASSWORD = "User name for a password (empty: none)", "New password"


def it_begins_with_nothing(s):
    s.begin()
    s.port = s.start_target()
    s.start_ingress()
    s.start_authority()
    s.start_gui()
    s.look()
    s.keyboard = keyboard.Keyboard(s)
    s.keyboard.on("text", "Join line")
    s.keyboard.check_names()


def joins_by_pasting(s):
    s.keyboard.own_clipboard("  " + s.invite() + "\n")
    s.keyboard.press("ctrl+v")
    s.window.get("push button", "Join")
    s.keyboard.reach("push button", "Join")
    s.keyboard.press("Return")
    s.wait(lambda: "laptop" in s.run("funnel", "status", "--json", check=False), "a node that has joined")
    s.keyboard.on("push button", "Back")
    s.window.get("list item", f"Port {s.port}")
    s.keyboard.check_names()


def escape_means_no(s):
    s.keyboard.reach("list item", f"Port {s.port}")
    for no in ("Escape", "Return"):
        s.keyboard.press("Return")
        s.keyboard.in_window("Put this on the internet?")
        s.keyboard.on("push button", "Cancel")
        s.keyboard.check_names()
        s.keyboard.press(no)
        s.keyboard.in_window("Funnel")
        # What listens is looked up again, and the switch stands where it did.
        s.wait(lambda: not access.has(s.window.find("check box", f"Port {s.port}"), "checked"), "a switch that is off")
        s.keyboard.on("list item", f"Port {s.port}")
    if s.shares():
        raise stage.Failure("it was shared all the same")


def publishes_a_port(s):
    s.keyboard.reach("check box", f"Port {s.port}")
    s.keyboard.press("space")
    s.keyboard.on("push button", "Cancel")
    s.keyboard.reach("push button", "Publish")
    s.keyboard.press("Return")
    s.wait(lambda: s.state() == "active", "the share to be active")
    s.window.get("label", "Reachable from the internet")
    s.keyboard.in_window("Funnel")
    s.keyboard.on("push button", "Back")
    s.keyboard.check_names()


def copies_the_address(s):
    s.keyboard.reach("push button", "Copy the address")
    s.keyboard.press("Return")
    s.wait(lambda: s.clipboard().rstrip("/") == URL, "the address in the clipboard")
    s.keyboard.on("push button", "Copy the address")


def a_window_closes_with_escape(s):
    s.keyboard.reach("push button", "QR code")
    s.keyboard.press("Return")
    s.keyboard.in_window("QR code")
    s.keyboard.press("Escape")
    s.keyboard.in_window("Funnel")
    s.keyboard.on("push button", "QR code")


def sets_a_password(s):
    s.keyboard.reach("text", USER)
    s.keyboard.type("guest")
    s.keyboard.reach("text", PASSWORD)
    s.keyboard.type("correct horse")
    s.keyboard.press("Return")
    s.wait(lambda: s.shares()[0]["access"]["auth_user"] == "guest", "a user name for visitors")
    s.window.get("label", contains="guest")
    if "hello" in s.visit():
        raise stage.Failure("a visitor came in without the password")


STEPS = [it_begins_with_nothing, joins_by_pasting, escape_means_no, publishes_a_port, copies_the_address, a_window_closes_with_escape, sets_a_password]

if __name__ == "__main__":
    session.main("keys", STEPS)
