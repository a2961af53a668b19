"""The load balancer of these tests loses requests where Amazon's would, and only there."""

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.aws import balancer
from tests.aws.amazon import HealthCheck
from tests.aws.balancer import SPEED, Server
from tests.cluster.load import Load
from tests.cluster.stack import eventually

CHECK = HealthCheck("/", "200", interval=1, timeout=SPEED, healthy=2, unhealthy=5)


class Hello(BaseHTTPRequestHandler):
    """A target."""

    def do_GET(self) -> None:  # noqa: N802 (the name is http.server's)
        """Answer."""
        body = b"Hello"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Cloud:
    """Targets that are registered and started by hand."""

    def __init__(self, undo: ExitStack) -> None:
        """Two targets, both registered."""
        self._undo = undo
        self.servers = {name: self._start() for name in ("one", "two")}
        self.registered = dict(self.servers)
        self.is_silent = False

    def targets(self) -> dict[str, str]:
        """As AWS tells it."""
        if self.is_silent:
            raise KeyError("PrivateIpAddress")
        found = dict(self.registered)
        return {name: f"127.0.0.1:{one.server_port}" for name, one in found.items()}

    def health_check(self) -> HealthCheck:
        """A fast one."""
        return CHECK

    def kill(self, name: str) -> None:
        """Its port is closed at once."""
        self.servers[name].shutdown()
        self.servers[name].server_close()

    def _start(self) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
        threading.Thread(target=server.serve_forever).start()
        self._undo.callback(server.server_close)
        self._undo.callback(server.shutdown)
        return server


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with ExitStack() as undo:
        yield Cloud(undo)


@contextmanager
def under_load(cloud: Cloud) -> Generator[tuple[Server, Load]]:
    """The load balancer with requests coming in, from when each target has had one."""
    with balancer.running(cloud) as server:
        eventually("both are healthy", lambda: healthy(server) == 2)
        with Load(f"http://127.0.0.1:{server.server_port}/") as load:
            yield server, load


def healthy(server: Server) -> int:
    """How many targets get requests now; others, who ask meanwhile, change nothing of it."""
    return len(server.balancer.healthy())


def test_a_target_that_dies_while_it_is_registered_costs_requests(cloud: Cloud):
    with under_load(cloud) as (server, load):
        cloud.kill("one")
        eventually("it fails its health check", lambda: healthy(server) == 1)
    assert load.failed
    assert all(f":{cloud.servers['one'].server_port}:" in one for one in server.troubles)


def test_a_target_that_was_deregistered_first_costs_none(cloud: Cloud):
    with under_load(cloud) as (server, load):
        del cloud.registered["one"]
        eventually("it gets no more requests", lambda: healthy(server) == 1)
        cloud.kill("one")
        more = len(load.requests) + 20
        eventually("requests go on", lambda: len(load.requests) > more)
    assert not load.failed, server.troubles


def test_known_targets_stay_while_aws_does_not_say_which_there_are(cloud: Cloud):
    with balancer.running(cloud) as server:
        eventually("both are healthy", lambda: healthy(server) == 2)
        cloud.is_silent = True
        eventually("that is told", lambda: server.troubles)
        assert healthy(server) == 2
        del cloud.registered["one"]
        cloud.is_silent = False
        eventually("it looks again", lambda: healthy(server) == 1)


def test_a_new_target_waits_for_its_health_check(cloud: Cloud):
    del cloud.registered["two"]
    assert balancer.Balancer(cloud).next() == "", "nobody is healthy yet"
    with balancer.running(cloud) as server:
        eventually("one is", lambda: healthy(server) == 1)
        cloud.kill("two")
        cloud.registered["two"] = cloud.servers["two"]
        with Load(f"http://127.0.0.1:{server.server_port}/") as load:
            eventually("requests go on", lambda: len(load.requests) > 20)
    assert not load.failed, server.troubles
