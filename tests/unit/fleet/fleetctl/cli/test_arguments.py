import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fleet_cluster.fleet import VERSION
from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from fleet_cluster.fleet.fleetctl.cli.options import remote_words
from fleet_cluster.fleet.fleetctl.commands import COMMANDS
from fleet_cluster.fleet.fleetctl.commands.parser import parse
from tests.checkout import LIBRARY

Output = pytest.CaptureFixture[str]


def test_options_come_before_or_after_the_command() -> None:
    for words in (["--tunnel", "m1", "list-units"], ["list-units", "--tunnel", "m1"]):
        command, arguments = parse(words)
        assert (command.name, arguments.tunnel) == ("list-units", "m1")


def test_the_environment_gives_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETCTL_TUNNEL", "m1")
    monkeypatch.setenv("FLEETCTL_SSH_USERNAME", "ops")
    _, arguments = parse(["list-units"])
    assert (arguments.tunnel, arguments.ssh_username) == ("m1", "ops")
    _, arguments = parse(["list-units", "--tunnel", "m2"])
    assert arguments.tunnel == "m2"


@pytest.mark.parametrize(
    ("words", "far"),
    [
        (["--tunnel", "m1", "start", "a", "--no-block"], ["start", "a", "--no-block"]),
        (["start", "--ssh-timeout=3", "a b"], ["start", "a b"]),
        (["list-units", "--endpoint", "e:1", "--full"], ["--endpoint=e:1", "list-units", "--full"]),
        (["destroy", "web@*", "--tunnel=m1"], ["destroy", "web@*"]),
    ],
)
def test_the_far_end_gets_what_is_meant_for_it(words: Sequence[str], far: list[str]) -> None:
    assert remote_words(words, parse(words)[1]) == far


def test_the_far_end_gets_options_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETCTL_ENDPOINT", "e:1")
    words = ["list-units"]
    assert remote_words(words, parse(words)[1]) == ["--endpoint=e:1", "list-units"]


def test_an_unknown_command_suggests(capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["lst-units"])
    assert exit.value.code == Exit.USAGE
    assert "there is no command 'lst-units'; did you mean list-units?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["list-units", "--ful"], ["start"], ["journal", "--lines=x", "a"]]
)
def test_wrong_command_lines(words: list[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(words)
    assert exit.value.code == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--tunnel", "m1:ssh", "list-units"], "--tunnel: 'm1:ssh' is not [USER@]HOST[:PORT]"),
        (["--tunnel", "m1", "--ssh-timeout", "soon", "list-units"], "--ssh-timeout is 'soon'"),
        (
            ["--tunnel", "m1", "--strict-host-key-checking", "maybe", "list-units"],
            "must be true or false",
        ),
    ],
)
def test_wrong_values(words: list[str], complaint: str, capsys: Output) -> None:
    assert main(words) == Exit.USAGE
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["help", "start"], ["--tunnel", "m1", "help", "start"], ["help", "start", "stop"]]
)
def test_help_of_a_command_wherever_the_word_is(words: list[str], capsys: Output) -> None:
    assert code_of(words) == Exit.DONE
    assert capsys.readouterr().out.startswith("usage: fleetctl start ")


def test_help_of_no_command_says_so(capsys: Output) -> None:
    assert code_of(["help", "logs"]) == Exit.USAGE
    assert "there is no command 'logs'; here that is: fleetctl journal" in capsys.readouterr().err


def test_an_unknown_option_names_the_commands_help(capsys: Output) -> None:
    assert code_of(["stop", "hello", "--bogus"]) == Exit.USAGE
    assert capsys.readouterr().err == (
        "fleetctl stop: unrecognized arguments: --bogus\nSee: fleetctl stop --help\n"
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("list-units <&-", Exit.FAILED),
        ("list-units <&- >&- 2>&-", Exit.FAILED),
        ("version >&-", Exit.DONE),
    ],
)
def test_streams_that_are_closed_are_no_traceback(words: str, code: Exit) -> None:
    fleetctl = f"{sys.executable} -m fleet_cluster.fleet.fleetctl"
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{fleetctl} --endpoint 127.0.0.1:1 --request-timeout 0.1 {words}"],
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


NO_TIMES = [["--timeout", "-1"], ["--timeout=nan"], ["--timeout=inf"], ["--timeout=soon"]]
NO_COUNTS = [["--block-attempts", "-1"], ["--block-attempts=1.5"]]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *(
            (["start", "a", *words], words[0].partition("=")[0])
            for words in [*NO_TIMES, *NO_COUNTS]
        ),
        *(([*words, "--timeout=-1"], "--timeout") for words in [["drain", "m"], ["rebalance"]]),
        (["apply", "--max-unavailable=-1"], "--max-unavailable"),
        (["rollout", "a", "--max-unavailable=0"], "--max-unavailable"),
        (["journal", "a", "--lines", "-1"], "--lines"),
        (["journal", "a", "-n", "few"], "--lines"),
        *((["list-units", f"--ssh-timeout={given}"], "--ssh-timeout") for given in ("0", "nan")),
        *((["list-units", f"--ssh-port={given}"], "--ssh-port") for given in ("0", "65536", "-1")),
        (["list-units", "--tunnel=m1:65536"], "--tunnel"),
    ],
)
def test_a_number_that_an_option_cannot_take(words: list[str], option: str, capsys: Output) -> None:
    assert code_of(words) == Exit.USAGE
    complaint = capsys.readouterr().err.splitlines()[0]
    given = words[-1].rpartition("=")[2]
    assert option in complaint
    assert given.removeprefix("m1:") in complaint
    assert "must be" in complaint or "is not [USER@]HOST[:PORT]" in complaint


def code_of(words: Sequence[str]) -> int:
    """The exit code, however the program ends."""
    try:
        return main(words)
    except SystemExit as exit:
        assert isinstance(exit.code, int)
        return exit.code


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version(words: list[str], capsys: Output) -> None:
    assert main(words) == Exit.DONE
    assert capsys.readouterr().out == f"fleetctl version {VERSION}\n"


@pytest.mark.parametrize("words", [["help"], ["--help"]])
def test_help_lists_the_commands(words: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit:
        main(words)
    assert exit.value.code == Exit.DONE
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS if not COMMANDS[name].hidden)
    assert "\n  locate" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example_and_the_exit_codes(name: str, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["help", name])
    out = capsys.readouterr().out
    assert f"$ fleetctl {name}" in out
    assert "exit codes: 0 done" in out


def test_a_computer_without_cluster_says_what_to_do(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fleet_cluster.fleet.config.PATH", tmp_path / "fleet.conf")
    assert main(["list-units"]) == Exit.FAILED
    assert "--tunnel HOST, or FLEETCTL_TUNNEL=HOST" in capsys.readouterr().err
