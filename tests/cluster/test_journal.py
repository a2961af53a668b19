"""`fleetctl journal` of several units and machines, on real ones."""

import json
import os
import subprocess
from collections.abc import Iterator
from signal import SIGINT
from typing import IO

import pytest

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

TALKS = """\
[Service]
ExecStart=/bin/sh -c 'echo first; while :; do echo again; sleep 1; done'
[X-Fleet]
HealthySec=0
"""
UNITS = {"talks.service": TALKS + "Global=true\n", "other@1.service": TALKS}


@pytest.fixture(scope="module")
def units(cluster: Stack, machines: dict[str, str]) -> Iterator[list[str]]:
    """One unit that talks on each machine, and one on a machine."""
    paths = [cluster.program / name for name in UNITS]
    for path in paths:
        path.write_text(UNITS[path.name])
    cluster.fleetctl("start", *map(str, paths))
    try:
        yield [*UNITS]
    finally:
        cluster.fleetctl("destroy", *UNITS)
    eventually("the cluster is whole", lambda: asking.is_whole(cluster, machines), 120)


def test_lines_of_all_machines_come_by_time(
    cluster: Stack, machines: dict[str, str], units: list[str]
):
    found = journal(cluster, "--lines", "all", "talks", "other@*")
    times = [int(one["__REALTIME_TIMESTAMP"]) for one in found]
    assert times == sorted(times)
    ids = asking.machine_ids(cluster, machines)
    everywhere = {f"{ids[name]}/{address}" for name, address in machines.items()}
    assert {one["machine"] for one in found if one["unit"] == "talks.service"} == everywhere
    assert len({one["machine"] for one in found if one["unit"] == "other@1.service"}) == 1
    systemds = {one["unit"] for one in found if one["_COMM"] == "systemd"}
    assert systemds == {*units}, "what systemd says of them is there too"

    first = journal(cluster, "--since=-1h", "--grep", "^first$", "talks", "other@1")
    assert sorted(one["unit"] for one in first) == ["other@1.service", *["talks.service"] * 3]
    last = cluster.fleetctl("journal", "-n", "7", "--output", "cat", "talks").out.splitlines()
    assert len(last) == 7
    assert {line.split()[1] for line in last} <= {*machines}
    nothing = cluster.fleetctl("journal", "--grep", "no such", "talks", check=False)
    assert (nothing.code, nothing.out) == (1, ""), nothing.text
    refused = cluster.fleetctl("journal", "--since", "whenever", "talks", check=False)
    assert (refused.code, refused.err.count("Failed to parse timestamp: whenever")) == (1, 3)


def test_following_merges_what_comes_and_leaves_nothing_behind(
    cluster: Stack, machines: dict[str, str], units: list[str]
):
    process = subprocess.Popen(
        ["fleetctl", "journal", "-f", "-n", "1", "--output", "short-iso-precise", *units],
        env={**os.environ, **cluster.environment()},
        cwd=cluster.program,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        lines = read_until_all_talk(process.stdout, {*machines})
        os.killpg(process.pid, SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
    for name in machines:
        # Only of one machine: a line that comes more than half a second late is printed late.
        own = [line.split() for line in lines]
        times = [words[3] for words in own if words[:2] == ["talks.service", name]]
        assert times == sorted(times)
        left = f"no journalctl is left on {name}"
        eventually(left, lambda name=name: follows(cluster, name) == "")


def read_until_all_talk(stdout: IO[str], machines: set[str]) -> list[str]:
    """Lines, until each unit has some on each of its machines, however late one connects."""
    lines: list[str] = []
    missing = {("other@1.service", ""), *(("talks.service", name) for name in machines)}
    while missing or len(lines) < 24:
        lines.append(stdout.readline())
        assert lines[-1], lines
        unit, machine, *_ = lines[-1].split()
        missing -= {(unit, machine), (unit, "")}
    return lines


def test_a_machine_that_is_down_is_told_and_not_waited_for(
    cluster: Stack, machines: dict[str, str], units: list[str]
):
    # An election would take some of the seconds until that machine counts as lost.
    asking.give_etcd_lead(cluster, "machine-1")
    with faults.frozen(cluster, "machine-3"):
        # It ends while that machine hangs.
        done = cluster.fleetctl("journal", "--output", "cat", "talks", check=False)
    eventually("it is back", lambda: {*asking.machine_ids(cluster, machines)} == {*machines}, 120)
    assert done.code == 255
    assert f"machine-3 ({machines['machine-3']}) does not answer" in done.err
    assert {line.split()[1] for line in done.out.splitlines()} == {"machine-1", "machine-2"}


def follows(cluster: Stack, machine: str) -> str:
    return cluster.on(machine, "pgrep --full --list-full '^journalctl.*--follow'", check=False).out


def journal(cluster: Stack, *words: str) -> list[dict[str, str]]:
    done = cluster.fleetctl("journal", "--output", "json", *words)
    return [json.loads(line) for line in done.out.splitlines()]
