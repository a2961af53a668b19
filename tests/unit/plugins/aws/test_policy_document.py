from __future__ import annotations

import json
from typing import Any

import pytest
from standin.aws.functions.policy_document import policy_document, statement
from standin.resource import PluginError


def document(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return json.loads(policy_document({"statements": list(statements)} | more)["json"])


def test_a_policy_with_all_its_parts() -> None:
    made = statement(
        {
            "sid": "Pull",
            "effect": "Deny",
            "actions": ["ecr:A", "ecr:B"],
            "resources": ["*"],
            "principals": [
                {"type": "AWS", "identifiers": ["1"]},
                {"type": "AWS", "identifiers": ["2"]},
            ],
            "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
        }
    )
    assert made == {
        "Sid": "Pull",
        "Effect": "Deny",
        "Action": ["ecr:B", "ecr:A"],
        "Resource": "*",
        "Principal": {"AWS": ["2", "1"]},
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }


def test_what_is_left_out() -> None:
    assert document() == {"Version": "2012-10-17"}
    assert document({"actions": ["a"]}, policyId="x", version="2008-10-17") == {
        "Version": "2008-10-17",
        "Id": "x",
        "Statement": [{"Effect": "Allow", "Action": "a"}],
    }


def test_everyone() -> None:
    everyone = {"principals": [{"type": "*", "identifiers": ["*"]}]}
    assert statement(everyone)["Principal"] == "*"


def test_names_as_python_has_them() -> None:
    assert statement({"not_actions": ["a"]}) == {"Effect": "Allow", "NotAction": "a"}


@pytest.mark.parametrize("bad", [{"action": ["a"]}, {"conditions": [{"value": "x"}]}])
def test_unknown_fields_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match="there is no field"):
        statement(bad)


def test_unsupported_arguments_are_refused() -> None:
    with pytest.raises(PluginError, match="getPolicyDocument.*overrideJson"):
        policy_document({"overrideJson": "{}"})
