"""Spans of an update: what each unit's rollout was, in Pulumi's own trace.

`pulumi up --otel-traces` makes one. Its spans tell how long a command took, not which units it has
rolled, and where to: `fleetctl apply` has printed that, and these spans are made of it.
"""

import itertools
import json
import os
from collections.abc import Iterator

import pulumi
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..fleet.model.record import BadRecordError
from ..fleet.model.rollout_step import RolloutStep
from ..fleet.spans import record_step

PARENT = "TRACEPARENT"
"""What the engine has put its own span in, when it traces."""

_numbers = itertools.count(1)
"""Of hooks: each update binds those that it has registered itself, so nothing keeps their names."""


def hooks(component: pulumi.Resource) -> pulumi.ResourceHookBinding | None:
    """What makes spans of a unit's steps when its resource was created or updated.

    None in previews, and where neither Pulumi nor who has called it makes a trace.
    """
    parent = os.environ.get(PARENT)
    if pulumi.runtime.is_dry_run() or not parent:
        return None
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})

    async def record(args: pulumi.ResourceHookArgs) -> None:
        # The command plugin makes all outputs secret when one input is, and the way there is.
        stdout = await pulumi.Output.from_input((args.new_outputs or {}).get("stdout", "")).future()
        for step in steps(stdout):
            record_step(step, context, args.urn)

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    # The engine takes each name once, and components of the same name may have other parents.
    name = f"{component.pulumi_resource_name}-spans-{next(_numbers)}"
    hook = pulumi.ResourceHook(name, record, options)
    return pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])


def steps(stdout: str | None) -> Iterator[RolloutStep]:
    """The steps that a command has printed; none if its machine's fleetctl tells none."""
    try:
        told = json.loads(stdout or "").get("steps", [])
        yield from map(RolloutStep.from_object, told)
    except (ValueError, AttributeError, TypeError, BadRecordError) as error:
        pulumi.debug(f"there are no spans of what fleetctl has done: {error}")
