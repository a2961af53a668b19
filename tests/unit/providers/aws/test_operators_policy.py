"""The operator's policy in docs: it suffices for a cluster, and for no account."""

from typing import Any

import pytest

from fleet_cluster.providers.aws.instance_profile import LOGIN, PULL
from tests.aws.policy import Context, Policy
from tests.checkout import CHECKOUT

OPERATOR = Policy.read(CHECKOUT / "docs/aws-policy.json")
BOUNDARY = Policy.read(CHECKOUT / "docs/aws-boundary.json")
LIMIT = 6144
"""Characters that a policy may have."""

ROLE = "arn:aws:iam::123456789012:role/machines-1a2b3c4"
PROFILE = "arn:aws:iam::123456789012:instance-profile/machines-1a2b3c4"
FENCE = "arn:aws:iam::123456789012:policy/fleet-cluster-machines"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
EC2, ELB = "arn:aws:ec2:eu-central-1:123456789012:", "arn:aws:elasticloadbalancing:eu-central-1:1:"
REPOSITORIES = "arn:aws:ecr:eu-central-1:123456789012:repository/"


def own(**more: str) -> Context:
    return {"aws:ResourceTag/project": "fleet-cluster", **_keys(more)}


def made(**more: str) -> Context:
    return {"aws:RequestTag/project": "fleet-cluster", **_keys(more)}


def within(boundary: str = FENCE, **more: str) -> Context:
    return {"iam:PermissionsBoundary": boundary, **_keys(more)}


def _keys(given: dict[str, str]) -> dict[str, str]:
    """service__Key for service:Key, since these are no names of arguments."""
    return {key.replace("__", ":"): value for key, value in given.items()}


OTHERS: Context = {"aws:ResourceTag/project": "payroll"}


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:CreateRole", ROLE, within()),
        ("iam:PutRolePolicy", ROLE, within()),
        ("iam:PutRolePermissionsBoundary", ROLE, within()),
        ("iam:AttachRolePolicy", ROLE, within(iam__PolicyARN=SSM)),
        ("iam:PassRole", ROLE, _keys({"iam__PassedToService": "ec2.amazonaws.com"})),
        ("iam:CreateInstanceProfile", PROFILE, {}),
        ("ec2:RunInstances", f"{EC2}instance/*", made()),
        ("ec2:RunInstances", f"{EC2}network-interface/eni-1", own()),
        ("ec2:RunInstances", "arn:aws:ec2:eu-central-1::image/ami-1", {}),
        ("ec2:CreateTags", f"{EC2}instance/i-1", made(ec2__CreateAction="RunInstances")),
        ("ec2:CreateTags", f"{EC2}volume/vol-1", made()),
        ("ec2:CreateTags", f"{EC2}instance/i-1", own()),
        ("ec2:TerminateInstances", f"{EC2}instance/i-1", own()),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}security-group/sg-1", own()),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}security-group-rule/*", {}),
        ("elasticloadbalancing:CreateLoadBalancer", f"{ELB}loadbalancer/app/*", made()),
        ("elasticloadbalancing:CreateListener", f"{ELB}loadbalancer/app/lb/1", own()),
        ("elasticloadbalancing:RegisterTargets", f"{ELB}targetgroup/machines/1", own()),
        ("ecr:PutImage", f"{REPOSITORIES}fleet-cluster-prod/hello", {}),
    ],
)
def test_what_a_cluster_needs(action: str, resource: str, context: Context) -> None:
    assert OPERATOR.allows(action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        # A role with all rights, handed to an instance, would be the account.
        ("iam:CreateRole", ROLE, {}),
        ("iam:CreateRole", ROLE, within(ADMIN)),
        ("iam:PutRolePolicy", ROLE, {}),
        ("iam:PutRolePermissionsBoundary", ROLE, within(ADMIN)),
        ("iam:DeleteRolePermissionsBoundary", ROLE, within()),
        ("iam:CreatePolicyVersion", FENCE, {}),
        ("iam:SetDefaultPolicyVersion", FENCE, {}),
        ("iam:DeletePolicy", FENCE, {}),
        ("iam:AttachRolePolicy", ROLE, within(iam__PolicyARN=ADMIN)),
        ("iam:AttachRolePolicy", ROLE, _keys({"iam__PolicyARN": SSM})),
        ("iam:PassRole", ROLE, _keys({"iam__PassedToService": "lambda.amazonaws.com"})),
        (
            "iam:PassRole",
            "arn:aws:iam::123456789012:role/admin",
            _keys({"iam__PassedToService": "ec2.amazonaws.com"}),
        ),
        ("iam:CreateUser", "arn:aws:iam::123456789012:user/me", within()),
        ("iam:CreatePolicy", FENCE, {}),
        # What is of others stays theirs, also when it is said to be of the cluster.
        ("ec2:RunInstances", f"{EC2}instance/*", {}),
        ("ec2:RunInstances", f"{EC2}network-interface/eni-1", OTHERS),
        ("ec2:TerminateInstances", f"{EC2}instance/i-1", OTHERS),
        ("ec2:TerminateInstances", f"{EC2}instance/i-1", {}),
        ("ec2:ModifyInstanceAttribute", f"{EC2}instance/i-1", OTHERS),
        ("ec2:AuthorizeSecurityGroupIngress", f"{EC2}security-group/sg-1", OTHERS),
        ("ec2:DeleteSecurityGroup", f"{EC2}security-group/sg-1", OTHERS),
        ("ec2:ReleaseAddress", f"{EC2}elastic-ip/eipalloc-1", OTHERS),
        ("ec2:CreateTags", f"{EC2}instance/i-1", made()),
        ("ec2:CreateTags", f"{EC2}instance/i-1", {**OTHERS, **made()}),
        ("ec2:CreateTags", f"{EC2}instance/i-1", own(**{"aws:RequestTag/project": "payroll"})),
        ("ec2:DeleteTags", f"{EC2}instance/i-1", OTHERS),
        ("elasticloadbalancing:DeleteLoadBalancer", f"{ELB}loadbalancer/app/lb/1", OTHERS),
        ("elasticloadbalancing:CreateListener", f"{ELB}loadbalancer/app/lb/1", OTHERS),
        ("elasticloadbalancing:DeregisterTargets", f"{ELB}targetgroup/machines/1", OTHERS),
        ("elasticloadbalancing:AddTags", f"{ELB}loadbalancer/app/lb/1", made()),
        ("ecr:DeleteRepository", f"{REPOSITORIES}payroll", {}),
    ],
)
def test_what_would_be_more_than_a_cluster(action: str, resource: str, context: Context) -> None:
    assert not OPERATOR.allows(action, resource, context)


def test_only_looking_is_for_all() -> None:
    assert all("*" not in one or ":Describe" in one for one in OPERATOR.actions())


@pytest.mark.parametrize("policy", [OPERATOR, BOUNDARY])
def test_a_policy_is_no_longer_than_aws_takes(policy: Policy) -> None:
    assert policy.characters() <= LIMIT


def test_machines_can_be_given_what_they_need_and_no_more() -> None:
    login: Any = LOGIN["Statement"][0]
    assert all(BOUNDARY.allows(action, "*") for action in login["Action"])
    for action in PULL:
        assert BOUNDARY.allows(action, f"{REPOSITORIES}fleet-cluster-prod/hello")
        assert not BOUNDARY.allows(action, f"{REPOSITORIES}payroll")
    assert BOUNDARY.allows("ssmmessages:OpenDataChannel", "*")
    for action in ("iam:CreateUser", "ec2:RunInstances", "s3:GetObject", "ssm:GetParameter"):
        assert not BOUNDARY.allows(action, "*")
