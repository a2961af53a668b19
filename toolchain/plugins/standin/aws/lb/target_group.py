"""`aws.lb.TargetGroup` and `aws.lb.TargetGroupAttachment`."""

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import Problem, SdkType
from ...resource import names
from ...values import Plain
from ..resource import AutoName, AwsResource
from ..shapes import given, object_of, shown
from .base import LbResource, attribute_list, elbv2, from_attributes, tags_for, tags_of

ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "slowStart": "slow_start.duration_seconds",
}
STICKINESS = {
    "enabled": "stickiness.enabled",
    "type": "stickiness.type",
    "cookieDuration": "stickiness.lb_cookie.duration_seconds",
}
STICKY = {"enabled": True, "cookieDuration": 86400}
HEALTH = {
    "enabled": "HealthCheckEnabled",
    "healthyThreshold": "HealthyThresholdCount",
    "interval": "HealthCheckIntervalSeconds",
    "matcher": "Matcher.HttpCode",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}
LIMITS = {"healthyThreshold": (2, 10), "unhealthyThreshold": (2, 10), "interval": (5, 300),
          "timeout": (2, 120)}  # fmt: skip


class TargetGroup(LbResource):
    """Machines that a load balancer sends requests to, and how it sees that they are well."""

    token = "aws:lb/targetGroup:TargetGroup"
    sdk = SdkType("pulumi_aws.lb", "TargetGroup")
    supported = {
        "": names("""
            healthCheck ipAddressType lambdaMultiValueHeadersEnabled name port protocol
            protocolVersion proxyProtocolV2 stickiness tags targetType vpcId
        """) | ATTRIBUTES.keys(),
        "stickiness": names("cookieDuration enabled type"),
    }  # fmt: skip
    named = AutoName("name", 32)
    defaults: ClassVar[Mapping[str, Any]] = {
        "deregistrationDelay": 300, "lambdaMultiValueHeadersEnabled": False,
        "proxyProtocolV2": False, "slowStart": 0, "targetType": "instance",
    }  # fmt: skip
    nested_defaults: ClassVar[Mapping[str, Plain]] = {
        "healthCheck": {
            "enabled": True, "healthyThreshold": 3, "interval": 30, "port": "traffic-port",
            "protocol": "HTTP", "unhealthyThreshold": 3,
        },
        "stickiness": STICKY,
    }  # fmt: skip
    inert = names("lambdaMultiValueHeadersEnabled proxyProtocolV2")
    computed = names("""
        healthCheck ipAddressType loadBalancingAlgorithmType protocolVersion stickiness
    """)
    replacing = names("ipAddressType name port protocol protocolVersion targetType vpcId")
    gone = names("TargetGroupNotFound")
    steps = dict.fromkeys((*ATTRIBUTES, "stickiness"), "set_attributes") | {
        "healthCheck": "set_health_check"
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """What its type needs, and the limits of its health check."""
        found = [
            Problem(name, "it is required, but for Lambda functions.")
            for name in ("port", "protocol", "vpcId")
            if name not in inputs and inputs["targetType"] != "lambda"
        ]
        health = object_of(inputs.get("healthCheck"))
        return found + _check_health(health) + self.check_inert(inputs)

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        made = elbv2().create_target_group(
            **given(
                inputs, Name="name", Port="port", Protocol="protocol", VpcId="vpcId",
                TargetType="targetType", ProtocolVersion="protocolVersion",
                IpAddressType="ipAddressType",
            ),
            **_health_parameters(inputs),
            **tags_for(inputs),
        )  # fmt: skip
        return made["TargetGroups"][0]["TargetGroupArn"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Sets what is an attribute."""
        self.set_attributes(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        answer = elbv2().describe_target_groups(TargetGroupArns=[identity])
        if not answer["TargetGroups"]:
            return None
        found = answer["TargetGroups"][0]
        answer = elbv2().describe_target_group_attributes(TargetGroupArn=identity)
        attributes = answer["Attributes"]
        outputs = shown(
            found, ipAddressType="IpAddressType", loadBalancerArns="LoadBalancerArns",
            name="TargetGroupName", port="Port", protocol="Protocol",
            protocolVersion="ProtocolVersion", targetType="TargetType", vpcId="VpcId",
        )  # fmt: skip
        return (
            outputs
            | from_attributes(attributes, ATTRIBUTES, self.defaults)
            | {
                "arn": identity,
                "arnSuffix": identity.rpartition(":")[2],
                "healthCheck": shown(found, **HEALTH),
                "stickiness": from_attributes(attributes, STICKINESS, STICKY),
                "tagsAll": tags_of(identity),
            }
        )

    def set_attributes(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Sets the attributes that differ."""
        changed = {n: inputs[n] for n in ATTRIBUTES if n in inputs and inputs[n] != state.get(n)}
        listed = attribute_list(changed, ATTRIBUTES)
        if inputs.get("stickiness", {}) != state.get("stickiness", {}):
            listed += attribute_list(inputs.get("stickiness", {}), STICKINESS)
        if listed:
            elbv2().modify_target_group_attributes(TargetGroupArn=identity, Attributes=listed)

    def set_health_check(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes the health check."""
        elbv2().modify_target_group(TargetGroupArn=identity, **_health_parameters(inputs))

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        elbv2().delete_target_group(TargetGroupArn=identity)


def _check_health(health: Plain) -> list[Problem]:
    found: list[Problem] = []
    for name, (least, most) in LIMITS.items():
        value = health.get(name)
        if isinstance(value, int) and not least <= value <= most:
            reason = f"got {value}, allowed are {least} to {most}."
            found.append(Problem(f"healthCheck.{name}", reason))
    timeout, interval = health.get("timeout", 0), health.get("interval", 30)
    if isinstance(timeout, int) and isinstance(interval, int) and timeout >= interval:
        reason = f"got {timeout}, it must be shorter than the interval, {interval}."
        found.append(Problem("healthCheck.timeout", reason))
    return found


def _health_parameters(inputs: Plain) -> Plain:
    health = inputs.get("healthCheck", {})
    flat = {api: health[name] for name, api in HEALTH.items() if name in health}
    code = flat.pop("Matcher.HttpCode", None)
    return flat | ({"Matcher": {"HttpCode": code}} if code else {})


class TargetGroupAttachment(AwsResource):
    """A machine in a target group."""

    token = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
    sdk = SdkType("pulumi_aws.lb", "TargetGroupAttachment")
    supported = {"": names("availabilityZone port targetGroupArn targetId")}
    replacing = names("availabilityZone port targetGroupArn targetId")
    gone = names("TargetGroupNotFound InvalidTarget")

    def make(self, inputs: Plain) -> str:
        """Registers the target."""
        elbv2().register_targets(TargetGroupArn=inputs["targetGroupArn"], Targets=[_one(inputs)])
        return f"{inputs['targetGroupArn']}-{secrets.token_hex(13)}"

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Looks whether it is registered still; one that is on its way out is gone."""
        answer = elbv2().describe_target_health(
            TargetGroupArn=state["targetGroupArn"], Targets=[_one(state)]
        )
        health = [one["TargetHealth"] for one in answer["TargetHealthDescriptions"]]
        leaving = ("Target.NotRegistered", "Target.DeregistrationInProgress")
        there = [one for one in health if one.get("Reason") not in leaving]
        return {} if there else None

    def remove(self, identity: str, state: Plain) -> None:
        """Deregisters the target."""
        elbv2().deregister_targets(TargetGroupArn=state["targetGroupArn"], Targets=[_one(state)])


def _one(inputs: Plain) -> Plain:
    return given(inputs, Id="targetId", Port="port", AvailabilityZone="availabilityZone")
