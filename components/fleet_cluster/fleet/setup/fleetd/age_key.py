"""The machine's own key, which secrets of its units are sealed to."""

import shutil
from pathlib import Path

from ...secrets.age import KEY
from ..shell import StepError, has_content, run, say
from .packages import install


def make(key: Path = KEY) -> None:
    """Make the key, unless there is one: what was sealed to that could not be opened any more.

    It is for root alone, and nothing ever brings it anywhere. A machine from before there were
    secrets may lack age; where that cannot be had, it goes on without a key.
    """
    if has_content(key):
        return
    try:
        _install()
        key.parent.mkdir(parents=True, exist_ok=True)
        draft = key.with_suffix(".new")
        draft.unlink(missing_ok=True)
        run("sh", "-c", 'umask 077; exec age-keygen -o "$1"', "sh", str(draft))
        draft.replace(key)
    except StepError as error:
        say(f"no key for secrets was made, so no unit here can have any: {error}")


def _install() -> None:
    """Have age, which the machine's image or cloud-init has brought, as a rule."""
    if shutil.which("age-keygen") is None:
        install("age")
