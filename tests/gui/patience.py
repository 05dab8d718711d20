# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what becomes true: as long as a busy machine may need, and not for ever."""
import subprocess
import time

SECONDS = 120  # a guard against hanging, not an expectation


class Failure(Exception):
    pass


# What a condition may raise while what it looks at is not there yet, or not any more.
not_yet = [Failure, LookupError, StopIteration, subprocess.TimeoutExpired, OSError]


def wait(condition, what, seconds=SECONDS, meanwhile=None):
    """Until the condition gives something."""
    end = time.monotonic() + seconds
    said = ""
    while True:
        if meanwhile:
            meanwhile()
        try:
            found = condition()
        except tuple(not_yet) as error:
            found, said = None, f": {error}"
        if found:
            return found
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s for {what}{said}")
        time.sleep(0.05)
