"""Export of a trace: OpenTelemetry's SDK, which only the operator's computer has."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ...model.rollout_step import RolloutStep
from ...spans import TRACER, record_step
from ..cli.output import notice_if_slow

SERVICE = "fleetctl"
"""Unless the operator's environment names the service otherwise."""
END_MILLISECONDS = 2000
"""So long does a command wait, when it has ended, for a collector to take its spans."""


@dataclass(frozen=True)
class CommandSpan:
    """Span of a command, in which the steps of its rollout are."""

    span: Span
    provider: TracerProvider

    def on_step(self, step: RolloutStep) -> None:
        """Record a step of the rollout."""
        record_step(step, set_span_in_context(self.span), provider=self.provider)

    def end_with(self, code: int) -> None:
        """Note the exit code."""
        self.span.set_attribute("process.exit.code", code)
        self.span.set_status(StatusCode.ERROR if code else StatusCode.OK)


@contextmanager
def command_span(command: str, collector: str, parent: str) -> Generator[CommandSpan]:
    """Span of a command, which a collector gets with all in it when the command has ended.

    Args:
        command: its name.
        collector: where the exporter finds it in the environment, for who waits.
        parent: the span that it belongs to, as the W3C's traceparent; or nothing.
    """
    service = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})
    tracer = provider.get_tracer(TRACER)
    try:
        with tracer.start_as_current_span(f"{SERVICE} {command}", context) as span:
            try:
                yield CommandSpan(span, provider)
            except KeyboardInterrupt:  # No error, by OpenTelemetry, which sees to all others.
                span.set_status(StatusCode.ERROR, "interrupted")
                raise
    finally:
        with notice_if_slow(f"Waiting for {collector} to take the spans of this."):
            provider.force_flush(END_MILLISECONDS)
            provider.shutdown()
