"""Inputs of the set-up's steps: JSON that Pulumi's side writes and a machine reads. Pure.

Each field is named here and nowhere else. On a machine a text is a `str`; on Pulumi's side it may
be an output, and the class is `Configuration[pulumi.Input[str]]`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from ..etcd_roles import Grants
from ..model.wire import from_wire, to_wire, wire, wire_names

Text = TypeVar("Text")
_OWN = ("worker", "member", "peer", "journal_sender", "journal_receiver")
"""Certificates of one machine alone."""

REFUSED = 3
"""What a step exits with that would do harm, and has changed nothing; 1 if it has failed."""


class StepInputError(ValueError):
    """An input is not what its step reads; the message names the field."""


@dataclass(frozen=True)
class StepInput:
    """An input: a JSON object with all of its class's fields."""

    def to_wire(self) -> dict[str, Any]:
        """The object, with whatever stands for its texts."""
        return to_wire(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read stdin. Fields that this version does not know are a newer program's.

        Raises:
            StepInputError: not a JSON object, or a field is missing.
        """
        try:
            raw: Any = json.loads(text)
            known = from_wire(cls, raw)
        except (ValueError, AttributeError) as error:
            raise StepInputError(f"not a JSON object: {text[:200]!r}") from error
        missing = [name for name in wire_names(cls).values() if name not in raw]
        if missing:
            raise StepInputError(f"{cls.__name__} without {', '.join(missing)}")
        return cls(**cls._values(known))

    @classmethod
    def _values(cls, known: dict[str, Any]) -> dict[str, Any]:
        """Values by attribute, of those that were read."""
        return known


@dataclass(frozen=True)
class Pair(Generic[Text]):
    """A certificate and its private key, PEM."""

    cert: Text
    key: Text


@dataclass(frozen=True)
class Configuration(StepInput, Generic[Text]):
    """Input of the step `configure`."""

    resource: Text
    """The provider's id of this machine; another one runs the step again."""
    bundle: str = field(metadata=wire("software"))
    """SHA-256 of the bundle that brought this code."""
    etcd: str
    """Version of etcd, which came as an archive of its own."""
    coredns: str
    """Version of CoreDNS, which did so too."""
    name: str
    address: Text
    metadata: Mapping[str, str]
    endpoints: Sequence[Text]
    """Addresses of the machines that keep etcd's data."""
    agent_ttl: int
    reconcile_interval: int
    image_retention_hours: int
    reboot_window: str
    registry: Text
    """An image registry that speaks plain HTTP; empty if there is none."""
    authority: Text
    previous_authority: Text
    """The one before it, which a machine that is new trusts as well; empty if there is none."""
    roles: Mapping[str, Pair[Text]]
    """By etcd's roles of which the machine holds the certificate (`etcd_roles.held_by`)."""
    worker: Pair[Text] | None
    """What a machine shows etcd that is no member; none if it is one."""
    member: Pair[Text] | None
    """The certificate of etcd's member; none if the machine is none."""
    peer_authority: Text
    """What the certificates of etcd's peers are signed by."""
    peer: Pair[Text] | None
    """What etcd's member shows its peers; none if the machine is none."""
    journal_sender: Pair[Text] | None
    """What a machine shows who takes its journal; none where journals are not shipped."""
    journal_receiver: Pair[Text] | None
    """What it shows machines that send it theirs; none if it is not the one that takes them."""

    def to_wire(self) -> dict[str, Any]:
        """The object, with whatever stands for its texts."""
        roles = {role: to_wire(pair) for role, pair in self.roles.items()}
        own = {name: getattr(self, name) for name in _OWN}
        pairs = {name: to_wire(pair) if pair else None for name, pair in own.items()}
        return {**super().to_wire(), "roles": roles, **pairs}

    @classmethod
    def _values(cls, known: dict[str, Any]) -> dict[str, Any]:
        return {
            **known,
            "endpoints": tuple(known["endpoints"]),
            "roles": {role: Pair(**pair) for role, pair in known["roles"].items()},
            **{one: Pair(**known[one]) if known[one] else None for one in _OWN},
        }


@dataclass(frozen=True)
class Membership(StepInput, Generic[Text]):
    """Input of the step `etcd`."""

    resource: Text
    """The provider's id of this machine; another one runs the step again."""
    name: str
    address: Text
    members: Mapping[str, Text]
    """Addresses of all machines that are to keep etcd's data, by name."""
    version: str
    """Version of etcd that the member runs."""
    grants: Grants = field(metadata=wire("roles"))
    """What all roles of etcd may do; another one runs the step again."""
    settings: Mapping[str, str]
    """What the program chooses of etcd's configuration, as variables of its environment."""
    configured_with: Text = field(metadata=wire("configuration"))
    """Digest of what else all members are started with; another one runs the step again."""

    @property
    def is_first(self) -> bool:
        """Whether it is the one that begins a cluster."""
        return next(iter(self.members)) == self.name

    @property
    def others(self) -> list[Text]:
        """Addresses of the other members."""
        return [address for name, address in self.members.items() if name != self.name]


@dataclass(frozen=True)
class Trust(StepInput, Generic[Text]):
    """Input of the step `trust`."""

    resource: Text
    """The provider's id of this machine; another one runs the step again."""
    authority: Text
    """What is trusted, and nothing else."""
    member: Membership[Text] | None
    """Of a machine that keeps etcd's data."""

    def to_wire(self) -> dict[str, Any]:
        """The object, with whatever stands for its texts."""
        return {**super().to_wire(), "member": self.member.to_wire() if self.member else None}

    @classmethod
    def _values(cls, known: dict[str, Any]) -> dict[str, Any]:
        member = known["member"]
        return {**known, "member": Membership(**from_wire(Membership, member)) if member else None}


@dataclass(frozen=True)
class Members(StepInput, Generic[Text]):
    """Input of the steps `etcd-members` and `may-shrink`."""

    members: Mapping[str, Text]
    """Addresses of the members that stay, by name."""


@dataclass(frozen=True)
class Worker(StepInput, Generic[Text]):
    """Input of the step `worker`."""

    name: str
    address: Text
    machine: Text
    """The machine's own id."""
    data: Text
    """Id of etcd's data; another one runs the step again."""


@dataclass(frozen=True)
class MachineRemoval(StepInput):
    """Input of the steps `may-leave` and `worker-gone`."""

    name: str
    address: str
    machine: str
    """The machine's own id; empty if it is not known."""
    preview: bool
    """Whether nothing goes yet: then nothing speaks against a machine that is dead already."""


@dataclass(frozen=True)
class MemberRestore(StepInput):
    """Input of the step `restore`."""

    part: str
    """What is to be done now."""
    members: Mapping[str, str]
    """Addresses of the members that etcd is to have, by name."""
    token: str
    """What tells this etcd from any other that was made of the same snapshot."""
    revision: int
    """The snapshot's; 0 while it is not known."""


@dataclass(frozen=True)
class FleetdSetup(StepInput, Generic[Text]):
    """Input of the step `fleetd`."""

    configured_with: Text = field(metadata=wire("configuration"))
    """Digest of what the machine was configured with; another one runs the step again."""
    member: bool
    """Whether the machine is to keep etcd's data."""
