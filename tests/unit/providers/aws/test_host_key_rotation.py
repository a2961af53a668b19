"""First contact with a machine that boots, and may hang on its way."""

import subprocess
import time
from typing import Any

import pytest

from fleet_cluster.providers.aws import host_key_rotation


def test_a_machine_that_hangs_while_it_boots_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ssh ends by itself when there is no connection, and not when nothing comes over one."""
    tried: list[float | None] = []

    def run(
        command: list[str], *, timeout: float | None = None, **_: Any
    ) -> subprocess.CompletedProcess[str]:
        tried.append(timeout)
        if len(tried) == 1:
            assert timeout is not None, "it would wait for ever"
            raise subprocess.TimeoutExpired(command, timeout)
        status = host_key_rotation.SSH_FAILED if len(tried) == 2 else 0
        return subprocess.CompletedProcess(command, status, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    host_key_rotation.wait_for(["ssh", "machine"])
    assert len(tried) == 3


def test_a_machine_that_never_answers_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_key_rotation, "BOOT_SECONDS", -1)
    with pytest.raises(SystemExit, match="no answer by SSH .*: No route to host. Next step"):
        host_key_rotation.wait_for(["sh", "-c", "echo No route to host >&2; exit 255"])
