"""`fleetctl apply`."""

import json
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from ....cluster_state.state import ClusterState
from ....model.rollout_step import RolloutStep
from ....model.wire import to_wire
from ...cli.errors import Exit, UsageError
from ...cli.origin import Origin
from ...cli.output import tell
from ...cli.rollout_options import add_rollout_options, limits_of
from ...operations.apply import apply
from ...operations.context import Context
from ...operations.report import report
from ...releases.canary import pending
from ...state.claims import claim, content_of, kept, release, stands
from ...state.manifest import Manifest, at_first, placements
from ...state.watcher import Watcher
from ..command import Command, Input

MAX_STEPS = 100
"""So many steps of a rollout are told to Pulumi."""


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--destroy", action="store_true", help="remove all units of the owner instead"
    )
    parser.add_argument(
        "--owner", default="", help="with --destroy: the owner, instead of a document"
    )
    parser.add_argument("--claim", type=int, metavar="N", help=SUPPRESS)
    add_rollout_options(parser)


def _run(context: Context, arguments: Namespace) -> int:
    given = _wanted(context, arguments)
    limits, origin = limits_of(arguments), _origin(context, given, arguments)
    if _is_claimed(context, given.owner, arguments):
        return Exit.DONE
    with Watcher(context.connect(), origin) as watcher:
        code, manifest = Exit.DONE, given.pinned(watcher.state)
        steps: list[RolloutStep] = []

        def note(step: RolloutStep) -> None:
            steps.append(step)
            context.on_step(step)

        if not _has_been_applied(watcher, manifest, arguments):
            code = report(context, watcher, lambda: apply(manifest, watcher, limits, note))
        if code == Exit.DONE:
            told = {
                "placements": placements(manifest, watcher.state),
                **_claimed(watcher, manifest, arguments),
                **_canaries(manifest, watcher.state),
                **_steps(steps, arguments),
            }
            print(json.dumps(told, sort_keys=True))
    return code


def _canaries(manifest: Manifest, view: ClusterState) -> Mapping[str, Mapping[str, str]]:
    """How far canaries are that are pending, for Pulumi; and for who looks, how to go on."""
    found = [one for name in manifest.units if (one := pending(name, view))]
    for progress in found:
        tell(f"{progress.in_words}\n{progress.advice}")
    return {"canaries": {one.name: one.in_words for one in found}} if found else {}


def _steps(steps: list[RolloutStep], arguments: Namespace) -> Mapping[str, list[dict[str, Any]]]:
    """What was done, for Pulumi's trace; of many units, those that took the longest.

    The command plugin hands all of it to the next command, in one variable of its environment.
    """
    if arguments.claim is None or not steps:
        return {}
    slowest = sorted(steps, key=lambda step: step.began - step.ended)[:MAX_STEPS]
    return {"steps": [to_wire(step) for step in sorted(slowest, key=lambda step: step.ended)]}


def _origin(context: Context, manifest: Manifest, arguments: Namespace) -> Origin:
    source = "pulumi" if arguments.claim is not None else "a document"
    return Origin(context.origin.author, dict.fromkeys(manifest.units, source))


def _is_claimed(context: Context, owner: str, arguments: Namespace) -> bool:
    """Whether it is another resource that has the units now, and they are to stay."""
    if not arguments.destroy or arguments.owner or release(context.connect(), owner):
        return False
    tell(f"{kept(owner)}; to remove it all the same: fleetctl apply --destroy --owner {owner}")
    return True


def _has_been_applied(watcher: Watcher, manifest: Manifest, arguments: Namespace) -> bool:
    """Whether Pulumi asks again for what its resource has applied: units run as they do."""
    if arguments.claim is None or arguments.destroy:
        return False
    content = content_of(at_first(manifest, watcher.state).units, _known_files(manifest, watcher))
    return stands(watcher.state, manifest.owner, content, arguments.claim)


def _known_files(manifest: Manifest, watcher: Watcher) -> Mapping[str, str]:
    """The files of a manifest, and those that its canaries leave others."""
    return {**watcher.state.files, **manifest.texts}


def _claimed(watcher: Watcher, manifest: Manifest, arguments: Namespace) -> Mapping[str, str]:
    if arguments.claim is None:
        return {}
    content = content_of(at_first(manifest, watcher.state).units, _known_files(manifest, watcher))
    return {"claim": claim(watcher.store, manifest.owner, content, arguments.claim)}


def _wanted(context: Context, arguments: Namespace) -> Manifest:
    if arguments.owner and not arguments.destroy:
        raise UsageError("--owner goes with --destroy; otherwise the document names the owner")
    if arguments.owner:
        return Manifest(arguments.owner, {}, {})
    manifest = Manifest.from_json(context.document)
    return Manifest(manifest.owner, {}, {}) if arguments.destroy else manifest


COMMAND = Command(
    name="apply",
    summary="make an owner's units exactly those of a document",
    help="""\
Read a set of units as JSON on standard input, and make the cluster's units of that owner exactly
this set: missing ones are added, changed files replaced, stopped ones started, and units of the
owner that are not in the set destroyed. Everything is checked before anything is written: unit
files, and whether each unit fits on a machine. New units come first; then running units whose file
changed are rolled, as by `fleetctl rollout`; a failure puts everything back as it was. Waits until
all are active, and prints where they run. With nothing to do, nothing is written.

A unit that was started by hand belongs to nobody until a set names it; a unit of another owner is
refused. `pulumi up` runs this for each FleetUnit and FleetTemplate.""",
    example="""
  $ fleetctl apply --timeout 300 <<'END'
  {"owner": "web",
   "units": {"web@.service": {"text": "[Service]\\nExecStart=/bin/sleep inf\\n",
                              "instances": {"web@1.service": "launched",
                                            "web@2.service": "launched"}}}}
  END
  {"placements": {"web@1.service": "machine-1", "web@2.service": "machine-2"}}

  $ fleetctl apply --destroy --owner web
""",
    configure=_configure,
    run=_run,
    input=Input.DOCUMENT,
    after_interrupt=(
        "Each unit is on its old file or on its new one; what has been told to start or to stop "
        "goes on with that. To look: fleetctl list-unit-files. The same command goes on from here"
    ),
)
