# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen with a window manager and a panel, and what is to be seen and clicked there."""
import os
import shutil
import struct
import time

import patience

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


class Screen:
    """Whoever has one says how programs are run on it: environment, path (name), run (*command, check=True) and
    start (label, command, **more)."""

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def start_screen(self, size):
        read, write = os.pipe()
        folder = self.path("run")  # its picture is a file there, for those who look at it often
        looked_at = ["-fbdir", folder] if os.path.isdir(folder) else []
        self.start("xvfb", ["Xvfb", "-displayfd", str(write), "-screen", "0", size + "x24", *looked_at, "-nolisten", "tcp", "-noreset"],
                   pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            self.environment["DISPLAY"] = ":" + number.readline().strip()
        self.start("openbox", ["openbox"])
        patience.wait(lambda: self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK", check=False).count("window id"), "the window manager")

    def start_wayland(self, width, height):
        """A compositor that shows its dark screen to nobody, in the place of the X server and its window manager."""
        self.environment.update({"GDK_BACKEND": "wayland", "WAYLAND_DISPLAY": "wayland-suite"})
        self.environment.pop("DISPLAY", None)
        self.write("weston.ini", "[core]\nidle-time=0\n[shell]\npanel-position=none\nbackground-color=0xff224466\n")
        # Without --debug it would let nobody take a picture.
        self.start("weston", ["weston", "--backend=headless-backend.so", "--use-pixman", "--debug", "--socket=wayland-suite",
                              f"--width={width}", f"--height={height}", "--config=" + self.path("weston.ini")])
        patience.wait(lambda: self.run("weston-screenshooter") is not None, "the compositor")

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
        self.keep(path, name)
        return path

    def keep(self, path, name):
        """For whoever wants to look at it afterwards."""
        folder = os.environ.get("FUNNEL_GUI_SHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            shutil.copy(path, os.path.join(folder, name + ".png"))

    def settled(self, name):
        """A screenshot that does not change any more."""
        before = [None]

        def attempt():
            with open(self.shot(name), "rb") as picture:
                before.append(picture.read())
            return before.pop(0) == before[0]
        patience.wait(attempt, "a screen that has come to rest")
        return self.path(f"shots/{name}.png")

    def color_at(self, picture, x, y, width=26, height=26):
        """The colour that is most frequent after the background's, in a part of a picture."""
        text = self.run("convert", picture, "-crop", f"{width}x{height}+{x}+{y}", "-alpha", "off", "-depth", "8", "-format", "%c", "histogram:info:-")
        rows = sorted(((int(line.split(":")[0]), line.split("#")[1][:6]) for line in text.splitlines() if "#" in line), reverse=True)
        return rows[1][1].lower() if len(rows) > 1 else None

    # --- the pixels themselves, without a program that takes a picture

    def pixels(self):
        """All of the screen at this moment, as (width, height, lines of four bytes a pixel)."""
        with open(self.path("run/Xvfb_screen0"), "rb") as picture:
            data = picture.read()
        header = struct.unpack(">25I", data[:100])  # X Window Dump: XWDFileHeader
        start, width, height, line, colors = header[0], header[4], header[5], header[12], header[19]
        start += colors * 12
        return width, height, [data[start + y * line:start + (y + 1) * line] for y in range(height)]

    def changed(self, before, area, least):
        """How many pixels differ from those before by so much in one of their colours; area: (x, y, width, height), None: all."""
        now = self.pixels()
        x, y, width, height = area or (0, 0, now[0], now[1])
        left, right = max(x, 0) * 4, min(x + width, now[0]) * 4
        count = 0
        for old, new in zip(before[2][max(y, 0):y + height], now[2][max(y, 0):y + height]):
            old, new = old[left:right], new[left:right]
            if old != new:
                count += sum(max(abs(old[i + c] - new[i + c]) for c in range(3)) >= least for i in range(0, len(new), 4))
        return count

    # --- what a user does in the panel, whose first icon is at (16, 16)

    def menus(self):
        """The menus a panel shows now, the first one first, as (x, y, width, height)."""
        found = []
        for window in self.run("xdotool", "search", "--onlyvisible", "--class", "wrapper-2.0|lxqt-panel", check=False).split():
            if "POPUP_MENU" in self.run("xprop", "-id", window, "_NET_WM_WINDOW_TYPE"):
                facts = dict(line.split("=") for line in self.run("xdotool", "getwindowgeometry", "--shell", window).split())
                found.append(tuple(int(facts[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")))
        return sorted(found)

    def click(self, x, y, button=1):
        self.run("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def click_icon(self):
        self.click(16, 16)

    def open_menu(self):
        """Where it is. What stands in it may come after itself; and a panel that has not drawn the icon yet takes no click on it."""
        clicked = [0.0]

        def shown():
            menus = self.menus()
            if not menus and time.monotonic() > clicked[0] + 3:
                self.click(16, 16, 3)
                clicked[0] = time.monotonic()
            return [menu for menu in menus if menu[3] > 100]
        return patience.wait(shown, "the menu")[0]

    def switch_in_menu(self, name):
        """The second line of the menu is the first share; the first of its submenu is the switch. A panel may close its menu
        when what stands in it changes; then it is opened again."""
        menus = []
        while len(menus) != 2:
            x, y, _, _ = self.open_menu()
            self.click(x + 90, y + 40)
            menus = patience.wait(lambda: len(self.menus()) != 1 and [self.menus()], "the submenu")[0]
        self.shot(name)
        self.click(menus[1][0] + 50, menus[1][1] + 14)
        patience.wait(lambda: not self.menus(), "the menu to close")
