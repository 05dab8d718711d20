# SPDX-License-Identifier: GPL-3.0-or-later
"""desktop.py FOLDER FLOOD [--long] [--log] [TEST…]: the tests of the vm suite, in the guest, in their order. A hostile ingress
floods from the first test to the last; what reaches a place it must not reach is counted after each. The last tests do
the same without our measures, and must see packets arrive."""
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from desktop_suite import TESTS  # noqa: E402
from desktop_world import Failure, Skip, World, sh  # noqa: E402
import desktop_events  # noqa: E402,F401  pylint: disable=unused-import
import desktop_sessions  # noqa: E402,F401  pylint: disable=unused-import
import desktop_trouble  # noqa: E402,F401  pylint: disable=unused-import
import desktop_controls  # noqa: E402,F401  pylint: disable=unused-import


def print_log(choice):
    print(sh("journalctl -b -o short-monotonic --no-pager | grep -E 'funnel' | grep -vE 'audit:|dbus-daemon|prepare|ip-check|secondaries|need-auth' "
             f"| {choice} | sed 's/^/    /'", check=False), flush=True)


def attempt(w, function, flooded):
    name = "vm/" + function.__name__.replace("_", "-")
    started = time.monotonic()
    try:
        function(w)
        found = w.count() if flooded else {}
        if found:
            raise Failure(f"packets of the hostile ingress arrived: {found}")
        print(f"ok {name} # {time.monotonic() - started:.0f} s", flush=True)
        return True
    except Skip as reason:
        print(f"skip {name}: {reason}", flush=True)
        return True
    except Exception as error:  # whatever it was, it is this test's result
        print(f"not ok {name}\n    after {time.monotonic() - started:.0f} s: {type(error).__name__}: {error}")
        print("".join(f"    {os.path.basename(f.filename)}:{f.lineno} {f.line}\n" for f in traceback.extract_tb(error.__traceback__)[-3:]), end="")
        print_log("tail -n 25")
        print(sh("ip -br link; ip rule; ip route show table all | grep -v 'table local'; nmcli -f NAME,UUID,DEVICE,STATE c", check=False), flush=True)
        return False


def main():
    options = [a for a in sys.argv[3:] if a.startswith("--")]
    wanted = [a for a in sys.argv[3:] if not a.startswith("--")]
    started = time.monotonic()
    w = World(sys.argv[1], sys.argv[2])
    w.build()
    print(f"  the stage took {time.monotonic() - started:.0f} s", flush=True)
    good = True
    for function, long, flooded in TESTS:
        needed = function in [t[0] for t in TESTS[:4]]
        if (wanted and function.__name__.replace("_", "-") not in wanted and not needed) or (long and "--long" not in options):
            continue
        sh(f"logger 'funnel test: {function.__name__}'")
        good = attempt(w, function, flooded) and good
        if "--log" in options:
            print_log(f"sed -n '/funnel test: {function.__name__}/,$p'")
        if needed and not good:
            break
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
