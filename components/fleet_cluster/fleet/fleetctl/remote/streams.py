"""Streams: what fleetctl on a machine prints, line by line, while its input stays open."""

import subprocess
from collections.abc import Sequence

from .tunnel import REMOTE_FLAG, RemoteRequest, send

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
    assert process.stdin
    send(RemoteRequest(), process.stdin)
    return process
