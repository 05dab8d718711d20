# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desktop reads: the desktop file, the metainfo, the service files, the icons. Each check is tried on broken files too."""
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
APP = "org.openfunnel.Funnel"
DESKTOP, METAINFO, SERVICE = APP + ".desktop", APP + ".metainfo.xml", APP + ".service"
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
# What appstreamcli 0.16 says of a metainfo that is right: it is older than the tag.
ALLOWED = re.compile(r"unknown-tag developer$|^P: ")
NEEDED = ["developer/name", "launchable", "branding/color[@scheme_preference='light']", "branding/color[@scheme_preference='dark']", "url[@type='homepage']",
          "url[@type='bugtracker']", "url[@type='vcs-browser']", "screenshots/screenshot[@type='default']/caption", "content_rating[@type='oars-1.1']",
          "releases/release[@date]/description", "supports/control", "requires/display_length", "keywords/keyword"]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout.splitlines()


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def desktop_file(data):
    status, lines = run("desktop-file-validate", f"{data}/{DESKTOP}")
    return lines or ([f"it ended with {status}"] if status else [])


def metainfo(data):
    """Infos count too: a missing age rating is one."""
    status, lines = run("appstreamcli", "validate", "--no-net", f"{data}/{METAINFO}")
    said = [line for line in lines if re.match("[EWIP]: ", line) and not ALLOWED.search(line)]
    if said or status:
        return said or lines
    root = ET.parse(f"{data}/{METAINFO}").getroot()
    return [f"there is no {path}" for path in NEEDED if root.find(path) is None]


def names_agree(data):
    """One name everywhere: file, icon, bus, metainfo, program."""
    desktop, meta, service = (read(f"{data}/{name}") for name in (DESKTOP, METAINFO, SERVICE))
    program = read(f"{ROOT}/gui/application.h")
    facts = {"icon": f"Icon={APP}\n" in desktop, "metainfo": f"<id>{APP}</id>" in meta and f"{APP}.desktop</launchable>" in meta,
             "bus": f"Name={APP}\n" in service and "--gapplication-service" in service and "DBusActivatable=true\n" in desktop,
             "program": f'"{APP}"' in program, "scheme": "x-scheme-handler/funnel" in desktop and "x-scheme-handler/funnel" in meta,
             "version": f'version="{re.search(r"version: .([0-9.]+)", read(f"{ROOT}/meson.build")).group(1)}"' in meta,
             "icons": all(glob.glob(f"{data}/icons/hicolor/*/*/{name}.svg") for name in
                          [APP, APP + "-symbolic"] + [f"{APP}-tray-{state}" for state in ("active", "attention", "off", "working")])}
    return [f"{name} does not agree" for name, good in facts.items() if not good]


def drawn(picture):
    """(width, height, whether anything is on it) of a PNG."""
    with open(picture, "rb") as f:
        text = f.read()
    width, height = struct.unpack(">II", text[16:24])
    place, packed = 8, b""
    while place < len(text):
        length, kind = struct.unpack(">I4s", text[place:place + 8])
        packed += text[place + 8:place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    lines = zlib.decompress(packed)
    return width, height, any(any(lines[start + 1:start + 1 + 4 * width]) for start in range(0, len(lines), 4 * width + 1))


def icons(data):
    """All can be drawn at every size, and those that are recoloured have fills only."""
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for path in glob.glob(f"{data}/icons/hicolor/*/*/*.svg"):
            name = os.path.basename(path)
            for size in SIZES:
                picture = f"{folder}/{size}.png"
                status, lines = run("rsvg-convert", f"--width={size}", f"--height={size}", "--keep-aspect-ratio", "--output", picture, path)
                if status:
                    return bad + [f"{name}: {line}" for line in lines]
                if drawn(picture) != (size, size, True):
                    bad.append(f"{name} is no picture of {size}×{size}: {drawn(picture)}")
            if "symbolic" in path and "stroke" in read(path):
                bad.append(f"{name}: strokes are drawn solid by panels")
    return bad


# (check, file, what is wrong, pattern, what stands there instead)
BREAKS = [
    (desktop_file, DESKTOP, "no type", r"^Type=.*$", ""),
    (desktop_file, DESKTOP, "a category nobody knows", r"^Categories=.*$", "Categories=Nonsense;"),
    (desktop_file, DESKTOP, "an action without its group", r"^Actions=.*$", "Actions=nothing;"),
    (metainfo, METAINFO, "no age rating", r"(?s)<content_rating.*</content_rating>", ""),
    (metainfo, METAINFO, "a date that is none", r'date="[^"]*"', 'date="yesterday"'),
    (metainfo, METAINFO, "a licence nobody knows", r"<project_license>[^<]*", "<project_license>GPL-99"),
    (metainfo, METAINFO, "no caption", r"(?s)(<screenshot type=.default.>).*?(?=<image)", r"\1"),
    (metainfo, METAINFO, "no colour for dark desktops", r'<color.*"dark".*', ""),
    (metainfo, METAINFO, "no release", r"(?s)<releases>.*</releases>", ""),
    (metainfo, METAINFO, "a tag that does not end", r"</releases>", ""),
    (names_agree, DESKTOP, "another icon", r"^Icon=.*$", "Icon=funnel"),
    (names_agree, METAINFO, "another version", r'release version="', 'release version="9'),
    (names_agree, SERVICE, "another name", r"^Name=.*$", "Name=org.openfunnel.Other"),
    (icons, f"icons/hicolor/scalable/apps/{APP}.svg", "a drawing of nothing", r"(?s)(<svg[^>]*>).*</svg>", r"\1</svg>"),
    (icons, f"icons/hicolor/scalable/apps/{APP}.svg", "no drawing", r"(?s)^.*$", "nothing"),
    (icons, f"icons/hicolor/symbolic/apps/{APP}-symbolic.svg", "a stroke", r"<path ", '<path stroke="#000" '),
]


def unnoticed(data):
    """What is broken and not found."""
    for check, name, what, pattern, instead in BREAKS:
        path = f"{data}/{name}"
        good = read(path)
        broken = re.sub(pattern, instead, good, count=1, flags=re.M)
        if broken == good:
            yield f"{name} could not be broken: {what}"
            continue
        with open(path, "w", encoding="utf-8") as f:
            f.write(broken)
        if not check(data):
            yield f"{check.__name__} does not notice in {name}: {what}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(good)


def copied(folder):
    """What is installed of these files, where it may be changed."""
    for name in (DESKTOP, METAINFO, SERVICE):
        shutil.copy(f"{BUILD}/data/{name}", folder)
    shutil.copytree(f"{ROOT}/data/icons", f"{folder}/icons")
    return folder


def main():
    good = True
    with tempfile.TemporaryDirectory() as folder:
        data = copied(folder)
        for name, problems in [(check.__name__, check(data)) for check in (desktop_file, metainfo, names_agree, icons)] + [("unnoticed", list(unnoticed(data)))]:
            good &= not problems
            label = "broken-ones-are-noticed" if name == "unnoticed" else name.replace("_", "-")
            print(f"{'not ok' if problems else 'ok'} gui/files/{label}")
            print("".join(f"    {line}\n" for line in problems[:40]), end="", flush=True)
    sys.exit(0 if good else 1)


main()
