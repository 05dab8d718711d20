#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that must not stand in the tree: unsafe calls, paths of one machine, unfinished work; and
comments that speak of functions or constants which do not exist."""
import os
import re
import tree

UNSAFE = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|system|popen|tmpnam|mktemp|strtok)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented")
MACHINE = re.compile(r"/home/\w|/Users/\w|(?<![\w/])/root/\w")
TEXT = (".c", ".h", ".py", ".sh", ".xml", ".build", ".md", ".json", ".service", ".txt", "/run", "check", "quickstart")
CALL = re.compile(r"\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+) ?\(\)")
CONSTANT = re.compile(r"\b((?:FUNNEL|RELAY|PUMP|ROUTE|OFFER|HELLO|ADDRESS)_[A-Z0-9_]*[A-Z0-9])\b(?!_|\*)")


def unsafe(root, path, text):
    for found in UNSAFE.finditer(tree.blank(text)):
        yield f"{path}:{text.count(chr(10), 0, found.start()) + 1}: unsafe call of {found.group(1)}"


def plain(root, path, text):
    here = os.path.abspath(root) + "/"
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished: {line.strip()[:80]}"
        if MACHINE.search(line) or (len(here) > 6 and here in line):
            yield f"{path}:{number}: path of one machine: {line.strip()[:80]}"


def ghosts(root, sources):
    """Symbols that comments name, and that no code has."""
    code = set()
    for path in sources:
        code |= set(re.findall(r"\w+", tree.blank(tree.read(root, path), keep="strings")))
    made_up = {m for path in sources for m in re.findall(r"(\w+)_##", tree.blank(tree.read(root, path)))}
    for path in sources:
        comments = tree.blank(tree.read(root, path), keep="comments")
        for found in list(CALL.finditer(comments)) + list(CONSTANT.finditer(comments)):
            name = found.group(1)
            if name in code or any(name.startswith(m + "_") for m in made_up):
                continue
            yield f"{path}:{comments.count(chr(10), 0, found.start()) + 1}: comment names {name}, which does not exist"


def check(root):
    sources = tree.files(root, ".c", ".h")
    for path in tree.files(root):
        if path.startswith("tests/house/") or not path.endswith(TEXT) or path == "COPYING":
            continue
        text = tree.read(root, path)
        if path.endswith((".c", ".h")):
            yield from unsafe(root, path, text)
        yield from plain(root, path, text)
    yield from ghosts(root, sources)


if __name__ == "__main__":
    tree.main(check)
