"""Sets a machine up, step by step; Pulumi runs each step over SSH, as root.

Usage: python3 -m fleet.setup STEP < INPUT.json
"""

import sys
from collections.abc import Callable

from .configure import configure
from .etcd import member
from .fleetd import start
from .quorum import drop_others, may_leave, may_shrink
from .shell import StepError, say

STEPS: dict[str, Callable[[str], None]] = {
    "configure": configure,
    "etcd": lambda stdin: member(stdin, bootstrap=False),
    "etcd-bootstrap": lambda stdin: member(stdin, bootstrap=True),
    "etcd-members": drop_others,
    "may-leave": may_leave,
    "may-shrink": may_shrink,
    "fleetd": start,
}


def main() -> None:
    """Run one step; its failure is one message on stderr and exit code 1, or 3 if refused."""
    step = sys.argv[1] if len(sys.argv) == 2 else ""  # noqa: PLR2004
    if step not in STEPS:
        sys.exit(f"{step or 'nothing'} given; allowed: {', '.join(STEPS)}")
    try:
        STEPS[step](sys.stdin.read())
    except StepError as error:
        say(str(error))
        sys.exit(error.code)


if __name__ == "__main__":
    main()
