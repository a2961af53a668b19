"""What everything of EC2 shares."""

from typing import Any

from ...values import Plain
from .. import tags
from ..client import client
from ..resource import AwsResource


def ec2() -> Any:
    """Returns the client."""
    return client("ec2")


class Ec2Resource(AwsResource):
    """A resource of EC2: its tags are set by its id."""

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets and removes tags."""
        tags.tag_ec2(identity, new, gone)


def tags_for(kind: str, inputs: Plain) -> Plain:
    """Returns the parameter that tags a new thing of this kind."""
    return tags.specifications(kind, tags.all_tags(inputs))


def attribute(call: str, key: str, identity: str, name: str) -> Any:
    """Returns an attribute that only `describe_..._attribute` tells, or None."""
    answer = getattr(ec2(), call)(**{key: identity, "Attribute": name})
    return answer.get(name[:1].upper() + name[1:], {}).get("Value")
