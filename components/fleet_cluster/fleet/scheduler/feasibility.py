"""Feasibility rules: whether a unit may be on a node, each with its reason in plain words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .relations import Job
from .room import shortage
from .state import Node, SchedulerState


@dataclass(frozen=True)
class Rule:
    """A feasibility rule: something that a node must fulfil to get a unit."""

    allows: Callable[[SchedulerState, Job, Node, bool], bool]
    """The last argument says whether units may stay on nodes that are drained."""
    reason: Callable[[SchedulerState, Job, Node], str]
    """Why it does not allow it; asked only then."""


def allowed(state: SchedulerState, job: Job, node: Node, staying: bool = False) -> bool:
    """Whether a unit may be placed on a node, as the state is now.

    Args:
        state: who is placed where.
        job: the unit.
        node: the machine.
        staying: whether units may stay on nodes that are drained.
    """
    return all(rule.allows(state, job, node, staying) for rule in RULES)


def objection(
    state: SchedulerState, job: Job, node: Node, rules: Iterable[Rule] | None = None
) -> str:
    """The reason of the first rule that keeps a unit off a node; empty when all allow it."""
    for rule in RULES if rules is None else rules:
        if not rule.allows(state, job, node, False):
            return rule.reason(state, job, node)
    return ""


def short(machine: str) -> str:
    """A machine's id, cut as in lists."""
    return f"{machine[:8]}..."


def _is_wanted_machine(_: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    return job.requirements.machine_id in (None, node.id)


def _explain_machine(_: SchedulerState, job: Job, _node: Node) -> str:
    return f"is not machine {short(job.requirements.machine_id or '')}"


def _has_metadata(_: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    wanted = job.requirements.machine_metadata
    return all(node.machine.metadata.get(key) in values for key, values in wanted.items())


def _explain_metadata(_: SchedulerState, job: Job, node: Node) -> str:
    has = node.machine.metadata
    for key, values in sorted(job.requirements.machine_metadata.items()):
        if has.get(key) not in values:
            wanted = " or ".join(f"{key}={value}" for value in sorted(values))
            given = f"{key}={has[key]}" if key in has else f"no {key}"
            return f"metadata {wanted} wanted, machine has {given}"
    return ""


def _takes_runs(_: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    return node.machine.takes_runs or not job.requirements.is_once


def _explain_version(_: SchedulerState, _job: Job, _node: Node) -> str:
    return "its fleetd is of a version that does not know Once="


def _is_eligible(state: SchedulerState, job: Job, node: Node, staying: bool) -> bool:
    """Followers have no choice; Global units are on all machines, also on cordoned ones."""
    if not node.eligibility or state.relations.followed(job.name):
        return True
    if node.eligibility.draining and not staying:
        return False
    return job.requirements.is_global or state.current.get(job.name) == node.id


def _explain_eligibility(_: SchedulerState, _job: Job, node: Node) -> str:
    if node.is_draining:
        return "draining"
    return f"sick: {node.machine.trouble}" if node.machine.trouble else "cordoned"


def _is_with_peers(state: SchedulerState, job: Job, node: Node, staying: bool) -> bool:
    return all(goes_with(state, job, peer, node, staying) for peer in job.requirements.machine_of)


def goes_with(
    state: SchedulerState, job: Job, peer: str, node: Node, staying: bool = False
) -> bool:
    """Whether a unit's peer is on this node; a Global one may also come there with the unit."""
    if peer in node.units:
        return True
    followed = state.relations.jobs.get(peer)
    if not followed or not followed.requirements.is_global:
        return False
    return allowed(state, followed, node, staying) and not _at_odds(state, job, peer)


def _at_odds(state: SchedulerState, job: Job, peer: str) -> bool:
    """Whether the unit, and all that it follows, cannot be beside this peer."""
    relations = state.relations
    return any(
        relations.conflict(one, peer)
        or relations.replaces(one, peer)
        or relations.replaces(peer, one)
        for one in (job.name, *job.requirements.machine_of)
        if one in relations.jobs
    )


def _explain_peers(state: SchedulerState, job: Job, node: Node) -> str:
    peers = job.requirements.machine_of
    peer = next(peer for peer in peers if not goes_with(state, job, peer, node))
    return f"must be with {peer}, which {_explain_absence(state, peer, node)}"


def _explain_absence(state: SchedulerState, peer: str, node: Node) -> str:
    followed = state.relations.jobs.get(peer)
    if not followed:
        return "is not scheduled: it does not exist, or is inactive"
    if followed.requirements.is_global:
        return f"cannot be there: {objection(state, followed, node) or 'the two conflict'}"
    if peer in state.placed_on:
        return f"is on {short(state.placed_on[peer].id)}"
    cycle = state.relations.cycle(peer)
    if cycle:
        more = f" and {len(cycle) - 3} more" if len(cycle) > 3 else ""
        return f"goes in a circle: {', '.join(cycle[:3])}{more} follow each other"
    return "fits on no machine itself"


def _meets_no_conflict(state: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    return not state.has_opponent(job, node)


def _explain_conflict(state: SchedulerState, job: Job, node: Node) -> str:
    return f"conflicts with {state.opponent(job, node)}, which runs there"


def _is_not_replaced(state: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    return state.replacement(job, node) is None


def _explain_replacement(state: SchedulerState, job: Job, node: Node) -> str:
    return f"is replaced by {state.replacement(job, node)}, which runs there"


def _finds_room(state: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    """What is there stays, also where more is reserved than there is."""
    if not job.requirements.resources and not job.requirements.machine_of:
        return True  # As most units: this is asked for each of them and each node.
    wanted = state.newly_wanted([job], node)
    return not wanted or node.has_room(wanted, state.freed(job, node))


def _explain_room(state: SchedulerState, job: Job, node: Node) -> str:
    taken = node.reserved - state.freed(job, node)
    return shortage(node.machine, taken, state.newly_wanted([job], node))


def _is_below_maximum(state: SchedulerState, job: Job, node: Node, _staying: bool) -> bool:
    most = job.requirements.max_per_machine
    return not most or job.requirements.is_global or state.like(job, node) < most


def _explain_maximum(state: SchedulerState, job: Job, node: Node) -> str:
    template = state.relations.templates[job.name]
    most = job.requirements.max_per_machine
    return f"has {state.like(job, node)} of {template} already, and MaxPerMachine={most}"


MACHINE = Rule(_is_wanted_machine, _explain_machine)
METADATA = Rule(_has_metadata, _explain_metadata)
ELIGIBILITY = Rule(_is_eligible, _explain_eligibility)
PEERS = Rule(_is_with_peers, _explain_peers)
CONFLICTS = Rule(_meets_no_conflict, _explain_conflict)
REPLACED = Rule(_is_not_replaced, _explain_replacement)
MAXIMUM = Rule(_is_below_maximum, _explain_maximum)
ROOM = Rule(_finds_room, _explain_room)
VERSION = Rule(_takes_runs, _explain_version)
LASTING_RULES = (MACHINE, METADATA, VERSION)
"""They depend on the unit and the machine alone, not on what is placed where."""
RULES = (*LASTING_RULES, ELIGIBILITY, PEERS, CONFLICTS, REPLACED, MAXIMUM, ROOM)
