#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""No function longer than 80 lines (class_init apart), none nested deeper than 4."""
import re
import tree

LENGTH = 80
NESTING = 4
BLOCK = re.compile(r"(?:\)|\belse|\bdo|[;{}:])\s*$")


def deepest(lines):
    """Deepest nesting of blocks in a function, its own body being 0, and the line it is on."""
    stack, worst, where = [], 0, 0
    before = ""
    for number, line in enumerate(lines):
        for char in line:
            if char == "{":
                stack.append(bool(BLOCK.search(before[-40:])))
                depth = sum(stack) - 1
                if stack[-1] and depth > worst:
                    worst, where = depth, number
            elif char == "}" and stack:
                stack.pop()
            before = before[-60:] + char
        before += "\n"
    return worst, where


def check(root):
    sources = tree.files(root, ".c")
    cache = {}
    for path, name, first, last in tree.functions(root, sources):
        if last - first + 1 > LENGTH and not name.endswith("_class_init"):
            yield f"{path}:{first}: {name} has {last - first + 1} lines, {LENGTH} at most"
        if path not in cache:
            cache[path] = tree.blank(tree.read(root, path)).split("\n")
        depth, where = deepest(cache[path][first - 1:last])
        if depth > NESTING:
            yield f"{path}:{first + where}: {name} is nested {depth} deep, {NESTING} at most"


if __name__ == "__main__":
    tree.main(check)
