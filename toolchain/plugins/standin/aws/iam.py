"""`aws.iam`: roles, their policies, instance profiles."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ..inputs import Problem, SdkType
from ..resource import names
from ..values import Plain
from . import tags
from .client import client
from .resource import AutoName, AwsResource
from .shapes import document_text, given, shown

GONE = names("NoSuchEntity")


def iam() -> Any:
    """Returns the client."""
    return client("iam")


class IamResource(AwsResource):
    """A resource of IAM, which has no regions."""

    regional = False
    gone = GONE


def _tags_for(inputs: Plain) -> Plain:
    wanted = tags.all_tags(inputs)
    return {"Tags": tags.pairs(wanted)} if wanted else {}


def _check_json(inputs: Plain, name: str) -> list[Problem]:
    text = inputs.get(name)
    if not isinstance(text, str):
        return []
    try:
        json.loads(text)
    except ValueError as error:
        return [Problem(name, f"it is not JSON: {error}.")]
    return []


class Role(IamResource):
    """What something may act as. Its id is its name."""

    token = "aws:iam/role:Role"
    sdk = SdkType("pulumi_aws.iam", "Role")
    supported = {
        "": names("""
            assumeRolePolicy description forceDetachPolicies maxSessionDuration name path
            permissionsBoundary tags
        """)
    }
    named = AutoName("name", 64)
    defaults: ClassVar[Mapping[str, Any]] = {
        "forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/",
    }  # fmt: skip
    documents = names("assumeRolePolicy")
    replacing = names("name path")
    steps = {
        "assumeRolePolicy": "set_trust",
        "description": "set_words",
        "maxSessionDuration": "set_words",
        "permissionsBoundary": "set_boundary",
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """The policy is JSON."""
        return _check_json(inputs, "assumeRolePolicy")

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        wanted = given(
            inputs, RoleName="name", AssumeRolePolicyDocument="assumeRolePolicy", Path="path",
            Description="description", MaxSessionDuration="maxSessionDuration",
            PermissionsBoundary="permissionsBoundary",
        )  # fmt: skip
        wanted["AssumeRolePolicyDocument"] = document_text(wanted["AssumeRolePolicyDocument"])
        return iam().create_role(**wanted, **_tags_for(inputs))["Role"]["RoleName"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        found = iam().get_role(RoleName=identity)["Role"]
        outputs = shown(
            found, arn="Arn", description="Description", maxSessionDuration="MaxSessionDuration",
            name="RoleName", path="Path", uniqueId="RoleId",
            permissionsBoundary="PermissionsBoundary.PermissionsBoundaryArn",
        )  # fmt: skip
        return outputs | {
            "assumeRolePolicy": document_text(found["AssumeRolePolicyDocument"]),
            "createDate": found["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tagsAll": tags.from_pairs(found.get("Tags")),
        }

    def set_trust(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes who may act as it."""
        document = document_text(inputs["assumeRolePolicy"])
        iam().update_assume_role_policy(RoleName=identity, PolicyDocument=document)

    def set_words(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes its description and the length of its sessions."""
        iam().update_role(
            RoleName=identity,
            Description=inputs.get("description", ""),
            MaxSessionDuration=inputs["maxSessionDuration"],
        )

    def set_boundary(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes what it can be allowed at most."""
        boundary = inputs.get("permissionsBoundary")
        if boundary:
            iam().put_role_permissions_boundary(RoleName=identity, PermissionsBoundary=boundary)
        else:
            iam().delete_role_permissions_boundary(RoleName=identity)

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets and removes tags."""
        if gone:
            iam().untag_role(RoleName=identity, TagKeys=gone)
        if new:
            iam().tag_role(RoleName=identity, Tags=tags.pairs(new))

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it; its policies first, if it was said that it may have some."""
        if state.get("forceDetachPolicies"):
            for policy in iam().list_attached_role_policies(RoleName=identity)["AttachedPolicies"]:
                iam().detach_role_policy(RoleName=identity, PolicyArn=policy["PolicyArn"])
            for name in iam().list_role_policies(RoleName=identity)["PolicyNames"]:
                iam().delete_role_policy(RoleName=identity, PolicyName=name)
        iam().delete_role(RoleName=identity)


class RolePolicy(IamResource):
    """A policy that is part of a role. Its id is `role:name`."""

    token = "aws:iam/rolePolicy:RolePolicy"
    sdk = SdkType("pulumi_aws.iam", "RolePolicy")
    supported = {"": names("name policy role")}
    named = AutoName("name", 128)
    documents = names("policy")
    replacing = names("name role")
    steps = {"policy": "put"}

    def check(self, inputs: Plain) -> list[Problem]:
        """The policy is JSON."""
        return _check_json(inputs, "policy")

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        self.put("", {}, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def put(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Writes the policy."""
        document = document_text(inputs["policy"])
        iam().put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=document
        )

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        role, _, name = identity.partition(":")
        found = iam().get_role_policy(RoleName=role, PolicyName=name)
        return {"name": name, "role": role, "policy": document_text(found["PolicyDocument"])}

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        role, _, name = identity.partition(":")
        iam().delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachment(IamResource):
    """A policy that stands alone, given to a role. Its id is `role/arn`."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    sdk = SdkType("pulumi_aws.iam", "RolePolicyAttachment")
    supported = {"": names("policyArn role")}
    replacing = names("policyArn role")
    delete_before_replace = True

    def make(self, inputs: Plain) -> str:
        """Attaches it."""
        iam().attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Looks whether it is attached still."""
        pages = iam().get_paginator("list_attached_role_policies").paginate(RoleName=state["role"])
        attached = {one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]}
        return {} if state["policyArn"] in attached else None

    def remove(self, identity: str, state: Plain) -> None:
        """Detaches it."""
        iam().detach_role_policy(RoleName=state["role"], PolicyArn=state["policyArn"])


class InstanceProfile(IamResource):
    """A role as an instance takes it. Its id is its name."""

    token = "aws:iam/instanceProfile:InstanceProfile"
    sdk = SdkType("pulumi_aws.iam", "InstanceProfile")
    supported = {"": names("name path role tags")}
    named = AutoName("name", 128)
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    replacing = names("name path")
    steps = {"role": "set_role"}

    def make(self, inputs: Plain) -> str:
        """Creates it, still without the role."""
        wanted = given(inputs, InstanceProfileName="name", Path="path")
        made = iam().create_instance_profile(**wanted, **_tags_for(inputs))
        return made["InstanceProfile"]["InstanceProfileName"]

    def settle(self, identity: str, inputs: Plain) -> None:
        """Adds the role."""
        self.set_role(identity, {}, inputs)

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        found = iam().get_instance_profile(InstanceProfileName=identity)["InstanceProfile"]
        outputs = shown(
            found, arn="Arn", name="InstanceProfileName", path="Path", uniqueId="InstanceProfileId"
        )
        roles = [role["RoleName"] for role in found["Roles"]]
        return outputs | {
            "role": roles[0] if roles else "",
            "createDate": found["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tagsAll": tags.from_pairs(found.get("Tags")),
        }

    def set_role(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Puts another role in the place of the one before."""
        profile = {"InstanceProfileName": identity}
        if state.get("role"):
            iam().remove_role_from_instance_profile(**profile, RoleName=state["role"])
        if inputs.get("role"):
            iam().add_role_to_instance_profile(**profile, RoleName=inputs["role"])

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets and removes tags."""
        if gone:
            iam().untag_instance_profile(InstanceProfileName=identity, TagKeys=gone)
        if new:
            iam().tag_instance_profile(InstanceProfileName=identity, Tags=tags.pairs(new))

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it, its role taken out first."""
        found = iam().get_instance_profile(InstanceProfileName=identity)["InstanceProfile"]
        for role in found["Roles"]:
            iam().remove_role_from_instance_profile(
                InstanceProfileName=identity, RoleName=role["RoleName"]
            )
        iam().delete_instance_profile(InstanceProfileName=identity)
