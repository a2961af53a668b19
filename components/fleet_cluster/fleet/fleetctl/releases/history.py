"""Releases: which files a unit was given, by whom, and what a change adds to that (pure).

A template's releases are those of its instances. Whoever writes that a unit has another file writes
its release with it, so that the current release is always the file that the unit has.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...cluster_state.state import ClusterState
from ...model.keys import canary_key, release_key
from ...model.pins import unpinned
from ...model.record import Record
from ...model.records import Unit
from ...model.releases import Release
from ...unitfiles.unitfile import template_of
from ..cli.errors import CtlError
from ..cli.origin import Origin

KEPT = 10
"""So many releases of a unit are kept, and their files."""
KEPT_FAILED = 3
"""So many more of those that failed, without their files."""

_REVISION = re.compile("[1-9][0-9]{0,8}")

Releases = dict[int, Release]
"""By revision, the oldest first."""


def file_of(name: str, view: ClusterState) -> str:
    """The file (SHA-256) of a unit; of a Global one on its way to another, the one before."""
    unit, canary = view.units.get(name), view.canaries.get(name)
    if unit is None:
        return ""
    if not unit.retained_files:
        return unit.sha
    if canary and canary.sha == unit.sha:
        return canary.previous_sha
    noted = _sha(_noted(view).get(name, {}))
    is_known = noted in (unit.sha, *unit.retained_files.values())
    return noted if is_known else min(unit.previous_files, default=unit.sha)


def releases_of(name: str, view: ClusterState) -> Releases:
    """Releases of a unit or template; an instance has none of its own.

    If fleetctl of an earlier version has written its file, the last one tells no more than that.
    """
    return {} if template_of(name) else _with_present(name, _noted(view).get(name, {}), view)


def _with_present(name: str, noted: Releases, view: ClusterState) -> Releases:
    found, sha = dict(noted), file_of(name, view)
    if sha and sha != _sha(found):
        unit = view.units[name]
        at = 0.0 if unit.retained_files else unit.written_at
        found[_next(found)] = Release(sha, at)
    return found


def current(releases: Releases) -> int:
    """The revision of the current release; 0 when there is none."""
    return max((number for number, one in releases.items() if not one.failed), default=0)


def revision_before(name: str, view: ClusterState) -> tuple[int, Release]:
    """The release that an undo goes back to: the last one before the current, of another file.

    Raises:
        CtlError: there is none.
    """
    releases = _some_releases(name, view)
    now = current(releases)
    good = [number for number, one in releases.items() if not one.failed]
    present = _as_given(releases[now].sha, view)
    earlier = [number for number in good if _as_given(releases[number].sha, view) != present]
    if not earlier:
        raise CtlError(
            f"there is nothing to go back to: {name} has had no other file since its first "
            f"release that is noted. See: fleetctl history {name}"
        )
    return earlier[-1], releases[earlier[-1]]


def _as_given(sha: str, view: ClusterState) -> str:
    """A file without the versions of its secrets, which nobody goes back to; or what names it."""
    text = view.files.get(sha)
    return sha if text is None else unpinned(text)


def revision_named(name: str, number: int, view: ClusterState) -> tuple[int, Release]:
    """The release with that number.

    Raises:
        CtlError: there is none, or it failed.
    """
    releases = _some_releases(name, view)
    good = [str(one) for one, release in releases.items() if not release.failed]
    if number not in releases or releases[number].failed:
        why = "failed and was taken back" if number in releases else "is not noted"
        raise CtlError(
            f"release {number} of {name} {why}; there are: {', '.join(good) or 'none'}. See: "
            f"fleetctl history {name}"
        )
    return number, releases[number]


def _some_releases(name: str, view: ClusterState) -> Releases:
    template = template_of(name)
    if template:
        raise CtlError(f"{name} has the file of its template: fleetctl undo {template}")
    return releases_of(name, view)


def release_records(
    units: Mapping[str, Unit | None],
    failed: Mapping[str, str],
    view: ClusterState,
    origin: Origin,
    now: float,
) -> dict[str, dict[str, Record | None]]:
    """Records that go with a change of units, by unit and key; None removes one.

    Args:
        units: the records of units as they are to be; None for one that is removed.
        failed: the file (SHA-256) that a unit or template was to have and cannot run with.
        view: the cluster before.
        origin: who asks for it.
        now: seconds since 1970.
    """
    names = [name for name in {**units, **failed} if not template_of(name)]
    found: dict[str, dict[str, Record | None]] = {}
    all_noted = _noted(view) if names else {}
    for name in names:
        noted = all_noted.get(name, {})
        if name in units and units[name] is None:
            found[name] = dict(_forgotten(name, noted, view))
            continue
        releases = _with_present(name, noted, view)
        release = Release("", now, origin.author, origin.sources.get(name, ""))
        if name in failed:
            _note_failure(releases, replace(release, sha=failed[name], failed=True))
        unit = units.get(name)
        if unit and not unit.retained_files and unit.sha != _sha(releases):
            releases[_next(releases)] = replace(release, sha=unit.sha)
            found[name] = {canary_key(name): None} if name in view.canaries else {}
        elif name not in failed and (noted or unit is None or not unit.retained_files):
            continue  # Else, what a Global unit has is noted before the first machine changes.
        found.setdefault(name, {}).update(_changes(name, noted, _bounded(releases)))
    return found


def _noted(view: ClusterState) -> dict[str, Releases]:
    found: defaultdict[str, Releases] = defaultdict(dict)
    for id, release in view.releases.items():
        name, _, number = id.rpartition("/")
        if _REVISION.fullmatch(number):
            found[name][int(number)] = release
    return {name: dict(sorted(releases.items())) for name, releases in found.items()}


def _sha(releases: Releases) -> str:
    number = current(releases)
    return releases[number].sha if number else ""


def _next(releases: Releases) -> int:
    return max(releases, default=0) + 1


def _note_failure(releases: Releases, failure: Release) -> None:
    """Note it where it was released already, as a unit by itself is; else as one more."""
    number = current(releases)
    if _sha(releases) == failure.sha:
        releases[number] = replace(releases[number], failed=True)
    else:
        releases[_next(releases)] = failure


def _bounded(releases: Releases) -> Releases:
    good = [number for number, one in releases.items() if not one.failed][-KEPT:]
    failed = [number for number, one in releases.items() if one.failed][-KEPT_FAILED:]
    return {number: releases[number] for number in sorted(good + failed)}


def _changes(name: str, before: Releases, after: Releases) -> dict[str, Record | None]:
    return {
        release_key(name, str(number)): after.get(number)
        for number in sorted(before.keys() | after.keys())
        if before.get(number) != after.get(number)
    }


def _forgotten(name: str, noted: Releases, view: ClusterState) -> Iterator[tuple[str, None]]:
    for number in noted:
        yield release_key(name, str(number)), None
    if name in view.canaries:
        yield canary_key(name), None
