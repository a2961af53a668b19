"""Claims: a replacement keeps what it has just made, and what was changed by hand is written again.

Pulumi makes a replacement first, and then ends the resource that it replaces, under the same name.
So whatever is removed at a resource's end carries a token that its resource has printed: the
command plugin gives that back at the end, and what has another token by then is another's.
"""

from pathlib import PurePosixPath

import pulumi


def create(run: str, name: str, data_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """The command that writes `name`, and claims it.

    Args:
        run: a command of fleetctl that knows `--claim`.
        name: an owner of units, or a key.
        data_id: the etcd data id, with the numbers of changes by hand.
    """
    return pulumi.Output.from_input(data_id).apply(lambda id: f"{run} --claim {mended(id, name)}")


def update(run: str, name: str, data_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """The same, which runs again when etcd holds other data, or the name was changed by hand."""
    return pulumi.Output.all(create(run, name, data_id), in_data("", data_id)).apply("".join)


def in_data(command: str, data_id: pulumi.Input[str]) -> pulumi.Output[str]:
    """The command, which runs again when etcd holds other data.

    Said in a comment: a trigger would replace the resource.
    """
    return pulumi.Output.from_input(data_id).apply(
        lambda id: f"{command} # in store {id.partition(' ')[0]}"
    )


def mended(data_id: str, name: str) -> int:
    """How often `name` was written again because it had been changed by hand."""
    counts = dict(one.rsplit("=", 1) for one in data_id.split()[1:])
    return int(counts.get(name, 0))


def claim_file(path: PurePosixPath) -> str:
    """The command that moves `path`.new to `path`, and prints what tells this file from others."""
    return f"mv {path}.new {path} && ls -i {path}"


def unless_claimed(path: PurePosixPath, command: str) -> str:
    """The command, unless the file is another resource's by now.

    Where the server does not let the plugin say what was printed, the command runs: it is better
    to empty a machine that stays than to leave one full that goes.
    """
    return (
        f"here=$(ls -i {path} 2>/dev/null); "
        'if [ -z "$here" ] || [ "${PULUMI_COMMAND_STDOUT:-$here}" = "$here" ]; '
        f"then rm -f {path}; {command}; else echo 'nothing to do: made anew' >&2; fi"
    )
