"""Pulumi's property values as plain Python, and back, with secrets and unknowns kept."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

Properties = dict[str, PropertyValue]
Plain = dict[str, Any]


class Unknown:
    """A value that only exists once something else has been created."""

    def __repr__(self) -> str:
        """Shows what it is in errors."""
        return "<unknown until it is created>"


UNKNOWN = Unknown()


class Secret:
    """Marks an output as secret: `wrap(Secret(text))`."""

    def __init__(self, value: Any) -> None:
        """Keeps `value`, any plain value, to be wrapped as a secret."""
        self.value = value


def is_unknown(value: PropertyValue) -> bool:
    """Whether the value itself is unknown. The Python SDK hands unknowns over as a marker text."""
    return isinstance(value.value, Computed) or value.value == UNKNOWN_TEXT


def plain(value: PropertyValue) -> Any:
    """Returns dicts, lists, text, numbers; `UNKNOWN` for unknowns; assets stay Pulumi's."""
    inner = value.value
    if is_unknown(value):
        return UNKNOWN
    if isinstance(inner, bool | str):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items() if item.value is not None}
    if isinstance(inner, Sequence):
        return [plain(item) for item in inner]
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> Plain:
    """Returns the plain form of every property that is set."""
    return {key: plain(value) for key, value in values.items() if value.value is not None}


def items_of(value: Any) -> list[Any]:
    """Returns the items of a list, and none of what is not a list (left out, or unknown)."""
    return list(cast("list[Any]", value)) if isinstance(value, list) else []


def wrap(value: Any) -> PropertyValue:
    """Returns the property value of a plain one."""
    if isinstance(value, PropertyValue):
        return value
    if isinstance(value, Secret):
        return wrap(value.value).with_secret(True)
    if isinstance(value, Unknown):
        return PropertyValue(UNKNOWN_TEXT)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return PropertyValue({str(key): wrap(item) for key, item in items})
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return PropertyValue(value)
    return PropertyValue([wrap(item) for item in value])


def wrap_map(values: Mapping[str, Any]) -> Properties:
    """Returns the property values of plain ones; those that are None are left out."""
    return {key: wrap(value) for key, value in values.items() if value is not None}
