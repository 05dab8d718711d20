# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of packages that are installed on this machine, with what they depend on: a small tree without a download."""
import glob
import os
import re
import subprocess

STATUS = "/var/lib/dpkg/status"
INFO = "/var/lib/dpkg/info"
USABLE = ("install ok installed", "install ok triggers-awaited", "install ok triggers-pending")  # all of it is there
LEFT_OUT = re.compile(r"/usr/share/(doc|man|info|lintian|locale|bug|gtk-doc)/")
MERGED = re.compile(r"^/(bin|sbin|lib|lib32|lib64|libx32)(?=/|$)")


def paragraphs():
    """Every installed package: its fields, and its paragraph of dpkg's status file as it stands there."""
    machine = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    with open(STATUS, encoding="utf-8") as f:
        for text in f.read().split("\n\n"):
            fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", text, re.M))
            if fields.get("Status") in USABLE and fields.get("Architecture") in (machine, "all"):
                yield fields["Package"], fields, text


class Packages:
    def __init__(self):
        self.fields, self.text, self.provided = {}, {}, {}
        for name, fields, text in paragraphs():
            self.fields[name], self.text[name] = fields, text
            for provided in fields.get("Provides", "").split(","):
                self.provided.setdefault(re.sub(r"[\s(:].*", "", provided.strip()), []).append(name)

    def essential(self):
        return [name for name, fields in self.fields.items() if fields.get("Essential") == "yes"]

    def pick(self, alternatives):
        """The installed package that satisfies "a (>= 1) | b", or None."""
        names = [re.sub(r"[\s(:].*", "", word.strip()) for word in alternatives.split("|")]
        for name in names:
            if name in self.fields:
                return name
        return next((self.provided[name][0] for name in names if name in self.provided), None)

    def closure(self, wanted, without=()):
        """@wanted and everything they depend on; names the machine does not have are a KeyError."""
        seen, todo = set(), list(wanted)
        while todo:
            name = todo.pop()
            if name in seen or name in without:
                continue
            if name not in self.fields:
                raise KeyError(f"{name} is not installed here")
            seen.add(name)
            for field in ("Depends", "Pre-Depends"):
                for alternatives in filter(None, self.fields[name].get(field, "").split(",")):
                    found = self.pick(alternatives)
                    if found:
                        todo.append(found)
        return sorted(seen)

    def info(self, name):
        """dpkg's own files about a package."""
        both = "same" == self.fields[name].get("Multi-Arch")
        stem = f"{name}:{self.fields[name]['Architecture']}" if both else name
        return glob.glob(os.path.join(INFO, glob.escape(stem) + ".*"))

    def files(self, names):
        """What the packages consist of, as it lies on this disk (where /lib is /usr/lib)."""
        found = set()
        for name in names:
            for path in self.info(name):
                if not path.endswith(".list"):
                    continue
                with open(path, encoding="utf-8") as f:
                    found.update(MERGED.sub(r"/usr/\1", line) for line in f.read().splitlines())
        return sorted(path for path in found if path not in ("/.", "") and not LEFT_OUT.match(path) and os.path.lexists(path))


def copy(paths, target):
    """Copy files, links and folders (these without what is in them) to the same places below @target."""
    os.makedirs(target, exist_ok=True)
    listed = "\0".join(path.lstrip("/") for path in paths).encode()
    with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "-T", "-", "-cf", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pack:
        with subprocess.Popen(["tar", "-C", target, "-xpf", "-"], stdin=pack.stdout) as unpack:
            pack.stdout.close()
            pack.stdin.write(listed)
            pack.stdin.close()
            if unpack.wait() or pack.wait():
                raise OSError("tar could not copy the files of the packages")


def debian_tree(target, wanted):
    """A minimal Debian system of essential packages and @wanted at @target, which dpkg knows as installed."""
    packages = Packages()
    names = packages.closure(packages.essential() + [packages.pick(name) or name for name in wanted])
    for path in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(os.path.join(target, "usr", path), exist_ok=True)
        os.symlink("usr/" + path, os.path.join(target, path))
    alternatives = [p for p in glob.glob("/etc/alternatives/*") if os.path.exists(p)]
    links = [MERGED.sub(r"/usr/\1", line) for line in ("/usr/bin/awk", "/bin/sh", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt")]
    copy(sorted(set(packages.files(names) + alternatives + [p for p in links if os.path.lexists(p)])), target)
    database = os.path.join(target, "var/lib/dpkg")
    for path in ("info", "updates", "triggers", "alternatives"):
        os.makedirs(os.path.join(database, path), exist_ok=True)
    with open(os.path.join(database, "status"), "w", encoding="utf-8") as f:
        f.write("".join(packages.text[name].strip() + "\n\n" for name in names))
    copy([path for name in names for path in packages.info(name)], target)
    for path, mode in (("proc", 0o755), ("sys", 0o755), ("dev", 0o755), ("run", 0o755), ("tmp", 0o1777), ("root", 0o700), ("var/tmp", 0o1777), ("var/log", 0o755)):
        os.makedirs(os.path.join(target, path), exist_ok=True)
        os.chmod(os.path.join(target, path), mode)
    for name in ("passwd", "group"):  # with the system users that packages have made here, but no users of ours
        with open(f"/etc/{name}", encoding="utf-8") as f, open(os.path.join(target, "etc", name), "w", encoding="utf-8") as to:
            to.writelines(line for line in f if not line.startswith("funnel") and int(line.split(":")[2]) not in range(1000, 65534))
    for name in ("shadow", "gshadow"):
        with open(os.path.join(target, "etc", name), "w", encoding="utf-8"):
            os.chmod(os.path.join(target, "etc", name), 0o640)
    subprocess.run(["ldconfig", "-r", target], check=True)
    return names
