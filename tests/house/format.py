#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""C files are laid out as .clang-format says, by the clang-format the project pins (14, Debian 12's)."""
import re
import shutil
import subprocess
import sys
import tree

PINNED = "14"


def check(root):
    sources = tree.files(root, ".c", ".h")
    done = subprocess.run(["clang-format", "--style=file", "--dry-run", *sources], cwd=root, capture_output=True, text=True)
    seen = set()
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: warning", done.stderr, re.M):
        if path not in seen:
            seen.add(path)
            yield f"{path}:{line}: not laid out as .clang-format says (clang-format -i {path})"


if __name__ == "__main__":
    version = shutil.which("clang-format") and subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if not version or not re.search(rf"version {PINNED}\.", version):
        print(f"needs clang-format {PINNED}")
        sys.exit(77)
    tree.main(check)
