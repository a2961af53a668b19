#!/usr/bin/env bash
# docker-py 7.2.0: output of exec that arrives along with the header of the answer is dropped.
#
# Guess: exec_start returns all that the command printed, or raises.
# Seen: the header is read into a buffer, then the socket below that buffer is read. What came in one
# piece with the header stays in the buffer: the output of a short command is empty, or lacks its
# beginning, and its exit code is 0. When the same bytes come a moment later, all of it is there.
# On a busy computer the engine is as quick as the client, and it happens once in some thousands.
# So: the contract tests run commands in containers by Docker's own client.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check docker==7.2.0 requests==2.32.3 urllib3==2.2.3
venv/bin/pip freeze | grep -i docker

venv/bin/python - <<'PYTHON'
import socket
import struct
import time
from pathlib import Path
from threading import Thread

import docker

HEADER = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


def frame(text: bytes) -> bytes:
    """A piece of standard output as the engine sends it."""
    return struct.pack(">BxxxL", 1, len(text)) + text


def answer(pieces: list[bytes]) -> None:
    """An engine that answers one start of an exec, in these pieces."""
    connection, _ = listener.accept()
    asked = b""
    while not asked.endswith(b"}"):
        asked += connection.recv(4096)
    for piece in pieces:
        connection.sendall(piece)
        time.sleep(0.5)
    connection.close()


def output(pieces: list[bytes]) -> bytes:
    Thread(target=answer, args=(pieces,), daemon=True).start()
    return client.exec_start("7f" * 32)


listener = socket.socket(socket.AF_UNIX)
listener.bind("engine.sock")
listener.listen()
client = docker.APIClient(base_url=f"unix://{Path.cwd()}/engine.sock", version="1.41")
seen = {
    "after the header": output([HEADER, frame(b"all of it")]),
    "with the header": output([HEADER + frame(b"all of it")]),
    "half with it": output([HEADER + frame(b"all "), frame(b"of it")]),
}
for when, text in seen.items():
    print(f"{when}: {text.decode()!r}")
assert list(seen.values()) == [b"all of it", b"", b"of it"], "it has changed"
PYTHON
