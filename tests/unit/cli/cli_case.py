# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the command line share: a bus of their own, and programs on it."""

import os
import re
import select
import subprocess
import tempfile
import time
import unittest

FUNNEL = os.environ["FUNNEL"]
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  {}
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
PATIENCE = 30  # seconds; a guard against hanging for ever, not an expectation


class Reader:
    """What a file descriptor has said so far, with a wait for more."""

    def __init__(self, fd):
        self.fd = fd
        self.text = ""

    def until(self, pattern, start=0):
        """Wait for pattern after position start; returns the position behind it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.text[start:])
            if found:
                return start + found.end()
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            data = b""
            if ready:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:  # the other end of a terminal is gone
                    pass
            if not data:
                raise AssertionError(f"never saw {pattern!r} in:\n{self.text[start:]}")
            self.text += data.decode()

    def rest(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return self.text
            if not data:
                return self.text
            self.text += data.decode()


class Bus:
    """A private session bus; with services, a folder of .service files, it can start programs."""

    def __init__(self, services=None):
        self.config = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.config.write(CONFIG.format(f"<servicedir>{services}</servicedir>" if services else ""))
        self.config.flush()

    def __enter__(self):
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.config.name}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
        self.config.close()


class CliCase(unittest.TestCase):
    """One bus; subclasses put something on it."""

    services = None

    def setUp(self):
        self.bus = self.enter(Bus(self.services))
        self.env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.address, "LC_ALL": "C.UTF-8", "TERM": "dumb",
                    "G_DEBUG": "fatal-warnings"}

    def enter(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def start(self, *args, stdout=subprocess.PIPE, **more):
        process = subprocess.Popen([FUNNEL, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT,
                                   env={**self.env, **more})
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout and process.stdout.close()))
        return process, Reader(process.stdout.fileno()) if process.stdout else None

    def run_cli(self, *args, code=0, stdin="", env=None):
        done = subprocess.run([FUNNEL, *args], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                              env=env or self.env, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done
