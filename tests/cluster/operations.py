"""The commands of docs/operations.md, run as an operator would who copies them."""

import re

from tests.checkout import CHECKOUT
from tests.cluster.stack import Stack

OPERATIONS = CHECKOUT / "docs" / "operations.md"


def documented(name: str) -> str:
    """The commands under this name."""
    found = re.search(
        rf"^ *<!-- {name} -->\n *```sh\n(.*?)^ *```", OPERATIONS.read_text(), re.M | re.S
    )
    assert found, name
    return found.group(1)


def copied(stack: Stack, name: str) -> str:
    """Those commands, run: what they print."""
    script = f"set -e; export PULUMI_SKIP_CONFIRMATIONS=true\n{documented(name)}"
    return stack.run("bash", "-c", script, seconds=900).text
