"""The bundle: fleet's software as one file, which Pulumi copies to each machine."""

import hashlib
import io
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import pulumi

SOURCE = Path(__file__).parent / "fleet"
ENTRY = "from fleet.setup.__main__ import main\n\nmain()\n"
"""The archive's own __main__: `python3 fleet.zip configure` sets the machine up."""
KEEP_SECONDS = 7 * 24 * 3600.0
"""Bundles that no program has asked for in this time are removed: no update takes so long."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """The bundle: an archive that `python3` can run."""

    path: Path
    """Where it is on this computer."""
    sha: str
    """SHA-256 of its content: the same sources give the same one on every computer."""


def pack(source: Path = SOURCE) -> Bundle:
    """Pack the sources into a bundle in the user's cache.

    The engine and its plugins read it when this program has long gone on, and a program that is
    killed tidies nothing up: so there is one file for each content, the same for all programs.

    Raises:
        pulumi.RunError: the cache cannot be written; with the next step.
    """
    content = _archive(source)
    sha = hashlib.sha256(content).hexdigest()
    folder = cache() / "software"
    path = folder / f"{sha}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, content)
        _remove_old(folder)
    except OSError as error:
        raise pulumi.RunError(
            f"fleet's software cannot be put into {folder}: {error}. Next step: name a folder that "
            "can be written in the variable FLEET_CLUSTER_CACHE"
        ) from error
    return Bundle(path, sha)


def cache() -> Path:
    """The folder that the set-up of the tools uses, too."""
    given = os.environ.get("FLEET_CLUSTER_CACHE")
    users = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(given or Path(users, "fleet-cluster")).absolute()


def _write(path: Path, content: bytes) -> None:
    """Each time anew, so that it is neither damaged nor old; others may be reading it."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(content)
    Path(new.name).replace(path)


def _remove_old(folder: Path) -> None:
    """Remove what is for nobody any more, also the pieces of programs that were killed."""
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - KEEP_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # Another program was faster.


def _archive(source: Path) -> bytes:
    buffer = io.BytesIO()
    # Not compressed: what zlib makes of the same text differs from one computer to the next.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), ENTRY)
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"fleet/{path.relative_to(source)}"
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    return buffer.getvalue()
