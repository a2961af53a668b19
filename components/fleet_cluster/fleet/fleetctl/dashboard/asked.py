"""What a browser asks for, and what is refused, before anything is done (pure)."""

from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from urllib.parse import parse_qsl

FILES = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "main.js": ("main.js", "text/javascript"),
    "cluster.js": ("cluster.js", "text/javascript"),
    "events.js": ("events.js", "text/javascript"),
    "panel.js": ("panel.js", "text/javascript"),
    "requests.js": ("requests.js", "text/javascript"),
    "dom.js": ("dom.js", "text/javascript"),
}
"""The files of the page, by path: their names here, and their types."""
OF_UNITS = {"why", "journal"}
EVENTS = "events"
REQUESTS = "requests"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: nothing from elsewhere, no text becomes markup, in no frame, kept nowhere."""


@dataclass(frozen=True)
class Asked:
    """A request that may be answered."""

    what: str
    """A key of `FILES`, `EVENTS`, `REQUESTS`, or one of `OF_UNITS`."""
    unit: str = ""
    machine: str = ""


class RefusedError(Exception):
    """A request that is not answered; the message says why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


def asked(target: str, host: str, port: int, token: str) -> Asked:
    """What is asked for.

    Args:
        target: path and query, as the browser sends them.
        host: its `Host`: a page of elsewhere whose name was made to lead here has another.
        port: where this server listens.
        token: the first part of each path: whoever does not know it gets nothing.

    Raises:
        RefusedError: it is nothing of this page.
    """
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "this is another server")
    path, _, given = target.partition("?")
    beginning = f"/{token}/"
    if not compare_digest(path[: len(beginning)].encode(), beginning.encode()):
        raise RefusedError(HTTPStatus.NOT_FOUND, "the address is as it was printed")
    what = path[len(beginning) :]
    if what in FILES or what in (EVENTS, REQUESTS):
        return Asked(what)
    if what not in OF_UNITS:
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
    query = dict(parse_qsl(given))
    return Asked(what, query.get("unit", ""), query.get("machine", ""))
