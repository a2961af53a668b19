"""Completion: what a word may become, and how bash, zsh and fish ask for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.commands import candidates as module
from fleet_cluster.fleet.fleetctl.commands.candidates import ask_cluster, candidates
from fleet_cluster.fleet.fleetctl.commands.inspect.completion import SCRIPTS
from tests.terminal import on_terminal

Output = pytest.CaptureFixture[str]

UNITS = ["web@1.service", "web@.service", "hello.service"]
MACHINES = ["machine-1", "machine-2"]
LISTS_UNITS = ["list-unit-files", "--no-legend", "--fields", "unit"]
LISTS_MACHINES = ["list-machines", "--no-legend", "--fields", "hostname"]


def complete(*words: str) -> list[str]:
    def ask(calls: Sequence[Sequence[str]]) -> list[str]:
        found = {"list-unit-files": UNITS, "list-machines": MACHINES}
        return [name for call in calls for name in found[call[0]]]

    return candidates(words, ask)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["li"], ["list-backups", "list-machines", "list-names", "list-unit-files", "list-units"]),
        (["com"], ["completion"]),
        (["loc"], []),
        (["--tunnel", "machine-1", "jour"], ["journal"]),
        (["--tunnel", ""], []),
        (["--ssh-conf"], ["--ssh-config"]),
        (["list-units", "--tunnel", "web"], []),
        (["status", "web"], ["web@.service", "web@1.service"]),
        (["status", "hello", "w"], ["web@.service", "web@1.service"]),
        (["journal", "-f", "--lines", "5", "h"], ["hello.service"]),
        (["journal", "--machine", "machine-"], MACHINES),
        (["journal", "--fol"], ["--follow"]),
        (["drain", "m"], MACHINES),
        (["ssh", ""], sorted([*UNITS, *MACHINES])),
        (["exec", "-t", "h"], ["hello.service"]),
        (["exec", "hello", "--", "h"], []),
        (["exec", "hello", "--", "ls", "--t"], []),
        (["runs", "hello", "h"], []),
        (["list-units", "--output", "j"], ["json"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["nonsense", ""], []),
        ([], complete("")),
    ],
)
def test_what_a_word_may_become(words: list[str], expected: list[str]) -> None:
    assert complete(*words) == expected


def test_files_where_a_command_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "units").mkdir()
    for name in ("units/web@.service", "units/.hidden", "world.service"):
        (tmp_path / name).touch()
    assert complete("start", "w") == ["web@.service", "web@1.service", "world.service"]
    assert complete("start", "u") == ["units/"]
    assert complete("start", "units/") == ["units/web@.service"]
    assert complete("verify", f"{tmp_path}/un") == [f"{tmp_path}/units/"]
    assert complete("start", "nowhere/") == []
    assert complete("stop", "wo") == []


def test_the_cluster_is_asked_as_the_words_before_say() -> None:
    asked: list[Sequence[str]] = []
    candidates(
        ["--tunnel", "m1", "ssh", "--ssh-port=9", ""], lambda calls: asked.extend(calls) or []
    )
    options = ["--tunnel=m1", "--ssh-port=9"]
    assert asked == [[*options, *LISTS_UNITS], [*options, *LISTS_MACHINES]]


FLEETCTL = """#!/bin/sh
case $* in
*slow*) sleep 20; touch "$0.ended" ;;
*fails*) echo no; echo "no way" >&2; exit 1 ;;
*) printf 'web@1.service\\nhello.service\\n' ;;
esac
"""


def test_a_cluster_that_does_not_answer_in_time_or_fails_has_no_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Output
) -> None:
    script = tmp_path / "fleetctl"
    script.write_text(FLEETCTL)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "orig_argv", [str(script), "complete", "--", ""])
    monkeypatch.setattr(sys, "argv", ["x", "complete", "--", ""])
    # Longer than a busy computer takes to begin the others.
    monkeypatch.setattr(module, "LIMIT_SECONDS", 3)
    monkeypatch.setenv("FLEETCTL_COMPLETION_TIMEOUT", "soon")
    assert ask_cluster([["slow"], ["fails"], ["list"]]) == ["web@1.service", "hello.service"]
    assert not Path(f"{script}.ended").exists(), "it was waited for to its end"
    monkeypatch.setattr(module, "LIMIT_SECONDS", 600)
    monkeypatch.setenv("FLEETCTL_COMPLETION_TIMEOUT", "0.5")
    assert ask_cluster([["slow"]]) == []
    assert not Path(f"{script}.ended").exists(), "it was waited for to its end"
    assert capfd.readouterr() == ("", "")


ASKED = (
    '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done >"$FOLDER/asked"\ncat "$FOLDER/answer"\n'
)
SHELLS = {
    "bash": """
source <(fleetctl completion bash)
COMP_LINE='fleetctl status web@' COMP_POINT=20 _fleetctl
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { : }
compadd() { [[ $1 != -S ]] || shift 2; shift; (( ! $# )) || print -l -- $@ }
source =(fleetctl completion zsh)
words=(fleetctl status web@) CURRENT=3
_fleetctl
""",
    "fish": """
fleetctl completion fish | source
complete -C 'fleetctl status web@'
""",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shells_ask_and_show(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} on this computer")
    (tmp_path / "asked").touch()
    script = ASKED.replace(
        "for word", f'[ "$1" != completion ] || exec cat "$FOLDER/{shell}"\nfor word'
    )
    (tmp_path / "fleetctl").write_text(script)
    (tmp_path / "fleetctl").chmod(0o755)
    (tmp_path / shell).write_text(SCRIPTS[shell])
    (tmp_path / "answer").write_text("web@1.service\nweb@2.service\n")
    ended = subprocess.run(
        [shell, "-c", SHELLS[shell]],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.stderr == ""
    assert (tmp_path / "asked").read_text() == "<complete><--><status><web@>"
    shown = ["@1.service", "@2.service"] if shell == "bash" else ["web@1.service", "web@2.service"]
    assert ended.stdout.split() == shown


@pytest.mark.parametrize("hosts", ["shopt -s hostcomplete", "shopt -u hostcomplete"])
@pytest.mark.parametrize("typed", ["we", "web", "web@", "web@1.s"])
def test_tab_in_bash_leaves_the_whole_name(hosts: str, typed: str, tmp_path: Path) -> None:
    (tmp_path / "bash").write_text(SCRIPTS["bash"])
    (tmp_path / "fleetctl").write_text(
        '#!/bin/sh\n[ "$1" != complete ] || exec echo web@1.service\necho "asked: $*."\n'
    )
    (tmp_path / "fleetctl").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PS1": "> "}
    with on_terminal(["bash", "--norc", "--noprofile", "-i"], environment, tmp_path) as terminal:
        terminal.press(f"source ./bash; {hosts}; echo re''ady\n".encode())
        terminal.shows(r"ready\s+> ")
        terminal.press(f"fleetctl status {typed}\t\n".encode())
        assert "asked: status web@1.service." in terminal.shows(r"asked: .*\.\s")
