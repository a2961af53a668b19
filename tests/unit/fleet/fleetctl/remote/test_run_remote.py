"""A command that another fleetctl carries out, and whose output is read, when it is interrupted."""

import os
import subprocess
import sys

import pytest

from tests.checkout import LIBRARY

NEAR_END = """
import os, signal, sys
from threading import Timer
from fleet_cluster.fleet.fleetctl.remote import tunnel

tunnel.LAST_SECONDS = float(sys.argv[2])
signal.signal(signal.SIGTERM, signal.default_int_handler)


def on_line(_line):
    # A moment later: then the thread that reads waits for the next line.
    Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()


try:
    call = ["sh", "-c", sys.argv[1]]
    tunnel.run_remote(call, tunnel.RemoteRequest(), print, lambda: None, on_line)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    ("far", "patience"),
    [("echo begun; while read -r _; do :; done", 600), ("echo begun; exec sleep 600", 0.01)],
    ids=["ends with its input", "does not"],
)
def test_sigterm_ends_it_although_a_thread_waits_for_its_output(far: str, patience: float) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", NEAR_END, far, str(patience)],
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (answer.stdout, answer.stderr, answer.returncode) == ("interrupted\n", "", 0)
