"""FleetUnit and FleetTemplate: unit files as resources."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_command import remote

from ._lifecycle import claims, plan_hook, reachability
from .fleet.lint.unit_file import lint, read_unit_file
from .fleet.unitfiles.names import UnitFileError, check_name, is_template
from .machine import Connection, Machine, ssh

TURN_SECONDS = 300
"""For a unit to be active, and each turn of a rollout."""
APPLY_SECONDS = 3600
"""For all: only what hangs takes so long."""
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class FleetUnitArgs(TypedDict):
    """One unit file, and the machine to push it through."""

    connection: Connection
    """A machine of the cluster."""
    store: NotRequired[pulumi.Input[str]]
    """What etcd holds (`Cluster.store`): written again when it is other data, or when a unit was
    changed by hand."""
    path: str
    """The unit file; its name is the unit's name."""
    values: NotRequired[dict[str, pulumi.Input[str]]]
    """What its {{placeholders}} stand for; no secrets, since anyone on a machine can read them."""
    target: NotRequired[str]
    """launched (if not given), loaded or inactive."""
    hosts: NotRequired[list[Machine]]
    """The cluster's machines: then a preview says where units will be before there is a cluster."""


class FleetTemplateArgs(TypedDict):
    """A template (`name@.service`) and all instances of it that are to run."""

    connection: Connection
    """A machine of the cluster."""
    store: NotRequired[pulumi.Input[str]]
    """What etcd holds (`Cluster.store`): written again when it is other data, or when a unit was
    changed by hand."""
    path: str
    """The template's file: name@.service."""
    values: NotRequired[dict[str, pulumi.Input[str]]]
    """What its {{placeholders}} stand for; no secrets, since anyone on a machine can read them."""
    instances: list[str]
    """The instances by their part after the @: ["5000", "5001"]."""
    hosts: NotRequired[list[Machine]]
    """The cluster's machines: then a preview says where units will be before there is a cluster."""


class FleetUnit(pulumi.ComponentResource):
    """A unit that runs where fleet places it."""

    placements: pulumi.Output[dict[str, Any]]
    """Where it ran when it was applied: machine names by unit name."""

    def __init__(
        self, name: str, args: FleetUnitArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Check the file here, then push it and wait until the unit is active.

        Raises:
            pulumi.RunError: the unit file or its placeholders are bad.
        """
        super().__init__("fleet-cluster:index:FleetUnit", name, None, opts)
        path = Path(args["path"])
        text = read_unit(path, args.get("values", {}))
        unit = {"text": text, "target": args.get("target", "launched")}
        command = apply(self, path, args, unit)
        self.placements = command.stdout.apply(_placements)
        self.register_outputs({"placements": self.placements})


class FleetTemplate(pulumi.ComponentResource):
    """A template with its instances: one resource, applied as a whole."""

    placements: pulumi.Output[dict[str, Any]]
    """Where the instances ran when they were applied: machine names by unit name."""

    def __init__(
        self, name: str, args: FleetTemplateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Check the file here, then push it and wait until its instances are active.

        Raises:
            pulumi.RunError: the unit file, an instance or the placeholders are bad.
        """
        super().__init__("fleet-cluster:index:FleetTemplate", name, None, opts)
        path = Path(args["path"])
        text = read_unit(path, args.get("values", {}))
        names = instance_names(path.name, args["instances"])
        instances = {instance: "launched" for instance in names}
        template = {"text": text, "target": "inactive", "instances": instances}
        command = apply(self, path, args, template)
        self.placements = command.stdout.apply(_placements)
        self.register_outputs({"placements": self.placements})


def instance_names(template: str, instances: Sequence[str]) -> list[str]:
    """The units of a template: web@1.service for web@.service and 1.

    Raises:
        pulumi.RunError: the name is no template, or an instance is bad or given twice.
    """
    if not is_template(template):
        raise pulumi.RunError(
            f"{template} is not a template; a template's name ends in @ before the suffix, like "
            "web@.service. Rename the file, or use FleetUnit."
        )
    prefix, suffix = template.split("@")
    names = [f"{prefix}@{instance}{suffix}" for instance in instances]
    try:
        for name in names:
            check_name(name)
    except UnitFileError as error:
        raise pulumi.RunError(str(error)) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise pulumi.RunError(f"{', '.join(twice)} given more than once; each instance runs once.")
    return names


def read_unit(path: Path, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """A unit file's text with its placeholders filled in, checked before anything is touched.

    Raises:
        pulumi.RunError: no such file, a bad unit file, an unknown or an unused placeholder, or a
            value that is a secret.
    """
    try:
        text = read_unit_file(path)
        # One with placeholders is shown to systemd on the machine, where they are filled in.
        found = lint({path.name: text}, ask_systemd=not _PLACEHOLDER.search(text))
        found.refuse()
    except (FileNotFoundError, UnitFileError) as error:
        raise pulumi.RunError(str(error)) from error
    check_placeholders(path.name, text, values)
    for remark in found.remarks.get(path.name, ()):
        pulumi.log.warn(remark)
    known = {name: _public(path.name, name, value) for name, value in values.items()}
    return pulumi.Output.all(**known).apply(lambda known: fill(text, known))


def _public(unit: str, name: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
    """The value, unless it is a secret: everybody on a machine can read its unit files.

    Raises:
        pulumi.RunError: when the value is known, and is a secret.
    """
    given = pulumi.Output.from_input(value)
    secret = pulumi.Output.from_input(given.is_secret())
    return pulumi.Output.all(given, secret).apply(lambda a: _refuse_secret(unit, name, *a))


def _refuse_secret(unit: str, name: str, value: str, secret: bool) -> str:
    if secret:
        raise pulumi.RunError(
            f"{unit}: the value {name!r} is a secret, and a unit file is none: everybody on its "
            "machine can read it. Put it into etcd with EtcdKeys, and let the unit's program read "
            "it there; or, if it is no secret, pass pulumi.Output.unsecret(value)."
        )
    return value


def check_placeholders(name: str, text: str, values: Mapping[str, object]) -> None:
    """Refuse a text whose placeholders are not exactly the given values.

    Raises:
        pulumi.RunError: naming those that are missing or unused.
    """
    wanted = set(_PLACEHOLDER.findall(text))
    for missing in sorted(wanted - set(values)):
        raise pulumi.RunError(
            f"{name}: {{{{{missing}}}}} has no value; given: {', '.join(sorted(values)) or 'none'}."
            " Pass it in `values`, or mend its name in the unit file."
        )
    for unused in sorted(set(values) - wanted):
        raise pulumi.RunError(
            f"{name}: the value {unused!r} is not used; the file has: "
            f"{', '.join(sorted(wanted)) or 'no placeholder'}. Remove it from `values`."
        )


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every {{placeholder}} replaced."""
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], text)


def apply(
    parent: pulumi.Resource,
    path: Path,
    args: FleetUnitArgs | FleetTemplateArgs,
    wanted: Mapping[str, object],
) -> remote.Command:
    """Make a unit, with its instances if it is a template, as wanted, whatever was done by hand.

    The resource has the unit's name, so that Pulumi refuses a second one for the same unit.
    """
    unit, connection, store = path.name, args["connection"], args.get("store", "")
    run = f"timeout {APPLY_SECONDS} fleetctl apply --timeout {TURN_SECONDS}"
    document = pulumi.Output.json_dumps({"owner": unit, "units": {unit: wanted}})
    return remote.Command(
        unit,
        connection=ssh(connection, dials=3),
        create=claims.create(run, unit, store),
        update=claims.update(run, unit, store),
        delete=f"{run} --destroy",
        stdin=document,
        opts=pulumi.ResourceOptions(
            parent=parent,
            hooks=reachability.before_writing(
                unit,
                connection,
                plan_hook.hooks(
                    parent, connection, document, _draft(path, wanted), args.get("hosts", [])
                ),
            ),
        ),
    )


def _draft(path: Path, wanted: Mapping[str, object]) -> plan_hook.OpenManifest:
    """The document with a file whose placeholders are still open: it differs from any other."""
    text = read_unit_file(path)
    units = {path.name: {**wanted, "text": text}}
    document = json.dumps({"owner": path.name, "units": units})
    return plan_hook.OpenManifest(document, sorted(set(_PLACEHOLDER.findall(text))))


def _placements(stdout: str) -> dict[str, Any]:
    return json.loads(stdout)["placements"]
