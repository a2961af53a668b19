"""What a simulation sees of canaries: who has which file, and that no release is lost half-way."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleet_cluster.fleet.fleetctl.releases.canary import pending
from fleet_cluster.fleet.fleetctl.state.watcher import read_state
from fleet_cluster.fleet.kv import Changes
from fleet_cluster.fleet.model.keys import UNITS, file_key, unit_key
from fleet_cluster.fleet.model.records import Unit
from fleet_cluster.fleet.unitfiles.text import sha_of
from tests.unit.fleet.fakes.units import SLEEPS

if TYPE_CHECKING:
    from tests.unit.fleet.simulation.world import World

TEMPLATE = "r@.service"
INSTANCES = [f"r@{number}.service" for number in range(1, 5)]
ON_ALL = "v.service"
"""A Global unit, which gets a file machine by machine."""

RELEASED = {TEMPLATE: INSTANCES, ON_ALL: [ON_ALL]}
VARIANTS = range(4)
SETTLED_SECONDS = 3.0
"""A machine that nothing has disturbed for so long runs what the records say."""


def text_of(name: str, variant: int) -> str:
    """One of the files of a template or Global unit."""
    options = "Global=true\n" if name == ON_ALL else ""
    return f"{SLEEPS}# release {variant}\n[X-Fleet]\nHealthySec=0\n{options}"


TEXTS = {sha_of(text_of(name, v)): text_of(name, v) for name in RELEASED for v in VARIANTS}


@dataclass(frozen=True)
class Step:
    """A command of an operator: one of canary, go_on, back, undo and all (a plain rollout)."""

    verb: str
    name: str
    variant: int = 0
    size: int = 0

    @property
    def words(self) -> list[str]:
        """As it is typed."""
        options = {
            "canary": ["rollout", "--canary", str(self.size)],
            "go_on": ["rollout", "--continue"],
            "back": ["rollout", "--back"],
            "undo": ["undo"],
            "all": ["rollout"],
        }
        return [*options[self.verb], self.name]

    @property
    def files(self) -> Mapping[str, str]:
        """What it is given."""
        given = self.verb in ("canary", "all")
        return {self.name: text_of(self.name, self.variant)} if given else {}


@dataclass
class Progress:
    """How far the releases of a template or Global unit may be, by what its operator has said."""

    old: str
    """The file (SHA-256) that any of them may have."""
    most: dict[str, float] = field(default_factory=dict[str, float])
    """How many may have another one."""
    canary: str = ""
    """The file of the canary that waits."""
    tried: set[str] = field(default_factory=set[str])
    """The files of canaries that some have."""
    before: list[str] = field(default_factory=list[str])
    """The files that all had, in turn; the last is `old`."""
    goal: str = ""
    """The file that the command which runs brings to all."""

    def of_undo(self) -> str:
        """What an undo brings back; empty if there is nothing."""
        return next((sha for sha in reversed(self.before) if sha != self.old), "")


@dataclass
class Releases:
    """Sees which files units are given, and run with."""

    world: "World"
    complain: Callable[[str], None]
    progress: dict[str, Progress] = field(default_factory=dict[str, Progress])

    @property
    def members(self) -> set[str]:
        """The units whose file fleetctl writes."""
        return {member for name in self.progress for member in RELEASED[name]}

    def establish(self, name: str) -> None:
        """All have the first file from now on."""
        sha = sha_of(text_of(name, 0))
        self.progress[name] = Progress(sha, before=[sha])

    def closing(self, step: Step) -> Step:
        """This step if there is a canary, or else the rollout of what all are to have."""
        known = self.progress[step.name]
        if known.canary:
            return step
        first = next(v for v in VARIANTS if sha_of(text_of(step.name, v)) == known.old)
        return Step("all", step.name, first)

    def begin(self, step: Step) -> None:
        """An operator has typed this."""
        known, new = self.progress[step.name], sha_of(text_of(step.name, step.variant))
        goals = {"go_on": known.canary, "back": known.old, "undo": known.of_undo(), "all": new}
        known.goal = goals.get(step.verb, known.old if new == known.old else "")
        if known.goal:
            known.most[known.goal] = math.inf
        elif step.verb == "canary":
            known.most[new] = max(step.size, known.most.get(new, 0))
            known.tried.add(new)

    def end(self, step: Step, is_done: bool) -> None:
        """The command has ended: by itself, done or not, or by its operator."""
        known, files = self.progress[step.name], self.files(step.name)
        now, said = self._template_sha(step.name), " ".join(step.words)
        if is_done and known.goal and {*files.values(), now} != {known.goal}:
            self.complain(f"{said} was done, and not all have its file: {files}")
        elif is_done and step.verb == "canary" and not known.goal:
            new = sha_of(text_of(step.name, step.variant))
            if known.canary in {*files.values()} - {new}:
                self.complain(f"{said} was done, and the canary before it is left")
            known.most = {new: known.most[new]}
        if (is_done and known.goal) or (now and {*files.values(), now} == {now}):
            self._all_have(known, now)
        self._check_kept(said, step.name, known)

    def _all_have(self, known: Progress, sha: str) -> None:
        known.before += [sha] if sha != known.old else []
        known.old, known.most = sha, {}

    def _check_kept(self, said: str, name: str, known: Progress) -> None:
        """What has stopped on its way can be gone on with, and gone back from."""
        store, files = self.world.store, {*self.files(name).values()}
        if any(store.value(file_key(sha)) is None for sha in {known.old, *files}):
            self.complain(f"{said} has lost a file that {name} is to have")
        known.tried &= files - {known.old}
        waiting = pending(name, read_state(store))
        if known.tried and waiting is None:
            self.complain(f"{said} has ended, and nothing says that {name} has a canary")
        if waiting and waiting.canary.previous_sha != known.old:
            self.complain(f"{said} has ended, and another file of {name} is that of before")
        known.canary = waiting.canary.sha if waiting else ""

    def files(self, name: str) -> dict[str, str]:
        """The file that each instance, or a Global unit on each machine, is to have."""
        store = self.world.store
        records = {one: store.value(unit_key(one)) for one in RELEASED[name]}
        units = {one: Unit.from_json(value) for one, value in records.items() if value}
        if name == TEMPLATE:
            return {one: unit.sha for one, unit in units.items()}
        machines = [node.id for node in self.world.nodes if self.world.lease_of(node.id)]
        return {id: unit.sha_on(id) for unit in units.values() for id in machines}

    def _template_sha(self, name: str) -> str:
        value = self.world.store.value(unit_key(name))
        unit = Unit.from_json(value) if value else None
        return unit.sha if unit and not unit.retained_files else ""

    def written(self, changes: Changes) -> None:
        """The user wants what fleetctl has written for them."""
        world = self.world
        for key, entry in changes.puts.items():
            name = key.removeprefix(UNITS)
            if name in self.members:
                unit = Unit.from_json(entry.value)
                world.stir()
                world.names.add(name)
                world.watcher.told(name)
                world.wanted[name] = TEXTS[unit.sha], unit.desired_state

    def look(self) -> None:
        """Check who has which file."""
        for name, known in self.progress.items():
            self._check_most(name, known, self.files(name), "is to have")
            self._check_most(name, known, dict(self._run(name)), "runs with")

    def _run(self, name: str) -> Iterator[tuple[str, str]]:
        for node in self.world.nodes:
            if node.undisturbed_for() > SETTLED_SECONDS and self.world.lease_of(node.id):
                for unit, sha in node.systemd.running().items():
                    if unit in RELEASED[name]:
                        yield node.id if unit == ON_ALL else unit, sha

    def _check_most(self, name: str, known: Progress, files: dict[str, str], verb: str) -> None:
        for sha in {*files.values()} - {known.old}:
            having = sorted(one for one, other in files.items() if other == sha)
            if len(having) > (most := known.most.get(sha, 0)):
                of = TEXTS[sha].split("\n")[2]
                self.complain(f"{', '.join(having)} {verb} {of} of {name}; allowed: {most}")
