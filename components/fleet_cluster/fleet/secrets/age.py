"""age, which seals and opens secrets. No value is a word of its command line."""

import errno
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..model.secrets import is_public_key

KEY = Path("/etc/fleet/age.key")
"""The machine's own private key, made when it is set up; for root alone."""
SECONDS = 10.0
"""age takes a few milliseconds."""
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Errors of a machine that has no room for a process just now."""
_REASON = re.compile(r"^age: error: (.*)$", re.MULTILINE)


class SealError(Exception):
    """A secret cannot be sealed or opened; the message says why, and nothing of the secret."""


class SealerUnavailableError(SealError):
    """What seals could not run, or not to its end: the next time it may."""


class Sealer(Protocol):
    """What seals secrets to public keys, and opens what is sealed to this machine's."""

    def public_key(self) -> str:
        """This machine's public key; empty when it has none.

        Raises:
            SealerUnavailableError: that cannot be told just now.
        """
        ...

    def seal(self, value: bytes, public_keys: Iterable[str]) -> str:
        """Seal a value, so that each of the keys opens it.

        Raises:
            SealError: it cannot be done; `SealerUnavailableError`: not just now.
        """
        ...

    def open(self, sealed: str) -> bytes:
        """What was sealed to this machine's key, among others perhaps.

        Raises:
            SealError: it was not, or there is no key; `SealerUnavailableError`: not just now.
        """
        ...


@dataclass(frozen=True)
class Age:
    """A `Sealer` by Debian's age."""

    key: Path = KEY

    def public_key(self) -> str:
        """See `Sealer.public_key`."""
        try:
            found = _run(["age-keygen", "-y", str(self.key)], b"").decode().strip()
        except SealerUnavailableError:
            raise
        except SealError:
            return ""
        return found if is_public_key(found) else ""

    def seal(self, value: bytes, public_keys: Iterable[str]) -> str:
        """See `Sealer.seal`."""
        keys = sorted(set(public_keys))
        if not keys or not all(map(is_public_key, keys)):
            raise SealError("there is no public key to seal it to")
        words = [word for key in keys for word in ("-r", key)]
        return _run(["age", "--armor", *words], value).decode()

    def open(self, sealed: str) -> bytes:
        """See `Sealer.open`."""
        return _run(["age", "--decrypt", "-i", str(self.key)], sealed.encode())


@dataclass(frozen=True)
class NoSealer:
    """A `Sealer` of a machine that has no key."""

    def public_key(self) -> str:
        """See `Sealer.public_key`."""
        return ""

    def seal(self, value: bytes, public_keys: Iterable[str]) -> str:
        """See `Sealer.seal`."""
        raise SealError("this machine has no key")

    def open(self, sealed: str) -> bytes:
        """See `Sealer.open`."""
        raise SealError("this machine has no key")


def _run(command: list[str], given: bytes) -> bytes:
    done = _done(command, given)
    if done.returncode < 0:
        raise SealerUnavailableError(f"{command[0]} was killed by signal {-done.returncode}")
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        reason = _REASON.search(said)
        raise SealError(reason[1] if reason else f"{command[0]} fails: {said.strip()[:200]}")
    return done.stdout


def _done(command: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=given, capture_output=True, timeout=SECONDS)
    except FileNotFoundError as error:
        raise SealError(f"{command[0]} is not installed: apt-get install age") from error
    except subprocess.TimeoutExpired as error:
        raise SealerUnavailableError(f"{command[0]} does not answer: {error}") from error
    except OSError as error:
        kind = SealerUnavailableError if error.errno in _PASSING else SealError
        raise kind(f"{command[0]} cannot be run: {error}") from error
