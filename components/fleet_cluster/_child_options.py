"""Options of the children of a component."""

from copy import copy

import pulumi


def child_of(
    parent: pulumi.Resource,
    opts: pulumi.ResourceOptions | None,
    more: pulumi.ResourceOptions | None = None,
) -> pulumi.ResourceOptions:
    """A child's options: it waits for what its component was told to, by the options `opts`."""
    first = pulumi.ResourceOptions(parent=parent, depends_on=opts.depends_on if opts else None)
    return pulumi.ResourceOptions.merge(first, more)


def moved_below(
    parent: pulumi.Resource, more: pulumi.ResourceOptions | None = None
) -> pulumi.ResourceOptions:
    """Options of a child that stacks from before version 2.0 have at the top, without a parent."""
    first = pulumi.ResourceOptions(
        parent=parent, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
    )
    return pulumi.ResourceOptions.merge(first, more)


def at_once(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """Options of a component of which only a part waits for what it depends on (`child_of`)."""
    given = copy(opts)
    if given:
        given.depends_on = None
    return given
