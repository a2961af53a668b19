"""What local and remote commands have in common: which command runs when."""

from abc import abstractmethod
from typing import Any, cast

import pulumi

from ..inputs import Problem
from ..resource import Context, Resource, unique_id
from ..values import Plain, items_of

PREVIOUS = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}


class Command(Resource):
    """Runs `create`, then `update` (or `create` again) on changes, and `delete` at the end."""

    def check(self, inputs: Plain) -> list[Problem]:
        """Refuses files as triggers: their content would not be compared."""
        if _contains_file(inputs.get("triggers")):
            reason = "this stand-in does not compare files here: give a hash of the file as text."
            return [Problem("triggers", reason)]
        return []

    def replaces(self, name: str) -> bool:
        """A changed trigger always replaces."""
        return name == "triggers"

    def pending(self, inputs: Plain, state: Plain | None) -> set[str]:
        """A preview runs nothing, so it knows no output."""
        return {"stdout", "stderr"}

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Runs `create`, if there is one."""
        outputs = self._run_if_set(context, inputs.get("create"), inputs, state={})
        return unique_id(context.name), outputs

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Runs `update`, or `create` when there is none; without both, keeps what was printed."""
        command = inputs.get("update") or inputs.get("create")
        return self._run_if_set(context, command, inputs, state)

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Runs `delete` with the inputs of the last run."""
        self._run_if_set(context, state.get("delete"), state, state)

    def _run_if_set(
        self, context: Context, command: str | None, inputs: Plain, state: Plain
    ) -> Plain:
        if command is None:
            return {name: state.get(name, "") for name in PREVIOUS.values()}
        return self.run(context, command, inputs, previous_output(inputs, state))

    @abstractmethod
    def run(self, context: Context, command: str, inputs: Plain, previous: dict[str, str]) -> Plain:
        """Runs one command and returns its stdout and stderr."""


def previous_output(inputs: Plain, state: Plain) -> dict[str, str]:
    """Returns the environment variables that carry what the last run printed."""
    if inputs.get("addPreviousOutputInEnv") is False:
        return {}
    return {variable: state[name] for variable, name in PREVIOUS.items() if state.get(name)}


def _contains_file(value: Any) -> bool:
    if isinstance(value, dict):
        return _contains_file(list(cast("Plain", value).values()))
    is_file = isinstance(value, pulumi.Asset | pulumi.Archive)
    return is_file or any(_contains_file(item) for item in items_of(value))
