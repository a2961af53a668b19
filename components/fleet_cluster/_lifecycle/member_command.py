"""MemberCommand: a command on the first member of etcd that answers, also at a resource's end.

What the program does not name any more ends with the inputs that the state has, by the plugin
alone. Its connection would be one machine, which may be dead by then. So these resources are
commands on this computer that run OpenSSH, and they have the ways to all members as inputs. Nothing
of this library is needed at the end: what runs is in the state as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_command import local

from ..access import ClusterAccess
from ..machine import Connection
from .openssh_files import openssh_files
from .ssh_call import FOLDER, REFRESH, SSH_FAILED

CONNECT_SECONDS = (2, 8)
"""For each member, each time that all of them are tried. While one is dead, everything that is
written waits so long for it: a slow one is given its time when the others have not answered."""

_PREFIX = "FLEET_SSH_"
_SCRIPT = f"""\
umask 077
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' HUP INT TERM
for file in ${_PREFIX}FILES; do
    eval "text=\\$$file"
    printf '%s' "$text" | sed "s|{FOLDER}|$folder|g" > "$folder/${{file#{_PREFIX}}}"
    unset "$file" text
done
cat > "$folder/.stdin"
for seconds in {" ".join(map(str, CONNECT_SECONDS))}; do
    for member in ${_PREFIX}MEMBERS; do
        ssh -F "$folder/ssh_config" -o BatchMode=yes -o ConnectTimeout=$seconds \\
            -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o SendEnv='PULUMI_COMMAND_*' \\
            "$member" "$1" < "$folder/.stdin" > "$folder/.stdout"
        status=$?
        if [ $status != {SSH_FAILED} ]; then
            cat "$folder/.stdout"
            exit $status
        fi
    done
done
echo 'no member of etcd can be reached: {REFRESH}' >&2
exit {SSH_FAILED}
"""
INTERPRETER = ("/bin/sh", "-c", _SCRIPT, "ssh")
"""What runs a command of these: the command plugin adds it as the last argument."""


class MemberCommandArgs(TypedDict):
    """What runs, and when."""

    create: NotRequired[pulumi.Input[str]]
    """Writes; a shell on the member runs it."""
    update: NotRequired[pulumi.Input[str]]
    """Writes again; `create` does if not given."""
    delete: NotRequired[pulumi.Input[str]]
    """Removes, also when the program does not name the resource any more."""
    stdin: NotRequired[pulumi.Input[str]]
    """What each of them reads."""
    triggers: NotRequired[Sequence[pulumi.Input[str]]]
    """Another value of one of these replaces the resource."""
    logging: NotRequired[local.Logging]
    """What is shown of what it prints; all if not given."""


def member_command(
    name: str, cluster: ClusterAccess, args: MemberCommandArgs, opts: pulumi.ResourceOptions
) -> local.Command:
    """Run commands on a member of a cluster's etcd, when all machines are set up.

    A stack that was made before this has remote commands. No alias makes one of them this one: the
    command plugin refuses another type's state. So this is made first, and what it was ends after
    that and removes nothing, as at any replacement (`claims.py`).
    """
    known = pulumi.Output.all(cluster.members, cluster.ready)
    return through_members(name, known.apply(lambda all: all[0]), args, opts)


def through_members(
    name: str,
    members: pulumi.Input[Mapping[str, Any]],
    args: MemberCommandArgs,
    opts: pulumi.ResourceOptions,
) -> local.Command:
    """Run commands on the first of these machines that answers.

    A member that was reached, and then is not any more, may have begun: the next one runs the
    command anew, so it has to be one that can be run twice.

    Args:
        name: the resource's.
        members: a `Connection` by name.
        args: what runs.
        opts: the resource's.
    """
    ways = pulumi.Output.from_input(members)
    return local.Command(
        name,
        interpreter=list(INTERPRETER),
        # The key is in it. On a command line, others on this computer could read it.
        environment=pulumi.Output.secret(ways.apply(environment)),
        opts=opts,
        **args,
    )


def environment(members: Mapping[str, Connection]) -> dict[str, str]:
    """What the interpreter finds in its environment: the members, and OpenSSH's files for them."""
    files = {f"{_PREFIX}{name}": text for name, text in openssh_files(members).items()}
    return {
        f"{_PREFIX}MEMBERS": _words(list(members)),
        f"{_PREFIX}FILES": _words(list(files)),
        **files,
    }


def _words(names: Sequence[str]) -> str:
    return " ".join(names)
