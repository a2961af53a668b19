import pytest

from fleet_cluster.fleet.unitfiles.globs import Patterns, check, is_literal, matches
from fleet_cluster.fleet.unitfiles.names import UnitFileError


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("web.service", "web.service", True),
        ("web.service", "web.services", False),
        ("web@*.service", "web@1.service", True),
        ("web@*.service", "web.service", False),
        ("*", "web.service", True),
        ("web-?.service", "web-1.service", True),
        ("web-?.service", "web-10.service", False),
        ("web-[0-4].service", "web-3.service", True),
        ("web-[!0-4].service", "web-3.service", False),
        ("web-[^0-4].service", "web-3.service", False),
        ("web-[^0-4].service", "web-7.service", True),
        ("Web*", "web.service", False),
        (r"a\x2db.service", r"a\x2db.service", True),
    ],
)
def test_a_pattern_matches_whole_names(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) == fits


def test_patterns_that_match_a_name_are_found() -> None:
    patterns = Patterns(["*", "web*", "web@*.service", "web@1.service", "w?b@1*", "db*", "web*"])
    assert set(patterns.matching("web@1.service")) == {
        "*",
        "web*",
        "web@*.service",
        "web@1.service",
        "w?b@1*",
    }
    assert patterns.matching("api.service") == ("*",)
    assert Patterns([]).matching("api.service") == ()


@pytest.mark.parametrize(
    "pattern",
    ["*", "web*", "web@*.service", "*ice", "web@[0-9].service", "*.timer", "web.service", "a[^1]*"],
)
def test_patterns_that_can_match_are_accepted(pattern: str) -> None:
    check(pattern)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("web", "no type: write web.service"),
        ("web*.servce", "names end in a type"),
        ("web-*-old", "names end in a type"),
        ("web/*", "no unit's name holds '/'"),
        ("web@[1.service", "a \\[ is not closed"),
        ("web@[!].service", "a \\[ is not closed"),
        ("", "is not a unit's name"),
    ],
)
def test_patterns_that_can_match_nothing_are_refused(pattern: str, said: str) -> None:
    with pytest.raises(UnitFileError, match=said):
        check(pattern)


def test_a_literal_has_no_wildcards() -> None:
    assert is_literal("web@1.service")
    assert not any(map(is_literal, ["web*", "web?", "web[1]"]))
