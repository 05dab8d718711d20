# SPDX-License-Identifier: GPL-3.0-or-later
"""flatpak_guest.py FOLDER FLOOD: the Flatpak on the vm suite's laptop, whose user has no other funnel than the one in the sandbox.
Each test stands on the one before."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "vm"))
# pylint: disable=wrong-import-position
from desktop_world import Failure, sh, until  # noqa: E402
from packaged_guest import play  # noqa: E402

APP = "org.openfunnel.Funnel"
NETWORKMANAGER = "org.freedesktop.NetworkManager"


def daemon():
    """The daemon of the session's bus: its process, which has the mark of a Flatpak's sandbox."""
    pid = sh("pgrep -x -u ann funneld").split()[0]
    with open(f"/proc/{pid}/root/.flatpak-info", encoding="utf-8") as f:
        if f"name={APP}\n" not in f.read():
            raise Failure("funneld is in another sandbox")
    return pid


def gone():
    return not sh("pgrep -x -u ann funneld", check=False)


def end_daemon(w):
    """As a desktop that closes a session asks it to."""
    sh(f"kill {daemon()}")
    until(gone, 60, "the daemon has ended")
    w.nothing_left()


def test_join(w):
    """The bus starts the daemon in its sandbox, and it joins."""
    line = w.start_ingress()
    w.start_target()
    w.log_in()
    w.ann(line, limit=300)
    daemon()


def test_networkmanager(w):
    """The sandbox's only way to a tunnel is NetworkManager, and a visitor comes through it, with WireGuard of the kernel."""
    private = f"{w.home}/.var/app/{APP}/data"  # what the sandbox sees of the home
    w.ann(f"sh -c 'install -m 600 /run/certificate/laptop.* {private}/'")
    w.ann(f"funnel --bg --yes --wait=0 --cert-file={private}/laptop.pem --key-file={private}/laptop.key 3000", check=False)
    w.active("networkmanager")
    if w.visit() != "it works\n":
        raise Failure(f"the visitor got: {w.visit()!r}")
    tunnel = w.ingress()["tunnel"]
    if tunnel["engine"] != "kernel" or tunnel["passed_over"]:
        raise Failure(str(tunnel))
    if not w.profiles() or "funnel0" not in w.devices():
        raise Failure(f"{w.profiles()} {w.devices()}")
    with open(f"/proc/{daemon()}/status", encoding="utf-8") as f:
        if "CapEff:\t0000000000000000\n" not in f.read():
            raise Failure("the daemon has privileges")


def test_ends_without_a_trace(w):
    """Asked to end, it takes its tunnel with it, through the bus's proxy; the next command has the bus start it again."""
    end_daemon(w)
    w.active("networkmanager")


def test_killed(w):
    """Ended by "flatpak kill" it can take nothing with it; the next daemon goes on with what is there."""
    w.ann(f"flatpak kill {APP}")
    until(gone, 60, "the daemon has ended")
    w.active("networkmanager")
    if w.visit() != "it works\n":
        raise Failure(f"the visitor got: {w.visit()!r}")


def test_only_with_the_permission(w):
    """Without the manifest's line for NetworkManager there is no tunnel, and the reason is said."""
    end_daemon(w)
    w.ann(f"flatpak override --user --system-no-talk-name={NETWORKMANAGER} {APP}")
    until(lambda: w.share()["state"] == "tunnel-down", 150, "the share has no tunnel")
    told = w.ann("funnel status")
    if "NetworkManager" not in told or w.devices():
        raise Failure(f"{told} {w.devices()}")
    end_daemon(w)
    w.ann(f"flatpak override --user --reset {APP}")
    w.active("networkmanager")


def mount(folder):
    """The installation for all users, where flatpak looks for it; before anybody's session, which learns from it what can be started."""
    sh(f"mkdir -p /var/lib/flatpak; mount --bind {folder}/flatpak /var/lib/flatpak")


if __name__ == "__main__":
    play("flatpak/vm", mount, (test_join, test_networkmanager, test_ends_without_a_trace, test_killed, test_only_with_the_permission))
