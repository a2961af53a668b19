"""The unit directory: files that fleet gives systemd, and what lies beside them there."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..unitfiles.names import UnitFileError, is_template
from ..unitfiles.quadlets.names import DIRECTORY, is_quadlet, service_of
from ..unitfiles.unitfile import parse
from .dependencies import Dependency, DependencyLinks, dependencies_of
from .fence import FencedUnits
from .quadlet_generator import GENERATOR, complaints

log = logging.getLogger(__name__)

DRAFT = ".draft"
"""What a file is called while it is written: short, so that every unit's name fits."""

REFERRER = "fleet.target"
"""systemd forgets a unit that has ended well, unless a loaded unit names it: this one does."""


class UnitDirectory:
    """A unit directory of systemd's, in which fleet's files lie among others."""

    def __init__(
        self,
        directory: Path,
        own: Path,
        fenced: Path,
        quadlets: Path = Path(DIRECTORY),
        generator: Path = GENERATOR,
    ) -> None:
        """Change nothing yet.

        Args:
            directory: where systemd looks for unit files.
            own: where fleet keeps a second link to each that it wrote; on the same file system.
            fenced: see `FencedUnits`.
            quadlets: where Podman's generator looks for quadlets; on the same file system.
            generator: that program.
        """
        self._unit_directory = directory
        self._quadlets = quadlets
        self._generator = generator
        self._own = own
        self.fenced = FencedUnits(fenced)
        self._dependencies: dict[str, set[Dependency]] = {}
        """By unit, what its file says."""
        self._links = DependencyLinks(directory)
        self._linked: set[Dependency] | None = None
        self._link_error = ""
        """Why they are not written, as it was logged."""

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """Write unit files (name to text): each complete wherever it is seen, and fenced before.

        Returns why, for each that could not be written, or that Podman cannot use; the others are.
        """
        refused = _refusals(lambda name: self._write(name, files[name]), files)
        quadlets = [name for name in files if is_quadlet(name) and name not in refused]
        return refused | complaints(quadlets, self._generator)

    def remove(self, names: Iterable[str]) -> dict[str, str]:
        """Remove unit files; a missing one is no error. Returns as `write` does."""
        return _refusals(self._remove, names)

    def link_dependencies(self, names: Iterable[str]) -> bool:
        """See `Systemd.link_dependencies`.

        A fenced unit is left out: nothing may start it past its fence.
        """
        try:
            fenced = set(self.fenced.names())
            ours = [name for name in names if name not in fenced]
            wanted = {one for name in ours for one in self._dependencies_of(name)}
            if wanted == self._linked:
                return False
            known, self._linked = self._linked, None
            is_changed = self._links.write(wanted)
        except OSError as error:
            if str(error) != self._link_error:
                log.error("what starts with other units cannot be written: %s", error)
            self._link_error = str(error)
            return False
        self._linked, self._link_error = wanted, ""
        # A fleetd without a past does not know whether systemd has read the links.
        return is_changed or wanted != (known or set())

    def bound(self, name: str) -> set[str]:
        """See `Systemd.bound`; through others too."""
        found, ahead = {service_of(name)}, [service_of(name)]
        while ahead:
            other = ahead.pop()
            more = {unit for one, unit in self._linked or () if one == other} - found
            found |= more
            ahead += more
        units = {service_of(own): own for own in self._own_names()}
        return {units.get(service, service) for service in found - {service_of(name)}}

    def shas(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """See `Systemd.files`."""
        found = {name: self._sha(name) for name in (self._own_names() if names is None else names)}
        return {name: sha for name, sha in found.items() if sha}

    def refer(self) -> None:
        """Have a unit name all others, by which systemd remembers how each has ended."""
        try:
            self._unit_directory.mkdir(parents=True, exist_ok=True)
            self._replace(self._unit_directory / REFERRER, _referrer(sorted(self._own_names())))
        except OSError as error:  # The one that is there will do: it names what was there before.
            log.error("%s cannot be written: %s", REFERRER, error)

    def _dependencies_of(self, name: str) -> set[Dependency]:
        if name not in self._dependencies:
            own = self._own / name
            text = own.read_text(errors="replace") if self._is_own(name) else ""
            self._dependencies[name] = dependencies_of(name, text)
        return self._dependencies[name]

    def _write(self, name: str, text: str) -> None:
        if not _is_fenced(name, text):
            self.fenced.forget([name])
        elif name not in self.fenced.names():
            self.fenced.note([name])
        self._own.mkdir(parents=True, exist_ok=True)
        directory = self._directory_of(name)
        directory.mkdir(parents=True, exist_ok=True)
        self._replace(self._own / name, text)
        link = directory / DRAFT
        link.unlink(missing_ok=True)
        link.hardlink_to(self._own / name)
        link.replace(directory / name)
        self._dependencies[name] = dependencies_of(name, text)

    def _replace(self, path: Path, text: str) -> None:
        draft = path.with_name(DRAFT)
        try:
            draft.write_text(text)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)  # It may hold the last free space.
            raise

    def _remove(self, name: str) -> None:
        self._dependencies.pop(name, None)
        if self._is_own(name):
            (self._directory_of(name) / name).unlink()
        (self._own / name).unlink(missing_ok=True)
        self.fenced.forget([name])

    def _sha(self, name: str) -> str:
        """Of a file as it is, whatever someone has made of it; empty if it is not fleet's own."""
        try:
            path = self._own / name
            return hashlib.sha256(path.read_bytes()).hexdigest() if self._is_own(name) else ""
        except OSError as error:
            log.error("the file of %s cannot be read: %s", name, error)
            return ""

    def _own_names(self) -> list[str]:
        paths = self._own.iterdir() if self._own.is_dir() else ()
        return [path.name for path in paths if self._is_own(path.name)]

    def _directory_of(self, name: str) -> Path:
        return self._quadlets if is_quadlet(name) else self._unit_directory

    def _is_own(self, name: str) -> bool:
        own, theirs = self._own / name, self._directory_of(name) / name
        return own.is_file() and theirs.is_file() and own.samefile(theirs)


def _refusals(work: Callable[[str], None], names: Iterable[str]) -> dict[str, str]:
    """Do it for each: the reasons of those for which it cannot be done."""
    refused: dict[str, str] = {}
    for name in names:
        try:
            work(name)
        except OSError as error:
            refused[name] = error.strerror or str(error)
    return refused


def _referrer(names: Iterable[str]) -> str:
    """A unit that only names others; the order has no effect, nobody waits for it."""
    order = "".join(f"After={service_of(name)}\n" for name in names if not is_template(name))
    return f"[Unit]\nDescription=The units that fleet has on this machine\n{order}"


def _is_fenced(name: str, text: str) -> bool:
    try:
        return parse(name, text).requirements.is_fenced
    except UnitFileError:
        return False  # Of another version of fleet: it would not be scheduled by this one.
