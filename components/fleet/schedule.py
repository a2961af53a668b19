"""Which machine runs which unit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from . import globs
from .model import Machine
from .requirements import Requirements


@dataclass(frozen=True)
class Job:
    """A unit that is to be loaded or launched."""

    name: str
    requirements: Requirements


@dataclass(frozen=True)
class Plan:
    """Where each unit is to be."""

    placements: dict[str, str] = field(default_factory=dict[str, str])
    """Unit to machine id."""
    global_placements: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Global unit to the ids of its machines."""
    unplaced: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Unit that fits nowhere to the reason per machine id."""


def schedule(
    jobs: Collection[Job], machines: Collection[Machine], current: Mapping[str, str]
) -> Plan:
    """Place the units: sticky, least loaded first."""
    plan = Plan()
    alive = {machine.id: machine for machine in sorted(machines, key=lambda m: m.id)}
    ordered = sorted(jobs, key=lambda job: (bool(job.requirements.machine_of), job.name))
    for job in ordered:
        if job.requirements.is_global:
            plan.global_placements[job.name] = frozenset(
                m.id for m in alive.values() if not _objection(job, m, plan, jobs)
            )
    rest = [job for job in ordered if not job.requirements.is_global]
    for job in rest:
        at = current.get(job.name, "")
        if at in alive and not _objection(job, alive[at], plan, jobs):
            plan.placements[job.name] = at
    for job in rest:
        if job.name in plan.placements:
            continue
        reasons = {m.id: _objection(job, m, plan, jobs) for m in alive.values()}
        open_to = [m for m, reason in reasons.items() if not reason]
        load = {m: list(plan.placements.values()).count(m) for m in open_to}
        if open_to:
            plan.placements[job.name] = min(open_to, key=lambda m: (load[m], m))
        else:
            plan.unplaced[job.name] = reasons
    return plan


def _objection(job: Job, machine: Machine, plan: Plan, jobs: Collection[Job]) -> str:
    wanted = job.requirements
    if wanted.machine_id not in (None, machine.id):
        return f"is not machine {wanted.machine_id}"
    for key, values in wanted.machine_metadata.items():
        if machine.metadata.get(key) not in values:
            return f"metadata {key}={' or '.join(sorted(values))} wanted"
    for peer in wanted.machine_of:
        if plan.placements.get(peer) != machine.id:
            return f"must be with {peer}"
    for other in jobs:
        if plan.placements.get(other.name) == machine.id and other.name != job.name:
            ours = any(globs.matches(p, other.name) for p in wanted.conflicts)
            theirs = any(globs.matches(p, job.name) for p in other.requirements.conflicts)
            if ours or theirs:
                return f"conflicts with {other.name}, which runs there"
    return ""
