"""Records: values in etcd, JSON objects."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from .wire import from_wire, to_wire, wire_names

MAX_SECONDS = 253_402_300_799.0
"""The last second of the year 9999: all numbers with a fraction are times, and are printed."""
MAX_SHOWN = 200
"""So many characters of a value that is no record are told."""
MOST_SHARED = 64
"""Longer texts than hashes and ids are a record's own."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class BadRecordError(ValueError):
    """A value in etcd is not the record that its key promises."""


@dataclass(frozen=True)
class Record:
    """A value in etcd: a JSON object with the fields of the subclass by their wire names."""

    kind: ClassVar[str] = "record"

    def to_json(self) -> str:
        """The value as it is stored: compact JSON with sorted keys."""
        return _encode(to_wire(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored value.

        Fields that this version does not know are ignored, so that a cluster can be upgraded
        machine by machine.

        Raises:
            BadRecordError: not a JSON object, or a field is missing or of another type.
        """
        try:
            raw: Any = json.loads(text)
            return cls.from_object(raw)
        except (ValueError, RecursionError) as error:
            what = f"not a {cls.kind} record: {text[:MAX_SHOWN]!r} ({str(error)[:MAX_SHOWN]})"
            raise BadRecordError(what) from error

    @classmethod
    def from_object(cls, raw: Any) -> Self:
        """Read a value that was JSON, as `from_json` does.

        Raises:
            BadRecordError: not an object, or a field is missing or of another type.
        """
        try:
            known = from_wire(cls, raw)
            accepted = _accepted(cls)
            for name, value in known.items():
                if not _fits(value, accepted[name]):
                    raise TypeError(f"{wire_names(cls)[name]} is {value!r}")
            return cls(**{name: _shared(value) for name, value in known.items()})
        except (ValueError, AttributeError, TypeError) as error:
            raise BadRecordError(str(error)) from error


def _shared(value: Any) -> Any:
    """A value, the same text for all records that have it: files, machines, states are few."""
    return sys.intern(value) if type(value) is str and len(value) <= MOST_SHARED else value


@cache
def _accepted(record: type[Record]) -> Mapping[str, tuple[type, ...]]:
    """The types of JSON that each field may have: whoever decides on it relies on that."""
    kinds: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int)}
    kinds[Mapping[str, str]] = (dict,)
    return {name: kinds.get(hint, (str,)) for name, hint in get_type_hints(record).items()}


def _fits(value: Any, accepted: tuple[type, ...]) -> bool:
    if type(value) not in accepted:
        return False
    if dict in accepted:
        return all(isinstance(one, str) and _is_text(key + one) for key, one in value.items())
    if float in accepted:
        return -MAX_SECONDS <= value <= MAX_SECONDS
    return str not in accepted or _is_text(value)


def _is_text(value: str) -> bool:
    """Whether it is Unicode: JSON can also spell halves of characters, which nobody can write."""
    return value.isascii() or value == value.encode(errors="replace").decode()
