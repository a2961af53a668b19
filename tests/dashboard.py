"""The page of `fleetctl dashboard`, served for tests: of a cluster that says what a test wants."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast

from fleet_cluster.fleet.fleetctl.dashboard.feed import Feed
from fleet_cluster.fleet.fleetctl.dashboard.load_balancer import LoadBalancer, Totals
from fleet_cluster.fleet.fleetctl.dashboard.programs import Programs
from fleet_cluster.fleet.fleetctl.dashboard.server import Server
from fleet_cluster.fleet.fleetctl.live.changes import Change, change
from fleet_cluster.fleet.fleetctl.live.link import Heard, News, Way
from fleet_cluster.fleet.fleetctl.live.overview import Overview

FLEETCTL = r"""
import json, sys
words = sys.argv[1:]
if words[0] == "why":
    print("Going through machine-2")
    print(json.dumps({
        "unit": words[-1], "dstate": "launched", "machines": [], "present": "waiting: for a test",
        "timeline": [
            {"at": "2026-01-05T08:00:00.120Z", "by": "fleetctl", "what": "wanted launched",
             "machine": "", "against": {}},
            {"at": None, "by": "leader", "what": "launched <b>here</b>", "machine": "",
             "against": {"3f2a91bc": "metadata disk=ssd wanted, machine has no disk"}},
        ],
        "verdicts": {"3f2a91bc": "it is here"},
    }, indent=2))
else:
    print("one", *words, flush=True)
    print("two <img src=x onerror=alert(1)> \x1b[31m", flush=True)
    sys.stdin.read()
    import signal
    signal.pause()
"""


class FakeLink:
    """A link that tells what a test says."""

    def __init__(self, ways: Sequence[Way], tell: Callable[[News], None]) -> None:
        self.ways = ways
        self.tell = tell
        self.is_open = False

    def start(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


class FakeCluster:
    """A cluster, as links tell of it."""

    def __init__(self) -> None:
        self.links = list[FakeLink]()
        self.overview: Overview | None = None

    def connect(self, ways: Sequence[Way], tell: Callable[[News], None]) -> FakeLink:
        self.links.append(FakeLink(ways, tell))
        return self.links[-1]

    @property
    def link(self) -> FakeLink:
        """The last one."""
        return self.links[-1]

    def say(self, now: Overview, at: float, *, whole: bool = False, lost: bool = False) -> Change:
        """Tell what has changed, or all that there is."""
        before = None if whole else self.overview
        said = change(before, now, at, lost=lost)
        self.overview = now
        self.link.tell(Heard("machine-1", said))
        return said


class FakeHAProxy(BaseHTTPRequestHandler):
    """HAProxy's statistics; what was asked of it by another name is answered by an app."""

    told = "# pxname,svname,stot,hrsp_5xx\nhealthy,BACKEND,{requests},{errors}\n"

    def do_GET(self) -> None:
        is_asked = (self.headers["Host"], self.path) == ("haproxy-statistics", "/;csv")
        self.send_response(200)
        self.end_headers()
        self.wfile.write((self.text() if is_asked else "<html>").encode())

    def text(self) -> str:
        counts = cast(HAProxyServer, self.server).counts
        return self.told.format(**vars(counts))

    def log_message(self, format: str, *args: object) -> None:
        return


class HAProxyServer(ThreadingHTTPServer):
    """A load balancer that has counted what a test wants."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeHAProxy)
        self.counts = Totals(0, 0)


@contextmanager
def haproxy() -> Generator[HAProxyServer]:
    with HAProxyServer() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@dataclass(frozen=True)
class Dashboard:
    """A page that is served."""

    cluster: FakeCluster
    feed: Feed
    programs: Programs
    server: Server


@contextmanager
def dashboard(
    call: Sequence[str] = (sys.executable, "-c", FLEETCTL),
    load_balancer: LoadBalancer | None = None,
) -> Generator[Dashboard]:
    """Serve the page, with a program in fleetctl's place."""
    cluster = FakeCluster()
    ways = [Way("machine-1", []), Way("machine-2", [])]
    with (
        closing(Feed(ways, cluster.connect)) as feed,
        closing(Programs(call)) as programs,
        Server(0, feed, programs, load_balancer) as server,
    ):
        feed.open()
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield Dashboard(cluster, feed, programs, server)
        finally:
            server.shutdown()
