"""How files are read that fleet 1.0 read otherwise: docs/units.md has a row for each."""

import pytest

from fleet_cluster.fleet.unitfiles import globs
from fleet_cluster.fleet.unitfiles.requirements import Requirements
from fleet_cluster.fleet.unitfiles.unitfile import UnitFileError, parse
from fleet_cluster.fleet.unitfiles.validation import check
from tests.checkout import CHECKOUT

DOC = (CHECKOUT / "docs" / "units.md").read_text(encoding="utf-8")
ROWS = DOC.partition("## Differences from fleet 1.0")[2]
SERVICE = "[Service]\nExecStart=/bin/true\n[X-Fleet]\n"


def metadata(**pairs: str) -> Requirements:
    return Requirements(machine_metadata={key: frozenset({pairs[key]}) for key in pairs})


@pytest.mark.parametrize(
    ("row", "options", "read"),
    [
        (
            "an empty value after others",
            "MachineOf=a.service\nMachineOf=\nMachineOf=b.service",
            Requirements(machine_of=("b.service",)),
        ),
        (
            "several names after `MachineOf`",
            "MachineOf=a.service b.service",
            Requirements(machine_of=("a.service", "b.service")),
        ),
        ("single quotes", "MachineMetadata='region=us east'", metadata(region="us east")),
        (
            "continued lines in `[X-Fleet]`",
            "MachineMetadata=disk=ssd \\\n  region=eu",
            metadata(disk="ssd", region="eu"),
        ),
        ("`%%`", "MachineMetadata=share=50%%", metadata(share="50%")),
    ],
)
def test_what_is_read_otherwise(row: str, options: str, read: Requirements) -> None:
    assert f"\n| {row} | " in ROWS
    assert parse("web.service", f"{SERVICE}{options}\n").requirements == read


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ("a machine's short id in `MachineID`", ["MachineID=3f2a91bc"]),
        ("`Global=y`, `Global=enabled`", ["Global=y", "Global=enabled"]),
        (
            "metadata with `!=`, `<=`, `>=`",
            [f"MachineMetadata=cores{operator}4" for operator in ("!=", "<=", ">=")],
        ),
        (
            "metadata with `==`, `<`, `>`",
            [f"MachineMetadata=cores{operator}4" for operator in ("==", "<", ">")],
        ),
    ],
)
def test_what_is_refused(row: str, options: list[str]) -> None:
    assert f"\n| {row} | " in ROWS
    for option in options:
        with pytest.raises(UnitFileError, match=f"web.service:4: {option}: "):
            parse("web.service", f"{SERVICE}{option}\n")


def test_an_exclamation_mark_negates() -> None:
    assert "\n| `[!a-z]` in a pattern | " in ROWS
    for pattern in ("web-[!a-z].service", "web-[^a-z].service"):
        assert globs.matches(pattern, "web-1.service")
        assert not globs.matches(pattern, "web-b.service")


def test_install_has_no_effect() -> None:
    assert "\n| `[Install]` | " in ROWS
    text = "[Install]\nWantedBy=multi-user.target\n" + SERVICE
    assert [(found.line, found.text.split(":")[0]) for found in check("web.service", text)] == [
        (1, "[Install] has no effect")
    ]
