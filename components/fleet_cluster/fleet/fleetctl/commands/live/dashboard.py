"""`fleetctl dashboard`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import closing, contextmanager, nullcontext

from ...cli.errors import CtlError, Exit
from ...cli.numbers import of_option, port
from ...cli.options import option_words
from ...cli.output import tell
from ...cli.own_call import own_call
from ...dashboard.browser import shown_in_browser
from ...dashboard.feed import Feed
from ...dashboard.load_balancer import LoadBalancer
from ...dashboard.programs import Programs
from ...dashboard.server import ADDRESS, Server
from ...live.first_rows import FirstRows
from ...live.link import ways_to
from ...operations.context import Context
from ...usage.probes import probes_of
from ..command import Command, RunsOn


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=of_option(port),
        default=0,
        help=f"port of {ADDRESS} to listen on (default: any that is free)",
    )
    parser.add_argument(
        "--load-balancer",
        type=of_option(LoadBalancer.parse),
        metavar="URL",
        help="show the requests that HAProxy there has; of a cluster on this computer, the stack's "
        "output url",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print where the page is")


def _run(context: Context, arguments: Namespace) -> int:
    ways = ways_to(context.machines)
    programs = Programs([*own_call(), *option_words(arguments)])
    with (
        probes_of(context.machines, lambda one: feed.measure(one)) as probes,
        closing(Feed(ways, ask=probes.ask)) as feed,
        closing(programs),
        _server(arguments.port, feed, programs, arguments.load_balancer) as server,
    ):
        rows = FirstRows()
        feed.open(rows.hear)
        rows.wait(len(ways))
        rows.leave()
        feed.linger()
        print(server.url, flush=True)
        tell("Ctrl-C ends it. Whoever knows this address on this computer can look at the cluster.")
        with nullcontext() if arguments.no_browser else shown_in_browser(server.url):
            server.serve_forever()
    return Exit.DONE


@contextmanager
def _server(
    number: int, feed: Feed, programs: Programs, load_balancer: LoadBalancer | None
) -> Generator[Server]:
    try:
        server = Server(number, feed, programs, load_balancer)
    except OSError as error:
        raise CtlError(
            f"cannot listen on port {number} of {ADDRESS}: {error.strerror}. Give another one with "
            "--port, or none for any that is free"
        ) from error
    with server:
        yield server


COMMAND = Command(
    name="dashboard",
    summary="machines, units and what happens to them, live on a web page",
    help="""\
Show the cluster on a web page of this computer, as `top` does on a terminal: machines with their
units, the events of the last 15 minutes, rollouts as they go, requests per second where a load
balancer is named that tells them, and of a unit its timeline, as `why` tells it, and its log. It
only looks. The page is at 127.0.0.1, under an address that cannot be guessed, which is printed and
shown in the browser. One machine of the cluster watches etcd and sends what has changed, while a
page is open; when it is gone, another one goes on.""",
    example="""
  $ fleetctl dashboard
  http://127.0.0.1:43251/6fYb0QHk1cJrDxT8mWvA5uZpNs2eLgKi/
  Ctrl-C ends it. Whoever knows this address on this computer can look at the cluster.
  $ fleetctl dashboard --port 8000 --no-browser --tunnel machine-2
  $ fleetctl dashboard --load-balancer "$(pulumi stack output url)"
""",
    configure=_configure,
    run=_run,
    runs_on=RunsOn.HERE,
)
