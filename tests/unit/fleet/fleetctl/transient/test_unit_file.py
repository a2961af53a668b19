"""The unit file of a run: systemd reads back the words that were given, whatever they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.cli.errors import UsageError
from fleet_cluster.fleet.fleetctl.transient.quoting import command_line
from fleet_cluster.fleet.fleetctl.transient.unit_file import TransientUnit
from fleet_cluster.fleet.lint.unit_file import lint
from fleet_cluster.fleet.unitfiles.syntax import read

ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}
WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))


def as_systemd_reads(line: str) -> list[str]:
    """The words of a command line, as systemd.syntax(7) and systemd.service(5) have it."""
    words: list[str] = []
    rest = line
    while rest:
        assert rest.startswith('"'), "each word is in quotes"
        word, rest = "", rest[1:]
        while not rest.startswith('"'):
            if rest.startswith("\\x"):
                word, rest = word + chr(int(rest[2:4], 16)), rest[4:]
            elif rest.startswith("\\"):
                word, rest = word + ESCAPED[rest[1]], rest[2:]
            else:
                word, rest = word + rest[0], rest[1:]
        assert word.replace("%%", "").count("%") == 0, "no specifier"
        words.append(word.replace("%%", "%"))
        rest = rest[1:].removeprefix(" ")
    return words


@given(words=WORDS)
def test_every_word_arrives_as_it_was_given(words: list[str]):
    line = command_line(["/bin/echo", *words])
    assert "\n" not in line
    assert as_systemd_reads(line) == [":/bin/echo", *words]


@given(words=WORDS, values=WORDS)
def test_every_command_makes_a_file_that_is_accepted(words: list[str], values: list[str]):
    unit = TransientUnit(
        name="run-1.service",
        identifier="run-1",
        words=["/bin/echo", *words],
        environment=[f"A={value}" for value in values],
    )
    text = unit.text()
    found = lint({unit.name: text}, ask_systemd=False)
    assert not found.faults and not found.remarks
    starts = read(unit.name, text).values("Service", "ExecStart")
    assert [as_systemd_reads(one.value)[1:] for one in starts] == [words]


def test_properties_are_put_where_they_belong():
    given = ["MemoryMax=1G", "Conflicts=db*", "After=a.service", "MemoryMax="]
    text = TransientUnit("r.service", "run-1", ["true"], given, on_all=True).text()
    parts = {part.partition("]")[0]: part for part in text.split("[")}
    assert "After=a.service" in parts["Unit"]
    assert parts["Service"].rstrip().endswith("MemoryMax=1G\nMemoryMax=")
    assert parts["X-Fleet"] == "X-Fleet]\nGlobal=true\nConflicts=db*\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"words": []}, "there is no command to run"),
        ({"words": ["-x"]}, "systemd takes for more than a name"),
        ({"words": ["./x"]}, "runs on another computer"),
        ({"words": ["x", "a\0"]}, "NUL"),
        ({"words": ["x", "\udcff"]}, "not UTF-8"),
        ({"properties": ["MemoryMax"]}, "it must be NAME=VALUE"),
        ({"properties": ["MemoryMx=1"]}, "did you mean MemoryMax"),
        ({"properties": ["Restart=always"]}, "is not started again"),
        ({"properties": ["ExecStart=/bin/x"]}, "the command after --"),
        ({"properties": ["Nice=1\nUser=x"]}, "must be one line"),
        ({"environment": ["A-B=1"]}, "it must be NAME=VALUE"),
        ({"working_directory": "tmp"}, "a whole path"),
        ({"user": "a\nb"}, "one line that can be seen"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_reason(given: dict[str, list[str]], said: str):
    with pytest.raises(UsageError, match=said):
        TransientUnit(**{"name": "r.service", "identifier": "i", "words": ["x"], **given}).text()  # pyright: ignore[reportArgumentType]
