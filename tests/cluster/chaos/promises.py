"""What has to hold after each fault, promise by promise; each returns what is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.cluster import asking
from tests.cluster.chaos.events import KINDS, Event
from tests.cluster.load import Load
from tests.cluster.stack import Stack, eventually

CONVERGES_SECONDS = 120
"""A cluster that is not whole by then does not become it by itself."""
HEALTH_WINDOW = 3
"""Seconds in which the load balancer notices that a machine is gone."""
GLOBAL = "nginx.service"

Runs = Mapping[tuple[str, str], asking.Run]


@dataclass(frozen=True)
class Round:
    """A fault, and what was seen before and after it."""

    event: Event
    before: Runs
    after: Runs


def lost(event: Event) -> frozenset[str]:
    """The machines whose units may have moved."""
    return frozenset(event.machines if KINDS[event.kind].loses_machines else ())


def converges(stack: Stack, machines: Mapping[str, str]) -> Iterator[str]:
    """Everything becomes whole, in etcd, in fleet, and in the pool of each machine."""
    for what, holds in (
        ("the cluster is whole", lambda: asking.is_whole(stack, machines)),
        ("the pools are right", lambda: pools_are_right(stack, machines)),
    ):
        try:
            eventually(what, holds, CONVERGES_SECONDS)
        except AssertionError as error:
            yield str(error)


def pools_are_right(stack: Stack, machines: Mapping[str, str]) -> bool:
    """Whether each instance is registered where it runs, and each nginx serves just those.

    Raises:
        AssertionError: says what differs.
    """
    places = asking.placements(stack, machines)
    wanted = sorted(
        f"{machines[machine]}:{unit.removeprefix('sinatra@').removesuffix('.service')}"
        for unit, machine in places.items()
        if unit.startswith("sinatra@")
    )
    get = "etcdctl get --prefix --print-value-only /app/server/"
    registered = sorted(stack.on("machine-1", get).out.split())
    assert registered == wanted, f"registered {registered}, run {wanted}"
    for machine in machines:
        pool = stack.on(machine, "curl --silent --header 'Host: pool' 127.0.0.1").out
        assert sorted(pool.split()) == wanted, f"nginx of {machine} has {pool}, run {wanted}"
    return True


def stops_nothing(seen: Round) -> Iterator[str]:
    """No unit restarts or moves but those of the machine that was lost."""
    for (machine, unit), run in sorted(seen.before.items()):
        if machine not in lost(seen.event) and seen.after.get((machine, unit)) != run:
            now = seen.after.get((machine, unit))
            yield f"{unit} on {machine} was touched: {run} is now {now}"


def runs_once(seen: Round) -> Iterator[str]:
    """When all is whole again, each unit runs on one machine; a global one on each."""
    for unit in sorted({unit for _, unit in seen.before} | {unit for _, unit in seen.after}):
        places = sorted(machine for machine, name in seen.after if name == unit)
        if unit != GLOBAL and len(places) != 1:
            yield f"{unit} runs on {places or 'no machine'}"


def answers(event: Event, load: Load, began: float, end: float) -> Iterator[str]:
    """No request is lost; with a machine, those in flight and its share of the health check.

    `began` and `end`: which requests count, by when they were sent (seconds since 1970).
    """
    failed = [request for request in load.failed if began <= request.at < end]
    share = load.per_second() * HEALTH_WINDOW * len(lost(event))
    allowed = load.users + share if lost(event) else 0
    if len(failed) > allowed:
        yield f"{len(failed)} requests failed, {allowed:.0f} allowed; the first: {failed[0]}"
