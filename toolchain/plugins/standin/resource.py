"""What a resource of a stand-in is: its SDK type, its rules for diffs, and its life cycle."""

import hashlib
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .inputs import Problem, SdkType, Supported
from .values import Plain


class PluginError(Exception):
    """An error whose text is shown to the user as it is."""


class HalfMade(PluginError):  # noqa: N818 (what it is, rather than what went wrong)
    """What could not be finished but is there. It stays in the state; the next `up` replaces it."""

    def __init__(self, text: str, identity: str, outputs: Plain) -> None:
        """Takes the error's text, and the resource's id and outputs so far."""
        super().__init__(text)
        self.identity = identity
        self.outputs = outputs


@dataclass(frozen=True)
class Log:
    """Writes to the engine's log of one resource."""

    status: Callable[[str], None]
    """A line that is shown while the resource is worked on and then forgotten."""
    info: Callable[[str], None]
    warning: Callable[[str], None]


def _ignore(_: str) -> None:
    """Takes the place of a log where nobody listens."""


SILENT = Log(_ignore, _ignore, _ignore)


@dataclass(frozen=True)
class Context:
    """What an operation knows besides its inputs."""

    name: str
    """The resource's logical name in the program."""
    timeout: float = 0
    """Seconds the user gave for the operation (`custom_timeouts`), 0 for no limit."""
    log: Log = field(default=SILENT)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the user wants everything to end."""


class Resource(ABC):
    """One resource type. Inputs and outputs are plain dicts with the names of the wire."""

    token: ClassVar[str]
    sdk: ClassVar[SdkType]
    supported: ClassVar[Supported] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}
    autonamed: ClassVar[bool] = False
    computed: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are read back when they were not given; leaving them out is no difference."""
    delete_before_replace: ClassVar[bool] = False
    secret_outputs: ClassVar[frozenset[str]] = frozenset()

    def check(self, inputs: Plain) -> list[Problem]:
        """Returns what is wrong beyond names and types. Values may be `UNKNOWN`."""
        return []

    def notice(self, inputs: Plain) -> str:
        """Returns what the plugin says of good inputs at each preview and update, or nothing."""
        return ""

    def prepare(self, inputs: Plain) -> Plain:
        """Returns inputs to add that are worked out from the others, like a content hash."""
        return {}

    def replaces(self, name: str) -> bool:
        """Whether a change of this input replaces the resource rather than updates it."""
        return False

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """Whether an input means the same in both the old state and the new inputs."""
        return old[name] == new[name]

    def outdated(self, state: Plain, inputs: Plain) -> frozenset[str]:
        """Returns the outputs whose value alone calls for another resource, as time passes.

        Args:
            state: what was made before.
            inputs: what is asked for now.
        """
        return frozenset()

    def pending(self, inputs: Plain, state: Plain | None) -> set[str]:
        """Returns the outputs that a preview cannot know: all of a new one (`state` is None)."""
        if state is not None:
            return set()
        return self.sdk.output_names() - set(self.sdk.input_types())

    @abstractmethod
    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Creates the resource. Returns its id and what to add to the inputs as outputs.

        Raises:
            HalfMade: it could not be finished and was not removed.
        """

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Returns the outputs that differ from `state`, or None when the resource is gone."""
        return {}

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Changes the resource in place. Returns what to add to the inputs as outputs."""
        raise NotImplementedError(f"{self.token} cannot be updated, only replaced")

    def delete(self, context: Context, identity: str, state: Plain) -> None:  # noqa: B027
        """Deletes the resource; without an effect outside of Pulumi's state by default."""


def names(text: str) -> frozenset[str]:
    """Returns the words of a text as a set of names."""
    return frozenset(text.split())


def unique_id(name: str) -> str:
    """Returns the logical name with 8 random hexadecimal digits, as pulumi-command's ids are."""
    return f"{name}{secrets.token_hex(4)}"


def auto_name(name: str, seed: bytes) -> str:
    """Returns `name-1234567`; the same seed (of the preview and the update) gives the same name."""
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(8)
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}-{digits[:7]}"
