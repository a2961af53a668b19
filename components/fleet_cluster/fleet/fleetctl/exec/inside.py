"""The way into a unit on this machine: its container, or the namespaces of its main process."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cli.errors import CtlError
from .container import DOCKER, Container, containers
from .processes import PROC, Processes

CGROUPS = Path("/sys/fs/cgroup")
QUIET = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "true"}
"""Otherwise Podman writes a line of its own to standard error where cgroups are of version 1."""


@dataclass(frozen=True)
class Call:
    """Call of a program that this one becomes."""

    words: list[str]
    environment: Mapping[str, str]
    joins: int = 0
    """The process whose cgroups it joins; 0: it stays where it is."""


def way_in(unit: str, runs: Processes, words: Sequence[str], tty: bool, chosen: str = "") -> Call:
    """The call that runs these words inside of a unit.

    Args:
        unit: its name, for errors.
        runs: its processes.
        words: the command.
        tty: whether it gets a terminal: that which this program has.
        chosen: the container's name or id, where the operator has said it.

    Raises:
        CtlError: nothing of it runs, or which container is its own cannot be known.
    """
    if not runs.main and not chosen:
        raise CtlError(f"nothing of {unit} runs: it is {runs.state}. See: fleetctl status {unit}")
    found = containers(runs.groups, runs.commands.values())
    if found or chosen:
        call = [*_engine(_one_of(unit, found, chosen), tty), *words]
        return Call(call, {**os.environ, **QUIET})
    return _into_namespaces(runs.main, words)


def _engine(container: Container, tty: bool) -> list[str]:
    return [container.engine, "exec", "--interactive", *(["--tty"] if tty else []), container.name]


def _one_of(unit: str, found: list[Container], chosen: str) -> Container:
    engines = list(dict.fromkeys(one.engine for one in found)) or [DOCKER]
    if chosen and len(engines) == 1:
        return Container(engines[0], chosen)
    lists = " and ".join(f"{engine} ps" for engine in engines)
    say = f"Say which: fleetctl exec --container NAME {unit} -- COMMAND, as {lists} has it there"
    if len(found) > 1:
        names = ", ".join(f"{one.engine}'s {one.name or 'without a known name'}" for one in found)
        raise CtlError(f"{unit} has several containers: {names}. {say}")
    if not found[0].name:
        raise CtlError(
            f"which container is that of {unit} cannot be known: its {found[0].engine} run was "
            f"given no --name. {say}; or give it a --name in the unit's file"
        )
    return found[0]


def _into_namespaces(process: int, words: Sequence[str]) -> Call:
    """All of a process that nsenter can enter, as its user, with what it was started with."""
    folder = PROC / str(process)
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        environ = (folder / "environ").read_bytes()
        is_split = (folder / "ns/pid").readlink() != (PROC / "self/ns/pid").readlink()
    except OSError as error:
        raise CtlError(f"its main process, {process}, cannot be looked at: {error}") from error
    user, group = (status[who].split()[1] for who in ("Uid", "Gid"))
    # With a process of nsenter's between, Ctrl-C would end that instead of what the command does.
    fork = [] if is_split else ["--no-fork"]
    enter = ["nsenter", f"--target={process}", "--all", *fork, "--root", "--wd"]
    pairs = (os.fsdecode(pair).partition("=") for pair in environ.split(b"\0") if pair)
    environment = {name: value for name, _, value in pairs}
    if "TERM" in os.environ:
        environment["TERM"] = os.environ["TERM"]
    return Call(
        [*enter, f"--setuid={user}", f"--setgid={group}", "--", *words], environment, process
    )


def become(call: Call) -> None:
    """Become the program of the call; nothing comes after that.

    Raises:
        CtlError: it is not on this machine.
    """
    if call.joins:
        join_cgroups(call.joins)
    # Python ignores these, and what is run would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(call.words[0], call.words, dict(call.environment))
    except FileNotFoundError as error:
        raise CtlError(f"{call.words[0]} is not installed on this machine") from error


def join_cgroups(process: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> None:
    """Have this process where another one is, in all hierarchies: its limits and its end hold.

    Raises:
        CtlError: it has ended.
    """
    try:
        for line in (proc / str(process) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            # Version 2, which is the only one or stands beside those of version 1.
            name = controllers.removeprefix("name=") or "unified"
            folder = cgroups / name if (cgroups / name).is_dir() else cgroups
            (folder / path.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))
    except OSError as error:
        raise CtlError(f"the cgroup of process {process} cannot be joined: {error}") from error
