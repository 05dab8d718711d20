# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of tests. Those in a file run in their order; a needed one must hold for the rest to make sense."""

name = ""  # of the suite: the first part of a result line
tests = []


class Skip(Exception):
    """This test cannot run here; the text says why."""


def test(limit=30, needed=False):
    def add(function):
        tests.append((function.__name__.replace("_", "-"), function, limit, needed))
        return function
    return add
