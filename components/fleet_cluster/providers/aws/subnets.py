"""The subnets of a cluster on AWS: each in a zone of its own that has machines of the type."""

from collections.abc import Collection, Sequence

import pulumi
import pulumi_aws as aws

from .lookup import looked_up, refused

LEAST = 2
"""How many a load balancer needs."""


def zones_with(instance_type: str) -> list[str]:
    """The region's zones that offer a type of instance: not all do."""
    found = aws.ec2.get_instance_type_offerings(
        location_type="availability-zone",
        filters=[
            aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[instance_type])
        ],
    )
    return sorted(found.locations)


def default_subnets(vpc: pulumi.Output[str], zones: Sequence[str]) -> pulumi.Output[list[str]]:
    """The default subnets of these zones."""
    found = vpc.apply(
        lambda vpc_id: aws.ec2.get_subnets_output(
            filters=[
                aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc_id]),
                aws.ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
                aws.ec2.GetSubnetsFilterArgs(name="availability-zone", values=zones),
            ]
        )
    )
    return found.apply(lambda subnets: _enough(sorted(subnets.ids)))


def _enough(subnets: list[str]) -> list[str]:
    if len(subnets) < LEAST:
        raise refused(
            "subnet_ids",
            [],
            f"vpc_id and {LEAST} subnets of it, since the default VPC has {len(subnets)} default "
            "subnets in zones with machines of instance_type",
        )
    return subnets


def check_subnets(vpc: str, subnets: Sequence[str], zones: Collection[str]) -> None:
    """See that subnets can be used together.

    Raises:
        InputError: one is of another VPC or in a zone without such machines, or two share one.
    """
    found = [
        looked_up("subnet_ids", one, lambda one=one: aws.ec2.get_subnet(id=one)) for one in subnets
    ]
    used = [one.availability_zone for one in found]
    wrong = [
        f"{one.id} of {one.vpc_id} in {one.availability_zone}"
        for one in found
        if one.vpc_id != vpc
        or one.availability_zone not in zones
        or used.count(one.availability_zone) > 1
    ]
    if wrong:
        allowed = f"subnets of {vpc}, each alone in one of the zones {', '.join(zones)}"
        raise refused("subnet_ids", ", ".join(wrong), allowed)


def majority_in_one_zone(members: int, zones: int) -> str:
    """What to warn of: one zone has so many of etcd's members that none can be elected without it.

    Args:
        members: of etcd, which are spread over the zones in turn.
        zones: as many as subnets.
    """
    fullest = -(-members // zones)
    if members == 1 or fullest <= members // 2:
        return ""
    return (
        f"etcd's {members} members are in {zones} zones, and one of these has {fullest} of them, "
        "the majority: while that zone is away, nothing can be changed and no lost machine's units "
        "move; what runs elsewhere runs on. Next step: subnet_ids in three zones or more (for new "
        "machines only)"
    )
