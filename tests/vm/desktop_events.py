# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, and what may happen to a tunnel: the tests from the first to those of sessions."""
import os
import re
import time

from desktop_suite import tell, test
from desktop_world import Failure, Skip, sh, until


# --- the main job

@test(flooded=False)
def ingress_under_its_units(w):
    w.join_line = w.start_ingress()
    w.start_target()


@test(flooded=False)
def join_uses_networkmanager_without_a_question(w):
    w.log_in()
    w.ann(w.join_line)
    w.ann("funnel --bg --wait=0 --cert-file=/run/certificate/laptop.pem --key-file=/run/certificate/laptop.key 3000", check=False)
    w.active("networkmanager")


@test(flooded=False)
def a_visitor_gets_the_page_through_kernel_wireguard_on_both_sides(w):
    if w.visit() != "it works\n":
        raise Failure(f"the visitor got: {w.visit()!r}")
    engines = (w.ingress()["tunnel"]["engine"], sh("funnel-ingress status"))
    if engines[0] != "kernel" or "WireGuard by kernel" not in engines[1]:
        raise Failure(f"engines: {engines}")


@test()
def nothing_but_the_offer_port_is_reached(w):
    w.turn_hostile()
    before = w.received()
    until(lambda: w.received() > before + 100000, 60, "the flood reaches the laptop's WireGuard")
    if w.visit() != "it works\n":
        raise Failure("the share does not work under the flood")


# --- events

@test()
def down_and_up(w):
    cycle(w)


@test(long=True)
def five_cycles(w):
    for _ in range(5):
        cycle(w)


def cycle(w):
    w.daemon("stop")
    w.nothing_left()
    w.daemon("start")
    w.active("networkmanager")


@test()
def switched_off_in_networkmanager_stays_off(w):
    w.as_user("nmcli c down 'Funnel to vps.example.test'")
    until(lambda: "switched off in NetworkManager" in w.share().get("reason", ""), 60, "the reason is shown")
    if w.share()["state"] != "tunnel-down" or w.share()["next_step"] != "funnel tunnel on":
        raise Failure(str(w.share()))
    w.nothing_left()
    w.daemon("restart")
    until(lambda: "switched off in NetworkManager" in w.share().get("reason", ""), 60, "it is remembered")
    if w.devices() or w.share()["next_step"] != "funnel tunnel on":
        raise Failure(f"{w.devices()} {w.share()}")
    w.ann("funnel tunnel on")
    w.active("networkmanager")


@test()
def vrf_deleted_by_hand(w):
    sh("ip link del funnel-vrf0")
    until(lambda: w.share()["state"] != "active", 30, "it is noticed")
    w.active("networkmanager")


@test()
def networkmanager_restarted(w):
    before, started = w.interface_index(), time.monotonic()
    sh("systemctl restart NetworkManager")
    until(lambda: sh("nmcli -t -f RUNNING general", check=False).strip() == "running", 60, "NetworkManager runs")
    w.again("NetworkManager's restart", started)
    tell("the tunnel stayed" if w.interface_index() == before else "the tunnel was made anew")


@test()
def guard_deleted_by_hand(w):
    """Once more after a restart: NetworkManager takes away only a peer that it knows, and nothing but its absence holds
    the ingress off while WireGuard leaves the VRF without a guard."""
    for restarted in (False, True):
        if restarted:
            networkmanager_restarted(w)
        before = w.interface_index()
        sh(f"ip link del {w.guard()}")
        until(lambda: w.interface_index() not in ("", before), 60, "the tunnel is made anew")
        w.active("networkmanager")


@test(long=True)
def networkmanager_away_for_long_and_restarted_twice(w):
    """The tunnel stands meanwhile. Afterwards there is one of each, and what the user does is still heard."""
    before = w.interface_index()
    sh("systemctl stop NetworkManager")
    time.sleep(30)  # longer than anybody waits for one of its answers
    if w.share()["state"] != "active" or w.visit() != "it works\n":
        raise Failure(f"while NetworkManager is away: {w.share()}")
    started = time.monotonic()
    sh("systemctl start NetworkManager; systemctl restart NetworkManager")
    w.again("NetworkManager's return", started)
    until(lambda: len(w.profiles()) == 3 and len(w.devices()) == 3, 90, f"one of each is left: {w.devices()} {w.profiles()}")
    if w.interface_index() != before:
        raise Failure("the tunnel was made anew")
    switched_off_in_networkmanager_stays_off(w)


@test(long=True)
def what_is_left_after_a_restart_is_used_again(w):
    """NetworkManager takes away only routes it made since it was started: the one that leads nowhere stays in a table that
    nobody looks into, until the next tunnel has it. There is never more than one."""
    for _ in range(2):
        networkmanager_restarted(w)
        cycle(w)
    tables = re.findall(r"default table (47\d+)", sh("ip route show table all type unreachable"))
    if tables != ["47000"] or "table 47000" not in sh("ip -d link show funnel-vrf0"):
        raise Failure(f"{tables} {sh('ip -d link show type vrf')}")
    w.daemon("stop")
    w.nothing_left()
    left = [line for line in sh("ip route show table all").splitlines() if "table 47" in line]
    if len(left) > 1 or any("unreachable" not in line for line in left) or "47000" in sh("ip rule"):
        raise Failure(f"left: {left}")
    w.daemon("start")
    w.active("networkmanager")


@test()
def funneld_killed(w):
    pid = w.daemon_pid()
    os.kill(pid, 9)
    until(lambda: w.daemon_pid() not in (0, pid), 60, "systemd started it again")
    w.active("networkmanager")
    if len(w.devices()) != 3 or len(w.profiles()) != 3:
        raise Failure(f"not one tunnel: {w.devices()} {w.profiles()}")


@test()
def another_network_after_none(w):
    """The cable is out for longer than any pause between two tries, and then leads elsewhere."""
    sh("ip link set up0 down")
    until(lambda: w.share()["state"] != "active", 90, "it is noticed")
    sh("ip addr add 192.0.2.77/24 dev up0; ip addr del 192.0.2.1/24 dev up0; ip link set up0 up; ip route replace default via 192.0.2.2")
    w.again("another network", time.monotonic())
    sh("ip addr add 192.0.2.1/24 dev up0; ip addr del 192.0.2.77/24 dev up0; ip route replace default via 192.0.2.2")
    w.again("another address", time.monotonic())


@test()
def udp_blocked_and_let_through_again(w):
    """Somewhere on the way, where nothing tells this machine of a change."""
    w.ingress_firewall("udp dport 51820 drop")
    w.daemon("restart")
    until(lambda: "may block UDP" in w.share().get("reason", ""), 90, "what may be wrong is said")
    if w.share()["state"] != "link-down" or "network" not in w.share()["next_step"]:
        raise Failure(str(w.share()))
    w.ingress_firewall(None)
    w.again("the path let UDP through", time.monotonic())


@test()
def suspend_and_resume(w):
    if "[none]" not in sh("cat /sys/power/pm_test", check=False):
        raise Skip("this kernel cannot practise sleeping (pm_test)")
    sh("echo freezer > /sys/power/pm_test")
    w.sleep()
    w.again("suspend", w.woken())
    # As with a network that goes with the sleep, and is found again some time after it.
    sh("ip link set up0 down")
    w.sleep()
    until(lambda: w.share()["state"] != "active", 90, "it is noticed")
    sh("ip link set up0 up; ip route replace default via 192.0.2.2")
    w.again("suspend, and the network after it", time.monotonic())
