"""EtcdKeys: values that units find in etcd from the start."""

import re
from collections.abc import Mapping
from typing import TypedDict, cast

import pulumi

from ._lifecycle import claims
from ._lifecycle.member_command import MemberCommandArgs, member_command
from .access import Access, ClusterAccess
from .errors import InputError

_KEY = re.compile(r"/(app|test)/[A-Za-z0-9_./@:-]+")


class EtcdKeysArgs(TypedDict):
    """What to write, and where."""

    cluster: pulumi.Input[Access]
    """The cluster in whose etcd they are: `Cluster.access`."""
    keys: Mapping[str, pulumi.Input[str]]
    """Values by key; keys begin with /app/ or /test/."""


class EtcdKeys(pulumi.ComponentResource):
    """Keys of the application, one resource each, written with the application's certificate.

    A value that is a secret is one in Pulumi's state too. In etcd, the application reads it.
    """

    keys: pulumi.Output[list[str]]
    """The keys that were written."""

    def __init__(
        self, name: str, args: EtcdKeysArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Write each key; removing it from the program removes it from etcd.

        Raises:
            InputError: a key is not one that the application may write.
        """
        super().__init__("fleet-cluster:index:EtcdKeys", name, None, opts)
        cluster = ClusterAccess(args["cluster"])
        # YAML makes one output of all, as soon as one value is an output.
        given: object = args["keys"]
        if isinstance(given, pulumi.Output):
            all = cast("pulumi.Output[Mapping[str, str]]", given)
            known = pulumi.Output.all(all, pulumi.Output.from_input(all.is_secret()))
            seeded = known.apply(lambda both: self._seed_all(_as_secrets(*both), cluster))
            self.keys = pulumi.Output.unsecret(seeded)
        else:
            self.keys = pulumi.Output.from_input(self._seed_all(args["keys"], cluster))
        self.register_outputs({"keys": self.keys})

    def _seed_all(self, keys: Mapping[str, pulumi.Input[str]], cluster: ClusterAccess) -> list[str]:
        for key, value in keys.items():
            self._seed(check_key(key), value, cluster)
        return sorted(keys)

    def _seed(self, key: str, value: pulumi.Input[str], cluster: ClusterAccess) -> None:
        seed, data_id = f"timeout 60 fleetctl seed {key}", cluster.data_id
        commands = MemberCommandArgs(
            create=claims.create(seed, key, data_id),
            update=claims.update(seed, key, data_id),
            delete=f"{seed} --remove",
            # On stdin, since a value may be a secret and the command line is no place for one.
            stdin=pulumi.Output.json_dumps({"value": value}),
        )
        opts = pulumi.ResourceOptions(parent=self, deleted_with=cluster.network)
        member_command(key, cluster, commands, opts)


def _as_secrets(keys: Mapping[str, str], secret: bool) -> Mapping[str, pulumi.Input[str]]:
    """Values that were secrets together, each one by itself."""
    return {key: pulumi.Output.secret(value) for key, value in keys.items()} if secret else keys


def check_key(key: str) -> str:
    """The key itself, if the application may write it.

    Raises:
        InputError: it may not.
    """
    if not _KEY.fullmatch(key):
        raise InputError(
            f"keys[{key!r}]",
            "this key of etcd is not allowed; keys begin with /app/ or /test/ and consist "
            "of letters, digits and _./@:- . Rename it.",
        )
    return key
