"""`aws.lb.LoadBalancer`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...inputs import Problem, SdkType
from ...resource import names
from ...values import Plain
from ..resource import AutoName
from ..shapes import given, shown
from .base import LbResource, attribute_list, elbv2, from_attributes, tags_for, tags_of

ATTRIBUTES = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ),
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
}
APPLICATION = "application"


class LoadBalancer(LbResource):
    """An application load balancer."""

    token = "aws:lb/loadBalancer:LoadBalancer"
    sdk = SdkType("pulumi_aws.lb", "LoadBalancer")
    supported = {
        "": names("""
            dnsRecordClientRoutingPolicy enableCrossZoneLoadBalancing internal ipAddressType
            loadBalancerType name securityGroups subnets tags
        """) | ATTRIBUTES.keys()
    }  # fmt: skip
    named = AutoName("name", 32)
    defaults: ClassVar[Mapping[str, Any]] = {
        "clientKeepAlive": 3600, "desyncMitigationMode": "defensive",
        "dnsRecordClientRoutingPolicy": "any_availability_zone", "dropInvalidHeaderFields": False,
        "enableCrossZoneLoadBalancing": False, "enableDeletionProtection": False,
        "enableHttp2": True, "enableTlsVersionAndCipherSuiteHeaders": False,
        "enableWafFailOpen": False, "enableXffClientPort": False, "enableZonalShift": False,
        "idleTimeout": 60, "loadBalancerType": APPLICATION, "preserveHostHeader": False,
        "xffHeaderProcessingMode": "append",
    }  # fmt: skip
    inert = names("dnsRecordClientRoutingPolicy enableCrossZoneLoadBalancing")
    computed = names("internal ipAddressType securityGroups subnets")
    sets = names("securityGroups subnets")
    replacing = names("internal loadBalancerType name")
    gone = names("LoadBalancerNotFound")
    steps = dict.fromkeys(ATTRIBUTES, "set_attributes") | {
        "securityGroups": "set_groups",
        "subnets": "set_subnets",
        "ipAddressType": "set_address_type",
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """Only application load balancers, which have none of the network ones' settings."""
        if inputs["loadBalancerType"] != APPLICATION:
            return [Problem("loadBalancerType", "this stand-in has application ones only.")]
        if "subnets" not in inputs:
            return [Problem("subnets", "it is required; subnetMappings is not supported here.")]
        return self.check_inert(inputs)

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        made = elbv2().create_load_balancer(
            Type=inputs["loadBalancerType"],
            Scheme="internal" if inputs.get("internal") else "internet-facing",
            **given(
                inputs, Name="name", Subnets="subnets", SecurityGroups="securityGroups",
                IpAddressType="ipAddressType",
            ),
            **tags_for(inputs),
        )  # fmt: skip
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Waits until it is active, then sets what is an attribute."""
        elbv2().get_waiter("load_balancer_available").wait(
            LoadBalancerArns=[identity], WaiterConfig={"Delay": 5, "MaxAttempts": 120}
        )
        self.set_attributes(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        answer = elbv2().describe_load_balancers(LoadBalancerArns=[identity])
        if not answer["LoadBalancers"]:
            return None
        found = answer["LoadBalancers"][0]
        attributes = elbv2().describe_load_balancer_attributes(LoadBalancerArn=identity)
        outputs = shown(
            found, dnsName="DNSName", ipAddressType="IpAddressType", loadBalancerType="Type",
            name="LoadBalancerName", securityGroups="SecurityGroups", vpcId="VpcId",
            zoneId="CanonicalHostedZoneId",
        )  # fmt: skip
        return (
            outputs
            | from_attributes(attributes["Attributes"], ATTRIBUTES, self.defaults)
            | {
                "arn": identity,
                "arnSuffix": identity.partition(":loadbalancer/")[2],
                "internal": found["Scheme"] == "internal",
                "subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
                "tagsAll": tags_of(identity),
            }
        )

    def set_attributes(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Sets the attributes that differ."""
        changed = {name: inputs[name] for name in ATTRIBUTES if inputs[name] != state.get(name)}
        elbv2().modify_load_balancer_attributes(
            LoadBalancerArn=identity, Attributes=attribute_list(changed, ATTRIBUTES)
        )

    def set_groups(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Puts it into other security groups."""
        elbv2().set_security_groups(
            LoadBalancerArn=identity, SecurityGroups=inputs["securityGroups"]
        )

    def set_subnets(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Puts it into other subnets."""
        elbv2().set_subnets(LoadBalancerArn=identity, Subnets=inputs["subnets"])

    def set_address_type(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes between IPv4 alone and both."""
        elbv2().set_ip_address_type(LoadBalancerArn=identity, IpAddressType=inputs["ipAddressType"])

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it and waits for that: its network interfaces hold on to security groups."""
        elbv2().delete_load_balancer(LoadBalancerArn=identity)
        elbv2().get_waiter("load_balancers_deleted").wait(
            LoadBalancerArns=[identity], WaiterConfig={"Delay": 5, "MaxAttempts": 120}
        )
