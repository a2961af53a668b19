"""Apply: a cluster's units become those of a manifest."""

from collections.abc import Mapping

from ..cli.rollout_options import Limits
from ..state.manifest import Manifest, check, in_the_way, obsolete
from ..state.watcher import Watcher
from ..wait.outcome import Failed
from ..wait.wait import say_nothing
from .admission import admit
from .destroy import destroy
from .rollout import Rollout


def apply(manifest: Manifest, watcher: Watcher, limits: Limits) -> Mapping[str, Failed]:
    """Check everything, change what differs, wait until all is as wanted.

    Units that run with another file are rolled; what is not in the set goes at the end.

    Returns:
        The units that failed.

    Raises:
        CtlError, UnitFileError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    check(manifest, watcher.state)
    admit(manifest.units, manifest.texts, watcher.state)
    going = obsolete(manifest, watcher.state)
    wanted = {**manifest.units, **in_the_way(manifest, watcher.state)}
    failures = Rollout(watcher, wanted, manifest.texts, limits).run()
    if going and not failures:
        failures = destroy(watcher, going, limits.timeout, announce=say_nothing)
    return failures
