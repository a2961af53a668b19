"""Standard error, where everything goes that is not a command's result."""

import sys


def tell(text: str) -> None:
    """Print a line for the operator that no script should parse."""
    print(text, file=sys.stderr, flush=True)
