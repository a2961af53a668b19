"""A Docker engine that allows privileged containers, or refuses them, whatever the real one does.

It stands before the real engine's socket and changes two of its answers; `DOCKER_HOST` leads there.
So the docker command line, the stand-in and the real plugin all meet the same engine.
"""

from __future__ import annotations

import json
import os
import re
import socket
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from tempfile import TemporaryDirectory
from typing import Any

from fleet_cluster.providers.docker.machine import CAPABILITIES

HOST = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
CREATE = re.compile(r"POST (/v[\d.]+)?/containers/create\b")
INSPECT = re.compile(r"GET (/v[\d.]+)?/containers/[^/]+/json\b")
ASKED = "fleet-cluster-contract-asked"
"""The label that keeps which settings a container was to have."""
SAME_WITHOUT_PRIVILEGES = {
    "Privileged": False,
    "CapAdd": list(CAPABILITIES),
    "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
    "MaskedPaths": list[str](),
    "ReadonlyPaths": list[str](),
}
"""What a machine needs of an engine that has no privileged containers."""


@contextmanager
def engine(*, privileged: bool) -> Generator[str]:
    """Plays such an engine: the value for DOCKER_HOST."""

    class Connection(_Connection):
        allowed = privileged

    with (
        # A socket's path is short: the folders of tests are not.
        TemporaryDirectory(prefix="engine-") as folder,
        socketserver.ThreadingUnixStreamServer(f"{folder}/docker.sock", Connection) as server,
    ):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{folder}/docker.sock"
        server.shutdown()


class _Connection(socketserver.StreamRequestHandler):
    """One request: with "Connection: close", no second one comes on the same connection."""

    allowed: bool

    def handle(self) -> None:
        line, headers = self._head()
        if CREATE.match(line):
            self._create(line, headers)
        elif INSPECT.match(line):
            self._answer(*_ask(line, headers, b""), _as_asked)
        elif line:
            self._pass_on(line, headers)

    def _head(self) -> tuple[str, dict[str, str]]:
        line = self.rfile.readline().decode().strip()
        headers: dict[str, str] = {}
        while text := self.rfile.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        if "upgrade" not in headers:
            headers["connection"] = "close"
        return line, headers

    def _create(self, line: str, headers: dict[str, str]) -> None:
        body: Any = json.loads(self.rfile.read(int(headers["content-length"])))
        if body["HostConfig"].get("Privileged"):
            if not self.allowed:
                refusal = {"message": "this engine has no privileged containers"}
                self._answer(403, json.dumps(refusal).encode())
                return
            body = _without_privileges(body)
        self._answer(*_ask(line, headers, json.dumps(body).encode()))

    def _answer(self, status: int, body: bytes, change: Any = None) -> None:
        if change and status == 200:
            body = json.dumps(change(json.loads(body))).encode()
        head = (
            f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)

    def _pass_on(self, line: str, headers: dict[str, str]) -> None:
        lines = [line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        with _connected() as upstream:
            upstream.sendall("\r\n".join(lines).encode())
            threading.Thread(target=_copy, args=(self.rfile, upstream), daemon=True).start()
            # Either side may end the conversation first.
            with suppress(ConnectionError):
                while data := upstream.recv(65536):
                    self.wfile.write(data)


def _copy(source: Any, to: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := source.read1(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


def _connected() -> socket.socket:
    """A connection to the real engine."""
    assert HOST.startswith("unix://"), f"DOCKER_HOST is {HOST}: these tests need a unix:// one"
    made = socket.socket(socket.AF_UNIX)
    made.connect(HOST.removeprefix("unix://"))
    return made


class _Engine(HTTPConnection):
    def connect(self) -> None:
        self.sock = _connected()


def _ask(line: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    method, path, _ = line.split(" ")
    connection = _Engine("docker")
    kept = {name: value for name, value in headers.items() if name == "content-type"}
    connection.request(method, path, body or None, kept)
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


def _without_privileges(body: dict[str, Any]) -> dict[str, Any]:
    host: dict[str, Any] = body["HostConfig"]
    asked = {name: host.get(name) for name in SAME_WITHOUT_PRIVILEGES}
    labels: dict[str, str] = body.get("Labels") or {}
    return body | {
        "Labels": labels | {ASKED: json.dumps(asked)},
        "HostConfig": host | SAME_WITHOUT_PRIVILEGES,
    }


def _as_asked(found: dict[str, Any]) -> dict[str, Any]:
    """What a real engine says of a privileged container: its label is added to its options."""
    labels: dict[str, str] = found["Config"]["Labels"] or {}
    asked: dict[str, Any] = json.loads(labels.get(ASKED, "{}"))
    if asked:
        given: list[str] = asked["SecurityOpt"] or []
        found["HostConfig"] |= asked | {"SecurityOpt": [*given, "label=disable"]}
    return found
