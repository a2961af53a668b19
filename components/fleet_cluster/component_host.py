"""The component host: what lets programs in other languages use the library."""

import sys
from typing import Any, cast

import pulumi
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError

from . import Cluster, EtcdKeys, FleetTemplate, FleetUnit, Secrets, SshConfig, __version__

NAME = "fleet-cluster"
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    Cluster,
    EtcdKeys,
    FleetTemplate,
    FleetUnit,
    Secrets,
    SshConfig,
]


class FleetClusterProvider(ComponentProvider):
    """Pulumi's provider of components, where it would hide an error or lose a secret."""

    def __init__(self) -> None:
        """Infer the package's schema from the components."""
        super().__init__(COMPONENTS, NAME, version=__version__)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Make a component.

        Raises:
            pulumi.InputPropertyError: an argument is not allowed; without a stack trace, which
                Pulumi's own provider would show.
        """
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, pulumi.InputPropertyError):
                wrong = error.inner
                raise pulumi.InputPropertyError(wrong.property_path, wrong.reason) from None
            raise

    def map_inputs(
        self, inputs: pulumi.Inputs, component_def: ComponentDefinition
    ) -> pulumi.Inputs:
        """A component's arguments; whole numbers as such, since they come as 3.0."""
        return _whole(super().map_inputs(inputs, component_def))

    def get_state(
        self, instance: pulumi.ComponentResource, component_def: ComponentDefinition
    ) -> dict[str, Any]:
        """What a component gives back; `access` as one secret, since YAML loses a nested one."""
        state = super().get_state(instance, component_def)
        if "access" in state:
            state["access"] = pulumi.Output.secret(pulumi.Output.from_input(state["access"]))
        return state


def _whole(value: Any) -> Any:
    """The value with numbers that have no fraction as integers: no component takes others."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(one) for one in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def serve() -> None:
    """Serve the components until the engine ends this program."""
    main(FleetClusterProvider(), sys.argv[1:])
