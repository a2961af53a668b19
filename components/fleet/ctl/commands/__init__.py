"""fleetctl's commands, one a file."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from ..command import Command

_NAMES = (
    "list-machines",
    "list-units",
    "list-unit-files",
    "submit",
    "load",
    "start",
    "stop",
    "restart",
    "reload",
    "reset-failed",
    "unload",
    "rollout",
    "destroy",
    "cat",
    "status",
    "journal",
    "ssh",
    "cordon",
    "uncordon",
    "drain",
    "set-metadata",
    "rebalance",
    "why",
    "verify",
    "plan",
    "apply",
    "locate",
    "seed",
    "drift",
    "version",
)


class _Commands(Mapping[str, Command]):
    """Each is imported when it is asked for: a call of fleetctl needs one of them."""

    def __getitem__(self, name: str) -> Command:
        if name not in _NAMES:
            raise KeyError(name)
        return import_module(f".{name.replace('-', '_')}", __name__).COMMAND

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


COMMANDS = _Commands()
"""By name, in the order of `fleetctl --help`; `some_command.py` is `some-command`."""
