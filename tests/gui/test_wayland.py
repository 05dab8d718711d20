# SPDX-License-Identifier: GPL-3.0-or-later
"""The window on a Wayland compositor, without any X server. The daemon is played by mock-funneld."""
import glob

import session
import stage
from test_bad_days import alive, mock


def it_opens(s):
    s.begin_on_wayland()
    mock(s, "--demo")
    s.start_gui()
    s.look().get("label", "laptop.funnel.example.org")
    s.wait(lambda: light_pixels(s) > 100000, "a light window on the dark screen")


def a_switch_switches(s):
    s.window.press("check box", "Publish https://files.funnel.example.org")
    s.wait(lambda: not s.window.find("label", "Off"), "a share that is not off any more")


def its_pages_open(s):
    s.action("new-share")
    s.window.get("label", "Programs on this computer")
    s.window.press("push button", "Back")
    s.wait(lambda: light_pixels(s) > 100000, "a window that is still drawn")
    alive(s)


def it_quits(s):
    s.action("quit")
    s.wait(lambda: s.children["gui"].poll() is not None, "the program to end")
    if s.children["gui"].returncode != 0:
        raise stage.Failure(f"it ended with {s.children['gui'].returncode}")


# --- helpers

def light_pixels(s):
    """Of the window's own background, in a picture of the whole screen."""
    for path in glob.glob(s.path("wayland-screenshot*.png")):
        stage.os.remove(path)
    s.run("weston-screenshooter")
    picture = glob.glob(s.path("wayland-screenshot*.png"))[0]
    s.keep(picture, "wayland")
    text = s.run("convert", picture, "-alpha", "off", "-depth", "8", "-format", "%c", "histogram:info:-")
    return max((int(line.split(":")[0]) for line in text.splitlines() if "#FAFAFA" in line), default=0)


if __name__ == "__main__":
    session.main("wayland", [it_opens, a_switch_switches, its_pages_open, it_quits])
