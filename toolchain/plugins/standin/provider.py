"""The provider that all stand-ins share: it leads Pulumi's requests to resources."""

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as rpc

from .inputs import problems
from .resource import Context, HalfMade, Log, PluginError, Resource, auto_name
from .values import UNKNOWN, Plain, Properties, Unknown, plain_map, wrap_map

Result = TypeVar("Result")
Invoke = Callable[[Plain], Plain]

AUTONAME = "name"
DEFAULTS = "__defaults"
"""Lists the inputs that the plugin itself chose, under the name that Pulumi's bridge uses."""
TAINTED = "__tainted"
"""Marks the state of what was only half made."""

PROVIDER_INPUTS = {"version", "pluginDownloadURL", "__internal", DEFAULTS}

# An operation blocks its thread for as long as it takes, and all machines are set up at once.
WORKERS = 256


class InitFailed(PluginError):  # noqa: N818 (the engine's word)
    """A resource that is there, but not as it should be: the engine keeps it in its state."""

    def __init__(self, text: str, identity: str, state: Properties) -> None:
        """Takes the error's text, and the id and the state to keep."""
        super().__init__(text)
        self.identity = identity
        self.state = state


class StandIn(rpc.Provider):
    """Serves resources and functions by their tokens."""

    def __init__(
        self,
        resources: Sequence[Resource],
        invokes: Mapping[str, Invoke],
        settings: Mapping[str, str],
        log: Callable[[str], Log],
    ) -> None:
        """Takes what the package has, and what gives the log of a URN.

        `settings` are the provider's own inputs: the environment variable each of them sets.
        """
        self._resources = {resource.token: resource for resource in resources}
        self._invokes = invokes
        self._settings = settings
        self._log = log
        self._cancelled = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=WORKERS)

    async def _run(self, work: Callable[..., Result], *args: Any) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(work, *args))

    def _resource(self, qualified_type: str) -> Resource:
        token = qualified_type.rpartition("$")[2]  # A child's type comes with its parents' types.
        if token not in self._resources:
            supported = ", ".join(sorted(self._resources))
            raise PluginError(f"This stand-in has no resource {token}. Supported: {supported}.")
        return self._resources[token]

    def _context(self, urn: str, name: str, timeout: float) -> Context:
        return Context(name, timeout, self._log(urn), self._cancelled)

    async def cancel(self) -> None:
        """Ends what waits."""
        self._cancelled.set()

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Refuses settings of the provider that would be without effect."""
        unknown = request.new_inputs.keys() - self._settings.keys() - PROVIDER_INPUTS
        supported = ", ".join(sorted(self._settings)) or "none"
        reason = f"this stand-in does not support this setting. Supported: {supported}."
        failures = [rpc.CheckFailure(name, reason) for name in sorted(unknown)]
        return rpc.CheckResponse(request.new_inputs, failures)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        """Takes the provider's settings."""
        for name, value in plain_map(request.args).items():
            if name in self._settings:
                os.environ[self._settings[name]] = value
        return await super().configure(request)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Calls a function of the package."""
        if request.tok not in self._invokes:
            supported = ", ".join(sorted(self._invokes)) or "none"
            raise PluginError(f"This stand-in has no function {request.tok}. Has: {supported}.")
        result = await self._run(self._invokes[request.tok], plain_map(request.args))
        return rpc.InvokeResponse(wrap_map(result))

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Checks inputs against the SDK, adds defaults and a name."""
        return await self._run(self._check, request)

    def _check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        resource = self._resource(request.type)
        given = {k: v for k, v in request.new_inputs.items() if v.value is not None}
        given.pop(DEFAULTS, None)
        added = _added_inputs(resource, request, given)
        inputs = plain_map(given) | added
        found = problems(inputs, resource.sdk, resource.supported) or resource.check(inputs)
        if found:
            failures = [rpc.CheckFailure(problem.path, problem.reason) for problem in found]
            return rpc.CheckResponse(request.new_inputs, failures)
        notice = resource.notice(inputs)
        if notice:
            self._log(request.urn).info(notice)
        marker: Plain = {DEFAULTS: sorted(added)} if added else {}
        return rpc.CheckResponse(_merge(given, added | resource.prepare(inputs) | marker))

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compares the state with new inputs, by top-level names."""
        return await self._run(self._diff, request)

    def _diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        resource = self._resource(request.type)
        old = plain_map(request.old_state)
        new = plain_map(request.new_inputs)
        differing, ignored = changes(resource, old, new), set(request.ignore_changes)
        changed = {name: kind for name, kind in differing.items() if name not in ignored}
        replaced = [n for n in changed if n == "id" or self._forces_new(resource, n, old, new)]
        detailed = {
            name: rpc.PropertyDiff(_diff_kind(kind, name in replaced), input_diff=False)
            for name, kind in changed.items()
        }
        return rpc.DiffResponse(
            changes=bool(changed),
            replaces=replaced,
            delete_before_replace=bool(replaced) and self._deletes_first(resource, old, new),
            diffs=list(changed),
            detailed_diff=detailed,
        )

    def _forces_new(self, resource: Resource, name: str, old: Plain, new: Plain) -> bool:
        """Whether the change of an input makes another resource."""
        return resource.replaces(name)

    def _deletes_first(self, resource: Resource, old: Plain, new: Plain) -> bool:
        """Whether a resource is deleted before the one that replaces it is made."""
        return resource.delete_before_replace

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Creates a resource, or says what a preview can know of it."""
        return await self._run(self._create, request)

    def _create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        resource = self._resource(request.type)
        if request.preview:
            return rpc.CreateResponse("", _preview(resource, request.properties, None))
        context = self._context(request.urn, request.name, request.timeout)
        try:
            identity, outputs = resource.create(context, plain_map(request.properties))
        except HalfMade as error:
            state = _state(resource, request.properties, error.outputs | {TAINTED: True})
            raise InitFailed(str(error), error.identity, state) from error
        return rpc.CreateResponse(identity, _state(resource, request.properties, outputs))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Updates a resource in place, or says what a preview can know of that."""
        return await self._run(self._update, request)

    def _update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        resource = self._resource(request.type)
        if request.preview:
            return rpc.UpdateResponse(_preview(resource, request.news, request.olds))
        context = self._context(request.urn, request.name, request.timeout)
        state, inputs = plain_map(request.olds), plain_map(request.news)
        outputs = resource.update(context, request.resource_id, state, inputs)
        changed = _state(resource, request.news, outputs)
        return rpc.UpdateResponse(_kept(resource, request.olds) | changed)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """Refreshes a resource and its inputs; answers without an id when it is gone."""
        return await self._run(self._read, request)

    def _read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        resource = self._resource(request.type)
        if not request.properties:
            raise PluginError(f"This stand-in cannot import a {resource.token}.")
        context = self._context(request.urn, request.name, 0)
        outputs = resource.read(context, request.resource_id, plain_map(request.properties))
        if outputs is None:
            return rpc.ReadResponse("")
        state = _state(resource, request.properties, outputs)
        # What `ignore_changes` holds on to are the inputs that were read, as with Pulumi's bridge.
        found = {name: state[name] for name in request.inputs.keys() & outputs.keys()}
        return rpc.ReadResponse(request.resource_id, state, request.inputs | found)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Deletes a resource."""
        await self._run(self._delete, request)

    def _delete(self, request: rpc.DeleteRequest) -> None:
        context = self._context(request.urn, request.name, request.timeout)
        state = plain_map(request.properties)
        self._resource(request.type).delete(context, request.resource_id, state)


def _added_inputs(resource: Resource, request: rpc.CheckRequest, given: Properties) -> Plain:
    added: Plain = {k: v for k, v in resource.defaults.items() if k not in given}
    if resource.autonamed and AUTONAME not in given:
        added[AUTONAME] = _chosen_before(request.old_inputs) or auto_name(
            request.name, request.random_seed
        )
    return added


def _chosen_before(old_inputs: Properties) -> str | None:
    old = plain_map(old_inputs)
    return old.get(AUTONAME) if AUTONAME in old.get(DEFAULTS, []) else None


def changes(resource: Resource, old: Plain, new: Plain) -> dict[str, str]:
    """Returns `add`, `update` or `delete` for each top-level input that differs."""
    found: dict[str, str] = {}
    known = resource.sdk.input_types()
    for name, value in new.items():
        if name.startswith("__"):
            continue
        if name not in old:
            found[name] = "add"
        elif isinstance(value, Unknown) or not resource.same(name, old, new):
            found[name] = "update"
    for name in old:
        if name in known and name not in new and name not in resource.computed:
            found[name] = "delete"
    tainted = {"id": "update"} if old.get(TAINTED) else {}
    return found | tainted | dict.fromkeys(resource.outdated(old, new), "update")


def _diff_kind(kind: str, replaced: bool) -> rpc.PropertyDiffKind:
    return rpc.PropertyDiffKind[f"{kind.upper()}_REPLACE" if replaced else kind.upper()]


def _state(resource: Resource, known: Properties, outputs: Plain) -> Properties:
    """Returns what to keep in the state."""
    merged = _merge(known, outputs)
    secret = merged.keys() & resource.secret_outputs
    return merged | {name: merged[name].with_secret(True) for name in secret}


def _merge(known: Properties, added: Plain) -> Properties:
    """Returns both, `added` before `known`; what was secret stays secret."""
    wrapped = wrap_map(added)
    for name in wrapped.keys() & known.keys():
        if known[name].contains_secret():
            wrapped[name] = wrapped[name].with_secret(True)
    return known | wrapped


def _kept(resource: Resource, state: Properties) -> Properties:
    """Returns what an update leaves as it is: outputs, and inputs that nobody gave."""
    given = resource.sdk.input_types().keys() - resource.computed
    return {name: value for name, value in state.items() if name not in given}


def _preview(resource: Resource, news: Properties, olds: Properties | None) -> Properties:
    inputs = plain_map(news)
    state = plain_map(olds) if olds is not None else None
    pending = {name: UNKNOWN for name in resource.pending(inputs, state)}
    return _kept(resource, olds or {}) | _state(resource, news, pending)
