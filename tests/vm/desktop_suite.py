# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of the vm suite in the order in which they are to run, and what a test may say."""

TESTS = []


def test(long=False, flooded=True):
    """long: only with --long. flooded: the hostile ingress floods meanwhile, and nothing may have arrived after it."""
    def note(function):
        TESTS.append((function, long, flooded))
        return function
    return note


def tell(text):
    """What a reader of the results may want to know, and no test depends on."""
    print("  " + text, flush=True)
