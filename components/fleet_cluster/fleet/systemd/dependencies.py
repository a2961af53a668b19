"""Dependencies of units that run with others: systemd starts them with what it stops them with.

systemd stops a unit that is bound to another one when that stops or crashes, and leaves it down
when that is back. A link in `other.service.wants/` makes it start them together.

Of a service, the link leads to a target in between. While a service waits to be restarted, systemd
starts what it wants by itself, except for what is ordered before it; and on systemd 257, unlike
252, the start of what is bound to the service ends its RestartSec= at once. So the target is
ordered before it. And it is never active: systemd only follows the links of what is to be started.
"""

from collections.abc import Iterable
from pathlib import Path

from ..unitfiles.dependencies import STOPPING, dependencies
from ..unitfiles.names import UnitFileError, check_name
from ..unitfiles.quadlets.names import service_of
from ..unitfiles.text import sha_of
from ..unitfiles.unitfile import parse

Dependency = tuple[str, str]
"""A dependency: a unit, and one that is bound to it, both as systemd knows them."""

TARGET_PREFIX = "fleet-with-"
"""What the names of these targets begin with."""


def dependencies_of(name: str, text: str) -> set[Dependency]:
    """The dependencies of a unit on those that it is bound to, as far as its file names them.

    None of one that is done when its command has ended: it would do its work again.
    """
    try:
        if parse(name, text).requirements.runs_once:
            return set()
        bound_to = dependencies(name, text, STOPPING)
        return {(one, service_of(name)) for one in bound_to if _is_name(one)}
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

    def write(self, dependencies: Iterable[Dependency]) -> bool:
        """Have those of these dependencies, and no others. Returns whether others were there."""
        found, wanted = self._read(), _files(dependencies)
        for path, _ in found.items() - wanted.items():
            self._remove(self._directory / path)
        for path, content in wanted.items() - found.items():
            self._add(self._directory / path, content)
        return found != wanted

    def _read(self) -> dict[str, str]:
        links = [
            link
            for link in self._directory.glob("*.wants/*")
            if link.is_symlink() and str(link.readlink()) == _neighbour(link.name)
        ]
        found = {f"{link.parent.name}/{link.name}": _neighbour(link.name) for link in links}
        targets = self._directory.glob(f"{TARGET_PREFIX}*.target")
        return found | {path.name: path.read_text(errors="replace") for path in targets}

    def _add(self, path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if content == _neighbour(path.name):
            path.symlink_to(content)
        else:
            path.write_text(content)

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        if path.parent != self._directory and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _files(dependencies: Iterable[Dependency]) -> dict[str, str]:
    """Files by path in a unit directory: where a link leads to, or the text of a target."""
    bound: dict[str, list[str]] = {}
    for other, name in sorted(dependencies):
        bound.setdefault(other, []).append(name)
    files: dict[str, str] = {}
    for other, names in bound.items():
        linked = names
        # Nothing else is restarted; and a mount may come without a start job that starts more.
        if other.endswith(".service"):
            target = f"{TARGET_PREFIX}{sha_of(other)[:16]}.target"  # Short, whatever the name.
            files[target] = _target(other, names)
            linked = [target]
        files |= {f"{other}.wants/{name}": _neighbour(name) for name in linked}
    return files


def _neighbour(name: str) -> str:
    return f"../{name}"


def _target(other: str, names: Iterable[str]) -> str:
    wants = "".join(f"Wants={name}\n" for name in names)
    return (
        f"[Unit]\nDescription=What fleet starts with {other}\n"
        f"DefaultDependencies=no\nBefore={other}\nConditionPathExists=!/\n{wants}"
    )
