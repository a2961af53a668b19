"""What machines may do on AWS: pull the stack's own images, and nothing else."""

import json
from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from .tags import tags

SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
PULL = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
]


class AwsProfileArgs(TypedDict):
    """The machines' rights."""

    ssm_access: bool
    """Whether AWS Systems Manager may open sessions on them."""
    permissions_boundary: str
    """The ARN of a policy that says what they may be allowed at most; empty if there is none."""
    tags: Mapping[str, str]
    """Tags of everything."""


class AwsProfile(pulumi.ComponentResource):
    """A role for the machines, and the instance profile that hands it to them."""

    instance_profile: pulumi.Output[str]
    """The instance profile's name; known when the role has its rights."""

    def __init__(
        self, name: str, args: AwsProfileArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the role with its policy."""
        super().__init__("fleet-cluster:index:AwsProfile", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._role = role = aws.iam.Role(
            name,
            assume_role_policy=json.dumps(TRUST),
            permissions_boundary=args["permissions_boundary"] or None,
            tags=tags(name, args["tags"]),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-pull",
            role=role.name,
            policy=json.dumps(LOGIN),
            opts=child,
        )
        rights: list[pulumi.Resource] = [policy]
        if args["ssm_access"]:
            rights.append(
                aws.iam.RolePolicyAttachment(
                    f"{name}-ssm", role=role.name, policy_arn=SSM, opts=child
                )
            )
        profile = aws.iam.InstanceProfile(
            name,
            role=role.name,
            tags=tags(name, args["tags"]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=rights),
        )
        self.instance_profile = profile.name
        self.register_outputs({"instance_profile": self.instance_profile})

    def may_pull(self, image: str, repository: "aws.ecr.Repository") -> "aws.iam.RolePolicy":
        """Let the machines pull an image, and nothing else of its registry."""
        return aws.iam.RolePolicy(
            f"{image}-pull",
            role=self._role.name,
            policy=repository.arn.apply(pull_policy),
            opts=pulumi.ResourceOptions(parent=self),
        )


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


LOGIN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"}],
}
"""A login is not of any repository."""


def pull_policy(repository: str) -> str:
    """The policy that allows to pull from exactly this repository."""
    pull = {"Effect": "Allow", "Action": PULL, "Resource": [repository]}
    return json.dumps({"Version": "2012-10-17", "Statement": [pull]})
