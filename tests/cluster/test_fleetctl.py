"""fleetctl as people use it: in loops, interrupted, and to have a service read its files again."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.stack import Stack, eventually

RELOADS = """\
[Service]
ExecStart=/bin/sh -c 'trap "echo read again" HUP; while :; do sleep 1 & wait; done'
ExecReload=/bin/kill -HUP $MAINPID
"""
SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
AT_ONCE = "[X-Fleet]\nHealthySec=0\n"
UNITS = {
    "reloads.service": RELOADS + AT_ONCE,
    "fails.service": SLEEPS + "ExecReload=/bin/false\n" + AT_ONCE,
    "sleeps.service": SLEEPS + AT_ONCE,
}


@pytest.fixture
def units(cluster: Stack) -> Iterator[list[str]]:
    """Units that run."""
    paths = [cluster.program / name for name in UNITS]
    for path in paths:
        path.write_text(UNITS[path.name])
    cluster.fleetctl("start", *map(str, paths))
    try:
        yield [*UNITS]
    finally:
        cluster.fleetctl("destroy", *UNITS)


def test_a_loop_over_units_sees_them_all_and_each_reloads_as_it_can(
    cluster: Stack, units: list[str]
):
    loop = "while read unit; do fleetctl status $unit && fleetctl journal $unit; done"
    seen = cluster.run("sh", "-c", loop, stdin="\n".join(units) + "\n").out
    assert re.findall(r"Active: (\w+)", seen) == ["active"] * len(units)

    done = cluster.fleetctl("reload", "reloads")
    assert re.fullmatch(r"Unit reloads\.service reloaded on \S+\n", done.out)
    failed = cluster.fleetctl("reload", "fails", check=False)
    assert (failed.code, "its ExecReload= failed" in failed.err) == (1, True), failed.text
    refused = cluster.fleetctl("reload", "sleeps", check=False)
    assert refused.code == 1
    assert "To restart it: fleetctl restart sleeps.service" in refused.err
    # An order may be answered before the state after it is reported.
    eventually("all run on", lambda: all(states(cluster, unit) == ["active"] for unit in units))


def test_a_start_that_is_interrupted_says_what_goes_on(cluster: Stack):
    file = cluster.program / "slow.service"
    file.write_text("[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n")
    process = subprocess.Popen(
        ["fleetctl", "start", str(file)],
        cwd=cluster.program,
        env={**os.environ, **cluster.environment()},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr
        assert "Waiting for:\n" in iter(process.stderr.readline, "")
        # As Ctrl-C on a terminal: also to ssh.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "fleetctl: interrupted. What has begun goes on by itself." in said
        eventually("it goes on", lambda: states(cluster, file.name) == ["activating"])
    finally:
        process.kill()
        process.wait()
        cluster.fleetctl("destroy", file.name)


def states(cluster: Stack, unit: str) -> list[str]:
    return [row["active"] for row in cluster.units().get(unit, [])]
