"""The tests' own load: no request that fails is left out, and nothing of it stays."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cluster import load as module
from tests.cluster.load import Load


@contextmanager
def server(answers: list[bytes]) -> Generator[str]:
    """Its URL. The last of the answers goes on."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(left.pop(0) if len(left) > 1 else left[0])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{made.server_port}/"
        finally:
            made.shutdown()


def users() -> list[threading.Thread]:
    """Those who ask now. The server has threads too, which end in their own time."""
    return [one for one in threading.enumerate() if "(_user)" in one.name]


def test_an_answer_that_is_cut_off_has_failed_and_its_user_goes_on() -> None:
    with server([b"Hello", b"He", b"Hello"]) as url, Load(url, users=1, rate=1000) as load:
        while len(load.requests) < 10:
            threading.Event().wait(0.01)
        assert len(users()) == 1
    assert [one.trouble[:14] for one in load.failed] == ["IncompleteRead"]


def test_where_nothing_answers_no_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    with server([b"other"]) as url:
        with pytest.raises(AssertionError, match="the URL does not answer"), Load(url, users=3):
            pass
        assert users() == []
