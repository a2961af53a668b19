"""Admission of unit files that are new to a cluster: where they are submitted, and nowhere else."""

from collections.abc import Collection, Mapping
from time import time

from ...cluster_state.state import ClusterState
from ...cluster_state.unit_files import parse_once
from ...engine.runs.calendar import CalendarError, ask_systemd
from ...lint.credentials import check_lengths
from ...lint.unit_file import lint
from ...lint.unit_set import same_service
from ...model.records import DesiredState, Unit
from ...service_name import DOMAIN
from ...unitfiles.quadlets.names import units_of
from ...unitfiles.triggers import (
    accepted_template,
    names_its_unit,
    schedule_of,
    stays,
    triggered_unit,
)
from ...unitfiles.unitfile import is_template, template_of
from ..cli.errors import CtlError
from ..cli.output import tell
from ..state.secret_versions import check_secrets


def admit(units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState) -> None:
    """Refuse new files that are bad, and remark on what is passed over in the others.

    Raises:
        UnitFileError: each fault in its line.
        CtlError: a socket lacks the template that it accepts connections with, a timer or path the
            unit that it starts, a unit names a secret that the cluster does not have, or systemd
            would have two units as one.
    """
    _check_services(units, view)
    _check_sockets(units, texts, view)
    check_secrets(units, texts, view)
    _check_names(units.keys(), view.preview(units, texts))
    found = lint(new_files(units, texts, view))
    found.refuse()
    for name, unit in units.items():  # Of a template, each instance has a name.
        if unit and unit.sha in texts:
            check_lengths(name, texts[unit.sha])
    _check_triggers(units, texts, view)
    for line in [found.notice, *(line for lines in found.remarks.values() for line in lines)]:
        if line:
            tell(line)


def _check_services(units: Mapping[str, Unit | None], view: ClusterState) -> None:
    """Refuse a quadlet beside a service of the name that Podman gives to its own, and the other."""
    new = [name for name, unit in units.items() if unit and name not in view.units]
    there = {name for name in view.units if units.get(name, True)}
    for name in new:
        if fault := same_service(name, sorted({*there, *new})):
            raise CtlError(f"{name}: {fault}; nothing was changed")


def _check_sockets(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> None:
    for name, unit in units.items():
        template = accepted_template(name, texts.get(unit.sha, "")) if unit else None
        if template and template not in view.units and not units.get(template):
            raise CtlError(
                f"{name} has Accept=yes, so systemd makes instances of {template}, which is not in"
                f" the cluster: fleetctl submit {template} first"
            )


def _check_triggers(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> None:
    """Of what is to be on a machine: one that is only submitted may be the first of the two."""

    def text_of(unit: Unit | None) -> str:
        return (texts.get(unit.sha) or view.files.get(unit.sha, "")) if unit else ""

    for name, unit in units.items():
        if not unit or unit.desired_state is DesiredState.INACTIVE or is_template(name):
            continue
        text = text_of(unit)
        service = triggered_unit(name, text)
        if not service:
            continue
        known = {**view.units, **units}
        started = next((one for one in units_of(service) if known.get(one)), service)
        other = known.get(started)
        is_once = parse_once(name, text).requirements.is_once
        if other is None and (is_once or not names_its_unit(name, text)):
            raise CtlError(
                f"{name} starts {started}, which is not in the cluster, so nothing was changed: "
                f"fleetctl submit {started} first. A unit that the machine has of its own is named "
                "by Unit=, without Once="
            )
        if is_once:
            _check_started(name, started, text_of(other))
            _check_elapses(name, text)
    for name, unit in units.items():
        timer = view.trigger(name)
        if timer not in units and view.is_once(timer):
            _check_started(timer, name, text_of(unit))


def _check_started(timer: str, started: str, text: str) -> None:
    """Refuse what a timer with `Once=true` could start on no machine, or but once in its life."""
    if stays(started, text):
        raise CtlError(
            f"{timer} has Once=true, and {started} RemainAfterExit=yes: it stays active when it "
            "has ended, and cannot run again. Leave RemainAfterExit= out"
        )
    if text and parse_once(started, text).requirements.is_global:
        raise CtlError(
            f"{timer} has Once=true, so {started} runs on one machine, and it has Global=true: "
            "where it is to run on all, leave Once= out and give the timer Global=true as well"
        )


def _check_elapses(name: str, text: str) -> None:
    """Refuse a timer that would never elapse."""
    calendars = schedule_of(name, text).calendars
    try:
        upcoming = ask_systemd(calendars, time())
    except CalendarError as error:
        raise CtlError(f"{name}: OnCalendar={' '.join(calendars)}: {error}") from error
    if not upcoming:
        raise CtlError(f"{name}: OnCalendar={' '.join(calendars)} is over: it never elapses")


def _check_names(changed: Collection[str], then: ClusterState) -> None:
    """Refuse a changed unit whose name another one has that is of no pool with it.

    Raises:
        CtlError: names both, and what to do.
    """
    pools = {unit: _pool(unit, then) for unit in sorted(then.units) if _name(unit, then)}
    for unit in sorted(pools.keys() & changed):
        name = _name(unit, then)
        others = (one for one in pools if _name(one, then) == name and pools[one] != pools[unit])
        if other := next(others, ""):
            raise CtlError(
                f"{unit} has Name={name}, which {other} has: whoever asks for {name}.{DOMAIN} "
                "would get either. Give one of them another name, or make them instances of one "
                "template, or apply both by one owner: fleetctl apply"
            )


def _name(unit: str, then: ClusterState) -> str:
    asked = then.requirements(unit)
    return asked.service.name if asked and asked.service else ""


def _pool(unit: str, then: ClusterState) -> str:
    """What units that may have one name have in common."""
    owner = then.units[unit].owner
    return f"owner {owner}" if owner else template_of(unit) or unit


def new_files(
    units: Mapping[str, Unit | None], texts: Mapping[str, str], view: ClusterState
) -> dict[str, str]:
    """The files that the cluster does not have yet, each once: by its template, or else a unit.

    What the cluster has was accepted once, and an update of fleet takes nothing back.
    """
    named: dict[str, str] = {}
    for name in sorted(units, key=is_template):
        unit = units[name]
        if unit and unit.sha in texts and unit.sha not in view.files:
            named[unit.sha] = name
    return {name: texts[sha] for sha, name in named.items()}
