"""Wire names: what a dataclass's fields are called in JSON, whatever they are called in this code.

A field's wire name is its attribute's, or the one given with `wire`. It is read by fleetd and
fleetctl of other versions, so it stays when the attribute gets a better name.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any


def wire(name: str) -> Mapping[str, str]:
    """Metadata of a field that is called `name` in JSON: `field(metadata=wire("told"))`."""
    return {"wire": name}


@cache
def wire_names(kind: type[Any]) -> Mapping[str, str]:
    """Wire names of a dataclass's fields, by attribute."""
    return {one.name: one.metadata.get("wire", one.name) for one in fields(kind)}


@cache
def _attributes(kind: type[Any]) -> Mapping[str, str]:
    return {name: attribute for attribute, name in wire_names(kind).items()}


def to_wire(one: object) -> dict[str, Any]:
    """A dataclass's values by wire name. Not as `asdict` does: nothing is copied."""
    values = vars(one)
    return {name: values[attribute] for attribute, name in wire_names(type(one)).items()}


def from_wire(kind: type[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Values of `raw` by attribute of dataclass `kind`.

    Those that this version does not know are left out, so that a cluster can be upgraded machine
    by machine.
    """
    attributes = _attributes(kind)
    return {attributes[name]: value for name, value in raw.items() if name in attributes}
