"""The step `configure`: the bundle, certificates and configuration on this machine."""

import compileall
import json
import shutil
import sys
import zipfile
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from .. import config
from .dns import coredns
from .dns import files as dns
from .etcd_release import install
from .files import DOCKER, SSHD_OUTPUTS, File, files
from .fleetd import age_key, packages
from .fleetd.versions import Versions
from .inputs import Configuration
from .journals import services as journals
from .shell import StepError, differs, run, say, systemctl, write
from .trust import TRUSTED, with_trusted

UNSETTLED = Path("/run/fleet-setup.unsettled")
"""Paths of files that were written, and that what reads them may not know of until it starts anew;
after a boot, it has."""


def configure(stdin: str) -> None:
    """The step itself: the bundle unpacked, all files written, what has to notice reloaded."""
    configuration = with_trusted(Configuration[str].from_json(stdin))
    versions = Versions()
    packages.install_libraries()
    unpack(Path(sys.argv[0]), configuration.bundle, versions)
    age_key.make()
    install(configuration.etcd, is_member=configuration.member is not None)
    coredns.install(configuration.coredns)
    # It owns what is etcd's. Where a package has made the user already, that one stays.
    run("systemd-sysusers", "--inline", "u etcd - etcd /var/lib/etcd", f"u {dns.USER} -")
    machine_id = Path("/etc/machine-id").read_text().strip()
    before = config.PATH.read_text() if config.PATH.exists() else ""
    wanted = files(configuration, machine_id, has_resolver=coredns.has_resolver())
    conf = wanted.pop(str(config.PATH))
    write(str(versions.conf(versions.current)), conf)
    changed = write_all(wanted)
    for words in notices(changed, runs_containers()):
        systemctl(*words)
    coredns.start(changed)
    journals.settle(changed, wanted.keys(), str(TRUSTED))
    UNSETTLED.unlink(missing_ok=True)
    coredns.remove_others(configuration.coredns)
    say(f"{configuration.name}: {len(changed)} files written, machine id {machine_id[:8]}")
    if before and (differences := fleet_conf_changes(before, conf.text)):
        say(f"{configuration.name}: fleetd gets {'; '.join(differences)}")


def write_all(wanted: Mapping[str, File]) -> set[str]:
    """Write the files: paths of those that what reads them may not know of.

    Also those of a set-up before this one that was broken off: it had written them already.
    """
    before = UNSETTLED.read_text().splitlines() if UNSETTLED.exists() else []
    changed = {path for path, file in wanted.items() if differs(path, file)} | {*before}
    if changed:
        UNSETTLED.write_text("\n".join(sorted(changed)))
    for path, file in wanted.items():
        write(path, file)
    return changed


def runs_containers() -> bool:
    """Whether Docker is up and has any that run: to these, its restart would be one too."""
    try:
        return bool(run("timeout", "30", "docker", "ps", "--quiet").strip())
    except StepError:
        return False


def notices(changed: Set[str], runs_containers: bool) -> list[tuple[str, str]]:
    """What systemctl does about changed files, in this order (pure).

    What containers ask for names, Docker reads only when it starts: where none run, it does so now.
    """
    found: list[tuple[str, str]] = []
    if DOCKER in changed:
        # A reload does nothing while a service starts, and Docker may have read its file before.
        anew = "reload-or-restart" if runs_containers else "restart"
        found += [("start", "docker.service"), (anew, "docker.service")]
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


def unpack(archive: Path, sha: str, versions: Versions) -> None:
    """Unpack the bundle beside the version that runs, which goes on to run."""
    folder = versions.folder / sha[:16]
    with versions.alone():
        if not folder.exists():
            staged = versions.folder / f".{sha[:16]}"
            shutil.rmtree(staged, ignore_errors=True)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(staged)
            compileall.compile_dir(staged, quiet=1)
            staged.rename(folder)
        versions.bring(folder.name)
