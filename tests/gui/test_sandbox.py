# SPDX-License-Identifier: GPL-3.0-or-later
"""The window in a sandbox such as Flatpak makes, and the desktop's portals as it meets them there."""
import os
import shutil
import sys

import session
import stage
from session import Gio, GLib

PORTAL = """<node><interface name='org.freedesktop.impl.portal.Background'>
<method name='GetAppState'><arg type='a{sv}' direction='out'/></method>
<method name='NotifyBackground'><arg type='o' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>
<arg type='u' direction='out'/><arg type='a{sv}' direction='out'/></method>
<method name='EnableAutostart'><arg type='s' direction='in'/><arg type='b' direction='in'/><arg type='as' direction='in'/>
<arg type='u' direction='in'/><arg type='b' direction='out'/></method>
<signal name='RunningApplicationsChanged'/></interface></node>"""
PORTAL_NAME = "org.freedesktop.impl.portal.desktop.suite"


class Desktop:
    """The desktop's half of the Background portal; the half that programs talk to is the real one."""

    def __init__(self, s):
        self.asked = []
        node = Gio.DBusNodeInfo.new_for_xml(PORTAL)
        s.notifications.bus.register_object("/org/freedesktop/portal/desktop", node.interfaces[0], self.on_call, None, None)
        Gio.bus_own_name_on_connection(s.notifications.bus, PORTAL_NAME, Gio.BusNameOwnerFlags.NONE, None, None)

    def on_call(self, bus, sender, path, interface, method, parameters, invocation):
        if method == "EnableAutostart":
            self.asked.append(parameters.unpack())
            invocation.return_value(GLib.Variant("(b)", (self.asked[-1][1],)))
        elif method == "NotifyBackground":
            invocation.return_value(GLib.Variant("(ua{sv})", (0, {"result": GLib.Variant("u", 1)})))
        else:
            invocation.return_value(GLib.Variant("(a{sv})", ({},)))


def sandbox(s, command):
    """As bubblewrap is used by Flatpak: everything is there, and the file that says so."""
    s.write("flatpak-info", f"[Application]\nname={stage.APP}\nruntime=runtime/org.example.Platform/x86_64/1\n\n[Instance]\ninstance-id=1\n")
    binds = []
    for name in sorted(os.listdir("/")):
        if os.path.islink("/" + name):
            binds += ["--symlink", os.readlink("/" + name), "/" + name]
        elif name != ".flatpak-info":
            binds += ["--dev-bind", "/" + name, "/" + name]
    return ["bwrap", "--tmpfs", "/", *binds, "--ro-bind", s.path("flatpak-info"), "/.flatpak-info", "--", *command]


def it_runs(s):
    s.begin()
    show(s)


def show(s):
    s.start_panel("xfce")
    s.start("gui", sandbox(s, [s.program("funnel-gtk")]))
    s.wait(s.windows, "the window")
    s.wait(lambda: s.icons() == 1, "the icon in the panel")


def a_missing_portal_is_told(s):
    """No desktop is there that could start it at login."""
    s.run("gsettings", "set", stage.APP, "start-at-login", "true")
    entry = s.wait(lambda: s.notifications.find("Starting at login is not available"), "a notification that it cannot be had")
    if "desktop" not in entry[2]:
        raise stage.Failure(f"it does not say why: {entry}")
    s.wait(lambda: s.run("gsettings", "get", stage.APP, "start-at-login").strip() == "false", "the switch to go back")
    s.settled("sandbox")
    told = [entry for entry in s.notifications.shown if "not available" in entry[2]]
    if len(told) != 1:
        raise stage.Failure(f"it was told {len(told)} times")
    if os.path.exists(s.path("config/autostart")):
        raise stage.Failure("a file was written that nobody in a sandbox should write")


def it_runs_on_a_desktop(s):
    s.write("portals/suite.portal", f"[portal]\nDBusName={PORTAL_NAME}\nInterfaces=org.freedesktop.impl.portal.Background\nUseIn=X-Test\n")
    s.environment["XDG_DESKTOP_PORTAL_DIR"] = s.path("portals")
    shutil.copy("/usr/share/xdg-desktop-portal/portals/gtk.portal", s.path("portals"))
    s.begin()
    s.desktop = Desktop(s)
    show(s)


def the_desktop_starts_it_at_login(s):
    s.run("gsettings", "set", stage.APP, "start-at-login", "true")
    name, on, command, _ = s.wait(lambda: s.desktop.asked and s.desktop.asked[-1], "the desktop to be asked")
    if name != stage.APP or not on or "--gapplication-service" not in command:
        raise stage.Failure(f"asked for {name} {on} {command}")
    s.run("gsettings", "set", stage.APP, "start-at-login", "false")
    s.wait(lambda: not s.desktop.asked[-1][1], "the desktop to be asked to end it")
    if s.notifications.find("not available"):
        raise stage.Failure("it was allowed, and told to be not available")


if __name__ == "__main__":
    good = session.play("sandbox", sys.argv[1], [it_runs, a_missing_portal_is_told])
    good &= session.play("portal", sys.argv[1], [it_runs_on_a_desktop, the_desktop_starts_it_at_login])
    sys.exit(0 if good else 1)
