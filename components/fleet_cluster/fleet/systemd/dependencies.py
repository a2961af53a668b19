"""Dependencies of units that run with others: systemd starts them with what it stops them with.

systemd stops a unit that is bound to another one when that stops or crashes, and leaves it down
when that is back. A link in `other.service.wants/` makes it start them together.
"""

from collections.abc import Iterable
from pathlib import Path

from ..unitfiles.dependencies import STOPPING, dependencies
from ..unitfiles.names import UnitFileError, check_name
from ..unitfiles.unitfile import parse

Dependency = tuple[str, str]
"""A dependency: a unit, and one that is bound to it."""


def dependencies_of(name: str, text: str) -> set[Dependency]:
    """The dependencies of a unit on those that it is bound to, as far as its file names them.

    None of one that is done when its command has ended: it would do its work again.
    """
    try:
        if parse(name, text).requirements.runs_once:
            return set()
        return {(one, name) for one in dependencies(name, text, STOPPING) if _is_name(one)}
    except UnitFileError:
        return set()  # Of another version of fleet.


def _is_name(word: str) -> bool:
    try:
        check_name(word)
    except UnitFileError:
        return False
    return True


class DependencyLinks:
    """Links of dependencies in a unit directory; all that lead to a neighbour are fleet's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> set[Dependency]:
        """Those that are there."""
        found = self._directory.glob("*.wants/*") if self._directory.is_dir() else ()
        return {
            (link.parent.name.removesuffix(".wants"), link.name)
            for link in found
            if link.is_symlink() and str(link.readlink()) == f"../{link.name}"
        }

    def add(self, dependencies: Iterable[Dependency]) -> None:
        """Link more."""
        for other, name in dependencies:
            folder = self._directory / f"{other}.wants"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(f"../{name}")

    def remove(self, dependencies: Iterable[Dependency]) -> None:
        """Link less."""
        for other, name in dependencies:
            folder = self._directory / f"{other}.wants"
            (folder / name).unlink(missing_ok=True)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
