"""The operator's browser, which is shown the page."""

import os
import sys
import webbrowser
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
PAGE = """\
<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={url}">
<title>fleetctl dashboard</title>
<a href="{url}">fleetctl dashboard</a>
"""


@contextmanager
def shown_in_browser(url: str, environment: Mapping[str, str] = os.environ) -> Generator[None]:
    """Show a page, if there is a screen for it.

    The browser is given a file that leads there and that only this user may read: the URL itself
    would stand on a command line, which everyone on this computer may read.
    """
    if not has_screen(environment, sys.platform):
        yield
        return
    with TemporaryDirectory(prefix="fleetctl-dashboard-") as folder:
        file = Path(folder) / "dashboard.html"
        file.write_text(PAGE.format(url=url))
        webbrowser.open(file.as_uri())
        yield


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would be a window: one in this terminal would be in the way."""
    return platform in ("darwin", "win32") or any(environment.get(name) for name in DISPLAYS)
