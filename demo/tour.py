"""The steps of the demo: each a sentence, commands that a user would type, and what they print."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .screen import Screen
from .shell import Output, everything, nothing, pulumi_summary, run
from .stack import Stack, TroubleError, free_port

UP = "pulumi up --yes --skip-preview"
LIST = "fleetctl list-units 'sinatra@*'"
VICTIM = "machine-2"
RELEASE = "This is release 2."
CHANGE = f's/{{ settings.text }}/{{ settings.text + " {RELEASE}" }}/'
PATIENCE = 120.0
"""Seconds after which what fleet does by itself counts as not done."""


@dataclass(frozen=True)
class Pace:
    """How fast it goes, and how much of it there is."""

    instances: int
    """Of the app, once it is scaled."""
    reading: float
    """Seconds for a person to read what was printed."""


@dataclass(frozen=True)
class Tour:
    """One run: what is typed, where, and where it is shown."""

    stack: Stack
    screen: Screen
    pace: Pace

    def say(self, sentence: str) -> None:
        """Tell what comes."""
        self.screen.say(sentence)
        time.sleep(self.pace.reading / 2)

    def type(self, command: str, shown: Output = everything) -> None:
        """Run a command as it is shown; `shown`: which lines of what it prints."""
        self.screen.command(command)
        lines = run(self.stack, command, self.screen.doing)
        self.screen.doing("")
        for line in shown(lines):
            self.screen.output(line)
        self.screen.count()
        time.sleep(self.pace.reading)

    def wait(self, until: str, holds: Callable[[], bool]) -> None:
        """Wait for what fleet does by itself, and tell how long it took.

        Raises:
            TroubleError: it does not come.
        """
        began = time.monotonic()
        self.screen.doing(f"waiting until {until}")
        while not holds():
            if time.monotonic() > began + PATIENCE:
                raise TroubleError(f"Not within {PATIENCE:.0f} s: {until}. Next: {LIST}")
            time.sleep(0.5)
        self.screen.doing("")
        self.screen.output(f"{time.monotonic() - began:.0f} s later, {until}")


def bring_up(tour: Tour) -> None:
    """The cluster, made, or as at first if it is there."""
    if tour.stack.exists():
        tour.say("The demo's cluster is there: it is made as it was at first.")
        tour.type("pulumi config set sinatra-instances 2")
        tour.type(f"{UP} --refresh", pulumi_summary)
    else:
        tour.say("A cluster from nothing: three machines, etcd, fleet, an app, a load balancer.")
        tour.type(f"pulumi stack init {tour.stack.name}")
        tour.type(f"pulumi config set load-balancer-port {free_port()}")
        tour.type("pulumi config set sinatra-instances 2")
        tour.type(UP, pulumi_summary)
    tour.type(f"curl --silent --fail {tour.stack.output('url')}")


def scale(tour: Tour) -> None:
    """More instances of the app."""
    instances = tour.pace.instances
    tour.say(f"One number makes two instances of the app {instances}, spread over the machines.")
    tour.type(f"pulumi config set sinatra-instances {instances}")
    tour.type(UP, pulumi_summary)
    tour.type(LIST)


def kill(tour: Tour) -> None:
    """A machine is lost."""
    machine, instances = tour.stack.machine(VICTIM), tour.pace.instances
    lost = units_at(machine.address, tour.stack.app())
    tour.say("A machine is killed. Its units run elsewhere when its lease has ended.")
    tour.type(f"docker kill {machine.container}", nothing)
    tour.wait(
        f"all {instances} run on the other machines",
        lambda: all_run_elsewhere(machine.address, instances, tour.stack.app()),
    )
    tour.type("fleetctl list-machines")
    tour.type(LIST)
    for unit in lost[:1]:
        tour.type(f"fleetctl why {unit}", story)


def roll(tour: Tour) -> None:
    """Another image of the app, while that machine is away."""
    tour.say("A release: a line of the app is changed; each instance in turn gets the new image.")
    tour.type(f"sed -i '{CHANGE}' images/sinatra/app.rb")
    tour.type(UP, pulumi_summary)
    tour.type(f"curl --silent --fail {tour.stack.output('url')}")


def heal(tour: Tour) -> None:
    """The machine that was lost, back."""
    tour.say("The dead machine comes back: pulumi looks what is there, and mends what is not.")
    tour.type(f"{UP} --refresh", pulumi_summary)
    tour.type("fleetctl list-machines")


STEPS: Mapping[str, Callable[[Tour], None]] = {
    "scale the app": scale,
    "kill a machine": kill,
    "roll an image": roll,
    "heal": heal,
}
"""What is done while requests are sent."""


def units_at(address: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The units that are on the machine with this address."""
    return [row["unit"] for row in rows if row["machine"].endswith(f"/{address}")]


def all_run_elsewhere(address: str, instances: int, rows: Sequence[Mapping[str, str]]) -> bool:
    """Whether so many are active, and none of them on the machine with this address."""
    active = [row for row in rows if row["active"] == "active"]
    return len(active) == instances and not units_at(address, active)


def story(lines: Sequence[str]) -> Sequence[str]:
    """Of what `fleetctl why` tells, what led there; not how each machine is now."""
    end = next((at for at, line in enumerate(lines) if line == "Each machine now:"), len(lines))
    return [line for line in lines[:end] if line]
