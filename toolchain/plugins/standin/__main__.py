"""Entry point of the plugins: `python -m standin command|docker|tls ENGINE_ADDRESS`."""

import importlib
import importlib.metadata
import sys

from .provider import StandIn
from .server import EngineLog, serve


def main(arguments: list[str]) -> None:
    """Serves the package named first to the engine whose address is given; flags are ignored."""
    package, address = (argument for argument in arguments if not argument.startswith("-"))
    contents = importlib.import_module(f".{package}", __package__)
    version = importlib.metadata.version(f"pulumi-{package}")
    provider = StandIn(contents.RESOURCES, contents.INVOKES, contents.SETTINGS, EngineLog(address))
    serve(provider, version, address)


main(sys.argv[1:])
