"""Questions to AWS about what a stack's settings name."""

from collections.abc import Callable
from typing import TypeVar

import pulumi

Answer = TypeVar("Answer")


def looked_up(setting: str, given: str, ask: Callable[[], Answer]) -> Answer:
    """What AWS answers.

    Raises:
        pulumi.RunError: it does not, or does not know what was given; AWS's words tell which.
    """
    try:
        return ask()
    # Pulumi's SDK has no type of its own for an answer that did not come.
    except Exception as error:
        raise pulumi.RunError(
            f"{setting}: {given!r} could not be looked up in this region: {error}. "
            f"Mend it with: pulumi config set {setting} VALUE"
        ) from error
