#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""man_flags.py ROOT [BUILD]: a manual page in docs/man and the program's --help name the same flags.

In a tree without build directory, help texts are read from help/PROGRAM."""
import os
import re
import subprocess
import sys
import tree

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
PROGRAMS = {"funnel": "cli", "funneld": "daemon", "funnel-netns": "lib/tunnel/agent", "funnel-relay": "ingress-server/relay",
            "funnel-ingressd": "ingress-server/control", "funnel-ingress": "ingress-server/admin"}
WITH_COMMANDS = ("funnel", "funnel-ingress")
COMMON = {"--help", "--version"}


def help_text(root, build, program):
    if build is None:
        path = os.path.join(root, "help", program)
        return tree.read(root, os.path.join("help", program)) if os.path.exists(path) else None
    path = os.path.join(build, PROGRAMS.get(program, "."), program)
    if not os.path.exists(path):
        return None

    def said(*words):
        done = subprocess.run([path, *words, "--help"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        return done.stdout + done.stderr
    text = said()
    commands = dict.fromkeys(re.findall(rf"^\s+(?:{program} )?([a-z][a-z-]+)\b", text, re.M))
    return text + "".join(said(c) for c in commands if program in WITH_COMMANDS)


def check(root, build=None):
    for path in tree.files(root):
        if not path.startswith("docs/man/"):
            continue
        program = re.sub(r"\.\d(\.md)?$", "", os.path.basename(path))
        text = help_text(root, build, program)
        if text is None:
            continue
        page = tree.read(root, path).replace("\\-", "-").replace("\\", "")
        in_help, in_page = set(FLAG.findall(text)) - COMMON, set(FLAG.findall(page)) - COMMON
        for flag in sorted(in_help - in_page):
            yield f"{path}:1: {flag} is in {program} --help but not in the manual page"
        for flag in sorted(in_page - in_help):
            yield f"{path}:1: {flag} is in the manual page but not in {program} --help"


if __name__ == "__main__":
    tree.main(lambda root: check(root, sys.argv[2] if len(sys.argv) > 2 else None))
