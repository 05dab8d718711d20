# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors' bytes through offers, as the relay brings them."""
import test_state
from daemon import Target, wait
from test_state import NAME


def test_terminated(world):
    ingress, link, path, leaf, target = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    visitor = ingress.offer(link, NAME)
    assert visitor.status == 101, visitor.head
    assert visitor.leaf() == leaf
    assert visitor.echo(b"hello") == b"hello"
    wait(lambda: world.get(path, "Share", "BytesOut") >= 5)
    share = world.shares()[path]
    assert share["FlowsActive"] == 1 and share["FlowsTotal"] == 1 and share["BytesIn"] >= 5, share
    visitor.close()
    wait(lambda: world.get(path, "Share", "FlowsActive") == 0)


def test_pass_through(world):
    world.start()
    ingress = world.ingress()
    world.join(ingress.token())
    link = ingress.link([(NAME, [443])])
    certificate = world.certificate("local")
    world.share(Target(certificate).port, kind="tcp")
    test_state.announced(link)
    visitor = ingress.offer(link, NAME)
    assert visitor.status == 101, visitor.head
    assert visitor.echo(b"hello") == b"hello"
    visitor.close()


def test_only_what_is_shared_and_granted(world):
    ingress, link, path, _, _ = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    for name, port in (("other.example.org", 443), (NAME, 8443)):
        visitor = ingress.offer(link, name, port)
        assert visitor.status == 403 and "no-share" in visitor.head, visitor.head
        visitor.close()
    open_one = ingress.offer(link, NAME)
    assert open_one.echo(b"x") == b"x"
    ingress.grant(link)
    world.wait_state(path, "waiting-grant")
    assert open_one.socket.recv(65536) is not None
    late = ingress.offer(link, NAME)
    assert late.status == 403, late.head
    try:
        while open_one.socket.recv(65536):
            pass
    except ConnectionError:
        pass


def test_strangers_offers(world):
    """Only the ingress's own address is listened to."""
    ingress, link, _, _, _ = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    try:
        visitor = ingress.offer(link, NAME, source="127.64.0.9")
        assert visitor.status == 0, visitor.head
    except ConnectionError:
        pass
    ingress_path = next(iter(world.objects("Ingress")))
    wait(lambda: sum(world.get(ingress_path, "Ingress", "Refusals").values()) == 1)


def test_link_away_visitors_stay(world):
    """The relay goes on without its control; so does the node."""
    ingress, link, path, _, _ = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    visitor = ingress.offer(link, NAME)
    assert visitor.echo(b"one") == b"one"
    link.close()
    world.wait_state(path, "link-down")
    assert visitor.echo(b"two") == b"two"
    late = ingress.offer(link, NAME)
    assert late.status == 101 and late.echo(b"three") == b"three"


def test_unshare_cuts(world):
    ingress, link, _, _, _ = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    visitor = ingress.offer(link, NAME)
    assert visitor.echo(b"one") == b"one"
    world.unshare()
    try:
        while visitor.socket.recv(65536):
            pass
    except ConnectionError:
        pass
    assert test_state.announced(link, 0) is None


def test_target_goes_and_comes(world):
    """A visitor finds out that the target is down; nobody has to say that it is back."""
    ingress, link, path, _, target = test_state.shared(world, kind="tls-terminated-tcp")
    test_state.announced(link)
    world.wait_state(path, "probing")
    port = target.port
    target.close()
    visitor = ingress.offer(link, NAME)
    if visitor.status == 101:
        try:
            visitor.leaf()
        except OSError:
            pass
    world.wait_state(path, "target-down")
    Target(port=port)
    world.wait_state(path, "probing")
