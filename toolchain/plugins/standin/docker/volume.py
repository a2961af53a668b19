"""`docker.Volume`."""

from typing import Any, ClassVar

from ..inputs import SdkType, Supported
from ..resource import Context, Resource, names
from ..values import Plain
from .engine import api, errors, labels, or_none


class Volume(Resource):
    """A named volume; any change of its inputs makes another, empty one."""

    token = "docker:index/volume:Volume"
    sdk = SdkType("pulumi_docker", "Volume")
    supported: ClassVar[Supported] = {"": names("driver driverOpts labels name")}
    autonamed = True
    computed = names("driver")

    def replaces(self, name: str) -> bool:
        """A volume cannot change."""
        return True

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Creates the volume. Its id is its name."""
        with errors(f"Cannot create the volume {inputs['name']}"):
            found = api().create_volume(
                name=inputs["name"],
                driver=inputs.get("driver"),
                driver_opts=inputs.get("driverOpts"),
                labels=labels(inputs.get("labels")),
            )
        return inputs["name"], outputs(found)

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads the volume back."""
        with errors(f"Cannot inspect the volume {identity}"):
            found = or_none(lambda: api().inspect_volume(identity))
        return None if found is None else outputs(found)

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Removes the volume and its data, if it is still there."""
        with errors(f"Cannot remove the volume {identity}"):
            or_none(lambda: api().remove_volume(identity))


def outputs(found: Any) -> Plain:
    """Returns what the engine says of a volume, as outputs."""
    return {"name": found["Name"], "driver": found["Driver"], "mountpoint": found["Mountpoint"]}
