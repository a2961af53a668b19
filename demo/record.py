"""The demo as a picture: `make demo RECORD=docs/pictures/demo` makes demo.cast and demo.svg.

asciinema records the demo on a fresh stack, which is removed afterwards if all went well; waits are
made shorter; termtosvg makes the SVG of it. Both are installed into a temporary folder.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

TOOLS = ("asciinema==2.4.0", "termtosvg-ng==1.4.1")
DEMO = (sys.executable, "-m", "demo")
COLUMNS, ROWS = 100, 28
LONGEST = 3.0
"""Seconds that a wait takes in the picture: pulumi works for longer."""
TICK = 0.5
"""Seconds between two of its counts."""
AT_ONCE = 0.05
"""Seconds within which what asciinema has read in pieces was drawn at once."""
LAST = 8000
"""Milliseconds that the end is shown before it begins again."""


class Event(NamedTuple):
    """What was drawn at once, and when, in seconds from the beginning."""

    at: float
    drawn: str

    @property
    def is_tick(self) -> bool:
        """Whether only the last two lines were drawn again."""
        return self.drawn.count("\n") < 2


def main(path: str) -> None:
    """Record: `path` without its ending."""
    with TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.cast"
        bin_folder = install(Path(folder) / "tools")
        subprocess.run(["toolchain/down"], check=True)
        # It may have stopped the Docker engine, since nobody else used it.
        subprocess.run(["toolchain/setup"], check=True)
        code = record(bin_folder / "asciinema", raw)
        if code:
            sys.exit(f"record: the demo ended with {code}, as it says above: no picture was made")
        subprocess.run(["toolchain/down"], check=True)
        cast = Path(f"{path}.cast")
        cast.write_text(shortened(raw.read_text()))
        render(bin_folder / "termtosvg", cast, Path(f"{path}.svg"))


def install(folder: Path) -> Path:
    """Both tools, in a virtual environment of their own: where their programs are."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", folder], check=True)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", folder, *TOOLS], check=True)
    return folder / "bin"


def record(asciinema: Path, raw: Path) -> int:
    """Run the demo on a terminal of that size: its exit code, which is not asciinema's own."""
    size = ("--cols", str(COLUMNS), "--rows", str(ROWS))
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    code = raw.with_suffix(".code")
    command = f"{shlex.join(DEMO)}; echo $? >{shlex.quote(str(code))}"
    subprocess.run(
        [asciinema, "rec", "--quiet", "--env", "TERM", *size, "--command", command, raw],
        env=environment,
        check=True,
    )
    return int(code.read_text())


def render(termtosvg: Path, cast: Path, svg: Path) -> None:
    """Make the SVG, which needs nothing outside of it and no script."""
    look = ("--template", "window_frame", "--loop-delay", str(LAST))
    subprocess.run([termtosvg, "render", cast, svg, *look], check=True)


def shortened(cast: str) -> str:
    """The same recording with shorter waits; asciicast v2, a line of JSON for each event."""
    header, *lines = cast.splitlines()
    rows = [json.loads(line) for line in lines]
    events = [Event(at, drawn) for at, kind, drawn in rows if kind == "o"]
    drawn = [json.dumps([round(one.at, 3), "o", one.drawn]) for one in shorten(events)]
    return "\n".join([header, *drawn]) + "\n"


def shorten(events: Sequence[Event]) -> list[Event]:
    """Have no wait between two events that print a line take longer than it should.

    What only counts on goes along, and is left out where it comes too often.
    """
    kept: list[Event] = []
    for event in _in_shorter_time(_joined(events)):
        if event.is_tick and kept and event.at - kept[-1].at < TICK:
            continue
        kept.append(event)
    return kept


def _joined(events: Sequence[Event]) -> list[Event]:
    """What was drawn at once as one event: a piece alone may look like a count."""
    joined: list[Event] = []
    last = -AT_ONCE
    for event in events:
        if event.at - last < AT_ONCE:
            joined[-1] = Event(joined[-1].at, joined[-1].drawn + event.drawn)
        else:
            joined.append(event)
        last = event.at
    return joined


def _in_shorter_time(events: Sequence[Event]) -> Iterator[Event]:
    """All of them, at the times of the picture."""
    ends = [at for at, event in enumerate(events) if not event.is_tick]
    now = 0.0
    for first, last in pairwise([0, *ends, len(events)]):
        part = events[first:last]
        end = events[last].at if last < len(events) else part[-1].at if part else 0.0
        took = end - part[0].at if part else 0.0
        scale = min(1.0, LONGEST / took) if took else 1.0
        for event in part:
            yield Event(now + (event.at - part[0].at) * scale, event.drawn)
        now += took * scale


if __name__ == "__main__":
    main(*sys.argv[1:])
