"""health_check.sh with a curl and a systemd-notify of our own: what it tells systemd, and when."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import LIBRARY

SCRIPT = LIBRARY / "fleet_cluster/fleet/health_check.sh"
URL = "http://127.0.0.1:1/health"
# The files in the folder STATE say how the app is; each call is told when it is made.
CURL = (
    '#!/bin/bash\n[ -e "$STATE/healthy" ] && ! rm "$STATE/miss" 2>/dev/null; found=$?\n'
    'echo "asked: $found" > "$CALLS"; exit $found\n'
)
NOTIFY = '#!/bin/bash\necho "told: $*" > "$CALLS"\n'
SLEEP = '#!/bin/bash\n[ "$1" = 1 ] || echo "waited: $1" > "$CALLS"\nexec "$REAL_SLEEP" 0.05\n'
READY = f"told: --ready --status={URL} answers"
YES, NO = "asked: 0", "asked: 1"


class HealthCheck:
    """A running health_check.sh, and what it did."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state"
        self._state.mkdir()
        (folder / "bin").mkdir()
        for name, text in {"curl": CURL, "systemd-notify": NOTIFY, "sleep": SLEEP}.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        self._calls = folder / "calls"
        os.mkfifo(self._calls)
        # Held open, so that neither side waits for the other.
        self._reader = os.fdopen(os.open(self._calls, os.O_RDWR), "r")
        environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "STATE": str(self._state),
            "CALLS": str(self._calls),
            "REAL_SLEEP": "/bin/sleep",
            "NOTIFY_SOCKET": "/none",
        }
        self.process = subprocess.Popen(
            ["bash", str(SCRIPT), URL],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def answers(self, does: bool) -> None:
        """From now on, the app does or does not."""
        if does:
            (self._state / "healthy").touch()
        else:
            (self._state / "healthy").unlink()

    def misses_once(self) -> None:
        """When it is asked next, the app does not answer; from then on it does again.

        A test that took that back itself might come too late: misses in a row would be more.
        """
        (self._state / "miss").touch()

    def next_call(self) -> str:
        return self._reader.readline().strip()

    def calls_until(self, wanted: str) -> list[str]:
        calls = [self.next_call()]
        while calls[-1] != wanted:
            calls.append(self.next_call())
        return calls

    def calls(self) -> list[str]:
        """What is still to be read, once it has ended."""
        self._calls.write_text("over\n")
        return self.calls_until("over")[:-1]

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self._reader.close()


@pytest.fixture
def check(tmp_path: Path) -> Iterator[HealthCheck]:
    running = HealthCheck(tmp_path)
    yield running
    running.close()


def test_it_is_ready_when_the_app_answers_and_no_sooner(check: HealthCheck):
    assert [check.next_call() for _ in range(5)] == [NO] * 5, "however long that takes"
    check.answers(True)
    *before, last, _ = check.calls_until(READY)
    assert set(before) <= {NO} and last == YES
    assert [check.next_call() for _ in range(3)] == [YES] * 3, "once"


def test_it_ends_with_an_error_after_three_misses_in_a_row(check: HealthCheck):
    check.answers(True)
    check.calls_until(READY)
    check.answers(False)
    _, error = check.process.communicate(timeout=30)
    assert check.process.returncode == 1
    assert error == f"health_check.sh: {URL} has not answered 3 times in a row\n"


def test_misses_that_are_not_in_a_row_are_nothing(check: HealthCheck):
    check.answers(True)
    check.calls_until(READY)
    for _ in range(3):
        check.misses_once()
        check.calls_until(NO)
        check.calls_until(YES)
    assert check.process.poll() is None


def test_whoever_still_comes_is_waited_for_when_it_is_stopped(check: HealthCheck):
    check.answers(True)
    check.calls_until(READY)
    check.process.terminate()
    check.calls_until("waited: 2")
    assert check.process.wait(timeout=30) == 0


def test_nobody_is_waited_for_where_the_app_is_away(check: HealthCheck):
    check.calls_until(NO)
    check.process.terminate()
    assert check.process.wait(timeout=30) == 0
    assert set(check.calls()) <= {NO}


def test_a_url_is_asked_for():
    refused = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2
    assert "no URL; say which" in refused.stderr
