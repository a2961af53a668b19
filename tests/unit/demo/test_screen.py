"""What the demo shows, on a terminal and elsewhere."""

import io
import re

import pytest
from rich.console import Console

from demo.screen import Screen
from tests.terminal import ESCAPES

LONG = "x" * 300
STATUS = "requests 7 sent, 0 failed"


def shown(terminal: bool, **environment: str) -> str:
    """What is shown of a command with a long line, and a table."""
    paper = io.StringIO()
    console = Console(
        file=paper, force_terminal=terminal, width=80, highlight=False, _environ=environment
    )
    with Screen(console, lambda: STATUS) as screen:
        screen.say("It is said.")
        screen.command("pulumi up")
        screen.doing("working")
        screen.output(LONG)
        screen.output("MACHINE\tIP")
        screen.count()
        screen.table(("", "failed"), [("heal", "0")])
    return paper.getvalue()


def test_elsewhere_it_is_plain_lines_as_long_as_they_are() -> None:
    lines = shown(terminal=False).splitlines()
    said = ["", "It is said.", "$ pulumi up", f"  {LONG}", "  MACHINE IP", f"  {STATUS}", ""]
    assert lines[:7] == said
    assert [line.split() for line in lines[7:]] == [["failed"], ["heal", "0"]]


def test_on_a_terminal_the_last_line_stays_and_long_ones_are_cut() -> None:
    text = shown(terminal=True, TERM="xterm-256color")
    drawn = [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", text))]
    assert drawn.count(STATUS) > 1 and f"  {STATUS}" not in drawn
    assert f"  {'x' * 77}…" in drawn
    assert "  working" in drawn
    assert ESCAPES.search(text)


def test_a_dumb_terminal_is_none() -> None:
    lines = shown(terminal=True, TERM="dumb").splitlines()
    assert f"  {STATUS}" in lines


@pytest.mark.parametrize(
    ("status", "colour"), [(STATUS, "32"), ("requests 7 sent, 1 failed", "31")]
)
def test_failures_are_red_and_none_is_green(status: str, colour: str) -> None:
    paper = io.StringIO()
    environment = {"TERM": "xterm-256color"}
    console = Console(file=paper, force_terminal=True, width=80, _environ=environment)
    with Screen(console, lambda: status):
        pass
    assert re.search(rf"\x1b\[[\d;]*\b{colour}m\d failed", paper.getvalue())
