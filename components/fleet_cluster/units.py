"""FleetUnit and FleetTemplate: unit files as resources."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_command import local

from ._lifecycle import claims, plan_hook, rollout_spans
from ._lifecycle.member_command import MemberCommandArgs, member_command
from ._unit_text import placeholders, read_text, read_unit
from .access import Access, ClusterAccess
from .errors import InputError, not_allowed
from .fleet.unitfiles.names import UnitFileError, check_name, is_template
from .fleet.unitfiles.unitfile import parse

TURN_SECONDS = 300
"""For a unit to be active, and each turn of a rollout."""
APPLY_SECONDS = 3600
"""For all: only what hangs takes so long."""
TARGETS = ("launched", "loaded", "inactive")


class FleetUnitArgs(TypedDict):
    """One unit file, and the cluster that it runs on."""

    cluster: pulumi.Input[Access]
    """The cluster that it runs on: `Cluster.access`."""
    file: str
    """The unit file; its name is the unit's name."""
    values: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What its {{placeholders}} stand for; no secrets, since anyone on a machine can read them."""
    target: NotRequired[str]
    """launched (if not given), loaded or inactive."""
    canary: NotRequired[int]
    """Of a Global unit: after how many machines a changed file stops. The others keep the one
    before until an update without it, or with 0 (if not given), which brings it to all."""


class FleetTemplateArgs(TypedDict):
    """A template, all instances of it that are to run, and the cluster that they run on."""

    cluster: pulumi.Input[Access]
    """The cluster that they run on: `Cluster.access`."""
    file: str
    """The template's file: name@.service."""
    values: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What its {{placeholders}} stand for; no secrets, since anyone on a machine can read them."""
    instances: Sequence[str]
    """The instances by their part after the @: ["5000", "5001"]."""
    canary: NotRequired[int]
    """After how many instances a changed file stops. The others keep the one before until an update
    without it, or with 0 (if not given), which brings it to all."""


class FleetUnit(pulumi.ComponentResource):
    """A unit that runs where fleet places it."""

    placements: pulumi.Output[Mapping[str, Any]]
    """Where it ran when it was applied: machine names by unit name."""
    pending: pulumi.Output[str]
    """How far a canary was when it was applied; empty when none was pending."""

    def __init__(
        self, name: str, args: FleetUnitArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Check the file here, then push it and wait until the unit is active.

        Raises:
            InputError: the unit file, its placeholders, its target or its canary are bad.
        """
        super().__init__("fleet-cluster:index:FleetUnit", name, None, opts)
        path = Path(args["file"])
        text = read_unit(path, args.get("values", {}))
        unit = {"text": text, "target": _target(args.get("target", "launched"))}
        command = apply(self, path, args, unit | canary_of(path, args))
        self.placements = command.stdout.apply(_placements)
        self.pending = command.stdout.apply(lambda stdout: pending_in(self, stdout))
        self.register_outputs({"placements": self.placements, "pending": self.pending})


class FleetTemplate(pulumi.ComponentResource):
    """A template with its instances: one resource, applied as a whole."""

    placements: pulumi.Output[dict[str, Any]]
    """Where the instances ran when they were applied: machine names by unit name."""
    pending: pulumi.Output[str]
    """How far a canary was when they were applied; empty when none was pending."""

    def __init__(
        self, name: str, args: FleetTemplateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Check the file here, then push it and wait until its instances are active.

        Raises:
            InputError: the unit file, an instance, the placeholders or the canary are bad.
        """
        super().__init__("fleet-cluster:index:FleetTemplate", name, None, opts)
        path = Path(args["file"])
        text = read_unit(path, args.get("values", {}))
        names = instance_names(path.name, args["instances"])
        instances = {instance: "launched" for instance in names}
        template = {"text": text, "target": "inactive", "instances": instances}
        command = apply(self, path, args, template | canary_of(path, args))
        self.placements = command.stdout.apply(_placements)
        self.pending = command.stdout.apply(lambda stdout: pending_in(self, stdout))
        self.register_outputs({"placements": self.placements, "pending": self.pending})


def _target(given: str) -> str:
    if given not in TARGETS:
        raise not_allowed("target", given, ", ".join(TARGETS))
    return given


def canary_of(path: Path, args: FleetUnitArgs | FleetTemplateArgs) -> dict[str, int]:
    """The canary as `fleetctl apply` reads it; nothing where there is none.

    Raises:
        InputError: it is no number of instances or machines, or the unit runs once.
    """
    canary: object = args.get("canary", 0)
    if type(canary) is not int or canary < 0:
        raise not_allowed("canary", canary, "a whole number, 0 or more")
    if canary and not is_template(path.name) and not _is_global(path):
        raise InputError(
            "canary",
            f"{path.name} runs once, so there is no canary of it: a template's instances and a "
            "Global unit's machines can get a file one after the other. Leave it out.",
        )
    return {"canary": canary} if canary else {}


def _is_global(path: Path) -> bool:
    try:
        return parse(path.name, read_text(path)).requirements.is_global
    except UnitFileError:
        return True  # Its placeholders say; fleetctl refuses it, if it has to, when they are known.


def instance_names(template: str, instances: Sequence[str]) -> list[str]:
    """The units of a template: web@1.service for web@.service and 1.

    Raises:
        InputError: the name is no template, or an instance is bad or given twice.
    """
    if not is_template(template):
        raise InputError(
            "file",
            f"{template} is not a template; a template's name ends in @ before the suffix, like "
            "web@.service. Rename the file, or use FleetUnit.",
        )
    prefix, suffix = template.split("@")
    names = [f"{prefix}@{instance}{suffix}" for instance in instances]
    for number, name in enumerate(names):
        try:
            check_name(name)
        except UnitFileError as error:
            raise InputError(f"instances[{number}]", str(error)) from error
        if name in names[:number]:
            raise InputError(
                f"instances[{number}]",
                f"{name} given more than once; each instance runs once.",
            )
    return names


def apply(
    parent: pulumi.Resource,
    path: Path,
    args: FleetUnitArgs | FleetTemplateArgs,
    wanted: Mapping[str, object],
) -> local.Command:
    """Make a unit, with its instances if it is a template, as wanted, whatever was done by hand.

    The resource has the unit's name, so that Pulumi refuses a second one for the same unit.
    """
    unit, cluster = path.name, ClusterAccess(args["cluster"])
    run = f"timeout {APPLY_SECONDS} fleetctl apply --timeout {TURN_SECONDS}"
    author = shlex.quote(f"pulumi {pulumi.get_project()}/{pulumi.get_stack()}")
    noted = f"FLEETCTL_AUTHOR={author} {run}"
    document = pulumi.Output.json_dumps({"owner": unit, "units": {unit: wanted}})
    plan = plan_hook.hooks(parent, cluster, document, _open_manifest(path, wanted))
    commands = MemberCommandArgs(
        create=claims.create(noted, unit, cluster.data_id),
        update=claims.update(noted, unit, cluster.data_id),
        delete=f"{run} --destroy",
        stdin=document,
    )
    opts = pulumi.ResourceOptions(
        parent=parent, deleted_with=cluster.network, hooks=plan or rollout_spans.hooks(parent)
    )
    return member_command(unit, cluster, commands, opts)


def _open_manifest(path: Path, wanted: Mapping[str, object]) -> plan_hook.OpenManifest:
    """The document with a file whose placeholders are still open: it differs from any other."""
    text = read_text(path)
    units = {path.name: {**wanted, "text": text}}
    document = json.dumps({"owner": path.name, "units": units})
    return plan_hook.OpenManifest(document, placeholders(text))


def _placements(stdout: str) -> dict[str, Any]:
    return json.loads(stdout)["placements"]


def pending_in(component: pulumi.Resource, stdout: str) -> str:
    """How far canaries are that wait, and what to do: also when nothing has changed since."""
    waiting: dict[str, str] = json.loads(stdout).get("canaries", {})
    for unit, progress in waiting.items():
        pulumi.warn(
            f"{progress}, and the others keep the one before.\n"
            "To go on: pulumi up without canary, or with 0\n"
            f"To go back: pulumi up with the file before; by hand: fleetctl rollout --back {unit}",
            component,
        )
    return "; ".join(waiting.values())
