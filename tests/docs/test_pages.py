# SPDX-License-Identifier: GPL-3.0-or-later
"""Manual pages and guides as texts: well-formed, complete, and with links that lead somewhere."""
import glob
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

from suite import Skip, test
from world import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAN = sorted(glob.glob(os.path.join(ROOT, "docs", "man", "*.[1-9]")))
TEXTS = sorted(glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(ROOT, "docs", "*.md")))
PROGRAMS = {"funnel": "cli", "funnel-ingress": "ingress-server/admin"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def said(*command, **env):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **env})
    return done.stdout, done.stderr


@test(limit=60)
def manual_pages_are_well_formed(_world):
    for tool in ("man", "mandoc", "groff"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")
    wrong = []
    for page in MAN:
        text, warnings = said("man", "-l", "--warnings", page, MANWIDTH="80", MANROFFSEQ="")
        wrong += [f"{os.path.basename(page)}: {line}" for line in warnings.splitlines()]
        if len(text.splitlines()) < 10:
            wrong.append(f"{os.path.basename(page)}: man shows next to nothing")
        wrong += [f"{os.path.basename(page)}: wider than 80 columns: {line.strip()}" for line in re.sub(".\x08", "", text).splitlines() if len(line) > 80]
        lint, _ = said("mandoc", "-T", "lint", "-W", "warning", page)
        wrong += lint.splitlines()
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=30)
def the_reference_of_the_bus_is_complete(world):
    """Every interface, method, property and signal has its place in the page that is made from them, with an explanation."""
    source = os.path.join(ROOT, "data", "dbus", "org.openfunnel.Funnel.xml")
    text, errors = said("/usr/bin/python3", os.path.join(ROOT, "data", "dbus", "reference.py"), source)
    page = world.file("org.openfunnel.Funnel.5", text)
    lint, _ = said("mandoc", "-T", "lint", "-W", "warning", page)
    shown, warnings = said("man", "-l", "--warnings", page, MANWIDTH="80", MANROFFSEQ="")
    if errors or lint or warnings:
        raise Failure(errors + lint + warnings)
    wrong = []
    for interface in xml.etree.ElementTree.parse(source).getroot().findall("interface"):
        if interface.get("name") not in shown:
            wrong.append(interface.get("name"))
        for element in interface:
            if element.tag in ("method", "property", "signal") and not re.search(rf"^\.It Sy {element.get('name')}\b.*\n(\.D1 .*\n)*(\.Pp\n|\w)", text, re.M):
                wrong.append(f"{interface.get('name')}.{element.get('name')} is not explained")
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=20)
def manual_pages_name_pages_that_exist(_world):
    ours = {os.path.basename(page).rsplit(".", 1)[0]: os.path.basename(page).rsplit(".", 1)[1] for page in MAN}
    wrong = []
    for page in MAN:
        for name, section in re.findall(r"^\.Xr (\S+) (\d)", read(page), re.M):
            if name.startswith("funnel") and ours.get(name) != section:
                wrong.append(f"{os.path.basename(page)}: {name}({section}) does not exist")
    for unit in glob.glob(os.path.join(ROOT, "data", "systemd", "*.in")):
        for name, section in re.findall(r"man:([\w.-]+)\((\d)\)", read(unit)):
            if ours.get(name) != section:
                wrong.append(f"{os.path.basename(unit)}: {name}({section}) does not exist")
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=30)
def every_command_has_its_place_in_the_manual(world):
    """Each command of the help has a heading, an item or a synopsis of its own in the page."""
    wrong = []
    for program in PROGRAMS:
        help_text, more = said(world.program(program), "--help")
        page = read(os.path.join(ROOT, "docs", "man", program + ".1")).replace("\\-", "-")
        commands = set(re.findall(rf"^\s+(?:{program} )([a-z-]+)\b", help_text + more, re.M))
        commands |= {word for line in re.findall(r"^  ([a-z|, -]+?)(?:  +|$)", help_text + more, re.M) for word in re.findall(r"[a-z-]{3,}", line)
                     if program == "funnel-ingress"}
        if len(commands) < 8:
            wrong.append(f"{program} --help names only {sorted(commands)}")
        wrong += [f"{program}(1) says nothing of {command}" for command in sorted(commands)
                  if not re.search(rf"^\.(Cm|It Cm|Nm Cm|Ss|Op Cm).*\b{command}\b", page, re.M)]
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=30)
def every_environment_variable_has_its_place_in_the_manual(_world):
    """Each one that a source asks for, in one of the pages; and none is there that nobody asks for."""
    variables = set()
    for room in ("cli", "daemon", "gui", "ingress-server", "lib"):
        for path in glob.glob(os.path.join(ROOT, room, "**", "*.[ch]"), recursive=True):
            variables |= set(re.findall(r'getenv \("(\w+)"\)|_ENV_\w+ "(\w+)"', read(path)))
    asked = {name for pair in variables for name in pair if name}
    explained = {name for page in MAN for line in re.findall(r"^\.It Ev (.*)$", read(page), re.M) for name in re.findall(r"\w+", line)}
    of_libraries = {"XDG_RUNTIME_DIR", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"}
    wrong = sorted(asked - explained - of_libraries), sorted(explained - asked - of_libraries)
    if len(asked) < 10 or any(wrong):
        raise Failure(f"asked for and not explained: {wrong[0]}; explained and asked for by nobody: {wrong[1]}")


def anchors(text):
    """How headings are called in links, as forges make them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


@test(limit=20)
def links_lead_somewhere(_world):
    wrong = []
    for path in TEXTS:
        text = re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(there):
                wrong.append(f"{os.path.relpath(path, ROOT)}: {target} does not exist")
            elif anchor and there.endswith(".md") and anchor not in anchors(read(there)):
                wrong.append(f"{os.path.relpath(path, ROOT)}: {target}: no such heading")
    if wrong:
        raise Failure("\n    ".join(wrong))


@test(limit=20)
def every_text_can_be_found(_world):
    """Each guide is linked from the README, directly or through another."""
    reached, todo = set(), [os.path.join(ROOT, "README.md")]
    while todo:
        path = todo.pop()
        if path in reached or not os.path.exists(path):
            continue
        reached.add(path)
        todo += [os.path.normpath(os.path.join(os.path.dirname(path), link)) for link in re.findall(r"\]\(([^)#\s]+\.md)", read(path))]
    lost = [os.path.relpath(path, ROOT) for path in TEXTS if path not in reached]
    if lost:
        raise Failure(f"not linked from README.md: {lost}")
