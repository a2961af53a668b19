"""`fleetctl why`."""

from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Mapping

from ...model import Target
from ...scheduling.schedule import Job, schedule
from .. import table
from ..command import Command, Context
from ..errors import Exit
from ..follow import read_view
from ..names import legend, select
from ..view import View


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("unit", metavar="UNIT", help="a unit")


def verdicts(name: str, view: View) -> Mapping[str, str]:
    """What speaks for or against each machine that is alive, by machine id."""
    requirements = view.requirements(name)
    if requirements is None:
        return {}
    here = view.assigned(name)
    neighbours: defaultdict[str, list[Job]] = defaultdict(list)
    for job in view.jobs():
        for id in view.assigned(job.name) if job.name != name else ():
            neighbours[id].append(job)
    found: dict[str, str] = {}
    for id, machine in view.machines.items():
        others = neighbours[id]
        current = {job.name: id for job in others if not job.requirements.is_global}
        plan = schedule([*others, Job(name, requirements)], [machine], current)
        reason = plan.unplaced.get(name, {}).get(id)
        fits = name in plan.placements or bool(plan.global_placements.get(name))
        against = reason or "does not match"
        found[id] = "it is here" if id in here else "it fits" if fits else against
    return found


def headline(name: str, view: View) -> str:
    """What is wanted of the unit, and where it is."""
    unit = view.units[name]
    on = [legend(machine, view.machines) for machine in view.assigned(name)]
    where = f"on {', '.join(sorted(on))}" if on else "on no machine"
    return f"{name} is {where}; its desired state is {unit.target}"


def _run(context: Context, arguments: Namespace) -> int:
    view = read_view(context.connect())
    (name,) = select([arguments.unit], view.units)
    print(headline(name, view))
    found = sorted(verdicts(name, view).items())
    lines = [[f"  {legend(id, view.machines)}", verdict] for id, verdict in found]
    print(table.align(lines) if lines else "  there is no machine in the cluster\n", end="")
    wanted = view.units[name].target is not Target.INACTIVE
    return Exit.FAILED if wanted and not view.assigned(name) else Exit.DONE


COMMAND = Command(
    name="why",
    summary="why a unit is where it is, or nowhere",
    help="""\
Show for each machine whether the unit fits there, or what is against it. The exit code is 1 when
the unit wants a machine and has none.""",
    example="""
  $ fleetctl why db.service
  db.service is on no machine; its desired state is launched
    3f2a91bc.../172.18.0.11       metadata disk=ssd wanted
    9d04e6a1.../172.18.0.12       conflicts with db-old.service, which runs there
""",
    configure=_configure,
    run=_run,
)
