# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion in the shells themselves: what is offered at Tab, with a running daemon and without."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

from suite import Skip, test
from test_stage import PORTS
from world import ZONE, Failure, netns, until

NAME = f"laptop.{ZONE}"
# Line up to the cursor, and what must be offered, and what must not.
LINES = [
    ("funnel st", ["status"], ["stats", "join"]),
    ("funnel ", ["join", "doctor", *map(str, PORTS)], ["__complete", "share"]),
    ("funnel 30", ["3000"], ["8080"]),
    ("funnel 3000 o", ["off"], ["on"]),
    ("funnel --bg --na", ["--name="], ["--bg"]),
    ("funnel status --", ["--json", "--help"], ["--name=", "--bg"]),
    ("funnel cert l", [NAME], ["desk"]),
    ("funnel tunnel net", ["networkmanager", "netns"], ["auto"]),
    ("funnel help au", ["audit"], ["help"]),
]
ADMIN_LINES = [
    ("funnel-ingress ", ["invite", "status", "--help"], ["__complete"]),
    ("funnel-ingress gr", ["grant"], ["invite"]),
    ("funnel-ingress grant ", ["laptop"], [NAME]),
    ("funnel-ingress close lap", [NAME], ["laptop"]),
    ("funnel-ingress invite --re", ["--replace"], ["--grant"]),
    ("funnel-ingress grant laptop --na", ["--name="], ["--port="]),
]
VALUES = [
    ("funnel --name=l", NAME),
    ("funnel --https=4", "443"),
    ("funnel --proxy-protocol=", "2"),
    ("funnel --auth-file=/etc/hostn", "/etc/hostname"),
    ("funnel /etc/hostn", "/etc/hostname"),
    ("funnel cert --allow-user=daemo", "daemon"),
]
ADMIN_VALUES = [
    ("funnel-ingress restore /etc/hostn", "/etc/hostname"),
    ("funnel-ingress revoke laptop --name=l", NAME),
]


def needs(shell):
    path = shutil.which(shell)
    if not path:
        raise Skip(f"{shell} is not installed")
    return path


def environment(w):
    return dict(w.laptop.environment(), PATH=os.path.join(w.folder, "bin") + ":/usr/bin:/bin", TERM="dumb")


def admin_environment(w):
    return dict(w.ingress.env, PATH=os.path.join(w.folder, "bin") + ":/usr/bin:/bin", LC_ALL="C.UTF-8", TERM="dumb")


def script(w, name):
    return os.path.join(w.build, "data", name)


def ask(w, *command, env=None, admin=False):
    """Run a shell as the laptop's user, or the ingress's admin; what it printed."""
    program = ["nsenter", f"--net={netns('ingress')}", "--"] if admin else w.laptop.command()[:-1]
    env = env or (admin_environment(w) if admin else environment(w))
    done = subprocess.run([*program, *command], env=env, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, cwd="/")
    if done.returncode:
        raise Failure(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def check(offered_for, part=lambda value: value, admin=False):
    """@part: what of a value is offered, where the shell keeps the rest to itself."""
    for line, wanted, unwanted in ADMIN_LINES if admin else LINES:
        offered = offered_for(line)
        words = [entry.split("\t")[0].strip() for entry in offered]
        for word in wanted:
            if word not in words:
                raise Failure(f"“{line}” does not offer {word}: {offered}")
        for word in unwanted:
            if word in words:
                raise Failure(f"“{line}” offers {word}: {offered}")
    for line, value in ADMIN_VALUES if admin else VALUES:
        offered = [entry.split("\t")[0].strip() for entry in offered_for(line)]
        whole = line.split(" ")[-1].split("=")[0] + "=" + part(value)
        if part(value) not in offered and whole not in offered:
            raise Failure(f"“{line}” does not offer {value}: {offered}")


@test(limit=60)
def a_share_is_there_to_be_completed(w):
    w.laptop.cli("--bg", "--yes", "3000")
    w.laptop.wait_state("active")


@test(limit=60)
def bash(w):
    shell = needs("bash")
    text = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; COMPREPLY=(); "$3"; printf "%s\\n" "${COMPREPLY[@]}"'
    for program, function, admin in (("funnel", "_funnel", False), ("funnel-ingress", "_funnel_ingress", True)):
        check(lambda line: ask(w, shell, "--norc", "-c", text, "bash", script(w, program + ".bash"), line, function, admin=admin), admin=admin)


@test(limit=60)
def fish(w):
    shell = needs("fish")
    for program, admin in (("funnel", False), ("funnel-ingress", True)):
        env = dict(admin_environment(w) if admin else environment(w), XDG_CONFIG_HOME=w.laptop.home + "/config", XDG_DATA_HOME=w.laptop.home + "/data")
        file = script(w, program + ".fish")
        check(lambda line: ask(w, shell, "--no-config", "-c", f"source {file}; complete -C '{line}'", env=env, admin=admin), admin=admin)


class Zsh:
    """An interactive zsh on a terminal of its own; there is no other way to see its completion."""

    def __init__(self, w, shell, admin):
        folder = os.path.join(w.laptop.home, "zsh-admin" if admin else "zsh")
        os.makedirs(folder, exist_ok=True)
        program = "funnel-ingress" if admin else "funnel"
        shutil.copy(script(w, program + ".zsh"), os.path.join(folder, "_" + program))
        self.master, slave = pty.openpty()
        command = [*(["nsenter", f"--net={netns('ingress')}", "--"] if admin else w.laptop.command()[:-1]), shell, "-f", "-i"]
        env = dict(admin_environment(w) if admin else environment(w), ZDOTDIR=folder, COLUMNS="400", LINES="200")
        self.process = subprocess.Popen(command, env=env, stdin=slave, stdout=slave, stderr=slave, cwd="/", start_new_session=True)
        os.close(slave)
        self.text = ""
        self.send("PS1=; PS2=; unsetopt zle_bracketed_paste prompt_cr prompt_sp beep; stty -echo cols 400 rows 200; "
                  f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=10000; "
                  "zstyle ':completion:*' list-colors ''; setopt no_always_last_prompt list_ambiguous; echo rea''dy\n")
        self.until("ready")

    def send(self, text):
        os.write(self.master, text.encode())

    def until(self, pattern):
        end = time.monotonic() + 15
        while not re.search(pattern, self.text):
            if time.monotonic() > end or not select.select([self.master], [], [], 15)[0]:
                raise Failure(f"zsh never said {pattern}: {self.text!r}")
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def check_zsh(w, admin):
    session = Zsh(w, needs("zsh"), admin)
    try:
        # A widget that lets the completion system collect its matches, and prints them.
        session.send("compadd() { builtin compadd -O hits_now \"$@\"; hits+=(\"${IPREFIX}\"${^hits_now}); builtin compadd \"$@\" }; "
                     "collect() { hits=(); _main_complete; print; print -l -- \"${hits[@]}\" END; compstate[insert]=; compstate[list]= }; "
                     "zle -C collect complete-word collect; bindkey '^Xl' collect; echo s''et\n")
        session.until("set")

        def offered_for(line):
            session.text = ""
            session.send("\x15" + line + "\x18l")
            return re.split(r"\r?\n", session.until(r"\nEND\r?\n"))
        check(offered_for, os.path.basename, admin)
    finally:
        session.close()


@test(limit=90)
def zsh(w):
    check_zsh(w, False)
    check_zsh(w, True)


def flags_in(text):
    return set(re.findall(r"(?:^|[ ,])(--[a-z][a-z0-9-]+)", text, re.M))


@test(limit=60)
def every_command_and_every_flag_of_the_help_is_offered(w):
    """By what the shells ask, for both programs, one word after the other."""
    for program, words_of in (("funnel", lambda command: ["help", *command]), ("funnel-ingress", lambda command: [*command, "--help"])):
        path, admin = w.program(program), program == "funnel-ingress"

        def offered(*words):
            return {line.split("\t")[0].rstrip("=") for line in ask(w, path, "__complete", "--", *words, admin=admin)}

        commands = {command for command in re.findall(rf"^  (?:{program} )?([a-z][a-z-]+)\b", "\n".join(ask(w, path, "--help", admin=admin)), re.M)}
        commands -= {program, "off"}
        if len(commands) < 10 or commands - offered(""):
            raise Failure(f"{program} does not offer {commands - offered('')} of {commands}")
        for command in sorted(commands):
            missing = flags_in("\n".join(ask(w, path, *words_of([command]), admin=admin))) - offered(command, "--")
            if missing:
                raise Failure(f"“{program} {command} --” does not offer {missing}")


@test(limit=30)
def without_a_daemon_nothing_is_said_and_nothing_started(w):
    env = {**environment(w), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    program = w.laptop.command("__complete", "--", "cert", "l")
    done = subprocess.run(program, env=env, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode or done.stdout or done.stderr:
        raise Failure(f"{done.returncode} {done.stdout!r} {done.stderr!r}")


@test(limit=30)
def the_share_ends(w):
    w.laptop.cli("reset", "--yes")
    until(lambda: not w.laptop.shares(), 5, "no share")
