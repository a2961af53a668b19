"""Location of the machines that operators mean (pure)."""

from collections.abc import Iterable

from ...cluster_state.runs import runs_by_unit, runs_of
from ...cluster_state.state import ClusterState
from ...model.records import DesiredState
from ...unitfiles.unitfile import UnitFileError, is_template
from ..cli.errors import CtlError
from ..cli.names import is_glob, legend, machine_meant, machine_named, misnomer, name_of, select
from ..cli.spelling import did_you_mean
from ..state.unplaced import unplaced_reasons
from .machines import Located


def locate(names: Iterable[str], view: ClusterState, units_only: bool = False) -> list[Located]:
    """The machines of units, or the machines themselves, in the order of the names.

    Args:
        names: units, patterns for units; and unless `units_only` also a machine's address,
            host name, id, or the beginning of its id.
        view: the records.
        units_only: whether names are units only.

    Raises:
        CtlError: a name is not known, not unique, or on no machine that is alive.
    """
    return [found for name in names for found in _locate(name, view, units_only)]


def locate_some(names: Iterable[str], view: ClusterState) -> tuple[list[Located], list[str]]:
    """The machines of units that are alive, each once, and what is to be said of the others.

    Raises:
        CtlError: a name is not known, or none of the units is on a machine that is alive.
    """
    found: dict[tuple[str, str], Located] = {}
    missing: dict[str, None] = {}
    for unit in [unit for name in names for unit in _units_meant(name, view)]:
        try:
            found.update({(one.unit, one.machine.id): one for one in _of_unit(unit, view)})
            missing.update(dict.fromkeys(_lost_parts(unit, view)))
        except CtlError as error:
            missing[str(error)] = None
    if not found:
        raise CtlError("\n".join(missing))
    return list(found.values()), list(missing)


def _locate(name: str, view: ClusterState, units_only: bool) -> list[Located]:
    if not units_only and (machine := machine_named(name, view.machines)):
        return [Located(view.machines[machine])]
    if units_only or is_glob(name) or _unit_named(name) in _known(view):
        return [found for unit in _units_meant(name, view) for found in _of_unit(unit, view)]
    if machine := machine_meant(name, view.machines):
        return [Located(view.machines[machine])]
    raise _unknown(name, view)


def _unit_named(name: str) -> str:
    """The unit that was named; empty if it is no name of a unit, as an address."""
    try:
        return name_of(name)
    except UnitFileError:
        return ""


def _unknown(name: str, view: ClusterState) -> CtlError:
    hosts = [machine.hostname for machine in view.machines.values()]
    hint = did_you_mean(name, hosts) or did_you_mean(_unit_named(name), view.units)
    return CtlError(
        f"{name!r} is neither a machine that is alive (id or its beginning, address, host name) "
        f"nor a unit{hint}; see: fleetctl list-machines, fleetctl list-unit-files"
    )


def _known(view: ClusterState) -> set[str]:
    return view.units.keys() | view.states.keys() | runs_by_unit(view).keys()


def _units_meant(name: str, view: ClusterState) -> list[str]:
    """The units that are meant: of a pattern those that are on a machine, or else the first."""
    units = select([name], _known(view))
    # Of a pattern, those that no command line is to have as a word are left out.
    units = [unit for unit in units if not misnomer(unit)] or units
    placed = [unit for unit in units if view.assigned(unit) or view.reported(unit)]
    return placed or units[:1]


def _lost_parts(unit: str, view: ClusterState) -> list[str]:
    """Of a unit that is on several machines: those of them that are lost, in words."""
    on = sorted(view.assigned(unit).keys() | view.reported(unit).keys())
    lost = [legend(machine, view.machines) for machine in on if machine not in view.machines]
    return [f"{unit} was on {machine}, which is lost" for machine in lost]


def _of_unit(unit: str, view: ClusterState) -> list[Located]:
    if fault := misnomer(unit):
        raise CtlError(fault)
    now = view.assigned(unit).keys() | view.reported(unit).keys()
    on = sorted(now) or sorted({run.machine for run in runs_of(unit, view) if run.machine})
    alive = [Located(view.machines[machine], unit) for machine in on if machine in view.machines]
    if alive:
        return alive
    if on:
        raise CtlError(f"{unit} was on {legend(on[0], view.machines)}, which is lost")
    if is_template(unit):
        raise CtlError(f"{unit} is a template and on no machine; name an instance of it")
    record = view.units.get(unit)
    if record and record.desired_state is DesiredState.INACTIVE:
        raise CtlError(f"{unit} is on no machine: it is inactive; start it: fleetctl start {unit}")
    reasons = unplaced_reasons(unit, view) if record else None
    if reasons:
        raise CtlError(f"{unit} is on no machine, because {reasons}")
    raise CtlError(f"{unit} is on no machine yet; see: fleetctl why {unit}")


def only_on(given: str, unit: str, located: list[Located]) -> list[Located]:
    """What of it is on the machine that an operator has named.

    Raises:
        CtlError: nothing is; says where it is.
    """
    machine = machine_meant(given, {found.machine.id: found.machine for found in located})
    if not machine:
        raise CtlError(f"{unit} is not on a machine {given!r}; it is on: {where(located)}")
    return [found for found in located if found.machine.id == machine]


def where(located: Iterable[Located]) -> str:
    """The machines, each once, as they are printed."""
    machines = {found.machine.id: found.machine for found in located}
    return ", ".join(f"{legend(id, machines)} ({on.hostname})" for id, on in machines.items())
