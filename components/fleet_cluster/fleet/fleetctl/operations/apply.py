"""Making a cluster's units those of an `Manifest`."""

from collections.abc import Mapping

from ..state.manifest import Manifest, check, in_the_way, obsolete
from ..state.wait_conditions import Failed
from ..state.watcher import Watcher
from .admission import admit
from .destroy import destroy
from .rollout import Limits, Rollout
from .waiter import say_nothing


def apply(manifest: Manifest, watcher: Watcher, limits: Limits) -> Mapping[str, Failed]:
    """Check everything, change what differs, wait until all is as wanted.

    Units that run with another file are rolled; what is not in the set goes at the end.

    Returns:
        The units that failed.

    Raises:
        CtlError, UnitFileError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    check(manifest, watcher.view)
    admit(manifest.units, manifest.texts, watcher.view)
    going = obsolete(manifest, watcher.view)
    wanted = {**manifest.units, **in_the_way(manifest, watcher.view)}
    failures = Rollout(watcher, wanted, manifest.texts, limits).run()
    if going and not failures:
        failures = destroy(watcher, going, limits.timeout, announce=say_nothing)
    return failures
