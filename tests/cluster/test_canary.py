"""A release as people make it: a canary, on, back, a bad one, and undone; and who did it."""

import getpass
import re
from collections.abc import Iterator

import pytest

from tests.cluster.stack import Stack, eventually

TEMPLATE = "release@.service"
NAMES = [f"release@{number}.service" for number in (1, 2, 3)]
SERVES = """\
[Service]
ExecStart=/bin/sh -c 'echo "version {version}"; exec sleep infinity'
[X-Fleet]
HealthySec=0
"""
FAILS = """\
[Service]
ExecStart=/bin/sh -c 'echo "no such table: {version}"; exit 3'
"""


@pytest.fixture
def released(cluster: Stack) -> Iterator[str]:
    """Three instances of the first version; the path of their file."""
    path = cluster.program / TEMPLATE
    path.write_text(SERVES.format(version=1))
    cluster.fleetctl("submit", str(path))
    cluster.fleetctl("start", *NAMES)
    try:
        yield str(path)
    finally:
        cluster.fleetctl("destroy", "release@*")


def say(cluster: Stack, *versions: int) -> None:
    """Each instance says that it is of this version; a line comes after its unit is active."""

    def do() -> bool:
        said = [cluster.fleetctl("journal", "--lines", "20", name).out for name in NAMES]
        found = [re.findall(r"version (\d+)", text)[-1:] for text in said]
        assert found == [[str(one)] for one in versions], found
        return True

    eventually(f"versions are {versions}", do)


def history(cluster: Stack) -> list[tuple[int, str]]:
    rows = cluster.fleetctl_json("history", TEMPLATE)
    return [(row["revision"], row["state"]) for row in rows]


@pytest.mark.faults
def test_a_release_goes_by_a_canary_to_all_and_can_be_taken_back(cluster: Stack, released: str):
    path = cluster.program / TEMPLATE
    path.write_text(SERVES.format(version=2))
    stopped = cluster.fleetctl("rollout", "--canary", "1", released)
    assert "1 of 3 instances of release@.service have the new file" in stopped.out
    on, back = re.findall(r"To go \w+: +fleetctl (.*)", stopped.out)
    path.unlink()
    say(cluster, 2, 1, 1)
    assert f"To go on:   fleetctl {on}" in cluster.fleetctl("list-unit-files").err

    cluster.fleetctl(*back.split())
    say(cluster, 1, 1, 1)
    refused = cluster.fleetctl(*on.split(), check=False)
    assert (refused.code, "no canary of release@.service is pending" in refused.err) == (1, True)

    path.write_text(SERVES.format(version=3))
    cluster.fleetctl("rollout", "--canary", "1", released)
    cluster.fleetctl(*on.split())
    say(cluster, 3, 3, 3)
    assert history(cluster) == [(2, "current"), (1, "")]

    path.write_text(FAILS.format(version=4))
    failed = cluster.fleetctl("rollout", "--canary", "1", released, check=False)
    assert failed.code == 1
    assert "release@1.service: it failed on" in failed.err
    assert "no such table: 4" in failed.err, "the last lines of its journal"
    say(cluster, 3, 3, 3)

    cluster.fleetctl("undo", TEMPLATE)
    say(cluster, 1, 1, 1)
    assert history(cluster) == [(4, "current"), (3, "failed"), (2, ""), (1, "")]
    newest, *_, oldest = cluster.fleetctl_json("history", TEMPLATE)
    assert newest["from"] == "revision 1"
    assert oldest["who"].startswith(f"{getpass.getuser()}@")
    assert oldest["from"] == str(path)
