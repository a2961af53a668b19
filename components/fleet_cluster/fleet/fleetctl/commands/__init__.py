"""fleetctl's commands, one a file."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from .command import Command

_ROOMS = {
    "list-machines": "machines",
    "list-units": "inspect",
    "top": "live",
    "dashboard": "live",
    "list-unit-files": "inspect",
    "list-names": "inspect",
    "submit": "units",
    "load": "units",
    "start": "units",
    "run": "units",
    "stop": "units",
    "restart": "units",
    "reload": "units",
    "reset-failed": "units",
    "unload": "units",
    "rollout": "units",
    "undo": "units",
    "history": "inspect",
    "runs": "inspect",
    "destroy": "units",
    "secret": "units",
    "cat": "inspect",
    "status": "inspect",
    "journal": "inspect",
    "exec": "machines",
    "ssh": "machines",
    "cordon": "machines",
    "uncordon": "machines",
    "drain": "machines",
    "reboot": "machines",
    "set-metadata": "machines",
    "rebalance": "machines",
    "backup": "machines",
    "list-backups": "inspect",
    "restore": "machines",
    "why": "inspect",
    "verify": "inspect",
    "plan": "inspect",
    "apply": "units",
    "complete": "internal",
    "enter": "internal",
    "locate": "internal",
    "seed": "internal",
    "stream": "internal",
    "usage": "internal",
    "begin-run": "internal",
    "drift": "internal",
    "completion": "inspect",
    "version": "inspect",
}
"""The folder of each command, in the order of `fleetctl --help`."""


class _Commands(Mapping[str, Command]):
    """Commands by name, imported when they are asked for: a call of fleetctl needs one of them."""

    def __getitem__(self, name: str) -> Command:
        if name not in _ROOMS:
            raise KeyError(name)
        return import_module(f".{_ROOMS[name]}.{name.replace('-', '_')}", __name__).COMMAND

    def __iter__(self) -> Iterator[str]:
        return iter(_ROOMS)

    def __len__(self) -> int:
        return len(_ROOMS)


COMMANDS = _Commands()
"""By name, in the order of `fleetctl --help`; `some_command.py` is `some-command`."""
