"""What keys do: commands of fleetctl for the row that is chosen (pure)."""

from dataclasses import dataclass

from ...unitfiles.names import template_of
from ..cli.names import misnomer
from ..live.overview import Overview, Place


@dataclass(frozen=True)
class Action:
    """A command of fleetctl for a row."""

    words: tuple[str, ...]
    """The command line after `fleetctl`."""
    about: str
    """The unit or the machine, as the screen calls it."""
    is_change: bool = False
    """Whether it changes something: then it is asked for once more."""

    @property
    def question(self) -> str:
        """What is asked first."""
        return f"{self.words[0]} {self.about}? y does it, any other key does not"


OF_UNITS = {"j": "journal", "s": "status", "w": "why", "r": "restart", "o": "rollout"}
OF_MACHINES = {"d": "drain"}
HELP = "j journal s status w why r restart o rollout d drain t trouble c/m sort q quit"


class NoActionError(Exception):
    """Error: the key does nothing for that row; the message says what does."""


def action(key: str, row: Place | str, overview: Overview) -> Action:
    """The action of a key.

    Args:
        key: one of `OF_UNITS` or `OF_MACHINES`.
        row: a unit's place, or a machine's id; empty for none.
        overview: for the machine's name.

    Raises:
        NoActionError: it is nothing for the row.
    """
    if isinstance(row, str):
        if key in OF_UNITS:
            raise NoActionError(f"{OF_UNITS[key]} is for units: Tab goes to them")
        if not row:
            raise NoActionError("there is no machine")
        return Action((OF_MACHINES[key], row), overview.name_of(row), is_change=True)
    return _of_unit(key, *row)


def _of_unit(key: str, unit: str, machine: str) -> Action:
    if key in OF_MACHINES:
        raise NoActionError(f"{OF_MACHINES[key]} is for machines: Tab goes to them")
    if fault := misnomer(unit):
        raise NoActionError(fault)
    if key == "j":
        here = (f"--machine={machine}",) if machine else ()
        return Action(("journal", "--follow", "--lines=50", *here, unit), unit)
    if key == "o":
        name = template_of(unit) or unit
        return Action(("rollout", name), name, is_change=True)
    return Action((OF_UNITS[key], unit), unit, is_change=key == "r")
