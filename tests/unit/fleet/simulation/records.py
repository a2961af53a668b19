"""What the store holds, decoded; the same text is decoded once."""

from functools import lru_cache

from fleet_cluster.fleet.model.records import Assignment, Eligibility, Move, UnitState

_KEPT = 4096

assignment_of = lru_cache(_KEPT)(Assignment.from_json)
state_of = lru_cache(_KEPT)(UnitState.from_json)
mark_of = lru_cache(_KEPT)(Eligibility.from_json)
move_of = lru_cache(_KEPT)(Move.from_json)
