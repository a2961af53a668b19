"""`fleetctl rollout`."""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ....cluster_state.state import ClusterState
from ....model.records import Unit
from ....unitfiles.text import sha_of
from ....unitfiles.unitfile import is_template, parse, template_of
from ...cli.errors import CtlError, Exit
from ...cli.names import name_of
from ...cli.rollout_options import add_rollout_options, limits_of
from ...cli.spelling import did_you_mean
from ...operations.admission import admit
from ...operations.context import Context
from ...operations.report import report
from ...operations.rollout import Rollout
from ...state.manifest import check_fits
from ...state.transaction import Transaction, transact
from ...state.watcher import Watcher
from ..command import Command, Input


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "units", nargs=1, metavar="UNIT", help="a template or a unit, or the path of its file"
    )
    add_rollout_options(parser)


def wanted(given: str, files: Mapping[str, str], view: ClusterState) -> tuple[dict[str, Unit], str]:
    """A unit, or a template with its instances, as they are to be; and their file.

    Raises:
        CtlError: the cluster has no such unit, or it is an instance.
        UnitFileError: the file is bad.
    """
    name = name_of(given)
    template = template_of(name)
    if template:
        raise CtlError(f"{name} has the file of its template: fleetctl rollout {template}")
    known = {**view.units, **_unknown_template(name, view)}
    if name not in known:
        hint = did_you_mean(name, view.units)
        raise CtlError(f"there is no unit {name} in the cluster{hint}; to start it: fleetctl start")
    text = files.get(name, view.text_of(name))
    if text is None:
        raise CtlError(
            f"the cluster has no file of {name}{'' if name in view.units else ' itself'}: "
            f"give yours, as ./{name}"
        )
    members = [name, *_instances(name, view)]
    for member in members:
        parse(member, text)
    return {
        n: replace(known[n], sha=sha_of(text), retained_files={}) for n in sorted(members)
    }, text


def _instances(name: str, view: ClusterState) -> list[str]:
    return [other for other in view.units if is_template(name) and template_of(other) == name]


def _unknown_template(name: str, view: ClusterState) -> dict[str, Unit]:
    """The template that the cluster lacks, with the file of its instances: that of most of them.

    They were started from a file elsewhere. In the cluster, it names the file to go back to.
    """
    shas = Counter(view.units[instance].sha for instance in _instances(name, view))
    if name in view.units or not shas:
        return {}
    return {name: Unit(shas.most_common(1)[0][0])}


def _done(name: str, units: Mapping[str, Unit], view: ClusterState) -> str:
    """What to say when no running unit is to be rolled."""
    number = len(units) - 1
    which = f"{name} with {number} instance{'s'[: number > 1]}" if number else name
    if all(view.units.get(one) == unit for one, unit in units.items()):
        return f"Nothing to roll: {which} has this file already"
    return f"{which} has the new file; nothing of it was running"


def _run(context: Context, arguments: Namespace) -> int:
    limits = limits_of(arguments)
    with Watcher(context.connect()) as watcher:
        name, before = name_of(arguments.units[0]), watcher.state
        units, text = wanted(name, context.files, before)
        texts = {sha_of(text): text}
        check_fits(units, before.preview(units, texts))
        admit(units, texts, before)
        in_short = _done(name, units, before)
        transact(watcher, lambda view: Transaction(_unknown_template(name, view)))
        rolled: list[str] = []

        def say(line: str) -> None:
            rolled.append(line)
            print(line)

        code = report(context, watcher, Rollout(watcher, units, texts, limits, say).run)
    if code is Exit.DONE and not rolled:
        print(in_short)
    return code


COMMAND = Command(
    name="rollout",
    summary="bring a changed file to a unit, or to a template's instances one by one",
    help="""\
Replace the file of a running unit, or of a template and its instances, a few at a time. An instance
is stopped, gets the new file on the same machine, and has to be active at the first attempt and to
stay so for its HealthySec= before the next is touched; what is bound to it has to run again too. At
the first failure the instances rolled so far go back to the file before, and the exit code is 1.
Without a file here, instances get the file that their template has in the cluster. A template that
the cluster lacks, because its instances were started from a file, is made known to it.

When the command is interrupted, each instance is on its old file or on its new one. The same
command goes on from there.""",
    example="""
  $ fleetctl rollout units/sinatra@.service
  sinatra@5000.service  rolled  machine-2  3.1s
  sinatra@5001.service  rolled  machine-1  3.3s

  $ fleetctl rollout --max-unavailable 3 --timeout 120 sinatra@.service
""",
    configure=_configure,
    run=_run,
    input=Input.FILES,
    after_interrupt=(
        "Each unit is on its old file or on its new one, and no further one is touched. To look: "
        "fleetctl list-unit-files. The same command goes on from here; with the old file, it goes "
        "back"
    ),
)
