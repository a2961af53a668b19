"""Sets a machine up, step by step; Pulumi runs each step over SSH, as root.

Usage: python3 -m fleet.setup STEP < INPUT.json
"""

import sys
from collections.abc import Callable

from ..config import ConfigError
from .configure import configure
from .etcd import set_up_member
from .etcd_auth import Workers
from .fleetd.step import start
from .inputs import StepInputError
from .quorum import Quorum
from .restore import Restore
from .shell import StepError, say
from .trust import trust

STEPS: dict[str, Callable[[str], None]] = {
    "configure": configure,
    "etcd": lambda stdin: set_up_member(stdin, bootstrap=False),
    "etcd-bootstrap": lambda stdin: set_up_member(stdin, bootstrap=True),
    "etcd-members": Quorum().remove_members,
    "may-leave": Quorum().may_leave,
    "may-shrink": Quorum().may_shrink,
    "worker": Workers().admit,
    "worker-gone": Workers().dismiss,
    "fleetd": start,
    "restore": Restore().step,
    "trust": trust,
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
    except StepInputError as error:
        sys.exit(f"input of the step {step}: {error}")
    except (OSError, ConfigError) as error:
        sys.exit(f"the step {step} has failed on this machine: {error}")


if __name__ == "__main__":
    main()
