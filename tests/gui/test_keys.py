# SPDX-License-Identifier: GPL-3.0-or-later
"""From an invitation to a page on the internet and back without a mouse, as whoever cannot hold one does it: only keys
are pressed, and each Tab has to end where it can be seen. With --long once more in dark colours, and all round a page."""
import sys
import time

import access
import keyboard
import session
import stage

URL = f"https://{stage.NAME}"
USER, PASSWORD = "User name for a password (empty: none)", "New password"


def in_the_dark(s):
    s.environment["ADW_DEBUG_COLOR_SCHEME"] = "prefer-dark"


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
    s.keyboard.reach("push button", "Look again")
    s.keyboard.move("Tab")
    s.keyboard.reach("list item", f"Port {s.port}", "Down")
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


def the_ring_stays(s):
    """GTK would hide it after three seconds, and shows it again only when the keyboard moves."""
    before = s.pixels()
    s.keyboard.move("Tab")
    shown = s.keyboard.focus()
    time.sleep(4)  # what GTK does by its clock, not a wait
    if not s.keyboard.seen(shown, before):
        raise stage.Failure("the ring went by itself")


def every_stop_is_seen_both_ways(s):
    """Tab goes through the whole page of the share and comes back to where it was; so does Shift+Tab, the other way round."""
    rounds = [s.keyboard.go_round(key) for key in ("Tab", "shift+Tab")]
    if rounds[0][:-1] != rounds[1][-2::-1]:
        raise stage.Failure(f"Tab and Shift+Tab do not go the same way: {rounds}")
    if ("push button", "Examine") not in rounds[0]:
        raise stage.Failure(f"Tab does not come to the end of the page: {rounds[0]}")


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


def switches_off_and_on(s):
    s.keyboard.reach("check box", "Publish", "shift+Tab")
    for state in ("off", "active"):
        s.keyboard.press("space")
        s.wait(lambda: s.state() == state, f"the share to be {state}")
        s.keyboard.on("check box", "Publish")


def goes_back_and_comes_again(s):
    for back in ("Escape", "alt+Left"):
        s.keyboard.press(back)
        s.wait(lambda: s.keyboard.where() == row(s, "Reachable from the internet"), "the keyboard at the share")
        s.keyboard.check_names()
        s.keyboard.press("Return")
        s.keyboard.on("push button", "Back")
    s.keyboard.press("Escape")


def every_key_does_what_is_said(s):
    """What the window of the shortcuts lists."""
    s.keyboard.press("ctrl+question")
    s.window.get("label", "Pause or resume all shares")
    s.keyboard.on("push button", "Search")
    s.keyboard.check_names()
    s.keyboard.press("Escape")
    s.keyboard.on(*row(s, "Reachable from the internet"))
    for key, page in (("ctrl+n", "Programs on this computer"), ("ctrl+i", "Public host")):
        s.keyboard.press(key)
        s.window.get("label", page)
        s.keyboard.on("push button", "Back")
        s.keyboard.check_names()
        s.keyboard.press("Escape")
        s.keyboard.on(*row(s, "Reachable from the internet"))
    s.keyboard.press("ctrl+comma")
    s.keyboard.in_window("Preferences")
    s.keyboard.check_names()
    s.keyboard.press("Escape")
    s.keyboard.in_window("Funnel")


def pauses_all(s):
    s.keyboard.press("ctrl+p")
    s.wait(lambda: s.state() == "off", "the share to be paused")
    s.keyboard.press("ctrl+p")
    s.wait(lambda: s.state() == "active", "the share to be back")
    s.wait(lambda: s.keyboard.where() == row(s, "Reachable from the internet"), "the keyboard at the share")


def the_menu_is_open_to_keys(s):
    s.keyboard.press("F10")
    s.keyboard.on("check menu item", "Pause all")
    s.keyboard.reach("menu item", "About Funnel", "Down")
    s.keyboard.press("Return")
    s.keyboard.in_window("About")
    s.keyboard.check_names()
    s.keyboard.press("Escape")
    s.keyboard.in_window("Funnel")
    s.keyboard.on("push button", "Main menu")


def removes_it(s):
    s.keyboard.reach("push button", "More")
    for answer in ("Return", "alt+r"):
        s.keyboard.press("Return")
        s.keyboard.on("menu item", "Details")
        s.keyboard.reach("menu item", "Remove…", "Down")
        s.keyboard.press("Return")
        s.keyboard.in_window("Remove this share?")
        s.keyboard.on("push button", "Cancel")
        s.keyboard.press(answer)
        s.keyboard.in_window("Funnel")
        s.wait(lambda: len(s.shares()) == (answer == "Return"), "the share to be gone, or not")
        s.keyboard.on("push button", "More" if s.shares() else "Publish something")
    s.keyboard.reach("push button", "Main menu")


def closes(s):
    s.keyboard.press("ctrl+q")
    s.wait(lambda: s.children["gui"].poll() is not None, "the program to end")
    if s.children["gui"].returncode != 0:
        raise stage.Failure(f"it ended with {s.children['gui'].returncode}")


# --- helpers

def row(s, state):
    """What is said of the only share in the list."""
    return "list item", f"{stage.NAME}, Port {s.port} on this computer, {state}"


STEPS = [it_begins_with_nothing, joins_by_pasting, escape_means_no, publishes_a_port, copies_the_address, a_window_closes_with_escape, sets_a_password,
         switches_off_and_on, goes_back_and_comes_again, every_key_does_what_is_said, pauses_all, the_menu_is_open_to_keys, removes_it, closes]

LONG = [in_the_dark, *STEPS[:4], the_ring_stays, every_stop_is_seen_both_ways, *STEPS[4:]]

if __name__ == "__main__":
    if "--dark" in sys.argv[2:]:
        session.main("keys-dark", LONG)
    session.main("keys", STEPS)
