"""Entry point of the plugin: `python -m standin.aws ENGINE_ADDRESS`."""

import importlib.metadata
import sys

from ..server import EngineLog, serve
from . import INVOKES, RESOURCES
from .provider import AwsStandIn


def main(arguments: list[str]) -> None:
    """Serves to the engine whose address is given; flags are ignored."""
    (address,) = (argument for argument in arguments if not argument.startswith("-"))
    version = importlib.metadata.version("pulumi-aws")
    for resource in RESOURCES:
        resource.sdk.input_types()  # Two threads that import the SDK at once meet it half made.
    serve(AwsStandIn(RESOURCES, INVOKES, {}, EngineLog(address)), version, address)


main(sys.argv[1:])
