"""The rules for a unit on a machine, each with its explanation in plain words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .relations import Job
from .state import Node, SchedulerState


@dataclass(frozen=True)
class Rule:
    """Something that a machine must fulfil to get a unit."""

    allows: Callable[[SchedulerState, Job, Node], bool]
    reason: Callable[[SchedulerState, Job, Node], str]
    """Why it does not allow it; asked only then."""


def allowed(board: SchedulerState, job: Job, site: Node) -> bool:
    """Whether the unit may be placed here, as the board is now."""
    return all(rule.allows(board, job, site) for rule in RULES)


def objection(
    board: SchedulerState, job: Job, site: Node, rules: Iterable[Rule] | None = None
) -> str:
    """Why the unit may not be placed here, by the first of the rules against it; or empty."""
    for rule in RULES if rules is None else rules:
        if not rule.allows(board, job, site):
            return rule.reason(board, job, site)
    return ""


def short(machine: str) -> str:
    """A machine's id as people see it in lists."""
    return f"{machine[:8]}..."


def _is_wanted_machine(_: SchedulerState, job: Job, site: Node) -> bool:
    return job.requirements.machine_id in (None, site.id)


def _explain_machine(_: SchedulerState, job: Job, _site: Node) -> str:
    return f"is not machine {short(job.requirements.machine_id or '')}"


def _has_metadata(_: SchedulerState, job: Job, site: Node) -> bool:
    wanted = job.requirements.machine_metadata
    return all(site.machine.metadata.get(key) in values for key, values in wanted.items())


def _explain_metadata(_: SchedulerState, job: Job, site: Node) -> str:
    has = site.machine.metadata
    for key, values in sorted(job.requirements.machine_metadata.items()):
        if has.get(key) not in values:
            wanted = " or ".join(f"{key}={value}" for value in sorted(values))
            given = f"{key}={has[key]}" if key in has else f"no {key}"
            return f"metadata {wanted} wanted, machine has {given}"
    return ""


def _takes_units(board: SchedulerState, job: Job, site: Node) -> bool:
    """Followers have no choice; Global units are on all machines, also on cordoned ones."""
    mark = site.mark
    if not mark or board.relations.followed(job.name):
        return True
    if mark.draining and not board.staying:
        return False
    return job.requirements.is_global or board.current.get(job.name) == site.id


def _explain_mark(_: SchedulerState, _job: Job, site: Node) -> str:
    return "draining" if site.mark and site.mark.draining else "cordoned"


def _is_with_peers(board: SchedulerState, job: Job, site: Node) -> bool:
    return all(goes_with(board, job, peer, site) for peer in job.requirements.machine_of)


def goes_with(board: SchedulerState, job: Job, peer: str, site: Node) -> bool:
    """Whether the peer is here; a Global one may also come here with the unit."""
    if peer in site.units:
        return True
    host = board.relations.jobs.get(peer)
    if not host or not host.requirements.is_global:
        return False
    return allowed(board, host, site) and not _at_odds(board, job, peer)


def _at_odds(board: SchedulerState, job: Job, peer: str) -> bool:
    """Whether the unit, and all that it follows, cannot be beside this peer."""
    relations = board.relations
    return any(
        relations.conflict(one, peer)
        or relations.replaces(one, peer)
        or relations.replaces(peer, one)
        for one in (job.name, *job.requirements.machine_of)
        if one in relations.jobs
    )


def _explain_peers(board: SchedulerState, job: Job, site: Node) -> str:
    peers = job.requirements.machine_of
    peer = next(peer for peer in peers if not goes_with(board, job, peer, site))
    return f"must be with {peer}, which {_explain_absence(board, peer, site)}"


def _explain_absence(board: SchedulerState, peer: str, site: Node) -> str:
    host = board.relations.jobs.get(peer)
    if not host:
        return "is not scheduled: it does not exist, or is inactive"
    if host.requirements.is_global:
        return f"cannot be there: {objection(board, host, site) or 'the two conflict'}"
    if peer in board.at:
        return f"is on {short(board.at[peer].id)}"
    circle = board.relations.circle(peer)
    if circle:
        more = f" and {len(circle) - 3} more" if len(circle) > 3 else ""
        return f"goes in a circle: {', '.join(circle[:3])}{more} follow each other"
    return "fits on no machine itself"


def _meets_no_conflict(board: SchedulerState, job: Job, site: Node) -> bool:
    return not board.has_opponent(job, site)


def _explain_conflict(board: SchedulerState, job: Job, site: Node) -> str:
    return f"conflicts with {board.opponent(job, site)}, which runs there"


def _is_not_replaced(board: SchedulerState, job: Job, site: Node) -> bool:
    return board.replacement(job, site) is None


def _explain_replacement(board: SchedulerState, job: Job, site: Node) -> str:
    return f"is replaced by {board.replacement(job, site)}, which runs there"


MACHINE = Rule(_is_wanted_machine, _explain_machine)
METADATA = Rule(_has_metadata, _explain_metadata)
MARK = Rule(_takes_units, _explain_mark)
PEERS = Rule(_is_with_peers, _explain_peers)
CONFLICTS = Rule(_meets_no_conflict, _explain_conflict)
REPLACED = Rule(_is_not_replaced, _explain_replacement)
LASTING_RULES = (MACHINE, METADATA)
"""They depend on the unit and the machine alone, not on what is placed where."""
RULES = (*LASTING_RULES, MARK, PEERS, CONFLICTS, REPLACED)
