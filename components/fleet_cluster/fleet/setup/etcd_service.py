"""etcd on this machine: its service, configuration and data, and its restart with others."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..etcd_configuration import (
    ETCD_PKI,
    HOW_IT_BEGAN,
    QUOTA,
    changes,
    digest,
    parse,
    render,
    started_with,
    trusted,
)
from .etcdctl import Etcdctl
from .files import ETCD_DATA, File, etcd_environment
from .quorum import Quorum
from .shell import RefusedError, StepError, say, systemctl, until, write

UNIT = "etcd.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
DATA = Path(ETCD_DATA)
ENVIRONMENT = "/etc/etcd/environment"
DEBIANS_DROP_IN = Path(f"{UNIT_FILE}.d/fleet.conf")
"""What was written here while etcd was Debian's: it would override ours."""
_, STATE = HOW_IT_BEGAN
EXISTING = "existing"
"""Of a member that never begins a cluster by itself, not even without its data."""
SETTLING = 30.0
"""Seconds that a member gets to answer again as it was before."""


@dataclass(frozen=True)
class ServiceFiles:
    """The service's files as they were."""

    unit: str
    environment: str

    @property
    def version(self) -> str:
        """Whose programs it ran; empty if that was not noted yet."""
        return parse(self.environment).get("VERSION", "")


def read(path: str) -> str:
    """A file's text; empty if there is none, or if it is of a process that has ended."""
    try:
        return Path(path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


@dataclass(frozen=True)
class EtcdService:
    """etcd.service of this machine's systemd.

    `variables` are etcd's own; what else it is started with is added here.
    """

    version: str
    """Whose programs it runs."""
    data: Path = DATA
    debians_drop_in: Path = DEBIANS_DROP_IN
    systemctl: Callable[..., str] = systemctl
    write: Callable[[str, File], bool] = write
    read: Callable[[str], str] = read

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

    def changes(self, variables: Mapping[str, str]) -> list[str]:
        """Why it has to be restarted to have these; empty if it has them, or does not run."""
        running = self._running_with()
        return changes(running, self._started_with(variables)) if running else []

    def start(self, variables: Mapping[str, str]) -> None:
        """Starts it, now and at each boot; one that runs is left alone."""
        self._install()
        self.configure(variables)
        self.systemctl("enable", "--now", UNIT)

    def restart(self, variables: Mapping[str, str]) -> None:
        """Starts it again with these."""
        self._install()
        self.configure(variables)
        self.systemctl("enable", UNIT)
        self.systemctl("restart", UNIT)

    def start_anew(self, variables: Mapping[str, str]) -> None:
        """Starts it without data, also if it runs."""
        self._install()
        self.systemctl("stop", UNIT)
        self.forget()
        self.configure(variables)
        self.systemctl("enable", "--now", UNIT)

    def configure(self, variables: Mapping[str, str]) -> None:
        """Writes its configuration, which it reads when it starts; how it began stays noted.

        But not that it may begin a cluster: where it has data, it has begun.
        """
        present = parse(self.read(ENVIRONMENT))
        began = {name: present[name] for name in HOW_IT_BEGAN if name in present}
        if STATE in began and self.has_data:
            began[STATE] = EXISTING
        self.write(ENVIRONMENT, File(render({**began, **self._started_with(variables)})))

    def files(self) -> ServiceFiles:
        """Its files, for `put_back`."""
        return ServiceFiles(self.read(UNIT_FILE), self.read(ENVIRONMENT))

    def put_back(self, files: ServiceFiles) -> None:
        """Starts it again as it was; whether it comes up is for the caller to see."""
        self.write(UNIT_FILE, File(files.unit))
        self.write(ENVIRONMENT, File(files.environment))
        self.systemctl("daemon-reload")
        self.systemctl("restart", "--no-block", UNIT)

    def forget(self) -> None:
        """Removes its data."""
        shutil.rmtree(self.data, ignore_errors=True)

    def _install(self) -> None:
        written = self.write(UNIT_FILE, File(unit(self.version)))
        self.debians_drop_in.unlink(missing_ok=True)
        # systemd may have refused to read it the last time, as it does without room on /run.
        if written or self._ask_systemd("NeedDaemonReload") == "yes":
            self.systemctl("daemon-reload")

    def _ask_systemd(self, property: str) -> str:
        return self.systemctl("show", f"--property={property}", "--value", UNIT).strip()

    def _started_with(self, variables: Mapping[str, str]) -> dict[str, str]:
        authorities = {name: self.read(path) for name, path in trusted(variables).items()}
        return started_with(variables, self.version, unit(self.version), authorities)

    def _running_with(self) -> dict[str, str]:
        """Its process's environment; empty if there is none."""
        process = self._ask_systemd("MainPID")
        lines = self.read(f"/proc/{process}/environ").split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)


@dataclass(frozen=True)
class MemberRestart:
    """A restart of this machine's member with what is wanted.

    The step of the next member waits for this one's: so there is one of them at a time.
    """

    name: str
    address: str
    members: Sequence[str]
    """Addresses of all machines that are to keep etcd's data."""
    service: EtcdService
    etcdctl: Etcdctl
    quorum: Quorum

    def carry_out(self, variables: Mapping[str, str], why: str) -> None:
        """Restarts it, and waits until it answers.

        Raises:
            RefusedError: etcd needs it now, or its data are larger than they may be.
            StepError: it does not come back.
        """
        self._check_room(int(variables[QUOTA]))
        self.quorum.may_restart(self.address, self.members)
        say(f"etcd on {self.name} is restarted: {why}")
        before = self.service.files()
        try:
            self.service.restart(variables)
            self.etcdctl.wait_for(self.name, self.address)
        except StepError as error:
            done = self._go_back(before)
            raise StepError(f"{done} It did not come back with {why}\n{error}") from error

    def _check_room(self, quota: int) -> None:
        """Asks all that answer: at its limit, etcd takes no more writes."""
        size = self.etcdctl.size(self.etcdctl.reachable(self.members))
        if size >= quota:
            raise RefusedError(too_large(size, quota))

    def _go_back(self, before: ServiceFiles) -> str:
        """Starts it as it was, if that was the same version: what was done."""
        rest = "members after it were not touched."
        if before.version != self.service.version:
            return f"{rest.capitalize()} Mend what the journal says, then pulumi up."
        self.service.put_back(before)
        answers = until(lambda: self.etcdctl.healthy(self.address), SETTLING)
        state = "answers" if answers else "does not answer either"
        return (
            f"etcd on {self.name} was started again as it was before, and {state}; {rest} Change "
            "the setting, then pulumi up."
        )


def too_large(size: int, quota: int) -> str:
    """Message when etcd's data would be at their limit at once."""
    return (
        f"etcd's data take {size} bytes, so that {quota} are too few. Nothing was changed. Choose "
        "more, or make the data smaller first: docs/operations.md, when there is no room"
    )


def unit(version: str) -> str:
    """The text of etcd.service."""
    template = Path(__file__).with_name("services").joinpath(UNIT)
    return template.read_text().replace("VERSION", version)


def common_digest(version: str, authorities: Sequence[str]) -> str:
    """Of what all of etcd's members are started with, beside the program's settings."""
    return digest(unit(version), render(etcd_environment("", "", {})), *authorities)


def retire(
    systemctl: Callable[..., str] = systemctl, pki: Path = Path(ETCD_PKI), data: Path = DATA
) -> None:
    """On a machine that is no member, or not any more: no etcd, none of its data and keys."""
    if not pki.exists():
        return
    # One that was to become a member, and never did, has no such unit.
    if systemctl("show", "--property=LoadState", "--value", UNIT).strip() != "not-found":
        systemctl("disable", "--now", UNIT)
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(pki)  # Last: as long as it is there, what was broken off is done again.
