"""Tests are interrupted as at a terminal, also where they run in the background."""

import signal
import threading


def pytest_configure() -> None:
    """A shell starts what it runs in the background with SIGINT ignored; children inherit that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
