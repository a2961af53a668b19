"""The screen, without a terminal: what it shows, and what keys do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from fleet_cluster.fleet.fleetctl.live.changes import Change, change
from fleet_cluster.fleet.fleetctl.live.link import Ended, Heard, Told
from fleet_cluster.fleet.fleetctl.live.overview import MachineRow, Overview
from fleet_cluster.fleet.fleetctl.top.screen.app import Top
from fleet_cluster.fleet.fleetctl.top.screen.row_list import first_shown
from fleet_cluster.fleet.fleetctl.usage.choice import MOST
from fleet_cluster.fleet.fleetctl.usage.probes import Measured, Target, Unmeasured
from fleet_cluster.fleet.fleetctl.usage.sample import Disk, MachineUsage, Sample, UnitUsage
from tests.checkout import CHECKOUT
from tests.unit.fleet.fleetctl.live.any_overview import (
    AT,
    GIB,
    IDS,
    busy,
    large,
    machine,
    overview,
    unit,
    whole,
)

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL, LARGE = (80, 24), (200, 60)


@dataclass
class Screen:
    """A screen with a fixed clock, and what it has run."""

    pilot: Pilot[None]
    top: Top
    runs: list[str] = field(default_factory=list[str])
    asked: list[list[str]] = field(default_factory=list[list[str]])
    """The machines that are to be asked what is used there, each time that these are others."""

    async def hears(self, *news: Heard | Ended | Told | Measured | Unmeasured) -> None:
        for one in news:
            self.top.hear(one)
        self.top.tick()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def lines(self) -> list[str]:
        strips = self.top.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines())

    @property
    def foot(self) -> str:
        return self.lines()[-1]

    def is_coloured(self) -> bool:
        strips = self.top.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colours = [one for style in styles for one in (style.color, style.bgcolor) if one]
        return any(not one.is_default for one in colours)

    def chosen(self) -> list[str]:
        """The lines that are drawn in reverse."""
        strips = self.top.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
        return [
            segment.text.split()[0]
            for strip in strips
            for segment in strip
            if segment.style and segment.style.reverse and segment.text.strip()
        ]


Steps = Callable[[Screen], Awaitable[None]]


def on_screen(steps: Steps, size: tuple[int, int] = SMALL) -> None:
    async def run() -> None:
        runs = list[str]()

        def note(words: Sequence[str]) -> None:
            runs.append(" ".join(words))

        asked = list[list[str]]()

        def ask(targets: Sequence[Target]) -> None:
            asked.append([one.name for one in targets])

        top = Top(note, lambda: AT, nullcontext, ask)
        async with top.run_test(size=size) as pilot:
            await steps(Screen(pilot, top, runs, asked))

    asyncio.run(run())


def after_a_loss() -> tuple[Overview, Overview]:
    """Before, and when a machine is lost, one unit has moved, one has failed and one is rolled."""
    before = busy()
    machines = {**before.machines, IDS[1]: MachineRow(IDS[1], state="lost", units=1)}
    units = dict(before.units)
    del units["db.service", IDS[1]]
    units["db.service", IDS[2]] = unit("db.service", 3, since=AT, origin=IDS[1], moved_at=AT)
    units["job.service", IDS[2]] = unit("job.service", 3, sha="cd" * 32)
    units["hello.service", IDS[0]] = unit("hello.service", active="failed", sub="failed", since=AT)
    lost = units["sinatra@5001.service", IDS[1]]
    units["sinatra@5001.service", IDS[1]] = replace(lost, active="lost", sub="failed")
    return before, overview(list(machines.values()), list(units.values()))


def used() -> list[Measured]:
    """What machine-1 and machine-3 say is used there."""
    mib = 1 << 20
    first = MachineUsage(372, 1434 * mib, (Disk("/", 12 * GIB, 40 * GIB),))
    third = MachineUsage(1250, 3900 * mib, (Disk("/", 812 * mib, 40 * GIB),))
    units = {
        "flaps.service": None,
        "hello.service": None,
        "sinatra@5000.service": UnitUsage(214, 148 * mib),
    }
    return [
        Measured(IDS[0], Sample(first, units, is_whole=True)),
        Measured(IDS[2], Sample(third, {"db.service": UnitUsage(1007, 3277 * mib)}, is_whole=True)),
    ]


LEASES = Change(AT + 1, False, False, {}, {}, {IDS[0]: 2, IDS[2]: 3})


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_screen(size: tuple[int, int]) -> None:
    name = "top-{}x{}.txt".format(*size)

    async def steps(screen: Screen) -> None:
        before, now = after_a_loss()
        await screen.hears(whole(before), Heard("machine-1", change(before, now, AT + 1)))
        await screen.hears(Heard("machine-1", LEASES), *used())
        assert screen.text == (GOLDEN / name).read_text()

    on_screen(steps, size)


def test_the_documents_show_the_screen_as_it_is() -> None:
    shown = (GOLDEN / "top-80x24.txt").read_text()
    assert f"```\n{shown}```\n" in (CHECKOUT / "docs" / "fleetctl.md").read_text()


def test_all_of_a_thousand_units_can_be_reached() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(large()))
        assert "50 machines, 1000 units: 1000 active" in screen.text
        assert "1-5 of 50" in screen.text and "1-11 of 1000" in screen.text
        await screen.press("end")
        assert screen.chosen() == ["web@0999.service"] and "-1000 of 1000" in screen.text
        await screen.press("pageup")
        assert screen.chosen() < ["web@0999.service"]
        await screen.press("home")
        assert screen.chosen() == ["web@0000.service"]

    on_screen(steps)


def test_the_choice_stays_on_its_unit_when_others_come_and_go() -> None:
    async def steps(screen: Screen) -> None:
        now = overview([machine(1)], [unit(f"{name}.service") for name in "bdf"])
        await screen.hears(whole(now))
        await screen.press("down")
        more = overview([machine(1)], [unit(f"{name}.service") for name in "abcdf"])
        await screen.hears(Heard("machine-1", change(now, more, AT)))
        assert screen.chosen() == ["d.service"]
        less = overview([machine(1)], [unit("a.service")])
        await screen.hears(Heard("machine-1", change(more, less, AT)))
        assert screen.chosen() == ["a.service"]

    on_screen(steps)


@pytest.mark.parametrize(
    ("key", "runs"),
    [
        ("j", [f"journal --follow --lines=50 --machine={IDS[1]} sinatra@5001.service"]),
        ("s", ["status sinatra@5001.service"]),
        ("w", ["why sinatra@5001.service"]),
        ("d", []),
    ],
)
def test_keys_look_at_the_unit_that_is_chosen(key: str, runs: list[str]) -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(busy()))
        await screen.press("end", key)
        assert screen.runs == runs
        assert ("drain is for machines: Tab goes to them" in screen.foot) == (key == "d")

    on_screen(steps)


@pytest.mark.parametrize(
    ("keys", "question", "run"),
    [
        ("r", "restart sinatra@5001.service? y", "restart sinatra@5001.service"),
        ("o", "rollout sinatra@.service? y", "rollout sinatra@.service"),
        ("shift+tab d", "drain machine-2? y", f"drain {IDS[1]}"),
    ],
)
def test_what_changes_something_is_asked_for_once_more(keys: str, question: str, run: str) -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(busy()))
        await screen.press("end", *keys.split()[:-1], *(["down"] if "tab" in keys else []))
        for other in ("n", "escape", "enter", "r", "q", "tab"):
            await screen.press(keys.split()[-1])
            assert question in screen.foot
            await screen.press(other)
            assert screen.runs == [] and question not in screen.foot
        await screen.press(keys.split()[-1], "y")
        assert screen.runs == [run]
        await screen.press("y")
        assert screen.runs == [run], "the answer was for one question"

    on_screen(steps)


def test_what_is_on_no_machine_or_not_there_is_no_fault() -> None:
    async def steps(screen: Screen) -> None:
        await screen.press("j", "shift+tab", "d", "j")
        assert screen.runs == [] and "journal is for units" in screen.foot
        await screen.hears(whole(overview([], [])))
        await screen.press("d")
        assert "there is no machine" in screen.foot

    on_screen(steps)


def test_only_what_is_in_trouble() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(busy()))
        await screen.press("t")
        assert "hello.service" not in screen.text
        for name in ("big.service", "flaps.service", "sinatra@5001.service"):
            assert name in screen.text
        await screen.press("t")
        assert "hello.service" in screen.text

    on_screen(steps)


@pytest.mark.parametrize(("key", "first"), [("c", "db.service"), ("m", "sinatra@5000.service")])
def test_what_uses_the_most_comes_first_and_then_again_the_names(key: str, first: str) -> None:
    mib = 1 << 20
    told = {
        "hello.service": UnitUsage(0, mib),
        "db.service": UnitUsage(900, mib),
        "sinatra@5000.service": UnitUsage(800, 9 * mib),
    }

    async def steps(screen: Screen) -> None:
        await screen.hears(whole(overview([machine(1)], [unit(name) for name in ["a", *told]])))
        await screen.hears(Measured(IDS[0], Sample(MachineUsage(1, mib), told)))
        await screen.press("down", key)
        rows = [
            line.split()[0] for line in screen.lines() if ".service" in line or "a " in line[:2]
        ]
        assert rows[0] == first and rows[-1] == "a", "what nobody tells comes last"
        assert screen.chosen() == ["db.service"], "the choice stays on its unit"
        await screen.press(key)
        rows = [line.split()[0] for line in screen.lines() if ".service" in line]
        assert rows == sorted(rows)

    on_screen(steps)


def test_machines_too_are_ordered_by_what_they_use() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(overview([machine(1), machine(2), machine(3)], [])))
        await screen.hears(
            Measured(IDS[1], Sample(MachineUsage(100, 1))),
            Measured(IDS[2], Sample(MachineUsage(900, 2))),
        )
        await screen.press("c")
        shown = [line.split()[0] for line in screen.lines() if line.startswith("machine-")]
        assert shown == ["machine-3", "machine-2", "machine-1"]

    on_screen(steps)


def test_news_and_ticks_may_come_when_the_screen_has_ended() -> None:
    async def steps(screen: Screen) -> None:
        await screen.top.query("*").remove()
        await screen.hears(whole(busy()))

    on_screen(steps)


def test_what_is_not_said_any_more_is_not_shown_any_more() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(overview([machine(1)], [unit("a.service")])))
        told = {"a.service": UnitUsage(770, 1 << 30)}
        await screen.hears(Measured(IDS[0], Sample(MachineUsage(330, 1 << 30), told)))
        assert "0.77" in screen.text and "0.33/4" in screen.text
        await screen.hears(Unmeasured(IDS[0]))
        assert "0.77" not in screen.text and "0.33" not in screen.text
        assert "a.service" in screen.text and " -/4 " in screen.text
        assert "fleetctl is of a version before" not in screen.text

    on_screen(steps)


def test_fleetctls_of_a_version_before_are_told_once() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(overview([machine(1), machine(2)], [])))
        older = [Unmeasured(id, is_older=True) for id in (IDS[0], IDS[1], IDS[0])]
        await screen.hears(*older, whole(overview([machine(1), machine(2)], [])))
        assert screen.text.count("does not say what is used there") == 1

    on_screen(steps, LARGE)


def test_those_machines_are_asked_that_are_alive_or_to_be_seen() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(overview([machine(1), machine(2, state="lost")], [])))
        assert screen.asked == [["machine-1"]]
        await screen.hears(whole(large()))
        assert len(screen.asked[-1]) == MOST
        await screen.press("end")
        await screen.hears()
        unseen = {f"machine-{number}" for number in range(1, 51)} - set(screen.asked[-1])
        on_screen = [line.split()[1] for line in screen.lines() if line.startswith("web@")]
        assert len(on_screen) > 5 and not unseen & set(on_screen)

    on_screen(steps)


def test_a_lost_connection_is_told_and_so_is_the_machine_that_goes_on() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(whole(busy()))
        assert screen.lines()[0].endswith("through machine-1")
        await screen.hears(Ended("machine-1", "No route to host", "machine-2", True))
        assert screen.lines()[0].endswith("no connection to machine-1, trying machine-2")
        assert "note    machine-1: No route to host" in screen.text
        assert "hello.service" in screen.text
        before, now = after_a_loss()
        await screen.hears(whole(now, AT + 5, "machine-2"))
        assert screen.lines()[0].endswith("through machine-2")
        assert "lost    machine-2" in screen.text, "what happened meanwhile is told"
        assert before != now

    on_screen(steps, LARGE)


def test_an_etcd_that_does_not_answer_is_told() -> None:
    async def steps(screen: Screen) -> None:
        lost = change(busy(), busy(), AT, lost=True)
        await screen.hears(whole(busy()), Heard("machine-1", lost))
        assert screen.lines()[0].endswith("etcd does not answer: this may be old")
        assert "hello.service" in screen.text

    on_screen(steps)


def test_a_record_that_cannot_be_used_is_told_and_nothing_of_it_commands_a_terminal() -> None:
    async def steps(screen: Screen) -> None:
        await screen.hears(Told("/fleet/units/a\x1b[2J cannot be used: [bold]x[/bold]"))
        odd = overview([machine(1, name="m[red]")], [unit("a\x1b]0;x\x07.service")])
        await screen.hears(whole(odd))
        assert "cannot be used: [bold]x[/bold]" in screen.text
        assert "m[red]" in screen.text and "a\\x1b]0;x\\x07.service" in screen.text
        assert "\x1b" not in screen.text

    on_screen(steps)


@pytest.mark.parametrize("is_plain", [False, True])
def test_without_colour_nothing_is_coloured(
    monkeypatch: pytest.MonkeyPatch, is_plain: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if is_plain:
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps(screen: Screen) -> None:
        await screen.hears(whole(busy()))
        drawn = screen.text
        assert screen.is_coloured() != is_plain
        assert "sick:" in drawn and "failed" in drawn, "what colours say, words say as well"

    on_screen(steps)


@pytest.mark.parametrize(
    ("chosen", "first", "height", "count", "shown"),
    [(0, 0, 5, 10, 0), (4, 0, 5, 10, 0), (5, 0, 5, 10, 1), (9, 9, 5, 10, 5), (2, 4, 5, 10, 2),
     (0, 0, 0, 0, 0), (3, 8, 5, 4, 0)],
)  # fmt: skip
def test_the_chosen_line_is_shown(
    chosen: int, first: int, height: int, count: int, shown: int
) -> None:
    assert first_shown(chosen, first, height, count) == shown
