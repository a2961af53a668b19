"""Spans of an update: what each unit's rollout was, in Pulumi's own trace.

`pulumi up --otel-traces` makes one. Its spans tell how long a command took, not which units it has
rolled, and where to: `fleetctl apply` has printed that, and these spans are made of it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..fleet.model.record import BadRecordError
from ..fleet.model.rollout_step import RolloutStep
from ..fleet.spans import record_step

PARENT = "TRACEPARENT"
"""What the engine has put its own span in, when it traces."""


def hooks(component: pulumi.Resource) -> pulumi.ResourceHookBinding | None:
    """What makes spans of a unit's steps when its resource was created or updated.

    None where Pulumi makes no trace, and in previews.
    """
    parent = os.environ.get(PARENT)
    if pulumi.runtime.is_dry_run() or not parent:
        return None
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})

    async def record(args: pulumi.ResourceHookArgs) -> None:
        for step in steps(args.new_outputs or {}):
            record_step(step, context, args.urn)

    options = pulumi.ResourceHookOptions(ignore_errors=True)
    kind = type(component).__name__
    hook = pulumi.ResourceHook(f"{component.pulumi_resource_name}-{kind}-spans", record, options)
    return pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])


def steps(outputs: Mapping[str, Any]) -> Iterator[RolloutStep]:
    """The steps that a command has printed; none if its machine's fleetctl tells none."""
    try:
        told = json.loads(outputs.get("stdout", "")).get("steps", [])
        yield from map(RolloutStep.from_object, told)
    except (ValueError, AttributeError, TypeError, BadRecordError) as error:
        pulumi.debug(f"there are no spans of what fleetctl has done: {error}")
