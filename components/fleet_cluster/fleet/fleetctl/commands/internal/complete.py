"""`fleetctl complete`: for the shell, which asks what a word may become."""

from argparse import REMAINDER, ArgumentParser, Namespace

from ...cli.errors import Exit
from ...operations.context import Context
from ..candidates import ask_cluster, candidates
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs=REMAINDER, metavar="-- WORD", help="up to the cursor")


def _run(context: Context, arguments: Namespace) -> int:
    del context
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    for found in candidates(words, ask_cluster):
        print(found)
    return Exit.DONE


COMMAND = Command(
    name="complete",
    summary="what the last word may become, one a line",
    help="Print what the last word of a command line may become, for the shell's completion.",
    example="""
  $ fleetctl complete -- status sina
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
    hidden=True,
)
