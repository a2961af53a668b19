"""`fleetctl runs`."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from ....cluster_state.runs import runs_of
from ....cluster_state.state import ClusterState
from ....model.runs import NO_EXIT_CODE, RunState
from ...cli import table
from ...cli.errors import Exit
from ...cli.names import legend, select
from ...cli.output import tell
from ...operations.context import Context
from ...state.watcher import read_state
from ..command import Command

FIELDS = ("due", "started", "machine", "duration", "result", "exit", "ended", "by", "until", "run")
SHOWN = FIELDS[:6]


def run_rows(name: str, view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each run of a unit, the newest first."""
    return [_row(run, view, full) for run in runs_of(name, view)]


def _row(run: RunState, view: ClusterState, full: bool) -> table.Row:
    return {
        "due": _time(run.due),
        "started": _time(run.started),
        "machine": legend(run.machine, view.machines, full) if run.machine else None,
        "duration": round(float(run.duration), 1) if run.ended else None,
        "result": run.result or ("running" if run.started else "waiting"),
        "exit": None if run.exit_code == NO_EXIT_CODE else run.exit_code,
        "ended": _time(run.ended),
        "by": run.by or None,
        "until": _time(run.until),
        "run": run.id,
    }


def _time(seconds: float) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unit_of_runs(given: str, view: ClusterState) -> str:
    """The unit whose runs are meant: of a timer, what it starts.

    Raises:
        CtlError: there is no such unit.
    """
    known = {id.rpartition("/")[0] for id in view.runs}
    (name,) = select([given], view.units.keys() | known)[:1]
    return view.started(name) or name


def next_elapse(name: str, view: ClusterState) -> str:
    """When a timer elapses next that starts this unit, in words; empty when none does."""
    trigger = view.trigger(name)
    timer = view.timers.get(trigger)
    if not timer or not timer.next:
        return ""
    return f"{trigger} elapses next at {_time(timer.next)}"


def why_none(name: str, view: ClusterState) -> str:
    """Why there is no record of a unit's runs, in words, and where to look instead."""
    trigger = view.trigger(name)
    if trigger and view.is_once(trigger):
        return f"{trigger} has not elapsed yet"
    why = "they are recorded of what a timer with Once=true starts, and of fleetctl run"
    if trigger:
        why = f"without Once=true, {trigger} is the business of its machine's systemd alone"
    return f"{why}. What it said when it ran: fleetctl journal {name}"


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit, or the timer that starts it")
    table.add_options(parser, FIELDS, SHOWN, "run")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    name = unit_of_runs(arguments.unit, view)
    rows = run_rows(name, view, arguments.full or table.is_data(arguments))
    print(table.render(rows, arguments, FIELDS), end="", flush=True)
    if not arguments.no_legend and arguments.output == "table":
        if not rows:
            tell(f"No run of {name} is known: {why_none(name, view)}")
        if upcoming := next_elapse(name, view):
            tell(upcoming)
    return Exit.DONE


COMMAND = Command(
    name="runs",
    summary="when a job ran, where, for how long, and how it ended",
    help="""\
List the last runs of what a timer with Once=true starts, and of fleetctl run, the newest first; of
other units no runs are recorded. It tells the elapse that a run was due at, when it began, on which
machine, how many seconds it took, and how it ended: systemd's result and the exit code, 128 and the
signal's number for one that a signal ended. RESULT is `lost` where the machine was lost, or
rebooted, while it ran: it is not run again. `skipped`: the run before it went on when it was due.
`missed`: the timer did not run, or no machine was there for five minutes. `waiting`: handed to a
machine that has not begun. 20 runs are kept.""",
    example="""
  $ fleetctl runs --fields due,started,machine,duration,result nightly.timer
  DUE                     STARTED                 MACHINE                         DURATION  RESULT
  2026-01-05T02:00:00Z    2026-01-05T02:00:00Z    3f2a91bc.../172.18.0.11         41.5      success
  2026-01-04T02:00:00Z    2026-01-04T02:00:14Z    9d04e6a1.../172.18.0.12         40.9      success
  2026-01-03T02:00:00Z    2026-01-03T02:00:00Z    3f2a91bc.../172.18.0.11         -         lost
""",
    configure=_configure,
    run=_run,
)
