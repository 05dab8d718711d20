#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer check: who may include whom is the table "Rooms" of docs/architecture.md, and nothing else.

Also: includes are written from the root, and a room whose vocabulary is "plain C" knows no GLib."""
import re
import tree

ROW = re.compile(r"^\|\s*`([^`]+)`([^|]*)\|([^|]*)\|([^|]*)\|\s*$", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def rooms(text):
    """room -> (list of words it may include, vocabulary)"""
    section = text.split("## Rooms", 1)[-1].split("\n## ", 1)[0]
    table = {}
    for name, _, cell, vocabulary in ROW.findall(section):
        words = [re.sub(r"\(.*?\)", "", w).strip(" `") for w in cell.split(",")]
        table[name] = ([w for w in words if w and w != "–"], vocabulary)
    for _, vocabulary in list(table.values()):
        for inner, only in re.findall(r"`([\w/-]+)`[^.;]*includes only `([\w/-]+)`", vocabulary):
            table.setdefault(inner, ([only], "plain C"))
    return table


def allowed(table, room):
    """What a room may include: (rooms, single files)."""
    may, single = {room}, set()
    for word in table[room][0]:
        if word.startswith("all of "):
            top = word[len("all of "):]
            for other in table:
                if other.startswith(top + "/"):
                    more, files = allowed(table, other)
                    may |= more
                    single |= files
        elif word.endswith(".h"):
            single.add(word)
        else:
            hits = [r for r in table if r == word or r.endswith("/" + word)]
            if not hits:
                raise SystemExit(f"docs/architecture.md: room {room} may include {word!r}, which is no room")
            may |= set(hits)
    return may, single


def room_of(table, path):
    fits = [r for r in table if path.startswith(r + "/")]
    return max(fits, key=len) if fits else None


def check(root):
    table = rooms(tree.read(root, "docs/architecture.md"))
    if not table:
        yield "docs/architecture.md:1: no table of rooms"
        return
    for path in tree.files(root, ".c", ".h"):
        room = room_of(table, path)
        text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), tree.read(root, path), flags=re.S)
        for found in INCLUDE.finditer(text):
            line = text.count("\n", 0, found.start(2)) + 1
            kind, target = found.groups()
            if kind == "<":
                if room and "plain C" in table[room][1] and re.match(r"(glib|gio|gobject|libsoup|json-glib)", target):
                    yield f"{path}:{line}: {room} is plain C, but includes <{target}>"
                continue
            if "/" not in target or target.startswith("."):
                yield f'{path}:{line}: "{target}" is not written from the root'
                continue
            other = room_of(table, target)
            if path.startswith("tests/"):
                continue
            if room is None:
                if other is not None:
                    yield f"{path}:{line}: {path} stands in no room of docs/architecture.md"
                continue
            may, single = allowed(table, room)
            if other not in may and not any(target.endswith("/" + s) for s in single):
                yield f"{path}:{line}: {room} may not include {other or target} ({target})"


if __name__ == "__main__":
    tree.main(check)
