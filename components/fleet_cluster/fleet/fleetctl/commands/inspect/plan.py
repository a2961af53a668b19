"""`fleetctl plan`."""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....cluster_state.state import ClusterState
from ....model.records import DesiredState
from ....unitfiles.unitfile import is_template
from ...cli import table
from ...cli.errors import CtlError, Exit
from ...cli.names import legend, name_of
from ...cli.rollout_options import add_max_unavailable, limits_of
from ...operations.context import Context
from ...releases.file_change import wanted
from ...state.manifest import (
    Manifest,
    at_first,
    check_owner,
    coming_secrets,
    documents,
    in_the_way,
    obsolete,
)
from ...state.plan import ClusterPlan, Group, PlannedChange, afterwards, cluster_plan
from ...state.planned_step import PlannedAction, PlannedStep
from ...state.secret_versions import with_coming
from ...state.submission import submission
from ...state.watcher import read_state
from ..command import Command, Input

FIELDS = ("turn", "unit", "action", "from", "to", "why")
SHOWN = FIELDS[1:]
VERBS = {
    PlannedAction.START: ("starts", "start"),
    PlannedAction.LOAD: ("is loaded", "are loaded"),
    PlannedAction.MOVE: ("moves", "move"),
    PlannedAction.RESTART: ("restarts", "restart"),
    PlannedAction.STOP: ("stops", "stop"),
}
STOPS = ", then it stops: that is its canary"
NOTHING = "Nothing starts, moves, restarts or stops"


def change_of(manifest: Manifest, view: ClusterState) -> PlannedChange:
    """Planned change of an owner's units, as `apply` would make it.

    Raises:
        CtlError: a unit belongs to someone else.
    """
    check_owner(manifest, view)
    now = at_first(manifest.pinned(view), view)
    first = bool(in_the_way(now, view))
    return PlannedChange(now.units, now.texts, obsolete(now, view), first, now.canaries)


def change_of_units(
    given: Iterable[str], files: Mapping[str, str], view: ClusterState
) -> PlannedChange:
    """Planned change of templates as by `rollout`, and of other units as by `start --replace`.

    Raises:
        CtlError: a unit has no file.
        UnitFileError: a file is bad.
    """
    change = PlannedChange({}, {})
    for argument in given:
        name = name_of(argument)
        if is_template(name):
            units, text = wanted(name, files, view)
            one = PlannedChange(units, {unit.sha: text for unit in units.values()})
        else:
            submitted = submission([name], DesiredState.LAUNCHED, files, view, replaced=True)
            one = PlannedChange(
                {n: unit for n, unit in submitted.units.items() if unit}, submitted.texts
            )
        change = PlannedChange({**change.wanted, **one.wanted}, {**change.texts, **one.texts})
    return change


def rows(steps: Iterable[PlannedStep], view: ClusterState, full: bool) -> list[table.Row]:
    """Rows of the plan: one for each unit on each machine where something happens."""

    def place(machine: str) -> str | None:
        return (machine if full else legend(machine, view.machines)) if machine else None

    return [
        {
            "turn": step.batch,
            "unit": step.unit,
            "action": step.action.value,
            "from": place(step.source),
            "to": place(step.destination),
            "why": step.why,
        }
        for step in steps
    ]


def lines(found: ClusterPlan, view: ClusterState) -> list[str]:
    """Lines for people: one for each unit or template; or why nothing would be done at all."""
    return [
        *(f"{name}: {reason}" for name, reason in found.refused.items()),
        *(
            f"{group.unit}: {in_words(group, view)}{STOPS * (group.unit in found.canaries)}"
            for group in found.groups
        ),
    ]


def in_words(group: Group, view: ClusterState) -> str:
    """Words for a group, as in "2 restart one after the other, never fewer than 1 of 2 active"."""
    parts: list[str] = []
    for action, (one, many) in VERBS.items():
        steps = [step for step in group.steps if step.action is action]
        if steps:
            how = _rhythm(steps) if action is PlannedAction.RESTART else _spread(steps, view)
            parts.append(f"{len(steps)} {many if len(steps) > 1 else one}{how}")
    if any(step.was_up for step in group.steps):
        parts.append(f"never fewer than {group.lowest} of {group.active} active")
    return ", ".join(parts)


def _rhythm(steps: Sequence[PlannedStep]) -> str:
    batches = Counter(step.batch for step in steps)
    at_once = max(batches.values())
    if len(batches) == 1:
        return "" if at_once == 1 else " at once"
    return " one after the other" if at_once == 1 else f", at most {at_once} at a time"


def _spread(steps: Iterable[PlannedStep], view: ClusterState) -> str:
    on = Counter(view.machines[step.destination].hostname for step in steps if step.destination)
    return f" ({', '.join(f'{name} {count}' for name, count in sorted(on.items()))})" if on else ""


def as_json(found: ClusterPlan, view: ClusterState) -> dict[str, Any]:
    """JSON of the plan, for programs."""
    return {
        "refused": found.refused,
        "steps": rows(found.steps, view, full=True),
        "units": [
            {
                "unit": group.unit,
                **{f"{action.value}s": _count(group, action) for action in PlannedAction},
                "active": group.active,
                "lowest": group.lowest,
            }
            for group in found.groups
        ],
        "lines": lines(found, view),
    }


def _count(group: Group, action: PlannedAction) -> int:
    return sum(step.action is action for step in group.steps)


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "units",
        nargs="*",
        metavar="UNIT",
        help="units or templates, or paths of their files; without any: a document",
    )
    add_max_unavailable(parser)
    table.add_options(parser, FIELDS, SHOWN)


def _run(context: Context, arguments: Namespace) -> int:
    limits = limits_of(arguments)
    table.chosen_fields(arguments.fields, FIELDS)
    view = read_state(context.connect())
    if arguments.units:
        change = change_of_units(arguments.units, context.files, view)
    else:
        view = with_coming(coming_secrets(context.document), view)
        *before, manifest = documents(context.document)
        for earlier in before:
            view = afterwards(change_of(earlier, view), view)
        change = change_of(manifest, view)
    found = cluster_plan(change, view, limits.max_unavailable)
    _print(found, view, arguments)
    return Exit.FAILED if found.refused else Exit.DONE


def _print(found: ClusterPlan, view: ClusterState, arguments: Namespace) -> None:
    if table.is_data(arguments):
        print(table.as_data(as_json(found, view), arguments.output), end="")
        return
    if found.steps:
        print(table.render(rows(found.steps, view, arguments.full), arguments, FIELDS))
    for line in lines(found, view):
        print(line)
    if found.refused:
        raise CtlError("not everything can run, so nothing would be done")
    if not found.steps:
        print(NOTHING)


COMMAND = Command(
    name="plan",
    summary="what apply, rollout or start would do: which units, where, in which order",
    help="""\
Tell what a change would do, and change nothing: which units start, restart, move or stop, where, in
how many turns, why, and how many of each template are active at least on the way. With a document
on standard input, what `apply` would make of it; with units or files, what `rollout` would make of
a template, and `start --replace` of a unit. It asks the scheduler and the rollout's own order; what
machines do meanwhile, it cannot know.

A document may have the field `after`: a list of documents that are to be applied before it, and
`secrets`: a list of the names of secrets that are to be set before. The exit code is 1 when a unit
would fit on no machine: then nothing would be done.""",
    example="""
  $ fleetctl plan units/sinatra@.service
  UNIT                    ACTION  FROM                    TO                      WHY
  sinatra@5000.service    restart 3f2a91bc.../172.18.0.11 3f2a91bc.../172.18.0.11 its file changes
  sinatra@5001.service    restart 9d04e6a1.../172.18.0.12 9d04e6a1.../172.18.0.12 its file changes

  sinatra@.service: 2 restart one after the other, never fewer than 1 of 2 active
""",
    configure=_configure,
    run=_run,
    input=Input.FILES_OR_DOCUMENT,
)
