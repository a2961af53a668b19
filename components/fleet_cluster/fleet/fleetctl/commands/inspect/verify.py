"""`fleetctl verify`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ....lint.unit_file import lint
from ....lint.unit_set import unschedulable
from ....unitfiles.names import check_name
from ...cli.errors import CtlError, Exit
from ...cli.local_files import read_file
from ...cli.output import tell
from ...operations.context import Context
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a unit file or a template")


def _run(context: Context, arguments: Namespace) -> int:
    files = _read(arguments.files)
    found = lint(files)
    fine = {name: text for name, text in files.items() if name not in found.faults}
    faults = {**found.faults, **unschedulable(fine)}
    if found.notice:
        tell(found.notice)
    for name in files:
        for line in [faults[name]] if name in faults else found.remarks.get(name, []):
            tell(line)
        if name not in faults:
            print(f"Unit {name} is valid")
    return Exit.FAILED if faults else Exit.DONE


def _read(given: list[str]) -> dict[str, str]:
    """Exactly these files: no pattern, no suffix that is left out, no template instead."""
    files: dict[str, str] = {}
    for path in map(Path, given):
        if not path.is_file():
            raise CtlError(
                f"there is no file {path}; give paths of unit files, such as ./web.service"
            )
        check_name(path.name)
        if path.name in files:
            raise CtlError(f"two files for {path.name}: give one")
        files[path.name] = read_file(path)
    return files


COMMAND = Command(
    name="verify",
    summary="check unit files here, without a cluster",
    help="""\
Check unit files as submit does, without a cluster: each fault is told with file, line, what was
given and what is allowed. Files that are given together are also checked with each other: a unit
that has to be with another one (MachineOf) where the two can share no machine, is refused. A
template is checked with an instance. Units that are named and not given are not looked for.
Where systemd-analyze is there, systemd is asked too; elsewhere the machines ask it at the start.
What systemd would skip is remarked on. The exit code is 1 when a file is bad.""",
    example="""
  $ fleetctl verify units/*.service
  Unit hello.service is valid
  web.service:4: unknown option 'Conflict' in [X-Fleet]: allowed are ...; did you mean Conflicts?
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
