# SPDX-License-Identifier: GPL-3.0-or-later
"""deb_guest.py FOLDER FLOOD: the Debian packages on the vm suite's laptop, which has systemd, sessions and NetworkManager: what
installing, upgrading and removing does to what runs. Each test stands on the one before."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "vm"))
# pylint: disable=wrong-import-position
from desktop_world import Failure, sh, until  # noqa: E402
from packaged_guest import play  # noqa: E402

INGRESS = ("funnel-ingressd", "funnel-netns-ingress")


def dpkg(words):
    return sh(f"DEBIAN_FRONTEND=noninteractive dpkg {words}", limit=600)


def pid(unit):
    return int(sh(f"systemctl show --value -p MainPID {unit}").strip() or 0)


def program(number):
    return os.readlink(f"/proc/{number}/exe")


def test_install(w):
    """Nothing runs after it that nobody has asked for."""
    dpkg(f"-i {w.folder}/debs/*.deb")  # all but the window's, whose many triggers would take their time here
    running = [unit for unit in ("funneld", *INGRESS) if pid(unit)] + sh("pgrep -a funnel", check=False).splitlines()
    if running:
        raise Failure(f"runs without being asked: {running}")


def test_share(w):
    """The ingress as a service of the machine, the daemon as one of its user, which the bus starts."""
    line = w.start_ingress()
    w.start_target()
    w.log_in()
    w.ann(line)
    w.ann("funnel --bg --wait=0 --cert-file=/run/certificate/laptop.pem --key-file=/run/certificate/laptop.key 3000", check=False)
    w.active("networkmanager")
    if w.visit() != "it works\n" or program(w.daemon_pid()) != "/usr/bin/funneld":
        raise Failure(f"{w.visit()} {program(w.daemon_pid())}")


def test_upgrade(w):
    """The user's daemon and the ingress's control are the new ones, the tunnel's agent goes on; the share is there as before."""
    before, control, agent = w.daemon_pid(), pid("funnel-ingressd"), pid("funnel-netns-ingress")
    dpkg(f"-i {w.folder}/higher/*.deb")
    if pid("funnel-netns-ingress") != agent:
        raise Failure("the agent was restarted, and visitors with it")
    if w.daemon_pid() in (0, before) or program(w.daemon_pid()) != "/usr/bin/funneld":
        raise Failure(f"the user's daemon is not the new one: {before}, now {w.daemon_pid()}")
    if pid("funnel-ingressd") in (0, control) or program(pid("funnel-ingressd")) != "/usr/bin/funnel-ingressd":
        raise Failure("funnel-ingressd is not the new one")
    w.active("networkmanager")
    if w.visit() != "it works\n":
        raise Failure(f"the visitor got: {w.visit()!r}")


def test_nothing_is_started_by_an_upgrade(w):
    """Who runs no daemon has none afterwards."""
    w.daemon("stop")
    dpkg(f"-i {w.folder}/higher/funnel_*.deb")
    if w.daemon_pid():
        raise Failure("it was started")
    w.active("networkmanager")  # by the bus, since its state is asked for


def test_remove(w):
    """Nothing stays on the internet that has no program any more."""
    dpkg("-r funnel")
    until(lambda: not sh("pgrep -x funneld", check=False), 60, "the daemon has ended")
    w.nothing_left()
    got = w.visit()  # the page, or curl's words about why there is none
    if got == "it works\n" or "curl: (" not in got:
        raise Failure(f"a visitor still came through: {got!r}")


def test_purge(w):
    dpkg("-P funnel funnel-ingress funnel-netns")
    left = sh("pgrep -a funnel; ls -d /var/lib/funnel* /run/funnel* /etc/systemd/*/*/*funnel* 2>/dev/null", check=False)
    if left:
        raise Failure(f"left behind: {left}")


if __name__ == "__main__":
    play("deb/vm", lambda folder: None, (test_install, test_share, test_upgrade, test_nothing_is_started_by_an_upgrade, test_remove, test_purge))
