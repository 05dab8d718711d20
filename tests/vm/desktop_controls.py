# SPDX-License-Identifier: GPL-3.0-or-later
"""The same events without our measures, each of which must see packets arrive: otherwise the others prove nothing."""
import json
import os
import subprocess
import uuid

from desktop_suite import test
from desktop_world import Failure, sh, until


# What closes the way out of a VRF while it stands, and nothing else.
UNREACHABLE = "ip route replace unreachable default metric 4278198272 table 7070"


def plain_profile(w, vrf, owner=""):
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
            f.write(f"[connection]\nid={name}\nuuid={uuid.uuid4()}\n{owner}{text}")
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
    sh(UNREACHABLE)
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
def in_a_vrf_alone_packets_arrive_at_logout(w):
    w.log_in()
    plain_profile(w, vrf=True, owner="permissions=user:ann:;\n")
    w.as_user("nmcli c up plain")
    w.handshake("plain0")
    sh(UNREACHABLE)
    w.count()
    w.log_out()
    arrivals(w, "logged out")
    remove_plain(w)


@test(flooded=False)
def in_a_vrf_alone_packets_arrive_when_the_program_is_killed(w):
    """Whose VRF NetworkManager then takes away; and when the program is started again."""
    plain_profile(w, vrf=True)
    program = subprocess.Popen([w.bound_program, "plainvrf0", "7070"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if program.stdout.readline() != "asked for\n":
        raise Failure("no VRF of the program's own")
    until(lambda: "activated" in sh("nmcli -g GENERAL.STATE c show bound", check=False), 60, "its VRF is there")
    sh("nmcli c up plain")
    w.handshake("plain0")
    sh(UNREACHABLE)
    w.count()
    program.kill()
    program.wait()
    arrivals(w, "killed")
    sh("nmcli c down plain", check=False)
    w.count()
    sh("nmcli c up plain")
    arrivals(w, "started again")
    remove_plain(w)


@test(long=True, flooded=False)
def in_a_vrf_alone_packets_arrive_in_each_of_five_cycles(w):
    plain_profile(w, vrf=True)
    for number in range(5):
        sh("nmcli c up plain")
        w.handshake("plain0")
        sh(UNREACHABLE)
        w.count()
        sh("nmcli c down plain")
        arrivals(w, f"switched off, cycle {number + 1}")
    remove_plain(w)


@test(flooded=False)
def the_flood_did_not_stop(w):
    if w.stop_flood() < 10000:
        raise Failure("the flood was none")
