"""Records of secrets, as they are in etcd: sealed to keys that machines have made themselves.

What seals and opens them is age. A machine's private key never leaves it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .record import Record
from .wire import wire

MAX_BYTES = 64 * 1024
"""The largest secret: systemd gives a unit 1 MiB of them in all."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_VERSION = re.compile(r"([1-9][0-9]{0,8})-[0-9a-f]{4}")
_KEY = re.compile(r"age1[02-9ac-hj-np-z]{58}")
ALLOWED = "1 to 100 letters, digits and _ . -, and no . or - before them"


def is_secret_name(name: str) -> bool:
    """Whether a secret can have this name: it is a credential's, a part of keys and a file's."""
    return bool(_NAME.fullmatch(name))


def is_public_key(key: str) -> bool:
    """Whether this is a machine's public key: it becomes a word of age's command line."""
    return bool(_KEY.fullmatch(key))


def number_of(version: str) -> int:
    """The number in a version of a secret; 0 when it is none.

    The digits after it tell versions apart that have one number, as after etcd was emptied.
    """
    found = _VERSION.fullmatch(version)
    return int(found[1]) if found else 0


@dataclass(frozen=True)
class SecretVersion(Record):
    """A version of a secret, sealed to all members of etcd."""

    kind: ClassVar[str] = "secret"
    sealed: str
    """What age has made of the value."""
    recipients: Mapping[str, str] = field(default_factory=dict[str, str])
    """The public keys that it is sealed to, by the machine that has the private one."""
    written_at: float = field(default=0.0, metadata=wire("at"))
    """When it was set: seconds since 1970."""
    author: str = field(default="", metadata=wire("by"))
    """Who set it: anna@laptop, pulumi shop/dev."""


@dataclass(frozen=True)
class Recipient(Record):
    """A member of etcd that secrets are sealed to. No worker may write one."""

    kind: ClassVar[str] = "recipient"
    key: str
    """Its public key."""
    hostname: str = ""

    def __post_init__(self) -> None:
        if not is_public_key(self.key):
            raise ValueError(f"{self.key[:80]!r} is no public key of age")


@dataclass(frozen=True)
class Delivery(Record):
    """A secret for one machine that runs a unit which names it, sealed to that machine alone."""

    kind: ClassVar[str] = "delivery"
    sealed: str
    key: str
    """The machine's public key."""
