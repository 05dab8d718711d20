# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages in a folder, and what they need."""
import glob
import os
import re
import subprocess

PACKAGES = ["funnel-netns", "funnel", "funnel-gtk", "funnel-ingress"]


def debs(folder):
    return [path for name in PACKAGES for path in glob.glob(os.path.join(folder, name + "_*.deb"))]


def needed(folder):
    """Names of the packages they depend on, without themselves, and of what the tests use in the tree."""
    found = {"passwd", "systemd"}
    for path in debs(folder):
        depends = subprocess.run(["dpkg-deb", "-f", path, "Depends"], capture_output=True, text=True, check=True).stdout
        found.update(re.sub(r"[\s(:].*", "", alternatives.split("|")[0].strip()) for alternatives in depends.split(","))
    return sorted(found - set(PACKAGES) - {""})


def higher(folder, work):
    """The packages in @folder once more, with a higher version, in @work."""
    target = os.path.join(work, "higher")
    os.makedirs(target)
    for path in debs(folder):
        name = os.path.basename(path).split("_")[0]
        tree = os.path.join(work, "higher-" + name)
        subprocess.run(["dpkg-deb", "-R", path, tree], check=True)
        control = tree + "/DEBIAN/control"
        with open(control, encoding="utf-8") as f:
            text = f.read()
        version = re.search(r"^Version: (.*)$", text, re.M).group(1)
        with open(control, "w", encoding="utf-8") as f:
            f.write(text.replace(version, version + "+1"))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, f"{target}/{name}_2.deb"], check=True, stdout=subprocess.DEVNULL)
    return target
