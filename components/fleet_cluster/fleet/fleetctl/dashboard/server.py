"""The server of the page, for browsers of this computer only."""

import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from threading import Thread
from typing import Any, cast

from ..cli.names import misnomer
from .asked import EVENTS, FILES, HEADERS, REQUESTS, Asked, RefusedError, asked
from .feed import Feed
from .load_balancer import LoadBalancer, NothingToldError
from .programs import Programs, TooManyError

ADDRESS = "127.0.0.1"
PATIENCE_SECONDS = 10.0
"""How long a browser has to say what it asks for."""
PACKAGE = f"{__package__}.page"
LOG_LINES = 200
"""So many of the last lines of a log come first."""


class Server(ThreadingHTTPServer):
    """Server of the page: answers who knows its URL."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        feed: Feed,
        programs: Programs,
        load_balancer: LoadBalancer | None = None,
    ) -> None:
        """`port`: 0 for any that is free.

        Raises:
            OSError: it is not.
        """
        super().__init__((ADDRESS, port), _Handler)
        self.feed = feed
        self.programs = programs
        self.load_balancer = load_balancer
        self.token = secrets.token_urlsafe(24)

    def server_bind(self) -> None:
        """Bind, and ask no name server for this computer's name, as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:  # noqa: N802 - so it is called.
        """Answer, or say why not."""
        server = cast(Server, self.server)
        host = self.headers.get("Host", "")
        with suppress(ConnectionError):  # The page is closed.
            try:
                self._answer(asked(self.path, host, server.server_port, server.token), server)
            except RefusedError as error:
                self._send(error.status, "text/plain; charset=utf-8", str(error).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """What is asked for is nobody's business; its path has the token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request, or no GET, without any markup."""
        self._send(HTTPStatus(code), "text/plain", (message or "").encode())

    def version_string(self) -> str:
        return "fleetctl"

    def _answer(self, wanted: Asked, server: Server) -> None:
        if wanted.what == EVENTS:
            self._send_events(server.feed)
        elif wanted.what == REQUESTS:
            self._send_requests(server.load_balancer)
        elif wanted.what in FILES:
            name, kind = FILES[wanted.what]
            content = (files(PACKAGE) / name).read_bytes()
            self._send(HTTPStatus.OK, f"{kind}; charset=utf-8", content)
        else:
            self._run_for(wanted, server)

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self._begin(status, kind)
        self.wfile.write(content)

    def _begin(self, status: HTTPStatus, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_events(self, feed: Feed) -> None:
        self._begin(HTTPStatus.OK, "text/event-stream")
        with feed.page() as page:
            self._when_closed(page.end)
            while message := page.get():
                self.wfile.write(f"data: {message}\n\n".encode())

    def _send_requests(self, load_balancer: LoadBalancer | None) -> None:
        if load_balancer is None:
            self._send(HTTPStatus.NO_CONTENT, "application/json", b"")
            return
        try:
            counted = json.dumps(asdict(load_balancer.totals()))
        except NothingToldError as error:
            raise RefusedError(HTTPStatus.BAD_GATEWAY, str(error)) from error
        self._send(HTTPStatus.OK, "application/json", counted.encode())

    def _run_for(self, wanted: Asked, server: Server) -> None:
        unit, machine = wanted.unit, wanted.machine
        if misnomer(unit) or not server.feed.knows(unit, machine):
            raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no unit {unit!r} there")
        try:
            if wanted.what == "why":
                self._send_why(server.programs, unit)
            else:
                self._send_journal(server.programs, unit, machine)
        except TooManyError as error:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    def _send_why(self, programs: Programs, unit: str) -> None:
        with programs.run(["why", "--output=json", unit]) as process:
            self._when_closed(process.terminate)
            said = process.stdout.read() if process.stdout else ""
        notices, start, answer = said.rpartition('{\n  "unit"')
        if not start:
            raise RefusedError(HTTPStatus.BAD_GATEWAY, notices + answer)
        self._send(HTTPStatus.OK, "application/json", (start + answer).encode())

    def _send_journal(self, programs: Programs, unit: str, machine: str) -> None:
        words = ["journal", "--follow", f"--lines={LOG_LINES}"]
        here = [f"--machine={machine}"] if machine else []
        with programs.run([*words, *here, unit]) as process:
            self._begin(HTTPStatus.OK, "text/plain; charset=utf-8")
            self._when_closed(process.terminate)
            for line in process.stdout or ():
                self.wfile.write(line.encode(errors="replace"))

    def _when_closed(self, then: Callable[[], None]) -> None:
        """Call that when the browser has closed this connection, in a thread of its own."""
        connection = self.connection
        connection.settimeout(None)

        def wait() -> None:
            with suppress(OSError):
                connection.recv(1, socket.MSG_PEEK)
            then()

        Thread(target=wait, daemon=True).start()
