"""What everything of the load balancers shares."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...values import Plain
from .. import tags
from ..client import client
from ..resource import AwsResource


def elbv2() -> Any:
    """Returns the client."""
    return client("elbv2")


class LbResource(AwsResource):
    """A resource of the load balancers. Its id is its ARN."""

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets and removes tags."""
        tags.tag_elbv2(identity, new, gone)


def tags_for(inputs: Plain) -> Plain:
    """Returns the parameter that tags a new thing."""
    wanted = tags.all_tags(inputs)
    return {"Tags": tags.pairs(wanted)} if wanted else {}


def tags_of(identity: str) -> tags.Tags:
    """Returns the tags of a thing by its ARN."""
    answer = elbv2().describe_tags(ResourceArns=[identity])
    return tags.from_pairs(answer["TagDescriptions"][0]["Tags"])


def attribute_list(wanted: Plain, attributes: dict[str, str]) -> list[Plain]:
    """Returns inputs as the API's list of attributes, by the attribute's name of each input."""
    return [
        {"Key": key, "Value": _text(wanted[name])}
        for name, key in attributes.items()
        if name in wanted
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_attributes(
    found: Iterable[Plain], attributes: dict[str, str], like: Mapping[str, Any]
) -> Plain:
    """Returns outputs from the API's list of attributes; numbers and truths as in `like`."""
    values = {one["Key"]: one["Value"] for one in found}
    return {
        name: _like(values[key], like.get(name))
        for name, key in attributes.items()
        if key in values
    }


def _like(text: str, example: Any) -> Any:
    if isinstance(example, bool):
        return text == "true"
    return int(text) if isinstance(example, int) else text
