"""How this program was called, to call it again."""

import sys


def own_call() -> list[str]:
    """The words of the call up to fleetctl itself: those of its command line may follow."""
    return sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
