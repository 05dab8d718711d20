# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line with the real daemon, and with none: texts and exit codes."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

from cli_case import FUNNEL, PATIENCE, CliCase

FUNNELD = os.environ["FUNNELD"]
HOW_TO_START = "Start it with: systemctl --user start funneld\nor, without systemd: funneld &\n"
TRY_HELP = "try `funnel --help` for usage info\n"


class StateCase(CliCase):
    """A state directory, and the daemon where a test wants it."""

    def setUp(self):
        self.state = self.enter(tempfile.TemporaryDirectory())
        super().setUp()
        self.env["FUNNEL_STATE_DIR"] = self.state

    def run_daemon(self):
        """Starts it and waits until it is on the bus."""
        watch = subprocess.Popen(["gdbus", "wait", "--session", f"--timeout={PATIENCE}", "org.openfunnel.Funnel.Daemon"],
                                 env=self.env)
        daemon = subprocess.Popen([FUNNELD], env=self.env, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        self.assertEqual(watch.wait(), 0, "funneld did not appear on the bus")
        return daemon


class NotJoined(StateCase):
    def setUp(self):
        super().setUp()
        self.run_daemon()

    def test_status_says_what_next(self):
        done = self.run_cli("status")
        self.assertTrue(done.stdout.startswith("Not joined to any ingress.\nNext: "), done.stdout)
        self.assertIn("funnel join TOKEN", done.stdout)
        status = json.loads(self.run_cli("status", "--json").stdout)
        self.assertEqual((status["version"], status["ingresses"], status["shares"]), (1, [], []))
        self.assertTrue(status["daemon"]["version"])
        self.assertNotIn("null", self.run_cli("status", "--json").stdout)

    def test_sharing_says_to_join(self):
        for args in (["3000"], ["--bg", "3000"]):
            done = self.run_cli(*args, code=1)
            self.assertIn("Error: ", done.stderr)
            self.assertIn("funnel join TOKEN", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_bad_targets(self):
        for target, words in (("99999", 'invalid port "99999"'), ("0", 'invalid port "0"'),
                              ("ftp://localhost", "must be a URL starting with one of the supported schemes: ["),
                              ("localhost", "port required for localhost target"),
                              ("[::1:3000", "invalid hostname or IP address"), ("", "empty target"), (" ", "empty target")):
            with self.subTest(target=target):
                done = self.run_cli(target, code=2)
                self.assertIn("Error: " + words, done.stderr)
                self.assertTrue(done.stderr.endswith(TRY_HELP), done.stderr)
                self.assertNotIn("GDBus", done.stderr)

    def test_reset_and_off_with_nothing(self):
        self.assertEqual(self.run_cli("reset").stdout, "Nothing is shared; there is nothing to reset.\n")
        self.assertEqual(json.loads(self.run_cli("reset", "--json").stdout), {"version": 1, "count": 0})
        self.assertEqual(self.run_cli("off", code=1).stderr, "Error: nothing is shared\n")
        self.assertEqual(self.run_cli("3000", "off", code=1).stderr, "Error: nothing is shared\n")
        self.assertEqual(self.run_cli("leave", "--yes", code=1).stderr, "Error: not joined to any ingress\n")

    def test_join_with_a_bad_token(self):
        done = self.run_cli("join", "nonsense", code=1)
        self.assertIn("not a usable join token", done.stderr)
        self.assertNotIn("GDBus", done.stderr)
        done = self.run_cli("--json", "join", "-", stdin="funnel join funnel1-cut\n", code=1)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "token-invalid")
        self.assertNotIn("funnel1-cut", done.stderr + done.stdout)


class NoDaemon(StateCase):
    def test_says_how_to_start_it(self):
        done = self.run_cli("status", code=1)
        self.assertEqual(done.stderr, "Error: the daemon (funneld) is not running\n" + HOW_TO_START)
        done = self.run_cli("--json", "status", code=1)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "unreachable")

    def test_no_bus(self):
        env = {**self.env, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.state}/none"}
        done = self.run_cli("3000", code=1, env=env)
        self.assertTrue(done.stderr.startswith("Error: there is no session bus: "), done.stderr)
        self.assertIn("dbus-run-session", done.stderr)

    def test_daemon_goes_during_nothing(self):
        daemon = self.run_daemon()
        self.run_cli("status")
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(PATIENCE), 0)
        self.assertIn("is not running", self.run_cli("status", code=1).stderr)


class Activation(StateCase):
    """The bus starts the daemon; no systemd here, so the Exec line of the service file counts."""

    def setUp(self):
        self.services = self.enter(tempfile.TemporaryDirectory())
        self.pid_file = os.path.join(self.services, "pid")
        super().setUp()

    def write_service(self, command):
        with open(os.path.join(self.services, "org.openfunnel.Funnel.Daemon.service"), "w", encoding="utf-8") as file:
            file.write(f"[D-BUS Service]\nName=org.openfunnel.Funnel.Daemon\nExec=/bin/sh -c '{command}'\n")
        subprocess.run(["gdbus", "call", "--session", "--dest=org.freedesktop.DBus", "--object-path=/org/freedesktop/DBus",
                        "--method=org.freedesktop.DBus.ReloadConfig"], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def end_daemon(self):
        with open(self.pid_file, encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def test_started_on_demand(self):
        self.write_service(f"echo $$ > {self.pid_file}; FUNNEL_STATE_DIR={self.state} exec {FUNNELD}")
        self.assertIn("Not joined", self.run_cli("status").stdout)
        self.addCleanup(self.end_daemon)

    def test_failing_to_start_gives_the_reason(self):
        self.write_service("exit 7")
        done = self.run_cli("status", code=1)
        self.assertIn("exited with status 7", done.stderr)
        self.assertTrue(done.stderr.endswith(HOW_TO_START), done.stderr)


class Usage(unittest.TestCase):
    """Needs neither bus nor daemon."""

    def run_cli(self, *args, code):
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "LC_ALL": "C.UTF-8"}
        done = subprocess.run([FUNNEL, *args], capture_output=True, text=True, timeout=PATIENCE, env=env, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_bad_flags(self):
        for args, words in ((["--https=abc", "3000"], 'invalid port "abc" for https flag'),
                            (["--tcp=70000", "3000"], "port number 70000 is too high for tcp flag"),
                            (["--https=1", "--tcp=2", "3000"], "only one of"),
                            (["--frobnicate", "3000"], "--frobnicate"),
                            (["--wait=5", "3000"], "--wait needs --bg"),
                            (["--cert-file=c", "3000"], "--key-file is missing"),
                            (["--bg", "status"], "the bg flag means nothing to"),
                            ([""], "empty target"), (["", "off"], "empty target"),
                            ([], "say what to share, as in: funnel 3000"), (["statsu"], 'there is no command "statsu"'), (["1", "2", "3"], "invalid number of arguments (3)"),
                            (["join"], "invalid number of arguments (0)"),
                            (["join", "a", "b"], "invalid number of arguments (2)"),
                            (["3000", "on"], "invalid argument format")):
            with self.subTest(args=args):
                done = self.run_cli(*args, code=2)
                self.assertIn("Error: ", done.stderr)
                self.assertIn(words, done.stderr)
                self.assertTrue(done.stderr.endswith(TRY_HELP), done.stderr)
                self.assertEqual(done.stdout, "")

    def test_help(self):
        overview = self.run_cli("--help", code=0).stdout
        self.assertEqual(overview, self.run_cli("help", code=0).stdout)
        for word in ("join", "leave", "status", "reset", "off", "help"):
            self.assertIn(f"funnel {word}" if word != "off" else "off", overview)
            text = self.run_cli("help", word, code=0).stdout
            self.assertTrue(text.startswith("Usage: funnel "), text)
            self.assertEqual(text, self.run_cli(word, "--help", code=0).stdout)
        self.run_cli("help", "nonsense", code=2)

    def test_version(self):
        self.assertRegex(self.run_cli("--version", code=0).stdout, r"^funnel \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
