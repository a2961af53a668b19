"""The checkout's files as a change of pins sees them: changed in memory, written together."""

import re
from pathlib import Path
from tempfile import NamedTemporaryFile

PINS = "toolchain/pins.env"
REQUIREMENTS = "toolchain/requirements.txt"
LOCK = "toolchain/requirements.lock"
ETCD_RELEASE = "components/fleet_cluster/_etcd_release.py"
COREDNS_RELEASE = "components/fleet_cluster/_releases/coredns.py"
DOCKERFILES = ("images/*/Dockerfile", "components/**/Dockerfile", "tests/**/Dockerfile")
BASE_IMAGE_USERS = (
    PINS,
    "components/fleet_cluster/providers/docker/engine_probe.py",
    "toolchain/plugins/README.md",
)


class Checkout:
    """The files of a checkout, by their paths in it."""

    def __init__(self, root: Path, changed: dict[str, str] | None = None) -> None:
        """Nothing is read yet."""
        self._root = root
        self._changed = dict(changed or {})

    def copy(self) -> "Checkout":
        """One that goes its own way from here."""
        return Checkout(self._root, self._changed)

    @property
    def changed(self) -> list[str]:
        """The files that are another than on the disk."""
        return sorted(path for path, text in self._changed.items() if text != self._disk(path))

    def read(self, path: str) -> str:
        """A file's text, as it has been changed."""
        return self._changed[path] if path in self._changed else self._disk(path)

    def put(self, path: str, text: str) -> None:
        """Change a whole file."""
        self._changed[path] = text

    def substitute(self, path: str, pattern: str, new: str) -> None:
        """Change what a pattern matches, one place in a file.

        Raises:
            ValueError: it is not one place. The file has another form than this program knows.
        """
        found = re.findall(pattern, self.read(path), re.MULTILINE | re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"{path}: {pattern!r} is there {len(found)} times, not once")
        text = re.sub(pattern, lambda _: new, self.read(path), flags=re.MULTILINE | re.DOTALL)
        self.put(path, text)

    def replace(self, paths: list[str], old: str, new: str) -> None:
        """Change a text wherever it is in some files."""
        for path in paths:
            if old in self.read(path):
                self.put(path, self.read(path).replace(old, new))

    def pin(self, name: str) -> str:
        """What toolchain/pins.env says of a name.

        Raises:
            KeyError: nothing.
        """
        found = re.findall(rf"^{name}=(.*)$", self.read(PINS), re.MULTILINE)
        if not found:
            raise KeyError(f"{PINS}: there is no {name}")
        return found[0]

    def set_pin(self, name: str, value: str) -> None:
        """Change what toolchain/pins.env says of a name."""
        self.substitute(PINS, rf"^{name}=[^\n]*$", f"{name}={value}")

    def dockerfiles(self) -> list[str]:
        """All of them."""
        found = {path for pattern in DOCKERFILES for path in self._root.glob(pattern)}
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def write(self) -> None:
        """Write what was changed, each file at once."""
        for path in self.changed:
            file = self._root / path
            with NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
                new.write(self._changed[path])
            Path(new.name).chmod(file.stat().st_mode)
            Path(new.name).replace(file)

    def _disk(self, path: str) -> str:
        return (self._root / path).read_text(encoding="utf-8")
