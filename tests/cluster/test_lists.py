"""Lists on real machines: names alone for other commands, and a list that goes on."""

import os
import signal
import subprocess

from tests.cluster.stack import Stack

SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nHealthySec=0\n"
UNIT = "watched.service"


def test_names_alone_are_words_of_other_commands(cluster: Stack, machines: dict[str, str]):
    found = cluster.fleetctl("list-machines", "--output", "name").out
    assert sorted(found.split()) == sorted(machines)
    found = cluster.fleetctl("list-units", "--output", "name", "nginx*").out.split()
    assert found == ["nginx-pool.service", "nginx.service"]
    assert cluster.fleetctl("cat", *found).code == 0


def test_a_list_goes_on_with_what_changes(cluster: Stack):
    process = subprocess.Popen(
        ["fleetctl", "list-units", "--watch", "--no-legend", "watched*"],
        env={**os.environ, **cluster.environment()},
        cwd=cluster.program,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    unit = cluster.program / UNIT
    unit.write_text(SLEEPS)
    try:
        try:
            cluster.fleetctl("start", str(unit))
            seen = [process.stdout.readline().split()]
            while seen[-1][2:] != ["active", "running"]:
                seen.append(process.stdout.readline().split())
        finally:
            cluster.fleetctl("destroy", UNIT)
        while seen[-1][2:] != ["gone", "-"]:
            seen.append(process.stdout.readline().split())
        assert {row[0] for row in seen} == {UNIT}
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
