"""`command.local.Command`: a command on this computer."""

import os
import signal
import subprocess
import threading
from typing import IO, ClassVar

from ..inputs import SdkType, Supported
from ..resource import SILENT, Context, Log, PluginError, names
from ..values import Plain
from .lifecycle import Command
from .output import STDERR, STDOUT, Output, failure

SHELL = ["/bin/sh", "-c"]
COMMON = names("addPreviousOutputInEnv dir environment interpreter logging stdin")


class LocalCommand(Command):
    """Runs with /bin/sh in the program's folder, unless told otherwise."""

    token = "command:local:Command"
    sdk = SdkType("pulumi_command.local", "Command")
    supported: ClassVar[Supported] = {"": COMMON | names("create update delete triggers")}

    def run(self, context: Context, command: str, inputs: Plain, previous: dict[str, str]) -> Plain:
        """Runs one command, returns stdout and stderr."""
        return run(context.log, command, inputs, previous)


def run_once(inputs: Plain) -> Plain:
    """The function `command.local.run`: runs a command, in previews too."""
    known = COMMON | {"command"}
    for name in inputs.keys() - known:
        supported = ", ".join(sorted(known))
        raise PluginError(f"command.local.run: {name} is not supported here, only {supported}.")
    return inputs | run(SILENT, inputs["command"], inputs, {})


def run(log: Log, command: str, inputs: Plain, previous: dict[str, str]) -> Plain:
    """Runs a command; returns its streams, or raises PluginError with both interleaved."""
    output = Output(log, inputs.get("logging"))
    status = _execute([*inputs.get("interpreter", SHELL), command], inputs, previous, output)
    output.close()
    if status != 0:
        reason = f"exit status {status}" if status > 0 else f"signal: {_signal_name(-status)}"
        raise PluginError(failure(reason, command, output))
    return {STDOUT: output.text(STDOUT), STDERR: output.text(STDERR)}


def _signal_name(number: int) -> str:
    return (signal.strsignal(number) or str(number)).lower()


def _execute(argv: list[str], inputs: Plain, previous: dict[str, str], output: Output) -> int:
    environment = os.environ | inputs.get("environment", {}) | previous
    try:
        process = subprocess.Popen(
            argv,
            cwd=inputs.get("dir"),
            env=environment,
            stdin=subprocess.PIPE if inputs.get("stdin") else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise PluginError(f"cannot run {argv[0]}: {error}") from error
    _exchange(process, inputs.get("stdin", "").encode(), output)
    return process.wait()


def _exchange(process: "subprocess.Popen[bytes]", stdin: bytes, output: Output) -> None:
    threads = [
        threading.Thread(target=_drain, args=(process.stdout, STDOUT, output)),
        threading.Thread(target=_drain, args=(process.stderr, STDERR, output)),
    ]
    for thread in threads:
        thread.start()
    if process.stdin is not None:
        _feed(process.stdin, stdin)
    for thread in threads:
        thread.join()


def _feed(stream: IO[bytes], data: bytes) -> None:
    try:
        stream.write(data)
        stream.close()
    except BrokenPipeError:
        # The command ended without having read everything, which is its right.
        return


def _drain(stream: IO[bytes], name: str, output: Output) -> None:
    with stream:
        while data := os.read(stream.fileno(), 65536):
            output.write(name, data)
