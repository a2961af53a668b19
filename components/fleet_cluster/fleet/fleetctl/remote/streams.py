"""Streams: what fleetctl on a machine prints, line by line, while its input stays open."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from ...model.wire import to_wire
from .tunnel import REMOTE_FLAG, RemoteRequest

STREAM = ("fleetctl", REMOTE_FLAG)
"""The first words of a call that ends there when it ends here."""


def begin(call: Sequence[str], stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    """Begin a call that Ctrl-C at this terminal does not reach; its input stays open.

    Raises:
        OSError: there is no such program.
    """
    process = subprocess.Popen(
        call,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with suppress(BrokenPipeError):  # It has ended, and says why.
        assert process.stdin
        process.stdin.write(json.dumps(to_wire(RemoteRequest())) + "\n")
        process.stdin.flush()
    return process
