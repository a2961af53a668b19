"""The tags of everything that a stack makes on AWS."""

from collections.abc import Mapping

import pulumi


def tags(name: str, more: Mapping[str, str]) -> dict[str, str]:
    """Its name, whose it is, and the tags that the stack was given."""
    return {
        **more,
        "Name": f"{pulumi.get_stack()}-{name}",
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
    }
