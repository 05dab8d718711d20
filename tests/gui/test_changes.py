# SPDX-License-Identifier: GPL-3.0-or-later
"""What a share is, changed in the window, with the real funneld and ingress; the share brings its own certificate."""
import ssl
import threading

import session
import stage


def a_share_is_public(s):
    s.begin("1000x1700")
    s.write("config/glib-2.0/settings/keyfile", "[org/openfunnel/Funnel]\nwindow-size=(640, 1600)\n")  # no row has to be scrolled to
    s.start_ingress("443", "8443")
    s.make_certificate()
    s.service(stage.APP + ".Daemon", s.program("funneld"))
    s.run("funnel", *s.invite().split()[1:])
    s.run("funnel", "--bg", "--yes", *s.certificate_options(), "text:hello")
    s.wait(lambda: s.state() == "active", "the share to be active")


def its_page_opens(s):
    s.start_gui()
    s.look().get("label", stage.NAME)
    s.wait(s.windows, "the window")
    s.tap("label", stage.NAME)
    s.window.get("label", "Who may come")


def visitors_are_kept_away(s):
    s.tap("label", "More rules")
    s.fill("Never from these addresses (empty: none)", "203.0.113.0/24, 2001:db8::/32")
    s.wait(lambda: rules(s)["deny"] == ["203.0.113.0/24", "2001:db8::/32"], "addresses that may not come")
    s.window.get("label", contains="Not from 203.0.113.0/24")
    s.fill("Only from these addresses (empty: all)", "127.0.0.0/8")
    s.wait(lambda: rules(s)["allow"] == ["127.0.0.0/8"], "addresses that may come")
    s.window.get("label", contains="Only from 127.0.0.0/8")
    if rules(s)["deny"] != ["203.0.113.0/24", "2001:db8::/32"]:
        raise stage.Failure("one rule took the other away")


def visitors_are_limited(s):
    s.fill("Connections at once, at most (empty: no limit)", "50")
    s.wait(lambda: rules(s)["max_conns"] == 50, "a limit of connections")
    s.fill("New connections a second, at most (empty: no limit)", "20")
    s.wait(lambda: rules(s)["rate"] == 20, "a limit of new connections")
    s.window.get("label", contains="50 connections at once · 20 new connections a second")


def what_is_no_number_is_told(s):
    s.fill("Connections at once, at most (empty: no limit)", "many")
    s.window.get("label", contains="whole number")
    s.fill("Connections at once, at most (empty: no limit)", "")
    s.wait(lambda: rules(s)["max_conns"] == 0, "no limit any more")
    s.window.gone("label", contains="connections at once")
    if rules(s)["rate"] != 20:
        raise stage.Failure("one limit took the other away")


def a_path_is_added(s):
    s.window.press("push button", "Add a path")
    s.window.get("text", "Path of the address (such as /blog)")
    s.type("Path of the address (such as /blog)", "/second")
    s.fill("What to publish", "text:another")
    s.wait(lambda: targets(s) == {"/": "text:hello", "/second": "text:another"}, "two paths")
    s.window.get("label", "/second")
    s.wait(lambda: "another" in s.visit("/second"), "a visitor to see the second one")
    if "hello" not in s.visit():
        raise stage.Failure("the first one is gone")


def a_path_is_changed(s):
    s.window.press("push button", "Change /")
    s.fill("What to publish", "text:welcome")
    s.wait(lambda: "welcome" in s.visit(), "a visitor to see what it is now")


def another_computer_is_asked_about(s):
    s.window.press("push button", "Add a path")
    s.type("Path of the address (such as /blog)", "/printer")
    s.fill("What to publish", "http://10.9.8.7:80")
    s.window.get("label", contains="is not on this computer")
    if "/printer" in targets(s):
        raise stage.Failure("it was shared before the question was answered")
    s.window.press("push button", "Publish")
    s.wait(lambda: targets(s).get("/printer") == "http://10.9.8.7:80", "the path, when it is meant")
    s.window.get("label", "/printer")


def what_is_refused_is_told(s):
    s.window.press("push button", "Add a path")
    s.type("Path of the address (such as /blog)", "/a//b")
    s.fill("What to publish", "text:never")
    s.window.get("label", contains="nvalid mount point")
    s.keys("Escape")
    s.window.gone("text", "Path of the address (such as /blog)")


def a_path_is_removed(s):
    s.window.press("push button", "Remove /printer")
    s.window.get("label", "Remove this path?")
    s.window.press("push button", "Remove")
    s.wait(lambda: targets(s) == {"/": "text:welcome", "/second": "text:another"}, "one path less")


def a_name_is_not_made_known_unasked(s):
    s.keys("ctrl+n")
    s.window.get("label", "Programs on this computer")
    s.choose("Public address", "Another name or port…", 2)
    s.type("What to publish", "text:never")
    s.fill("Name, and :port unless it is 443", f"wiki.{stage.ZONE}")
    s.window.get("label", "Make this name known?")
    s.window.press("push button", "Cancel")
    s.window.gone("label", "Make this name known?")
    if len(s.shares()) != 1:
        raise stage.Failure("it was shared all the same")


def tcp_is_published(s):
    """With TLS up to the program itself, at another port."""
    s.secret = serve_tls(s)
    s.keys("ctrl+n")
    s.window.get("label", "Programs on this computer")
    s.choose("How visitors come", "With TLS up to the program itself (TCP)", 2)
    s.choose("Public address", "Another name or port…", 2)
    s.type("What to publish", str(s.secret))
    s.fill("Name, and :port unless it is 443", f"{stage.NAME}:8443")
    s.wait(lambda: second(s)["kind"] == "tcp", "a second share")
    s.window.get("label", f"tcp://{stage.NAME}:8443")
    s.wait(lambda: "from the program itself" in s.visit(port=8443), "a visitor to see the program")


def its_program_is_told_who_comes(s):
    s.window.press("push button", "Change /")
    s.tap("label", "More choices")
    s.choose("Tell the visitor’s address (PROXY protocol)", "Version 2", 2)
    s.window.press("push button", "Publish")
    s.wait(lambda: second(s)["proxy_protocol"] == 2, "the header in front of what visitors send")


def it_expires(s):
    s.choose("End", "Other…", 5)
    s.fill("Ends after (such as 90m, 2h30m or 3d)", "1s")
    s.wait(lambda: second(s)["state"] == "off", "the share to end")
    s.window.get("label", "Off")
    entry = s.wait(lambda: s.notifications.find("no longer public"), "a notification of its end")
    s.notifications.press(entry, "Share Again")
    s.wait(lambda: second(s)["state"] == "active", "the share to be back")


# --- helpers

def first(s):
    return next(share for share in s.shares() if share["port"] == 443)


def second(s):
    return next(share for share in s.shares() if share["port"] == 8443)


def rules(s):
    return first(s)["access"]


def targets(s):
    return {mount["path"]: mount["target"] for mount in first(s)["mounts"]}


def serve_tls(s):
    """The port of a web server that has its own TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(s.path("tls/ca.pem"), s.path("tls/key.pem"))
    server = stage.http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class Own(stage.Page):
    body = b"from the program itself"


STEPS = [a_share_is_public, its_page_opens, visitors_are_kept_away, visitors_are_limited, what_is_no_number_is_told, a_path_is_added, a_path_is_changed,
         another_computer_is_asked_about, what_is_refused_is_told, a_path_is_removed, a_name_is_not_made_known_unasked, tcp_is_published, it_expires, its_program_is_told_who_comes]

if __name__ == "__main__":
    session.main("changes", STEPS)
