"""Apply: a cluster's units become those of a manifest."""

from collections.abc import Mapping
from time import time

from ...cluster_state.state import ClusterState
from ...model.rollout_step import OnStep
from ..cli.rollout_options import Limits
from ..releases.canary import canary_record
from ..releases.file_change import unknown_template
from ..state.manifest import Manifest, at_first, check, in_the_way, obsolete
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from ..wait.outcome import Failed
from ..wait.wait import say_nothing
from .admission import admit
from .destroy import destroy
from .rollout import Rollout


def apply(
    manifest: Manifest, watcher: Watcher, limits: Limits, on_step: OnStep
) -> Mapping[str, Failed]:
    """Check everything, change what differs, wait until all is as wanted.

    Units that run with another file are rolled; what is not in the set goes at the end. `on_step`
    is called when one is healthy that was changed.

    Returns:
        The units that failed.

    Raises:
        CtlError, UnitFileError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    check(manifest, watcher.state)
    admit(manifest.units, manifest.texts, watcher.state)
    going, first = obsolete(manifest, watcher.state), at_first(manifest, watcher.state)
    _note_templates(first, watcher)
    canaries = {
        name: canary_record(
            name,
            manifest.units[name].sha,
            first.units[name],
            watcher.state,
            watcher.origin,
            time(),
        )
        for name in first.canaries
    }
    wanted = {**first.units, **in_the_way(first, watcher.state)}
    rollout = Rollout(watcher, wanted, manifest.texts, limits, canaries=canaries, on_step=on_step)
    failures = rollout.run()
    if going and not failures:
        failures = destroy(watcher, going, limits.timeout, announce=say_nothing)
    return failures


def _note_templates(manifest: Manifest, watcher: Watcher) -> None:
    """Make those known that have instances only: they name the file that the others keep."""

    def missing(view: ClusterState) -> Transaction:
        found = (unknown_template(name, view) for name in manifest.canaries)
        return Transaction({name: unit for one in found for name, unit in one.items()})

    transact(watcher, missing)
