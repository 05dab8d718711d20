#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""reference.py INTERFACES.xml: the manual page org.openfunnel.Funnel(5), from the interfaces and the comments before what they
describe. A comment begins with the name and a colon; lines that begin with @ speak of an argument."""
import re
import sys
import xml.etree.ElementTree

TITLES = {"property": "Properties", "method": "Methods", "signal": "Signals"}


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def parse(path):
    """The tree, with the comment before each element as its attribute doc."""
    builder = xml.etree.ElementTree.TreeBuilder(insert_comments=True)
    root = xml.etree.ElementTree.parse(path, xml.etree.ElementTree.XMLParser(target=builder)).getroot()
    for parent in root.iter():
        comment = None
        for child in list(parent):
            if child.tag is xml.etree.ElementTree.Comment:
                comment = child.text
            elif comment:
                child.set("doc", comment)
                comment = None
    return root


def paragraphs(doc):
    """(argument or None, text) of a comment; its first word is the name of what follows."""
    lines = [line.strip() for line in doc.strip().splitlines()]
    lines[0] = lines[0].split(":", 1)[-1].strip()
    found, argument, words = [], None, []
    for line in [*lines, ""]:
        begins = re.match(r"@(\w+):\s*(.*)", line)
        if (begins or not line) and words:
            found.append((argument, " ".join(words)))
            words = []
        if begins:
            argument, line = begins.groups()
        elif not line:
            argument = None
        words += line.split()
    return found


def sentences(text):
    """Each on a line of its own, as manual pages want it."""
    return [escape(line) for line in re.sub(r"(?<=[.?!]) +(?=\S)", "\n", text).splitlines()]


def describe(element):
    doc = element.get("doc")
    for argument, text in paragraphs(doc) if doc else ():
        # A comment of one line has arguments inside: "revokes all. @count: how many".
        for part in re.split(r"\s(?=@\w+: )", text):
            inner = re.match(r"@(\w+): (.*)", part)
            name, words = inner.groups() if inner else (argument, part)
            if name == "short_description":
                continue
            yield ".Pp"
            if name:
                yield f".Ar {escape(name)} :"
            yield from sentences(words)


def signature(element):
    """Arguments as lines: direction, type, name."""
    for argument in element.findall("arg"):
        direction = "" if element.tag == "signal" else argument.get("direction", "in") + " "
        yield f".D1 {direction}{escape(argument.get('type'))} {escape(argument.get('name', ''))}"


def member(element):
    name = element.get("name")
    access = next((a.get("value") for a in element.findall("annotation") if a.get("name") == "org.openfunnel.Access"), None)
    if element.tag == "property":
        yield f".It Sy {name} Pq {escape(element.get('type'))}, {element.get('access')}"
    else:
        yield f".It Sy {name}" + (f" Pq {access}" if access else "")
        yield from signature(element)
    described = list(describe(element))
    yield from described if element.find("arg") is not None else described[1:]


def page(root):
    yield from ('.\\" SPDX-License-Identifier: GPL-3.0-or-later', '.\\" Made from the interfaces by data/dbus/reference.py.', ".Dd November 23, 2026",
                ".Dt ORG.OPENFUNNEL.FUNNEL 5", ".Os", ".Sh NAME", ".Nm org.openfunnel.Funnel", ".Nd D\\-Bus interfaces of a Funnel node", ".Sh DESCRIPTION",
                ".Xr funneld 8", "has the name", ".Ql org.openfunnel.Funnel.Daemon", "on the session bus, or with", ".Cm \\-\\-system", "on the system bus.",
                "The word after a method says who may call it:", ".Ql read ,", "whoever the bus lets through, or", ".Ql control ,",
                "the user that runs the daemon, and root.", "Errors are called", ".Ql org.openfunnel.Funnel.Error.Name .")
    for interface in root.findall("interface"):
        yield f".Sh {interface.get('name')}"
        yield from list(describe(interface))[1:]
        for tag, title in TITLES.items():
            members = interface.findall(tag)
            if members:
                yield from (f".Ss {title}", ".Bl -tag -width Ds")
                for element in members:
                    yield from member(element)
                yield ".El"
    yield from (".Sh SEE ALSO", ".Xr funnel 1 ,", ".Xr funneld 8")


if __name__ == "__main__":
    print("\n".join(page(parse(sys.argv[1]))))
