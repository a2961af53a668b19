"""Wait condition for a desired state, whichever it is (pure)."""

from ...model.records import DesiredState, Unit
from .outcome import Reports, WaitCondition
from .start import launched, loaded, scheduled
from .stop import gone


def in_desired_state(name: str, wanted: Unit, before: Reports | None) -> WaitCondition:
    """Wait condition: the unit is as far as it is wanted; `before` as for `launched`."""
    if wanted.desired_state is DesiredState.LAUNCHED:
        started, on_clock = launched(name, wanted, before), scheduled(name, wanted)
        return lambda view: (on_clock if view.is_once(name) else started)(view)
    if wanted.desired_state is DesiredState.LOADED:
        return loaded(name, wanted)
    return gone(name, f"Unit {name} inactive")
