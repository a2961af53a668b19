"""What the page shows of machines, units and events: objects of JSON (pure)."""

from collections.abc import Callable, Iterable
from typing import Any

from ...cluster_state.placement import SERVING
from ...model.printable import printable
from ...unitfiles.names import template_of
from ...unitfiles.resources import cpus_text, memory_text
from ..cli.names import SHORT_HASH
from ..live.events import Event
from ..live.history import History
from ..live.overview import MachineRow, Place, UnitRow
from ..live.words import LOUD, is_trouble, state_text
from ..usage.figures import Figures
from ..usage.sample import UnitUsage

BUSY = {"activating", "deactivating", "reloading", "refreshing"}

Shown = dict[str, Any]
"""An object of JSON."""


def shown_machine(id: str, row: MachineRow | None, history: History) -> Shown:
    """A machine's column; one that is gone has its id only."""
    if row is None:
        return {"id": id, "gone": True}
    return {
        "id": id,
        "name": printable(history.overview.name_of(id)),
        "address": printable(row.address),
        "state": printable(row.state or "ready"),
        "tone": _machine_tone(row),
        "lost_since": history.lost_since.get(id, 0.0),
        "reserved": [
            *_share("memory reserved", row.memory, row.memory_total, memory_text),
            *_share("CPUs reserved", row.cpu, row.cpu_total, cpus_text),
        ],
    }


def _machine_tone(row: MachineRow) -> str:
    if row.is_lost or "sick:" in row.state:
        return "bad"
    return "busy" if row.state else "good"


def _share(what: str, part: int, total: int, text: Callable[[int], str]) -> list[Shown]:
    """How much of it is taken; none where that is nothing, or nobody says how much there is."""
    if not part or not total:
        return []
    return [{"what": what, "share": part / total, "text": f"{text(part)} of {text(total)}"}]


def shown_unit(place: Place, row: UnitRow | None, history: History) -> Shown:
    """A unit's row in the column of its machine; of one that is gone, only where it was."""
    unit, machine = place
    if row is None:
        return {"unit": unit, "machine": machine, "gone": True}
    return {
        "unit": unit,
        "machine": machine,
        "label": printable(unit),
        "template": template_of(unit) or "",
        "state": printable(state_text(row).removeprefix("active ")),
        "tone": _unit_tone(row),
        "home": row.is_home or not machine,
        "everywhere": row.everywhere,
        "since": row.since,
        "restarts": history.restarts[place],
        "memory": memory_text(row.memory) if row.memory else "",
        "cpus": cpus_text(row.cpu) if row.cpu else "",
        "file": row.sha[:SHORT_HASH],
        "problem": printable(row.problem),
    }


def _unit_tone(row: UnitRow) -> str:
    if is_trouble(row):
        return "bad"
    if row.active in BUSY:
        return "busy"
    return "good" if row.active in SERVING else "quiet"


def shown_usage(id: str, figures: Figures, units: Iterable[Place], row: MachineRow | None) -> Shown:
    """What a machine uses, and its units, as far as it has said so lately."""
    usage = figures.machine(id)
    if usage is None or row is None:
        return {"id": id, "used": [], "units": {}}
    disk = usage.fullest
    room = (
        []
        if disk is None
        else _share(printable(disk.path), disk.size - disk.free, disk.size, memory_text)
    )
    return {
        "id": id,
        "used": [
            *_share("memory", usage.memory, row.memory_total, memory_text),
            *_share("CPUs", usage.cpu, row.cpu_total, cpus_text),
            *room,
        ],
        "units": {
            unit: text
            for unit, machine in units
            if machine == id and (text := _used(figures.unit(unit, id)))
        },
    }


def _used(usage: UnitUsage | None) -> str:
    if usage is None:
        return ""
    memory = "" if usage.memory is None else memory_text(usage.memory)
    cpus = "" if usage.cpu is None else f"{cpus_text(usage.cpu)} CPUs"
    return ", ".join(one for one in (memory, cpus) if one)


def shown_events(happened: Iterable[Event]) -> list[Shown]:
    """Events, in the order in which they are given."""
    return [
        {
            "at": one.at,
            "kind": one.kind.value,
            "text": printable(one.text),
            "loud": one.kind in LOUD,
        }
        for one in happened
    ]
