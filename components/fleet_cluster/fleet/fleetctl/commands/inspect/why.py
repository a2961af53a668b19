"""`fleetctl why`."""

from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ....cluster_state.state import ClusterState
from ....model.records import DesiredState
from ....scheduler.schedule import Job, schedule
from ...cli import table
from ...cli.errors import CtlError, Exit
from ...cli.names import legend, select
from ...operations.context import Context
from ...state.secret_versions import lost_secrets
from ...state.timeline import Event, time_of, timeline
from ...state.watcher import read_state
from ...wait.desired_state import in_desired_state
from ...wait.outcome import Failed, Unplaced, Waiting
from ..command import Command


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit")
    parser.add_argument(
        "--output",
        choices=["text", *table.DATA],
        default="text",
        help="json, yaml: one object, ids in full",
    )


def verdicts(name: str, view: ClusterState) -> Mapping[str, str]:
    """Verdicts on each machine that is alive, by machine id: the leader's, where it decides."""
    if view.requirements(name) is None:
        return {}
    here, plan = view.assigned(name), view.plan()
    reasons = plan.unplaced.get(name, {})
    homes = {plan.placements.get(name), *plan.global_placements.get(name, ())}
    beside = dict[str, str]() if name in plan.unplaced else _fits_beside(name, view)
    return {
        id: "it is here"
        if id in here
        else "it fits"
        if id in homes
        else reasons.get(id) or beside.get(id, "does not match")
        for id in view.machines
    }


def _fits_beside(name: str, view: ClusterState) -> Mapping[str, str]:
    """Whether the unit would fit beside what each machine has now, by machine id."""
    requirements = view.requirements(name)
    if requirements is None:
        return {}
    neighbours: defaultdict[str, list[Job]] = defaultdict(list)
    for job in view.jobs():
        for id in view.homes(job.name) if job.name != name else ():
            neighbours[id].append(job)
    found: dict[str, str] = {}
    for id, machine in view.machines.items():
        others = neighbours[id]
        current = {job.name: id for job in others if not job.requirements.is_global}
        everywhere = {job.name: {id} for job in others if job.requirements.is_global}
        jobs = [*others, Job(name, requirements)]
        plan = schedule(jobs, [machine], current, view.eligibility, everywhere=everywhere)
        fits = name in plan.placements or bool(plan.global_placements.get(name))
        found[id] = "it fits" if fits else plan.unplaced.get(name, {}).get(id) or "does not match"
    return found


def headline(name: str, view: ClusterState) -> str:
    """Headline: the unit's desired state, and where it is."""
    unit = view.units[name]
    on = [legend(machine, view.machines) for machine in view.assigned(name)]
    where = f"on {', '.join(sorted(on))}" if on else "on no machine"
    return f"{name} is {where}; its desired state is {unit.desired_state}"


def present(name: str, view: ClusterState) -> str:
    """What still has to happen, or why it cannot; empty when the unit is as it is to be."""
    if undeliverable := lost_secrets(view.text_of(name) or "", view):
        return f"waiting: {undeliverable}"
    outcome = in_desired_state(name, view.units[name], None)(view)
    if isinstance(outcome, Waiting):
        return f"waiting: {outcome.why}"
    if isinstance(outcome, Unplaced):
        return "it fits on no machine, and starts as soon as one fits"
    return f"failed: {outcome.reason}" if isinstance(outcome, Failed) else outcome.note


def as_text(name: str, view: ClusterState) -> str:
    """Explanation for people."""
    found = sorted(verdicts(name, view).items())
    machines = [[f"  {legend(id, view.machines)}", verdict] for id, verdict in found]
    return "\n".join(
        [
            headline(name, view),
            *([present(name, view)] if present(name, view) else []),
            "",
            *(line for event in timeline(name, view) for line in _lines(event, view)),
            "",
            "Each machine now:",
            table.align(machines) if machines else "  there is no machine in the cluster\n",
        ]
    )


def _lines(event: Event, view: ClusterState) -> Iterator[str]:
    yield f"{time_of(event.at) or '-':24}  {event.by:8}  {event.what}"
    for machine, reason in sorted(event.against.items()):
        yield f"{'':36}  not on {legend(machine, view.machines)}: {reason}"


def as_object(name: str, view: ClusterState) -> dict[str, Any]:
    """Explanation for programs."""
    events = [asdict(event) | {"at": time_of(event.at)} for event in timeline(name, view)]
    return {
        "unit": name,
        "dstate": view.units[name].desired_state.value,
        "machines": sorted(view.assigned(name)),
        "present": present(name, view),
        "timeline": events,
        "verdicts": dict(sorted(verdicts(name, view).items())),
    }


def _run(context: Context, arguments: Namespace) -> int:
    view = read_state(context.connect())
    name, *others = select([arguments.unit], view.units)
    if others:
        raise CtlError(f"why tells of one unit; {arguments.unit} is {', '.join([name, *others])}")
    if table.is_data(arguments):
        print(table.as_data(as_object(name, view), arguments.output), end="")
    else:
        print(as_text(name, view), end="")
    wanted = view.units[name].desired_state is not DesiredState.INACTIVE
    return Exit.FAILED if wanted and not view.assigned(name) else Exit.DONE


COMMAND = Command(
    name="why",
    summary="why a unit is where it is, or nowhere, and how it came there",
    help="""\
Tell what led to where a unit is now: who wanted it, what the leader decided and why not otherwise,
what systemd made of it; then, for each machine, whether the unit fits there now, or what is against
it. Times are UTC, by the clock of the machine that noted them. The exit code is 1 when the unit
wants a machine and has none.""",
    example="""
  $ fleetctl why db.service
  db.service is on 9d04e6a1.../172.18.0.12; its desired state is launched

  2026-01-05T08:00:00.120Z  fleetctl  wanted launched, file e55c0ae
  2026-01-05T09:12:41.007Z  leader    3f2a91bc.../lost: its lease has expired
  2026-01-05T09:12:41.031Z  leader    launched on 9d04e6a1.../172.18.0.12 from 3f2a91bc.../lost: ...
                                      not on c0ffee00.../172.18.0.13: metadata disk=ssd wanted, ...
  2026-01-05T09:12:41.210Z  fleetd    start job on 9d04e6a1.../172.18.0.12
  2026-01-05T09:12:41.344Z  systemd   active (running) on 9d04e6a1.../172.18.0.12

  Each machine now:
    9d04e6a1.../172.18.0.12       it is here
    c0ffee00.../172.18.0.13       metadata disk=ssd wanted, machine has no disk
""",
    configure=_configure,
    run=_run,
)
