"""fleet's software as one file: what Pulumi copies to each machine."""

import atexit
import hashlib
import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "fleet"
ENTRY = "from fleet.setup.__main__ import main\n\nmain()\n"
"""The archive's own __main__: `python3 fleet.zip configure` sets the machine up."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Software:
    """An archive that `python3` can run."""

    path: Path
    """Where it is on this computer."""
    sha: str
    """SHA-256 of its content: the same sources give the same one on every computer."""


def pack(source: Path = SOURCE) -> Software:
    """Pack the sources into an archive that is there until this program ends."""
    content = _archive(source)
    sha = hashlib.sha256(content).hexdigest()
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "fleet.zip"
    path.write_bytes(content)
    return Software(path, sha)


def _archive(source: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), ENTRY)
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"fleet/{path.relative_to(source)}"
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    return buffer.getvalue()
