"""age as a program: what it says for good, told from what may pass."""

import errno
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet_cluster.fleet.secrets import age
from fleet_cluster.fleet.secrets.age import Age, SealError, SealerUnavailableError

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Both programs of age do this."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(lines: str) -> None:
        for name in ("age", "age-keygen"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
            (tmp_path / name).chmod(0o755)

    return write


def test_what_age_says_is_for_good(install: Install) -> None:
    install('echo "age: error: no identity matched" >&2; exit 1')
    with pytest.raises(SealError, match="^no identity matched$") as caught:
        Age().open("sealed")
    assert not isinstance(caught.value, SealerUnavailableError)
    assert Age().public_key() == ""


def test_age_that_was_killed_may_do_it_the_next_time(install: Install) -> None:
    install("kill -9 $$")
    with pytest.raises(SealerUnavailableError, match="killed by signal 9"):
        Age().open("sealed")
    with pytest.raises(SealerUnavailableError):
        Age().public_key()


def test_age_that_does_not_answer_may_do_it_the_next_time(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(age, "SECONDS", 0.1)
    install("exec sleep 30")
    with pytest.raises(SealerUnavailableError, match="does not answer"):
        Age().open("sealed")


@pytest.mark.parametrize(
    ("number", "may_pass"), [(errno.EAGAIN, True), (errno.ENOMEM, True), (errno.ENOEXEC, False)]
)
def test_age_for_which_there_is_no_room_may_do_it_the_next_time(
    number: int, may_pass: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_arguments: object, **_options: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(SealError, match="cannot be run") as caught:
        Age().open("sealed")
    assert isinstance(caught.value, SealerUnavailableError) == may_pass
