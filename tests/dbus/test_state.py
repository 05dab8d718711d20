# SPDX-License-Identifier: GPL-3.0-or-later
"""The honest state: never better than what was seen last, over the link that is up."""
import time

import fake_ingress
from daemon import Target, wait

NAME = "laptop.example.org"


def shared(world, **options):
    """A joined world with an echo server shared: (ingress, link, path, leaf, target)"""
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    link = ingress.link([(NAME, [443])])
    chain, key = world.certificate("laptop")
    target = Target()
    path = world.share(target.port, certificate_file=chain, key_file=key, **options)
    return ingress, link, path, fake_ingress.leaf_of(chain), target


def announced(link, count=1):
    while True:
        shares = link.expect("shares")["shares"]
        if len(shares) == count:
            return shares[0] if shares else None


def probe(link, share, outcome="ok", **more):
    link.send(type="probe", name=share["name"], port=share["port"], epoch=share["epoch"], outcome=outcome,
              addresses=["203.0.113.1"], **more)


def test_active_and_back(world):
    ingress, link, path, leaf, _ = shared(world)
    world.wait_state(path, "probing")
    share = announced(link)
    assert (share["name"], share["port"]) == (NAME, 443) and "target" not in share
    probe(link, dict(share, epoch=(share["epoch"] + 1) % 2**32), leaf=leaf)
    probe(link, share, "dns", detail="NXDOMAIN")
    assert "NXDOMAIN" in world.wait_state(path, "dns-pending")["Reason"]
    probe(link, share, leaf="00" * 32)
    assert "another certificate" in world.wait_state(path, "name-refused")["Reason"]
    probe(link, share, leaf=leaf)
    assert world.wait_state(path, "active")["Reason"] == ""
    # The link goes: what was seen over it counts no more, also when it is back.
    link.close()
    world.wait_state(path, "link-down")
    link = ingress.link([(NAME, [443])])
    world.wait_state(path, "probing")
    again = announced(link)
    assert again["epoch"] != share["epoch"]
    probe(link, share, leaf=leaf)
    probe(link, dict(again, name="other.example.org"), leaf=leaf)
    probe(link, again, "tls", detail="internal_error")
    world.wait_state(path, "name-refused")
    probe(link, again, leaf=leaf)
    world.wait_state(path, "active")


def test_grants(world):
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    link = ingress.link()
    chain, key = world.certificate("laptop")
    path = world.share(Target().port, certificate_file=chain, key_file=key)
    share = world.wait_state(path, "waiting-grant")
    assert f"funnel-ingress grant laptop --name {NAME} --port 443" in share["NextStep"], share
    ingress.grant(link, (NAME, [8443]))
    wait(lambda: "not on port 443" in world.get(path, "Share", "Reason"))
    ingress.grant(link, (NAME, [443]))
    share = world.wait_state(path, "probing")
    assert announced(link)["name"] == NAME
    assert share["Certificate"]["sha256"] == fake_ingress.leaf_of(chain), share
    assert share["Certificate"]["issuer"] and share["Certificate"]["not-after"] > share["Certificate"]["not-before"], share
    assert "problem" not in share["Certificate"], share
    ingress.grant(link)
    world.wait_state(path, "waiting-grant")
    assert announced(link, 0) is None
    # A grant that ends by itself, with nobody saying so.
    ingress.grant(link, (NAME, [443], int(time.time()) + 2))
    world.wait_state(path, "probing")
    assert "expired" in world.wait_state(path, "waiting-grant")["Reason"]
    assert announced(link, 0) is None


def test_foreign_name(world):
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    ingress.link()
    path = world.share(3000, name="shop.example.net")
    assert "zone example.org" in world.wait_state(path, "name-refused")["Reason"]


def test_no_certificate(world):
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    link = ingress.link([(NAME, [443])])
    target = Target()
    path = world.share(target.port)
    share = world.wait_state(path, "certificate-failed")
    assert "127.0.0.1" in share["Reason"] and "tried again at" in share["Reason"], share
    assert share["Certificate"]["retry-at"] > 0, share
    assert "network" in share["NextStep"], share
    chain, key = world.certificate("laptop")
    assert world.share(target.port, certificate_file=chain, key_file=key) == path
    world.wait_state(path, "probing")
    assert announced(link)["name"] == NAME


def test_certificate_renewed(world):
    _, link, path, leaf, _ = shared(world)
    share = announced(link)
    probe(link, share, leaf=leaf)
    world.wait_state(path, "active")
    chain, _ = world.certificate("laptop")
    fresh = fake_ingress.leaf_of(chain)
    assert fresh != leaf
    world.wait_state(path, "probing")
    again = announced(link)
    assert again["epoch"] != share["epoch"]
    probe(link, again, leaf=leaf)
    assert "another certificate" in world.wait_state(path, "name-refused")["Reason"]
    probe(link, again, leaf=fresh)
    world.wait_state(path, "active")
    # Something that is no certificate does not take the good one away.
    with open(chain, "w", encoding="ascii") as out:
        out.write("garbage")
    wait(lambda: "stays in use" in world.read_log())
    assert world.get(path, "Share", "State") == "active"


def test_target_down(world):
    _, link, path, leaf, target = shared(world)
    share = announced(link)
    probe(link, share, leaf=leaf)
    world.wait_state(path, "active")
    port = target.port
    target.close()
    assert world.share(port, name=NAME, certificate_file=f"{world.folder}/laptop.pem", key_file=f"{world.folder}/laptop.key"
                       ) == path
    assert "refused" in world.wait_state(path, "target-down")["Reason"]
    Target(port=port)
    world.wait_state(path, "probing")


def test_pass_through(world):
    """The certificate visitors must see is the one of the local server, whoever has it."""
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    link = ingress.link([(NAME, [443])])
    first, second = world.certificate("first"), world.certificate("second")
    target = Target(first)
    path = world.share(target.port, kind="tcp")
    share = announced(link)
    probe(link, share, leaf=fake_ingress.leaf_of(second[0]))
    assert "another certificate" in world.wait_state(path, "name-refused")["Reason"]
    probe(link, share, leaf=fake_ingress.leaf_of(first[0]))
    world.wait_state(path, "active")
    # The local server has renewed its certificate, and nobody told us.
    target.certificate = second
    probe(link, share, leaf=fake_ingress.leaf_of(second[0]))
    wait(lambda: world.get(path, "Share", "State") == "active")
    probe(link, share, leaf=fake_ingress.leaf_of(first[0]))
    world.wait_state(path, "name-refused")


def test_pass_through_without_tls(world):
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    ingress.link([(NAME, [443])])
    path = world.share(Target().port, kind="tcp")
    assert "does not speak TLS" in world.wait_state(path, "target-down")["Reason"]


def test_silent_ingress(world):
    """An ingress that says nothing any more is gone, although the connection stands."""
    ingress, link, path, leaf, _ = shared(world)
    probe(link, announced(link), leaf=leaf)
    world.wait_state(path, "active")
    link.silent = True
    wait(lambda: "fallen silent" in world.read_log())
    ingress.link([(NAME, [443])])
    world.wait_state(path, "probing")


def test_broken_protocol(world):
    """Each breach is answered with an error, and a new link is made."""
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    for text in (b"{", b"[]", b"{\"type\":\"unheard-of\"}", b"{\"type\":\"hello\"}", b"{\"type\":\"grants\",\"grants\":5}"):
        link = ingress.link()
        link.frame(1, text)
        assert link.expect("error") is not None, text
        assert link.expect("never") is None
    link = ingress.links.get(timeout=20)
    link.expect("hello")
    link.send(type="error", message="come back later")
    assert link.expect("never") is None
    path = next(iter(world.objects("Ingress")))
    ingress.link()
    wait(lambda: world.get(path, "Ingress", "State") == "linked")


def test_ingress_away_and_back(world):
    ingress, link, path, leaf, _ = shared(world)
    probe(link, announced(link), leaf=leaf)
    world.wait_state(path, "active")
    port = ingress.link_socket.getsockname()[1]
    ingress.link_socket.shutdown(2)
    ingress.link_socket.close()
    link.close()
    world.wait_state(path, "link-down")
    ingress.link_socket = ingress.listen(fake_ingress.INGRESS_ADDRESS, ingress.serve_link, port)
    ingress.link([(NAME, [443])])
    world.wait_state(path, "probing")


def test_quiet_ingress(world):
    """A ping is overdue: the node says something, so that a dead connection shows before the time is over."""
    _, link, path, leaf, _ = shared(world)
    share = announced(link)
    probe(link, share, leaf=leaf)
    world.wait_state(path, "active")
    link.silent = True
    assert announced(link) == share
    # It was only late: nothing is forgotten.
    link.send(type="ping", id=1)
    assert link.expect("pong")["id"] == 1
    assert world.get(path, "Share", "State") == "active"
