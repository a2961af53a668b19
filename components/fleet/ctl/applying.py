"""Making a cluster's units those of an `Application`."""

from collections.abc import Iterable, Mapping
from time import monotonic

from ..model import Target, UnitState
from . import goals
from .application import Application, check, draft, obsolete, steps
from .change import Draft, change
from .destroying import destroy
from .follow import Follower
from .goals import Failed, Goal
from .reviving import at_rest, take_off
from .view import View
from .waiting import Wait


def apply(
    application: Application, follower: Follower, timeout: float | None
) -> Mapping[str, Failed]:
    """Check everything, change what differs, wait until all is as wanted.

    Running instances of a template whose file changes are changed one after the other, each when
    the one before is active again; the first failure ends that.

    Returns:
        The units that failed.

    Raises:
        CtlError: refused; nothing was written.
        TimedOutError: the time limit came first.
    """
    check(application, follower.view)
    resting = at_rest(application.units, follower.view, with_finished=False)
    timeout = take_off(resting, follower, timeout)
    deadline = None if timeout is None else monotonic() + timeout
    before = {name: dict(follower.view.reported(name)) for name in application.units}
    going = obsolete(application, follower.view)
    for step in steps(application, follower.view):
        change(follower, lambda view, step=step: _part(application, view, step))
        failures = _wait(follower, _goals(application, step, before), deadline)
        if failures:
            return failures
    failures = _wait(follower, _goals(application, application.units, before), deadline)
    if going and not failures:
        failures = destroy(follower, going, _left(deadline), quiet=True)
    return failures


def _part(application: Application, view: View, names: Iterable[str]) -> Draft:
    whole = draft(application, view)
    chosen = {name: whole.units[name] for name in names if name in whole.units}
    return Draft(chosen, whole.texts)


def _goals(
    application: Application,
    names: Iterable[str],
    before: Mapping[str, Mapping[str, UnitState]],
) -> dict[str, Goal]:
    found: dict[str, Goal] = {}
    for name in names:
        wanted = application.units.get(name)
        if wanted and wanted.target is Target.LAUNCHED:
            found[name] = goals.launched(name, wanted, before[name])
        elif wanted and wanted.target is Target.LOADED:
            found[name] = goals.loaded(name, wanted)
        elif wanted:
            found[name] = goals.gone(name, "")
    return found


def _wait(
    follower: Follower, wanted: dict[str, Goal], deadline: float | None
) -> Mapping[str, Failed]:
    return Wait(follower, wanted, _left(deadline), quiet=True).run()


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - monotonic(), 0)
