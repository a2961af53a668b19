"""Trace of a command: spans for OpenTelemetry, where its own variables name who takes them."""

import os
from collections.abc import Callable

from ...model.rollout_step import RolloutStep
from ..cli.output import tell

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""OpenTelemetry's variables for the address of a collector that takes OTLP by gRPC."""
PARENT = "TRACEPARENT"
"""What a program that calls this one has its own span in."""

OnStep = Callable[[RolloutStep], None]


def traced(command: str, run: Callable[[OnStep | None], int]) -> int:
    """Run a command, in a span if the operator's environment asks for spans; its exit code.

    Args:
        command: its name.
        run: gets what is to be called with each step of a rollout, if there are spans.
    """
    collector = next(filter(None, map(os.environ.get, ENDPOINTS)), "")
    if not collector:
        return run(None)
    try:
        # Here: it takes a third of a second to load, and not every computer has it.
        from .trace_export import command_span
    except ImportError as error:
        tell(
            f"There will be no spans: {error.name} is not installed. To install what tells them: "
            "pip install opentelemetry-exporter-otlp-proto-grpc; or to go without them: "
            f"unset {' '.join(ENDPOINTS)}"
        )
        return run(None)
    with command_span(command, collector, os.environ.get(PARENT, "")) as span:
        code = run(span.on_step)
        span.end_with(code)
    return code
