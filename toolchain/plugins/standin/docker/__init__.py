"""Stand-in for pulumi-docker: networks, volumes, containers and images."""

from collections.abc import Callable, Mapping

from ..resource import Resource
from ..values import Plain
from .container import Container
from .image import Image
from .network import Network
from .volume import Volume

RESOURCES: list[Resource] = [Network(), Volume(), Container(), Image()]
INVOKES: Mapping[str, Callable[[Plain], Plain]] = {}
SETTINGS: Mapping[str, str] = {"host": "DOCKER_HOST"}
