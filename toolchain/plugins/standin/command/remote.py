"""`command.remote.Command`: a command on another machine, over SSH."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from ..inputs import SdkType
from ..resource import Context, PluginError
from ..values import Plain
from .lifecycle import Command
from .output import STDERR, STDOUT, Output, failure

if TYPE_CHECKING:
    import paramiko

NO_STATUS = "wait: remote command exited without exit status or exit signal"


class RemoteCommand(Command):
    """Runs in the login shell of the connection's user, in its home."""

    token = "command:remote:Command"
    sdk = SdkType("pulumi_command.remote", "Command")
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"connection"})

    def run(self, context: Context, command: str, inputs: Plain, previous: dict[str, str]) -> Plain:
        """Connects, runs one command, returns stdout and stderr."""
        from . import ssh

        output = Output(context.log, inputs.get("logging"))
        with ssh.connect(context, inputs["connection"]) as transport:
            status = _run(transport, context, command, inputs, previous, output)
        output.close()
        if status != 0:
            reason = NO_STATUS if status is None else f"Process exited with status {status}"
            raise PluginError(failure(reason, command, output))
        return {STDOUT: output.text(STDOUT), STDERR: output.text(STDERR)}


def _run(
    transport: "paramiko.Transport",
    context: Context,
    command: str,
    inputs: Plain,
    previous: Mapping[str, str],
    output: Output,
) -> int | None:
    """Sets the variables one asks for; the previous output only where the server takes it."""
    from . import ssh

    wanted: dict[str, str] = dict(inputs.get("environment", {}))
    optional = dict(previous)
    while True:
        try:
            environment = wanted | optional
            return ssh.run(transport, command, inputs.get("stdin", ""), environment, output)
        except ssh.RefusedError as refused:
            name = str(refused)
            if name not in optional:
                raise PluginError(_refused(name)) from refused
            context.log.warning(f"The server refused {name}; the command runs without it.")
            del optional[name]


def _refused(name: str) -> str:
    return (
        f"ssh: the server refused the environment variable {name}, so nothing was run."
        " Allow it with AcceptEnv in its sshd_config, or pass data on stdin."
    )
