"""The image registry of a cluster on AWS: one ECR repository an image."""

import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from ...images import RegistryCredentials
from .tags import tags

KEEP = 10
"""How many images of a repository are kept: enough to go back to."""


class EcrRegistryArgs(TypedDict):
    """What it holds."""

    images: Sequence[str]
    """The images' names."""
    tags: Mapping[str, str]
    """Tags of everything."""


class EcrRegistry(pulumi.ComponentResource):
    """Repositories PROJECT-STACK/IMAGE; they go with the stack, images and all."""

    host: pulumi.Output[str]
    """The registry: ACCOUNT.dkr.ecr.REGION.amazonaws.com."""
    arns: pulumi.Output[list[str]]
    """The repositories' ARNs."""

    def __init__(
        self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the repositories."""
        super().__init__("fleet-cluster:index:EcrRegistry", name, None, opts)
        made = {image: self._repository(image, args["tags"]) for image in args["images"]}
        urls = pulumi.Output.all(*[one.repository_url for one in made.values()])
        self.host = urls.apply(lambda found: str(found[0]).partition("/")[0])
        self.arns = pulumi.Output.all(*[one.arn for one in made.values()])
        self.register_outputs({"host": self.host, "arns": self.arns})

    def _repository(self, image: str, more: Mapping[str, str]) -> aws.ecr.Repository:
        made = aws.ecr.Repository(
            f"{image}-repository",
            name=repository_name(image),
            force_delete=True,
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=True
            ),
            tags=tags(image, more),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.ecr.LifecyclePolicy(
            f"{image}-lifecycle",
            repository=made.name,
            policy=lifecycle(KEEP),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return made


def repository_name(image: str) -> str:
    """PROJECT-STACK/IMAGE."""
    return f"{pulumi.get_project()}-{pulumi.get_stack()}/{image}"


def credentials() -> RegistryCredentials:
    """A login of the operator's for twelve hours."""
    token = aws.ecr.get_authorization_token_output()
    return RegistryCredentials(
        username=token.apply(lambda found: found.user_name),
        password=pulumi.Output.secret(token.apply(lambda found: found.password)),
    )


def lifecycle(keep: int) -> str:
    """A lifecycle policy that keeps so many images."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep}
    rule = {
        "rulePriority": 1,
        "description": f"Keep the last {keep}",
        "selection": selection,
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
