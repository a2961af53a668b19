"""Candidates for the word that is being typed: commands, options, and names of the cluster."""

import os
import signal
import subprocess
from argparse import Action
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from time import monotonic

from ..cli.numbers import some_seconds
from ..cli.options import CONNECTION_OPTIONS, ETCD_OPTIONS
from ..cli.own_call import own_call
from . import COMMANDS
from .command import Input
from .parser import of_command

LIMIT_SECONDS = 2.0
"""How long the cluster has to say what units and machines there are."""
LIMIT = "FLEETCTL_COMPLETION_TIMEOUT"
"""Another limit, in the environment; one that is no number of seconds is none."""
READ_SECONDS = 0.2
"""How long it takes to read what one has printed that has ended in time."""
UNITS = ("list-unit-files", "unit")
MACHINES = ("list-machines", "hostname")
KINDS = {"UNIT": (UNITS,), "MACHINE": (MACHINES,), "TARGET": (UNITS, MACHINES)}
"""What is listed for an argument that help calls so: a command of fleetctl, and its field."""
FILE = "FILE"

Ask = Callable[[Sequence[Sequence[str]]], list[str]]
"""Asks what commands of fleetctl print: all their lines."""


def candidates(words: Sequence[str], ask: Ask) -> list[str]:
    """What the last of these words may become, each once, in order.

    Args:
        words: those after `fleetctl`, up to the cursor; the last may be empty.
        ask: of the cluster.
    """
    *before, typed = words or [""]
    found = {one for one in _meant(before, typed, ask) if one.startswith(typed)}
    return sorted(found)


def _meant(before: Sequence[str], typed: str, ask: Ask) -> Iterable[str]:
    top = of_command("")
    places, open_option = top.plain(before)
    if open_option:
        return _files(typed) if open_option.metavar == FILE else []
    if not places:
        names = [name for name in COMMANDS if not COMMANDS[name].hidden]
        return top.option_names() if typed.startswith("-") else names
    rest = before[places[0] :]
    if rest[0] not in COMMANDS:
        return []
    return _of_command(
        rest, typed, lambda calls: ask([_with_options(before, one) for one in calls])
    )


def _of_command(words: Sequence[str], typed: str, ask: Ask) -> Iterable[str]:
    command = COMMANDS[words[0]]
    parser = of_command(command.name)
    places, open_option = parser.plain(words[1:])
    if open_option:
        return _of_argument(open_option, typed, ask)
    if "--" in words:
        return []
    if typed.startswith("-"):
        return parser.option_names()
    argument = parser.positional(len(places))
    if argument is None:
        return []
    takes_files = command.input in (Input.FILES, Input.FILES_OR_DOCUMENT)
    found = list(_of_argument(argument, typed, ask))
    return [*found, *(_files(typed) if takes_files else [])]


def _of_argument(argument: Action, typed: str, ask: Ask) -> Iterable[str]:
    if argument.choices:
        return [str(choice) for choice in argument.choices]
    called = str(argument.metavar or "").split()
    kind = called[0] if called else ""
    if kind == FILE:
        return _files(typed)
    return ask([_call(*listed) for listed in KINDS.get(kind, ())])


def _call(command: str, field: str) -> list[str]:
    return [command, "--no-legend", "--fields", field]


def _with_options(before: Sequence[str], call: Sequence[str]) -> list[str]:
    """The call, with the options of all commands that were typed already."""
    given, _ = of_command("").parse_known_args(list(before))
    known = {option.field: option.name for option in (*CONNECTION_OPTIONS, *ETCD_OPTIONS)}
    return [*(f"--{known[field]}={value}" for field, value in vars(given).items()), *call]


def _files(typed: str) -> list[str]:
    folder = typed.rpartition("/")[0]
    place = Path(folder or ("/" if typed.startswith("/") else "."))
    try:
        found = [(one.name, one.is_dir()) for one in place.iterdir()]
    except OSError:
        return []  # Nothing can be suggested from there.
    start = typed[: typed.rfind("/") + 1]
    hidden = typed.rpartition("/")[2].startswith(".")
    return [
        f"{start}{name}{'/' * is_folder}"
        for name, is_folder in found
        if hidden or not name.startswith(".")
    ]


def ask_cluster(calls: Sequence[Sequence[str]]) -> list[str]:
    """What these commands of fleetctl print, all at once, within the time limit; else nothing."""
    begun = [
        subprocess.Popen(
            [*own_call(), *call],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        for call in calls
    ]
    deadline = monotonic() + _limit()
    return [line for process in begun for line in _lines(process, deadline)]


def _limit() -> float:
    try:
        return some_seconds(os.environ.get(LIMIT, ""))
    except ValueError:
        return LIMIT_SECONDS


def _lines(process: "subprocess.Popen[str]", deadline: float) -> list[str]:
    try:
        out, _ = process.communicate(timeout=max(deadline - monotonic(), READ_SECONDS))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # Its ssh too.
        process.communicate()
        return []
    return list(takewhile(bool, out.splitlines())) if process.returncode == 0 else []
