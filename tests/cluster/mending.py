"""The shared cluster made what it was, so that one test that fails is not the reason of others."""

from collections.abc import Callable, Iterable, Mapping

from fleet_cluster.fleet.model.records import TRANSIENT
from fleet_cluster.fleet.unitfiles.names import template_of
from tests.cluster import asking
from tests.cluster.stack import Stack, eventually

SETTINGS = {"cluster-size": "3", "etcd-size": "3", "sinatra-instances": "2"}
NOT_SET = ("greeting", "journal-machine", "reboot-window")
METADATA = ("disk=", "etcd=")
"""What tests give machines, as it is taken away."""
BY_HAND = ("", TRANSIENT)
"""Whose units are nobody's, or of `fleetctl run`."""


def mend(stack: Stack) -> None:
    """Undo what tests do to a cluster that they share; what fails does not keep the rest from it.

    Raises:
        ExceptionGroup: what failed.
    """
    errors = [error for step in STEPS if (error := _tried(step, stack))]
    if errors:
        raise ExceptionGroup("after a test that failed, the cluster could not be mended", errors)


def _tried(step: Callable[[Stack], None], stack: Stack) -> Exception | None:
    try:
        step(stack)
    except Exception as error:  # noqa: BLE001 - it is raised with the others
        return error
    return None


def _reset_program(stack: Stack) -> None:
    for setting in NOT_SET:
        stack.run("pulumi", "config", "rm", setting)
    stack.configure(SETTINGS)
    stack.up("--refresh")


def _reset_machines(stack: Stack) -> None:
    for machine in stack.outputs()["machines"]:
        stack.fleetctl("uncordon", machine)
        stack.fleetctl("set-metadata", machine, *METADATA)


def _destroy_strangers(stack: Stack) -> None:
    found = strangers(stack.fleetctl_json("list-unit-files"), stack.outputs()["units"])
    if found:
        stack.fleetctl("destroy", *found)


def strangers(files: Iterable[Mapping[str, str]], own: Iterable[str]) -> list[str]:
    """The units that were given by hand, and are none of the program's."""
    known = {name for unit in own for name in (unit, template_of(unit))}
    return [row["unit"] for row in files if row["owner"] in BY_HAND and row["unit"] not in known]


def _wait(stack: Stack) -> None:
    machines = stack.outputs()["machines"]
    eventually("the cluster is whole", lambda: asking.is_whole(stack, machines), 180)


STEPS = (_reset_program, _reset_machines, _destroy_strangers, _wait)
