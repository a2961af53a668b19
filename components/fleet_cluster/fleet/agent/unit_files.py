"""Unit files on this machine: those of the checkpoint, kept as fleet has written them."""

import logging
from collections.abc import Iterable, Mapping

from ..kv import KV
from ..model.keys import file_key
from ..secrets.local import LocalCredentials
from ..systemd.manager import Systemd, UnitStatus, is_at_rest
from ..unitfiles.names import is_template
from ..unitfiles.text import sha_of
from . import socket_templates
from .checkpoint import Checkpoint, LocalUnit, Progress
from .problems import Problems

log = logging.getLogger(__name__)


class UnitFiles:
    """Unit files to write and remove; one that somebody changed is written again."""

    def __init__(
        self,
        store: KV,
        systemd: Systemd,
        checkpoint: Checkpoint,
        problems: Problems,
        credentials: LocalCredentials,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._systemd = systemd
        self._checkpoint = checkpoint
        self._problems = problems
        self._is_checked = False

    def resync(self) -> None:
        """Compare all files again at the next `check`."""
        self._is_checked = False

    def check(self) -> None:
        """Compare the checkpoint with the unit files that are there, and mend both, once."""
        if self._is_checked:
            return
        files = self._systemd.files()
        self._take_unknown(files)
        units = self._checkpoint.units.items()
        written = [name for name, unit in units if unit.progress is not Progress.WRITING]
        self._restore(written, files)
        self._is_checked = True

    def as_written(self, names: list[str]) -> list[str]:
        """Those units that systemd would start by the file that fleet has written.

        Somebody may have changed it since: not even the next reconcile would undo such a start.
        """
        if not names:
            return []
        spoilt = self._restore(names, self._systemd.files(names))
        if self._systemd.unread(names) and (reason := self.reload()):
            log.warning("systemd has not read all files anew: %s", reason)
        return [name for name in names if name not in spoilt]

    def texts(self, shas: Iterable[str]) -> dict[str, str]:
        """The files that the store has of these SHA-256s, as far as they still are those."""
        keys = {file_key(sha): sha for sha in shas}
        entries = self._store.get(keys.keys()).entries if keys else {}
        texts = {keys[key]: entry.value for key, entry in entries.items()}
        for sha in [sha for sha, text in texts.items() if sha_of(text) != sha]:
            log.error("%s cannot be used: its SHA-256 is another one", file_key(sha))
            del texts[sha]
        return texts

    def take_credentials(self, files: Mapping[str, str]) -> dict[str, str]:
        """Take the secrets that units with these files need; why that cannot be, by unit."""
        return self._credentials.take(files)

    def write(self, files: Mapping[str, str]) -> dict[str, str]:
        """Write unit files, with the templates that sockets among them need; why not, by unit."""
        refused = self._systemd.write({**socket_templates.needed(files, self._store), **files})
        return _of_units(files, refused)

    def remove(self, names: Iterable[str], for_good: Iterable[str]) -> dict[str, str]:
        """Remove unit files, with the templates that no socket needs any more; why not, by unit.

        `for_good`: those of them that are not written again.
        """
        gone = set(for_good)
        useless = socket_templates.useless(gone, self._checkpoint.units)
        refused = _of_units(names, self._systemd.remove([*names, *useless]))
        self._credentials.drop(gone - refused.keys())
        return refused

    def reload(self) -> str:
        """Why systemd did not read the files again; empty when it did."""
        reason = self._systemd.reload()
        self._problems.begin_attempt()
        return reason

    def _take_unknown(self, files: Mapping[str, str]) -> None:
        """Take unit files that the checkpoint does not know for orphans."""
        units = {name for name in files if not is_template(name)}
        unknown = sorted(units - self._checkpoint.units.keys())
        if unknown:
            log.warning("found %d units without a record: orphans, left as they are", len(unknown))
            statuses = self._systemd.status(unknown)
            self._checkpoint.note({name: _found(files[name], statuses[name]) for name in unknown})

    def _restore(self, names: Iterable[str], files: Mapping[str, str]) -> set[str]:
        """Write files that someone removed or changed; what runs is left alone.

        `files`: those that are there, as `Systemd.files` tells. Returns the units of which one
        was changed and is not as it should be again.
        """
        shas = {name: self._checkpoint.units[name].sha for name in names}
        changed = {name: sha for name, sha in shas.items() if files.get(name) != sha}
        texts = self.texts(changed.values())
        known = {name: texts[sha] for name, sha in changed.items() if sha in texts}
        refused = dict.fromkeys(changed.keys() - known.keys(), "it is missing in the store")
        refused |= self._write_again(known)
        for name, why in refused.items():
            what = f"its file was changed, and cannot be written again: {why}"
            self._problems.add(name, self._checkpoint.units[name].revision, what)
        self._problems.solve(known.keys() - refused.keys())
        return set(refused)

    def _write_again(self, files: Mapping[str, str]) -> dict[str, str]:
        if not files:
            return {}
        log.warning("writing again what was changed or removed: %s", ", ".join(files))
        refused = self.write(files)
        if files.keys() - refused.keys() and (reason := self.reload()):
            refused |= dict.fromkeys(files, reason)
        return refused


def _of_units(names: Iterable[str], refused: Mapping[str, str]) -> dict[str, str]:
    """Those refusals that are of these units; a template has no state that could tell."""
    for name in refused.keys() - set(names):
        log.error("the template %s is not as it should be: %s", name, refused[name])
    return {name: refused[name] for name in names if name in refused}


def _found(sha: str, status: UnitStatus) -> LocalUnit:
    """A unit whose record was lost: whatever shows that it ran counts as started."""
    ran = not is_at_rest(status) or status.active == "failed" or status.since > 0
    return LocalUnit(sha, Progress.STARTED if ran else Progress.LOADED, status.since)
