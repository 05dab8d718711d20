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
