"""The plugin's command line, as the engine writes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import standin

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(standin.__file__).parents[1])}


@pytest.mark.parametrize(
    "flags", [[], ["-v=9", "-logtostderr"], ["--tracing", "127.0.0.1:4317"]], ids=" ".join
)
def test_the_engines_address_is_last_whatever_flags_come_before(flags: list[str]) -> None:
    call = [sys.executable, "-m", "standin", "command", *flags, "127.0.0.1:1"]
    with subprocess.Popen(call, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as plugin:
        try:
            assert plugin.stdout
            assert plugin.stdout.readline().strip().isdecimal(), "the port where it serves"
        finally:
            plugin.terminate()
