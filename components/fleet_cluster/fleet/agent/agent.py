"""The agent, this machine's part of the control loop: makes systemd match `schedule/<machine>/`.

A unit is started once for each (file, desired state, boot); from then on systemd's `Restart=`
decides and the agent only reports. Each round it observes (`state.py`), reports
(`status_manager.py`), and executes (`executor.py`); what it follows, when the store is not what it
was, `store_trust.py` decides.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Set

from ..kv import KV, KeyValue
from ..model.keys import schedule_key
from ..secrets.folder import CredentialFolder, MemoryFolder
from ..secrets.local import LocalCredentials
from ..systemd.manager import Systemd
from .assignments import Assigned, read_assignments
from .checkpoint import Checkpoint
from .executor import Executor
from .problems import Problems
from .state import observe
from .status_manager import StatusManager
from .store_trust import StoreTrust
from .unit_files import UnitFiles

RETRY_SECONDS = 0.5
"""The pause after a report was refused because the store had changed."""


class Agent:
    """An agent, in the loop's thread. Its calls raise what store and systemd raise, anywhere."""

    def __init__(
        self,
        machine: str,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        connected_for: Callable[[], float],
        patience: float,
        on_identity_changed: Callable[[], None],
        clock: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
        folder: CredentialFolder | None = None,
        public_key: str = "",
    ) -> None:
        """`clock` never goes back; `wall_clock`: seconds since 1970, for people.

        `folder`: where units' secrets lie; `public_key`: what they are sealed to.

        For the others, see `StoreTrust`.
        """
        self._machine = machine
        self._systemd = systemd
        self._checkpoint = checkpoint
        self._connected_for = connected_for
        self._on_identity_changed = on_identity_changed
        self._active: dict[str, str] = {}
        self._problems = Problems()
        credentials = LocalCredentials(machine, store, folder or MemoryFolder(), public_key)
        self.files = UnitFiles(store, systemd, checkpoint, self._problems, credentials)
        self._executor = Executor(
            systemd, checkpoint, self.files, self._problems, clock, wall_clock
        )
        self._status = StatusManager(machine, store, systemd, checkpoint, self._problems, clock)
        self.trust = StoreTrust(checkpoint, connected_for, patience, self._identity_changed)

    def activity(self) -> Counter[str]:
        """How many of this machine's units were in each ACTIVE state in the last round."""
        units = self._checkpoint.units
        return Counter(self._active[name] for name in units if name in self._active)

    def flapping(self) -> int:
        """How many of this machine's units restart again and again."""
        return self._status.flapping

    def resync(self) -> None:
        """Do not rely on what was reported or written earlier: look at everything again."""
        self._status.resync()
        self.files.resync()
        self._problems.begin_attempt()

    def retry(self) -> None:
        """Try again what could not be done: what it waited for may be there, such as a secret."""
        self._problems.begin_attempt()

    def reconcile(
        self,
        lease: int,
        announced: bool,
        schedule: Mapping[str, KeyValue],
        running: Set[str] = frozenset(),
    ) -> float:
        """Do what is to be done until there is nothing left but to wait; report.

        Args:
            lease: the machine's lease; without one (0) nothing is reported.
            announced: whether the leader can see that the machine is alive. If not, nothing new
                is started: the leader may be giving it to another machine.
            schedule: the entries under `schedule/<machine>/`.
            running: units of runs whose end is not reported yet: systemd must not forget it.

        Returns:
            After how many seconds to look again though nothing has changed; 0 if not needed.
        """
        self.files.check()
        assignments, unreadable = read_assignments(schedule)
        for name, reason in unreadable.items():
            entry = schedule[schedule_key(self._machine, name)]
            self._problems.add(name, entry.mod_revision, reason)
        followed = self.trust.follow(assignments, unreadable.keys())
        is_waiting = self._executor.release_fenced(self._connected_for() > 0)
        while self._round(lease, announced, followed, unreadable.keys(), running):
            pass
        if is_waiting or (lease and self._status.is_behind):
            return RETRY_SECONDS
        held_back, delayed = self._status.held_back_for(), self._executor.delayed_for()
        return min(filter(None, (self.trust.distrusts_for(), held_back, delayed)), default=0.0)

    def _round(
        self,
        lease: int,
        announced: bool,
        assignments: Mapping[str, Assigned],
        unreadable: Set[str],
        running: Set[str],
    ) -> bool:
        """One action on each unit. Whether there may be another at once."""
        units = self._checkpoint.units
        state = observe(self._systemd, units, assignments, unreadable, running)
        self._active = {name: status.active for name, status in state.statuses.items()}
        for name, origin in state.foreign.items():
            self._problems.add(name, assignments[name].revision, _foreign(name, origin))
        self._problems.prune(state.present | unreadable, assignments)
        if not self._status.report(lease, state):
            return False
        self._problems.has_news = False
        return self._executor.execute(state, announced) or self._problems.has_news

    def _identity_changed(self) -> None:
        self._on_identity_changed()
        self._status.resync()


def _foreign(name: str, origin: str) -> str:
    return (
        f"the machine has its own unit of this name ({origin}), which is left alone: "
        f"give yours another name, and give this one up: fleetctl destroy {name}"
    )
