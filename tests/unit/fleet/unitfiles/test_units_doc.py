"""docs/units.md shows unit files that are accepted, and errors that are really given."""

import re
from pathlib import Path

import pytest

from fleet_cluster.fleet.unitfiles.options import SPELLINGS
from fleet_cluster.fleet.unitfiles.requirements import CONTRADICTIONS
from fleet_cluster.fleet.unitfiles.unitfile import parse

HERE = Path(__file__).parent
DOC = (HERE.parents[3] / "docs" / "units.md").read_text(encoding="utf-8")
GOLDEN = (HERE / "golden" / "bad_unit_files.txt").read_text(encoding="utf-8")
FILES = re.findall(r"```ini\n# (\S+)\n(.*?)```", DOC, re.DOTALL)
ERRORS = [
    line
    for block in re.findall(r"```text\n(.*?)```", DOC, re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize(("name", "text"), FILES, ids=[name for name, _ in FILES])
def test_an_example_is_accepted(name: str, text: str) -> None:
    assert parse(name, text).name == name


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_one_that_is_given(error: str) -> None:
    assert f"=> {error}\n" in GOLDEN


@pytest.mark.parametrize("option", SPELLINGS)
def test_an_option_is_described_with_those_it_contradicts(option: str) -> None:
    assert f"\n### {option}\n" in DOC
    row = next(line for line in DOC.splitlines() if re.match(rf"\|.*\[`{option}`\]\(#", line))
    others = {pair[1 - pair.index(option)] for pair in CONTRADICTIONS if option in pair}
    words = row.split("|")[3]
    named = set(re.findall(r"`(\w+)`", words))
    assert others == (set(SPELLINGS) - {option} - named if "all but" in words else named)


def test_all_old_spellings_are_told() -> None:
    assert all(f"`{old}`" in DOC for spellings in SPELLINGS.values() for old in spellings)
