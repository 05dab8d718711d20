# SPDX-License-Identifier: GPL-3.0-or-later
"""What the house checks share: the files of a tree, and C text without comments and strings."""
import os
import re
import subprocess
import sys

SAMPLES = "tests/house/samples"


def files(root, *endings):
    """Paths below root, relative to it: what git tracks or would track; without git, all files."""
    root = os.path.abspath(root)
    found = []
    if os.path.exists(os.path.join(root, ".git")):
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                             capture_output=True, check=True).stdout.decode()
        found = [p for p in out.split("\0") if p and not p.startswith(SAMPLES + "/")]
    else:
        for folder, folders, names in os.walk(root):
            if "build.ninja" in names:
                folders[:] = []
                continue
            folders[:] = [f for f in folders if not f.startswith((".", "__pycache__"))
                          and os.path.relpath(os.path.join(folder, f), root) != SAMPLES]
            found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(p for p in set(found) if os.path.isfile(os.path.join(root, p))
                  and (not endings or p.endswith(endings)))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def blank(text, keep=""):
    """Text with comments and string contents blanked, lines kept. keep='strings' blanks comments only,
    keep='comments' everything else."""
    def spaces(s):
        return re.sub(r"[^\n]", " ", s)

    if keep == "comments":
        out, last = [], 0
        for m in TOKEN.finditer(text):
            out.append(spaces(text[last:m.start()]))
            out.append(m.group() if m.group().startswith("/") else spaces(m.group()))
            last = m.end()
        return "".join(out) + spaces(text[last:])

    def replace(m):
        s = m.group()
        if keep == "strings" and s[0] in "\"'":
            return s
        return s[0] + spaces(s[1:-1]) + s[-1] if s[0] in "\"'" else spaces(s)
    return TOKEN.sub(replace, text)


def functions(root, paths):
    """(path, name, first line, last line) of every C function, as universal-ctags sees them."""
    if not paths:
        return []
    out = subprocess.run(["ctags", "-L", "-", "--language-force=C", "--kinds-C=f", "--fields=+ne", "--sort=no", "-f", "-"],
                         input="\n".join(paths), cwd=root, capture_output=True, text=True, check=True).stdout
    found = []
    for row in out.splitlines():
        cells = row.split("\t")
        fields = dict(c.split(":", 1) for c in cells[3:] if ":" in c)
        if "line" in fields and "end" in fields:
            found.append((cells[1], cells[0], int(fields["line"]), int(fields["end"])))
    return found


def main(check):
    """Run check(root), which yields problems as text; exit status 1 if there is one."""
    problems = list(check(sys.argv[1] if len(sys.argv) > 1 else "."))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
