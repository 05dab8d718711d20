# SPDX-License-Identifier: GPL-3.0-or-later
"""The tray in LXQt's panel, by mouse alone, with the real funneld and ingress; the share brings its own certificate."""
import session
import stage


def a_share_is_public(s):
    s.begin()
    s.start_ingress()
    s.make_certificate()
    s.service(stage.APP + ".Daemon", s.program("funneld"))
    s.run("funnel", *s.invite().split()[1:])
    s.run("funnel", "--bg", "--yes", *s.certificate_options(), "text:hello")
    s.wait(lambda: s.state() == "active", "the share to be active")


def without_a_panel_it_says_what_stays(s):
    s.start_gui()
    s.wait(s.windows, "the window")
    s.look().get("label", contains=stage.NAME)
    s.close_window()
    entry = s.wait(lambda: s.notifications.find("stays public"), "a notification of what stays")
    if s.state() != "active":
        raise stage.Failure("the share went with the window")
    s.notifications.press(entry, "Pause All")
    s.wait(lambda: s.state() == "off", "the share to be paused")


def with_nothing_to_tell_it_ends(s):
    s.wait(lambda: s.children["gui"].poll() == 0, "the program to end")
    if s.windows():
        raise stage.Failure("a window came up by itself")


def a_panel_that_comes_later_has_the_icon(s):
    s.start("gui", [s.program("funnel-gtk")])
    s.wait(s.windows, "the window")
    s.start_panel("lxqt")
    s.wait(lambda: s.icons() == 1, "the icon in the panel")
    # Only what is drawn proves that the program knows of its panel, and may hide.
    s.wait(lambda: s.color_at(s.settled("lxqt-off"), 2, 3) == "808088", "the empty funnel in the panel")
    s.close_window()


def the_mouse_switches_it_on(s):
    s.switch_in_menu("lxqt-menu-off")
    s.wait(lambda: s.state() == "active", "the share to be active")
    s.wait(lambda: "hello" in s.visit(), "visitors to come")
    s.run("xdotool", "mousemove", "600", "800")
    s.wait(lambda: s.color_at(s.settled("lxqt-on"), 2, 3) == "28955c", "the full funnel in the panel")


def the_mouse_switches_it_off(s):
    s.switch_in_menu("lxqt-menu-on")
    s.wait(lambda: s.state() == "off", "the share to be off")


def a_panel_that_starts_again_has_the_icon(s):
    s.stop("panel")
    s.wait(lambda: s.icons() == 0, "the end of the panel")
    s.start_panel("lxqt")
    s.wait(lambda: s.icons() == 1, "the icon in the new panel")


def a_click_opens_the_window(s):
    s.wait(lambda: s.color_at(s.settled("lxqt-again"), 2, 3) == "808088", "the icon to be drawn")
    s.click_icon()
    s.wait(s.windows, "the window")


STEPS = [a_share_is_public, without_a_panel_it_says_what_stays, with_nothing_to_tell_it_ends, a_panel_that_comes_later_has_the_icon, the_mouse_switches_it_on,
         the_mouse_switches_it_off, a_panel_that_starts_again_has_the_icon, a_click_opens_the_window]

if __name__ == "__main__":
    session.main("lxqt", STEPS)
