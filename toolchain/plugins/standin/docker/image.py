"""`docker.Image`: built with the engine's classic builder, and pushed."""

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ..inputs import Problem, SdkType, Supported
from ..resource import Context, PluginError, Resource, names
from ..values import UNKNOWN, Plain, Unknown
from . import build_context
from .engine import api, errors

DIGEST = "contextDigest"
BUILT = names("baseImageName context dockerfile imageName platform registryServer repoDigest")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
HOST_PLATFORM = f"linux/{ARCHITECTURES.get(platform.machine(), platform.machine())}"
NOTICE = (
    f"Building your image for {HOST_PLATFORM} architecture.\nTo ensure you are building for the"
    " correct platform, consider explicitly setting the `platform` field on ImageBuildOptions."
)


class Image(Resource):
    """Builds on create and on every change, deletes nothing on destroy."""

    token = "docker:index/image:Image"
    sdk = SdkType("pulumi_docker", "Image")
    supported: ClassVar[Supported] = {
        "": names("build buildOnPreview imageName registry skipPush"),
        "build": names("args builderVersion context dockerfile network platform target"),
    }

    def check(self, inputs: Plain) -> list[Problem]:
        """Checks that the Dockerfile is there and the classic builder is meant."""
        if inputs.get("buildOnPreview"):
            return [Problem("buildOnPreview", "this stand-in does not build in previews.")]
        build = inputs.get("build", {})
        if isinstance(build, Unknown):
            return []
        if build.get("builderVersion") == "BuilderBuildKit":
            reason = "this stand-in builds with BuilderV1 only; leave it out or say BuilderV1."
            return [Problem("build.builderVersion", reason)]
        if build.get("platform", HOST_PLATFORM) not in (HOST_PLATFORM, UNKNOWN):
            reason = f"this stand-in builds for {HOST_PLATFORM} only, got {build['platform']!r}."
            return [Problem("build.platform", reason)]
        if _is_unknown(build):
            return []
        dockerfile = _dockerfile(build)
        if not dockerfile.is_file():
            return [Problem("build.dockerfile", f"there is no file {dockerfile}.")]
        return []

    def notice(self, inputs: Plain) -> str:
        """Says which platform is built for, where that was not said."""
        build = inputs.get("build", {})
        return "" if isinstance(build, Unknown) or "platform" in build else NOTICE

    def prepare(self, inputs: Plain) -> Plain:
        """Adds the hash of the build context, so that a changed file is a difference."""
        build = inputs.get("build", {})
        if isinstance(build, Unknown) or _is_unknown(build):
            return {}
        known = {"platform": HOST_PLATFORM} | build
        content = build_context.digest(_context(build), _dockerfile(build))
        return {"build": known | {DIGEST: content}}

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """A registry's changed password is no reason to build again."""
        if name == "registry":
            return old[name].get("server") == new[name].get("server")
        return old[name] == new[name]

    def pending(self, inputs: Plain, state: Plain | None) -> set[str]:
        """A preview builds nothing, so it knows no digest."""
        return {"repoDigest"} if state is not None else set(BUILT - {"imageName"})

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Builds and pushes. Its id is the image's name."""
        return inputs["imageName"], _build_and_push(context, inputs)

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Builds and pushes again."""
        return _build_and_push(context, inputs)


def _is_unknown(build: Plain) -> bool:
    return UNKNOWN in (build.get("context"), build.get("dockerfile"))


def _context(build: Plain) -> Path:
    return Path(build.get("context", "."))


def _dockerfile(build: Plain) -> Path:
    """Returns the Dockerfile: `dockerfile` counts from the program's folder, as in the plugin."""
    given = build.get("dockerfile")
    return Path(given) if given else _context(build) / "Dockerfile"


def _build_and_push(context: Context, inputs: Plain) -> Plain:
    name, build = inputs["imageName"], inputs["build"]
    with errors(f"Cannot build the image {name}"):
        context.log.status("Building the image")
        image_id = _build(context, name, build)
    digest = image_id
    if not inputs.get("skipPush"):
        with errors(f"Cannot push the image {name}"):
            context.log.status("Pushing Image to the registry")
            digest = _push(context, name, inputs.get("registry", {}))
    return {
        "baseImageName": name,
        "imageName": name,
        "context": build.get("context", "."),
        "dockerfile": _dockerfile(build).as_posix(),
        "platform": build["platform"],
        "registryServer": inputs.get("registry", {}).get("server", ""),
        "repoDigest": digest,
    }


def _build(context: Context, name: str, build: Plain) -> str:
    """Returns the id of the built image."""
    content, dockerfile = build_context.archive(_context(build), _dockerfile(build))
    lines = api().build(
        fileobj=content,
        custom_context=True,
        dockerfile=dockerfile,
        tag=name,
        buildargs=build.get("args"),
        target=build.get("target", ""),
        network_mode=build.get("network"),
        rm=True,
        forcerm=True,
        decode=True,
    )
    _follow(context, f"Building {name} failed", lines)
    return api().inspect_image(name)["Id"]


def _push(context: Context, name: str, registry: Plain) -> str:
    """Returns `repository@sha256:...` of what was pushed."""
    account = None
    if registry.get("username") and registry.get("password"):
        account = {"username": registry["username"], "password": registry["password"]}
    lines = api().push(name, stream=True, decode=True, auth_config=account)
    _follow(context, f"Pushing {name} failed", lines)
    return repo_digest(name, api().inspect_image(name).get("RepoDigests") or [])


def repo_digest(name: str, digests: list[str]) -> str:
    """Returns the digest that belongs to the repository of `name`."""
    repository = repository_of(name)
    for digest in digests:
        if digest.partition("@")[0] == repository:
            return digest
    raise PluginError(f"The engine reports no digest of {repository} after the push.")


def repository_of(name: str) -> str:
    """Returns an image's name without its tag."""
    before, slash, last = name.rpartition("/")
    return f"{before}{slash}{last.partition(':')[0]}"


def _follow(context: Context, failure: str, lines: Iterable[Any]) -> None:
    """Shows the builder's lines while they come; an error says no more than the engine does.

    Raises:
        PluginError: the engine reports an error.
    """
    for line in lines:
        text = (line.get("stream") or line.get("status") or "").rstrip("\n")
        if text and "progress" not in line:
            context.log.status(text)
        if "error" in line:
            raise PluginError(f"{failure}: {line['error'].strip()}")
