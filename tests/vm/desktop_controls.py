# SPDX-License-Identifier: GPL-3.0-or-later
"""The same events without our measures, each of which must see packets arrive: otherwise the others prove nothing."""
import json
import os
import uuid

from desktop_suite import test
from desktop_world import Failure, sh, until


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
