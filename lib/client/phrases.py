#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""phrases.py FILE…: a C table of all that stands in N_() in these files, but for texts of several lines, such as help."""
import re
import sys

LITERALS = r'(?:"(?:[^"\\\n]|\\.)*"\s*)+'

if __name__ == "__main__":
    found = {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            for literals in re.findall(rf"\bN_ \(\s*({LITERALS})\)", f.read()):
                found["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))] = None
    print('#include "lib/client/phrase.h"\n\nconst char *const funnel_phrases[] = {')
    for phrase in found:
        if "\\n" not in phrase:
            print(f'    "{phrase}",')
    print("    NULL,\n};")
