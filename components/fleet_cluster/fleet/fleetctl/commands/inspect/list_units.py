"""`fleetctl list-units`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import UTC, datetime

from ....cluster_state.state import ClusterState
from ....model.records import JOB_DONE, JOB_PENDING, DesiredState, UnitState
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import legend, listed
from ...cli.output import tell
from ...operations.context import Context
from ...state.unplaced import unplaced_reasons
from ...state.watcher import read_state
from ..command import Command

SHOWN = ("unit", "machine", "active", "sub")
FIELDS = (*SHOWN, "load", "hash", "dstate", "since", "held", "lost", "ended", "problem")
SHORT_HASH = 7


def unit_rows(names: Iterable[str], view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each unit on each of its machines, and for each that wants one and has none."""
    rows: list[table.Row] = []
    for name in names:
        unit = view.units.get(name)
        wants_one = unit is not None and unit.desired_state is not DesiredState.INACTIVE
        machines = _machines(name, view) or ([""] if wants_one else [])
        rows.extend(_row(name, machine, view, full) for machine in machines)
    return rows


def notes(names: Iterable[str], view: ClusterState) -> list[str]:
    """Notes below the table: why units are on no machine, and what cannot be confirmed."""
    rows = unit_rows(names, view, full=False)
    unplaced = [row["unit"] for row in rows if row["sub"] == "unplaced"]
    return [
        *(f"{name}: {unplaced_reasons(name, view)}" for name in unplaced),
        *(_problem_note(row) for row in rows if row["problem"] and row["machine"]),
        *_note("lost: no news since its machine's lease ended", rows, "lost"),
        *_note("held: it runs without an instruction from this store", rows, "held"),
    ]


def _problem_note(row: table.Row) -> str:
    return f"{row['unit']} on {row['machine']}: {row['problem']}"


def _note(text: str, rows: Iterable[table.Row], field: str) -> list[str]:
    return [f"{row['unit']} on {row['machine']} is {text}" for row in rows if row[field]]


def _machines(name: str, view: ClusterState) -> list[str]:
    return sorted(view.assigned(name).keys() | view.reported(name).keys())


def _row(name: str, machine: str, view: ClusterState, full: bool) -> table.Row:
    unit = view.units.get(name)
    state = view.reported(name).get(machine)
    ended = view.has_completed(name)
    lost = bool(machine) and machine not in view.machines and not ended
    active, sub = _activity(name, machine, state, lost, view)
    sha = state.sha if state else unit.sha if unit else ""
    return {
        "unit": name,
        "machine": legend(machine, view.machines, full) if machine else None,
        "active": active,
        "sub": sub,
        "load": state.load if state else None,
        "hash": sha if full else sha[:SHORT_HASH],
        "dstate": unit.desired_state.value if unit else None,
        "since": _time(state.since) if state and state.since else None,
        "held": bool(state and state.orphan),
        "lost": lost,
        "ended": ended,
        "problem": _problem(state) if state else "" if machine else _why_nowhere(name, view),
    }


def _activity(
    name: str, machine: str, state: UnitState | None, lost: bool, view: ClusterState
) -> tuple[str, str]:
    """ACTIVE and SUB: systemd's own words, as long as there is a machine that vouches for them."""
    if lost:
        return "lost", state.active if state else "unknown"
    if state:
        return state.active, state.sub
    if machine:
        return "inactive", "dead" if view.has_completed(name) else "assigned"
    return "inactive", "pending" if unplaced_reasons(name, view) is None else "unplaced"


def _problem(state: UnitState) -> str:
    """Why the unit is not up there, if it never was."""
    if state.problem or state.job in ("", JOB_PENDING):
        return state.problem
    what = "skipped it" if state.job == JOB_DONE else f"did not start it: {state.job}"
    return f"systemd {what}: {state.reason}" if state.reason else f"systemd {what}"


def _why_nowhere(name: str, view: ClusterState) -> str:
    first, *others = (unplaced_reasons(name, view) or "").splitlines() or [""]
    return f"{first} {'; '.join(line.strip() for line in others)}".strip()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _configure(parser: ArgumentParser) -> None:
    table.add_units(parser)
    table.add_options(parser, FIELDS, SHOWN)


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    names = listed(arguments.units, view.units.keys() | view.states.keys())
    rows = unit_rows(names, view, arguments.full or arguments.output == "json")
    print(table.render(rows, arguments, FIELDS), end="", flush=True)
    if not arguments.no_legend and arguments.output == "table":
        for note in notes(names, view):
            tell(note)
    if not names and not arguments.no_legend:
        tell(table.nothing_listed(arguments.units))
    return Exit.DONE


COMMAND = Command(
    name="list-units",
    summary="the units, where they are, and what systemd says of them",
    help="""\
List each unit on each of its machines with the state that systemd reported last; only some when
units or patterns are named, and a pattern that matches nothing is no error. A unit that wants a
machine and has none shows `-`, and why it has none below the table (on standard error). ACTIVE is
`lost` when the machine's lease in etcd has ended: nobody can say how the unit does; SUB is then the
last that was heard, or `unknown`.""",
    example="""
  $ fleetctl list-units
  UNIT                    MACHINE                         ACTIVE  SUB
  hello.service           3f2a91bc.../172.18.0.11         active  running
  sinatra@5000.service    9d04e6a1.../172.18.0.12         active  running

  $ fleetctl list-units 'sinatra@*' --fields unit,active,since --no-legend
""",
    configure=_configure,
    run=_run,
)
