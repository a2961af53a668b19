"""The environment of a fleetd: the store, systemd, clocks and files that it works with."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..backoff import Chance
from ..certificates import CertificateFiles
from ..engine.reboots import AskMembers, no_members
from ..kv import KV
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
    reboot: Callable[[], None] = no_reboot
    """Begin to reboot this machine; may raise OSError."""
    is_reboot_required: Callable[[], bool] = bool
    """Whether the operating system asks for a reboot."""
