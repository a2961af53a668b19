"""Wait condition for a desired state, whichever it is (pure)."""

from ...model.records import DesiredState, Unit
from .outcome import Reports, WaitCondition
from .start import launched, loaded
from .stop import gone


def in_desired_state(name: str, wanted: Unit, before: Reports | None) -> WaitCondition:
    """Wait condition: the unit is as far as it is wanted; `before` as for `launched`."""
    if wanted.desired_state is DesiredState.LAUNCHED:
        return launched(name, wanted, before)
    if wanted.desired_state is DesiredState.LOADED:
        return loaded(name, wanted)
    return gone(name, f"Unit {name} inactive")
