# SPDX-License-Identifier: GPL-3.0-or-later
"""desktop.py FOLDER FLOOD [--long] [TEST…]: the tests of the vm suite, in the guest, in their order. A hostile ingress
floods from the first test to the last; what reaches a place it must not reach is counted after each. The last tests do
the same without our measures, and must see packets arrive."""
import json
import os
import sys
import time
import traceback
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from desktop_world import Failure, Skip, World, sh, until  # noqa: E402  pylint: disable=wrong-import-position

TESTS = []


def test(long=False, flooded=True):
    def note(function):
        TESTS.append((function, long, flooded))
        return function
    return note


# --- the main job

@test(flooded=False)
def ingress_under_its_units(w):
    w.join_line = w.start_ingress()
    w.start_target()


@test(flooded=False)
def join_uses_networkmanager_without_a_question(w):
    until(lambda: sh("loginctl show-user ann -p Display --value", check=False).strip(), 120, "a session at the screen")
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
    w.ann("funnel tunnel on")
    w.active("networkmanager")


@test()
def vrf_deleted_by_hand(w):
    sh("ip link del funnel-vrf0")
    until(lambda: w.share()["state"] != "active", 30, "it is noticed")
    w.active("networkmanager")


@test()
def networkmanager_restarted(w):
    sh("systemctl restart NetworkManager")
    until(lambda: sh("nmcli -t -f RUNNING general", check=False).strip() == "running", 60, "NetworkManager runs")
    w.active("networkmanager")


@test(long=True)
def nothing_is_left_after_a_restart_either(w):
    networkmanager_restarted(w)
    cycle(w)


@test()
def funneld_killed(w):
    pid = w.daemon_pid()
    os.kill(pid, 9)
    until(lambda: w.daemon_pid() not in (0, pid), 60, "systemd started it again")
    w.active("networkmanager")
    if len(w.devices()) != 3 or len(w.profiles()) != 3:
        raise Failure(f"not one tunnel: {w.devices()} {w.profiles()}")


@test(long=True)
def an_address_changes(w):
    sh("ip addr add 192.0.2.77/24 dev up0; ip addr del 192.0.2.1/24 dev up0; ip route replace default via 192.0.2.2")
    w.active("networkmanager")
    sh("ip addr add 192.0.2.1/24 dev up0; ip addr del 192.0.2.77/24 dev up0; ip route replace default via 192.0.2.2")
    w.active("networkmanager")


@test()
def suspend_and_resume(w):
    if "[none]" not in sh("cat /sys/power/pm_test", check=False):
        raise Skip("this kernel cannot practise sleeping (pm_test)")
    sh("echo freezer > /sys/power/pm_test")
    sh("systemctl suspend", check=False)
    until(lambda: "freezer" in sh("journalctl -b -k -o cat --no-pager | grep -i 'suspend' || true")
          or "PM: suspend exit" in sh("journalctl -b -k -o cat --no-pager"), 60, "the machine slept")
    w.active("networkmanager")


# --- sessions

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


@test()
def logout_falls_back_with_a_reason(w):
    w.daemon("restart")
    w.active("networkmanager")
    sh("systemctl stop seat")
    until(lambda: not w.sessions(), 60, "the session is gone")
    w.active("netns")
    passed = w.ingress()["tunnel"]["passed_over"]
    if len(passed) != 1 or not passed[0].startswith("networkmanager: polkit would ask") or "usermod -aG funnel ann" not in passed[0]:
        raise Failure(f"passed over: {passed}")
    if w.ingress()["tunnel"]["engine"] != "kernel":
        raise Failure("not the kernel's WireGuard")
    w.nothing_left()


@test()
def polkit_rule_for_a_lingering_user(w):
    sh("usermod -aG funnel ann")
    # Said apart, because it depends on where the rule was installed as well.
    until(lambda: "network-control:yes" in w.ann("nmcli -t general permissions", check=False), 60, "polkit says yes")
    w.daemon("restart")
    w.active("networkmanager")


# --- the same without our measures

def plain_profile(w, vrf):
    """The tunnel as any tutorial has it, for the same ingress: with its peer from the start, in a VRF or in none."""
    w.daemon("stop")
    w.nothing_left()
    with open(f"{w.home}/.local/state/funnel/ingress.json", encoding="utf-8") as f:
        joined = json.load(f)["ingresses"][0]
    profiles = {"plain": f"""type=wireguard
interface-name=plain0
autoconnect=false
{"master=plainvrf0" if vrf else ""}
{"slave-type=vrf" if vrf else ""}
[wireguard]
private-key={joined["private_key"]}
[wireguard-peer.{joined["ingress_public_key"]}]
endpoint=192.0.2.2:51820
persistent-keepalive=1
allowed-ips=100.64.0.1/32;
[ipv4]
method=manual
address1={joined["address"]}/32
[ipv6]
method=disabled
"""}
    if vrf:
        profiles["plainvrf"] = "type=vrf\ninterface-name=plainvrf0\nautoconnect=false\n[vrf]\ntable=7070\n[ipv4]\nmethod=disabled\n[ipv6]\nmethod=disabled\n"
    for name, text in profiles.items():
        path = f"/etc/NetworkManager/system-connections/{name}.nmconnection"
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(f"[connection]\nid={name}\nuuid={uuid.uuid4()}\n{text}")
        sh(f"nmcli c load {path}")
    w.count()


def arrivals(w, event):
    """What arrives from now on, of which there must be something."""
    seen = {}

    def more():
        for where, packets in w.count().items():
            seen[where] = seen.get(where, 0) + packets
        return seen
    until(more, 60, f"without our measures packets arrive: {event}")
    return seen


def remove_plain(w):
    sh("nmcli c down plain; nmcli c down plainvrf; nmcli c delete plain; nmcli c delete plainvrf; ip link del plain0", check=False)
    until(lambda: not os.path.exists("/sys/class/net/plain0"), 60, "plain0 is gone")
    w.count()


@test(flooded=False)
def without_a_vrf_everything_arrives_whatever_happens(w):
    plain_profile(w, vrf=False)
    sh("nmcli c up plain")
    wanted = {"datagrams at a listener", "a listener answered", "arrived behind the laptop", "forwarded"}
    until(lambda: wanted <= set(arrivals(w, "up")), 60, f"packets arrive at each of: {wanted}")
    sh("systemctl restart NetworkManager")
    w.count()
    arrivals(w, "NetworkManager restarted")
    remove_plain(w)


@test(flooded=False)
def in_a_vrf_alone_packets_arrive_on_the_way_up_and_down(w):
    plain_profile(w, vrf=True)
    sh("nmcli c up plain")
    w.handshake("plain0")
    arrivals(w, "up: forwarded, for want of an unreachable default route")
    sh("ip route add unreachable default metric 4278198272 table 7070")
    w.count()
    sh("nmcli c down plain")
    arrivals(w, "switched off")
    remove_plain(w)


@test(flooded=False)
def in_a_vrf_alone_packets_arrive_when_it_is_deleted(w):
    plain_profile(w, vrf=True)
    sh("nmcli c up plain")
    w.handshake("plain0")
    sh("ip link del plainvrf0")
    arrivals(w, "VRF deleted")
    remove_plain(w)


@test(flooded=False)
def the_flood_did_not_stop(w):
    if w.stop_flood() < 10000:
        raise Failure("the flood was none")


def attempt(w, function, flooded):
    name = "vm/" + function.__name__.replace("_", "-")
    started = time.monotonic()
    try:
        function(w)
        found = w.count() if flooded else {}
        if found:
            raise Failure(f"packets of the hostile ingress arrived: {found}")
        print(f"ok {name} # {time.monotonic() - started:.0f} s", flush=True)
        return True
    except Skip as reason:
        print(f"skip {name}: {reason}", flush=True)
        return True
    except Exception as error:  # whatever it was, it is this test's result
        print(f"not ok {name}\n    after {time.monotonic() - started:.0f} s: {type(error).__name__}: {error}")
        print("".join(f"    {os.path.basename(f.filename)}:{f.lineno} {f.line}\n" for f in traceback.extract_tb(error.__traceback__)[-3:]), end="")
        print(sh("journalctl -b -o short-monotonic --no-pager | grep -E 'funnel' | grep -vE 'audit:|dbus-daemon|prepare|ip-check|secondaries|need-auth' | tail -n 25 | sed 's/^/    /'", check=False))
        print(sh("ip -br link; ip rule; ip route show table all | grep -v 'table local'; nmcli -f NAME,UUID,DEVICE,STATE c", check=False), flush=True)
        return False


def main():
    options = [a for a in sys.argv[3:] if a.startswith("--")]
    wanted = [a for a in sys.argv[3:] if not a.startswith("--")]
    started = time.monotonic()
    w = World(sys.argv[1], sys.argv[2])
    w.build()
    print(f"  the stage took {time.monotonic() - started:.0f} s", flush=True)
    good = True
    for function, long, flooded in TESTS:
        needed = function in [t[0] for t in TESTS[:4]]
        if (wanted and function.__name__.replace("_", "-") not in wanted and not needed) or (long and "--long" not in options):
            continue
        good = attempt(w, function, flooded) and good
        if needed and not good:
            break
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
