"""`aws.ecr`: repositories of images and what is kept in them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ..inputs import Problem, SdkType, Supported
from ..resource import names
from ..values import Plain, items_of
from . import tags
from .client import client
from .resource import AutoName, AwsResource
from .shapes import document_text, given, shown

GONE = names("RepositoryNotFoundException")
MUTABILITY = ("MUTABLE", "IMMUTABLE")


def ecr() -> Any:
    """Returns the client."""
    return client("ecr")


class Repository(AwsResource):
    """A repository of images. Its id is its name."""

    token = "aws:ecr/repository:Repository"
    sdk = SdkType("pulumi_aws.ecr", "Repository")
    supported: ClassVar[Supported] = {
        "": names("""
            encryptionConfigurations forceDelete imageScanningConfiguration imageTagMutability
            name tags
        """)
    }
    named = AutoName("name", 256)
    defaults: ClassVar[Mapping[str, Any]] = {"imageTagMutability": "MUTABLE"}
    replacing = names("encryptionConfigurations name")
    gone = GONE
    steps = {
        "imageScanningConfiguration": "set_scanning",
        "imageTagMutability": "set_mutability",
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """One encryption at most; tags that move or do not."""
        found: list[Problem] = []
        if len(items_of(inputs.get("encryptionConfigurations"))) > 1:
            found.append(Problem("encryptionConfigurations", "give one at most."))
        mutability = inputs["imageTagMutability"]
        if isinstance(mutability, str) and mutability not in MUTABILITY:
            reason = f"got {mutability!r}; supported here: {', '.join(MUTABILITY)}."
            found.append(Problem("imageTagMutability", reason))
        return found

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        wanted = given(
            inputs, repositoryName="name", imageTagMutability="imageTagMutability",
            imageScanningConfiguration="imageScanningConfiguration",
        )  # fmt: skip
        for configuration in inputs.get("encryptionConfigurations", []):
            wanted["encryptionConfiguration"] = _without_marker(configuration)
        if "imageScanningConfiguration" in wanted:
            wanted["imageScanningConfiguration"] = _without_marker(
                wanted["imageScanningConfiguration"]
            )
        tagged = tags.all_tags(inputs)
        made = ecr().create_repository(**wanted, tags=tags.pairs(tagged))
        return made["repository"]["repositoryName"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        found = ecr().describe_repositories(repositoryNames=[identity])["repositories"][0]
        outputs = shown(
            found, arn="repositoryArn", imageTagMutability="imageTagMutability",
            imageScanningConfiguration="imageScanningConfiguration", name="repositoryName",
            registryId="registryId", repositoryUrl="repositoryUri",
        )  # fmt: skip
        listed = ecr().list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
        return outputs | {
            "encryptionConfigurations": [found["encryptionConfiguration"]],
            "tagsAll": tags.from_pairs(listed),
        }

    def set_scanning(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Turns scanning of pushed images on or off."""
        wanted = inputs.get("imageScanningConfiguration", {"scanOnPush": False})
        ecr().put_image_scanning_configuration(
            repositoryName=identity, imageScanningConfiguration=_without_marker(wanted)
        )

    def set_mutability(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Says whether a tag can move to another image."""
        ecr().put_image_tag_mutability(
            repositoryName=identity, imageTagMutability=inputs["imageTagMutability"]
        )

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets and removes tags."""
        if gone:
            ecr().untag_resource(resourceArn=state["arn"], tagKeys=gone)
        if new:
            ecr().tag_resource(resourceArn=state["arn"], tags=tags.pairs(new))

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it; with images in it only when that was said."""
        ecr().delete_repository(repositoryName=identity, force=bool(state.get("forceDelete")))


def _without_marker(value: Plain) -> Plain:
    return {name: item for name, item in value.items() if not name.startswith("__")}


class LifecyclePolicy(AwsResource):
    """Which images of a repository go by themselves. Its id is the repository's name."""

    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    sdk = SdkType("pulumi_aws.ecr", "LifecyclePolicy")
    supported: ClassVar[Supported] = {"": names("policy repository")}
    documents = names("policy")
    replacing = names("policy repository")
    gone = names("LifecyclePolicyNotFoundException") | GONE
    delete_before_replace = True

    def make(self, inputs: Plain) -> str:
        """Writes it."""
        ecr().put_lifecycle_policy(
            repositoryName=inputs["repository"],
            lifecyclePolicyText=document_text(inputs["policy"]),
        )
        return inputs["repository"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        found = ecr().get_lifecycle_policy(repositoryName=identity)
        return shown(
            found,
            policy="lifecyclePolicyText",
            registryId="registryId",
            repository="repositoryName",
        )

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        ecr().delete_lifecycle_policy(repositoryName=identity)
