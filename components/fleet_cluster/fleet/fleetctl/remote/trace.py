"""Trace of a command: spans for OpenTelemetry, where its own variables name who takes them."""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ...model.rollout_step import OnStep
from ..cli.output import tell

if TYPE_CHECKING:
    from .trace_export import CommandSpan

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""OpenTelemetry's variables for the address of a collector that takes OTLP by gRPC."""
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
"""Its variables for what such a collector speaks; gRPC, if none is set."""
EXPORTERS = "OTEL_TRACES_EXPORTER"
"""Its variable for whom spans go to: `none`, or names of exporters."""
OTLP = {"otlp", "otlp_proto_grpc"}
"""The names of the one that there is here; OTLP's by itself, if the variable is not set."""
PARENT = "TRACEPARENT"
"""What a program that calls this one has its own span in."""
WITHOUT = f"To go without spans: {EXPORTERS}=none in the environment of fleetctl"


def traced(command: str, run: Callable[[OnStep | None], int]) -> int:
    """Run a command, in a span if the operator's environment asks for spans; its exit code.

    Args:
        command: its name.
        run: gets what is to be called with each step of a rollout, if there are spans.
    """
    collector = _collector()
    spans = _span(command, collector) if collector else None
    if not spans:
        return run(None)
    with spans as span:
        code = run(span.on_step)
        span.end_with(code)
    return code


def _span(command: str, collector: str) -> "AbstractContextManager[CommandSpan] | None":
    """The command's span; without one, for whatever reason, it does its work all the same."""
    try:
        # Here: it takes a third of a second to load, and not every computer has it.
        from .trace_export import command_span

        return command_span(command, collector, os.environ.get(PARENT, ""))
    except ImportError as error:
        tell(
            f"There will be no spans: {error}. To install what tells them: "
            f"pip install opentelemetry-exporter-otlp-proto-grpc. {WITHOUT}"
        )
    except Exception as error:  # OpenTelemetry has many kinds of them for its settings.
        tell(f"There will be no spans: OpenTelemetry cannot use its settings: {error}. {WITHOUT}")
    return None


def _collector() -> str:
    """Where the operator's environment has spans go, if there are to be any."""
    collector, exporters = _first(ENDPOINTS), _first([EXPORTERS]) or "otlp"
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or not OTLP & {name.strip() for name in exporters.split(",")}:
        return ""
    if collector and (protocol := _first(PROTOCOLS)) not in ("", "grpc"):
        tell(f"There will be no spans: fleetctl tells them by gRPC, not by {protocol}. {WITHOUT}")
        return ""
    return collector


def _first(variables: Iterable[str]) -> str:
    return next(filter(None, map(os.environ.get, variables)), "")
