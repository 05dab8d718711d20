# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be had of the real daemon on demand: it is missing, refuses, dies in the middle of a call; the ingress is
away; hundreds of shares. The daemon is played by mock-funneld, window, tray and panel are real."""
import os

import session
import stage


def mock(s, *options):
    """The daemon from now on. It says when it is ready."""
    end_mock(s)
    child = s.start("mock", [os.path.join(s.build, "tests/gui/mock-funneld"), *options], stdout=session.subprocess.PIPE)
    if child.stdout.readline() != b"ready\n":
        raise stage.Failure("the mock daemon did not start")


def end_mock(s):
    s.stop("mock")


def without_the_service_it_says_so(s):
    s.begin()
    s.start_panel("xfce")
    s.start_gui()
    s.look().get("label", "The Funnel service is not running")
    s.wait(lambda: s.tray_state() == "attention", "an icon that asks for attention")


def the_icon_has_an_exclamation_mark(s):
    s.run("xdotool", "mousemove", "600", "850")
    s.wait(lambda: s.color_at(s.settled("bad-attention"), 4, 3) == "e0600b", "the orange funnel in the panel")


def a_service_that_comes_is_found(s):
    mock(s, "--demo")
    s.wait(lambda: s.tray_state() in ("active", "attention") and "share" in tooltip(s), "an icon that knows the shares")
    s.wait(lambda: s.window.find("label", "The Funnel service is not running") is None or s.window.find(contains=".example.org"), "the list of shares")


def what_takes_time_has_an_icon(s):
    mock(s, "--working")
    s.wait(lambda: s.tray_state() == "working", "an icon that says: soon")
    s.wait(lambda: s.color_at(s.settled("bad-working"), 4, 3) == "3584e4", "the blue funnel in the panel")


def a_call_that_dies_is_told(s):
    mock(s, "--demo", "--crash")
    s.wait(lambda: "share" in tooltip(s), "the shares")
    path = share_path(s)
    s.action("share-toggle", f"<'{path}'>")
    s.wait(lambda: s.children["mock"].poll() is not None, "the daemon to die")
    s.wait(lambda: s.tray_state() == "attention", "an icon that asks for attention")
    s.wait(lambda: "not running" in tooltip(s), "a tooltip that says why")
    s.window.get("label", "The Funnel service is not running")
    alive(s)


def what_is_refused_is_told(s):
    mock(s, "--demo", "--deny")
    s.wait(lambda: "share" in tooltip(s), "the shares")
    s.notifications.shown.clear()
    s.action("share-toggle", f"<'{share_path(s)}'>")
    s.wait(lambda: s.notifications.shown, "a notification of the refusal")
    alive(s)


def hundreds_of_shares_are_a_short_menu(s):
    mock(s, "--shares", "500")
    s.wait(lambda: "480 more in the window" in menu(s), "a menu with twenty shares and the way to the others")
    alive(s)


def a_share_that_is_gone_is_told(s):
    s.notifications.shown.clear()
    s.action("share-toggle", "<'/org/openfunnel/Funnel/share/nobody'>")
    s.action("share-toggle", "<'not a path'>")
    s.wait(lambda: s.notifications.find("ended already"), "a notification that it is gone")
    alive(s)


def start_at_login_is_a_file(s):
    path = s.path("config/autostart/" + stage.APP + ".desktop")
    set_preference(s, "start-at-login", "true")
    s.wait(lambda: os.path.exists(path), "the file")
    if s.run("desktop-file-validate", path, check=False):
        raise stage.Failure("the file is not valid")
    set_preference(s, "start-at-login", "false")
    s.wait(lambda: not os.path.exists(path), "the file to go")


def start_at_login_that_fails_is_told(s):
    folder = s.path("config/autostart")
    os.rmdir(folder)
    s.write("config/autostart", "in the way")
    s.notifications.shown.clear()
    set_preference(s, "start-at-login", "true")
    s.wait(lambda: s.notifications.find("not available"), "a notification of the failure")
    s.wait(lambda: s.run("gsettings", "get", stage.APP, "start-at-login").strip() == "false", "the switch to go back")


def the_icon_can_be_switched_off(s):
    set_preference(s, "show-tray", "false")
    s.wait(lambda: s.icons() == 0, "the icon to go")
    set_preference(s, "show-tray", "true")
    s.wait(lambda: s.icons() == 1, "the icon to come back")


# --- helpers

def alive(s):
    if s.children["gui"].poll() is not None:
        raise stage.Failure("the program ended")


def set_preference(s, key, value):
    s.run("gsettings", "set", stage.APP, key, value)


def item(s):
    answer = s.run("gdbus", "call", "--session", "-d", "org.kde.StatusNotifierWatcher", "-o", "/StatusNotifierWatcher", "-m",
                   "org.freedesktop.DBus.Properties.Get", "org.kde.StatusNotifierWatcher", "RegisteredStatusNotifierItems")
    return next(word for word in answer.replace("/", "'").split("'") if word.startswith(":"))


def tooltip(s):
    return s.run("gdbus", "call", "--session", "-d", item(s), "-o", "/StatusNotifierItem", "-m", "org.freedesktop.DBus.Properties.Get",
                 "org.kde.StatusNotifierItem", "ToolTip")


def menu(s):
    return s.run("gdbus", "call", "--session", "-d", item(s), "-o", "/StatusNotifierItem/menu", "-m", "com.canonical.dbusmenu.GetLayout", "0", "1",
                 "[]")


def share_path(s):
    text = s.run("gdbus", "call", "--session", "-d", stage.APP + ".Daemon", "-o", "/org/openfunnel/Funnel", "-m",
                 "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
    return next(word for word in text.split("'") if word.startswith("/org/openfunnel/Funnel/share/"))


STEPS = [without_the_service_it_says_so, the_icon_has_an_exclamation_mark, a_service_that_comes_is_found, what_takes_time_has_an_icon, a_call_that_dies_is_told,
         what_is_refused_is_told, hundreds_of_shares_are_a_short_menu, a_share_that_is_gone_is_told, start_at_login_is_a_file,
         start_at_login_that_fails_is_told, the_icon_can_be_switched_off]

if __name__ == "__main__":
    session.main("bad_days", STEPS)
