# SPDX-License-Identifier: GPL-3.0-or-later
"""curl and h2load through the whole path: both versions, large bodies, ranges, many requests."""
import hashlib
import json
import os
import re
import shutil
import subprocess

from site_target import ETAG, FILE
from suite import Skip, test
from test_stage import LAPTOP, URL, curl, memory, visitor
from world import Failure, netns, until

GIB = 1 << 30


@test()
def curl_speaks_both_versions(w):
    for version, said in (("--http1.1", "1.1"), ("--http2", "2")):
        seen = json.loads(curl(w, "/echo?a=b", version, "-H", "X-Forwarded-For: 192.0.2.1", "-H", "Cookie: a=1; b=2", "-d", "body"))
        fields = {name.lower(): value for name, value in seen["fields"]}
        if (seen["method"], seen["target"], seen["body"]) != ("POST", "/echo?a=b", "body") or fields["cookie"] != "a=1; b=2":
            raise Failure(f"{version}: the target saw {seen}")
        if fields["host"] != LAPTOP or fields["x-forwarded-for"] != "203.0.113.10" or fields["x-forwarded-proto"] != "https":
            raise Failure(f"{version}: the target saw {fields}")
        status = curl(w, "/r/1", version, "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}")
        if status != f"{said} 200 1024":
            raise Failure(f"{version}: {status}")


@test()
def head_and_missing_pages(w):
    for version in ("--http1.1", "--http2"):
        head = curl(w, "/file", version, "--head")
        if f"content-length: {len(FILE)}" not in head.lower():
            raise Failure(head)
        status = curl(w, "/none", version, "-o", "/dev/null", "-w", "%{http_code}")
        if status != "404":
            raise Failure(f"{version}: {status}")


@test()
def download_resumes_by_range(w):
    for version in ("--http1.1", "--http2"):
        path = os.path.join(w.folder, "part" + version)
        with open(path, "wb") as f:
            f.write(FILE[:1_234_567])
        curl(w, "/file", version, "-C", "-", "-o", path)
        with open(path, "rb") as f:
            if f.read() != FILE:
                raise Failure(f"{version}: the resumed file is another one")
        head = curl(w, "/file", version, "-r", "10-19", "-o", "/dev/null", "-D", "-").lower()
        if f"content-range: bytes 10-19/{len(FILE)}" not in head or ETAG not in head or " 206" not in head:
            raise Failure(head)


@test(limit=120)
def a_gib_goes_up_in_constant_memory(w):
    """Sent by curl from a pipe over h2, its hash taken at both ends."""
    before, most = memory(w), 0
    source = subprocess.Popen(["head", "-c", str(GIB), "/dev/zero"], stdout=subprocess.PIPE)
    sender = subprocess.Popen(["nsenter", f"--net={netns('visitor')}", "--", "curl", "-sS", "--max-time", "110", "--http2", "--cacert", w.ca.file,
                               "-T", "-", "-X", "POST", URL + "/count"], stdin=source.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while sender.poll() is None:
        most = max(most, memory(w))
        try:
            sender.wait(0.2)
        except subprocess.TimeoutExpired:
            pass
    said, error = sender.communicate()
    source.wait()
    if not said:
        raise Failure(error)
    digest = hashlib.sha256()
    block = bytes(1 << 20)
    for _ in range(GIB // len(block)):
        digest.update(block)
    if json.loads(said) != {"size": GIB, "sha256": digest.hexdigest()}:
        raise Failure(said)
    if most > before + 16:
        raise Failure(f"funneld grew from {before} to {most} MB")


@test()
def a_slow_reader_costs_little(w):
    """Endless answers that nobody takes stop at the windows, over both versions."""
    before = memory(w)
    readers = [subprocess.Popen(["nsenter", f"--net={netns('visitor')}", "--", "curl", "-sS", version, "--limit-rate", "1k", "--cacert", w.ca.file,
                                 "-o", "/dev/null", URL + "/endless"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for version in ("--http1.1", "--http2") for _ in range(10)]
    try:
        until(lambda: len([r for r in w.site.requests if r[2] == "/endless"]) >= 20, 20, "all have begun")
        curl(w, "/file", "-o", "/dev/null")
        after = memory(w)
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    if after > before + 16:
        raise Failure(f"funneld grew from {before} to {after} MB")
    until(lambda: len(w.site.writers) <= 34, 10, "their connections to the target went with them")


@test(limit=60)
def h2load_gets_all_answers(w):
    if not shutil.which("h2load"):
        raise Skip("needs h2load (nghttp2-client)")
    for options in (("-c", "10", "-m", "20"), ("--h1", "-c", "10", "-m", "1")):
        done = visitor("h2load", "-n", "4000", *options, URL + "/r/1")
        if not re.search(r"requests: 4000 total, .* 4000 succeeded, 0 failed", done.stdout) or "4000 2xx" not in done.stdout:
            raise Failure(f"{options}: {done.stdout[-800:]}{done.stderr[-300:]}")
