"""Making a cluster's units those of an `Application`."""

from collections.abc import Mapping

from ..state.manifest import Manifest, check, in_the_way, obsolete
from ..state.wait_conditions import Failed
from ..state.watcher import Watcher
from .admission import accept
from .destroy import destroy
from .rollout import Limits, Rollout
from .waiter import say_nothing


def apply(application: Manifest, follower: Watcher, limits: Limits) -> Mapping[str, Failed]:
    """Check everything, change what differs, wait until all is as wanted.

    Units that run with another file are rolled; what is not in the set goes at the end.

    Returns:
        The units that failed.

    Raises:
        CtlError, UnitFileError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    check(application, follower.view)
    accept(application.units, application.texts, follower.view)
    going = obsolete(application, follower.view)
    wanted = {**application.units, **in_the_way(application, follower.view)}
    failures = Rollout(follower, wanted, application.texts, limits).run()
    if going and not failures:
        failures = destroy(follower, going, limits.timeout, announce=say_nothing)
    return failures
