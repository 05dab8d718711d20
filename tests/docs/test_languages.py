# SPDX-License-Identifier: GPL-3.0-or-later
"""What funnel status and funnel doctor say when something is wrong, in German and French, by real daemons."""
import json
import os
import re
import shutil
import subprocess

from parties import Node
from suite import test
from world import ZONE, Failure, until

LANGUAGES = {"de": ("Fehler: ", "ungültiger Port"), "fr": ("Erreur\u00a0: ", "non valable")}
# Words of English sentences that are none in the other languages, nor in commands.
ENGLISH = {"the", "is", "this", "with", "does", "has", "been", "are", "which", "there", "not", "and", "of", "to", "its", "your", "nothing", "because", "answer", "an", "such", "failed", "file", "no"}
NOBODY_LISTENS = "3999"


def speak(node, language, *words, answer=""):
    env = dict(node.environment(), LANGUAGE=language, FUNNEL_LOCALE_DIR=os.path.join(node.world.folder, "po"))
    done = subprocess.run(node.command(*words), env=env, capture_output=True, text=True, timeout=40, input=answer, cwd="/", check=False)
    return done.stdout + done.stderr


def check(node, *words):
    """Neither language says an English sentence, and both say something."""
    for language in LANGUAGES:
        text = speak(node, language, *words)
        if len(text.splitlines()) < 2:
            raise Failure(f"{language}: funnel {words} said {text!r}")
        wrong = [line for line in text.splitlines() if ENGLISH & set(re.findall(r"(?<![\w.-])[a-z]+(?![\w.-])", line))]
        if wrong:
            raise Failure(f"{language}: funnel {' '.join(words)}:\n    " + "\n    ".join(wrong))


def check_both(node):
    check(node, "status")
    check(node, "doctor")


def state_of(node):
    """What programs read of it: English, whatever the language."""
    status = json.loads(speak(node, "de", "status", "--json"))
    return {(item["state"], item["reason"], item["next_step"]) for item in [*status["ingresses"], *status["shares"]]}


@test(limit=60)
def a_node_that_has_not_joined(w):
    shutil.copytree(os.path.join(w.build, "po"), os.path.join(w.folder, "po"))  # where every user can read
    w.newcomer = Node(w, "newcomer", "desk", env={"FUNNEL_NETNS_PROGRAM": "/nonexistent"})
    w.newcomer.start()
    check_both(w.newcomer)


@test(limit=60)
def a_tunnel_that_is_down(w):
    token = w.ingress.invite("newcomer", "--grant")
    joining = subprocess.Popen(w.newcomer.command("join", token), env=w.newcomer.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd="/")
    try:
        until(lambda: (found := w.newcomer.ingress()) and found["state"] == "tunnel-down" and found["reason"] != "it is being set up", 20,
              "it has joined, and there is no tunnel")
    finally:
        joining.kill()  # it would wait for the tunnel
        joining.wait()
    check_both(w.newcomer)
    w.newcomer.cli("--bg", "--yes", "--wait=1", "8080", fails=True)
    check_both(w.newcomer)
    if not any(reason.startswith("The tunnel to the ingress is down: ") for _, reason, _ in state_of(w.newcomer)):
        raise Failure(f"JSON is no longer English: {state_of(w.newcomer)}")
    w.newcomer.daemon.stop()


@test(limit=60)
def a_target_that_is_down(w):
    w.laptop.cli("--bg", "--yes", "--wait=1", NOBODY_LISTENS, fails=True)
    w.laptop.wait_state("target-down")
    check_both(w.laptop)


@test(limit=60)
def names_without_grant_and_without_dns(w):
    """No name server of this stage knows any name; doctor says so of each."""
    w.laptop.cli("--bg", "--yes", "--wait=1", "--https=8443", f"--name=elsewhere.{ZONE}", "8080", fails=True)
    w.laptop.wait_state("waiting-grant", port=8443)
    w.laptop.cli("--bg", "--yes", "--wait=1", "--https=8443", "--name=shop.example.com", "8080", fails=True)
    until(lambda: w.laptop.share(8443, "shop.example.com")["state"] == "name-refused", 10, "a name outside the zone is refused")
    check_both(w.laptop)


@test(limit=60)
def what_the_daemon_refuses(w):
    for language, (begin, words) in LANGUAGES.items():
        text = speak(w.laptop, language, "99999")
        if not text.startswith(begin) or words not in text:
            raise Failure(f"{language}: {text}")
        text = speak(w.laptop, language, "http://10.9.0.2:80")
        if not text.startswith(begin) or "--lan" not in text or "machine; to" in text:
            raise Failure(f"{language}: {text}")
        answer = json.loads(speak(w.laptop, language, "--json", "99999").splitlines()[0])
        if answer["error"]["message"] != 'invalid port "99999"; ports are 1 to 65535':
            raise Failure(f"{language}: {answer}")


@test(limit=60)
def the_languages_yes_is_an_answer(w):
    for language, yes, no in (("de", "Ja", "o"), ("fr", "o", "j"), ("en", "y", "j")):
        w.laptop.cli("--bg", "--yes", "--wait=1", "8080", fails=None)
        for answer in (no, yes):
            speak(w.laptop, language, "reset", answer=answer + "\n")
            if bool(w.laptop.shares()) != (answer == no):
                raise Failure(f"{language}: after “{answer}” there is {w.laptop.shares()}")
