"""Where units will be in a cluster that is not there yet (pure): fleet's own scheduler says it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..fleet.model.records import DesiredState, MachineState
from ..fleet.scheduler.schedule import Job, Plan, schedule
from ..fleet.unitfiles.names import is_template
from ..fleet.unitfiles.unitfile import parse

Machines = Mapping[str, Mapping[str, str]]
"""Metadata by machine name."""


def initial_plan(documents: Sequence[Mapping[str, Any]], machines: Machines) -> dict[str, Any]:
    """What the last of `fleetctl apply`'s documents will start where, in the form of a plan.

    Args:
        documents: those that come before it too.
        machines: all that there will be.
    """
    # An id is not known yet; the name stands for it.
    known = [
        MachineState(name, "", name, metadata, takes_runs=True)
        for name, metadata in machines.items()
    ]
    jobs: list[Job] = []
    plan, own = Plan(), list[Job]()
    for document in documents:
        own = _jobs(document)
        jobs += own
        plan = schedule(jobs, known, plan.placements)
    names = [job.name for job in own]
    refused = {name: _reasons(plan.unplaced[name]) for name in names if name in plan.unplaced}
    lines = [f"{name}: {reason}" for name, reason in refused.items()] or _lines(documents[-1], plan)
    return {"refused": refused, "lines": lines}


def _jobs(document: Mapping[str, Any]) -> list[Job]:
    return [
        Job(name, parse(name, file["text"]).requirements)
        for unit, file in document["units"].items()
        for name in _members(unit, file)
    ]


def _members(unit: str, file: Mapping[str, Any]) -> Iterator[str]:
    if not is_template(unit) and file.get("target") != DesiredState.INACTIVE:
        yield unit
    for name, target in file.get("instances", {}).items():
        if target != DesiredState.INACTIVE:
            yield name


def _reasons(reasons: Mapping[str, str]) -> str:
    return "\n".join(
        ["it fits on no machine:", *(f"  {on}: {reasons[on]}" for on in sorted(reasons))]
    )


def _lines(document: Mapping[str, Any], plan: Plan) -> list[str]:
    found: list[str] = []
    for unit, file in document["units"].items():
        on = Counter(place for name in _members(unit, file) for place in _places(name, plan))
        if on:
            verb = "starts" if on.total() == 1 else "start"
            where = ", ".join(f"{name} {count}" for name, count in sorted(on.items()))
            found.append(f"{unit}: {on.total()} {verb} ({where})")
    return found


def _places(name: str, plan: Plan) -> Iterable[str]:
    if name in plan.placements:
        return [plan.placements[name]]
    return plan.global_placements.get(name, ())
