"""The environment of a fleetd: the store, systemd, clocks and files that it works with."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..backoff import Chance
from ..certificates import CertificateFiles
from ..engine.reboot_quorum import AskMembers, no_members
from ..engine.runs.calendar import Elapses, ask_systemd
from ..kv import KV
from ..secrets.age import NoSealer, Sealer
from ..secrets.folder import CredentialFolder, MemoryFolder
from ..state_file import StateFile
from ..systemd.manager import Systemd


def no_reboot() -> None:
    """Reboot no machine.

    Raises:
        OSError: always.
    """
    raise OSError("there is no machine to reboot")


@dataclass(frozen=True)
class Environment:
    """An environment; tests give fleetd others."""

    store: KV
    systemd: Systemd
    clock: Callable[[], float]
    """Seconds that also count while the machine is suspended."""
    lease_file: StateFile
    checkpoint_file: StateFile
    wake: Callable[[], None]
    wall_clock: Callable[[], float] = time.time
    """Seconds since 1970, for what people read; only the window of reboots is decided by them."""
    chance: Chance = random.random
    """What keeps machines from doing the same in the same moment."""
    certificates: CertificateFiles = field(default_factory=lambda: CertificateFiles(()))
    """This machine's."""
    ask_members: AskMembers = no_members
    """How etcd's members do."""
    elapses: Elapses = ask_systemd
    """When calendars elapse."""
    reboot: Callable[[], None] = no_reboot
    """Begin to reboot this machine; may raise OSError."""
    sealer: Sealer = field(default_factory=NoSealer)
    """What seals secrets, and opens them with this machine's key."""
    credentials: CredentialFolder = field(default_factory=MemoryFolder)
    """The secrets of this machine's units, sealed."""
    is_reboot_required: Callable[[], bool] = bool
    """Whether the operating system asks for a reboot."""
