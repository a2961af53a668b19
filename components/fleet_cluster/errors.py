"""Errors of the library's components: Pulumi's own, each naming the property that is to change."""

import pulumi


class InputError(pulumi.InputPropertyError, pulumi.RunError):
    """A property that is not allowed.

    Pulumi's `InputPropertyError`, as the engine shows it of components in other languages; and a
    `RunError`, of which a program in Python shows no stack trace.
    """

    def __init__(self, property_path: str, reason: str) -> None:
        """State which property is wrong, what was given, and what is allowed.

        Args:
            property_path: as the component's arguments name it: size, values.image, instances[1].
            reason: without the property's name.
        """
        super().__init__(property_path, reason)

    def __str__(self) -> str:
        """The whole of it, in one line where the reason is one."""
        return f"{self.property_path}: {self.reason}"


def not_allowed(property_path: str, given: object, allowed: str) -> InputError:
    """The error of a property whose value is none of those that are allowed."""
    return InputError(property_path, f"{given!r} is not allowed; allowed: {allowed}")


def between(property_path: str, given: object, low: int, high: int) -> int:
    """The number, if it is a whole one in a range.

    Raises:
        InputError: it is not, or is no number: not all programs have their types checked.
    """
    if not isinstance(given, int) or isinstance(given, bool) or not low <= given <= high:
        raise not_allowed(property_path, given, f"a whole number from {low} to {high}")
    return given
