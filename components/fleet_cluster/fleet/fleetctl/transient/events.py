"""Events of a run, as fleetctl on a machine tells them to the fleetctl that was called: JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...model.record import BadRecordError
from ...model.records import MachineState
from ...model.wire import to_wire
from ..cli.errors import CtlError


@dataclass(frozen=True)
class Request:
    """The request for a run: what is decided where the command was typed."""

    unit: str
    id: str
    """What this run of the unit is called."""
    text: str
    """Its file, without the machine that it is to be on."""
    on: str = ""
    """What the operator calls that machine; empty when any will do."""

    def to_json(self) -> str:
        """The request for the way."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """Read a request.

        Raises:
            CtlError: it is none.
        """
        try:
            return cls(**{name: str(value) for name, value in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise CtlError(f"this is not a request for a run: {error}") from error


@dataclass(frozen=True)
class Placed:
    """The event that a run was handed to its machines."""

    machines: Sequence[MachineState]


@dataclass(frozen=True)
class Ended:
    """The event that a run has ended on a machine, or that nothing more will come of it."""

    machine: str
    result: str
    """systemd's word, or fleet's where systemd has none."""
    exit_code: int


Event = Placed | Ended


def to_line(event: Event) -> str:
    """The event as a line."""
    if isinstance(event, Placed):
        return json.dumps({"placed": [to_wire(machine) for machine in event.machines]})
    return json.dumps({"ended": asdict(event)})


def from_line(line: str) -> Event:
    """Read an event.

    Raises:
        CtlError: it is none: fleetctl there is of another version.
    """
    try:
        raw: Mapping[str, Any] = json.loads(line)
        if "placed" in raw:
            return Placed([MachineState.from_object(one) for one in raw["placed"]])
        ended = raw["ended"]
        return Ended(str(ended["machine"]), str(ended["result"]), int(ended["exit_code"]))
    except (ValueError, KeyError, TypeError, BadRecordError) as error:
        raise CtlError(f"the machine asked says what cannot be used: {line[:200]!r}") from error
