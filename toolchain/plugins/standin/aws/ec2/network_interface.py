"""`aws.ec2.NetworkInterface`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import SdkType
from ...resource import names
from ...values import Plain
from .. import tags
from ..client import arn
from ..shapes import given, shown
from .base import Ec2Resource, ec2, tags_for


class NetworkInterface(Ec2Resource):
    """An address in a subnet that outlives the instance it is attached to."""

    token = "aws:ec2/networkInterface:NetworkInterface"
    sdk = SdkType("pulumi_aws.ec2", "NetworkInterface")
    supported = {"": names("description privateIps securityGroups sourceDestCheck subnetId tags")}
    defaults: ClassVar[Mapping[str, Any]] = {"sourceDestCheck": True}
    computed = names("privateIp privateIps securityGroups interfaceType")
    sets = names("privateIps securityGroups")
    replacing = names("subnetId")
    gone = names("InvalidNetworkInterfaceID.NotFound")
    steps = {
        "securityGroups": "set_groups",
        "sourceDestCheck": "set_check",
        "description": "set_description",
        "privateIps": "set_addresses",
    }
    unsettled = {"privateIps": names("privateIp")}

    def forces_new(self, name: str, state: Plain, inputs: Plain) -> bool:
        """The first address stays with its interface."""
        if name == "privateIps" and isinstance(inputs.get(name), list):
            return state["privateIp"] not in inputs[name]
        return self.replaces(name)

    def make(self, inputs: Plain) -> str:
        """Creates it, with the first of its addresses as the primary one."""
        addresses = [
            {"PrivateIpAddress": address, "Primary": number == 0}
            for number, address in enumerate(inputs.get("privateIps", []))
        ]
        wanted = given(
            inputs, SubnetId="subnetId", Groups="securityGroups", Description="description"
        )
        listed = {"PrivateIpAddresses": addresses} if addresses else {}
        made = ec2().create_network_interface(
            **wanted, **listed, **tags_for("network-interface", inputs)
        )
        return made["NetworkInterface"]["NetworkInterfaceId"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """The check is on in a new one."""
        if not inputs["sourceDestCheck"]:
            self.set_check(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        answer = ec2().describe_network_interfaces(NetworkInterfaceIds=[identity])
        found = answer["NetworkInterfaces"][0]
        outputs = shown(
            found, description="Description", interfaceType="InterfaceType",
            macAddress="MacAddress", ownerId="OwnerId", privateDnsName="PrivateDnsName",
            privateIp="PrivateIpAddress", sourceDestCheck="SourceDestCheck", subnetId="SubnetId",
        )  # fmt: skip
        return outputs | {
            "arn": arn("ec2", f"network-interface/{identity}"),
            "privateIps": [one["PrivateIpAddress"] for one in found["PrivateIpAddresses"]],
            "securityGroups": [group["GroupId"] for group in found["Groups"]],
            "tagsAll": tags.from_pairs(found.get("TagSet")),
        }

    def set_groups(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Puts it into other security groups."""
        ec2().modify_network_interface_attribute(
            NetworkInterfaceId=identity, Groups=inputs["securityGroups"]
        )

    def set_check(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Turns the check of source and destination on or off."""
        ec2().modify_network_interface_attribute(
            NetworkInterfaceId=identity, SourceDestCheck={"Value": inputs["sourceDestCheck"]}
        )

    def set_description(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Describes it."""
        ec2().modify_network_interface_attribute(
            NetworkInterfaceId=identity, Description={"Value": inputs.get("description", "")}
        )

    def set_addresses(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Adds and drops further addresses."""
        had, wanted = set(state["privateIps"]), set(inputs["privateIps"])
        if had - wanted:
            ec2().unassign_private_ip_addresses(
                NetworkInterfaceId=identity, PrivateIpAddresses=sorted(had - wanted)
            )
        if wanted - had:
            ec2().assign_private_ip_addresses(
                NetworkInterfaceId=identity, PrivateIpAddresses=sorted(wanted - had)
            )

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        ec2().delete_network_interface(NetworkInterfaceId=identity)
