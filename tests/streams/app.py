"""An app with what a plain page lacks: a WebSocket, events, uploads. Python of any machine runs it.

`python3 app.py PORT`. It answers on all addresses:

    GET  /                  Hello
    GET  /events?every=N    server-sent events, one at once, then one every N seconds, for ever
    GET  /lines?every=N     the same, as plain text that asks not to be buffered
    GET  /echo              a WebSocket that sends back what it is sent
    POST /upload            how many bytes came
    GET  /headers           the request's headers
    GET  /crash             nothing: the connection ends
"""

import base64
import hashlib
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What a server appends to the key, RFC 6455."""


class App(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by path."""
        path = urlsplit(self.path).path
        if path == "/events":
            self._events({"Content-Type": "text/event-stream"})
        elif path == "/lines":
            self._events({"Content-Type": "text/plain", "X-Accel-Buffering": "no"})
        elif path == "/echo":
            self._echo()
        elif path == "/crash":
            self.close_connection = True
        else:
            self._answer(str(self.headers) if path == "/headers" else "Hello")

    def do_POST(self) -> None:
        """Take the body; it comes with its length."""
        self._answer(str(len(self.rfile.read(int(self.headers["Content-Length"])))))

    def _answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self, headers: dict[str, str]) -> None:
        every = float(parse_qs(urlsplit(self.path).query)["every"][0])
        self.close_connection = True
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        while True:
            self.wfile.write(b"data: event\n\n")
            time.sleep(every)

    def _echo(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        # Short frames only: a byte for the kind, one for the length, four that mask what follows.
        while head := self.rfile.read(6):
            text = self.rfile.read(head[1] & 0x7F)
            plain = bytes(byte ^ head[2 + place % 4] for place, byte in enumerate(text))
            self.wfile.write(bytes([head[0], len(plain)]) + plain)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), App).serve_forever()
