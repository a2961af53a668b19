"""The machine image on AWS: Debian 13, found once for each architecture and then kept."""

import pulumi
import pulumi_aws as aws
from pulumi_command import local

from .lookup import looked_up, refused

DEBIAN = "136693071363"
"""The account that publishes Debian's images."""
DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
"""Debian's name for an architecture by EC2's."""


def architecture_of(instance_type: str) -> str:
    """x86_64 or arm64.

    Raises:
        InputError: EC2 has no such type, or Debian no image for it.
    """
    answer = looked_up(
        "instance_type",
        instance_type,
        lambda: aws.ec2.get_instance_type(instance_type=instance_type),
    )
    found = answer.supported_architectures
    for architecture in DEBIAN_NAMES:
        if architecture in found:
            return architecture
    raise refused(
        "instance_type",
        instance_type,
        f"a type of {' or '.join(DEBIAN_NAMES)}; this one is of {', '.join(found)}",
    )


def for_architecture(image: str, architecture: str) -> str:
    """The id of a given image.

    Raises:
        InputError: there is no such image, or it is for another architecture.
    """
    by_id = aws.ec2.GetAmiFilterArgs(name="image-id", values=[image])
    found = looked_up(
        "image_id", image, lambda: aws.ec2.get_ami(filters=[by_id], include_deprecated=True)
    )
    if found.architecture != architecture:
        raise refused(
            "image_id",
            image,
            f"an image for {architecture}, as instance_type is; this one is for "
            f"{found.architecture}",
        )
    return image


def debian_13(architecture: str, opts: pulumi.ResourceOptions | None = None) -> pulumi.Output[str]:
    """The id of Debian's newest image when this stack first asked.

    The answer is kept in the stack's state: a newer image replaces no machine.
    """
    found = aws.ec2.get_ami(
        owners=[DEBIAN],
        most_recent=True,
        filters=[
            aws.ec2.GetAmiFilterArgs(
                name="name", values=[f"debian-13-{DEBIAN_NAMES[architecture]}-*"]
            ),
            aws.ec2.GetAmiFilterArgs(name="architecture", values=[architecture]),
        ],
    )
    kept = local.Command(
        f"debian-13-{architecture}",
        create="cat",
        stdin=found.id,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["stdin"])),
    )
    return kept.stdout
