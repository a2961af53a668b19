"""Container images: built from a folder, named by its content, pushed where machines pull."""

import hashlib
import os
from pathlib import Path
from platform import machine
from typing import NotRequired, TypedDict

import pulumi
import pulumi_docker as docker

from ._child_options import child_of
from .errors import InputError

DOCKER_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Processors as Docker names them, by the names of the operating system."""


class RegistryCredentials(TypedDict):
    """Who pushes to a registry."""

    username: pulumi.Input[str]
    """The user."""
    password: pulumi.Input[str]
    """Its password. Secret."""


class ImageArgs(TypedDict):
    """What to build."""

    context: str
    """The folder with the Dockerfile."""
    push_to: NotRequired[pulumi.Input[str]]
    """The registry as this computer names it: 127.0.0.1:5001. Without it, the image stays here."""
    pull_from: NotRequired[pulumi.Input[str]]
    """The same registry as the machines name it: 172.30.7.2:5000."""
    repository: NotRequired[str]
    """The image's name in the registry; PROJECT/NAME if not given."""
    credentials: NotRequired[RegistryCredentials]
    """For a registry that asks who pushes."""
    platform: NotRequired[pulumi.Input[str]]
    """What it is built for: linux/arm64. This computer's own if not given."""
    kept_in: NotRequired[pulumi.Input[str]]
    """Where the registry keeps its images: pushed again when that is another place."""


class Image(pulumi.ComponentResource):
    """An image that changes its reference exactly when its content changes."""

    reference: pulumi.Output[str]
    """What to run: a name with a digest if it was pushed, else the image's id on this computer."""

    def __init__(
        self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Build it, and push it if a registry is given."""
        super().__init__("fleet-cluster:index:Image", name, None, opts)
        repository = args.get("repository", f"{pulumi.get_project()}/{name}")
        tagged = f"{repository}:{content_tag(Path(args['context']))}"
        push_to = args.get("push_to")
        platform = args.get("platform", own_platform())
        built = docker.Image(
            name,
            image_name=pulumi.Output.concat(push_to, "/", tagged) if push_to else tagged,
            build=docker.DockerBuildArgs(context=_from_here(args["context"]), platform=platform),
            skip_push=not push_to,
            registry=_registry(args),
            opts=child_of(
                self, opts, pulumi.ResourceOptions(replacement_trigger=args.get("kept_in"))
            ),
        )
        self.reference = built.repo_digest
        if push_to:
            by_digest = built.repo_digest.apply(lambda digest: digest.partition("@")[2])
            pull_from = args.get("pull_from", push_to)
            self.reference = pulumi.Output.concat(pull_from, "/", repository, "@", by_digest)
        self.register_outputs({"reference": self.reference})


def _from_here(context: str) -> str:
    """The context as the program's folder sees it: the same in each checkout of the program."""
    return os.path.relpath(context)


def own_platform() -> str:
    """What this computer's containers run on, as Docker names it: linux/amd64."""
    return f"linux/{own_processor()}"


def own_processor() -> str:
    """This computer's, as Docker and Debian name it: amd64."""
    return DOCKER_NAMES.get(machine(), machine())


def _registry(args: ImageArgs) -> docker.RegistryArgs | None:
    credentials = args.get("credentials")
    if credentials is None:
        return None
    return docker.RegistryArgs(
        server=args.get("push_to"),
        username=credentials["username"],
        password=credentials["password"],
    )


def check_programs(context: Path, processor: str) -> None:
    """Programs in a context are named NAME-PROCESSOR: each must be there for this one.

    Raises:
        InputError: one is not.
    """
    programs = {path.name.rpartition("-")[0] for path in context.glob("*-a[mr][dm]64")}
    for name in sorted(programs):
        if not (context / f"{name}-{processor}").exists():
            raise InputError(
                "images",
                f"{context}: there is no {name}-{processor}, and {processor} is the machines' "
                "processor. Next step: put it there",
            )


def content_tag(context: Path) -> str:
    """A tag that names a build context's content: 16 hexadecimal digits.

    Raises:
        InputError: there is no Dockerfile in it.
    """
    if not (context / "Dockerfile").is_file():
        raise InputError("context", f"{context}: an image needs a folder with a Dockerfile")
    digest = hashlib.sha256()
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        # Whoever has checked out or installed it may have cut the others' rights.
        mode = 0o111 if path.stat().st_mode & 0o100 else 0
        digest.update(f"{path.relative_to(context)}\0{mode}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
