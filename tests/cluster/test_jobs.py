"""A job on real machines: each elapse runs once, also when the machine that runs them is lost."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from tests.cluster import asking, faults
from tests.cluster.stack import Stack, eventually

EVERY = 5
"""Seconds from one elapse to the next."""
ELAPSES = 20
TRACE = "/var/lib/tick-runs"
"""What the job leaves on the machine that runs it: a line for each time."""
FILES = {
    "tick.service": f"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'date +%%s >>{TRACE}'\n",
    "tick.timer": f"[Timer]\nOnCalendar=*:*:0/{EVERY}\n[X-Fleet]\nOnce=true\n",
}


@pytest.fixture
def job(cluster: Stack, machines: Mapping[str, str]) -> Iterator[str]:
    """The timer with its service, on a machine that may be lost."""
    for name, text in FILES.items():
        (cluster.program / name).write_text(text)
    cluster.fleetctl("cordon", "machine-1")
    cluster.fleetctl("submit", "./tick.service")
    cluster.fleetctl("start", "./tick.timer")
    cluster.fleetctl("uncordon", "machine-1")
    yield asking.placements(cluster, machines)["tick.timer"]
    cluster.fleetctl("destroy", *FILES)
    for machine in machines:
        cluster.on(machine, f"rm -f {TRACE}", check=False)


def runs(cluster: Stack) -> list[dict[str, Any]]:
    """The last runs, the oldest first."""
    return cluster.fleetctl_json("runs", "tick.timer")[::-1]


def history(cluster: Stack) -> list[dict[str, Any]]:
    """Those that are over."""
    return [row for row in runs(cluster) if row["result"] not in ("waiting", "running")]


@pytest.mark.faults  # The walkthrough does as much.
def test_a_job_whose_machine_is_lost_misses_no_elapse_and_runs_none_twice(
    cluster: Stack, machines: Mapping[str, str], job: str
):
    eventually("it has run", lambda: len(history(cluster)) >= 3)
    with faults.without_power(cluster, job):
        last = int(history(cluster)[-1]["run"])
        eventually("it runs elsewhere", lambda: int(history(cluster)[-1]["run"]) > last + EVERY)
    whole = 2 * ELAPSES * EVERY
    eventually("it has elapsed often", lambda: len(history(cluster)) >= ELAPSES, whole)
    found = history(cluster)
    due = [int(row["run"]) for row in found]
    assert due == list(range(due[0], due[0] + len(due) * EVERY, EVERY)), found
    results = [row["result"] for row in found]
    assert set(results) <= {"success", "lost"} and results.count("lost") <= 1, found
    assert len({row["machine"] for row in found}) == 2, found
    cluster.fleetctl("stop", "tick.timer")
    eventually("nothing runs", lambda: history(cluster) == runs(cluster))
    begun = [row for row in history(cluster) if row["started"]]
    first = datetime.fromisoformat(begun[0]["started"]).timestamp()
    left = [when for machine in machines for when in traces(cluster, machine) if when >= first]
    # One that was lost may have left its trace, or not.
    lost = sum(row["result"] == "lost" for row in begun)
    assert len(begun) - lost <= len(left) <= len(begun), (begun, left)


def traces(cluster: Stack, machine: str) -> list[int]:
    """When the job began there, as it has noted itself."""
    return [int(one) for one in cluster.on(machine, f"cat {TRACE}", check=False).out.split()]
