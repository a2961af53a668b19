"""moto's load balancer, made real: a port of 127.0.0.1 that sends requests to registered targets.

It does as Amazon's does by its documentation: a new target gets requests when it passed its health
check as often as the target group says, none while it fails it, and none soon after it was
deregistered; requests that are under way then are finished. No request is tried twice. Its clock
runs `SPEED` times as fast, and so must the drain of the program under test.
"""

import http.client
import threading
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, cast

from tests.aws.amazon import HealthCheck

SPEED = 5
"""How often its second is in ours."""
PATIENCE = 60 / SPEED
"""Seconds until it gives up on a target that says nothing."""


class Cloud(Protocol):
    """What it asks of AWS."""

    def targets(self) -> Mapping[str, str]:
        """The registered targets: addresses by instance."""
        ...

    def health_check(self) -> HealthCheck:
        """How they are checked."""
        ...


@dataclass
class Target:
    """A registered target as the health checks see it."""

    healthy: bool = False
    streak: int = 0
    """How many checks in a row had another result than the state says."""

    def checked(self, passed: bool, check: HealthCheck) -> None:
        """Count a result; enough of them change the state."""
        self.streak = self.streak + 1 if passed != self.healthy else 0
        if self.streak >= (check.healthy if passed else check.unhealthy):
            self.healthy, self.streak = passed, 0


class Balancer:
    """Knows the targets; gives each request the next healthy one."""

    def __init__(self, cloud: Cloud) -> None:
        """Nothing is registered yet."""
        self._cloud = cloud
        self._check = cloud.health_check()
        self._targets: dict[str, Target] = {}
        self._turn = 0
        self._ended = threading.Event()
        self.troubles: list[str] = []
        """What went wrong, for a test that fails."""

    def look(self) -> None:
        """Check targets again and again, each at its own pace, until the end."""
        while not self._ended.wait(self._check.interval / SPEED):
            known = {one: self._targets.get(one, Target()) for one in sorted(self._registered())}
            self._targets = known
            for address, target in known.items():
                threading.Thread(target=self._examine, args=(address, target)).start()

    def end(self) -> None:
        """Check no more."""
        self._ended.set()

    def next(self) -> str:
        """The next healthy target; empty if there is none."""
        healthy = self.healthy()
        self._turn += 1
        return healthy[self._turn % len(healthy)] if healthy else ""

    def healthy(self) -> list[str]:
        """The targets that get requests."""
        return [address for address, one in dict(self._targets).items() if one.healthy]

    def _registered(self) -> Collection[str]:
        """The targets that are registered; those known before where AWS does not say."""
        try:
            return set(self._cloud.targets().values())
        except Exception as error:  # noqa: BLE001 - boto's, or half an answer: the looks go on
            self.troubles.append(f"targets: {error!r}")
            return self._targets

    def _examine(self, address: str, target: Target) -> None:
        check = self._check
        status, _, _ = ask(address, check.path, {}, check.timeout / SPEED)
        target.checked(str(status) == check.matcher, check)


def ask(
    address: str, path: str, headers: Mapping[str, str], seconds: float
) -> tuple[int, bytes, str]:
    """A target's answer: status, body, and what was wrong if there is none (status 502)."""
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(), ""
    except (OSError, http.client.HTTPException) as error:
        return http.client.BAD_GATEWAY, b"", repr(error)
    finally:
        connection.close()


class Server(ThreadingHTTPServer):
    """The port."""

    def __init__(self, balancer: Balancer) -> None:
        """Listen."""
        super().__init__(("127.0.0.1", 0), Request)
        self.balancer = balancer
        self.troubles = balancer.troubles


class Request(BaseHTTPRequestHandler):
    """One request, to one target."""

    def do_GET(self) -> None:  # noqa: N802 (the name is http.server's)
        """Pass it on."""
        server = cast("Server", self.server)
        began, address = time.time(), server.balancer.next()
        forwarded = {"Host": "test", "X-Forwarded-For": self.client_address[0]}
        status, body, trouble = (
            ask(address, self.path, forwarded, PATIENCE)
            if address
            else (http.client.SERVICE_UNAVAILABLE, b"", "no healthy target")
        )
        if status != http.client.OK:
            what = f"{began:.2f} to {time.time():.2f} {address}: {status} {trouble}"
            server.troubles.append(what)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def running(cloud: Cloud) -> Generator[Server]:
    """The load balancer, until the block ends."""
    balancer = Balancer(cloud)
    with Server(balancer) as server:
        threads = [threading.Thread(target=do) for do in (balancer.look, server.serve_forever)]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            balancer.end()
            server.shutdown()
            for thread in threads:
                thread.join()
