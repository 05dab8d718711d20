# SPDX-License-Identifier: GPL-3.0-or-later
"""caller.py BUS TARGET UID: share in the foreground, as UID if it is not 0, and hold on; prints the object's path."""
import os
import sys

import daemon
import message_bus


def main():
    path, target, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if uid:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    connection = message_bus.Connection(path)
    try:
        print(connection.call(daemon.BUS_NAME, daemon.ROOT + "/manager", "org.openfunnel.Funnel.Manager", "Share", "sa{sv}",
                              target, daemon.variants({"foreground": True}))[0], flush=True)
    except message_bus.Error as error:
        print(error, flush=True)
    version = connection.call(daemon.BUS_NAME, daemon.ROOT + "/manager", "org.freedesktop.DBus.Properties", "Get", "ss",
                              "org.openfunnel.Funnel.Manager", "Version")[0]
    print(version, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
