# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desktop reads: the desktop file, the metainfo, the service files, the icons."""
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
APP = "org.openfunnel.Funnel"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    return [] if done.returncode == 0 else done.stdout.splitlines() or [f"it ended with {done.returncode}"]


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def desktop_file():
    return run("desktop-file-validate", f"{BUILD}/data/{APP}.desktop")


def metainfo():
    return run("appstreamcli", "validate", "--no-net", f"{BUILD}/data/{APP}.metainfo.xml")


def names_agree():
    """One name everywhere: file, icon, bus, metainfo, program."""
    desktop, meta = read(f"{BUILD}/data/{APP}.desktop"), read(f"{BUILD}/data/{APP}.metainfo.xml")
    service, program = read(f"{BUILD}/data/{APP}.service"), read(f"{ROOT}/gui/application.h")
    facts = {"icon": f"Icon={APP}\n" in desktop, "metainfo": f"<id>{APP}</id>" in meta and f"{APP}.desktop</launchable>" in meta,
             "bus": f"Name={APP}\n" in service and "--gapplication-service" in service, "program": f'"{APP}"' in program,
             "scheme": "x-scheme-handler/funnel" in desktop and "x-scheme-handler/funnel" in meta,
             "version": re.search(r"version: '([\d.]+)'", read(f"{ROOT}/meson.build")).group(1) in meta}
    return [f"{name} does not agree" for name, good in facts.items() if not good]


def icons():
    """All can be drawn, and those that are recoloured have fills only."""
    found = glob.glob(f"{ROOT}/data/icons/hicolor/*/*/*.svg")
    bad = [] if len(found) >= 6 else [f"only {len(found)} icons"]
    with tempfile.NamedTemporaryFile(suffix=".png") as picture:
        for path in found:
            bad += run("rsvg-convert", "--width=64", "--output", picture.name, path)
            if "symbolic" in path and "stroke" in read(path):
                bad.append(f"{path}: strokes are drawn solid by panels")
    return bad


def main():
    good = True
    for check in (desktop_file, metainfo, names_agree, icons):
        problems = check()
        good &= not problems
        print(f"{'not ok' if problems else 'ok'} gui/files/{check.__name__.replace('_', '-')}")
        print("".join(f"    {line}\n" for line in problems[:40]), end="", flush=True)
    sys.exit(0 if good else 1)


main()
