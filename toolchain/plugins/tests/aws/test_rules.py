"""What each resource says of itself, held against the SDK's types."""

from __future__ import annotations

from typing import Any

import pytest
from standin.aws import RESOURCES
from standin.aws.ec2.instance import Instance
from standin.aws.ec2.network_interface import NetworkInterface
from standin.aws.ec2.security_group import IngressRule
from standin.aws.lb.listener import Listener
from standin.aws.lb.target_group import TargetGroup
from standin.aws.resource import AutoName, AwsResource
from standin.inputs import problems
from standin.resource import PluginError, Resource
from standin.values import UNKNOWN

KINDS = [resource for resource in RESOURCES if isinstance(resource, AwsResource)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.token)
def test_every_name_is_one_of_the_sdk(kind: AwsResource) -> None:
    inputs = kind.sdk.input_types().keys()
    assert kind.supported[""] <= inputs
    for named in (kind.replacing, kind.defaults, kind.computed, kind.steps, kind.sets):
        assert set(named) <= set(inputs)
    assert {name for names in kind.unsettled.values() for name in names} <= kind.sdk.output_names()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.token)
def test_every_supported_input_can_be_changed(kind: AwsResource) -> None:
    elsewhere = {"tags", "forceDelete", "forceDestroy", "forceDetachPolicies"}
    elsewhere |= {"revokeRulesOnDelete", "userDataReplaceOnChange"}
    known = kind.replacing | kind.steps.keys() | kind.inert | elsewhere
    assert kind.supported[""] - known == set()
    assert all(hasattr(kind, step) for step in kind.steps.values())


def test_a_name_is_chosen_within_limits() -> None:
    named = AutoName("name", 32)
    assert named.choose("balancer", b"seed") == named.choose("balancer", b"seed")
    with pytest.raises(PluginError, match="AWS allows 32"):
        named.choose("a-load-balancer-with-a-long-name", b"seed")


def reasons(kind: Resource, inputs: dict[str, Any]) -> str:
    given = dict(kind.defaults) | inputs
    found = problems(given, kind.sdk, kind.supported) or kind.check(given)
    return "; ".join(f"{problem.path} {problem.reason}" for problem in found)


MACHINE = {"ami": "ami-1", "instanceType": "t3.small"}


def test_a_machine_with_what_it_needs() -> None:
    assert reasons(Instance(), MACHINE | {"userData": UNKNOWN, "subnetId": UNKNOWN}) == ""
    assert "ami it is required" in reasons(Instance(), {"instanceType": "t3.small"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"amy": "x"}, "Did you mean ami"),
        ({"hibernation": True}, "does not support it"),
        ({"userData": "x", "userDataBase64": "eA=="}, "excludes userDataBase64"),
        ({"primaryNetworkInterface": {"networkInterfaceId": "e"}, "privateIp": "1"}, "excludes"),
        ({"volumeTags": {}, "rootBlockDevice": {"tags": {}}}, "excludes rootBlockDevice.tags"),
    ],
)
def test_a_machine_that_is_refused(given: dict[str, Any], said: str) -> None:
    assert said in reasons(Instance(), MACHINE | given)


def test_user_data_replaces_only_when_asked_to() -> None:
    assert not Instance().forces_new("userData", {}, {"userData": "x"})
    asked = {"userData": "x", "userDataReplaceOnChange": True}
    assert Instance().forces_new("userData", {}, asked)


def test_a_bigger_root_volume_is_the_same_machine() -> None:
    had = {"rootBlockDevice": {"encrypted": True, "volumeSize": 8}}
    bigger = {"rootBlockDevice": {"encrypted": True, "volumeSize": 16}}
    plain = {"rootBlockDevice": {"encrypted": False, "volumeSize": 8}}
    assert not Instance().forces_new("rootBlockDevice", had, bigger)
    assert Instance().forces_new("rootBlockDevice", had, plain)


def test_another_volume_is_another_machine_and_other_tags_are_not() -> None:
    had = {"ebsBlockDevices": [{"deviceName": "/dev/sdf", "volumeSize": 8, "volumeId": "vol-1"}]}
    tagged = {"ebsBlockDevices": [{"deviceName": "/dev/sdf", "volumeSize": 8, "tags": {"a": "1"}}]}
    bigger = {"ebsBlockDevices": [{"deviceName": "/dev/sdf", "volumeSize": 9}]}
    assert not Instance().forces_new("ebsBlockDevices", had, tagged)
    assert Instance().forces_new("ebsBlockDevices", had, bigger)
    assert Instance().forces_new("ebsBlockDevices", {"ebsBlockDevices": []}, bigger)


def test_an_interface_keeps_its_first_address() -> None:
    had = {"privateIp": "10.0.0.4", "privateIps": ["10.0.0.4"]}
    more = {"privateIps": ["10.0.0.5", "10.0.0.4"]}
    assert not NetworkInterface().forces_new("privateIps", had, more)
    assert NetworkInterface().forces_new("privateIps", had, {"privateIps": ["10.0.0.5"]})


def test_a_rule_has_exactly_one_other_side() -> None:
    rule = {"ipProtocol": "tcp", "securityGroupId": "sg-1", "fromPort": 1, "toPort": 1}
    assert reasons(IngressRule(), rule | {"cidrIpv4": "10.0.0.0/8"}) == ""
    assert "got none" in reasons(IngressRule(), rule)
    two = {"cidrIpv4": "10.0.0.0/8", "cidrIpv6": "::/0"}
    assert "got cidrIpv4, cidrIpv6" in reasons(IngressRule(), rule | two)
    everything = rule | {"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}
    assert "leave it out" in reasons(IngressRule(), everything)


def test_actions_have_what_their_type_needs() -> None:
    listener = {"loadBalancerArn": "x"}
    assert "redirect" in reasons(Listener(), listener | {"defaultActions": [{"type": "redirect"}]})
    forward = {"defaultActions": [{"type": "forward", "targetGroupArn": UNKNOWN}]}
    assert reasons(Listener(), listener | forward) == ""
    assert "needs a certificate" in reasons(Listener(), listener | forward | {"protocol": "HTTPS"})
    odd = {"defaultActions": [{"type": "teapot"}]}
    assert "supported here: forward" in reasons(Listener(), listener | odd)


def test_what_would_be_without_effect_is_refused() -> None:
    targets = {"port": 80, "protocol": "HTTP", "vpcId": "vpc-1"}
    assert reasons(TargetGroup(), targets) == ""
    assert "proxyProtocolV2" in reasons(TargetGroup(), targets | {"proxyProtocolV2": True})


def test_defaults_inside_of_objects() -> None:
    filled = TargetGroup().prepare({"healthCheck": {"interval": 10}})["healthCheck"]
    assert (filled["interval"], filled["healthyThreshold"]) == (10, 3)
    redirect = {"defaultActions": [{"type": "redirect", "redirect": {"statusCode": "HTTP_301"}}]}
    [action] = Listener().prepare(redirect)["defaultActions"]
    assert action["redirect"]["path"] == "/#{path}"


def test_a_preview_keeps_what_stays() -> None:
    kind = Instance()
    state = MACHINE | {"tags": {"a": "1"}, "tagsAll": {"a": "1"}}
    assert kind.pending(state, state) == set()
    other = state | {"instanceType": "t3.large"}
    assert kind.pending(other, state) == {"publicIp", "publicDns"}
    assert "privateIp" in kind.pending(MACHINE, None)
    assert "ami" not in kind.pending(MACHINE, None)
