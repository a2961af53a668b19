"""CoreDNS on this machine: its program, each version in a folder of its own, and its service."""

import shutil
import tarfile
from collections.abc import Callable, Set
from pathlib import Path

from ..shell import StepError, has_content, say, systemctl
from .files import COREFILE, PKI, RESOLVED, UNIT, UNIT_FILE

FOLDER = Path("/opt/coredns")
ARCHIVE = Path("/home/core/coredns.tgz")
"""The release, as Pulumi has copied it."""
PROGRAM = "coredns"
RESOLVER = Path("/usr/lib/systemd/systemd-resolved")
MASK = Path("/etc/systemd/system/systemd-resolved.service")
"""Leads to /dev/null where somebody wants another resolver than that."""
NO_RESOLVER = (
    "names of services are not found on this machine, which has no systemd-resolved, or has it "
    "masked: apt-get install systemd-resolved, systemctl unmask systemd-resolved, then pulumi up"
)
_READ = {COREFILE, UNIT_FILE, *(f"{PKI}/{name}" for name in ("ca.crt", "tls.crt", "tls.key"))}
"""What it reads when it starts."""


def install(version: str, archive: Path = ARCHIVE, folder: Path = FOLDER) -> None:
    """Unpacks the program beside older versions; what runs goes on to run.

    Raises:
        StepError: the archive is not what it should be.
    """
    program = folder / version / PROGRAM
    if has_content(program):
        return
    program.parent.mkdir(parents=True, exist_ok=True)
    staged = program.with_name(f".{PROGRAM}.new")
    try:
        with tarfile.open(archive) as packed, staged.open("wb") as stream:
            content = packed.extractfile(PROGRAM)
            if content is None:
                raise KeyError(PROGRAM)
            shutil.copyfileobj(content, stream)
    except (OSError, tarfile.TarError, KeyError, EOFError) as error:
        raise StepError(
            f"{archive} is no release of CoreDNS {version}: {error!r}. Remove it from the cache of "
            "the computer that runs Pulumi, and run pulumi up again"
        ) from error
    staged.chmod(0o755)
    staged.replace(program)


def start(changed: Set[str], systemctl: Callable[..., str] = systemctl) -> None:
    """Has both services run what was written; `changed`: paths of files that are different now."""
    if UNIT_FILE in changed:
        systemctl("daemon-reload")
    if not has_resolver():
        say(NO_RESOLVER)
        return
    if RESOLVED in changed:
        systemctl("restart", "systemd-resolved.service")
    systemctl("enable", UNIT)
    systemctl("restart" if changed & _READ else "start", UNIT)


def has_resolver() -> bool:
    """Whether the machine has systemd-resolved, and may run it: one from before names has not."""
    is_masked = MASK.is_symlink() and MASK.resolve() == Path("/dev/null")
    return RESOLVER.exists() and not is_masked


def remove_others(version: str, folder: Path = FOLDER) -> None:
    """Removes the versions that nothing runs any more."""
    for other in folder.iterdir():
        if other.name != version:
            shutil.rmtree(other)
