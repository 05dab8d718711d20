# SPDX-License-Identifier: GPL-3.0-or-later
"""From an invitation to a page on the internet and back, with the mouse of a screen reader, in Xfce's panel. Everything
behind the window is the real thing: funneld, started by the bus, the ingress, a certificate authority."""
import access
import session
import stage

URL = f"https://{stage.NAME}"


def the_window_opens(s):
    s.begin()
    s.port = s.start_target()
    s.start_ingress()
    s.start_authority()
    s.start_panel("xfce")
    s.start_gui()
    s.look().get("text", "Join line")


def the_icon_is_there(s):
    s.wait(lambda: s.icons() == 1, "the icon in the panel")
    s.wait(lambda: s.tray_state() == "off", "an icon that says: nothing is public")


def joins_by_pasting(s):
    s.window.type("text", "Join line", "  " + s.invite() + "\n")
    s.window.press("push button", "Join")
    s.window.get("label", "Publish something")
    s.wait(lambda: "laptop" in s.run("funnel", "status", "--json", check=False), "a node that has joined")


def publishes_a_listening_port(s):
    s.window.press("check box", f"Port {s.port}")
    s.window.get("label", "Put this on the internet?")
    s.window.get("label", contains=f"\npython3 (port {s.port} on this computer)\n")
    if s.shares():
        raise stage.Failure("it was shared before the question was answered")
    s.window.press("push button", "Publish")
    s.window.get("label", "Reachable from the internet")
    s.wait(lambda: s.state() == "active", "the share to be active")
    s.wait(lambda: s.tray_state() == "active", "an icon that says so")


def no_button_is_named_twice(s):
    """A mnemonic's underscore is nothing to be read out."""
    heard = [node.get_name() for node in access.walk(s.window.root()) if node.get_role_name() == "push button"]
    odd = [name for name in heard if "_" in name or (len(name.split()) > 1 and name.split()[0] == name.split()[-1])]
    if odd or "Publish" not in heard:
        raise stage.Failure(f"buttons are named {odd or heard}")


def a_visitor_sees_the_page(s):
    if "hello from the laptop" not in s.visit():
        raise stage.Failure(f"the visitor saw {s.visit()!r}")
    s.wait(lambda: s.notifications.find("first visitor"), "a notification of the first visitor")


def copies_the_address(s):
    s.window.press("push button", "Copy the address")
    s.wait(lambda: s.clipboard().rstrip("/") == URL, "the address in the clipboard")


def shows_the_address_as_qr_code(s):
    s.window.press("push button", "QR code")
    s.wait(lambda: [code.rstrip("/") for code in s.qr_codes(s.settled("qr"))] == [URL], "a QR code that says the address")
    s.wait(lambda: s.run("xdotool", "getactivewindow", "getwindowname").strip() != "Funnel", "the keys to go to the QR code")
    s.run("xdotool", "key", "Escape")
    s.wait(lambda: not s.qr_codes(s.settled("after-qr")), "the QR code to go")


def the_tray_switches_it_off(s):
    s.switch_in_menu("xfce-menu-on")
    s.wait(lambda: s.state() == "off", "the share to be off")
    s.wait(lambda: s.tray_state() == "off", "an icon that says so")
    s.window.get("label", "Off")
    if s.visit():
        raise stage.Failure("a visitor still came through")


def the_tray_switches_it_on(s):
    s.switch_in_menu("xfce-menu-off")
    s.wait(lambda: s.state() == "active", "the share to be active again")
    s.wait(lambda: s.visit(), "visitors to come again")


def the_icon_shows_the_state(s):
    s.run("xdotool", "mousemove", "600", "800")
    s.wait(lambda: s.color_at(s.settled("xfce-active"), 4, 3) == "28955c", "the full funnel in the panel")


def a_panel_that_starts_again_has_the_icon(s):
    s.stop("panel")
    s.wait(lambda: s.icons() == 0, "the end of the panel")
    s.start_panel("xfce")
    s.wait(lambda: s.icons() == 1, "the icon in the new panel")
    s.wait(lambda: s.color_at(s.settled("xfce-again"), 4, 3) == "28955c", "the icon to be drawn")


def closed_it_stays_in_the_tray(s):
    s.close_window()
    if s.children["gui"].poll() is not None:
        raise stage.Failure("the program ended although the panel shows it")


def hidden_it_sleeps(s):
    """What the kernel counts when a thread goes to sleep, over some seconds in which nothing happens."""
    s.wait(lambda: wakeups_in(s, 3) == 0, "three seconds without a single wake-up")


def a_click_brings_the_window_back(s):
    s.click_icon()
    s.wait(s.windows, "the window")


def it_is_removed(s):
    s.action("share-stop", f"<'{share_path(s)}'>")
    s.wait(lambda: not s.shares(), "the share to be gone")
    s.wait(lambda: s.tray_state() == "off", "an icon that says so")


def it_quits(s):
    s.action("quit")
    s.wait(lambda: s.children["gui"].poll() is not None, "the program to end")
    if s.children["gui"].returncode != 0:
        raise stage.Failure(f"it ended with {s.children['gui'].returncode}")
    s.wait(lambda: s.icons() == 0, "the icon to go")
    if not s.ours("funneld"):
        raise stage.Failure("the daemon went with the window")


# --- helpers

def share_path(s):
    text = s.run("gdbus", "call", "--session", "-d", stage.APP + ".Daemon", "-o", "/org/openfunnel/Funnel", "-m",
                 "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
    return next(word for word in text.split("'") if word.startswith("/org/openfunnel/Funnel/share/"))


def switches(pid):
    import glob
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path, encoding="ascii") as text:
            total += sum(int(line.split()[1]) for line in text if line.startswith("voluntary_ctxt_switches"))
    return total


def wakeups_in(s, seconds):
    import time
    before = switches(s.children["gui"].pid)
    time.sleep(seconds)  # this is the measurement, not a wait
    return switches(s.children["gui"].pid) - before


STEPS = [the_window_opens, the_icon_is_there, joins_by_pasting, publishes_a_listening_port, no_button_is_named_twice, a_visitor_sees_the_page, copies_the_address,
         shows_the_address_as_qr_code, the_tray_switches_it_off, the_tray_switches_it_on, the_icon_shows_the_state,
         a_panel_that_starts_again_has_the_icon, closed_it_stays_in_the_tray, hidden_it_sleeps, a_click_brings_the_window_back, it_is_removed, it_quits]

if __name__ == "__main__":
    session.main("journey", STEPS)
