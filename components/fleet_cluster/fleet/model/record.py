"""Records: values in etcd, JSON objects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from .wire import from_wire, to_wire, wire_names

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
            known = from_wire(cls, raw)
            accepted = _accepted(cls)
            for name, value in known.items():
                if not _fits(value, accepted[name]):
                    raise TypeError(f"{wire_names(cls)[name]} is {value!r}")
            return cls(**known)
        except (ValueError, AttributeError, TypeError) as error:
            raise BadRecordError(f"not a {cls.kind} record: {text[:200]!r} ({error})") from error


@cache
def _accepted(record: type[Record]) -> Mapping[str, tuple[type, ...]]:
    """The types of JSON that each field may have: whoever decides on it relies on that."""
    kinds: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int)}
    kinds[Mapping[str, str]] = (dict,)
    return {name: kinds.get(hint, (str,)) for name, hint in get_type_hints(record).items()}


def _fits(value: Any, accepted: tuple[type, ...]) -> bool:
    if type(value) not in accepted:
        return False
    return dict not in accepted or all(isinstance(one, str) for one in value.values())
