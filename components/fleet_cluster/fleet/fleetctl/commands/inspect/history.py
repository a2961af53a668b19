"""`fleetctl history`."""

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from ....cluster_state.state import ClusterState
from ....model.releases import Release
from ....unitfiles.unitfile import template_of
from ...cli import table
from ...cli.errors import CtlError, Exit
from ...cli.names import SHORT_HASH, select
from ...cli.output import tell
from ...operations.context import Context
from ...releases.canary import pending
from ...releases.history import current, releases_of
from ...releases.images import images_in
from ...state.watcher import read_state
from ..command import Command

FIELDS = ("revision", "when", "who", "hash", "from", "state", "images")
SHOWN = FIELDS[:6]


def release_rows(name: str, view: ClusterState, full: bool) -> list[table.Row]:
    """Rows: one for each release of a unit or template, the newest first."""
    releases = releases_of(name, view)
    now = current(releases)
    return [
        {
            "revision": number,
            "when": _time(release),
            "who": release.author or None,
            "hash": release.sha if full else release.sha[:SHORT_HASH],
            "from": release.source or None,
            "state": "failed" if release.failed else "current" if number == now else "",
            "images": images_in(view.files.get(release.sha, "")),
        }
        for number, release in sorted(releases.items(), reverse=True)
    ]


def _time(release: Release) -> str | None:
    if not release.released_at:
        return None
    return datetime.fromtimestamp(release.released_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def released_unit(given: str, view: ClusterState) -> str:
    """The unit or template whose releases are meant.

    Raises:
        CtlError: there is no such unit, or there are several.
    """
    name, *others = select([given], view.units)
    if others:
        raise CtlError(f"history is of one unit; {given} is {', '.join([name, *others])}")
    template = template_of(name)
    if template and template not in view.units:
        raise CtlError(
            f"{name} has the file of {template}, which the cluster does not know, so nothing is "
            f"noted of it. It is from: fleetctl rollout {template}"
        )
    return template or name


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit, or a template for its instances")
    table.add_options(parser, FIELDS, SHOWN, "revision")


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    name = released_unit(arguments.unit, view)
    rows = release_rows(name, view, arguments.full or table.is_data(arguments))
    if arguments.output == "table":
        rows = [{**row, "images": ", ".join(row["images"])} for row in rows]
    print(table.render(rows, arguments, FIELDS), end="", flush=True)
    shows_notes = not arguments.no_legend and arguments.output == "table"
    if shows_notes and (progress := pending(name, view)):
        tell(f"{progress.in_words}\n{progress.advice}")
    return Exit.DONE


COMMAND = Command(
    name="history",
    summary="which files a unit was given, when, by whom and from where",
    help="""\
List the last releases of a unit, or of a template with its instances, the newest first: when its
file was released, who did it (as fleetctl was told: nobody has proved it), which file, and from
where. STATE is `current` for the one that it has, and `failed` for one that was taken back because
a unit failed with it. To go back to one: fleetctl undo.""",
    example="""
  $ fleetctl history web@.service
  REVISION        WHEN                    WHO             HASH    FROM                    STATE
  2               2026-01-05T09:12:41Z    anna@laptop     e55c0ae /home/anna/web@.service current
  1               2026-01-05T08:00:00Z    pulumi shop/dev 0a6cbf7 pulumi                  -
""",
    configure=_configure,
    run=_run,
)
