"""What the store holds, decoded; the same text is decoded once."""

from functools import lru_cache

from components.fleet.model import Assignment, UnitState

_KEPT = 4096

assignment_of = lru_cache(_KEPT)(Assignment.from_json)
state_of = lru_cache(_KEPT)(UnitState.from_json)
