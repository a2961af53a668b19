"""Stand-in for pulumi-command: commands here and on other machines."""

from collections.abc import Callable, Mapping

from ..resource import Resource
from ..values import Plain
from . import local
from .copy import CopyToRemote
from .remote import RemoteCommand

RESOURCES: list[Resource] = [RemoteCommand(), CopyToRemote(), local.LocalCommand()]
INVOKES: Mapping[str, Callable[[Plain], Plain]] = {"command:local:run": local.run_once}
SETTINGS: Mapping[str, str] = {}
