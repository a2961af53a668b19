"""Whether etcd's members are the stack's first: then no quorum has to be kept while they come."""

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

_STATE = "pulumi:pulumi:readStackResourceOutputs"
"""Pulumi's own function: each resource of a stack's state, by its URN."""


def are_first(steps: Iterable[str]) -> bool:
    """Whether the stack's state has none of the members' steps, by name: machine-1-etcd.

    Where the state cannot be read, they are taken for members that there are.
    """
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        answer: Any = pulumi.runtime.invoke(_STATE, {"stackName": stack}).value  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        pulumi.log.debug(f"machines come one by one, since {stack} cannot be read: {error}")
        return False
    return has_none(answer["outputs"], steps)


def has_none(resources: Mapping[str, object], steps: Iterable[str]) -> bool:
    """Whether none of the URNs is that of a step (pure)."""
    known = {urn.rpartition("::")[2] for urn in resources}
    return known.isdisjoint(steps)
