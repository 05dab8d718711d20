# SPDX-License-Identifier: GPL-3.0-or-later
"""main.py SUITE HERE MODULE,… BUILD FOLDER [TEST…]: sets the stage and runs the tests of HERE in their order."""
import importlib
import os
import signal
import sys
import time
import traceback

import suite
from world import World, run


class Late(Exception):
    """A test went over its time."""


def on_alarm(_signal, _frame):
    raise Late("over its time")


def logs_since(world, marks):
    for label, process in world.logs().items():
        text = process.text(marks.get(label, 0)).strip().splitlines()[-25:]
        if text:
            print(f"    -- {label}")
            print("".join(f"    {line[:300]}\n" for line in text), end="")


def attempt(world, name, function, limit):
    """Run one test; True if it held."""
    marks = {label: process.size() for label, process in world.logs().items()}
    started = time.monotonic()
    signal.alarm(limit)
    try:
        function(world)
        signal.alarm(0)
        print(f"ok {suite.name}/{name}", flush=True)
        return True
    except suite.Skip as reason:
        signal.alarm(0)
        print(f"skip {suite.name}/{name}: {reason}", flush=True)
        return True
    except Exception as error:  # whatever it was, it is this test's result
        signal.alarm(0)
        print(f"not ok {suite.name}/{name}")
        print(f"    after {time.monotonic() - started:.1f} s: {type(error).__name__}: {error}")
        frames = [f for f in traceback.extract_tb(error.__traceback__) if os.path.basename(f.filename) not in ("main.py",)]
        print("".join(f"    {os.path.basename(f.filename)}:{f.lineno} {f.line}\n" for f in frames[-4:]), end="")
        logs_since(world, marks)
        sys.stdout.flush()
        return False


def main():
    suite.name, here, modules, build, folder, *wanted = sys.argv[1:]
    sys.dont_write_bytecode = True
    sys.path.insert(0, here)
    signal.signal(signal.SIGALRM, on_alarm)
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    os.umask(0o022)
    world = World(build, folder)
    good = True
    try:
        for module in modules.split(","):
            importlib.import_module(f"test_{module}")
        for name, function, limit, needed in suite.tests:
            if wanted and not needed and not any(w in name for w in wanted):
                continue
            held = attempt(world, name, function, limit)
            good &= held
            if needed and not held:
                print(f"skip {suite.name}: THE REST DID NOT RUN: {name} is needed by all of it")
                break
        if os.environ.get("FUNNEL_E2E_LOGS"):
            logs_since(world, {})
    finally:
        world.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
