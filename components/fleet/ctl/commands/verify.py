"""`fleetctl verify`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..command import Command, Context, Place
from ..errors import CtlError, Exit
from ..local_files import read_files
from ..output import tell
from ..verifying import faults


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a unit file or a template")


def _run(context: Context, arguments: Namespace) -> int:
    for path in arguments.files:
        if not Path(path).is_file():
            raise CtlError(
                f"there is no file {path}; give paths of unit files, such as ./web.service"
            )
    files = read_files(arguments.files)
    found = faults(files)
    for name in files:
        if name in found:
            tell(found[name])
        else:
            print(f"Unit {name} is valid")
    return Exit.FAILED if found else Exit.DONE


COMMAND = Command(
    name="verify",
    summary="check unit files here, without a cluster",
    help="""\
Check unit files as submit does, without a cluster: each fault is told with file, line, what was
given and what is allowed. Files that are given together are also checked with each other: a unit
that has to be with another one (MachineOf) where the two can share no machine, is refused. A
template is checked with an instance. Units that are named and not given are not looked for.
The exit code is 1 when a file is bad.""",
    example="""
  $ fleetctl verify units/*.service
  Unit hello.service is valid
  web.service:4: unknown option 'Conflict' in [X-Fleet]: allowed are ...; did you mean Conflicts?
""",
    configure=_configure,
    run=_run,
    place=Place.HERE,
)
