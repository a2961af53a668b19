"""Rollout: units become as wanted, a few at a time, and go back when one fails."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, time

from ...cluster_state.state import ClusterState
from ...model.keys import canary_key
from ...model.records import DesiredState, Unit
from ...model.releases import Canary
from ...model.rollout_step import OnStep, RolloutStep
from ...unitfiles.unitfile import is_template, template_of
from ..cli.errors import CtlError, TimedOutError, UsageError
from ..cli.output import tell
from ..cli.rollout_options import Limits
from ..releases.canary import restored
from ..releases.history import file_of
from ..state.dead_units import dead_units
from ..state.orphans import as_it_runs
from ..state.rollout_order import (
    Batch,
    RollbackPoint,
    RolloutOrder,
    changing,
    followers,
    has_file,
    in_batches,
    rollback_point,
    rollout_order,
)
from ..state.transaction import Transaction, tidy, transact
from ..state.unit_state import is_active
from ..state.watcher import Watcher
from ..wait.desired_state import in_desired_state
from ..wait.outcome import Failed, WaitCondition
from ..wait.start import healthy, launched
from ..wait.wait import Wait, say_nothing
from .context import note_nothing
from .destroy import destroy
from .rejoin import rejoin
from .restart_dead_units import unassign


@dataclass
class Rollout:
    """Rollout: whenever it is ended, each unit is on its old file or on its new one."""

    watcher: Watcher
    wanted: Mapping[str, Unit]
    """All units of the set, as they are to be."""
    texts: Mapping[str, str]
    limits: Limits
    say: Callable[[str], None] = tell
    canaries: Mapping[str, Canary] = field(default_factory=dict[str, Canary])
    """By template or Global unit: what is pending when this has ended, since not all are rolled."""
    on_step: OnStep = note_nothing
    """Called when a unit is healthy that was changed."""
    _before: RollbackPoint = field(init=False)
    _order: RolloutOrder = field(init=False)
    _canaries_before: dict[str, Canary | None] = field(init=False)
    _on_trial: Mapping[str, str] = field(init=False)
    _ran: set[str] = field(default_factory=set[str])
    """The units that were active before."""
    _conditions: dict[str, WaitCondition] = field(default_factory=dict[str, WaitCondition])

    def run(self) -> Mapping[str, Failed]:
        """Change what differs, in batches, each when the one before is healthy.

        When a unit fails while others are being replaced, all are put back as they were.

        Returns:
            The units that failed.

        Raises:
            TimedOutError: a batch took longer than the limit; what was replaced is put back.
        """
        self._before = rollback_point(self.wanted, self.watcher.state, self._untouched())
        self._order = rollout_order(
            self.wanted, self.texts, self.watcher.state, self.limits.max_unavailable
        )
        self._ran = {name for name in self.wanted if is_active(name, self.watcher.state)}
        self._on_trial = self._files_on_trial()
        self._begin_canaries()
        try:
            failures = self._begin()
            for batch in self._order.batches:
                failures = failures or self._roll(batch)
        except TimedOutError:
            self._roll_back()
            raise
        if failures:
            self._roll_back()
        else:
            self._write(self._as_wanted(self._order.last))
            self._end_canaries()
        return failures

    def _untouched(self) -> set[str]:
        """Instances that are no canaries, where their template has one."""
        shas = {name: canary.sha for name, canary in self.canaries.items()}
        mates = {name: shas.get(template_of(name) or "") for name in self.wanted}
        return {name for name, sha in mates.items() if sha and sha != self.wanted[name].sha}

    def _begin_canaries(self) -> None:
        """Note them before the first unit changes: then also an interrupt leaves them pending.

        With their files, since whoever goes on with them needs these.
        """
        known = self.watcher.state.canaries
        self._canaries_before = {name: known.get(name) for name in self.wanted}
        new = {canary_key(n): one for n, one in self.canaries.items() if known.get(n) != one}
        transact(self.watcher, lambda _view: Transaction(records=new, texts=self.texts))

    def _end_canaries(self) -> None:
        """Forget those that were gone on with, gone back from, or superseded."""

        def ended(view: ClusterState) -> Transaction:
            pending = view.canaries.keys() & self.wanted.keys() - self.canaries.keys()
            return Transaction(records={canary_key(name): None for name in sorted(pending)})

        transact(self.watcher, ended)

    def _restore_canaries(self) -> None:
        def back(view: ClusterState) -> Transaction:
            found = restored(self._canaries_before, view)
            return Transaction(records={canary_key(name): one for name, one in found.items()})

        transact(self.watcher, back)

    def _files_on_trial(self) -> dict[str, str]:
        """The new file (SHA-256) of units that are released: templates, and units by themselves."""
        view = self.watcher.state
        files = {name: self.canaries.get(name, unit).sha for name, unit in self.wanted.items()}
        before = {name: file_of(name, view) for name in files if not template_of(name)}
        return {name: files[name] for name, sha in before.items() if sha not in ("", files[name])}

    def _begin(self) -> Mapping[str, Failed]:
        """Start what does not run; wait until it does, and what is as it is to be already."""
        rolled = {name for batch in self._order.batches for name in batch}
        resting = dead_units(self.wanted, self.watcher.state, with_finished=False)
        dead = [name for name in resting if name not in rolled]
        restore = partial(self._write, self._as_wanted(dead))
        unassign(dead, self.watcher, self.limits.timeout, restore)
        first = {*dead, *self._order.first}
        for name in self.wanted.keys() - rolled - {*self._order.last}:
            before = dict(self.watcher.state.reported(name)) if name in first else None
            self._conditions[name] = in_desired_state(name, self.wanted[name], before)
        return self._change_batch("started", self._as_wanted(first))

    def _as_wanted(self, names: Iterable[str]) -> Batch:
        return {name: self.wanted[name] for name in names}

    def _roll(self, batch: Batch) -> Mapping[str, Failed]:
        view = self.watcher.state
        bound = {name: followers(name, view) for name in batch}
        for name, unit in batch.items():
            self._conditions[name] = healthy(name, unit, dict(view.reported(name)))
        return self._change_batch("rolled", batch) or self._rejoin(bound)

    def _change_batch(self, verb: str, batch: Batch) -> Mapping[str, Failed]:
        """Change some units; wait until they, and all before, are as they are to be."""
        placements = self._machines_of(batch)
        self._write(batch)
        return self._wait(self._conditions, verb, placements)

    def _write(self, batch: Batch) -> None:
        def missing(view: ClusterState) -> Transaction:
            return Transaction(
                {n: u for n, u in batch.items() if view.units.get(n) != u}, self.texts
            )

        transact(self.watcher, missing)

    def _wait(
        self, wanted: Mapping[str, WaitCondition], verb: str, placements: Mapping[str, list[str]]
    ) -> Mapping[str, Failed]:
        began, started = time(), monotonic()
        width = max(map(len, self.wanted), default=0)

        def announce(name: str, _message: str) -> None:
            if name in placements and self.wanted[name].desired_state is not DesiredState.INACTIVE:
                where, seconds = self._where(name, placements[name]), monotonic() - started
                self.say(f"{name:{width}}  {verb}  {where}  {seconds:.1f}s")
                self.on_step(RolloutStep(name, verb, where, began, began + seconds))

        return Wait(self.watcher, dict(wanted), self.limits.timeout, announce).run()

    def _machines_of(self, batch: Batch) -> dict[str, list[str]]:
        """The machines of a batch, of Global units."""
        now = as_it_runs(batch, self.texts, self.watcher.state)
        return {name: changing(name, unit, now) for name, unit in batch.items()}

    def _where(self, name: str, machines: list[str]) -> str:
        alive = self.watcher.state.machines
        on = [id for id in machines or self.watcher.state.assigned(name) if id in alive]
        return alive[on[0]].hostname if len(on) == 1 else f"{len(on)} machines"

    def _rejoin(self, bound: Mapping[str, list[str]]) -> Mapping[str, Failed]:
        return rejoin(self.watcher, bound, self.limits.timeout)

    def _roll_back(self) -> None:
        """Put all that this changed back as it was, if running units were to be replaced."""
        if not self._order.batches:
            return
        view = self.watcher.state
        written = {
            name: unit
            for name, unit in self._before.units.items()
            if (now := view.units.get(name)) and has_file(now, self.wanted[name]) and now != unit
        }
        known = {name: unit for name, unit in written.items() if unit}
        self._say_what_goes_back(written)
        try:
            for batch in self._rollback_batches(known, view):
                self._return(batch)
            self._note_failures()
            self._remove([name for name in written if name not in known])
        except (CtlError, TimedOutError, UsageError) as error:
            tell(f"Not everything is back as it was: {error}")

    def _say_what_goes_back(self, written: Iterable[str]) -> None:
        if names := ", ".join(sorted(written)):
            tell(f"Going back: {names}")
        lost = self.wanted.keys() - self._before.units.keys()
        if names := ", ".join(sorted(name for name in lost if not is_template(name))):
            tell(f"Left as they are now, since etcd has lost the files that they had: {names}")

    def _rollback_batches(self, known: Mapping[str, Unit], view: ClusterState) -> list[Batch]:
        """First what is down already, then the others a few at a time."""
        up = {n: unit for n, unit in known.items() if self._goes_in_turn(n, view)}
        down = {n: unit for n, unit in known.items() if n not in up}
        return [
            batch for batch in (down, *in_batches(up, view, self.limits.max_unavailable)) if batch
        ]

    def _goes_in_turn(self, name: str, view: ClusterState) -> bool:
        return view.is_global(name) or (not is_template(name) and is_active(name, view))

    def _return(self, back: Batch) -> None:
        view = self.watcher.state
        before = {name: dict(view.reported(name)) for name in back}
        bound = {name: followers(name, view) for name in back}
        placements = self._machines_of(back)
        failed = {name: sha for name, sha in self._on_trial.items() if self._is_alone(name, back)}
        texts = self._before.texts
        transact(self.watcher, lambda _view: Transaction(back, texts, failed=failed))
        wanted = {
            name: launched(name, back[name], before[name], is_proven=True)
            for name in back
            if name in self._ran
        }
        failures = self._wait(wanted, "rolled back", placements)
        failures = failures or self._rejoin(bound)
        if failures:
            reasons = "; ".join(f"{name}: {failure.reason}" for name, failure in failures.items())
            raise CtlError(reasons)

    def _is_alone(self, name: str, batch: Mapping[str, Unit]) -> bool:
        """Whether a unit has its file as a whole, so that its release failed when it goes back."""
        return name in batch and not is_template(name) and not self.watcher.state.is_global(name)

    def _note_failures(self) -> None:
        """Of those that go back part by part, when all have."""
        parts = {n: sha for n, sha in self._on_trial.items() if not self._is_alone(n, self.wanted)}
        transact(self.watcher, lambda _view: Transaction(failed=parts))
        self._restore_canaries()

    def _remove(self, names: list[str]) -> None:
        if names:
            destroy(self.watcher, names, self.limits.timeout, announce=say_nothing)
        else:
            tidy(self.watcher)
