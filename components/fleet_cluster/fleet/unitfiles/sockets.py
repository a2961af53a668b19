"""Sockets with `Accept=yes`: systemd makes an instance of a template for each connection."""

from .names import UnitFileError, is_template
from .service import YES
from .syntax import read


def template_of_socket(name: str) -> str:
    """The template whose instances would serve a socket: `echo@.service` for `echo.socket`."""
    return f"{name.partition('.socket')[0].partition('@')[0]}@.service"


def accepted_template(name: str, text: str) -> str | None:
    """The template that has to be on the machine with this unit; None for other units."""
    if not name.endswith(".socket") or is_template(name):
        return None
    try:
        accepts = read(name, text).last("Socket", "Accept").lower() in YES
    except UnitFileError:
        return None  # systemd tells of the rest of the file.
    return template_of_socket(name) if accepts else None
