# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line against a peer whose states the test sets: what is shown before, while and after a share is
active; signals; a daemon that dies; exit codes. The real daemon is tried in test_cli_daemon.py."""

import json
import os
import pty
import re
import signal
import subprocess
import time
import unittest

from cli_case import PATIENCE, CliCase, Reader

PEER = os.environ["PEER_DAEMON"]


class PeerCase(CliCase):
    def setUp(self):
        super().setUp()
        self.start_peer()

    def start_peer(self):
        self.peer = subprocess.Popen([PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env)
        self.addCleanup(self.kill_peer, self.peer)
        self.said = Reader(self.peer.stdout.fileno())
        self.said.until("ready\n")

    def kill_peer(self, peer):
        if peer.poll() is None:
            peer.kill()
        peer.wait()
        if not peer.stdin.closed:
            peer.stdin.close()
            peer.stdout.close()

    def tell(self, *words):
        start = len(self.said.text)
        self.peer.stdin.write(("\t".join(words) + "\n").encode())
        self.peer.stdin.flush()
        self.said.until("done\n", start)


class Foreground(PeerCase):
    def test_says_what_is_missing_then_available(self):
        process, out = self.start("3000")
        at = out.until("Press Ctrl\\+C to exit\\.\n")
        self.assertEqual(out.text[:at],
                         "Not on the internet yet:\nhttps://laptop.example.org:443\n|-- proxy 3000\n\n"
                         "probing: the ingress is trying it from outside\n\nPress Ctrl+C to exit.\n")
        self.tell("state", "waiting-grant", "not granted", "funnel-ingress grant laptop")
        at = out.until("waiting-grant: not granted \\| next: funnel-ingress grant laptop\n", at)
        self.assertNotIn("vailable on", out.text)
        self.tell("state", "active")
        at = out.until("Available on the internet: https://laptop.example.org:443\n", at)
        self.tell("state", "link-down", "no link")
        out.until("link-down: no link\n", at)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertTrue(out.rest().endswith("Stopped sharing.\n"))
        self.said.until("stop\n")

    def test_active_at_once_is_one_block(self):
        process, out = self.start("3000")
        out.until("exit\\.\n")
        self.tell("state", "active")
        out.until("Available on the internet: ")
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.said.until("stop\n")

    def test_terminal_is_redrawn_in_place(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        out = Reader(leader)
        process, _ = self.start("3000", stdout=follower, TERM="xterm")
        os.close(follower)
        out.until("Press Ctrl")
        self.tell("state", "active")
        at = out.until("\x1b\\[7A\r\x1b\\[J")
        out.until("Available on the internet:\r\nhttps://laptop.example.org:443\r\n"
                  "\\|-- proxy 3000\r\n\r\nPress Ctrl\\+C to exit.\r\n", at)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_json_lines(self):
        process, out = self.start("--json", "3000")
        out.until('"probing".*\n')
        self.tell("state", "active")
        out.until('"active".*\n')
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        lines = [json.loads(line) for line in out.text.splitlines()]
        self.assertEqual([line["share"]["state"] for line in lines], ["probing", "active"])
        self.assertEqual([line["version"] for line in lines], [1, 1])
        self.assertEqual(lines[0]["share"]["refusals"], {"busy": 3})
        self.assertIs(lines[0]["share"]["foreground"], True)

    def test_ended_elsewhere(self):
        process, out = self.start("3000")
        out.until("exit\\.\n")
        self.tell("state", "gone")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("ended by another command", out.rest())

    def test_daemon_dies_and_comes_back(self):
        process, out = self.start("--https=8443", "--name=a.example.org", "3000")
        at = out.until("exit\\.\n")
        self.tell("state", "active")
        at = out.until("Available", at)
        self.peer.kill()
        at = out.until("went away; waiting for it", at)
        self.start_peer()
        self.said.until("share 3000 {.*'foreground': <true>.*}\n")
        self.assertIn("'port': <uint16 8443>", self.said.text)
        self.assertIn("'name': <'a.example.org'>", self.said.text)
        at = out.until("probing", at)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.said.until("stop\n")

    def test_interrupted_while_the_daemon_is_away(self):
        process, out = self.start("3000")
        out.until("exit\\.\n")
        self.peer.kill()
        out.until("waiting for it")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_bus_dies(self):
        process, out = self.start("3000")
        out.until("exit\\.\n")
        self.bus.process.kill()
        self.assertEqual(process.wait(PATIENCE), 1)
        self.assertIn("Error: the message bus is gone", out.rest())


class Background(PeerCase):
    def test_pending_is_exit_3(self):
        done = self.run_cli("--bg", "--wait=0", "--tcp=22", "tcp://localhost:22", code=3)
        self.assertIn("Not on the internet yet:", done.stdout)
        self.assertIn("probing: the ingress is trying it from outside", done.stdout)
        self.assertNotIn("Available", done.stdout)
        self.assertTrue(done.stdout.endswith("To disable it: funnel --tcp=22 off\n"), done.stdout)
        self.assertNotIn("Ctrl+C", done.stdout)
        self.said.until("share tcp://localhost:22")
        self.assertNotIn("foreground", self.said.text)
        self.assertNotIn("stop", self.said.text)

    def test_active_is_exit_0(self):
        process, out = self.start("--bg", "--wait=600", "3000")
        out.until("probing")
        self.tell("state", "active")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("Available on the internet: https://laptop.example.org:443\n", out.rest())
        self.assertIn("Funnel started and running in the background.\nTo disable it: funnel --https=443 off\n", out.text)

    def test_interrupting_ends_only_the_waiting(self):
        process, out = self.start("--bg", "--wait=600", "3000")
        out.until("probing")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 3)
        self.tell("state", "active")
        self.assertNotIn("stop", self.said.text)

    def test_disable_command_names_the_share_when_needed(self):
        self.run_cli("--bg", "--wait=0", "--name=a.example.org", "3000", code=3)
        done = self.run_cli("--bg", "--wait=0", "--name=b.example.org", "3001", code=3)
        self.assertIn("To disable it: funnel --https=443 --name=b.example.org off\n", done.stdout)

    def test_json(self):
        done = self.run_cli("--bg", "--json", "--wait=0", "3000", code=3)
        result = json.loads(done.stdout)
        self.assertEqual(result["share"]["state"], "probing")
        self.assertEqual(result["disable"], "funnel --https=443 off")

    def test_options_reach_the_daemon(self):
        self.run_cli("--bg", "--wait=0", "--tls-terminated-tcp=993", "--name=m.example.org", "--cert-file=/c", "--key-file=/k",
                     "tcp://localhost:143", code=3)
        line = re.search("share (.*)\n", self.said.text + self.drain()).group(1)
        for part in ("tcp://localhost:143", "'kind': <'tls-terminated-tcp'>", "'port': <uint16 993>",
                     "'name': <'m.example.org'>", "'certificate-file': <'/c'>", "'key-file': <'/k'>"):
            self.assertIn(part, line)

    def drain(self):
        self.said.until("share .*\n")
        return self.said.text

    def test_remote_error_is_bare(self):
        done = self.run_cli("--bg", "refuse://it", code=2)
        self.assertEqual(done.stderr, "Error: must be a URL starting with one of the supported schemes\n"
                                      "try `funnel --help` for usage info\n")
        done = self.run_cli("--bg", "--json", "refuse://it", code=2)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "invalid-argument")


class Exposure(PeerCase):
    """The first time something becomes public, whoever sits at a terminal is asked."""

    def at_terminal(self, answer, *args):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        process = subprocess.Popen([os.environ["FUNNEL"], *args], stdin=follower, stdout=subprocess.DEVNULL, stderr=follower, env=self.env)
        self.addCleanup(process.kill)
        os.close(follower)
        out = Reader(leader)
        if answer is not None:
            out.until("Go ahead\\? \\[y/N\\] ")
            os.write(leader, answer.encode() + b"\n")
        status = process.wait(PATIENCE)
        return status, out.rest()

    def test_asks_once_at_a_terminal(self):
        self.tell("join")
        status, said = self.at_terminal("n", "--bg", "--wait=0", "3000")
        self.assertEqual(status, 1)
        self.assertIn("what: 3000", said)
        self.assertIn("everybody on the internet", said)
        self.assertNotIn("share 3000", self.said.text)
        status, said = self.at_terminal("y", "--bg", "--wait=0", "--allow=192.0.2.1", "3000")
        self.assertEqual(status, 3)
        self.assertIn("the addresses you allow", said)
        self.said.until("share 3000")

    def test_yes_and_scripts_are_not_asked(self):
        self.tell("join")
        status, said = self.at_terminal(None, "--yes", "--bg", "--wait=0", "3000")
        self.assertEqual(status, 3)
        self.assertNotIn("Go ahead", said)
        done = self.run_cli("--bg", "--wait=0", "3000", code=3)
        self.assertNotIn("Go ahead", done.stderr)

    def test_password_is_asked_for_without_echo(self):
        self.tell("join")
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        process = subprocess.Popen([os.environ["FUNNEL"], "--yes", "--bg", "--wait=0", "--auth=me", "3000"], stdin=follower,
                                   stdout=subprocess.DEVNULL, stderr=follower, env=self.env)
        self.addCleanup(process.kill)
        os.close(follower)
        out = Reader(leader)
        out.until("Password for visitors to give as me: ")
        os.write(leader, b"open sesame\n")
        self.assertEqual(process.wait(PATIENCE), 3)
        self.assertNotIn("sesame", out.rest())
        self.said.until("'auth-password': <'open sesame'>")


class Ending(PeerCase):
    def share_two(self):
        for name in ("a.example.org", "b.example.org"):
            self.run_cli("--bg", "--wait=0", f"--name={name}", "3000", code=3)

    def test_off_with_several_asks(self):
        self.share_two()
        done = self.run_cli("off", code=1, stdin="n\n")
        self.assertIn("https://a.example.org:443", done.stderr)
        self.assertIn("end these 2 shares? [y/N]", done.stderr)
        self.assertNotIn("unshare", self.said.text)
        done = self.run_cli("off", code=1)
        self.assertIn("--yes", done.stderr)
        done = self.run_cli("off", stdin="y\n")
        self.assertEqual(done.stdout, "Ended 2 shares.\n")
        self.said.until("unshare {'if-match': <'etag-1'>}\n")

    def test_off_with_one_does_not_ask(self):
        self.share_two()
        self.assertEqual(self.run_cli("--name=A.example.org", "off").stdout, "Ended 1 share.\n")
        self.said.until("unshare {'name': <'A.example.org'>}\n")

    def test_off_with_target(self):
        self.share_two()
        self.assertIn("end 2 targets?", self.run_cli("3000", "--https=443", "off", code=1).stderr)
        self.run_cli("3000", "--https=443", "--yes", "off")
        self.said.until("unshare {.*'target': <'3000'>.*}\n")

    def test_off_with_nothing_there(self):
        self.assertEqual(self.run_cli("3000", "off", code=1).stderr, "Error: nothing is shared\n")


class Status(PeerCase):
    def test_tree(self):
        self.tell("join")
        process, out = self.start("3000")
        out.until("exit\\.\n")
        self.tell("state", "waiting-grant", "not granted", "ask the admin")
        text = self.run_cli("status").stdout
        for line in ("ingress vps.example.org:51820, this node is laptop\n",
                     "|-- link      linked\n",
                     "|-- tunnel    netns, engine wireguard-go, mtu 1420, last handshake never\n",
                     "|-- passed    networkmanager: no session\n",
                     "|-- granted   none; the ingress's admin grants with: funnel-ingress grant laptop\n",
                     "|-- refused   malformed 2\n",
                     "https://laptop.example.org:443 (foreground)\n|-- proxy 3000\n",
                     "|-- state     waiting-grant: not granted\n",
                     "|-- next      ask the admin\n",
                     "|-- visitors  0 now, 0 in all, 0 bytes received, 0 bytes sent\n",
                     "|-- refused   busy 3\n"):
            self.assertIn(line, text)
        self.assertNotIn("null", text)
        process.terminate()
        process.wait(PATIENCE)

    def test_empty_says_what_next(self):
        self.assertIn("Not joined to any ingress.\nNext: ", self.run_cli("status").stdout)
        self.tell("join")
        self.assertIn("Nothing is shared.\nNext: `funnel 3000`", self.run_cli("status").stdout)
        self.tell("linked-down")
        text = self.run_cli("status").stdout
        self.assertIn("|-- link      link-down: no answer\n", text)
        self.assertNotIn("granted", text)

    def test_json_schema(self):
        empty = json.loads(self.run_cli("status", "--json").stdout)
        self.assertEqual(empty, {"version": 1, "daemon": {"version": "9.9", "etag": "etag-1"}, "ingresses": [], "shares": []})
        self.tell("join")
        self.run_cli("--bg", "--wait=0", "3000", code=3)
        full = json.loads(self.run_cli("status", "--json").stdout)
        self.assertEqual(full["ingresses"], [{
            "endpoint": "vps.example.org:51820", "node": "laptop", "zone": "example.org", "names": ["laptop.example.org"],
            "public_ports": [443], "grants": [], "state": "linked", "reason": "",
            "tunnel": {"kind": "netns", "choice": "auto", "passed_over": ["networkmanager: no session"], "engine": "wireguard-go",
                       "handshake": 0, "mtu": 1420, "round_trip_us": 0},
            "next_step": "", "refusals": {"malformed": 2}}])
        self.assertEqual(full["shares"], [{
            "name": "laptop.example.org", "port": 443, "kind": "https", "target": "3000",
            "url": "https://laptop.example.org:443", "foreground": False, "enabled": False, "state": "probing",
            "reason": "the ingress is trying it from outside", "next_step": "", "certificate_step": "", "certificate": {}, "visitors": {"now": 0, "total": 0},
            "bytes": {"in": 0, "out": 0}, "refusals": {"busy": 3}, "mounts": [], "access": {}, "expires": 0, "command": "",
            "proxy_protocol": 0, "alpn": [], "warnings": [], "requests": {}}])


class Join(PeerCase):
    def test_forms_of_the_token(self):
        for args, stdin in ((["join", "funnel1-abc"], ""), (["join", "funnel join funnel1-abc"], ""),
                            (["join", "funnel", "join", "funnel1-abc"], ""), (["join", "-"], "funnel1-abc\n"),
                            (["join", "-"], "  funnel join funnel1-abc")):
            with self.subTest(args=args):
                self.kill_peer(self.peer)
                self.start_peer()
                done = self.run_cli(*args, stdin=stdin)
                self.said.until("join (funnel join )?funnel1-abc\n")
                self.assertIn("Joined vps.example.org:51820 as laptop (laptop.example.org).\n", done.stdout)
                self.assertIn("Nothing is granted to this node yet.", done.stdout)

    def test_empty_token(self):
        self.assertIn("the join token is empty", self.run_cli("join", "-", code=2).stderr)

    def test_token_is_not_in_the_process_list(self):
        os.kill(self.peer.pid, signal.SIGSTOP)  # so that the command has to wait
        process, _ = self.start("join", "funnel join funnel1-topsecret")
        deadline = time.monotonic() + PATIENCE
        while True:
            with open(f"/proc/{process.pid}/cmdline", "rb") as file:
                line = file.read()
            if b"funnel1-xxxxxxxxx" in line or time.monotonic() > deadline:
                break
        self.assertIn(b"funnel1-xxxxxxxxx", line)
        self.assertNotIn(b"topsecret", line)
        os.kill(self.peer.pid, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
