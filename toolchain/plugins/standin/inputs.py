"""Checks a resource's inputs against the types of the real SDK."""

import collections.abc
import difflib
import importlib
import inspect
import threading
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

import pulumi
from pulumi._types import (
    input_type_py_to_pulumi_names,
    input_type_types,
    is_input_type,
    resource_types,
    unwrap_type,
)

from .values import Unknown

Supported = Mapping[str, frozenset[str]]
"""Supported names by path: "" for the resource itself, "ports" for what is in its ports. A path
that is missing means that everything the SDK has there is supported."""


_loading = threading.Lock()


@dataclass(frozen=True)
class Problem:
    """What is wrong with one input. `path` is like `ports[0].external`."""

    path: str
    reason: str


@dataclass(frozen=True)
class SdkType:
    """A resource of a real SDK, by name, so that the SDK is imported only when needed."""

    module: str
    name: str

    def arguments(self) -> type:
        """Returns the SDK's class of the resource's arguments."""
        return self._load(f"{self.name}Args")

    def input_types(self) -> dict[str, Any]:
        """Returns the type of each input, by its name on the wire (camelCase)."""
        return input_type_types(self.arguments())

    def output_names(self) -> set[str]:
        """Returns the names of all outputs on the wire; inputs are outputs too."""
        return set(resource_types(self._load(self.name)))

    def _load(self, name: str) -> type:
        # The SDKs' modules load when they are first used, which Python does not guard.
        with _loading:
            return getattr(importlib.import_module(self.module), name)


def problems(inputs: Mapping[str, Any], sdk: SdkType, supported: Supported) -> list[Problem]:
    """Returns everything about plain `inputs` that the real SDK or the stand-in would not take."""
    return list(_check_fields(inputs, sdk.arguments(), supported, "", ""))


def _check_fields(
    values: Mapping[str, Any], arguments: type, supported: Supported, shape: str, at: str
) -> Iterator[Problem]:
    fields = input_type_types(arguments)
    for name in _required(arguments) - set(values):
        yield Problem(f"{at}.{name}" if at else name, "it is required.")
    allowed = supported.get(shape, frozenset(fields))
    for name, value in values.items():
        if name.startswith("__"):
            continue
        path = f"{at}.{name}" if at else name
        if name not in fields:
            yield Problem(path, f"there is no such input. {_choices(name, fields)}")
        elif name not in allowed:
            yield Problem(path, f"this stand-in does not support it. {_choices(name, allowed)}")
        else:
            inner = f"{shape}.{name}" if shape else name
            yield from _check_value(value, fields[name], supported, inner, path)


def _required(arguments: type) -> set[str]:
    wire = input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters.values()
    return {wire[p.name] for p in parameters if p.default is p.empty}


def _check_value(
    value: Any, kind: Any, supported: Supported, shape: str, at: str
) -> Iterator[Problem]:
    kind = unwrap_type(kind)
    origin = typing.get_origin(kind)
    if isinstance(value, Unknown) or kind is Any:
        return
    if origin in (Union, types.UnionType):
        yield from _check_union(value, typing.get_args(kind), supported, shape, at)
    elif origin is collections.abc.Sequence:
        yield from _check_list(value, typing.get_args(kind)[0], supported, shape, at)
    elif origin is collections.abc.Mapping:
        yield from _check_map(value, typing.get_args(kind)[1], supported, shape, at)
    elif is_input_type(kind):
        if isinstance(value, Mapping):
            fields = typing.cast("Mapping[str, Any]", value)
            yield from _check_fields(fields, kind, supported, shape, at)
        else:
            yield _mismatch(at, value, "an object")
    else:
        yield from _check_scalar(value, kind, at)


def _check_union(
    value: Any, options: tuple[Any, ...], supported: Supported, shape: str, at: str
) -> Iterator[Problem]:
    """Awaitables and outputs are gone on the wire: what stays are the alternatives of the value."""
    wire = [o for o in options if not _is_deferred(o) and o is not type(None)]
    found = [list(_check_value(value, option, supported, shape, at)) for option in wire]
    if found and all(found):
        yield from found[0]


def _is_deferred(option: Any) -> bool:
    return typing.get_origin(option) in (collections.abc.Awaitable, pulumi.Output)


def _check_list(
    value: Any, kind: Any, supported: Supported, shape: str, at: str
) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield _mismatch(at, value, "a list")
        return
    for index, item in enumerate(typing.cast("list[Any]", value)):
        yield from _check_value(item, kind, supported, shape, f"{at}[{index}]")


def _check_map(
    value: Any, kind: Any, supported: Supported, shape: str, at: str
) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _mismatch(at, value, "a map")
        return
    for key, item in typing.cast("Mapping[str, Any]", value).items():
        yield from _check_value(item, kind, supported, shape, f"{at}.{key}")


_SCALARS: dict[Any, tuple[str, Any]] = {
    str: ("text", str),
    int: ("a whole number", int),
    float: ("a number", (int, float)),
    bool: ("true or false", bool),
}


def _check_scalar(value: Any, kind: Any, at: str) -> Iterator[Problem]:
    if kind in _SCALARS:
        wanted, accepted = _SCALARS[kind]
        is_number_for_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, accepted) or is_number_for_bool:
            yield _mismatch(at, value, wanted)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        allowed = [str(member.value) for member in kind]
        if value not in allowed:
            yield _mismatch(at, value, f"one of {', '.join(allowed)}")
    elif isinstance(kind, type) and not isinstance(value, kind):
        yield _mismatch(at, value, kind.__name__)


def _mismatch(path: str, value: Any, wanted: str) -> Problem:
    """Says the kind of what was given, not the value: it may be secret."""
    return Problem(path, f"expected {wanted}, got {_kind_of(value)}.")


_KINDS = {
    "str": "text",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "list": "a list",
    "dict": "an object",
}


def _kind_of(value: object) -> str:
    name = type(value).__name__
    return _KINDS.get(name, name)


def _choices(name: str, allowed: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(allowed), n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    return f"{hint}Supported: {', '.join(sorted(allowed))}."
