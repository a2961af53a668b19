"""EtcdKeys: values that units find in etcd from the start."""

import re
from typing import NotRequired, TypedDict

import pulumi
from pulumi_command import remote

from ._lifecycle import claims, reachability
from .machine import Connection, ssh

_KEY = re.compile(r"/(app|test)/[A-Za-z0-9_./@:-]+")


class EtcdKeysArgs(TypedDict):
    """What to write, through which machine."""

    connection: Connection
    """A machine of the cluster."""
    store: NotRequired[pulumi.Input[str]]
    """What etcd holds (`Cluster.store`): written again when it is other data, or when a key was
    changed by hand."""
    keys: dict[str, pulumi.Input[str]]
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
            pulumi.RunError: a key is not one that the application may write.
        """
        super().__init__("fleet-cluster:index:EtcdKeys", name, None, opts)
        for key, value in args["keys"].items():
            self._seed(check_key(key), value, args)
        self.keys = pulumi.Output.from_input(sorted(args["keys"]))
        self.register_outputs({"keys": self.keys})

    def _seed(self, key: str, value: pulumi.Input[str], args: EtcdKeysArgs) -> None:
        seed, store = f"timeout 60 fleetctl seed {key}", args.get("store", "")
        remote.Command(
            key,
            connection=ssh(args["connection"], dials=3),
            create=claims.create(seed, key, store),
            update=claims.update(seed, key, store),
            delete=f"{seed} --remove",
            # On stdin, since a value may be a secret and the command line is no place for one.
            stdin=pulumi.Output.json_dumps({"value": value}),
            opts=pulumi.ResourceOptions(
                parent=self, hooks=reachability.before_writing(key, args["connection"])
            ),
        )


def check_key(key: str) -> str:
    """The key itself, if the application may write it."""
    if not _KEY.fullmatch(key):
        raise pulumi.RunError(
            f"etcd key {key!r} is not allowed; keys begin with /app/ or /test/ and consist "
            "of letters, digits and _./@:- . Rename it."
        )
    return key
