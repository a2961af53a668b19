"""What has to hold after each fault, promise by promise; each returns what is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.cluster import asking
from tests.cluster.chaos.events import Cost, Event
from tests.cluster.load import Load, Request
from tests.cluster.releases import runs_previous
from tests.cluster.stack import Stack, eventually

CONVERGES_SECONDS = 120
"""A cluster that is not whole by then does not become it by itself."""
HEALTH_WINDOW = 3
"""Seconds in which the load balancer notices that a machine is gone."""
TOLD_SECONDS = 30
"""In which a fault that has lasted for long is told."""

Runs = Mapping[tuple[str, str], asking.Run]


@dataclass(frozen=True)
class Round:
    """A fault, and what was seen before and after it."""

    event: Event
    before: Runs
    after: Runs


@dataclass(frozen=True)
class Span:
    """When a fault was there: seconds since 1970."""

    began: float
    whole: float
    """When the cluster was whole again."""
    end: float
    """When the next fault struck."""


def touched(event: Event) -> frozenset[str]:
    """The machines whose units may restart."""
    return frozenset(() if event.cost is Cost.NOTHING else event.machines)


def is_told(stack: Stack, machines: Mapping[str, str], event: Event) -> Iterator[str]:
    """What is wrong is said while it is: by a machine's /healthz, or by list-machines.

    The previous release need not have known it.
    """
    struck = event.machines or sorted(machines)
    asked = [machine for machine in struck if not runs_previous(stack, machine)]
    if not asked:
        return
    healthz = "curl --silent 127.0.0.1:9179/healthz"

    def said() -> bool:
        texts = [stack.on(machine, healthz, check=False).text for machine in asked]
        told = "\n".join([*texts, stack.fleetctl("list-machines", check=False).text])
        assert event.told in told, told
        return True

    try:
        eventually(f"{event.told!r} is told", said, TOLD_SECONDS)
    except AssertionError as error:
        yield str(error)


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
    """Whether each instance is found where it runs, and each nginx serves just those.

    Raises:
        AssertionError: says what differs.
    """
    places = asking.placements(stack, machines)
    wanted = sorted(
        f"{machines[machine]}:{unit.removeprefix('sinatra@').removesuffix('.service')}"
        for unit, machine in places.items()
        if unit.startswith("sinatra@")
    )
    names = stack.fleetctl_json("list-names")
    found = sorted(f"{one['address']}:{one['port']}" for one in names if one["name"] == "sinatra")
    assert found == wanted, f"found {found}, run {wanted}"
    for machine in machines:
        pool = stack.on(machine, "curl --silent --header 'Host: pool' 127.0.0.1").out
        assert sorted(pool.split()) == wanted, f"nginx of {machine} has {pool}, run {wanted}"
    return True


def stops_nothing(seen: Round) -> Iterator[str]:
    """No unit restarts or moves but those that the fault may touch."""
    for (machine, unit), run in sorted(seen.before.items()):
        if machine not in touched(seen.event) and seen.after.get((machine, unit)) != run:
            now = seen.after.get((machine, unit))
            yield f"{unit} on {machine} was touched: {run} is now {now}"


def moves_nothing(seen: Round) -> Iterator[str]:
    """A unit moves only if its machine alone was lost."""
    if seen.event.cost is not Cost.MACHINE:
        for machine, unit in sorted(seen.before.keys() ^ seen.after.keys()):
            way = "from" if (machine, unit) in seen.before else "to"
            yield f"{unit} has moved {way} {machine}"


def runs_once(seen: Round) -> Iterator[str]:
    """When all is whole again, each unit runs on one machine; a global one on each."""
    for unit in sorted({unit for _, unit in seen.before} | {unit for _, unit in seen.after}):
        places = sorted(machine for machine, name in seen.after if name == unit)
        if unit not in asking.EVERYWHERE and len(places) != 1:
            yield f"{unit} runs on {places or 'no machine'}"


def failed_between(load: Load, began: float, end: float) -> list[Request]:
    """The requests that were sent then and had no good answer."""
    return [request for request in load.failed if began <= request.at < end]


def answers(event: Event, load: Load, span: Span) -> Iterator[str]:
    """No request is lost but what the fault may cost; they count by when they were sent."""
    began = span.whole if event.cost is Cost.OUTAGE else span.began
    failed = failed_between(load, began, span.end)
    share = load.users + load.per_second() * HEALTH_WINDOW * len(event.machines)
    allowed = share if event.cost is Cost.MACHINE else 0
    if len(failed) > allowed:
        yield f"{len(failed)} requests failed, {allowed:.0f} allowed; the first: {failed[0]}"
