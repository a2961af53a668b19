"""`aws.ec2.SecurityGroup`, `aws.vpc.SecurityGroupIngressRule` and `...EgressRule`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import Problem, SdkType
from ...resource import names
from ...values import Plain
from .. import tags
from ..client import arn
from ..resource import AutoName
from ..shapes import field, given, shown
from .base import Ec2Resource, ec2, tags_for

SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
ALL = "-1"


class SecurityGroup(Ec2Resource):
    """A firewall that lets nothing through until rules are made for it, out of it neither."""

    token = "aws:ec2/securityGroup:SecurityGroup"
    sdk = SdkType("pulumi_aws.ec2", "SecurityGroup")
    supported = {"": names("description name revokeRulesOnDelete tags vpcId")}
    named = AutoName("name", 255)
    defaults: ClassVar[Mapping[str, Any]] = {
        "description": "Managed by Pulumi", "revokeRulesOnDelete": False,
    }  # fmt: skip
    computed = names("vpcId")
    replacing = names("description name vpcId")
    gone = names("InvalidGroup.NotFound InvalidGroupId.Malformed")

    def make(self, inputs: Plain) -> str:
        """Creates the group."""
        wanted = given(inputs, GroupName="name", Description="description", VpcId="vpcId")
        return ec2().create_security_group(**wanted, **tags_for("security-group", inputs))[
            "GroupId"
        ]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Takes away the rule that AWS adds: everything may go out."""
        _revoke(identity, ["IpPermissionsEgress"])

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads the group; its rules are resources of their own."""
        found = _group(identity)
        outputs = shown(
            found, name="GroupName", description="Description", vpcId="VpcId", ownerId="OwnerId"
        )
        return outputs | {
            "arn": arn("ec2", f"security-group/{identity}"),
            "tagsAll": tags.from_pairs(found.get("Tags")),
        }

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        if state.get("revokeRulesOnDelete"):
            _revoke(identity, ["IpPermissions", "IpPermissionsEgress"])
        ec2().delete_security_group(GroupId=identity)


def _group(identity: str) -> Plain:
    return ec2().describe_security_groups(GroupIds=[identity])["SecurityGroups"][0]


def _revoke(identity: str, directions: list[str]) -> None:
    found = _group(identity)
    revoke = {
        "IpPermissions": ec2().revoke_security_group_ingress,
        "IpPermissionsEgress": ec2().revoke_security_group_egress,
    }
    for direction in directions:
        if found.get(direction):
            revoke[direction](GroupId=identity, IpPermissions=found[direction])


class Rule(Ec2Resource):
    """One rule of a security group: a protocol, ports, and one kind of other side."""

    supported = {
        "": names(
            f"description fromPort ipProtocol securityGroupId tags toPort \
{' '.join(SOURCES)}"
        )
    }
    replacing = names("securityGroupId")
    gone = names("InvalidSecurityGroupRuleId.NotFound InvalidGroup.NotFound")
    steps = dict.fromkeys(("description", "fromPort", "ipProtocol", "toPort", *SOURCES), "modify")
    direction: ClassVar[str]

    def check(self, inputs: Plain) -> list[Problem]:
        """One other side; ports exactly where the protocol has them."""
        sources = [name for name in SOURCES if name in inputs]
        choices = ", ".join(SOURCES)
        if len(sources) != 1:
            given_now = ", ".join(sources) or "none"
            return [Problem(SOURCES[0], f"give exactly one of {choices}; got {given_now}.")]
        ported = [name for name in ("fromPort", "toPort") if name in inputs]
        if inputs["ipProtocol"] == ALL and ported:
            return [Problem(ported[0], "protocol -1 means all protocols and ports: leave it out.")]
        return []

    def forces_new(self, name: str, state: Plain, inputs: Plain) -> bool:
        """A rule keeps its kind of other side."""
        return self.replaces(name) or (name in SOURCES and (name in state) != (name in inputs))

    def make(self, inputs: Plain) -> str:
        """Adds the rule."""
        authorize = getattr(ec2(), f"authorize_security_group_{self.direction}")
        made = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[_permission(inputs)],
            **tags_for("security-group-rule", inputs),
        )
        return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads the rule."""
        answer = ec2().describe_security_group_rules(SecurityGroupRuleIds=[identity])
        if not answer["SecurityGroupRules"]:
            return None
        found = answer["SecurityGroupRules"][0]
        outputs = shown(
            found, cidrIpv4="CidrIpv4", cidrIpv6="CidrIpv6", description="Description",
            fromPort="FromPort", ipProtocol="IpProtocol", prefixListId="PrefixListId",
            securityGroupId="GroupId", toPort="ToPort",
        )  # fmt: skip
        other = field(found, "ReferencedGroupInfo.GroupId")
        return (
            outputs
            | ({"referencedSecurityGroupId": other} if other else {})
            | {
                "arn": arn("ec2", f"security-group-rule/{identity}"),
                "securityGroupRuleId": identity,
                "tagsAll": tags.from_pairs(found.get("Tags")),
            }
        )

    def modify(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes anything but the kind of other side."""
        rule = _ports(inputs) | given(
            inputs, CidrIpv4="cidrIpv4", CidrIpv6="cidrIpv6", PrefixListId="prefixListId",
            ReferencedGroupId="referencedSecurityGroupId", Description="description",
        )  # fmt: skip
        ec2().modify_security_group_rules(
            GroupId=inputs["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": identity, "SecurityGroupRule": rule}],
        )

    def remove(self, identity: str, state: Plain) -> None:
        """Revokes the rule."""
        revoke = getattr(ec2(), f"revoke_security_group_{self.direction}")
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[identity])


def _ports(inputs: Plain) -> Plain:
    return given(inputs, IpProtocol="ipProtocol", FromPort="fromPort", ToPort="toPort")


def _permission(inputs: Plain) -> Plain:
    words = given(inputs, Description="description")
    sides = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    [source] = [name for name in SOURCES if name in inputs]
    ranges, key = sides[source]
    return _ports(inputs) | {ranges: [{key: inputs[source]} | words]}


class IngressRule(Rule):
    """Lets something in."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    sdk = SdkType("pulumi_aws.vpc", "SecurityGroupIngressRule")
    direction = "ingress"


class EgressRule(Rule):
    """Lets something out."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    sdk = SdkType("pulumi_aws.vpc", "SecurityGroupEgressRule")
    direction = "egress"
