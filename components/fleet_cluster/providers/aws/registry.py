"""The image registry of a cluster on AWS: one ECR repository an image."""

import json
from collections.abc import Mapping
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from ...images import RegistryCredentials
from .tags import tags

KEEP = 10
"""How many images of a repository are kept: enough to go back to."""


class Login(RegistryCredentials):
    """Who pushes, and where."""

    server: pulumi.Input[str]
    """The registry: ACCOUNT.dkr.ecr.REGION.amazonaws.com."""


class EcrRegistryArgs(TypedDict):
    """Whose it is."""

    login: Login
    """The operator's login, which tells where the registry is."""
    tags: Mapping[str, str]
    """Tags of everything."""


class EcrRegistry(pulumi.ComponentResource):
    """Repositories PROJECT-STACK/IMAGE; they go with the stack, images and all."""

    host: pulumi.Output[str]
    """The registry: ACCOUNT.dkr.ecr.REGION.amazonaws.com."""

    def __init__(
        self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Find out where it is; repositories are added one by one."""
        super().__init__("fleet-cluster:index:EcrRegistry", name, None, opts)
        self._tags = args["tags"]
        self.host = pulumi.Output.from_input(args["login"]["server"])
        self.register_outputs({"host": self.host})

    def add(self, image: str) -> "aws.ecr.Repository":
        """Make an image's repository."""
        made = aws.ecr.Repository(
            f"{image}-repository",
            name=repository_name(image),
            force_delete=True,
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=True
            ),
            tags=tags(image, self._tags),
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


def login() -> Login:
    """A login of the operator's for twelve hours."""
    token = aws.ecr.get_authorization_token_output()
    server = token.apply(lambda found: found.proxy_endpoint.removeprefix("https://"))
    return Login(
        # Beside a password in one answer, all of it is a secret; units name the server.
        server=pulumi.Output.unsecret(server),
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
