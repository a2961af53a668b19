"""`docker.RemoteImage`: an image that is here, or is pulled from where it is."""

from typing import Any, ClassVar

from ..inputs import SdkType, Supported
from ..resource import Context, Resource, names
from ..values import Plain
from .engine import api, errors, or_none


class RemoteImage(Resource):
    """An image by name; it is pulled only when it is not here, or a trigger changed."""

    token = "docker:index/remoteImage:RemoteImage"
    sdk = SdkType("pulumi_docker", "RemoteImage")
    supported: ClassVar[Supported] = {
        "": names("forceRemove keepLocally name platform pullTriggers triggers")
    }

    def replaces(self, name: str) -> bool:
        """Another name, platform or trigger is another image."""
        return name not in ("forceRemove", "keepLocally")

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Finds or pulls the image. Its id is the image's id followed by the name."""
        name: str = inputs["name"]
        with errors(f"Cannot find or pull the image {name}"):
            found = or_none(lambda: api().inspect_image(name))
            if found is None:
                _pull(name, inputs.get("platform"))
                found = api().inspect_image(name)
        return found["Id"] + name, outputs(found)

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads the image back."""
        with errors(f"Cannot inspect the image {state['name']}"):
            found = or_none(lambda: api().inspect_image(state["name"]))
        return None if found is None else outputs(found)

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Takes new rules for its removal."""
        return {}

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Removes the image, unless it is to be kept or already gone."""
        if state.get("keepLocally"):
            return
        force = state.get("forceRemove", False)
        with errors(f"Cannot remove the image {state['name']}"):
            or_none(lambda: api().remove_image(state["imageId"], force=force))


def _pull(name: str, platform: str | None) -> None:
    tag = None if ":" in name.rpartition("/")[2] else "latest"
    api().pull(name, tag=tag, platform=platform)


def outputs(found: Any) -> Plain:
    """Returns what the engine says of an image, as outputs."""
    digests: list[str] = found.get("RepoDigests") or []
    return {"imageId": found["Id"], "repoDigest": digests[0] if digests else ""}
