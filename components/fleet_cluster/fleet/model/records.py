"""The records that fleet keeps in etcd."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from .printable import check_address, check_host_name, check_id
from .record import Record
from .wire import wire

LAYOUT_VERSION = 1

TRANSIENT = "fleetctl run"
"""The owner of transient units, which go when their run is over."""
JOB_PENDING = "pending"
"""A job of systemd that has not ended."""
JOB_DONE = "done"
"""A job of systemd that has ended as it should, be it that there was nothing to do."""
RESTARTING = ("auto-restart", "auto-restart-queued")
"""SUB of a unit that has failed and that systemd starts again: during RestartSec=, and, from
systemd 254 on, while that job waits."""


class DesiredState(StrEnum):
    """The desired state of a unit: how far it is taken; each includes the one before it."""

    INACTIVE = "inactive"
    """Known to the cluster, on no machine."""
    LOADED = "loaded"
    """Its file is on a machine, not started."""
    LAUNCHED = "launched"
    """Started on its machine."""


@dataclass(frozen=True)
class Cluster(Record):
    """The identity of etcd's data, written once. Another id means that the data is not ours."""

    kind: ClassVar[str] = "cluster"
    id: str
    layout: int = LAYOUT_VERSION


@dataclass(frozen=True)
class MachineState(Record):
    """A machine that is alive: its record is bound to its lease."""

    kind: ClassVar[str] = "machine"
    id: str
    """/etc/machine-id: 32 hexadecimal digits."""
    address: str
    hostname: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str = ""
    """fleetd's."""
    certificate_ends: float = 0.0
    """When the first of its certificates ends, if that is soon: seconds since 1970; else 0."""
    trouble: str = ""
    """What does not work there, in words: as long as that is so, it counts as cordoned."""
    os: str = ""
    """The operating system that fleetd was started on: debian-13.8."""
    etcd: str = ""
    """The version of the etcd member that runs here: 3.6.16; empty when there is none."""
    memory: int = 0
    """How many bytes of memory it has; 0 where that is not known: nothing is refused for it."""
    cpus: float = 0.0
    """How many processors it has, or may use; 0 as with memory."""
    boot: str = ""
    """Another text after each boot; empty where fleetd cannot be told to reboot its machine."""
    takes_runs: bool = field(default=False, metadata=wire("runs"))
    """Its fleetd takes the runs that are handed to it; one of the release before does not."""
    reboot_required: bool = field(default=False, metadata=wire("reboot"))
    """Its operating system asks for a reboot: /run/reboot-required is there."""
    public_key: str = field(default="", metadata=wire("recipient"))
    """What secrets for it are sealed to; empty where it has no key."""

    def __post_init__(self) -> None:
        """Check what becomes words of commands: ssh is called with them."""
        check_id(self.id)
        check_address(self.address)
        check_host_name(self.hostname)


@dataclass(frozen=True)
class Unit(Record):
    """The desired state of a unit. A template (`name@.service`) is a unit that never runs."""

    kind: ClassVar[str] = "unit"
    sha: str
    """Its file: a key under `files/`."""
    desired_state: DesiredState = field(default=DesiredState.INACTIVE, metadata=wire("target"))
    owner: str = ""
    """Who applied it as a part of a set (`fleetctl apply`); empty when it was started by hand."""
    written_at: float = field(default=0.0, compare=False, metadata=wire("at"))
    """When this was written: seconds since 1970, by the clock of the machine that wrote it."""
    retained_files: Mapping[str, str] = field(default_factory=dict[str, str], metadata=wire("kept"))
    """Of a Global unit that gets another file: those machines, by id, whose turn has not come, and
    the file (SHA-256) that each of them keeps until then. Of a canary that waits, also the machines
    that have the new one."""
    newcomers_sha: str = field(default="", metadata=wire("newcomers"))
    """Of a Global unit whose canary waits: the file of machines that come meanwhile; empty: its
    own."""
    machine: str = ""
    """Of a transient unit: the id of the machine that has its run, from which it does not move."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "desired_state", DesiredState(self.desired_state))

    def sha_on(self, machine: str) -> str:
        """The file that a Global unit is to have on a machine."""
        return self.retained_files.get(machine, self.newcomers_sha or self.sha)

    def with_file(self, sha: str) -> "Unit":
        """The unit with another file, on all of its machines."""
        return replace(self, sha=sha, retained_files={}, newcomers_sha="")

    @property
    def previous_files(self) -> set[str]:
        """Of a Global unit that gets another file: those that machines have instead of it yet."""
        return {*self.retained_files.values()} - {self.sha}


@dataclass(frozen=True)
class Assignment(Record):
    """The assignment of a unit to a machine, by the leader.

    Desired state `inactive` tells the machine to stop and remove the unit. A missing assignment
    tells it nothing: emptied data stop nothing. The leader deletes an `inactive` one when the
    machine no longer reports the unit. What only explains it does not count when two are compared.
    """

    kind: ClassVar[str] = "assignment"
    sha: str
    desired_state: DesiredState = field(metadata=wire("target"))
    reason: str = field(default="", compare=False, metadata=wire("because"))
    """Why the leader decided so, in words."""
    rejections: Mapping[str, str] = field(
        default_factory=dict[str, str], compare=False, metadata=wire("against")
    )
    """Why not on the other machines: the reason for each machine's id; in small clusters only."""
    decided_at: float = field(default=0.0, compare=False, metadata=wire("at"))
    """When it was decided: seconds since 1970, by the leader's clock."""
    origin: str = field(default="", compare=False)
    """The id of the machine that the unit was on before; empty when it was on none."""
    lost_at: float = field(default=0.0, compare=False)
    """When the leader saw that the lease of `origin` had ended; 0 when it had not."""
    destination: str = field(default="", metadata=wire("moving"))
    """The id of the machine that the unit moves to: here it runs on until it is up there."""
    completed: bool = field(default=False, metadata=wire("ended"))
    """The unit has done its work here, and so there is nothing to move or to run again."""
    shutdown_delay: float = field(default=0.0, compare=False)
    """Seconds that the machine lets the unit run on before it stops it: its name has just gone,
    and who was given it before may still come."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "desired_state", DesiredState(self.desired_state))


@dataclass(frozen=True)
class UnitState(Record):
    """What systemd said of a unit on one machine, bound to that machine's lease."""

    kind: ClassVar[str] = "unit state"
    load: str
    active: str
    sub: str
    sha: str
    """The file that the machine has loaded; it may lag behind the schedule."""
    since: float = 0.0
    """When the unit entered this ACTIVE state: seconds since 1970."""
    orphan: bool = field(default=False, metadata=wire("held"))
    """It runs without an assignment from this data."""
    problem: str = ""
    """Why the machine cannot follow its assignment, in words; empty when it can."""
    journal: str = ""
    """Its last lines, when it has failed: a few, for those who cannot look on its machine."""
    start_requested_at: float = field(default=0.0, metadata=wire("told"))
    """When fleetd asked systemd to start the unit: seconds since 1970; 0 if it did not yet."""
    job: str = ""
    """How systemd's job to start it ended, in systemd's word, where it did not bring the unit up:
    done (a condition was not met), failed, dependency, timeout ...; `JOB_PENDING` before."""
    reason: str = ""
    """Why the unit is not up, as far as systemd tells: a condition, a unit that it needs ..."""


@dataclass(frozen=True)
class Eligibility(Record):
    """The eligibility of a machine for units, by an operator's word, or for a reboot.

    It stays, whether the machine is alive or not.
    """

    kind: ClassVar[str] = "mark"
    cordoned: bool = True
    """It gets no new units."""
    draining: bool = False
    """Its units move to other machines."""
    since: float = 0.0
    """When that was said: seconds since 1970."""
    force: bool = False
    """Also those leave that can run nowhere else."""
    removed: bool = field(default=False, metadata=wire("leaving"))
    """The machine is removed for good: once it is gone, nothing is kept for it."""
    rebooting: bool = field(default=False, metadata=wire("reboot"))
    """It is drained for its reboot, and no longer when that has ended. What an operator has said
    is then in `cordoned`."""


@dataclass(frozen=True)
class Move(Record):
    """The move of a unit: one relocation of `fleetctl rebalance`."""

    kind: ClassVar[str] = "move"
    origin: str = field(metadata=wire("source"))
    """The id of the machine where it is; from any other it does not move."""
    destination: str = field(metadata=wire("target"))
    """The id of the machine where it is to be."""


class Verb(StrEnum):
    """The verb of an order, as `systemctl` names it."""

    RESTART = "restart"
    RELOAD = "reload"
    RESET_FAILED = "reset-failed"


@dataclass(frozen=True)
class Order(Record):
    """An order: what systemd is to do about a unit, once, on the lease of who asks for it."""

    kind: ClassVar[str] = "order"
    DONE: ClassVar[str] = "done"
    verb: str
    """A `Verb`, or one of another version."""
    answer: str = ""
    """The machine's, when it was done: `DONE`, or why not in words."""


@dataclass(frozen=True)
class Metadata(Record):
    """Metadata that an operator has given to a machine, over what it is configured with.

    A machine forgets none of it because the record is gone: an emptied store tells it nothing.
    """

    kind: ClassVar[str] = "metadata"
    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    """By key; an empty value takes the key away."""

    def over(self, configured: Mapping[str, str]) -> dict[str, str]:
        """What the machine then has."""
        return {key: value for key, value in {**configured, **self.pairs}.items() if value}


@dataclass(frozen=True)
class Claim(Record):
    """The claim of one of Pulumi's resources on what it wrote: an owner's units, or a key."""

    kind: ClassVar[str] = "claim"
    token: str
    """Known to that resource alone, so that the end of another one does not remove it."""
    digest: str
    """Of what was written: SHA-256, salted with the token, since it may be a secret."""
    repairs: int = field(default=0, metadata=wire("mended"))
    """How often it was written again because it had been changed by hand."""
