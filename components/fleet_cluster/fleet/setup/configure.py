"""The step `configure`: the bundle, certificates and configuration on this machine."""

import compileall
import json
import shutil
import sys
import zipfile
from collections.abc import Set
from pathlib import Path
from typing import Any

from .. import config
from .etcd_release import install
from .files import DOCKER, SSHD_OUTPUTS, File, files
from .inputs import Configuration
from .shell import run, say, systemctl, write
from .trust import with_trusted

FOLDER = Path("/opt/fleet")
SERVICES = (
    "fleetd.service",
    "fleet-fence.service",
    "fleet-fence.path",
    "fleet-prune-images.service",
    "fleet-prune-images.timer",
)


def configure(stdin: str) -> None:
    """The step itself: the bundle unpacked, all files written, what has to notice reloaded."""
    configuration = with_trusted(Configuration[str].from_json(stdin))
    unpack(Path(sys.argv[0]), configuration.bundle)
    install(configuration.etcd, is_member=configuration.member is not None)
    # It owns what is etcd's. Where a package has made the user already, that one stays.
    run("systemd-sysusers", "--inline", "u etcd - etcd /var/lib/etcd")
    machine_id = Path("/etc/machine-id").read_text().strip()
    before = config.PATH.read_text() if config.PATH.exists() else ""
    changed = {path for path, file in files(configuration, machine_id).items() if write(path, file)}
    folder = FOLDER / "current/fleet/setup/services"
    texts = {name: (folder / name).read_text() for name in SERVICES}
    new = [write(f"/etc/systemd/system/{name}", File(text)) for name, text in texts.items()]
    if any(new):
        systemctl("daemon-reload")
    for words in notices(changed):
        systemctl(*words)
    say(f"{configuration.name}: {len(changed)} files written, machine id {machine_id[:8]}")
    if before and (differences := fleet_conf_changes(before, config.PATH.read_text())):
        say(f"{configuration.name}: fleetd gets {'; '.join(differences)}")


def notices(changed: Set[str]) -> list[tuple[str, str]]:
    """What systemctl does about changed files, in this order (pure)."""
    found: list[tuple[str, str]] = []
    if DOCKER in changed:
        # A reload does nothing while a service starts, and Docker may have read its file before.
        found += [("start", "docker.service"), ("reload-or-restart", "docker.service")]
    if SSHD_OUTPUTS in changed:
        found.append(("try-reload-or-restart", "ssh.service"))
    return found


def fleet_conf_changes(before: str, after: str) -> list[str]:
    """What differs between two texts of fleet.conf; a damaged one says nothing."""
    old, new = _settings(before), _settings(after)
    return [
        f"{name}: {old.get(name, 'none')}, to be {new.get(name, 'none')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _settings(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def unpack(archive: Path, sha: str) -> None:
    """Unpack the bundle beside older ones, switch to it at once, remove the older ones."""
    folder = FOLDER / sha[:16]
    if not folder.exists():
        staged = FOLDER / f".{sha[:16]}"
        shutil.rmtree(staged, ignore_errors=True)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(staged)
        compileall.compile_dir(staged, quiet=1)
        staged.rename(folder)
    link = FOLDER / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.rename(FOLDER / "current")
    for other in FOLDER.iterdir():
        if other.name not in ("current", folder.name):
            run("rm", "-rf", str(other))
