"""`aws.iam.get_policy_document`: a policy put together from its statements. Pure."""

import json
import zlib
from typing import Any

from ...values import Plain, items_of
from .asking import block, function

DEFAULT_VERSION = "2012-10-17"
LISTS = {"actions": "Action", "notActions": "NotAction", "resources": "Resource",
         "notResources": "NotResource"}  # fmt: skip
PRINCIPALS = {"principals": "Principal", "notPrincipals": "NotPrincipal"}
EVERYONE = "*"


@function("policyId statements version")
def policy_document(arguments: Plain) -> Plain:
    """Returns the policy as `json` (indented) and `minifiedJson`."""
    document: Plain = {"Version": arguments.get("version", DEFAULT_VERSION)}
    if "policyId" in arguments:
        document["Id"] = arguments["policyId"]
    statements = [statement(one) for one in items_of(arguments.get("statements"))]
    if statements:
        document["Statement"] = statements
    text = json.dumps(document, indent=2)
    return arguments | {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": document["Version"],
    }


STATEMENT = (
    "actions conditions effect notActions notPrincipals notResources principals resources sid"
)


def statement(fields: Plain) -> Plain:
    """Returns one statement, its fields in the order that the real plugin gives them."""
    given = block(fields, "statements", STATEMENT)
    made: Plain = {"Sid": given["sid"]} if given.get("sid") else {}
    made["Effect"] = given.get("effect", "Allow")
    for name, key in LISTS.items():
        if given.get(name):
            made[key] = _one_or_more(given[name])
    for name, key in PRINCIPALS.items():
        if given.get(name):
            made[key] = _principals(given[name])
    if given.get("conditions"):
        made["Condition"] = _conditions(given["conditions"])
    return made


def _one_or_more(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else sorted(values, reverse=True)


def _principals(blocks: list[Plain]) -> Any:
    if len(blocks) == 1 and blocks[0]["type"] == EVERYONE:
        return EVERYONE
    by_type: dict[str, list[str]] = {}
    for one in [block(one, "principals", "identifiers type") for one in blocks]:
        by_type.setdefault(one["type"], []).extend(one["identifiers"])
    return {kind: _one_or_more(who) for kind, who in sorted(by_type.items())}


def _conditions(blocks: list[Plain]) -> Plain:
    made: dict[str, Plain] = {}
    for one in [block(one, "conditions", "test values variable") for one in blocks]:
        values = one["values"]
        made.setdefault(one["test"], {})[one["variable"]] = (
            values[0] if len(values) == 1 else values
        )
    return {test: dict(sorted(made[test].items())) for test in sorted(made)}
