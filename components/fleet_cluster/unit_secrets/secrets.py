"""Secrets: values that units get as systemd's credentials, on whichever machine they run."""

import shlex
from collections.abc import Mapping
from typing import TypedDict, cast

import pulumi
from pulumi_command import local

from .._lifecycle import claims
from .._lifecycle.member_command import MemberCommandArgs, member_command
from .._lifecycle.plan_hook import note_secrets
from ..access import Access, ClusterAccess
from ..errors import InputError
from ..fleet.model.secrets import ALLOWED, MAX_BYTES, is_secret_name
from ..units import APPLY_SECONDS, TURN_SECONDS


class SecretsArgs(TypedDict):
    """Which secrets, and where."""

    cluster: pulumi.Input[Access]
    """The cluster whose units get them: `Cluster.access`."""
    secrets: Mapping[str, pulumi.Input[str]]
    """Values by name: a unit with LoadCredential=NAME:/run/fleet/credentials gets that one."""


class Secrets(pulumi.ComponentResource):
    """Secrets of units, one resource each. A changed one rolls the units that name it.

    Values are secrets in Pulumi's state whether they are marked so or not. In etcd they are sealed
    to keys that machines have made themselves. Units that name them wait for this resource:
    `depends_on`.
    """

    names: pulumi.Output[list[str]]
    """The secrets that were set."""

    def __init__(
        self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Set each secret; removing it from the program removes it, once no unit names it.

        Raises:
            InputError: a name cannot be a secret's, or a unit could not be given a value.
        """
        super().__init__("fleet-cluster:index:Secrets", name, None, opts)
        cluster = ClusterAccess(args["cluster"])
        # YAML makes one output of all, as soon as one value is an output.
        given: object = args["secrets"]
        if isinstance(given, pulumi.Output):
            all = cast("pulumi.Output[Mapping[str, str]]", given)
            names = all.apply(lambda secrets: self._set_all(secrets, cluster))
            self.names = pulumi.Output.unsecret(names)
        else:
            self.names = pulumi.Output.from_input(self._set_all(args["secrets"], cluster))
        self.register_outputs({"names": self.names})

    def _set_all(
        self, secrets: Mapping[str, pulumi.Input[str]], cluster: ClusterAccess
    ) -> list[str]:
        note_secrets(map(_checked, secrets))
        for name, value in secrets.items():
            self._set(_checked(name), _checked_value(name, value), cluster)
        return sorted(secrets)

    def _set(self, name: str, value: pulumi.Input[str], cluster: ClusterAccess) -> None:
        claimed, data_id = f"secret:{name}", cluster.data_id
        run = f"timeout {APPLY_SECONDS} fleetctl secret"
        author = shlex.quote(f"pulumi {pulumi.get_project()}/{pulumi.get_stack()}")
        put = f"FLEETCTL_AUTHOR={author} {run} set {name} --timeout {TURN_SECONDS}"
        commands = MemberCommandArgs(
            create=claims.create(put, claimed, data_id),
            update=claims.update(put, claimed, data_id),
            delete=f"{run} rm {name} --claim 0",
            stdin=pulumi.Output.secret(value),
            # What it prints tells a changed value from the same one, also to who guesses values:
            # it is a secret in the state, and the plugin would log it all the same.
            logging=local.Logging.STDERR,
        )
        opts = pulumi.ResourceOptions(
            parent=self, deleted_with=cluster.network, additional_secret_outputs=["stdout"]
        )
        member_command(claimed, cluster, commands, opts)


def _checked(name: str) -> str:
    if not is_secret_name(name):
        raise InputError(
            f"secrets[{name!r}]", f"no secret can have this name; allowed: {ALLOWED}. Rename it."
        )
    return name


def _checked_value(name: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
    """The value, of which an output is checked by fleetctl alone."""
    if isinstance(value, str) and not 0 < len(value.encode()) <= MAX_BYTES:
        what = f"has more than {MAX_BYTES} bytes" if value else "is empty"
        raise InputError(f"secrets[{name!r}]", f"the value {what}; allowed: 1 to {MAX_BYTES} bytes")
    return value
