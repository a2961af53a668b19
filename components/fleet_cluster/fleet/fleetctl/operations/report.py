"""Report on a change at the end of a command: what became of it, and the exit code."""

from collections.abc import Callable, Mapping

from ..cli.errors import Exit, TimedOutError
from ..state.watcher import Watcher
from ..wait.outcome import Failed
from .context import Context


def report(context: Context, watcher: Watcher, work: Callable[[], Mapping[str, Failed]]) -> Exit:
    """Do the work; explain the units that failed, or that were still under way at the time limit.

    Raises:
        TimedOutError: the time limit came first.
    """
    try:
        failures = work()
    except TimedOutError as error:
        late = {name: Failed("it is not done yet", on) for name, on in error.machines.items()}
        context.machines.explain(late, watcher.state)
        raise
    context.machines.explain(failures, watcher.state)
    return Exit.FAILED if failures else Exit.DONE
