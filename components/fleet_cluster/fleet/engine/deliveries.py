"""Deliveries: the leader seals secrets for the machines whose units name them.

A machine is told to run a unit once it can open what the unit needs. What no unit needs there any
more is removed.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..cluster_state.placement import is_to_run
from ..cluster_state.state import ClusterState
from ..kv import Condition, Operation, Put, Unchanged
from ..model.keys import credential_key, secret_key
from ..model.pins import pins_of
from ..model.records import Assignment
from ..model.secrets import Delivery, is_public_key
from ..secrets.age import Sealer, SealError, SealerUnavailableError
from .reconciler import Decision, Instruction
from .sealing import RETRY_SECONDS

Commit = Callable[[Sequence[Operation], Sequence[Condition]], int]
"""Writes as the leader: the revision, or 0."""
SECONDS = 1.0
"""How long a round of the leader may seal; what is left is the next one's."""


@dataclass(frozen=True, order=True)
class Credential:
    """A version of a secret that a machine needs."""

    machine: str
    name: str
    version: str

    @property
    def secret(self) -> str:
        """The secret's name and version, as in keys."""
        return f"{self.name}/{self.version}"


def needed(state: ClusterState, decision: Decision) -> set[Credential]:
    """The credentials that machines need for what they are to run, and are about to be told to.

    Also for units that are stopped elsewhere first: they are not to be down for it.
    """
    told = [
        (machine, assignment)
        for machines in state.schedule.values()
        for machine, assignment in machines.items()
    ]
    told += [(change.machine, one) for change in decision.changes if (one := change.assignment)]
    found = {one for machine, assignment in told for one in of_file(state, machine, assignment)}
    coming = decision.moving.values()
    return found | {one for machine, sha in coming for one in _pinned(state, machine, sha)}


def of_file(state: ClusterState, machine: str, assignment: Assignment) -> Iterator[Credential]:
    """The credentials that an assignment needs on a machine."""
    if is_to_run(assignment):
        yield from _pinned(state, machine, assignment.sha)


def _pinned(state: ClusterState, machine: str, sha: str) -> Iterator[Credential]:
    pins = pins_of(state.files.get(sha, ""))
    return (Credential(machine, name, version) for name, version in pins.items())


def is_delivered(state: ClusterState, one: Credential) -> bool:
    """Whether the machine, as it is now, can open it."""
    known = state.deliveries.get(one.secret, {}).get(one.machine)
    machine = state.machines.get(one.machine)
    return known is not None and (machine is None or machine.public_key == known.key)


def obsolete(state: ClusterState, wanted: set[Credential]) -> list[str]:
    """Keys of deliveries that no unit on their machine needs."""
    keys = {credential_key(one.machine, one.name, one.version) for one in wanted}
    known = {
        credential_key(machine, *secret.split("/", 1))
        for secret, machines in state.deliveries.items()
        for machine in machines
        if "/" in secret
    }
    return sorted(known - keys)


class Deliveries:
    """Deliveries of one leader."""

    def __init__(self, sealer: Sealer, commit: Commit, clock: Callable[[], float]) -> None:
        self.trouble = ""
        """What cannot be delivered, and why, in words; empty when all is."""
        self.seconds = 0.0
        """After how many seconds to try again though nothing has changed; 0 if not needed."""
        self._sealer = sealer
        self._commit = commit
        self._clock = clock
        self._failed: dict[str, tuple[int, str]] = {}
        """Secrets that this machine cannot open: at which revision, and why."""

    def deliver(
        self, state: ClusterState, decision: Decision, wanted: set[Credential]
    ) -> tuple[list[Instruction], int]:
        """Deliver what is missing of what is wanted (`needed`).

        Returns:
            The changes that may be written now: a machine that cannot be given a secret is not told
            to run what needs it, nor another one to stop that before. And the revision of what was
            written last, or 0.
        """
        alive = (one for one in wanted if one.machine in state.machines)
        missing = sorted(one for one in alive if not is_delivered(state, one))
        opened: dict[str, bytes] = {}
        failures: dict[Credential, SealError] = {}
        later: set[Credential] = set()
        revision, until = 0, self._clock() + SECONDS
        for one in missing:
            try:
                written = self._deliver(state, one, opened) if self._clock() < until else 0
            except SealError as error:
                failures[one] = error
                continue
            revision = written or revision
            if not written:  # Or it was changed meanwhile, which brings another round too.
                later.add(one)
        self.trouble = "; ".join(
            f"secret {one.name} does not get to {state.machines[one.machine].hostname}: {why}"
            for one, why in failures.items()
        )
        may_pass = any(isinstance(why, SealerUnavailableError) for why in failures.values())
        self.seconds = RETRY_SECONDS if may_pass else 0.0
        held = failures.keys() | later
        possible = [
            one
            for one in decision.changes
            if not _lacks(state, one, held) and not _leaves(state, one, decision, held)
        ]
        return possible, revision

    def _deliver(self, state: ClusterState, one: Credential, opened: dict[str, bytes]) -> int:
        key, machine = secret_key(one.name, one.version), state.machines[one.machine]
        if not is_public_key(machine.public_key):
            raise SealError("that machine has no key; to give it one: pulumi up")
        if one.secret not in opened:
            opened[one.secret] = self._open(state, one)
        sealed = self._sealer.seal(opened[one.secret], [machine.public_key])
        put = Put(
            credential_key(one.machine, one.name, one.version),
            Delivery(sealed, machine.public_key).to_json(),
        )
        return self._commit([put], [Unchanged(key, state.mod_revision(key))])

    def _open(self, state: ClusterState, one: Credential) -> bytes:
        secret = state.secrets.get(one.secret)
        revision = state.mod_revision(secret_key(one.name, one.version))
        if secret is None:
            raise SealError(
                f"etcd has no version {one.version} of it. Set it again: fleetctl secret set "
                f"{one.name} < FILE"
            )
        known_at, why = self._failed.get(one.secret, (0, ""))
        if known_at == revision:
            raise SealError(why)
        try:
            return self._sealer.open(secret.sealed)
        except SealerUnavailableError:
            raise  # It says nothing of the secret: the next round opens it, perhaps.
        except SealError as error:
            said = f"this member of etcd cannot open it ({error}), nor has one that can done so"
            why = f"{said}. Set it again: fleetctl secret set {one.name} < FILE"
            self._failed[one.secret] = revision, why
            raise SealError(why) from error


def _lacks(state: ClusterState, change: Instruction, held: AbstractSet[Credential]) -> bool:
    """Whether a machine would be given a file without what that needs."""
    if change.assignment is None:
        return False
    known = state.assignments(change.unit).get(change.machine)
    has_file = known and is_to_run(known) and known.sha == change.assignment.sha
    needs = set(of_file(state, change.machine, change.assignment))
    return not has_file and not needs.isdisjoint(held)


def _leaves(
    state: ClusterState, change: Instruction, decision: Decision, held: AbstractSet[Credential]
) -> bool:
    """Whether a machine would stop what cannot run where it goes, for lack of what it needs."""
    known = state.assignments(change.unit).get(change.machine)
    if change.unit not in decision.moving or known is None or not is_to_run(known):
        return False
    return not held.isdisjoint(_pinned(state, *decision.moving[change.unit]))
