"""Local credentials: what the units of this machine need, taken from etcd before they start."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..kv import KV
from ..model.keys import credential_key
from ..model.pins import pins_of
from ..model.record import BadRecordError
from ..model.secrets import Delivery
from ..unitfiles.quadlets.names import service_of
from .folder import CredentialFolder


@dataclass(frozen=True)
class LocalCredentials:
    """Credentials of a machine's units: those that their files, as assigned, name."""

    machine: str
    store: KV
    folder: CredentialFolder
    public_key: str = ""
    """The machine's own; empty where it is not known."""

    def take(self, files: Mapping[str, str]) -> dict[str, str]:
        """Take what these units need; why not, by unit: then nothing of that unit was changed.

        Raises:
            KVUnavailableError: etcd does not answer.
        """
        pins = {unit: pins_of(text) for unit, text in files.items()}
        sealed = self._delivered({pair for of in pins.values() for pair in of.items()})
        refused: dict[str, str] = {}
        for unit, needed in pins.items():
            missing = [name for name, version in needed.items() if (name, version) not in sealed]
            if missing:
                refused[unit] = _missing(missing)
                continue
            try:
                own = {name: sealed[name, version] for name, version in needed.items()}
                self.folder.write(service_of(unit), own)
            except OSError as error:
                refused[unit] = f"its secrets cannot be kept on the machine: {error}"
        return refused

    def drop(self, units: Iterable[str]) -> None:
        """Forget what units needed that are gone from here.

        Raises:
            OSError: the folder cannot be changed.
        """
        for unit in units:
            self.folder.remove(service_of(unit))

    def _delivered(self, pins: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        keys = {credential_key(self.machine, *pin): pin for pin in pins}
        found = self.store.get(keys.keys()).entries if keys else {}
        sealed: dict[tuple[str, str], str] = {}
        for key, entry in found.items():
            with suppress(BadRecordError):  # As if it were not there: the leader writes it anew.
                delivery = Delivery.from_json(entry.value)
                if self.public_key in ("", delivery.key):  # The same: the machine was made anew.
                    sealed[keys[key]] = delivery.sealed
        return sealed


def _missing(names: list[str]) -> str:
    what = f"secret{'s'[: len(names) > 1]} {', '.join(names)}"
    return f"waits for {what}, sealed to this machine by fleet's leader; see: fleetctl secret list"
