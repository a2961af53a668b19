"""One rule for the children of a component: they wait for what the component was told to."""

import pulumi


def child_of(
    parent: pulumi.Resource,
    opts: pulumi.ResourceOptions | None,
    more: pulumi.ResourceOptions | None = None,
) -> pulumi.ResourceOptions:
    """A child's options; `opts` are those that its component was given."""
    first = pulumi.ResourceOptions(parent=parent, depends_on=opts.depends_on if opts else None)
    return pulumi.ResourceOptions.merge(first, more)
