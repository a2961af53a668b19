"""The folder an image is built from: which files count, their hash, and their archive."""

import hashlib
import io
import tarfile
from pathlib import Path

from docker.utils.build import exclude_paths

IGNORE_FILE = ".dockerignore"


def files(context: Path, dockerfile: Path) -> list[str]:
    """Returns the context's relative paths that .dockerignore lets through, sorted."""
    own = context / IGNORE_FILE
    patterns = _patterns(own.read_text()) if own.is_file() else []
    inside = _relative(context, dockerfile)
    return sorted(exclude_paths(str(context), patterns, dockerfile=inside))


def _patterns(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _relative(context: Path, dockerfile: Path) -> str | None:
    resolved, root = dockerfile.resolve(), context.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None


def digest(context: Path, dockerfile: Path) -> str:
    """Returns a hash of names, modes and contents of all files, and of the Dockerfile."""
    result = hashlib.sha256(dockerfile.read_bytes())
    for name in files(context, dockerfile):
        path = context / name
        result.update(f"{len(name)}:{name}:{_mode(path):o}:".encode())
        result.update(_content_hash(path))
    return result.hexdigest()


def _mode(path: Path) -> int:
    """Only the executable bit counts: a clone under another umask is the same context."""
    info = path.lstat()
    return (info.st_mode & 0o170000) | (0o755 if info.st_mode & 0o100 else 0o644)


def _content_hash(path: Path) -> bytes:
    if path.is_symlink():
        return hashlib.sha256(str(path.readlink()).encode()).digest()
    return hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""


def archive(context: Path, dockerfile: Path) -> tuple[bytes, str]:
    """Returns the context as a tar, and the Dockerfile's name in it.

    Owners, times and modes are made equal, so that the engine's cache hits from every checkout.
    """
    inside = _relative(context, dockerfile)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in files(context, dockerfile):
            tar.add(context / name, arcname=name, recursive=False, filter=_normalize)
        if inside is None:
            _add_outside(tar, dockerfile)
    return buffer.getvalue(), inside or OUTSIDE


OUTSIDE = ".dockerfile.outside-of-context"


def _add_outside(tar: tarfile.TarFile, dockerfile: Path) -> None:
    content = dockerfile.read_bytes()
    entry = tarfile.TarInfo(OUTSIDE)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _normalize(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    if entry.isfile() or entry.isdir():
        entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry
