"""The restore of etcd's data from a snapshot, while units run on.

The data are made ready on all members before anything is touched; then all members stop, take them
in the place of what they have, which stays aside, and start.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....etcd.snapshot import SnapshotError, check
from ...cli.errors import CtlError
from ...cli.output import tell
from ...remote.machines import Machines
from ...remote.members import Member, MemberError, find_members, for_all

AGAIN = (
    "Units run on. Mend what it says, then run the same command again; or take the data of before "
    "back: fleetctl restore --undo"
)


def restore(machines: Machines, snapshot: Path, confirm: Callable[[str], None]) -> None:
    """Restore etcd from a snapshot on this computer.

    Raises:
        CtlError: it is no good, or one of the members failed; the message says where they are.
    """
    try:
        size = check(snapshot)
    except (SnapshotError, OSError) as error:
        raise CtlError(f"{error}. Nothing was changed") from error
    members = find_members(machines)
    _tidy_earlier(members)
    _check_room(members, size)
    tell(f"{snapshot}: whole, {size} bytes. Making it ready on {_names(members)}.")
    try:
        revision = _prepare(members, snapshot)
        confirm(what_happens(members))
    except (CtlError, KeyboardInterrupt):
        # What stays where it fails takes room, and the next try removes it.
        for_all(members, lambda one: one.do("discard"))
        raise
    _exchange(members)
    _finish(members, revision)


def _check_room(members: Sequence[Member], size: int) -> None:
    """See that the snapshot and its data fit beside what etcd has, on the disk that etcd writes to.

    Raises:
        CtlError: on one they do not.
    """

    def look(member: Member) -> str:
        member.do("discard")  # Of a try before, which would be taken for what is in use.
        found = member.do("look")
        needed = 2 * size + found["spare"]
        if found["free"] >= needed:
            return ""
        return f"{found['folder']} has {found['free']} bytes left, and {needed} are needed"

    done = for_all(members, look)
    lines = [f"  {name}: {fault}" for name, fault in done.items() if str(fault)]
    if lines:
        raise CtlError(
            "there is no room for the snapshot and its data: nothing was sent, etcd runs on as it "
            "was. Make room first\n" + "\n".join(lines)
        )


def undo(machines: Machines, confirm: Callable[[str], None]) -> None:
    """Take back the data that a restore which was not finished has put aside.

    Raises:
        CtlError: there is nothing to take back, or a member failed.
    """
    members = find_members(machines)
    if ended := [one.name for one in members if one.state["settled"]]:
        raise CtlError(
            f"the restore has ended well, as {', '.join(ended)} say: what some members had before "
            "may be gone, and the rest would be another cluster. Nothing was changed. To go "
            "further back, restore a snapshot"
        )
    if not any(one.state["restored"] or not one.state["running"] for one in members):
        raise CtlError("no restore is under way: etcd runs on all members. Nothing was changed")
    confirm(f"etcd on {_names(members)} takes back the data of before; units run on.")
    _all(members, "undo")
    _start(members)
    tell("etcd has the data of before again.")


def what_happens(members: Sequence[Member]) -> str:
    """What is said before anything is touched."""
    said = (
        f"etcd on {_names(members)} stops, and starts with the snapshot's data: what was written "
        "since is not known any more. Units run on, but those with Fence=true if it takes longer "
        "than their lease allows."
    )
    if kept := [one for one in members if one.state["restored"]]:
        said += (
            f" What {_names(kept)} had before a restore that did not end well stays aside; what "
            "they have now is dropped."
        )
    return said


def _prepare(members: Sequence[Member], snapshot: Path) -> int:
    """The snapshot's revision; etcd's own data are not touched."""
    addresses = {one.name: one.address for one in members}
    token = f"restored-{secrets.token_hex(8)}"

    def prepare(member: Member) -> Mapping[str, Any]:
        member.upload(snapshot)
        return member.do("prepare", members=addresses, token=token)

    done = for_all(members, prepare)
    if failed := _failed(done):
        raise CtlError(f"etcd runs on as it was, nothing was changed.\n{_lines(failed)}")
    first = next(iter(done.values()))
    tell(f"The snapshot has {first['keys']} keys, at revision {first['revision']}.")
    return int(first["revision"])


def _exchange(members: Sequence[Member]) -> None:
    """From here on, etcd is away until most of its members have started."""
    if failed := _failed(for_all(members, lambda one: one.do("stop"))):
        raise CtlError(_not_stopped(members, failed))
    _all(members, "swap")
    _start(members)


def _not_stopped(members: Sequence[Member], failed: Mapping[str, MemberError]) -> str:
    """Starts all members as they were, and removes what was made ready: what came of it."""
    begins = f"etcd does not stop on {', '.join(failed)}:\n{_lines(failed)}\n"
    down = _failed(for_all(members, lambda one: one.do("start")))
    left = _failed(for_all(members, lambda one: one.do("discard")))
    if down:
        begins += (
            f"Nothing was swapped, but etcd does not start on {', '.join(down)} again. Mend what "
            f"it says, then there: sudo systemctl start etcd.service\n{_lines(down)}\n"
        )
    else:
        begins += "It was started again with what it had, nothing was changed.\n"
    if left:
        begins += (
            "The snapshot is still there, which takes room and holds secrets; the next try removes "
            f"it. On:\n{_lines(left)}\n"
        )
    return begins.rstrip()


def _start(members: Sequence[Member]) -> None:
    _all(members, "start")
    tell("Waiting for etcd's members to answer.")
    _all(members, "wait")


def _finish(members: Sequence[Member], revision: int) -> None:
    try:
        members[0].do("settle", revision=revision)
    except MemberError as error:
        raise CtlError(f"{members[0].name}: {error}\n{_where(members)}\n{AGAIN}") from error
    if failed := _remove_marked(members):
        raise CtlError(
            "etcd has the snapshot's data and is well; what it had before is still there, in "
            "/var/lib/etcd/fleet.before or fleet.settled. The next restore removes it, if it is "
            f"marked on one member.\n{_lines(failed)}"
        )
    tell(
        "etcd has the snapshot's data, all members are well, units run on. What the program has "
        "written since comes back by: pulumi up"
    )


def _tidy_earlier(members: Sequence[Member]) -> None:
    """What an earlier restore that ended well has left goes, on all members or on none.

    Raises:
        CtlError: one cannot be freed of it; its data of before would be taken for those of now.
    """
    if not any(one.state["settled"] for one in members):
        return
    if failed := _remove_marked(members):
        raise CtlError(
            "an earlier restore ended well, and what etcd had before it is not removed yet, which "
            f"has to be first. etcd runs on as it was.\n{_lines(failed)}"
        )


def _remove_marked(members: Sequence[Member]) -> dict[str, MemberError]:
    """None is removed before all are marked: so one mark says that all members were well."""
    failed = _failed(for_all(members, lambda one: one.do("end")))
    return failed or _failed(for_all(members, lambda one: one.do("tidy")))


def _all(members: Sequence[Member], part: str) -> None:
    """Have all do a part, at once.

    Raises:
        CtlError: one of them failed; it says in which state each is.
    """
    if failed := _failed(for_all(members, lambda one: one.do(part))):
        raise CtlError(
            f"{part} failed on {', '.join(failed)}:\n{_lines(failed)}\n{_where(members)}\n{AGAIN}"
        )


def _where(members: Sequence[Member]) -> str:
    """In which state each member is now, a line each."""
    found = for_all(members, lambda one: one.do("look"))
    return "\n".join(f"  {name}: {state_of(one)}" for name, one in found.items())


def state_of(found: Mapping[str, Any] | MemberError) -> str:
    """A member's state in words."""
    if isinstance(found, MemberError):
        return "it cannot be asked"
    data = "the snapshot's data" if found["restored"] else "the data of before"
    return f"{data}, {'running' if found['running'] else 'stopped'}"


def _failed(done: Mapping[str, Any]) -> dict[str, MemberError]:
    return {name: one for name, one in done.items() if isinstance(one, MemberError)}


def _lines(failed: Mapping[str, MemberError]) -> str:
    return "\n".join(f"  {name}: {error}" for name, error in failed.items())


def _names(members: Sequence[Member]) -> str:
    return ", ".join(one.name for one in members)
