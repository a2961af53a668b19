from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.systemd.journal_tail import COLUMNS, LINES, excerpt
from tests.unit.fleet.agents import Bench
from tests.unit.fleet.fakes.units import FAILS, SLEEPS


def test_the_last_lines_are_kept() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    assert excerpt(text).splitlines() == [f"line {n}" for n in range(100 - LINES, 100)]


def test_a_line_that_repeats_itself_is_told_once() -> None:
    assert excerpt("why\n" + "no answer\n" * 30 + "failed\n") == "why\n(30 times) no answer\nfailed"


@given(st.text())
def test_it_is_short_and_harmless(text: str) -> None:
    lines = excerpt(text).split("\n")
    assert len(lines) <= LINES
    assert all(len(line) <= COLUMNS and line.isprintable() for line in lines)


def test_a_failed_unit_is_reported_with_its_last_lines() -> None:
    bench = Bench()
    bench.run("bad.service", FAILS)
    bench.run("good.service", SLEEPS)
    bad, good = bench.state("bad.service"), bench.state("good.service")
    assert bad and bad.journal == "last words of bad.service"
    assert good and good.journal == ""
    assert bench.systemd.journals_read == ["bad.service"], "once for each failure"


def test_the_lines_go_when_it_runs() -> None:
    bench = Bench()
    bench.run("bad.service", FAILS)
    bench.run("bad.service", SLEEPS)
    state = bench.state("bad.service")
    assert state and (state.active, state.journal) == ("active", "")
