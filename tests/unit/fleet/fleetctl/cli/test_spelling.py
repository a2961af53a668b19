"""Hints: what someone meant who typed a name that is not there."""

import pytest

from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.spelling import WORDS_ELSEWHERE, did_you_mean
from fleet_cluster.fleet.fleetctl.commands import COMMANDS

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("helo.service", ["hello.service", "world.service"], "hello.service"),
        ("wbe.service", ["web.service", "app.service"], "web.service"),
        ("Web.service", ["web.service"], "web.service"),
        ("web@1.sevice", ["web@1.service"], "web@1.service"),
        ("backup.service", ["backup.timer"], "backup.timer"),
        ("web.service", ["web@1.service", "web@2.service"], "web@1.service"),
        ("machin-2", ["machine-1", "machine-2"], "machine-2"),
        ("lst-units", ["list-units", "list-unit-files"], "list-units"),
        ("form", ["from", "to"], "from"),
        ("a.service", ["b.service"], None),
        ("db.service", ["web.service", "app.service"], None),
        ("api.service", ["app-log.service"], None),
        ("cache.service", ["cat.service", "chat.service"], None),
        ("web@4.service", ["web@1.service"], None),
        ("machine-4", ["machine-1"], None),
        ("10.0.0.13", ["10.0.0.11"], None),
        ("hello.socket", ["helo.service"], None),
    ],
)
def test_only_what_is_near_is_suggested(given: str, known: list[str], meant: str | None) -> None:
    assert did_you_mean(given, known) == (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("word", "ours"),
    [("logs", "journal"), ("ps", "list-units"), ("rm", "destroy"), ("attach", "exec")],
)
def test_a_command_of_another_tool(word: str, ours: str, capsys: Output) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([word])
    expected = f"there is no command '{word}'; here that is: fleetctl {ours} ("
    assert expected in capsys.readouterr().err


def test_words_of_other_tools_are_no_commands_and_mean_one_thing() -> None:
    words = [word for others in WORDS_ELSEWHERE.values() for word in others.split()]
    assert len(words) == len(set(words))
    assert not {*words} & {*COMMANDS}
    assert WORDS_ELSEWHERE.keys() <= {*COMMANDS}


def test_no_far_fetched_command(capsys: Output) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["frobnicate"])
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stop", "a", "--no-blok"], "unrecognized arguments: --no-blok; did you mean --no-block?"),
        (["list-units", "--ouput=json"], "--ouput=json; did you mean --output?"),
        (["status", "a", "--tunel", "m"], "--tunel m; did you mean --tunnel?"),
    ],
)
def test_an_option_that_is_mistyped(words: list[str], hint: str, capsys: Output) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert hint in capsys.readouterr().err
