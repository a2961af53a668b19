"""Spans: OpenTelemetry's, of what a rollout did to each unit.

Only on the operator's computer: who exports them, and where to, is set up there. Where nobody is,
OpenTelemetry drops them.
"""

from opentelemetry import trace
from opentelemetry.context import Context

from .model.rollout_step import RolloutStep

TRACER = "fleet-cluster"


def record_step(
    step: RolloutStep, parent: Context, urn: str = "", provider: trace.TracerProvider | None = None
) -> None:
    """Record a step as a span, with the times that its machine has told.

    Args:
        step: what was done.
        parent: what has the span that it belongs to.
        urn: the resource of Pulumi that has the unit, if one has.
        provider: what exports it; OpenTelemetry's own for this program, if not given.
    """
    span = trace.get_tracer(TRACER, tracer_provider=provider).start_span(
        f"{step.unit} {step.change}",
        parent,
        attributes={
            "fleet.unit": step.unit,
            "fleet.change": step.change,
            "fleet.machine": step.machine,
            **({"pulumi.urn": urn} if urn else {}),
        },
        start_time=_nanoseconds(step.began),
    )
    span.end(_nanoseconds(step.ended))


def _nanoseconds(at: float) -> int:
    """Exact to a microsecond, as a number of seconds since 1970 is."""
    return round(at * 1_000_000) * 1000
