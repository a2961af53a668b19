"""`aws.ec2.Eip`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import Problem, SdkType
from ...resource import names
from ...values import Plain
from .. import tags
from ..client import arn
from ..shapes import shown
from .base import Ec2Resource, ec2, tags_for


class Eip(Ec2Resource):
    """A public address, at a network interface or at none. Its id is the allocation's."""

    token = "aws:ec2/eip:Eip"
    sdk = SdkType("pulumi_aws.ec2", "Eip")
    supported = {"": names("domain networkInterface tags")}
    defaults: ClassVar[Mapping[str, Any]] = {"domain": "vpc"}
    computed = names("domain networkInterface publicIpv4Pool networkBorderGroup")
    replacing = names("domain")
    gone = names("InvalidAllocationID.NotFound")
    steps = {"networkInterface": "associate"}
    unsettled = {"networkInterface": names("associationId privateIp")}

    def check(self, inputs: Plain) -> list[Problem]:
        """Addresses outside of a VPC are history."""
        if inputs["domain"] != "vpc":
            return [Problem("domain", f"got {inputs['domain']!r}; supported here: vpc.")]
        return []

    def make(self, inputs: Plain) -> str:
        """Allocates it."""
        made = ec2().allocate_address(Domain="vpc", **tags_for("elastic-ip", inputs))
        return made["AllocationId"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Puts it where it belongs."""
        if "networkInterface" in inputs:
            self.associate(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        found = _address(identity)
        outputs = shown(
            found, allocationId="AllocationId", associationId="AssociationId", domain="Domain",
            networkInterface="NetworkInterfaceId", privateIp="PrivateIpAddress",
            publicIp="PublicIp", publicIpv4Pool="PublicIpv4Pool",
        )  # fmt: skip
        return outputs | {
            "arn": arn("ec2", f"elastic-ip/{identity}"),
            "tagsAll": tags.from_pairs(found.get("Tags")),
        }

    def associate(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Moves it to another interface, or away."""
        _disassociate(identity)
        if inputs.get("networkInterface"):
            ec2().associate_address(
                AllocationId=identity, NetworkInterfaceId=inputs["networkInterface"]
            )

    def remove(self, identity: str, state: Plain) -> None:
        """Takes it away and gives it back."""
        _disassociate(identity)
        ec2().release_address(AllocationId=identity)


def _address(identity: str) -> Plain:
    return ec2().describe_addresses(AllocationIds=[identity])["Addresses"][0]


def _disassociate(identity: str) -> None:
    association = _address(identity).get("AssociationId")
    if association:
        ec2().disassociate_address(AssociationId=association)
