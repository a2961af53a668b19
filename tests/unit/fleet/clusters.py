"""Small clusters for tests of the schedule."""

from fleet_cluster.fleet.model.records import MachineState
from fleet_cluster.fleet.scheduler.schedule import Job, Plan
from fleet_cluster.fleet.unitfiles.unitfile import parse


def machine(number: int, **metadata: str) -> MachineState:
    """A machine; number 1 has the id 00000001..., repeated."""
    return MachineState(f"{number:08d}" * 4, f"10.0.0.{number}", f"machine-{number}", metadata)


def machines(count: int) -> list[MachineState]:
    """Machines 1 to `count`, without metadata."""
    return [machine(number) for number in range(1, count + 1)]


def job(name: str, *options: str) -> Job:
    """A service with these lines in its [X-Fleet]."""
    text = "\n".join(["[Service]", "ExecStart=/bin/true", "[X-Fleet]", *options])
    return Job(f"{name}.service", parse(f"{name}.service", text).requirements)


def instances(name: str, count: int, *options: str) -> list[Job]:
    """Instances 1 to `count` of a template."""
    return [job(f"{name}@{number}", *options) for number in range(1, count + 1)]


def numbers(plan: Plan) -> dict[str, int]:
    """The number of each unit's machine."""
    return {name.removesuffix(".service"): int(at[:8]) for name, at in plan.placements.items()}


def spread(plan: Plan, prefix: str, count: int) -> list[int]:
    """How many units whose name begins so run on machines 1 to `count`."""
    where = [number for name, number in numbers(plan).items() if name.startswith(prefix)]
    return [where.count(number) for number in range(1, count + 1)]
