# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set of processes costs: CPU time and resident memory, read from /proc."""

import contextlib
import os
import time

SETTLE_SECONDS = 3.0
CPU_CLOCK = 2  # of a process: what the scheduler counted, of all its threads


@contextlib.contextmanager
def on_processors(cpus):
    """What is started inside runs on these processors and stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def split_processors():
    """(for the program under test, for everything around it): apart where there are two, so that neither the
    scheduler's choices nor a neighbour's cache misses are part of the cost."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[-1]}, set(cpus[:-1])) if len(cpus) > 1 else (set(cpus), set(cpus))


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parent_of(pid):
    stat = _read(f"/proc/{pid}/stat")
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


def family(root):
    """The process and all its descendants: nginx and sniproxy fork."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    parents = {pid: parent_of(pid) for pid in pids}
    members = [root]
    for member in members:
        members += [pid for pid in pids if parents[pid] == member]
    return members


def cpu_seconds(pids):
    """User and system time of all threads, also of those that have ended: each process's CPU clock (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime((~pid << 3) | CPU_CLOCK) for pid in pids)


def resident_bytes(pids):
    """Exact where smaps_rollup may be read; VmRSS lags by some pages per CPU."""
    total = 0
    for pid in pids:
        lines = _read(f"/proc/{pid}/smaps_rollup") or _read(f"/proc/{pid}/status")
        found = [line.split() for line in lines.splitlines() if line.startswith(("Rss:", "VmRSS:"))]
        if not found:
            raise RuntimeError(f"process {pid} is gone")
        total += int(found[0][1]) * 1024
    return total


def settled(read, tolerance):
    """Read until two readings 50 ms apart agree: what the work left behind (closing, refilling) is then counted."""
    end = time.monotonic() + SETTLE_SECONDS
    last = read()
    while time.monotonic() < end:
        time.sleep(0.05)
        value = read()
        if abs(value - last) <= tolerance:
            return value
        last = value
    return last
