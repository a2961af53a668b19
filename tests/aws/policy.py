"""What a policy of IAM allows: as much of its language as the policies in docs use."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Context = Mapping[str, str]
"""What IAM knows of a request, by condition key."""


class Policy:
    """A policy document. What it does not allow is denied; what it denies, nothing allows."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.statements: list[Mapping[str, Any]] = document["Statement"]

    @classmethod
    def read(cls, path: Path, **renamed: str) -> "Policy":
        """A file's; `renamed` has what stands in it for the project: the name of another one."""
        text = path.read_text()
        for name, other in renamed.items():
            text = text.replace(f'"{name.replace("_", "-")}"', f'"{other}"')
        return cls(json.loads(text))

    def allows(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Whether it lets an action be done to a resource."""
        effects = {
            one["Effect"]
            for one in self.statements
            if any(_like(action.lower(), pattern.lower()) for pattern in _list(one["Action"]))
            and any(_like(resource, pattern) for pattern in _list(one["Resource"]))
            and _holds(one.get("Condition", {}), context or {})
        }
        return effects == {"Allow"}

    def actions(self) -> set[str]:
        """What it allows under some condition, or on some resource."""
        allowed = (one for one in self.statements if one["Effect"] == "Allow")
        return {action for one in allowed for action in _list(one["Action"])}

    def characters(self) -> int:
        """How many AWS counts: spaces are free."""
        document = {"Version": "2012-10-17", "Statement": self.statements}
        return len(json.dumps(document, separators=(",", ":")))


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _compare(operator, context.get(key), _list(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _compare(operator: str, given: str | None, wanted: list[str]) -> bool:
    """A key that is not there is like nothing."""
    if given is None:
        return operator.endswith("IfExists")
    match operator.removesuffix("IfExists"):
        case "StringEquals" | "ArnEquals":
            return given in wanted
        case "StringLike" | "ArnLike":
            return any(_like(given, pattern) for pattern in wanted)
        case _:
            raise ValueError(f"the condition {operator} is not known here")


def _like(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
