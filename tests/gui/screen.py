# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen with a window manager and a panel, and what is to be seen and clicked there."""
import os
import shutil
import time

PATIENCE = 30  # seconds; a guard against hanging, not an expectation
XFCE_PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/><property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/><property name="size" type="uint" value="32"/>
      <property name="icon-size" type="uint" value="22"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"><property name="square-icons" type="bool" value="true"/></property>
  </property>
</channel>
"""
LXQT_PANEL = """panels=panel1
[panel1]
plugins=statusnotifier,spacer
position=Top
panelSize=32
iconSize=22
[statusnotifier]
type=statusnotifier
alignment=Left
[spacer]
type=spacer
"""


class Failure(Exception):
    """What went wrong, in words."""


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure(f"waited {patience} s for {what}")
        time.sleep(0.05)


class Screen:
    """Whoever has one says how programs are run on it: environment, path (name), run (*command, check=True) and
    start (label, command, **more)."""

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def start_screen(self, size):
        read, write = os.pipe()
        self.start("xvfb", ["Xvfb", "-displayfd", str(write), "-screen", "0", size + "x24", "-nolisten", "tcp"], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            self.environment["DISPLAY"] = ":" + number.readline().strip()
        self.start("openbox", ["openbox"])
        until(lambda: self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK", check=False).count("window id"), "the window manager")

    def start_panel(self, kind):
        if kind == "xfce":
            self.write("config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", XFCE_PANEL)
            self.start("panel", ["xfce4-panel", "--disable-wm-check"])
        else:
            self.write("config/lxqt/panel.conf", LXQT_PANEL)
            self.start("panel", ["lxqt-panel"])

    def items(self):
        """What the panel there is was given, as bus names."""
        answer = self.run("gdbus", "call", "--session", "-d", "org.kde.StatusNotifierWatcher", "-o", "/StatusNotifierWatcher", "-m",
                          "org.freedesktop.DBus.Properties.Get", "org.kde.StatusNotifierWatcher", "RegisteredStatusNotifierItems", check=False)
        return [name for name in answer.replace("/", "'").split("'") if name.startswith(":1.")]

    def icons(self):
        return len(self.items())

    def tray_state(self):
        """The picture the panel is shown, by name."""
        for name in self.items():
            answer = self.run("gdbus", "call", "--session", "-d", name, "-o", "/StatusNotifierItem", "-m", "org.freedesktop.DBus.Properties.Get",
                              "org.kde.StatusNotifierItem", "IconName", check=False)
            return answer.rpartition("-")[2].strip("'>,)\n")
        return None

    def windows(self):
        return self.run("xdotool", "search", "--onlyvisible", "--name", "^Funnel$", check=False).split()

    def shot(self, name):
        path = self.path(f"shots/{name}.png")
        self.run("maim", "-u", path)
        keep = os.environ.get("FUNNEL_GUI_SHOTS")
        if keep:
            os.makedirs(keep, exist_ok=True)
            shutil.copy(path, keep)
        return path

    def settled(self, name):
        """A screenshot that does not change any more."""
        last = None
        for _ in range(100):
            path = self.shot(name)
            with open(path, "rb") as picture:
                now = picture.read()
            if now == last:
                return path
            last = now
            time.sleep(0.1)
        raise Failure("the screen does not come to rest")

    def color_at(self, picture, x, y, width=26, height=26):
        """The colour that is most frequent after the background's, in a part of a picture."""
        text = self.run("convert", picture, "-crop", f"{width}x{height}+{x}+{y}", "-alpha", "off", "-depth", "8", "-format", "%c", "histogram:info:-")
        rows = sorted(((int(line.split(":")[0]), line.split("#")[1][:6]) for line in text.splitlines() if "#" in line), reverse=True)
        return rows[1][1].lower() if len(rows) > 1 else None

    def pixel(self, picture, x, y):
        return self.run("convert", picture, "-crop", f"1x1+{x}+{y}", "-alpha", "off", "-depth", "8", "-format", "%[hex:u.p{0,0}]", "info:").lower()[:6]

    # --- what a user does in the panel, whose first icon is at (16, 16)

    def open_menu(self, name):
        self.run("xdotool", "mousemove", "16", "16")
        self.run("xdotool", "click", "3")
        until(lambda: self.pixel(self.settled(name), 20, 100) != "000000", "the menu")

    def switch_in_menu(self, name):
        """The second line of the menu is the first share; the first of its submenu is the switch."""
        self.open_menu(name)
        self.run("xdotool", "key", "Down")
        self.run("xdotool", "key", "Right")
        self.settled(name + "-sub")
        self.run("xdotool", "key", "Return")

    def click_icon(self):
        self.run("xdotool", "mousemove", "16", "16", "click", "1")
