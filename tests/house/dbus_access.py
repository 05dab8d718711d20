#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every method of our D-Bus interfaces says who may call it."""
import os
import xml.etree.ElementTree as xml
import tree

ANNOTATION = "org.openfunnel.Access"
VALUES = ("read", "control")


def check(root):
    for path in tree.files(root, ".xml"):
        if not path.startswith("data/dbus/"):
            continue
        for interface in xml.parse(os.path.join(root, path)).getroot().iter("interface"):
            for method in interface.iter("method"):
                values = [a.get("value") for a in method.findall("annotation") if a.get("name") == ANNOTATION]
                if len(values) != 1 or values[0] not in VALUES:
                    yield f"{path}:1: {interface.get('name')}.{method.get('name')} has no {ANNOTATION} of {'/'.join(VALUES)}"


if __name__ == "__main__":
    tree.main(check)
