"""etcd on this machine: its service, configuration and data."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .files import ETCD_PKI, File
from .shell import StepError, systemctl, write

UNIT = "etcd.service"
DATA = Path("/var/lib/etcd/default")
ENVIRONMENT = "/etc/default/etcd"


@dataclass(frozen=True)
class EtcdService:
    """etcd.service of this machine's systemd."""

    data: Path = DATA
    systemctl: Callable[..., str] = systemctl
    write: Callable[[str, File], bool] = write

    @property
    def has_data(self) -> bool:
        """Whether it has been a member: a refused start leaves the folder without a log."""
        return (self.data / "member" / "wal").exists()

    @property
    def is_running(self) -> bool:
        """Whether systemd has it running."""
        try:
            self.systemctl("is-active", "--quiet", UNIT)
        except StepError:
            return False
        return True

    def configure(self, environment: str) -> None:
        """Writes its configuration, which it reads when it starts."""
        self.write(ENVIRONMENT, File(environment))

    def enable(self) -> None:
        """Starts it, now and at each boot."""
        self.systemctl("enable", "--now", UNIT)

    def start_anew(self, environment: str) -> None:
        """Starts it without data, also if it runs."""
        self.systemctl("stop", UNIT)
        self.forget()
        self.configure(environment)
        self.enable()

    def forget(self) -> None:
        """Removes its data."""
        shutil.rmtree(self.data, ignore_errors=True)


def retire() -> None:
    """On a machine that is no member, or not any more: no etcd, none of its data and keys."""
    if Path(ETCD_PKI).exists():
        systemctl("disable", "--now", UNIT)
        shutil.rmtree(ETCD_PKI)
        EtcdService().forget()
