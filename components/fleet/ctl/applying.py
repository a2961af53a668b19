"""Making a cluster's units those of an `Application`."""

from collections.abc import Iterable, Mapping
from time import monotonic

from .application import Application, check, draft, obsolete, steps
from .change import Draft, change
from .destroying import destroy
from .follow import Follower
from .goals import Failed, Reports, goal_of
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
    going = obsolete(application, follower.view)
    changing = steps(application, follower.view)
    for step in changing:
        members = [name for name in step if name in application.units]
        before = {name: dict(follower.view.reported(name)) for name in members}
        change(follower, lambda view, step=step: _part(application, view, step))
        failures = _wait(application, before, follower, deadline)
        if failures:
            return failures
    unchanged = application.units.keys() - {name for step in changing for name in step}
    failures = _wait(application, dict.fromkeys(unchanged), follower, deadline)
    if going and not failures:
        failures = destroy(follower, going, _left(deadline), quiet=True)
    return failures


def _part(application: Application, view: View, names: Iterable[str]) -> Draft:
    whole = draft(application, view)
    chosen = {name: whole.units[name] for name in names if name in whole.units}
    return Draft(chosen, whole.texts)


def _wait(
    application: Application,
    before: Mapping[str, Reports | None],
    follower: Follower,
    deadline: float | None,
) -> Mapping[str, Failed]:
    """Wait for units; `before` is what was reported of each before it was changed."""
    goals = {
        name: goal_of(name, application.units[name], reports) for name, reports in before.items()
    }
    return Wait(follower, goals, _left(deadline), quiet=True).run()


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - monotonic(), 0)
