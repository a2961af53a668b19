"""A server of HTTP/2 that answers each call as a test says, on connections that it counts."""

import socket
import threading
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

Answer = Callable[[H2Connection, int], None]
"""Answers a call, by its stream, once it has been sent whole."""
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


class Http2Server:
    """A server on a free port of this computer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return  # It is stopped.
            self.connections += 1
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected: socket.socket) -> None:
        http = H2Connection(H2Configuration(client_side=False))
        http.initiate_connection()
        with connected:
            connected.sendall(http.data_to_send())
            while data := connected.recv(65536):
                for event in http.receive_data(data):
                    if isinstance(event, StreamEnded):
                        assert event.stream_id
                        try:
                            self.answer(http, event.stream_id)
                        except EOFError:
                            connected.sendall(http.data_to_send())
                            return
                connected.sendall(http.data_to_send())
