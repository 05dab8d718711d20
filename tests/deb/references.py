# SPDX-License-Identifier: GPL-3.0-or-later
"""What installed files say of other files: units, the bus's services and desktop files name programs and their options,
users, units, names on the bus and manual pages. All of it is looked up in the tree the packages were installed into."""
import glob
import os
import re

UNITS = {"system": "lib/systemd/system/funnel*", "user": "usr/lib/systemd/user/funnel*"}
SERVICES = {"system": "usr/share/dbus-1/system-services/org.openfunnel.*", "user": "usr/share/dbus-1/services/org.openfunnel.*"}
DESKTOP = "usr/share/applications/org.openfunnel.*"
PATH = ("usr/bin", "usr/sbin")
# What breaks a file of a kind, for the check of these checks: pattern, and what is put in its place.
BREAKS = {
    "a program that is not there": (r"^(Exec\w*=)[-@:+!]*\S+", r"\g<1>/usr/bin/no-such"),
    "an option the program does not have": (r"^(Exec\w*=\S*/funnel\S*)(.*)$", r"\g<1>\g<2> --no-such"),
    "a user who is not there": (r"^User=.*$", "User=nobody-such"),
    "a manual page that is not there": (r"^Documentation=.*$", "Documentation=man:no-such(8)"),
    "a name no service has": (r"^BusName=.*$", "BusName=org.openfunnel.NoSuch"),
    "a unit that is not there": (r"^SystemdService=.*$", "SystemdService=no-such.service"),
}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def values(text, key):
    return re.findall(rf"^{key}=(.*)$", text, re.M)


class References:
    def __init__(self, root, there):
        """there: runs a command in the tree and gives what it printed."""
        self.root, self.there, self.helps = root, there, {}

    def files(self, pattern):
        return sorted(glob.glob(os.path.join(self.root, pattern)))

    def all_files(self):
        """(path, "system" or "user", what it says) of everything there is to check."""
        for kinds in (UNITS, SERVICES):
            for scope, pattern in kinds.items():
                for path in self.files(pattern):
                    yield path, scope, read(path)
        for path in self.files(DESKTOP):
            yield path, "user", read(path)

    def program(self, name):
        """Where it is, as the tree sees it; None: nowhere."""
        places = [name.lstrip("/")] if name.startswith("/") else [f"{folder}/{name}" for folder in PATH]
        return next(("/" + place for place in places if os.access(os.path.join(self.root, place), os.X_OK)), None)

    def options(self, program):
        """What its help says, once. Options that GApplication adds have a help of their own."""
        if program not in self.helps:
            text = self.there(program, "--help")
            self.helps[program] = text + (self.there(program, "--help-all") if "--help-all" in text else "")
        return self.helps[program]

    def command(self, line):
        words = line.lstrip("-@:+!").split()
        program = self.program(words[0])
        if not program:
            yield f"{words[0]} is not installed"
        elif "/funnel" in program:
            for word in words[1:]:
                if word.startswith("--") and not re.search(rf"{re.escape(word.split('=')[0])}\b", self.options(program)):
                    yield f"{program} has no option {word}"

    def manual(self, name):
        page = re.fullmatch(r"man:(\S+)\((\d)\)", name)
        if page and not self.files(f"usr/share/man/man{page.group(2)}/{page.group(1)}.{page.group(2)}*"):
            yield f"there is no manual page {name}"

    def unit(self, name, scope):
        known = [word for path in self.files(UNITS[scope]) for word in [os.path.basename(path), *" ".join(values(read(path), "Alias")).split()]]
        if name not in known:
            yield f"there is no unit {name} of the {scope}'s manager"

    def name(self, name, scope):
        if name not in [found for path in self.files(SERVICES[scope]) for found in values(read(path), "Name")]:
            yield f"nothing on the {scope} bus is called {name}"

    def user(self, name, key):
        if not re.search(rf"^{re.escape(name)}:", read(f"{self.root}/etc/{'passwd' if key == 'User' else 'group'}"), re.M):
            yield f"{key} {name} is not there"

    def problems_of(self, text, scope):
        for line in re.findall(r"^Exec\w*=(.+)$", text, re.M):
            yield from self.command(line)
        for name in " ".join(values(text, "Documentation")).split():
            yield from self.manual(name)
        for name in values(text, "SystemdService"):
            yield from self.unit(name, scope)
        for name in values(text, "BusName"):
            yield from self.name(name, scope)
        for key in ("User", "Group"):
            for name in values(text, key):
                yield from self.user(name, key)

    def problems(self):
        """Of every file, as it is installed; and whether each would be noticed if it were broken."""
        seen = set()
        for path, scope, text in self.all_files():
            yield from (f"{path}: {problem}" for problem in self.problems_of(text, scope))
            for what, (pattern, instead) in BREAKS.items():
                broken = re.sub(pattern, instead, text, count=1, flags=re.M)
                if broken != text:
                    seen.add(what)
                    if not list(self.problems_of(broken, scope)):
                        yield f"{path}: {what} would not be noticed"
        yield from (f"nothing was broken by: {what}" for what in set(BREAKS) - seen)
