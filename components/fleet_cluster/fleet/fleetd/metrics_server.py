"""The metrics server: `/metrics` and `/healthz` over HTTP; two answers need no library."""

import logging
import socket
import threading
import time

from .metrics import Metrics, render

log = logging.getLogger(__name__)

REQUEST_SECONDS = 2.0
"""How long a client has to ask, and to take the answer."""
RETRY_SECONDS = 10.0
"""The pause before an address that was in use is tried again."""
MAX_REQUEST = 4096


def respond(request: bytes, metrics: Metrics) -> bytes:
    """The answer to a request's first line. Pure but for the metrics' clock."""
    method, _, rest = request.partition(b" ")
    path = rest.split(b" ")[0].split(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _answer("405 Method Not Allowed", "only GET\n")
    if path == b"/metrics":
        return _answer("200 OK", render(metrics))
    if path == b"/healthz":
        faults = metrics.faults()
        text = "\n".join([*(faults or ["ok"]), *metrics.warnings()]) + "\n"
        return _answer("503 Service Unavailable" if faults else "200 OK", text)
    return _answer("404 Not Found", "there is /metrics and /healthz\n")


def serve(address: str, metrics: Metrics) -> None:
    """Answer for ever on "address:port": a thread's work."""
    host, _, port = address.rpartition(":")
    with _listening(host.strip("[]"), int(port)) as server:
        while True:
            try:
                client, _ = server.accept()
            except OSError as error:  # The client has gone, or fleetd has too many files open.
                log.error("a client of the metrics server could not be taken: %s", error)
                time.sleep(RETRY_SECONDS)
                continue
            # One at a time: a slow client only keeps other readers of metrics waiting.
            with client:
                _attend(client, metrics)


def start(address: str, metrics: Metrics) -> None:
    """Serve in a thread, unless the address is empty."""
    if address:
        threading.Thread(target=serve, args=(address, metrics), name="metrics", daemon=True).start()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    complained = False
    while True:
        try:
            return socket.create_server((host, port), family=family)
        except (OSError, OverflowError) as error:
            if not complained:
                log.error("no metrics and health on %s:%d, trying again: %s", host, port, error)
            complained = True
            time.sleep(RETRY_SECONDS)


def _attend(client: socket.socket, metrics: Metrics) -> None:
    client.settimeout(REQUEST_SECONDS)
    try:
        client.sendall(respond(client.recv(MAX_REQUEST), metrics))
    except OSError as error:
        log.debug("a client of the metrics server went away: %s", error)


def _answer(status: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
