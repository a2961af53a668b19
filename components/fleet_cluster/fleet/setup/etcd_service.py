"""etcd on this machine: its service, configuration and data."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .files import ETCD_DATA, ETCD_PKI, File
from .shell import StepError, systemctl, write

UNIT = "etcd.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
DATA = Path(ETCD_DATA)
ENVIRONMENT = "/etc/etcd/environment"
DEBIANS_DROP_IN = Path(f"{UNIT_FILE}.d/fleet.conf")
"""What was written here while etcd was Debian's: it would override ours."""


@dataclass(frozen=True)
class EtcdService:
    """etcd.service of this machine's systemd."""

    version: str
    """Whose programs it runs."""
    data: Path = DATA
    debians_drop_in: Path = DEBIANS_DROP_IN
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

    def install(self) -> bool:
        """Writes the unit, which names the version: whether it was another."""
        if not self.write(UNIT_FILE, File(unit(self.version))):
            return False
        self.debians_drop_in.unlink(missing_ok=True)
        self.systemctl("daemon-reload")
        return True

    def enable(self) -> None:
        """Starts it, now and at each boot; again if it has run as another version."""
        if self.install():
            self.systemctl("restart", UNIT)
        self.systemctl("enable", "--now", UNIT)

    def start_anew(self, environment: str) -> None:
        """Starts it without data, also if it runs."""
        self.install()
        self.systemctl("stop", UNIT)
        self.forget()
        self.configure(environment)
        self.systemctl("enable", "--now", UNIT)

    def forget(self) -> None:
        """Removes its data."""
        shutil.rmtree(self.data, ignore_errors=True)


def unit(version: str) -> str:
    """The text of etcd.service."""
    return (
        Path(__file__).with_name("services").joinpath(UNIT).read_text().replace("VERSION", version)
    )


def retire(
    systemctl: Callable[..., str] = systemctl, pki: Path = Path(ETCD_PKI), data: Path = DATA
) -> None:
    """On a machine that is no member, or not any more: no etcd, none of its data and keys."""
    if not pki.exists():
        return
    # One that was to become a member, and never did, has no such unit.
    if systemctl("show", "--property=LoadState", "--value", UNIT).strip() != "not-found":
        systemctl("disable", "--now", UNIT)
    shutil.rmtree(pki)
    shutil.rmtree(data, ignore_errors=True)
