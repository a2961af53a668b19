"""Entry point of the plugins: `python -m standin command|docker|tls ENGINE_ADDRESS`."""

import importlib
import importlib.metadata
import sys

from .provider import StandIn
from .server import EngineLog, serve


def main(arguments: list[str]) -> None:
    """Serves the package named first to the engine whose address is last; flags are ignored."""
    package, *_flags, address = arguments
    contents = importlib.import_module(f".{package}", __package__)
    version = importlib.metadata.version(f"pulumi-{package}")
    provider = StandIn(contents.RESOURCES, contents.INVOKES, contents.SETTINGS, EngineLog(address))
    serve(provider, version, address)


main(sys.argv[1:])
