#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 (Python): a span that Ctrl-C ends is told as one that went well.
#
# Guess: start_as_current_span notes whatever exception leaves its block, and the span is an error.
# Seen: it catches Exception. KeyboardInterrupt and SystemExit are none: the span ends with status
# UNSET and without an event, as after a success; so does one that sys.exit(1) ends.
# So: fleetctl says itself that its command's span was interrupted, and what the exit code was.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check opentelemetry-api==1.45.2 opentelemetry-sdk==1.45.2
venv/bin/pip freeze | grep opentelemetry-sdk

venv/bin/python - <<'PYTHON'
from contextlib import suppress

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("finding")

for ended_by in (ValueError(), KeyboardInterrupt(), SystemExit(1)):
    with suppress(BaseException), tracer.start_as_current_span(type(ended_by).__name__):
        raise ended_by

seen = {
    span.name: (span.status.status_code.name, len(span.events))
    for span in exporter.get_finished_spans()
}
for name, (status, events) in seen.items():
    print(f"{name}: {status}, {events} events")
assert seen == {
    "ValueError": ("ERROR", 1),
    "KeyboardInterrupt": ("UNSET", 0),
    "SystemExit": ("UNSET", 0),
}, "it has changed"
PYTHON
