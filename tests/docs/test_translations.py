# SPDX-License-Identifier: GPL-3.0-or-later
"""Translations: every word that can be translated is offered to translators, and every language has them all."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from suite import Skip, test
from world import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ("cli", "daemon", "data", "gui", "ingress-server", "lib")
ENDINGS = (".c", ".ui", ".desktop.in", ".metainfo.xml.in")
# As meson's preset "glib" has them.
WORDS = ["--from-code=UTF-8", "--add-comments", "--keyword=_", "--keyword=N_", "--keyword=C_:1c,2", "--keyword=NC_:1c,2",
         "--keyword=g_dcgettext:2", "--keyword=g_dngettext:2,3", "--keyword=g_dpgettext2:2c,3", "--add-location=file"]


def listed(name):
    with open(os.path.join(ROOT, "po", name), encoding="utf-8") as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def tool(*command):
    if not shutil.which(command[0]):
        raise Skip(f"{command[0]} is not installed")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})


def template(files):
    done = tool("xgettext", *WORDS, "--output=-", *files)
    if done.returncode != 0:
        raise Failure(f"xgettext: {done.stderr}")
    return done.stdout


@test(limit=60)
def files_with_words_are_listed(_world):
    files = sorted(os.path.relpath(path, ROOT) for room in ROOMS for path in glob.glob(os.path.join(ROOT, room, "**", "*"), recursive=True)
                   if path.endswith(ENDINGS))
    with_words = {name for line in re.findall(r"^#: (.*)$", template(files), re.M) for name in line.split()}
    if len(with_words) < 20:
        raise Failure(f"words were found in these only: {sorted(with_words)}")
    wrong = [f"{name} has words to translate and is not in po/POTFILES" for name in sorted(with_words - set(listed("POTFILES")))]
    wrong += [f"po/POTFILES names {name}, which does not exist" for name in listed("POTFILES") if name not in files]
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=30)
def help_fits_into_80_columns(world):
    """Of every command, in every language."""
    wrong = []
    for language in ["en", *listed("LINGUAS")]:
        for command in ("", "off", "status", "doctor", "reset", "export", "import", "join", "leave", "cert", "audit", "ca", "tunnel", "help"):
            done = subprocess.run([world.program("funnel"), "help", *command.split()], capture_output=True, text=True, timeout=20, check=False,
                                  env={"LC_ALL": "C.UTF-8", "LANGUAGE": language, "FUNNEL_LOCALE_DIR": os.path.join(world.build, "po")})
            lines = done.stdout.splitlines()
            if done.returncode != 0 or len(lines) < 5:
                wrong.append(f"{language}: funnel help {command}: {done.stderr}")
            wrong += [f"{language}: funnel help {command}: {line}" for line in lines if len(line) > 80]
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=20)
def a_changed_translation_changes_what_is_installed(world):
    """The build knows that the desktop file and the metainfo are made from the translations."""
    if not os.path.exists(os.path.join(world.build, "build.ninja")) or not os.path.exists(os.path.join(world.build, "gui")):
        raise Skip("the window is not built")
    for name in ("org.openfunnel.Funnel.desktop", "org.openfunnel.Funnel.metainfo.xml"):
        inputs = tool("ninja", "-C", world.build, "-t", "query", "data/" + name).stdout
        missing = [language for language in listed("LINGUAS") if f"po/{language}.po" not in inputs]
        with open(os.path.join(world.build, "data", name), encoding="utf-8") as f:
            text = f.read()
        missing += [language for language in listed("LINGUAS") if f"[{language}]" not in text and f'xml:lang="{language}"' not in text]
        if missing:
            raise Failure(f"{name}: {missing} is missing; it is made from {inputs}")


def entries(path):
    """(msgid, msgstr) of a catalogue; of a plural, its form for many."""
    done = tool("msgcat", "--no-wrap", path)
    for block in done.stdout.split("\n\n"):
        texts = {}
        for key, text in re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\n?)+)', block, re.M):
            texts[key] = "".join(re.findall(r'^"(.*)"$', text, re.M)).replace("\\n", "\n")
        if texts.get("msgid"):
            yield texts.get("msgid_plural", texts["msgid"]), texts.get("msgstr", texts.get("msgstr[1]", ""))


def flags(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))


def check_language(language, words):
    path = os.path.join("po", language + ".po")
    checked = tool("msgfmt", "--check", "--check-accelerators=_", "--output-file=/dev/null", path)
    if checked.returncode != 0:
        yield checked.stderr.strip()
    compared = tool("msgcmp", path, words)
    if compared.returncode != 0:
        yield compared.stderr.strip()
    for original, translated in entries(path):
        if flags(original) != flags(translated):
            yield f"{path}: other flags than in “{original}”"


@test(limit=60)
def languages_are_complete(_world):
    """Nothing is missing, unsure or ill-formed, and flags to type are the same ones."""
    languages = listed("LINGUAS")
    there = {os.path.basename(path)[:-3] for path in glob.glob(os.path.join(ROOT, "po", "*.po"))}
    wrong = [f"po/LINGUAS and po/*.po differ in {language}" for language in sorted(there ^ set(languages))]
    with tempfile.NamedTemporaryFile("w", suffix=".pot", encoding="utf-8") as words:
        words.write(template(listed("POTFILES")))
        words.flush()
        for language in sorted(there & set(languages)):
            wrong += check_language(language, words.name)
    if wrong:
        raise Failure("\n    ".join(wrong))
