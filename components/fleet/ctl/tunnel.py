"""Running a command on the machine at the end of `--tunnel`, over OpenSSH.

The same command runs there; what it needs from here goes along on standard input, as one line of
JSON. Standard input then stays open: its end tells the far command that this one has gone.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from threading import Thread
from typing import IO

from .errors import CtlError
from .ssh import Host, SshOptions

CARRIED = "--carried"
"""The hidden flag under which the far command expects its `Parcel`."""
MESSAGE = "\x1e"
"""Starts a line of the far command's standard error that is meant for this program."""
SSH_FAILED = 255
NOT_FOUND = 127


@dataclass(frozen=True)
class Parcel:
    """What a command needs from the computer where it was typed."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    document: str = ""


@dataclass(frozen=True)
class Tunnel:
    """The machine that runs commands for us."""

    host: Host
    options: SshOptions

    def run(self, words: Sequence[str], parcel: Parcel, on_message: Callable[[str], None]) -> int:
        """Run `fleetctl WORDS` there; its output is ours. Its exit code.

        Raises:
            CtlError: no connection, or no fleetctl there.
        """
        call = self.options.command(self.host, ["fleetctl", CARRIED, *words], flags=["-T"])
        with subprocess.Popen(
            call, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin and process.stderr
            _send(parcel, process.stdin)
            for line in process.stderr:
                _pass_on(line, on_message)
        return self._checked(process.returncode)

    def ask(self, words: Sequence[str]) -> str:
        """Run `fleetctl WORDS` there: what it prints.

        Raises:
            CtlError: no connection, or the command failed; it said why on our standard error.
        """
        call = self.options.command(self.host, ["fleetctl", *words], flags=["-T", "-n"])
        answer = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=False)
        if self._checked(answer.returncode):
            raise CtlError("")
        return answer.stdout

    def _checked(self, code: int) -> int:
        if code == SSH_FAILED:
            raise CtlError(
                f"no SSH connection to {self.host.name}: ssh says why above. Check --tunnel "
                "(FLEETCTL_TUNNEL), --ssh-identity and --known-hosts-file, or go through another "
                "machine of the cluster"
            )
        if code == NOT_FOUND:
            raise CtlError(f"there is no fleetctl on {self.host.name}: is it a machine of fleet?")
        return code


def _send(parcel: Parcel, to: IO[str]) -> None:
    try:
        to.write(json.dumps(asdict(parcel)) + "\n")
        to.flush()
    except BrokenPipeError:
        return  # ssh has ended, and its exit code says more.


def _pass_on(line: str, on_message: Callable[[str], None]) -> None:
    if line.startswith(MESSAGE):
        on_message(line.removeprefix(MESSAGE))
    else:
        sys.stderr.write(line)
        sys.stderr.flush()


def receive() -> Parcel:
    """At the far end: take the parcel, and from now on end when the near end does."""
    parcel = Parcel(**json.loads(sys.stdin.readline()))
    Thread(target=_end_with_caller, daemon=True).start()
    return parcel


def _end_with_caller() -> None:
    # Not sys.stdin: a thread that holds its lock makes Python's own exit fail.
    while os.read(0, 4096):
        pass
    os._exit(1)


def send_message(text: str) -> None:
    """At the far end: tell the near program something."""
    sys.stderr.write(f"{MESSAGE}{text}\n")
    sys.stderr.flush()
