"""The failure reason of a unit, from its properties on D-Bus (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NEEDED = ("Requires", "BindsTo", "Requisite")
"""The properties that name the units without which a unit does not start."""


EXEC_CONDITION = "exec-condition"
"""A service's `Result` when a condition did not hold that is a command."""


@dataclass(frozen=True)
class Other:
    """Another unit, as systemd lists it."""

    load: str
    active: str
    sub: str


def others_of(unit: Mapping[str, Any]) -> set[str]:
    """The units that may be the reason."""
    return {name for option in (*NEEDED, "Triggers") for name in unit[option]}


def reason(unit: Mapping[str, Any], result: str, job: str, others: Mapping[str, Other]) -> str:
    """The reason in systemd's words; empty if systemd tells none.

    Args:
        unit: the properties that every unit has.
        result: the unit's `Result`, "success" where its type has none.
        job: how its last start job ended; empty if that is not known.
        others: the units of `others_of`.
    """
    if unit["LoadState"] not in ("loaded", "not-found"):
        return unit["LoadError"][1] or unit["LoadState"]
    if job == "dependency":
        return ", ".join(_down(unit, others))
    if result == EXEC_CONDITION:
        return "ExecCondition= is not met"
    if unit["ConditionTimestamp"] and not unit["ConditionResult"]:
        return ", ".join(_unmet(unit["Conditions"]))
    if unit["AssertTimestamp"] and not unit["AssertResult"]:
        return ", ".join(_unmet(unit["Asserts"]))
    missing = [name for name in unit["Triggers"] if others[name].load != "loaded"]
    if missing:
        return f"it is to start {missing[0]}, which is {others[missing[0]].load}"
    return "" if result == "success" else result


def is_skip(text: str) -> bool:
    """Whether this reason is a condition that is not met: then the unit was not to start."""
    return text.startswith(("Condition", "ExecCondition"))


def _down(unit: Mapping[str, Any], others: Mapping[str, Other]) -> Iterator[str]:
    for name in sorted({name for option in NEEDED for name in unit[option]}):
        other = others[name]
        if other.active not in ("active", "reloading"):
            yield f"it needs {name}, which is {other.active} ({other.sub})"


def _unmet(conditions: Sequence[Any]) -> Iterator[str]:
    """Those that do not hold.

    Each has a name, whether it is one of several of which one is enough (`|`), whether it is
    negated, a parameter, and what came of it: above 0 if it holds, 0 if nobody looked.
    """
    enough = any(is_one and outcome > 0 for _, is_one, _, _, outcome in conditions)
    for name, is_one, is_negated, parameter, outcome in conditions:
        if outcome < 0 and not (is_one and enough):
            yield f"{name}={'|' * is_one}{'!' * is_negated}{parameter} is not met"
