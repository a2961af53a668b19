"""The answer to systemd, which asks for a credential of a unit that it starts.

systemd runs this once for each question, with the connection as standard input, whether fleetd runs
or not. Who asks is told by the other end's address (systemd.exec(5), LoadCredential=).
"""

import contextlib
import re
import socket
import struct
import sys
from dataclasses import dataclass

from ..model.secrets import is_secret_name
from .age import Age, Sealer, SealError
from .folder import CredentialFolder, DiskFolder

_ASKER = re.compile(rb"\0[0-9a-f]+/unit/(?P<unit>[^/]+)/(?P<name>[^/]+)")
REFUSAL = b"\0" * (1024 * 1024 + 1)
"""More than systemd takes: so the start fails. After an empty answer, the unit would start."""


class RefusedError(Exception):
    """Who asks gets nothing; the message says why, and what to do."""


@dataclass(frozen=True)
class Credentials:
    """Credentials of this machine's units."""

    folder: CredentialFolder
    sealer: Sealer

    def of(self, address: bytes, user: int) -> bytes:
        """The value of the credential that is asked for.

        Args:
            address: of the other end of the connection.
            user: whose process that is.

        Raises:
            RefusedError: it gets none.
        """
        asker = _ASKER.fullmatch(address)
        if user != 0 or asker is None:
            raise RefusedError("this socket answers the machine's systemd, and nobody else")
        unit, name = asker["unit"].decode(), asker["name"].decode()
        sealed = self._sealed(unit, name)
        if sealed is None:
            raise RefusedError(
                f"{unit} gets no {name}: it is no unit of fleet's on this machine whose file, as "
                f"it is in the cluster, has LoadCredential={name}:/run/fleet/credentials"
            )
        try:
            return self.sealer.open(sealed)
        except SealError as error:
            raise RefusedError(f"{unit} gets no {name}: it cannot be opened: {error}") from error

    def _sealed(self, unit: str, name: str) -> str | None:
        is_file_name = unit not in (".", "..") and is_secret_name(name)
        return self.folder.read(unit, name) if is_file_name else None


def answer(connection: socket.socket, credentials: Credentials) -> str:
    """Answer one question. Why it was refused; empty when it was not."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", raw)
    address = connection.getpeername()
    address = address if isinstance(address, bytes) else address.encode()
    try:
        value = credentials.of(address, user)
    except RefusedError as error:
        _send(connection, REFUSAL)
        return str(error)
    except Exception as error:  # Whatever it is: an end without an answer is an empty secret.
        _send(connection, REFUSAL)
        return f"{address[1:].decode(errors='replace')} gets none, by a fault of fleet's: {error!r}"
    _send(connection, value)
    return ""


def _send(connection: socket.socket, value: bytes) -> None:
    # Otherwise systemd has read enough, or does not start the unit any more.
    with contextlib.suppress(OSError):
        connection.sendall(value)


def main() -> None:
    """Answer what standard input is connected to."""
    with socket.socket(fileno=0) as connection:
        if refused := answer(connection, Credentials(DiskFolder(), Age())):
            sys.exit(refused)


if __name__ == "__main__":
    main()
