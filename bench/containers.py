"""Containers as units: the same one run by a client of Docker, and as a quadlet, each in turn."""

import time
from collections.abc import Mapping
from pathlib import Path

from .counting import Counts, processes_named
from .experiments import Took
from .images import IMAGE, PROGRAM, make_image
from .lab import Lab

LIMIT_SECONDS = 600.0
"""A hundred clients of Docker take half a minute where nothing else runs."""
_NO_WAIT = "[X-Fleet]\nHealthySec=0\n"
WAYS: Mapping[str, tuple[str, str]] = {
    "docker": (
        "docker-box@.service",
        "[Service]\n"
        "ExecStartPre=-/usr/bin/docker rm --force box-%i\n"
        f"ExecStart=/usr/bin/docker run --rm --name box-%i --network host --stop-signal SIGKILL"
        f" {IMAGE}\n"
        "ExecStop=/usr/bin/docker stop box-%i\n"
        f"Restart=always\n{_NO_WAIT}",
    ),
    "quadlet": (
        "podman-box@.container",
        f"[Container]\nImage={IMAGE}\nNetwork=host\nStopSignal=SIGKILL\n"
        f"[Service]\nRestart=always\n{_NO_WAIT}",
    ),
}
"""Each way's template. They ignore the usual signal, so both are killed at once."""


def start_and_destroy(lab: Lab, size: int, repetitions: int) -> dict[str, dict[str, list[Took]]]:
    """Start and destroy so many containers in each way in turn: the times by verb and way."""
    _prepare(lab)
    took: dict[str, dict[str, list[Took]]] = {
        verb: {way: [] for way in WAYS} for verb in ("start", "destroy")
    }
    with Counts(lab.containers(), processes_named(PROGRAM)) as processes:
        for _ in range(repetitions):
            for way, (template, _) in WAYS.items():
                units = [template.replace("@", f"@{n}") for n in range(1, size + 1)]
                took["start"][way].append(_timed(lab, "start", units, processes, size))
                assert len(lab.active()) == size, f"{len(lab.active())} of {size} are active"
                took["destroy"][way].append(_timed(lab, "destroy", units, processes, 0))
                assert not lab.active()
    return took


def _prepare(lab: Lab) -> None:
    make_image(lab, IMAGE, PROGRAM)
    for template, text in WAYS.values():
        Path(lab.stack.program, template).write_text(text)


def _timed(lab: Lab, verb: str, units: list[str], processes: Counts, total: int) -> Took:
    began = time.time()
    lab.fleetctl(verb, "--timeout", str(round(LIMIT_SECONDS)), *units)
    told = time.time() - began
    return Took(processes.when(total, LIMIT_SECONDS) - began, told)
