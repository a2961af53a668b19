"""`fleetctl top` on real machines, on a terminal: what happens there is on the screen."""

import os

from tests.cluster.stack import Stack
from tests.terminal import on_terminal

SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n"
UNIT = "above-all.service"


def test_the_screen_follows_a_unit_and_runs_what_keys_ask_for(
    cluster: Stack, machines: dict[str, str]
) -> None:
    unit = cluster.program / UNIT
    unit.write_text(SLEEPS)
    environment = {**os.environ, **cluster.environment()}
    cluster.fleetctl("start", str(unit))
    try:
        with on_terminal(["fleetctl", "top"], environment, cluster.program) as terminal:
            shown = terminal.shows(rf"{UNIT} +(machine-\d) +active running")
            assert shown.split()[1] in machines
            terminal.press(b"r")
            terminal.shows(rf"restart {UNIT}\? y")
            terminal.press(b"n")
            terminal.press(b"s")
            terminal.shows(r"Active: active \(running\)[^$]*Enter: back")
            terminal.press(b"\n")
            terminal.shows(rf"{UNIT} +machine-\d +active running")
            cluster.fleetctl("stop", UNIT)
            terminal.shows(rf"{UNIT} +machine-\d +dead")
            terminal.press(b"q")
            assert terminal.code() == 0
    finally:
        cluster.fleetctl("destroy", UNIT)
