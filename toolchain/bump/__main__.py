"""`make pins`: looks up the newest of every pin, shows what changes, and writes it.

Usage: python -m toolchain.bump [--check]
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path

from .checkout import Checkout
from .pins import GROUPS, Group, Pin
from .registries import NotReachedError, Registries

BY_HAND = [
    "Pulumi's Python language host: this is the last one that comes as a Go module",
    "dbus-fast and h2: what machines have, Debian's python3-dbus-fast and python3-h2",
    "Pulumi's plugins' SHA-256, PLUGINS_SHA256: whoever has downloaded them may note it",
    "Python: the oldest that users may have",
]
NEXT = """
Next: make test. Then, for each stack: pulumi preview, which says what rolls, and pulumi up
(docs/operations.md, "Security updates")."""


def main(arguments: Sequence[str], root: Path, registries: Registries) -> None:
    """Look up, show and write."""
    parser = ArgumentParser(prog="make pins", description="The newest of every pin.")
    parser.add_argument("--check", action="store_true", help="only show; change nothing")
    check = parser.parse_args(arguments).check
    checkout = Checkout(root)
    pins: list[Pin] = []
    for group in GROUPS:
        print(f"looking up: {group.name}", file=sys.stderr, flush=True)
        found, checkout = look_up(group, checkout, registries)
        pins += found
    print(report(pins))
    changed = checkout.changed
    if check or not changed:
        print("\nNothing was written.")
        return
    checkout.write()
    print("\nWritten: " + ", ".join(changed))
    print(NEXT)


def look_up(group: Group, checkout: Checkout, registries: Registries) -> tuple[list[Pin], Checkout]:
    """A group's pins, and the checkout with them: as it was, where one was not reached."""
    changed = checkout.copy()
    try:
        return group.look_up(changed, registries), changed
    except NotReachedError as error:
        now = checkout.pin(group.pin) if group.pin else ""
        return [Pin(group.name, now, now, note=str(error))], checkout


def report(pins: Sequence[Pin]) -> str:
    """The pins that change as a table, then what there is to know of the others."""
    changing = [pin for pin in pins if pin.after != pin.before]
    rows = [("PIN", "FROM", "TO", "WHAT FOLLOWS")]
    rows += [(pin.name, pin.before, pin.after, pin.follows) for pin in changing]
    text = table(rows) if changing else "Every pin that could be looked up is the newest."
    notes = [f"  {pin.name} {pin.after}".rstrip() + f": {pin.note}" for pin in pins if pin.note]
    if notes:
        text += "\n\nTo know:\n" + "\n".join(notes)
    return text + "\n\nBy hand:\n" + "\n".join(f"  {line}" for line in BY_HAND)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they must be."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = [map(str.ljust, row, widths) for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)


if __name__ == "__main__":
    main(sys.argv[1:], Path.cwd(), Registries())
