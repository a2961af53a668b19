"""Records of what was released: files that units were given, and canaries that are pending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .record import Record
from .wire import wire


@dataclass(frozen=True)
class Release(Record):
    """The release of a unit: it was given a file. Of a template, its instances were given it too.

    Who and from where is what fleetctl was told; nobody has proved it.
    """

    kind: ClassVar[str] = "release"
    sha: str
    """Its file: a key under `files/`."""
    released_at: float = field(default=0.0, metadata=wire("at"))
    """When it was released: seconds since 1970; 0 where that is not known."""
    author: str = field(default="", metadata=wire("by"))
    """Who released it: anna@laptop, pulumi shop/dev; empty where that is not known."""
    source: str = field(default="", metadata=wire("from"))
    """Where its file came from: a path, pulumi, an earlier release; empty where it is not known."""
    failed: bool = False
    """It was taken back, because a unit failed with it."""


@dataclass(frozen=True)
class Canary(Record):
    """The canary of a rollout that has stopped on its way, until somebody says how to go on.

    Some instances of a template, or a Global unit on some machines, have the new file.
    """

    kind: ClassVar[str] = "canary"
    sha: str
    """The new file: a key under `files/`."""
    previous_sha: str = field(metadata=wire("before"))
    """The file that the others keep."""
    began_at: float = field(default=0.0, metadata=wire("at"))
    """When it began: seconds since 1970."""
    author: str = field(default="", metadata=wire("by"))
    """Who began it, as in a release."""
    source: str = field(default="", metadata=wire("from"))
    """Where the new file came from, as in a release."""
    machines: Mapping[str, str] = field(default_factory=dict[str, str], metadata=wire("on"))
    """Of a Global unit: the machines that have the new file, or are to get it, by id; and their
    host names. Nothing else tells of them when they have been away for long."""
