"""A real browser: Chromium, driven by Playwright."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

PATIENCE_MS = 60_000
"""How long to wait for what has to come; a limit for tests that fail."""


@contextmanager
def chromium() -> Generator[Browser]:
    """Run Chromium without a window."""
    program = shutil.which("chromium")
    assert program, "there is no chromium on PATH: toolchain/setup chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, with what its browser has complained of and where it has asked."""

    def __init__(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        self.page = page
        self.complaints = list[str]()
        self.requests = list[str]()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("request", lambda request: self.requests.append(request.url))
