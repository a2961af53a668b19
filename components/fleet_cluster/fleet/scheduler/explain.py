"""Why a unit is placed on one machine and not on another, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .feasibility import objection
from .relations import Job
from .state import Node, SchedulerState

COMPARED = 8
"""In clusters of up to so many machines a choice tells of each: they fit on the screen."""


@dataclass(frozen=True)
class Explanation:
    """Why a unit goes to its machine."""

    because: str
    against: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why not to each of the other machines, by id; empty in clusters of many machines."""


def choice(board: SchedulerState, job: Job, site: Node) -> Explanation:
    """Why `job` goes to `site`; to be asked just before it is put there."""
    followed = job.requirements.machine_of
    replaced = board.victims(job, site)
    if followed:
        because = f"it follows {', '.join(followed)}"
    elif replaced:
        because = f"it takes the place of {', '.join(replaced)}"
    else:
        because = f"it has the fewest units of those that fit: {site.load}"
    if len(board.sites) > COMPARED:
        return Explanation(because)
    others = [one for one in board.sites.values() if one is not site]
    return Explanation(because, {one.id: _against(board, job, one) for one in others})


def _against(board: SchedulerState, job: Job, site: Node) -> str:
    return objection(board, job, site) or f"it fits, with {_count(site.load)}"


def _count(load: int) -> str:
    return f"{load} unit{'' if load == 1 else 's'}"
