"""Runs small programs through the real engine, with whichever plugins are installed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode

Program = Callable[[], None]
NAME = "contract"
STACK = "test"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key in the state of what is no plain value, such as a secret."""


@dataclass
class Outcome:
    """What one run of the engine did."""

    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    steps: dict[str, str] = field(default_factory=dict[str, str])
    """The operations by logical name, in order, such as `create-replacement,replace`."""
    order: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Every (operation, logical name) in the order in which the engine began it."""
    diffs: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    text: str = ""
    messages: list[str] = field(default_factory=list[str])
    """What was said and stays on the screen."""
    live: list[str] = field(default_factory=list[str])
    """What was shown only while something was worked on."""


class EngineFailed(Exception):  # noqa: N818 (it is the expected outcome of many tests)
    """The engine's run ended with an error; its text is what a user sees."""

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.text = text


class QuickStack(auto.Stack):
    """A stack of which the SDK asks no more than was run: each question is a run of `pulumi`."""

    def outputs(self) -> auto.OutputMap:
        """Nothing: `Project` reads them in the state."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        """What no test wants to know."""
        return auto.UpdateSummary("", datetime.min, "", {}, {}, "")


class Project:
    """One stack with its own state, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        state = folder / "state"
        state.mkdir()
        environment = {
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "contract",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        work = folder / "program"
        work.mkdir()
        workspace = auto.LocalWorkspace(
            str(work),
            program=_nothing,
            project_settings=auto.ProjectSettings(NAME, "python", main=str(Path.cwd())),
            env_vars=environment,
            pulumi_command=_pulumi(),
        )
        self.stack = QuickStack(STACK, workspace, StackInitMode.CREATE)

    def up(
        self, program: Program, *, refresh: bool = False, replace: Sequence[str] = ()
    ) -> Outcome:
        """Runs `pulumi up`.

        Keyword `refresh` looks at the real things first; `replace` has the logical names of
        resources that are replaced though nothing has changed.
        """
        urns = [e["urn"] for name in replace if (e := self.resource(name))]
        return self._run(
            lambda on: self.stack.up(
                program=program,
                on_event=on,
                parallel=64,
                refresh=refresh,
                replace=urns,
                color="never",
            )
        )

    def preview(self, program: Program) -> Outcome:
        """Runs `pulumi preview`."""
        return self._run(lambda on: self.stack.preview(program=program, on_event=on, color="never"))

    def refresh(self) -> Outcome:
        """Runs `pulumi refresh`."""
        return self._run(lambda on: self.stack.refresh(on_event=on, color="never"))

    def rename(self, name: str) -> None:
        """Runs `pulumi stack rename`."""
        try:
            self.stack.rename(name)
        except auto.CommandError as error:
            raise EngineFailed(Outcome(), str(error)) from None

    def destroy(self) -> Outcome:
        """Runs `pulumi destroy`, unless there is nothing to destroy."""
        if not self._entries():
            return Outcome()
        return self._run(lambda on: self.stack.destroy(on_event=on, color="never"))

    def state(self) -> str:
        """Returns the state as it is stored: secrets are encrypted in it."""
        file = self.folder / "state" / ".pulumi" / "stacks" / NAME / f"{self.stack.name}.json"
        return file.read_text()

    def resource(self, name: str) -> dict[str, Any] | None:
        """Returns a resource's entry in the state by its logical name."""
        return next((e for e in self._entries() if e["urn"].endswith(f"::{name}")), None)

    def _entries(self) -> list[dict[str, Any]]:
        deployment: dict[str, Any] = json.loads(self.state())["checkpoint"]["latest"] or {}
        return deployment.get("resources", [])

    def _run(self, call: Callable[[Callable[[auto.EngineEvent], None]], Any]) -> Outcome:
        outcome = Outcome()
        try:
            result = call(lambda event: _note(outcome, event))
        except auto.CommandError as error:
            raise EngineFailed(outcome, str(error)) from None
        outcome.text = result.stdout
        if isinstance(result, auto.UpResult):
            outcome.outputs = self._outputs()
        return outcome

    def _outputs(self) -> dict[str, Any]:
        [stack] = [e for e in self._entries() if e["type"] == "pulumi:pulumi:Stack"]
        found: dict[str, Any] = stack.get("outputs", {})
        if SIGNATURE not in json.dumps(found):
            return found
        decrypted = self.stack.workspace.stack_outputs(self.stack.name)
        return {name: value.value for name, value in decrypted.items()}


@cache
def _pulumi() -> auto.PulumiCommand:
    """The `pulumi` on PATH, whose version is asked once."""
    return auto.PulumiCommand()


def _nothing() -> None:
    """A program without resources."""


def _note(outcome: Outcome, event: auto.EngineEvent) -> None:
    said = event.diagnostic_event
    if said is not None and said.severity != "debug":
        (outcome.live if said.ephemeral else outcome.messages).append(said.message)
    if event.resource_pre_event is None:
        return
    step = event.resource_pre_event.metadata
    name = step.urn.rpartition("::")[2]
    if step.type == "pulumi:pulumi:Stack" or step.type.startswith("pulumi:providers"):
        return
    operation = str(getattr(step.op, "value", step.op))
    outcome.order.append((operation, name))
    before = outcome.steps.get(name)
    outcome.steps[name] = f"{before},{operation}" if before else operation
    if step.diffs:
        outcome.diffs.setdefault(name, set()).update(step.diffs)


def require_engine() -> None:
    """Fails where the project's tools are not on PATH."""
    if shutil.which("pulumi") is None:
        raise RuntimeError('pulumi is not on PATH: run `eval "$(make -s env)"` first')
    os.environ.setdefault("PULUMI_CONFIG_PASSPHRASE", "contract")
