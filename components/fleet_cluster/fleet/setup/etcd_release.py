"""etcd's programs on this machine, each version in a folder of its own."""

import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from .shell import StepError, has_content

FOLDER = Path("/opt/etcd")
ARCHIVE = Path("/home/core/etcd.tar.gz")
"""The official release, as Pulumi has copied it."""
CLIENTS = ("etcdctl", "etcdutl")
SERVER = "etcd"
LINKS = (Path("/usr/local/bin"), Path("/usr/bin"))
"""Where the clients are found; unit files from fleet's days name the latter."""


def install(version: str, is_member: bool) -> None:
    """Unpacks the release beside older versions, and lets its clients be found.

    Raises:
        StepError: the archive is not what it should be.
    """
    folder = FOLDER / version
    unpack(ARCHIVE, version, folder, [*CLIENTS, SERVER] if is_member else CLIENTS)
    for client in CLIENTS:
        own, usual = (place / client for place in LINKS)
        _link(own, folder / client)
        # A package of the distribution has its own there.
        if not usual.exists():
            _link(usual, own)
    if not is_member:
        remove_others(version)


def unpack(archive: Path, version: str, folder: Path, programs: Iterable[str]) -> None:
    """Unpacks those programs of a version that are not in the folder yet.

    Raises:
        StepError: one is not in the archive, or that is none.
    """
    missing = [program for program in programs if not has_content(folder / program)]
    if not missing:
        return
    try:
        with tarfile.open(archive) as packed:
            release = packed.next()
            top = release.name.partition("/")[0] if release else ""
            if not top.startswith(f"etcd-v{version}-linux-"):
                raise KeyError(f"a folder of version {version}")
            for program in missing:
                _write(packed, packed.getmember(f"{top}/{program}"), folder / program)
    except (OSError, tarfile.TarError, KeyError, EOFError) as error:
        raise StepError(
            f"{archive} is no release of etcd {version} with {', '.join(missing)}: {error!r}. "
            "Remove it from the cache of the computer that runs Pulumi, and run pulumi up again"
        ) from error


def remove_others(version: str) -> None:
    """Removes the versions that nothing runs any more."""
    for other in FOLDER.iterdir():
        if other.name != version:
            shutil.rmtree(other)


def _write(packed: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.new")
    content = packed.extractfile(member)
    with staged.open("wb") as stream:
        shutil.copyfileobj(content, stream)  # pyright: ignore[reportArgumentType] # it is a file
    staged.chmod(0o755)
    staged.replace(path)


def _link(link: Path, to: Path) -> None:
    staged = link.with_name(f".{link.name}.new")
    staged.unlink(missing_ok=True)
    staged.symlink_to(to)
    staged.replace(link)
