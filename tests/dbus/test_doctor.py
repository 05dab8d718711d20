# SPDX-License-Identifier: GPL-3.0-or-later
"""funnel doctor: what the daemon finds, and what the command prints."""
import json
import os
import subprocess
import time

import test_state
from daemon import refused, variants
from test_state import NAME, announced, probe

WHOLE = f"{NAME}:443"


def doctor(world, **options):
    """(step, subject) → step"""
    steps = world.call("Doctor", "a{sv}", variants(options))[0]
    return {(step["step"], step["subject"]): step for step in steps}


def command(world, *arguments):
    done = subprocess.run([os.path.join(world.build, "cli", "funnel"), "doctor", *arguments], env=world.environment(),
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_not_joined(world):
    world.start()
    steps = doctor(world)
    assert steps["clock", ""]["result"] == "ok", steps
    assert steps["daemon", ""]["result"] == "ok", steps
    assert steps["join", ""]["result"] == "failed" and "funnel join" in steps["join", ""]["advice"], steps
    assert steps["link", ""] == {"step": "link", "subject": "", "result": "skipped", "text": "because join failed",
                                 "advice": ""}, steps
    code, out, err = command(world)
    assert code == 1 and "FAIL join" in out and "funnel join TOKEN" in out and not err, (code, out, err)


def test_well(world):
    ingress, link, path, leaf, _ = test_state.shared(world)
    probe(link, announced(link), leaf=leaf)
    world.wait_state(path, "active")
    ingress.known = 200, {"version": 1, "known": True, "time": int(time.time()), "handshake": 0,
                          "ingress_public_key": ingress.usual_answer()[1]["ingress_public_key"]}
    steps = doctor(world)
    for step in ("join", "link", "share"):
        assert steps[step, ""]["result"] == "ok", steps
    for step in ("grant", "certificate", "target", "round-trip"):
        assert steps[step, WHOLE]["result"] == "ok", steps
    assert steps["clock", ""]["text"] == "agrees with the ingress's", steps
    assert "direct" in steps["tunnel", ""]["text"], steps
    # It asked with the key it joined with.
    assert [q["public_key"] for q in ingress.questions] == [ingress.requests[0]["public_key"]], ingress.questions
    # Where the name leads is not this test's to say, but it was seen to work: that is no failure.
    assert steps["dns", NAME]["result"] in ("ok", "warning"), steps
    code, out, _ = command(world, "--json")
    document = json.loads(out)
    assert code == 0 and document["ok"] and document["version"] == 1, out
    assert [s["step"] for s in document["steps"]][:4] == ["clock", "configuration", "daemon", "join"], out


def test_findings(world):
    ingress, link, path, leaf, target = test_state.shared(world)
    share = announced(link)
    probe(link, share, "connect", detail="timed out")
    world.wait_state(path, "name-refused")
    ingress.known = 200, {"version": 1, "known": False, "time": int(time.time()) - 4000}
    steps = doctor(world)
    assert steps["clock", ""]["result"] == "failed" and "ahead of" in steps["clock", ""]["text"], steps
    assert steps["round-trip", WHOLE]["result"] == "failed", steps
    assert "timed out" in steps["round-trip", WHOLE]["text"] and steps["round-trip", WHOLE]["advice"], steps
    # The target went a moment ago, and no visitor has come since: it is tried.
    target.close()
    steps = doctor(world)
    assert "refused" in steps["target", WHOLE]["text"], steps
    assert steps["round-trip", WHOLE]["text"] == "because target failed", steps
    ingress.grant(link)
    world.wait_state(path, "waiting-grant")
    steps = doctor(world)
    assert f"funnel-ingress grant laptop --name {NAME} --port 443" in steps["grant", WHOLE]["advice"], steps
    code, out, _ = command(world)
    assert code == 1 and "FAIL grant" in out, out


def test_one_name(world):
    test_state.shared(world)
    steps = doctor(world, name="Other.Example.Org")
    assert steps["share", ""]["result"] == "failed" and "--name=other.example.org" in steps["share", ""]["advice"], steps
    assert ("grant", WHOLE) not in steps, steps
    assert ("grant", WHOLE) in doctor(world, name=NAME)
    code, out, err = command(world, "not a name")
    assert code == 2 and "not a name" in err and not out, (code, out, err)


def test_old_ingress(world):
    """One that cannot be asked is no reason to know nothing."""
    ingress, _, path, _, _ = test_state.shared(world)
    world.wait_state(path, "probing")
    for known in (None, (200, {"version": 1}), (200, {"version": 9}), (200, [])):
        ingress.known = known
        steps = doctor(world)
        assert steps["link", ""]["result"] == "ok" and "not compared" in steps["clock", ""]["text"], steps


def test_unreadable_store(world):
    world.start()
    world.stop()
    with open(os.path.join(world.state, "shares.json"), "w", encoding="utf-8") as out:
        out.write("{")
    world.start()
    steps = doctor(world)
    assert steps["configuration", ""]["result"] == "failed", steps
    assert "shares.json" in steps["configuration", ""]["text"], steps
    assert steps["configuration", ""]["advice"] == "funnel reset", steps
    assert steps["join", ""]["text"] == "because configuration failed", steps


def test_versions(world):
    world.start()
    assert "99.9" in doctor(world, **{"client-version": "99.9"})["daemon", ""]["text"]
    assert "nonsense" in refused("InvalidArgument", doctor, world, nonsense="x")


def test_no_daemon(world):
    code, out, _ = command(world)
    assert code == 1 and "FAIL daemon" in out and "because daemon failed" in out, out
    code, out, _ = command(world, "--json")
    document = json.loads(out)
    assert code == 1 and not document["ok"], out
    assert {s["result"] for s in document["steps"] if s["step"] != "daemon"} == {"skipped"}, out
