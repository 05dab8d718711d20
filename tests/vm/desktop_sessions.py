# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the user is: at the screen, away from it, in a sandbox, logged out, on the network."""
import os

from desktop_suite import test
from desktop_world import Failure, sh, until


@test(long=True)
def switched_away_from_the_screen(w):
    w.show_screen(2)
    until(lambda: "Active=no" in sh(f"loginctl show-session {w.sessions()[0][0]} -p Active"), 30, "the session is not active")
    w.daemon("restart")
    w.active("networkmanager")
    w.show_screen(1)


@test(long=True)
def through_a_bus_proxy_as_in_a_sandbox(w):
    proxy = f"/run/user/{w.uid}/proxy"
    w.ann(f"systemd-run --user --unit=proxy xdg-dbus-proxy unix:path=/run/dbus/system_bus_socket {proxy} --filter "
          "--talk=org.freedesktop.NetworkManager")
    until(lambda: os.path.exists(proxy), 30, "the proxy is there")
    w.ann(f"systemctl --user set-environment DBUS_SYSTEM_BUS_ADDRESS=unix:path={proxy}")
    w.daemon("restart")
    w.active("networkmanager")
    w.ann("systemctl --user unset-environment DBUS_SYSTEM_BUS_ADDRESS")
    w.ann("systemctl --user stop proxy")
    w.daemon("restart")
    w.active("networkmanager")


def needs_the_rule(w):
    w.passed_over("netns", "networkmanager: polkit would ask", "no local session", "usermod -aG funnel ann")
    if w.ingress()["tunnel"]["engine"] != "kernel":
        raise Failure("not the kernel's WireGuard")
    w.nothing_left()


@test()
def logout_falls_back_with_a_reason(w):
    w.active("networkmanager")
    w.log_out()
    needs_the_rule(w)


@test(long=True)
def a_better_tunnel_is_taken_when_nobody_is_cut_off(w):
    """Logged in at the screen again: the kind of tunnel that is possible now waits for the last visitor."""
    w.log_out()
    needs_the_rule(w)
    visitor = w.slow_visitor()
    w.log_in()
    until(lambda: any("works by now" in text for text in w.ingress()["tunnel"]["passed_over"]), 60, "it is told")
    if w.ingress()["tunnel"]["kind"] != "netns" or visitor.poll() is not None:
        raise Failure(f"a visitor was cut off: {w.ingress()}")
    visitor.kill()
    visitor.wait()
    w.active("networkmanager")
    if w.ingress()["tunnel"]["passed_over"]:
        raise Failure(str(w.ingress()))


@test()
def from_afar_it_is_the_same(w):
    w.log_out()
    w.log_in_from_afar()
    until(w.sessions, 60, "a session without a seat")
    w.daemon("restart")
    needs_the_rule(w)


@test()
def polkit_rule_for_a_session_from_afar(w):
    sh("usermod -aG funnel ann")
    # Said apart, because it depends on where the rule was installed as well.
    until(lambda: "network-control:yes" in w.ann("nmcli -t general permissions", check=False), 60, "polkit says yes")
    w.daemon("restart")
    w.active("networkmanager")


@test()
def polkit_rule_for_a_lingering_user(w):
    """Whose last session ends, which ends what NetworkManager has of him."""
    sh("systemctl stop afar")
    w.log_out()
    w.active("networkmanager")
    w.daemon("restart")
    w.active("networkmanager")
