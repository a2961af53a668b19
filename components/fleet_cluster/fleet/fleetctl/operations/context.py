"""Context of an operation: etcd, the machines, and what was read where it was typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...kv import KV
from ...model.rollout_step import OnStep, RolloutStep
from ...secrets.age import Age, Sealer
from ..cli.errors import CtlError
from ..cli.origin import Origin
from ..remote.machines import Machines


def no_kv() -> KV:
    """No connection to etcd, where there is none to make.

    Raises:
        CtlError: always.
    """
    raise CtlError("this command talks to machines, not to etcd")


def note_nothing(_step: RolloutStep) -> None:
    """Note of a step that nobody asks for."""


@dataclass(frozen=True)
class Context:
    """Context of a command: what it works with."""

    connect: Callable[[], KV]
    """Connect to etcd; only on a machine."""
    machines: Machines
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The unit files that the arguments named: unit to text."""
    document: str = ""
    """Standard input, for commands that read it."""
    connect_as_app: Callable[[], KV] = no_kv
    """Connect to etcd as the application, whose keys fleet may not read; only on a machine."""
    sealer: Sealer = field(default_factory=Age)
    """What seals secrets; only on a machine."""
    origin: Origin = field(default_factory=Origin)
    """Who asks, and where these files are."""
    on_step: OnStep = note_nothing
    """Called with each step of a rollout: for who asked, if they trace what they do."""
