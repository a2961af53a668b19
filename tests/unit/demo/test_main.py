"""How the demo ends: what it sums up, what it says of what is left, its exit code."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from demo import __main__ as program
from demo.counter import Counter
from demo.dashboard import address
from demo.screen import Screen
from demo.stack import Stack, TroubleError
from tests.cluster.load import Request
from tests.signals import handlers, put_back


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack's name, as make gives it; this process does on signals what it did."""
    monkeypatch.setenv("STACK", "mine")
    before = handlers([signal.SIGTERM])
    yield
    put_back(before)


@pytest.mark.parametrize(("trouble", "code"), [("", 0), ("HTTP Error 503", 1)])
def test_one_failed_request_fails_the_demo_and_is_told(trouble: str, code: int) -> None:
    paper, counter = io.StringIO(), Counter()
    counter.requests = [Request(1.0, 0.1, ""), Request(2.0, 0.1, trouble)]
    screen = Screen(Console(file=paper, width=100), counter.__str__)
    assert program.sum_up("mine", screen, counter, [("heal", "3 s", "2", str(code))]) == code
    shown = paper.getvalue()
    assert [line.split() for line in shown.splitlines() if "together" in line] == [
        ["together", "2", str(code)]
    ]
    assert ("00:00:02 after 0.1 s: HTTP Error 503" in shown) == bool(trouble)
    assert "$ make down STACK=mine\n" in shown


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [(KeyboardInterrupt(), 130, "Interrupted."), (TroubleError("it broke"), 1, "it broke")],
)
def test_who_ends_it_early_is_told_what_is_left(
    end: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def show(*_: object) -> int:
        raise end

    def prepare(name: str) -> Stack:
        return Stack(name, Path())

    monkeypatch.setattr(program, "prepare", prepare)
    monkeypatch.setattr(program, "show", show)
    assert program.main() == code
    shown = capsys.readouterr().out
    assert said in shown
    assert "$ make demo STACK=mine" in shown and "$ make down STACK=mine" in shown


def test_a_stack_that_is_no_demos_is_not_said_to_be_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(name: str) -> Stack:
        raise TroubleError(f"{name} is somebody's")

    monkeypatch.setattr(program, "prepare", prepare)
    assert program.main() == 1
    assert capsys.readouterr().out == "mine is somebody's\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            ["Going through machine-2", "http://127.0.0.1:43251/6fYb/\n"],
            "http://127.0.0.1:43251/6fYb/",
        ),
        (["it does not work.\n", "See: --help\n"], "it does not work. See: --help"),
        ([], "it ended at once"),
    ],
)
def test_the_dashboards_address_is_shown_or_why_there_is_none(said: list[str], shown: str) -> None:
    assert address(said) == shown
