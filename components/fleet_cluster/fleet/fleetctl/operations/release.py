"""Release of a file: what rollout and undo have in common."""

from collections.abc import Mapping
from time import time

from ...cluster_state.state import ClusterState
from ...model.releases import Canary
from ...unitfiles.text import sha_of
from ..cli.errors import Exit
from ..cli.rollout_options import Limits
from ..releases.canary import canary_record, canary_units, pending
from ..releases.file_change import nothing_rolled, unknown_template, wanted
from ..state.manifest import check_fits
from ..state.secret_versions import with_secrets
from ..state.transaction import Transaction, transact
from ..state.watcher import Watcher
from .admission import admit
from .context import Context
from .report import report
from .rollout import Rollout


def release(
    context: Context,
    watcher: Watcher,
    name: str,
    files: Mapping[str, str],
    limits: Limits,
    canary: int = 0,
) -> Exit:
    """Bring a file to a unit, or to a template with its instances; say what became of it.

    Args:
        context: what explains failures.
        watcher: the cluster.
        name: the unit.
        files: where its file is looked for first, by unit; then in the cluster.
        limits: what that may cost.
        canary: after how many instances or machines to stop; 0 for all.

    Raises:
        CtlError, UnitFileError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    view = watcher.state
    units, text = with_secrets(name, *wanted(name, files, view), view)
    texts = {sha_of(text): text}
    known = view.preview(unknown_template(name, view), {})
    first = canary_units(name, canary, units, known) if canary else units
    canaries = dict[str, Canary]()
    if first != units:
        sha = units[name].sha
        canaries = {name: canary_record(name, sha, first[name], known, watcher.origin, time())}
    check_fits(units, view.preview(units, texts))
    admit(units, texts, view)
    in_short = nothing_rolled(name, units, view)
    transact(watcher, lambda view: Transaction(unknown_template(name, view)))
    rolled: list[str] = []

    def say(line: str) -> None:
        rolled.append(line)
        print(line)

    rollout = Rollout(watcher, first, texts, limits, say, canaries, context.on_step)
    code = report(context, watcher, rollout.run)
    if code is Exit.DONE and canaries:
        print_progress(name, watcher.state)
    elif code is Exit.DONE and not rolled:
        print(in_short)
    return code


def print_progress(name: str, view: ClusterState) -> None:
    """Say how far a canary is, and what can be done now."""
    if progress := pending(name, view):
        print(progress.in_words, progress.advice, sep="\n")
