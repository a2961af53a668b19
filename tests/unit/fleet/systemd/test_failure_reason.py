"""systemd's reasons, from properties as systemd 252 gives them."""

from typing import Any

import pytest

from fleet_cluster.fleet.systemd.failure_reason import Other, others_of, reason

UNIT: dict[str, Any] = {
    "LoadState": "loaded",
    "LoadError": ["", ""],
    "ConditionTimestamp": 5,
    "ConditionResult": True,
    "Conditions": [],
    "AssertTimestamp": 5,
    "AssertResult": True,
    "Asserts": [],
    "Requires": ["system.slice"],
    "BindsTo": [],
    "Requisite": [],
    "Triggers": [],
}
OTHERS = {
    "system.slice": Other("loaded", "active", "active"),
    "db.service": Other("loaded", "failed", "failed"),
    "a.service": Other("not-found", "inactive", "dead"),
}
HOST = ["ConditionHost", False, True, "x", 1]
UNMET = ["ConditionPathExists", False, False, "/nope", -1]
NOT_LOOKED_AT = ["ConditionPathExists", False, False, "/later", 0]
ONE_OF = ["ConditionPathExists", True, False, "/a", -1]
OR_NOT = ["ConditionPathExists", True, True, "/etc", -1]
MET = ["ConditionPathExists", True, False, "/b", 1]


@pytest.mark.parametrize(
    ("properties", "result", "job", "expected"),
    [
        ({}, "success", "done", ""),
        (
            {"ConditionResult": False, "Conditions": [HOST, UNMET, NOT_LOOKED_AT]},
            "success",
            "done",
            "ConditionPathExists=/nope is not met",
        ),
        (
            {"ConditionResult": False, "Conditions": [ONE_OF, OR_NOT]},
            "success",
            "done",
            "ConditionPathExists=|/a is not met, ConditionPathExists=|!/etc is not met",
        ),
        (
            {"ConditionResult": False, "Conditions": [ONE_OF, MET, UNMET]},
            "success",
            "",
            "ConditionPathExists=/nope is not met",
        ),
        ({"ConditionTimestamp": 0, "ConditionResult": False, "Conditions": [UNMET]}, "", "", ""),
        (
            {"AssertResult": False, "Asserts": [["AssertPathExists", False, False, "/x", -1]]},
            "success",
            "assert",
            "AssertPathExists=/x is not met",
        ),
        (
            {"Requires": ["system.slice", "db.service"], "BindsTo": ["db.service"]},
            "success",
            "dependency",
            "it needs db.service, which is failed (failed)",
        ),
        (
            {"Triggers": ["a.service"]},
            "success",
            "failed",
            "it is to start a.service, which is not-found",
        ),
        ({}, "start-limit-hit", "failed", "start-limit-hit"),
        ({"ConditionResult": False}, "exec-condition", "done", "ExecCondition= is not met"),
        (
            {"LoadState": "bad-setting", "LoadError": ["x", "Unit a has a bad setting."]},
            "success",
            "",
            "Unit a has a bad setting.",
        ),
        ({"LoadState": "masked"}, "success", "", "masked"),
    ],
)
def test_reason(properties: dict[str, Any], result: str, job: str, expected: str) -> None:
    unit = UNIT | properties
    others = {name: OTHERS[name] for name in others_of(unit)}
    assert reason(unit, result, job, others) == expected
