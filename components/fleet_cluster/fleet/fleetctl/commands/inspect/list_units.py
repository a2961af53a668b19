"""`fleetctl list-units`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from ....cluster_state.runs import runs_of
from ....cluster_state.state import ClusterState
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import SHORT_HASH, is_glob, legend, listed, name_of
from ...cli.output import tell
from ...operations.context import Context
from ...state.unit_state import activity, is_lost, known_units, machines_of, problem, why_nowhere
from ...state.unplaced import unplaced_reasons
from ...state.watcher import WAITING_FOR_ETCD, Watcher, read_state
from ..command import Command

SHOWN = ("unit", "machine", "active", "sub")
FIELDS = (*SHOWN, "load", "hash", "dstate", "since", "held", "lost", "ended", "problem", "next")
GONE = "gone"
"""ACTIVE of what was watched on a machine, and is not there any more."""
LOOK_SECONDS = 60.0
"""How long to wait for a change before looking all the same."""


def unit_rows(names: Iterable[str], view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each unit on each of its machines, and for each that wants one and has none."""
    rows: list[table.Row] = []
    for name in names:
        rows.extend(_row(name, machine, view, full) for machine in machines_of(name, view))
    return rows


def notes(names: Iterable[str], view: ClusterState) -> list[str]:
    """Notes below the table: why units are on no machine, and what cannot be confirmed."""
    rows = unit_rows(names, view, full=False)
    unplaced = [row["unit"] for row in rows if row["sub"] == "unplaced"]
    return [
        *(f"{name}: {unplaced_reasons(name, view)}" for name in unplaced),
        *(_problem_note(row) for row in rows if row["problem"] and row["machine"]),
        *_elapses(names, view),
        *_note("lost: no news since its machine's lease ended", rows, "lost"),
        *_note("held: it runs without an instruction from this store", rows, "held"),
    ]


def _elapses(names: Iterable[str], view: ClusterState) -> list[str]:
    """When timers with `Once=true` elapse next, and what came of the last run."""
    found: list[str] = []
    for name in names:
        timer = view.timers.get(name)
        if timer and timer.next:
            started = view.started(name)
            last = next(iter(runs_of(started, view)), None)
            result = f"; {started} last: {last.result or 'running'}" if last else ""
            found.append(f"{name} elapses next at {_time(timer.next)}{result}")
    return found


def _problem_note(row: table.Row) -> str:
    return f"{row['unit']} on {row['machine']}: {row['problem']}"


def _note(text: str, rows: Iterable[table.Row], field: str) -> list[str]:
    return [f"{row['unit']} on {row['machine']} is {text}" for row in rows if row[field]]


def _row(name: str, machine: str, view: ClusterState, full: bool) -> table.Row:
    unit = view.units.get(name)
    state = view.reported(name).get(machine)
    ended = view.has_completed(name)
    active, sub = activity(name, machine, view)
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
        "lost": is_lost(name, machine, view),
        "ended": ended,
        "problem": problem(state) if state else "" if machine else why_nowhere(name, view),
        "next": _next(name, view),
    }


def _next(name: str, view: ClusterState) -> str | None:
    """When a timer with `Once=true` elapses next."""
    timer = view.timers.get(name)
    return _time(timer.next) if timer and timer.next else None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changes(
    before: Mapping[tuple[str, str], table.Row], now: Mapping[tuple[str, str], table.Row]
) -> list[table.Row]:
    """Rows that are new or have changed, and those that are gone: their ACTIVE is `gone`."""
    left = {"active": GONE, "sub": None, "load": None}
    gone = [{**row, **left} for key, row in before.items() if key not in now and row["machine"]]
    return [*gone, *(row for key, row in now.items() if row != before.get(key))]


def _watch(context: Context, arguments: Namespace) -> int:
    """Print units, then each change of them, until interrupted.

    Raises:
        CtlError: a unit that is named is not known.
    """
    stream, shown = table.Stream(arguments, FIELDS), dict[tuple[str, str], table.Row]()
    full = arguments.full or table.is_data(arguments)
    with Watcher(context.connect()) as watcher:
        listed(arguments.units, known_units(watcher.state))
        while True:
            names = _still_named(arguments.units, watcher.state)
            rows = unit_rows(names, watcher.state, full)
            now = {(row["unit"], row["machine"] or ""): row for row in rows}
            print(stream.render(changes(shown, now)), end="", flush=True)
            shown = now
            _wait(watcher)


def _wait(watcher: Watcher) -> None:
    """Wait for a change; tell once when etcd does not answer."""
    was_lost = watcher.lost
    watcher.wait(LOOK_SECONDS)
    if watcher.lost and not was_lost:
        tell(f"{WAITING_FOR_ETCD} What is shown may be old.")


def _still_named(given: Iterable[str], view: ClusterState) -> list[str]:
    """The units that are listed of those that were named, which may be gone by now."""
    known = known_units(view)
    there = [one for one in given if is_glob(one) or name_of(one) in known]
    return listed(there, known) if there or not given else []


def _configure(parser: ArgumentParser) -> None:
    table.add_units(parser)
    parser.add_argument(
        "--watch", "-w", action="store_true", help="go on with each row that changes"
    )
    table.add_options(parser, FIELDS, SHOWN, "unit")


def _run(context: Context, arguments: Namespace) -> int:
    if arguments.watch:
        return _watch(context, arguments)
    view = read_state(context.connect())
    names = listed(arguments.units, known_units(view))
    rows = unit_rows(names, view, arguments.full or table.is_data(arguments))
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
last that was heard, or `unknown`. With --watch, each row is printed again when it changes;
ACTIVE is `gone` where the unit is not on that machine any more.""",
    example="""
  $ fleetctl list-units
  UNIT                    MACHINE                         ACTIVE  SUB
  hello.service           3f2a91bc.../172.18.0.11         active  running
  sinatra@5000.service    9d04e6a1.../172.18.0.12         active  running

  $ fleetctl list-units 'sinatra@*' --fields unit,active,since --no-legend
  $ fleetctl list-units --watch 'sinatra@*'
""",
    configure=_configure,
    run=_run,
)
