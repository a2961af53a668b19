"""Containers as units: the same one run by a client of Docker, and as a quadlet, each in turn."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from .experiments import Took
from .lab import Lab

PROGRAM = "benchsleep"
"""What runs in the containers: no other process of this computer has that name."""
IMAGE = "localhost/bench:1"
LOOK_SECONDS = 0.05
LIMIT_SECONDS = 600.0
"""A hundred clients of Docker take half a minute where nothing else runs."""

_MAKE_IMAGE = f"""
set -e
folder=$(mktemp -d)
cp --parents -L $(ldd /usr/bin/sleep | grep -o '/[^ ]*') $folder
cp /usr/bin/sleep $folder/{PROGRAM}
tar -C $folder -c . >/tmp/bench.tar
docker import --change 'ENTRYPOINT ["/{PROGRAM}", "infinity"]' /tmp/bench.tar {IMAGE}
podman import --change 'ENTRYPOINT ["/{PROGRAM}", "infinity"]' /tmp/bench.tar {IMAGE}
rm -r $folder /tmp/bench.tar
"""
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
    with Processes(PROGRAM) as processes:
        for _ in range(repetitions):
            for way, (template, _) in WAYS.items():
                units = [template.replace("@", f"@{n}") for n in range(1, size + 1)]
                took["start"][way].append(_timed(lab, "start", units, processes, size))
                assert len(lab.active()) == size, f"{len(lab.active())} of {size} are active"
                took["destroy"][way].append(_timed(lab, "destroy", units, processes, 0))
                assert not lab.active()
    return took


def _prepare(lab: Lab) -> None:
    for machine in lab.machines:
        lab.stack.on(machine, "sudo bash", stdin=_MAKE_IMAGE)
    for template, text in WAYS.values():
        Path(lab.stack.program, template).write_text(text)


def _timed(lab: Lab, verb: str, units: list[str], processes: "Processes", total: int) -> Took:
    began = time.time()
    lab.fleetctl(verb, "--timeout", str(round(LIMIT_SECONDS)), *units)
    told = time.time() - began
    return Took(processes.when(total) - began, told)


class Processes:
    """The processes of a name on this computer, its machines' too, while a `with` block runs."""

    def __init__(self, name: str) -> None:
        self._name = f"{name}\n"
        self._changed = threading.Condition()
        self._count = 0
        self._changed_at = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        """Begin to count."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        self._is_over.set()
        self._thread.join()

    def when(self, total: int) -> float:
        """Wait until there are so many: when the last change was, in seconds since 1970."""
        with self._changed:
            is_so = self._changed.wait_for(lambda: self._count == total, LIMIT_SECONDS)
            assert is_so, f"{self._count} processes run, not {total}"
            return self._changed_at

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            found = sum(_name_of(path) == self._name for path in Path("/proc").glob("[0-9]*/comm"))
            with self._changed:
                if found != self._count:
                    self._count, self._changed_at = found, time.time()
                    self._changed.notify_all()


def _name_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # It has just ended.
        return ""
