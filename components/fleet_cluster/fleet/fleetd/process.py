"""The process of fleetd: its start, its threads, signals, and what it tells systemd."""

import faulthandler
import logging
import os
import platform
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from .. import VERSION, config, lease_file
from ..certificates import CertificateFiles
from ..config import Config, ConfigError
from ..disks import file_systems
from ..disks.reserve import Reserve
from ..etcd import health, member_probe
from ..etcd.client import Etcd, connect
from ..etcd.member import Certificates
from ..etcd.member_probe import MemberProbe
from ..etcd_configuration import ETCD_PKI
from ..journal_log import about, log_to_journal
from ..journal_shipping import PKI as JOURNALS_PKI
from ..kv import KV
from ..model.records import MachineState
from ..monitors import Monitors
from ..secrets.age import Age, SealerUnavailableError
from ..secrets.folder import DiskFolder
from ..state_file import DiskFile
from ..systemd import boot
from ..systemd.dbus import DBusSystemd
from ..systemd.manager import Systemd
from . import (
    capacity,
    certificate_monitor,
    disk_monitor,
    docker_monitor,
    etcd_health,
    metrics_server,
)
from .certificate_monitor import CertificateMonitor
from .disk_monitor import DiskMonitor
from .docker_monitor import DockerMonitor
from .environment import Environment
from .etcd_health import EtcdHealthMonitor
from .loop import PAUSE_SECONDS, Fleetd

log = logging.getLogger(__name__)

CHECKPOINT = Path("/run/fleet/agent.json")
MACHINE_ID = Path("/etc/machine-id")

REBOOT = ("systemctl", "reboot")
PRUNE = ("systemctl", "start", "--no-block", "--", "fleet-prune-images.service")
SYSTEMCTL_SECONDS = 10.0
FENCED_SECONDS = 1.0
"""How often a machine that goes down looks whether its fenced units are stopped."""

WATCHDOG_SECONDS = 20.0
"""systemd hears from the loop at least this often (see WatchdogSec in fleetd.service), unless the
thread of the lease hangs: then it starts fleetd again."""


def main() -> None:
    """Start fleetd with the machine's configuration."""
    faulthandler.enable()  # Where systemd ends it, the journal has what each thread did.
    try:
        log_to_journal(_machine_id())
        settings = config.read()
        store = _connect(settings)
        machine = _machine(settings)
        files = CertificateFiles(_folders(settings))
    except (ConfigError, OSError, SealerUnavailableError) as error:
        sys.exit(f"fleetd cannot start: {error}")
    signal.signal(signal.SIGTERM, _exit)
    threading.excepthook = _die
    wake = threading.Event()
    systemd = DBusSystemd()
    probe = MemberProbe(settings.endpoints, lambda: _context(settings), _clock, wake.set)
    fleetd = Fleetd(machine, settings, _environment(store, systemd, wake, files, probe))
    monitors = fleetd.metrics.monitors = Monitors(_clock)
    monitors.start("members", probe.serve, member_probe.SECONDS, probe.wait)
    etcd = EtcdHealthMonitor(settings, store, fleetd.metrics)
    monitors.start("etcd-health", etcd.look, etcd_health.SECONDS)
    disks = DiskMonitor(
        file_systems.look, Reserve().look, _prune_images, fleetd.metrics, wake.set, time.monotonic
    )
    monitors.start("disks", disks.look, disk_monitor.SECONDS)
    docker = DockerMonitor(docker_monitor.runs, docker_monitor.ping, fleetd.metrics, wake.set)
    monitors.start("docker", docker.look, docker_monitor.SECONDS)
    certificates = CertificateMonitor(files, lambda: _renew(store, settings), wake.set)
    monitors.start("certificates", certificates.look, certificate_monitor.SECONDS)
    metrics_server.start(settings.metrics_address, fleetd.metrics)
    run(fleetd, systemd, wake)


def run(fleetd: Fleetd, systemd: Systemd, wake: threading.Event) -> None:
    """Loop until SIGTERM. Units run on, unless the machine itself goes down."""
    threading.Thread(target=fleetd.lease.run, name="lease", daemon=True).start()
    try:
        while True:
            began = time.monotonic()
            _give_sign_of_life(fleetd)  # The pause may have been long.
            seconds = fleetd.step()
            fleetd.lease.beat()
            _give_sign_of_life(fleetd)
            took = time.monotonic() - began
            wake.wait(min(seconds, WATCHDOG_SECONDS))
            # Work at most half of the time, and handle together what happens meanwhile.
            time.sleep(max(0.0, began + max(PAUSE_SECONDS, 2 * took) - time.monotonic()))
            wake.clear()
    finally:
        if systemd.stopping():
            _wait_for_fenced(systemd)
            log.info("the machine goes down: its units may run elsewhere", extra=about("shutdown"))
            fleetd.lease.end()


def _wait_for_fenced(systemd: Systemd) -> None:
    """Keep the lease while a fenced unit is being stopped: the thread that renews it goes on.

    For as long as systemd lets fleetd (TimeoutStopSec=); then the lease ends by itself.
    """
    if up := systemd.fenced_up():
        log.info("the machine goes down, when these have stopped: %s", ", ".join(sorted(up)))
    while up:
        time.sleep(FENCED_SECONDS)
        up = systemd.fenced_up()


def _give_sign_of_life(fleetd: Fleetd) -> None:
    if not fleetd.lease.hangs():
        _notify("WATCHDOG=1\nREADY=1" if fleetd.ready else "WATCHDOG=1")


def _folders(settings: Config) -> list[Path]:
    """Folders with certificates; none where etcd asks for none."""
    others = (Path(ETCD_PKI), Path(JOURNALS_PKI))
    return [settings.cert_file.parent, *others] if settings.cert_file else []


def _renew(store: Etcd, settings: Config) -> None:
    """Have the store go on with the certificates that there are now.

    Raises:
        OSError: a file cannot be read, or the key is of another certificate.
    """
    ca, cert, key = settings.ca_file, settings.cert_file, settings.key_file
    if ca and cert and key:
        health.context(ca, cert, key)
        store.renew(Certificates(ca, cert, key))


def _context(settings: Config) -> ssl.SSLContext | None:
    """Read anew each time: certificates are renewed."""
    ca, cert, key = settings.ca_file, settings.cert_file, settings.key_file
    return health.context(ca, cert, key) if ca and cert and key else None


def _connect(settings: Config) -> Etcd:
    return connect(
        settings.endpoints,
        settings.ca_file,
        settings.cert_file,
        settings.key_file,
        here=settings.public_ip,
    )


def _prune_images() -> None:
    """Have systemd do it, which does not wait.

    Raises:
        OSError: it does not take it.
    """
    _systemctl(PRUNE)


def _systemctl(command: Sequence[str]) -> None:
    """Run systemctl.

    Raises:
        OSError: it does not answer, or refuses.
    """
    try:
        subprocess.run(
            command, check=True, timeout=SYSTEMCTL_SECONDS, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired as error:
        raise OSError("systemctl does not answer") from error
    except subprocess.CalledProcessError as error:
        raise OSError(f"systemctl refuses: {error.stderr.strip()}") from error


def _machine(settings: Config) -> MachineState:
    has = capacity.look()
    return MachineState(
        id=_machine_id(),
        address=settings.public_ip,
        hostname=socket.gethostname(),
        metadata=settings.metadata,
        version=VERSION,
        os=_os(),
        memory=has.memory,
        cpus=has.cpus,
        boot=boot.boot(),
        takes_runs=True,
        public_key=Age().public_key(),
    )


def _os() -> str:
    """The operating system, with its point release where that is told: debian-13.8."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    number = release.get("DEBIAN_VERSION_FULL") or release.get("VERSION_ID", "")
    return f"{release['ID']}-{number}".rstrip("-")


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _environment(
    store: KV,
    systemd: Systemd,
    wake: threading.Event,
    certificates: CertificateFiles,
    probe: MemberProbe,
) -> Environment:
    return Environment(
        store=store,
        systemd=systemd,
        clock=_clock,
        lease_file=DiskFile(lease_file.PATH),
        checkpoint_file=DiskFile(CHECKPOINT),
        wake=wake.set,
        certificates=certificates,
        ask_members=probe.ask,
        sealer=Age(),
        credentials=DiskFolder(),
        reboot=lambda: _systemctl(REBOOT),
        is_reboot_required=boot.is_reboot_required,
    )


def _exit(_signal: int, _frame: FrameType | None) -> None:
    # At any point: whatever was under way is found half done by the next fleetd.
    raise SystemExit(0)


def _die(args: threading.ExceptHookArgs) -> None:
    """A thread that has failed takes fleetd with it: systemd starts it again, whole."""
    sys.excepthook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    sys.stderr.flush()
    os._exit(1)


def _machine_id() -> str:
    id = MACHINE_ID.read_text().strip()
    if not re.fullmatch("[0-9a-f]{32}", id):
        raise ConfigError(f"{MACHINE_ID} has no machine id (32 hexadecimal digits) but {id!r}")
    return id


def _notify(state: str) -> None:
    """Tell systemd (sd_notify); no-op when it did not start us, or when it reads nothing now."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        # Where systemd hangs, its queue is full after a while. The next sign may reach it.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
            channel.sendall(state.encode())
