"""Tags: those of the program, those of the provider, and what is on the real thing."""

from typing import Any

from ..values import Plain
from .client import client, default_tags

Tags = dict[str, str]


def all_tags(inputs: Plain) -> Tags:
    """Returns the provider's tags and the program's, which win."""
    return default_tags() | inputs.get("tags", {})


def pairs(tags: Tags, key: str = "Key", value: str = "Value") -> list[Plain]:
    """Returns tags as AWS's requests have them."""
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def specifications(kind: str, tags: Tags) -> Plain:
    """Returns the parameter that tags a new thing of EC2; nothing without tags."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": pairs(tags)}]} if tags else {}


def from_pairs(found: list[Plain] | None, key: str = "Key", value: str = "Value") -> Tags:
    """Returns the tags of an answer, without those of AWS itself."""
    listed = found or []
    return {tag[key]: tag[value] for tag in listed if not tag[key].startswith("aws:")}


def outputs(found: Tags, state: Plain) -> Plain:
    """Returns `tags` and `tagsAll`; the provider's tags are no tags of the program."""
    own: Tags = state.get("tags", {})
    defaults = default_tags()
    tags = {n: text for n, text in found.items() if n in own or defaults.get(n) != text}
    shown: Plain = {"tagsAll": found}
    return shown | {"tags": tags} if tags or "tags" in state else shown


def difference(had: Tags, wanted: Tags) -> tuple[Tags, list[str]]:
    """Returns the tags to set and the names of those to remove."""
    new = {name: text for name, text in wanted.items() if had.get(name) != text}
    return new, [name for name in had if name not in wanted]


def tag_ec2(identity: str, tags: Tags, gone: list[str]) -> None:
    """Tags anything of EC2 by its id."""
    ec2: Any = client("ec2")
    if gone:
        ec2.delete_tags(Resources=[identity], Tags=[{"Key": name} for name in gone])
    if tags:
        ec2.create_tags(Resources=[identity], Tags=pairs(tags))


def tag_elbv2(identity: str, tags: Tags, gone: list[str]) -> None:
    """Tags anything of the load balancers by its ARN."""
    elbv2: Any = client("elbv2")
    if gone:
        elbv2.remove_tags(ResourceArns=[identity], TagKeys=gone)
    if tags:
        elbv2.add_tags(ResourceArns=[identity], Tags=pairs(tags))
