# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that is away, silent, or back: what visitors see, what the status says."""
from suite import test
from test_stage import SITE_PORT, curl
from world import Failure, until


def status(w, version="--http2"):
    return curl(w, "/r/1", version, "-o", "/dev/null", "-w", "%{http_code}")


@test(limit=60)
def refused_target_gives_502_and_recovers(w):
    w.targets.stop("node", SITE_PORT)
    w.targets.loop.call_soon_threadsafe(w.site.hang_up)
    try:
        until(lambda: status(w) == "502", 10, "a visitor gets 502")
        page = curl(w, "/r/1", "--http1.1", "-D", "-")
        if "502 Bad Gateway" not in page or "retry-after" not in page.lower():
            raise Failure(page)
        w.laptop.wait_state("target-down", seconds=20)
    finally:
        w.targets.start("node", SITE_PORT, w.site.serve)
    until(lambda: status(w) == "200", 10, "it answers again")
    w.laptop.wait_state("active", seconds=40)
