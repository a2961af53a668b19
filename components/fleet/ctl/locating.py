"""Finding the machines that operators mean (pure)."""

from collections.abc import Iterable

from ..model import Machine, Target
from .command import Located
from .errors import CtlError
from .goals import unplaced_reasons
from .names import did_you_mean, is_glob, legend, name_of, select
from .view import View


def locate(targets: Iterable[str], view: View, units_only: bool = False) -> list[Located]:
    """The machines of units, or the machines themselves, in the order of the targets.

    Args:
        targets: units, patterns for units; and unless `units_only` also a machine's address,
            host name, id, or the beginning of its id.
        view: the records.
        units_only: whether targets are units only.

    Raises:
        CtlError: a target is not known, not unique, or on no machine that is alive.
    """
    return [found for target in targets for found in _locate(target, view, units_only)]


def _locate(target: str, view: View, units_only: bool) -> list[Located]:
    if not units_only and (machine := _machine_named(target, view)):
        return [Located(machine)]
    known = view.units.keys() | view.states.keys()
    if units_only or is_glob(target) or name_of(target) in known:
        return [found for unit in select([target], known) for found in _of_unit(unit, view)]
    return [Located(_machine_beginning(target, view))]


def _machine_named(target: str, view: View) -> Machine | None:
    for machine in view.machines.values():
        if target in (machine.id, machine.address, machine.hostname):
            return machine
    return None


def _machine_beginning(target: str, view: View) -> Machine:
    beginning = target.removesuffix("...")
    matches = [machine for id, machine in view.machines.items() if id.startswith(beginning)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        which = ", ".join(legend(machine.id, view.machines) for machine in matches)
        raise CtlError(f"{target!r} is the beginning of several machine ids: {which}")
    hosts = [machine.hostname for machine in view.machines.values()]
    hint = did_you_mean(target, hosts) or did_you_mean(name_of(target), view.units)
    raise CtlError(
        f"{target!r} is neither a machine that is alive (id or its beginning, address, host name) "
        f"nor a unit{hint}; see: fleetctl list-machines, fleetctl list-unit-files"
    )


def _of_unit(unit: str, view: View) -> list[Located]:
    on = sorted(view.assigned(unit).keys() | view.reported(unit).keys())
    alive = [Located(view.machines[machine], unit) for machine in on if machine in view.machines]
    if alive:
        return alive
    if on:
        raise CtlError(f"{unit} was on {legend(on[0], view.machines)}, which is lost")
    record = view.units.get(unit)
    if record and record.target is Target.INACTIVE:
        raise CtlError(f"{unit} is on no machine: it is inactive; start it: fleetctl start {unit}")
    reasons = unplaced_reasons(unit, view) if record else None
    if reasons:
        raise CtlError(f"{unit} is on no machine, because {reasons}")
    raise CtlError(f"{unit} is on no machine yet; see: fleetctl why {unit}")
