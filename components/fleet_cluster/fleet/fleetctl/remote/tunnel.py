"""Tunnel: the machine at the end of `--tunnel`, where a command runs, over OpenSSH.

The same command runs there; what it needs from here goes along on standard input, as one line of
JSON. Standard input then stays open: its end tells the far command that this one has gone.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, pthread_kill
from threading import Thread, main_thread
from typing import IO

from ...model.rollout_step import RolloutStep
from ...model.wire import from_wire, to_wire, wire
from ..cli.errors import CtlError
from ..cli.output import notice_if_slow, raw
from .ssh import SshHost, SshOptions

REMOTE_FLAG = "--carried"
"""The hidden flag under which the far command expects its `RemoteRequest`."""
RESUMED = "--resumed"
"""The hidden flag under which a command that resumes goes on: it may have asked already."""
MESSAGE = "\x1e"
"""Starts a line of the far command's standard error that is meant for this program."""
CONNECTED = f"{MESSAGE}connected\n"
"""The far shell's first words: what fails from then on is not tried on another machine."""
SAY_CONNECTED = r"printf '\036connected\n' >&2"
LAST_SECONDS = 10.0
"""How long the far command has to end when the near one has gone."""
SSH_FAILED = 255
NOT_FOUND = 127
INTERRUPTED = 130
"""fleetctl's exit code when it was told to end, as by its machine when that goes down."""


@dataclass(frozen=True)
class RemoteRequest:
    """Remote request: what a command needs from the computer where it was typed."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    document: str = ""
    author: str = ""
    """Who asks, on which computer."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where these files are, by unit."""
    is_traced: bool = field(default=False, metadata=wire("traced"))
    """Whether the steps of a rollout are to be told."""


@dataclass
class Tunnel:
    """Tunnel to the machine that runs commands for us; to another when there is no way to it."""

    host: SshHost
    options: SshOptions
    others: list[SshHost] = field(default_factory=list[SshHost])
    """Further machines of the cluster, in the order in which they are tried."""
    resumes: bool = False
    """Whether the command knows its own work again, and goes on through another machine."""

    def run(
        self,
        words: Sequence[str],
        request: RemoteRequest,
        on_message: Callable[[str], None],
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """Run `fleetctl WORDS` there; its output is ours, or goes to `on_line`. Its exit code.

        Raises:
            CtlError: no connection to any machine, or no fleetctl there.
        """
        far = shlex.join(["fleetctl", REMOTE_FLAG, *words])
        while True:
            call = self.options.command(
                self.host, ["sh", "-c", f"{SAY_CONNECTED}; exec {far}"], flags=["-T"]
            )
            with notice_if_slow(f"Waiting for {self.host.name}: no SSH connection yet.") as notice:
                code, connected = run_remote(call, request, on_message, notice.cancel, on_line)
            if connected and self.resumes and code in (SSH_FAILED, INTERRUPTED):
                self._resume()
                far = shlex.join(["fleetctl", REMOTE_FLAG, *words, RESUMED])
            elif code != SSH_FAILED or connected or not self._has_next():
                return self._checked(code, connected=connected)

    def ask(self, words: Sequence[str]) -> str:
        """Run `fleetctl WORDS` there, which only reads: what it prints.

        Raises:
            CtlError: no connection, or the command failed; it said why on our standard error.
        """
        while True:
            call = self.options.command(self.host, ["fleetctl", *words], flags=["-T", "-n"])
            with notice_if_slow(f"Waiting for {self.host.name} to say where that is."):
                answer = subprocess.run(
                    call, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
                )
            if answer.returncode != SSH_FAILED or not self._has_next():
                break
        if self._checked(answer.returncode):
            raise CtlError("")
        return answer.stdout

    def _resume(self) -> None:
        """Go on through another machine; this one may be back when its turn comes again."""
        gone = self.host
        self.others.append(gone)
        self.host = self.others.pop(0)
        print(
            f"fleetctl: the SSH connection to {gone.name} has ended. Going on through "
            f"{self.host.name}",
            file=sys.stderr,
            flush=True,
        )

    def _has_next(self) -> bool:
        """Whether there is another machine to go through: then from now on, all go through it."""
        if not self.others:
            return False
        silent, self.host = self.host, self.others.pop(0)
        print(
            f"fleetctl: no SSH connection to {silent.name}: ssh says why above. Going through "
            f"{self.host.name} (FLEETCTL_TUNNEL={self.host.name} does so at once)",
            file=sys.stderr,
            flush=True,
        )
        return True

    def _checked(self, code: int, *, connected: bool = False) -> int:
        if code == SSH_FAILED and connected:
            raise CtlError(
                f"the SSH connection to {self.host.name} ended before the command did: what it was "
                "to do may have been done. See: fleetctl list-units"
            )
        if code == SSH_FAILED and self.options.config and not Path(self.options.config).exists():
            raise CtlError(
                f"there is no {self.options.config}: bring the stack up (make up), or name a "
                "machine with --tunnel and its configuration with --ssh-config"
            )
        if code == SSH_FAILED:
            raise CtlError(
                f"no SSH connection to {self.host.name}: ssh says why above. Check --tunnel "
                "(FLEETCTL_TUNNEL), --ssh-identity and --known-hosts-file, or go through another "
                "machine of the cluster"
            )
        if code == NOT_FOUND:
            raise CtlError(f"there is no fleetctl on {self.host.name}: is it a machine of fleet?")
        return code


def run_remote(
    call: Sequence[str],
    request: RemoteRequest,
    on_message: Callable[[str], None],
    on_connected: Callable[[], None],
    on_line: Callable[[str], None] | None = None,
) -> tuple[int, bool]:
    """The exit code of a command that gets the request; whether it was reached at all.

    `on_line`: called in a thread with each line of its output, which is ours without that.
    """
    connected = False
    output = subprocess.PIPE if on_line else None
    with (
        subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE, text=True
        ) as process,
        _ended_with_us(process) if on_line else nullcontext(),
    ):
        assert process.stdin and process.stderr
        reader = Thread(target=_read_lines, args=(process.stdout, on_line), daemon=True)
        reader.start()
        send(request, process.stdin)
        for line in process.stderr:
            if line == CONNECTED:
                connected = True
                on_connected()
            else:
                _pass_on(line, on_message)
        reader.join()
    return process.returncode, connected


@contextmanager
def _ended_with_us(process: "subprocess.Popen[str]") -> Generator[None]:
    """The end of a command whose output a thread reads, when we are interrupted.

    Without it, the output would be closed first, which waits for the thread, and so for ever.
    """
    try:
        yield
    except BaseException:
        _end(process)
        raise


def _end(process: "subprocess.Popen[str]") -> None:
    """The end of its input has it finish what must not be left half done."""
    assert process.stdin
    try:
        with suppress(BrokenPipeError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_SECONDS)
    finally:
        process.terminate()


def _read_lines(stream: IO[str] | None, on_line: Callable[[str], None] | None) -> None:
    with suppress(ValueError):  # It was closed: whoever called has gone.
        for line in stream or ():
            if on_line:
                on_line(line)


def send(request: RemoteRequest, to: IO[str]) -> None:
    """Send a request to a program; of one that has ended, its exit code says more."""
    try:
        to.write(json.dumps(to_wire(request)) + "\n")
        to.flush()
    except BrokenPipeError:
        with suppress(BrokenPipeError):  # Whoever waits for its end would try once more, and fail.
            to.close()


def _pass_on(line: str, on_message: Callable[[str], None]) -> None:
    if line.startswith(MESSAGE):
        on_message(line.removeprefix(MESSAGE))
    else:
        sys.stderr.write(line)
        sys.stderr.flush()


def receive() -> RemoteRequest:
    """At the far end: take the request, and from now on end when the near end does."""
    request = RemoteRequest(**from_wire(RemoteRequest, json.loads(sys.stdin.readline())))
    Thread(target=_end_with_caller, daemon=True).start()
    return request


def _end_with_caller() -> None:
    """As Ctrl-C would here: what must not be left half done is finished."""
    # Not sys.stdin: a thread that holds its lock makes Python's own exit fail.
    while os.read(0, 4096):
        pass
    main = main_thread()
    if main.ident is not None:
        pthread_kill(main.ident, SIGINT)
    main.join(LAST_SECONDS)
    if main.is_alive():
        os._exit(1)


def send_step(step: RolloutStep) -> None:
    """At the far end: tell the near program what a rollout has done to a unit."""
    send_message(json.dumps({"step": to_wire(step)}))


def send_message(text: str) -> None:
    """At the far end: tell the near program something."""
    channel = raw(sys.stderr)
    channel.write(f"{MESSAGE}{text}\n")
    channel.flush()
