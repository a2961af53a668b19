"""`fleetctl top` on real machines, on a terminal: what happens there is on the screen."""

import os
import re
from collections.abc import Iterator

import pytest

from tests.cluster.stack import Stack
from tests.terminal import on_terminal

SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n"
UNIT = "above-all.service"
BURNS = """\
[Service]
ExecStart=/usr/bin/python3 -c 'from collections import deque; held = b"x" * (100 << 20); \
deque(iter(int, 1), maxlen=0)'
CPUQuota=50%
[X-Fleet]
CPUs=0
HealthySec=0
"""
"""It holds 100 MiB, and works as much as it may."""
CONTAINER = """\
[Service]
ExecStartPre=-/usr/bin/docker rm --force burns
ExecStart=/usr/bin/docker run --rm --init --name burns --network none --cpus 0.5 {image} \
sh -c 'while :; do :; done'
ExecStop=/usr/bin/docker stop --time 0 burns
[X-Fleet]
HealthySec=0
"""
"""Its client does nothing: what is used, the container uses."""
UNTIL_NOBODY_READS = 'while pgrep --full "carried [u]sage"; do sleep 0.1; done'
SOME_CPU = r"(0\.(?!00)\d\d|[1-9]\.\d\d)"


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


@pytest.fixture
def burning(cluster: Stack) -> Iterator[list[str]]:
    """Units that use processors and memory."""
    image = re.findall(r"(\S+/sinatra@\S+)", cluster.fleetctl("cat", "sinatra@5000.service").out)[0]
    texts = {"burning.service": BURNS, "burning-box.service": CONTAINER.format(image=image)}
    paths = [cluster.program / name for name in texts]
    for path in paths:
        path.write_text(texts[path.name])
    cluster.fleetctl("start", *map(str, paths))
    yield list(texts)
    cluster.fleetctl("destroy", *texts)


def test_what_units_and_machines_use_is_on_the_screen(cluster: Stack, burning: list[str]) -> None:
    environment = {**os.environ, **cluster.environment()}
    plain, box = burning
    with on_terminal(["fleetctl", "top"], environment, cluster.program) as terminal:
        terminal.shows(rf"machine-\d +\d+ +{SOME_CPU}/\S+ +\S+/\S+ +[\d.]+[MG] +\d+s ready")
        terminal.press(b"c")
        terminal.shows(rf"{box} +machine-\d +active running +\S+ +- +{SOME_CPU} +[\d.]+M")
        terminal.shows(rf"{plain} +machine-\d +active running +\S+ +- +{SOME_CPU} +1\d\dM")
        terminal.press(b"q")
        assert terminal.code() == 0
    # While nobody looks, nothing reads.
    cluster.on("machine-1", f"timeout 60 sh -c '{UNTIL_NOBODY_READS}'")
