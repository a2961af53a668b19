"""make up and make down: what they print, where it is kept, and how they end."""

import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PULUMI, PYTHON, Computer

ENGINE = """
if [[ "$1 $2" == "stack output" ]]; then echo http://127.0.0.1:8080; exit; fi
if [[ "$1 $2" == "stack ls" ]]; then echo '[{"name": "dev"}]'; exit; fi
[[ $1 == stack ]] && exit
if [[ $1 == up || $1 == destroy ]]; then
  echo " +  docker:index:Image hello creating (0s) Setting up libc6 ..."
  echo " +  docker:index:Image hello created (8s) Setting up libc6 ..."
  echo "error: it did not work" >&2
  exit ${CODE:-0}
fi
"""
ROWS = [
    " +  docker:index:Image hello creating (0s) Setting up libc6 ...",
    " +  docker:index:Image hello created (8s) Setting up libc6 ...",
]
DONE = " +  docker:index:Image hello created (8s)"


@pytest.fixture
def ready(computer: Computer) -> Computer:
    """Everything is set up; Pulumi builds one image, and ends with $CODE."""
    computer.provide_everything_but_plugins()
    computer.stub("python3", f'[[ $* == *progress.py* ]] && exec {sys.executable} "$@"{PYTHON}')
    set_up = computer.run("toolchain/setup", "python", "engine", "language-host", "plugins")
    assert set_up.returncode == 0, set_up.stderr
    computer.stub("pulumi", ENGINE + PULUMI)
    for name in ("setup", "ssh-files"):
        computer.stub(name, "", computer.checkout / "toolchain")
    return computer


def log_of(computer: Computer) -> Path:
    return computer.checkout / ".pulumi/dev.log"


def flags(computer: Computer, command: str) -> str:
    [call] = [call for call in computer.calls if call.startswith(f"pulumi {command} ")]
    return call


def test_without_a_terminal_a_resource_is_a_line_and_the_log_has_all(ready: Computer) -> None:
    done = ready.run("toolchain/up")
    assert done.returncode == 0, done.stderr
    assert DONE in done.stdout.splitlines()
    assert "libc6" not in done.stdout and "this did not work" not in done.stderr
    assert log_of(ready).read_text().splitlines() == ROWS
    assert stat.S_IMODE(log_of(ready).stat().st_mode) == 0o600
    assert "--non-interactive" in flags(ready, "up")


@pytest.mark.parametrize(("stack", "env"), [("dev", "env"), ("prod", "env STACK=prod")])
def test_up_says_how_a_shell_gets_to_this_stack(ready: Computer, stack: str, env: str) -> None:
    done = ready.run("toolchain/up", STACK=stack)
    assert f'eval "$(make -s {env})"' in done.stdout, done.stderr


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_failure_ends_with_pulumis_code_and_names_the_log(ready: Computer, command: str) -> None:
    (ready.checkout / ".pulumi/.pulumi/stacks").mkdir(parents=True)
    done = ready.run(f"toolchain/{command}", CODE="7")
    assert done.returncode == 7
    assert DONE in done.stdout.splitlines()
    assert done.stderr.startswith("error: it did not work\n")
    assert f"output is in {log_of(ready)}" in done.stderr
    assert f"next: mend what it says above, then: make {command}" in done.stderr
    assert log_of(ready).exists()
    assert "The cluster answers" not in done.stdout


def test_a_failure_says_to_run_the_same_again(ready: Computer) -> None:
    done = ready.run("toolchain/up", CODE="7", STACK="prod")
    assert "then: make up STACK=prod\n" in done.stderr


def test_down_leaves_no_log(ready: Computer) -> None:
    (ready.checkout / ".pulumi/.pulumi/stacks").mkdir(parents=True)
    ready.run("toolchain/up")
    files = ready.checkout / ".pulumi/ssh/dev"
    files.mkdir(parents=True)
    done = ready.run("toolchain/down", STACK="dev")
    assert done.returncode == 0, done.stderr
    assert DONE in done.stdout.splitlines()
    assert not log_of(ready).exists() and not files.exists()


@pytest.mark.parametrize(
    ("words", "stack"), [((), "demo"), (("STACK=mine",), "mine"), (("RECORD=docs/demo",), "demo")]
)
def test_the_demo_has_a_stack_of_its_own(
    ready: Computer, words: tuple[str, ...], stack: str
) -> None:
    ready.stub("python", 'echo "$STACK: $*"', ready.checkout / ".venv/bin")
    done = ready.run("make", "-s", "demo", *words)
    module = "demo.record docs/demo" if "RECORD=docs/demo" in words else "demo"
    assert (done.returncode, done.stdout) == (0, f"{stack}: -m {module}\n"), done.stderr


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_stack_with_a_program_of_its_own_is_of_that_until_it_is_down(
    ready: Computer, command: str
) -> None:
    (ready.checkout / ".pulumi/.pulumi/stacks").mkdir(parents=True)
    program = ready.checkout / ".pulumi/programs/dev"
    program.mkdir(parents=True)
    ready.stub("pulumi", "[[ $1 == stack ]] || pwd" + ENGINE + PULUMI)
    done = ready.run("make", "-s", command)
    assert done.returncode == 0, done.stderr
    assert str(program) in done.stdout.splitlines()
    assert program.exists() == (command == "up")


@pytest.mark.parametrize("other", [{}, {"CI": "true"}, {"TERM": "dumb"}])
def test_on_a_terminal_pulumi_shows_its_own_tree(ready: Computer, other: dict[str, str]) -> None:
    """A terminal of CI is looked at by nobody; on a dumb one there is no tree."""
    code, text = on_a_terminal(ready, **other, CODE="7")
    assert code == 7
    assert ("--non-interactive" in flags(ready, "up")) == bool(other)
    assert (ROWS[0] in text) == (not other)
    assert log_of(ready).exists() == bool(other)


def on_a_terminal(computer: Computer, **environment: str) -> tuple[int, str]:
    """The exit code of toolchain/up, and what it printed."""
    ours, its = pty.openpty()
    base = {
        "HOME": str(computer.home),
        "PATH": str(computer.bin),
        "FLEET_CLUSTER_CACHE": str(computer.cache),
        "TERM": "xterm",
    }
    done = subprocess.run(
        ["toolchain/up"],
        cwd=computer.checkout,
        env=base | environment,
        stdin=its,
        stdout=its,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    os.close(its)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        return done.returncode, terminal.read(1 << 16).decode()
