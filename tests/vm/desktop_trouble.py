# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be wrong with a machine, its network or its ingress: each with the words that say so, and the way back."""
import glob
import os
import subprocess

from desktop_suite import tell, test
from desktop_world import NAME, Failure, sh, until


def says(w, *words, step=""):
    """Wait until the share's reason has these words in it."""
    until(lambda: all(word in w.share().get("reason", "") for word in words), 120, f"it says: {words}; it says: {w.share()}")
    if step not in w.share()["next_step"]:
        raise Failure(f"next step: {w.share()['next_step']}, wanted: {step}")


@test()
def a_firewall_of_this_machine(w):
    """As ufw and firewalld do it: what belongs to a connection made from here comes in, and nothing new."""
    sh("""nft -f - <<'X'
table inet fw { chain c { type filter hook input priority 10; ct state established,related accept; iifname "funnel-vrf*" drop; }; }
X""")
    w.daemon("restart")
    says(w, "firewall on this machine", step="sudo ufw allow in on funnel-vrf0")
    sh("nft delete table inet fw")
    w.active("networkmanager")


@test(long=True)
def the_ingress_knows_another_key(w):
    w.forget_node()
    w.daemon("restart")
    says(w, "knows this node's key no more", "join again")
    w.remember_node()
    w.active("networkmanager")


@test(long=True)
def the_clock_is_wrong(w):
    """WireGuard takes no handshake that is older than the last."""
    w.daemon("stop")
    ahead = sh("date +%s").strip()
    sh("date -s 2020-01-01")
    try:
        w.daemon("start")
        says(w, "clock is wrong", "timedatectl")
    finally:
        sh(f"date -s @{ahead}")
    w.daemon("restart")
    w.active("networkmanager")


@test(long=True)
def a_narrow_path(w):
    """The path's limit is found, and followed while the tunnel is up. Connections that were waiting learn it by their first packets."""
    device = w.interface_index()
    for outer in (1300, 1500, 1300):
        sh(f"ip link set up0 mtu {outer}")
        until(lambda: w.mtu() == outer - 60, 60, f"the route's MTU follows the path's; it is {w.mtu()}")
        until(lambda: w.fragments() == 0, 60, "no packet goes out in pieces")
        until(lambda: w.ingress()["tunnel"]["mtu"] == outer - 60, 60, "it is shown")
    if w.interface_index() != device:
        raise Failure("the tunnel was made anew")
    w.daemon("restart")
    w.active("networkmanager")
    if w.mtu() != 1300 - 60:
        raise Failure(f"MTU {w.mtu()} from the start")
    sh("ip link set up0 mtu 1200")
    until(lambda: "carries packets of 1200 bytes only" in sh("journalctl -b -o cat --no-pager | grep carries || true"), 60, "that is little, and it is said")
    sh("ip link set up0 mtu 1500")
    until(lambda: w.mtu() == 1500 - 60, 60, "back")
    w.active("networkmanager")


@test(long=True)
def the_name_leads_elsewhere(w):
    """To an address that is dead, and to one of the other family that is not."""
    sh("ip addr add 2001:db8::1/64 dev up0 nodad; ip -n ing addr add 2001:db8::2/64 dev net0 nodad")
    w.hosts(f"192.0.2.99 vps.example.test\n2001:db8::2 vps.example.test\n192.0.2.2 {NAME}\n")
    w.daemon("restart")
    w.active("networkmanager")
    # The ingress moves while the tunnel is up.
    sh("ip -n ing addr add 192.0.2.3/24 dev net0")
    w.hosts(f"192.0.2.3 vps.example.test\n192.0.2.2 {NAME}\n")
    sh("ip addr del 2001:db8::1/64 dev up0; ip -n ing addr del 2001:db8::2/64 dev net0")
    w.follows("192.0.2.3:51820")
    w.hosts(f"192.0.2.2 vps.example.test {NAME}\n")
    sh("ip -n ing addr del 192.0.2.3/24 dev net0")
    w.follows("192.0.2.2:51820")


@test(long=True)
def names_and_table_are_taken(w):
    w.daemon("stop")
    sh("ip link add funnel0 type dummy; ip link add funnel-vrf0 type dummy; ip link add funnel-guard0 type dummy; "
       "ip route add blackhole 203.0.113.0/24 table 47000")
    w.daemon("start")
    w.active("networkmanager")
    if not {"funnel1", "funnel-vrf1", "funnel-guard1"} <= set(w.devices()) or "table 47001" not in sh("ip -d link show funnel-vrf1"):
        raise Failure(f"{w.devices()} {sh('ip -d link show type vrf')}")
    w.daemon("stop")
    sh("ip link del funnel0; ip link del funnel-vrf0; ip link del funnel-guard0; ip route flush table 47000")
    w.daemon("start")
    w.active("networkmanager")


@test(long=True)
def the_ingress_has_an_address_of_this_network(w):
    w.daemon("stop")
    sh("ip addr add 100.64.0.1/32 dev lan0")
    try:
        w.daemon("start")
        w.passed_over("netns", "already uses the ingress's tunnel address 100.64.0.1")
        w.ann("funnel tunnel on")  # it is still so
        w.passed_over("netns", "already uses the ingress's tunnel address 100.64.0.1")
    finally:
        sh("ip addr del 100.64.0.1/32 dev lan0")
    w.daemon("restart")
    w.active("networkmanager")


def without_module(w, name):
    """As far as anybody can see who is not root: neither loaded nor to be loaded."""
    index = glob.glob("/lib/modules/*/modules.dep")[0]
    w.daemon("stop")
    w.nothing_left()
    sh(f"mount -t tmpfs none /sys/module; cp {index} /run/modules.dep; grep -v /{name}.ko /run/modules.dep > {index}")
    try:
        w.daemon("start")
        w.passed_over("netns", f"this kernel has no {name} module")
    finally:
        sh(f"umount /sys/module; cp /run/modules.dep {index}")
    w.daemon("restart")
    w.active("networkmanager")


@test(long=True)
def a_kernel_without_vrf(w):
    without_module(w, "vrf")


@test(long=True)
def a_kernel_without_wireguard(w):
    without_module(w, "wireguard")


@test(long=True, flooded=False)
def listeners_take_what_comes_from_vrfs(w):
    """The kernel's switch that opens every listener of this machine to the ingress, of which it tells nobody: it is looked at
    every few seconds."""
    sh("sysctl -qw net.ipv4.tcp_l3mdev_accept=1")
    try:
        w.passed_over("netns", "sudo sysctl net.ipv4.tcp_l3mdev_accept=0")
        tell(f"passed before it was seen: {w.count() or 'nothing'}")
        w.nothing_more_arrives()
    finally:
        sh("sysctl -qw net.ipv4.tcp_l3mdev_accept=0")
    w.daemon("restart")
    w.active("networkmanager")
    w.nothing_more_arrives()


@test(long=True)
def no_networkmanager(w):
    sh("systemctl mask --runtime NetworkManager; systemctl stop NetworkManager")
    w.daemon("restart")
    w.passed_over("netns", "NetworkManager is not running")
    sh("systemctl unmask --runtime NetworkManager; systemctl start NetworkManager")
    w.active("networkmanager")  # by itself
    if len(w.devices()) != 3 or len(w.profiles()) != 3:
        raise Failure(f"not one tunnel: {w.devices()} {w.profiles()}")


@test(long=True, flooded=False)
def networkmanager_manages_nothing(w):
    """As a server's administrator may want it. NetworkManager then drops what it had where it stands: guard, VRF and WireGuard
    go from each other, and something may pass (the threat model says so) until WireGuard is deleted."""
    path = "/etc/NetworkManager/conf.d/zz-nothing.conf"
    with open(path, "w", encoding="utf-8") as f:
        f.write("[keyfile]\nunmanaged-devices=*\n")
    try:
        sh("systemctl reload NetworkManager")
        w.passed_over("netns", "unmanaged-devices", ";except:interface-name:funnel*")
        until(lambda: not w.devices(), 60, f"nothing is left: {w.devices()}")
        tell(f"passed meanwhile: {w.count() or 'nothing'}")
        w.daemon("restart")
        w.passed_over("netns", "unmanaged-devices", ";except:interface-name:funnel*")
        until(lambda: not w.devices(), 60, f"nothing is left: {w.devices()}")
        with open(path, "a", encoding="utf-8") as f:
            f.write("unmanaged-devices=*;except:interface-name:funnel*\n")
        sh("systemctl reload NetworkManager")
        w.ann("funnel tunnel on")
        w.active("networkmanager")
        w.nothing_more_arrives()
    finally:
        os.unlink(path)
        sh("systemctl reload NetworkManager")


@test(long=True)
def polkit_says_no(w):
    rule = "/etc/polkit-1/rules.d/00-no.rules"
    with open(rule, "w", encoding="utf-8") as f:
        f.write('polkit.addRule(function (action, subject) {\n'
                '  if (action.id == "org.freedesktop.NetworkManager.network-control" && subject.user == "ann")\n'
                '    return polkit.Result.NO;\n});\n')
    os.chmod(rule, 0o644)
    try:
        until(lambda: "network-control:no" in w.ann("nmcli -t general permissions", check=False), 60, "polkit says no")
        w.daemon("restart")
        w.passed_over("netns", "polkit does not allow it (network-control)", "administrator")
    finally:
        os.unlink(rule)
    w.active("networkmanager")  # by itself


@test(long=True, flooded=False)
def all_networking_switched_off(w):
    """NetworkManager then takes down everything at once, the guard too: the one case in which something may pass (the threat
    model says so), for as long as that takes and not a moment longer."""
    sh("nmcli networking off")
    w.passed_over("netns", "nmcli networking on")
    until(lambda: not w.devices(), 60, "nothing is left")
    tell(f"passed meanwhile: {w.count() or 'nothing'}")
    w.nothing_more_arrives()
    sh("nmcli networking on")
    w.active("networkmanager")  # by itself


@test(long=True)
def the_bus_does_not_let_it(w):
    policy = "/etc/dbus-1/system.d/zz-refuse.conf"
    w.daemon("stop")
    with open(policy, "w", encoding="utf-8") as f:
        f.write('<busconfig><policy user="ann"><deny send_destination="org.freedesktop.NetworkManager"/></policy></busconfig>\n')
    sh("busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig")
    w.daemon("start")
    try:
        w.passed_over("netns", "the system bus does not let this user talk to NetworkManager", "administrator")
    finally:
        os.unlink(policy)
        sh("busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig")
    w.daemon("restart")
    w.active("networkmanager")


@test(long=True)
def no_system_bus(w):
    w.ann("systemctl --user set-environment DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/nowhere")
    w.daemon("restart")
    w.passed_over("netns", "the system bus cannot be used")
    w.ann("systemctl --user unset-environment DBUS_SYSTEM_BUS_ADDRESS")
    w.daemon("restart")
    w.active("networkmanager")


@test(long=True)
def a_network_that_asks_for_a_login(w):
    """NetworkManager finds that out by a page that is not the one it expects."""
    portal = subprocess.Popen(["ip", "netns", "exec", "ing", "/usr/bin/python3", "-m", "http.server", "--directory", "/run/site", "8099"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open("/etc/NetworkManager/conf.d/portal.conf", "w", encoding="utf-8") as f:
        f.write("[connectivity]\nuri=http://192.0.2.2:8099/index.html\nresponse=you are on the internet\ninterval=30\n")
    w.ingress_firewall("udp dport 51820 drop")
    try:
        sh("systemctl restart NetworkManager; nmcli device set up0 managed yes")
        until(lambda: sh("nmcli -t -f CONNECTIVITY general; nmcli networking connectivity check", check=False).startswith("portal"), 120,
              "NetworkManager sees the portal")
        w.daemon("restart")
        says(w, "captive portal", "log in")
    finally:
        portal.kill()
        w.ingress_firewall(None)
        os.unlink("/etc/NetworkManager/conf.d/portal.conf")
        sh("nmcli device set up0 managed no; systemctl restart NetworkManager")
        sh("ip addr replace 192.0.2.1/24 dev up0; ip link set up0 up; ip route replace default via 192.0.2.2")
    w.daemon("restart")
    w.active("networkmanager")
