"""Certificates of this machine: until when they are valid, and from when on that is told."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DAY = 86400.0
WARN_DAYS = 30
"""How long before its end a certificate is told of; one with a short life for a twelfth of it."""
_END = "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17


@dataclass(frozen=True)
class Certificate:
    """A certificate's name (on a machine, its path) and validity: seconds since 1970."""

    name: str
    begin: float
    end: float

    def warning(self, now: float) -> str:
        """What is to be told of it; empty as long as there is nothing."""
        if now < self.end - min(WARN_DAYS * DAY, (self.end - self.begin) / 12):
            return ""
        date = datetime.fromtimestamp(self.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
        ends = f"has ended on {date}" if self.has_ended(now) else f"ends on {date}"
        return f"the certificate {self.name} {ends}; renew it: pulumi up"

    def has_ended(self, now: float) -> bool:
        """Whether nobody takes it any more."""
        return now >= self.end


class CertificateFiles:
    """The certificates in folders, `NAME.crt` each beside `NAME.key`; read again if they change."""

    def __init__(self, folders: Sequence[Path], clock: Callable[[], float] = time.time) -> None:
        """Reads them. `clock`: seconds since 1970."""
        self.certificates: Sequence[Certificate] = ()
        self._folders = folders
        self._clock = clock
        self._unreadable: list[str] = []
        self._stamps: Mapping[Path, object] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Reads them if a file has changed: whether one has."""
        files = [file for folder in self._folders for file in sorted(folder.glob("*.*"))]
        stamps = {file: _stamp(file) for file in files if file.suffix in (".crt", ".key")}
        if stamps == self._stamps:
            return False
        unreadable: list[str] = []
        self.certificates = list(
            _read([file for file in stamps if file.suffix == ".crt"], unreadable)
        )
        self._unreadable, self._stamps = unreadable, stamps
        return True

    @property
    def ending(self) -> float:
        """When the first ends of those that are to be told of; 0 if there is none."""
        now = self._clock()
        return min((one.end for one in self.certificates if one.warning(now)), default=0.0)

    def warnings(self) -> list[str]:
        """What is to be told of those that are valid."""
        now = self._clock()
        told = [one.warning(now) for one in self.certificates if not one.has_ended(now)]
        return [one for one in told if one]

    def faults(self) -> list[str]:
        """What does not work any more."""
        now = self._clock()
        ended = [one.warning(now) for one in self.certificates if one.has_ended(now)]
        return [*self._unreadable, *ended]


def _stamp(file: Path) -> object:
    """What is another when the file is."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def _read(files: Sequence[Path], unreadable: list[str]) -> Iterator[Certificate]:
    for file in files:
        try:
            yield Certificate(str(file), *validity(file.read_text()))
        except (OSError, ValueError, IndexError) as error:
            unreadable.append(f"{file} is not a certificate in PEM form: {error}")


def validity(pem: str) -> tuple[float, float]:
    """When the first certificate of a PEM text begins and ends: seconds since 1970.

    Raises:
        ValueError, IndexError: there is none.
    """
    der = ssl.PEM_cert_to_DER_cert(pem.partition(_END)[0] + _END)
    signed, _ = _content(der, _content(der, 0)[0])
    if der[signed] == _VERSION:
        signed = _content(der, signed)[1]
    for _ in ("serial number", "algorithm", "issuer"):
        signed = _content(der, signed)[1]
    begin, _ = _content(der, signed)
    _, end = _content(der, begin)
    return _time(der, begin), _time(der, end)


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the value at a place begins and ends (X.690)."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        bytes_of_length = length & 0x7F
        length = int.from_bytes(der[begin : begin + bytes_of_length], "big")
        begin += bytes_of_length
    return begin, begin + length


def _time(der: bytes, at: int) -> float:
    begin, end = _content(der, at)
    form = "%y%m%d%H%M%SZ" if der[at] == _UTC_TIME else "%Y%m%d%H%M%SZ"
    read = datetime.strptime(der[begin:end].decode("ascii"), form)
    return read.replace(tzinfo=UTC).timestamp()
