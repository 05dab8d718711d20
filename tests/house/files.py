#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: 900 lines at most, no two C files of one name, licence line first."""
import os
import tree

LINES = 900
LICENCED = (".c", ".h", ".py", ".sh", ".xml", ".build", ".service", ".socket", "/run", "/check")
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"


def check(root):
    names = {}
    for path in tree.files(root):
        if not path.endswith(LICENCED) and path != "check" and path != "quickstart":
            continue
        text = tree.read(root, path)
        lines = text.count("\n")
        if path.endswith((".c", ".h")) and lines > LINES:
            yield f"{path}:{LINES + 1}: {lines} lines, {LINES} at most"
        if path.endswith(".c") or path.endswith(".h"):
            names.setdefault(os.path.basename(path), []).append(path)
        top = text.split("\n", 3)[:3] if path != ".ci/run" else [LICENCE]
        if not any(LICENCE in line for line in top):
            yield f"{path}:1: no line \"{LICENCE}\" at the top"
    for name, paths in names.items():
        for other in paths[1:]:
            yield f"{other}:1: there is a {name} already: {paths[0]}"


if __name__ == "__main__":
    tree.main(check)
