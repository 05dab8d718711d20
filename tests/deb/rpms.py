# SPDX-License-Identifier: GPL-3.0-or-later
"""The RPM packages, built by this machine's rpmbuild from the sources as they are, and compared with the Debian ones."""
import os
import re
import subprocess
import tarfile

from debs import PACKAGES, debs

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 900
# Where the same file has another place: folders, what a format adds, and manual pages, which one of them packs.
PLACES = [(r"^/lib/", "/usr/lib/"), (r"/zsh/vendor-completions/", "/zsh/site-functions/"), (r"^(/usr/share/man/.*)\.gz$", r"\1"),
          (r"^/usr/share/doc/[^/]*/(.*\.md)(\.gz)?$", r"doc/\1"), (r"^/usr/(share/(doc|licenses|lintian)|lib/\.build-id)/.*", "")]


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False, **more)
    if done.returncode:
        raise OSError(f"{' '.join(command)[:200]}: ended with {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def place(path):
    for pattern, instead in PLACES:
        path = re.sub(pattern, instead, path)
    return path


def deb_files(path):
    """{place: may be executed} of what is no folder."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as unpack:
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
            return {place(member.name.lstrip(".")): bool(member.mode & 0o111) for member in archive if not member.isdir()}


def rpm_files(path):
    lines = [line.split(" ", 1) for line in run("rpm", "-qp", "--nosignature", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]", path).splitlines()]
    return {place(name): "x" in mode for mode, name in lines if not mode.startswith("d")}


def build(root, sources, spec, folder, environment):
    """The packages, in @folder/RPMS."""
    with open(spec, encoding="utf-8") as f:
        version = re.search(r"^Version:\s*(\S+)$", f.read(), re.M).group(1)
    os.makedirs(folder)
    with tarfile.open(f"{folder}/funnel-{version}.tar.xz", "w:xz", preset=0) as archive:
        for path in sources:
            archive.add(os.path.join(root, path), f"funnel-{version}/{path}", recursive=False)
    run("rpmbuild", "-bb", "--nodeps", "--load", os.path.join(HERE, "rpm-macros"), "--define", f"_topdir {folder}", "--define", f"_sourcedir {folder}", spec,
        env=environment, timeout=SECONDS)


def compare(folder, built):
    """What is in one kind of a package only. @folder: of the Debian packages; @built: of the others."""
    lines = []
    files = {os.path.basename(path).split("_")[0]: deb_files(path) for path in debs(folder)}
    for name in PACKAGES:
        (path,) = [os.path.join(where, rpm) for where, _, names in os.walk(f"{built}/RPMS") for rpm in names if re.match(rf"{name}-\d", rpm)]
        ours, theirs = files[name], rpm_files(path)
        lines += [f"{name}: {file} is in the {kind} package only" for kind, one, other in (("deb", ours, theirs), ("rpm", theirs, ours))
                  for file in sorted(set(one) - set(other) - {""})]
        lines += [f"{name}: {file} may be executed in one of the packages only" for file in ours if file in theirs and file and ours[file] != theirs[file]]
    return lines


def check(root, sources, spec, folder, environment):
    """Problems; none: they could be built and have the same files."""
    try:
        build(root, sources, spec, f"{folder}/rpm", environment)
        return compare(folder, f"{folder}/rpm")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return str(error).splitlines()
