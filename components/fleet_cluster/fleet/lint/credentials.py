"""Secrets in unit files: what could not be given, or would be something else than it seems."""

from posixpath import normpath

from ..model.pins import SOCKET, credentials
from ..model.secrets import ALLOWED, is_secret_name
from ..unitfiles.quadlets.names import service_of
from ..unitfiles.syntax import Directive, refuse

MOST = 107 - len("@0123456789abcdef/unit//")
"""How long the names of a unit and its secret may be together: systemd asks from an address that
has both, of 107 bytes at most (systemd.exec(5), LoadCredential=)."""
_FOLDER = SOCKET.rpartition("/")[0] + "/"


def check_credentials(name: str, text: str) -> None:
    """Refuse lines that ask fleet for a secret and would get none.

    Raises:
        UnitFileError: names the line, what is wrong, and what to write instead.
    """
    for line, id, path in credentials(name, text):
        if _as_systemd_has(path).startswith(_FOLDER):
            _check(name, line, id, path)


def check_lengths(name: str, text: str) -> None:
    """Refuse secrets with which the unit could not start, for the length of the names.

    Raises:
        UnitFileError: names the line, and how long they may be.
    """
    service = service_of(name)
    for line, id, path in credentials(name, text) if SOCKET in text else ():
        length = len(service) + len(id)
        if path == SOCKET and length > MOST:
            what = (
                f"systemd cannot ask for {id}: the names {service} and {id} have {length} "
                f"characters together, and at most {MOST} are possible. Shorten one"
            )
            raise refuse(name, line.line, what)


def _as_systemd_has(path: str) -> str:
    """Where a path leads to, however it is spelled."""
    plain = normpath("/" + path.replace("%t", "/run").lstrip("/"))
    return plain.removeprefix("/var") if plain.startswith("/var/run/") else plain


def _check(name: str, line: Directive, id: str, path: str) -> None:
    wanted = f"LoadCredential={id}:{SOCKET}"
    if path != SOCKET:
        raise refuse(name, line.line, f"{path} is not where fleet gives secrets; write {wanted}")
    if line.key != "LoadCredential":
        what = f"{line.key}= would decrypt what fleet has opened already; write {wanted}"
        raise refuse(name, line.line, what)
    if not is_secret_name(id):
        what = (
            f"{id[:80]!r} cannot be a secret's name: {ALLOWED}; specifiers such as %i are none: "
            "all instances of a template have the same secrets"
        )
        raise refuse(name, line.line, what)
