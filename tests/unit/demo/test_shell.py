"""Commands of the demo: what they get, how their end is told, what an interrupt does to them."""

import os
import signal
import threading
from pathlib import Path

import pytest

from demo import stack as stacks
from demo.shell import SAID, pulumi_summary, run
from demo.stack import Stack, TroubleError
from tests.signals import handlers, put_back

UP = """\
Updating (demo):
 ~  command:local:Command sinatra@.service updated (2.1s)
Outputs:
    url: "http://127.0.0.1:8080"

Resources:
    ~ 3 updated
    +-1 replaced
    82 unchanged

Duration: 12s
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """One that is only a folder."""
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    (tmp_path / ".pulumi").mkdir()
    return Stack("somebody/fleet-cluster/demo", tmp_path)


def test_commands_speak_of_the_demos_stack_whatever_the_shell_has_set(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_STACK", "dev")
    monkeypatch.setenv("FLEETCTL_SSH_CONFIG", "/of/dev")
    lines = run(stack, "echo $PULUMI_STACK; echo $FLEETCTL_SSH_CONFIG; pwd", lambda _: None)
    config = f"{stack.program}/.pulumi/ssh/demo/ssh_config"
    assert lines == [stack.name, config, str(stack.program)]


def test_what_is_printed_is_told_as_it_comes_and_is_in_the_log(stack: Stack) -> None:
    told: list[str] = []
    run(stack, "echo one; echo two >&2", told.append)
    assert told == ["one", "two"]
    assert stack.log.read_text() == "$ echo one; echo two >&2\none\ntwo\n"
    assert stack.log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["seq 40; exit 7", "(seq 40; exit 7) | cat"])
def test_a_failure_says_the_code_the_log_and_the_last_lines(stack: Stack, command: str) -> None:
    with pytest.raises(TroubleError) as trouble:
        run(stack, command, lambda _: None)
    first, *said = str(trouble.value).splitlines()
    assert first == f"it ended with 7; all of its output is in {stack.log}"
    assert said == [str(number) for number in range(41 - SAID, 41)]


def test_a_command_comes_to_its_end_also_when_its_output_cannot_be_kept(stack: Stack) -> None:
    def full(_: str) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        run(stack, "seq 100000; touch ended", full)
    assert (stack.program / "ended").exists()


def test_an_interrupt_is_passed_on_and_the_command_comes_to_its_end(stack: Stack) -> None:
    before = handlers([signal.SIGINT])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = "trap 'echo finished; exit 0' INT; echo began; while true; do sleep 0.05; done"

    def interrupt(line: str) -> None:
        if line == "began":
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()

    try:
        with pytest.raises(KeyboardInterrupt):
            run(stack, command, interrupt)
    finally:
        put_back(before)
    assert stack.log.read_text().endswith("began\nfinished\n")


def test_of_pulumi_one_line_is_shown() -> None:
    assert pulumi_summary(UP.splitlines()) == ["3 updated, 1 replaced, 82 unchanged, in 12s"]
