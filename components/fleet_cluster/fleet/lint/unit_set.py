"""Lint of a set of unit files: whether they fit together, without a cluster (pure).

A unit that follows others has to be on one machine with them. Whether such a machine could exist
at all is asked of the scheduler itself, with one machine made as the units want it.
"""

from collections.abc import Iterable, Mapping

from ..model.records import MachineState
from ..scheduler.schedule import Job, schedule
from ..unitfiles.quadlets.names import service_of
from ..unitfiles.unitfile import UnitFileError, is_template, parse, template_of

EXAMPLE = "0" * 32
"""The instance that stands for all of a template: also a possible machine id."""


def unschedulable(files: Mapping[str, str]) -> dict[str, str]:
    """Unschedulable units, each with the reason; one that could be on some machine is left out.

    Args:
        files: unit or template to its text, none of which is refused by itself.
    """
    faults = {
        name: same_service(name, files) or _impossible_place(_example(name), files)
        for name in files
    }
    return {name: f"{name}: {fault}" for name, fault in faults.items() if fault}


def same_service(name: str, others: Iterable[str]) -> str:
    """The reason why a unit cannot be beside these: systemd would have both as one; or empty."""
    service = service_of(name)
    for other in others:
        if other != name and service_of(other) == service:
            return (
                f"on a machine it is {service}, and so is {other}: give one of the two another name"
            )
    return ""


def _example(name: str) -> str:
    return name.replace("@.", f"@{EXAMPLE}.") if is_template(name) else name


def _job(name: str, files: Mapping[str, str]) -> Job | None:
    """The job of a unit, by its file or its template's; None without a file that is of use."""
    text = files.get(name) or files.get(template_of(name) or "")
    if text is None:
        return None
    try:
        return Job(name, parse(name, text).requirements)
    except UnitFileError:
        return None  # A template whose options this instance cannot fill: told of that instance.


def _impossible_place(name: str, files: Mapping[str, str]) -> str:
    """The reason why no machine can run a unit and all that it follows; empty when one could."""
    together: dict[str, Job] = {}
    missing: set[str] = set()
    pending = [name]
    while pending:
        one = pending.pop()
        job = _job(one, files)
        if job is None:
            missing.add(one)
        elif one not in together:
            together[one] = job
            pending.extend(job.requirements.machine_of)
    return _at_odds(together) or ("" if missing else _refused(name, together))


def _at_odds(together: Mapping[str, Job]) -> str:
    """The reason why units that follow each other want different machines; or empty."""
    ids = {job.requirements.machine_id: name for name, job in together.items()}
    ids.pop(None, None)
    if len(ids) > 1:
        return f"it can be on no machine: {' and '.join(ids.values())} want different MachineID"
    wanted: dict[str, tuple[str, frozenset[str]]] = {}
    for name, job in together.items():
        for key, values in job.requirements.machine_metadata.items():
            other, known = wanted.get(key, (name, values))
            if not known & values:
                return (
                    f"it can be on no machine: {other} wants {_pairs(key, known)}, and {name}, "
                    f"which is to be with it, {_pairs(key, values)}"
                )
            wanted[key] = (name, known & values)
    return ""


def _refused(name: str, together: Mapping[str, Job]) -> str:
    """The scheduler's reason against these units on a machine that is made for them."""
    asked = [job.requirements for job in together.values()]
    id = next((one.machine_id for one in asked if one.machine_id), EXAMPLE)
    metadata: dict[str, frozenset[str]] = {}
    for requirements in asked:
        for key, values in requirements.machine_metadata.items():
            metadata[key] = metadata.get(key, values) & values
    ideal = MachineState(
        id, "", "", {key: min(values) for key, values in metadata.items()}, takes_runs=True
    )
    reasons = schedule(list(together.values()), [ideal], {}).unplaced
    if name not in reasons:
        return ""
    return f"it can be on no machine: {reasons[name].get(id, 'it does not fit')}"


def _pairs(key: str, values: frozenset[str]) -> str:
    return " or ".join(f"{key}={value}" for value in sorted(values))
