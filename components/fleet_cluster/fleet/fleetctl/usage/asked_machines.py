"""Asked machines: those that say what is used there, for whoever looks."""

from collections.abc import Callable, Sequence

from ..live.overview import Overview
from .choice import chosen
from .probes import Target

Ask = Callable[[Sequence[Target]], object]
"""Has these machines asked what is used there, and no others, from now on."""


class AskedMachines:
    """Asked machines of a cluster, which `ask` is told when they are others."""

    def __init__(self, ask: Ask) -> None:
        self.targets = list[Target]()
        self._ask = ask

    def choose(self, overview: Overview, seen: Sequence[str] = ()) -> None:
        """Have those asked that are alive; of many, those that are `seen` first, by their ids."""
        machines = overview.machines
        alive = [id for id, row in machines.items() if not row.is_lost and row.address]
        ids = chosen(alive, seen, [one.id for one in self.targets])
        self._become([Target(id, machines[id].name, machines[id].address) for id in ids])

    def leave(self) -> None:
        """Ask nobody."""
        self._become([])

    def _become(self, targets: list[Target]) -> None:
        if targets != self.targets:
            self.targets = targets
            self._ask(targets)
