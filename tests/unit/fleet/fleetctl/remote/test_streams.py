"""Streams, with programs in the place of ssh."""

import subprocess
import sys
from typing import Any

import pytest

from fleet_cluster.fleet.fleetctl.remote import streams


def test_a_call_that_has_ended_before_it_is_asked_is_only_one_that_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ended(subprocess.Popen[str]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            super().wait()

    monkeypatch.setattr(streams.subprocess, "Popen", Ended)
    with streams.begin([sys.executable, "-c", "raise SystemExit('No route to host')"]) as process:
        assert process.stderr
        assert process.stderr.read() == "No route to host\n"
    assert process.returncode == 1
