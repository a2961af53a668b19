"""What all of AWS's resources share: names, tags, region, reading back, updates by input."""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..inputs import Problem
from ..resource import Context, PluginError, Resource, auto_name, names
from ..values import Plain, Unknown
from . import tags
from .client import errors, or_none, region
from .shapes import covers, same_document, same_set

Step = Callable[[str, Plain, Plain], None]
"""Changes the thing with an id from its state to what the inputs say."""


@dataclass(frozen=True)
class AutoName:
    """The input that gets the resource's logical name and 7 digits when it is not given."""

    name: str
    longest: int

    def choose(self, logical: str, seed: bytes) -> str:
        """Returns the name.

        Raises:
            PluginError: AWS would not take one as long.
        """
        chosen = auto_name(logical, seed)
        if len(chosen) > self.longest:
            raise PluginError(
                f"The {self.name} made from the resource's name would be {chosen!r},"
                f" {len(chosen)} characters; AWS allows {self.longest}. Give the resource a"
                f" shorter name, or the input {self.name}."
            )
        return chosen


class AwsResource(Resource):
    """One resource type: its rules as class attributes, its requests as short methods."""

    replacing: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose change makes another resource."""
    named: ClassVar[AutoName | None] = None
    sets: ClassVar[frozenset[str]] = frozenset()
    """Lists without an order."""
    documents: ClassVar[frozenset[str]] = frozenset()
    """JSON documents, compared by meaning."""
    gone: ClassVar[frozenset[str]] = frozenset()
    """AWS's error codes for one that is not there."""
    nested_defaults: ClassVar[Mapping[str, Plain]] = {}
    """Defaults of what is in an input that is an object."""
    steps: ClassVar[Mapping[str, str]] = {}
    """The method (a `Step`) that changes an input in place; one for several inputs runs once."""
    unsettled: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Outputs that a change of an input makes anew, by the input."""

    inert: ClassVar[frozenset[str]] = frozenset()
    """Inputs with a default that mean nothing to the kinds of thing that are supported."""
    regional: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Everything regional says which region it is in."""
        super().__init_subclass__()
        if cls.regional:
            cls.computed = cls.computed | names("region")

    @abstractmethod
    def make(self, inputs: Plain) -> str:
        """Makes the thing. Returns its id."""

    @abstractmethod
    def find(self, identity: str, state: Plain) -> Plain | None:
        """Returns what AWS says of it as outputs, its tags as `tagsAll`; None: it is gone."""

    @abstractmethod
    def remove(self, identity: str, state: Plain) -> None:
        """Removes it."""

    def settle(self, identity: str, inputs: Plain) -> None:  # noqa: B027
        """Finishes a new thing: what AWS takes only after it was made."""

    def tag(self, identity: str, state: Plain, new: tags.Tags, gone: list[str]) -> None:
        """Sets tags, and removes those with the names listed; for resources that have tags."""
        raise NotImplementedError(f"{self.token} has no tags")

    @property
    def tagged(self) -> bool:
        """Whether it has tags."""
        return "tags" in self.sdk.input_types()

    def check_inert(self, inputs: Plain) -> list[Problem]:
        """Refuses an input that would be without effect."""
        return [
            Problem(name, "this stand-in does not support another value than the default.")
            for name in sorted(self.inert)
            if inputs.get(name, self.defaults[name]) != self.defaults[name]
        ]

    def prepare(self, inputs: Plain) -> Plain:
        """Adds the defaults inside of objects."""
        return {
            name: defaults | inputs[name]
            for name, defaults in self.nested_defaults.items()
            if isinstance(inputs.get(name), dict)
        }

    def replaces(self, name: str) -> bool:
        """By the table."""
        return name in self.replacing

    def forces_new(self, name: str, state: Plain, inputs: Plain) -> bool:
        """Whether this change replaces the resource; by default it depends on the name alone."""
        return self.replaces(name)

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """Compares by meaning: sets without order, documents without layout, what was asked."""
        if name in self.documents:
            return same_document(old[name], new[name])
        if name in self.sets:
            return same_set(old[name], new[name])
        if name == "tags":
            return old[name] == new[name]
        return covers(old[name], new[name])

    def outdated(self, state: Plain, inputs: Plain) -> frozenset[str]:
        """The provider's own tags may have changed."""
        if not self.tagged:
            return frozenset()
        return frozenset() if tags.all_tags(state) == state.get("tagsAll", {}) else names("tagsAll")

    def pending(self, inputs: Plain, state: Plain | None) -> set[str]:
        """A new one: all that AWS chooses. An update: what that update makes anew."""
        if state is None:
            outputs = super().pending(inputs, state)
            return outputs | {name for name in self.computed if name not in inputs}
        changed = [name for name in self.unsettled if not self._kept(name, state, inputs)]
        moving = {output for name in changed for output in self.unsettled[name]}
        return moving | ({"tagsAll"} if not self._kept("tags", state, inputs) else set())

    def _kept(self, name: str, state: Plain, inputs: Plain) -> bool:
        if name not in inputs or name not in state:
            return (name in inputs) == (name in state) or name in self.computed
        return not isinstance(inputs[name], Unknown) and self.same(name, state, inputs)

    def what(self, verb: str, state: Plain) -> str:
        """Returns how an error about it begins."""
        kind = re.sub(r".*:", "", self.token)
        label = state.get(self.named.name) if self.named else None
        return f"Cannot {verb} the {kind}{f' {label}' if label else ''}"

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Makes it and reads it back; removes it again when it cannot be finished."""
        with errors(self.what("create", inputs)):
            identity = self.make(inputs)
            try:
                self.settle(identity, inputs)
                return identity, self._outputs(identity, inputs, inputs)
            except BaseException:
                self.remove(identity, inputs)
                raise

    def _outputs(self, identity: str, state: Plain, inputs: Plain) -> Plain:
        found = self._found(identity, state, inputs)
        if found is None:
            raise PluginError(f"{self.what('read', state)}: {identity} vanished at once.")
        return found

    def _found(self, identity: str, state: Plain, inputs: Plain) -> Plain | None:
        found = or_none(self.gone, lambda: self.find(identity, state))
        if found is None:
            return None
        known = self.sdk.input_types()
        told = inputs.keys() | self.computed
        kept = {name: v for name, v in found.items() if name not in known or name in told}
        if self.regional:
            kept["region"] = region()
        return kept | (tags.outputs(found["tagsAll"], inputs) if "tagsAll" in found else {})

    def read(self, context: Context, identity: str, state: Plain) -> Plain | None:
        """Reads it back."""
        with errors(self.what("read", state)):
            return self._found(identity, state, state)

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Takes the steps of the inputs that changed, then reads back."""
        changed = {name for name in self.steps if not self._kept(name, state, inputs)}
        with errors(self.what("update", inputs)):
            for step in dict.fromkeys(self.steps[name] for name in self.steps if name in changed):
                method: Step = getattr(self, step)
                method(identity, state, inputs)
            new, gone = tags.difference(state.get("tagsAll", {}), tags.all_tags(inputs))
            if self.tagged and (new or gone):
                self.tag(identity, state, new, gone)
            return self._outputs(identity, state, inputs)

    def delete(self, context: Context, identity: str, state: Plain) -> None:
        """Removes it, if it is still there."""
        with errors(self.what("delete", state)):
            or_none(self.gone, lambda: self.remove(identity, state))
