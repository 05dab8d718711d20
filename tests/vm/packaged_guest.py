# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's half of packaged.py: tests on the vm suite's laptop, each of which stands on the one before."""
import os
import sys
import time
import traceback

from desktop_world import World, sh


FAILED = 10  # as packaged.py knows it


def attempt(label, w, function):
    name = f"{label}/{function.__name__.removeprefix('test_').replace('_', '-')}"
    started = time.monotonic()
    try:
        function(w)
    except Exception as error:  # whatever it was, it is this test's result
        print(f"not ok {name}\n    after {time.monotonic() - started:.0f} s: {type(error).__name__}: {error}")
        print("".join(f"    {os.path.basename(f.filename)}:{f.lineno} {f.line}\n" for f in traceback.extract_tb(error.__traceback__)[-3:]), end="")
        print(sh("journalctl -b -o short-monotonic --no-pager | grep -iE 'funnel|flatpak|bwrap' | grep -vE 'audit:' | tail -n 40 | sed 's/^/    /'; "
                 "ip -br link; nmcli -f NAME,UUID,DEVICE,STATE c", check=False), flush=True)
        return False
    print(f"ok {name} # {time.monotonic() - started:.0f} s", flush=True)
    return True


def play(label, before, tests):
    """before (folder): what comes before the stage is built. Exits with whether all went well."""
    folder, flood = sys.argv[1:3]
    before(folder)
    w = World(folder, flood)
    w.build()
    sys.exit(0 if all(attempt(label, w, function) for function in tests) else FAILED)
